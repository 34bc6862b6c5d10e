"""Arguments and methods of a model that have other names today, or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import libcst as cst

from reglint.checks.renamed_argument import agreed, is_in_dict
from reglint.findings import Applicability, Finding, Fix, Severity
from reglint.names.reach import Reach, Receiver
from reglint.names.scopes import Mention
from reglint.names.values import DynamicValue, FunctionValue, ParameterValue, StarredValue, Symbol, UnknownValue
from reglint.rewriting.batches import batch_size, divided, doubts_on
from reglint.rewriting.converted_values import told, value_edits
from reglint.rewriting.generator_methods import counts_samples, data_of, named_arguments, renamed_method
from reglint.rewriting.plan import Plan
from reglint.rewriting.written import Written, without, written
from reglint.rulebook import Card
from reglint.usage.calls import CallSite, call_of, keyword_site
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named, version_data
from reglint.usage.methods import Callee, callables, callee, method_flows, row_of, spoken_package
from reglint.usage.standing import Standing, standing

_UNSEEN = ("unknown", "parameter", "dynamic", "starred")
_NOT_SEEN = "it can't be seen that this is a Keras model"
_FETCHED = "it says how batches are fetched"


class Case(NamedTuple):
    """Something written that a model takes under another name today: where, and what the table says of it."""

    mention: Mention
    callee: Callee
    row: Mapping[str, Any]
    standing: Standing
    sure: bool

    @property
    def old(self) -> str:
        """The name as it is written."""
        return str(getattr(self.mention.node, "evaluated_value", self.mention.node.value))


def check(file: File, card: Card) -> Iterator[Finding]:
    """Findings on keywords, keys of dicts and methods."""
    guards = Guards(file, *_vocabulary())
    for old in dict.fromkeys(name for known in callables().values() for name in known.get("arguments", ())):
        judged: list[tuple[Reach, Finding | None]] = []
        for mention in file.mentions(old):
            reach = method_flows(file).keyword(mention) if _may_concern(mention, old) else None
            if reach is None:
                continue
            case = None if reach.taken_out else _argument_case(file, mention, old, reach)
            if case is not None and guards.in_old_arm(mention):
                case = None
            judged.append((reach, _argument_finding(file, card, case, reach) if case is not None else None))
        yield from agreed([reach for reach, _ in judged], [finding for _, finding in judged])
    for name, known in callables().items():
        if "today" in known:
            for mention in file.names.mentions.get(name, ()):
                case = _method_case(file, mention, name, known["today"])
                if case is not None and not guards.in_old_arm(mention):
                    yield _method_finding(file, card, case)


def _vocabulary() -> tuple[set[str], set[str]]:
    """Names that only old code has, and those that only today's has."""
    tables = callables().values()
    rows = [(known, name, row) for known in tables for name, row in known.get("arguments", {}).items()]
    # `dim` and `axis` tell nothing of a Keras where they are anything else's
    telling = [(name, row) for known, name, row in rows if row.get("unmistakable") or _is_of_model(known, row)]
    old = {name for name, _ in telling}
    return old, {row["to"] for _, row in telling if "to" in row} - old


