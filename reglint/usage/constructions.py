"""The calls that make a layer with a given keyword: directly, through a partial, or with a dict that they unpack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from reglint.keras_api import Layer
from reglint.names.scopes import Mention, Place
from reglint.names.values import LiteralValue, PartialValue, Symbol
from reglint.usage.calls import CallSite, calls_in
from reglint.usage.file import File


class Construction(NamedTuple):
    """The making of a layer: the call, and the partial that it completes."""

    layer: Layer
    calls: tuple[tuple[cst.Call, Place], ...]


def value_under(mention: Mention) -> cst.BaseExpression | None:
    """What is given under a mentioned keyword argument or dict key; None if the mention is neither."""
    parent = mention.above.node
    if isinstance(parent, cst.Arg) and parent.keyword is mention.node:
        return parent.value
    if isinstance(parent, cst.DictElement) and parent.key is mention.node:
        return parent.value
    return None


def constructions(file: File, mention: Mention) -> Iterator[Construction]:
    """The layers that are made with the keyword that is mentioned; none where other things may be made with it."""
    link = mention.above.up
    if value_under(mention) is None or link is None:
        return
    node, place = link.node, mention.place
    if isinstance(node, cst.Dict):
        yield from _unpacking(file, node)
    elif isinstance(node, cst.Call):
        callees = file.resolver.values(node.func, place)
        if callees == (Symbol("builtins.dict"),):
            yield from _unpacking(file, node)
        elif callees == (Symbol("functools.partial"),):
            for site in _sites(file):
                if any(isinstance(v, PartialValue) and v.call is node for v in calls_in(file).callees(site)):
                    yield from _made(file, site.call, site.place)
        else:
            yield from _made(file, node, place)


def _sites(file: File) -> tuple[CallSite, ...]:
    return calls_in(file).sites(file.names)


def _unpacking(file: File, node: cst.BaseExpression) -> Iterator[Construction]:
    """The layers that are made with ``**`` of a dict that stands in the source."""
    for site in _sites(file):
        for arg in site.call.args:
            values = file.resolver.values(arg.value, site.place) if arg.star == "**" else ()
            if len(values) == 1 and isinstance(values[0], LiteralValue) and values[0].node is node:
                yield from _made(file, site.call, site.place)


def _made(file: File, call: cst.Call, place: Place) -> Iterator[Construction]:
    """The layer that a call surely makes."""
    callees = file.resolver.values(call.func, place)
    if len(callees) != 1:
        return
    callee, calls = callees[0], [(call, place)]
    if isinstance(callee, PartialValue):
        calls.append((callee.call, callee.place))
        inner = file.resolver.values(callee.call.args[0].value, callee.place)
        callee = inner[0] if len(inner) == 1 else callee
    layer = file.api.layer(callee.qualname) if isinstance(callee, Symbol) else None
    if layer is not None:
        yield Construction(layer, tuple(calls))
