"""The pipeline: discover, spare, parse, check, suppress, then report or fix. Read ``Inspector.findings`` first."""

from __future__ import annotations

import gc
import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reglint.diagnostics import Diagnostic, locate, unplaced
from reglint.discovery import Discovery, Target, Triggers, may_suppress, read_regular, shown
from reglint.findings import Finding, Severity
from reglint.settings import (
    UNREADABLE,
    UNUSED_SUPPRESSION,
    Resolver,
    Settings,
    SettingsError,
    check_selectors,
    covers,
    selected_codes,
)

if TYPE_CHECKING:
    from reglint.baseline import Baselines
    from reglint.cache import Inputs
    from reglint.pins import Manifests, Unread
    from reglint.project import Answers, Project
    from reglint.rulebook import Card
    from reglint.scope import View
    from reglint.since import Since
    from reglint.source import Source
    from reglint.versions import Allowed

UNREADABLE_NAME = "unreadable-file"

#: libcst takes about 9 s and 900 MB for a million characters of dense code (1.9): beyond this a run would seem to hang.
MAX_CHARACTERS = 2_000_000
#: Starting processes costs about as much as checking this many files.
POOL_PAYS_FROM = 25


@dataclass(frozen=True)
class Rules:
    """Settings made ready to run: which cards, what wakes them, and which Keras they are judged for."""

    settings: Settings
    cards: Mapping[str, Card]
    selected: frozenset[str]
    triggers: Triggers
    prefixes: tuple[bytes, ...]
    stated: Allowed
    target: Allowed | None

    @property
    def known(self) -> frozenset[str]:
        """Every code that may be named: the cards' and the run's own."""
        return frozenset({*self.cards, UNREADABLE, UNUSED_SUPPRESSION})

    def active(self, path: str) -> frozenset[str]:
        """Return the codes that run on the file at ``path``."""
        out = self.settings.ignored_for(path)
        return frozenset(code for code in self.selected if not any(covers(selector, code) for selector in out))


def rules_for(settings: Settings) -> Rules:
    """Load the cards and check everything in ``settings`` that refers to them; raise SettingsError in one line."""
    from reglint.rulebook import RulebookError, load_cards
    from reglint.versions import Allowed

    where = f"{settings.origin}: " if settings.origin else ""
    try:
        cards = load_cards(settings.rule_paths)
        version, target = settings.keras_version, settings.target
        stated = Allowed.parse(version, f"`keras-version = {version}`") if version else Allowed()
        aim = Allowed.parse(target, f"`target = {target}`") if target else None
    except RulebookError as error:
        raise SettingsError(" ".join(str(error).split())) from None
    except ValueError as error:
        raise SettingsError(where + " ".join(str(error).split())) from None
    stable = {UNREADABLE: True, UNUSED_SUPPRESSION: True} | {code: card.stable for code, card in cards.items()}
    opt_in = {code for code, card in cards.items() if card.opt_in}
    check_selectors(settings, stable)
    selected = selected_codes(settings.selections, stable, settings.preview, opt_in) - {UNREADABLE}
    if aim is None:
        selected -= {code for code, card in cards.items() if card.needs_target}
    chosen = [cards[code] for code in selected if code in cards]
    prefixes = {code.rstrip("0123456789").encode() for code in stable}
    triggers = Triggers.of(words for card in chosen for words in card.triggers_with(settings.layers))
    return Rules(settings, cards, selected, triggers, tuple(sorted(prefixes)), stated, aim)


@dataclass(frozen=True)
class FileReport:
    """What came out of one file: the findings in it, and those left by a fix; its bytes only where these differ.

    ``known`` are the fingerprints of findings that the baseline holds; they are in neither. ``inputs`` is what the
    report depends on; without, it must not be kept for another run.
    """

    path: str
    shown: str
    found: tuple[Diagnostic, ...] = ()
    remaining: tuple[Diagnostic, ...] = ()
    applied: int = 0
    before: bytes = b""
    after: bytes = b""
    warnings: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    inputs: Inputs | None = None

    @property
    def changed(self) -> bool:
        """Say whether fixing gave other bytes."""
        return self.before != self.after


