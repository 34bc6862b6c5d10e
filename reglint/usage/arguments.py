"""Regularizer arguments where they are written: what is passed, and to which Keras layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from reglint.keras_api import Layer
from reglint.names.scopes import Link, Mention, Place
from reglint.names.values import LiteralValue, MadeValue, ParameterValue, Symbol, Value
from reglint.usage.file import File


class Argument(NamedTuple):
    """A keyword (or dict key) that reaches Keras layers.

    ``layers`` are those that it may reach, ``sure`` tells that it reaches nothing else. ``call`` is the call in which
    the keyword itself stands, None for a key of a dict; ``above`` is what stands around that call.
    """

    mention: Mention
    keyword: str
    value: cst.BaseExpression
    layers: tuple[Layer, ...]
    sure: bool
    call: cst.Call | None
    above: Link | None

    @property
    def place(self) -> Place:
        """Where the value stands."""
        return self.mention.place


def arguments(file: File, keyword: str) -> tuple[Argument, ...]:
    """Every place that passes ``keyword`` to a Keras layer, directly, through a dict, a partial or a wrapper."""
    known: dict[str, tuple[Argument, ...]] = file.remembered(arguments, dict)
    if keyword not in known:
        known[keyword] = tuple(_arguments(file, keyword))
    return known[keyword]


def _arguments(file: File, keyword: str) -> Iterator[Argument]:
    for mention in file.mentions(keyword):
        value = _value(mention)
        reach = file.flows.keyword(mention) if value is not None else None
        if value is None or reach is None or reach.taken_out:
            continue
        known = [file.api.layer(receiver.name) if receiver.kind == "symbol" else None for receiver in reach.receivers]
        layers = {layer[:2]: layer for layer in known if layer is not None}
        if layers:
            call, above = _call(mention)
            yield Argument(mention, keyword, value, tuple(layers.values()), None not in known, call, above)


def is_given(file: File, node: cst.BaseExpression, place: Place) -> bool:
    """Does the program pass a regularizer here, as far as it can be seen? ``None`` and a mere parameter are none."""
    return any(_is_something(file, value) for value in file.resolver.values(node, place))


def _is_something(file: File, value: Value) -> bool:
    if isinstance(value, ParameterValue):
        return False
    if isinstance(value, LiteralValue):
        return not (isinstance(value.node, cst.Name) and value.node.value == "None")
    if isinstance(value, MadeValue) and value.qualname.endswith("regularizers.get") and value.call.args:
        return is_given(file, value.call.args[0].value, value.place)
    return True


def layers_of(file: File, callee: cst.BaseExpression, place: Place) -> tuple[Layer, ...]:
    """The Keras layer classes that the callee of a call may be."""
    found = [file.api.layer(v.qualname) for v in file.resolver.values(callee, place) if isinstance(v, Symbol)]
    return tuple(layer for layer in found if layer is not None)


def wrappers(file: File, call: cst.Call, above: Link, place: Place) -> Iterator[tuple[Layer, cst.Call]]:
    """The calls that are given the layer which ``call`` makes, directly or by a name: ``TimeDistributed(Dense(8))``."""
    parent, link = above
    if isinstance(parent, cst.Arg) and link is not None and isinstance(link.node, cst.Call):
        for layer in layers_of(file, link.node.func, place):
            yield layer, link.node
    elif isinstance(parent, cst.Assign) and len(parent.targets) == 1:
        target = parent.targets[0].target
        for mention in file.mentions(target.value) if isinstance(target, cst.Name) else ():
            yield from _wrappers_of_name(file, mention, call)


def _wrappers_of_name(file: File, mention: Mention, call: cst.Call) -> Iterator[tuple[Layer, cst.Call]]:
    parent, link = mention.above
    if not isinstance(parent, cst.Arg) or parent.value is not mention.node or link is None:
        return
    if not isinstance(link.node, cst.Call) or not isinstance(mention.node, cst.Name):
        return
    values = file.resolver.values(mention.node, mention.place)
    if any(isinstance(value, MadeValue) and value.call is call for value in values):
        for layer in layers_of(file, link.node.func, mention.place):
            yield layer, link.node


def _value(mention: Mention) -> cst.BaseExpression | None:
    """What is passed under the mentioned name."""
    parent, link = mention.above
    if isinstance(parent, cst.Arg):
        if parent.keyword is mention.node:
            return parent.value
        call = link.node if link is not None else None
        # name.setdefault("keyword", value)
        return call.args[1].value if isinstance(call, cst.Call) and len(call.args) == 2 else None
    if isinstance(parent, cst.DictElement) and parent.key is mention.node:
        return parent.value
    for node in mention.above.nodes():
        if isinstance(node, (cst.Assign, cst.AnnAssign)):  # name["keyword"] = value
            return node.value
        if isinstance(node, cst.BaseStatement):
            break
    return None


def _call(mention: Mention) -> tuple[cst.Call | None, Link | None]:
    arg, link = mention.above
    if isinstance(arg, cst.Arg) and arg.keyword is mention.node and link is not None:
        if isinstance(link.node, cst.Call):
            return link.node, link.up
    return None, None
