"""What a model takes and gives: names, shapes, types, and the ids that its embeddings know.

Read from the graph of a functional or sequential model of Keras 3 or tf_keras; of a subclassed model only what its
first call has left behind is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class ModelInput:
    """One input. ``shape`` has the batch first, ``names`` are what it may be called, ``dtype`` is None where unknown.

    ``vocabulary`` is the smallest ``input_dim`` of the embeddings that take it as ids, ``exact`` says that the model
    refuses any other shape (else the shape is one that the model has seen).
    """

    name: str
    names: tuple[str, ...]
    shape: Shape
    dtype: str | None
    vocabulary: int | None = None
    exact: bool = True


@dataclass(frozen=True)
class ModelOutput:
    """One output: its name, and its shape with the batch first."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Signature:
    """Inputs and outputs in the model's own order; ``form`` (``single``, ``list``, ``dict``) is how it takes inputs."""

    inputs: tuple[ModelInput, ...]
    outputs: tuple[ModelOutput, ...]
    form: str

    @property
    def batch_size(self) -> int | None:
        """The only number of samples that the model takes at once, as a stateful one does; None if any will do."""
        sizes = [each.shape[0] for each in self.inputs if each.exact and each.shape]
        return next((size for size in sizes if size is not None), None)

    def packed(self, arrays: Sequence[Any]) -> Any:
        """Takes one array for each input, in order; returns them as the model takes them."""
        if self.form == "dict":
            return {each.name: array for each, array in zip(self.inputs, arrays, strict=True)}
        return arrays[0] if self.form == "single" else list(arrays)


def signature_of(model: Any) -> Signature | None:
    """Takes a model; returns what it takes, or None for one whose inputs nobody knows before it is called."""
    tensors = _tensors(model, "inputs")
    if not tensors:
        return _seen(model)
    structure = _input_structure(model)
    if isinstance(structure, dict) and all(not isinstance(each, (dict, list, tuple)) for each in structure.values()):
        inputs = tuple(_input(tensor, key) for key, tensor in structure.items())
        form = "dict"
    else:
        inputs = tuple(_input(tensor, None) for tensor in tensors)
        form = "single" if len(inputs) == 1 else "list"
    return Signature(inputs, tuple(_outputs(model)), form)


def _tensors(model: Any, attribute: str) -> list[Any]:
    try:
        return list(getattr(model, attribute, None) or [])
    except (AttributeError, ValueError):  # a Sequential that is not built
        return []


def _input_structure(model: Any) -> Any:
    try:
        return model.input
    except (AttributeError, ValueError, RuntimeError):
        return None


def _input(tensor: Any, key: str | None) -> ModelInput:
    layer = _history(tensor)
    layer_name = getattr(layer, "name", None)
    # Keras gives a tensor without a name `keras_tensor_7`; the layer's name is the one that summaries show.
    named = str(tensor.name) if layer_name is None or not str(tensor.name).startswith("keras_tensor") else layer_name
    names = tuple(dict.fromkeys(str(name) for name in (key, named, tensor.name, layer_name) if name))
    dtype = getattr(tensor.dtype, "name", None) or str(tensor.dtype)
    return ModelInput(names[0], names, tuple(tensor.shape), dtype, _vocabulary(layer))


def _outputs(model: Any) -> Iterator[ModelOutput]:
    tensors = _tensors(model, "outputs")
    names = getattr(model, "output_names", None) or []
    for index, tensor in enumerate(tensors):
        name = names[index] if len(names) == len(tensors) else getattr(_history(tensor), "name", f"output_{index}")
        yield ModelOutput(str(name), tuple(tensor.shape))


def _history(tensor: Any) -> Any:
    """Takes a tensor of a model's graph; returns the layer or operation that it comes from."""
    history = getattr(tensor, "_keras_history", None)
    return getattr(history, "operation", None) or getattr(history, "layer", None)


def _seen(model: Any) -> Signature | None:
    """Takes a model without a graph; returns what its first call, or its file, says about a single input."""
    shapes = getattr(model, "_build_shapes_dict", None) or {}
    if len(shapes) != 1:
        return None
    shape = next(iter(shapes.values()))
    if not (isinstance(shape, (list, tuple)) and len(shape) > 1):
        return None
    if not all(size is None or isinstance(size, int) for size in shape):
        return None
    vocabulary = _embeddings(model)
    found = ModelInput("x", ("x",), (None, *shape[1:]), "int32" if vocabulary else None, vocabulary, exact=False)
    return Signature((found,), (), "single")


# Which inputs are ids.


def _vocabulary(layer: Any) -> int | None:
    """Takes an input's layer; returns the smallest ``input_dim`` of the embeddings it leads to, no weight between."""
    sizes: list[int] = []
    seen: set[int] = set()
    pending = [layer]
    while pending:
        source = pending.pop()
        for node in getattr(source, "_outbound_nodes", None) or ():
            consumer = (
                getattr(node, "operation", None)
                or getattr(node, "layer", None)
                or getattr(node, "outbound_layer", None)
            )
            if consumer is None or id(consumer) in seen:
                continue
            seen.add(id(consumer))
            size = _embeddings(consumer)
            if size is not None:
                sizes.append(size)
            elif not getattr(consumer, "weights", None):
                pending.append(consumer)
    return min(sizes, default=None)


def _embeddings(layer: Any) -> int | None:
    """Takes a layer or model; returns the smallest ``input_dim`` of the embeddings in it."""
    inner = layer._flatten_layers() if hasattr(layer, "_flatten_layers") else []
    sizes = [each.input_dim for each in inner if _is_embedding(each)]
    return min(sizes, default=None)


def _is_embedding(layer: Any) -> bool:
    names = {each.__name__ for each in type(layer).__mro__}
    return "Embedding" in names and isinstance(getattr(layer, "input_dim", None), int)


def without_batch(shape: Shape) -> Shape:
    """Takes a shape; returns it with an open batch, as messages show it."""
    return (None, *shape[1:])
