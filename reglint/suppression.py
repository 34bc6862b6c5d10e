"""``# noqa`` and ``# reglint: noqa``: which findings they silence, and which of them silence nothing (REG901)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reglint.findings import Applicability, Edit, Finding, Fix, Severity
from reglint.settings import UNREADABLE, UNUSED_SUPPRESSION, covers

if TYPE_CHECKING:
    from reglint.source import Source
    from reglint.tokens import Token

UNUSED_NAME = "unused-suppression"

#: With or without codes, in any case, codes parted by commas or blanks: as ruff and flake8 read them.
_LINE = re.compile(
    r"#[^\S\n]*noqa(?![\w-])(?:[^\S\n]*:[^\S\n]*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*(?![\w-]))|(?P<colon>[^\S\n]*:))?",
    re.IGNORECASE,
)
_FILE = re.compile(
    r"#[^\S\n]*reglint[^\S\n]*:[^\S\n]*noqa(?![\w-])"
    r"(?:[^\S\n]*:[^\S\n]*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*(?![\w-]))|(?P<colon>[^\S\n]*:))?",
    re.IGNORECASE,
)
_LINE_END = re.compile(r"\r\n|\r|\n")
_CODE = re.compile(r"[A-Z]+[0-9]+", re.IGNORECASE)


@dataclass(frozen=True)
class Directive:
    """One suppression: where it stands, the codes it names (none: all), and whether it means the whole file."""

    start: int
    end: int
    comment_start: int
    comment_end: int
    codes: tuple[tuple[str, int, int], ...]
    whole_file: bool

    def silences(self, code: str) -> bool:
        """Say whether it names ``code``; naming none means every code."""
        return not self.codes or any(covers(named, code) for named, _, _ in self.codes)


def directives(text: str, tokens: Iterable[Token] | None = None) -> list[Directive]:
    """Return the suppressions in the comments of ``text``; what only looks like one inside a string is none."""
    if tokens is None:
        tokens = _tokens(text)
    comments = [(token.start, token.end) for token in tokens if token.kind == "comment"]
    return [directive for start, end in comments for directive in _in_comment(text, start, end)]


def _tokens(text: str) -> list[Token]:
    """Return the tokens of ``text``, or none where no suppression can be in it."""
    if "noqa" not in text.lower():
        return []
    from reglint.tokens import scan

    return list(scan(text))


def _in_comment(text: str, start: int, end: int) -> Iterator[Directive]:
    own_line = not text[_line_start(text, start) : start].strip()
    for pattern, whole_file in ((_FILE, True), (_LINE, False)):
        for match in pattern.finditer(text, start, end):
            # A colon without codes is a mistake, not a blanket: ruff leaves it alone, too.
            if match["colon"] or (whole_file and not own_line):
                continue
            codes: tuple[tuple[str, int, int], ...] = ()
            if match["codes"]:
                first = match.start("codes")
                codes = tuple(
                    (m[0].upper(), m.start(), m.end()) for m in _CODE.finditer(text, first, match.end("codes"))
                )
            yield Directive(match.start(), match.end(), start, end, codes, whole_file)


def suppress(
    source: Source, findings: Sequence[Finding], ran: Collection[str], report_unused: bool, lines_count: bool = True
) -> tuple[list[Finding], int]:
    """Return the findings that nothing silences, with REG901 for unused suppressions of rules that ``ran``, in text
    order, and the number of silenced ones. Without ``lines_count`` a ``# noqa`` has its use, but silences nothing.

    A finding that stays loses its fix where that would mend a silenced one along with it."""
    tokens = _tokens(source.text)
    found = directives(source.text, tokens)
    if not found:
        return list(findings), 0
    lines = _LogicalLines(source.text, tokens)
    by_line: dict[int, list[Directive]] = {}
    for directive in found:
        if not directive.whole_file:
            by_line.setdefault(lines.last_line(directive.start), []).append(directive)
    everywhere = [directive for directive in found if directive.whole_file]
    used: set[tuple[Directive, str]] = set()
    kept: list[Finding] = []
    silenced: list[Finding] = []
    for finding in findings:
        here = [*everywhere, *by_line.get(lines.last_line(finding.start), ())]
        silencing = [directive for directive in here if directive.silences(finding.code)]
        if finding.code == UNREADABLE or not any(lines_count or directive.whole_file for directive in silencing):
            kept.append(finding)
        else:
            silenced.append(finding)
        # One line may be silenced twice; both then have their use.
        used.update((directive, finding.code) for directive in silencing)
    if silenced:
        kept = [_without_fix_of(finding, silenced) for finding in kept]
    if report_unused:
        unused = (_unused(source, directive, used, ran) for directive in found)
        kept += (finding for finding in unused if finding is not None)
        kept.sort(key=lambda finding: finding.start)
    return kept, len(silenced)


def _without_fix_of(finding: Finding, silenced: Iterable[Finding]) -> Finding:
    """Return ``finding``, without its fix if one of the edits is what mends a silenced finding at its own place."""
    if finding.fix is None:
        return finding
    mine = set(finding.fix.edits)
    for other in silenced:
        shared = mine.intersection(other.fix.edits) if other.fix is not None else ()
        if any(edit.start <= other.end and other.start <= edit.end for edit in shared):
            return replace(finding, fix=None, fix_withheld="it would mend what a `noqa` directive keeps as well")
    return finding


def silencing_edit(source: Source, finding: Finding) -> Edit:
    """Return the edit that adds a ``# noqa`` with the finding's code to its line, or the code to one that is there."""
    return _silencing_edits(source, [finding])[0]


