"""Values passed as a regularizer that are none, and arguments that l1, l2 and l1_l2 do not take."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import libcst as cst

from reglint.findings import Finding, Severity
from reglint.names.values import LiteralValue
from reglint.rulebook import Card, facts
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import version_data
from reglint.usage.strength import (
    Site,
    Written,
    engines_of,
    findings_of_values,
    is_renamed_string,
    number,
    number_of,
    row_of,
    where,
)
from reglint.usage.symbols import Use, imports, uses

_START = re.compile(r"l[12](?![0-9a-z]|_?l[12])")
_QUOTED = re.compile(r"\s*(?:[\w.]+\.)?(?:l1|l2|l1_l2|L1|L2|L1L2)\(.*\)\s*")
_REGISTERED = ("custom_object", "register_keras_serializable")


def check(file: File, card: Card) -> Iterator[Finding]:
    """Findings on values that reach a Keras layer, and on calls of regularizers wherever they stand."""
    yield from findings_of_values(file, lambda site, written: _value_finding(file, card, site, written))
    guards = Guards(file, (), ())
    for name in facts("regularizer_values")["functions"]:
        for use in uses(file, name, [found.local for found in imports(file, name)]):
            if use.sure and use.call is not None and not guards.is_prepared(use.mention):
                yield from _call_findings(file, card, use, name)


# ------------------------------------------------------------------------------------------------------------- values


def _value_finding(file: File, card: Card, site: Site, written: Written) -> Finding | None:
    known = facts("regularizer_values")
    always = site.always and len(site.written) == 1
    if written.value in known["foreign"]:
        foreign = known["foreign"][written.value]
        message = f"`{written.shown}` is {foreign['is']}, not a regularizer; {foreign['instead']}"
        return Finding(card.code, card.name, _severity(always), message, *site.span(file, written))
    if is_renamed_string(site, written):
        return None
    row = row_of("invalid", written.value)
    guess = None
    if row is None and written.value.startswith("'"):
        if _may_be_registered(file, written.shown):
            return None
        row, guess = row_of("invalid", "string"), _guess(written.shown)
    if row is None:
        return None
    engines = engines_of(file, site.packages, row["releases"])
    if not engines:
        return None
    failing = where(file, site.packages, engines)
    instead = guess or row[_advice(written)].format(shown=written.shown)
    message = f"{row['says'].format(shown=written.shown)}{failing}; {instead}"
    # another module may register a name that looks like nothing of Keras's
    sure = always and not failing and (guess is not None or row["value"] != "string")
    data = version_data(file, site.packages[0], engines)
    return Finding(card.code, card.name, _severity(sure), message, *site.span(file, written), data=data)


def _advice(written: Written) -> str:
    """Which advice of its table a value gets: a number that is no strength has its own."""
    strength = number_of(written.shown) if written.value == "number" else None
    if strength is None or strength > 0:
        return "instead"
    return "instead_of_negative" if strength < 0 else "instead_of_zero"


def _severity(sure: bool) -> Severity:
    return Severity.ERROR if sure else Severity.WARNING


def _may_be_registered(file: File, text: str) -> bool:
    """May the string name something that some release has, or that the program registers itself?"""
    known = facts("regularizers")
    named = {*known["current"], *known["symbols"], *known["removed"]}
    return not text or text in named or any(word in file.source.text for word in _REGISTERED)


def _guess(text: str) -> str | None:
    """What may be meant: a call that was put in quotes, or the name of a regularizer that every release has."""
    if _QUOTED.fullmatch(text):
        return f"call it: `{text.strip()}` without quotes"
    start = _START.match(text.lower())
    close = [start[0]] if start else difflib.get_close_matches(text.lower(), ("l1", "l2"), n=1, cutoff=0.5)
    return f"did you mean `'{close[0]}'`?" if close else None


# -------------------------------------------------------------------------------------------------------------- calls


def _call_findings(file: File, card: Card, use: Use, name: str) -> Iterator[Finding]:
    """What is wrong with the arguments of a call of a regularizer."""
    assert use.call is not None
    own = facts("regularizer_values")["functions"][name]
    positional = [arg for arg in use.call.args if arg.keyword is None]
    if any(arg.star for arg in use.call.args):
        return
    if len(positional) > len(own):
        yield from _call_finding(file, card, use, "too many", use.name, name, name)
    for arg in use.call.args:
        if arg.keyword is not None:
            word = arg.keyword.value
            if word == "l" and len(own) == 1:
                continue  # REG104's
            if word not in own:
                yield from _call_finding(file, card, use, "unknown keyword", arg.keyword, name, word)
                continue
            if len(own) == 1:
                kind = "own keyword" if name.islower() else f"own keyword of {name}"
                yield from _call_finding(file, card, use, kind, arg.keyword, name, word)
        yield from _strength_findings(file, card, use, arg, name)


def _strength_findings(file: File, card: Card, use: Use, arg: cst.Arg, name: str) -> Iterator[Finding]:
    if isinstance(arg.value, cst.SimpleString):
        values = file.resolver.values(arg.value, use.place)
        if all(isinstance(value, LiteralValue) for value in values):
            yield from _call_finding(file, card, use, "string strength", arg.value, name, arg.value.raw_value)
    strength = number(arg.value)
    if strength is not None and strength < 0:
        yield from _call_finding(file, card, use, "negative", arg.keyword or use.name, name, "")


def _call_finding(
    file: File, card: Card, use: Use, value: str, spot: cst.Name | cst.SimpleString, name: str, shown: str
) -> Iterator[Finding]:
    refused = row_of("invalid", value)
    accepted = row_of("accepted", value)
    row: Mapping[str, Any] | None = None
    for candidate in (refused, accepted):
        if candidate is not None and engines_of(file, [use.package], candidate["releases"]):
            row = row or candidate
    if row is None:
        return
    engines = engines_of(file, [use.package], row["releases"])
    failing = where(file, [use.package], engines)
    count = "one strength" if len(facts("regularizer_values")["functions"][name]) == 1 else "two strengths"
    words = {"name": name, "shown": shown, "count": count}
    message = f"{row['says'].format(**words)}{failing}; {row['instead'].format(**words)}"
    severity = _severity(row is refused and not failing)
    data = version_data(file, use.package, engines)
    yield Finding(card.code, card.name, severity, message, *file.span(spot), data=data)
