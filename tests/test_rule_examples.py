"""Every example of every rule card, run: the cards' fenced blocks are documentation and tests at once.

Those of the probe are run by ``tests/probe/test_cards.py``.
"""

from __future__ import annotations

from typing import Any

import pytest

from reglint.examples import Example
from reglint.rulebook import Card, load_cards
from reglint.settings import Selection, Settings


def _shown(card: Card) -> tuple[str, ...]:
    """The rules that a card's examples are about: its own, and those that they name beside it."""
    named = {expected.code for example in card.examples for expected in example.expected}
    return tuple(sorted({card.code, *named}))


def _settings(card: Card, example: Example, unsafe_fixes: bool = False) -> Settings:
    """The settings for an example; a rule to opt in to, or in preview, is on in its own."""
    return Settings(
        keras_version=example.attributes.get("keras"),
        target=example.attributes.get("target"),
        unsafe_fixes=unsafe_fixes,
        preview=not card.stable,
        selections=() if card.kind == "run" else (Selection(select=_shown(card)),),
    )


def _others(card: Card, example: Example) -> dict[str, str]:
    """The other files of the example's project."""
    return {
        other.filename: other.source
        for other in card.examples
        if other.group == example.group and other.label != "fixed" and other.filename != example.filename
    }


def _fixed(card: Card, example: Example, unsafe: bool) -> str:
    """What fixing should make of an example; one without a ``fixed`` block stays as it is."""
    for other in card.examples:
        same = other.group == example.group and other.filename == example.filename
        if same and other.label == "fixed" and other.unsafe == unsafe:
            return other.source
    return _fixed(card, example, unsafe=False) if unsafe else example.source


def _findings(card: Card, example: Example, source: str) -> list[tuple[int, str, str]]:
    from reglint import check_source

    found = check_source(
        source, filename=example.filename, settings=_settings(card, example), modules=_others(card, example)
    )
    return sorted((source.count("\n", 0, f.start) + 1, f.code, f.severity.value) for f in found)


def _mended(card: Card, example: Example, source: str, unsafe: bool) -> str:
    from reglint import fix_source

    raw, _ = fix_source(
        source,
        filename=example.filename,
        settings=_settings(card, example, unsafe_fixes=unsafe),
        modules=_others(card, example),
    )
    return raw.decode("utf-8")


def _cases(*labels: str, unsafe: bool | None = None) -> list[Any]:
    """Parameters for the examples of all cards that carry one of the labels."""
    return [
        pytest.param(card, example, id=f"{card.code}-line-{example.line}")
        for card in load_cards().values()
        if card.kind != "probe"
        for example in card.examples
        if example.label in labels and unsafe in (None, example.unsafe)
    ]


@pytest.mark.parametrize(("card", "example"), _cases("bad"))
def test_a_bad_example_has_exactly_the_findings_marked_in_it(card: Card, example: Example) -> None:
    expected = sorted((e.line, e.code, e.severity.value) for e in example.expected)
    assert _findings(card, example, example.source) == expected


@pytest.mark.parametrize(("card", "example"), _cases("good"))
def test_a_good_example_is_silent(card: Card, example: Example) -> None:
    assert _findings(card, example, example.source) == []


@pytest.mark.parametrize(("card", "example"), _cases("good", "bad"))
def test_safe_fixes_make_of_an_example_what_the_card_shows(card: Card, example: Example) -> None:
    assert _mended(card, example, example.source, unsafe=False) == _fixed(card, example, unsafe=False)


@pytest.mark.parametrize(("card", "example"), _cases("fixed", unsafe=True))
def test_unsafe_fixes_make_of_an_example_what_the_card_shows(card: Card, example: Example) -> None:
    bad = next(e for e in card.examples if e.group == example.group and e.label == "bad")
    assert _mended(card, example, bad.source, unsafe=True) == example.source


@pytest.mark.parametrize(("card", "example"), _cases("fixed"))
def test_fixing_what_is_fixed_changes_nothing(card: Card, example: Example) -> None:
    assert _mended(card, example, example.source, unsafe=example.unsafe) == example.source


@pytest.mark.parametrize(("card", "example"), _cases("fixed"))
def test_what_is_fixed_has_fewer_findings_than_before(card: Card, example: Example) -> None:
    bad = next(
        e for e in card.examples if e.group == example.group and e.label == "bad" and e.filename == example.filename
    )
    assert len(_findings(card, example, example.source)) < len(bad.expected)
