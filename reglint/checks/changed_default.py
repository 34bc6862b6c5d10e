"""Calls that leave out an argument for which the releases in question take different values by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import libcst as cst

from reglint.findings import Finding, Severity
from reglint.names.scopes import Mention
from reglint.names.values import Symbol, Value
from reglint.rewriting.named_values import taker
from reglint.rewriting.plan import Plan
from reglint.rewriting.reported import reported
from reglint.rewriting.written import literal
from reglint.rulebook import Card, facts
from reglint.usage.calls import CallSite, calls_in
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named
from reglint.usage.sides import Sides, sides
from reglint.usage.standing import is_in
from reglint.versions import Release

_OLD_NAMESPACE = re.compile(r"\b(?:compat|_v1|_v2|python)\.")
"""Where TensorFlow keeps classes with the defaults of another release than its own."""

_OPTIMIZERS = "optimizers"

_NO_DECAY = ("0", "0.", "0.0", "None")
"""What a fix of its own takes out without a trace (REG119)."""


class Callee(NamedTuple):
    """What a call makes, or a string stands for: a name in a module of the Keras that a package offers."""

    package: str
    module: str
    name: str


class Unstated(NamedTuple):
    """An argument that is left out: its row of the table, and which releases take what for it."""

    row: Mapping[str, Any]
    sides: Sides

    @property
    def argument(self) -> str:
        """Its name today."""
        return str(self.row["argument"])

    @property
    def kept(self) -> str | None:
        """How it is stated as what it is in all releases that are allowed now; None where these differ."""
        now = self.sides.now
        return f"{self.argument}={next(iter(now))}" if len(now) == 1 else None

    @property
    def lacking(self) -> tuple[Release, ...]:
        """The releases of the target that don't know the argument by this name."""
        return tuple(release for release in self.sides.target if not is_in(release, self.row["holds"]))


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each call, and each string that stands for one, whose defaults differ between the releases."""
    table = facts(card.facts or "defaults")["arguments"]
    guards = Guards(file, (), ())
    for site in calls_in(file).sites(file.names):
        callee = _callee(file, site)
        if callee is None or any(arg.star for arg in site.call.args):
            continue
        unstated = [one for one in _unstated(file, table, callee) if not _is_stated(one.row, site.call)]
        if unstated and not guards.is_prepared(site.mention):
            yield _finding(file, card, site.mention, callee, unstated, _plan(file, site, unstated))
    for mention, callee in _strings(file, table):
        unstated = list(_unstated(file, table, callee))
        if unstated and not guards.is_prepared(mention):
            why = _withheld(file, unstated) or f"a name can't say it; write `{callee.name}({_stated(unstated)})`"
            yield _finding(file, card, mention, callee, unstated, Plan(withheld=why))


# --------------------------------------------------------------------------------------------------- what is left out


def _callee(file: File, site: CallSite) -> Callee | None:
    """What a call surely makes; None where that may be something else than one name of Keras."""
    found = [_named_by(file, value) for value in file.resolver.values(site.call.func, site.place)]
    first = found[0] if found else None
    alike = first is not None and all(one is not None and one[1:] == first[1:] for one in found)
    return first if alike else None


def _named_by(file: File, value: Value) -> Callee | None:
    if not isinstance(value, Symbol) or _OLD_NAMESPACE.search(value.qualname):
        return None
    known = file.api.keras_name(value.qualname)
    if known is None or len(known.path) != 2:
        return None
    return Callee(known.package, *known.path)


def _strings(file: File, table: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mention, Callee]]:
    """The strings that ``compile`` and ``optimizers.get`` take for an optimizer with its defaults."""
    names = dict.fromkeys(name for row in table if row["module"] == _OPTIMIZERS for name in row["names"])
    for name in names:
        for mention in file.names.strings.get(name, ()):
            found = taker(file, mention)
            is_optimizer = found is not None and (found.keyword == "optimizer" or found.module == _OPTIMIZERS)
            if found is not None and is_optimizer and _is_argument(mention):
                yield mention, Callee(found.package, _OPTIMIZERS, name.capitalize())


def _is_argument(mention: Mention) -> bool:
    """Is the string itself what is passed, rather than a part of it?"""
    arg = mention.above.node
    return isinstance(arg, cst.Arg) and arg.value is mention.node


def _unstated(file: File, table: Sequence[Mapping[str, Any]], callee: Callee) -> Iterator[Unstated]:
    """The arguments for which not all releases take the same."""
    for row in table:
        if row["module"] == callee.module and callee.name in row["names"]:
            found = sides(file, callee.package, row["defaults"])
            if found.differ:
                yield Unstated(row, found)


def _is_stated(row: Mapping[str, Any], call: cst.Call) -> bool:
    positional = sum(arg.keyword is None for arg in call.args)
    keywords = {arg.keyword.value for arg in call.args if arg.keyword is not None}
    return positional > row["place"] or bool(keywords & {row["argument"], row.get("old", row["argument"])})


# --------------------------------------------------------------------------------------------------------------- plan


def _plan(file: File, site: CallSite, unstated: Sequence[Unstated]) -> Plan:
    """What states the defaults that are allowed now."""
    said = {
        arg.keyword.value for arg in site.call.args if arg.keyword is not None and literal(arg.value) not in _NO_DECAY
    }
    taken = [one.row["beside"] for one in unstated if one.row.get("beside") in said]
    if taken:
        return Plan(withheld=f"what replaces `{taken[0]}` states this one as well")
    withheld = _withheld(file, unstated)
    text = file.call_text(site.mention.node) if isinstance(site.mention.node, cst.Name) else None
    if withheld is not None or text is None:
        return Plan(withheld=withheld or "the call is written in a way that can't be edited")
    return Plan((text.append(file, _stated(unstated)),), doubt=_doubt(unstated))


def _withheld(file: File, unstated: Sequence[Unstated]) -> str | None:
    """Why nothing states what was meant, or None."""
    if file.target is None:
        return "the releases that are allowed differ: nothing tells which is meant"
    for one in unstated:
        if one.kept is None:
            return "the releases that are allowed now differ: nothing tells which was meant"
        other = one.row.get("other")
        if other is not None and other["value"] in one.sides.now:
            if any(is_in(release, other["releases"]) for release in one.sides.target):
                return str(other["why"])
    return None


def _stated(unstated: Sequence[Unstated]) -> str:
    return ", ".join(one.kept for one in unstated if one.kept is not None)


def _doubt(unstated: Sequence[Unstated]) -> str:
    lacking = next((one for one in unstated if one.lacking), None)
    return f"{named(lacking.lacking)} has no `{lacking.argument}`" if lacking is not None else ""


# ------------------------------------------------------------------------------------------------------------- finding


def _finding(
    file: File, card: Card, mention: Mention, callee: Callee, unstated: Sequence[Unstated], plan: Plan
) -> Finding:
    releases = tuple(dict.fromkeys(release for one in unstated for release in one.sides.releases))
    told = "; ".join(f"`{one.argument}`, which is {one.sides.told()}" for one in unstated)
    what = f"`{callee.name}`" if isinstance(mention.node, cst.Name) else f"`{mention.node.value}`"
    message = f"{what} says nothing of {told}{allowed_by(file, releases)}"
    title = f"Pass `{_stated(unstated)}`"
    found = reported(file, card, mention.node, callee.package, releases, message, title, plan)
    return replace(found, severity=Severity.WARNING if any(one.sides.move for one in unstated) else card.severity)
