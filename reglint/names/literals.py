"""What containers that stand in the source show of their content: dicts, lists, subscripts, ``__all__``."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

import libcst as cst

from reglint.names.module import ModuleNames
from reglint.names.scopes import AttributeBinding, Mention, Place, string_value
from reglint.names.values import LiteralValue, Value

_CHANGING = {"append", "extend", "insert", "pop", "register", "remove", "reverse", "setdefault", "sort", "update"}


def dict_items(node: cst.CSTNode) -> Iterator[tuple[object, cst.BaseExpression]]:
    """The (key, value) pairs that a ``{…}`` or ``dict(…)`` shows; the key is None where it is no plain string."""
    if isinstance(node, cst.Dict):
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                key = string_value(element.key) if isinstance(element.key, cst.SimpleString) else None
                yield key, element.value
    elif isinstance(node, cst.Call):
        for arg in node.args:
            if arg.keyword is not None:
                yield arg.keyword.value, arg.value


def attributes_given(names: ModuleNames, name: str) -> Iterator[AttributeBinding]:
    """What ``x.name = …`` and ``setattr(x, "name", …)`` give in a module."""
    yield from names.attributes.get(name, ())
    for mention in names.mentions.get("setattr", ()):
        call = mention.above.node
        if isinstance(call, cst.Call) and call.func is mention.node and len(call.args) == 3:
            target, key, value = (arg.value for arg in call.args)
            if isinstance(key, cst.SimpleString) and string_value(key) == name:
                yield AttributeBinding(cst.Attribute(target, cst.Name(name)), value, mention.place)


def is_changed(name: str, names: ModuleNames) -> bool:
    """May the module put items into the container ``name`` after making it, or move those that are there?"""
    called = {name}  # it, and the other names that it is given
    waiting = [name]
    while waiting:
        mentions = names.mentions.get(waiting.pop(), ())
        if any(_changes(mention, names) for mention in mentions):
            return True
        more = [other for mention in mentions for other in _names(mention) if other not in called]
        called.update(more)
        waiting += more
    return False


def _names(mention: Mention) -> Iterator[str]:
    """The names that ``other = name`` gives to what is mentioned."""
    parent = mention.above.node
    if isinstance(parent, cst.Assign) and parent.value is mention.node:
        yield from (each.target.value for each in parent.targets if isinstance(each.target, cst.Name))


def _is_handed(mention: Mention, names: ModuleNames) -> bool:
    """Is a container given to a function that may change it?"""
    arg, link = mention.above.node, mention.above.up
    if not isinstance(arg, cst.Arg) or arg.star or arg.value is not mention.node or link is None:
        return False
    if not isinstance(link.node, cst.Call):
        return False
    callee = link.node.func.value if isinstance(link.node.func, cst.Name) else ""
    return not hasattr(builtins, callee) or callee in names.scope.bindings


def _changes(mention: Mention, names: ModuleNames) -> bool:
    chain = list(zip(range(2), mention.above.nodes(), strict=False))
    parent = chain[0][1]
    if isinstance(parent, cst.Subscript) and parent.value is mention.node and len(chain) > 1:
        return isinstance(chain[1][1], (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.Del))
    if isinstance(parent, cst.Attribute) and parent.value is mention.node:
        return parent.attr.value in _CHANGING
    return _is_handed(mention, names)


def dict_values(value: Value, place: Place) -> Iterator[tuple[cst.CSTNode | None, Place]]:
    """The values that a dict shows, each with its place; None at ``place`` for any other value."""
    if isinstance(value, LiteralValue) and isinstance(value.node, (cst.Dict, cst.Call)):
        for _, item in dict_items(value.node):
            yield item, value.place
    else:
        yield None, place


def index_of(node: cst.Subscript) -> cst.BaseExpression | None:
    """``i`` of ``…[i]``; None for slices and several indices."""
    if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        return node.slice[0].slice.value
    return None


def static_all(names: ModuleNames) -> set[str] | None:
    """The names in a module's ``__all__``; None where there is none, or it is put together by code."""
    bindings = names.scope.bindings.get("__all__", ())
    if len(bindings) != 1 or not isinstance(bindings[0].node, (cst.List, cst.Tuple)):
        return None
    if is_changed("__all__", names):
        return None
    strings = [element.value for element in bindings[0].node.elements]
    return {text for node in strings if isinstance(node, cst.SimpleString) and (text := string_value(node))}


def parts_of(node: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    """The dicts of which ``{**one, …}`` or ``dict(one, …)`` is put together."""
    if isinstance(node, cst.Dict):
        yield from (element.value for element in node.elements if isinstance(element, cst.StarredDictElement))
    elif isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "dict":
        yield from (arg.value for arg in node.args if arg.keyword is None)


def constant_index(node: cst.Subscript) -> str | None:
    """``key`` of ``…["key"]``, or None."""
    index = index_of(node)
    return string_value(index) if isinstance(index, cst.SimpleString) else None
