"""Keras 1's ``merge`` function and ``Merge`` layer: today each mode is a function and a layer of its own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import libcst as cst

from reglint.findings import Applicability, Edit, Finding, Fix, Severity
from reglint.names.scopes import Binding, Place, string_value
from reglint.names.values import FunctionValue, LiteralValue, PartialValue, Symbol
from reglint.rewriting.plan import Plan
from reglint.rewriting.successors import Successor, renamed, replaced, serving
from reglint.rewriting.written import Written, is_plain, without, written
from reglint.rulebook import Card, facts
from reglint.tokens import Token
from reglint.usage.calls import is_none
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.standing import Standing, is_in, standing
from reglint.usage.symbols import Import, Use, imports, uses

_STAYS = ("inputs", "name")


class Reading(NamedTuple):
    """What a use comes to: its successor, or why there is none; and what to do, as a clause."""

    use: Use
    advice: str
    successor: Successor | None = None
    withheld: str | None = None


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each use of the function and of the layer, and on imports that fail."""
    table = facts(card.facts or "merge")
    for old in table["order"]:
        yield from _check_name(file, card, table, old)


def _check_name(file: File, card: Card, table: Mapping[str, Any], old: str) -> Iterator[Finding]:
    imported, used = _survey(file, table, old)
    readings = [_read(file, table, old, use) for use in used]
    whole = replaced(file, [r.successor for r in readings if r.successor is not None], imported)
    for reading in readings:
        plan = Plan(withheld=reading.withheld) if reading.successor is None else whole.uses[reading.use]
        yield _finding(file, card, table, old, reading.use, plan, reading.advice)
    for found, plan in whole.imports:
        if standing(file, found.package, table["unimportable"][old], {}).failing:
            yield _finding(file, card, table, old, found, plan, "import what takes its place")


def _survey(file: File, table: Mapping[str, Any], old: str) -> tuple[list[Import], list[Use]]:
    """The imports of the old name and its uses, without those that are right on an old Keras."""
    today = {name for mode in table["modes"].values() for name in (mode.get("function"), mode.get("layer")) if name}
    guards = Guards(file, [old], today)
    every = [
        found
        for home in table["homes"]
        for found in imports(file, old, home)
        if _standing(file, table, found.package).failing
    ]
    aside = [found for found in every if guards.is_old_binding(found.binding) or guards.is_attempt(found.binding)]
    used: list[Use] = []
    for use in (use for home in table["homes"] for use in uses(file, old, [found.local for found in every], home)):
        if isinstance(use.above.node, (cst.Attribute, cst.ImportFrom, cst.Import)):
            # the module `keras.layers.merge`
            aside.extend(found for found in every if serving(file, use, [found]) is not None)
        elif not guards.in_old_arm(use.mention) and _standing(file, table, use.package).failing:
            used.append(use)
    guarded = [found.binding for found in aside]
    return [i for i in every if i not in aside], [use for use in used if not _is_bound_by(file, use, guarded)]


def _is_bound_by(file: File, use: Use, bindings: Sequence[Binding]) -> bool:
    if use.name is not use.expression:
        return False
    return any(binding in bindings for binding in file.resolver.bindings(use.name.value, use.place))


def _standing(file: File, table: Mapping[str, Any], package: str) -> Standing:
    return standing(file, package, table["fails"], table["holds"])


# -------------------------------------------------------------------------------------------------------- what it says


def _read(file: File, table: Mapping[str, Any], old: str, use: Use) -> Reading:
    """What a use becomes."""
    call = use.call
    if call is None:
        return Reading(use, "use the function or layer of each mode", withheld="it is not called here")
    every = written(file, call)
    given = _bound(table["order"][old], every) if every is not None else None
    if given is None:
        return Reading(use, "use the function or layer of each mode", withheld="its arguments can't be told apart")
    branches = given.get("layers")
    if branches is not None and not _is_none(file, branches.arg.value, use.place):
        return Reading(use, table["branches"], withheld="there is no layer over branches today")
    mode = given.get("mode")
    name = "sum" if mode is None else _string(mode.arg.value)
    if name is None:
        assert mode is not None
        return _unknown(file, table, use, mode)
    row = table["modes"].get(name)
    if row is None or "instead" in row:
        advice = row["instead"] if row is not None else "use the function or layer of the mode"
        return Reading(use, advice, withheld="it has no equal" if row is not None else f"there is no mode `{name}`")
    today = row["layer" if old == "Merge" else "function"]
    assert every is not None
    edits = _arguments(file, row, every, given)
    if isinstance(edits, str):
        return Reading(use, f"use `{today}`", withheld=edits)
    return Reading(use, f"use `{today}`", _successor(file, table, use, today, edits))


def _unknown(file: File, table: Mapping[str, Any], use: Use, mode: Written) -> Reading:
    """A mode that is no string in the source."""
    values = file.resolver.values(mode.arg.value, use.place)
    if values and all(isinstance(value, (FunctionValue, PartialValue, Symbol)) for value in values):
        return Reading(use, table["callable"], withheld="the mode is a function")
    return Reading(use, "use the function or layer of the mode", withheld="the mode is not written out")


