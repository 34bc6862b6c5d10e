"""Samples out of the user's own code: what ``module:function`` gives, as arrays by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any

import numpy as np

from reglint.probe.models.model_inputs import Signature
from reglint.probe.models.usercode import attribute, guarded, imported, split
from reglint.probe.values import ProbeError

Choice = Callable[[int], Any]


def read_code(spec: str, choose: Choice, samples: int | None, signature: Signature | None) -> dict[str, Any]:
    """Takes ``module:function``; returns ``x``, ``y`` or arrays by the names that the code gives. Raises ProbeError.

    The function returns x, a tuple (x, y), a dict by name, or batches of these: a generator, a ``tf.data.Dataset``, a
    torch ``DataLoader``, a Keras ``PyDataset``. Of batches the first ``samples`` are taken, else the chosen ones.
    """
    named = split(spec)
    if named is None:
        raise ProbeError(f"{spec}: not data; give an .npz, .npy or .csv file, a folder of images, or module:function")
    found = attribute(imported(named[0]), named[1], named[0])
    with guarded(f"`{spec}`"):
        given = found() if callable(found) and not _is_batches(found) and not _is_array(found) else found
        if not _is_batches(given):
            return chosen(_named(given, spec), choose)
        return _collected(_batches(given), samples, signature, spec)


def named_arrays(inputs: Any, labels: Any, what: str) -> dict[str, Any]:
    """Takes inputs and labels as ``fit`` does: arrays of any library, lists or dicts of them; returns them by name."""
    return {**_inputs(inputs, what), **_labels(labels, what)}


def _is_array(value: Any) -> bool:
    return (hasattr(value, "shape") and hasattr(value, "dtype")) or hasattr(value, "to_numpy")


def _is_batches(value: Any) -> bool:
    """Takes what the code gives; says whether it is a stream of batches (Keras's PyDataset is only indexable)."""
    if isinstance(value, (tuple, list, Mapping, str, bytes, type)) or _is_array(value):
        return False
    return isinstance(value, Iterable) or (hasattr(value, "__getitem__") and hasattr(value, "__len__"))


def _batches(value: Any) -> Iterator[Any]:
    if hasattr(value, "num_batches") and hasattr(value, "__getitem__"):  # a PyDataset may have no end
        batches = value.num_batches
        return (value[index] for index in (count() if batches is None else range(batches)))
    if hasattr(value, "__iter__"):
        return iter(value)
    return (value[index] for index in range(len(value)))


def _named(given: Any, spec: str) -> dict[str, Any]:
    """Takes x, (x, y), (x, y, weights) or a dict; returns arrays by name, several inputs of a list under numbers."""
    if isinstance(given, Mapping):
        return {str(name): _array(value, spec) for name, value in given.items()}
    if isinstance(given, tuple) and len(given) in (2, 3):
        return named_arrays(given[0], given[1], spec)
    if isinstance(given, tuple) and len(given) == 1:
        return _inputs(given[0], spec)
    return _inputs(given, spec)


def _inputs(given: Any, spec: str) -> dict[str, Any]:
    if isinstance(given, Mapping):
        return {str(name): _array(value, spec) for name, value in given.items()}
    if isinstance(given, (list, tuple)) and given and all(_is_array(each) for each in given):
        return {f"arr_{index}": _array(each, spec) for index, each in enumerate(given)}
    return {"x": _array(given, spec)}


def _labels(given: Any, spec: str) -> dict[str, Any]:
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {f"y_{name}": _array(value, spec) for name, value in given.items()}
    if isinstance(given, (list, tuple)) and given and all(_is_array(each) for each in given):
        return {f"y_{index}": _array(each, spec) for index, each in enumerate(given)}
    return {"y": _array(given, spec)}


def _array(value: Any, spec: str) -> Any:
    """Takes an array of any library, or lists of numbers; returns it as numpy's, on the host."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    array = value.to_numpy() if hasattr(value, "to_numpy") else np.asarray(value)
    if array.dtype == object and array.size and all(isinstance(each, str) for each in array.flat):
        array = array.astype(str)
    if array.dtype == object:
        raise ProbeError(f"`{spec}` gives `{type(value).__name__}`, which is no array of numbers")
    return array


def chosen(arrays: dict[str, Any], choose: Choice) -> dict[str, Any]:
    """Takes arrays by name; returns the chosen samples of each."""
    found = {}
    for name, array in arrays.items():
        rows = choose(len(array)) if array.ndim else None
        found[name] = array if rows is None else array[rows]
    return found


def _collected(batches: Iterator[Any], samples: int | None, signature: Signature | None, spec: str) -> dict[str, Any]:
    """Takes batches; returns the first samples of them. A stream of single samples is told by its rank."""
    parts: dict[str, list[Any]] = {}
    taken = 0
    for batch in batches:
        arrays = _named(batch, spec)
        single = _is_single(next(iter(arrays.values())), signature)
        for name, array in arrays.items():
            parts.setdefault(name, []).append(array[None] if single else array)
        taken += 1 if single else len(next(iter(arrays.values())))
        if samples is not None and taken >= samples:
            break
    if not parts:
        raise ProbeError(f"`{spec}` gives no batches")
    counts = {len(each) for each in parts.values()}
    if len(counts) > 1:
        raise ProbeError(f"`{spec}` gives batches of different kinds; each must have the same names")
    return {name: np.concatenate(each)[:samples] for name, each in parts.items()}


def _is_single(array: Any, signature: Signature | None) -> bool:
    if array.ndim == 0:
        return True
    return (
        signature is not None
        and array.ndim == len(signature.inputs[0].shape) - 1
        and array.ndim > 0
        and bool(signature.inputs[0].shape[1:] == array.shape)
    )
