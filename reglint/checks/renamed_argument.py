"""Arguments that a callable no longer has, and what they are called today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import libcst as cst

from reglint.findings import Applicability, Finding, Fix, Severity
from reglint.keras_api import Layer
from reglint.names.reach import Reach, Receiver
from reglint.names.scopes import Mention
from reglint.names.values import Symbol
from reglint.rulebook import Card, facts
from reglint.usage.compatibility import Guards
from reglint.usage.file import File

_KERAS_1 = {"keras": "<2.0.0"}
_HOW = {"parameter": "a parameter", "starred": "from a star import out of sight"}


class Verdict(NamedTuple):
    """What an old argument of a callable is today.

    ``new`` is None where no single argument takes its place (``why`` says so); equal to the old one, it is right as it
    stands. ``never`` tells that no release ever knew the old one.
    """

    callee: str
    new: str | None
    package: str = ""
    why: str = ""
    never: bool = False
    unsafe: str = ""
    renamed: Mapping[str, str] = {}

    def beside(self, held: frozenset[str]) -> set[str]:
        """What other keywords that are passed as well become."""
        return {self.renamed[name] for name in held if name in self.renamed}


def check(file: File, card: Card) -> Iterator[Finding]:
    """Findings on keywords and dict keys that reach a callable which no longer takes them."""
    guards: Guards | None = None
    for old in dict.fromkeys(word for words in card.triggers for word in words):
        judged: list[tuple[Reach, Finding | None]] = []
        for mention in file.mentions(old):
            reach = file.flows.keyword(mention)
            if reach is None:
                continue
            finding = None if reach.taken_out else _judge(file, card, mention, old, reach)
            if finding is not None:
                guards = guards or _guards(file, card)
                finding = None if guards.in_old_arm(mention) or _is_shimmed(file, guards, mention) else finding
            judged.append((reach, finding))
        yield from _agreed([reach for reach, _ in judged], [finding for _, finding in judged])


def _agreed(reaches: Sequence[Reach], findings: Sequence[Finding | None]) -> Iterator[Finding]:
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
    for group in dict.fromkeys(group_of):
        yield [rank for rank, own in enumerate(group_of) if own == group]


def _guards(file: File, card: Card) -> Guards:
    """What tells old code from today's beside this card's arguments."""
    old = {word for words in card.triggers for word in words}
    today = {new for item in card.callables for new in item.arguments.values()}
    if card.facts is not None:
        layers = facts(card.facts).values()
        today |= {new for layer in layers for new in layer.get("renamed", {}).values()}
        symbols = facts("regularizers")["symbols"]
        old |= set(symbols)
        today |= {symbol["to"] for symbol in symbols.values()} - {"l1", "l2"}
    return Guards(file, old, today - old)


def _judge(file: File, card: Card, mention: Mention, old: str, reach: Reach) -> Finding | None:
    known: list[tuple[Receiver, Verdict]] = []
    others: list[Receiver] = []
    for receiver in reach.receivers:
        verdict = _verdict(file, card, receiver, old)
        if verdict is None:
            others.append(receiver)
        else:
            known.append((receiver, verdict))
    if not known:
        return _dynamic(file, card, mention, old, others)
    if all(verdict.new == old for _, verdict in known):
        return None
    return _found(file, card, mention, old, reach, known, others)


def _is_shimmed(file: File, guards: Guards, mention: Mention) -> bool:
    """Is the callee Keras's only on an old Keras, and something of the project on every other?"""
    call = mention.above.up.node if mention.above.up is not None else None
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Name):
        return False
    bindings = list(file.resolver.origins(call.func.value, mention.place))
    outside = [binding for binding in bindings if binding.kind in ("from", "import", "star")]
    own = any(binding.kind in ("function", "class") for binding in bindings)
    return own and bool(outside) and all(guards.is_old_binding(binding) for binding in outside)


# ------------------------------------------------------------------------------------------------ what is known of it


def _verdict(file: File, card: Card, receiver: Receiver, old: str) -> Verdict | None:
    """What the card knows of the receiver; None if it is not the card's business."""
    if receiver.kind != "symbol":
        return None
    for item in card.callables:
        if item.name == receiver.name and old in item.arguments:
            return Verdict(receiver.name.rpartition(".")[2], item.arguments[old])
    layer = file.api.layer(receiver.name) if card.facts is not None else None
    return None if layer is None else _layer_verdict(file, card, layer, old)


