"""The commands: parse arguments, call, print. Everything heavier than argparse is imported when a command needs it."""

from __future__ import annotations

import argparse
import codecs
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reglint.arguments import parser
from reglint.printing import FAILED, FINDINGS, INTERRUPTED, OK, UsageError, complain, deliver, status, wants_colour

if TYPE_CHECKING:
    from reglint.diagnostics import Diagnostic
    from reglint.discovery import Target
    from reglint.runner import Result, Scoper
    from reglint.settings import Resolver, Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not so where a test or a caller has put its own in place
            stream.reconfigure(errors="backslashreplace")
    try:
        argv = sys.argv[1:] if argv is None else argv
        arguments = parser(argv[0] if argv else None).parse_args(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else FAILED
    from reglint.settings import SettingsError

    try:
        done = _COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
    except (UsageError, SettingsError) as error:
        complain(str(error))
        return FAILED
    except KeyboardInterrupt:
        complain("interrupted; nothing is half-written")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has what it wanted. What Python would still flush at exit goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        # What a closed or full stdout still holds goes nowhere.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        complain(f"the report cannot be written: {error.strerror or error}")
        return FAILED
    return done


def _complain_of(result: Result) -> None:
    for problem in result.problems:
        complain(problem)
    for warning in result.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _overrides(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the command line as keys of [tool.reglint]."""
    values: dict[str, Any] = {
        key: getattr(arguments, key.replace("-", "_"))
        for key in ("preview", "keras-version", "target", "unsafe-fixes", "output-format")
    }
    for key in ("select", "ignore", "extend-select"):
        lists = getattr(arguments, key.replace("-", "_"))
        values[key] = None if lists is None else [code for each in lists for code in each]
    if arguments.baseline is not None:
        values["baseline"] = arguments.baseline and os.path.abspath(arguments.baseline)
    cache_dir = getattr(arguments, "cache_dir", None) or os.environ.get("REGLINT_CACHE_DIR")
    if cache_dir:
        values["cache-dir"] = os.path.abspath(cache_dir)
    return {key: value for key, value in values.items() if value is not None}


def _resolver(arguments: argparse.Namespace, overrides: dict[str, Any]) -> Resolver:
    from reglint.ruleset import rules_for
    from reglint.settings import Resolver

    config = Path(arguments.config).absolute() if arguments.config is not None else None
    return Resolver(overrides, config, arguments.isolated, check=rules_for)


def _require_valid(arguments: argparse.Namespace, resolver: Resolver, paths: Iterable[str]) -> None:
    """Raise UsageError for codes and versions of the command line that mean nothing, before anything is read."""
    from reglint.ruleset import rules_for
    from reglint.settings import Settings, SettingsError, covers, unknown_code

    given = list(filter(None, (arguments.keras_version, arguments.target)))
    if given:
        from reglint.versions import Allowed

        try:
            for text in given:
                Allowed.parse(text, text)
        except ValueError as error:
            raise UsageError(str(error)) from None
    chosen = [
        (option, code)
        for option in ("--select", "--ignore", "--extend-select")
        for listed in getattr(arguments, option[2:].replace("-", "_")) or ()
        for code in listed
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
    raw = _without_mark(raw)
    lines = raw.split(b"\0") if b"\0" in raw else raw.splitlines()
    # An empty list means no file, not all files: that is what a script with nothing to check hands over.
    return paths + [os.fsdecode(line) for line in lines if line.strip()]


def _without_mark(raw: bytes) -> bytes:
    """Return a list of paths as UTF-8: the shells of Windows write UTF-16, or a mark in front."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return os.fsencode(raw.decode("utf-16", "replace"))
    return raw.removeprefix(codecs.BOM_UTF8)


# --- check and fix ---------------------------------------------------------------------------------------------------


def _check(arguments: argparse.Namespace) -> int:
    paths = _paths(arguments)
    resolver = _resolver(arguments, _overrides(arguments))
    _require_valid(arguments, resolver, [path for path in paths if path != "-"])
    settings = resolver.settings_for(os.getcwd())
    if arguments.show_settings:
        return _show_settings(paths, resolver)
    _require_countable(arguments, settings)
    if "-" in paths and len(paths) > 1:
        raise UsageError("- (stdin) stands alone; name files in another run")
    _require_no_clash(arguments, paths)
    if paths == ["-"]:
        return _check_stdin(arguments, resolver)
    from reglint import runner
    from reglint.streaming import can_stream

    runner.collect_seldom()
    if can_stream(arguments, settings.output_format):
        return _check_streaming(arguments, paths, resolver)
    fixing = arguments.fix or arguments.diff
    scoper = _scoper(arguments)
    result = runner.run(
        paths,
        resolver,
        fix=fixing,
        jobs=arguments.jobs,
        progress=_progress,
        scoped=scoper,
        cache_folder=_cache_folder(arguments),
    )
    if scoper.since is not None:
        scoper.since.require_revision()
    if (fixing or arguments.add_noqa) and not arguments.diff:
        result = runner.write(result)
    result = _with_gone(result, scoper, paths)
    if arguments.add_noqa:
        return _report_added(arguments, settings, result)
    _complain_of(result)
    report_to_stderr = False
    if arguments.diff:
        _print_bytes(_diff(result))
        report_to_stderr = True
    return _report(arguments, settings, result, report_to_stderr)


def _cache_folder(arguments: argparse.Namespace) -> Callable[[Settings], Path] | None:
    """Return what says where the reports of files are kept, or None where they are not."""
    if arguments.no_cache or os.environ.get("REGLINT_NO_CACHE"):
        return None
    return lambda settings: settings.cache_folder


def _check_streaming(arguments: argparse.Namespace, paths: Sequence[str], resolver: Resolver) -> int:
    """Check, and write what is found in each file as soon as it is known."""
    from reglint import runner
    from reglint.streaming import Stream

    scoper, stream = _scoper(arguments), Stream(sys.stdout)
    # No progress: the lines show how far the run is, and a count between them would be in their way.
    result = runner.run(
        paths, resolver, jobs=arguments.jobs, scoped=scoper, taken=stream, cache_folder=_cache_folder(arguments)
    )
    if scoper.since is not None:
        scoper.since.require_revision()
    result = _with_gone(result, scoper, paths)
    _complain_of(result)
    return _status(arguments, stream.found, changed=False, failed=bool(result.problems))


def _check_stdin(arguments: argparse.Namespace, resolver: Resolver) -> int:
    """Check what comes in; ``fix -`` answers with the whole mended source, and its findings go to stderr."""
    from reglint.discovery import Target, is_excluded
    from reglint.inspector import Inspector
    from reglint.runner import Result

    path = os.path.abspath(arguments.stdin_filename or "-")
    shown = arguments.stdin_filename or "-"
    raw = sys.stdin.buffer.read()
    settings = resolver.settings_for(os.path.dirname(path))
    fixing = arguments.fix or arguments.diff
    result = Result((), tuple(resolver.problems))
    scoper = _scoper(arguments)
    target = scoper(Target(path, shown, settings))
    if target is not None and not is_excluded(path, settings.explicit_excludes, str(settings.root)):
        report = Inspector(fixing).inspect_bytes(target, raw)
        result = _with_gone(Result((report,), tuple(resolver.problems), report.warnings), scoper, [path])
    _complain_of(result)
    if arguments.diff:
        _print_bytes(_diff(result))
    elif fixing:
        changed = [report.after for report in result.reports if report.changed]
        _print_bytes(changed[0] if changed else raw)
    return _report(arguments, settings, result, fixing, raw)


def _require_no_clash(arguments: argparse.Namespace, paths: Sequence[str]) -> None:
    """Raise UsageError for options that have no meaning together."""
    if arguments.add_noqa:
        for option in ("fix", "diff", "statistics"):
            if getattr(arguments, option):
                raise UsageError(f"--add-noqa and --{option} do not go together; run one after the other")
        if paths == ["-"]:
            raise UsageError("--add-noqa writes files; name them instead of - (stdin)")
    if arguments.since is not None and paths == ["-"]:
        raise UsageError("--since asks git about files; name them instead of - (stdin)")


def _scoper(arguments: argparse.Namespace) -> Scoper:
    from reglint.runner import Scoper

    since = None
    if arguments.since is not None:
        from reglint.since import Since

        since = Since(arguments.since)
    return Scoper(since, arguments.add_noqa)


def _with_gone(result: Result, scoper: Scoper, paths: Sequence[str]) -> Result:
    """Return the result with a warning for each baseline that holds findings which are gone."""
    if scoper.baselines is None:
        return result
    from dataclasses import replace

    from reglint.baseline import told

    gone = scoper.baselines.gone(result.reports, paths)
    lines = [told(file, entries) for file, entries in sorted(gone.items())]
    total = sum(len(entry.fingerprints) for entries in gone.values() for entry in entries)
    return replace(result, warnings=(*result.warnings, *lines), gone=total) if gone else result


def _report_added(arguments: argparse.Namespace, settings: Settings, result: Result) -> int:
    """Print what got no ``# noqa``, and how many lines did; these are no findings any more."""
    from dataclasses import replace

    from reglint.formats import FOR_PEOPLE

    _complain_of(result)
    status = FAILED if result.problems else OK
    if any(report.remaining for report in result.reports) or settings.output_format not in FOR_PEOPLE:
        left = replace(result, reports=tuple(replace(report, applied=0) for report in result.reports))
        status = _report(arguments, settings, left, to_stderr=False)
    added = sum(report.applied for report in result.reports)
    if added:
        print(f"Added {added} noqa directive{'' if added == 1 else 's'}.", file=sys.stderr)
    return status


def _diff(result: Result) -> bytes:
    from reglint.reports import diff

    return b"".join(diff.unified(report.shown, report.before, report.after) for report in result.reports)


def _report(
    arguments: argparse.Namespace, settings: Settings, result: Result, to_stderr: bool, stdin: bytes | None = None
) -> int:
    """Print what a run came to (of a file, or of what came in by ``stdin``), and return its exit status."""
    from dataclasses import replace

    from reglint.reports import Style, Summary

    left = [diagnostic for report in result.reports for diagnostic in report.remaining]
    applied = sum(report.applied for report in result.reports)
    held = {report.path: stdin for report in result.reports if stdin is not None}
    held |= {report.path: report.after for report in result.reports if report.changed}
    failed = bool(result.problems)
    summary = Summary(left, applied, failed, result.problems, result.warnings, held, settings.rule_paths)
    known = sum(len(report.known) for report in result.reports)
    summary = replace(summary, known=known, gone=result.gone)
    stream = sys.stderr if to_stderr else sys.stdout

    def rendered(output_format: str, colour: bool) -> str:
        return _rendered(arguments, output_format, summary, Style(colour, settings.unsafe_fixes))

    deliver(arguments, settings.output_format, rendered, stream)
    # A diff has mended nothing yet.
    found = [diagnostic for report in result.reports for diagnostic in report.found] if arguments.diff else left
    changed = not arguments.diff and any(report.changed for report in result.reports)
    return _status(arguments, found, changed, failed=bool(result.problems))


def _rendered(arguments: argparse.Namespace, output_format: str, summary: Any, style: Any) -> str:
    from reglint.formats import FOR_PEOPLE
    from reglint.reports import report, text

    if arguments.statistics and output_format in (*FOR_PEOPLE, "json"):
        from reglint.reports import statistics

        as_json = output_format == "json"
        shown = [statistics.render(summary.left, style)] if as_json else statistics.lines(summary.left, style)
    else:
        shown = report(output_format, summary, style)
    if output_format not in FOR_PEOPLE:
        return "".join(line + "\n" for line in shown)
    last = text.diff_summary(summary, style) if arguments.diff else text.summary(summary, style)
    return "".join(line + "\n" for line in (*shown, *last))


def _require_countable(arguments: argparse.Namespace, settings: Settings) -> None:
    """Raise UsageError where ``--statistics`` is wanted in a format that has no place for it."""
    from reglint.formats import FOR_PEOPLE

    if arguments.statistics and settings.output_format not in (*FOR_PEOPLE, "json"):
        wanted = f"--statistics has no output format {settings.output_format}"
        raise UsageError(f"{wanted}; take `--output-format text` or `--output-format json`")


def _status(arguments: argparse.Namespace, found: Sequence[Diagnostic], changed: bool, failed: bool) -> int:
    """Return 2 where something could not be read, 1 for findings from ``--fail-on`` on, else 0."""
    from reglint.settings import UNREADABLE

    if failed or any(diagnostic.code == UNREADABLE for diagnostic in found):
        return FAILED
    if arguments.exit_non_zero_on_fix and changed:
        return FINDINGS
    return status(arguments, found)


def _show_settings(paths: Sequence[str], resolver: Resolver) -> int:
    """Print the settings of each path once."""
    from reglint.ruleset import rules_for

    shown: set[int] = set()
    for path in paths:
        folder = os.path.abspath("." if path == "-" else path)
        settings = resolver.settings_for(folder if os.path.isdir(folder) else os.path.dirname(folder))
        if id(settings) not in shown:
            shown.add(id(settings))
            print("\n".join(_settings_lines(settings, sorted(rules_for(settings).selected))))
    for problem in resolver.problems:
        complain(problem)
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
        "baseline": str(settings.baseline) if settings.baseline else None,
        "cache-dir": str(settings.cache_dir) if settings.cache_dir else None,
        "rule-paths": [str(path) for path in settings.rule_paths],
        "layers": dict(settings.layers),
    }
    return [f"{key} = {value!r}" for key, value in values.items()]


# --- probe -----------------------------------------------------------------------------------------------------------


def _probe(arguments: argparse.Namespace) -> int:
    from reglint.probe.process.command import run

    resolver = _resolver(arguments, _overrides(arguments))
    _require_valid(arguments, resolver, [])
    return run(arguments, resolver)


# --- baseline --------------------------------------------------------------------------------------------------------


def _baseline(arguments: argparse.Namespace) -> int:
    """Write what is found into the baselines that the settings name, or into the usual one."""
    from reglint import runner
    from reglint.baseline import DEFAULT_NAME, record
    from reglint.reports import Style, statistics
    from reglint.settings import UNREADABLE

    paths = _paths(arguments)
    if "-" in paths:
        raise UsageError("a baseline is of files; name them instead of - (stdin)")
    resolver = _resolver(arguments, _overrides(arguments))
    _require_valid(arguments, resolver, paths)
    usual = resolver.settings_for(os.getcwd()).root / DEFAULT_NAME
    files = set()

    def noted(target: Target) -> Target:
        files.add(target.settings.baseline or usual)
        return target

    result = runner.run(paths, resolver, jobs=arguments.jobs, progress=_progress, scoped=noted)
    found: dict[Path, list[Diagnostic]] = {file: [] for file in sorted(files or {usual})}
    for report in result.reports:
        found[resolver.settings_for(os.path.dirname(report.path)).baseline or usual] += report.found
    _complain_of(result)
    every = [diagnostic for diagnostics in found.values() for diagnostic in diagnostics]
    for diagnostic in every:
        if diagnostic.code == UNREADABLE:
            complain(f"{diagnostic.shown}:{diagnostic.start.row}: {diagnostic.message}")
    if arguments.statistics:
        for line in statistics.lines(every, Style(wants_colour(sys.stdout))):
            print(line)
    for file, diagnostics in found.items():
        print(record(file, diagnostics, paths))
    return FAILED if result.problems or any(each.code == UNREADABLE for each in every) else OK


def _print_bytes(raw: bytes) -> None:
    """Write to stdout as it is: no encoding and no line end of the source is to change on the way."""
    sys.stdout.flush()
    sys.stdout.buffer.write(raw)
    sys.stdout.buffer.flush()


def _progress(done: int, total: int) -> None:
    """Count files on a terminal's last line while a longer run goes on, and leave no trace of it."""
    if total >= 25 and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":  # which could not erase it
        sys.stderr.write("\r\x1b[K" if done == total else f"\r{done}/{total} files")
        sys.stderr.flush()


# --- keras, explain and rules ----------------------------------------------------------------------------------------


def _keras(arguments: argparse.Namespace) -> int:
    from reglint.discovery import shown
    from reglint.projects import ranges_below
    from reglint.reports.keras import render
    from reglint.ruleset import rules_for
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
        complain(problem)
    return FAILED if problems or unread else OK


def _server(arguments: argparse.Namespace) -> int:
    try:
        from reglint.server.app import serve
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise UsageError("the server needs pygls; install it with `pip install 'reglint[server]'`") from None
    serve()
    return OK


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
    from reglint.ruleset import rules_for

    resolver = _resolver(arguments, {})
    cards = rules_for(resolver.settings_for(os.getcwd())).cards
    if resolver.problems:
        raise UsageError(resolver.problems[0])
    return dict(cards)


def _completion(arguments: argparse.Namespace) -> int:
    from reglint.completion import script

    try:
        print(script(parser(), arguments.shell))
    except ImportError:
        raise UsageError("completion needs shtab; install it with `pip install 'reglint[completion]'`") from None
    return OK


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "baseline": _baseline,
    "check": _check,
    "explain": _explain,
    "fix": _check,
    "generate-shell-completion": _completion,
    "keras": _keras,
    "probe": _probe,
    "rules": _rules,
    "server": _server,
}
