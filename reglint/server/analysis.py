"""What the server asks about one document, and the answers: nothing here knows of editors, processes or threads."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from reglint.baseline import BaselineError, Baselines
from reglint.diagnostics import Diagnostic, locate
from reglint.discovery import Target, is_excluded, shown
from reglint.findings import Applicability, Finding
from reglint.inspector import Inspector, failure_of
from reglint.project import DiskFiles, Files, Project, ProjectModule
from reglint.ruleset import Rules, rules_for
from reglint.settings import UNREADABLE, Resolver, Settings, SettingsError, covers, unknown_code
from reglint.source import Source, SourceError, source_from_text

if TYPE_CHECKING:
    from reglint.names.module import ModuleNames
    from reglint.pins import Manifests
    from reglint.scope import View

_SELECTING = ("select", "ignore", "extend-select")
_WITHDRAWN_KINDS = ("removed-", "renamed-")
"""How the kinds of rules begin whose findings are names that Keras no longer has."""


@dataclass(frozen=True)
class Question:
    """A document to judge: where it stands, what it reads now, and the texts of all others that are open."""

    path: str
    text: str
    folder: str
    others: tuple[tuple[str, str], ...] = ()


class RuleFacts(NamedTuple):
    """What an editor shows of a rule: its card as Markdown and as plain text, and where the card lies."""

    markdown: str
    plain: str
    href: str | None
    is_about_withdrawn: bool


@dataclass(frozen=True)
class Verdict:
    """What is to be said about a document.

    ``looked_at`` are the paths on which that depends; ``decided_by`` those of settings, baselines and the user's cards.
    """

    diagnostics: tuple[Diagnostic, ...]
    may_fix: bool = True
    unsafe_fixes: bool = False
    looked_at: frozenset[str] = frozenset()
    decided_by: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    rules: Mapping[str, RuleFacts] = field(default_factory=dict)


class Wish(NamedTuple):
    """A change that a user may want: ``fix`` or ``silence`` the finding of that fingerprint, or fix ``all``."""

    kind: str
    fingerprint: str = ""


class OpenFiles(Files):
    """The files on the disk with the open documents laid over them; remembers the paths that were asked for."""

    def __init__(self, others: Iterable[tuple[str, str]]) -> None:
        self._disk = DiskFiles()
        self._open = {path: _raw(path, text) for path, text in others}
        self.looked_at: set[str] = set()

    def is_file(self, path: str) -> bool:
        self.looked_at.add(path)
        return path in self._open or self._disk.is_file(path)

    def is_dir(self, path: str) -> bool:
        return self._disk.is_dir(path)

    def read(self, path: str) -> bytes | None:
        self.looked_at.add(path)
        raw = self._open.get(path)
        return self._disk.read(path) if raw is None else raw

    def entries(self, folder: str) -> list[str]:
        return self._disk.entries(folder)

    def locate(self, filename: str) -> str:
        return self._disk.locate(filename)


def _raw(path: str, text: str) -> bytes:
    try:
        return source_from_text(text, path).raw
    except SourceError:
        return text.encode("utf-8", "surrogatepass")


class _KeptNames:
    """The names of modules, kept from one question to the next as long as a module reads the same."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[bytes | None, ModuleNames | None]] = {}

    def of(self, path: str, raw: bytes | None) -> tuple[bool, ModuleNames | None]:
        known = self._known.get(path)
        return (True, known[1]) if known is not None and known[0] == raw else (False, None)

    def keep(self, path: str, raw: bytes | None, names: ModuleNames | None) -> None:
        self._known[path] = (raw, names)


class _OpenProject(Project):
    """A project for one question, which shares the names of its modules with the questions before."""

    def __init__(self, root: str, files: OpenFiles, kept: _KeptNames) -> None:
        super().__init__(root, files)
        self._kept = kept

    def _read_names(self, module: ProjectModule) -> ModuleNames | None:
        raw = self.files.read(module.path) if module.path.endswith(".py") else None
        is_known, names = self._kept.of(module.path, raw)
        if not is_known:
            names = super()._read_names(module)
            self._kept.keep(module.path, raw, names)
        return names