@dataclass
class Inspector:
    """Checks single files; keeps per process what all files share (rules of the settings, projects).

    Without ``line_noqa`` a ``# noqa`` silences nothing: the caller reads these comments itself. With ``recording``
    reports tell what they depend on.
    """

    fix: bool = False
    line_noqa: bool = True
    recording: bool = False
    _rules: dict[int, tuple[Settings, Rules]] = field(default_factory=dict)
    _projects: dict[str, Project] = field(default_factory=dict)
    _manifests: dict[Project, Manifests] = field(default_factory=dict)

    def rules(self, settings: Settings) -> Rules:
        """Return the rules of ``settings``, prepared once."""
        known = self._rules.get(id(settings))
        if known is None:
            # The settings are kept beside their rules, or another object could come to have their id.
            known = self._rules[id(settings)] = (settings, rules_for(settings))
        return known[1]

    def needs_look(self, target: Target) -> bool:
        """Say whether the file may hold anything at all, from its bytes alone; what cannot be read may."""
        self.rules(target.settings)
        try:
            raw = read_regular(target.path)
        except OSError:
            return True
        return self.may_speak(target, raw)

    def may_speak(self, target: Target, raw: bytes) -> bool:
        """Say whether a file with the given bytes may hold anything at all."""
        rules = self.rules(target.settings)
        return rules.triggers.found_in(raw) or may_suppress(raw, rules.prefixes)

    def inspect(self, target: Target) -> FileReport:
        """Return the report of a file on disk; nothing that can happen inside one file comes out as an exception."""
        try:
            raw = read_regular(target.path)
        except OSError as error:
            return self._failed(target, f"cannot be read: {error.strerror or error}; check the file or exclude it")
        return self.inspect_bytes(target, raw)

    def inspect_bytes(self, target: Target, raw: bytes, project: Project | None = None) -> FileReport:
        """Return the report of a file with the given bytes."""
        from reglint.source import SourceError

        try:
            return self._inspected(target, raw, project or self.project(target.path))
        except SourceError as error:
            return self._failed(target, error.message, error.row)
        except Exception as error:
            if os.environ.get("REGLINT_DEBUG") == "1":
                traceback.print_exc()
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return self._failed(target, f"internal error, please report it: {what}")

    def project(self, path: str) -> Project:
        """Return the project of a file; files of one project share one, and so read each other once."""
        from reglint.project import DiskFiles, Project

        files = None
        if self.recording:
            from reglint.recorded_files import RecordedFiles

            files = RecordedFiles(DiskFiles())
        project = Project.find(path, files)
        return self._projects.setdefault(project.root, project)

    def manifests(self, project: Project) -> Manifests:
        """Return what the manifests of a project say, read once."""
        from reglint.pins import nearest_manifests

        self._manifests[project] = project.once("manifests", lambda: nearest_manifests(project.root, project.files))
        return self._manifests[project]

    def _unread(self, project: Project) -> tuple[Unread, ...]:
        """What of the manifests could not be understood, if they had to be read."""
        return self.manifests(project).unread if project in self._manifests else ()

    def findings(self, source: Source, rules: Rules, project: Project) -> list[Finding]:
        """Return what is to be said about one source: parsed, checked and suppressed, in text order."""
        from reglint.suppression import suppress

        active = rules.active(source.filename)
        found: list[Finding] = []
        if rules.triggers.found_in(source.raw):
            found = list(_checked(source, rules, active, project, self.manifests(project)))
        readable = not any(finding.code == UNREADABLE for finding in found)
        # Whether a suppression of what the probe finds has its use, only the probe knows.
        ran = frozenset(code for code in active if code not in rules.cards or rules.cards[code].kind != "probe")
        kept, _ = suppress(source, found, ran, readable and UNUSED_SUPPRESSION in active, self.line_noqa)
        return sorted(kept, key=lambda finding: (finding.start, finding.end, finding.code))

    def examined(self, target: Target, raw: bytes, project: Project) -> tuple[Source, list[Finding]]:
        """Return the source of a file and what is to be said about it; raise SourceError where it cannot be read."""
        from reglint.source import source_from_bytes

        rules = self.rules(target.settings)
        # A notebook's bytes are mostly pictures, so that only its code counts.
        _refuse_size(len(raw), raw, rules, 4 * MAX_CHARACTERS, target.path.endswith(".ipynb"))
        source = source_from_bytes(raw, target.path)
        _refuse_size(len(source.text), raw, rules, MAX_CHARACTERS)
        return source, self.findings(source, rules, project)

    def _inspected(self, target: Target, raw: bytes, project: Project) -> FileReport:
        from reglint.source import source_from_bytes

        rules = self.rules(target.settings)
        with project.files.asked() as answers:
            source, findings = self.examined(target, raw, project)
            warnings = tuple(_told(item) for item in self._unread(project))
        found = locate(findings, source, target.path, target.shown, project.root)
        inputs = _inputs(raw, answers) if self.recording else None
        unchanged = FileReport(target.path, target.shown, found, found, warnings=warnings, inputs=inputs)
        view = None
        if target.scope is not None:
            from reglint.scope import View

            view = View.of(target.scope, source, findings, found)
            findings, found = list(view.reported), view.shown
            unchanged = replace(unchanged, found=found, remaining=found, known=view.met, inputs=None)
            if target.scope.add_noqa:
                return self._silenced(target, source, view, project, unchanged)
        if not (self.fix and target.settings.may_write and any(finding.fix for finding in findings)):
            return unchanged
        from reglint.fixing import apply_fixes

        outcome = apply_fixes(
            source,
            findings,
            unsafe=target.settings.unsafe_fixes,
            recheck=lambda new: _visible(view, new, self.findings(new, rules, project)),
        )
        new = source_from_bytes(outcome.raw, target.path)
        remaining = locate(outcome.remaining, new, target.path, target.shown, project.root)
        report = replace(unchanged, remaining=remaining, applied=outcome.applied)
        # What did not change need not travel between processes, nor wait for the end of the run.
        return report if outcome.raw == raw else replace(report, before=raw, after=outcome.raw)

    def _silenced(
        self, target: Target, source: Source, view: View, project: Project, unchanged: FileReport
    ) -> FileReport:
        """Return the report of a file whose findings get a ``# noqa`` each; ``applied`` counts these comments."""
        from reglint.fixing import apply_fixes
        from reglint.source import source_from_bytes
        from reglint.suppression import with_noqa

        rules = self.rules(target.settings)
        offered = with_noqa(source, view.reported)
        if not target.settings.may_write:
            return unchanged
        outcome = apply_fixes(
            source,
            offered,
            unsafe=False,
            recheck=lambda new: with_noqa(new, _visible(view, new, self.findings(new, rules, project))),
        )
        lines = {finding.fix for finding in offered}
        refused = {finding.fix for finding in with_noqa(source, [finding for finding, _ in outcome.refused])}
        new = source_from_bytes(outcome.raw, target.path)
        remaining = locate(outcome.remaining, new, target.path, target.shown, project.root)
        unreadable = tuple(diagnostic for diagnostic in view.shown if diagnostic.code == UNREADABLE)
        report = replace(unchanged, remaining=unreadable + remaining, applied=len(lines) - len(refused))
        return report if outcome.raw == source.raw else replace(report, before=source.raw, after=outcome.raw)

    def _failed(self, target: Target, message: str, row: int | None = None) -> FileReport:
        failure = failure_of(target, message, row)
        return FileReport(target.path, target.shown, (failure,), (failure,))


