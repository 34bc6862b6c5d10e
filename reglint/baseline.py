"""The baseline: a file of the findings that a project lives with, so that only new ones are reported.

A finding is known again by its fingerprint, which is made of the line's words and not of its number. Paths in the file
count from its own folder.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reglint.discovery import Target, shown
from reglint.reading import read_regular
from reglint.settings import UNREADABLE, Settings, SettingsError

if TYPE_CHECKING:
    from reglint.diagnostics import Diagnostic
    from reglint.inspector import FileReport

DEFAULT_NAME = ".reglint-baseline.json"
VERSION = 1
_LARGEST = 100_000_000


class BaselineError(SettingsError):
    """A baseline that cannot be read or written; the text is one line: where, what, what to do."""


@dataclass(frozen=True, order=True)
class Entry:
    """Findings of one file with the same message; ``path`` counts from the baseline's folder, with slashes."""

    path: str
    code: str
    message: str
    fingerprints: tuple[str, ...]


@dataclass(frozen=True)
class Baseline:
    """The entries of one baseline file, whose path is absolute."""

    file: Path
    entries: tuple[Entry, ...] = ()

    @classmethod
    def read(cls, file: Path) -> Baseline:
        """Return what a baseline file holds. Raises BaselineError."""
        try:
            raw = read_regular(file, _LARGEST)
        except FileNotFoundError:
            raise BaselineError(f"{shown(str(file))}: no such baseline; `reglint baseline` writes one") from None
        except OSError as error:
            raise BaselineError(f"{shown(str(file))}: cannot be read: {error.strerror or error}") from None
        return cls(file, _parsed(raw, shown(str(file))))

    @cached_property
    def known(self) -> Mapping[str, frozenset[str]]:
        """The fingerprints of each file, by its real path."""
        found: dict[str, frozenset[str]] = {}
        for entry in self.entries:
            path = self.path_of(entry)
            found[path] = found.get(path, frozenset()) | frozenset(entry.fingerprints)
        return found

    def path_of(self, entry: Entry) -> str:
        """Return the real path of an entry's file, which may be gone."""
        return real_path(os.path.normpath(os.path.join(self.file.parent, entry.path)))

    def relative(self, path: str) -> str:
        """Return how the entries spell the real ``path``."""
        with contextlib.suppress(ValueError):  # another drive
            path = os.path.relpath(path, os.path.realpath(self.file.parent))
        return path.replace(os.sep, "/")


def real_path(path: str) -> str:
    """Return ``path`` with every link in its folders followed, so that a file has one name."""
    return os.path.join(_real_folder(os.path.dirname(path)), os.path.basename(path))


_real_folder = cache(os.path.realpath)


# --- reading and writing ---------------------------------------------------------------------------------------------


def _parsed(raw: bytes, where: str) -> tuple[Entry, ...]:
    import json

    anew = "mend it or write it anew with `reglint baseline`"
    try:
        values = json.loads(raw.decode("utf-8-sig", "surrogateescape"))
    except json.JSONDecodeError as error:
        # What git leaves of two branches is the likeliest reason.
        raise BaselineError(f"{where}:{error.lineno}: not valid JSON: {error.msg}; {anew}") from None
    except (RecursionError, ValueError) as error:
        raise BaselineError(f"{where}: not readable as JSON: {error}; {anew}") from None
    if not isinstance(values, dict) or not isinstance(values.get("version"), int):
        raise BaselineError(f"{where}: no baseline of reglint: it has no version; {anew}")
    if values["version"] != VERSION:
        raise BaselineError(
            f"{where}: a baseline of version {values['version']}, but this reglint reads {VERSION}; {anew}"
        )
    findings = values.get("findings")
    if not isinstance(findings, list):
        raise BaselineError(f"{where}: no list of findings in it; {anew}")
    return tuple(_entry(value, f"{where}: finding {number}", anew) for number, value in enumerate(findings, 1))


def _entry(value: Any, where: str, anew: str) -> Entry:
    if not isinstance(value, dict):
        raise BaselineError(f"{where} is not an object; {anew}")
    for key in ("path", "code", "message"):
        if not isinstance(value.get(key), str) or "\0" in value[key]:
            raise BaselineError(f"{where}: {key} must be a string; {anew}")
    marks = value.get("fingerprints")
    if not isinstance(marks, list) or not all(isinstance(mark, str) for mark in marks):
        raise BaselineError(f"{where}: fingerprints must be a list of strings; {anew}")
    return Entry(value["path"], value["code"], value["message"], tuple(marks))


def rendered(entries: Iterable[Entry]) -> bytes:
    """Return the text of a baseline file: in order, each fingerprint on its own line, so that diffs stay small."""
    import json

    grouped: dict[tuple[str, str, str], set[str]] = {}
    for entry in entries:
        grouped.setdefault((entry.path, entry.code, entry.message), set()).update(entry.fingerprints)
    findings = [
        {"path": path, "code": code, "message": message, "count": len(marks), "fingerprints": sorted(marks)}
        for (path, code, message), marks in sorted(grouped.items())
    ]
    text = json.dumps({"version": VERSION, "findings": findings}, indent=2, ensure_ascii=False)
    return (text + "\n").encode("utf-8", "surrogateescape")


def write(baseline: Baseline) -> None:
    """Write a baseline file in one step; one that holds the same already stays untouched. Raises BaselineError."""
    from reglint.fixing import WriteError, write_atomically

    raw = rendered(baseline.entries)
    where = shown(str(baseline.file))
    try:
        if not baseline.file.exists():
            _create(baseline.file, raw)
        elif (before := baseline.file.read_bytes()) != raw:
            write_atomically(baseline.file, raw, before)
    except WriteError as error:
        raise BaselineError(f"{where}: {error}") from None
    except OSError as error:
        raise BaselineError(f"{where}: cannot be written: {error.strerror or error}") from None


