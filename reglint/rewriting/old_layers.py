"""The layers that a call makes, with what became of the arguments that they had in Keras 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import libcst as cst

from reglint.keras_api import Layer
from reglint.names.scopes import Place
from reglint.names.values import ClassValue, PartialValue, SuperValue, Symbol, Value
from reglint.rulebook import facts
from reglint.usage.calls import is_none
from reglint.usage.file import File


class Callee(NamedTuple):
    """A layer that is called, its row of ``calls.toml``, and how many positional arguments it was given before."""

    layer: Layer
    row: Mapping[str, Any]
    given: int = 0

    @property
    def today(self) -> Mapping[str, Any]:
        """The row of today's class in ``positions.toml``."""
        name = self.row.get("today", self.layer.name)
        found: Mapping[str, Any] = facts("positions")["layers"].get(name, {"order": self.row["order"]})
        return found

    def successor(self, old: str) -> Mapping[str, Any]:
        """What becomes of an argument of Keras 1."""
        found: Mapping[str, Any] | None = self.row.get("arguments", {}).get(old)
        return {"to": self.layer.renamed.get(old, old)} if found is None else found

    def is_size(self, old: str) -> bool:
        """Is an argument of Keras 1 one side of what is the size of the kernel today?"""
        return self.successor(old).get("joins") in self.today["order"]


def callees_of(file: File, call: cst.Call, place: Place) -> tuple[Callee, ...]:
    """The layers with a row in ``calls.toml`` that a call makes; empty where it may make anything else."""
    every = _by_value(file, call, place)
    return tuple(callee for known in every for callee in known) if all(every) else ()


def possible_callees_of(file: File, call: cst.Call, place: Place) -> tuple[Callee, ...]:
    """The same where the call may make something else as well."""
    return tuple(callee for known in _by_value(file, call, place) for callee in known)


def _by_value(file: File, call: cst.Call, place: Place) -> list[list[Callee]]:
    """The layers that each value of the callee stands for; without None, which can't be called."""
    given = -_explicit_self(file, call, place)
    values = [value for value in file.resolver.values(call.func, place) if not is_none(value)]
    return [list(_callees(file, call, place, value, given)) for value in values]


def _explicit_self(file: File, call: cst.Call, place: Place) -> bool:
    """Is it ``Dense.__init__(self, …)``, whose first argument is the layer itself?"""
    func = call.func
    if not isinstance(func, cst.Attribute) or func.attr.value != "__init__":
        return False
    return not any(isinstance(value, SuperValue) for value in file.resolver.values(func.value, place))


def _callees(
    file: File, call: cst.Call, place: Place, value: Value, given: int = 0, seen: tuple[cst.Call, ...] = ()
) -> Iterator[Callee]:
    if isinstance(value, Symbol) and value.qualname == "functools.partial" and call.args:
        for bound in file.resolver.values(call.args[0].value, place):
            yield from _callees(file, call, place, bound, -1)
    elif isinstance(value, Symbol):
        layer = file.api.layer(value.qualname.removesuffix(".__init__"))
        row = facts("calls").get(layer.name) if layer is not None else None
        if layer is not None and row is not None:
            yield Callee(layer, row, given)
    elif isinstance(value, PartialValue):
        count = sum(arg.keyword is None for arg in value.call.args) - 1
        for bound in file.resolver.values(value.call.args[0].value, value.place) if value.call not in seen else ():
            yield from _callees(file, value.call, value.place, bound, given + count, (*seen, value.call))
    elif isinstance(value, ClassValue) and given >= 0:
        for method in file.resolver.member(value, "__init__"):
            if isinstance(method, Symbol):
                yield from _callees(file, call, place, method, given)
