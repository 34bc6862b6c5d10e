"""Where each Keras library keeps what the probe taps: Keras 3 and tf_keras behind one small interface.

All of this is private to Keras. It was read and run in Keras 3.15.1 and tf_keras 2.21; what a release does not have is
left out, and the activations behind it are then listed as unreached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from reglint.probe.taps.activations import SOFTMAX, called, find

if TYPE_CHECKING:
    from reglint.probe.taps.tapping import Tap

FRAMEWORKS = ("keras", "tf_keras", "tensorflow", "jax", "torch")
"""Packages whose activations are what they are called."""

ACTIVATIONS = [
    "relu",
    "relu6",
    "sigmoid",
    "tanh",
    "softplus",
    "softsign",
    "silu",
    "swish",
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
    """A Keras library: its modules that hold activations, loops and attention, and its base class of layers.

    ``activations`` are modules whose functions are replaced, ``functions`` such whose functions are activations where
    an attribute of a layer holds them. ``rectifiers`` are operations that compute a ``relu`` with options out of
    several others; ``wholes`` has layers that compute their activation so, and what it is called.
    """

    name: str
    version: str
    layer: type
    backend: Any
    activations: tuple[Any, ...]
    functions: tuple[Any, ...]
    flow: tuple[Any, ...]
    time_distributed: Any
    recurrent: tuple[Any, ...] = ()
    rectifiers: tuple[Any, ...] = ()
    wholes: Mapping[Any, Callable[[Any], str]] = field(default_factory=dict)

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

    def children(self, layer: Any) -> list[Any]:
        """Return the layers that a layer holds itself."""
        return list(getattr(layer, "_layers", ()) or ())

    def knows(self, function: Any) -> bool:
        """Say whether a function is an activation of the library."""
        name = function_name(function)
        return any(getattr(module, name, None) is function for module in self.functions)

    def kind(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Return which activation a call of the library's function of that name is, options included."""
        return called(name, args, kwargs)

    def folded(self, tap: Tap, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the ``call`` of TimeDistributed without its loop."""
        from reglint.probe.taps.wrappers import folded_time_distributed

        return folded_time_distributed(tap, call)

    def calling(self) -> AbstractContextManager[Any]:
        """Return the context in which the model is called."""
        return nullcontext()

    def kept(self, model: Any) -> AbstractContextManager[list[Any]]:
        """Return a context that keeps what a call changes and no variable has; it gives more variables to put back."""
        return nullcontext([])


def function_name(function: Any) -> str:
    """Return what an activation is called: ``tf.nn.softmax`` knows itself as ``softmax_v2``.

    A function of somebody else's that goes by the name of a known one has its module in front: it may compute anything.
    """
    name = str(getattr(function, "__name__", type(function).__name__)).removesuffix("_v2")
    module = str(getattr(function, "__module__", None) or "torch")  # what torch has in C names no module
    is_known = find(name) is not None or name in SOFTMAX
    return f"{module}.{name}" if is_known and module.partition(".")[0] not in FRAMEWORKS else name


def is_of_tf_keras(thing: Any) -> bool:
    """Say whether a model, a layer, a regularizer or whatever else is an object of a class of tf_keras."""
    return any(each.__module__.partition(".")[0] == "tf_keras" for each in type(thing).__mro__)


def library_of(model: Any) -> Library:
    """Return the library that a model's class comes from."""
    if not is_of_tf_keras(model):
        return _keras()
    from reglint.probe.taps.tf_keras_taps import library

    return library()


def _keras() -> Library:
    import keras

    backend = import_module("keras.src.backend")
    rectifier = getattr(import_module("keras.src.activations.activations"), "ReLU", None)
    return Library(
        "keras",
        keras.__version__,
        keras.layers.Layer,
        backend,
        (backend.nn, backend.numpy),
        (keras.activations,),
        (import_module(f"keras.src.backend.{keras.backend.backend()}.core"), backend),
        keras.layers.TimeDistributed,
        (keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN),
        (rectifier,) if hasattr(rectifier, "static_call") else (),
        {keras.layers.PReLU: lambda layer: "prelu"},
    )
