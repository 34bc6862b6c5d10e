"""Jupyter notebooks as Python text: which character of which JSON string every character of the code comes from.

A notebook is never written anew. It is read with positions, its code cells are joined to one text that Python can
parse, and an edit of that text becomes edits inside the notebook's own JSON strings; nothing else moves.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from json import JSONDecodeError
from typing import Any

from reglint.findings import Edit
from reglint.ipython import bare, masks
from reglint.lines import line_starts
from reglint.located_json import Literal, any_value, array_of, object_of, placed, read_json, string


class NotebookError(Exception):
    """The document is no notebook: what is wrong, and the offset in the document where."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True)
class CellSpan:
    """``text[start:end]`` is the code of the notebook's ``cell``, counted from 1 over cells of every type."""

    start: int
    end: int
    cell: int


@dataclass(frozen=True)
class Escape:
    """What stood in a cell and is no Python: a magic, shell or help line, or the whole body of a ``%%bash`` cell."""

    start: int
    text: str


@dataclass(frozen=True)
class Cell:
    """The source of a cell as the notebook has it: its index, counted from 1, and the strings it is made of."""

    index: int
    literals: tuple[Literal, ...]

    @cached_property
    def source(self) -> str:
        """What the strings read together."""
        return "".join(literal.value for literal in self.literals)

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset of each line of the source."""
        return line_starts(self.source)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(literal.value) for literal in self.literals)]

    def parts(self, start: int, end: int) -> Iterator[tuple[Literal, int, int]]:
        """Takes a range of the source; yields each string it touches, with the range inside that string."""
        index = min(bisect_right(self._starts, start), len(self.literals)) - 1
        while 0 <= index < len(self.literals):
            literal, low = self.literals[index], self._starts[index]
            yield literal, start - low, min(end - low, len(literal.value))
            start = self._starts[index + 1]
            index += 1
            if start >= end:
                return


@dataclass(frozen=True)
class Stretch:
    """``text[start:end]`` stands for as many characters of a cell's source from ``offset`` on; masked ones differ."""

    start: int
    end: int
    cell: Cell
    offset: int
    masked: bool


@dataclass(frozen=True)
class Notebook:
    """A notebook's Python text, and the way back from there into the JSON document."""

    document: str
    text: str
    cells: tuple[CellSpan, ...]
    escapes: tuple[Escape, ...]
    stretches: tuple[Stretch, ...]

    def position(self, offset: int) -> tuple[int, int, int]:
        """Takes an offset in the text; returns cell, row and column as the notebook's user counts them, from 1."""
        index = bisect_right(self._stretch_starts, offset) - 1
        if index < 0:
            return (self.cells[0].cell if self.cells else 1), 1, 1
        stretch = self.stretches[index]
        place = stretch.offset + min(offset, stretch.end) - stretch.start
        row = bisect_right(stretch.cell.line_starts, place)
        return stretch.cell.index, row, place - stretch.cell.line_starts[row - 1] + 1

    def document_edits(self, edit: Edit) -> list[Edit] | None:
        """Takes an edit of the text; returns the edits of the document that do it, or None where it cannot be done.

        An edit over several strings of a ``source`` list puts its content into the first and shortens the others, so
        that the list keeps its shape.
        """
        found = self._source_range(edit.start, edit.end)
        if found is None:
            return None
        edits: list[Edit] = []
        content = edit.content
        for literal, low, high in found[0].parts(*found[1:]):
            low, high = literal.document_offset(low), literal.document_offset(high)
            edits.append(Edit(low, high, self.document[low:high], self._escaped(content)))
            content = ""
        return edits or None

    @cached_property
    def _stretch_starts(self) -> list[int]:
        return [stretch.start for stretch in self.stretches]

    def _source_range(self, start: int, end: int) -> tuple[Cell, int, int] | None:
        """Takes a range of the text; returns cell and range of its source, if every character comes from there."""
        index = bisect_right(self._stretch_starts, start) - 1
        if index > 0 and start == end and self.stretches[index].start == start and self.stretches[index].masked:
            index -= 1  # an insertion right before a masked part belongs to what stands before
        if index < 0 or start > self.stretches[index].end:
            return None
        first = last = self.stretches[index]
        while last.end < end and not last.masked:
            index += 1
            if index == len(self.stretches) or self.stretches[index].start != last.end:
                return None
            last = self.stretches[index]
        if first.masked or last.masked or first.cell is not last.cell:
            return None
        return first.cell, first.offset + start - first.start, last.offset + end - last.start

    def _escaped(self, content: str) -> str:
        return json.dumps(content, ensure_ascii=self._escapes_non_ascii)[1:-1]

    @cached_property
    def _escapes_non_ascii(self) -> bool:
        # Control characters (ANSI colours in outputs) are escaped by every writer and tell nothing.
        return self.document.isascii() and re.search(r"\\u(?!00[0-7])", self.document) is not None


_TEXT = array_of(string, otherwise=string)
_CELL = object_of(
    {"cell_type": any_value, "language": any_value, "metadata": any_value, "source": _TEXT, "input": _TEXT}
)
_CELLS = placed(array_of(placed(_CELL)))
_WORKSHEETS = placed(array_of(placed(object_of({"cells": _CELLS}))))
_NOTEBOOK = object_of({"metadata": any_value, "cells": _CELLS, "worksheets": _WORKSHEETS})


