"""What the probe does otherwise for a tf_keras model than for one of Keras 3.

tf_keras calls TensorFlow itself where Keras 3 has a backend, so that ``tf.nn`` is tapped, too: that is also what custom
layers call there, and what a functional model holds as ``TFOpLambda``. Read and run in tf_keras 2.21.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from reglint.probe.taps.activations import called
from reglint.probe.taps.library import ACTIVATIONS, Library
from reglint.probe.taps.patching import stands_for
from reglint.probe.values import ProbeError

if TYPE_CHECKING:
    from reglint.probe.taps.tapping import Tap


class TfKeras(Library):
    """tf_keras, tapped by way of TensorFlow."""

    def children(self, layer: Any) -> list[Any]:
        """Return the layers that a layer holds itself."""
        return list(layer._flatten_layers(recursive=False, include_self=False))

    def kind(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Return which activation a call is; TensorFlow's rectifiers take a name, and call their slope alpha."""
        if name in ("relu", "leaky_relu") and "alpha" in kwargs:
            kwargs = {**kwargs, "negative_slope": kwargs["alpha"]}
        return called(name, [each for each in args if not isinstance(each, str)], kwargs)

    def folded(self, tap: Tap, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the ``call`` of TimeDistributed without its loop."""
        return _folded_time_distributed(tap, call)

    def calling(self) -> AbstractContextManager[Any]:
        """Return a context in which layers translate Python's ``if`` on a tensor, as ``predict`` lets them."""
        from tensorflow.python.autograph.core import ag_ctx

        context: AbstractContextManager[Any] = ag_ctx.ControlStatusCtx(status=ag_ctx.Status.ENABLED)
        return context

    def kept(self, model: Any) -> AbstractContextManager[list[Any]]:
        """Return a context that keeps the losses that layers hold from their last call; it gives metrics' variables."""
        return _kept([model, *self.layers(model)])


def library() -> Library:
    """Return tf_keras as the probe sees it; ProbeError where Keras 3, which counts, runs on another backend."""
    _require_tensorflow()
    import tensorflow as tf
    import tf_keras

    backend = import_module("tf_keras.src.backend")
    # tf_keras itself goes through compat.v2, whose modules are others with the same functions.
    operations = [module for root in (tf, tf.compat.v2) for module in (root.nn, root.math, root)]
    named = {name: getattr(module, name) for module in operations for name in ACTIVATIONS if hasattr(module, name)}
    return TfKeras(
        name="tf_keras",
        version=tf_keras.__version__,
        layer=tf_keras.layers.Layer,
        backend=backend,
        activations=(backend, *operations),
        functions=(tf_keras.activations, SimpleNamespace(**named)),
        flow=(backend,),
        time_distributed=tf_keras.layers.TimeDistributed,
        wholes={
            tf_keras.layers.PReLU: lambda layer: "prelu",
            tf_keras.layers.ThresholdedReLU: lambda layer: called("relu", (), {"threshold": layer.theta}),
        },
    )


def _require_tensorflow() -> None:
    try:
        import keras
    except ImportError:
        raise ProbeError("a tf_keras model is counted with Keras 3: pip install 'reglint[tf-keras]'") from None
    if keras.__version__.startswith(("0.", "1.", "2.")):
        raise ProbeError(f"a tf_keras model is counted with Keras 3, not {keras.__version__}: pip install -U keras")
    name = keras.backend.backend()
    if name != "tensorflow":
        raise ProbeError(
            f"a tf_keras model runs on tensorflow, and Keras 3, which counts, runs on {name} here; "
            "take --backend tensorflow, or set KERAS_BACKEND=tensorflow before keras is imported"
        )


def _folded_time_distributed(tap: Tap, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a ``TimeDistributed.call`` that folds the axis of time into the axis of samples, and the mask with it.

    tf_keras folds most layers by itself, and loses the mask of those that do not take one; it loops over the others.
    """

    def folded(self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        stateful = getattr(self.layer, "stateful", False)
        if not tap.trace.frames or tap.trace.busy or stateful or not hasattr(inputs, "get_shape"):
            return call(self, inputs, training=training, mask=mask)
        import tensorflow as tf

        flat = tf.reshape(inputs, tf.concat([[-1], tf.shape(inputs)[2:]], 0))
        flat.set_shape([None, *inputs.shape[2:]])
        if mask is not None:
            flat._keras_mask = tf.reshape(mask, (-1, *mask.shape[2:]))
        outputs = self.layer(flat, training=training)
        start = tf.shape(inputs)[:2]
        return tf.nest.map_structure(lambda each: _unfolded(each, start, inputs.shape[:2]), outputs)

    return stands_for(call, folded)


def _unfolded(tensor: Any, start: Any, known: Sequence[int | None]) -> Any:
    import tensorflow as tf

    made = tf.reshape(tensor, tf.concat([start, tf.shape(tensor)[1:]], 0))
    made.set_shape([*known, *tensor.shape[1:]])
    return made


@contextmanager
def _kept(layers: Sequence[Any]) -> Iterator[list[Any]]:
    held = [(layer, name, list(getattr(layer, name))) for layer in layers for name in _LOSSES if hasattr(layer, name)]
    try:
        yield [
            variable for layer in layers for metric in getattr(layer, "_metrics", ()) for variable in metric.variables
        ]
    finally:
        for layer, name, losses in held:
            getattr(layer, name)[:] = losses


_LOSSES = ("_losses", "_eager_losses", "_callable_losses")
