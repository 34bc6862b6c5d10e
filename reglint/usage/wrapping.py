"""Which calls wrap a layer, such as TimeDistributed, and whether the layer is used without them as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from reglint.keras_api import Layer
from reglint.names.literals import dict_items
from reglint.names.scopes import Link, Mention, Place
from reglint.names.values import FunctionValue, LiteralValue, MadeValue
from reglint.usage.arguments import Argument, layers_of
from reglint.usage.calls import calls_in
from reglint.usage.file import File

_WRAPPERS = ("TimeDistributed", "Bidirectional", "Wrapper", "SpectralNormalization")


class Wrapping(NamedTuple):
    """A call that wraps a layer: ``given`` is the expression of the layer, at ``place``."""

    wrapper: Layer
    call: cst.Call
    given: cst.BaseExpression
    place: Place


def wrappings(file: File, call: cst.Call) -> Iterator[Wrapping]:
    """The calls that are given the layer which ``call`` makes, directly, by a name or attribute, or from a function."""
    for wrapping in _every(file):
        values = file.resolver.values(wrapping.given, wrapping.place)
        if any(isinstance(value, MadeValue) and value.call is call for value in values):
            yield wrapping


def wrappings_of_dict(file: File, argument: Argument) -> Iterator[Wrapping]:
    """The calls that wrap a layer made with ``**`` of the dict in which an argument is a key."""
    for wrapping in _every(file):
        for value in file.resolver.values(wrapping.given, wrapping.place):
            if isinstance(value, MadeValue) and _unpacks(file, value, argument):
                yield wrapping


def _unpacks(file: File, made: MadeValue, argument: Argument) -> bool:
    """Is the argument an item of a dict that is unpacked in the call?"""
    for arg in made.call.args:
        for value in file.resolver.values(arg.value, made.place) if arg.star == "**" else ():
            if isinstance(value, LiteralValue):
                if any(item is argument.value for _, item in dict_items(value.node)):
                    return True
    return False


def _every(file: File) -> tuple[Wrapping, ...]:
    return file.remembered(wrappings, lambda: tuple(_wrappings(file)))


def _wrappings(file: File) -> Iterator[Wrapping]:
    for site in calls_in(file).sites(file.names):
        given = next((arg.value for arg in site.call.args if _is_layer(arg)), None)
        if given is None:
            continue
        for layer in layers_of(file, site.call.func, site.place):
            if layer.name in _WRAPPERS:
                yield Wrapping(layer, site.call, given, site.place)


def _is_layer(arg: cst.Arg) -> bool:
    return not arg.star and (arg.keyword is None or arg.keyword.value == "layer")


# ---------------------------------------------------------------------------------------------------------- other uses


def is_used_otherwise(file: File, call: cst.Call, above: Link, place: Place) -> bool:
    """Does the layer that ``call`` makes also go where no wrapper takes it: is it called, listed, handed over?"""
    wrapped = [wrapping.given for wrapping in wrappings(file, call)]
    if any(given is call for given in wrapped):
        return False
    mentions = list(_mentions(file, call, above, place))
    return not mentions or any(_goes_elsewhere(mention, wrapped) for mention in mentions)


def _mentions(file: File, call: cst.Call, above: Link, place: Place) -> Iterator[Mention]:
    """Where the layer is spoken of: by the name or attribute it is bound to, or by the function that gives it back."""
    names: set[str] = set()
    for node in above.nodes():
        if isinstance(node, cst.Assign):
            targets = [target.target for target in node.targets]
            names.update(target.value for target in targets if isinstance(target, cst.Name))
            names.update(target.attr.value for target in targets if isinstance(target, cst.Attribute))
        elif isinstance(node, cst.Return) and isinstance(place.scope.node, cst.FunctionDef):
            names.add(place.scope.node.name.value)
        elif isinstance(node, (cst.IfExp, cst.BooleanOperation, cst.NamedExpr)):
            continue
        break
    for name in names:
        for mention in file.names.mentions.get(name, ()):
            node, _ = _expression(mention)
            values = file.resolver.values(node, mention.place)
            if any(isinstance(value, MadeValue) and value.call is call for value in values) or any(
                isinstance(value, FunctionValue) and value.scope is place.scope for value in values
            ):
                yield mention


def _expression(mention: Mention) -> tuple[cst.BaseExpression, Link]:
    """The name, or the attribute that ends with it, and what is above."""
    node, link = mention.node, mention.above
    if isinstance(link.node, cst.Attribute) and link.node.attr is node and link.up is not None:
        return link.node, link.up
    return node, link


def _goes_elsewhere(mention: Mention, wrapped: list[cst.BaseExpression]) -> bool:
    node, link = _expression(mention)
    if isinstance(link.node, cst.Call) and link.node.func is node and link.up is not None:
        # the call of a function that makes the layer is the layer; that of a layer is a use
        return link.node not in wrapped
    if node in wrapped or isinstance(link.node, (cst.AssignTarget, cst.FunctionDef, cst.AnnAssign)):
        return False
    if isinstance(link.node, cst.Attribute) and link.node.value is node:
        return _is_called(link)
    return not isinstance(link.node, cst.Expr)


def _is_called(link: Link) -> bool:
    """``layer.method(…)``, which may call the layer; reading or setting an attribute does not."""
    return link.up is not None and isinstance(link.up.node, cst.Call) and link.up.node.func is link.node
