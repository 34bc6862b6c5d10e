"""What makes a call of a function that ``keras.backend`` no longer has one of its successor."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import libcst as cst

from reglint.findings import Edit
from reglint.names.scopes import string_value
from reglint.names.values import Values
from reglint.rewriting.imports import bring
from reglint.rewriting.module_uses import ModuleUse, first_name, last_name
from reglint.rewriting.moved_imports import NO_SUCCESSOR
from reglint.rewriting.plan import Plan
from reglint.usage.calls import is_none
from reglint.usage.file import File
from reglint.usage.moved import Row, Stand, doubt

_PLAIN = re.compile(r"[\w.]*")


def plan_function(file: File, use: ModuleUse, found: Stand) -> Plan:
    """The edits of a use of ``K.NAME``: the module, the name, and the arguments or values that change with them."""
    row = found.row
    if not found.mended or row.place is None:
        return Plan(withheld=NO_SUCCESSOR)
    arguments = _arguments(file, use, row)
    if arguments.withheld is not None:
        return arguments
    edits = list(arguments.edits)
    if row.today != row.name:
        edits.append(file.replace(*file.span(use.name), row.today))
    if row.place != use.module.path:
        new = bring(file, use.module.package, row.place.split("."), use.place)
        start, end = file.span(first_name(use.path))[0], file.span(last_name(use.path))[1]
        if new is None or not _PLAIN.fullmatch(file.source.text, start, end):
            return Plan(withheld=f"`{row.place}` means something else here")
        edits += [file.replace(start, end, new.spelling), *new.edits]
    return Plan(tuple(sorted(edits)), doubt=doubt([found]))


def _arguments(file: File, use: ModuleUse, row: Row) -> Plan:
    call = use.call
    if call is None:
        return Plan(withheld=f"`{row.name}` is used other than in a call")
    if "values" in row.facts:
        return _values(file, use, call, row.facts["values"])
    if any(arg.star for arg in call.args):
        return Plan(withheld="its arguments are passed with `*` or `**`")
    keywords = [arg.keyword.value for arg in call.args if arg.keyword is not None]
    positional = len(call.args) - len(keywords)
    if positional > row.facts["positional"] or not set(keywords) <= set(row.facts["keywords"]):
        return Plan(withheld=f"`{row.facts['to']}` takes other arguments")
    if row.facts.get("no_none", False) and any(is_none(v) for arg in call.args for v in _values_of(file, use, arg)):
        return Plan(withheld=f"`None` may be passed, of which `{row.facts['to']}` makes something else")
    if positional <= row.facts.get("at", 0):
        for name in row.facts.get("asks", ()):
            if name not in keywords:
                return Plan(withheld=f"`{name}` is left out, and `{row.facts['to']}` takes something else for it")
    return _stated(file, use, row, positional, keywords)


def _values_of(file: File, use: ModuleUse, arg: cst.Arg) -> Values:
    return file.resolver.values(arg.value, use.place)


def _stated(file: File, use: ModuleUse, row: Row, positional: int, keywords: Sequence[str]) -> Plan:
    """The arguments whose default is another one today."""
    missing = [name for name in row.facts.get("state", ()) if name not in keywords]
    if not missing or positional > row.facts["at"]:
        return Plan()
    text = file.call_text(use.name)
    if text is None:
        return Plan(withheld="the call is written in a way that can't be edited")
    return Plan((text.append(file, ", ".join(f"{name}={row.facts['state'][name]}" for name in missing)),))


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