def _create(file: Path, raw: bytes) -> None:
    import secrets

    temporary = file.parent / f".reglint-{secrets.token_hex(8)}.tmp"
    try:
        temporary.write_bytes(raw)
        os.replace(temporary, file)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


# --- in a run --------------------------------------------------------------------------------------------------------


@dataclass
class Baselines:
    """The baselines that the settings of a run's files name, each read once, and the files that were looked at."""

    _baselines: dict[Path, Baseline] = field(default_factory=dict)
    _looked_at: dict[Path, dict[str, Settings]] = field(default_factory=dict)

    def known(self, target: Target) -> frozenset[str]:
        """Return the fingerprints that are known of a file. Raises BaselineError."""
        file = target.settings.baseline
        if file is None:
            return frozenset()
        if file not in self._baselines:
            self._baselines[file] = Baseline.read(file)
        path = real_path(target.path)
        known = self._baselines[file].known.get(path, frozenset())
        if known:
            self._looked_at.setdefault(file, {})[path] = target.settings
        return known

    def gone(self, reports: Iterable[FileReport], named: Sequence[str]) -> dict[Path, list[Entry]]:
        """Takes the reports of a run and the paths that it was given; returns what the baselines hold in vain.

        Only files that the run looked at count, rules that it ran, and files that were deleted from a folder it was
        given.
        """
        met: dict[str, set[str]] = {}
        unread = set()
        for report in reports:
            met.setdefault(real_path(report.path), set()).update(report.known)
            if any(diagnostic.code == UNREADABLE for diagnostic in report.found):
                unread.add(real_path(report.path))
        gone: dict[Path, list[Entry]] = {}
        for file, baseline in self._baselines.items():
            looked_at = self._looked_at.get(file, {})
            for entry in baseline.entries:
                path = baseline.path_of(entry)
                if path in looked_at:
                    is_judged = path not in unread and entry.code in _active(looked_at[path], path)
                else:
                    is_judged = not os.path.lexists(path) and _is_below(path, named)
                left = tuple(mark for mark in entry.fingerprints if mark not in met.get(path, ()))
                if is_judged and left:
                    gone.setdefault(file, []).append(Entry(entry.path, entry.code, entry.message, left))
        return gone


_rules_of: dict[int, tuple[Settings, Any]] = {}


def _active(settings: Settings, path: str) -> frozenset[str]:
    from reglint.ruleset import rules_for

    if id(settings) not in _rules_of:
        # The settings are kept beside their rules, or another object could come to have their id.
        _rules_of[id(settings)] = (settings, rules_for(settings))
    active: frozenset[str] = _rules_of[id(settings)][1].active(path)
    return active


def _is_below(path: str, named: Iterable[str]) -> bool:
    """Say whether the real ``path`` is one of those named, or in one of the named folders."""
    roots = {os.path.realpath(each) for each in named}
    return any(path == root or path.startswith(os.path.join(root, "")) for root in roots)


def told(file: Path, gone: Sequence[Entry]) -> str:
    """Return the line about a baseline's entries that are gone."""
    counts = Counter({(entry.path, entry.code): 0 for entry in gone})
    for entry in gone:
        counts[entry.path, entry.code] += len(entry.fingerprints)
    total = sum(counts.values())
    some = [
        f"{code} in {path}" + (f" ({count}x)" if count > 1 else "") for (path, code), count in sorted(counts.items())
    ]
    more = f" and {len(some) - 3} more" if len(some) > 3 else ""
    are = "finding is" if total == 1 else "findings are"
    return f"{shown(str(file))}: {total} {are} gone: {', '.join(some[:3])}{more}; `reglint baseline` drops what is gone"


# --- making one ------------------------------------------------------------------------------------------------------


def renewed(old: Baseline, diagnostics: Iterable[Diagnostic], named: Sequence[str]) -> Baseline:
    """Takes a baseline, what a run found and the paths that it was given; returns the baseline of now.

    Entries of files that the run was not given stay, as do those of a file that could not be read.
    """
    found = list(diagnostics)
    unread = {real_path(each.path) for each in found if each.code == UNREADABLE}
    kept = [
        entry
        for entry in old.entries
        if not _is_below(path := os.path.realpath(old.path_of(entry)), named) or path in unread
    ]
    new = [
        Entry(old.relative(real_path(each.path)), each.code, each.message, (each.fingerprint,))
        for each in found
        if each.code != UNREADABLE
    ]
    return Baseline(old.file, tuple(kept + new))


def record(file: Path, diagnostics: Iterable[Diagnostic], named: Sequence[str]) -> str:
    """Write what a run found into a baseline file; return the line that says so. Raises BaselineError."""
    old = Baseline(file)
    if os.path.lexists(file):
        try:
            old = Baseline.read(file)
        except BaselineError:
            # Where everything is looked at, nothing of a broken file is needed.
            if not _is_below(os.path.realpath(file.parent), named):
                raise
    new = renewed(old, diagnostics, named)
    write(new)
    before, after = _marks(old), _marks(new)
    paths = len({entry.path for entry in new.entries})
    words = f"{len(after)} finding{'' if len(after) == 1 else 's'} in {paths} file{'' if paths == 1 else 's'}"
    return f"{shown(str(file))}: {words} ({len(after - before)} new, {len(before - after)} gone)."


def _marks(baseline: Baseline) -> set[tuple[str, str]]:
    return {(entry.path, mark) for entry in baseline.entries for mark in entry.fingerprints}
