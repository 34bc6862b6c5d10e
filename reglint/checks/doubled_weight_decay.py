"""Optimizers with weight decay that train a model whose kernels have a regularizer as well."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from reglint.findings import Finding
from reglint.names.scopes import Place, string_value
from reglint.names.values import LiteralValue, MadeValue, Value
from reglint.rulebook import Card
from reglint.usage.calls import CallSite, call_of
from reglint.usage.file import File
from reglint.usage.penalties import Penalty, penalties_in

_DECAYING = ("adamw",)
_DECAY = "weight_decay"
_HOLDING = ("get", "LossScaleOptimizer")  # `optimizers.get("adamw")`, and one that holds another
_EXCLUDING = "exclude_from_weight_decay"


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each ``compile`` that joins weight decay and regularizers of weights."""
    penalties = penalties_in(file)
    for mention in file.mentions("compile"):
        site = call_of(mention)
        if site is None or site.base is None:
            continue
        models = file.resolver.values(site.base, site.place)
        if not models or not all(penalties.is_model(value) for value in models):
            continue
        decay = _decay(file, site)
        given = [each for each in penalties.of(models) if each.sure and each.keyword != "activity_regularizer"]
        if decay is not None and given:
            start, end = file.span(mention.node) if isinstance(mention.node, cst.Name) else (0, 0)
            yield Finding(card.code, card.name, card.severity, _message(decay, given), start, end)


def _message(decay: str, given: list[Penalty]) -> str:
    first = given[0]
    return (
        f"`{decay}` shrinks the weights beside the `{first.keyword}` of `{first.layer}`: measured, one step of "
        "AdamW(1e-3) with l2(0.01) moves a weight by both amounts; keep one of them"
    )


def _decay(file: File, site: CallSite) -> str | None:
    """How the optimizer of a ``compile`` is called if every one that it may be decays the weights, else None."""
    for rank, arg in enumerate(site.call.args):
        if arg.star:
            return None
        if (arg.keyword is None and rank == 0) or (arg.keyword is not None and arg.keyword.value == "optimizer"):
            return _decaying_in(file, arg.value, site.place)
    return None


def _decaying_in(file: File, node: cst.BaseExpression, place: Place) -> str | None:
    """The name of the optimizer that an expression may be, if every one of them decays the weights."""
    names = [_decaying(file, value) for value in file.resolver.values(node, place)]
    return names[0] if names and all(names) else None


def _decaying(file: File, value: Value) -> str | None:
    if isinstance(value, LiteralValue) and isinstance(value.node, cst.SimpleString):
        text = string_value(value.node) or ""
        return text if text.lower() in _DECAYING else None
    if not isinstance(value, MadeValue) or _excludes(file, value):
        return None
    name = file.api.keras_name(value.qualname)
    if name is None or not {"optimizers", "mixed_precision"} & set(name.path):
        return None
    if name.path[-1] in _HOLDING and value.call.args:
        return _decaying_in(file, value.call.args[0].value, value.place)
    amounts = [arg.value for arg in value.call.args if arg.keyword is not None and arg.keyword.value == _DECAY]
    if any(_is_nothing(amount) for amount in amounts):
        return None
    if amounts:
        return f"{name.path[-1]}({_DECAY}=…)"
    return name.path[-1] if name.path[-1].lower() in _DECAYING else None


def _excludes(file: File, optimizer: MadeValue) -> bool:
    """Does the program choose itself which weights the optimizer is not to decay?"""
    for mention in file.mentions(_EXCLUDING):
        site = call_of(mention)
        bases = file.resolver.values(site.base, site.place) if site is not None and site.base is not None else ()
        if not all(isinstance(base, MadeValue) and base.call is not optimizer.call for base in bases):
            return True
    return False


def _is_nothing(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Name):
        return node.value == "None"
    return isinstance(node, (cst.Integer, cst.Float)) and float(node.value.replace("_", "")) == 0
