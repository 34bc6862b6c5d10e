"""Which layers an expression stands for: one, a whole model, or those of a model that a loop picks out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import libcst as cst

from reglint.names.literals import index_of
from reglint.names.scopes import Arm, Binding, Place, string_value
from reglint.names.values import InstanceValue, LiteralValue, MadeValue, Symbol, Value
from reglint.usage.arguments import layers_of
from reglint.usage.calls import calls_in
from reglint.usage.file import File
from reglint.usage.penalties import Penalties, Penalty

_ACTIVITY = ("activity_regularizer", "activity")
# Classes of which others among Keras's layers are kinds: what isinstance says of them can't be told from a name.
_BASES = ("Layer", "Wrapper", "RNN", "Model", "Sequential", "Functional")
_CHANGING = ("add", "pop", "insert")
_SAME_ELEMENTS = (Symbol("builtins.list"), Symbol("builtins.reversed"), Symbol("builtins.tuple"))


class Members(NamedTuple):
    """Layers and models that are surely made by calls that can be seen.

    ``each`` tells that not the models themselves are meant but their layers: those of the classes ``only`` (None: all)
    and none of the classes ``without``.
    """

    values: tuple[MadeValue | InstanceValue, ...]
    each: bool = False
    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def includes(self, layer: str) -> bool:
        """Is a layer of this class meant, where there is one?"""
        return layer not in self.without and (self.only is None or layer in self.only)


def members(file: File, node: cst.BaseExpression, place: Place) -> Members | None:
    """What the expression stands for: ``layer``, ``model``, ``model.layers[0]``, or ``layer`` in a loop over them."""
    found = _known(file.resolver.values(node, place))
    if found is not None:
        return found
    if isinstance(node, cst.Subscript):
        return _picked(file, node, place)
    bindings = file.resolver.bindings(node.value, place) if isinstance(node, cst.Name) else []
    if len(bindings) != 1 or bindings[0].kind != "loop" or not isinstance(node, cst.Name):
        return None
    return _looped(file, node.value, bindings[0], place)


def weight_penalties_of(penalties: Penalties, found: Members) -> tuple[Penalty, ...]:
    """The regularizers of weights that are surely given in these layers or models."""
    every = (p for p in penalties.of(found.values) if p.sure and p.keyword not in _ACTIVITY)
    return tuple(p for p in every if found.includes(p.layer))


def _known(values: Iterable[Value]) -> Members | None:
    """The values, if all of them are layers or models that can be seen."""
    every = tuple(values)
    known = tuple(value for value in every if isinstance(value, (MadeValue, InstanceValue)))
    return Members(known) if known and len(known) == len(every) else None


# -------------------------------------------------------------------------------------------------- parts of a model


def _layers(file: File, node: cst.BaseExpression, place: Place) -> list[Value] | None:
    """The layers of ``model.layers`` one by one, where the model is a Sequential made of a list that can be seen."""
    models = file.resolver.values(node.value, place) if _is_layers(node) else ()  # type: ignore[attr-defined]
    model = models[0] if len(models) == 1 else None
    if not isinstance(model, MadeValue) or model.qualname.rpartition(".")[2] != "Sequential":
        return None
    if not file.api.is_model_class(model.qualname) or len(model.call.args) != 1 or _is_changed(file, model):
        return None
    lists = file.resolver.values(model.call.args[0].value, model.place)
    given = lists[0] if len(lists) == 1 else None
    if not isinstance(given, LiteralValue) or not isinstance(given.node, (cst.List, cst.Tuple)):
        return None
    found: list[Value] = []
    for element in given.node.elements:
        values = file.resolver.values(element.value, given.place)
        if len(values) != 1 or not isinstance(values[0], (MadeValue, InstanceValue)):
            return None
        # an Input is no element of `layers`
        if not isinstance(values[0], MadeValue) or values[0].qualname.rpartition(".")[2] not in _INPUTS:
            found.append(values[0])
    return found


_INPUTS = ("Input", "InputLayer")


def _is_layers(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value == "layers"


def _is_changed(file: File, model: MadeValue) -> bool:
    """Does the module add layers to the model, or take some out?"""
    for name in _CHANGING:
        for site in calls_in(file).named(model.place.scope.names, name):
            values = file.resolver.values(site.base, site.place) if site.base is not None else ()
            if any(isinstance(value, MadeValue) and value.call is model.call for value in values):
                return True
    return False


def _picked(file: File, node: cst.Subscript, place: Place) -> Members | None:
    """``model.layers[0]``."""
    layers, index = _layers(file, node.value, place), index_of(node)
    rank = _constant(index) if index is not None else None
    if layers is None or rank is None or not -len(layers) <= rank < len(layers):
        return None
    return _known([layers[rank]])


def _constant(node: cst.BaseExpression | None) -> int | None:
    negative = isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus)
    number = node.expression if isinstance(node, cst.UnaryOperation) else node
    if not isinstance(number, cst.Integer):
        return None
    return -int(number.evaluated_value) if negative else int(number.evaluated_value)


def _sliced(file: File, node: cst.Subscript, place: Place) -> Members | None:
    """``model.layers[:-1]``."""
    layers = _layers(file, node.value, place)
    part = node.slice[0].slice if len(node.slice) == 1 else None
    if layers is None or not isinstance(part, cst.Slice):
        return None
    ends = [_constant(end) if end is not None else None for end in (part.lower, part.upper)]
    if part.step is not None or any(
        end is not None and known is None for end, known in zip((part.lower, part.upper), ends, strict=True)
    ):
        return None
    return _known(layers[slice(*ends)])


# ---------------------------------------------------------------------------------------------------------------- loops


def _looped(file: File, name: str, binding: Binding, place: Place) -> Members | None:
    """The variable of ``for layer in model.layers``, or of ``for i, layer in enumerate(model.layers)``."""
    node, unpack = binding.node, binding.unpack
    loop = next((rank for rank, arm in enumerate(place.path) if _is_loop_over(arm, node)), None)
    while isinstance(node, cst.Call) and len(node.args) == 1:
        callees = file.resolver.values(node.func, binding.place)
        if callees == (Symbol("builtins.enumerate"),) and unpack == (1,):
            unpack = ()
        elif len(callees) != 1 or callees[0] not in _SAME_ELEMENTS:
            return None
        node = node.args[0].value
    if loop is None or unpack or not isinstance(node, (cst.Attribute, cst.Subscript)):
        return None
    if isinstance(node, cst.Subscript):
        found = _sliced(file, node, binding.place)
    else:
        models = members(file, node.value, binding.place) if _is_layers(node) else None
        found = models._replace(each=True) if models is not None and not models.each else None
    return _filtered(file, name, found, place, loop) if found is not None else None


def _is_loop_over(arm: Arm, node: cst.CSTNode | None) -> bool:
    return isinstance(arm.statement, cst.For) and arm.statement.iter is node


def _filtered(file: File, name: str, found: Members, place: Place, loop: int) -> Members | None:
    """What the tests between the head of the loop and ``place`` leave of the layers; None where that is unclear."""
    narrowed: Members | None = found
    statement = place.path[loop].statement
    assert isinstance(statement, cst.For)
    for inner in statement.body.body:
        if isinstance(inner, cst.If) and inner.orelse is None and _skips(inner.body):
            narrowed = _tested(file, name, inner.test, place, narrowed, holds=False)
    for arm in place.path[loop + 1 :]:
        if isinstance(arm.statement, cst.If):
            narrowed = _tested(file, name, arm.statement.test, place, narrowed, holds=arm.arm == 0)
        elif not isinstance(arm.statement, (cst.Try, cst.TryStar)) or arm.arm:
            return None
    return narrowed


def _skips(block: cst.BaseSuite) -> bool:
    """Does a block end the turn of a loop?"""
    last = block.body[-1] if block.body else None
    if isinstance(last, cst.SimpleStatementLine):
        last = last.body[-1]
    return isinstance(last, (cst.Continue, cst.Break, cst.Return, cst.Raise))


def _tested(
    file: File, name: str, test: cst.BaseExpression, place: Place, found: Members | None, *, holds: bool
) -> Members | None:
    """The members for which a test of the variable ``name`` comes out as ``holds``."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        return _tested(file, name, test.expression, place, found, holds=not holds)
    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And if holds else cst.Or):
        left = _tested(file, name, test.left, place, found, holds=holds)
        return _tested(file, name, test.right, place, left, holds=holds)
    if found is None or not isinstance(test, cst.Call) or not isinstance(test.func, cst.Name) or len(test.args) != 2:
        return None
    first, second = test.args[0].value, test.args[1].value
    if not isinstance(first, cst.Name) or first.value != name:
        return None
    if test.func.value == "hasattr":
        # every layer can be frozen; which ones have LoRA is known
        asked = string_value(second) if isinstance(second, cst.SimpleString) else None
        return found if holds and asked in ("enable_lora", "trainable") else None
    if test.func.value != "isinstance":
        return None
    classes = second.elements if isinstance(second, cst.Tuple) else [cst.Element(second)]
    named = [layers_of(file, element.value, place) for element in classes]
    if not all(len(layers) == 1 and layers[0].name not in _BASES for layers in named):
        return None
    names = frozenset(layers[0].name for layers in named)
    if not holds:
        return found._replace(without=found.without | names)
    return found._replace(only=names if found.only is None else found.only & names)
