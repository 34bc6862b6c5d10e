"""Takes what the user names as DATA and returns samples in the form that the model takes, checked before it runs.

Memory does not grow with the file: an ``.npy`` stays on the disk, of other files only the chosen samples are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reglint.discovery import shown
from reglint.probe.data.checks import check_inputs, check_labels, check_lengths, fitted
from reglint.probe.data.code import chosen, named_arrays, read_code
from reglint.probe.data.files import Choice, read_csv, read_images, read_npy, read_npz
from reglint.probe.data.synthetic import synthetic_inputs
from reglint.probe.models.model_inputs import ModelInput, Signature, signature_of
from reglint.probe.values import ProbeError

_LABELS = ("y", "label", "labels")


@dataclass(frozen=True)
class Data:
    """Samples for a model.

    ``inputs`` is one array of shape (samples, …), a list of them or a dict by name, as the model takes them; ``labels``
    is None, one array, or a dict by output name for a model with several outputs. Arrays that stay on the disk are read
    where they are sliced. ``batch_size`` is set where the model takes batches of one size only.
    """

    inputs: Any
    labels: Any
    samples: int
    synthetic: bool
    description: str
    batch_size: int | None = None


def load_data(
    spec: str | None,
    model: Any,
    *,
    trust: bool = False,
    max_samples: int | None = 512,
    batch_size: int = 32,
    seed: int = 0,
) -> Data:
    """Takes a data file, image folder or ``module:function``, and the model; returns samples. Raises ProbeError.

    Without a spec, inputs are made up, a batch at least. Of more than ``max_samples`` samples as many are chosen,
    spread evenly and by ``seed`` (files are often sorted by label); of batches that code gives, the first ones. None
    takes all.
    """
    signature = signature_of(model)
    if spec is None:
        return _synthetic(signature, max_samples, batch_size, seed)
    arrays, name = _read(spec, signature, trust, max_samples, seed)
    return _checked(arrays, name, signature, max_samples, seed)


def from_arrays(
    inputs: Any,
    labels: Any,
    model: Any,
    *,
    max_samples: int | None = 512,
    batch_size: int = 32,
    seed: int = 0,
) -> Data:
    """Takes inputs and labels as ``fit`` does, or None; returns what ``load_data`` would. Raises ProbeError."""
    signature = signature_of(model)
    if inputs is None:
        return _synthetic(signature, max_samples, batch_size, seed)
    name = "the data"
    arrays = chosen(named_arrays(inputs, labels, name), _same_for_all(max_samples, seed, name))
    return _checked(arrays, name, signature, max_samples, seed)


def batches(data: Data, batch_size: int = 32) -> Iterator[tuple[Any, Any]]:
    """Takes data; yields (inputs, labels) in slices of ``batch_size``, the last one as it comes.

    Labels are None without any. A model of a fixed batch size gets that one, whatever is asked for.
    """
    size = data.batch_size or batch_size
    for start in range(0, data.samples, size):
        part = slice(start, min(start + size, data.samples))
        yield _sliced(data.inputs, part), _sliced(data.labels, part)


def _sliced(value: Any, part: slice) -> Any:
    if value is None:
        return None
    if isinstance(value, dict):
        return {name: each[part] for name, each in value.items()}
    return [each[part] for each in value] if isinstance(value, list) else value[part]


def _checked(arrays: Mapping[str, Any], name: str, signature: Signature | None, most: int | None, seed: int) -> Data:
    """Takes arrays by name; returns them as the model takes them. Raises ProbeError where it would not."""
    for label, array in arrays.items():
        if array.ndim == 0:
            raise ProbeError(f"{name}: `{label}` is a single number; its first axis must be the samples")
    inputs, labels = _assigned(arrays, signature, name)
    samples = check_lengths({**{each.name: array for each, array in inputs}, **labels}, name)
    rows = _rows(samples, most, seed, signature, name)
    check_labels(labels, signature, name)
    columns = [fitted(array, each, rows, name) for each, array in inputs]
    check_inputs(list(zip([each for each, _ in inputs], columns, strict=True)), name)
    if rows is not None:
        labels = {label: array[rows] for label, array in labels.items()}
    return _data(columns, labels, [each.name for each, _ in inputs], signature, name)


def _synthetic(signature: Signature | None, max_samples: int | None, batch_size: int, seed: int) -> Data:
    if signature is None:
        raise ProbeError(
            "the model does not say what it takes (it was never built or called), so that no inputs can be made up; "
            "give --data"
        )
    count = 512 if max_samples is None else max_samples
    columns = synthetic_inputs(signature, max(count, 1), batch_size, seed)
    return _data(columns, {}, [each.name for each in signature.inputs], signature, None)


def _data(
    columns: list[Any], labels: dict[str, Any], names: list[str], signature: Signature | None, source: str | None
) -> Data:
    """Takes arrays of inputs and labels, and where they come from (None: made up); returns the data of them."""
    if signature is not None:
        inputs = signature.packed(columns)
    else:  # nobody knows what the model takes
        inputs = columns[0] if len(columns) == 1 else dict(zip(names, columns, strict=True))
    return Data(
        inputs,
        labels["y"] if list(labels) == ["y"] else labels or None,
        len(columns[0]),
        source is None,
        source or "synthetic inputs",
        signature.batch_size if signature else None,
    )


# Reading.


def _read(
    spec: str, signature: Signature | None, trust: bool, samples: int | None, seed: int
) -> tuple[Mapping[str, Any], str]:
    """Takes a spec; returns arrays by name and what the user knows the data as."""
    path, name = Path(spec), shown(spec)
    choose = _same_for_all(samples, seed, name)
    suffix = path.suffix.lower()
    if "://" in spec:
        raise ProbeError(f"{spec}: only local data are read; download them first")
    if suffix in (".pkl", ".pickle", ".joblib", ".pt", ".pth"):
        raise ProbeError(f"{name}: {suffix} files can run code and are never loaded; save the arrays with numpy.savez")
    if path.is_dir():
        return read_images(path, choose, signature), name
    if suffix in (".npz", ".npy", ".csv"):
        if not path.exists():
            raise ProbeError(f"{name}: there is no such file")
        if path.stat().st_size == 0:
            raise ProbeError(f"{name}: the file is empty")
        readers = {".npz": lambda: read_npz(path, choose), ".npy": lambda: read_npy(path)}
        return readers.get(suffix, lambda: read_csv(path, choose))(), name
    if ":" not in spec:
        what = "not data that can be read" if path.exists() else "there is no such file"
        raise ProbeError(f"{name}: {what}; give an .npz, .npy or .csv file, a folder of images, or module:function")
    if not trust:
        raise ProbeError(f"{spec}: importing the data runs their code; add --trust if you know what it does")
    return read_code(spec, choose, samples, signature), spec


def _same_for_all(samples: int | None, seed: int, name: str) -> Choice:
    """Returns the choice of samples for the arrays of one file, which must all have as many of them."""
    totals: list[int] = []

    def choose(total: int) -> Any:
        totals.append(total)
        if total != totals[0]:
            raise ProbeError(f"{name}: the arrays have different numbers of samples: {totals[0]} and {total}")
        return _spread(total, samples, seed)

    return choose


def _rows(samples: int, most: int | None, seed: int, signature: Signature | None, name: str) -> Any:
    """Takes how many samples there are; returns which to take, whole batches where the model takes no others."""
    rows = _spread(samples, most, seed)
    fixed = signature.batch_size if signature else None
    if fixed is None:
        return rows
    count = samples if rows is None else len(rows)
    if count < fixed:
        raise ProbeError(f"{name}: the model takes batches of exactly {fixed} samples, the data have {count}")
    return (np.arange(samples) if rows is None else rows)[: count - count % fixed]


def _spread(total: int, samples: int | None, seed: int) -> Any:
    """Takes how many samples there are and how many to take; returns their indices, one out of each equal stretch.

    A fixed step would meet every class but one of data that go round their classes.
    """
    if samples is None or total <= samples:
        return None
    bounds = np.arange(samples + 1) * total // samples
    inside = np.random.default_rng(seed).random(samples) * np.diff(bounds)
    return bounds[:-1] + inside.astype(np.int64)


# Which array is what.


def _assigned(
    arrays: Mapping[str, Any], signature: Signature | None, name: str
) -> tuple[list[tuple[ModelInput, Any]], dict[str, Any]]:
    """Takes arrays by name; returns those of the model's inputs in its order, and the labels by output."""
    if not arrays:
        raise ProbeError(f"{name}: holds no arrays")
    if signature is None:
        return _unknown_inputs(arrays)
    left = _in_order(arrays, signature)
    inputs = []
    for each in signature.inputs:
        names = (*each.names, "x") if len(signature.inputs) == 1 else each.names
        found = next((label for label in names if label in left), None)
        if found is None and len(signature.inputs) == 1:
            others = [label for label in left if not _is_label(label, signature)]
            found = others[0] if len(others) == 1 else None
        if found is None:
            raise ProbeError(
                f"{name}: no array for the model's input `{each.name}`; it has {_listed(arrays)}, "
                f"the model takes {_listed([model_input.name for model_input in signature.inputs])}"
            )
        inputs.append((each, left.pop(found)))
    labels = _labels(left, signature)
    if left:
        expected = [*(each.name for each in signature.inputs), *_label_names(signature)]
        raise ProbeError(f"{name}: {_listed(left)} is nothing that the model knows; it takes {_listed(expected)}")
    return inputs, labels


def _in_order(arrays: Mapping[str, Any], signature: Signature) -> dict[str, Any]:
    """Takes arrays by name; those that numpy named by their order get the names of inputs, then of outputs."""
    names = [each.name for each in signature.inputs] + _label_names(signature)
    numbered = [label for label in arrays if label.startswith("arr_") and label[4:].isdigit()]
    if not len(signature.inputs) <= len(numbered) <= len(names):
        return dict(arrays)
    given = dict(zip(numbered, names, strict=False))
    return {given.get(label, label): array for label, array in arrays.items()}


def _label_names(signature: Signature) -> list[str]:
    if len(signature.outputs) < 2:
        return ["y"]
    return [f"y_{each.name}" for each in signature.outputs]


def _is_label(label: str, signature: Signature) -> bool:
    return label in _LABELS or label.startswith("y_") or any(label == each.name for each in signature.outputs)


def _labels(left: dict[str, Any], signature: Signature) -> dict[str, Any]:
    """Takes what is left over from the inputs, and takes the labels out of it; returns them by output."""
    if len(signature.outputs) < 2:
        names = (*_LABELS, "y_0", *(f"{prefix}{each.name}" for each in signature.outputs for prefix in ("y_", "")))
        found = next((label for label in names if label in left), None)
        return {"y": left.pop(found)} if found else {}
    labels = {}
    for index, each in enumerate(signature.outputs):
        found = next((label for label in (f"y_{each.name}", each.name, f"y_{index}") if label in left), None)
        if found:
            labels[each.name] = left.pop(found)
    return labels


def _unknown_inputs(arrays: Mapping[str, Any]) -> tuple[list[tuple[ModelInput, Any]], dict[str, Any]]:
    """Takes arrays by name for a model that says nothing of itself; returns inputs and labels, told by their names.

    Several labels come in the order of their names, in which Keras flattens a dict of outputs.
    """
    named = [label for label in arrays if label in _LABELS]
    one_for_each = sorted(label for label in arrays if label.startswith("y_")) if not named else []
    labels = {label.removeprefix("y_"): arrays[label] for label in one_for_each}
    if named:
        labels = {"y": arrays[named[0]]}
    inputs = [
        (ModelInput(label, (label,), (None,) * array.ndim, None, exact=False), array)
        for label, array in arrays.items()
        if label not in (*_LABELS, *one_for_each)
    ]
    if not inputs:
        raise ProbeError("the data hold labels and no inputs; name the inputs `x`")
    return inputs, labels


def _listed(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)
