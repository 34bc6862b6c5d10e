"""What earlier runs found: a file is not checked again while all that its check has read is as it was.

One file for each project, in the cache's folder: a digest and, on the next line, JSON. It holds nothing but data, and
one that is broken is passed over. Where the folder cannot be written there is no cache.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reglint import __version__
from reglint.diagnostics import Diagnostic, Place, Repair, Replacement
from reglint.findings import Applicability, Severity
from reglint.project import Answers, DiskFiles, Question
from reglint.reading import read_regular
from reglint.recorded_files import answer, digest

if TYPE_CHECKING:
    from reglint.discovery import Target
    from reglint.inspector import FileReport, Inspector
    from reglint.ruleset import Rules
    from reglint.settings import Settings

_FORMAT = 1
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Made by reglint; it may be deleted at any time.\n"


@dataclass(frozen=True)
class Inputs:
    """All that a report depends on beside the rules: the file's bytes, as a digest, and what else was read."""

    raw: str
    answers: Answers


class Entry(NamedTuple):
    """The report of a file, as JSON has it: the digest of its bytes and rules, and the questions by their number."""

    key: str
    questions: list[int]
    warnings: list[str]
    found: list[dict[str, Any]]


def remembered(
    targets: Sequence[Target],
    inspector: Inspector,
    folder_of: Callable[[Settings], Path],
    inspect: Callable[[Sequence[Target]], Iterable[FileReport]],
) -> Iterator[FileReport]:
    """Yield the reports of files: first those that are known, then those that ``inspect`` makes, which are kept."""
    caches: dict[Path, Cache] = {}
    unknown: dict[str, Target] = {}

    def cache_of(target: Target) -> Cache:
        folder = folder_of(target.settings)
        return caches.setdefault(folder, Cache(folder, inspector))

    for target in targets:
        known = cache_of(target).report(target) if target.scope is None else None
        # A fix is made of findings, which know more than a report.
        if known is None or (inspector.fix and any(diagnostic.fix for diagnostic in known.found)):
            unknown[target.path] = target
        else:
            yield known
    for report in inspect(list(unknown.values())):
        target = unknown[report.path]
        if report.inputs is not None:
            cache_of(target).keep(target, report, report.inputs)
        yield replace(report, inputs=None)
    for each in caches.values():
        each.save()


class Cache:
    """The reports of files in one folder, by project."""

    def __init__(self, folder: Path, inspector: Inspector) -> None:
        self._folder = folder
        self._inspector = inspector
        self._projects: dict[str, _Project] = {}
        self._stamps: dict[int, str] = {}

    def report(self, target: Target) -> FileReport | None:
        """The report of a file as it is now; None where it has to be checked."""
        from reglint.inspector import FileReport

        project = self._project(target)
        entry = project.entries.get(target.path)
        try:
            if entry is None or entry.key != self._key(target, digest(read_regular(target.path))):
                return None
            if not project.holds(entry.questions):
                return None
            found = tuple(replace(_diagnostic(each), path=target.path, shown=target.shown) for each in entry.found)
        except (AttributeError, KeyError, OSError, TypeError, ValueError):
            return None
        return FileReport(target.path, target.shown, found, found, warnings=tuple(entry.warnings))

    def keep(self, target: Target, report: FileReport, inputs: Inputs) -> None:
        """Remember a report with what it depends on."""
        found = [_encoded(diagnostic) for diagnostic in report.found]
        entry = Entry(self._key(target, inputs.raw), [], list(report.warnings), found)
        self._project(target).put(target.path, entry, inputs.answers)

    def save(self) -> None:
        """Write what is new; where that is not possible the next run has to check again."""
        changed = [project for project in self._projects.values() if project.is_changed]
        if changed:
            with suppress(OSError):
                self._make_folder()
                for project in changed:
                    project.write()

    def _project(self, target: Target) -> _Project:
        root = self._inspector.project(target.path).root
        if root not in self._projects:
            name = digest(root.encode("utf-8", "surrogatepass"))
            self._projects[root] = _Project(self._folder / f"{name}.json")
        return self._projects[root]

    def _key(self, target: Target, raw: str) -> str:
        """What stands for the bytes of a file, given by their digest, and for all that decides how they are judged."""
        rules = self._inspector.rules(target.settings)
        stamp = self._stamps.get(id(rules)) or self._stamps.setdefault(id(rules), _rules_stamp(rules))
        return digest(" ".join([raw, stamp, *sorted(rules.active(target.path))]).encode())

    def _make_folder(self) -> None:
        """Make the folder as tools that clean up, back up or commit expect one that may be left out."""
        if not self._folder.is_dir():
            self._folder.mkdir(parents=True)
            (self._folder / ".gitignore").write_text("*\n", encoding="utf-8")
            (self._folder / "CACHEDIR.TAG").write_text(_TAG, encoding="utf-8")


