"""Hand-written training steps: where a loss is differentiated, for which model, and whether its losses are added."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from reglint.names.module import ModuleNames
from reglint.names.scopes import Binding, Mention, Place, Scope, dotted
from reglint.names.values import (
    DynamicValue,
    FunctionValue,
    InstanceValue,
    MadeValue,
    ModuleValue,
    ParameterValue,
    StarredValue,
    Symbol,
    UnknownValue,
    Value,
    Values,
)
from reglint.usage.calls import Calls, CallSite, call_of, is_inside, outermost_function, runs_with_module
from reglint.usage.file import File
from reglint.usage.penalties import Penalties

_VARIABLES = {"trainable_variables", "trainable_weights", "variables", "weights"}
_DIFFERENTIATING = {"jax.value_and_grad", "jax.grad"}
_KERAS_OWN = {"compute_loss", "train_step", "stateless_compute_loss", "train_on_batch", "_compute_loss"}
_REGULARIZING = re.compile(
    r"get_losses_for|add_loss|stateless_compute_loss|losses_for"
    r"|_*(?:\w+_)?reg\w*?_?(?:loss|losses|term|terms|penalty|penalties)"
    r"|\w*loss_reg\w*|l[12]_loss|\w*regulari[sz]ation",
    re.IGNORECASE,
)
_LIBRARIES = {"builtins", "jax", "keras", "keras_core", "numpy", "tensorflow", "tf_keras", "torch"}
_REGULARIZATION = re.compile(r"\w*regulari[sz]ation", re.IGNORECASE)


class Model(NamedTuple):
    """A model as an expression of the program: what it may be where it stands, and what it is by its callers."""

    text: str
    here: Values
    values: Values


class Step(NamedTuple):
    """A training step: the name at fault, where it stands, and the models that it trains."""

    name: cst.Name | cst.SimpleString
    place: Place
    models: tuple[Model, ...]


class Training:
    """Finds the training steps of one file."""

    def __init__(self, file: File, calls: Calls, penalties: Penalties) -> None:
        self._file = file
        self._calls = calls
        self._penalties = penalties

    # -- steps --------------------------------------------------------------------------------------------------------

    def taped(self) -> Iterator[Step]:
        """``tape.gradient(loss, model.trainable_variables)`` and ``optimizer.minimize(…, tape=tape)``."""
        tapes = self._tapes()
        for site in self._calls.named(self._file.names, "gradient"):
            if isinstance(site.base, cst.Name) and site.base.value in tapes and len(site.call.args) >= 2:
                yield Step(site.mention.node, site.place, self._trained(_argument(site, 1, "sources"), site.place))
        for site in self._calls.named(self._file.names, "minimize"):
            tape = _argument(site, 99, "tape")
            if isinstance(tape, cst.Name) and tape.value in tapes:
                yield Step(site.mention.node, site.place, self._trained(_argument(site, 1, "var_list"), site.place))

    def _tapes(self) -> set[str]:
        """The names of ``with tf.GradientTape() as name``."""
        found = set()
        for site in self._calls.named(self._file.names, "GradientTape"):
            known = self._calls.callees(site)
            item = site.above.node
            if not isinstance(item, cst.WithItem) or item.asname is None or not isinstance(item.asname.name, cst.Name):
                continue
            if any(isinstance(v, Symbol) and v.qualname.startswith("tensorflow") for v in known):
                found.add(item.asname.name.value)
        return found

    def backward(self) -> Iterator[Step]:
        """``loss.backward()`` where a Keras model is called beside it."""
        if not any(base == "torch" or base.startswith("torch.") for base, _ in self._file.names.imported):
            return
        for site in self._calls.named(self._file.names, "backward"):
            called = []
            for other in self._calls.within(site.place.scope):
                if other.place.scope is site.place.scope and other.call.func is not site.call.func:
                    model = self._model(other.call.func, other.place)
                    if model is not None and model not in called:
                        called.append(model)
            if site.base is not None:
                yield Step(site.mention.node, site.place, tuple(called))

    def stateless(self) -> Iterator[Step]:
        """``model.stateless_call(…)`` without ``return_losses`` in a function that JAX differentiates."""
        for site in self._calls.named(self._file.names, "stateless_call"):
            returned = _argument(site, 99, "return_losses")
            asked = returned is not None and not (isinstance(returned, cst.Name) and returned.value == "False")
            unpacked = any(arg.star == "**" for arg in site.call.args)
            if site.base is None or asked or unpacked or not self._is_differentiated(site.place):
                continue
            model = self._model(site.base, site.place)
            yield Step(site.mention.node, site.place, (model,) if model is not None else ())

    def _is_differentiated(self, place: Place) -> bool:
        """Does JAX differentiate the function around a place, or one that calls it?"""
        names: list[str] = []
        scope: Scope | None = place.scope
        while scope is not None:
            if isinstance(scope.node, cst.FunctionDef):
                names.append(scope.node.name.value)
            scope = scope.parent
        for name in names:
            for mention in self._file.names.mentions.get(name, ()):
                if self._is_handed_to_jax(mention):
                    return True
                caller = mention.place.scope.node
                if call_of(mention) is not None and isinstance(caller, cst.FunctionDef):
                    if caller.name.value not in names and len(names) < 8:
                        names.append(caller.name.value)
        return False

    def _is_handed_to_jax(self, mention: Mention) -> bool:
        for node in mention.above.nodes():
            if isinstance(node, cst.Call):
                values = self._file.resolver.values(node.func, mention.place)
                return any(isinstance(value, Symbol) and value.qualname in _DIFFERENTIATING for value in values)
            if not isinstance(node, (cst.Arg, cst.Attribute)):
                return False
        return False

    # -- models -------------------------------------------------------------------------------------------------------

    def _trained(self, sources: cst.BaseExpression | None, place: Place) -> tuple[Model, ...]:
        """The models whose variables ``sources`` are."""
        found: list[Model] = []
        pending: list[tuple[cst.CSTNode | None, Place]] = [(sources, place)]
        seen: set[cst.CSTNode] = set()
        while pending:
            node, at = pending.pop(0)
            if node is None or node in seen:
                continue
            seen.add(node)
            if isinstance(node, cst.Attribute) and node.attr.value in _VARIABLES:
                model = self._model(node.value, at)
                if model is not None and model not in found:
                    found.append(model)
            elif isinstance(node, cst.BinaryOperation):
                pending.extend([(node.left, at), (node.right, at)])
            elif isinstance(node, (cst.List, cst.Tuple)):
                pending.extend((element.value, at) for element in node.elements)
            elif isinstance(node, cst.Name):
                bindings: list[Binding] = self._file.resolver.bindings(node.value, at)
                pending.extend((b.node, b.place) for b in bindings if b.kind == "assign" and not b.unpack)
        return tuple(found)

    def _model(self, node: cst.BaseExpression, place: Place) -> Model | None:
        """A model with regularizers, or None."""
        here = self._file.resolver.values(node, place)
        values = self._calls.passed(here)
        if not any(self._penalties.is_model(value) and self._penalties.of([value]) for value in values):
            return None
        return Model(dotted(node) or "model", here, values)

    # -- what a step does ---------------------------------------------------------------------------------------------

    def calls_model(self, step: Step, model: Model) -> bool:
        """Does the step itself call the model, so that its loss is computed from the outputs?"""
        wanted = set(model.values) | set(model.here)
        for scope in self._scopes(step):
            for site in self._calls.within(scope):
                callees = set(self._calls.callees(site))
                if site.base is not None and site.name in ("call", "__call__", "stateless_call"):
                    callees |= set(self._file.resolver.values(site.base, site.place))
                if callees & wanted or set(self._calls.passed(tuple(callees))) & wanted:
                    return True
        return False

    def may_add_losses(self, step: Step, model: Model) -> bool:
        """Does the step use the model's losses, or can't it be seen what it does with the model?"""
        stateless = step.name.value == "stateless_call"
        for scope in self._scopes(step):
            if self._uses_losses(scope, stateless) or self._hands_over(scope, model):
                return True
        return False

    def _scopes(self, step: Step) -> list[Scope]:
        """The function of the step with those that it calls, and with those around it that it may take a loss from."""
        scope = step.place.scope
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent
        outer = outermost_function(step.place)
        found = self._calls.reached(scope)
        return found + [at for at in self._calls.reached(outer) if not any(at is known for known in found)]

    def _uses_losses(self, scope: Scope, stateless: bool) -> bool:
        names = scope.names
        for mention in names.mentions.get("losses", ()):
            if _in(mention.place, scope) and self._is_losses(mention):
                return True
        for word, mentions in list(names.mentions.items()):
            if _REGULARIZING.fullmatch(word) or word.endswith("_regularizer"):
                if any(_in(mention.place, scope) and self._is_own_penalty(mention) for mention in mentions):
                    return True
        return any(self._is_keras_own(site, stateless) for site in self._calls.within(scope))

    def _is_losses(self, mention: Mention) -> bool:
        """Is it ``model.losses`` rather than the module ``keras.losses``?"""
        parent = mention.above.node
        if not isinstance(parent, cst.Attribute) or parent.attr is not mention.node:
            return False
        base = self._file.resolver.values(parent.value, mention.place)
        return not base or not all(isinstance(value, (Symbol, ModuleValue)) for value in base)

    def _is_own_penalty(self, mention: Mention) -> bool:
        """Is it read as a value that can be added to a loss, rather than an argument of a layer or an import?"""
        parent, word = mention.above.node, mention.node.value
        site = call_of(mention)
        if _REGULARIZATION.fullmatch(word) and site is None:
            return False  # a strength or a flag
        if isinstance(parent, cst.Attribute):
            # layer.kernel_regularizer(layer.kernel), model.regularization_losses, tf.nn.l2_loss(w)
            values = self._file.resolver.values(parent, mention.place)
            known = [self._file.api.keras_name(value.qualname) for value in values if isinstance(value, Symbol)]
            return parent.attr is mention.node and (not known or None in known)
        if word.endswith("_regularizer") or isinstance(
            parent, (cst.Param, cst.ImportAlias, cst.FunctionDef, cst.AsName)
        ):
            return False
        return not isinstance(parent, cst.Arg) or parent.keyword is not mention.node

    def _is_keras_own(self, site: CallSite, stateless: bool) -> bool:
        """Is it a method of Keras's own model that adds the losses?"""
        if site.name not in _KERAS_OWN or site.base is None:
            return False
        if stateless and site.name == "compute_loss":
            return False  # it sees the model's own variables, not those that are differentiated
        return not any(isinstance(value, FunctionValue) for value in self._calls.callees(site))

    def _hands_over(self, scope: Scope, model: Model) -> bool:
        """Does it pass the model to something out of sight, or call what may be a closure over its losses?"""
        elsewhere = self._mentions_losses(scope.names)
        for site in self._calls.within(scope):
            callees = self._calls.callees(site)
            if (
                all(_is_known(value) for value in self._calls.passed(callees))
                or _is_harmless(site)
                or set(callees) & set(model.here)
            ):
                continue
            if elsewhere and isinstance(site.call.func, cst.Name):
                return True  # a loss function that is passed in may close over the losses
            for arg in site.call.args:
                if isinstance(arg.value, (cst.Name, cst.Attribute)):
                    passed = self._file.resolver.values(arg.value, site.place)
                    if any(value in model.here for value in passed if not isinstance(value, UnknownValue)):
                        return True
        return False

    def _mentions_losses(self, names: ModuleNames) -> bool:
        return any(self._is_losses(mention) for mention in names.mentions.get("losses", ()))

    def asks_compiled_loss(self, step: Step) -> bool:
        """Is the loss that of ``self.compiled_loss(y, y_pred)``?"""
        return any(
            site.base is not None and not any(isinstance(value, FunctionValue) for value in self._calls.callees(site))
            for scope in self._scopes(step)
            for site in self._calls.named(scope.names, "compiled_loss")
            if _in(site.place, scope)
        )

    # -- compute_loss -------------------------------------------------------------------------------------------------

    def own_compute_loss(self) -> Iterator[Step]:
        """``def compute_loss(self, x, y, y_pred, …)`` in a model's class."""
        for scope in list(self._file.names.scopes.values()):
            bindings = scope.bindings.get("compute_loss", ()) if scope.kind == "class" else ()
            for binding in bindings:
                function = binding.scope.node if binding.scope is not None else None
                if not isinstance(function, cst.FunctionDef) or binding.scope is None:
                    continue
                if "y_pred" in binding.scope.bindings:
                    value = InstanceValue(scope)
                    values: Values = (value,) if self._penalties.is_model(value) else ()
                    here = Place(binding.scope, binding.place.order, ())
                    models = (Model(_class_name(scope), values, values),) if values else ()
                    yield Step(function.name, here, models)

    def is_left_to_compute_loss(self, step: Step) -> bool:
        """Does the step call a ``compute_loss`` of the project that is judged by itself?"""
        return any(
            isinstance(value, FunctionValue) and value.owner is not None and "y_pred" in value.scope.bindings
            for scope in self._scopes(step)
            for site in self._calls.within(scope)
            if site.name == "compute_loss"
            for value in self._calls.callees(site)
        )


def _argument(site: CallSite, rank: int, keyword: str) -> cst.BaseExpression | None:
    """The argument of a call by its keyword or its place."""
    for number, arg in enumerate(site.call.args):
        if (arg.keyword is not None and arg.keyword.value == keyword) or (
            arg.keyword is None and not arg.star and number == rank
        ):
            return arg.value
    return None


def _in(place: Place, scope: Scope) -> bool:
    return runs_with_module(place) if scope.kind == "module" else is_inside(place, scope)


def _is_known(value: Value) -> bool:
    """Is it known what a callee does with a model: a function of the project, or of a library that adds no losses?"""
    if isinstance(value, (Symbol, MadeValue)):
        return value.qualname.partition(".")[0] in _LIBRARIES
    return not isinstance(value, (UnknownValue, ParameterValue, StarredValue, DynamicValue))


def _is_harmless(site: CallSite) -> bool:
    """Methods of optimizers and metrics that are known by name."""
    return site.name in ("apply_gradients", "update_state", "step", "zero_grad", "numpy", "print", "append", "format")


def _class_name(scope: Scope) -> str:
    return scope.node.name.value if isinstance(scope.node, cst.ClassDef) else ""
