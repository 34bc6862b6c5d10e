"""The check of single files: spare, parse, check, suppress, then report or fix. Read ``Inspector.findings`` first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reglint.diagnostics import Diagnostic, locate, unplaced
from reglint.discovery import Target, shown
from reglint.findings import Finding, Severity
from reglint.reading import read_regular
from reglint.ruleset import Rulesets
from reglint.settings import UNREADABLE, UNUSED_SUPPRESSION, Settings

if TYPE_CHECKING:
    from reglint.cache import Inputs
    from reglint.pins import Manifests, Unread
    from reglint.project import Answers, Project
    from reglint.ruleset import Rules
    from reglint.scope import View
    from reglint.source import Source

UNREADABLE_NAME = "unreadable-file"

#: libcst takes about 9 s and 900 MB for a million characters of dense code (1.9): beyond this a run would seem to hang.
MAX_CHARACTERS = 2_000_000
#: The modules that a project's files import take megabytes each, and a run may have thousands of projects.
PROJECTS_KEPT = 4


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
    rulesets: Rulesets = field(default_factory=Rulesets)
    _projects: dict[str, Project] = field(default_factory=dict)

    def rules(self, settings: Settings) -> Rules:
        """Return the rules of ``settings``, prepared once."""
        return self.rulesets.of(settings)

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
                import traceback

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
        found = Project.find(path, files)
        # Files come in the order of their paths, so that a project left behind is not needed soon.
        project = self._projects[found.root] = self._projects.pop(found.root, found)
        if len(self._projects) > PROJECTS_KEPT:
            del self._projects[next(iter(self._projects))]
        return project

    def manifests(self, project: Project) -> Manifests:
        """Return what the manifests of a project say, read once."""
        from reglint.pins import nearest_manifests

        return project.once("manifests", lambda: nearest_manifests(project.root, project.files))

    def _unread(self, project: Project) -> tuple[Unread, ...]:
        """What of the manifests could not be understood, if they had to be read."""
        return self.manifests(project).unread if project.has_made("manifests") else ()

    def findings(self, source: Source, rules: Rules, project: Project) -> list[Finding]:
        """Return what is to be said about one source: parsed, checked and suppressed, in text order."""
        from reglint.suppression import suppress

        active = rules.active(source.filename)
        found: list[Finding] = []
        if rules.triggers.found_in(source.raw) and _may_speak_of_keras(source, rules, project):
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
        refuse_size(len(raw), raw, rules, 4 * MAX_CHARACTERS, target.path.endswith(".ipynb"))
        source = source_from_bytes(raw, target.path)
        refuse_size(len(source.text), raw, rules, MAX_CHARACTERS)
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


def refuse_size(size: int, raw: bytes, rules: Rules, limit: int, counts_later: bool = False) -> None:
    """Raise SourceError for a file that the parser would have to read and could not in any useful time."""
    from reglint.source import SourceError

    if size > limit and not counts_later and rules.triggers.found_in(raw):
        raise SourceError(f"too large to parse ({size:,} characters, limit {limit:,}); split the file or exclude it")


def _may_speak_of_keras(source: Source, rules: Rules, project: Project) -> bool:
    """Say whether a name in a file can lead to Keras, by its own imports or those of its project.

    A rule about what is not Keras's needs none.
    """
    from reglint.keras_api import first_words

    if any(word in source.raw for word in first_words()) or rules.in_house.found_in(source.raw):
        return True
    return project.may_say(project.locate(source.filename), first_words())


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
        allowed = rules.stated.over(current) if rules.stated else current
        context = Context(cards, project, allowed, rules.target, rules.settings.layers)
        yield from check(source, parsed, context)
