"""Which expressions of a file are optimizers of Keras."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from reglint.names.scopes import Place, Scope
from reglint.names.values import ClassValue, InstanceValue, MadeValue, ParameterValue, Symbol, UnknownValue, Value
from reglint.rulebook import facts
from reglint.usage.calls import is_none
from reglint.usage.file import File
from reglint.usage.models import are_models

_CALLBACKS = "callbacks"
_LEGACY = "legacy"


def optimizer_class(file: File, qualname: str) -> tuple[str, str] | None:
    """The package and the last name of what a dotted name means in ``keras.optimizers``; None for a legacy one."""
    name = file.api.keras_name(qualname)
    if name is None or len(name.path) < 2 or name.path[0] != facts("packages")["namespaces"]["optimizers"]:
        return None
    return None if _LEGACY in name.path else (name.package, name.path[-1])


def optimizer_package(file: File, node: cst.BaseExpression, place: Place) -> str | None:
    """The Keras of what is surely one of its optimizers: one that is made here, that of a model or of a callback's."""
    values = file.resolver.values(node, place)
    found = {_made_package(file, value) for value in values}
    if len(found) == 1 and None not in found:
        return found.pop()
    if not isinstance(node, cst.Attribute) or node.attr.value != "optimizer" or not _are_given(file, values):
        return None
    return _model_package(file, node.value, place)


def has_own_optimizers(file: File) -> bool:
    """Does a class of the file inherit from an optimizer of Keras?"""
    classes = (scope for scope in file.names.scopes.values() if scope.kind == "class")
    return any(
        isinstance(base, Symbol) and optimizer_class(file, base.qualname) is not None
        for scope in classes
        for base in file.resolver.bases(scope)
    )


def _made_package(file: File, value: Value) -> str | None:
    """The Keras of an optimizer that a call has made."""
    found = optimizer_class(file, value.qualname) if isinstance(value, MadeValue) else None
    names = {name for known in facts("optimizers")["optimizers"].values() for name in known["names"]}
    return found[0] if found is not None and found[1] in names else None


def _model_package(file: File, node: cst.BaseExpression, place: Place) -> str | None:
    """The Keras of what is surely a model."""
    values = file.resolver.values(node, place)
    if are_models(file, values):
        return next(iter(_packages(file, values)), None)
    if not isinstance(node, cst.Attribute) or not _is_own_model(node) or not _are_given(file, values):
        return None
    return _callbacks_package(file, place)


def _are_given(file: File, values: Iterable[Value]) -> bool:
    """Does nothing in sight make something else of them than what Keras sets, or a caller passes?"""
    return all(_is_given(file, value) for value in values)


def _is_given(file: File, value: Value) -> bool:
    if isinstance(value, Symbol):  # an attribute that Keras's own class has
        return file.api.keras_name(value.qualname) is not None
    return isinstance(value, (UnknownValue, ParameterValue)) or is_none(value) or are_models(file, [value])


def _packages(file: File, values: Iterable[Value]) -> Iterable[str]:
    """The packages of models that are made, or whose class inherits from one."""
    for value in values:
        if isinstance(value, MadeValue):
            names = [value.qualname]
        else:
            names = _bases(file, value.scope) if isinstance(value, InstanceValue) else []
        for name in names:
            known = file.api.keras_name(name)
            if known is not None:
                yield known.package


def _is_own_model(node: cst.Attribute) -> bool:
    """Is it ``self.model``?"""
    return node.attr.value == "model" and isinstance(node.value, cst.Name) and node.value.value == "self"


def _callbacks_package(file: File, place: Place) -> str | None:
    """The Keras of the callback in whose class a place is; None where it is in no class that inherits from one."""
    scope: Scope | None = place.scope
    while scope is not None and scope.kind != "class":
        scope = scope.parent
    for base in _bases(file, scope) if scope is not None else ():
        name = file.api.keras_name(base)
        if name is not None and len(name.path) > 1 and name.path[0] == _CALLBACKS:
            return name.package
    return None


def _bases(file: File, scope: Scope) -> list[str]:
    """The dotted names of the classes from outside the project that a class inherits from."""
    every = [scope, *file.resolver.ancestors(scope)]
    found = [base for at in every for base in file.resolver.bases(at) if not isinstance(base, ClassValue)]
    return [base.qualname for base in found if isinstance(base, Symbol)]
