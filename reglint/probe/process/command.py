"""``reglint probe``: starts the process in which the model runs, watches it, and reports what it found.

Nothing here imports Keras or NumPy: whatever a model does to its process, this one goes on.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
from collections.abc import Mapping
from typing import Any

import reglint
from reglint.printing import FAILED, UsageError, complain, deliver, status, write
from reglint.probe.process import environment as surroundings
from reglint.probe.values import ProbeError, ProbeReport
from reglint.settings import Resolver

#: Nothing of the current folder may be imported in place of a library: `-m` would put that folder first.
_BOOT = (
    "import sys; sys.path[:] = [*filter(None, sys.path), sys.argv[1]]; "
    "from reglint.probe.process import child; child.main()"
)
PIPED_WIDTH = 120
"""Columns of the table where there is no terminal to ask."""


def child_command() -> list[str]:
    """Return the command line of the process in which the model runs."""
    package = os.path.dirname(os.path.abspath(reglint.__file__))
    return [sys.executable, "-c", _BOOT, os.path.dirname(package)]


def run(arguments: argparse.Namespace, resolver: Resolver) -> int:
    """Probe the model that ``arguments`` name, print the reports, and return the exit status.

    Raises UsageError, in one line, for whatever keeps a model from being probed.
    """
    _require_folders(arguments)
    settings = resolver.settings_for(os.getcwd())
    try:
        report, filename = _probed(arguments)
    except ProbeError as error:
        raise UsageError(str(error)) from None
    from reglint.probe.process.diagnostics import judge
    from reglint.reports import Summary

    judged = judge(report, filename, resolver)
    for problem in resolver.problems:
        complain(problem)
    # The model is no text: there is no line of it to show, and it may be large.
    held = {os.path.abspath(filename): None} if not filename.endswith((".py", ".ipynb")) else {}
    failed = bool(resolver.problems)
    summary = Summary(judged.diagnostics, 0, failed, resolver.problems, (), held, settings.rule_paths)
    if arguments.html is not None:
        from reglint.probe.views.page import page

        write(f"--html {arguments.html}", arguments.html, page(judged.report))
    deliver(
        arguments,
        settings.output_format,
        lambda output_format, colour: _rendered(output_format, judged.report, summary, colour, arguments),
    )
    return FAILED if failed else status(arguments, judged.diagnostics)


# --- the process of the model ----------------------------------------------------------------------------------------


def _probed(arguments: argparse.Namespace) -> tuple[ProbeReport, str]:
    """Return what a process of its own says about the model, and the file that stands for it; raise ProbeError."""
    surroundings.require_installed(arguments.library, ("vl_convert",) if arguments.html is not None else ())
    backend = surroundings.chosen_backend(arguments.backend, arguments.library, os.environ)
    from reglint.probe.process import failures, progress, watch
    from reglint.probe.process.transfer import report_from_json

    limit = arguments.memory_limit or int(0.8 * surroundings.memory_of_machine())
    with progress.shown(sys.stderr) as heard:
        ending = watch.run(
            child_command(),
            _request(arguments, backend),
            heard,
            environment=surroundings.environment_for(backend, arguments.device, os.environ),
            timeout=arguments.timeout,
            memory_limit=limit,
        )
    result = ending.result or {}
    try:
        if not ending.stopped and result.get("kind") == "report":
            return report_from_json(result["report"]), result["filename"] or arguments.model
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProbeError(f"{arguments.model}: the process of the model sent no report ({error!r})") from None
    if os.environ.get("REGLINT_DEBUG") == "1":
        print(*failures.debug(ending), sep="\n", file=sys.stderr)
    raise ProbeError(failures.with_model(arguments.model, failures.explained(ending, arguments.timeout, limit)))


def _request(arguments: argparse.Namespace, backend: str) -> Mapping[str, Any]:
    keys = ("model", "data", "state", "positions", "batch_size", "max_samples", "device", "library", "imports")
    return {key: getattr(arguments, key) for key in keys} | {
        "backend": backend,
        "trust": arguments.trust or bool(arguments.imports),
    }


# --- reports ---------------------------------------------------------------------------------------------------------


def _require_folders(arguments: argparse.Namespace) -> None:
    """Raise UsageError for a report that has no folder to go to, before minutes have been spent on it."""
    files = {f"--report {output_format}={file}": file for output_format, file in arguments.report}
    files |= {
        f"--output-file {arguments.output_file}": arguments.output_file,
        f"--html {arguments.html}": arguments.html,
    }
    for option, file in files.items():
        if file is not None and not os.path.isdir(os.path.dirname(os.path.abspath(file))):
            raise UsageError(f"{option}: No such file or directory")


def _rendered(
    output_format: str, report: ProbeReport, summary: Any, colour: bool, arguments: argparse.Namespace
) -> str:
    """Return a report as text, with the table above where ``text`` is wanted."""
    from reglint.formats import FOR_PEOPLE
    from reglint.reports import Style, text
    from reglint.reports import report as lines_of

    style = Style(colour)
    lines = list(lines_of(output_format, summary, style))
    if output_format in FOR_PEOPLE:
        lines += text.summary(summary, style)
    table = _table(report, colour, to_stdout=arguments.output_file is None) if output_format == "text" else ""
    return table + "".join(line + "\n" for line in lines)


def _table(report: ProbeReport, colour: bool, to_stdout: bool) -> str:
    """Return the table, as wide as the terminal and in signs that its encoding has."""
    from rich.console import Console

    from reglint.probe.views.display import table

    on_terminal = to_stdout and sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if on_terminal else PIPED_WIDTH
    written = _Written((to_stdout and sys.stdout.encoding) or "utf-8")
    console = Console(
        file=written,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    console.print(table(report))
    return written.getvalue()


class _Written(io.StringIO):
    """Text on its way to a stream of the given encoding, by which rich chooses its signs."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding
