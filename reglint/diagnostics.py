"""A finding with its place in its file, as every report shows it; small enough to come back from another process."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reglint.findings import Applicability, Edit, Finding, Fix, Severity

if TYPE_CHECKING:
    from reglint.source import Source


@dataclass(frozen=True)
class Place:
    """A row and a column, both from 1, the column in characters; for notebooks within the cell."""

    row: int
    column: int


@dataclass(frozen=True)
class Replacement:
    """What one edit of a fix writes, and where; in a notebook the edits of a fix may stand in several cells."""

    content: str
    start: Place
    end: Place
    cell: int | None = None


@dataclass(frozen=True)
class Repair:
    """A fix as reports show it."""

    applicability: Applicability
    message: str
    edits: tuple[Replacement, ...]


@dataclass(frozen=True)
class Diagnostic:
    """One finding of one file. ``shown`` is the path as the user knows it, ``path`` the absolute one."""

    path: str
    shown: str
    code: str
    name: str
    severity: Severity
    message: str
    start: Place
    end: Place
    cell: int | None = None
    fix: Repair | None = None
    fix_withheld: str | None = None
    fingerprint: str = ""
    url: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def is_fixable(self, unsafe_fixes: bool) -> bool:
        """Say whether ``fix`` would apply the fix, with or without ``--unsafe-fixes``."""
        if self.fix is None or self.fix.applicability is Applicability.DISPLAY:
            return False
        return unsafe_fixes or self.fix.applicability is Applicability.SAFE


def locate(findings: Iterable[Finding], source: Source, path: str, shown: str, root: str) -> tuple[Diagnostic, ...]:
    """Return the findings of ``source`` with their places, in text order; ``root`` is where fingerprints count from."""
    ordered = sorted(findings, key=lambda finding: (finding.start, finding.end, finding.code, finding.message))
    seen: Counter[str] = Counter()
    below = _below(path, root)
    # Many findings may share one fix of many edits.
    fixes = {id(finding.fix): finding.fix for finding in ordered if finding.fix is not None}
    repairs = {key: _repair(fix, source) for key, fix in fixes.items()}
    return tuple(
        _located(finding, source, path, shown, below, seen, repairs.get(id(finding.fix))) for finding in ordered
    )


def _located(
    finding: Finding, source: Source, path: str, shown: str, below: str, seen: Counter[str], repair: Repair | None
) -> Diagnostic:
    first_line, last_line = source.line_bounds(finding.start)
    line = " ".join(source.text[first_line:last_line].split())
    return Diagnostic(
        path=path,
        shown=shown,
        code=finding.code,
        name=finding.name,
        severity=finding.severity,
        message=" ".join(finding.message.split()),
        start=_place(source, finding.start),
        end=_place(source, finding.end),
        cell=source.location(finding.start).cell,
        fix=repair,
        fix_withheld=finding.fix_withheld,
        fingerprint=fingerprint(below, finding.code, line + "\n" + source.text[finding.start : finding.end], seen),
        data=dict(finding.data),
    )


def unplaced(path: str, shown: str, root: str, code: str, name: str, message: str, row: int | None) -> Diagnostic:
    """Return an error about a file whose text nobody could read; without a row it stands at the top."""
    place = Place(row or 1, 1)
    message = " ".join(message.split())
    mark = fingerprint(_below(path, root), code, "", Counter())
    return Diagnostic(path, shown, code, name, Severity.ERROR, message, place, place, fingerprint=mark)


def _below(path: str, root: str) -> str:
    """Return the path from the project's root, with slashes, so that it is the same in every checkout."""
    return (os.path.relpath(path, root) if root else path).replace(os.sep, "/")


def fingerprint(below: str, code: str, words: str, seen: Counter[str]) -> str:
    """Return what stays the same while lines move: a digest of file, code and line; equal lines are counted."""
    import hashlib  # a tenth of a run that finds nothing

    words = "\0".join((below, code, words))
    seen[words] += 1
    return hashlib.sha256(f"{words}\0{seen[words]}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _place(source: Source, offset: int) -> Place:
    location = source.location(offset)
    return Place(location.row, location.column)


def _repair(fix: Fix, source: Source) -> Repair:
    return Repair(fix.applicability, fix.message, tuple(_replacement(edit, source) for edit in fix.edits))


def _replacement(edit: Edit, source: Source) -> Replacement:
    start, end = source.location(edit.start), source.location(edit.end)
    if end.cell != start.cell:  # what ends a cell would be counted as the start of the next one
        end = source.location(edit.end - 1)
    return Replacement(edit.content, Place(start.row, start.column), Place(end.row, end.column), start.cell)
