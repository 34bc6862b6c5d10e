"""Inputs out of nothing, for a model that is probed without data: what it takes in shape and type, and no more."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reglint.probe.models.model_inputs import ModelInput, Signature
from reglint.probe.values import ProbeError

_UNKNOWN_SIZES = {2: 16, 3: 32, 4: 64, 5: 16}
"""How long an open dimension becomes, by the rank of the input: steps, steps, pixels, voxels."""

_LARGEST = 2**26


def synthetic_inputs(signature: Signature, samples: int, fewest: int, seed: int) -> list[Any]:
    """Takes what a model takes; returns an array for each of its inputs. Raises ProbeError for inputs of text.

    Numbers are standard normal, ids of an embedding and other integers uniform, masks true but for the end of each
    row. Of large inputs there are fewer, 64 MiB of each, though never under ``fewest`` samples.
    """
    generator = np.random.default_rng(seed)
    shapes = [_shape(each) for each in signature.inputs]
    largest = max(math.prod(shape) for shape in shapes) * 4
    fixed = signature.batch_size or 1
    count = min(samples, max(fewest, _LARGEST // max(largest, 1)))
    count = max(fixed, count - count % fixed)
    return [_made(each, (count, *shape), generator) for each, shape in zip(signature.inputs, shapes, strict=True)]


def _shape(model_input: ModelInput) -> tuple[int, ...]:
    open_size = _UNKNOWN_SIZES.get(len(model_input.shape), 8)
    return tuple(open_size if size is None else size for size in model_input.shape[1:])


def _made(model_input: ModelInput, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
    dtype = model_input.dtype or "float32"
    if dtype == "string":
        raise ProbeError(f"the model's input `{model_input.name}` takes text, which cannot be made up; give --data")
    if dtype == "bool":
        return _masks(shape, generator)
    if model_input.vocabulary is not None:
        return generator.integers(0, model_input.vocabulary, shape).astype(dtype)
    if dtype.startswith(("int", "uint")):
        return generator.integers(0, 256 if dtype == "uint8" else 2, shape).astype(dtype)
    if dtype.startswith("complex"):
        raise ProbeError(f"the model's input `{model_input.name}` takes complex numbers; give --data")
    return generator.standard_normal(shape, dtype=np.float32).astype(_numpy_type(dtype))


def _masks(shape: tuple[int, ...], generator: np.random.Generator) -> Any:
    if len(shape) < 2:
        return generator.random(shape) < 0.5
    kept = generator.integers(1, shape[1] + 1, (shape[0], *[1] * (len(shape) - 1)))
    steps = np.arange(shape[1]).reshape((1, -1, *[1] * (len(shape) - 2)))
    return np.broadcast_to(steps < kept, shape).copy()


def _numpy_type(dtype: str) -> str:
    """Takes a type of Keras's; returns the nearest that numpy has (bfloat16 is none of its own)."""
    return dtype if dtype in ("float16", "float32", "float64") else "float32"
