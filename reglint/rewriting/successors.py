"""What takes the place of a name that is gone, together with the imports that it needs and those that it frees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import libcst as cst

from reglint.findings import Edit
from reglint.names.scopes import Binding, dotted
from reglint.rewriting.imports import Brought, KerasPath, bring, free, is_left_unused, together
from reglint.rewriting.plan import Plan
from reglint.usage.file import File
from reglint.usage.symbols import Import, Use


class Successor(NamedTuple):
    """What takes the place of a use: the names of Keras that it needs, and its edits once their spelling is known.

    ``doubt`` says why it is no safe fix; empty where it is.
    """

    use: Use
    needs: tuple[KerasPath, ...]
    edits: Callable[[Sequence[str]], tuple[Edit, ...]]
    doubt: str = ""


class Replacement(NamedTuple):
    """What mends each use that has a successor, and each import of the old name."""

    uses: dict[Use, Plan]
    imports: list[tuple[Import, Plan]]


def replaced(file: File, successors: Sequence[Successor], imported: Sequence[Import]) -> Replacement:
    """Puts successors in the place of uses. Those that one import serves change together, and it goes with the last."""
    plans: dict[Use, Plan] = {}
    served = [(successor, serving(file, successor.use, imported)) for successor in successors]
    for binding, doubtful in dict.fromkeys((binding, bool(successor.doubt)) for successor, binding in served):
        group = [s for s, own in served if own is binding and bool(s.doubt) == doubtful]
        for each in [group] if binding is not None else [[successor] for successor in group]:
            plan = _planned(file, each, binding)
            plans.update({successor.use: plan._replace(doubt=successor.doubt) for successor in each})
    return Replacement(plans, [(found, _plan_import(file, found, served, plans)) for found in imported])


def serving(file: File, use: Use, imported: Sequence[Import]) -> Binding | None:
    """The import of a Keras that alone binds the name of a use, or None."""
    if use.name is not use.expression:
        return None
    bindings = file.resolver.bindings(use.name.value, use.place)
    if len(bindings) != 1:
        return None
    return next((i.binding for i in imported if i.binding == bindings[0] and _is_from_keras(file, i)), None)


def _planned(file: File, group: Sequence[Successor], binding: Binding | None) -> Plan:
    """The edits of successors and of what they import."""
    brought: list[Brought] = []
    edits: list[Edit] = []
    for successor in group:
        if expression_span(file, successor.use) is None:
            return Plan(withheld="the name is written in a way that can't be edited")
        found = list(_brought(file, successor, binding))
        if len(found) < len(successor.needs):
            return Plan(withheld=f"`{successor.needs[len(found)][-1]}` can't be imported here")
        brought.extend(found)
        edits.extend(successor.edits([item.spelling for item in found]))
    names = [successor.use.name for successor in group]
    statements = None if binding is None else free(file, binding, names, brought)
    if statements is None:
        statements = together(file, brought)
    if statements is None:
        return Plan(withheld="the import can't be edited")
    return Plan(tuple(sorted({*edits, *statements})))


def _brought(file: File, successor: Successor, binding: Binding | None) -> Iterator[Brought]:
    """How the names that a successor needs are written, up to the first that can't be."""
    use = successor.use
    statement = binding.statement if binding is not None else None
    for path in successor.needs:
        found = _beside(file, use, path) or bring(file, use.package, path, use.place, statement)
        if found is None:
            return
        yield found


def _beside(file: File, use: Use, path: KerasPath) -> Brought | None:
    """The name as a member of the module of which the use names one."""
    if use.name is use.expression:
        return None
    span = expression_span(file, use)
    if span is None or not isinstance(use.expression, cst.Attribute):
        return None
    base = file.source.text[span[0] : file.span(use.name)[0]]
    values = file.resolver.values(use.expression.value, use.place)
    names = {file.api.keras_name(getattr(value, "qualname", "")) for value in values}
    known = names.pop() if len(names) == 1 else None
    return Brought(f"{base}{path[-1]}") if known is not None and known.path == path[:-1] else None


def expression_span(file: File, use: Use) -> tuple[int, int] | None:
    """Where ``layers.old`` starts and ends; None where it starts with more than a name."""
    first = use.expression
    while isinstance(first, cst.Attribute):
        first = first.value
    return (file.span(first)[0], file.span(use.name)[1]) if isinstance(first, cst.Name) else None


def renamed(file: File, use: Use, spelling: str) -> Edit:
    """The edit by which a use is written otherwise; only its last name where that alone changes."""
    span = expression_span(file, use)
    assert span is not None
    start, end = span
    at = file.span(use.name)[0]
    base = file.source.text[start:at]
    if base and spelling.startswith(base):
        return file.replace(at, end, spelling[len(base) :])
    return file.replace(start, end, spelling)


def _plan_import(
    file: File, found: Import, served: Sequence[tuple[Successor, Binding | None]], plans: dict[Use, Plan]
) -> Plan:
    """What mends an import of a name that is gone: the plan of its uses, if they are all that use it."""
    mine = [s for s, own in served if own is found.binding and plans[s.use].withheld is None]
    doubts = {bool(successor.doubt) for successor in mine}
    if not is_left_unused(file, found.binding, [successor.use.name for successor in mine]) or len(doubts) > 1:
        return Plan(withheld="it is still used")
    if mine:
        return plans[mine[0].use]
    edits = free(file, found.binding, ()) if _is_from_keras(file, found) else None
    if not edits:
        return Plan(withheld="others may import it from here")
    return Plan(edits, doubt="nothing in this file uses it, but others may import it from here")


def _is_from_keras(file: File, found: Import) -> bool:
    """Does the statement import from a Keras itself? To import a module of the project may do more than bind names."""
    statement = found.statement
    return not statement.relative and file.api.keras_name(dotted(statement.module) or "") is not None
