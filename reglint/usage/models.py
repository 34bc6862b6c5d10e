"""Which expressions of a file are Keras models."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from reglint.names.scopes import Place, Scope
from reglint.names.values import InstanceValue, MadeValue, Symbol, Value
from reglint.usage.file import File


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