@dataclass
class _OpenInspector(Inspector):
    """An inspector whose projects live for one question only, while their manifests are read once.

    They cannot change behind its back: a new process takes over when one does.
    """

    _said: dict[str, Manifests] = field(default_factory=dict)

    def manifests(self, project: Project) -> Manifests:
        from reglint.pins import nearest_manifests

        if project.root not in self._said:
            self._said[project.root] = nearest_manifests(project.root, DiskFiles())
        return self._said[project.root]


@dataclass(frozen=True)
class _Case:
    """One question with all that was worked out for it. A text that cannot be read has no source."""

    question: Question
    target: Target
    project: Project
    source: Source | None
    findings: Sequence[Finding]
    diagnostics: tuple[Diagnostic, ...]
    notes: tuple[str, ...] = ()
    view: View | None = None

    def reported(self, new: Source, findings: list[Finding]) -> list[Finding]:
        """Takes the source after a fix and its findings; returns those that no baseline hides."""
        return findings if self.view is None else self.view.after(new, findings)

    @cached_property
    def by_fingerprint(self) -> Mapping[str, Finding]:
        pairs = zip(self.diagnostics, self.findings, strict=True) if self.source else ()
        return {diagnostic.fingerprint: finding for diagnostic, finding in pairs}


class Analyst:
    """Answers questions one after the other; ``overrides`` are settings that win over every settings file."""

    def __init__(self, overrides: Mapping[str, object]) -> None:
        overrides, self._notes = usable(overrides)
        self._resolver = Resolver(overrides, check=rules_for)
        self._inspector = _OpenInspector()
        self._baselines = Baselines()
        self._names = _KeptNames()
        self._last: _Case | None = None

    def judge(self, question: Question) -> Verdict:
        """Return what is to be said about a document; nothing where the settings exclude it."""
        settings = self._settings(question)
        if is_excluded(question.path, settings.excludes, _top(question, settings)):
            return Verdict(())
        # Always anew: a file on the disk may have changed while everything that is open has not.
        case = self._last = self._worked_out(question, settings)
        files = case.project.files
        looked_at = frozenset(files.looked_at) if isinstance(files, OpenFiles) else frozenset()
        manifests = self._inspector.manifests(case.project).unread
        notes = [f"{shown(item.path)}:{item.line}: {item.message}" for item in manifests]
        return Verdict(
            case.diagnostics,
            settings.may_write,
            settings.unsafe_fixes,
            looked_at,
            self._deciding(settings),
            (*self._notes, *self._resolver.problems, *case.notes, *notes),
            {code: self._facts(code, settings) for code in {each.code for each in case.diagnostics}},
        )

    def change(self, question: Question, wishes: Sequence[Wish]) -> list[list[str] | None]:
        """Return for each wish the texts of all parts of the document as it would make them, or None where it can't."""
        settings = self._settings(question)
        case = self._last
        if case is None or case.question != question:
            case = self._last = self._worked_out(question, settings)
        if case.source is None:
            return [None] * len(wishes)
        return [self._changed(case, case.source, wish) for wish in wishes]

    def _settings(self, question: Question) -> Settings:
        return self._resolver.settings_for(os.path.dirname(question.path))

    def _worked_out(self, question: Question, settings: Settings) -> _Case:
        target = Target(question.path, shown(question.path), settings)
        files = OpenFiles([*question.others, (question.path, question.text)])
        project = _OpenProject(Project.find(question.path).root, files, self._names)
        try:
            raw = source_from_text(question.text, question.path).raw
            source, findings = self._inspector.examined(target, raw, project)
        except SourceError as error:
            failure = failure_of(target, error.message, error.row)
            return _Case(question, target, project, None, (), (failure,))
        except Exception as error:
            what = f"internal error, please report it: {type(error).__name__}: {error}"
            failure = failure_of(target, what)
            return _Case(question, target, project, None, (), (failure,), (traceback.format_exc(),))
        findings = sorted(findings, key=lambda each: (each.start, each.end, each.code, each.message))
        diagnostics = locate(findings, source, target.path, target.shown, project.root)
        case = _Case(question, target, project, source, findings, diagnostics)
        return case if settings.baseline is None else self._without_known(case, source)

    def _without_known(self, case: _Case, source: Source) -> _Case:
        """Return the case without the findings of the baseline."""
        from reglint.scope import Scope, View

        try:
            known = self._baselines.known(case.target)
        except BaselineError as error:
            return replace(case, notes=(str(error),))
        view = View.of(Scope(known), source, case.findings, case.diagnostics)
        return replace(case, findings=view.reported, diagnostics=view.shown, view=view)

    def _deciding(self, settings: Settings) -> frozenset[str]:
        built_in = rules_for(Settings()).cards
        own = [card.path for card in self._inspector.rules(settings).cards.values() if card.code not in built_in]
        named = [settings.origin, settings.baseline, *settings.rule_paths, *own]
        return frozenset(str(path) for path in named if path is not None)

    def _changed(self, case: _Case, source: Source, wish: Wish) -> list[str] | None:
        from reglint.fixing import apply_fixes
        from reglint.source import EditError
        from reglint.suppression import silencing_edit

        if wish.kind == "all":
            rules = self._inspector.rules(case.target.settings)
            outcome = apply_fixes(
                source,
                case.findings,
                unsafe=case.target.settings.unsafe_fixes,
                recheck=lambda new: case.reported(new, self._inspector.findings(new, rules, case.project)),
            )
            return _parts(source, outcome.raw) if outcome.applied else None
        finding = case.by_fingerprint.get(wish.fingerprint)
        if finding is None:
            return None
        if wish.kind == "silence":
            try:
                return _parts(source, source.apply([silencing_edit(source, finding)]))
            except EditError:
                return None
        # Only this fix, and what can only be mended together with it: what would come to light then is not asked for.
        together = [each for each in case.findings if each.fix and finding.fix and each.fix.edits == finding.fix.edits]
        outcome = apply_fixes(source, together, unsafe=True, recheck=lambda new: [])
        return _parts(source, outcome.raw) if outcome.applied else None

    def _facts(self, code: str, settings: Settings) -> RuleFacts:
        from reglint.reports.rules import render_card

        rules: Rules = self._inspector.rules(settings)
        card = rules.cards.get(code)
        if card is None:
            return RuleFacts("", "", None, False)
        href = card.path.absolute().as_uri() if card.path.is_file() else None
        withdrawn = card.kind.startswith(_WITHDRAWN_KINDS)
        return RuleFacts(render_card(card, "markdown"), render_card(card), href, withdrawn)


