"""``losses`` of a model that nothing has called yet: in Keras 3 those of activities are not among them."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from reglint.findings import Finding
from reglint.names.scopes import Mention
from reglint.names.values import MadeValue, Value
from reglint.rulebook import Card, facts
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named, version_data
from reglint.usage.holders import listed
from reglint.usage.models import functional_package
from reglint.usage.penalties import Penalty, penalties_in

_ATTRIBUTE = "losses"
_ACTIVITY = ("activity_regularizer", "activity")
_REPEATED = (cst.For, cst.While, cst.CompFor, cst.Lambda)


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each ``losses`` that lacks the activity losses of its model."""
    guards = Guards(file, (), ())
    known = facts(card.facts or "add_loss")["losses_before_call"]
    for mention in file.names.mentions.get(_ATTRIBUTE, ()):
        model = _model(mention)
        if model is None or not _is_uncalled(file, model.value, mention, known["harmless"]):
            continue
        package, penalties = _activity(file, file.resolver.values(model, mention.place))
        releases = file.among(file.allowed, package, known["releases"]) if penalties else ()
        if not releases or guards.is_prepared(mention):
            continue
        start, end = file.span(mention.node)
        message = (
            f"{listed(penalties)} is missing from `{model.value}.{_ATTRIBUTE}` before the first call of the model in "
            f"{named(releases)}{allowed_by(file, releases)}; {known['instead']}"
        )
        data = version_data(file, package, releases)
        yield Finding(card.code, card.name, card.severity, message, start, end, data=data)


def _model(mention: Mention) -> cst.Name | None:
    """``name`` of a ``name.losses`` that is read."""
    parent, link = mention.above
    if not isinstance(parent, cst.Attribute) or parent.attr is not mention.node or link is None:
        return None
    read = not isinstance(link.node, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.Del))
    return parent.value if read and isinstance(parent.value, cst.Name) else None


def _activity(file: File, values: tuple[Value, ...]) -> tuple[str, tuple[Penalty, ...]]:
    """The Keras that a functional model is from, and the activity penalties that it surely has."""
    package = functional_package(file, values)
    found = penalties_in(file).of(values) if package is not None else ()
    return package or "", tuple(penalty for penalty in found if penalty.sure and penalty.keyword in _ACTIVITY)


def _is_uncalled(file: File, name: str, mention: Mention, harmless: list[str]) -> bool:
    """Does nothing that may call the model stand between the place where it is made and the mention of its losses?"""
    place = mention.place
    bindings = file.resolver.bindings(name, place)
    if len(bindings) != 1 or bindings[0].kind != "assign" or bindings[0].place.scope is not place.scope:
        return False
    made = file.resolver.name(name, place)
    if not all(isinstance(value, MadeValue) and value.place.scope is place.scope for value in made):
        return False
    if any(isinstance(node, _REPEATED) for node in mention.above.nodes()):
        return False
    return all(
        _is_harmless(other, harmless)
        for other in place.scope.names.mentions.get(name, ())
        if bindings[0] in file.resolver.bindings(name, other.place)
        if other.place.scope is not place.scope or other.place.order <= place.order
    )


def _is_harmless(mention: Mention, harmless: list[str]) -> bool:
    """Does a mention of the model not call it, nor hand it to something that may?"""
    parent = mention.above.node
    if isinstance(parent, cst.Attribute):
        return parent.attr is mention.node or parent.attr.value in harmless
    return isinstance(parent, (cst.AssignTarget, cst.Expr))