def _is_of_model(known: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    return "to" in row and known["kind"] != "plain"


def _may_concern(mention: Mention, old: str) -> bool:
    """Could a keyword reach a model? One that is written in the call of another method does not."""
    arg, link = mention.above
    call = link.node if link is not None else None
    if not isinstance(arg, cst.Arg) or arg.keyword is not mention.node or not isinstance(call, cst.Call):
        return True
    if not isinstance(call.func, cst.Attribute):
        return True
    name = call.func.attr.value
    return callables().get(name, {}).get("kind") != "method" or row_of(name, old) is not None


# ---------------------------------------------------------------------------------------------------------- arguments


def _argument_case(file: File, mention: Mention, old: str, reach: Reach) -> Case | None:
    """What the table says of a keyword; None where it is no model's, or right in every Keras that is allowed."""
    known: list[tuple[Callee, Mapping[str, Any]]] = []
    others: list[Receiver] = []
    for receiver in reach.receivers:
        found = callee(file, receiver.name) if receiver.kind == "symbol" else None
        row = row_of(found.name, old) if found is not None else None
        if found is None or row is None:
            others.append(receiver)
        else:
            known.append((found, row))
    if not known:
        found = _unmistakable(file, mention, old, others)
        row = row_of(found.name, old) if found is not None else None
        known = [(found, row)] if found is not None and row is not None else []
    if not known or any(receiver.kind == "own" for receiver in others):
        return None
    found, row = known[0]
    if any(other["to" if "to" in row else "instead"] != row["to" if "to" in row else "instead"] for _, other in known):
        return None
    stands = standing(file, found.package, row["fails"], row.get("holds", row["fails"]))
    return Case(mention, found, row, stands, not others) if stands.failing else None


def _unmistakable(file: File, mention: Mention, old: str, others: list[Receiver]) -> Callee | None:
    """The method that is called on something unknown, where only a Keras model has such an argument of it."""
    if not others or not all(receiver.kind in _UNSEEN for receiver in others) or not file.speaks_keras:
        return None
    link = mention.above.up
    call = link.node if link is not None and isinstance(mention.node, cst.Name) else None
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
        return None
    name = call.func.attr.value
    if callables().get(name, {}).get("kind") != "method" or not (row_of(name, old) or {}).get("unmistakable"):
        return None
    return None if _is_defined_here(file, name) else Callee(spoken_package(file), name)


def _is_defined_here(file: File, name: str) -> bool:
    """Does the file define a method of that name itself?"""
    return any(
        isinstance(scope.node, cst.FunctionDef) and scope.node.name.value == name
        for scope in file.names.scopes.values()
    )


def _argument_finding(file: File, card: Card, case: Case, reach: Reach) -> Finding:
    withheld = _withheld(file, case, reach)
    plan = Plan(withheld=withheld) if withheld is not None else _argument_plan(file, case)
    doubts = [plan.doubt, *reach.doubts]
    return _finding(file, card, case, plan, doubts, _argument_message(case))


def _withheld(file: File, case: Case, reach: Reach) -> str | None:
    if reach.obstacles:
        return reach.obstacles[0]
    if len(reach.receivers) > 1 and not case.sure and is_in_dict(file, case.mention):
        return "it also reaches something that is not a Keras model"
    new = case.row.get("to")
    if new is not None and any(new in receiver.held for receiver in reach.receivers):
        return f"`{new}` is passed already"
    return f"the program itself looks for `{new}`" if new in reach.asked else None


def _argument_plan(file: File, case: Case) -> Plan:
    """What mends a keyword, and what stands by position in the same call and would be misread without it."""
    site = keyword_site(case.mention)
    known = callables()[case.callee.name]
    plan = _keyword_plan(file, case, site)
    if plan.withheld is not None or site is None or not counts_samples(site.call, known) or _is_keras_2(file, case):
        return plan
    beside = named_arguments(file, site, known)
    if beside.withheld is not None:
        return beside
    doubts = [plan.doubt, beside.doubt, _kept(file, case) or ""]
    return Plan((*plan.edits, *beside.edits), doubt="; ".join(dict.fromkeys(filter(None, doubts))))


def _keyword_plan(file: File, case: Case, site: CallSite | None) -> Plan:
    row = case.row
    every = written(file, site.call) if site is not None else None
    mine = next((one for one in every or () if one.arg.keyword is case.mention.node), None)
    if "drop" in row and ("to" not in row or case.standing.lacking):
        return _dropped(file, row, every, mine)
    if "to" not in row:
        return Plan(withheld=row["instead"])
    if row.get("per_batch"):
        return _counted(file, case, site, mine)
    rename = file.replace(*file.span(case.mention.node), row["to"])
    if "values" not in row:
        return Plan((rename,), doubt=case.standing.doubt)
    edits = value_edits(file, mine.arg.value, case.mention.place, row["values"]) if mine is not None else None
    if edits is None:
        return Plan(withheld=f"nothing tells what the value is today: {told(row['values'])}")
    return Plan((rename, *edits), doubt=case.standing.doubt)


def _kept(file: File, case: Case) -> str | None:
    """What Keras 2 makes of a number of samples that it takes for one of batches."""
    converting = file.among(file.allowed, case.callee.package, case.row.get("converts", {}))
    return f"{named(converting)} takes it for the number of batches" if converting else None


def _dropped(file: File, row: Mapping[str, Any], every: tuple[Written, ...] | None, mine: Written | None) -> Plan:
    edits = without(file, every, [mine]) if every is not None and mine is not None else None
    if edits is None or mine is None:
        return Plan(withheld=row["instead"])
    harmless = row["drop"] == ["*"] or mine.text(file) in row["drop"]
    return Plan(edits, doubt="" if harmless else _FETCHED)


def _counted(file: File, case: Case, site: CallSite | None, mine: Written | None) -> Plan:
    """The keyword's new name, and its value divided by the batch size."""
    row = case.row
    data = data_of(site.call, case.callee.name, row["data"]) if site is not None else None
    size = batch_size(file, method_flows(file), data, case.mention.place) if data is not None else None
    if size is None or mine is None:
        return Plan(withheld=f"`{row['to']}` is the number of batches: divide by the batch size of the generator")
    start, end = file.span(case.mention.node)
    edits = (file.replace(start, end, row["to"]), *divided(file, mine, size))
    kept = _kept(file, case)
    doubts = doubts_on(size, mine.arg.value)
    if kept is not None:
        # the converter of Keras 2 rounds as `//` does, where it divides at all
        doubts = [kept] if row.get("kept") else [] if size.sure and _is_keras_2(file, case) else doubts
    return Plan(edits, doubt="; ".join(filter(None, [case.standing.doubt, *doubts])))


def _is_keras_2(file: File, case: Case) -> bool:
    """Are all releases that are allowed those which convert the old spelling themselves?"""
    return file.among(file.allowed, case.callee.package, case.row["converts"]) == case.standing.failing


def _argument_message(case: Case) -> str:
    name, old, row = case.callee.name, case.old, case.row
    if "silent" in row:
        return f"`{name}` ignores `{old}` and {row['silent']}; use `{row['to']}`"
    if row.get("per_batch"):
        return f"`{name}` counts batches today, not samples: `{old}` is `{row['to']}` times the batch size"
    if "to" in row and not ("drop" in row and case.standing.lacking):
        return f"`{name}` no longer has an argument `{old}`; use `{row['to']}`"
    return f"`{name}` no longer has an argument `{old}`; {row['instead']}"


# ------------------------------------------------------------------------------------------------------------ methods


def _method_case(file: File, mention: Mention, name: str, today: Mapping[str, Any]) -> Case | None:
    """What the table says of a method that is called; None where it is no model's, or there in every allowed Keras."""
    site = call_of(mention)
    if site is None or site.base is None:
        return None
    values = method_flows(file).resolver.values(site.call.func, site.place)
    known = [callee(file, value.qualname) if isinstance(value, Symbol) else None for value in values]
    found = next((one for one in known if one is not None), None)
    sure = None not in known
    if found is None and today.get("unmistakable") and not _is_defined_here(file, name) and file.speaks_keras:
        if all(isinstance(value, (UnknownValue, ParameterValue, DynamicValue, StarredValue)) for value in values):
            found, sure = Callee(spoken_package(file), name), False
    if found is None or any(isinstance(value, FunctionValue) for value in values):
        return None
    stands = standing(file, found.package, today["fails"], today.get("holds", today["fails"]))
    return Case(mention, found, today, stands, sure) if stands.failing else None


def _method_finding(file: File, card: Card, case: Case) -> Finding:
    site = call_of(case.mention)
    assert site is not None
    failing = case.standing.failing
    missing = f"models have no method `{case.old}` in {named(failing)}{allowed_by(file, failing)}"
    if "to" not in case.row:
        instead = case.row["instead"]
        return _finding(file, card, case, Plan(withheld=instead), [], f"{missing}; {instead}")
    plan = renamed_method(file, site, callables()[case.callee.name])
    return _finding(file, card, case, plan, [plan.doubt, case.standing.doubt], f"{missing}; use `{case.row['to']}`")


# ------------------------------------------------------------------------------------------------------------ finding


def _finding(file: File, card: Card, case: Case, plan: Plan, doubts: list[str], message: str) -> Finding:
    if not case.sure:
        doubts = [_NOT_SEEN, *doubts]
    said = [doubt for doubt in dict.fromkeys(doubts) if doubt]
    fix = None
    if plan.withheld is None:
        applicability = Applicability.UNSAFE if said else card.applicability or Applicability.DISPLAY
        title = f"Use `{case.row['to']}`" if "to" in case.row else f"Leave out `{case.old}`"
        fix = Fix(applicability, title, plan.edits)
        message += f" ({'; '.join(said)})" if said else ""
    converting = file.among(file.allowed, case.callee.package, case.row.get("converts", {}))
    severity = card.severity if case.sure and not converting else Severity.WARNING
    start, end = file.span(case.mention.node)
    data = version_data(file, case.callee.package, case.standing.failing)
    return Finding(
        card.code,
        card.name,
        severity,
        message,
        start,
        end,
        fix=fix,
        fix_withheld=plan.withheld,
        data=data,
    )
