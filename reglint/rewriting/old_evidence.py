"""What tells a call that is meant for Keras 1 from one that is right today."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from reglint.names.scopes import Place
from reglint.names.values import ClassValue, FunctionValue
from reglint.rewriting.argument_kinds import fits
from reglint.rewriting.argument_names import keras1_names
from reglint.rewriting.old_layers import Callee, callees_of
from reglint.rulebook import facts
from reglint.usage.calls import CallSite, calls_in
from reglint.usage.compatibility import Guards
from reglint.usage.file import File

SURE, LIKELY = "sure", "likely"
"""How well it is known that a call is meant as Keras 1 took it."""


def evidence(file: File, call: cst.Call, place: Place, callee: Callee) -> str | None:
    """How well it is known that a call of a layer is meant as Keras 1 took it; None where nothing tells."""
    held = file.flows.keywords(call, place)
    old_only, today_only = _telling(callee, held)
    kinds = fits_keras1(file, call, place, callee)
    if kinds is False:
        return None
    moved = [name for _, name in differing(callee, call)]
    if old_only or kinds or callee.layer.name in facts("positions")["removed"] or any(new in held for new in moved):
        return SURE
    if today_only or not moved:
        return None
    return _of_kernel(file, call, callee)


def _is_old_program(file: File) -> bool:
    """Does the file call something else in a way that only Keras 1 takes, so that it can't have run on any other?"""

    def look() -> bool:
        old, today = keras1_names()
        guards = Guards(file, old, today)
        return any(
            _is_old_elsewhere(file, site, old) and not guards.in_old_arm(site.mention)
            for site in calls_in(file).sites(file.names)
        )

    return file.remembered(_is_old_program, look)


def _is_of_today(file: File) -> bool:
    """Does the file call some layer in a way that only today's Keras takes?"""

    def look() -> bool:
        return any(_is_today_elsewhere(file, site) for site in calls_in(file).sites(file.names))

    return file.remembered(_is_of_today, look)


def _is_today_elsewhere(file: File, site: CallSite) -> bool:
    held = frozenset(arg.keyword.value for arg in site.call.args if arg.keyword is not None)
    callees = callees_of(file, site.call, site.place) if held else ()
    return bool(callees) and all(_telling(callee, held)[1] for callee in callees)


def _is_old_elsewhere(file: File, site: CallSite, old: frozenset[str]) -> bool:
    """Does a call pass a keyword that only Keras 1 has, one of ``old``?"""
    keywords = {arg.keyword.value for arg in site.call.args if arg.keyword is not None}
    training = not keywords.isdisjoint(facts("positions")["training"])
    if not training and keywords.isdisjoint(old):
        return False
    if training and site.base is not None:
        return not any(isinstance(v, (FunctionValue, ClassValue)) for v in calls_in(file).callees(site))
    callees = callees_of(file, site.call, site.place)
    return bool(callees) and all(_telling(callee, frozenset(keywords))[0] for callee in callees)


def _telling(callee: Callee, held: frozenset[str]) -> tuple[bool, bool]:
    """Does the call pass keywords that only Keras 1 has, and such that only today's Keras has?"""
    order = set(callee.row["order"])
    arguments = callee.row.get("arguments", {})
    renamed = {old: entry for old, entry in arguments.items() if "joins" not in entry}
    old = {*renamed, *callee.layer.renamed, *filter(callee.is_size, arguments)}
    successors = {entry["to"] for entry in renamed.values() if "to" in entry} | set(callee.layer.renamed.values())
    today = (successors | {*callee.today["order"], "kernel_size"}) - order - old
    return bool(held & old), bool(held & today)


def _places(call: cst.Call, callee: Callee) -> Iterator[tuple[int, cst.Arg]]:
    """The positional arguments of a call and their places."""
    for place, arg in enumerate(call.args, callee.given):
        if arg.keyword is not None or arg.star:
            return
        if place >= 0:
            yield place, arg


def differing(callee: Callee, call: cst.Call) -> Iterator[tuple[str, str]]:
    """The positional arguments whose place has another argument today: the old one and today's."""
    order, today = callee.row["order"], callee.today["order"]
    for place, _ in _places(call, callee):
        if place < len(order) and place < len(today) and callee.successor(order[place]).get("to") != today[place]:
            yield order[place], today[place]


def fits_keras1(file: File, call: cst.Call, at: Place, callee: Callee) -> bool | None:
    """Do the values of positional arguments fit only what Keras 1 has in their place? False: they don't fit that."""
    order, today = callee.row["order"], callee.today["order"]
    telling = False
    if _lacks_size(file, call, at, callee):
        return False
    for place, arg in _places(call, callee):
        if place >= len(order):
            return False
        new = today[place] if place < len(today) else None
        if callee.successor(order[place]).get("to") == new and "values" not in callee.successor(order[place]):
            continue
        if not fits(file, arg.value, at, order[place]):
            return False
        telling = telling or (new is not None and not fits(file, arg.value, at, new))
    return telling or None


def _lacks_size(file: File, call: cst.Call, at: Place, callee: Callee) -> bool:
    """Does the call pass only some of the sizes of a kernel, of which Keras 1 wanted all?"""
    order = callee.row["order"]
    sizes = set(filter(callee.is_size, order))
    if callee.given or any(arg.star == "*" for arg in call.args):
        return False  # the others may come from elsewhere
    by_place = {order[place] for place, _ in _places(call, callee) if place < len(order)}
    passed = sizes & (by_place | file.flows.keywords(call, at))
    return 0 < len(passed) < len(sizes)


def _of_kernel(file: File, call: cst.Call, callee: Callee) -> str | None:
    """Is it a convolution whose kernel is passed as several numbers?"""
    order = callee.row["order"]
    kernel = set(filter(callee.is_size, order))
    sizes = [arg.value for place, arg in _places(call, callee) if place < len(order) and order[place] in kernel]
    if not kernel or len(sizes) < len(kernel):
        return None
    if callee.layer.package == "keras" and not file.allowed.admits("keras", ">=2.4.0"):
        return SURE  # whose own converter takes it for that
    named = "today" in callee.row  # the names of Keras 1 live on as aliases
    first, *others = (_without_parentheses(size) for size in sizes)
    alike = all(first.deep_equals(size) for size in others) and callee.layer.package == "keras"
    if _is_old_program(file):
        return SURE if (named or alike) and not _is_of_today(file) else LIKELY
    return LIKELY if named or (alike and _runs_on_keras2(file)) else None


def _without_parentheses(node: cst.BaseExpression) -> cst.CSTNode:
    return node.with_changes(lpar=(), rpar=())


def _runs_on_keras2(file: File) -> bool:
    """Does the project say that it runs on a Keras 2 which takes Keras 1 calls?"""
    bounds = file.current.bounds.get("keras", ())
    return any(bound.specifier for bound in bounds) and file.current.admits("keras", "<2.4.0")
