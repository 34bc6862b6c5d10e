"""Which regularizers a model has: every ``*_regularizer`` that is set on any layer, and the weights it reaches.

Keras takes the regularizer of a weight when the layer is built and keeps it with the variable, that of outputs on the
layer (read at every call), so that an attribute alone proves nothing: it is matched with the variables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reglint.probe.penalties.library import library_of

ACTIVITY = "activity_regularizer"

_SUFFIX = "_regularizer"
_BUILT_IN = ("L1", "L2", "L1L2", "OrthogonalRegularizer")


@dataclass(frozen=True)
class Configured:
    """A regularizer that is set on a layer.

    ``layer`` is the path of the layer, ``owner`` the layer that holds it (the cell of a recurrent layer, whose path is
    the recurrent layer's), ``holders`` the layers around it, from the top. ``variables`` are the trainable variables
    that it penalizes, none for an activity regularizer; ``frozen`` are those that are not trained, where their penalty
    is part of the loss all the same, as in tf_keras. ``cause`` says why it can't contribute, as far as the model shows
    it without being run: ``zero-strength``, ``frozen``, ``assigned-after-build`` or ``no-such-weight``.
    """

    layer: str
    class_name: str
    argument: str
    regularizer: Any
    owner: Any
    holders: tuple[Any, ...] = ()
    variables: tuple[Any, ...] = ()
    cause: str | None = None
    frozen: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Located:
    """A layer with its path below the model, and the layers that hold it; the model's own path is its name."""

    path: str
    class_name: str
    layer: Any
    holders: tuple[Any, ...]


def located(model: Any) -> Iterator[Located]:
    """The model and every layer in it, each once, holders before what they hold."""
    yield Located(model.name, type(model).__name__, model, ())
    yield from _below(model, (), "", {id(model)})


def configured(model: Any) -> Iterator[Configured]:
    """Every regularizer of a built model."""
    trainable = {id(variable) for variable in model.trainable_variables}
    for place in located(model):
        yield from _of_weights(place, trainable)
        activity = getattr(place.layer, library_of(place.layer).activity, None)
        if callable(activity):
            cause = "zero-strength" if _is_zero(activity) else None
            yield Configured(place.path, place.class_name, ACTIVITY, activity, place.layer, place.holders, cause=cause)


def described(regularizer: Any) -> str:
    """The regularizer as Keras code writes it: ``L2(l2=0.001)``, the bare name for a function."""
    if not isinstance(regularizer, library_of(regularizer).module.regularizers.Regularizer):
        return str(getattr(regularizer, "__name__", type(regularizer).__name__))
    arguments = ", ".join(f"{name}={_short(value)}" for name, value in _config(regularizer).items())
    return f"{type(regularizer).__name__}({arguments})"


def strength(regularizer: Any) -> dict[str, float]:
    """The constants of one of Keras's own regularizers (``{"l1": …, "l2": …}``); nothing for anybody else's."""
    library = library_of(regularizer)
    if not isinstance(regularizer, tuple(getattr(library.module.regularizers, name) for name in _BUILT_IN)):
        return {}
    return {
        name: library.constant(value)
        for name, value in _config(regularizer).items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _is_zero(regularizer: Any) -> bool:
    constants = strength(regularizer)
    return bool(constants) and not any(constants.values())


def _config(regularizer: Any) -> Mapping[str, Any]:
    try:
        config: Mapping[str, Any] = regularizer.get_config()
    except NotImplementedError:  # the base class has none, and REG308 says what comes of that
        return {}
    return config


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


# ------------------------------------------------------------------------------------------------------------ layers


def _below(holder: Any, holders: tuple[Any, ...], prefix: str, seen: set[int]) -> Iterator[Located]:
    holders = (*holders, holder)
    for layer in _sublayers(holder):
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        place = _place(layer, holders, prefix)
        yield place
        yield from _below(layer, holders, f"{place.path}/", seen)


def _sublayers(layer: Any) -> list[Any]:
    """The layers that a layer holds itself; ``layers`` of a model leaves out what Keras built for its own use."""
    if isinstance(layer, library_of(layer).module.Model):
        return list(layer.layers)
    return list(layer._flatten_layers(include_self=False, recursive=False))


def _place(layer: Any, holders: tuple[Any, ...], prefix: str) -> Located:
    """A recurrent layer's only cell goes by the recurrent layer's name, for that is what the program wrote."""
    holder, layers = holders[-1], library_of(layer).module.layers
    recurrent = next((one for one in reversed(holders) if isinstance(one, layers.RNN)), None)
    path = prefix.removesuffix("/")
    if isinstance(holder, layers.RNN) and layer is holder.cell:
        return Located(path, type(holder).__name__, layer, holders)
    if recurrent is not None and isinstance(holder, layers.StackedRNNCells) and len(holder.cells) == 1:
        return Located(path, type(recurrent).__name__, layer, holders)
    return Located(prefix + layer.name, type(layer).__name__, layer, holders)


# ----------------------------------------------------------------------------------------------------------- weights


def _of_weights(place: Located, trainable: set[int]) -> Iterator[Configured]:
    """The weight regularizers of a layer: those of its variables, and those that are set but on no variable."""
    layer, library = place.layer, library_of(place.layer)
    variables = _own_variables(layer)
    set_on_layer = {
        name: value
        for name, value in vars(layer).items()
        if name.endswith(_SUFFIX) and name != ACTIVITY and not name.startswith("_") and callable(value)
    }
    grouped: dict[tuple[str, object], list[tuple[Any, Any]]] = {}
    for variable, regularizer in library.penalized(layer, variables):
        argument = _argument_of(variable, regularizer, set_on_layer)
        # A layer of one's own may give each of its weights another one
        same = described(regularizer) if strength(regularizer) else id(regularizer)
        grouped.setdefault((argument, same), []).append((variable, regularizer))
    for (argument, _), penalized in grouped.items():
        reached = tuple(variable for variable, _ in penalized if id(variable) in trainable)
        frozen = tuple(variable for variable, _ in penalized if id(variable) not in trainable)
        regularizer = penalized[0][1]
        cause = "zero-strength" if _is_zero(regularizer) else None if reached else "frozen"
        counted = frozen if library.counts_frozen else ()
        where = place.path, place.class_name, argument, regularizer, layer, place.holders
        yield Configured(*where, reached, cause, counted)
    found = {argument for argument, _ in grouped}
    for argument, regularizer in set_on_layer.items():
        if argument not in found and not _handed_down(layer, argument, regularizer):
            cause = _why_on_no_variable(argument, regularizer, variables, trainable)
            yield Configured(place.path, place.class_name, argument, regularizer, layer, place.holders, cause=cause)


def _own_variables(layer: Any) -> list[Any]:
    """A layer's weights without those of the layers that it holds."""
    inner = {id(variable) for sublayer in _sublayers(layer) for variable in sublayer.weights}
    return [variable for variable in layer.weights if id(variable) not in inner]


def _name(variable: Any) -> str:
    """The name that the layer gave its weight; in tf_keras ``dense/kernel:0`` has the names of those around it, too."""
    return str(variable.name).rpartition("/")[2].removesuffix(":0")


def _argument_of(variable: Any, regularizer: Any, set_on_layer: Mapping[str, Any]) -> str:
    """The keyword that gave a variable its regularizer: ``recurrent_kernel`` has that of ``recurrent_regularizer``.

    ``lora_kernel_a`` takes that of the kernel. What no attribute stands for came from ``add_weight(regularizer=…)``.
    """
    stems = sorted((name.removesuffix(_SUFFIX) for name in set_on_layer), key=len, reverse=True)
    name = _name(variable)
    named = [stem for stem in stems if name.startswith(stem)] or [stem for stem in stems if stem in name]
    for stem in named:
        return stem + _SUFFIX
    same = [argument for argument, value in set_on_layer.items() if value is regularizer]
    return same[0] if same else "regularizer"


def _handed_down(layer: Any, argument: str, regularizer: Any) -> bool:
    """Does a layer keep a regularizer only to give it to the layers that it makes, as attention layers do?"""
    return any(
        getattr(inner, argument, None) is regularizer
        or described(getattr(inner, argument, None)) == described(regularizer)
        for inner in layer._flatten_layers(include_self=False)
        if callable(getattr(inner, argument, None))
    )


def _why_on_no_variable(argument: str, regularizer: Any, variables: list[Any], trainable: set[int]) -> str:
    if _is_zero(regularizer):
        return "zero-strength"
    stem = argument.removesuffix(_SUFFIX)
    meant = [variable for variable in variables if _name(variable).startswith(stem)]
    if not meant:
        return "no-such-weight"
    return "assigned-after-build" if any(id(variable) in trainable for variable in meant) else "frozen"
