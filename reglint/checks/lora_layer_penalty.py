"""Layers with LoRA factors: the penalty of the kernel becomes one of the factors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import libcst as cst

from reglint.findings import Finding
from reglint.names.scopes import Mention
from reglint.names.values import LiteralValue, MadeValue
from reglint.rulebook import Card, facts
from reglint.usage.calls import CallSite, calls_in, is_none
from reglint.usage.constructions import constructions, value_under
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named, version_data
from reglint.usage.holders import listed
from reglint.usage.members import Members, members, weight_penalties_of
from reglint.usage.penalties import Penalty, penalties_in
from reglint.versions import Release

_MOVED = ("kernel_regularizer", "embeddings_regularizer")


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each ``enable_lora`` or ``lora_rank`` of a layer whose kernel or embeddings have a regularizer."""
    for site in calls_in(file).named(file.names, "enable_lora"):
        yield from _finding(file, card, site.mention, *_enabled(file, site))
    for mention in file.mentions("lora_rank"):
        yield from _finding(file, card, mention, *_made_with_rank(file, mention))


def _enabled(file: File, site: CallSite) -> tuple[str, list[Penalty]]:
    """``layer.enable_lora(4)``, ``layer`` perhaps being the variable of a loop over the layers of a model."""
    found = members(file, site.base, site.place) if site.base is not None else None
    if found is None or _has_no_rank(file, site) or not (found.each or _are_layers(file, found)):
        return "", []
    penalties = penalties_in(file)
    every = weight_penalties_of(penalties, found) if not _is_frozen(file, found) else ()
    return penalties.package(found.values[0]), [penalty for penalty in every if penalty.keyword in _MOVED]


def _are_layers(file: File, found: Members) -> bool:
    """Are they Keras's own layers? Only these are known to do what was measured."""
    return all(isinstance(value, MadeValue) and file.api.layer(value.qualname) is not None for value in found.values)


def _has_no_rank(file: File, site: CallSite) -> bool:
    """``enable_lora(None)`` and ``enable_lora()`` fail."""
    if not site.call.args:
        return True
    return any(is_none(value) for value in file.resolver.values(site.call.args[0].value, site.place))


def _is_frozen(file: File, found: Members) -> bool:
    """Is ``trainable`` of one of them assigned somewhere? A frozen layer adds no penalty at all."""
    calls = [value.call for value in found.values if isinstance(value, MadeValue)]
    for assigned in file.names.attributes.get("trainable", ()):
        values = file.resolver.values(assigned.target.value, assigned.place)
        if any(isinstance(value, MadeValue) and value.call in calls for value in values):
            return True
    return False


def _made_with_rank(file: File, mention: Mention) -> tuple[str, list[Penalty]]:
    """``Dense(8, lora_rank=4)``, also through a dict or a partial."""
    value = value_under(mention)
    if value is None or not _is_rank(file, value, mention):
        return "", []
    penalties = penalties_in(file)
    found = [
        (made.layer.package, penalty)
        for made in constructions(file, mention)
        for penalty in penalties.of_layer(made.layer, made.calls, frozen=False)
        if penalty.sure and penalty.keyword in _MOVED and penalty.layer == made.layer.name
    ]
    return (found[0][0] if found else ""), [penalty for _, penalty in found]


def _is_rank(file: File, node: cst.BaseExpression, mention: Mention) -> bool:
    """Is this surely a number other than 0? ``None`` and 0 leave the layer without factors."""
    values = file.resolver.values(node, mention.place)
    return bool(values) and all(
        isinstance(value, LiteralValue) and isinstance(value.node, cst.Integer) and int(value.node.evaluated_value) > 0
        for value in values
    )


# ------------------------------------------------------------------------------------------------------------- finding


def _finding(file: File, card: Card, mention: Mention, package: str, found: list[Penalty]) -> Iterator[Finding]:
    known = facts(card.facts or "frozen_loss")
    moved: list[Penalty] = []
    releases: dict[Release, None] = {}
    for penalty in dict.fromkeys(found):
        engines = file.engines(package, _releases(known, penalty.layer))
        if engines:
            moved.append(penalty)
            releases.update(dict.fromkeys(engines))
    if not moved:
        return
    every = tuple(releases)
    message = (
        f"with LoRA, {listed(moved)} penalizes the two LoRA factors instead of the weights in {named(every)}"
        f"{allowed_by(file, every)}: the frozen weights, and the product that is added to them, are not penalized"
    )
    start, end = file.span(mention.node)
    data = version_data(file, package, every)
    yield Finding(card.code, card.name, card.severity, message, start, end, data=data)


def _releases(known: Mapping[str, Any], layer: str) -> Mapping[str, str]:
    """The releases in which a layer was measured to have LoRA; none for most layers."""
    for name, table in known.items():
        if name.startswith("lora") and layer in table.get("layers", ()):
            releases: Mapping[str, str] = table["releases"]
            return releases
    return {}
