"""What takes a name that is given as a string: a layer's argument, ``compile``, or the ``get`` of a module."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from reglint.names.scopes import Link, Mention
from reglint.names.values import MadeValue, Symbol, Value
from reglint.usage.file import File
from reglint.usage.models import is_model


class Taker(NamedTuple):
    """What takes a string: the ``keyword`` of a ``layer``, of a model's ``compile``, or the ``get`` of a ``module``."""

    package: str
    kind: str
    keyword: str = ""
    module: str = ""


def taker(file: File, mention: Mention) -> Taker | None:
    """What takes the mentioned string, alone or in a list or as a value of a dict; None if it may be anything else."""
    above = _argument(mention)
    if above is None or above.up is None:
        return None
    arg, call = above.node, above.up.node
    if not isinstance(arg, cst.Arg) or arg.star or not isinstance(call, cst.Call):
        return None
    keyword = arg.keyword.value if arg.keyword is not None else ""
    direct = arg.value is mention.node
    if isinstance(call.func, cst.Attribute) and call.func.attr.value == "compile":
        if not keyword and call.args[0] is arg:
            keyword = "optimizer"  # the first of `compile` in every Keras
        if not keyword or not is_model(file, call.func.value, mention.place):
            return None
        package = _package(file, file.resolver.values(call.func.value, mention.place))
        return Taker(package, "compile", keyword)
    found = [_taker(file, value, keyword) for value in file.resolver.values(call.func, mention.place)] if direct else []
    first = found[0] if found else None
    alike = first is not None and all(one is not None and one[1:] == first[1:] for one in found)
    return first if alike else None


def _argument(mention: Mention) -> Link | None:
    """The argument in which a string stands, through lists, tuples and the values of dicts."""
    node: cst.CSTNode = mention.node
    link: Link | None = mention.above
    while link is not None and not isinstance(link.node, cst.Arg):
        if not isinstance(link.node, (cst.List, cst.Tuple, cst.Element, cst.Dict, cst.DictElement)):
            return None
        if isinstance(link.node, cst.DictElement) and link.node.value is not node:
            return None
        node, link = link.node, link.up
    return link if link is not None and isinstance(link.node, cst.Arg) and link.node.value is node else None


def _taker(file: File, value: Value, keyword: str) -> Taker | None:
    if not isinstance(value, Symbol):
        return None
    name = value.qualname.removesuffix(".__init__")
    if keyword:
        layer = file.api.layer(name)
        return None if layer is None else Taker(layer.package, "layer", keyword)
    known = file.api.keras_name(name)
    if known is None or len(known.path) != 2 or known.path[1] != "get":
        return None
    return Taker(known.package, "get", module=known.path[0])


def _package(file: File, values: tuple[Value, ...]) -> str:
    """The package of the Keras of a model; the first that the file imports where the model is of its own class."""
    for value in values:
        known = file.api.keras_name(value.qualname) if isinstance(value, MadeValue) else None
        if known is not None:
            return known.package
    named = (file.api.keras_name(base) for base, level in file.names.imported if not level)
    return next((name.package for name in named if name is not None), "tensorflow")
