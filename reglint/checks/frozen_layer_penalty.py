"""Frozen layers: their weight penalty is part of the reported loss in Keras 2, and no longer in Keras 3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from reglint.findings import Finding
from reglint.names.scopes import Link, Mention
from reglint.names.values import LiteralValue
from reglint.rulebook import Card, facts
from reglint.usage.constructions import constructions, value_under
from reglint.usage.file import File
from reglint.usage.hazards import named, version_data
from reglint.usage.holders import listed
from reglint.usage.members import members, weight_penalties_of
from reglint.usage.penalties import Penalty, penalties_in
from reglint.versions import Allowed, Release

_ACTIVITY = ("activity_regularizer", "activity")
_BESIDE = ("tf-keras", "keras-core")
"""Packages that are imported under a name of their own, and so stay what they are whatever Keras is installed."""


class Change(NamedTuple):
    """What happens on the way to the target: which releases keep the penalty, and which leave it out."""

    kept: tuple[Release, ...]
    gone: tuple[Release, ...]
    gains: bool


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each ``trainable`` that freezes a regularizer, where the target treats it differently."""
    if file.target is None:
        return
    for mention in file.mentions("trainable"):
        package, found = _frozen(file, mention)
        change = _change(file, card, file.target, package) if found else None
        if change is not None:
            start, end = file.span(mention.node)
            data = version_data(file, package, change.kept + change.gone)
            yield Finding(card.code, card.name, card.severity, _message(found, change), start, end, data=data)


def _frozen(file: File, mention: Mention) -> tuple[str, tuple[Penalty, ...]]:
    """The weight penalties of what is frozen where ``trainable`` is mentioned, and the package that it is from."""
    value = value_under(mention)
    if value is not None:
        return _made_frozen(file, mention) if _is_false(file, value, mention) else ("", ())
    target, value = _assignment(mention)
    if target is None or value is None or not _is_false(file, value, mention):
        return "", ()
    found, penalties = members(file, target, mention.place), penalties_in(file)
    return ("", ()) if found is None else (penalties.package(found.values[0]), weight_penalties_of(penalties, found))


def _made_frozen(file: File, mention: Mention) -> tuple[str, tuple[Penalty, ...]]:
    """``Dense(8, kernel_regularizer="l2", trainable=False)``, or a wrapper or model that is made so."""
    penalties = penalties_in(file)
    found = [
        (made.layer.package, penalty)
        for made in constructions(file, mention)
        for penalty in penalties.of_layer(made.layer, made.calls, frozen=True)
        if penalty.sure and penalty.keyword not in _ACTIVITY
    ]
    call = mention.above.up.node if mention.above.up is not None else None
    if not found and isinstance(call, cst.Call):
        model = members(file, call, mention.place)
        if model is not None and all(penalties.is_model(value) for value in model.values):
            return penalties.package(model.values[0]), weight_penalties_of(penalties, model)
    return (found[0][0] if found else ""), tuple(dict.fromkeys(penalty for _, penalty in found))


def _assignment(mention: Mention) -> tuple[cst.BaseExpression | None, cst.BaseExpression | None]:
    """``x`` and ``value`` of ``x.trainable = value``, of such an item of a tuple, or of ``setattr(x, …, value)``."""
    parent, link = mention.above
    if isinstance(parent, cst.Attribute) and parent.attr is mention.node and link is not None:
        return parent.value, _assigned(link, parent)
    if isinstance(parent, cst.Arg) and link is not None and isinstance(link.node, cst.Call):
        call = link.node
        if isinstance(call.func, cst.Name) and call.func.value == "setattr" and len(call.args) == 3:
            return call.args[0].value, call.args[2].value if call.args[1] is parent else None
    return None, None


def _assigned(link: Link, target: cst.Attribute) -> cst.BaseExpression | None:
    """The value of the assignment of which ``target``, below ``link``, is a target, or an item of one."""
    node, up = link
    rank: int | None = None
    if isinstance(node, cst.Element) and up is not None and isinstance(up.node, (cst.Tuple, cst.List)):
        rank = next(rank for rank, element in enumerate(up.node.elements) if element is node)
        node, up = up.up if up.up is not None else up
    if not isinstance(node, cst.AssignTarget) or up is None or not isinstance(up.node, cst.Assign):
        return None
    value = up.node.value
    if rank is None:
        return value
    if isinstance(value, (cst.Tuple, cst.List)) and rank < len(value.elements):
        every = value.elements[: rank + 1]
        return every[-1].value if all(isinstance(element, cst.Element) for element in every) else None
    return None


def _is_false(file: File, node: cst.BaseExpression, mention: Mention) -> bool:
    values = file.resolver.values(node, mention.place)
    return bool(values) and all(
        isinstance(value, LiteralValue) and isinstance(value.node, cst.Name) and value.node.value == "False"
        for value in values
    )


def _change(file: File, card: Card, target: Allowed, package: str) -> Change | None:
    """How the penalty of a frozen layer changes between what is allowed now and the target, if it does."""
    known = facts(card.facts or "frozen_loss")
    kept, gone = known["kept"]["releases"], known["gone"]["releases"]
    there = _packages_there(target, package)
    loses = file.among(file.current, package, kept), _of_all(file, target, there, gone)
    if all(loses):
        return Change(*loses, gains=False)
    gains = _of_all(file, target, there, kept), file.among(file.current, package, gone)
    return Change(*gains, gains=True) if all(gains) else None


def _packages_there(target: Allowed, package: str) -> tuple[str, ...]:
    """The packages of which the code will be once it is at the target: its own, where the target speaks of that."""
    spoken_of = {package, "keras", "tensorflow"} & set(target.bounds)
    return (package,) if spoken_of or package in _BESIDE else tuple(target.bounds)


def _of_all(file: File, allowed: Allowed, packages: tuple[str, ...], releases: dict[str, str]) -> tuple[Release, ...]:
    return tuple(dict.fromkeys(release for each in packages for release in file.among(allowed, each, releases)))


def _message(found: tuple[Penalty, ...], change: Change) -> str:
    how = "is added to the reported loss again" if change.gains else "leaves the reported loss"
    return (
        f"frozen here, the penalty of {listed(found)} {how} at the target: {named(change.kept)} reports it, "
        f"{named(change.gone)} does not; its gradient is zero in both"
    )
