"""The loss of a model's outputs against labels, without penalties: the one that was asked for, compiled, or evident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from reglint.probe.penalties.library import Library, library_of
from reglint.probe.taps.library import function_name
from reglint.probe.values import ProbeError

_OF_ONE_HOT = ("categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge")


@dataclass(frozen=True)
class DataLoss:
    """The losses of a model's outputs, in the order of the flattened outputs, with their weights.

    ``origin`` is ``given``, ``compiled`` or ``inferred``, ``name`` what to call it in a report.
    """

    losses: tuple[Any, ...]
    weights: tuple[float, ...]
    name: str
    origin: str

    def __call__(self, y: Sequence[Any], outputs: Any) -> Any:
        """The weighted sum over the outputs; ``y`` has the labels of each output in the same order."""
        flat = keras.tree.flatten(outputs)
        parts = [
            weight * ops.cast(loss(true, predicted), "float32")
            for loss, weight, true, predicted in zip(self.losses, self.weights, y, flat, strict=True)
            if loss is not None
        ]
        return sum(parts[1:], parts[0])


def data_loss(model: Any, y: Any, loss: Any = None) -> DataLoss | None:
    """The loss to use for these labels: ``loss``, else what the model was compiled with, else what its outputs show.

    ``loss`` is what ``compile`` takes: a name, a function, a Loss, its config, or a list or dict of these, one for each
    output. None where the model is not compiled and the outputs leave it open. ProbeError for a loss that Keras doesn't
    know, or of another number than outputs.
    """
    if loss is not None:
        return _chosen(model, loss, None, "given")
    compiled = library_of(model).compiled(model)
    if compiled is not None:
        return _chosen(model, *compiled, "compiled")
    names = [
        _evident(activation, labels)
        for activation, labels in zip(_activations(model), labels_of(model, y), strict=False)
    ]
    if not names or None in names or len(names) != _outputs(model):
        return None
    return _chosen(model, names if len(names) > 1 else names[0], None, "inferred")


def labels_of(model: Any, y: Any) -> list[Any]:
    """The labels of each output, in the order of the outputs; ProbeError where their number differs."""
    names = list(getattr(model, "output_names", None) or ())
    parts = _ordered(y, names) if isinstance(y, (Mapping, list, tuple)) else [y]
    if names and len(parts) != len(names):
        raise ProbeError(f"labels for {len(parts)} outputs, but the model has {len(names)}; give one array for each")
    return parts


def labels_for(loss: DataLoss, model: Any, y: Any) -> list[Any]:
    """The labels of each output as its loss takes them: numbers of classes become one-hot for a loss of one-hot labels.

    They stay as they are where the output does not have that many classes, or the model does not show how many.
    """
    labels = [np.asarray(part) for part in labels_of(model, y)]
    outputs = list(getattr(model, "outputs", None) or ())
    if not len(outputs) == len(labels) == len(loss.losses):
        return labels
    return [_one_hot(*each) for each in zip(loss.losses, labels, outputs, strict=True)]


def _one_hot(loss: Any, labels: Any, output: Any) -> Any:
    function = getattr(loss, "function", None) or getattr(loss, "fn", None)  # Keras's own wrapper has `fn`
    shape, classes = tuple(output.shape), output.shape[-1] if output.shape else None
    if getattr(function, "__name__", None) not in _OF_ONE_HOT or not classes or classes < 2 or not labels.size:
        return labels
    numbers = labels[..., 0] if labels.ndim == len(shape) and labels.shape[-1] == 1 else labels
    whole = numbers.dtype.kind in "iu" or (numbers.dtype.kind == "f" and bool(np.all(numbers == np.round(numbers))))
    if numbers.ndim != len(shape) - 1 or not whole or numbers.min() < 0 or numbers.max() >= classes:
        return labels
    return np.eye(classes, dtype="float32")[numbers.astype("int64")]


def _chosen(model: Any, loss: Any, weights: Any, origin: str) -> DataLoss:
    names = list(getattr(model, "output_names", None) or ())
    if isinstance(loss, Mapping) and "class_name" not in loss:
        chosen = _ordered(loss, names)
    elif isinstance(loss, (list, tuple)):
        chosen = list(loss)
    else:
        chosen = [loss] * max(_outputs(model), 1)
    if names and len(chosen) != len(names):
        raise ProbeError(f"{len(chosen)} losses, but the model has {len(names)} outputs; give one for each")
    factors = [1.0] * len(chosen)
    if isinstance(weights, Mapping):
        factors = [float(weights.get(name, 1.0)) for name in names]
    elif isinstance(weights, (list, tuple)):
        factors = [float(weight) for weight in weights]
    losses = tuple(None if one is None else _callable(one, library_of(model)) for one in chosen)
    if all(one is None for one in losses):
        raise ProbeError("no output has a loss; give one, such as 'mse'")
    label = ", ".join(dict.fromkeys(str(one.name) for one in losses if one is not None))
    return DataLoss(losses, tuple(factors), label, origin)


def _ordered(parts: Any, names: Sequence[str]) -> list[Any]:
    """One part for each output: a dict in the order of the outputs' names, else of its keys as Keras flattens them."""
    if not isinstance(parts, Mapping):
        return list(parts)
    if set(parts) == set(names):
        return [parts[name] for name in names]
    return [parts.get(name) for name in names] if set(parts) < set(names) else [parts[key] for key in sorted(parts)]


def _callable(loss: Any, library: Library) -> Any:
    losses = library.module.losses
    found = loss
    if not isinstance(loss, losses.Loss):
        try:
            found = losses.get(loss)
        except (TypeError, ValueError) as error:
            raise ProbeError(f"Keras knows no loss {loss!r}; give the name of one, such as 'mse'") from error
    return library.as_compiled(found if isinstance(found, losses.Loss) else library.per_sample(found))


# --------------------------------------------------------------------------------------------------------- inference


def _outputs(model: Any) -> int:
    return len(getattr(model, "outputs", None) or ())


def _activations(model: Any) -> list[str | None]:
    """The name of each output's activation, None where the operation behind the output shows none."""
    library = library_of(model).module
    outputs = getattr(model, "outputs", None) or ()
    return [_activation(getattr(output, "_keras_history", None), library) for output in outputs]


def _activation(history: Any, library: Any) -> str | None:
    operation = getattr(history, "operation", None) or getattr(history, "layer", None)
    if isinstance(operation, library.layers.Softmax):
        return "softmax"
    if isinstance(operation, library.Model):
        inner = _activations(operation)
        return inner[history.tensor_index] if history.tensor_index < len(inner) else None
    if isinstance(operation, library.layers.RNN):  # its activation is not always that of its output
        return None
    activation = getattr(operation, "activation", None)
    return None if getattr(activation, "__name__", None) is None else function_name(activation)


def _evident(activation: str | None, labels: Any) -> str | None:
    """The loss that nobody would contest for this activation and these labels, else None."""
    labels = np.asarray(labels)
    if labels.dtype.kind not in "biuf":
        return None
    whole = labels.dtype.kind in "biu" or bool(np.all(labels == np.round(labels)))
    if activation == "softmax":
        if labels.ndim >= 2 and labels.shape[-1] > 1:
            return "categorical_crossentropy" if np.allclose(labels.sum(-1), 1, atol=1e-3) else None
        return "sparse_categorical_crossentropy" if whole else None
    if activation == "sigmoid":
        return "binary_crossentropy" if whole and labels.size and set(np.unique(labels)) <= {0, 1} else None
    # A linear output with whole numbers may be logits of classes
    return "mean_squared_error" if activation == "linear" and not whole else None
