"""Hand-written training steps: where a loss is differentiated, for which model, and whether its losses are added."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from reglint.names.module import ModuleNames
from reglint.names.scopes import Binding, Link, Mention, Place, Scope, dotted, parameters, string_value
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
from reglint.usage.gradients import Gradients
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
# TensorFlow 1's collection: Keras's layers put nothing into it, in eager mode or in a graph (0.0 with TensorFlow 2.21,
# Keras 3.15.1 and tf_keras 2.21).
_COLLECTED = re.compile(r"tensorflow\.compat\.v1\.losses\.get_regularization_loss(es)?")
_NORMS = {"abs", "l2_loss", "norm", "square", "pow"}
_REGULARIZATION = re.compile(r"\w*regulari[sz]ation", re.IGNORECASE)


class Model(NamedTuple):
    """A model as an expression of the program: what it may be where it stands, and what it is by its callers."""

    text: str
    here: Values
    values: Values


class Step(NamedTuple):
    """A training step: the name at fault, where it stands, and the models that it trains.

    ``loss`` are functions that compute its loss without being called there, ``ignored`` is a name that only takes up
    losses to leave them unused, and ``above`` what stands around the name.
    """

    name: cst.Name | cst.SimpleString
    place: Place
    models: tuple[Model, ...]
    above: Link
    loss: tuple[Scope, ...] = ()
    ignored: cst.Name | None = None


class Training:
    """Finds the training steps of one file."""

    def __init__(self, file: File, calls: Calls, penalties: Penalties) -> None:
        self._file = file
        self._calls = calls
        self._penalties = penalties
        self._gradients = Gradients(calls)

    # -- steps --------------------------------------------------------------------------------------------------------

    def taped(self) -> Iterator[Step]:
        """``tape.gradient(loss, model.trainable_variables)`` that is applied, and ``optimizer.minimize``."""
        tapes = self._tapes()
        for site in self._calls.named(self._file.names, "gradient"):
            if isinstance(site.base, cst.Name) and site.base.value in tapes and len(site.call.args) >= 2:
                models = self._trained(_argument(site, 1, "sources"), site.place)
                # in the block of another tape it is part of what that differentiates: an inner loop
                blocks = [_tapes_of(node) for node in site.above.nodes()]
                inner = any(names and site.base.value not in names for names in blocks)
                if models and not inner and self._gradients.are_applied(site):
                    yield Step(site.mention.node, site.place, models, site.mention.above)
        for site in self._calls.named(self._file.names, "minimize"):
            tape, loss = _argument(site, 99, "tape"), self._closures(site)
            if loss or (isinstance(tape, cst.Name) and tape.value in tapes):
                models = self._trained(_argument(site, 1, "var_list"), site.place)
                yield Step(site.mention.node, site.place, models, site.mention.above, loss)

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

    def _closures(self, site: CallSite) -> tuple[Scope, ...]:
        """The functions without parameters that an optimizer is to minimize."""
        loss = _argument(site, 0, "loss")
        values = self._file.resolver.values(loss, site.place) if loss is not None and site.base is not None else ()
        scopes = [value.scope for value in values if isinstance(value, FunctionValue)]
        if isinstance(loss, cst.Lambda) and loss in site.place.scope.names.scopes:
            scopes.append(site.place.scope.names.scopes[loss])
        return tuple(
            scope
            for scope in dict.fromkeys(scopes)
            if isinstance(scope.node, (cst.FunctionDef, cst.Lambda)) and not any(parameters(scope.node.params))
        )

    def backward(self) -> Iterator[Step]:
        """``loss.backward()`` where a Keras model is called beside it and an optimizer takes a step."""
        if not any(base == "torch" or base.startswith("torch.") for base, _ in self._file.names.imported):
            return
        for site in self._calls.named(self._file.names, "backward"):
            called = []
            for other in self._calls.within(site.place.scope):
                if other.place.scope is site.place.scope and other.call.func is not site.call.func:
                    model = self._model(other.call.func, other.place)
                    if model is not None and model not in called:
                        called.append(model)
            if site.base is not None and called and self._takes_step(site):
                yield Step(site.mention.node, site.place, tuple(called), site.mention.above)

    def _takes_step(self, backward: CallSite) -> bool:
        """Are the gradients of ``loss.backward()`` meant for a model's parameters, rather than for its inputs?"""
        outer = outermost_function(backward.place)
        if isinstance(outer.node, cst.FunctionDef) and outer.node.name.value == "train_step":
            return True
        around = [outer, *(outermost_function(site.place) for site in self._calls.callers(outer))]
        scopes = [scope for at in around for scope in self._calls.reached(at)]
        return any(self._is_step(site) for scope in scopes for site in self._calls.within(scope))

    def _is_step(self, site: CallSite) -> bool:
        """Is it ``optimizer.step()``, ``scaler.step(optimizer)`` or Keras's own, for more than an input?"""
        if site.base is None or site.name not in ("step", "apply", "apply_gradients"):
            return False
        optimizers = self._file.resolver.values(site.base, site.place)
        made = [v for v in optimizers if isinstance(v, MadeValue) and v.qualname.startswith("torch.optim.")]
        return len(made) < len(optimizers) or any(_is_for_parameters(value) for value in made)

    def stateless(self) -> Iterator[Step]:
        """``model.stateless_call(…)`` in a function that JAX differentiates, whose losses are not used."""
        for site in self._calls.named(self._file.names, "stateless_call"):
            returned = _argument(site, 99, "return_losses")
            asked = returned is not None and not (isinstance(returned, cst.Name) and returned.value == "False")
            unpacked = any(arg.star == "**" for arg in site.call.args)
            ignored = _unused_losses(site) if asked else None
            if site.base is None or (asked and ignored is None) or unpacked or not self._is_differentiated(site.place):
                continue
            model = self._model(site.base, site.place)
            models = (model,) if model is not None else ()
            yield Step(site.mention.node, site.place, models, site.mention.above, ignored=ignored)

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
            elif isinstance(node, cst.Lambda):
                pending.append((node.body, at))
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

    def may_add_losses(self, step: Step, model: Model, by_hand: bool = False) -> bool:
        """Does the step use the model's losses, or can't it be seen what it does with the model?

        ``by_hand`` where it has a penalty of its own, so that names such as ``reg_loss`` are no sign of the model's.
        """
        for scope in self._scopes(step):
            if self._uses_losses(scope, step, model, by_hand) or self._hands_over(scope, model):
                return True
        return False

    def penalizes_by_hand(self, step: Step, model: Model) -> bool:
        """Does the loss have a penalty over each of the model's variables: ``tf.nn.l2_loss(v) for v in …``?"""
        wanted = set(model.values) | set(model.here)
        for scope in self._scopes(step):
            for word in _VARIABLES:
                for mention in scope.names.mentions.get(word, ()):
                    variables = mention.above.node
                    loop = mention.above.up.node if mention.above.up is not None else None
                    if (
                        isinstance(variables, cst.Attribute)
                        and variables.attr is mention.node
                        and isinstance(loop, (cst.For, cst.CompFor))
                        and loop.iter is variables
                        and isinstance(loop.target, cst.Name)
                        and _in(mention.place, scope)
                        and _may_be_in_loss(mention, step)
                        and set(self._calls.passed(self._file.resolver.values(variables.value, mention.place))) & wanted
                        and _is_measured(loop.target.value, mention, loop)
                    ):
                        return True
        return False

    def _scopes(self, step: Step) -> list[Scope]:
        """The function of the step with those that it calls, and with those around it that it may take a loss from."""
        scope = step.place.scope
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent
        outer = outermost_function(step.place)
        found = self._calls.reached(scope)
        found.extend(at for loss in step.loss for at in self._calls.reached(loss) if at not in found)
        return found + [at for at in self._calls.reached(outer) if not any(at is known for known in found)]

    def _uses_losses(self, scope: Scope, step: Step, model: Model, by_hand: bool) -> bool:
        names = scope.names
        for mention in names.mentions.get("losses", ()):
            if _in(mention.place, scope) and self._is_losses(mention) and not self._is_of_another(mention, model):
                return True
        for word, mentions in list(names.mentions.items()):
            if _REGULARIZING.fullmatch(word) or word.endswith("_regularizer"):
                for mention in mentions:
                    if _in(mention.place, scope) and mention.node is not step.ignored:
                        if self._is_own_penalty(mention) and not self._is_explained(mention, by_hand):
                            return True
        stateless = step.name.value == "stateless_call"
        return any(self._is_keras_own(site, stateless) or _gets_losses(site) for site in self._calls.within(scope))

    def _is_of_another(self, mention: Mention, model: Model) -> bool:
        """Are these surely the losses of another model, which this one is no part of?"""
        parent = mention.above.node
        assert isinstance(parent, cst.Attribute)
        values = self._calls.passed(self._file.resolver.values(parent.value, mention.place))
        return bool(values) and all(
            isinstance(value, MadeValue)
            and bool(self._penalties.of([value]))
            and not self._penalties.contains(value, model.values)
            for value in values
        )

    def _is_explained(self, mention: Mention, by_hand: bool) -> bool:
        """Is it TensorFlow 1's collection, a penalty that was found by itself, or a name for one of these?"""
        parent = mention.above.node
        if isinstance(parent, cst.Attribute):
            values = self._file.resolver.values(parent, mention.place)
        else:
            if _is_target(mention):
                return True  # judged where it is read
            values = self._file.resolver.values(mention.node, mention.place)
            bindings = self._file.resolver.bindings(mention.node.value, mention.place)
            local = bool(bindings) and all(binding.kind == "assign" for binding in bindings)
            if local and call_of(mention) is None:
                return by_hand or all(
                    isinstance(value, MadeValue) and _COLLECTED.fullmatch(value.qualname) for value in values
                )
        known = [value.qualname for value in values if isinstance(value, Symbol)]
        return (
            bool(values)
            and len(known) == len(values)
            and all(_COLLECTED.fullmatch(name) or (by_hand and name == "tensorflow.nn.l2_loss") for name in known)
        )

    def reads_collection(self, step: Step) -> bool:
        """Does the step add TensorFlow 1's collection of penalties, in which Keras's layers put none?"""
        return any(
            isinstance(value, Symbol) and _COLLECTED.fullmatch(value.qualname)
            for scope in self._scopes(step)
            for site in self._calls.within(scope)
            for value in self._calls.callees(site)
        )

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
                    yield Step(function.name, here, models, Link(function, None))

    def is_left_to_compute_loss(self, step: Step) -> bool:
        """Does the step call a ``compute_loss`` of the project that is judged by itself?"""
        return any(
            isinstance(value, FunctionValue) and value.scope.is_method and "y_pred" in value.scope.bindings
            for scope in self._scopes(step)
            for site in self._calls.within(scope)
            if site.name == "compute_loss"
            for value in self._calls.callees(site)
        )


