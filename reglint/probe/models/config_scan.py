"""What a model's configuration would make Keras do, read before anything of it is made.

Keras's safe mode refuses code in ``.keras`` files; for ``.h5`` files it depends on the library: tf_keras runs the code
of a Lambda even in safe mode (measured with 2.21), and so did Keras 3 before 3.11.3 (CVE-2025-9905). Before 3.9 Keras
also imported what a ``module`` entry names (CVE-2025-1550). So the scan lets through what it knows, and nothing else.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_CODE = {
    "Lambda": "holds Python code",
    "__lambda__": "holds Python code",
    "TFSMLayer": "runs a SavedModel",
    "TorchModuleWrapper": "unpickles a torch module",
    "JaxLayer": "holds Python code",
    "FlaxLayer": "holds Python code",
    "TFOpLambda": "calls a TensorFlow function by name",
    "SlicingOpLambda": "calls a TensorFlow function by name",
    "ClassMethod": "calls a TensorFlow function by name",
    "InstanceMethod": "calls a TensorFlow function by name",
    "TensorFlowOpLayer": "holds a TensorFlow graph",
}
_PLAIN = {
    *("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__", "__tuple__"),
    *("TensorShape", "CompositeTensor"),
}
"""How Keras writes down values that are no objects of a class."""

_CLASSES = (
    *("layers", "models", "initializers", "regularizers", "constraints", "losses", "metrics", "random"),
    *("optimizers", "optimizers.legacy", "optimizers.schedules", "dtype_policies", "mixed_precision", "quantizers"),
    *("layers.experimental", "layers.experimental.preprocessing"),
)
_FUNCTIONS = ("activations", "initializers", "regularizers", "constraints", "losses", "metrics", "ops")
_ACCESS = {"get", "serialize", "deserialize"}
_SIZES = ("units", "filters", "input_dim", "output_dim", "key_dim", "value_dim", "num_heads", "depth_multiplier")
_SIZE_FLOOR = 10**7
_LARGEST_INPUT = 10**10


@dataclass(frozen=True)
class Concern:
    """What in the configuration keeps it from being loaded. ``layer`` is a path of names, empty for the model itself.

    ``kind`` is ``code``, ``unknown`` (a class that is not Keras's), ``file`` or ``size``; trust does not lift ``size``.
    """

    kind: str
    layer: str
    class_name: str
    reason: str


class Vocabulary:
    """The classes and functions that a Keras library makes models of; asking for one imports nothing."""

    def __init__(self, library: Any) -> None:
        self._packages = ("keras", library.__name__)
        self._classes = [found for name in _CLASSES if (found := _inside(library, name)) is not None]
        self._functions = [found for name in _FUNCTIONS if (found := _inside(library, name)) is not None]

    def has_class(self, name: str, module: str | None) -> bool:
        """Takes the name of a class, and the module it is said to come from, if any."""
        if not self._may_have(name, module):
            return False
        if name in ("Functional", "DTypePolicy") or any(
            isinstance(getattr(each, name, None), type) for each in self._classes
        ):
            return True
        # What has no public name, as the operations behind keras.ops, is a class in a module that Keras has imported.
        found = getattr(sys.modules.get(module or ""), name, None)
        return isinstance(found, type) and hasattr(found, "from_config") and found.__module__ == module

    def has_function(self, name: str, module: str | None) -> bool:
        """Takes the name of a function, and the module it is said to come from, if any."""
        return (
            self._may_have(name, module)
            and name not in _ACCESS
            and any(callable(getattr(each, name, None)) for each in self._functions)
        )

    def _may_have(self, name: str, module: str | None) -> bool:
        named = name.isidentifier() and not name.startswith("_")
        return named and (not module or module == "builtins" or module.split(".")[0] in self._packages)


def concerns(config: object, vocabulary: Vocabulary) -> Iterator[Concern]:
    """Takes the configuration of a model as JSON gives it; yields what would run code, or is not Keras's."""
    for entry, path in _objects(config):
        name = str(entry["class_name"])
        if name in _CODE:
            yield Concern("code", path, name, _CODE[name])
        elif name not in _PLAIN:
            yield from _unknown(entry, path, vocabulary)
        inner = entry.get("config")
        if isinstance(inner, Mapping) and isinstance(inner.get("vocabulary"), str):
            yield Concern("file", path, name, f"reads the file `{inner['vocabulary']}`")


def oversized(config: object, stored: int) -> Iterator[Concern]:
    """Takes a model's configuration and how many numbers its file holds; yields the layers that claim far more.

    A layer of n units has at least n weights, so an honest file holds as many numbers as any layer has units.
    """
    allowed = max(stored, _SIZE_FLOOR)
    for entry, path in _objects(config):
        name = str(entry["class_name"])
        inner = entry.get("config")
        if not isinstance(inner, Mapping):
            continue
        sizes = {key: inner[key] for key in _SIZES if isinstance(inner.get(key), int)}
        claims = [(f"{key}={size}", size) for key, size in sizes.items()]
        if {"input_dim", "output_dim"} <= sizes.keys():
            claims.append(("input_dim · output_dim", sizes["input_dim"] * sizes["output_dim"]))
        for claim, size in claims:
            if size > allowed:
                yield Concern("size", path, name, f"claims {claim}, but the file holds {stored} numbers in all")
        for key in ("batch_shape", "batch_input_shape"):
            shape = inner.get(key)
            if isinstance(shape, list) and _product(shape) > _LARGEST_INPUT:
                yield Concern("size", path, name, f"claims inputs of the shape {tuple(shape)}")


def _objects(config: object) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Takes a configuration; yields each object in it, however deep, with the path of the layer it belongs to."""
    pending: list[tuple[object, tuple[str, ...]]] = [(config, ())]
    while pending:
        value, path = pending.pop()
        if isinstance(value, Mapping):
            if isinstance(value.get("class_name"), str):
                inner = value.get("config")
                name = inner.get("name") if isinstance(inner, Mapping) else None
                # Initializers and policies have no name, or one that says nothing about where they stand.
                if isinstance(name, str) and ("build_config" in value or "layer" in value or _is_layer(inner)):
                    path = (*path, name)
                yield value, "/".join(path[1:])
            pending.extend((each, path) for each in reversed(list(value.values())))
        elif isinstance(value, list):
            pending.extend((each, path) for each in reversed(value))


def _is_layer(inner: Any) -> bool:
    return any(key in inner for key in ("trainable", "layers", "batch_shape", "batch_input_shape", "function"))


def _unknown(entry: Mapping[str, Any], path: str, vocabulary: Vocabulary) -> Iterator[Concern]:
    """Takes an object that is neither code nor a plain value; yields a concern where it is not Keras's."""
    name, inner, module = str(entry["class_name"]), entry.get("config"), entry.get("module")
    registered = entry.get("registered_name")
    has = vocabulary.has_class
    if name == "function":
        name, has = str(inner), vocabulary.has_function
    elif name == "__typespec__":
        name = str(entry.get("spec_name"))
    honest_module = module is None or isinstance(module, str)
    own_names = (None, name, entry["class_name"])
    honest_name = registered in own_names or (isinstance(registered, str) and registered.endswith(f">{name}"))
    if not (honest_module and honest_name and has(name, module)):
        full = f"{module}.{name}" if isinstance(module, str) and module != "builtins" else name
        yield Concern("unknown", path, full, "is no class or function of Keras")


def _inside(library: Any, dotted: str) -> Any:
    found = library
    for part in dotted.split("."):
        try:
            found = getattr(found, part)
        except (AttributeError, ImportError):
            return None
    return found


def _product(shape: list[Any]) -> int:
    return math.prod(size for size in shape if isinstance(size, int))
