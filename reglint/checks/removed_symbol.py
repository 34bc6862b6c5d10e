"""Regularizers that are gone and have no successor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import libcst as cst

from reglint.findings import Finding
from reglint.rulebook import Card, facts
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.symbols import imports, uses


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each import and each use, with what to do instead."""
    for old, known in facts(card.facts or "regularizers")["removed"].items():
        guards = Guards(file, [old], [])
        imported = list(imports(file, old))
        for found in imported:
            if file.allowed.admits(found.package, _gone_in(known)):
                yield _finding(file, card, found.name, old, known)
        for use in uses(file, old, [found.local for found in imported]):
            if use.sure and file.allowed.admits(use.package, _gone_in(known)) and not guards.in_old_arm(use.mention):
                yield _finding(file, card, use.name, old, known)


def _gone_in(known: Mapping[str, Any]) -> str:
    return ">=" + str(known["since"]).split()[-1]


def _finding(file: File, card: Card, name: cst.Name, old: str, known: Mapping[str, Any]) -> Finding:
    start, end = file.span(name)
    return Finding(
        card.code,
        card.name,
        card.severity,
        f"`{old}` is gone since {str(known['since']).title()} and has no successor; {known['instead']}",
        start,
        end,
        fix_withheld="there is no successor",
    )
