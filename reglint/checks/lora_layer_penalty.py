"""Layers with LoRA factors: the penalty of the kernel becomes one of the factors."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from reglint.findings import Finding
from reglint.names.scopes import Mention
from reglint.names.values import InstanceValue, MadeValue
from reglint.rulebook import Card, facts
from reglint.usage.arguments import is_given, layers_of
from reglint.usage.calls import CallSite, calls_in
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named, version_data
from reglint.usage.holders import holders, is_penalty, listed, weight_penalties
from reglint.usage.penalties import Penalties, Penalty, penalties_in

_MOVED = ("kernel_regularizer", "embeddings_regularizer")


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each ``enable_lora`` or ``lora_rank`` of a layer whose kernel or embeddings have a regularizer."""
    penalties = penalties_in(file)
    for site in calls_in(file).named(file.names, "enable_lora"):
        package, found = _enabled(file, penalties, site)
        yield from _finding(file, card, site.mention, package, found)
    for mention in file.mentions("lora_rank"):
        package, found = _made_with_rank(file, mention)
        yield from _finding(file, card, mention, package, found)


def _enabled(file: File, penalties: Penalties, site: CallSite) -> tuple[str, list[Penalty]]:
    """``layer.enable_lora(4)``."""
    values = holders(file.resolver, site.base, site.place) if site.base is not None else ()
    known = [value for value in values if isinstance(value, (MadeValue, InstanceValue))]
    found = [p for p in weight_penalties(penalties, known) if p.keyword in _MOVED]
    return (penalties.package(known[0]) if known else ""), found


def _made_with_rank(file: File, mention: Mention) -> tuple[str, list[Penalty]]:
    """``Dense(8, lora_rank=4)``."""
    arg, link = mention.above
    if not isinstance(arg, cst.Arg) or arg.keyword is not mention.node or link is None:
        return "", []
    call = link.node
    layers = layers_of(file, call.func, mention.place) if isinstance(call, cst.Call) else ()
    if not isinstance(call, cst.Call) or len(layers) != 1 or not is_given(file, arg.value, mention.place):
        return "", []
    accepted = layers[0].facts.get("regularizers", ())
    return layers[0].package, [
        Penalty(other.keyword.value, layers[0].name, True)
        for other in call.args
        if other.keyword is not None and other.keyword.value in _MOVED and other.keyword.value in accepted
        if is_penalty(file, other.value, mention.place)
    ]


def _finding(file: File, card: Card, mention: Mention, package: str, found: list[Penalty]) -> Iterator[Finding]:
    releases = file.engines(package, facts(card.facts or "frozen_loss")["lora"]["releases"]) if found else ()
    if not releases:
        return
    message = (
        f"with LoRA, {listed(found)} penalizes the two LoRA factors instead of the weights in {named(releases)}"
        f"{allowed_by(file, releases)}: the frozen weights, and the product that is added to them, are not penalized"
    )
    start, end = file.span(mention.node)
    data = version_data(file, package, releases)
    yield Finding(card.code, card.name, card.severity, message, start, end, data=data)
