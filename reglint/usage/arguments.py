"""Regularizer arguments where they are written: what is passed, and to which Keras layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from reglint.keras_api import Layer
from reglint.names.literals import dict_items
from reglint.names.scopes import Link, Mention, Place, Scope, string_value
from reglint.names.values import (
    ClassValue,
    FunctionValue,
    InstanceValue,
    LiteralValue,
    MadeValue,
    PartialValue,
    Symbol,
    Value,
)
from reglint.rulebook import facts
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
        value = value_of(mention)
        reach = file.flows.keyword(mention) if value is not None else None
        if value is None or reach is None or reach.taken_out:
            continue
        known = [file.api.layer(receiver.name) if receiver.kind == "symbol" else None for receiver in reach.receivers]
        layers = {layer[:2]: layer for layer in known if layer is not None}
        if layers:
            call, above = _call(mention)
            yield Argument(mention, keyword, value, tuple(layers.values()), None not in known, call, above)


def is_given(file: File, node: cst.BaseExpression, place: Place) -> bool:
    """Is one of the values that the expression may have surely a regularizer?

    A mere parameter, an attribute of something unknown and what ``config.get(…)`` gives may all be ``None``.
    """
    return any(is_regularizer(file, value) for value in file.resolver.values(node, place))


def is_regularizer(file: File, value: Value) -> bool:
    """Is the value surely a regularizer, in whatever form Keras takes one? Its strength may be 0."""
    if isinstance(value, Symbol):
        return _regularizer_name(file, value.qualname) not in (None, *_GETTERS)
    if isinstance(value, MadeValue):
        name = _regularizer_name(file, value.qualname)
        if name in _GETTERS:
            return any(is_given(file, arg.value, value.place) for arg in value.call.args[:1] if not arg.star)
        return name is not None
    if isinstance(value, LiteralValue):
        return _is_description(value.node)
    if isinstance(value, (ClassValue, InstanceValue)):
        return _is_regularizer_class(file, value.scope)
    return isinstance(value, (FunctionValue, PartialValue))


_GETTERS = ("get", "deserialize", "serialize")


def _regularizer_name(file: File, qualname: str) -> str | None:
    """The last name of a regularizer, or of a function that gives some."""
    if file.api.contrib(qualname) is not None:
        return qualname.rpartition(".")[2]
    known = file.api.regularizer(qualname)
    return known[1] if known is not None else None


def _is_description(node: cst.BaseExpression) -> bool:
    """Is it the name of a regularizer or the configuration of one, which Keras makes into a regularizer?"""
    if isinstance(node, cst.SimpleString):
        known = facts("regularizers")
        text = string_value(node)
        # `package>name` is how Keras names what a project registers
        return text is not None and (
            text in known["current"] or text in known["symbols"] or text in known["strings"] or ">" in text
        )
    return any(key == "class_name" for key, _ in dict_items(node))


def _is_regularizer_class(file: File, scope: Scope) -> bool:
    """Can objects of a class of the project be called, or does the class inherit from a regularizer of Keras?"""
    every = [scope, *file.resolver.ancestors(scope)]
    bases = [base for at in every for base in file.resolver.bases(at) if isinstance(base, Symbol)]
    return any(at.bindings.get("__call__") for at in every) or any(
        file.api.regularizer(base.qualname) is not None for base in bases
    )


def layers_of(file: File, callee: cst.BaseExpression, place: Place) -> tuple[Layer, ...]:
    """The Keras layer classes that the callee of a call may be."""
    found = [file.api.layer(v.qualname) for v in file.resolver.values(callee, place) if isinstance(v, Symbol)]
    return tuple(layer for layer in found if layer is not None)


def value_of(mention: Mention) -> cst.BaseExpression | None:
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
