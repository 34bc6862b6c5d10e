"""Holds data against what a model takes: one line that says what is wrong, instead of a traceback out of its middle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from reglint.probe.models.model_inputs import ModelInput, Shape, Signature, without_batch
from reglint.probe.values import ProbeError

_CHUNK = 2**23


class Rows:
    """Chosen rows of an array that stays on the disk: they are read, shaped and cast where they are sliced."""

    def __init__(self, array: Any, rows: Any, shape: tuple[int, ...], dtype: Any) -> None:
        self._array, self._rows, self.dtype = array, rows, np.dtype(dtype)
        self.shape = (len(array) if rows is None else len(rows), *shape)
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: slice) -> Any:
        chosen = self._array[part] if self._rows is None else self._array[self._rows[part]]
        return np.array(chosen, dtype=self.dtype).reshape((len(chosen), *self.shape[1:]))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self[:], dtype=dtype)


def check_lengths(arrays: Mapping[str, Any], name: str) -> int:
    """Takes inputs and labels by name; returns how many samples they have, all alike. Raises ProbeError."""
    lengths = {label: len(array) for label, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"`{label}` {count}" for label, count in lengths.items())
        raise ProbeError(f"{name}: the arrays have different numbers of samples: {listed}")
    count = next(iter(lengths.values()))
    if count == 0:
        raise ProbeError(f"{name}: holds no samples")
    return count


def fitted(array: Any, model_input: ModelInput, rows: Any, name: str) -> Any:
    """Takes the array of an input and the rows to take of it (None for all); returns it in the input's shape and type.

    As Keras does it, a last axis of 1 may be missing or too many. Raises ProbeError.
    """
    _check_kind(array, model_input, name)
    shape = _agreed(tuple(array.shape), model_input)
    if shape is None:
        raise ProbeError(
            f"{name}: the model's input `{model_input.name}` takes {without_batch(model_input.shape)}, "
            f"the data have {tuple(array.shape)}"
        )
    dtype = _dtype(array, model_input)
    if isinstance(array, np.memmap):
        return Rows(array, rows, shape, dtype)
    chosen = array if rows is None else array[rows]
    return np.asarray(chosen, dtype=dtype).reshape((len(chosen), *shape))


def _agreed(shape: tuple[int, ...], model_input: ModelInput) -> tuple[int, ...] | None:
    """Takes the shape of data; returns that of one sample as the model takes it, None where they do not agree."""
    wanted = model_input.shape[1:]
    given = shape[1:]
    if not model_input.exact:
        return given
    for candidate in (given, (*given, 1), given[:-1] if given[-1:] == (1,) else given):
        if _fits(candidate, wanted):
            return candidate
    return None


def _fits(shape: Sequence[int], wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(
        size is None or size == given for given, size in zip(shape, wanted, strict=True)
    )


def _check_kind(array: Any, model_input: ModelInput, name: str) -> None:
    kind = array.dtype.kind
    if array.dtype.names:
        raise ProbeError(f"{name}: `{model_input.name}` has named fields; save plain numbers")
    if model_input.dtype == "string":
        if kind not in "SU":
            raise ProbeError(f"{name}: the model's input `{model_input.name}` takes text, the data are {array.dtype}")
    elif kind not in "biuf" and not (model_input.dtype is None and kind in "SU"):
        kinds = {"S": "text", "U": "text", "c": "complex numbers", "O": "Python objects", "M": "dates", "m": "times"}
        takes = f" ({model_input.dtype})" if model_input.dtype else ""
        raise ProbeError(
            f"{name}: the model's input `{model_input.name}` takes numbers{takes}, the data are {kinds.get(kind, kind)}"
        )


def _dtype(array: Any, model_input: ModelInput) -> Any:
    """Takes data and what they are for; returns the type to give them: ids stay exact, floats are Keras's."""
    if array.dtype.kind in "SU":
        return array.dtype
    if model_input.dtype is None:
        return np.dtype("float32") if array.dtype == np.float64 else array.dtype
    if model_input.dtype.startswith(("int", "uint")) and array.dtype.kind == "f":
        return array.dtype  # until it is known that they are whole
    if model_input.dtype in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        return np.dtype("float32")
    return np.dtype(model_input.dtype)


