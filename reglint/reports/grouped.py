"""``--output-format grouped``: the findings below the name of their file, as ruff has it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from reglint.reports import Style, Summary, place_of, printable


def lines(summary: Summary, style: Style) -> Iterator[str]:
    """Yield each file with its findings, and an empty line behind."""
    for shown, group in groupby(summary.left, key=lambda diagnostic: diagnostic.shown):
        diagnostics = list(group)
        width = max(len(place_of(diagnostic)) for diagnostic in diagnostics)
        yield f"{style.paint(printable(shown), '1;4')}:"
        for diagnostic in diagnostics:
            star = style.paint("[*]", "36") + " " if diagnostic.is_fixable(style.unsafe_fixes) else ""
            withheld = f" (no fix: {diagnostic.fix_withheld})" if diagnostic.fix_withheld else ""
            code = style.paint(diagnostic.code, "1;31")
            yield f"  {place_of(diagnostic):<{width}} {code} {star}{printable(diagnostic.message + withheld)}"
        yield ""
