"""Activity regularizers of layers that compute in float16: their sum may overflow."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from reglint.findings import Finding
from reglint.names.scopes import Mention, Place, string_value
from reglint.names.values import LiteralValue, Symbol
from reglint.rulebook import Card, facts
from reglint.usage.arguments import arguments, layers_of
from reglint.usage.calls import call_of
from reglint.usage.file import File
from reglint.usage.hazards import version_data
from reglint.usage.holders import is_penalty
from reglint.usage.strength import is_penalty_layer

_POLICIES = ("set_global_policy", "set_dtype_policy", "set_policy", "set_experimental_policy", "Policy", "DTypePolicy")
_HALF = ("mixed_float16", "float16")
_KEYWORD = "activity_regularizer"
_LAYER = "ActivityRegularization"
_MESSAGE = (
    "under {policy} the activity loss is summed in float16, which overflows to infinity above 65504, before "
    'anything divides it; give this layer `dtype="float32"`'
)


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each activity regularizer of a layer that computes in half precision, by itself or by the policy."""
    policies = [word for word in _HALF for mention in file.mentions(word) if _sets_policy(file, mention)]
    overflow = {k: v for row in facts(card.facts or "saving")["half_precision"] for k, v in row["releases"].items()}
    for mention, call, package in _penalties(file):
        own = _dtype(file, call, mention.place)
        policy = next(iter(policies), None) if own is None else own
        engines = file.engines(package, overflow)
        if policy in _HALF and engines and isinstance(mention.node, (cst.Name, cst.SimpleString)):
            data = version_data(file, package, engines)
            message = _MESSAGE.format(policy=policy)
            yield Finding(card.code, card.name, card.severity, message, *file.span(mention.node), data=data)


def _penalties(file: File) -> Iterator[tuple[Mention, cst.Call | None, str]]:
    """Where an activity regularizer is given, the call of its layer, and the layer's package."""
    for argument in arguments(file, _KEYWORD):
        if is_penalty(file, argument.value, argument.place):
            yield argument.mention, argument.call, argument.layers[0].package
    for mention in file.mentions(_LAYER):
        site = call_of(mention)
        if site is not None and is_penalty_layer(file, site.call, site.place):
            for layer in layers_of(file, site.call.func, site.place):
                yield mention, site.call, layer.package


def _sets_policy(file: File, mention: Mention) -> bool:
    """Is the string given to something of Keras that sets or makes a policy?"""
    call = mention.above.up.node if mention.above.up is not None else None
    if not isinstance(mention.node, cst.SimpleString) or not isinstance(call, cst.Call):
        return False
    return any(
        isinstance(value, Symbol)
        and (name := file.api.keras_name(value.qualname)) is not None
        and bool(name.path)
        and name.path[-1] in _POLICIES
        for value in file.resolver.values(call.func, mention.place)
    ) and not layers_of(file, call.func, mention.place)


def _dtype(file: File, call: cst.Call | None, place: Place) -> str | None:
    """The type in which the layer says itself that it computes, "" where that can't be read; None if it says none."""
    for arg in call.args if call is not None else ():
        if arg.keyword is not None and arg.keyword.value == "dtype":
            values = file.resolver.values(arg.value, place)
            node = values[0].node if len(values) == 1 and isinstance(values[0], LiteralValue) else None
            return (string_value(node) if isinstance(node, cst.SimpleString) else None) or ""
    return None
