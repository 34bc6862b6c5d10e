"""Arguments of optimizers that the target calls by another name, or no longer has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from reglint.checks.renamed_argument import agreed, is_in_dict
from reglint.findings import Applicability, Finding, Fix, Severity
from reglint.names.reach import Reach, Receiver
from reglint.names.scopes import Mention
from reglint.rewriting.plan import Plan
from reglint.rewriting.schedules import Decay
from reglint.rewriting.written import Written, without, written
from reglint.rulebook import Card, facts
from reglint.usage.calls import keyword_site
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named, version_data
from reglint.usage.optimizers import optimizer_class
from reglint.usage.standing import Standing, standing
from reglint.versions import Release

_OTHER = "the callee may be something else than a Keras optimizer"


class Case(NamedTuple):
    """An argument of an optimizer: where it is written, and what the table says of it."""

    mention: Mention
    old: str
    optimizer: str
    package: str
    row: Mapping[str, Any]
    standing: Standing
    reach: Reach
    sure: bool


def check(file: File, card: Card) -> Iterator[Finding]:
    """Findings on keywords and keys of dicts that reach an optimizer."""
    arguments = {old: row for known in _optimizers().values() for old, row in known["arguments"].items()}
    guards = Guards(file, arguments, {row["to"] for row in arguments.values() if "to" in row})
    for old in arguments:
        judged: list[tuple[Reach, Finding | None]] = []
        for mention in file.mentions(old):
            reach = file.flows.keyword(mention)
            if reach is None:
                continue
            case = None if reach.taken_out else _case(file, mention, old, reach)
            judged.append((reach, None if case is None or guards.in_old_arm(mention) else _finding(file, card, case)))
        yield from agreed([reach for reach, _ in judged], [finding for _, finding in judged])


def _optimizers() -> Mapping[str, Any]:
    known: Mapping[str, Any] = facts("optimizers")["optimizers"]
    return known


@cache
def _names() -> Mapping[str, str]:
    """What an optimizer is called → its name in the table."""
    return {name: key for key, known in _optimizers().items() for name in known["names"]}


def _case(file: File, mention: Mention, old: str, reach: Reach) -> Case | None:
    """What the table says of a keyword; None where it is no optimizer's, or right in every Keras that is allowed."""
    found = [_optimizer(file, receiver) for receiver in reach.receivers]
    known = [(one, row) for one in found if one is not None and (row := _row(one[1], old)) is not None]
    if not known:
        return None
    (package, optimizer), row = known[0]
    value = _value(file, mention)
    if "only" in row and value not in row["only"]:
        return None
    if any(_successor(other) != _successor(row) for _, other in known):
        return None
    stands = standing(file, package, row["fails"], row.get("holds", row["fails"]))
    if value in row.get("drop", ()) and stands.failing == file.among(file.allowed, package, row.get("ignores", {})):
        return None  # what is ignored would have changed nothing
    return Case(mention, old, optimizer, package, row, stands, reach, None not in found) if stands.failing else None


def _optimizer(file: File, receiver: Receiver) -> tuple[str, str] | None:
    """The package and the optimizer that receives the keyword; None for anything else, and for a legacy optimizer."""
    found = optimizer_class(file, receiver.name) if receiver.kind == "symbol" else None
    optimizer = _names().get(found[1]) if found is not None else None
    return (found[0], optimizer) if found is not None and optimizer is not None else None


def _row(optimizer: str, old: str) -> Mapping[str, Any] | None:
    row: Mapping[str, Any] | None = _optimizers()[optimizer]["arguments"].get(old)
    return row


def _successor(row: Mapping[str, Any]) -> str:
    return str(row.get("to", row.get("instead", "")))


def _finding(file: File, card: Card, case: Case) -> Finding:
    withheld = _withheld(file, case)
    plan = _plan(file, case) if withheld is None else Plan(withheld=withheld)
    doubts = [plan.doubt, *case.reach.doubts, *([] if case.sure else [_OTHER])]
    said = [doubt for doubt in dict.fromkeys(doubts) if doubt]
    message = _message(file, case, plan)
    fix = None
    if plan.withheld is None:
        applicability = Applicability.UNSAFE if said else card.applicability or Applicability.DISPLAY
        fix = Fix(applicability, _title(file, case), plan.edits)
        message += f" ({'; '.join(said)})" if said else ""
    severity = card.severity if case.sure else Severity.WARNING
    start, end = file.span(case.mention.node)
    data = version_data(file, case.package, case.standing.failing)
    return Finding(card.code, card.name, severity, message, start, end, fix=fix, fix_withheld=plan.withheld, data=data)


