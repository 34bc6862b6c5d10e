"""What ends a line: only what does so for Python, which form feeds and Unicode's line separators do not."""

from __future__ import annotations

import re

LINE_END = re.compile(r"\r\n|\r|\n")


def line_starts(text: str) -> list[int]:
    """Takes any text; returns the offset of each of its lines."""
    return [0, *(match.end() for match in LINE_END.finditer(text))]
