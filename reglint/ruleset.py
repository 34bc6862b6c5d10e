"""Settings made ready to run: which cards, what wakes them, and which Keras they are judged for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reglint.settings import (
    UNREADABLE,
    UNUSED_SUPPRESSION,
    Settings,
    SettingsError,
    check_selectors,
    covers,
    selected_codes,
)
from reglint.triggers import NOQA, Triggers, may_suppress

if TYPE_CHECKING:
    from reglint.rulebook import Card
    from reglint.versions import Allowed


@dataclass(frozen=True)
class Rules:
    """Settings made ready to run; ``stated`` and ``target`` are None where the settings name no Keras.

    Of the ``triggers``, those in ``in_house`` wake a rule that needs no Keras to speak.
    """

    settings: Settings
    cards: Mapping[str, Card]
    selected: frozenset[str]
    triggers: Triggers
    in_house: Triggers
    prefixes: tuple[bytes, ...]
    stated: Allowed | None
    target: Allowed | None

    @property
    def known(self) -> frozenset[str]:
        """Every code that may be named: the cards' and the run's own."""
        return frozenset({*self.cards, UNREADABLE, UNUSED_SUPPRESSION})

    def may_speak(self, raw: bytes) -> bool:
        """Say whether a file with the given bytes may hold anything at all."""
        words = self.triggers.words_in(raw)
        if self.triggers.met_by(words, raw):
            return True
        return not words.isdisjoint(NOQA) and may_suppress(raw, self.prefixes)

    def active(self, path: str) -> frozenset[str]:
        """Return the codes that run on the file at ``path``."""
        out = self.settings.ignored_for(path)
        return frozenset(code for code in self.selected if not any(covers(selector, code) for selector in out))


def rules_for(settings: Settings) -> Rules:
    """Load the cards and check everything in ``settings`` that refers to them; raise SettingsError in one line."""
    from reglint.rulebook import RulebookError, load_cards

    try:
        cards = load_cards(settings.rule_paths)
    except RulebookError as error:
        raise SettingsError(" ".join(str(error).split())) from None
    stated = _release_range(settings, "keras-version", settings.keras_version)
    target = _release_range(settings, "target", settings.target)
    stable = {UNREADABLE: True, UNUSED_SUPPRESSION: True} | {code: card.stable for code, card in cards.items()}
    opt_in = {code for code, card in cards.items() if card.opt_in}
    check_selectors(settings, stable)
    selected = selected_codes(settings.selections, stable, settings.preview, opt_in) - {UNREADABLE}
    if target is None:
        selected -= {code for code, card in cards.items() if card.needs_target}
    chosen = [cards[code] for code in selected if code in cards]
    prefixes = {code.rstrip("0123456789").encode() for code in stable}
    alternatives = [words for card in chosen for words in card.triggers_with(settings.layers)]
    triggers = Triggers.of(alternatives, NOQA if UNUSED_SUPPRESSION in selected else frozenset())
    # In-house layers, and the callables that a card describes, may have any name for their own.
    in_house = (
        alternatives if settings.layers else [words for card in chosen if card.callables for words in card.triggers]
    )
    return Rules(settings, cards, selected, triggers, Triggers.of(in_house), tuple(sorted(prefixes)), stated, target)


def _release_range(settings: Settings, key: str, value: str | None) -> Allowed | None:
    """Return what a key of the settings says of Keras, None where it is not there; raise SettingsError in one line."""
    if not value:
        return None
    from reglint.versions import Allowed

    try:
        return Allowed.parse(value, f"`{key} = {value}`")
    except ValueError as error:
        where = f"{settings.origin}: " if settings.origin else ""
        raise SettingsError(where + " ".join(str(error).split())) from None


@dataclass
class Rulesets:
    """The rules of each settings, prepared once."""

    _known: dict[int, tuple[Settings, Rules]] = field(default_factory=dict)

    def of(self, settings: Settings) -> Rules:
        """Return the rules of ``settings``."""
        known = self._known.get(id(settings))
        if known is None:
            # The settings are kept beside their rules, or another object could come to have their id.
            known = self._known[id(settings)] = (settings, rules_for(settings))
        return known[1]
