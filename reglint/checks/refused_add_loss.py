"""``add_loss`` with what Keras 3 refuses: on a functional model, functions for later, and ``inputs``."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from reglint.findings import Finding, Severity
from reglint.names.scopes import Place
from reglint.names.values import FunctionValue, InstanceValue, PartialValue, SuperValue
from reglint.rewriting.plan import Plan
from reglint.rewriting.reported import is_everywhere, reported
from reglint.rewriting.written import Written, without, written
from reglint.rulebook import Card, facts
from reglint.usage.built_layers import Built, BuiltLayers
from reglint.usage.calls import CallSite, calls_in
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named, version_data
from reglint.usage.layer_methods import owner_of
from reglint.usage.models import functional_package
from reglint.usage.packages import imported_package
from reglint.usage.standing import standing

_METHOD = "add_loss"
_INPUTS = "inputs"
_OUTSIDE = "it can't be seen that this runs in the `call` of the layer, and nowhere else is `add_loss` allowed"
_WHAT = {"functional": "a functional model refuses `add_loss`", "lambda": "`add_loss` refuses a function"}


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each ``add_loss`` that an allowed release refuses."""
    guards = Guards(file, (), ())
    for site in calls_in(file).named(file.names, _METHOD):
        kind, package = _refused(file, site)
        if not guards.is_prepared(site.mention):
            yield from _finding(file, card, site, kind, package) if kind else _check_inputs(file, card, site)


def _finding(file: File, card: Card, site: CallSite, kind: str, package: str) -> Iterator[Finding]:
    row = facts(card.facts or "add_loss")[kind]
    failing = file.among(file.allowed, package, row["releases"])
    if not failing:
        return
    everywhere = len(failing) == len(file.allowed.engines(package or "keras"))
    where = "" if everywhere else f" in {named(failing)}{allowed_by(file, failing)}"
    start, end = file.span(site.mention.node)
    message = f"{_WHAT[kind]}{where} ({row['error']}); {row['instead']}"
    severity = card.severity if everywhere else Severity.WARNING
    data = version_data(file, package, failing)
    yield Finding(card.code, card.name, severity, message, start, end, data=data)


def _refused(file: File, site: CallSite) -> tuple[str, str]:
    """The row of the table that a call belongs to, and the Keras that is called; both empty where there is none."""
    if site.base is None or not site.call.args:
        return "", ""
    package = functional_package(file, file.resolver.values(site.base, site.place))
    if package is not None:
        return "functional", package
    losses = next((arg.value for arg in site.call.args if arg.keyword is None and not arg.star), None)
    if losses is None or not _is_function(file, losses, site.place):
        return "", ""
    owner = owner_of(file, site)
    if owner is not None:
        return ("lambda", owner.package) if owner.kind == "layer" else ("", "")
    built = BuiltLayers(file, calls_in(file)).layer(site.base, site.place)
    return ("lambda", imported_package(file)) if built is Built.YES else ("", "")


# -------------------------------------------------------------------------------------------------------------- inputs


def _check_inputs(file: File, card: Card, site: CallSite) -> Iterator[Finding]:
    """A finding where a layer is told on what the loss depends, which Keras finds out by itself today."""
    given = _inputs(site.call)
    owner = owner_of(file, site) if given is not None else None
    if given is None or owner is None or owner.kind != "layer":
        return
    table = facts(card.facts or "add_loss")
    row = table["inputs_by_position" if given.keyword is None else "inputs"]
    state = standing(file, owner.package, row["releases"], table[row["holds"]]["releases"])
    if not state.failing:
        return
    everywhere = is_everywhere(file, owner.package, state.failing)
    where = "" if everywhere else f" in {named(state.failing)}{allowed_by(file, state.failing)}"
    message = f"`{_METHOD}` refuses `{_INPUTS}`{where} ({row['error']}); {row['instead']}"
    plan = _without(file, site.call, given) if _is_on_self(file, site) else Plan(withheld=_OUTSIDE)
    plan = plan._replace(doubt=f"{named(state.lacking)} may need it" if state.lacking else "")
    node = given.keyword if given.keyword is not None else site.mention.node
    yield reported(file, card, node, owner.package, state.failing, message, f"Leave out `{_INPUTS}`", plan)


def _inputs(call: cst.Call) -> cst.Arg | None:
    """The argument that says on what a loss depends; None where there is none."""
    for rank, arg in enumerate(call.args):
        if arg.star:
            return None
        if arg.keyword.value == _INPUTS if arg.keyword is not None else rank == 1:
            return arg
    return None


def _is_on_self(file: File, site: CallSite) -> bool:
    """Is it a call on the object of the method in which it stands, where Keras knows what runs?"""
    values = file.resolver.values(site.base, site.place) if site.base is not None else ()
    return bool(values) and all(isinstance(value, (InstanceValue, SuperValue)) for value in values)


def _without(file: File, call: cst.Call, gone: cst.Arg) -> Plan:
    """The edits that take an argument out."""
    every = written(file, call)
    if every is None:
        return Plan(withheld="the call is written in a way that can't be edited")
    found: list[Written] = [one for one in every if one.arg is gone]
    edits = without(file, every, found)
    return Plan(withheld="a comment would go with it") if edits is None else Plan(edits)


# ----------------------------------------------------------------------------------------------------------- functions


def _is_function(file: File, node: cst.BaseExpression, place: Place) -> bool:
    """Is it surely a function, or a list that holds one?"""
    if isinstance(node, (cst.List, cst.Tuple)):
        return any(_is_function(file, element.value, place) for element in node.elements)
    if isinstance(node, cst.Lambda):
        return True
    values = file.resolver.values(node, place)
    return bool(values) and all(isinstance(value, (FunctionValue, PartialValue)) for value in values)
