"""What an old argument of a callable is called today, by the tables in ``rules/facts`` and a card's own callables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from reglint.keras_api import Layer
from reglint.names.reach import Receiver
from reglint.rulebook import Card, facts
from reglint.usage.file import File

_KERAS_1 = {"keras": "<2.0.0"}
_CONVERTED = frozenset(("values", "joins", "both", "drop", "instead"))
"""Keys of ``calls.toml`` that say that more changes than the name."""


class Verdict(NamedTuple):
    """What an old argument of a callable is today.

    ``new`` is None where no single argument takes its place (``why`` says so); equal to the old one, it is right as it
    stands. ``never`` tells that no release ever knew the old one. ``converted`` marks what another rule sees to, since
    more changes than the name.
    """

    callee: str
    new: str | None
    package: str = ""
    why: str = ""
    never: bool = False
    unsafe: str = ""
    renamed: Mapping[str, str] = {}
    converted: bool = False

    def beside(self, held: frozenset[str]) -> set[str]:
        """What other keywords that are passed as well become."""
        return {self.renamed[name] for name in held if name in self.renamed}


def old_names(card: Card) -> tuple[str, ...]:
    """The arguments that a card is about, each once."""
    if card.facts != "calls":
        return card.words
    own = [old for item in card.callables for old in item.arguments]
    return tuple(dict.fromkeys([*own, *(old for layer in layer_calls() for old in _plain(layer))]))


@cache
def keras1_names() -> tuple[frozenset[str], frozenset[str]]:
    """Arguments of layers and names of regularizers that only Keras 1 has, and those that came in their place."""
    layers = [layer.get("renamed", {}) for layer in facts("layers").values()]
    calls = [_successors(row) for row in layer_calls()]
    symbols = {old: symbol["to"] for old, symbol in facts("regularizers")["symbols"].items()}
    pairs = [*layers, *calls, {old: new for old, new in symbols.items() if new not in ("l1", "l2")}]
    old = {name for renamed in pairs for name in renamed}
    today = {name for renamed in pairs for name in renamed.values()}
    return frozenset(old | set(symbols)), frozenset(today - old)


def layer_calls() -> Iterator[Mapping[str, Any]]:
    """The rows of ``calls.toml`` that are about a layer."""
    return (row for row in facts("calls").values() if "order" in row)


def verdict_on(file: File, card: Card, receiver: Receiver, old: str) -> Verdict | None:
    """What the card knows of an argument of the receiver; None if it is not the card's business."""
    if receiver.kind != "symbol":
        return None
    for item in card.callables:
        if item.name == receiver.name and old in item.arguments:
            return Verdict(receiver.name.rpartition(".")[2], item.arguments[old])
    layer = file.api.layer(receiver.name) if card.facts is not None else None
    if layer is None:
        return None
    return _call_verdict(file, layer, old) if card.facts == "calls" else _regularizer_verdict(file, card, layer, old)


def is_argument_of(file: File, card: Card, name: str, old: str) -> bool:
    """Had the layer class ``name``, wherever it comes from, an argument ``old`` that the card is about?"""
    if card.facts == "calls":
        return old in _plain(facts("calls").get(name, {}))
    layer = file.api.layer_facts(name)
    return layer is not None and old in layer.get("renamed", {})


def admits_keras1(file: File, package: str) -> bool:
    """Does the project allow a release of ``package`` that knows nothing but the names of Keras 1?"""
    return package == "keras" and file.allowed.admits("keras", "<2.0.0")


def admits_keras2(file: File, package: str) -> bool:
    """Does the project allow a release of ``package`` from Keras 2 on?"""
    return package != "keras" or file.allowed.admits("keras", ">=2.0.0")


def converts_keras1(file: File, package: str) -> bool:
    """Does the project allow a release of ``package`` that takes the names of Keras 1, with or without a warning?"""
    return package == "keras" and file.allowed.admits("keras", "<2.4.0")


