"""Arguments of a Keras 1 layer of which more than the name changed: their values, or several are one today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import libcst as cst

from reglint.checks.renamed_argument import agreed, is_in_dict
from reglint.findings import Applicability, Finding, Fix, Severity
from reglint.keras_api import Layer
from reglint.names.reach import Reach, Receiver
from reglint.names.scopes import Mention
from reglint.rewriting.argument_names import (
    admits_keras1,
    admits_keras2,
    converts_keras1,
    keras1_doubt,
    keras1_names,
    layer_calls,
)
from reglint.rewriting.converted_values import told, value_edits
from reglint.rewriting.joined_arguments import COMMENT, join
from reglint.rewriting.old_calls import positional_plan_along
from reglint.rewriting.old_layers import callees_of
from reglint.rewriting.plan import Plan
from reglint.rewriting.written import Written, is_plain, literal, without, written
from reglint.rulebook import Card, facts
from reglint.usage.arguments import value_of
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.standing import standing

_KEYS = ("values", "joins", "both", "drop")
"""Keys of ``calls.toml`` that say what becomes of such an argument."""

_NEW = {"keras": ">=2.0.0", "tensorflow": ">=1.4", "tf-keras": ">=2", "keras-core": ">=0.1"}
"""The releases that have the successor of an old argument."""


class Known(NamedTuple):
    """A layer that receives the argument, with its row and that of the argument."""

    receiver: Receiver
    layer: Layer
    row: Mapping[str, Any]
    entry: Mapping[str, Any]

    @property
    def is_converted(self) -> bool:
        """Did more than the name of the argument change?"""
        return any(key in self.entry for key in _KEYS)


class Case(NamedTuple):
    """An argument where it is written, and where it goes."""

    mention: Mention
    old: str
    value: cst.BaseExpression
    reach: Reach
    known: list[Known]

    @property
    def entry(self) -> Mapping[str, Any]:
        """What becomes of the argument, in the first of the layers."""
        return self.known[0].entry

    @property
    def call(self) -> cst.Call | None:
        """The call in which the argument stands as a keyword, ``dict(…)`` as well."""
        link = self.mention.above.up
        node = link.node if link is not None else None
        return node if isinstance(self.mention.node, cst.Name) and isinstance(node, cst.Call) else None


def check(file: File, card: Card) -> Iterator[Finding]:
    """Findings on keywords and dict keys of Keras 1 that need more than another name."""
    guards = Guards(file, *keras1_names())
    for old in _converted():
        judged: list[tuple[Reach, Finding | None]] = []
        for mention in file.mentions(old):
            value, reach = value_of(mention), file.flows.keyword(mention)
            if value is None or reach is None:
                continue
            finding = None if reach.taken_out else _judge(file, card, mention, old, value, reach)
            if finding is not None and (guards.in_old_arm(mention) or guards.is_shimmed(mention)):
                finding = None
            judged.append((reach, finding))
        yield from agreed([reach for reach, _ in judged], [finding for _, finding in judged])


def _converted() -> list[str]:
    """The arguments of Keras 1 that this is about, each once."""
    every = ((old, entry) for row in layer_calls() for old, entry in row.get("arguments", {}).items())
    return list(dict.fromkeys(old for old, entry in every if any(key in entry for key in _KEYS)))


def _judge(
    file: File, card: Card, mention: Mention, old: str, value: cst.BaseExpression, reach: Reach
) -> Finding | None:
    known = [found for receiver in reach.receivers if (found := _known(file, receiver, old)) is not None]
    converted = [one for one in known if one.is_converted]
    if not converted or not all(_fails(file, one) for one in known):
        return None
    case = Case(mention, old, value, reach, [*converted, *(one for one in known if not one.is_converted)])
    if "drop" in case.entry and _literal(case) not in case.entry["drop"]:
        return None  # what has no successor is another rule's business
    return _finding(file, card, case)


def _known(file: File, receiver: Receiver, old: str) -> Known | None:
    """What the tables know of the argument of a receiver; None if that is no layer that had it."""
    layer = file.api.layer(receiver.name) if receiver.kind == "symbol" else None
    row = facts("calls").get(layer.name, {}) if layer is not None else {}
    entry = row.get("arguments", {}).get(old)
    return Known(receiver, layer, row, entry) if layer is not None and entry is not None else None


def _fails(file: File, known: Known) -> bool:
    """Does an allowed release refuse the argument, or misread it?"""
    package = known.layer.package
    if not admits_keras2(file, package):
        return False
    return "fails" not in known.entry or bool(standing(file, package, known.entry["fails"], _NEW).failing)


def _literal(case: Case) -> str:
    """The value of an argument as the tables write it, if it is written in a call."""
    args = case.call.args if case.call is not None else ()
    return next((literal(arg.value) for arg in args if arg.keyword is case.mention.node), "")


# ------------------------------------------------------------------------------------------------------------- finding


def _finding(file: File, card: Card, case: Case) -> Finding:
    others = len(case.reach.receivers) - len(case.known)
    plan = _plan(file, case, others)
    along = positional_plan_along(file, case.reach) if plan.withheld is None else None
    if along is not None:
        plan = along if along.withheld is not None else Plan(tuple(sorted({*plan.edits, *along.edits})))
    package = case.known[0].layer.package
    doubts = list(case.reach.doubts)
    if any(admits_keras1(file, one.layer.package) for one in case.known):
        doubts.append(keras1_doubt(file))
    if others:
        doubts.append("the callee may be something else than a Keras layer")
    message = _message(case)
    fix = None
    if plan.withheld is None:
        applicability = Applicability.UNSAFE if doubts else card.applicability or Applicability.DISPLAY
        fix = Fix(applicability, _how(case), plan.edits)
        message += f" ({'; '.join(dict.fromkeys(doubts))})" if doubts else ""
    severity = Severity.WARNING if others or converts_keras1(file, package) else card.severity
    start, end = file.span(case.mention.node)
    return Finding(card.code, card.name, severity, message, start, end, fix=fix, fix_withheld=plan.withheld)


def _message(case: Case) -> str:
    callees = " or ".join(dict.fromkeys(f"`{one.layer.name}`" for one in case.known if one.is_converted))
    since = f"{callees} no longer has an argument `{case.old}`"
    entry = case.entry
    if "joins" in entry:
        return f"{since}; it is part of `{entry['joins']}`"
    if "both" in entry:
        return f"{since}; use " + " and ".join(f"`{name}`" for name in entry["both"])
    return f"{since}; leave it out" if "drop" in entry else f"{since}; use `{entry['to']}`, whose values are others"


def _how(case: Case) -> str:
    entry = case.entry
    if "joins" in entry:
        return f"Put it into `{entry['joins']}`"
    if "both" in entry:
        return "Pass " + " and ".join(f"`{name}`" for name in entry["both"])
    return "Take the argument out" if "drop" in entry else f"Convert to `{entry['to']}`"


# ---------------------------------------------------------------------------------------------------------------- plan


def _plan(file: File, case: Case, others: int) -> Plan:
    """What brings the argument to today, or why that is not done."""
    withheld = _withheld(file, case, others)
    if withheld is not None:
        return Plan(withheld=withheld)
    if "values" in case.entry:
        return _revalued(file, case)
    every = written(file, case.call) if case.call is not None else None
    if every is None:
        return Plan(withheld=f"`{case.old}` is not written in a call, where the arguments beside it could be seen")
    mine = next(one for one in every if one.arg.keyword is case.mention.node)
    if "joins" in case.entry:
        return _joined(file, case, every)
    return _doubled(file, case, mine) if "both" in case.entry else _left_out(file, every, mine)


def _withheld(file: File, case: Case, others: int) -> str | None:
    """Why there is no fix whatever the value is, or None."""
    reach, entry = case.reach, case.entry
    if any(one.entry != entry for one in case.known):
        return "it reaches layers that take it differently today"
    if reach.obstacles:
        return reach.obstacles[0]
    if any(receiver.kind == "own" for receiver in reach.receivers):
        return "it also reaches something of the project that takes the old name"
    if others and (reach.forks or is_in_dict(file, case.mention)):
        return "it also reaches something that is not a Keras layer"
    for new in _news(entry):
        if any(new in one.receiver.held for one in case.known):
            return f"`{new}` is passed already"
        if new in reach.asked:
            return f"the program itself looks for `{new}`"
    return None


def _news(entry: Mapping[str, Any]) -> list[str]:
    """The arguments that the old one becomes."""
    single = entry.get("to", entry.get("joins"))
    return [single] if single is not None else entry.get("both", [])


def _revalued(file: File, case: Case) -> Plan:
    """Another name and another value."""
    edits = value_edits(file, case.value, case.mention.place, case.entry["values"])
    if edits is None:
        return Plan(withheld=f"nothing tells what the value is today: {told(case.entry['values'])}")
    return Plan(tuple(sorted([file.replace(*file.span(case.mention.node), case.entry["to"]), *edits])))


def _joined(file: File, case: Case, every: Sequence[Written]) -> Plan:
    """One element of an argument, with those that are passed beside it."""
    known = case.known[0]
    assert case.call is not None
    callees = callees_of(file, case.call, case.mention.place)
    if not callees and any(argument.arg.keyword is None for argument in every):
        return Plan(withheld="positional arguments are passed beside it to something else than a layer")
    first = callees[0].given if callees else 0
    named = not all(callee.is_size(case.old) for callee in callees)
    plan = join(file, known.row, case.entry["joins"], every, first, named=named)
    return plan if plan is not None else Plan(withheld="it is passed twice")


def _doubled(file: File, case: Case, mine: Written) -> Plan:
    """Two arguments with the same value."""
    text = mine.text(file)
    if not is_plain(mine.arg.value):
        return Plan(withheld="the value would be computed twice")
    if "#" in text:
        return Plan(withheld=COMMENT)
    first, second = case.entry["both"]
    start, end = file.span(case.mention.node)
    return Plan((file.replace(start, end, first), file.replace(mine.end, mine.end, f", {second}={text}")))


def _left_out(file: File, every: Sequence[Written], mine: Written) -> Plan:
    """Nothing: today's Keras needs no such argument."""
    edits = without(file, every, [mine])
    return Plan(edits) if edits is not None else Plan(withheld=COMMENT)
