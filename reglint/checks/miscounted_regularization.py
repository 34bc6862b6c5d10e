"""Penalties that are counted wrongly: of the wrong outputs, once instead of twice, or of half of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import libcst as cst

from reglint.findings import Finding
from reglint.names.scopes import Path, Place, Scope, dotted, string_value
from reglint.names.values import LiteralValue, MadeValue, Symbol
from reglint.rulebook import Card, facts
from reglint.usage.arguments import Argument, arguments, wrappers
from reglint.usage.calls import Calls, CallSite, calls_in
from reglint.usage.compatibility import Guards
from reglint.usage.compositions import Compositions
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named, version_data
from reglint.usage.holders import is_guarded, is_penalty
from reglint.versions import Release

_ACTIVITY = "activity_regularizer"
_JAX_PACKAGES = ("keras", "keras-core", "")
_SELECTORS = ("set_backend",)


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each regularizer whose penalty an allowed release counts wrongly, with what was measured."""
    known = facts(card.facts or "miscounted_loss")
    jax = selects_jax(file)
    guards = Guards(file, [_ACTIVITY], [])
    for argument in _given(file, guards, _ACTIVITY):
        yield from _of_outputs(file, card, argument, known)
        if jax:
            yield from _of_calls(file, card, argument, known["shared_on_jax"])
    yield from _of_weights(file, card, guards, known, jax)


def _given(file: File, guards: Guards, keyword: str) -> Iterator[Argument]:
    """The regularizers that surely reach a Keras layer under this keyword."""
    for argument in arguments(file, keyword):
        if argument.sure and not is_guarded(guards, argument):
            if is_penalty(file, argument.value, argument.place):
                yield argument


# ----------------------------------------------------------------------------------------------------- activity losses


def _of_outputs(file: File, card: Card, argument: Argument, known: Mapping[str, Any]) -> Iterator[Finding]:
    """Layers that penalize more than their output."""
    for layer in argument.layers:
        for name, title in (("states", f"`{layer.name}(return_state=True)`"), ("attention", f"`{layer.name}`")):
            if layer.name in known[name]["layers"] and (name != "states" or _returns_states(file, argument)):
                yield from _finding(file, card, argument, title, known[name], layer.package)
                return


def _returns_states(file: File, argument: Argument) -> bool:
    for arg in argument.call.args if argument.call is not None else ():
        if arg.keyword is not None and arg.keyword.value == "return_state":
            values = file.resolver.values(arg.value, argument.place)
            return bool(values) and all(_is_constant(value, "True") for value in values)
    return False


def _is_constant(value: object, text: str) -> bool:
    return isinstance(value, LiteralValue) and isinstance(value.node, cst.Name) and value.node.value == text


def _of_calls(file: File, card: Card, argument: Argument, known: Mapping[str, Any]) -> Iterator[Finding]:
    """A layer, or a model that holds it, that is called several times on the way to one model."""
    package = argument.layers[0].package
    if argument.call is None or package not in _JAX_PACKAGES:
        return
    makers = [argument.call, *(use.model.call for use in Compositions(file).of(argument.call))]
    for maker in dict.fromkeys(makers):
        shared = _shared(file, maker, makers)
        if shared:
            callee = dotted(shared[0].call.func) or "the layer"
            title = f"on JAX, of the {len(shared)} calls of `{callee}`, Keras"
            yield from _finding(file, card, argument, title, known, package)
            return


def _shared(file: File, maker: cst.Call, makers: list[cst.Call]) -> list[CallSite]:
    """The calls of what ``maker`` makes that stand in one scope and run together, if there are several."""
    calls = calls_in(file)
    by_scope: dict[Scope, list[CallSite]] = {}
    for site in calls.sites(file.names):
        values = calls.callees(site) if site.call.args else ()
        if values and all(isinstance(value, MadeValue) and value.call is maker for value in values):
            by_scope.setdefault(site.place.scope, []).append(site)
    for scope, sites in by_scope.items():
        sites.sort(key=lambda site: site.place.order)
        together = [site for site in sites if _run_together(site.place.path, sites[0].place.path)]
        if len(together) > 1 and _models_made(file, calls, scope, makers) < 2:
            return together
    return []


def _run_together(one: Path, other: Path) -> bool:
    """Are the two paths not in different arms of one statement?"""
    for a, b in zip(one, other, strict=False):
        if a.statement is not b.statement:
            return True
        if a.arm != b.arm:
            return False
    return True


