"""Arguments that a layer could do without and that today's asks for: ``AveragePooling2D()`` had a default size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import libcst as cst

from reglint.findings import Finding
from reglint.keras_api import Layer
from reglint.names.values import Symbol
from reglint.rewriting.plan import Plan
from reglint.rewriting.reported import reported
from reglint.rulebook import Card, facts
from reglint.usage.calls import CallSite, calls_in
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named
from reglint.usage.standing import Standing, standing


class Missing(NamedTuple):
    """A layer that is made without an argument, with the row of that argument."""

    layer: Layer
    argument: str
    row: Mapping[str, Any]


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each call of a layer that leaves out what it has to pass in an allowed release."""
    guards = Guards(file, (), ())
    for site in calls_in(file).sites(file.names):
        missing = _missing(file, site)
        if missing is None:
            continue
        state = standing(file, missing.layer.package, missing.row["fails"], missing.row["holds"])
        if state.failing and not guards.is_prepared(site.mention):
            yield _finding(file, card, site, missing, state)


def _missing(file: File, site: CallSite) -> Missing | None:
    """What a call surely leaves out; None where it may make something else than one such layer."""
    if any(arg.star for arg in site.call.args):
        return None
    layers = [_layer(file, value) for value in file.resolver.values(site.call.func, site.place)]
    first = layers[0] if layers else None
    if first is None or any(layer is None or layer.name != first.name for layer in layers):
        return None
    positional = sum(arg.keyword is None for arg in site.call.args)
    keywords = {arg.keyword.value for arg in site.call.args if arg.keyword is not None}
    for argument, row in facts("required_arguments")["layers"][first.name]["arguments"].items():
        if positional <= row["place"] and not keywords & {argument, row.get("old", argument)}:
            return Missing(first, argument, row)
    return None


def _layer(file: File, value: object) -> Layer | None:
    """The layer that calling a value makes, if the table tells of it."""
    layer = file.api.layer(value.qualname) if isinstance(value, Symbol) else None
    return layer if layer is not None and layer.name in facts("required_arguments")["layers"] else None


def _finding(file: File, card: Card, site: CallSite, missing: Missing, state: Standing) -> Finding:
    stated = f"{missing.argument}={missing.row['value']}"
    message = (
        f"`{missing.layer.name}` has to be given a `{missing.argument}` in {named(state.failing)}"
        f"{allowed_by(file, state.failing)}; its default was `{missing.row['value']}`"
    )
    text = file.call_text(site.mention.node) if isinstance(site.mention.node, cst.Name) else None
    plan = Plan(withheld="the call is written in a way that can't be edited")
    if text is not None:
        plan = Plan((text.append(file, stated),), doubt=state.doubt)
    package, title = missing.layer.package, f"Pass `{stated}`"
    return reported(file, card, site.mention.node, package, state.failing, message, title, plan)