def _inputs(raw: bytes, answers: Answers) -> Inputs:
    from reglint.cache import Inputs
    from reglint.recorded_files import digest

    return Inputs(digest(raw), answers)


def _visible(view: View | None, new: Source, findings: list[Finding]) -> list[Finding]:
    return findings if view is None else view.after(new, findings)


def _told(unread: Unread) -> str:
    return f"{shown(unread.path)}:{unread.line}: {unread.message}"


def failure_of(target: Target, message: str, row: int | None = None) -> Diagnostic:
    """Return REG900 for a file that gave no findings."""
    return unplaced(target.path, target.shown, str(target.settings.root), UNREADABLE, UNREADABLE_NAME, message, row)


def _refuse_size(size: int, raw: bytes, rules: Rules, limit: int, counts_later: bool = False) -> None:
    """Raise SourceError for a file that the parser would have to read and could not in any useful time."""
    from reglint.source import SourceError

    if size > limit and not counts_later and rules.triggers.found_in(raw):
        raise SourceError(f"too large to parse ({size:,} characters, limit {limit:,}); split the file or exclude it")


def _checked(
    source: Source, rules: Rules, active: frozenset[str], project: Project, manifests: Manifests
) -> Iterator[Finding]:
    """Yield REG900 for what does not parse, and the findings in the rest."""
    from reglint.checks import Context, check
    from reglint.pins import allowed_by, allowed_by_notebook
    from reglint.syntax import parse

    cards = {code: rules.cards[code] for code in sorted(active) if code in rules.cards}
    if not any(card.triggers for card in cards.values()):
        return
    parsed = parse(source)
    for failure in parsed.failures:
        message = " ".join(failure.message.split())
        yield Finding(UNREADABLE, UNREADABLE_NAME, Severity.ERROR, message, failure.offset, failure.offset)
    if parsed.tree is not None:
        current = allowed_by(manifests, project.root)
        if source.filename.endswith(".ipynb"):
            path = project.locate(source.filename)
            current = allowed_by_notebook(path, source.raw, project.root, project.files).over(current)
        context = Context(cards, project, rules.stated.over(current), rules.target, rules.settings.layers)
        yield from check(source, parsed, context)


