"""Activations that are another function in some of the releases in question: ``hard_sigmoid``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import libcst as cst

from reglint.findings import Finding, Severity
from reglint.names.scopes import Mention, string_value
from reglint.names.values import LiteralValue, Symbol
from reglint.rulebook import Card, facts
from reglint.usage.arguments import arguments
from reglint.usage.calls import CallSite, calls_in
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, version_data
from reglint.usage.sides import Sides, sides
from reglint.usage.symbols import uses

_NAMESPACE = "activations"


class Place(NamedTuple):
    """Where an activation is written: the name or string to point at, and the package of the Keras that takes it."""

    node: cst.Name | cst.SimpleString
    mention: Mention
    package: str


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each place that means one function in some of the releases and another in the rest."""
    guards = Guards(file, (), ())
    for row in facts("activations")["activations"]:
        for place in _places(file, row):
            found = sides(file, place.package, row["forms"])
            if found.differ and not guards.is_prepared(place.mention):
                yield _finding(file, card, row["name"], place, found)


def _places(file: File, row: Mapping[str, Any]) -> Iterator[Place]:
    for keyword in row["keywords"]:
        for argument in arguments(file, keyword):
            package = argument.layers[0].package
            node = argument.value if isinstance(argument.value, cst.SimpleString) else argument.mention.node
            if package and argument.sure and _is_named(file, argument.value, argument.mention, row["name"]):
                yield Place(node, argument.mention, package)
    for layer in row["layers"]:
        for site in calls_in(file).named(file.names, layer):
            package = _package(file, site, layer)
            first = next((arg.value for arg in site.call.args if arg.keyword is None and not arg.star), None)
            if package and first is not None and _is_named(file, first, site.mention, row["name"]):
                yield Place(first if isinstance(first, cst.SimpleString) else site.mention.node, site.mention, package)
    for use in uses(file, row["name"], (), _NAMESPACE):
        if use.sure:
            yield Place(use.name, use.mention, use.package)


def _is_named(file: File, node: cst.BaseExpression, mention: Mention, name: str) -> bool:
    """Is an expression surely the string that names the activation?"""
    values = file.resolver.values(node, mention.place)
    return bool(values) and all(
        isinstance(value, LiteralValue)
        and isinstance(value.node, cst.SimpleString)
        and string_value(value.node) == name
        for value in values
    )


def _package(file: File, site: CallSite, layer: str) -> str:
    """The package of the layer that a call surely makes; empty where it may be anything else."""
    values = file.resolver.values(site.call.func, site.place)
    found = [file.api.layer(value.qualname) if isinstance(value, Symbol) else None for value in values]
    return found[0].package if found and found[0] and all(one and one.name == layer for one in found) else ""


def _finding(file: File, card: Card, name: str, place: Place, found: Sides) -> Finding:
    message = f"`{name}` is {found.told()}, cut off at 0 and 1{allowed_by(file, found.releases)}"
    severity = Severity.WARNING if found.move else card.severity
    data = version_data(file, place.package, found.releases)
    return Finding(card.code, card.name, severity, message, *file.span(place.node), data=data)
