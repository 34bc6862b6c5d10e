"""``model.optimizer.lr``: attributes of optimizers that have another name today, read and set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import libcst as cst

from reglint.findings import Finding
from reglint.names.scopes import Mention
from reglint.names.values import Symbol
from reglint.rewriting.plan import Plan
from reglint.rewriting.reported import reported
from reglint.rulebook import Card, facts
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named
from reglint.usage.optimizers import has_own_optimizers, optimizer_package
from reglint.usage.standing import standing

_BACKEND = "backend"


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each place that reads or sets such an attribute of what is surely an optimizer of Keras."""
    uses = facts("optimizer_attributes")["attributes"]
    for old in {use["old"] for use in uses.values()}:
        guards = Guards(file, (old,), {use["today"]["to"] for use in uses.values()})
        for mention in file.names.mentions.get(old, ()):
            node = mention.above.node
            if not isinstance(node, cst.Attribute) or node.attr is not mention.node:
                continue
            package = _package(file, node, mention)
            if package is None or has_own_optimizers(file):
                continue
            row = uses["set" if _is_set(node, mention) else "read"]["today"]
            finding = _finding(file, card, mention, old, package, row)
            if finding is not None and not guards.in_old_arm(mention) and not guards.is_prepared(mention):
                yield finding


def _package(file: File, node: cst.Attribute, mention: Mention) -> str | None:
    """The Keras of the optimizer whose attribute is taken; None where it may be something else's."""
    found = optimizer_package(file, node.value, mention.place)
    if found is None and isinstance(node.value, cst.Attribute) and node.value.attr.value == "optimizer":
        return _reader_package(file, mention)
    return found


def _reader_package(file: File, mention: Mention) -> str | None:
    """The Keras whose backend is given the attribute: ``K.get_value(unknown.optimizer.lr)``."""
    _, arg, call, *_ = [*mention.above.nodes(), None, None]
    if not isinstance(arg, cst.Arg) or not isinstance(call, cst.Call) or call.args[0] is not arg:
        return None
    known = facts("optimizer_attributes")["readers"]
    packages = set()
    for value in file.resolver.values(call.func, mention.place):
        name = file.api.keras_name(value.qualname) if isinstance(value, Symbol) else None
        is_reader = name is not None and name.path[:1] == (_BACKEND,) and name.path[-1] in known
        packages.add(name.package if name is not None and is_reader else None)
    return packages.pop() if len(packages) == 1 else None


def _is_set(node: cst.Attribute, mention: Mention) -> bool:
    """Is the attribute given a value, without being read first?"""
    parent = next((up for up in mention.above.nodes() if up is not node), None)
    return isinstance(parent, cst.AssignTarget) or (isinstance(parent, cst.AnnAssign) and parent.target is node)


def _finding(
    file: File, card: Card, mention: Mention, old: str, package: str, row: Mapping[str, Any]
) -> Finding | None:
    state = standing(file, package, row["fails"], row["holds"])
    if not state.failing:
        return None
    new = row["to"]
    message = (
        f"`{old}` of an optimizer {row['says']} {named(state.failing)}{allowed_by(file, state.failing)}; use `{new}`"
    )
    plan = Plan((file.replace(*file.span(mention.node), new),), doubt=state.doubt)
    return reported(file, card, mention.node, package, state.failing, message, f"Rename to `{new}`", plan)
