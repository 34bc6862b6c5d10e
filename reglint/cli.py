"""The commands: parse arguments, call, print. Everything heavier than argparse is imported when a command needs it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from reglint.diagnostics import Diagnostic
    from reglint.runner import Result
    from reglint.settings import Resolver, Settings

OK, FINDINGS, FAILED, INTERRUPTED = 0, 1, 2, 130
FAIL_ON = ("error", "warning", "info", "never")


class UsageError(Exception):
    """Wrong usage, in one line."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage is a ``--help`` away."""

    def error(self, message: str) -> NoReturn:
        self.exit(FAILED, f"error: {message} (see `{self.prog} --help`)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not so where a test or a caller has put its own in place
            stream.reconfigure(errors="backslashreplace")
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else FAILED
    from reglint.settings import SettingsError

    try:
        status: int = arguments.command(arguments)
        sys.stdout.flush()
    except (UsageError, SettingsError) as error:
        _complain(str(error))
        return FAILED
    except KeyboardInterrupt:
        _complain("interrupted; nothing is half-written")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has what it wanted. What Python would still flush at exit goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        # What a closed or full stdout still holds goes nowhere.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        _complain(f"the report cannot be written: {error.strerror or error}")
        return FAILED
    return status


def _complain(line: str) -> None:
    print(f"error: {line}", file=sys.stderr)


def _complain_of(result: Result) -> None:
    for problem in result.problems:
        _complain(problem)
    for warning in result.warnings:
        print(f"warning: {warning}", file=sys.stderr)


# --- arguments -------------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    from reglint import __version__

    parser = _Parser(prog="reglint", description="Does my regularization do what I think it does?")
    parser.add_argument("--version", action="version", version=f"reglint {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="find what is wrong")
    check.set_defaults(command=_check, fix=False)
    check.add_argument("--fix", action="store_true", help="write the fixes, as `reglint fix` does")
    _add_common(check)

    fix = commands.add_parser("fix", help="rewrite what can be mended")
    fix.set_defaults(command=_check, fix=True)
    _add_common(fix)

    explain = commands.add_parser("explain", help="what a rule is about, with examples")
    explain.set_defaults(command=_explain)
    explain.add_argument("code", metavar="CODE")
    explain.add_argument("--output-format", choices=("text", "json", "markdown"), default="text")
    _add_configuration(explain)

    keras = commands.add_parser("keras", help="which Keras each project allows, and which line says so")
    keras.set_defaults(command=_keras)
    keras.add_argument("paths", nargs="*", metavar="PATHS", help="files and folders [default: .]")
    keras.add_argument("--keras-version", metavar="SPEC", help="what the projects allow, whatever their manifests say")
    keras.add_argument("--output-format", choices=("text", "json"), default="text")
    _add_configuration(keras)

    rules = commands.add_parser("rules", help="list the rules")
    rules.set_defaults(command=_rules)
    rules.add_argument("--output-format", choices=("text", "json", "markdown"), default="text")
    _add_configuration(rules)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    from reglint.reports import FORMATS

    switch = argparse.BooleanOptionalAction
    parser.add_argument("paths", nargs="*", metavar="PATHS", help="files and folders, or - for stdin [default: .]")
    rules = parser.add_argument_group("which rules")
    rules.add_argument("--select", action="append", type=_codes, metavar="CODES", help="run these (comma-separated)")
    rules.add_argument("--ignore", action="append", type=_codes, metavar="CODES", help="do not run these")
    rules.add_argument("--extend-select", action="append", type=_codes, metavar="CODES", help="run these, too")
    rules.add_argument("--preview", action=switch, default=None, help="run rules that are not yet stable")
    keras = parser.add_argument_group("which Keras")
    keras.add_argument("--keras-version", metavar="SPEC", help="what the project allows, such as '>=2,<3'")
    keras.add_argument("--target", metavar="SPEC", help="where the code is to go, such as keras==3.15.1")
    fixes = parser.add_argument_group("fixes")
    fixes.add_argument("--unsafe-fixes", action=switch, default=None, help="count and apply unsafe fixes, too")
    fixes.add_argument("--diff", action="store_true", help="show what fixing would change, and write nothing")
    fixes.add_argument("--exit-non-zero-on-fix", action="store_true", help="exit with 1 where a file was changed")
    output = parser.add_argument_group("output")
    output.add_argument("--output-format", choices=FORMATS, help="[default: text]")
    output.add_argument("-o", "--output-file", metavar="FILE", help="write the report there")
    output.add_argument("--statistics", action="store_true", help="count the findings of each rule")
    output.add_argument("--fail-on", choices=FAIL_ON, default="warning", help="from which severity on to exit with 1")
    output.add_argument("-e", "--exit-zero", action="store_true", help="exit with 0 in spite of findings")
    output.add_argument("--show-settings", action="store_true", help="print the settings of the paths, check nothing")
    files = parser.add_argument_group("files and settings")
    files.add_argument("--files-from", metavar="FILE", help="read more paths from FILE (- for stdin), one on a line")
    files.add_argument("--stdin-filename", metavar="FILE", help="what stdin would be called on the disk")
    files.add_argument("-j", "--jobs", type=_jobs, default=0, metavar="N", help="processes [default: processors]")
    _add_configuration(parser)


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--config", metavar="FILE", help="read settings from FILE alone")
    group.add_argument("--isolated", action="store_true", help="read no settings file")


def _codes(text: str) -> list[str]:
    return [code.strip() for code in text.split(",") if code.strip()]


def _jobs(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes, 1 or more")
    return int(text)


def _overrides(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the command line as keys of [tool.reglint]."""
    values: dict[str, Any] = {
        key: getattr(arguments, key.replace("-", "_"))
        for key in ("preview", "keras-version", "target", "unsafe-fixes", "output-format")
    }
    for key in ("select", "ignore", "extend-select"):
        lists = getattr(arguments, key.replace("-", "_"))
        values[key] = None if lists is None else [code for each in lists for code in each]
    return {key: value for key, value in values.items() if value is not None}


def _resolver(arguments: argparse.Namespace, overrides: dict[str, Any]) -> Resolver:
    from reglint.runner import rules_for
    from reglint.settings import Resolver

    config = Path(arguments.config).absolute() if arguments.config is not None else None
    return Resolver(overrides, config, arguments.isolated, check=rules_for)


def _require_valid(arguments: argparse.Namespace, resolver: Resolver, paths: Iterable[str]) -> None:
    """Raise UsageError for codes and versions of the command line that mean nothing, before anything is read."""
    from reglint.runner import rules_for
    from reglint.settings import Settings, SettingsError, covers, unknown_code
    from reglint.versions import Allowed

    try:
        for given in filter(None, (arguments.keras_version, arguments.target)):
            Allowed.parse(given, given)
    except ValueError as error:
        raise UsageError(str(error)) from None
    chosen = [
        (option, code)
        for option in ("--select", "--ignore", "--extend-select")
        for codes in getattr(arguments, option[2:].replace("-", "_")) or ()
        for code in codes
    ]
    if not chosen:
        return
    known = set(rules_for(Settings()).known)
    for folder in {os.getcwd(), *(path if os.path.isdir(path) else os.path.dirname(path) for path in paths)}:
        try:
            known |= set(rules_for(resolver.settings_for(os.path.abspath(folder))).known)
        except SettingsError:
            continue
    for option, code in chosen:
        if not any(covers(code, each) for each in known):
            raise UsageError(f"{option}: {unknown_code(code, known)}; `reglint rules` lists all")


def _paths(arguments: argparse.Namespace) -> list[str]:
    """Return the paths to look at: those named, those of ``--files-from``, else the current folder."""
    paths = list(arguments.paths)
    if arguments.files_from is None:
        return paths or (["-"] if arguments.stdin_filename else ["."])
    try:
        named = arguments.files_from
        raw = sys.stdin.buffer.read() if named == "-" else Path(named).read_bytes()
    except OSError as error:
        raise UsageError(f"--files-from {arguments.files_from}: {error.strerror or error}") from None
    lines = raw.split(b"\0") if b"\0" in raw else raw.splitlines()
    # An empty list means no file, not all files: that is what a script with nothing to check hands over.
    return paths + [os.fsdecode(line) for line in lines if line.strip()]


# --- check and fix ---------------------------------------------------------------------------------------------------


def _check(arguments: argparse.Namespace) -> int:
    paths = _paths(arguments)
    resolver = _resolver(arguments, _overrides(arguments))
    _require_valid(arguments, resolver, [path for path in paths if path != "-"])
    settings = resolver.settings_for(os.getcwd())
    if arguments.show_settings:
        return _show_settings(paths, resolver)
    if "-" in paths and len(paths) > 1:
        raise UsageError("- (stdin) stands alone; name files in another run")
    if paths == ["-"]:
        return _check_stdin(arguments, resolver)
    from reglint import runner

    fixing = arguments.fix or arguments.diff
    result = runner.run(paths, resolver, fix=fixing, jobs=arguments.jobs, progress=_progress)
    if fixing and not arguments.diff:
        result = runner.write(result)
    _complain_of(result)
    report_to_stderr = False
    if arguments.diff:
        _print_bytes(_diff(result))
        report_to_stderr = True
    return _report(arguments, settings, result, report_to_stderr)


def _check_stdin(arguments: argparse.Namespace, resolver: Resolver) -> int:
    """Check what comes in; ``fix -`` answers with the whole mended source, and its findings go to stderr."""
    from reglint.discovery import Target, is_excluded
    from reglint.runner import Inspector, Result

    path = os.path.abspath(arguments.stdin_filename or "-")
    shown = arguments.stdin_filename or "-"
    raw = sys.stdin.buffer.read()
    settings = resolver.settings_for(os.path.dirname(path))
    fixing = arguments.fix or arguments.diff
    result = Result((), tuple(resolver.problems))
    if not is_excluded(path, settings.explicit_excludes, str(settings.root)):
        report = Inspector(fixing).inspect_bytes(Target(path, shown, settings), raw)
        result = Result((report,), tuple(resolver.problems), report.warnings)
    _complain_of(result)
    if arguments.diff:
        _print_bytes(_diff(result))
    elif fixing:
        changed = [report.after for report in result.reports if report.changed]
        _print_bytes(changed[0] if changed else raw)
    return _report(arguments, settings, result, to_stderr=fixing)


def _diff(result: Result) -> bytes:
    from reglint.reports import diff

    return b"".join(diff.unified(report.shown, report.before, report.after) for report in result.reports)


def _report(arguments: argparse.Namespace, settings: Settings, result: Result, to_stderr: bool) -> int:
    """Print what a run came to, and return its exit status."""
    from reglint.reports import Style, Summary

    left = [diagnostic for report in result.reports for diagnostic in report.remaining]
    applied = sum(report.applied for report in result.reports)
    summary = Summary(left, applied, failed=bool(result.problems))
    stream = sys.stderr if to_stderr else sys.stdout
    colour = arguments.output_file is None and _wants_colour(stream)
    text = _rendered(arguments, settings.output_format, summary, Style(colour, settings.unsafe_fixes))
    if arguments.output_file is None:
        print(text, end="", file=stream)
    else:
        try:
            Path(arguments.output_file).write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise UsageError(f"--output-file {arguments.output_file}: {error.strerror or error}") from None
    # A diff has mended nothing yet.
    found = [diagnostic for report in result.reports for diagnostic in report.found] if arguments.diff else left
    changed = not arguments.diff and any(report.changed for report in result.reports)
    return _status(arguments, found, changed, failed=bool(result.problems))


def _rendered(arguments: argparse.Namespace, output_format: str, summary: Any, style: Any) -> str:
    from reglint.reports import json, statistics, text

    if output_format == "json":
        body = statistics.render(summary.left, style) if arguments.statistics else json.render(summary.left)
        return body + "\n"
    shown = statistics.lines(summary.left, style) if arguments.statistics else text.lines(summary.left, style)
    last = text.diff_summary(summary, style) if arguments.diff else text.summary(summary, style)
    return "".join(line + "\n" for line in (*shown, *last))


def _status(arguments: argparse.Namespace, found: Sequence[Diagnostic], changed: bool, failed: bool) -> int:
    """Return 2 where something could not be read, 1 for findings from ``--fail-on`` on, else 0."""
    from reglint.settings import UNREADABLE

    if failed or any(diagnostic.code == UNREADABLE for diagnostic in found):
        return FAILED
    if arguments.exit_non_zero_on_fix and changed:
        return FINDINGS
    counting = FAIL_ON[: FAIL_ON.index(arguments.fail_on) + 1] if arguments.fail_on != "never" else ()
    if not arguments.exit_zero and any(diagnostic.severity.value in counting for diagnostic in found):
        return FINDINGS
    return OK


def _show_settings(paths: Sequence[str], resolver: Resolver) -> int:
    """Print the settings of each path once."""
    from reglint.runner import rules_for

    shown: set[int] = set()
    for path in paths:
        folder = os.path.abspath("." if path == "-" else path)
        settings = resolver.settings_for(folder if os.path.isdir(folder) else os.path.dirname(folder))
        if id(settings) not in shown:
            shown.add(id(settings))
            print("\n".join(_settings_lines(settings, sorted(rules_for(settings).selected))))
    for problem in resolver.problems:
        _complain(problem)
    return FAILED if resolver.problems else OK


def _settings_lines(settings: Settings, rules: Sequence[str]) -> list[str]:
    ignores = {("!" if no else "") + glob.pattern: list(codes) for glob, no, codes in settings.per_file_ignores}
    values = {
        "settings-file": str(settings.origin) if settings.origin else None,
        "root": str(settings.root),
        "rules": list(rules),
        "per-file-ignores": ignores,
        "exclude": [glob.pattern for glob in settings.excludes.patterns],
        "respect-gitignore": settings.respect_gitignore,
        "unsafe-fixes": settings.unsafe_fixes,
        "preview": settings.preview,
        "output-format": settings.output_format,
        "keras-version": settings.keras_version,
        "target": settings.target,
        "rule-paths": [str(path) for path in settings.rule_paths],
        "layers": dict(settings.layers),
    }
    return [f"{key} = {value!r}" for key, value in values.items()]


def _print_bytes(raw: bytes) -> None:
    """Write to stdout as it is: no encoding and no line end of the source is to change on the way."""
    sys.stdout.flush()
    sys.stdout.buffer.write(raw)
    sys.stdout.buffer.flush()


def _wants_colour(stream: Any) -> bool:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and bool(stream.isatty())


def _progress(done: int, total: int) -> None:
    """Count files on a terminal's last line while a longer run goes on, and leave no trace of it."""
    if total >= 25 and sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K" if done == total else f"\r{done}/{total} files")
        sys.stderr.flush()


# --- keras, explain and rules ----------------------------------------------------------------------------------------


def _keras(arguments: argparse.Namespace) -> int:
    from reglint.discovery import shown
    from reglint.projects import ranges_below
    from reglint.reports.keras import render
    from reglint.runner import rules_for
    from reglint.settings import Resolver
    from reglint.versions import Allowed

    given = arguments.keras_version
    try:
        Allowed.parse(given or "", "")
    except ValueError as error:
        raise UsageError(str(error)) from None
    config = Path(arguments.config).absolute() if arguments.config is not None else None
    overrides = {"keras-version": given} if given else {}
    problems: list[str] = []
    resolver = Resolver(overrides, config, arguments.isolated, check=rules_for)
    ranges = list(ranges_below(arguments.paths or ["."], resolver, problems))
    if ranges or arguments.output_format == "json":
        print(render(ranges, arguments.output_format))
    elif not problems:
        print("no Python file or notebook there, so no project")
    unread = [f"{shown(item.path)}:{item.line}: {item.message}" for each in ranges for item in each.unread]
    for problem in problems + unread:
        _complain(problem)
    return FAILED if problems or unread else OK


def _explain(arguments: argparse.Namespace) -> int:
    from reglint.reports.rules import render_card
    from reglint.settings import unknown_code

    cards = _cards(arguments)
    card = cards.get(arguments.code.upper())
    if card is None:
        raise UsageError(f"{unknown_code(arguments.code, cards)}; `reglint rules` lists all")
    print(render_card(card, arguments.output_format))
    return OK


def _rules(arguments: argparse.Namespace) -> int:
    from reglint.reports.rules import render_rules

    print(render_rules(_cards(arguments), arguments.output_format))
    return OK


def _cards(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return all cards, those of the settings' ``rule-paths`` included."""
    from reglint.runner import rules_for

    resolver = _resolver(arguments, {})
    cards = rules_for(resolver.settings_for(os.getcwd())).cards
    if resolver.problems:
        raise UsageError(resolver.problems[0])
    return dict(cards)