def read_notebook(document: str) -> Notebook:
    """Takes the JSON text of a notebook (nbformat 3 or 4); returns it as Python text. Raises NotebookError."""
    try:
        start, found = read_json(document, _NOTEBOOK)
    except JSONDecodeError as error:
        raise NotebookError(
            f"the notebook is not valid JSON: {error.msg}; restore or export it anew", error.pos
        ) from error
    except RecursionError as error:
        raise NotebookError("the notebook's JSON is nested too deeply; export it anew", 0) from error
    if not isinstance(found, dict) or not ("cells" in found or "worksheets" in found):
        raise NotebookError("this JSON is no Jupyter notebook: it has no cells; export it anew or exclude it", start)
    return _assembled(document, _python_cells(found))


def _python_cells(found: Mapping[str, Any]) -> Iterator[Cell]:
    """Takes a notebook's members; yields each code cell in Python. Raises NotebookError."""
    # All cells are looked at, so that a wrong shape is an error in a notebook of any language.
    cells = list(_all_cells(found))
    is_python = _speaks_python(found.get("metadata"))
    for index, (position, cell) in enumerate(cells, 1):
        if not isinstance(cell, dict):
            raise NotebookError(f"cell {index} of the notebook is not an object; export it anew", position)
        if cell.get("cell_type") != "code":
            continue
        text = cell.get("source", cell.get("input", []))
        literals = tuple(text) if isinstance(text, list) else (text,)
        if not all(isinstance(literal, Literal) for literal in literals):
            raise NotebookError(
                f"the source of cell {index} is neither a string nor a list of strings; export it anew", position
            )
        if is_python and _is_python_cell(cell):
            yield Cell(index, literals)


def _all_cells(found: Mapping[str, Any]) -> Iterator[tuple[int, Any]]:
    """Takes a notebook's members; yields position and members of each cell, over all worksheets of an old notebook."""
    if "cells" in found:
        yield from _items(found["cells"], "cells")
        return
    for position, worksheet in _items(found["worksheets"], "worksheets"):
        if not isinstance(worksheet, dict):
            raise NotebookError("a worksheet of the notebook is not an object; export it anew", position)
        if "cells" in worksheet:
            yield from _items(worksheet["cells"], "cells")


def _items(placed: tuple[int, Any], name: str) -> list[tuple[int, Any]]:
    position, value = placed
    if not isinstance(value, list):
        raise NotebookError(f"the notebook's {name!r} is not a list; export it anew", position)
    return value


_PYTHON = re.compile(r"i?python[\d.]*", re.IGNORECASE)


def _speaks_python(metadata: object) -> bool:
    """Takes a notebook's metadata; says whether its kernel speaks Python, as it does unless something else is named."""
    named = [_text_at(metadata, "kernelspec", "language"), _text_at(metadata, "language_info", "name")]
    languages = [language for language in named if language]
    return not languages or any(_PYTHON.fullmatch(language) for language in languages)


def _is_python_cell(cell: Mapping[str, Any]) -> bool:
    """Takes a code cell; says whether it is in Python, where nbformat 3 and VS Code let each cell have a language."""
    named = [_text_at(cell, "language"), _text_at(cell, "metadata", "vscode", "languageId")]
    return all(_PYTHON.fullmatch(language) for language in named if language)


def _text_at(value: object, *path: str) -> str | None:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


# From cells to one text.

_NOT_IN_SOURCE = re.compile("[\0\ud800-\udfff]")  # JSON can hold them, no Python file can


def _assembled(document: str, cells: Iterator[Cell]) -> Notebook:
    """Takes the Python cells of a document; returns the notebook they make."""
    texts: list[str] = []
    spans: list[CellSpan] = []
    escapes: list[Escape] = []
    stretches: list[Stretch] = []
    end = 0
    for cell in cells:
        start = end
        text, kept = bare(_NOT_IN_SOURCE.sub("\ufffd", cell.source))
        masked = list(masks(text))
        escapes.extend(Escape(start + mask.start, mask.expected) for mask in masked)
        masked += _last_backslash(text)
        stretches.extend(_stretches(start, cell, kept, masked))
        text = _with(masked, text)
        text += "\n"  # always, so that an edit at a cell's end changes nothing but what it says
        end = start + len(text)
        texts.append(text)
        spans.append(CellSpan(start, end, cell.index))
    return Notebook(document, "".join(texts), tuple(spans), tuple(escapes), tuple(stretches))


def _last_backslash(text: str) -> list[Edit]:
    """Takes the text of a cell; returns the mask of a backslash that would join the next cell to its last line."""
    match = re.search(r"\\(?=(?:\r\n|\r|\n)?\Z)", text)
    return [Edit(match.start(), match.end(), match[0], " ")] if match else []


def _with(masked: Sequence[Edit], text: str) -> str:
    """Takes masks in order, the last of which may lie in the one before, and a text; returns what Python reads."""
    parts: list[str] = []
    end = 0
    for mask in masked:
        if mask.start >= end:
            parts += text[end : mask.start], mask.content
            end = mask.end
    return "".join(parts) + text[end:]


def _stretches(start: int, cell: Cell, kept: Sequence[tuple[int, int]], masked: Sequence[Edit]) -> Iterator[Stretch]:
    """Takes the ranges of a cell's source that its text keeps, and the text's masks; yields the stretches."""
    pieces = [(low, high) for low, high in kept if low < high]
    if not pieces:
        yield Stretch(start, start, cell, len(cell.source), False)
    places = [0, *accumulate(high - low for low, high in pieces)]
    begins = [mask.start for mask in masked]
    cuts = sorted({*places, *begins, *(mask.end for mask in masked)})
    for left, right in pairwise(cuts):
        piece = bisect_right(places, left) - 1
        mask = bisect_right(begins, left) - 1
        offset = pieces[piece][0] + left - places[piece]
        yield Stretch(start + left, start + right, cell, offset, mask >= 0 and left < masked[mask].end)
