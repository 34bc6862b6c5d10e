"""Frozen layers: their weight penalty is part of the reported loss in Keras 2, and no longer in Keras 3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from reglint.findings import Finding
from reglint.names.scopes import Link, Mention
from reglint.names.values import InstanceValue, LiteralValue, MadeValue
from reglint.rulebook import Card, facts
from reglint.usage.arguments import layers_of
from reglint.usage.file import File
from reglint.usage.hazards import named, version_data
from reglint.usage.holders import holders, is_penalty, listed, weight_penalties
from reglint.usage.penalties import Penalties, Penalty, penalties_in
from reglint.versions import Release

_ACTIVITY = "activity_regularizer"


class Change(NamedTuple):
    """What happens on the way to the target: which releases keep the penalty, and which leave it out."""

    kept: tuple[Release, ...]
    gone: tuple[Release, ...]
    gains: bool


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each ``trainable`` that freezes a regularizer, where the target treats it differently."""
    if file.target is None:
        return
    penalties = penalties_in(file)
    for mention in file.mentions("trainable"):
        package, found = _frozen(file, penalties, mention)
        change = _change(file, card, package) if found else None
        if change is not None:
            start, end = file.span(mention.node)
            data = version_data(file, package, change.kept + change.gone)
            yield Finding(card.code, card.name, card.severity, _message(found, change), start, end, data=data)


def _frozen(file: File, penalties: Penalties, mention: Mention) -> tuple[str, tuple[Penalty, ...]]:
    """The weight penalties of what is frozen where ``trainable`` is mentioned, and the package that it is from."""
    parent, link = mention.above
    if link is None:
        return "", ()
    if isinstance(parent, cst.Arg) and parent.keyword is mention.node and isinstance(link.node, cst.Call):
        if _is_false(file, parent.value, mention):
            return _frozen_by_argument(file, penalties, link.node, mention)
    elif isinstance(parent, cst.Attribute) and parent.attr is mention.node:
        assigned = _assigned(link)
        if assigned is not None and _is_false(file, assigned, mention):
            values = holders(file.resolver, parent.value, mention.place)
            known = [value for value in values if isinstance(value, (MadeValue, InstanceValue))]
            if known:
                return penalties.package(known[0]), weight_penalties(penalties, known)
    return "", ()


def _assigned(link: Link) -> cst.BaseExpression | None:
    """The value of the assignment whose target the attribute below ``link`` is."""
    up = link.up
    if isinstance(link.node, cst.AssignTarget) and up is not None and isinstance(up.node, cst.Assign):
        return up.node.value
    return None


def _is_false(file: File, node: cst.BaseExpression, mention: Mention) -> bool:
    values = file.resolver.values(node, mention.place)
    return bool(values) and all(
        isinstance(value, LiteralValue) and isinstance(value.node, cst.Name) and value.node.value == "False"
        for value in values
    )


def _frozen_by_argument(
    file: File, penalties: Penalties, call: cst.Call, mention: Mention
) -> tuple[str, tuple[Penalty, ...]]:
    """``Dense(8, kernel_regularizer="l2", trainable=False)``, or a wrapper or model that is made so."""
    layers = layers_of(file, call.func, mention.place)
    own = [
        Penalty(arg.keyword.value, layers[0].name, True)
        for arg in call.args
        if len(layers) == 1 and arg.keyword is not None
        if arg.keyword.value in layers[0].facts.get("regularizers", ()) and arg.keyword.value != _ACTIVITY
        if is_penalty(file, arg.value, mention.place)
    ]
    values = [value for value in file.resolver.values(call, mention.place) if isinstance(value, MadeValue)]
    found = tuple(dict.fromkeys([*own, *weight_penalties(penalties, values)]))
    return (penalties.package(values[0]) if values else ""), found


def _change(file: File, card: Card, package: str) -> Change | None:
    """How the penalty of a frozen layer changes between what is allowed now and the target, if it does."""
    known = facts(card.facts or "frozen_loss")
    kept, gone = known["kept"]["releases"], known["gone"]["releases"]
    assert file.target is not None
    now, then = file.current, file.target
    loses = now.among(package, kept), then.among(package, gone)
    if all(loses):
        return Change(*loses, gains=False)
    gains = then.among(package, kept), now.among(package, gone)
    return Change(*gains, gains=True) if all(gains) else None


def _message(found: tuple[Penalty, ...], change: Change) -> str:
    how = "is added to the reported loss again" if change.gains else "leaves the reported loss"
    return (
        f"frozen here, the penalty of {listed(found)} {how} at the target: {named(change.kept)} reports it, "
        f"{named(change.gone)} does not; its gradient is zero in both"
    )
