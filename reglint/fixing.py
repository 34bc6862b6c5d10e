"""From findings to new bytes: which fixes go together, the guards they must pass, and the writing of the file.

Follow ``apply_fixes``: a pass takes every fix that overlaps no other, tries them together, and where a guard refuses
the lot halves it until the fix at fault stands alone. What was put off or shows up only now is the next pass's.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from reglint import syntax, tokens
from reglint.findings import Applicability, Edit, Finding
from reglint.source import EditError, Source

MAX_PASSES = 20
_OFFERED_AGAIN = "the same fix would be offered again"

Recheck = Callable[[Source], list[Finding]]


@dataclass(frozen=True)
class FixOutcome:
    """What fixing made of a file: its new bytes, how many findings it mended, and what is left in the new text.

    ``refused`` are the findings whose fix a guard withheld, with the reason; they are among ``remaining`` too.
    """

    raw: bytes
    applied: int
    remaining: list[Finding]
    refused: list[tuple[Finding, str]]


@dataclass(frozen=True)
class _Group:
    """Findings that are mended by the same edits, and these edits in order."""

    edits: tuple[Edit, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Step:
    """A source that passed all guards, the groups that led to it, and the findings that are left."""

    source: Source
    groups: tuple[_Group, ...]
    remaining: list[Finding]

    @cached_property
    def changes(self) -> _Changes:
        """The edits of all groups, each once."""
        return _Changes(sorted({edit for group in self.groups for edit in group.edits}))


def apply_fixes(source: Source, findings: Sequence[Finding], *, unsafe: bool, recheck: Recheck) -> FixOutcome:
    """Takes a source, its findings and the check for new ones; returns what the fixes make of it."""
    step = _Step(source, (), list(findings))
    refused: dict[_Mark, str] = {}
    seen = {source.text}
    applied = 0
    for _ in range(MAX_PASSES):
        groups = _chosen(step.remaining, refused, unsafe)
        before = step
        step, reasons = _settled(before, groups, recheck, seen)
        refused.update(reasons)
        if not step.groups:
            break
        seen.add(step.source.text)
        applied += sum(len(group.findings) for group in step.groups)
        refused = dict(_moved(refused, step.changes))
    remaining = [_withheld(finding, refused) for finding in step.remaining]
    kept = [
        (finding, finding.fix_withheld or "")
        for finding, offered in zip(remaining, step.remaining, strict=True)
        if finding is not offered
    ]
    return FixOutcome(step.source.raw, applied, remaining, kept)


# Which fixes are tried together.

_Mark = tuple[str, tuple[Edit, ...]]  # a rule and its edits: how a refused fix is known again


def _mark(finding: Finding) -> _Mark | None:
    return (finding.code, tuple(sorted(finding.fix.edits))) if finding.fix else None


def _chosen(findings: Iterable[Finding], refused: Mapping[_Mark, str], unsafe: bool) -> list[_Group]:
    """Takes findings; returns groups that may be applied together, where the first in the text comes first."""
    taken = _Taken()
    return [group for group in _groups(findings, refused, unsafe) if taken.add(group.edits)]


def _groups(findings: Iterable[Finding], refused: Mapping[_Mark, str], unsafe: bool) -> list[_Group]:
    """Takes findings; returns those that may be mended, grouped by their edits, in the order of the text."""
    allowed = {Applicability.SAFE, Applicability.UNSAFE} if unsafe else {Applicability.SAFE}
    grouped: dict[tuple[Edit, ...], list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: (finding.start, finding.end, finding.code)):
        if finding.fix and finding.fix.edits:
            grouped.setdefault(tuple(sorted(set(finding.fix.edits))), []).append(finding)
    return [
        _Group(edits, tuple(same))
        for edits, same in grouped.items()
        # The most careful of several findings decides about the edits they share.
        if all(f.fix and f.fix.applicability in allowed and _mark(f) not in refused for f in same)
    ]


class _Taken:
    """The edits chosen so far, kept in order so that asking for overlaps stays cheap."""

    def __init__(self) -> None:
        self._edits: list[Edit] = []

    def add(self, edits: Sequence[Edit]) -> bool:
        """Takes a group's edits; adds them if each is among the chosen already or overlaps none, and says so."""
        if not all(self._fits(edit) for edit in edits):
            return False
        for edit in edits:
            place = bisect_left(self._edits, edit)
            if self._edits[place : place + 1] != [edit]:
                self._edits.insert(place, edit)
        return True

    def _fits(self, edit: Edit) -> bool:
        place = bisect_left(self._edits, edit)
        neighbours = self._edits[max(place - 1, 0) : place + 1]
        return edit in neighbours or not any(_overlap(edit, other) for other in neighbours)


