"""Penalties that are counted wrongly: of the wrong outputs, once instead of twice, or of half of the weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import libcst as cst

from reglint.findings import Finding
from reglint.names.scopes import Mention, Place, Scope, dotted, string_value
from reglint.names.values import LiteralValue, MadeValue, PartialValue, Symbol
from reglint.rulebook import Card, facts
from reglint.usage.arguments import Argument, arguments, layers_of
from reglint.usage.calls import CallSite, calls_in
from reglint.usage.compatibility import Guards
from reglint.usage.compositions import Compositions
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named, version_data
from reglint.usage.holders import is_guarded, is_penalty
from reglint.usage.penalties import penalties_in
from reglint.usage.tensors import around_comprehensions, behind, is_symbolic, run_together, turns
from reglint.usage.wrapping import wrappings, wrappings_of_dict
from reglint.versions import Release

_ACTIVITY = "activity_regularizer"
_JAX_PACKAGES = ("keras", "keras-core", "")
_SELECTORS = ("set_backend",)
_LAYER = "ActivityRegularization"
_OLD_KEYWORDS = ("W_regularizer", "U_regularizer", "b_regularizer")
_MAGIC = re.compile(r"^[ \t]*%(?:set_)?env[ \t]+KERAS_BACKEND[ \t=]+['\"]?(\w+)", re.MULTILINE)


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each regularizer whose penalty an allowed release counts wrongly, with what was measured."""
    known = facts(card.facts or "miscounted_loss")
    jax = selects_jax(file)
    guards = Guards(file, [_ACTIVITY], [])
    for argument in _given(file, guards, _ACTIVITY):
        yield from _of_outputs(file, card, argument, known)
        if jax:
            yield from _of_calls(file, card, argument, known["shared_on_jax"])
    if jax:
        yield from _of_layers_called(file, card, known["shared_activity_regularization"])
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
    dropped = _dropped(file, argument)
    for layer in argument.layers:
        for name, table in known.items():
            if layer.name not in table.get("layers", ()) or not name.startswith(("states", "attention")):
                continue
            of_states = name.startswith("states")
            if not of_states or _returns_states(file, argument):
                title = f"`{layer.name}(return_state=True)`" if of_states else f"`{layer.name}`"
                found = list(_finding(file, card, argument.mention, title, table, layer.package, dropped))
                yield from found
                if found:
                    return


def _dropped(file: File, argument: Argument) -> frozenset[Release]:
    """The releases in which the layer stands in a wrapper that drops its penalty (REG203)."""
    found: list[Release] = []
    for wrapping in wrappings(file, argument.call) if argument.call is not None else ():
        for table in facts("dropped_loss").values():
            if wrapping.wrapper.name in table.get("wrappers", ()):
                found.extend(file.engines(wrapping.wrapper.package or argument.layers[0].package, table["releases"]))
    return frozenset(found)


def _returns_states(file: File, argument: Argument) -> bool:
    for call, place in _calls_with(file, argument):
        for arg in call.args:
            if arg.keyword is not None and arg.keyword.value == "return_state":
                values = file.resolver.values(arg.value, place)
                return bool(values) and all(_is_constant(value, "True") for value in values)
    return False


def _calls_with(file: File, argument: Argument) -> Iterator[tuple[cst.Call, Place]]:
    """The call in which the argument stands, and the partial that it completes."""
    if argument.call is None:
        return
    yield argument.call, argument.place
    for value in file.resolver.values(argument.call.func, argument.place):
        if isinstance(value, PartialValue):
            yield value.call, value.place


def _is_constant(value: object, text: str) -> bool:
    return isinstance(value, LiteralValue) and isinstance(value.node, cst.Name) and value.node.value == text


# -------------------------------------------------------------------------------------------- activity losses on JAX


def _of_calls(file: File, card: Card, argument: Argument, known: Mapping[str, Any]) -> Iterator[Finding]:
    """A layer, or a model that holds it, that is called several times on the way to one model."""
    package = argument.layers[0].package
    if argument.call is not None and package in _JAX_PACKAGES:
        title = _several_calls(file, argument.call, argument.place)
        if title is not None:
            yield from _finding(file, card, argument.mention, title, known, package)


