"""Activity regularizers where Keras before 2.1.4 is allowed, which goes wrong where models are composed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import libcst as cst

from reglint.findings import Finding, Severity
from reglint.keras_api import Layer
from reglint.names.scopes import Link, Mention, Place, dotted
from reglint.rulebook import Card, facts
from reglint.usage.arguments import Argument, arguments, layers_of
from reglint.usage.compatibility import Guards
from reglint.usage.compositions import Composition, Compositions
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named, version_data
from reglint.usage.holders import is_guarded, is_penalty
from reglint.usage.strength import is_penalty_layer, strengths_of
from reglint.usage.symbols import is_load
from reglint.usage.wrapping import wrappings
from reglint.versions import Release

_ARGUMENT = "activity_regularizer"
_LAYER = "ActivityRegularization"
_COMMON = ("activity_composed", "activity_shared_same_tensor", "activity_shared_two_inputs")
"""What any layer may be put to, so that it is worth a warning."""


class ActivityUse(NamedTuple):
    """A layer with an activity loss: what names it, and its classes.

    ``call`` is the call that makes it, where that is seen, and ``above`` what stands around that.
    """

    mention: Mention
    layers: tuple[Layer, ...]
    call: cst.Call | None
    above: Link | None

    @property
    def accepted(self) -> list[Mapping[str, str]]:
        """For each class, the releases in which it takes an activity regularizer."""
        known = facts("activity_loss")["accepted"]
        return [known[_generation(layer)]["releases"] for layer in self.layers]

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages from which the layer may come."""
        return tuple(dict.fromkeys(layer.package for layer in self.layers))


class Wrong(NamedTuple):
    """What goes wrong with one use of a layer (by the measurement's name), and in which of the allowed releases."""

    use: str
    says: str
    releases: tuple[Release, ...]


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each activity regularizer that an allowed release gets wrong somewhere."""
    compositions = Compositions(file)
    by_layers: dict[object, list[Wrong]] = {}
    for use in activity_uses(file):
        key = is_over_time(file, use), *(layer[:2] for layer in use.layers)
        if key not in by_layers:
            by_layers[key] = list(_wrong(file, use))
        if any(each.use in _COMMON for each in by_layers[key]):
            yield _finding(file, card, use, by_layers[key], compositions)


def activity_uses(file: File) -> Iterator[ActivityUse]:
    """The layers that are given an activity regularizer, and the ``ActivityRegularization`` layers."""
    guards = Guards(file, (), ())
    for argument in arguments(file, _ARGUMENT):
        if is_penalty(file, argument.value, argument.place) and not _is_chosen(guards, argument):
            yield ActivityUse(argument.mention, argument.layers, argument.call, argument.above)
    for name in dict.fromkeys([_LAYER, *_local_names(file)]):
        for mention in file.mentions(name):
            if isinstance(mention.node, cst.Name) and is_load(mention.node, mention.above.node):
                if not guards.is_prepared(mention):
                    yield from _layer_uses(file, guards, mention)


def _is_chosen(guards: Guards, argument: Argument) -> bool:
    """Does the program choose by Keras's version whether it passes the argument, or which strength it has?"""
    return is_guarded(guards, argument) or guards.is_choice(argument.value, argument.place)


def is_over_time(file: File, use: ActivityUse) -> bool:
    """Is the layer put into a ``TimeDistributed``?"""
    if use.call is None:
        return False
    return any(wrapping.wrapper.name == "TimeDistributed" for wrapping in wrappings(file, use.call))


def _local_names(file: File) -> Iterator[str]:
    """The names under which the file imports ``ActivityRegularization``."""
    for scope in file.names.scopes.values():
        for bindings in scope.bindings.values():
            for binding in bindings:
                if isinstance(binding.node, cst.ImportAlias) and dotted(binding.node.name) == _LAYER:
                    yield binding.name


def _generation(layer: Layer) -> str:
    """Since when a layer class has had the argument, as the table names it."""
    if _ARGUMENT in layer.facts.get("keras1", ()) or layer.name == _LAYER:
        return "keras1"
    young = facts("activity_loss")["accepted"]["others"]["young"]
    return "keras2" if _ARGUMENT in layer.facts.get("regularizers", ()) and layer.name not in young else "others"


