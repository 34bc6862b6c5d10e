"""TOML from strangers: read in a time that one can wait for."""

from __future__ import annotations

import re
import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover (Python 3.10 only)
    import tomli as tomllib

TOMLDecodeError = tomllib.TOMLDecodeError

# The time for a key of many parts grows with their square, for many such keys with more.
_LONG_KEY = re.compile(
    r"""(?<![\w.-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){100}""",
)


def loads(text: str) -> dict[str, Any]:
    """Return what a TOML text holds; raise ValueError (TOMLDecodeError has the place in its message)."""
    found = _LONG_KEY.search(text)
    if found:
        row = text.count("\n", 0, found.start()) + 1
        raise TOMLDecodeError(f"A key of 100 parts or more (at line {row}, column 1)")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