def _of_layers_called(file: File, card: Card, known: Mapping[str, Any]) -> Iterator[Finding]:
    """The same for ``ActivityRegularization``, which is nothing but a penalty."""
    for site in calls_in(file).named(file.names, _LAYER) if _LAYER in file.source.text else ():
        layers = [layer for layer in layers_of(file, site.call.func, site.place) if layer.name == _LAYER]
        if not layers or layers[0].package not in _JAX_PACKAGES:
            continue
        penalties = penalties_in(file).of_layer(layers[0], [(site.call, site.place)], frozen=True)
        title = _several_calls(file, site.call, site.place) if any(p.sure for p in penalties) else None
        if title is not None:
            yield from _finding(file, card, site.mention, title, known, layers[0].package)


def _several_calls(file: File, call: cst.Call, place: Place) -> str | None:
    """What a message says of the calls of a layer on the way to one model, if there are several."""
    makers = {call: place}
    makers.update(
        (use.model.call, use.model.place) for use in file.remembered(Compositions, lambda: Compositions(file)).of(call)
    )
    for maker, where in makers.items():
        sites = _shared(file, maker, where)
        if sites:
            count = len(sites) if len(sites) > 1 else turns(file, sites[0].place, where)
            return f"on JAX, of the {count} calls of `{dotted(sites[0].call.func) or 'the layer'}`, Keras"
    return None


def _shared(file: File, maker: cst.Call, made: Place) -> list[CallSite]:
    """The calls of what ``maker`` makes that run together for one model; a single one if it runs several times."""
    calls = calls_in(file)
    by_scope: dict[Scope, list[CallSite]] = {}
    for site in calls.sites(file.names):
        values = calls.callees(site) if site.call.args else ()
        if values and all(isinstance(value, MadeValue) and value.call is maker for value in values):
            by_scope.setdefault(around_comprehensions(site.place).scope, []).append(site)
    for scope, sites in by_scope.items():
        sites.sort(key=lambda site: site.place.order)
        if not _is_part_of_call(file, scope):
            sites = [site for site in sites if any(is_symbolic(file, a.value, site.place) for a in site.call.args)]
        for chosen in _in_one_model(file, scope, maker, sites):
            for rank, first in enumerate(chosen):
                start = around_comprehensions(first.place)
                together = [s for s in chosen[rank:] if run_together(start, around_comprehensions(s.place))]
                if len(together) > 1 or turns(file, first.place, made) > 1:
                    return together
    return []


def _is_part_of_call(file: File, scope: Scope) -> bool:
    """Does the code belong to the ``call`` of a layer or model, or to a method that this runs?"""
    owner = scope.parent
    if scope.kind != "function" or owner is None or owner.kind != "class" or not _is_of_keras(file, owner):
        return False
    starts = [binding.scope for binding in owner.bindings.get("call", ()) if binding.scope is not None]
    return any(scope is found for start in starts for found in calls_in(file).reached(start))


def _is_of_keras(file: File, owner: Scope) -> bool:
    bases = [base for at in [owner, *file.resolver.ancestors(owner)] for base in file.resolver.bases(at)]
    return any(isinstance(base, Symbol) and file.api.keras_name(base.qualname) is not None for base in bases)


def _in_one_model(file: File, scope: Scope, maker: cst.Call, sites: list[CallSite]) -> Iterator[list[CallSite]]:
    """The calls behind the outputs of each model that the scope makes; all of them where it makes none."""
    models = [site for site in _models_made(file, scope) if site.call is not maker]
    for model in models:
        nodes = {node for arg in model.call.args for node, _ in behind(file, arg.value, model.place)}
        yield [site for site in sites if site.call in nodes]
    if not models:
        yield sites


def _models_made(file: File, scope: Scope) -> Iterator[CallSite]:
    """The calls in a scope that make a model of inputs and outputs."""
    calls = calls_in(file)
    for site in calls.sites(file.names):
        if around_comprehensions(site.place).scope is scope and len(site.call.args) > 1:
            if any(isinstance(v, Symbol) and file.api.is_model_class(v.qualname) for v in calls.callees(site)):
                yield site


