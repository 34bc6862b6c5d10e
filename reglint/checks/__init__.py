"""The checks: one module per kind of rule card. A check takes a file and a card and yields findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from reglint.checks.file import Context, File
from reglint.findings import Finding
from reglint.rulebook import Card

if TYPE_CHECKING:
    from reglint.source import Source
    from reglint.syntax import Parsed

__all__ = ["Context", "check"]


def check(source: Source, parsed: Parsed, context: Context) -> Iterator[Finding]:
    """The findings of every selected card in a parsed file, in no particular order."""
    words = frozenset(word for card in context.cards.values() for words in card.triggers for word in words)
    file = File(source, parsed, context, words)
    kinds = _checks()
    for card in context.cards.values():
        if card.kind in kinds:
            yield from kinds[card.kind](file, card)


def _checks() -> dict[str, Callable[[File, Card], Iterator[Finding]]]:
    from reglint.checks import (
        foreign_regularizer,
        removed_symbol,
        renamed_argument,
        renamed_parameter,
        renamed_symbol,
    )

    return {
        "renamed-argument": renamed_argument.check,
        "renamed-symbol": renamed_symbol.check,
        "removed-symbol": removed_symbol.check,
        "renamed-parameter": renamed_parameter.check,
        "foreign-regularizer": foreign_regularizer.check,
    }
