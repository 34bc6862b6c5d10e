"""What makes a call of a function that ``keras.backend`` no longer has one of its successor."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any

import libcst as cst

from reglint.findings import Edit
from reglint.names.scopes import dotted, string_value
from reglint.names.values import Symbol, Values
from reglint.rewriting.imports import bring
from reglint.rewriting.joined_arguments import COMMENT
from reglint.rewriting.module_uses import ModuleUse, first_name, last_name
from reglint.rewriting.moved_imports import NO_SUCCESSOR
from reglint.rewriting.plan import Plan
from reglint.rewriting.written import Written, written
from reglint.usage.calls import is_none
from reglint.usage.file import File
from reglint.usage.moved import Module, Row, Stand, doubt

_PLAIN = re.compile(r"[\w.]*")
_BUILTIN = re.compile(r"(?<![\w.{])[a-z]+(?=\()")
_NOT_EDITABLE = "the call is written in a way that can't be edited"

# What makes the same of a number and of an array of no dimensions:
_READERS = {"bool", "float", "int", "print", "str"}
_NUMPY = "numpy"
_MEMBERS = {"dtype", "item", "max", "mean", "min", "ndim", "shape", "size", "sum", "tolist"}


def plan_function(file: File, use: ModuleUse, found: Stand) -> Plan:
    """The edits of a use of ``K.NAME``: the module, the name, and the arguments or values that change with them."""
    row = found.row
    if not found.mended or row.place is None:
        return Plan(withheld=NO_SUCCESSOR)
    arguments = _used_otherwise(use, row) or _arguments(file, use, row)
    name = _name(file, use, row) if arguments.withheld is None and row.written is None else Plan()
    withheld = arguments.withheld or name.withheld
    if withheld is not None:
        return Plan(withheld=withheld)
    doubts = [doubt([found]), "" if _is_used_up(file, use) else row.facts.get("number_doubt", "")]
    return Plan(tuple(sorted([*arguments.edits, *name.edits])), doubt="; ".join(filter(None, doubts)))


def successor_of(module: Module, row: Row) -> str:
    """What takes the place of a function, for a message: a dotted name, or an expression."""
    if row.written is not None:
        parameters = {name: name for name in row.facts["parameters"]}
        return row.written.format(backend=str(module), **parameters)
    return f"{module.at(row.place or '')}.{row.today}"


def _name(file: File, use: ModuleUse, row: Row) -> Plan:
    """The edits that make ``K.NAME`` the new function's name."""
    edits = [file.replace(*file.span(use.name), row.today)] if row.today != row.name else []
    if row.place == use.module.path:
        return Plan(tuple(edits))
    path = row.place.split(".") if row.place else []
    start, end = file.span(first_name(use.path))[0], file.span(last_name(use.path))[1]
    new = bring(file, use.module.package, path or [row.today], use.place)
    if new is None or not _PLAIN.fullmatch(file.source.text, start, end):
        return Plan(withheld=f"`{row.place or row.today}` means something else here")
    if not path:  # a name of the root takes the place of the whole
        edits, end = [], file.span(use.name)[1]
    return Plan((*edits, file.replace(start, end, new.spelling), *new.edits))


def _used_otherwise(use: ModuleUse, row: Row) -> Plan | None:
    """Why a use is another than the one that has a successor, or None."""
    if use.call is None:
        return Plan(withheld=f"`{row.name}` is used other than in a call")
    parent = use.parent_of(use.call)
    if row.facts.get("indexed", False) and not _is_indexed(use.call, parent):
        return Plan(withheld="what it gives is used other than by one number of it")
    if row.facts.get("statement", False) and not isinstance(parent, cst.Expr):
        return Plan(withheld="what it gives is used")
    return None


def _is_indexed(call: cst.Call, parent: cst.CSTNode | None) -> bool:
    """Is one element taken of what a call gives?"""
    if not isinstance(parent, cst.Subscript) or parent.value is not call or len(parent.slice) != 1:
        return False
    index = parent.slice[0].slice
    value = index.value if isinstance(index, cst.Index) else None
    if isinstance(value, cst.UnaryOperation) and isinstance(value.operator, cst.Minus):
        value = value.expression
    return isinstance(value, cst.Integer)


def _is_used_up(file: File, use: ModuleUse) -> bool:
    """Is what a call gives used at once for what makes the same of a number and of an array of no dimensions?"""
    call = use.call
    parent = use.parent_of(call) if call is not None else None
    if isinstance(parent, cst.Arg):
        caller = use.parent_of(parent)
        return isinstance(caller, cst.Call) and not parent.star and _is_reader(file, use, caller.func)
    if isinstance(parent, cst.Attribute):
        return parent.attr.value in _MEMBERS
    if isinstance(parent, cst.BinaryOperation):  # a list is repeated by a number, and multiplied by an array
        return not any(isinstance(side, (cst.List, cst.Tuple)) for side in (parent.left, parent.right))
    if isinstance(parent, cst.Comparison):
        return not any(isinstance(target.operator, (cst.In, cst.NotIn)) for target in parent.comparisons)
    if isinstance(parent, cst.FormattedStringExpression):
        return parent.equal is None and (parent.conversion or "s") == "s"
    return isinstance(parent, (cst.ComparisonTarget, cst.Expr, cst.Subscript, cst.UnaryOperation))


def _is_reader(file: File, use: ModuleUse, function: cst.BaseExpression) -> bool:
    """Does a function read numbers out of what it is given: one of NumPy's or of the same module, or a built-in one?"""
    if isinstance(function, cst.Name) and function.value in _READERS:
        return not file.resolver.bindings(function.value, use.place)
    values = file.resolver.values(function, use.place)
    return bool(values) and all(
        isinstance(value, Symbol) and value.qualname.startswith((f"{_NUMPY}.", f"{use.module}.")) for value in values
    )


