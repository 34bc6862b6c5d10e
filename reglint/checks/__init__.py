"""The checks: one module per kind of rule card. A check takes a file and a card and yields findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from reglint.findings import Finding
from reglint.rulebook import Card
from reglint.usage.file import Context, File

if TYPE_CHECKING:
    from reglint.source import Source
    from reglint.syntax import Parsed

__all__ = ["Context", "check"]


def check(source: Source, parsed: Parsed, context: Context) -> Iterator[Finding]:
    """The findings of every selected card in a parsed file, in no particular order."""
    words = frozenset(word for card in context.cards.values() for word in card.words)
    file = File(source, parsed, context, words)
    # a magic such as `%env KERAS_BACKEND=jax` may hold a word as well
    escapes = source.notebook.escapes if source.notebook is not None else ()
    text = "\n".join([source.text, *(escape.text for escape in escapes)])
    holds = cache(lambda word: word.removesuffix("=") in text)
    for card in context.cards.values():
        if any(all(map(holds, words)) for words in card.triggers_with(context.layers)):
            yield from _check_of(card.kind)(file, card)


@cache
def _check_of(kind: str) -> Callable[[File, Card], Iterator[Finding]]:
    """What looks for a kind of finding; modules of kinds that nothing wakes are never imported."""
    found: Callable[[File, Card], Iterator[Finding]] = import_module(f"reglint.checks.{kind.replace('-', '_')}").check
    return found