def usable(overrides: Mapping[str, object]) -> tuple[dict[str, object], tuple[str, ...]]:
    """Takes the client's settings; returns those that can be followed, and a line for each other one."""
    known = rules_for(Settings()).known
    good: dict[str, object] = {}
    lines: list[str] = []
    for key, value in overrides.items():
        try:
            rules_for(Settings.from_mapping({key: value}))
        except SettingsError as error:
            lines.append(f"client settings: {str(error).removeprefix('settings: ')}")
            continue
        good[key] = value
        for code in value if key in _SELECTING and isinstance(value, (list, tuple)) else ():
            if not any(covers(code, each) for each in known):
                lines.append(f"client settings: {unknown_code(code, known)} in {key}")
    return good, tuple(lines)


def group(diagnostics: Iterable[Diagnostic]) -> list[list[Diagnostic]]:
    """Return the diagnostics that a user can have mended, those with the same fix together."""
    groups: dict[object, list[Diagnostic]] = {}
    for diagnostic in diagnostics:
        fix = diagnostic.fix
        if fix is not None and fix.applicability is not Applicability.DISPLAY and diagnostic.code != UNREADABLE:
            groups.setdefault((diagnostic.cell, fix.edits), []).append(diagnostic)
    return list(groups.values())


def _parts(source: Source, raw: bytes) -> list[str]:
    """Return the texts that a document with these bytes consists of."""
    text = raw.decode(source.encoding)
    return [cell["source"] for cell in json.loads(text)["cells"]] if source.is_notebook else [text]


def _top(question: Question, settings: Settings) -> str:
    """The folder above which no name excludes a document: that of its settings, or of the workspace."""
    return str(settings.root) if settings.origin else question.folder
