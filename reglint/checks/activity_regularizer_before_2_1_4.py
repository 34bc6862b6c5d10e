"""Activity regularizers where Keras before 2.1.4 is allowed, which goes wrong where models are composed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import libcst as cst

from reglint.findings import Finding, Severity
from reglint.keras_api import Layer
from reglint.names.scopes import Link, Mention, dotted
from reglint.names.values import ClassValue, FunctionValue, InstanceValue, LiteralValue, MadeValue, Symbol
from reglint.rulebook import Card, facts
from reglint.usage.arguments import Argument, arguments, is_given, layers_of
from reglint.usage.compositions import Composition, Compositions
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named, version_data
from reglint.usage.symbols import is_load
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
    by_layers: dict[tuple[tuple[str, str], ...], list[Wrong]] = {}
    for use in activity_uses(file):
        key = tuple(layer[:2] for layer in use.layers)
        if key not in by_layers:
            by_layers[key] = list(_wrong(file, use))
        if any(each.use in _COMMON for each in by_layers[key]):
            yield _finding(file, card, use, by_layers[key], compositions)


def activity_uses(file: File) -> Iterator[ActivityUse]:
    """The layers that are given an activity regularizer, and the ``ActivityRegularization`` layers."""
    for argument in arguments(file, _ARGUMENT):
        if _is_made(file, argument):
            yield ActivityUse(argument.mention, argument.layers, argument.call, argument.above)
    for name in dict.fromkeys([_LAYER, *_local_names(file)]):
        for mention in file.mentions(name):
            if isinstance(mention.node, cst.Name) and is_load(mention.node, mention.above.node):
                yield from _layer_uses(file, mention)


def _local_names(file: File) -> Iterator[str]:
    """The names under which the file imports ``ActivityRegularization``."""
    for scope in file.names.scopes.values():
        for bindings in scope.bindings.values():
            for binding in bindings:
                if isinstance(binding.node, cst.ImportAlias) and dotted(binding.node.name) == _LAYER:
                    yield binding.name


def _is_made(file: File, argument: Argument) -> bool:
    """Is the regularizer made or named here, rather than handed on by a library (`self.activity_regularizer`)?"""
    values = file.resolver.values(argument.value, argument.place)
    known = [v for v in values if isinstance(v, (MadeValue, LiteralValue, InstanceValue, FunctionValue, ClassValue))]
    named_ = [v for v in values if isinstance(v, Symbol) and file.api.regularizer(v.qualname) is not None]
    return bool(known or named_) and is_given(file, argument.value, argument.place)


def _generation(layer: Layer) -> str:
    """Since when a layer class has had the argument, as the table names it."""
    if _ARGUMENT in layer.facts.get("keras1", ()) or layer.name == _LAYER:
        return "keras1"
    young = facts("activity_loss")["accepted"]["others"]["young"]
    return "keras2" if _ARGUMENT in layer.facts.get("regularizers", ()) and layer.name not in young else "others"


def _layer_uses(file: File, mention: Mention) -> Iterator[ActivityUse]:
    """The call of the mentioned layer class."""
    node: cst.BaseExpression = mention.node
    above = mention.above
    if isinstance(above.node, cst.Attribute) and above.node.attr is node and above.up is not None:
        node, above = above.node, above.up
    call = above.node
    if isinstance(call, cst.Call) and call.func is node and call.args:
        layers = layers_of(file, node, mention.place)
        if layers and all(layer.name == _LAYER for layer in layers):
            yield ActivityUse(mention, layers, call, above.up)


def _wrong(file: File, use: ActivityUse) -> Iterator[Wrong]:
    """What the allowed releases get wrong, whether this use meets it or not."""
    kind = _LAYER if any(layer.name == _LAYER for layer in use.layers) else "others"
    for row in facts("activity_loss")["wrong"]:
        if row.get("layers", kind) != kind:
            continue
        releases = tuple(
            release
            for package in use.packages
            for release in file.engines(package, row.get("wrong_in", row["releases"]))
            if all(release in file.engines(package, accepted) for accepted in use.accepted)
        )
        if releases:
            yield Wrong(row.get("use") or row["claim"], row["says"], releases)


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