def keras1_doubt(file: File, what: str = "name") -> str:
    """Why a fix is no safe one in a project that allows Keras 1, as a clause for the message."""
    origin = file.allowed.origin(file.allowed.among("keras", _KERAS_1))
    return f"Keras 1, which {origin} allows, knows only the old {what}"


# ----------------------------------------------------------------------------------------------------- calls.toml


def _plain(row: Mapping[str, Any]) -> Mapping[str, str]:
    """Old argument → today's, for those of which nothing but the name changed."""
    arguments: Mapping[str, Mapping[str, Any]] = row.get("arguments", {})
    return {old: entry["to"] for old, entry in arguments.items() if _CONVERTED.isdisjoint(entry)}


def _successors(row: Mapping[str, Any]) -> Mapping[str, str]:
    """Old argument → the one into which it goes, whatever becomes of its value."""
    arguments: Mapping[str, Mapping[str, Any]] = row.get("arguments", {})
    into = {old: entry.get("to", entry.get("joins")) for old, entry in arguments.items()}
    return {old: new for old, new in into.items() if new is not None}


def _call_verdict(file: File, layer: Layer, old: str) -> Verdict | None:
    """None where the layer never had the argument."""
    row = facts("calls").get(layer.name, {})
    never = file.api.is_keras2_only(layer.package)
    if old not in row.get("arguments", {}):
        kept = old in row.get("order", ())
        return Verdict(layer.name, old, layer.package, never=never) if kept else None
    if not admits_keras2(file, layer.package):
        return Verdict(layer.name, old, layer.package)
    new = _plain(row).get(old)
    if new is None:
        why = f"of `{layer.name}` more than the name changed"
        return Verdict(layer.name, None, layer.package, why, never, converted=True)
    today = row.get("today", layer.name)
    if today in facts("calls") and old not in facts("calls")[today].get("arguments", {}):
        # Keras 2.2.4 still has the old class, which overwrites the new argument with its own default
        why = f"the class has to change with it: `{today}` takes it as `{new}`"
        return Verdict(layer.name, None, layer.package, why, never)
    unsafe = keras1_doubt(file) if admits_keras1(file, layer.package) else ""
    return Verdict(layer.name, new, layer.package, never=never, unsafe=unsafe, renamed=_successors(row))


# ---------------------------------------------------------------------------------------------------- layers.toml


def _regularizer_verdict(file: File, card: Card, layer: Layer, old: str) -> Verdict:
    same_as: dict[str, str] = card.options.get("same-as", {})
    meant = same_as.get(old, old)
    never = old in same_as or meant not in layer.facts.get("keras1", ()) or file.api.is_keras2_only(layer.package)
    if meant in layer.facts.get("keeps", ()):
        return Verdict(layer.name, meant, layer.package, never=never)
    if not admits_keras2(file, layer.package):
        # before Keras 2 the old names are right, and those that never existed stand for them
        new = meant if meant in layer.facts.get("keras1", ()) else None
        return Verdict(layer.name, new, layer.package, _no_such(layer, old), never)
    new = layer.renamed.get(meant)
    if new is None:
        return Verdict(layer.name, None, layer.package, _no_such(layer, old), never)
    unsafe = ""
    if old in same_as and layer.facts.get("recurrent", False):
        unsafe = "`recurrent_regularizer` may be meant as well"
    elif admits_keras1(file, layer.package):
        unsafe = keras1_doubt(file)
    aliases = {name: layer.renamed[like] for name, like in same_as.items() if like in layer.renamed}
    return Verdict(layer.name, new, layer.package, never=never, unsafe=unsafe, renamed={**layer.renamed, **aliases})


def _no_such(layer: Layer, old: str) -> str:
    if "instead" in layer.facts:
        return str(layer.facts["instead"])
    takes = [name for name in layer.facts.get("regularizers", ()) if name != "activity_regularizer"]
    if not takes:
        return f"`{layer.name}` takes no regularizer of its weights"
    return f"no single argument of `{layer.name}` takes its place; it has " + ", ".join(f"`{name}`" for name in takes)
