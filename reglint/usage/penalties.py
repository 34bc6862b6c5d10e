"""Which regularizers the layers of a model have, as far as the project shows how the model is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import libcst as cst

from reglint.keras_api import Layer
from reglint.names.literals import dict_items
from reglint.names.scopes import Binding, Place, Scope
from reglint.names.values import (
    ClassValue,
    FunctionValue,
    InstanceValue,
    LiteralValue,
    MadeValue,
    ParameterValue,
    PartialValue,
    Symbol,
    Value,
)
from reglint.usage.calls import Calls, calls_in, is_none
from reglint.usage.file import File
from reglint.usage.models import is_model_class

_MAKERS = ("__init__", "build", "__new__")


class Penalty(NamedTuple):
    """A regularizer of a layer: the keyword, the layer's class, and whether it is given on every way."""

    keyword: str
    layer: str
    sure: bool


class _Item(NamedTuple):
    keyword: str
    value: cst.BaseExpression
    place: Place


def penalties_in(file: File) -> Penalties:
    """What is known of the models of a file, collected once."""
    return file.remembered(Penalties, lambda: Penalties(file, calls_in(file)))


def offered_penalties_in(file: File) -> Penalties:
    """The same, and with what is 0 by default but up to a caller out of sight, collected once."""
    return file.remembered("offered penalties", lambda: Penalties(file, calls_in(file), offered=True))