def _layer_verdict(file: File, card: Card, layer: Layer, old: str) -> Verdict | None:
    same_as: dict[str, str] = card.options.get("same-as", {})
    meant = same_as.get(old, old)
    never = old in same_as or meant not in layer.facts.get("keras1", ()) or file.api.is_keras2_only(layer.package)
    if meant in layer.facts.get("keeps", ()):
        return Verdict(layer.name, meant, layer.package, never=never)
    if not _admits_keras2(file, layer.package):
        # before Keras 2 the old names are right, and those that never existed stand for them
        new = meant if meant in layer.facts.get("keras1", ()) else None
        return Verdict(layer.name, new, layer.package, _no_such(layer, old), never)
    new = layer.renamed.get(meant)
    if new is None:
        return Verdict(layer.name, None, layer.package, _no_such(layer, old), never)
    unsafe = ""
    if old in same_as and layer.facts.get("recurrent", False):
        unsafe = "`recurrent_regularizer` may be meant as well"
    elif _admits_keras1(file, layer.package):
        origin = file.allowed.origin(file.allowed.among("keras", _KERAS_1))
        unsafe = f"Keras 1, which {origin} allows, knows only the old name"
    aliases = {name: layer.renamed[like] for name, like in same_as.items() if like in layer.renamed}
    renamed = {**layer.renamed, **aliases}
    return Verdict(layer.name, new, layer.package, never=never, unsafe=unsafe, renamed=renamed)


def _no_such(layer: Layer, old: str) -> str:
    if "instead" in layer.facts:
        return str(layer.facts["instead"])
    takes = [name for name in layer.facts.get("regularizers", ()) if name != "activity_regularizer"]
    if not takes:
        return f"`{layer.name}` takes no regularizer of its weights"
    return f"no single argument of `{layer.name}` takes its place; it has " + ", ".join(f"`{name}`" for name in takes)


def _admits_keras1(file: File, package: str) -> bool:
    return package == "keras" and file.allowed.admits("keras", "<2.0.0")


def _admits_keras2(file: File, package: str) -> bool:
    return package != "keras" or file.allowed.admits("keras", ">=2.0.0")


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
    withheld = _withheld(reach, known, others, news, _is_in_dict(file, mention))
    doubts = [verdict.unsafe for verdict in verdicts if verdict.unsafe] + reach.doubts
    if others:
        doubts.append("the callee may be something else than a Keras layer")
    start, end = file.span(mention.node)
    fix = None
    new = next(iter(news))
    if withheld is None and new is not None:
        applicability = Applicability.UNSAFE if doubts else card.applicability or Applicability.DISPLAY
        fix = Fix(applicability, f"Rename to `{new}`", (file.replace(start, end, new),))
    message = _message(old, verdicts, news)
    if fix is not None and doubts:
        message += f" ({'; '.join(dict.fromkeys(doubts))})"
    severity = _severity(file, card, verdicts, others)
    return Finding(card.code, card.name, severity, message, start, end, fix=fix, fix_withheld=withheld)


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


def _is_in_dict(file: File, mention: Mention) -> bool:
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
    if all(not v.never and v.package == "keras" and file.allowed.admits("keras", "<2.4.0") for v in verdicts):
        return Severity.WARNING
    return card.severity


def _dynamic(file: File, card: Card, mention: Mention, old: str, others: list[Receiver]) -> Finding | None:
    """A callee that only the running program knows: worth a word where the argument's name leaves no doubt."""
    if old not in card.options.get("unmistakable", ()) or not others or not _admits_keras2(file, "keras"):
        return None
    if not all(_could_be_layer(file, receiver, old) for receiver in others) or not file.speaks_keras:
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


def _could_be_layer(file: File, receiver: Receiver, old: str) -> bool:
    if receiver.kind == "starred":
        layer = file.api.layer_facts(receiver.name.rpartition(".")[2])
        return layer is not None and old in layer.get("renamed", {})
    return receiver.kind in ("parameter", "dynamic")
