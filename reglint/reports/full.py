"""``--output-format full``: each finding with its source, the name at fault underlined, and what its fix changes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from reglint.diagnostics import Diagnostic, Repair, Replacement
from reglint.findings import Applicability
from reglint.lines import LINE_END
from reglint.reports import Style, Summary, place_of, printable
from reglint.reports.places import Page, Texts

CONTEXT = 2
"""Rows shown before and after a finding; of a fix it is half as many."""
WIDTH = 140
"""Columns shown of a row, as in ruff; longer ones are cut around the finding."""


def lines(summary: Summary, style: Style) -> Iterator[str]:
    """Yield the findings, with an empty line after each."""
    texts = Texts(summary.held)
    for diagnostic in summary.left:
        star = style.paint("[*]", "36") + " " if diagnostic.is_fixable(style.unsafe_fixes) else ""
        yield f"{style.paint(diagnostic.code, '1;31')} {star}{style.paint(printable(diagnostic.message), '1')}"
        yield from _body(diagnostic, texts, style)
        yield ""


def _body(diagnostic: Diagnostic, texts: Texts, style: Style) -> Iterator[str]:
    page = texts.page(diagnostic)
    rows = _rows(page, diagnostic.start.row, diagnostic.start.row, CONTEXT) if page else range(1, 2)
    gutter = _Gutter(len(str(rows[-1])), style)
    arrow = style.paint(" " * gutter.width + "-->", "1;34")
    yield f"{arrow} {printable(diagnostic.shown)}:{place_of(diagnostic)}"
    if page and diagnostic.start.row <= len(page.starts):
        yield from _excerpt(page, rows, diagnostic, gutter)
    if diagnostic.fix is not None:
        yield f"{style.paint('help', '1;36')}: {printable(diagnostic.fix.message)}"
        yield from _change(diagnostic, diagnostic.fix, texts, gutter)
        if diagnostic.fix.applicability is Applicability.UNSAFE:
            yield f"{style.paint('note', '1;33')}: This is an unsafe fix and may change runtime behavior"
    if diagnostic.fix_withheld:
        yield f"{style.paint('help', '1;36')}: no fix: {printable(diagnostic.fix_withheld)}"


class _Gutter:
    """What stands before the text of a row: its number, or a sign, and a bar."""

    def __init__(self, width: int, style: Style) -> None:
        self.width = width
        self.style = style

    def __call__(self, label: str, text: str, sign: str = "|", colour: str = "1;34") -> str:
        return (self.style.paint(f"{label:>{self.width}} {sign}", colour) + " " + text).rstrip()


def _rows(page: Page, first: int, last: int, context: int) -> range:
    """Return the rows to show around those from first to last; empty ones at the rim are not worth it."""
    low, high = max(first - context, 1), min(last + context, len(page.starts))
    while low < first and not page.row(low).strip():
        low += 1
    while high > last and not page.row(high).strip():
        high -= 1
    return range(low, max(high, low) + 1)


def _excerpt(page: Page, rows: Sequence[int], diagnostic: Diagnostic, gutter: _Gutter) -> Iterator[str]:
    """Yield the rows around a finding; of one that goes over several rows, the first is underlined."""
    row, start, end = diagnostic.start.row, diagnostic.start.column - 1, diagnostic.end.column - 1
    text = page.row(row)
    if diagnostic.end.row != row:
        end = len(text)
    before, under = len(_columns(text[:start])), max(len(_columns(text[start:end])), 1)
    cut = max(before - WIDTH // 2, 0) if max(len(_columns(page.row(each))) for each in rows) > WIDTH else 0
    yield gutter("", "")
    for each in rows:
        yield gutter(str(each), _shortened(page.row(each), cut))
        if each == row:
            carets = "^" * max(min(under, WIDTH - before + cut), 1)
            yield gutter("", " " * (before - cut) + gutter.style.paint(carets, "1;31"))
    if rows[-1] != row:
        yield gutter("", "")


def _change(diagnostic: Diagnostic, fix: Repair, texts: Texts, gutter: _Gutter) -> Iterator[str]:
    """Yield what a fix changes, each cell of a notebook for itself; rows are counted as they are afterwards."""
    cells = dict.fromkeys(edit.cell for edit in fix.edits)
    for cell in cells:
        page = texts.page(diagnostic, cell)
        if page is None:
            continue
        if cell is not None:
            yield gutter.style.paint(" " * gutter.width + ":::", "1;34") + f" cell {cell}"
        yield gutter("", "")
        moved = 0
        edits = sorted((edit for edit in fix.edits if edit.cell == cell), key=lambda edit: page.offset(edit.start))
        for number, group in enumerate(_near(edits)):
            if number:
                yield gutter("", "...", sign=" ")
            hunk, moved = _hunk(page, group, moved, gutter)
            yield from hunk
        yield gutter("", "")


def _near(edits: Sequence[Replacement]) -> Iterator[list[Replacement]]:
    """Yield the edits in groups whose rows lie together."""
    group: list[Replacement] = []
    for edit in edits:
        if group and edit.start.row > group[-1].end.row + CONTEXT:
            yield group
            group = []
        group.append(edit)
    if group:
        yield group


def _hunk(page: Page, edits: Sequence[Replacement], moved: int, gutter: _Gutter) -> tuple[list[str], int]:
    """Return the rows of one group, and by how many rows all that follows has moved."""
    touched = range(edits[0].start.row, min(edits[-1].end.row, len(page.starts)) + 1)
    rows = _rows(page, touched[0], touched[-1], CONTEXT // 2)
    low = page.starts[rows[0] - 1]
    high = page.starts[rows[-1]] if rows[-1] < len(page.starts) else len(page.text)
    parts, done = [], low
    for edit in edits:
        parts += [page.text[done : max(page.offset(edit.start), done)], edit.content]
        done = max(page.offset(edit.end), done)
    old = _split(page.text[low:high])
    new = _split("".join(parts) + page.text[done:high])
    shown: list[str] = []
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            shown += [gutter(str(rows[0] + moved + k + n), _shortened(text, 0)) for n, text in enumerate(new[k:m])]
        else:
            shown += [gutter("", _shortened(text, 0), "-", "31") for text in old[i:j]]
            shown += [
                gutter(str(rows[0] + moved + k + n), _shortened(text, 0), "+", "32") for n, text in enumerate(new[k:m])
            ]
    return shown, moved + len(new) - len(old)


def _split(text: str) -> list[str]:
    rows = LINE_END.split(text)
    return rows if rows[-1] else rows[:-1]


def _shortened(text: str, cut: int) -> str:
    """Return the columns of a row from ``cut`` on, at most WIDTH of them."""
    columns = _columns(text)
    if not cut and len(columns) <= WIDTH:
        return "".join(columns)
    kept = columns[cut : cut + WIDTH]
    if cut and kept:
        kept = ["…", *kept[1:]]
    if len(columns) > cut + WIDTH:
        kept = [*kept[:-1], "…"]
    return "".join(kept)


def _columns(text: str) -> list[str]:
    """Return what a terminal's columns show of a text: a wide character and an empty string, a tab as four blanks."""
    columns: list[str] = []
    for character in text:
        if character == "\t":
            columns += "    "
        elif unicodedata.category(character) in ("Mn", "Me") and columns:
            columns[-1] += character
        else:
            columns.append(_visible(character))
            if unicodedata.east_asian_width(character) in "WF":
                columns.append("")
    return columns


def _visible(character: str) -> str:
    """Return the character, or a picture of one that would do something to a terminal."""
    number = ord(character)
    if number < 0x20:
        return chr(0x2400 + number)
    if number == 0x7F:
        return "\u2421"
    return character if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else "\ufffd"
