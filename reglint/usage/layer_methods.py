"""Calls of methods that layers, models and metrics have from Keras: whose method runs there?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from reglint.names.scopes import Scope
from reglint.names.values import ClassValue, MadeValue, Symbol, Value
from reglint.usage.calls import CallSite, calls_in
from reglint.usage.file import File
from reglint.usage.models import are_models

_BASE = "Layer"
_METRICS = "metrics"
_OBJECT = "builtins.object"


class Owner(NamedTuple):
    """What has the method: the Keras that it is from, and whether it is a ``layer`` (a model is one) or ``metric``."""

    package: str
    kind: str


def method_calls(file: File, method: str) -> Iterator[tuple[CallSite, Owner]]:
    """The calls of a method that surely run Keras's own, whatever the class of the object is."""
    for site in calls_in(file).named(file.names, method):
        owner = owner_of(file, site)
        if owner is not None:
            yield site, owner


def owner_of(file: File, site: CallSite) -> Owner | None:
    """Whose method a call runs; None where it may be anything but Keras's own."""
    if site.base is None:
        return None
    found = {_of_class(file, value.qualname.rpartition(".")[0]) for value in _symbols(calls_in(file).callees(site))}
    if not found:
        found = {_of_object(file, value) for value in file.resolver.values(site.base, site.place)}
    return next(iter(found)) if len(found) == 1 else None


def owner_of_class(file: File, scope: Scope) -> Owner | None:
    """What the objects of a class of the project are; None where one of its bases may be anything else."""
    every = [scope, *file.resolver.ancestors(scope)]
    bases = [base for at in every for base in file.resolver.bases(at) if not isinstance(base, ClassValue)]
    names = [base.qualname for base in bases if isinstance(base, Symbol) and base.qualname != _OBJECT]
    known = [_of_class(file, name) for name in names]
    if not known or None in known or any(not isinstance(base, Symbol) for base in bases):
        return None
    return known[0]


def _symbols(values: tuple[Value, ...]) -> tuple[Symbol, ...]:
    """The values, if all of them come from outside of the project."""
    symbols = tuple(value for value in values if isinstance(value, Symbol))
    return symbols if len(symbols) == len(values) else ()


def _of_object(file: File, value: Value) -> Owner | None:
    """The same for an object: a layer or a model that a call has made."""
    if not isinstance(value, MadeValue):
        return None
    known = file.api.keras_name(value.qualname)
    if known is not None and are_models(file, [value]):
        return Owner(known.package, "layer")
    return _of_class(file, value.qualname)


def _of_class(file: File, qualname: str) -> Owner | None:
    """The same for a class by its dotted name."""
    known = file.api.keras_name(qualname)
    if known is None or not known.path:
        return None
    if known.path[0] == _METRICS and len(known.path) > 1:
        return Owner(known.package, "metric")
    is_layer = file.api.layer(qualname) is not None or file.api.is_model_class(qualname) or known.path[-1] == _BASE
    return Owner(known.package, "layer") if is_layer else None
