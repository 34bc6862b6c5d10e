"""Regularizers that have another name today: the import and all its uses change together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import libcst as cst

from reglint.checks.renamed_parameter import drop_keyword
from reglint.findings import Applicability, Finding, Fix
from reglint.names.scopes import Mention
from reglint.rewriting.imports import at_hand
from reglint.rewriting.named_values import taker
from reglint.rewriting.plan import Plan
from reglint.rewriting.renames import Family, Judged, judged
from reglint.rulebook import Card, facts
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.symbols import REGULARIZERS, Use


def check(file: File, card: Card) -> Iterator[Finding]:
    """Findings on imports, uses and names in strings."""
    known = facts("regularizers")
    family = _family()
    for old, new in family.today.items():
        for found in judged(file, family, old):
            yield _finding(file, card, old, new, found)
    for old, fact in known["strings"].items():
        for mention in file.mentions(old):
            if isinstance(mention.node, cst.SimpleString):
                yield from _check_string(file, card, mention, old, fact)


# ------------------------------------------------------------------------------------------------------------ symbols


def _family() -> Family:
    today = {old: fact["to"] for old, fact in facts("regularizers")["symbols"].items()}
    shared = frozenset({"l1", "l2"})
    return Family(REGULARIZERS, today, _plan_arguments, _is_judged, shared, heeds_prose=True)


def _is_judged(file: File, package: str, old: str = "") -> bool:
    return file.allowed.admits(package, ">=2.0.0") if package == "keras" else True


def _plan_arguments(file: File, use: Use, old: str) -> Plan:
    """What has to change between the parentheses for the same strengths on every release."""
    fact = facts("regularizers")["symbols"][old]
    call = use.call
    if call is None:
        return Plan(withheld=f"`{old}` is used other than in a call")
    if any(arg.star for arg in call.args):
        return Plan(withheld="its arguments are passed with `*` or `**`")
    names = list(fact["defaults"])
    positional = [arg for arg in call.args if arg.keyword is None]
    keywords = {arg.keyword.value: arg for arg in call.args if arg.keyword is not None}
    if len(positional) > len(names) or set(keywords) - set(names):
        return Plan(withheld="its arguments are not those of Keras 1")
    if "l" in keywords:
        edit = drop_keyword(file, call, keywords["l"])
        return Plan(withheld="the argument is written in a way that can't be edited") if edit is None else Plan((edit,))
    stated = {*names[: len(positional)], *keywords}
    missing = [name for name in fact["must_state"] if name not in stated]
    if not missing:
        return Plan()
    text = file.call_text(use.name)
    if text is None:
        return Plan(withheld="the call is written in a way that can't be edited")
    return Plan((text.append(file, ", ".join(f"{name}={fact['defaults'][name]}" for name in missing)),))


def _finding(file: File, card: Card, old: str, new: str, found: Judged) -> Finding:
    start, end = file.span(found.name)
    fix = None
    if found.plan.withheld is None:
        applicability = card.applicability or Applicability.SAFE
        if not found.sure or file.allowed.admits("keras", "<2.0.0"):
            applicability = Applicability.UNSAFE
        fix = Fix(applicability, f"Rename to `{new}`", found.plan.edits)
    message = f"`{old}` is gone since Keras 2; use `{new}`"
    return Finding(card.code, card.name, card.severity, message, start, end, fix=fix, fix_withheld=found.plan.withheld)


# ------------------------------------------------------------------------------------------------------------ strings


def _check_string(file: File, card: Card, mention: Mention, old: str, fact: Mapping[str, Any]) -> Iterator[Finding]:
    """A regularizer given by name to a Keras layer or to ``regularizers.get``."""
    package = _string_reaches(file, mention)
    if package is None or not _is_judged(file, package):
        return
    if Guards(file, [old], []).in_old_arm(mention):
        return
    start, end = file.span(mention.node)
    fix, withheld = None, None
    applicability = card.applicability or Applicability.SAFE
    if package == "keras" and file.allowed.admits("keras", "<2.0.0"):
        applicability = Applicability.UNSAFE
    if "to" in fact:
        fix = Fix(applicability, f"Rename to `{fact['to']}`", (file.replace(start, end, fact["to"]),))
        message = f"`'{old}'` is no regularizer since Keras 2; use `'{fact['to']}'`"
    else:
        symbol, arguments = fact["expression"]["symbol"], fact["expression"]["arguments"]
        written = at_hand(file, package, (REGULARIZERS, symbol), mention.place)
        message = f"`'{old}'` is no regularizer since Keras 2 (Keras 3 takes it for zero); use `{symbol}({arguments})`"
        if written is None:
            withheld = f"`{symbol}` is not imported here"
        else:
            whole = file.parsed.span(mention.node)
            fix = Fix(applicability, f"Use `{symbol}`", (file.replace(*whole, f"{written}({arguments})"),))
    yield Finding(card.code, card.name, card.severity, message, start, end, fix=fix, fix_withheld=withheld)


def _string_reaches(file: File, mention: Mention) -> str | None:
    """The package of the Keras callable that takes the string as a regularizer, or None."""
    found = taker(file, mention)
    if found is None or found.kind == "compile":
        return None
    taken = found.module == REGULARIZERS if found.kind == "get" else found.keyword.endswith("_regularizer")
    return found.package if taken else None
