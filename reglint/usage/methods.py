"""What is called on and around Keras models: methods, constructors, wrappers for scikit-learn, plain functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import libcst as cst

from reglint.names.flows import Flows
from reglint.names.resolve import Resolver
from reglint.names.values import LiteralValue, MadeValue, Symbol, Value, Values
from reglint.rulebook import facts
from reglint.usage.file import File

_MADE = "()"
_FIT = "fit"


class Callee(NamedTuple):
    """Something of Keras that takes arguments: the package that offers it, and its name in ``model_arguments``."""

    package: str
    name: str


class _Methods(Resolver):
    """A resolver that also names the methods of what a library makes: ``keras.models.Sequential().fit``."""

    def member(self, value: Value, name: str) -> Values:
        if isinstance(value, MadeValue):
            return (Symbol(f"{value.qualname}{_MADE}.{name}"),)
        if isinstance(value, LiteralValue) and isinstance(value.node, cst.Name):
            return ()  # None has no methods: `self.model = None` only says that it is made later
        return super().member(value, name)


def method_flows(file: File) -> Flows:
    """Where keywords arrive, methods of Keras's models included."""
    return file.remembered(_Methods, lambda: Flows(_Methods(file.resolver.project, file.api)))


def callables() -> Mapping[str, Any]:
    """The table of what is called on and around models, by name."""
    known: Mapping[str, Any] = facts("model_arguments")["callables"]
    return known


def row_of(name: str, argument: str) -> Mapping[str, Any] | None:
    """What the table says of an argument of something that is called, or of what that took the place of."""
    known = callables()[name]
    row: Mapping[str, Any] | None = known.get("arguments", {}).get(argument)
    return row_of(known["also"], argument) if row is None and "also" in known else row


def callee(file: File, qualname: str) -> Callee | None:
    """What the dotted name of a callee (as :func:`method_flows` gives it) is in the table; None for anything else."""
    named = file.api.keras_name(qualname)
    if named is None or not named.path:
        return None
    owner, _, last = qualname.rpartition(".")
    if owner.endswith(_MADE):
        made = owner.removesuffix(_MADE)
        has_it = file.api.makes_model(made) or (last == _FIT and _class(made) in _classes("wrapper"))
    else:
        has_it = file.api.is_model_class(owner)
    if has_it:
        return Callee(named.package, last) if callables().get(last, {}).get("kind") == "method" else None
    if last in _classes("model-class") and file.api.is_model_class(qualname):
        return Callee(named.package, _classes("model-class")[last])
    if last in _classes("wrapper") and "wrappers" in named.path:
        return Callee(named.package, _classes("wrapper")[last])
    within = callables().get(last, {}).get("within")
    if within is not None and named.path[:-1][: within.count(".") + 1] == tuple(within.split(".")):
        return Callee(named.package, last)
    return None


def spoken_package(file: File) -> str:
    """The package of the Keras that a file uses: of its first import, of ``tf.keras`` where it has none."""
    named = (file.api.keras_name(base) for base, level in file.names.imported if not level)
    return next((name.package for name in named if name is not None), "tensorflow")


def _classes(kind: str) -> Mapping[str, str]:
    """Class → its name in the table."""
    return {
        name: key for key, known in callables().items() if known["kind"] == kind for name in known.get("classes", ())
    }


def _class(qualname: str) -> str:
    return qualname.rpartition(".")[2]