def _arguments(file: File, use: ModuleUse, row: Row) -> Plan:
    """The edits of the arguments; of the whole call, where no name takes the place of the function's."""
    call = use.call
    assert call is not None
    if "values" in row.facts:
        return _values(file, use, call, row.facts["values"])
    if any(arg.star for arg in call.args):
        return Plan(withheld="its arguments are passed with `*` or `**`")
    if row.written is not None:
        return _written(file, use, call, row, row.written)
    keywords = [arg.keyword.value for arg in call.args if arg.keyword is not None]
    positional = len(call.args) - len(keywords)
    if positional > row.facts["positional"] or not set(keywords) <= set(row.facts["keywords"]):
        return Plan(withheld=f"`{row.facts['to']}` takes other arguments")
    if _may_be_none(file, use, call, row):
        return Plan(withheld=f"`None` may be passed, of which `{row.facts['to']}` makes something else")
    if positional <= row.facts.get("at", 0):
        for name in row.facts.get("asks", ()):
            if name not in keywords:
                return Plan(withheld=f"`{name}` is left out, and `{row.facts['to']}` takes something else for it")
    return _stated(file, use, row, positional, keywords)


def _may_be_none(file: File, use: ModuleUse, call: cst.Call, row: Row) -> bool:
    """May an argument be None by which that does not mean today what it meant?"""
    names = row.facts.get("no_none", ())
    asked = [arg for arg in call.args[1:] if arg.keyword is None or arg.keyword.value in names] if names else []
    return any(is_none(value) for arg in asked for value in _values_of(file, use, arg))


def _values_of(file: File, use: ModuleUse, arg: cst.Arg) -> Values:
    return file.resolver.values(arg.value, use.place)


def _stated(file: File, use: ModuleUse, row: Row, positional: int, keywords: Sequence[str]) -> Plan:
    """The arguments whose default is another one today."""
    missing = [name for name in row.facts.get("state", ()) if name not in keywords]
    if not missing or positional > row.facts["at"]:
        return Plan()
    text = file.call_text(use.name)
    if text is None:
        return Plan(withheld=_NOT_EDITABLE)
    stated = (f"{name}={row.facts['state'][name]}".format(backend=dotted(use.path)) for name in missing)
    return Plan((text.append(file, ", ".join(stated)),))


def _written(file: File, use: ModuleUse, call: cst.Call, row: Row, template: str) -> Plan:
    """The edits around the arguments of a call that make it the expression of a template."""
    for name in _BUILTIN.findall(template):
        if file.resolver.bindings(name, use.place):
            return Plan(withheld=f"`{name}` means something else here")
    parts = list(Formatter().parse(template.replace("{backend}", dotted(use.path) or "")))
    words = [literal for literal, _, _, _ in parts]
    order = [name for _, name, _, _ in parts if name is not None]
    words += [""] * (len(order) + 1 - len(words))
    every, text = written(file, call), file.call_text(use.name)
    if every is None or text is None:
        return Plan(withheld=_NOT_EDITABLE)
    if _passed(every, row.facts["parameters"]) != order:
        return Plan(withheld="its arguments are not written in the order in which they are needed")
    bare = [word.startswith(".") and not _is_atom(one.arg.value) for one, word in zip(every, words[1:], strict=True)]
    starts = [file.span(first_name(use.path))[0], *(one.end for one in every)]
    ends = [*(one.value for one in every), text.closed + 1]
    edits = [
        file.replace(start, end, ")" * closed + word + "(" * opened)
        for start, end, closed, word, opened in zip(starts, ends, [False, *bare], words, [*bare, False], strict=True)
    ]
    return Plan(withheld=COMMENT) if any("#" in edit.expected for edit in edits) else Plan(tuple(edits))


def _passed(every: Sequence[Written], parameters: Sequence[str]) -> list[str]:
    """The parameters for which the arguments of a call are passed, in their order; too many have no name."""
    places = [*parameters, *([""] * len(every))]
    return [one.arg.keyword.value if one.arg.keyword else place for one, place in zip(every, places, strict=False)]


def _is_atom(node: cst.BaseExpression) -> bool:
    """Can an attribute of the expression be taken without parentheses around it?"""
    return isinstance(node, (cst.Name, cst.Attribute, cst.Call, cst.Subscript)) or bool(node.lpar)


def _values(file: File, use: ModuleUse, call: cst.Call, values: Mapping[str, Any]) -> Plan:
    """A value that is passed or compared changes its spelling."""
    parent = use.parent_of(call)
    if call.args:
        literals: list[cst.BaseExpression] = [arg.value for arg in call.args]
    elif isinstance(parent, cst.ComparisonTarget):
        comparison = use.parent_of(parent)
        literals = [comparison.left] if isinstance(comparison, cst.Comparison) else []
    elif isinstance(parent, cst.Comparison) and len(parent.comparisons) == 1:
        literals = _elements(parent.comparisons[0].comparator)
    else:
        return Plan(withheld="what it gives is used other than in a comparison")
    edits: list[Edit] = []
    for literal in literals:
        text = string_value(literal) if isinstance(literal, cst.SimpleString) else None
        if text is None or text not in values or not isinstance(literal, cst.SimpleString):
            return Plan(withheld="the value is not written here")
        edits.append(file.replace(*file.span(literal), values[text]))
    return Plan(tuple(edits)) if edits else Plan(withheld="the value is not written here")


def _elements(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    """The elements of a tuple, list or set, or the expression itself."""
    if isinstance(node, (cst.Tuple, cst.List, cst.Set)):
        return [element.value for element in node.elements]
    return [node]
