"""Which expressions are layers of a Keras model that is built already: ``model.layers[0]``, the variable of a loop."""

from __future__ import annotations

import re
from enum import Enum

import libcst as cst

from reglint.names.scopes import Binding, Place
from reglint.names.values import InstanceValue, MadeValue, ParameterValue, Symbol, Value, Values
from reglint.rulebook import facts
from reglint.usage.calls import Calls, is_none
from reglint.usage.file import File
from reglint.usage.models import is_model_class

_SHAPES = {"input_shape", "input_dim", "batch_input_shape", "batch_shape", "shape"}
_INPUTS = {"Input", "InputLayer"}
_MODEL_NAME = re.compile(
    r"(?:.*_)?(?:model|base|backbone|network|net|encoder|decoder|resnet|vgg|unet)\d*", re.IGNORECASE
)
_PARTS = {"cell", "layer", "forward_layer", "backward_layer"}  # of an RNN and of wrappers: built with it
_ORDERINGS = {"builtins.reversed", "builtins.list", "builtins.tuple", "builtins.sorted"}
_EVERY_LAYER = {"layers", "submodules"}
_BUILDING = {"build", "fit", "fit_generator", "predict", "evaluate", "train_on_batch"}


class Built(Enum):
    """Is a model built? ``PASSED`` says that callers out of sight pass the model, which mostly is."""

    NO = "no"
    PASSED = "passed"
    YES = "yes"