# --- a whole run -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """What came out of a run: reports in the order of paths, and one line for each thing that is in no file.

    ``problems`` made a part of the run fail; ``warnings`` are about manifests that had to be passed over, and about
    findings of a baseline that are ``gone``.
    """

    reports: tuple[FileReport, ...]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    gone: int = 0


class Scoper:
    """Gives every file of a run the scope of what is reported of it; imports nothing for a run that reports all."""

    def __init__(self, since: Since | None = None, add_noqa: bool = False) -> None:
        self.since = since
        self.baselines: Baselines | None = None
        self._add_noqa = add_noqa

    def __call__(self, target: Target) -> Target | None:
        """Return the target with its scope, or None where nothing of it can be reported."""
        known: frozenset[str] = frozenset()
        rows = self.since.rows(target.path) if self.since else None
        if rows == ():
            return None
        if target.settings.baseline is not None:
            from reglint.baseline import Baselines

            self.baselines = self.baselines or Baselines()
            known = self.baselines.known(target)
        if not known and rows is None and not self._add_noqa:
            return target
        from reglint.scope import Scope

        return replace(target, scope=Scope(known, rows, self._add_noqa))


def run(
    paths: Sequence[str],
    resolver: Resolver,
    *,
    fix: bool = False,
    jobs: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    scoped: Callable[[Target], Target | None] = lambda target: target,
    taken: Callable[[FileReport], FileReport] = lambda report: report,
    cache_folder: Callable[[Settings], Path] | None = None,
) -> Result:
    """Check (or fix, without writing) everything below ``paths``; ``jobs`` 0 means as many as there are processors.

    ``scoped`` gives a file the scope of what is reported of it, or None where that is nothing. ``taken`` gets each
    file's report in the order of paths, as soon as those before it are there; the result holds what it returns.
    ``cache_folder`` says for settings in which folder the reports of their files are kept for the next run; without,
    every file is checked.

    Files are judged as they were when the run started: nothing is written before the last one is done, so that no
    result depends on the order.
    """
    inspector = Inspector(fix, recording=cache_folder is not None)
    discovery = Discovery(resolver)
    wanted = filter(None, map(scoped, discovery.targets(paths)))
    targets = sorted(filter(inspector.needs_look, wanted), key=lambda target: target.path)
    if cache_folder is not None and targets:
        from reglint.cache import remembered

        reports = remembered(targets, inspector, cache_folder, lambda unknown: _inspected(inspector, unknown, jobs))
    else:
        reports = iter(_inspected(inspector, targets, jobs))
    kept: list[FileReport] = []
    warnings: set[str] = set()
    for report in _in_order(_counted(reports, len(targets), progress), targets):
        warnings.update(report.warnings)
        report = taken(report)
        if report.found or report.changed or report.known:
            kept.append(report)
    return Result(tuple(kept), tuple(resolver.problems + discovery.problems), tuple(sorted(warnings)))


def collect_seldom() -> None:
    """Have Python look for garbage less often: a third of a run went into looking through trees that were in use."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


