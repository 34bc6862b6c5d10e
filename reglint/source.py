"""Files as the rest of reglint sees them: bytes in, text with positions, and bytes out where only the edits differ."""

from __future__ import annotations

import codecs
import re
import stat
import tokenize
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from reglint.findings import Edit
from reglint.lines import line_starts
from reglint.notebook import CellSpan, Notebook, NotebookError, read_notebook

__all__ = [
    "CellSpan",
    "EditError",
    "Location",
    "Source",
    "SourceError",
    "read_source",
    "source_from_bytes",
    "source_from_text",
]


class SourceError(Exception):
    """A file that cannot be read: one line that says what is wrong and what to do, and the row if there is one."""

    def __init__(self, message: str, row: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.row = row


class EditError(Exception):
    """Edits that cannot be made without touching something else; the message is a clause that says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class Location:
    """Where something stands, as its user counts: rows and columns from 1, in characters, within the cell."""

    row: int
    column: int
    cell: int | None = None


@dataclass(frozen=True)
class Source:
    """A file's Python text, and the way from there to rows, columns and bytes."""

    filename: str
    raw: bytes = field(repr=False)
    text: str = field(repr=False)
    encoding: str
    notebook: Notebook | None = field(default=None, repr=False, compare=False)

    @property
    def is_notebook(self) -> bool:
        """Whether the text comes from a notebook's code cells."""
        return self.notebook is not None

    @property
    def cells(self) -> tuple[CellSpan, ...]:
        """The code cells of a notebook; none for a Python file."""
        return self.notebook.cells if self.notebook else ()

    def location(self, offset: int) -> Location:
        """Takes an offset in the text; returns where a user finds it."""
        if self.notebook:
            cell, row, column = self.notebook.position(offset)
            return Location(row, column, cell)
        row = bisect_right(self._line_starts, offset)
        return Location(row, offset - self._line_starts[row - 1] + 1)

    def line_bounds(self, offset: int) -> tuple[int, int]:
        """Takes an offset in the text; returns where its line starts and ends, the line end not included."""
        row = bisect_right(self._line_starts, offset)
        start = self._line_starts[row - 1]
        stop = self._line_starts[row] if row < len(self._line_starts) else len(self.text)
        return start, start + len(self.text[start:stop].rstrip("\r\n"))

    def apply(self, edits: Sequence[Edit]) -> bytes:
        """Takes edits of the text; returns the file's bytes with just these changed. Raises EditError."""
        return self.edited(edits).raw

    def edited(self, edits: Sequence[Edit]) -> Source:
        """Takes edits of the text; returns the source they make, read back from its bytes. Raises EditError."""
        ordered = sorted(edits)
        _check(self.text, ordered)
        if self.notebook:
            raw = _spliced(self.raw, self.notebook.document, self.encoding, list(_within(self.notebook, ordered)))
        else:
            raw = _spliced(self.raw, self.text, self.encoding, ordered)
        try:
            new = source_from_bytes(raw, self.filename)
        except SourceError as error:
            raise EditError(f"the result could not be read: {error.message}") from error
        if new.text != "".join(_alternating(self.text, ordered, [edit.content for edit in ordered])):
            raise EditError("the result would not read as intended")
        return new

    @cached_property
    def _line_starts(self) -> list[int]:
        return line_starts(self.text)


def read_source(path: Path, filename: str | None = None) -> Source:
    """Takes a path and the name to show for it; returns the file's source. Raises SourceError."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceError("not a regular file; name a Python file or a notebook")  # a pipe would block
        raw = path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise SourceError(f"cannot be read: {error}") from error
    return source_from_bytes(raw, str(path) if filename is None else filename)


def source_from_text(text: str, filename: str) -> Source:
    """Takes text and its filename; returns the source of the file that would hold it. Raises SourceError."""
    try:
        raw = text.encode()
        encoding = _encoding(raw)
        return source_from_bytes(raw if encoding == "utf-8" else text.encode(encoding), filename)
    except UnicodeEncodeError as error:
        row = len(line_starts(text[: error.start]))
        raise SourceError(
            f"cannot be written as {error.encoding}: {error.reason}; declare its encoding", row
        ) from error


def source_from_bytes(raw: bytes, filename: str) -> Source:
    """Takes a file's bytes and name; returns its source, a notebook's if the name says so. Raises SourceError."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SourceError("the file is UTF-16, which Python cannot read; save it as UTF-8", 1)
    if (nul := raw.find(b"\0")) >= 0:
        raise SourceError(
            "the file holds a NUL byte and is not text; remove the byte or exclude the file", _row(raw, nul)
        )
    if not filename.lower().endswith(".ipynb"):
        encoding = _encoding(raw)
        return Source(filename, raw, _decoded(raw, encoding), encoding)
    document = _decoded(raw, "utf-8")
    try:
        notebook = read_notebook(document)
    except NotebookError as error:
        raise SourceError(error.message, len(line_starts(document[: error.offset]))) from error
    return Source(filename, raw, notebook.text, "utf-8", notebook)


_ONLY_ASCII = bytes(range(128)) + b"?" * 128


def _encoding(raw: bytes) -> str:
    """Takes a Python file's bytes; returns the encoding that its byte order mark or its cookie says."""
    # Bytes that are not ASCII may stand beside the cookie that explains them; tokenize would take them for UTF-8.
    bom = raw[: len(_bom(raw))]
    lines = [line.translate(_ONLY_ASCII) for line in _first_lines(raw[len(bom) :])]
    try:
        encoding, _ = tokenize.detect_encoding(iter([bom + lines[0], *lines[1:]]).__next__)
    except SyntaxError as error:
        row = 1 if b"coding" in lines[0] else 2
        raise SourceError(f"{error.msg}; correct the encoding cookie", row) from error
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _first_lines(raw: bytes) -> list[bytes]:
    """Takes bytes; returns the first two lines, which is where a cookie may stand."""
    match = re.match(rb"[^\r\n]*(?:\r\n|\r|\n)?[^\r\n]*", raw)
    return match[0].splitlines(keepends=True) or [b""] if match else [b""]


def _bom(raw: bytes) -> bytes:
    return codecs.BOM_UTF8 if raw.startswith(codecs.BOM_UTF8) else b""


def _decoded(raw: bytes, encoding: str) -> str:
    """Takes a file's bytes and their encoding; returns their text without byte order mark. Raises SourceError."""
    bom = len(_bom(raw))
    try:
        text = raw[bom:].decode(encoding)
    except UnicodeDecodeError as error:
        at = bom + error.start
        what = f"byte 0x{raw[at]:02x} is not {encoding.upper()}" if at < len(raw) else f"not {encoding.upper()}"
        raise SourceError(f"{what}; save the file as UTF-8 or declare its encoding", _row(raw, at)) from error
    except (LookupError, UnicodeError) as error:
        raise SourceError(
            f"the declared encoding {encoding} is none for text; correct the encoding cookie", 1
        ) from error
    if encoding != "utf-8" and (match := re.search("[\0\ud800-\udfff]", text)):
        row = len(line_starts(text[: match.start()]))
        raise SourceError(f"the declared encoding {encoding} yields no valid text; correct the encoding cookie", row)
    return text


def _row(raw: bytes, offset: int) -> int:
    return 1 + len(re.findall(rb"\r\n|\r|\n", raw[:offset]))


def _check(text: str, edits: Sequence[Edit]) -> None:
    """Takes edits in order; raises EditError if one does not fit the text or two overlap."""
    for edit in edits:
        if not 0 <= edit.start <= edit.end <= len(text) or text[edit.start : edit.end] != edit.expected:
            raise EditError(f"the text to replace is no longer {edit.expected!r}")
    for one, other in pairwise(edits):
        # Two insertions at one place have no order between them.
        if other.start < one.end or (one.start, one.end) == (other.start, other.end):
            raise EditError("two edits overlap")


def _within(notebook: Notebook, edits: Sequence[Edit]) -> Iterator[Edit]:
    """Takes edits of a notebook's text; yields those of its JSON. Raises EditError."""
    for edit in edits:
        inner = notebook.document_edits(edit)
        if inner is None:
            raise EditError("the text to replace is a magic line or does not stand in one cell")
        yield from inner


def _spliced(raw: bytes, text: str, encoding: str, edits: Sequence[Edit]) -> bytes:
    """Takes a file's bytes, their text and edits in order; returns the bytes with only the edits changed."""
    try:
        before, after = (
            _bom(raw) + b"".join(part.encode(encoding) for part in _alternating(text, edits, contents))
            for contents in ([edit.expected for edit in edits], [edit.content for edit in edits])
        )
    except UnicodeEncodeError as error:
        wrong = error.object[error.start : error.end]
        raise EditError(f"{wrong!r} cannot be written in the file's encoding, {encoding}") from error
    # Encodings with shift states, or with several spellings of a character, may not give the same bytes again.
    if before != raw:
        raise EditError(f"the file's encoding, {encoding}, does not give the same bytes again")
    return after


def _alternating(text: str, edits: Sequence[Edit], contents: Sequence[str]) -> Iterator[str]:
    """Takes edits in order; yields what stands between them and, at each edit's place, its content."""
    end = 0
    for edit, content in zip(edits, contents, strict=True):
        yield text[end : edit.start]
        yield content
        end = edit.end
    yield text[end:]
