"""Where findings stand: in the text that their rows count in, in the file as it lies on disk, and below the root."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from reglint.diagnostics import Diagnostic, Place, Replacement
from reglint.findings import Edit
from reglint.lines import line_starts
from reglint.notebook import Cell, Notebook
from reglint.reading import read_regular
from reglint.source import Source, SourceError, source_from_bytes

TOP = Place(1, 1)


@dataclass(frozen=True)
class Page:
    """The text that rows and columns count in: that of a Python file, or of one cell of a notebook."""

    text: str

    @cached_property
    def starts(self) -> list[int]:
        """The offset of each line."""
        return line_starts(self.text)

    def offset(self, place: Place) -> int:
        """Takes a place; returns its offset, at most the text's end."""
        if place.row > len(self.starts):
            return len(self.text)
        return min(self.starts[place.row - 1] + place.column - 1, len(self.text))

    def place(self, offset: int) -> Place:
        """Takes an offset; returns its place."""
        row = bisect_right(self.starts, offset)
        return Place(row, offset - self.starts[row - 1] + 1)

    def row(self, number: int) -> str:
        """Takes a row from 1 to the number of rows; returns its text without the line end."""
        stop = self.starts[number] if number < len(self.starts) else len(self.text)
        return self.text[self.starts[number - 1] : stop].rstrip("\r\n")


class Texts:
    """The files of a run as they were judged: ``held`` has the bytes of those that do not lie so on the disk.

    A file that can no longer be read, or is held as None, has no text; reports then show and point to less.
    """

    def __init__(self, held: Mapping[str, bytes | None]) -> None:
        self._held = held
        self._last: tuple[str, Source | None, Page | None] = ("", None, None)

    def page(self, diagnostic: Diagnostic, cell: int | None = None) -> Page | None:
        """Takes a finding; returns the text of its file, or of its (or another) ``cell``."""
        source = self._source(diagnostic.path)
        if source is None:
            return None
        if source.notebook is None:
            return Page(source.text)
        found = _cell(source.notebook, cell or diagnostic.cell)
        return Page(found.source) if found else None

    def region(self, diagnostic: Diagnostic) -> tuple[Place, Place]:
        """Takes a finding; returns where it starts and ends in the file itself, for a notebook in its JSON."""
        source = self._source(diagnostic.path)
        if source is None or source.notebook is None:
            # What no text is known for stands in the file as its reader counted it, unless that was within a cell.
            return (diagnostic.start, diagnostic.end) if diagnostic.cell is None else (TOP, TOP)
        cell, document = _cell(source.notebook, diagnostic.cell), self._document()
        page = Page(cell.source) if cell else None
        if cell is None or page is None or document is None:
            return TOP, TOP
        start = page.offset(diagnostic.start)
        parts = list(cell.parts(start, max(start, page.offset(diagnostic.end))))
        if not parts:
            return TOP, TOP
        (first, low, _), (last, _, high) = parts[0], parts[-1]
        return document.place(first.document_offset(low)), document.place(last.document_offset(high))

    def replacements(self, diagnostic: Diagnostic) -> list[Replacement] | None:
        """Takes a finding; returns its fix as edits of the file itself, or None where it has none that can be made."""
        source = self._source(diagnostic.path)
        if diagnostic.fix is None or source is None:
            return None
        if source.notebook is None:
            return list(diagnostic.fix.edits)
        document, found = self._document(), []
        for edit in diagnostic.fix.edits:
            inner = _document_edits(source.notebook, edit, edit.cell or diagnostic.cell)
            if inner is None or document is None:
                return None
            found += [Replacement(one.content, document.place(one.start), document.place(one.end)) for one in inner]
        return found

    def _source(self, path: str) -> Source | None:
        if self._last[0] != path:  # findings come file by file, and one text at a time is enough to keep
            source = _read(path, self._held.get(path)) if self._held.get(path, b"") is not None else None
            document = Page(source.notebook.document) if source and source.notebook else None
            self._last = (path, source, document)
        return self._last[1]

    def _document(self) -> Page | None:
        return self._last[2]


def _read(path: str, held: bytes | None) -> Source | None:
    try:
        return source_from_bytes(read_regular(path) if held is None else held, path)
    except (OSError, ValueError, SourceError):
        return None


def _cell(notebook: Notebook, index: int | None) -> Cell | None:
    return next((stretch.cell for stretch in notebook.stretches if stretch.cell.index == index), None)


def _document_edits(notebook: Notebook, edit: Replacement, cell: int | None) -> list[Edit] | None:
    """Takes an edit of a cell's text; returns the edits of the notebook's JSON that do the same."""
    found = _cell(notebook, cell)
    if found is None:
        return None
    page = Page(found.source)
    start, end = (_text_offset(notebook, found, page.offset(place)) for place in (edit.start, edit.end))
    if start is None or end is None or end < start:
        return None
    return notebook.document_edits(Edit(start, end, notebook.text[start:end], edit.content))


def _text_offset(notebook: Notebook, cell: Cell, offset: int) -> int | None:
    for stretch in notebook.stretches:
        if stretch.cell is cell and 0 <= offset - stretch.offset <= stretch.end - stretch.start:
            return stretch.start + offset - stretch.offset
    return None


# --- paths -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Root:
    """The folder that a platform shows the sources of: the git repository's, else the project's."""

    folder: str

    def below(self, path: str) -> str | None:
        """Takes an absolute path; returns it from the root on, with slashes, or None for a file somewhere else."""
        inside = os.path.join(self.folder, "")
        return path[len(inside) :].replace(os.sep, "/") if path.startswith(inside) else None

    def shown(self, path: str) -> str:
        """Takes an absolute path; returns it from the root on, or as it is."""
        return self.below(path) or path.replace(os.sep, "/")


def root_of(diagnostics: Iterable[Diagnostic]) -> Root:
    """Takes the findings of a run; returns the root around the current folder, or around the files if these lie apart.

    It does not depend on which files have findings as long as one lies below the current folder's root.
    """
    here = Root(_root(os.getcwd()))
    folders = [os.path.dirname(diagnostic.path) for diagnostic in diagnostics]
    if not folders or any(here.below(os.path.join(folder, "")) is not None for folder in folders):
        return here
    try:
        return Root(_root(os.path.commonpath(folders)))
    except ValueError:  # several drives
        return here


def _root(folder: str) -> str:
    from reglint.project import Project

    above = folder
    while not os.path.exists(os.path.join(above, ".git")):
        parent = os.path.dirname(above)
        if parent == above:
            return os.path.abspath(Project.find(os.path.join(folder, "module.py")).root or folder)
        above = parent
    return above
