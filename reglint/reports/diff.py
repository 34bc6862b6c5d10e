"""``--diff``: what fixing would change, as a unified diff; of a notebook, one diff for each changed cell."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any


def unified(shown: str, before: bytes, after: bytes) -> bytes:
    """Return the diff between two states of the file ``shown``, in the file's own encoding."""
    if before == after:
        return b""
    name = shown.encode("utf-8", "surrogateescape")
    if not shown.lower().endswith(".ipynb"):
        return b"".join(_hunks(name, before, after))
    parts: list[bytes] = []
    for number, (old, new) in enumerate(zip_longest(_cells(before), _cells(after), fillvalue=""), start=1):
        cell = name + f":cell {number}".encode()
        parts += _hunks(cell, old.encode("utf-8", "surrogatepass"), new.encode("utf-8", "surrogatepass"))
    return b"".join(parts)


def _hunks(name: bytes, before: bytes, after: bytes) -> Iterator[bytes]:
    """Yield the lines of one diff; bytes, so that no encoding and no line end is lost."""
    if before == after:
        return
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for line in difflib.diff_bytes(difflib.unified_diff, old, new, name, name, lineterm=b"\n"):
        yield line if line.endswith((b"\n", b"\r")) else line + b"\n\\ No newline at end of file\n"


def _cells(raw: bytes) -> list[str]:
    """Return the source of every cell of a notebook (nbformat 3 keeps cells in worksheets, and code in ``input``)."""
    document: dict[str, Any] = json.loads(raw.decode("utf-8-sig"))
    cells = document.get("cells")
    if cells is None:
        cells = [cell for sheet in document.get("worksheets", ()) for cell in sheet.get("cells", ())]
    return ["".join(cell.get("source", cell.get("input", ""))) for cell in cells]
