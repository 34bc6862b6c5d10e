"""Which models of a file are used as layers of others, and which layers a model holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

import libcst as cst

from reglint.names.flows import parameter_for
from reglint.names.scopes import Link, Place, Scope, dotted
from reglint.names.values import FunctionValue, LiteralValue, MadeValue, Symbol, Values
from reglint.usage.file import File
from reglint.usage.models import is_model_class
from reglint.usage.tensors import unpacked


class Composition(NamedTuple):
    """A use of a model as a layer.

    ``model`` is what made the model. ``how`` is ``called``, ``looped`` (called on the input that it was made from),
    ``first`` (in a Sequential, which calls its later elements but not this one) or ``distributed`` (by a
    TimeDistributed); ``by`` is the name of what calls or takes it.
    """

    model: MadeValue
    how: str
    by: str


class Compositions:
    """The models of one file. A model is known by the call that makes it."""

    def __init__(self, file: File) -> None:
        self._file = file

    def of(self, layer: cst.Call) -> Iterator[Composition]:
        """The uses of those models that surely hold the layer which ``layer`` makes."""
        for composition in self._all:
            if layer in self._held(composition.model):
                yield composition

    # -- uses of models -----------------------------------------------------------------------------------------------

    @cached_property
    def _calls(self) -> list[tuple[cst.Call, Place]]:
        found: dict[cst.Call, Place] = {}
        for mentions in self._file.names.mentions.values():
            for mention in mentions:
                for call in _calls_around(mention.above):
                    found.setdefault(call, mention.place)
        return list(found.items())

    @cached_property
    def _all(self) -> list[Composition]:
        return [composition for call, place in self._calls for composition in self._uses(call, place)]

    def _uses(self, call: cst.Call, place: Place) -> Iterator[Composition]:
        """The models that a call uses as layers."""
        callees = self._values(call.func, place)
        by = dotted(call.func) or "model"
        if call.args and not self._in_model_class(place.scope):
            for model in self._models(callees):
                yield Composition(model, "looped" if self._is_own_input(model, call, place) else "called", by)
        stack = self._stack(call, place)
        if stack is not None:
            is_first = not any(
                other is not call and where.order < place.order for other, where in self._adds.get(stack.call, ())
            )
            how = "first" if is_first and not list(self._elements(stack.call, stack.place)) else "called"
            yield from self._given(call.args[0].value, place, how, by)
        for callee in callees:
            if isinstance(callee, FunctionValue):
                yield from self._handed_over(callee, call, place)
            elif isinstance(callee, Symbol):
                yield from self._built_in(callee.qualname, call, place, by)

    def _built_in(self, qualname: str, call: cst.Call, place: Place, by: str) -> Iterator[Composition]:
        layer = self._file.api.layer(qualname)
        first = call.args[0].value if call.args else None
        if first is not None and layer is not None and layer.name == "TimeDistributed":
            yield from self._given(first, place, "distributed", by)
        elif self._file.api.is_model_class(qualname) and qualname.rpartition(".")[2] == "Sequential":
            for rank, (element, where) in enumerate(self._elements(call, place)):
                yield from self._given(element, where, "called" if rank else "first", by)

    def _given(self, node: cst.BaseExpression, place: Place, how: str, by: str) -> Iterator[Composition]:
        yield from (Composition(model, how, by) for model in self._models(self._values(node, place)))

    def _stack(self, call: cst.Call, place: Place) -> MadeValue | None:
        """The Sequential to which a call adds."""
        if not isinstance(call.func, cst.Attribute) or call.func.attr.value != "add" or len(call.args) != 1:
            return None
        models = self._models(self._values(call.func.value, place))
        return models[0] if len(models) == 1 and _last(models[0]) == "Sequential" else None

    @cached_property
    def _adds(self) -> dict[cst.Call, list[tuple[cst.Call, Place]]]:
        """The calls that add to each Sequential, by the call that makes it."""
        found: dict[cst.Call, list[tuple[cst.Call, Place]]] = {}
        for call, place in self._calls:
            stack = self._stack(call, place)
            if stack is not None:
                found.setdefault(stack.call, []).append((call, place))
        return found

    def _is_own_input(self, model: MadeValue, call: cst.Call, place: Place) -> bool:
        """Is a model called on a tensor that it was made from?"""
        inputs = _argument(model.call, 0, "inputs", "input")
        if inputs is None or _last(model) == "Sequential":
            return False
        own = {node for node, _ in self._behind(inputs, model.place) if isinstance(node, cst.Call)}
        return any(node in own for node, _ in self._behind(call.args[0].value, place))

    def _handed_over(self, function: FunctionValue, call: cst.Call, place: Place) -> Iterator[Composition]:
        """The models that a call hands to a function of the project which calls them."""
        for arg in call.args:
            models = self._models(self._values(arg.value, place)) if not arg.star else ()
            parameter = parameter_for(function, call, arg) if models else None
            if parameter is None:
                continue
            for mention in function.scope.names.mentions.get(parameter.name, ()):
                inner = mention.above.node
                if isinstance(inner, cst.Call) and inner.func is mention.node and inner.args:
                    if parameter in self._file.resolver.bindings(parameter.name, mention.place):
                        yield from (Composition(model, "called", parameter.name) for model in models)

    def _models(self, values: Values) -> tuple[MadeValue, ...]:
        """The models among the values; none if one of the values may be something else."""
        models = tuple(v for v in values if isinstance(v, MadeValue) and self._file.api.is_model_class(v.qualname))
        return models if len(models) == len(values) else ()

    def _in_model_class(self, scope: Scope | None) -> bool:
        """Is this code of a subclassed model? What its calls do to losses was not measured."""
        while scope is not None:
            if scope.kind == "class" and is_model_class(self._file, scope):
                return True
            scope = scope.parent
        return False

    # -- what a model holds -------------------------------------------------------------------------------------------

    @cached_property
    def _contents(self) -> dict[cst.Call, frozenset[cst.Call]]:
        return {}

    def _held(self, model: MadeValue) -> frozenset[cst.Call]:
        """The calls that make the layers of a model, with the layers in wrappers but not those of models inside."""
        known = self._contents.get(model.call)
        if known is None:
            sequential = _last(model) == "Sequential"
            known = frozenset(self._stacked(model) if sequential else self._connected(model))
            self._contents[model.call] = known
        return known

    def _stacked(self, model: MadeValue) -> Iterator[cst.Call]:
        for element, place in self._elements(model.call, model.place):
            yield from self._made(element, place)
        for call, place in self._adds.get(model.call, ()):
            yield from self._made(call.args[0].value, place)

    def _elements(self, call: cst.Call, place: Place) -> Iterator[tuple[cst.BaseExpression, Place]]:
        """The layers that ``Sequential([…])`` is given."""
        given = _argument(call, 0, "layers")
        for value in self._values(given, place) if given is not None else ():
            if isinstance(value, LiteralValue) and isinstance(value.node, (cst.List, cst.Tuple)):
                for element in value.node.elements:
                    if isinstance(element, cst.Element):
                        yield element.value, value.place

    def _connected(self, model: MadeValue) -> Iterator[cst.Call]:
        """The layers between the inputs and outputs of ``Model(inputs, outputs)``."""
        inputs = _argument(model.call, 0, "inputs", "input")
        outputs = _argument(model.call, 1, "outputs", "output")
        if outputs is None:
            return
        seen = {node for node, _ in self._behind(inputs, model.place)} if inputs is not None else set()
        for node, place in self._behind(outputs, model.place, seen, through=True):
            if isinstance(node, cst.Call):
                yield from self._made(node.func, place)

    def _behind(
        self,
        expression: cst.BaseExpression,
        place: Place,
        known: Iterable[cst.CSTNode] = (),
        *,
        through: bool = False,
    ) -> Iterator[tuple[cst.BaseExpression, Place]]:
        """The expressions that a tensor has its value from, ``known`` ones left out; ``through``: also behind calls."""
        seen = set(known)
        pending = [(expression, place)]
        while pending:
            node, where = pending.pop()
            if node in seen:
                continue
            seen.add(node)
            yield node, where
            if isinstance(node, (cst.Name, cst.Attribute)):
                pending.extend(self._assigned(node, where))
            elif through or not isinstance(node, cst.Call):
                pending.extend((part, where) for part in _parts(node))
                if isinstance(node, cst.Call):
                    pending.extend(self._returned(node, where))

    def _assigned(self, node: cst.Name | cst.Attribute, place: Place) -> Iterator[tuple[cst.BaseExpression, Place]]:
        """What is assigned to a name, or to an attribute in the same class."""
        if isinstance(node, cst.Name):
            for binding in self._file.resolver.bindings(node.value, place):
                if binding.kind == "assign" and isinstance(binding.node, cst.BaseExpression):
                    yield unpacked(binding.node, binding.unpack), binding.place
        else:
            for assigned in place.scope.names.attributes.get(node.attr.value, ()):
                if assigned.place.scope.parent is place.scope.parent and dotted(assigned.target) == dotted(node):
                    yield assigned.value, assigned.place

    def _returned(self, call: cst.Call, place: Place) -> Iterator[tuple[cst.BaseExpression, Place]]:
        """What the function of the project that is called gives back."""
        for callee in self._values(call.func, place):
            if isinstance(callee, FunctionValue) and self._file.resolver.is_plain(callee.scope):
                yield from callee.scope.returns

    def _made(self, node: cst.BaseExpression, place: Place) -> Iterator[cst.Call]:
        """The calls that make the layer which ``node`` is, and the layers that are wrapped in it."""
        pending = [(node, place)]
        seen: set[cst.Call] = set()
        while pending:
            expression, where = pending.pop()
            for value in self._values(expression, where):
                if isinstance(value, MadeValue) and value.call not in seen:
                    if self._file.api.layer(value.qualname) is not None:
                        seen.add(value.call)
                        yield value.call
                        pending.extend((arg.value, value.place) for arg in value.call.args if not arg.star)

    def _values(self, node: cst.BaseExpression, place: Place) -> Values:
        return self._file.resolver.values(node, place)


def _last(model: MadeValue) -> str:
    return model.qualname.rpartition(".")[2]


def _argument(call: cst.Call, rank: int, *keywords: str) -> cst.BaseExpression | None:
    """The argument that is passed by one of the keywords, or else by position."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value in keywords:
            return arg.value
    positional = [arg.value for arg in call.args if arg.keyword is None and not arg.star]
    return positional[rank] if rank < len(positional) else None


def _calls_around(link: Link) -> Iterator[cst.Call]:
    """The calls around a mention, up to its statement or the function in which it stands."""
    for node in link.nodes():
        if isinstance(node, cst.Call):
            yield node
        elif isinstance(node, _BORDERS):
            return


_BORDERS = (
    cst.BaseStatement,
    cst.BaseSmallStatement,
    cst.Lambda,
    cst.ListComp,
    cst.SetComp,
    cst.DictComp,
    cst.GeneratorExp,
)


def _parts(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """The tensors of which an expression is made."""
    if isinstance(node, cst.Call):
        yield from (arg.value for arg in node.args if not arg.star)
    elif isinstance(node, (cst.List, cst.Tuple)):
        yield from (element.value for element in node.elements)
    elif isinstance(node, cst.BinaryOperation):
        yield from (node.left, node.right)
    elif isinstance(node, cst.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, cst.Subscript):
        yield node.value
