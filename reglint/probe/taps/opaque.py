"""Layers into which the probe cannot look, said openly instead of passed over."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from reglint.probe.taps.library import Library
from reglint.probe.values import Unreached

_FOREIGN = {
    "TFSMLayer": "a SavedModel, which runs as one operation",
    "JaxLayer": "a JAX function that Keras does not look into",
    "FlaxLayer": "a Flax module that Keras does not look into",
    "TorchModuleWrapper": "a torch module that Keras does not look into",
}


def opaque_layers(model: Any, library: Library, seen: Collection[str]) -> Iterator[Unreached]:
    """Yield the layers from which nothing was tapped although they may hold an activation.

    These are wrappers of another framework's code, and classes that are not Keras's own and compute something
    themselves: what they call from ``tf.nn``, ``jax.nn`` or ``torch`` directly goes past ``keras.ops``. ``seen`` has
    the paths of all that was tapped.
    """
    for path, layer in _walk(model, "", library):
        name = type(layer).__name__
        if name in _FOREIGN:
            yield Unreached(path, _FOREIGN[name])
        elif _computes_itself(layer, library) and not any(each == path or each.startswith(path + "/") for each in seen):
            whose = "its code is" if name == "Lambda" else f"the class {name} is"
            yield Unreached(path, f"{whose} not Keras's; activations it computes without keras.ops are unseen")


def _walk(layer: Any, path: str, library: Library) -> Iterator[tuple[str, Any]]:
    for child in library.children(layer):
        if not hasattr(child, "name"):
            continue
        below = f"{path}/{child.name}" if path else str(child.name)
        yield below, child
        yield from _walk(child, below, library)


def _computes_itself(layer: Any, library: Library) -> bool:
    own = type(layer).__module__.partition(".")[0]
    return (own != library.name and not library.children(layer)) or type(layer).__name__ == "Lambda"