def _inspected(inspector: Inspector, targets: Sequence[Target], jobs: int) -> Iterable[FileReport]:
    """The reports of all targets, in no certain order; ``jobs`` 0 means as many as there are processors."""
    jobs = min(jobs or _processors(), len(targets))
    if jobs > 1 and len(targets) >= POOL_PAYS_FROM:
        from reglint.pool import inspect_all

        return inspect_all(targets, jobs, fix=inspector.fix, recording=inspector.recording)
    return map(inspector.inspect, targets)


def _counted(reports: Iterable[FileReport], total: int, progress: Callable[[int, int], None]) -> Iterator[FileReport]:
    for done, report in enumerate(reports, 1):
        progress(done, total)
        yield report


def _in_order(reports: Iterable[FileReport], targets: Iterable[Target]) -> Iterator[FileReport]:
    """Yield the reports in the order of their targets; one that is early waits for those before it."""
    early: dict[str, FileReport] = {}
    paths = (target.path for target in targets)
    awaited = next(paths, None)
    for report in reports:
        early[report.path] = report
        while awaited in early:
            yield early.pop(awaited)
            awaited = next(paths, None)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def write(result: Result) -> Result:
    """Write the new bytes of every changed file; what cannot be written stays as found, and is a problem."""
    from reglint.fixing import WriteError, write_atomically

    reports: list[FileReport] = []
    problems = list(result.problems)
    written: set[str] = set()
    for report in result.reports:
        real = os.path.realpath(report.path)
        if report.changed and real not in written:
            try:
                write_atomically(Path(report.path), report.after, report.before)
                written.add(real)
            except WriteError as error:
                problems.append(f"{report.shown}: {error}")
                report = replace(report, remaining=report.found, applied=0, before=b"", after=b"")
        reports.append(report)
    return Result(tuple(reports), tuple(problems), result.warnings)


# --- the library -----------------------------------------------------------------------------------------------------


def findings_of(
    source: str | bytes, filename: str, settings: Settings | None, modules: Mapping[str, str] | None
) -> list[Finding]:
    """Return the findings of one source; what cannot be read or parsed is one of them (REG900)."""
    return _library(source, filename, settings, modules, fix=False)[1]


def fixed(
    source: str | bytes, filename: str, settings: Settings | None, modules: Mapping[str, str] | None
) -> tuple[bytes, list[Finding]]:
    """Return the mended bytes of one source and what is left in them."""
    return _library(source, filename, settings, modules, fix=True)


def _library(
    text: str | bytes, filename: str, settings: Settings | None, modules: Mapping[str, str] | None, fix: bool
) -> tuple[bytes, list[Finding]]:
    from reglint.fixing import apply_fixes
    from reglint.project import Project
    from reglint.source import SourceError, source_from_bytes, source_from_text

    settings = Settings() if settings is None else settings
    inspector = Inspector(fix)
    rules = inspector.rules(settings)
    # Without files there is no folder that a path could be below.
    path = filename if modules is not None else os.path.abspath(filename)
    try:
        source = source_from_bytes(text, path) if isinstance(text, bytes) else source_from_text(text, path)
        _refuse_size(len(source.text), source.raw, rules, MAX_CHARACTERS)
    except SourceError as error:
        raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        return raw, [Finding(UNREADABLE, UNREADABLE_NAME, Severity.ERROR, error.message, 0, 0)]
    project = Project.find(path) if modules is None else Project.in_memory(modules)
    findings = inspector.findings(source, rules, project)
    if not fix:
        return source.raw, findings
    outcome = apply_fixes(
        source,
        findings,
        unsafe=settings.unsafe_fixes,
        recheck=lambda new: inspector.findings(new, rules, project),
    )
    return outcome.raw, list(outcome.remaining)
