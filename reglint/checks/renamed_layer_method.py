"""Methods of layers that Keras calls by another name today, where a layer defines them and where they are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import libcst as cst

from reglint.findings import Edit, Finding, Severity
from reglint.names.scopes import Mention
from reglint.rewriting.plan import Plan
from reglint.rewriting.redefined_methods import Redefined, redefined
from reglint.rewriting.reported import is_everywhere, reported
from reglint.rulebook import Card, facts
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named
from reglint.usage.standing import standing

Row = Mapping[str, Any]


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each definition, and on each use, of a method of layers that has another name today."""
    for old, row in facts(card.facts or "layer_methods")["methods"].items():
        yield from _check(file, card, old, row)


def _check(file: File, card: Card, old: str, row: Row) -> Iterator[Finding]:
    found = redefined(file, old, row["to"])
    guards = Guards(file, [old], [row["to"]])
    own = _together(file, guards, found, old, row["to"])
    for definition in found.definitions:
        said = f"`{old}` is not called any more"
        yield from _finding(file, card, row, definition.name, definition.package, said, own, Severity.WARNING)
    for use in found.uses:
        if guards.in_old_arm(use.mention) or guards.is_prepared(use.mention):
            continue
        name = use.mention.node
        if use.own:
            said = f"`{old}` has another name"
            yield from _finding(file, card, row, name, use.package, said, own, Severity.WARNING)
        else:
            said = f"`{old}` is gone"
            plan = Plan((file.replace(*file.span(name), row["to"]),))
            yield from _finding(file, card, row, name, use.package, said, plan, card.severity)


def _together(file: File, guards: Guards, found: Redefined, old: str, new: str) -> Plan:
    """What renames the methods that a file defines, with all that is said of them there, or why that can't be done."""
    if file.names.strings.get(old):
        return Plan(withheld=f"`{old}` is also looked up by a string")
    if found.unknown and found.others:
        return Plan(withheld=f"another class has a `{old}` of its own, and it can't be seen everywhere which is called")
    uses: list[Mention] = [use.mention for use in found.uses] + found.unknown
    if any(guards.in_old_arm(mention) or guards.is_prepared(mention) for mention in uses):
        return Plan(withheld="the program chooses by Keras's version which name it calls")
    names = [*(definition.name for definition in found.definitions), *(mention.node for mention in uses)]
    edits: tuple[Edit, ...] = tuple(sorted(file.replace(*file.span(name), new) for name in names))
    if found.unknown:
        return Plan(edits, doubt="it can't be seen everywhere what it is called on")
    layers = {definition.layer for definition in found.definitions}
    called = layers and file.resolver.project.may_call(file.names.filename, layers, old)
    return Plan(edits, doubt="another file may call it" if called else "")


def _finding(
    file: File,
    card: Card,
    row: Row,
    node: cst.Name | cst.SimpleString,
    package: str,
    said: str,
    plan: Plan,
    severity: Severity,
) -> Iterator[Finding]:
    state = standing(file, package, row["fails"], row["holds"])
    if not state.failing:
        return
    where = "" if is_everywhere(file, package, state.failing) else allowed_by(file, state.failing)
    message = f"{said} in {named(state.failing)}{where}; use `{row['to']}`"
    plan = plan._replace(doubt="; ".join(filter(None, (state.doubt, plan.doubt))))
    yield reported(file, card, node, package, state.failing, message, f"Rename to `{row['to']}`", plan, severity)
