"""Layers and arguments of layers that Keras no longer has: most have no successor, and the finding says what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reglint.checks.removed_argument import removed_arguments
from reglint.findings import Finding
from reglint.names.values import Symbol
from reglint.rewriting.plan import Plan
from reglint.rewriting.reported import is_everywhere, reported
from reglint.rewriting.successors import replaced
from reglint.rewriting.wrapped_layers import successor
from reglint.rulebook import Card, facts
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named
from reglint.usage.standing import standing
from reglint.usage.symbols import Import, Use, imports, uses
from reglint.versions import Release

_LAYERS = "layers"


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each import and use of a class that is gone, and on each argument."""
    table = facts(card.facts or "removed")
    for old, row in table["classes"].items():
        yield from _check_class(file, card, old, row)
    yield from removed_arguments(file, card, table)


def _check_class(file: File, card: Card, old: str, row: Mapping[str, Any]) -> Iterator[Finding]:
    imported, used = _survey(file, old, row)
    mended = [successor(file, row, use) if "becomes" in row else "there is no successor" for use in used]
    whole = replaced(file, [found for found in mended if not isinstance(found, str)], imported)
    for use, found in zip(used, mended, strict=True):
        plan = Plan(withheld=found) if isinstance(found, str) else whole.uses[use]
        yield _finding(file, card, old, row, use, plan)
    for item, plan in whole.imports:
        yield _finding(file, card, old, row, item, plan if "becomes" in row else Plan(withheld="there is no successor"))


def _survey(file: File, old: str, row: Mapping[str, Any]) -> tuple[list[Import], list[Use]]:
    """The imports of a class and its uses, without those that are right where they stand."""
    becomes = row.get("becomes", {})
    guards = Guards(file, [old], [name for name in (becomes.get("layer"), becomes.get("inner")) if name])
    every = list(imports(file, old, _LAYERS))
    guarded = [
        found.binding for found in every if guards.is_old_binding(found.binding) or guards.is_attempt(found.binding)
    ]
    imported = [
        found
        for found in every
        if found.binding not in guarded
        and _failing(file, found.package, row)
        and not _is_left(file, file.resolver.binding_values(found.binding, found.local), row)
    ]
    used = [
        use
        for use in uses(file, old, [found.local for found in every], _LAYERS)
        if not guards.in_old_arm(use.mention)
        and _failing(file, use.package, row)
        and not _is_left(file, file.resolver.values(use.expression, use.place), row)
        and not (use.name is use.expression and _is_bound_by(file, use, guarded))
    ]
    return imported, used


def _is_bound_by(file: File, use: Use, bindings: list[Any]) -> bool:
    return any(binding in bindings for binding in file.resolver.bindings(use.name.value, use.place))


def _failing(file: File, package: str, row: Mapping[str, Any]) -> tuple[Release, ...]:
    return standing(file, package, row["fails"], row.get("holds", {}), kept=row.get("kept", False)).failing


def _is_left(file: File, values: tuple[object, ...], row: Mapping[str, Any]) -> bool:
    """Is it reached in a place where the releases that lack it in ``keras.layers`` still have it?"""
    prefixes = tuple(f"{prefix}." for prefix in row.get("still_in", ()))
    return any(isinstance(value, Symbol) and value.qualname.startswith(prefixes) for value in values)


def _finding(file: File, card: Card, old: str, row: Mapping[str, Any], found: Import | Use, plan: Plan) -> Finding:
    failing = _failing(file, found.package, row)
    sure = is_everywhere(file, found.package, failing)
    message = f"`{old}` is gone from {named(failing)}{'' if sure else allowed_by(file, failing)}; {row['instead']}"
    title = f"Use `{row['becomes']['layer']}`" if "becomes" in row else ""
    return reported(file, card, found.name, found.package, failing, message, title, plan)