def with_noqa(source: Source, findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that a comment can silence, each with a fix that does so for all of them on its line."""
    able = [finding for finding in findings if finding.code not in (UNREADABLE, UNUSED_SUPPRESSION)]
    return [
        replace(finding, fix=Fix(Applicability.SAFE, "Add `noqa` directive", (edit,)), fix_withheld=None)
        for finding, edit in zip(able, _silencing_edits(source, able), strict=True)
    ]


def _silencing_edits(source: Source, findings: Sequence[Finding]) -> list[Edit]:
    """Return for each finding the edit that adds the codes of all on its line; what a comment says already stays."""
    from reglint.tokens import scan

    if not findings:
        return []
    text = source.text
    tokens = scan(text)
    lines = _LogicalLines(text, tokens)
    codes: dict[int, set[str]] = {}
    for finding in findings:
        codes.setdefault(lines.last_line(finding.start), set()).add(finding.code)
    comments = {lines.last_line(token.start): token.start for token in tokens if token.kind == "comment"}
    named = {
        lines.last_line(directive.start): directive.codes[-1]
        for directive in directives(text, tokens)
        if directive.codes and not directive.whole_file
    }
    edits = {}
    for line, ours in codes.items():
        added = ", ".join(sorted(ours))
        if line in named:
            _, start, end = named[line]
            content = f"{text[start:end]}, {added}"
        else:
            start, end = lines.blank_end(line, text)
            if line in comments:
                # the comment's last word is part of the edit, so that it lies within the comment and not at its end
                start = max(comments[line], *(text.rfind(blank, 0, start) + 1 for blank in " \t"))
            content = f"{text[start:end].rstrip()}  # noqa: {added}"
        edits[line] = Edit(start, end, text[start:end], content)
    return [edits[lines.last_line(finding.start)] for finding in findings]


def _unused(
    source: Source, directive: Directive, used: Collection[tuple[Directive, str]], ran: Collection[str]
) -> Finding | None:
    """Return REG901 for the codes of ``directive`` that ran and silenced nothing."""
    if any(code == UNUSED_SUPPRESSION for code, _, _ in directive.codes):
        return None
    had_use = {code for user, code in used if user == directive}
    idle = [
        index
        for index, (named, _, _) in enumerate(directive.codes)
        if any(covers(named, code) for code in ran if code != UNREADABLE)
        and not any(covers(named, code) for code in had_use)
    ]
    if not idle:
        return None
    names = ", ".join(f"`{directive.codes[index][0]}`" for index in idle)
    what = "reglint: noqa" if directive.whole_file else "noqa"
    edits = _removal(source, directive, idle)
    return Finding(
        code=UNUSED_SUPPRESSION,
        name=UNUSED_NAME,
        severity=Severity.WARNING,
        message=f"Unused `{what}` directive (unused: {names})",
        start=directive.start,
        end=directive.end,
        fix=Fix(Applicability.SAFE, "Remove unused `noqa` directive", edits),
    )


def _removal(source: Source, directive: Directive, idle: Sequence[int]) -> tuple[Edit, ...]:
    """Return the edits that take the idle codes out, or the whole directive where no other code is in it."""
    text = source.text
    if len(idle) == len(directive.codes):
        start, end = _whole_directive(source, directive)
        return (Edit(start, end, text[start:end], ""),)
    edits = []
    for first, last in _runs(idle):
        kept = ""
        if last + 1 < len(directive.codes):
            start, end = directive.codes[first][1], directive.codes[last + 1][1]
        else:
            # the code before is part of the edit, so that it lies within the comment and not at its end
            start, end = directive.codes[first - 1][1], directive.codes[last][2]
            kept = text[start : directive.codes[first - 1][2]]
        edits.append(Edit(start, end, text[start:end], kept))
    return tuple(edits)


def _runs(indices: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of each run of neighbours in ascending ``indices``."""
    first = last = indices[0]
    for index in indices[1:]:
        if index != last + 1:
            yield first, last
            first = index
        last = index
    yield first, last


def _whole_directive(source: Source, directive: Directive) -> tuple[int, int]:
    """Return the range to delete so that the rest of the comment, and of the line, stays as it was."""
    text = source.text
    rest = text[directive.end : directive.comment_end].lstrip()
    if rest and not rest.startswith("#"):
        # The words behind the codes stay a comment.
        after_hash = directive.start + 1
        start = after_hash + len(text[after_hash : directive.end]) - len(text[after_hash : directive.end].lstrip())
        return start, directive.comment_end - len(rest)
    if rest:
        return directive.start, directive.comment_end - len(rest)
    line_start = _line_start(text, directive.comment_start)
    before = text[line_start : directive.start]
    start = directive.start - (len(before) - len(before.rstrip()))
    if before.strip():
        return start, directive.comment_end
    return line_start, _past_line_end(source, directive.comment_end)


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def _past_line_end(source: Source, offset: int) -> int:
    """Return the offset after the line end at ``offset``; the last one of a notebook's cell is not the file's."""
    text = source.text
    end = offset + (2 if text.startswith("\r\n", offset) else 1 if text[offset : offset + 1] in ("\n", "\r") else 0)
    if source.is_notebook and not any(cell.start <= offset and end < cell.end for cell in source.cells):
        return offset
    return end


class _LogicalLines:
    """Joins what a comment cannot stand inside of: the lines of a string, and lines that end with a backslash."""

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self._ends = [match.end() for match in _LINE_END.finditer(text)]
        self._joined: dict[int, int] = {}
        previous = 0
        for token in tokens:
            # Between tokens nothing but blanks and backslashes is left.
            if "\\" in text[previous : token.start]:
                self._join(previous, token.start)
            if token.kind == "string":
                self._join(token.start, max(token.start, token.end - 1))
            previous = token.end

    def _join(self, start: int, end: int) -> None:
        first, last = self._line(start), self._line(end)
        self._joined.update((line, last) for line in range(first, last))

    def _line(self, offset: int) -> int:
        return bisect_left(self._ends, offset + 1)

    def last_line(self, offset: int) -> int:
        """Return the number of the line on which a comment for ``offset`` stands."""
        line = self._line(offset)
        while line in self._joined:
            line = self._joined[line]
        return line

    def blank_end(self, line: int, text: str) -> tuple[int, int]:
        """Return the range of the blanks at the end of a line, the line end not included."""
        stop = self._ends[line] if line < len(self._ends) else len(text)
        end = len(text[:stop].rstrip("\r\n")) if line < len(self._ends) else stop
        return len(text[:end].rstrip(" \t\f")), end