def _successor(file: File, table: Mapping[str, Any], use: Use, today: str, edits: Sequence[Edit]) -> Successor:
    def whole(spellings: Sequence[str]) -> tuple[Edit, ...]:
        return (*edits, renamed(file, use, spellings[0]))

    doubt = _standing(file, table, use.package).doubt
    if not use.sure:
        doubt = doubt or "the name may mean something else here"
    return Successor(use, (("layers", today),), whole, doubt)


def _bound(order: Sequence[str], every: Sequence[Written]) -> dict[str, Written] | None:
    """The arguments by their names; None where they can't be told."""
    found: dict[str, Written] = {}
    for place, argument in enumerate(every):
        keyword = argument.arg.keyword
        name = keyword.value if keyword is not None else order[place] if place < len(order) else ""
        if argument.arg.star or name not in order or name in found:
            return None
        found[name] = argument
    return found


def _string(node: cst.BaseExpression) -> str | None:
    return string_value(node) if isinstance(node, cst.SimpleString) else None


def _is_none(file: File, node: cst.BaseExpression, place: Place) -> bool:
    values = file.resolver.values(node, place)
    return bool(values) and all(isinstance(value, LiteralValue) and is_none(value) for value in values)


# ------------------------------------------------------------------------------------------------------- the arguments


def _arguments(
    file: File, row: Mapping[str, Any], every: Sequence[Written], given: Mapping[str, Written]
) -> tuple[Edit, ...] | str:
    """The edits that make the arguments those of today, or why they can't be made so."""
    renames: Mapping[str, str] = row.get("arguments", {})
    stated = _stated(row, given)
    edits: list[Edit] = []
    gone: list[Written] = []
    for name, argument in given.items():
        today = renames.get(name, name if name in _STAYS else None)
        if name == "mode" and stated:
            edits.append(file.replace(argument.start, argument.end, stated))
        elif today is not None:
            edits.extend(_named(file, argument, name, today))
        elif _is_harmless(argument.arg.value):
            gone.append(argument)
        else:
            return f"`{name}` does something besides"
    taken = _without(file, every, gone)
    return (*edits, *taken) if taken is not None else "a comment would be lost"


def _stated(row: Mapping[str, Any], given: Mapping[str, Written]) -> str:
    """The arguments that must be spelled out, since today's default is another."""
    renames: Mapping[str, str] = row.get("arguments", {})
    passed = {renames[name] for name in given if name in renames}
    return ", ".join(f"{name}={value}" for name, value in row.get("states", {}).items() if name not in passed)


def _named(file: File, argument: Written, old: str, today: str) -> Iterator[Edit]:
    """The edits that pass an argument under its name of today."""
    keyword = argument.arg.keyword
    if keyword is not None:
        if today != old:
            yield file.replace(*file.span(keyword), today)
    elif old != "inputs":
        yield file.replace(argument.start, argument.start, f"{today}=")
    if old == "inputs" and isinstance(argument.arg.value, cst.Tuple) and argument.arg.value.lpar:
        # today's functions refuse a tuple in Keras 2
        yield file.replace(argument.value, argument.value + 1, "[")
        yield file.replace(argument.end - 1, argument.end, "]")


def _is_harmless(node: cst.BaseExpression) -> bool:
    """Does nothing change where the expression is no longer evaluated?"""
    return is_plain(node) or isinstance(node, (cst.Lambda, cst.List, cst.Dict))


def _without(file: File, every: Sequence[Written], gone: Sequence[Written]) -> tuple[Edit, ...] | None:
    """Edits that take arguments out of a call, be it all of them; None where a comment would go with them."""
    if not gone or len(gone) < len(every):
        return without(file, every, gone) if gone else ()
    rank = bisect_left(file.tokens, every[0].start, key=_start)
    start = file.tokens[rank - 1].end
    rank = bisect_left(file.tokens, every[-1].end, key=_start)
    after = file.tokens[rank]
    closing = file.tokens[rank + 1] if file.source.text[after.start : after.end] == "," else after
    inside = file.source.text[start : closing.start]
    return None if "#" in inside else (file.replace(start, closing.start, ""),)


def _start(token: Token) -> int:
    return token.start


# ---------------------------------------------------------------------------------------------------------- the finding


def _finding(
    file: File, card: Card, table: Mapping[str, Any], old: str, found: Use | Import, plan: Plan, advice: str
) -> Finding:
    failing = _standing(file, table, found.package).failing
    severity = Severity.WARNING if any(is_in(release, table["converts"]) for release in failing) else card.severity
    message = f"`{old}` went away in Keras 2.2; {advice}" + (f" ({plan.doubt})" if plan.doubt else "")
    start, end = file.span(found.name)
    fix = None
    if plan.withheld is None:
        applicability = Applicability.UNSAFE if plan.doubt else card.applicability or Applicability.DISPLAY
        fix = Fix(applicability, advice[:1].upper() + advice[1:], plan.edits)
    return Finding(card.code, card.name, severity, message, start, end, fix=fix, fix_withheld=plan.withheld)