class Penalties:
    """Answers for the models of one file; follows them into the modules that it imports.

    ``offered`` tells whether a strength of 0 counts (as one that is not sure) where it is the default of a parameter of
    a function or class that the file leaves to others to call.
    """

    def __init__(self, file: File, calls: Calls, offered: bool = False) -> None:
        self._file = file
        self._calls = calls
        self._offered = offered
        self._known: dict[object, tuple[Penalty, ...]] = {}
        self._busy: set[object] = set()
        self._parts: dict[object, set[object]] = {}  # what each layer, model or class is made of
        self._within: list[object] = []

    def of(self, values: Iterable[Value]) -> tuple[Penalty, ...]:
        """The regularizers in models or layers."""
        return tuple(dict.fromkeys(found for value in values for found in self._of_value(value)))

    def package(self, value: Value) -> str:
        """The Keras that a model is from."""
        names = [value.qualname] if isinstance(value, MadeValue) else []
        if isinstance(value, InstanceValue):
            for scope in [value.scope, *self._file.resolver.ancestors(value.scope)]:
                bases = self._file.resolver.bases(scope)
                names.extend(base.qualname for base in bases if isinstance(base, Symbol))
        known = [name for name in map(self._file.api.keras_name, names) if name is not None]
        return known[0].package if known else "keras"

    def is_model(self, value: Value) -> bool:
        """Is the value a Keras model?"""
        if isinstance(value, MadeValue):
            return self._file.api.makes_model(value.qualname)
        return isinstance(value, InstanceValue) and is_model_class(self._file, value.scope)

    def contains(self, outer: MadeValue, inner: Iterable[Value]) -> bool:
        """Is one of the models or layers ``inner`` the model ``outer``, or part of it?"""
        self.of([outer])
        keys = [
            v.call if isinstance(v, MadeValue) else v.scope for v in inner if isinstance(v, (MadeValue, InstanceValue))
        ]
        found: list[object] = [outer.call]
        for key in found:
            found.extend(part for part in self._parts.get(key, ()) if part not in found)
        return any(key in found for key in keys)

    # -- values -------------------------------------------------------------------------------------------------------

    def _once(self, key: object, found: Iterator[Penalty]) -> tuple[Penalty, ...]:
        """What ``found`` gives, worked out once; nothing where it asks for itself."""
        if self._within:
            self._parts.setdefault(self._within[-1], set()).add(key)
        if key in self._known:
            return self._known[key]
        if key in self._busy:
            return ()
        self._busy.add(key)
        self._within.append(key)
        try:
            self._known[key] = tuple(dict.fromkeys(found))
        finally:
            self._within.pop()
            self._busy.discard(key)
        return self._known[key]

    def _of_value(self, value: Value) -> tuple[Penalty, ...]:
        if isinstance(value, MadeValue):
            return self._once(value.call, self._of_made(value))
        if isinstance(value, InstanceValue):
            return self._once(value.scope, self._of_class(value.scope))
        return ()

    def _of_made(self, value: MadeValue) -> Iterator[Penalty]:
        call, place = value.call, value.place
        layer = self._file.api.layer(value.qualname)
        if layer is not None:
            yield from self._of_layer(layer.name, layer.facts.get("regularizers", ()), [(call, place)])
        elif self._file.api.makes_model(value.qualname):
            name = value.qualname.rpartition(".")[2]
            if name == "Sequential":
                yield from self._of_sequential(value)
            elif name == "clone_model" and call.args:
                yield from self.of(self._values(call.args[0].value, place))
            elif self._file.api.is_model_class(value.qualname):
                yield from self._of_functional(call, place)

    def _values(self, node: cst.BaseExpression, place: Place) -> tuple[Value, ...]:
        return self._file.resolver.values(node, place)

    def _of_layers(self, node: cst.BaseExpression, place: Place) -> Iterator[Penalty]:
        """The regularizers of an expression that is a layer, a model or a list of them."""
        if isinstance(node, cst.Call):
            for callee in self._values(node.func, place):
                if isinstance(callee, PartialValue):
                    yield from self._of_partial(callee, node, place)
        for value in self._values(node, place):
            if isinstance(value, LiteralValue) and isinstance(value.node, (cst.List, cst.Tuple)):
                for element in value.node.elements:
                    yield from self._of_layers(element.value, value.place)
            else:
                yield from self._of_value(value)
        if isinstance(node, (cst.ListComp, cst.GeneratorExp)) and node in place.scope.names.scopes:
            yield from self._of_layers(node.elt, Place(place.scope.names.scopes[node], place.order, ()))
        elif isinstance(node, cst.Name):
            yield from self._appended(node.value, place)

    def _appended(self, name: str, place: Place) -> Iterator[Penalty]:
        """The regularizers of layers that are appended to a list in the function where it is used."""
        if not any(isinstance(binding.node, cst.List) for binding in self._file.resolver.bindings(name, place)):
            return
        for site in self._calls.named(place.scope.names, "append"):
            here = site.place.scope is place.scope and isinstance(site.base, cst.Name) and site.base.value == name
            if here and site.call.args:
                yield from self._of_layers(site.call.args[0].value, site.place)

    # -- layers -------------------------------------------------------------------------------------------------------

    def _of_partial(self, partial: PartialValue, call: cst.Call, place: Place) -> Iterator[Penalty]:
        for value in self._values(partial.call.args[0].value, partial.place):
            layer = self._file.api.layer(value.qualname) if isinstance(value, Symbol) else None
            if layer is not None:
                calls = [(call, place), (partial.call, partial.place)]
                yield from self._of_layer(layer.name, layer.facts.get("regularizers", ()), calls)

    def of_layer(self, layer: Layer, calls: Iterable[tuple[cst.Call, Place]], *, frozen: bool) -> tuple[Penalty, ...]:
        """The regularizers of a layer that the calls together make; ``frozen``: those of a frozen one, too."""
        return tuple(self._of_layer(layer.name, layer.facts.get("regularizers", ()), [*calls], frozen_too=frozen))

    def _of_layer(
        self, name: str, accepted: Iterable[str], calls: list[tuple[cst.Call, Place]], *, frozen_too: bool = False
    ) -> Iterator[Penalty]:
        items: dict[str, _Item] = {}
        for call, place in calls:
            for item in self._items(call, place):
                items.setdefault(item.keyword, item)
        frozen = not frozen_too and "trainable" in items and _is_constant(items["trainable"].value, "False")
        for keyword, item in items.items():
            if keyword in accepted and not (frozen and keyword != "activity_regularizer"):
                given = self._given(item.value, item.place)
                if True in given:
                    yield Penalty(keyword, name, False not in given)
        if name == "ActivityRegularization":
            strengths = [item for keyword, item in items.items() if keyword in ("l1", "l2")]
            found = [self._strength(item.value, item.place) for item in strengths]
            if any(True in strength for strength in found):
                yield Penalty("activity", name, {True} in found)
        if name in ("TimeDistributed", "Bidirectional"):
            for call, place in calls:
                for arg in call.args[:1]:
                    yield from self._of_layers(arg.value, place)

    def _items(self, call: cst.Call, place: Place) -> Iterator[_Item]:
        """The keywords of a call, with those of the dicts that it unpacks."""
        for arg in call.args:
            if arg.keyword is not None:
                yield _Item(arg.keyword.value, arg.value, place)
            elif arg.star == "**":
                for value in self._values(arg.value, place):
                    if isinstance(value, LiteralValue) and isinstance(value.node, (cst.Dict, cst.Call)):
                        for name, item in dict_items(value.node):
                            if isinstance(name, str):
                                yield _Item(name, item, value.place)

    def _given(self, node: cst.BaseExpression, place: Place) -> set[bool]:
        """Is a regularizer given there? Both answers where it depends, or where its strength does."""
        values = self._calls.passed(self._values(node, place))
        return {answer for value in values for answer in self._is_penalty(value)}

    def _is_penalty(self, value: Value) -> set[bool]:
        if isinstance(value, LiteralValue):
            return {isinstance(value.node, (cst.SimpleString, cst.Dict))}
        if isinstance(value, MadeValue):
            known = self._file.api.regularizer(value.qualname)
            return {False} if known is None else self._is_strong(known[1], value)
        if isinstance(value, InstanceValue):  # a regularizer of the project's own
            return {
                any(
                    isinstance(base, Symbol) and self._file.api.regularizer(base.qualname) is not None
                    for scope in [value.scope, *self._file.resolver.ancestors(value.scope)]
                    for base in self._file.resolver.bases(scope)
                )
            }
        return {False}

    def _is_strong(self, name: str, value: MadeValue) -> set[bool]:
        """Does a call of a regularizer give one with a strength other than 0?"""
        if name == "get":
            return self._given(value.call.args[0].value, value.place) if value.call.args else {False}
        strengths = [self._strength(arg.value, value.place) for arg in value.call.args if not arg.star]
        if not strengths:
            return {name not in ("L1L2", "l1_l2")}
        if {True} in strengths:
            return {True}
        return {False} if all(strength == {False} for strength in strengths) else {True, False}

    def _strength(self, node: cst.BaseExpression, place: Place) -> set[bool]:
        """Is a number other than 0? A parameter's default counts; both where that can't be seen."""
        if isinstance(node, cst.BinaryOperation):
            both = [self._strength(node.left, place), self._strength(node.right, place)]
            return {True} if all(strength == {True} for strength in both) else {True, False}
        found: set[bool | None] = set()
        values = self._calls.passed(self._values(node, place))
        for value in values:
            if isinstance(value, LiteralValue) and isinstance(value.node, (cst.Integer, cst.Float)):
                found.add(bool(float(value.node.evaluated_value)))
            else:
                found.add(False if is_none(value) else None)
        if None in found and True not in found:
            # what is 0 by default is no regularizer until somebody asks for more
            return {False} if False in found and not self._is_up_to_others(values) else {True, False}
        return {bool(answer) for answer in found}

    def _is_up_to_others(self, values: Iterable[Value]) -> bool:
        """Is one of the values a parameter of a function or class that nothing in sight calls?"""
        functions = [v.binding.scope for v in values if isinstance(v, ParameterValue)] if self._offered else []
        return any(scope is not None and not any(self._calls.callers(scope)) for scope in functions)

    # -- models -------------------------------------------------------------------------------------------------------

    def _of_sequential(self, model: MadeValue) -> Iterator[Penalty]:
        for arg in model.call.args:
            if arg.keyword is None or arg.keyword.value == "layers":
                yield from self._of_layers(arg.value, model.place)
        for site in self._calls.named(model.place.scope.names, "add"):
            base = site.base
            if base is None or not site.call.args:
                continue
            if any(isinstance(v, MadeValue) and v.call is model.call for v in self._values(base, site.place)):
                yield from self._of_layers(site.call.args[0].value, site.place)

    def _of_functional(self, call: cst.Call, place: Place) -> Iterator[Penalty]:
        """The regularizers of the layers between the inputs and the outputs of ``Model(inputs, outputs)``."""
        named = [
            arg.value for arg in call.args if arg.keyword is not None and arg.keyword.value in ("outputs", "output")
        ]
        by_position = [arg.value for arg in call.args if arg.keyword is None and not arg.star]
        for outputs in named or by_position[1:2]:
            yield from self._behind(outputs, place)

    def _behind(self, outputs: cst.BaseExpression, place: Place) -> Iterator[Penalty]:
        """Follows tensors back to the layers that they come from."""
        seen: set[cst.CSTNode] = set()
        pending: list[tuple[cst.CSTNode, Place]] = [(outputs, place)]
        while pending:
            node, at = pending.pop()
            if isinstance(node, cst.Name):
                for binding in self._file.resolver.bindings(node.value, at):
                    if binding.node is not None and binding.kind == "assign" and binding.node not in seen:
                        seen.add(binding.node)
                        pending.append((_part(binding), binding.place))
            elif isinstance(node, cst.Call):
                yield from self._applied(node, at)
                pending.extend((arg.value, at) for arg in node.args)
                if isinstance(node.func, cst.Attribute):
                    pending.append((node.func.value, at))
            elif isinstance(node, (cst.Tuple, cst.List, cst.Dict)):
                pending.extend((element.value, at) for element in node.elements)
            elif isinstance(node, cst.BinaryOperation):
                pending.extend([(node.left, at), (node.right, at)])
            elif isinstance(node, cst.IfExp):
                pending.extend([(node.body, at), (node.orelse, at)])
            elif isinstance(node, cst.Subscript):
                pending.append((node.value, at))
            elif isinstance(node, cst.Attribute) and node.attr.value in ("output", "outputs"):
                yield from self.of(self._values(node.value, at))

    def _applied(self, call: cst.Call, place: Place) -> Iterator[Penalty]:
        """The regularizers of what a call puts between two tensors: a layer, a model, a function that makes some."""
        yield from self._of_layers(call.func, place)
        for value in self._values(call.func, place):
            if isinstance(value, FunctionValue):
                yield from self._once(("made in", value.scope), self._made_in(value.scope))

    # -- the project's own classes and functions ----------------------------------------------------------------------

    def _of_class(self, scope: Scope) -> Iterator[Penalty]:
        """The regularizers of the layers that objects of a class make for themselves."""
        for owner in [scope, *self._file.resolver.ancestors(scope)]:
            for name in _MAKERS:
                for binding in owner.bindings.get(name, ()):
                    if binding.scope is not None:
                        yield from self._made_in(binding.scope)
        if is_model_class(self._file, scope):
            yield from self._of_functional_objects(scope)

    def _of_functional_objects(self, scope: Scope) -> Iterator[Penalty]:
        """``class Own(Model)`` with methods only, and ``Own(inputs, outputs)``."""
        if not isinstance(scope.node, cst.ClassDef):
            return
        for names in dict.fromkeys((scope.names, self._file.names)):
            for site in self._calls.sites(names):
                if any(isinstance(v, ClassValue) and v.scope is scope for v in self._calls.callees(site)):
                    yield from self._of_functional(site.call, site.place)

    def _made_in(self, function: Scope) -> Iterator[Penalty]:
        """The regularizers of every layer that is made in a function or in those that it calls."""
        if function in self._busy:
            return
        self._busy.add(function)
        try:
            for site in self._calls.within(function):
                yield from self._of_layers(site.call, site.place)
                for value in self._calls.callees(site):
                    if isinstance(value, FunctionValue):
                        yield from self._made_in(value.scope)
        finally:
            self._busy.discard(function)


def _part(binding: Binding) -> cst.CSTNode:
    """The part of a tuple that a name is unpacked from, or the whole of what can't be taken apart."""
    node = binding.node
    assert node is not None
    for rank in binding.unpack:
        if not isinstance(node, (cst.Tuple, cst.List)) or not 0 <= rank < len(node.elements):
            return node
        node = node.elements[rank].value
    return node


def _is_constant(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name
