"""``add_weight("w", …)``: the name in the first place, where Keras 3 takes the shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import libcst as cst

from reglint.findings import Finding
from reglint.names.scopes import Place
from reglint.names.values import LiteralValue
from reglint.rewriting.plan import Plan
from reglint.rewriting.reported import is_everywhere, reported
from reglint.rulebook import Card, facts
from reglint.usage.calls import CallSite
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named
from reglint.usage.layer_methods import Owner, method_calls
from reglint.usage.standing import Standing, standing

_METHOD = "add_weight"


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each ``add_weight`` of a layer or metric that gets its name by position."""
    known = facts(card.facts or "add_loss")
    guards = Guards(file, (), ())
    for site, owner in method_calls(file, _METHOD):
        row = known["weight_name_first"][owner.kind]
        first = site.call.args[0] if site.call.args else None
        if first is None or first.keyword is not None or first.star or not _is_text(file, first.value, site.place):
            continue
        state = standing(file, owner.package, row["releases"], known[row["holds"]]["releases"])
        if state.failing and not guards.is_prepared(site.mention):
            yield _finding(file, card, site, owner, row, state)


def _finding(file: File, card: Card, site: CallSite, owner: Owner, row: Mapping[str, Any], state: Standing) -> Finding:
    everywhere = is_everywhere(file, owner.package, state.failing)
    where = "" if everywhere else f" in {named(state.failing)}{allowed_by(file, state.failing)}"
    message = f"`{_METHOD}` refuses a name in the first place{where}; pass it as `name=`"
    plan = _plan(file, site.call, row["order"])._replace(doubt=state.doubt)
    return reported(file, card, site.mention.node, owner.package, state.failing, message, "Pass it as `name=`", plan)


def _plan(file: File, call: cst.Call, order: list[str]) -> Plan:
    """The edits that give each positional argument its keyword."""
    name = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    text = file.call_text(name) if isinstance(name, cst.Name) else None
    if text is None or len(text.arguments) != len(call.args):
        return Plan(withheld="the call is written in a way that can't be edited")
    positional = [arg for arg in call.args if arg.keyword is None and arg.star != "**"]
    passed = {arg.keyword.value for arg in call.args if arg.keyword is not None}
    if any(arg.star for arg in positional):
        return Plan(withheld="positional arguments are passed by `*`")
    if len(positional) > len(order):
        return Plan(withheld=f"more than `{'`, `'.join(order)}` is passed by position")
    keywords = order[: len(positional)]
    double = next((keyword for keyword in keywords if keyword in passed), None)
    if double is not None:
        return Plan(withheld=f"`{double}` is passed already")
    places = [start for start, _ in text.arguments]
    return Plan(tuple(file.replace(at, at, f"{keyword}=") for at, keyword in zip(places, keywords, strict=False)))


def _is_text(file: File, node: cst.BaseExpression, place: Place) -> bool:
    """Is the expression surely a string?"""
    if isinstance(node, (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)):
        return True
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, (cst.Add, cst.Modulo)):
        return _is_text(file, node.left, place) or (
            isinstance(node.operator, cst.Add) and _is_text(file, node.right, place)
        )
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "format":
        return _is_text(file, node.func.value, place)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "str":
        return not any(binding.kind for binding in file.resolver.bindings("str", place))
    if isinstance(node, cst.Name):
        values = file.resolver.values(node, place)
        return bool(values) and all(
            isinstance(value, LiteralValue) and isinstance(value.node, (cst.SimpleString, cst.ConcatenatedString))
            for value in values
        )
    return False
