"""What tf_keras does otherwise with penalties; read and run in tf_keras 2.21.

A weight's regularizer is a callable among the losses of the layer that made the weight, whether that is trained or not.
There is no pass with other values for variables: it reads the variables, and what it changes in them is put back.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from tf_keras.src.engine.compile_utils import match_dtype_and_rank

from reglint.probe.penalties.library import Library
from reglint.probe.taps import tf_keras_taps


class TfKeras(Library):
    """tf_keras behind the interface of Keras 3."""

    module = tf_keras
    activity = "_activity_regularizer"  # the property of a wrapper is that of the layer in it
    counts_frozen = True
    in_place = True

    def penalized(self, layer: Any, variables: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield (variable, regularizer) for what ``add_weight`` made of regularizers."""
        for loss in layer._callable_losses:
            found = _penalty_of_weight(loss)
            if found is not None:
                yield found

    def constant(self, value: float) -> float:
        """Return a constant without what rounding to the float type of the library has made of it."""
        return float(str(np.dtype(tf_keras.backend.floatx()).type(value)))

    def compiled(self, model: Any) -> tuple[Any, Any] | None:
        """Return loss and weights; ``compile`` without a loss leaves an empty dict."""
        loss = getattr(model, "loss", None)
        if loss is None or (isinstance(loss, (dict, list)) and not loss):
            return None
        return loss, getattr(getattr(model, "compiled_loss", None), "_user_loss_weights", None)

    def per_sample(self, function: Callable[..., Any]) -> Any:
        """Return a loss function as ``compile`` wraps it."""
        return tf_keras.__internal__.losses.LossFunctionWrapper(function, name=getattr(function, "__name__", None))

    def as_compiled(self, loss: Any) -> Any:
        """Return a Loss that matches labels and outputs before it is called."""
        return _Compiled(loss)

    def state(self, model: Any) -> tuple[list[Any], list[Any]]:
        """Return the variables that are trained; a pass reads them, and all others."""
        return list(model.trainable_variables), []

    def numbers(self, variable: Any) -> Any:
        """Return the value of a variable as an array."""
        return variable.numpy()

    @contextmanager
    def calling(
        self, model: Any, layers: Sequence[Any], trained: Sequence[Any], fixed: Sequence[Any]
    ) -> Iterator[Callable[[Any], Any]]:
        """Give the function that calls the model; TensorFlow reads the variables, so that no values are taken."""
        options = {"training": False} if getattr(model, "_call_has_training_arg", True) else {}
        library = tf_keras_taps.library()
        with library.calling(), library.kept(model):
            yield lambda x: model(x, **options)

    def added(self, losses: Any) -> Any:
        """Return losses as tensors, and callables and None as they are."""
        return tf.nest.map_structure(_tensor, losses)

    def left_behind(self, layer: Any) -> Iterator[Any]:
        """Yield the callable losses that are no regularizer's."""
        for loss in layer._callable_losses:
            value = loss() if _penalty_of_weight(loss) is None else None
            if value is not None:
                yield value

    def why_unreadable(self, loss: Any) -> str | None:
        """Say so of a loss from within a loop: TensorFlow lets nothing out but what the loop returns."""
        if tf.executing_eagerly() or loss.graph is tf.compat.v1.get_default_graph():
            return None
        return "adds a loss in each step of a loop, where it is lost, and `fit` of tf_keras fails"

    def unchanged(self, model: Any) -> AbstractContextManager[Any]:
        """Return a context that puts back states, counters and metrics, which the pass assigns."""
        from reglint.probe.statistics.measuring import unchanged

        context: AbstractContextManager[Any] = unchanged(model, tf_keras_taps.library())
        return context


class _Compiled:
    """A Loss as the training step of tf_keras calls it."""

    def __init__(self, loss: Any) -> None:
        self.loss = loss
        self.name = loss.name
        self.fn = getattr(loss, "fn", None)

    def __call__(self, y_true: Any, y_pred: Any) -> Any:
        y_true, y_pred, _ = match_dtype_and_rank(y_true, y_pred, None)
        with tf_keras_taps.library().calling():
            return self.loss(y_true, y_pred)


def _penalty_of_weight(loss: Any) -> tuple[Any, Any] | None:
    """Return the variable and the regularizer behind a callable loss; None for one that the program added itself."""
    inner = loss.args[0] if isinstance(loss, partial) and loss.args else None
    if isinstance(inner, partial) and "_handle_weight_regularization" in inner.func.__qualname__:
        return inner.args[0], inspect.getclosurevars(inner.func).nonlocals["regularizer"]
    return None


def _tensor(loss: Any) -> Any:
    return loss if loss is None or callable(loss) or tf.is_tensor(loss) else tf.convert_to_tensor(loss, tf.float32)