def _overlap(one: Edit, other: Edit) -> bool:
    """Says whether two edits share a character, or put text at one place without an order between them."""
    return (one.start < other.end and other.start < one.end) or (one.start, one.end) == (other.start, other.end)


# Trying them.


def _settled(
    before: _Step, groups: Sequence[_Group], recheck: Recheck, seen: set[str]
) -> tuple[_Step, dict[_Mark, str]]:
    """Takes a step and groups to add; returns the step with all that pass the guards, and why the others do not."""
    start = replace(before, groups=())
    step = start
    reasons: dict[_Mark, str] = {}
    waiting = [tuple(groups)] if groups else []
    while waiting:
        some = waiting.pop()
        tried = _tried(start.source, step.groups + some, recheck, seen)
        if isinstance(tried, _Step):
            step = tried
        elif len(some) > 1:
            middle = len(some) // 2
            waiting += [some[middle:], some[:middle]]
        else:
            reasons.update({mark: tried for finding in some[0].findings if (mark := _mark(finding))})
    return step, reasons


def _tried(source: Source, groups: tuple[_Group, ...], recheck: Recheck, seen: set[str]) -> _Step | str:
    """Takes a source and groups of edits; returns the step they make, or the clause that says which guard refuses."""
    changes = _Changes(sorted({edit for group in groups for edit in group.edits}))
    try:
        new = source.edited(changes.edits)
    except EditError as error:
        return error.message
    if new.text in seen:
        return "another fix would undo it"
    if not _same_tokens(source.text, new.text, changes):
        return "it would change the code beside it"
    if not _parses(source, new):
        return "the result would not parse"
    if not syntax.compiles(new.text) and syntax.compiles(source.text):
        return "Python would refuse the result"
    remaining = recheck(new)
    if _offered_again(groups, remaining, changes):
        return _OFFERED_AGAIN
    return _Step(new, groups, remaining)


def _parses(old: Source, new: Source) -> bool:
    """Says whether the new source parses as well as the old one, which may be Python 2 or have broken cells."""
    parsed = syntax.parse(new)
    if not parsed.failures and not parsed.python2:
        return True
    before = syntax.parse(old)  # only now: for most files the answer is known without it
    return parsed.python2 == before.python2 and len(parsed.failures) <= len(before.failures)


def _offered_again(groups: Iterable[_Group], findings: Iterable[Finding], changes: _Changes) -> bool:
    """Says whether one of the findings in the new text would do at the same places what a group has just done."""
    done = {
        (finding.code, tuple((edit.expected, edit.content) for edit in group.edits))
        for group in groups
        for finding in group.findings
    }
    for finding in findings:
        if finding.fix and finding.fix.edits:
            edits = sorted(set(finding.fix.edits))
            known = (finding.code, tuple((edit.expected, edit.content) for edit in edits)) in done
            if known and all(changes.touched(edit) for edit in edits):
                return True
    return False


# Old text and new text side by side.