class BuiltLayers:
    """Answers for one file."""

    def __init__(self, file: File, calls: Calls) -> None:
        self._file = file
        self._calls = calls
        self._seen: set[object] = set()

    def layer(self, node: cst.BaseExpression, place: Place) -> Built:
        """Is the expression a layer of a built model?"""
        if isinstance(node, cst.Subscript):
            return Built.NO if _is_slice(node) else self._item(node.value, place)
        if isinstance(node, cst.Attribute) and node.attr.value in _PARTS:
            return self.layer(node.value, place)
        if isinstance(node, (cst.Name, cst.Attribute)) and self._was_called(node, place):
            return Built.YES
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "get_layer":
            return self.model(node.func.value, place)
        if isinstance(node, cst.Name):
            return self._name(node.value, place)
        return Built.NO

    def _item(self, node: cst.BaseExpression, place: Place) -> Built:
        """An element of ``node``, which is a list of layers or a dict that is made of one."""
        found = self.layers(node, place)
        if found is not Built.NO or not isinstance(node, cst.Name):
            return found
        bindings = self._file.resolver.bindings(node.value, place)
        made = [binding.node for binding in bindings if binding.kind == "assign" and not binding.unpack]
        if len(made) != len(bindings) or not all(isinstance(each, cst.DictComp) for each in made):
            return Built.NO
        return _weakest(
            [
                self.layers(each.for_in.iter, binding.place) if _is_mapping(each) else Built.NO
                for each, binding in zip(made, bindings, strict=True)
                if isinstance(each, cst.DictComp)
            ]
        )

    def _was_called(self, node: cst.Name | cst.Attribute, place: Place) -> bool:
        """Is it a new layer that was called above, or one of an own model that was called or built there?"""
        values = self._file.resolver.values(node, place)
        made = [value for value in values if isinstance(value, MadeValue) and self._file.api.layer(value.qualname)]
        if not made or len(made) != len(values):
            return False
        if isinstance(node, cst.Name):
            return self._runs_before(node.value, place, values, frozenset())
        if not isinstance(node.value, cst.Name):
            return False
        owners = self._file.resolver.values(node.value, place)
        own = all(isinstance(owner, InstanceValue) and is_model_class(self._file, owner.scope) for owner in owners)
        return bool(owners) and own and self._runs_before(node.value.value, place, owners, _BUILDING)

    def _runs_before(self, name: str, place: Place, values: Values, methods: frozenset[str] | set[str]) -> bool:
        """Is ``name``, with these values, called above ``place`` in the same block, or one of its methods?"""
        bound = [binding.place.order for binding in place.scope.bindings.get(name, ())]
        start = max((order for order in bound if order < place.order), default=0)
        for mention in place.scope.names.mentions.get(name, ()):
            at = mention.place
            if at.scope is not place.scope or not start < at.order < place.order:
                continue
            if at.path != place.path[: len(at.path)]:
                continue
            parent, link = mention.above
            call = link.node if link is not None and isinstance(parent, cst.Attribute) else parent
            method = parent.attr.value in methods if isinstance(parent, cst.Attribute) else True
            func = parent if isinstance(parent, cst.Attribute) else mention.node
            if isinstance(call, cst.Call) and call.func is func and method and call.args:
                if self._file.resolver.values(mention.node, at) == values:
                    return True
        return False

    def _name(self, name: str, place: Place) -> Built:
        bindings = self._file.resolver.bindings(name, place)
        return _weakest([self._binding(binding) for binding in bindings])

    def _binding(self, binding: Binding) -> Built:
        node = binding.node
        if binding in self._seen or not isinstance(node, cst.BaseExpression):
            return Built.NO
        self._seen.add(binding)
        try:
            if binding.kind == "assign" and not binding.unpack:
                return self.layer(node, binding.place)
            if binding.kind == "loop":
                return self._looped(node, binding)
            return Built.NO
        finally:
            self._seen.discard(binding)

    def _looped(self, node: cst.BaseExpression, binding: Binding) -> Built:
        """What a loop over ``node`` gives to its variable."""
        if not binding.unpack:
            return self.layers(node, binding.place)
        callees = self._file.resolver.values(node.func, binding.place) if isinstance(node, cst.Call) else ()
        if not isinstance(node, cst.Call) or len(binding.unpack) != 1:
            return Built.NO
        rank = binding.unpack[0]
        if callees == (Symbol("builtins.enumerate"),) and node.args and rank == 1:
            return self.layers(node.args[0].value, binding.place)
        if callees == (Symbol("builtins.zip"),) and 0 <= rank < len(node.args):
            return self.layers(node.args[rank].value, binding.place)
        return Built.NO

    def layers(self, node: cst.BaseExpression, place: Place) -> Built:
        """Is the expression a list of layers of a built model?"""
        if isinstance(node, cst.Attribute) and node.attr.value in _EVERY_LAYER:
            # the layers of a nested model are as built as that
            return self.model(node.value, place)
        if isinstance(node, cst.Subscript):
            return self.layers(node.value, place) if _is_slice(node) else Built.NO
        if isinstance(node, cst.Call):
            return self._made_of_layers(node, place)
        if isinstance(node, cst.ListComp):
            return self.layers(node.for_in.iter, place) if _is_selection(node) else Built.NO
        if isinstance(node, cst.Name):
            return _weakest(
                [self._list_binding(binding) for binding in self._file.resolver.bindings(node.value, place)]
            )
        return Built.NO

    def _made_of_layers(self, node: cst.Call, place: Place) -> Built:
        """``reversed(model.layers)``, ``filter(…, model.layers)``, ``model._flatten_layers()``."""
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "_flatten_layers":
            return self.model(node.func.value, place)
        callees = self._file.resolver.values(node.func, place)
        if callees == (Symbol("builtins.filter"),) and len(node.args) == 2:
            return self.layers(node.args[1].value, place)
        ordering = all(isinstance(value, Symbol) and value.qualname in _ORDERINGS for value in callees)
        return self.layers(node.args[0].value, place) if callees and ordering and node.args else Built.NO

    def _list_binding(self, binding: Binding) -> Built:
        node = binding.node
        key = ("list", binding)
        if key in self._seen or binding.kind != "assign" or binding.unpack or not isinstance(node, cst.BaseExpression):
            return Built.NO
        self._seen.add(key)
        try:
            return self.layers(node, binding.place)
        finally:
            self._seen.discard(key)

    # -- models -------------------------------------------------------------------------------------------------------

    def model(self, node: cst.BaseExpression, place: Place) -> Built:
        """Is the expression a built model?"""
        values = [value for value in self._file.resolver.values(node, place) if not is_none(value)]
        found = _weakest([self._model_value(value) for value in values])
        if found is Built.NO and not any(isinstance(value, (MadeValue, ParameterValue)) for value in values):
            return self.layer(node, place)  # a model that is a layer of a built one
        return found

    def _model_value(self, value: Value) -> Built:
        if isinstance(value, MadeValue):
            return Built.YES if self._is_built(value) else Built.NO
        if isinstance(value, ParameterValue):
            return self._parameter(value)
        return Built.NO

    def _parameter(self, value: ParameterValue) -> Built:
        """A parameter that is called a model, or said to be one, in a file that uses Keras."""
        passed = self._calls.passed((value,), recursion=False)
        if passed != (value,):
            known: Values = tuple(v for v in passed if not isinstance(v, ParameterValue))
            found = [Built.YES if isinstance(v, MadeValue) and self._is_built(v) else Built.NO for v in known]
            if Built.YES in found and Built.NO not in found and len(known) == len(passed):
                return Built.YES
            if any(isinstance(v, MadeValue) and not self._is_built(v) for v in known):
                return Built.NO
        named = _MODEL_NAME.fullmatch(value.binding.name) is not None or self._is_annotated(value.binding)
        return Built.PASSED if named and self._file.speaks_keras else Built.NO

    def _is_annotated(self, binding: Binding) -> bool:
        param = binding.node
        if not isinstance(param, cst.Param) or param.annotation is None or binding.scope is None:
            return False
        where = binding.scope.place
        values = self._file.resolver.values(param.annotation.annotation, where) if where is not None else ()
        return any(isinstance(v, Symbol) and self._file.api.is_model_class(v.qualname) for v in values)

    def _is_built(self, value: MadeValue) -> bool:
        name = self._file.api.keras_name(value.qualname)
        if name is None:
            module, _, last = value.qualname.rpartition(".")
            zoos = facts("assigned")["model_zoos"]
            return last[:1].isupper() and any(module == zoo or module.startswith(f"{zoo}.") for zoo in zoos)
        if not self._file.api.makes_model(value.qualname):
            return False
        if not self._file.api.is_model_class(value.qualname):
            return True
        if name.path[-1] == "Sequential":
            return self._is_built_sequential(value)
        return len(value.call.args) >= 2

    def _is_built_sequential(self, value: MadeValue) -> bool:
        """Does a ``Sequential`` know its input shape?"""
        first = value.call.args[0].value if value.call.args else None
        for literal in self._file.resolver.values(first, value.place) if first is not None else ():
            node = getattr(literal, "node", None)
            if isinstance(node, (cst.List, cst.Tuple)) and node.elements:
                return self._has_shape(node.elements[0].value, value.place)
        sites = self._calls.named(value.place.scope.names, "add")
        added = [site for site in sites if self._is_base(site.base, site.place, value)]
        if first is None and added:
            start = min(added, key=lambda site: site.place.order)
            return bool(start.call.args) and self._has_shape(start.call.args[0].value, start.place)
        return False

    def _is_base(self, base: cst.BaseExpression | None, place: Place, model: MadeValue) -> bool:
        if base is None:
            return False
        found = self._file.resolver.values(base, place)
        return any(isinstance(value, MadeValue) and value.call is model.call for value in found)

    def _has_shape(self, node: cst.BaseExpression, place: Place) -> bool:
        if any(isinstance(v, MadeValue) and self._is_built(v) for v in self._file.resolver.values(node, place)):
            return True
        if not isinstance(node, cst.Call):
            return False
        keywords = {arg.keyword.value for arg in node.args if arg.keyword is not None}
        func = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
        return bool(keywords & _SHAPES) or (isinstance(func, cst.Name) and func.value in _INPUTS)


def _is_slice(node: cst.Subscript) -> bool:
    return len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Slice)


def _is_selection(node: cst.ListComp) -> bool:
    """``[layer for layer in layers if …]``."""
    target, clause = node.elt, node.for_in
    if not isinstance(target, cst.Name) or not isinstance(clause.target, cst.Name) or clause.inner_for_in is not None:
        return False
    return target.value == clause.target.value


def _is_mapping(node: cst.DictComp) -> bool:
    """``{layer.name: layer for layer in layers}``."""
    target, clause = node.value, node.for_in
    if not isinstance(target, cst.Name) or not isinstance(clause.target, cst.Name) or clause.inner_for_in is not None:
        return False
    return target.value == clause.target.value


def _weakest(found: list[Built]) -> Built:
    if not found or Built.NO in found:
        return Built.NO
    return Built.PASSED if Built.PASSED in found else Built.YES