def _withheld(file: File, case: Case) -> str | None:
    reach, new = case.reach, case.row.get("to")
    if reach.obstacles:
        return reach.obstacles[0]
    if any(receiver.kind == "own" for receiver in reach.receivers):
        return "it also reaches something of the project that takes the old name"
    if not case.sure and is_in_dict(file, case.mention):
        return "it also reaches something that is not a Keras optimizer"
    if new is not None and any(new in receiver.held for receiver in reach.receivers):
        return f"`{new}` is passed already"
    return f"the program itself looks for `{new}`" if new in reach.asked else None


def _plan(file: File, case: Case) -> Plan:
    """The rename, what takes the argument out where its value says nothing, or the schedule that does what it did."""
    row = case.row
    if "to" in row:
        together = _with_decay(file, case)
        if together is not None:
            return together
        start, end = file.span(case.mention.node)
        doubts = [case.standing.doubt, _unnoticed(file, case)]
        return Plan((file.replace(start, end, row["to"]),), doubt="; ".join(filter(None, doubts)))
    every, mine = _written(file, case.mention)
    if mine is None or mine.literal() not in row["drop"]:
        return _scheduled(file, case, row, every, mine) or Plan(withheld=row["instead"])
    edits = without(file, every, [mine])
    return Plan(edits) if edits is not None else Plan(withheld="a comment would go with it")


def _scheduled(
    file: File, case: Case, row: Mapping[str, Any], every: Sequence[Written], decay: Written | None
) -> Plan | None:
    """The schedule in the place of a decay; None where the row knows of none, or the decay is not in the call."""
    site = keyword_site(case.mention)
    if "default" not in row or site is None or decay is None:
        return None
    return Decay(file, case.package, row, site.call, site.place, every).plan(decay)


def _with_decay(file: File, case: Case) -> Plan | None:
    """The fix of a decay in the same call, which renames this argument as well; None where there is none."""
    every, _ = _written(file, case.mention)
    for one in every:
        name = one.arg.keyword.value if one.arg.keyword is not None else ""
        row = _row(case.optimizer, name)
        if row is None or "default" not in row or one.literal() in row["drop"]:
            continue
        if file.among(file.allowed, case.package, row["fails"]):
            plan = _scheduled(file, case, row, every, one)
            return plan if plan is not None and plan.withheld is None else None
    return None


def _unnoticed(file: File, case: Case) -> str:
    """What would pass without a word once the call no longer fails for this argument; empty where nothing would."""
    every, _ = _written(file, case.mention)
    for one in every:
        name = one.arg.keyword.value if one.arg.keyword is not None else ""
        row = _row(case.optimizer, name)
        ignored = row is not None and bool(file.among(file.allowed, case.package, row.get("ignores", {})))
        if row is not None and ignored and name != case.old and one.literal() not in row["drop"]:
            return f"the call no longer fails then, and `{name}` is ignored"
    return ""


def _written(file: File, mention: Mention) -> tuple[tuple[Written, ...], Written | None]:
    """The arguments of the call in which a keyword stands, and that argument."""
    site = keyword_site(mention)
    every = written(file, site.call) if site is not None else None
    return every or (), next((one for one in every or () if one.arg.keyword is mention.node), None)


def _value(file: File, mention: Mention) -> str | None:
    """What is passed under a keyword, as the tables write it; empty for what is no plain value."""
    _, mine = _written(file, mention)
    return mine.literal() if mine is not None else None


def _message(file: File, case: Case, plan: Plan) -> str:
    row, failing = case.row, case.standing.failing
    ignoring = tuple(release for release in failing if release in _ignoring(file, case))
    does = "ignores" if ignoring == failing else "refuses or ignores" if ignoring else "refuses"
    where = f"{named(failing)}{allowed_by(file, failing)}"
    left_out = "leave it out" if plan.withheld is None and _says_nothing(file, case) else row.get("instead", "")
    instead = f"use `{row['to']}`" if "to" in row else left_out
    confused = f"; `{row['confused']}` is something else" if "confused" in row and plan.withheld is not None else ""
    return f"`{case.optimizer}` {does} `{case.old}` in {where}; {instead}{confused}"


def _says_nothing(file: File, case: Case) -> bool:
    """May the argument be left out?"""
    return _value(file, case.mention) in case.row.get("drop", ())


def _title(file: File, case: Case) -> str:
    if "to" in case.row:
        return f"Rename to `{case.row['to']}`"
    return f"Leave out `{case.old}`" if _says_nothing(file, case) else "Pass a schedule"


def _ignoring(file: File, case: Case) -> tuple[Release, ...]:
    return file.among(file.allowed, case.package, case.row.get("ignores", {}))