def _layer_uses(file: File, guards: Guards, mention: Mention) -> Iterator[ActivityUse]:
    """The call of the mentioned layer class."""
    node: cst.BaseExpression = mention.node
    above = mention.above
    if isinstance(above.node, cst.Attribute) and above.node.attr is node and above.up is not None:
        node, above = above.node, above.up
    call = above.node
    if isinstance(call, cst.Call) and call.func is node and _is_strong(file, guards, call, mention.place):
        layers = layers_of(file, node, mention.place)
        if layers and all(layer.name == _LAYER for layer in layers):
            yield ActivityUse(mention, layers, call, above.up)


def _is_strong(file: File, guards: Guards, call: cst.Call, place: Place) -> bool:
    """Has an ``ActivityRegularization`` a strength, which does not depend on Keras's version?"""
    chosen = any(guards.is_choice(strength, place) for strength in strengths_of(call))
    return is_penalty_layer(file, call, place) and not chosen


def _wrong(file: File, use: ActivityUse) -> Iterator[Wrong]:
    """What the allowed releases get wrong, whether this use meets it or not."""
    kind = _LAYER if any(layer.name == _LAYER for layer in use.layers) else "others"
    over_time = facts("activity_loss")["over_time"] if is_over_time(file, use) else None
    for row in facts("activity_loss")["wrong"]:
        name = row.get("use") or row["claim"]
        if row.get("layers", kind) != kind or (over_time and (kind == _LAYER or name not in over_time["uses"])):
            continue
        releases = tuple(
            release
            for package in use.packages
            for release in file.engines(package, row.get("wrong_in", row["releases"]))
            if all(release in file.engines(package, accepted) for accepted in use.accepted)
        )
        if releases:
            yield Wrong(name, row["says"], releases)


def _finding(file: File, card: Card, use: ActivityUse, wrong: list[Wrong], compositions: Compositions) -> Finding:
    composition, met = _met(use, wrong, compositions)
    shown = met or [each for each in wrong if each.use in _COMMON]
    releases = tuple(dict.fromkeys(release for each in shown for release in each.releases))
    message = f"the activity loss {_clauses(shown, composition)}{allowed_by(file, releases)}; {_advice(shown)}"
    start, end = file.span(use.mention.node)
    return Finding(
        card.code,
        card.name,
        Severity.WARNING if composition is None else Severity.ERROR,
        message,
        start,
        end,
        data={**version_data(file, use.packages[0], releases), "uses": [each.use for each in shown]},
    )


def _met(use: ActivityUse, wrong: list[Wrong], compositions: Compositions) -> tuple[Composition | None, list[Wrong]]:
    """The first use of the layer's model as a layer that goes wrong, and how."""
    for composition in compositions.of(use.call) if use.call is not None else ():
        met = [each for each in wrong if each.use == _claim(composition)]
        if met:
            return composition, met
    return None, []


def _claim(composition: Composition) -> str:
    """The measurement of that way to compose models."""
    if composition.how == "called" and composition.model.qualname.endswith("Sequential"):
        return "activity_composed_sequential"
    return _CLAIMS[composition.how]


_CLAIMS = {
    "called": "activity_composed",
    "looped": "activity_on_own_input",
    "first": "activity_nested_in_sequential",
    "distributed": "activity_timedistributed_model",
}


def _clauses(wrong: Iterable[Wrong], composition: Composition | None) -> str:
    """``is dropped in a model called as a layer in Keras 2.0.0 to 2.0.2``, for each group of releases."""
    by_releases: dict[str, list[str]] = {}
    for each in wrong:
        use = facts("activity_loss")["uses"][each.use]
        where = use["text"] if composition is None else use["met"].format(by=composition.by)
        by_releases.setdefault(named(each.releases), []).append(f"{each.says} {where}")
    return "; ".join(f"{' and '.join(says)} in {releases}" for releases, says in by_releases.items())


def _advice(wrong: Iterable[Wrong]) -> str:
    """The lower bounds that end it, and what else must change."""
    first: dict[str, str] = {}
    also = ""
    for each in wrong:
        use = facts("activity_loss")["uses"][each.use]
        also = use.get("also", also)
        first.update((release.package, use["right"][release.package]) for release in each.releases)
    return "require " + " and ".join(f"{package}>={version}" for package, version in first.items()) + also
