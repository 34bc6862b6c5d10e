"""Modules, functions, classes and strings of Keras that have another name today, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import libcst as cst

from reglint.findings import Applicability, Finding, Fix
from reglint.names.scopes import Binding, dotted
from reglint.names.values import Symbol
from reglint.rewriting.import_edits import aliases
from reglint.rewriting.named_values import Taker, taker
from reglint.rewriting.plan import Plan
from reglint.rewriting.renames import Family, judged
from reglint.rulebook import Card, facts
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import named
from reglint.usage.standing import Standing, is_in, standing
from reglint.usage.symbols import Use, imports, is_said, uses

_ROOT = ""

Beside = Callable[[File, Use, str], Plan]


def check(file: File, card: Card) -> Iterator[Finding]:
    """Findings on imports and uses of old names, on keywords, and on names in strings."""
    known = facts(card.facts or "keras_names")
    yield from _check_names(file, card, _ROOT, known["modules"], _beside_module)
    for old, row in known["modules"].items():
        yield from _check_imports_from(file, card, old, row)
    for module, rows in known["symbols"].items():
        yield from _check_names(file, card, module, rows, _beside_symbol(rows))
    for module, rows in known["removed"].items():
        for old, row in rows.items():
            yield from _check_removed(file, card, module, old, row)
    for row in known["arguments"]:
        yield from _check_argument(file, card, row)
    for kind, rows in known["strings"].items():
        for old, row in rows.items():
            yield from _check_string(file, card, known["takes"][kind], old, row)


def _standing(file: File, package: str, row: Mapping[str, Any]) -> Standing:
    """How a row stands; a release that has neither spelling loses nothing by the new one."""
    found = standing(file, package, row["fails"], row.get("holds", {}), kept=row.get("kept", False))
    return found._replace(lacking=tuple(release for release in found.lacking if not is_in(release, row["fails"])))


def _found(
    file: File,
    card: Card,
    node: cst.Name | cst.SimpleString,
    what: str,
    package: str,
    row: Mapping[str, Any],
    plan: Plan,
    sure: bool = True,
) -> Finding:
    """A finding on an old spelling; ``what`` says what is wrong with it in which releases."""
    state = _standing(file, package, row)
    doubts = [clause for clause in (state.doubt, plan.doubt, plan.apart if state.working else "") if clause]
    new = row.get("to")
    message = f"{what} {named(state.failing)}; " + (f"use `{new}`" if new is not None else str(row["instead"]))
    start, end = file.span(node)
    fix = None
    if plan.withheld is None:
        applicability = Applicability.UNSAFE if doubts or not sure else card.applicability or Applicability.SAFE
        fix = Fix(applicability, f"Rename to `{new}`", plan.edits)
        message += f" ({'; '.join(doubts)})" if doubts else ""
    return Finding(card.code, card.name, card.severity, message, start, end, fix=fix, fix_withheld=plan.withheld)


# ---------------------------------------------------------------------------------------------------- names that moved


def _check_names(file: File, card: Card, namespace: str, rows: Mapping[str, Any], beside: Beside) -> Iterator[Finding]:
    def concerns(file: File, package: str, old: str) -> bool:
        return bool(_standing(file, package, rows[old]).failing)

    family = Family(namespace, {old: row["to"] for old, row in rows.items()}, beside, concerns)
    for old, row in rows.items():
        if is_said(file, old):
            for one in judged(file, family, old):
                yield _found(file, card, one.name, f"`{old}` is not in", one.package, row, one.plan, one.sure)


def _beside_symbol(rows: Mapping[str, Any]) -> Beside:
    def beside(file: File, use: Use, old: str) -> Plan:
        """The keywords of a call that change with the name; one from which a name is taken may be a module."""
        renamed: Mapping[str, str] = rows[old].get("arguments", {})
        doubt = str(rows[old].get("doubt", ""))
        call = use.call
        if isinstance(use.above.node, cst.Attribute):
            return Plan(withheld=f"`{use.above.node.attr.value}` is taken from it")
        if not renamed or call is None:
            return Plan(doubt=doubt)
        if any(arg.star == "**" for arg in call.args):
            return Plan(withheld="its arguments are passed with `**`")
        keywords = [arg.keyword for arg in call.args if arg.keyword is not None]
        edits = [file.replace(*file.span(name), renamed[name.value]) for name in keywords if name.value in renamed]
        return Plan(tuple(edits), doubt=doubt)

    return beside


def _beside_module(file: File, use: Use, old: str) -> Plan:
    """A module changes its name only where what is taken from it is known to be the same."""
    row = facts("keras_names")["modules"][old]
    above = use.above.node
    if not isinstance(above, cst.Attribute) or above.value is not use.expression:
        return Plan(withheld=f"`{old}` is used other than for a name in it")
    return _of_module(row, old, above.attr.value)


def _of_module(row: Mapping[str, Any], old: str, name: str) -> Plan:
    if name in row["names"]:
        return Plan(doubt=row.get("doubt", ""))
    return Plan(withheld=str(row.get("instead", f"it is not known what `{old}.{name}` is today")))


def _check_imports_from(file: File, card: Card, old: str, row: Mapping[str, Any]) -> Iterator[Finding]:
    """``from keras.old import …`` and ``import keras.old``."""
    if not is_said(file, old):
        return
    guards = Guards(file, [old], [row["to"]])
    told: list[cst.CSTNode] = []
    for scope in list(file.names.scopes.values()):
        every = [binding for bindings in scope.bindings.values() for binding in bindings]
        for binding in (*every, *scope.stars):
            name = _module_name(binding, old)
            package = _package(file, binding, old) if name is not None else None
            if name is None or package is None or name in told or guards.is_old_binding(binding):
                continue
            told.append(name)
            if _standing(file, package, row).failing:
                plan = _plan_import_from(file, binding, name, row, old)
                yield _found(file, card, name, f"`{old}` is not in", package, row, plan)


def _module_name(binding: Binding, old: str) -> cst.Name | None:
    """The name of the module in an import statement, where it is the old one."""
    node: cst.CSTNode | None = None
    if isinstance(binding.statement, cst.ImportFrom):
        node = binding.statement.module
    elif isinstance(binding.node, cst.ImportAlias):
        node = binding.node.name
    return node.attr if isinstance(node, cst.Attribute) and node.attr.value == old else None


def _package(file: File, binding: Binding, old: str) -> str | None:
    """The package whose root module the statement names."""
    statement = binding.statement
    if isinstance(statement, cst.ImportFrom):
        module = None if statement.relative else dotted(statement.module)
    else:
        module = dotted(binding.node.name) if isinstance(binding.node, cst.ImportAlias) else None
    known = file.api.keras_name(module) if module is not None else None
    if known is None or known.path != (old,):
        return None
    if isinstance(statement, cst.ImportFrom):
        own = file.resolver.imported_module(statement, file.names.filename) is not None
    else:
        own = not all(isinstance(v, Symbol) for v in file.resolver.binding_values(binding, binding.name))
    return None if own else known.package


def _plan_import_from(file: File, binding: Binding, name: cst.Name, row: Mapping[str, Any], old: str) -> Plan:
    taken = [dotted(alias.name) or "" for alias in aliases(binding.statement)]
    if not isinstance(binding.statement, cst.ImportFrom) or not taken:
        if "instead" in row:
            return Plan(withheld=row["instead"])
        taken = []
    plans = [_of_module(row, old, one) for one in taken]
    lost = next((plan for plan in plans if plan.withheld is not None), None)
    if lost is not None:
        return lost
    doubt = next((plan.doubt for plan in plans if plan.doubt), "")
    return Plan((file.replace(*file.span(name), row["to"]),), doubt=doubt)


# ---------------------------------------------------------------------------------------------------- names that left


def _check_removed(file: File, card: Card, module: str, old: str, row: Mapping[str, Any]) -> Iterator[Finding]:
    if not is_said(file, old):
        return
    guards = Guards(file, [old], [])
    plan = Plan(withheld="there is no successor")
    imported = list(imports(file, old, module))
    for found in imported:
        if not guards.is_old_binding(found.binding) and _standing(file, found.package, row).failing:
            yield _found(file, card, found.name, f"`{old}` is not in", found.package, row, plan)
    for use in uses(file, old, [found.local for found in imported], module):
        if use.sure and not guards.in_old_arm(use.mention) and _standing(file, use.package, row).failing:
            yield _found(file, card, use.name, f"`{old}` is not in", use.package, row, plan)


# -------------------------------------------------------------------------------------------------------- arguments


def _check_argument(file: File, card: Card, row: Mapping[str, Any]) -> Iterator[Finding]:
    guards = Guards(file, [row["old"]], [])
    for mention in file.names.mentions.get(row["old"], ()):
        arg, link = mention.above
        call = link.node if link is not None else None
        if not isinstance(arg, cst.Arg) or arg.keyword is not mention.node or not isinstance(call, cst.Call):
            continue
        values = file.resolver.values(call.func, mention.place)
        known = [file.api.member(v.qualname, row["module"]) if isinstance(v, Symbol) else None for v in values]
        callees = [name for name in known if name is not None and name[1] in row["functions"]]
        if not callees or guards.in_old_arm(mention) or not _standing(file, callees[0][0], row).failing:
            continue
        package, function = callees[0]
        assert isinstance(mention.node, cst.Name)
        held = {other.keyword.value for other in call.args if other.keyword is not None}
        plan = Plan((file.replace(*file.span(mention.node), row["to"]),))
        if row["to"] in held:
            plan = Plan(withheld=f"`{row['to']}` is passed already")
        what = f"`{function}` has no argument `{row['old']}` in"
        yield _found(file, card, mention.node, what, package, row, plan, len(callees) == len(values))


# ---------------------------------------------------------------------------------------------------------- strings


def _check_string(
    file: File, card: Card, takes: Mapping[str, Any], old: str, row: Mapping[str, Any]
) -> Iterator[Finding]:
    guards = Guards(file, [old], [])
    for mention in file.names.strings.get(old, ()):
        found = taker(file, mention)
        if found is None or not _is_taken(found, takes) or guards.in_old_arm(mention):
            continue
        if not _standing(file, found.package, row).failing:
            continue
        assert isinstance(mention.node, cst.SimpleString)
        plan = Plan(withheld="there is no successor")
        if "to" in row:
            plan = Plan((file.replace(*file.span(mention.node), row["to"]),), doubt=row.get("doubt", ""))
        yield _found(file, card, mention.node, f"`'{old}'` is not known to", found.package, row, plan)


def _is_taken(found: Taker, takes: Mapping[str, Any]) -> bool:
    if found.kind == "get":
        return bool(found.module == takes["module"])
    if found.kind == "compile":
        return bool(found.keyword == takes.get("compile"))
    suffix: str | None = takes.get("suffix")
    return suffix is not None and (found.keyword.endswith(suffix) or found.keyword in takes["keywords"])
