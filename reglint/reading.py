"""Reads files that may be anything: a pipe would block, a device never end, and some are larger than the memory."""

from __future__ import annotations

import os
import stat

LARGEST = 1_000_000_000
"""Bytes of any file; a notebook of that size is mostly pictures, and nothing else of that size is code."""


def read_regular(path: str | os.PathLike[str], largest: int = LARGEST) -> bytes:
    """Return the bytes of a regular file; raise OSError for anything else, and for one with more bytes than that."""
    try:
        _require_regular(os.stat(path), largest)
        with open(path, "rb", buffering=0) as handle:
            return handle.read()
    except ValueError as error:  # a NUL within the name
        raise OSError(str(error)) from error


def read_text(path: str | os.PathLike[str], largest: int) -> str:
    """Return the text of a small regular file that is UTF-8 or something like it; raise OSError as `read_regular`."""
    text = read_regular(path, largest).decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _require_regular(status: os.stat_result, largest: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError("not a regular file")
    if status.st_size > largest:
        raise OSError(f"too large ({status.st_size:,} bytes, limit {largest:,})")