# ------------------------------------------------------------------------------------------------------- weight losses


def _of_weights(file: File, card: Card, guards: Guards, known: Mapping[str, Any], jax: bool) -> Iterator[Finding]:
    """Weight penalties that are halved, lost or doubled; one finding for each layer."""
    seen: set[cst.Call] = set()
    for keyword in dict.fromkeys([*weight_keywords(), *_OLD_KEYWORDS]):
        for argument in _given(file, guards, keyword):
            found = list(_of_weight(file, card, argument, known, jax))
            if argument.call is not None and argument.call in seen:
                continue
            if found and argument.call is not None:
                seen.add(argument.call)
            yield from found[:1]


def _of_weight(file: File, card: Card, argument: Argument, known: Mapping[str, Any], jax: bool) -> Iterator[Finding]:
    own = wrappings(file, argument.call) if argument.call is not None else ()
    is_old = argument.keyword in _OLD_KEYWORDS
    for wrapping in (*own, *wrappings_of_dict(file, argument)):
        wrapper = wrapping.wrapper
        package = wrapper.package or argument.layers[0].package
        # tf.keras never took the names of Keras 1
        if wrapper.name in known["bidirectional"]["layers"] and not (is_old and package != "keras"):
            yield from _finding(file, card, argument.mention, f"`{wrapper.name}`", known["bidirectional"], package)
    package = argument.layers[0].package
    for name in ("lost_on_jax", "doubled_on_jax") if jax and not is_old and package in _JAX_PACKAGES else ():
        yield from _finding(file, card, argument.mention, "weight penalties on JAX", known[name], package)


def weight_keywords() -> list[str]:
    """Every argument by which some layer takes a regularizer of weights."""
    found = {keyword for layer in facts("layers").values() for keyword in layer.get("regularizers", ())}
    return sorted(found - {_ACTIVITY}, key=lambda keyword: (keyword != "kernel_regularizer", keyword))


# ----------------------------------------------------------------------------------------------------------------- jax


def selects_jax(file: File) -> bool:
    """Does the file choose JAX as the backend of Keras, and no other one?"""
    chosen = [_says(file, node, place, "jax") for node, place in _backends(file)]
    for escape in file.source.notebook.escapes if file.source.notebook is not None else ():
        chosen.extend(backend == "jax" for backend in _MAGIC.findall(escape.text))
    return bool(chosen) and all(chosen)


def _backends(file: File) -> Iterator[tuple[cst.BaseExpression, Place]]:
    """What is put into the environment variable, or passed to ``set_backend``."""
    for mention in file.mentions("KERAS_BACKEND"):
        item = mention.above.node
        if isinstance(item, cst.DictElement) and item.key is mention.node and _is_update(mention):
            yield item.value, mention.place
            continue
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


def _is_update(mention: Mention) -> bool:
    """``os.environ.update({"KERAS_BACKEND": …})``, or with ``|=``."""
    for node in list(mention.above.nodes())[2:4]:
        if isinstance(node, cst.Call):
            return isinstance(node.func, cst.Attribute) and node.func.attr.value == "update"
        if isinstance(node, cst.AugAssign):
            return isinstance(node.operator, cst.BitOrAssign)
    return False


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
    file: File,
    card: Card,
    mention: Mention,
    title: str,
    known: Mapping[str, Any],
    package: str,
    without: frozenset[Release] = frozenset(),
) -> Iterator[Finding]:
    """A finding on the keyword, if an allowed release other than ``without`` is concerned."""
    releases = tuple(release for release in file.engines(package, known["releases"]) if release not in without)
    if not releases:
        return
    message = f"{title} {known['effect']} in {named(releases)}{allowed_by(file, releases)}; {known['instead']}"
    start, end = file.span(mention.node)
    data = version_data(file, package, releases)
    yield Finding(card.code, card.name, card.severity, message, start, end, data=data)
