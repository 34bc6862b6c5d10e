"""What commands that report findings have in common: where reports go, in which colour, and the exit status."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reglint.options import FAIL_ON

if TYPE_CHECKING:
    from reglint.diagnostics import Diagnostic

OK, FINDINGS, FAILED, INTERRUPTED = 0, 1, 2, 130


class UsageError(Exception):
    """Wrong usage, in one line."""


def complain(line: str) -> None:
    """Write one line about what went wrong."""
    print(f"error: {line}", file=sys.stderr)


def wants_colour(stream: Any) -> bool:
    """Say whether a stream is a terminal that wants colour; ``NO_COLOR`` and ``FORCE_COLOR`` go first, as in ruff."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and bool(stream.isatty())


def deliver(
    arguments: argparse.Namespace, output_format: str, render: Callable[[str, bool], str], stream: Any = None
) -> None:
    """Write the report to ``stream`` (stdout) or ``--output-file``, then those of ``--report``.

    ``render`` takes a format and whether it may be coloured, and returns the text. Raises UsageError for a file that
    cannot be written.
    """
    stream = stream or sys.stdout
    text = render(output_format, arguments.output_file is None and wants_colour(stream))
    if arguments.output_file is None:
        print(text, end="", file=stream)
    else:
        write(f"--output-file {arguments.output_file}", arguments.output_file, text)
    for further, file in arguments.report:
        write(f"--report {further}={file}", file, render(further, False))


def write(option: str, file: str, text: str) -> None:
    """Write a report to the file that ``option`` names; raise UsageError where that cannot be done."""
    try:
        Path(file).write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"{option}: {error.strerror or error}") from None


def status(arguments: argparse.Namespace, found: Iterable[Diagnostic]) -> int:
    """Return 1 for findings from ``--fail-on`` on unless ``--exit-zero`` is given, else 0."""
    counting = FAIL_ON[: FAIL_ON.index(arguments.fail_on) + 1] if arguments.fail_on != "never" else ()
    if not arguments.exit_zero and any(diagnostic.severity.value in counting for diagnostic in found):
        return FINDINGS
    return OK