class _Changes:
    """Edits in order that overlap nowhere, and where their contents stand in the new text."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        self.edits = list(edits)
        growths = accumulate((len(edit.content) - (edit.end - edit.start) for edit in edits), initial=0)
        self.old = [(edit.start, edit.end) for edit in edits]
        self.new = [
            (edit.start + shift, edit.start + shift + len(edit.content))
            for edit, shift in zip(edits, growths, strict=False)
        ]
        self._ends = [end for _, end in self.new]

    def touched(self, edit: Edit) -> bool:
        """Says whether an edit of the new text is one of these once more, at the place of its content."""
        place = bisect_left(self._ends, edit.start)
        for made, (start, end) in zip(self.edits[place:], self.new[place:], strict=True):
            if start > edit.end:
                return False
            if (
                (made.expected, made.content) == (edit.expected, edit.content)
                and start <= edit.end
                and edit.start <= end
            ):
                return True
        return False

    def moved(self, start: int, end: int) -> tuple[int, int] | None:
        """Takes a range of the old text; returns where it is in the new one, or None if an edit changed it."""
        place = bisect_right(self.old, (start, -1))
        shift = self.new[place - 1][1] - self.old[place - 1][1] if place else 0
        if place and self.old[place - 1][1] > start:
            return None
        if place < len(self.old) and self.old[place][0] < end:
            return None
        return start + shift, end + shift


def _same_tokens(old: str, new: str, changes: _Changes) -> bool:
    """Says whether two texts have the same tokens outside of the edits, and the same that edits lie within."""
    before = _outside(old, changes.old, [end for _, end in changes.old])
    after = _outside(new, changes.new, [end for _, end in changes.old])
    return all(one == other for one, other in _zipped(before, after))


_Outside = tuple[str, object, object, str | None]


def _zipped(one: Iterator[_Outside], other: Iterator[_Outside]) -> Iterator[tuple[_Outside | None, _Outside | None]]:
    while True:
        pair = next(one, None), next(other, None)
        if pair == (None, None):
            return
        yield pair


def _outside(text: str, ranges: Sequence[tuple[int, int]], old_ends: Sequence[int]) -> Iterator[_Outside]:
    """Takes a text and the ranges of its edits; yields each token that is not wholly within one.

    A token is told by its kind, its place in the old text, and its words, or None where an edit lies within it: a
    name that has grown together with an edit's content is another token then.
    """
    place = 0
    for token in tokens.scan(text):
        if token.kind == "space":
            continue
        while place < len(ranges) and ranges[place][1] <= token.start:
            place += 1
        inner = place
        while inner < len(ranges) and ranges[inner][0] < token.end and ranges[inner][1] > token.start:
            inner += 1
        if inner == place:
            yield token.kind, _place(token.start, place, ranges, old_ends), None, text[token.start : token.end]
        elif not (ranges[place][0] <= token.start and token.end <= ranges[place][1]):
            start = _place(token.start, place, ranges, old_ends) if token.start <= ranges[place][0] else "inside"
            end = _place(token.end, inner, ranges, old_ends) if token.end >= ranges[inner - 1][1] else "inside"
            yield token.kind, start, end, None


def _place(offset: int, passed: int, ranges: Sequence[tuple[int, int]], old_ends: Sequence[int]) -> int:
    """Takes an offset behind so many edits; returns it as an offset of the old text."""
    return offset - ranges[passed - 1][1] + old_ends[passed - 1] if passed else offset


def _moved(refused: Mapping[_Mark, str], changes: _Changes) -> Iterator[tuple[_Mark, str]]:
    """Takes the refused fixes; yields them as they would be offered in the new text. What was edited is forgotten."""
    for (code, edits), reason in refused.items():
        places = [changes.moved(edit.start, edit.end) for edit in edits]
        moved = tuple(
            replace(edit, start=place[0], end=place[1]) for edit, place in zip(edits, places, strict=True) if place
        )
        if len(moved) == len(edits):
            yield (code, moved), reason


def _withheld(finding: Finding, refused: Mapping[_Mark, str]) -> Finding:
    mark = _mark(finding)
    return replace(finding, fix=None, fix_withheld=refused[mark]) if mark and mark in refused else finding


# Writing.


class WriteError(Exception):
    """A file that could not be written, and is as it was; the message is one line that says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def write_atomically(path: Path, raw: bytes, expected: bytes) -> None:
    """Takes a path, its new bytes and the old ones that must still be there; replaces the file in one step.

    Links stay and their target is replaced. Whatever happens the file holds the old or the new bytes. Raises
    WriteError.
    """
    try:
        real = Path(os.path.realpath(path))
        before = real.stat()
        if not stat.S_ISREG(before.st_mode):
            raise WriteError("cannot be written: it is not a regular file")
        if not os.access(real, os.W_OK):
            # Replacing it would only need rights on the folder, but somebody does not want it changed.
            raise WriteError("cannot be written: it is read-only")
        _replace(real, raw, expected, before)
    except OSError as error:
        raise WriteError(f"cannot be written: {error.strerror or error}; it is unchanged") from error


def _replace(real: Path, raw: bytes, expected: bytes, before: os.stat_result) -> None:
    temporary = real.parent / f".reglint-{secrets.token_hex(8)}.tmp"  # named first: an interrupt may come any time
    try:
        with open(
            os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb"
        ) as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        _give_owner_and_mode(temporary, before)
        if real.read_bytes() != expected:
            raise WriteError("not written: it has changed since it was read; run again")
        os.replace(temporary, real)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(real.parent)


def _give_owner_and_mode(path: Path, before: os.stat_result) -> None:
    # Owner first, because giving a file away takes its setuid bits; only root can, and a group may be out of reach.
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(path, -1, before.st_gid)
        with contextlib.suppress(OSError):
            os.chown(path, before.st_uid, -1)
    mode = stat.S_IMODE(before.st_mode)
    now = path.stat()
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        mode &= ~(stat.S_ISUID | stat.S_ISGID)  # they would give another one's rights
    os.chmod(path, mode)


def _sync_folder(folder: Path) -> None:
    """Makes the new name last through a power failure, where the system can; the file itself is whole without."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