class _Project:
    """The entries of one project, read when they are first asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = DiskFiles()
        self._holding: dict[int, bool] = {}
        self._numbers: dict[tuple[Question, bool | str | None], int] = {}
        self._asked: list[tuple[Question, bool | str | None]] = []
        self.entries: dict[str, Entry] = {}
        self.is_changed = False
        try:
            mark, _, content = read_regular(path).partition(b"\n")
            if mark.decode() == digest(content):
                self._read(json.loads(content))
        except (OSError, RecursionError, TypeError, ValueError, KeyError):
            self._asked, self.entries = [], {}

    def _read(self, stored: dict[str, Any]) -> None:
        if stored["format"] != _FORMAT:
            return
        self._asked = [((str(kind), str(path)), value) for kind, path, value in stored["asked"]]
        self.entries = {str(path): Entry(*entry) for path, entry in stored["entries"].items()}

    def holds(self, questions: Iterable[int]) -> bool:
        """Are the answers to these questions what they were?"""
        return all(map(self._holds, questions))

    def _holds(self, number: int) -> bool:
        if number not in self._holding:
            try:
                question, value = self._asked[number]
                self._holding[number] = answer(self._files, question) == value
            except (IndexError, TypeError, ValueError):
                self._holding[number] = False
        return self._holding[number]

    def put(self, path: str, entry: Entry, answers: Answers) -> None:
        """Remember an entry instead of the one that the file had, with the questions and answers it depends on."""
        if not self._numbers:
            self._numbers = {asked: number for number, asked in enumerate(self._asked)}
        self.entries[path] = entry._replace(questions=[self._number(asked) for asked in answers.items()])
        self.is_changed = True

    def _number(self, asked: tuple[Question, bool | str | None]) -> int:
        if asked not in self._numbers:
            self._numbers[asked] = len(self._asked)
            self._asked.append(asked)
        return self._numbers[asked]

    def write(self) -> None:
        """Replace the file in one step, without the entries of files that are gone; raises OSError."""
        entries = {path: entry for path, entry in self.entries.items() if os.path.lexists(path)}
        used = sorted({number for entry in entries.values() for number in entry.questions})
        new = {number: place for place, number in enumerate(used)}
        stored = {
            "format": _FORMAT,
            "asked": [(*self._asked[number][0], self._asked[number][1]) for number in used],
            "entries": {
                path: entry._replace(questions=[new[n] for n in entry.questions]) for path, entry in entries.items()
            },
        }
        temporary = self._path.with_name(f"{self._path.name}.{secrets.token_hex(8)}.tmp")
        try:
            content = json.dumps(stored, separators=(",", ":")).encode("utf-8", "surrogatepass")
            temporary.write_bytes(digest(content).encode() + b"\n" + content)
            os.replace(temporary, self._path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


# -------------------------------------------------------------------------------------------------------------- stamps


def _rules_stamp(rules: Rules) -> str:
    """What stands for the rules, the Keras that they are judged for, and the folder from which paths are shown."""
    from reglint.rulebook import card_files

    settings = rules.settings
    stated = [settings.keras_version, settings.target, sorted(settings.layers.items())]
    cards = [(str(path), digest(path.read_bytes())) for path in card_files(settings.rule_paths)]
    return digest(repr([_tool_stamp(), stated, cards, os.getcwd()]).encode("utf-8", "surrogatepass"))


@cache
def _tool_stamp() -> str:
    """What stands for this reglint, as it is installed, and what it runs on."""
    from importlib.util import find_spec

    from reglint.rulebook import rules_folder

    package, rules = Path(__file__).parent, rules_folder()
    libraries = [Path(spec.origin) for name in ("libcst", "packaging") if (spec := find_spec(name)) and spec.origin]
    files = sorted([*package.rglob("*.py"), *rules.rglob("*.md"), *rules.rglob("*.toml"), *libraries])
    states = [(str(file), (state := file.stat()).st_mtime_ns, state.st_size) for file in files]
    return digest(repr([__version__, sys.version, states]).encode())


# ---------------------------------------------------------------------------------------------------------- diagnostics


def _encoded(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as JSON has it, without the paths, which depend on the run."""
    values = asdict(diagnostic)
    return {key: value for key, value in values.items() if key not in ("path", "shown")}


def _diagnostic(values: Mapping[str, Any]) -> Diagnostic:
    """The diagnostic that was encoded; raises KeyError, TypeError or ValueError for what is none."""
    return Diagnostic(
        **{
            **values,
            "path": "",
            "shown": "",
            "severity": Severity(values["severity"]),
            "start": Place(**values["start"]),
            "end": Place(**values["end"]),
            "fix": None if values["fix"] is None else _repair(values["fix"]),
        }
    )


def _repair(values: Mapping[str, Any]) -> Repair:
    edits = [
        Replacement(**{**edit, "start": Place(**edit["start"]), "end": Place(**edit["end"])})
        for edit in values["edits"]
    ]
    return Repair(Applicability(values["applicability"]), values["message"], tuple(edits))
