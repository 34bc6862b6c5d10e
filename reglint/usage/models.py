"""Which expressions of a file are Keras models."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from reglint.names.scopes import Place, Scope
from reglint.names.values import InstanceValue, MadeValue, Symbol, Value
from reglint.usage.file import File

_FUNCTIONAL = ("Model", "Functional")
_OUTPUTS = {"outputs", "output"}


def is_model(file: File, node: cst.BaseExpression, place: Place) -> bool:
    """Is every value that the expression may have a model, as far as it can be seen?"""
    return are_models(file, file.resolver.values(node, place))


def are_models(file: File, values: Iterable[Value]) -> bool:
    """Are all of the values Keras models, and is there one?"""
    found = [_is_model_value(file, value) for value in values]
    return bool(found) and all(found)


def is_model_class(file: File, scope: Scope) -> bool:
    """Does a class of the project inherit from Keras's ``Model`` or ``Sequential``?"""
    return any(
        isinstance(base, Symbol) and file.api.is_model_class(base.qualname)
        for above in [scope, *file.resolver.ancestors(scope)]
        for base in file.resolver.bases(above)
    )


def _is_model_value(file: File, value: Value) -> bool:
    if isinstance(value, MadeValue):
        return file.api.makes_model(value.qualname)
    return isinstance(value, InstanceValue) and is_model_class(file, value.scope)


def functional_package(file: File, values: Iterable[Value]) -> str | None:
    """The Keras of what is surely a functional model, ``Model(inputs, outputs)`` in every case; None for all else."""
    found = {_functional_package(file, value) for value in values}
    return next(iter(found)) if len(found) == 1 else None


def _functional_package(file: File, value: Value) -> str | None:
    if not isinstance(value, MadeValue) or not file.api.is_model_class(value.qualname):
        return None
    known = file.api.keras_name(value.qualname)
    given = {arg.keyword.value for arg in value.call.args if arg.keyword is not None}
    by_position = sum(arg.keyword is None and not arg.star for arg in value.call.args)
    functional = known is not None and known.path[-1] in _FUNCTIONAL and (by_position > 1 or bool(given & _OUTPUTS))
    return known.package if known is not None and functional else None
