"""Which expressions are regularizers, which are layers and models that hold some, and which these are."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from reglint.names.resolve import Resolver
from reglint.names.scopes import Binding, Place
from reglint.names.values import InstanceValue, MadeValue, Value, Values
from reglint.usage.arguments import Argument, is_given
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.penalties import Penalties, Penalty
from reglint.usage.strength import number

_ACTIVITY = ("activity_regularizer", "activity")


def holders(resolver: Resolver, node: cst.BaseExpression, place: Place) -> Values:
    """What the expression is, if it is surely made by a call that can be seen.

    For the variable of ``for layer in model.layers`` that is the model, unless only some of its layers are meant.
    """
    values = resolver.values(node, place)
    if values and all(isinstance(value, (MadeValue, InstanceValue)) for value in values):
        return values
    bindings = resolver.bindings(node.value, place) if isinstance(node, cst.Name) else []
    if len(bindings) != 1 or not _is_every_layer(bindings[0], place):
        return ()
    layers = bindings[0].node
    assert isinstance(layers, cst.Attribute)
    return holders(resolver, layers.value, bindings[0].place)


def is_penalty(file: File, node: cst.BaseExpression, place: Place) -> bool:
    """Is a regularizer given here, other than one whose every strength is written as 0?"""
    values = file.resolver.values(node, place)
    return is_given(file, node, place) and not (values and all(_is_zero(file, value) for value in values))


def is_guarded(guards: Guards, argument: Argument) -> bool:
    """Does the program choose by Keras's version whether it passes the argument?"""
    return guards.in_old_arm(argument.mention) or guards.is_prepared(argument.mention)


def _is_zero(file: File, value: Value) -> bool:
    if not isinstance(value, MadeValue) or file.api.regularizer(value.qualname) is None:
        return False
    return bool(value.call.args) and all(number(arg.value) == 0 for arg in value.call.args)


def weight_penalties(penalties: Penalties, values: Iterable[MadeValue | InstanceValue]) -> tuple[Penalty, ...]:
    """The regularizers of weights in layers or models that are surely given."""
    return tuple(p for p in penalties.of(values) if p.sure and p.keyword not in _ACTIVITY)


def listed(found: Iterable[Penalty]) -> str:
    """Regularizers as a message names them: the kernel_regularizer of Dense, in backquotes."""
    return " and ".join(dict.fromkeys(f"the `{p.keyword}` of `{p.layer}`" for p in found))


def _is_every_layer(binding: Binding, place: Place) -> bool:
    """Is the name the variable of a loop over all layers of something, and is this done to each of them?"""
    if binding.kind != "loop" or binding.unpack or not isinstance(binding.node, cst.Attribute):
        return False
    if binding.node.attr.value != "layers":
        return False
    innermost = place.path[-1].statement if place.path else None
    return isinstance(innermost, cst.For) and innermost.iter is binding.node
