"""Arguments that a callable no longer has, and what they are called today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import libcst as cst

from reglint.findings import Applicability, Finding, Fix, Severity
from reglint.names.reach import Reach, Receiver
from reglint.names.scopes import Mention
from reglint.names.values import Symbol
from reglint.rewriting.argument_names import (
    Verdict,
    admits_keras2,
    converts_keras1,
    is_argument_of,
    keras1_names,
    old_names,
    verdict_on,
)
from reglint.rewriting.old_calls import positional_plan_along
from reglint.rewriting.plan import Plan
from reglint.rulebook import Card
from reglint.usage.compatibility import Guards
from reglint.usage.file import File

_HOW = {"parameter": "a parameter", "starred": "from a star import out of sight"}


def check(file: File, card: Card) -> Iterator[Finding]:
    """Findings on keywords and dict keys that reach a callable which no longer takes them."""
    guards: Guards | None = None
    for old in old_names(card):
        judged: list[tuple[Reach, Finding | None]] = []
        for mention in file.mentions(old):
            reach = file.flows.keyword(mention)
            if reach is None:
                continue
            finding = None if reach.taken_out else _judge(file, card, mention, old, reach)
            if finding is not None:
                guards = guards or _guards(file, card)
                finding = None if guards.in_old_arm(mention) or guards.is_shimmed(mention) else finding
            judged.append((reach, finding))
        yield from agreed([reach for reach, _ in judged], [finding for _, finding in judged])


def agreed(reaches: Sequence[Reach], findings: Sequence[Finding | None]) -> Iterator[Finding]:
    """The findings; keys that may meet in one dict are renamed all together, with the same name, or not at all."""
    for group in _meeting(reaches):
        found = [findings[rank] for rank in group]
        known = [finding for finding in found if finding is not None]
        if len(group) == 1:
            yield from known
            continue
        fixes = [finding.fix for finding in known if finding.fix is not None]
        if len(fixes) < len(found) or len({fix.message for fix in fixes}) > 1:
            why = "the same key is set elsewhere, where it can't be renamed as well"
            yield from (replace(f, fix=None, fix_withheld=f.fix_withheld or why) for f in known)
        else:
            whole = _together(fixes)
            yield from (replace(finding, fix=whole) for finding in known)


def _together(fixes: Sequence[Fix]) -> Fix:
    """One fix of several that hold only together; the most careful of them decides when it may be applied."""
    unsafe = any(fix.applicability is Applicability.UNSAFE for fix in fixes)
    applicability = Applicability.UNSAFE if unsafe else fixes[0].applicability
    edits = sorted({edit for fix in fixes for edit in fix.edits})
    return Fix(applicability, fixes[0].message, tuple(edits))


def _meeting(reaches: Sequence[Reach]) -> Iterator[list[int]]:
    """Groups of keys, by rank, that may meet in one dict."""
    group_of = list(range(len(reaches)))
    for one, reach in enumerate(reaches):
        for other in range(len(reaches)) if reach.merges else ():
            if group_of[other] != group_of[one] and not reach.seen.isdisjoint(reaches[other].seen):
                old, new = group_of[other], group_of[one]
                group_of = [new if group == old else group for group in group_of]
    groups: dict[int, list[int]] = {}
    for rank, group in enumerate(group_of):
        groups.setdefault(group, []).append(rank)
    yield from groups.values()


def _guards(file: File, card: Card) -> Guards:
    """What tells old code from today's beside this card's arguments."""
    old, today = keras1_names() if card.facts is not None else (frozenset(), frozenset())
    old |= set(old_names(card))
    today |= {new for item in card.callables for new in item.arguments.values()}
    return Guards(file, old, today - old)


def _judge(file: File, card: Card, mention: Mention, old: str, reach: Reach) -> Finding | None:
    known: list[tuple[Receiver, Verdict]] = []
    others: list[Receiver] = []
    for receiver in reach.receivers:
        verdict = verdict_on(file, card, receiver, old)
        if verdict is None:
            others.append(receiver)
        else:
            known.append((receiver, verdict))
    if not known:
        return _dynamic(file, card, mention, old, others)
    if all(verdict.new == old or verdict.converted for _, verdict in known):
        return None
    return _found(file, card, mention, old, reach, known, others)


# ----------------------------------------------------------------------------------------------------------- findings


def _found(
    file: File,
    card: Card,
    mention: Mention,
    old: str,
    reach: Reach,
    known: list[tuple[Receiver, Verdict]],
    others: list[Receiver],
) -> Finding:
    verdicts = [verdict for _, verdict in known]
    news = {verdict.new for verdict in verdicts}
    withheld = _withheld(reach, known, others, news, is_in_dict(file, mention))
    doubts = [verdict.unsafe for verdict in verdicts if verdict.unsafe] + reach.doubts
    if others:
        doubts.append("the callee may be something else than a Keras layer")
    start, end = file.span(mention.node)
    fix = None
    new = next(iter(news))
    plan = _positional(file, reach, known) if withheld is None else Plan()
    withheld = withheld or plan.withheld
    if plan.edits and old in card.options.get("same-as", {}):
        doubts.append("its positional arguments are taken as Keras 1 took them")
    if withheld is None and new is not None:
        applicability = Applicability.UNSAFE if doubts else card.applicability or Applicability.DISPLAY
        edits = tuple(sorted([file.replace(start, end, new), *plan.edits]))
        fix = Fix(applicability, f"Rename to `{new}`", edits)
    message = _message(old, verdicts, news)
    if fix is not None and doubts:
        message += f" ({'; '.join(dict.fromkeys(doubts))})"
    severity = _severity(file, card, verdicts, others)
    return Finding(card.code, card.name, severity, message, start, end, fix=fix, fix_withheld=withheld)


def _positional(file: File, reach: Reach, known: list[tuple[Receiver, Verdict]]) -> Plan:
    """What else the calls need that then run again: their positional arguments, which nobody has read since Keras 1."""
    if not any(admits_keras2(file, verdict.package) for _, verdict in known):
        return Plan()
    return positional_plan_along(file, reach) or Plan()


def _withheld(
    reach: Reach,
    known: list[tuple[Receiver, Verdict]],
    others: list[Receiver],
    news: set[str | None],
    in_dict: bool,
) -> str | None:
    """Why there is no fix, or None."""
    lost = next((verdict for _, verdict in known if verdict.new is None), None)
    if lost is not None:
        return lost.why
    if len(news) > 1:
        names = " and ".join(f"`{verdict.callee}` takes `{verdict.new}`" for verdict in _distinct(known))
        return f"it reaches layers that call it differently: {names}"
    if reach.obstacles:
        return reach.obstacles[0]
    if any(receiver.kind == "own" for receiver in others):
        return "it also reaches something of the project that takes the old name"
    if others and (in_dict or reach.forks):
        return "it also reaches something that is not a Keras layer"
    new = next(iter(news))
    if any(new in receiver.held or new in verdict.beside(receiver.held) for receiver, verdict in known):
        return f"`{new}` is passed already"
    if new in reach.asked:
        return f"the program itself looks for `{new}`"
    return None


def _distinct(known: list[tuple[Receiver, Verdict]]) -> list[Verdict]:
    return list({verdict.new: verdict for _, verdict in known}.values())


def is_in_dict(file: File, mention: Mention) -> bool:
    """Does the keyword stand in a dict that is passed on, not in the call itself?"""
    if isinstance(mention.node, cst.SimpleString):
        return True
    call = next((node for node in mention.above.nodes() if isinstance(node, cst.Call)), None)
    return call is not None and Symbol("builtins.dict") in file.resolver.values(call.func, mention.place)


def _message(old: str, verdicts: list[Verdict], news: set[str | None]) -> str:
    first = verdicts[0]
    since = "never had" if all(verdict.never for verdict in verdicts) else "no longer has"
    callees = " or ".join(dict.fromkeys(f"`{verdict.callee}`" for verdict in verdicts))
    if len(news) == 1 and first.new is not None:
        return f"{callees} {since} an argument `{old}`; use `{first.new}`"
    return f"{callees} {since} an argument `{old}`"


def _severity(file: File, card: Card, verdicts: list[Verdict], others: list[Receiver]) -> Severity:
    """Keras 2 itself (before 2.4) still takes the names of Keras 1, with a warning."""
    if others:
        return Severity.WARNING
    if all(not verdict.never and converts_keras1(file, verdict.package) for verdict in verdicts):
        return Severity.WARNING
    return card.severity


def _dynamic(file: File, card: Card, mention: Mention, old: str, others: list[Receiver]) -> Finding | None:
    """A callee that only the running program knows: worth a word where the argument's name leaves no doubt."""
    if old not in card.options.get("unmistakable", ()) or not others or not admits_keras2(file, "keras"):
        return None
    if not all(_could_be_layer(file, card, receiver, old) for receiver in others) or not file.speaks_keras:
        return None
    how = _HOW.get(others[0].kind, "made at run time")
    start, end = file.span(mention.node)
    return Finding(
        card.code,
        card.name,
        Severity.WARNING,
        f"`{old}` is an argument of Keras 1 that layers no longer have",
        start,
        end,
        fix_withheld=f"what is called here is {how}",
    )


def _could_be_layer(file: File, card: Card, receiver: Receiver, old: str) -> bool:
    if receiver.kind == "starred":
        return is_argument_of(file, card, receiver.name.rpartition(".")[2], old)
    return receiver.kind in ("parameter", "dynamic")
