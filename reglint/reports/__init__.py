"""Output formats, one small module each: diagnostics in, text out. None of them knows where the text goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reglint.diagnostics import Diagnostic

FORMATS = ("text", "json")


@dataclass(frozen=True)
class Style:
    """How a report is to look: with colour or not, and which fixes count as available."""

    colour: bool = False
    unsafe_fixes: bool = False

    def paint(self, text: str, codes: str) -> str:
        """Return ``text`` in the colour of an ANSI code such as ``1;31``, where colour is wanted."""
        return f"\x1b[{codes}m{text}\x1b[0m" if self.colour else text


@dataclass(frozen=True)
class Summary:
    """What a run came to: the findings that are left, how many were mended, and how many files could not be read."""

    left: Sequence[Diagnostic]
    applied: int = 0
    failed: bool = False
