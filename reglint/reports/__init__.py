"""Output formats, one small module each: diagnostics in, text out. None of them knows where the text goes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reglint.diagnostics import Diagnostic


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
    """What a run came to: the findings that are left, how many were mended, and whether a part of it failed.

    ``problems`` and ``warnings`` are lines about what is in no file. ``held`` has the bytes of files whose findings do
    not stand in what lies on the disk: stdin, and what a diff only shows; None for one that is no text, such as a
    model. ``rule_paths`` are cards beside the built-in ones. ``known`` findings were held back, since a baseline has
    them; of it ``gone`` were not found any more.
    """

    left: Sequence[Diagnostic]
    applied: int = 0
    failed: bool = False
    problems: Sequence[str] = ()
    warnings: Sequence[str] = ()
    held: Mapping[str, bytes | None] = field(default_factory=dict)
    rule_paths: Sequence[Path] = ()
    known: int = 0
    gone: int = 0


def report(fmt: str, summary: Summary, style: Style) -> Iterator[str]:
    """Yield the findings in one of FORMATS, a line or a whole document at a time, without line ends behind them."""
    if fmt in ("text", "concise"):
        from reglint.reports import text

        yield from text.lines(summary.left, style)
    elif fmt == "json":
        from reglint.reports import json

        yield json.render(summary.left)
    else:
        from importlib import import_module

        yield from import_module(f"reglint.reports.{fmt.replace('-', '_')}").lines(summary, style)


def place_of(diagnostic: Diagnostic) -> str:
    """Return where a finding starts, as its user counts: ``12:5``, or ``cell 3:12:5``."""
    cell = f"cell {diagnostic.cell}:" if diagnostic.cell is not None else ""
    return f"{cell}{diagnostic.start.row}:{diagnostic.start.column}"


# Control characters, line separators, what turns the direction of text, and what no encoding or no XML can hold.
_UNPRINTABLE = "[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"


def printable(text: str) -> str:
    """Return the text on one line, with escapes such as ``\\n`` and ``\\x1b`` for what a line cannot show."""
    return re.sub(_UNPRINTABLE, lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
