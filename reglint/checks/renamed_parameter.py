"""Parameters of a regularizer that not every allowed release accepts: ``l2(l=0.01)``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import libcst as cst

from reglint.findings import Applicability, Edit, Finding, Fix
from reglint.names.scopes import Mention
from reglint.names.values import Symbol, Values
from reglint.rulebook import Card, facts
from reglint.usage.compatibility import Guards
from reglint.usage.file import File


def check(file: File, card: Card) -> Iterator[Finding]:
    """Findings on keywords of a regularizer call that fail in an allowed release."""
    for known in facts(card.facts or "regularizers")["parameters"]:
        guards = Guards(file, [known["old"]], [])
        for mention in file.mentions(known["old"]):
            finding = _finding(file, card, mention, known)
            if finding is not None and not guards.in_old_arm(mention):
                yield finding


def _finding(file: File, card: Card, mention: Mention, known: Mapping[str, Any]) -> Finding | None:
    arg = mention.above.node
    link = mention.above.up
    call = link.node if link is not None else None
    if not isinstance(arg, cst.Arg) or arg.keyword is not mention.node or not isinstance(call, cst.Call):
        return None
    values = file.resolver.values(call.func, mention.place)
    function, failing, sure = _failing(file, values, known)
    if function is None:
        return None
    start, end = file.span(arg.keyword)
    edit = None if len(call.args) > 1 else drop_keyword(file, call, arg)
    withheld = "other arguments are passed as well" if len(call.args) > 1 else None
    fix = None
    if edit is not None:
        applicability = card.applicability or Applicability.SAFE if sure else Applicability.UNSAFE
        fix = Fix(applicability, "Pass the strength by position", (edit,))
    elif withheld is None:
        withheld = "the argument is written in a way that can't be edited"
    message = f"`{function}` has no argument `{known['old']}` in {failing}; pass the strength by position"
    return Finding(card.code, card.name, card.severity, message, start, end, fix=fix, fix_withheld=withheld)


def _failing(file: File, values: Values, known: Mapping[str, Any]) -> tuple[str | None, str, bool]:
    """The regularizer called, the allowed release that refuses the keyword, and whether nothing else may be called."""
    function: str | None = None
    failing = ""
    sure = True
    for value in values:
        name = file.api.regularizer(value.qualname) if isinstance(value, Symbol) else None
        if name is None or name[1] not in known["functions"]:
            sure = False
            continue
        releases = known["fails"].get(name[0])
        if releases is not None and file.allowed.admits(name[0], releases):
            function, failing = name[1], _releases(name[0], releases)
    return function, failing, sure


_TITLES = {"keras": "Keras", "tensorflow": "TensorFlow", "tf-keras": "tf_keras", "keras-core": "Keras Core"}


def _releases(package: str, releases: str) -> str:
    title = _TITLES.get(package, package)
    if releases.startswith(">="):
        return f"{title} {releases[2:]} and later"
    return f"{title} before {releases[1:]}" if releases.startswith("<") else f"{title} {releases}"


def drop_keyword(file: File, call: cst.Call, arg: cst.Arg) -> Edit | None:
    """An edit that takes ``keyword =`` out, so that the value goes by position; None if a comment is in between."""
    name = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    if not isinstance(name, cst.Name) or arg.keyword is None:
        return None
    start, end = file.span(arg.keyword)
    text = file.source.text
    rest = text[end:]
    stop = end + len(rest) - len(rest.lstrip())
    if text[stop : stop + 1] != "=":
        return None
    stop += 1
    while text[stop : stop + 1] in (" ", "\t"):
        stop += 1
    return file.replace(start, stop, "")
