"""What kind of value stands in the source, and whether an argument takes such: a number, an initializer's name, …"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from reglint.names.scopes import Place, string_value
from reglint.names.values import LiteralValue
from reglint.rulebook import facts
from reglint.usage.file import File


def fits(file: File, node: cst.BaseExpression, place: Place, argument: str) -> bool:
    """May the expression be a value for that argument? True as well where nothing is known of either."""
    taken = facts("positions")["kinds"].get(argument)
    if taken is None:
        return True
    kinds = list(_kinds(file, node, place))
    return None in kinds or any(kind in taken for kind in kinds)


def _kinds(file: File, node: cst.BaseExpression, place: Place) -> Iterator[str | None]:
    """The kinds of the values that an expression may have; None for what can't be told."""
    kind = _kind(node)
    if kind is not None or not isinstance(node, (cst.Name, cst.Attribute, cst.IfExp)):
        yield kind
        return
    for value in file.resolver.values(node, place):
        yield _kind(value.node) if isinstance(value, LiteralValue) else None


def _kind(node: cst.BaseExpression) -> str | None:
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        return _kind(node.expression)
    if isinstance(node, cst.Integer):
        return "integer"
    if isinstance(node, cst.Float):
        return "float"
    if isinstance(node, (cst.Tuple, cst.List)):
        return "sequence"
    if isinstance(node, cst.Name):
        return {"None": "none", "True": "boolean", "False": "boolean"}.get(node.value)
    if isinstance(node, cst.SimpleString):
        text = string_value(node)
        return next((kind for kind, words in facts("positions")["words"].items() if text in words), None)
    return None
