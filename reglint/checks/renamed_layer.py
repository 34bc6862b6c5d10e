"""Layer classes that have another name today: the import and all uses change together, with what their calls need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import libcst as cst

from reglint.findings import Applicability, Finding, Fix, Severity
from reglint.rewriting.old_calls import positional_plan
from reglint.rewriting.plan import Plan
from reglint.rewriting.renames import Family, Judged, judged
from reglint.rulebook import Card, facts
from reglint.usage.file import File
from reglint.usage.hazards import named
from reglint.usage.standing import standing
from reglint.usage.symbols import Use, is_said

_KERAS_2 = ">=2.0.0"


def check(file: File, card: Card) -> Iterator[Finding]:
    """Findings on imports and uses of old class names."""
    known = facts(card.facts or "layer_names")
    today = {old: row["to"] for old, row in known.items()}
    family = Family(facts("packages")["namespaces"]["layers"], today, _beside, _concerns)
    for old, row in known.items():
        if is_said(file, old):
            for found in judged(file, family, old):
                yield _finding(file, card, old, row, found)


def _concerns(file: File, package: str, old: str) -> bool:
    """Does the project allow a Keras of which the old name is no longer the own one?"""
    return package != "keras" or file.allowed.admits(package, _KERAS_2)


def _finding(file: File, card: Card, old: str, row: Mapping[str, Any], found: Judged) -> Finding:
    state = standing(file, found.package, row.get("fails", {}), row["holds"])
    apart = found.plan.apart if state.working else ""
    doubts = [clause for clause in (state.doubt, found.plan.doubt, apart) if clause]
    if not found.uses and not state.failing and not apart:
        doubts.append("another module may import it from here")
    new = row["to"]
    if state.failing:
        severity, message = card.severity, f"`{old}` is gone from {named(state.failing)}; use `{new}`"
    else:
        severity, message = Severity.INFO, f"`{old}` is an old name of `{new}`"
    start, end = file.span(found.name)
    fix = None
    if found.plan.withheld is None:
        applicability = card.applicability if found.sure and not doubts else Applicability.UNSAFE
        fix = Fix(applicability or Applicability.SAFE, f"Rename to `{new}`", found.plan.edits)
        message += f" ({'; '.join(doubts)})" if doubts else ""
    return Finding(card.code, card.name, severity, message, start, end, fix=fix, fix_withheld=found.plan.withheld)


def _beside(file: File, use: Use, old: str) -> Plan:
    """What a call needs besides the new name of its class, or of the class that it hands on."""
    call = use.call
    if call is None:
        call = next((node for node in use.above.nodes() if isinstance(node, cst.Call)), None)
        positions = positional_plan(file, call, use.place) if call is not None and _is_first(call, use) else None
        return _out_of_sight(positions or Plan(), old)
    positions = positional_plan(file, call, use.place) or Plan()
    if positions.withheld is not None:
        return positions
    own = _own_arguments(old)
    if own and any(arg.star == "**" for arg in call.args):
        return Plan(withheld=f"`{next(iter(own))}` may be passed with `**`")
    keywords = {arg.keyword.value: arg.keyword for arg in call.args if arg.keyword is not None}
    renamed = {name: new for name, new in own.items() if name in keywords}
    double = next((new for new in renamed.values() if new in keywords), None)
    if double is not None:
        return Plan(withheld=f"`{double}` is passed already")
    edits = {file.replace(*file.span(keywords[name]), new) for name, new in renamed.items()}
    return positions._replace(edits=tuple(sorted({*positions.edits, *edits})))


def _out_of_sight(plan: Plan, old: str) -> Plan:
    """The plan for a class that is handed on: who calls it may pass what only the old one takes."""
    own = next(iter(_own_arguments(old)), None) if facts("calls").get(old, {}).get("today") in facts("calls") else None
    return plan if own is None or plan.doubt else plan._replace(doubt=f"whoever calls it may pass `{own}`")


def _is_first(call: cst.Call, use: Use) -> bool:
    """Is it the first argument, as the class is that ``functools.partial`` binds?"""
    return bool(call.args) and call.args[0].value is use.expression


def _own_arguments(old: str) -> Mapping[str, str]:
    """The arguments that only the old class has, such as ``atrous_rate``, and what the new one calls them."""
    calls = facts("calls")
    row = calls.get(old, {})
    arguments: Mapping[str, Any] = row.get("arguments", {})
    shared = calls.get(row.get("today"), {}).get("arguments", {})
    return {name: entry["to"] for name, entry in arguments.items() if name not in shared and "to" in entry}
