"""What the editor has open: Python files and notebooks, as they read at this moment.

pygls keeps documents too, but splits their lines as ``str.splitlines`` does (2.1), so that a form feed or U+2028 would
put every edit behind it into the wrong line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lsprotocol import types
from pygls.uris import to_fs_path

from reglint.server.positions import Lines

_PYTHON_SUFFIXES = (".py", ".pyw")


@dataclass(frozen=True)
class Part:
    """One text of the client's: a file, or a cell of a notebook."""

    uri: str
    version: int | None
    text: str
    language: str = "python"
    is_code: bool = True


@dataclass
class Document:
    """What is judged as one: a file, which has one part, or a notebook. ``revision`` grows with every change."""

    uri: str
    path: str
    parts: list[Part]
    is_notebook: bool = False
    revision: int = 0

    def text(self) -> str:
        """What a file on the disk would hold now: the text itself, or a notebook's JSON."""
        if not self.is_notebook:
            return self.parts[0].text
        cells = [_cell(part) for part in self.parts]
        notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(notebook, ensure_ascii=False)


def _cell(part: Part) -> dict[str, Any]:
    if not part.is_code:
        return {"cell_type": "markdown", "metadata": {}, "source": part.text}
    # The key in which VS Code itself keeps that a cell is in another language than its notebook.
    metadata = {} if part.language == "python" else {"vscode": {"languageId": part.language}}
    return {"cell_type": "code", "metadata": metadata, "source": part.text, "outputs": [], "execution_count": None}


@dataclass
class Documents:
    """All that is open, by the URI of the file or notebook; ``folder`` is where untitled ones are taken to stand."""

    encoding: str = types.PositionEncodingKind.Utf16
    folder: str = field(default_factory=os.getcwd)
    _open: dict[str, Document] = field(default_factory=dict)
    _of_part: dict[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._open.values()))

    def get(self, uri: str) -> Document | None:
        """Return the file or notebook at ``uri``, if it is open."""
        return self._open.get(uri)

    def holding(self, uri: str) -> tuple[Document, int] | None:
        """Return what holds the text at ``uri``, and the number of that part."""
        document = self._open.get(self._of_part.get(uri, ""))
        if document is None:
            return None
        index = next((index for index, part in enumerate(document.parts) if part.uri == uri), None)
        return None if index is None else (document, index)

    def open_text(self, item: types.TextDocumentItem) -> Document | None:
        """Open a file; what is no Python is passed over."""
        path = self._path(item.uri)
        # A notebook's JSON as plain text has other rows than its cells.
        if path.lower().endswith(".ipynb") or not (
            item.language_id == "python" or path.lower().endswith(_PYTHON_SUFFIXES)
        ):
            return None
        return self._add(Document(item.uri, path, [Part(item.uri, item.version, item.text)]))

    def change_text(self, params: types.DidChangeTextDocumentParams) -> Document | None:
        """Change the text of a file."""
        document = self._open.get(params.text_document.uri)
        if document is not None and not document.is_notebook:
            self._change(document, params.text_document, params.content_changes)
            document.revision += 1
        return document

    def open_notebook(self, params: types.DidOpenNotebookDocumentParams) -> Document:
        """Open a notebook with its cells."""
        notebook = params.notebook_document
        texts = {item.uri: item for item in params.cell_text_documents}
        parts = [_part(cell, texts.get(cell.document)) for cell in notebook.cells]
        path = self._path(notebook.uri)
        if not path.lower().endswith(".ipynb"):
            path += ".ipynb"
        return self._add(Document(notebook.uri, path, parts, is_notebook=True))

    def change_notebook(self, params: types.DidChangeNotebookDocumentParams) -> tuple[Document | None, list[str]]:
        """Change cells of a notebook; returns it, and the URIs of the cells that it no longer has."""
        document = self._open.get(params.notebook_document.uri)
        if document is None or not document.is_notebook:
            return None, []
        before = {part.uri for part in document.parts}
        cells = params.change.cells
        if cells and cells.structure:
            self._restructure(document, cells.structure)
        if cells and cells.data:
            kinds = {cell.document: cell.kind == types.NotebookCellKind.Code for cell in cells.data}
            document.parts = [
                Part(part.uri, part.version, part.text, part.language, kinds.get(part.uri, part.is_code))
                for part in document.parts
            ]
        for content in (cells.text_content if cells else None) or ():
            self._change(document, content.document, content.changes)
        document.revision += 1
        return document, sorted(before - {part.uri for part in document.parts})

    def close(self, uri: str) -> Document | None:
        """Close a file or notebook; returns what it was."""
        document = self._open.pop(uri, None)
        for part in document.parts if document else ():
            self._of_part.pop(part.uri, None)
        return document

    def _add(self, document: Document) -> Document:
        old = self._open.get(document.uri)
        document.revision = old.revision + 1 if old else 0
        self._open[document.uri] = document
        self._of_part.update((part.uri, document.uri) for part in document.parts)
        return document

    def _change(
        self,
        document: Document,
        changed: types.VersionedTextDocumentIdentifier,
        changes: Iterable[types.TextDocumentContentChangeEvent],
    ) -> None:
        for index, part in enumerate(document.parts):
            if part.uri == changed.uri:
                text = self._changed(part.text, changes)
                document.parts[index] = Part(part.uri, changed.version, text, part.language, part.is_code)

    def _changed(self, text: str, changes: Iterable[types.TextDocumentContentChangeEvent]) -> str:
        for change in changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                lines = Lines(text, self.encoding)
                start, end = lines.offset(change.range.start), lines.offset(change.range.end)
                text = text[:start] + change.text + text[max(start, end) :]
            else:
                text = change.text
        return text

    def _restructure(self, document: Document, structure: types.NotebookDocumentCellChangeStructure) -> None:
        opened = {item.uri: item for item in structure.did_open or ()}
        known = {part.uri: part for part in document.parts}
        array = structure.array
        added = [
            known[cell.document]
            if cell.document in known and cell.document not in opened
            else _part(cell, opened.get(cell.document))
            for cell in array.cells or ()
        ]
        document.parts[array.start : array.start + array.delete_count] = added
        for uri in known:
            self._of_part.pop(uri, None)
        self._of_part.update((part.uri, document.uri) for part in document.parts)

    def _path(self, uri: str) -> str:
        """The path of a URI; what is on no disk is taken to stand in the workspace."""
        path = to_fs_path(uri)
        if path:
            return os.path.abspath(path)
        name = "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in uri.rpartition("/")[2])
        return os.path.join(self.folder, name if name.endswith(".ipynb") else name + ".py")


def _part(cell: types.NotebookCell, text: types.TextDocumentItem | None) -> Part:
    is_code = cell.kind == types.NotebookCellKind.Code
    if text is None:
        # A client sends no text for cells that its selector leaves out, such as Markdown.
        return Part(cell.document, None, "", "" if is_code else "markdown", is_code)
    return Part(cell.document, text.version, text.text, text.language_id, is_code)
