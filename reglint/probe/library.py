"""Where each Keras library keeps what the probe taps: Keras 3 and tf_keras behind one small interface.

All of this is private to Keras. It was read and run in Keras 3.15.1 and tf_keras 2.21; what a release does not have is left
out, and the activations behind it are then listed as unreached.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

ACTIVATIONS = [
    "relu",
    "relu6",
    "sigmoid",
    "tanh",
    "softplus",
    "softsign",
    "silu",
    "log_sigmoid",
    "leaky_relu",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "elu",
    "selu",
    "gelu",
    "celu",
    "softmax",
    "log_softmax",
    "mish",
]
"""Functions of the backend through which ``keras.ops`` and Keras's own layers compute activations."""

CONTROL_FLOW = ["scan", "associative_scan", "vectorized_map", "map", "while_loop", "fori_loop", "cond", "switch"]
"""Functions whose body is traced apart: what is computed inside cannot be counted outside."""


@dataclass(frozen=True)
class Library:
    """A Keras library: its modules that hold activations, loops and attention, and its base class of layers."""

    name: str
    version: str
    layer: type
    backend: Any
    activations: tuple[Any, ...]
    flow: tuple[Any, ...]
    time_distributed: Any
    recurrent: tuple[Any, ...] = ()

    def activation_functions(self) -> Iterator[tuple[Any, str]]:
        """Yield (module, name) of every backend function that computes an activation."""
        for module in self.activations:
            for name in ACTIVATIONS:
                if hasattr(module, name):
                    yield module, name

    def flow_functions(self) -> Iterator[tuple[Any, str]]:
        """Yield (module, name) of the functions whose body is traced apart."""
        for module in self.flow:
            for name in CONTROL_FLOW:
                if hasattr(module, name):
                    yield module, name

    def mask_of(self, tensor: Any) -> Any:
        """Return the mask that Keras attached to a tensor, or None."""
        get = getattr(self.backend, "get_keras_mask", None)
        return getattr(tensor, "_keras_mask", None) if get is None else get(tensor)

    def layers(self, model: Any) -> list[Any]:
        """Return the model's layers, nested ones and cells included."""
        return list(model._flatten_layers(include_self=False))


def library_of(model: Any) -> Library:
    """Return the library that a model's class comes from."""
    ancestors = {each.__module__.partition(".")[0] for each in type(model).__mro__}
    return _tf_keras() if "tf_keras" in ancestors else _keras()


def _keras() -> Library:
    import keras

    backend = import_module("keras.src.backend")
    return Library(
        "keras",
        keras.__version__,
        keras.layers.Layer,
        backend,
        (backend.nn, backend.numpy),
        (import_module(f"keras.src.backend.{keras.backend.backend()}.core"), backend),
        keras.layers.TimeDistributed,
        (keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN),
    )


def _tf_keras() -> Library:
    import tf_keras

    backend = import_module("tf_keras.src.backend")
    return Library("tf_keras", tf_keras.__version__, tf_keras.layers.Layer, backend, (backend,), (backend,), None)