def _tapes_of(node: cst.CSTNode) -> set[str]:
    """The names that a ``with`` gives to gradient tapes."""
    found = set()
    for item in node.items if isinstance(node, cst.With) else ():
        name = item.asname.name if item.asname is not None else None
        func = item.item.func if isinstance(item.item, cst.Call) else None
        if isinstance(name, cst.Name) and func is not None and (dotted(func) or "").endswith("GradientTape"):
            found.add(name.value)
    return found


def _is_for_parameters(optimizer: MadeValue) -> bool:
    """Is an optimizer of torch made for what may be a model's parameters, rather than for a tensor or two?"""
    given = optimizer.call.args[0].value if optimizer.call.args else None
    return not isinstance(given, (cst.List, cst.Tuple)) or any(
        not isinstance(element.value, cst.Name) for element in given.elements
    )


def _unused_losses(site: CallSite) -> cst.Name | None:
    """The name that takes up the losses of ``stateless_call(…, return_losses=True)`` and is never read."""
    assign = site.above.node
    target = assign.targets[0].target if isinstance(assign, cst.Assign) else None
    if not isinstance(target, cst.Tuple) or len(target.elements) != 3:
        return None
    name = target.elements[2].value
    if not isinstance(name, cst.Name):
        return None
    mentions = site.place.scope.names.mentions.get(name.value, ())
    read = any(is_inside(m.place, site.place.scope) and not _is_target(m) for m in mentions)
    return None if read else name


