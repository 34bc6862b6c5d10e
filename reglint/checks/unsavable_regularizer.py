"""Regularizers that a saved model cannot bring back: a class without ``get_config``, a lambda, a function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import libcst as cst

from reglint.findings import Finding, Severity
from reglint.names.scopes import Scope, dotted
from reglint.names.values import FunctionValue, InstanceValue, Symbol, Value
from reglint.rulebook import Card, facts
from reglint.usage.arguments import Argument, arguments
from reglint.usage.file import File
from reglint.usage.models import is_model

_CLASS, _LAMBDA, _FUNCTION = "save_custom_without_get_config", "save_lambda", "save_function"
_REGISTERS = "register_keras_serializable"
_SAVING_CALLS = ("ModelCheckpoint", "save_model", "clone_model", "to_json")


class Loss(NamedTuple):
    """What is lost: what happens, whether it is more than worth knowing, and the claim of the facts that says so."""

    what: str
    serious: bool
    claim: str


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each argument that is given a regularizer which does not survive saving."""
    saves: bool | None = None
    releases = {row["claim"]: row["releases"] for row in facts(card.facts or "saving")["survival"]}
    for keyword in (word for word in card.words if word.endswith("_regularizer")):
        for argument in arguments(file, keyword):
            loss = _loss(file, argument)
            if loss is None or not _is_lost(file, argument, releases[loss.claim]):
                continue
            if saves is None:
                saves = _saves(file)
            severity = Severity.WARNING if loss.serious and saves else Severity.INFO
            start, end = file.span(argument.mention.node)
            yield Finding(card.code, card.name, severity, loss.what, start, end)


def _is_lost(file: File, argument: Argument, releases: Mapping[str, str]) -> bool:
    return any(file.engines(layer.package, releases) for layer in argument.layers)


def _loss(file: File, argument: Argument) -> Loss | None:
    losses = [_loss_of(file, value) for value in file.resolver.values(argument.value, argument.place)]
    known = [loss for loss in losses if loss is not None]
    return known[0] if known and len(known) == len(losses) else None


def _loss_of(file: File, value: Value) -> Loss | None:
    if isinstance(value, InstanceValue) and _lacks_config(file, value.scope) and not _decorated(value.scope, ""):
        name = _name(value.scope)
        return Loss(
            f"`{name}` has no `get_config`, so saving the model fails; add one that returns its arguments", True, _CLASS
        )
    if not isinstance(value, FunctionValue) or _decorated(value.scope, _REGISTERS):
        return None
    if isinstance(value.scope.node, cst.Lambda):
        return Loss(
            "a model with a lambda as regularizer cannot be loaded again; write a class with `get_config`",
            True,
            _LAMBDA,
        )
    name = _name(value.scope)
    what = f"a saved model names the regularizer `{name}` but does not hold it: loading needs `custom_objects`"
    return Loss(f"{what}, or `@keras.saving.register_keras_serializable()` on it", False, _FUNCTION)


def _lacks_config(file: File, scope: Scope) -> bool:
    """Is it a regularizer class whose objects have no ``get_config`` but that of Keras's abstract base class?"""
    classes = [scope, *file.resolver.ancestors(scope)]
    if any("get_config" in each.bindings for each in classes):
        return False
    outside = [base for each in classes for base in file.resolver.bases(each) if not _is_own(base, classes)]
    if not all(isinstance(base, Symbol) and _is_abstract(file, base.qualname) for base in outside):
        return False
    return any("__call__" in each.bindings for each in classes)


def _is_own(base: Value, classes: list[Scope]) -> bool:
    return any(getattr(base, "scope", None) is each for each in classes)


def _is_abstract(file: File, qualname: str) -> bool:
    regularizer = file.api.regularizer(qualname)
    return qualname == "builtins.object" or (regularizer is not None and regularizer[1] == "Regularizer")


def _decorated(scope: Scope, with_what: str) -> bool:
    """Is the function or class decorated with something of that name?"""
    for decorator in getattr(scope.node, "decorators", ()):
        expression = decorator.decorator
        name = dotted(expression.func if isinstance(expression, cst.Call) else expression) or ""
        if with_what and name.rpartition(".")[2] == with_what:
            return True
        if not with_what and name.rpartition(".")[2] != _REGISTERS:
            return True
    return False


def _name(scope: Scope) -> str:
    node = scope.node
    return node.name.value if isinstance(node, (cst.ClassDef, cst.FunctionDef)) else "<lambda>"


def _saves(file: File) -> bool:
    """Does the file save a model, or make another one from its config?"""
    if any(name in file.names.mentions for name in _SAVING_CALLS):
        return True
    for mention in file.mentions("save"):
        parent = mention.above.node
        if isinstance(parent, cst.Attribute) and parent.attr is mention.node:
            if is_model(file, parent.value, mention.place):
                return True
    return False
