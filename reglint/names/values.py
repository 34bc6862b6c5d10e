"""The values that an expression may have, as far as they matter: what a callee is, and what a dict holds."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import libcst as cst

from reglint.names.scopes import Binding, Place, Scope
from reglint.project import ProjectModule


class Symbol(NamedTuple):
    """Something from outside the project, by its dotted name as imported."""

    qualname: str


class ModuleValue(NamedTuple):
    """A module of the project."""

    module: ProjectModule


class FunctionValue(NamedTuple):
    """A function or lambda of the project; ``owner`` is the class of a method that has its first argument."""

    scope: Scope
    owner: Scope | None = None


class ClassValue(NamedTuple):
    """A class of the project."""

    scope: Scope


class InstanceValue(NamedTuple):
    """An object of a class of the project."""

    scope: Scope


class SuperValue(NamedTuple):
    """``super()`` inside a class of the project."""

    scope: Scope


class PartialValue(NamedTuple):
    """``functools.partial(…)``."""

    call: cst.Call
    place: Place


class MadeValue(NamedTuple):
    """What calling something from outside the project gives: a layer, a model, a regularizer."""

    qualname: str
    call: cst.Call
    place: Place


class LiteralValue(NamedTuple):
    """A dict, list, tuple, constant or ``dict(…)`` call that stands in the source."""

    node: cst.BaseExpression
    place: Place


class ParameterValue(NamedTuple):
    """Whatever the callers of a function pass."""

    binding: Binding


class DynamicValue(NamedTuple):
    """What only running the program tells: ``eval``, ``getattr`` with a variable."""

    how: str


class StarredValue(NamedTuple):
    """A name that a star import of a module out of sight may bring."""

    module: str
    name: str


class UnknownValue(NamedTuple):
    """Anything else."""


UNKNOWN = UnknownValue()

Value: TypeAlias = (
    Symbol
    | ModuleValue
    | FunctionValue
    | ClassValue
    | InstanceValue
    | SuperValue
    | PartialValue
    | MadeValue
    | LiteralValue
    | ParameterValue
    | DynamicValue
    | StarredValue
    | UnknownValue
)
Values: TypeAlias = tuple[Value, ...]