def _is_target(mention: Mention) -> bool:
    """Is the name bound here, rather than read?"""
    for node in mention.above.nodes():
        if not isinstance(node, (cst.Tuple, cst.List, cst.Element)):
            return isinstance(node, cst.AssignTarget)
    return False


def _gets_losses(site: CallSite) -> bool:
    """Is it ``getattr(model, "losses")``?"""
    name = site.call.args[1].value if site.name == "getattr" and len(site.call.args) > 1 else None
    text = string_value(name) if isinstance(name, cst.SimpleString) else None
    return text is not None and (text == "losses" or _REGULARIZING.fullmatch(text) is not None)


def _may_be_in_loss(mention: Mention, step: Step) -> bool:
    """Is a penalty of the step's own function recorded by a tape (where there is one), and not only reported?"""
    at = mention.place.scope
    while at.kind == "comprehension" and at.parent is not None:
        at = at.parent
    if at is not step.place.scope or step.name.value == "backward":
        return True
    return any(_tapes_of(node) for node in mention.above.nodes())


def _is_measured(name: str, mention: Mention, loop: cst.For | cst.CompFor) -> bool:
    """Is the variable of a loop squared there, or handed to what gives a norm?"""
    for used in mention.place.scope.names.mentions.get(name, ()):
        nodes = list(used.above.nodes())
        around = (
            mention.above.up.up.node
            if isinstance(loop, cst.CompFor) and mention.above.up and mention.above.up.up
            else loop
        )
        if around not in nodes:
            continue
        parent = nodes[0]
        if isinstance(parent, cst.Arg) and isinstance(nodes[1], cst.Call):
            if (dotted(nodes[1].func) or "").rpartition(".")[2] in _NORMS:
                return True
        if isinstance(parent, cst.BinaryOperation) and parent.left is used.node:
            if isinstance(parent.operator, cst.Power) or parent.left.deep_equals(parent.right):
                return True
    return False


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
