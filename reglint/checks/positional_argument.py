"""Positional arguments of a layer whose place means something else today: ``Convolution2D(64, 3, 3)``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import dropwhile

import libcst as cst

from reglint.findings import Applicability, Finding, Fix, Severity
from reglint.rewriting.argument_names import admits_keras1, admits_keras2, converts_keras1, keras1_doubt, keras1_names
from reglint.rewriting.old_calls import Moved, moved_arguments, positional_plan, refusing
from reglint.rewriting.old_layers import Callee, callees_of
from reglint.rewriting.plan import Plan
from reglint.rewriting.written import written
from reglint.rulebook import Card, facts
from reglint.usage.calls import CallSite, calls_in
from reglint.usage.compatibility import Guards
from reglint.usage.file import File


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on the first positional argument of a call whose place means something else today, or is refused."""
    guards = Guards(file, *keras1_names())
    for site in calls_in(file).sites(file.names):
        if not _may_matter(site):
            continue
        callees = callees_of(file, site.call, site.place)
        if not any(admits_keras2(file, callee.layer.package) for callee in callees):
            continue
        plan = positional_plan(file, site.call, site.place)
        finding = _finding(file, card, site, callees[0], plan) if plan is not None else None
        if finding is not None and not guards.in_old_arm(site.mention):
            yield finding


def _may_matter(site: CallSite) -> bool:
    """May it be a layer's call that is worth following? Most have one positional argument, which means what it did."""
    if isinstance(site.call.func, cst.Attribute) and site.name != "__init__" and site.name not in facts("calls"):
        return False
    positional = [arg.value for arg in site.call.args if arg.keyword is None]
    return len(positional) > 1 or any(isinstance(value, (cst.SimpleString, cst.Float)) for value in positional)


def _finding(file: File, card: Card, site: CallSite, callee: Callee, plan: Plan) -> Finding | None:
    every = written(file, site.call)
    moved = moved_arguments(file, callee, every) if every is not None else []
    if every is None or not moved:
        start, end = file.span(site.mention.node)
        message = f"`{callee.layer.name}` takes its positional arguments in another order today"
        return Finding(card.code, card.name, Severity.WARNING, message, start, end, fix_withheld=plan.withheld)
    if not refusing(file, callee):
        moved = list(dropwhile(lambda one: one.limited, moved))
    if not moved:
        return None
    doubts = [plan.doubt, keras1_doubt(file, "call") if admits_keras1(file, callee.layer.package) else ""]
    message = _message(file, callee, moved)
    fix = None
    if plan.withheld is None:
        doubt = "; ".join(filter(None, doubts))
        applicability = Applicability.UNSAFE if doubt else card.applicability or Applicability.DISPLAY
        message += f" ({doubt})" if doubt else ""
        fix = Fix(applicability, _how(callee, moved), plan.edits)
    severity = Severity.WARNING if plan.doubt or _is_converted(file, callee, moved) else card.severity
    first = moved[0].argument
    return Finding(card.code, card.name, severity, message, first.start, first.end, fix=fix, fix_withheld=plan.withheld)


def _is_converted(file: File, callee: Callee, moved: Sequence[Moved]) -> bool:
    """Does an allowed Keras 2 take the call for what it was, with a warning?"""
    return converts_keras1(file, callee.layer.package) and all(callee.is_size(one.old) for one in moved)


def _message(file: File, callee: Callee, moved: Sequence[Moved]) -> str:
    name, first = callee.layer.name, moved[0]
    order, today = callee.row["order"], callee.today["order"]
    if first.limited:
        return f"`{name}` takes only {callee.today['positional']} positional arguments in {refusing(file, callee)}"
    place = order.index(first.old)
    if callee.is_size(first.old):
        size = callee.successor(first.old)["joins"]
        third = f"argument {place + 2} is `{today[place + 1]}`"
        return f"the sides of the kernel are one argument of `{name}` today, `{size}`; {third}"
    what = f"is `{today[place]}` today" if place < len(today) else "has another place today"
    if place < len(today) and callee.successor(first.old).get("to") == today[place]:
        what = f"is `{today[place]}` with other values today"
    return f"argument {place + 1} of `{name}` was `{first.old}` in Keras 1 and {what}"


def _how(callee: Callee, moved: Sequence[Moved]) -> str:
    names: list[str] = []
    for one in moved:
        entry = callee.successor(one.old)
        names.extend([entry["to"]] if "to" in entry else entry.get("both", []))
    if callee.is_size(moved[0].old):
        return "Put the kernel's size into a tuple"
    return "Pass " + ", ".join(f"`{name}`" for name in names) + " by name"