def check_inputs(columns: list[tuple[ModelInput, Any]], name: str) -> None:
    """Takes each input with its samples; raises ProbeError for values that are not finite, or no ids where ids go."""
    for model_input, array in columns:
        for start, part in _chunks(array):
            if part.dtype.kind == "f":
                _check_finite(part, start, model_input.name, name)
            _check_ids(part, start, model_input, name)


def _chunks(array: Any) -> Iterator[tuple[int, Any]]:
    size = max(1, int(np.prod(array.shape[1:], dtype=np.int64)) * array.dtype.itemsize)
    step = max(1, _CHUNK // size)
    for start in range(0, len(array), step):
        yield start, array[start : start + step]


def _check_finite(part: Any, start: int, label: str, name: str) -> None:
    finite = np.isfinite(part)
    if not finite.all():
        row = start + int(np.argmin(finite.reshape(len(part), -1).all(axis=1)))
        what = "NaN" if np.isnan(part).any() else "infinity"
        raise ProbeError(f"{name}: `{label}` holds {what}, first in sample {row} of those taken; clean the data first")


def _check_ids(part: Any, start: int, model_input: ModelInput, name: str) -> None:
    takes_integers = bool(model_input.dtype and model_input.dtype.startswith(("int", "uint")))
    if not (takes_integers or model_input.vocabulary is not None) or part.dtype.kind not in "biuf" or not part.size:
        return
    if part.dtype.kind == "f" and not np.array_equal(part, np.floor(part)):
        value = part[part != np.floor(part)].flat[0]
        raise ProbeError(f"{name}: the model's input `{model_input.name}` takes whole numbers, the data have {value:g}")
    if model_input.vocabulary is None:
        return
    low, high = part.min(), part.max()
    if low < 0 or high >= model_input.vocabulary:
        bad = low if low < 0 else high
        raise ProbeError(
            f"{name}: the id {bad:g} of `{model_input.name}` is outside the embedding's "
            f"0 to {model_input.vocabulary - 1}; check the vocabulary"
        )


def check_labels(labels: Mapping[str, Any], signature: Signature | None, name: str) -> None:
    """Takes labels by output; raises ProbeError where they are not finite or fit no output."""
    outputs = {each.name: each for each in (signature.outputs if signature else ())}
    for label, array in labels.items():
        if array.dtype.kind not in "biuf":
            raise ProbeError(f"{name}: the labels `{label}` are no numbers; number the classes from 0")
        if array.dtype.kind == "f":
            _check_finite(array, 0, label, name)
        output = outputs.get(label) or (next(iter(outputs.values())) if len(outputs) == 1 else None)
        if output is None:
            continue
        if not any(_fits(array.shape[1:], wanted) for wanted in _label_shapes(output.shape)):
            raise ProbeError(
                f"{name}: the labels `{label}` have the shape {tuple(array.shape)}, "
                f"the model's output `{output.name}` gives {without_batch(output.shape)}"
            )
        _check_classes(array, output.shape, label, output.name, name)


def _label_shapes(shape: Shape) -> list[Shape]:
    """Takes an output's shape; returns what the labels of one sample may look like: alike, or the number of a class."""
    one = shape[1:]
    return [one, one[:-1], (*one[:-1], 1)]


def _check_classes(array: Any, shape: Shape, label: str, output: str, name: str) -> None:
    classes = shape[-1] if len(shape) == 2 else None
    if classes is None or classes < 2 or array.size != len(array):
        return
    low, high = array.min(), array.max()
    if low < 0 or high >= classes:
        raise ProbeError(
            f"{name}: the labels `{label}` go from {low:g} to {high:g}, "
            f"the model's output `{output}` has the classes 0 to {classes - 1}"
        )
