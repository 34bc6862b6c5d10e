"""Where each Keras library keeps its penalties: Keras 3 here, tf_keras behind the same interface beside it.

All of this is private to Keras; it was read and run in Keras 3.15.1 and tf_keras 2.21.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import keras
from keras import ops

from reglint.probe.taps.library import is_of_tf_keras


class Library:
    """Keras 3: the regularizer of a weight stands on the variable, and a pass may have other values for variables.

    ``module`` is the library itself. ``activity`` is the attribute of a layer from which a call takes the activity
    regularizer. ``counts_frozen`` says whether the penalty of a weight that is not trained is part of the loss,
    ``in_place`` whether a pass reads the variables themselves instead of values that it is given.
    """

    module: Any = keras
    activity = "activity_regularizer"
    counts_frozen = False
    in_place = False

    # -------------------------------------------------------------------------------------------------- regularizers

    def penalized(self, layer: Any, variables: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield (variable, regularizer) for the penalized ones among a layer's own variables."""
        for variable in variables:
            if variable.regularizer is not None:
                yield variable, variable.regularizer

    def constant(self, value: float) -> float:
        """Return a constant of a regularizer as the program wrote it."""
        return float(value)

    # --------------------------------------------------------------------------------------------------------- losses

    def compiled(self, model: Any) -> tuple[Any, Any] | None:
        """Return the loss and the weights of losses that a model was compiled with, as ``compile`` takes them."""
        if not getattr(model, "compiled", False) or getattr(model, "loss", None) is None:
            return None
        # The public way is by a config, which a model with a custom loss may not have
        return model.loss, getattr(getattr(model, "_compile_loss", None), "_user_loss_weights", None)

    def per_sample(self, function: Callable[..., Any]) -> Any:
        """Return a loss function as a Loss."""
        return _PerSample(function)

    def as_compiled(self, loss: Any) -> Any:
        """Return a Loss as the training step calls it."""
        return loss

    # ----------------------------------------------------------------------------------------------------------- pass

    def state(self, model: Any) -> tuple[list[Any], list[Any]]:
        """Return what a pass takes for the model's variables: those that are trained, all others."""
        trainable = {id(variable) for variable in model.trainable_variables}
        others = [variable for variable in model.variables if id(variable) not in trainable]
        return [v.value for v in model.trainable_variables], [v.value for v in others]

    def numbers(self, variable: Any) -> Any:
        """Return the value of a variable as an array."""
        return ops.convert_to_numpy(variable.value)

    @contextmanager
    def calling(
        self, model: Any, layers: Sequence[Any], trained: Sequence[Any], fixed: Sequence[Any]
    ) -> Iterator[Callable[[Any], Any]]:
        """Give the function that calls the model with ``training=False`` and these values, as :meth:`state` has them.

        In the context ``model.losses`` are those of the call, afterwards the losses of the layers are as before.

        It goes the way of the backend's training step, ``model.call`` on JAX and ``model(…)`` elsewhere, for Keras does
        not count the same losses on both.
        """
        call = model.call if keras.backend.backend() == "jax" else model
        options = {"training": False} if _takes_training(model) else {}
        by_id = dict(zip(map(id, model.trainable_variables), trained, strict=True))
        others = iter(fixed)
        mapping = [(v, by_id[id(v)] if id(v) in by_id else next(others)) for v in model.variables]
        kept = [(layer, list(layer._losses), set(layer._loss_ids)) for layer in layers]
        try:
            with keras.StatelessScope(state_mapping=mapping, collect_losses=True):
                yield lambda x: call(x, **options)
        finally:
            for layer, losses, ids in kept:
                layer._losses[:] = losses
                layer._loss_ids.clear()
                layer._loss_ids.update(ids)

    def added(self, losses: Any) -> Any:
        """Return what a layer gave to ``add_loss``, with tensors that are found again in ``model.losses``."""
        return losses

    def left_behind(self, layer: Any) -> Iterator[Any]:
        """Yield the losses of a layer that no call adds, since they are computed where the losses are read."""
        yield from ()

    def why_unreadable(self, loss: Any) -> str | None:
        """Return why the loss that a layer added cannot be read after the call, None where it can."""
        return None

    def unchanged(self, model: Any) -> AbstractContextManager[Any]:
        """Return the context of a pass, which puts back what the pass changes."""
        return nullcontext()


def library_of(thing: Any) -> Library:
    """Return the library of a model, a layer, a regularizer or whatever else is an object of a class of it."""
    return _tf_keras() if is_of_tf_keras(thing) else _KERAS


_KERAS = Library()


@cache
def _tf_keras() -> Library:
    from reglint.probe.penalties.tf_keras_library import TfKeras

    return TfKeras()


def _takes_training(model: Any) -> bool:
    """Keras hands ``training`` to no ``call`` that doesn't name it."""
    return "training" in inspect.signature(model.call).parameters


class _PerSample(keras.losses.Loss):  # type: ignore[misc]
    """A loss function as a Loss: Keras's masks, and the mean over samples and positions."""

    def __init__(self, function: Any) -> None:
        super().__init__(name=getattr(function, "__name__", None))
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:  # as Keras's own wrapper does
            y_true = ops.expand_dims(y_true, -1)
        return self.function(y_true, y_pred)
