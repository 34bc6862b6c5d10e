"""Which findings of a file are reported: not those of the baseline, and with ``--since`` those on changed lines only.

What is not reported is not mended either, so that ``fix`` does nothing that ``check`` keeps quiet about.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from reglint.settings import UNREADABLE

if TYPE_CHECKING:
    from reglint.diagnostics import Diagnostic
    from reglint.findings import Finding
    from reglint.source import Source

#: First and last line of each changed part, from 1. Only ``\n`` ends a line here, as for git.
Rows = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Scope:
    """What is reported of one file: nothing with a ``known`` fingerprint, nothing outside of ``rows`` (None: all).

    With ``add_noqa`` what is reported gets a comment that silences it.
    """

    known: frozenset[str] = frozenset()
    rows: Rows | None = None
    add_noqa: bool = False


@dataclass(frozen=True)
class View:
    """The findings of one source that are reported, those that are hidden, and what was met of the baseline."""

    source: Source
    reported: tuple[Finding, ...]
    shown: tuple[Diagnostic, ...]
    hidden: tuple[Finding, ...]
    met: tuple[str, ...]

    @classmethod
    def of(cls, scope: Scope, source: Source, findings: Sequence[Finding], located: Sequence[Diagnostic]) -> View:
        """Takes the findings of a source and their diagnostics in ``locate``'s order; returns what the scope makes."""
        lines = _Lines(source.text)
        ordered = sorted(findings, key=lambda finding: (finding.start, finding.end, finding.code, finding.message))
        pairs = list(zip(ordered, located, strict=True))
        hides = [_hides(scope, lines, *pair) for pair in pairs]
        return cls(
            source,
            tuple(finding for (finding, _), hide in zip(pairs, hides, strict=True) if not hide),
            tuple(diagnostic for (_, diagnostic), hide in zip(pairs, hides, strict=True) if not hide),
            tuple(finding for (finding, _), hide in zip(pairs, hides, strict=True) if hide),
            tuple(each.fingerprint for each in located if each.fingerprint in scope.known and each.code != UNREADABLE),
        )

    def after(self, new: Source, findings: Sequence[Finding]) -> list[Finding]:
        """Takes the source that fixes have made and its findings; returns those that were not hidden before.

        A fix changes lines, and with them fingerprints and line numbers: what was hidden is known again by its line.
        """
        if not self.hidden:
            return list(findings)
        old_lines, new_lines = _Lines(self.source.text), _Lines(new.text)
        moved = _Moved(old_lines.texts, new_lines.texts)
        left = list(findings)
        for hidden in self.hidden:
            rows = moved.rows(old_lines.row(hidden.start))
            word = self.source.text[hidden.start : hidden.end]
            for finding in left:
                same = finding.code == hidden.code and new.text[finding.start : finding.end] == word
                if same and new_lines.row(finding.start) in rows:
                    left.remove(finding)
                    break
        return left


def _hides(scope: Scope, lines: _Lines, finding: Finding, diagnostic: Diagnostic) -> bool:
    # Nothing is known about a file that cannot be read, so that is never old news.
    if finding.code == UNREADABLE:
        return False
    if diagnostic.fingerprint in scope.known:
        return True
    if scope.rows is None:
        return False
    first, last = lines.row(finding.start), lines.row(max(finding.start, finding.end - 1))
    return not any(low <= last and first <= high for low, high in scope.rows)


class _Lines:
    """The lines of a text as git counts them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = [match.end() for match in re.finditer("\n", text)]

    @property
    def texts(self) -> list[str]:
        return self._text.split("\n")

    def row(self, offset: int) -> int:
        """Return the number of the line, from 1, that the character at ``offset`` is in."""
        return bisect_left(self._ends, offset + 1) + 1


class _Moved:
    """Where the lines of one text are in another."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        self._codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()

    def rows(self, row: int) -> range:
        """Return the lines, from 1, in which what stood in line ``row`` must be."""
        for tag, start, end, new_start, new_end in self._codes:
            if start < row <= end:
                if tag == "equal" or end - start == new_end - new_start:
                    moved = row - start + new_start
                    return range(moved, moved + 1)
                return range(new_start + 1, new_end + 1)
        return range(0)


def changed_rows(old: str, new: str) -> Rows:
    """Takes two texts; returns the lines of the second that are not in the first."""
    codes = SequenceMatcher(None, old.split("\n"), new.split("\n"), autojunk=False).get_opcodes()
    return merged((start + 1, end) for tag, _, _, start, end in codes if tag in ("insert", "replace"))


def merged(rows: Iterable[tuple[int, int]]) -> Rows:
    """Return the ranges in order, without empty ones."""
    return tuple(sorted((first, last) for first, last in rows if first <= last))