def _models_made(file: File, calls: Calls, scope: Scope, makers: list[cst.Call]) -> int:
    """How many models over several inputs and outputs a scope makes: with two, each may hold one of the calls."""
    return sum(
        site.place.scope is scope
        and len(site.call.args) > 1
        and site.call not in makers
        and any(isinstance(v, Symbol) and file.api.is_model_class(v.qualname) for v in calls.callees(site))
        for site in calls.sites(file.names)
    )


# ------------------------------------------------------------------------------------------------------- weight losses


def _of_weights(file: File, card: Card, guards: Guards, known: Mapping[str, Any], jax: bool) -> Iterator[Finding]:
    """Weight penalties that are halved, lost or doubled; one finding for each layer."""
    seen: set[cst.Call] = set()
    for keyword in weight_keywords():
        for argument in _given(file, guards, keyword):
            found = list(_of_weight(file, card, argument, known, jax))
            if argument.call is not None and argument.call in seen:
                continue
            if found and argument.call is not None:
                seen.add(argument.call)
            yield from found[:1]


def _of_weight(file: File, card: Card, argument: Argument, known: Mapping[str, Any], jax: bool) -> Iterator[Finding]:
    if argument.call is not None and argument.above is not None:
        for wrapper, _ in wrappers(file, argument.call, argument.above, argument.place):
            if wrapper.name in known["bidirectional"]["layers"]:
                package = wrapper.package or argument.layers[0].package
                yield from _finding(file, card, argument, f"`{wrapper.name}`", known["bidirectional"], package)
    package = argument.layers[0].package
    for name in ("lost_on_jax", "doubled_on_jax") if jax and package in _JAX_PACKAGES else ():
        yield from _finding(file, card, argument, "weight penalties on JAX", known[name], package)


def weight_keywords() -> list[str]:
    """Every argument by which some layer takes a regularizer of weights."""
    found = {keyword for layer in facts("layers").values() for keyword in layer.get("regularizers", ())}
    return sorted(found - {_ACTIVITY}, key=lambda keyword: (keyword != "kernel_regularizer", keyword))


# ----------------------------------------------------------------------------------------------------------------- jax


def selects_jax(file: File) -> bool:
    """Does the file choose JAX as the backend of Keras, and no other one?"""
    chosen = list(_backends(file))
    return bool(chosen) and all(_says(file, node, place, "jax") for node, place in chosen)


def _backends(file: File) -> Iterator[tuple[cst.BaseExpression, Place]]:
    """What is put into the environment variable, or passed to ``set_backend``."""
    for mention in file.mentions("KERAS_BACKEND"):
        for node in mention.above.nodes():
            if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Subscript):
                yield node.value, mention.place
            elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
                if node.func.attr.value == "setdefault" and len(node.args) == 2:
                    yield node.args[1].value, mention.place
                elif isinstance(mention.above.node, cst.Arg) and mention.above.node.keyword is mention.node:
                    yield mention.above.node.value, mention.place  # os.environ.update(KERAS_BACKEND="jax")
            if isinstance(node, (cst.Call, cst.BaseSmallStatement, cst.BaseStatement)):
                break
    for site in (site for name in _SELECTORS for site in calls_in(file).named(file.names, name)):
        values = file.resolver.values(site.call.func, site.place)
        if site.call.args and any(isinstance(v, Symbol) and file.api.keras_name(v.qualname) for v in values):
            yield site.call.args[0].value, site.place


def _says(file: File, node: cst.BaseExpression, place: Place, text: str) -> bool:
    values = file.resolver.values(node, place)
    return bool(values) and all(
        isinstance(value, LiteralValue)
        and isinstance(value.node, cst.SimpleString)
        and string_value(value.node) == text
        for value in values
    )


# ------------------------------------------------------------------------------------------------------------- finding


def _finding(
    file: File, card: Card, argument: Argument, title: str, known: Mapping[str, Any], package: str
) -> Iterator[Finding]:
    """A finding on the keyword, if an allowed release is concerned."""
    releases: tuple[Release, ...] = file.engines(package, known["releases"])
    if not releases:
        return
    message = f"{title} {known['effect']} in {named(releases)}{allowed_by(file, releases)}; {known['instead']}"
    start, end = file.span(argument.mention.node)
    data = version_data(file, package, releases)
    yield Finding(card.code, card.name, card.severity, message, start, end, data=data)
