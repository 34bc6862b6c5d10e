"""Activity regularizers of layers that compute in float16: their sum may overflow."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from reglint.findings import Finding
from reglint.names.scopes import Mention
from reglint.names.values import Symbol
from reglint.rulebook import Card, facts
from reglint.usage.arguments import arguments, is_given, layers_of
from reglint.usage.file import File
from reglint.usage.hazards import version_data

_POLICIES = ("set_global_policy", "set_dtype_policy", "set_policy", "set_experimental_policy", "Policy", "DTypePolicy")
_HALF = ("mixed_float16", "float16")
_KEYWORD = "activity_regularizer"
_MESSAGE = (
    "under mixed_float16 the activity loss is summed in float16, which overflows to infinity above 65504, before "
    'anything divides it; give this layer `dtype="float32"`'
)


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each activity regularizer in a file that sets a policy of half precision."""
    if not any(_sets_policy(file, mention) for word in _HALF for mention in file.mentions(word)):
        return
    overflow = {k: v for row in facts(card.facts or "saving")["half_precision"] for k, v in row["releases"].items()}
    for argument in arguments(file, _KEYWORD):
        package = argument.layers[0].package
        engines = file.engines(package, overflow)
        if engines and is_given(file, argument.value, argument.place) and not _computes_wider(file, argument.call):
            start, end = file.span(argument.mention.node)
            yield Finding(
                card.code, card.name, card.severity, _MESSAGE, start, end, data=version_data(file, package, engines)
            )


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


def _computes_wider(file: File, call: cst.Call | None) -> bool:
    """Does the layer say itself in which type it computes?"""
    return call is not None and any(arg.keyword is not None and arg.keyword.value == "dtype" for arg in call.args)
