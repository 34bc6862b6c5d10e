"""Statistics of a tensor on its device, in a form that adds up: what leaves the device is a few numbers for each unit.

A :class:`Parcel` is what one activation gave in one batch: ``sums`` are added over batches, ``peaks`` are maxima. In an
RNN's loop both have a leading axis of samples, since Keras masks the states of a loop by sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reglint.probe.taps.activations import Activation
from reglint.probe.values import EDGES, SATURATED_GAIN

BINS = len(EDGES) + 1
UNIT_SUMS = ("low", "high", "gain", "z", "square")
"""Sums for each unit over the positions that were counted, in the order in which a parcel holds them."""

CONFIDENT = 0.99
MASKED_LOGIT = -1e4
"""Below this a logit of probability zero is a mask of Keras's softmax, which adds the most negative number it can."""

DRAWN = 8191
"""How many values of a batch a histogram holds, unless all positions count; prime, so that all units are among them."""

POSITIONS = 64
"""How many positions of a feature map are counted for each sample and channel, unless all are."""


@dataclass
class Parcel:
    """Flat sums and peaks of one activation; ``units`` says how long each of UNIT_SUMS is."""

    units: int
    sums: list[Any]
    peaks: list[Any]


def sampled(tensor: Any, ops: Any, backend: Any, every_position: bool) -> Any:
    """Return the tensor (batch, positions…, channels) with at most POSITIONS positions, evenly spread on each axis."""
    axes = len(tensor.shape) - 2
    if every_position or axes < 1:
        return tensor
    most = _most(axes)
    for axis in range(1, axes + 1):
        # A size that is None is known to TensorFlow when it runs.
        size = ops.shape(tensor)[axis] if tensor.shape[axis] is None else tensor.shape[axis]
        if tensor.shape[axis] is None or size > most:
            stride = (size + most - 1) // most
            tensor = backend.thinned(tensor, axis, stride // 2, stride)
    return tensor


def is_sampled(tensor: Any, every_position: bool) -> bool:
    """Say whether :func:`sampled` leaves positions out; True where the size is known only when the model runs."""
    axes = len(tensor.shape) - 2
    if every_position or axes < 1:
        return False
    return any(size is None or size > _most(axes) for size in tensor.shape[1:-1])


def _most(axes: int) -> int:
    """Return how many positions of each axis make POSITIONS of all."""
    return max(int(POSITIONS ** (1 / axes) + 1e-9), 1)


def weights_of(mask: Any, tensor: Any, ops: Any) -> Any:
    """Return the mask as float32 with the rank of the tensor, or None where it does not fit the tensor's first axes."""
    if mask is None or len(mask.shape) >= len(tensor.shape) + 1:
        return None
    for known, size in zip(mask.shape, tensor.shape, strict=False):
        if known is not None and size is not None and known != size:
            return None
    if len(mask.shape) == len(tensor.shape):
        return None
    weights = ops.cast(mask, "float32")
    for _ in range(len(tensor.shape) - len(mask.shape)):
        weights = ops.expand_dims(weights, -1)
    return weights


def elementwise(
    z: Any, a: Any, activation: Activation | None, mask: Any, ops: Any, backend: Any, every_position: bool
) -> Parcel:
    """Return the parcel of z and a = f(z), both (batch, positions…, units), without what the mask leaves out."""
    z, a = ops.cast(z, "float32"), ops.cast(a, "float32")
    weights = weights_of(mask, z, ops)
    peaks = _peaks(z, weights, ops)
    total = _unit_sum(z, weights, ops)
    few_z, few_a = (sampled(each, ops, backend, every_position) for each in (z, a))
    if weights is not None:
        weights = _few_weights(weights, z, ops, backend, every_position)
    units = z.shape[-1]
    columns = [ops.cast(column, "float32") for column in _columns(few_z, few_a, activation, ops)]
    sums = [_unit_sum(column, weights, ops) for column in columns]
    rows = ops.size(few_z) / units if weights is None else ops.sum(weights * ops.ones_like(few_z[..., :1]))
    count = ops.reshape(ops.cast(rows, "float32"), (1,))
    bins = _histogram(few_z, weights, ops, backend, every_position)
    return Parcel(units, [count, *sums, total, bins], peaks)


def _histogram(z: Any, weights: Any, ops: Any, backend: Any, every_position: bool) -> Any:
    """Return the bins of at most DRAWN values: a histogram is there to be looked at."""
    # TensorFlow knows how long the last batch is, and all after it, when it runs.
    size = math.prod(ops.shape(z))
    stride = 1 if every_position else (size + DRAWN - 1) // DRAWN
    drawn = backend.thinned(ops.reshape(z, (1, -1)), 1, 0, stride)
    skip = ops.isnan(drawn)
    if weights is not None:
        masked = ops.reshape(ops.broadcast_to(weights, ops.shape(z)) < 0.5, (1, -1))
        skip = ops.logical_or(skip, backend.thinned(masked, 1, 0, stride))
    return ops.reshape(_bins(drawn, skip, ops, backend), (-1,))


def _bins(values: Any, skip: Any, ops: Any, backend: Any) -> Any:
    """Return the bins of each row, an edge belonging to the bin below it: at zero a rectifier is off."""
    return ops.flip(backend.histogram(-values, skip), axis=-1)


def _few_weights(weights: Any, z: Any, ops: Any, backend: Any, every_position: bool) -> Any:
    """Return the weights of the positions that :func:`sampled` takes."""
    full = weights * ops.ones_like(z[..., :1])
    return sampled(full, ops, backend, every_position)


def _columns(z: Any, a: Any, activation: Activation | None, ops: Any) -> tuple[Any, ...]:
    """Return for each value: saturated low, saturated high, gain, z and z²."""
    gain = ops.ones_like(z) if activation is None else activation.gain(ops, z, a)
    saturated = gain < SATURATED_GAIN
    # Up to its threshold a rectifier is off, also where that is above zero.
    middle = max(0.0, (activation and activation.dead_below) or 0.0)
    low = ops.logical_and(saturated, z <= middle)
    high = ops.logical_and(saturated, z > middle)
    return low, high, gain, z, z * z


def _unit_sum(values: Any, weights: Any, ops: Any) -> Any:
    if weights is not None:
        # zero times infinity is not a number, and what is masked must not count
        values = ops.where(weights > 0, values, 0.0)
    return ops.sum(values, axis=tuple(range(len(values.shape) - 1)))


def _peaks(z: Any, weights: Any, ops: Any) -> list[Any]:
    """Return the maxima of z and of -z for each unit, over every position."""
    axes = tuple(range(len(z.shape) - 1))
    if weights is None:
        return [ops.max(z, axis=axes), -ops.min(z, axis=axes)]
    top = ops.where(weights > 0, z, -float("inf"))
    bottom = ops.where(weights > 0, z, float("inf"))
    return [ops.max(top, axis=axes), -ops.min(bottom, axis=axes)]


def rows(z: Any, probabilities: Any, kept: Any, ops: Any, backend: Any) -> Parcel:
    """Return the parcel of a softmax over the last axis: rows, confident rows, values, their sum and squares; extremes.

    The third of the peaks is how far the first choice of a row lies above the row's mean: a shift of all logits, and
    one that is very low, mean nothing to a softmax. ``kept`` is true for the logits that count, and has their shape; a
    row counts where any of its logits does.
    """
    z, p = ops.cast(z, "float32"), ops.cast(probabilities, "float32")
    weights = ops.cast(ops.any(kept, axis=-1), "float32")
    logits = ops.where(kept, z, 0.0)
    confident = ops.where(ops.max(p, axis=-1) > CONFIDENT, weights, 0.0)
    columns = (weights, confident, ops.cast(kept, "float32"), logits, logits * logits)
    sums = [ops.reshape(ops.sum(column), (1,)) for column in columns]
    skip = ops.logical_or(ops.logical_not(kept), ops.isnan(z))
    bins = _bins(ops.reshape(z, (1, -1)), ops.reshape(skip, (1, -1)), ops, backend)
    first = ops.max(ops.where(kept, z, -float("inf")), axis=-1)
    mean = ops.sum(logits, axis=-1) / ops.maximum(ops.sum(ops.cast(kept, "float32"), axis=-1), 1.0)
    lead = ops.max(ops.where(weights > 0, first - mean, 0.0))
    peaks = (ops.max(first), -ops.min(ops.where(kept, z, float("inf"))), lead)
    return Parcel(1, [*sums, ops.reshape(bins, (-1,))], [ops.reshape(peak, (1,)) for peak in peaks])


def answers(probabilities: Any, labels: Any, softmax: bool, ops: Any) -> Parcel | None:
    """Return how a classifier did: answers, right ones, confident ones, confident wrong ones; None for other labels.

    ``probabilities`` is (batch, …, classes) of a softmax, with labels (batch, …), (batch, …, 1) or one-hot; or of
    sigmoids, with labels of 0 and 1 of the same shape: each column is a question of its own.
    """
    p = ops.cast(probabilities, "float32")
    if len(labels.shape) == len(p.shape) - 1:
        labels = ops.expand_dims(labels, -1)
    if len(labels.shape) != len(p.shape) or labels.shape[-1] not in ((1, p.shape[-1]) if softmax else (p.shape[-1],)):
        return None
    if softmax:
        choice, first = ops.argmax(p, axis=-1), ops.max(p, axis=-1)
        named = labels[..., 0] if labels.shape[-1] == 1 else ops.argmax(labels, axis=-1)
        right = choice == ops.cast(named, choice.dtype)
    else:
        right = (p > 0.5) == (ops.cast(labels, "float32") > 0.5)
        first = ops.maximum(p, 1.0 - p)
    confident = first > CONFIDENT
    columns = (ops.ones_like(first), right, confident, ops.logical_and(confident, ops.logical_not(right)))
    return Parcel(1, [ops.reshape(ops.sum(ops.cast(column, "float32")), (1,)) for column in columns], [])


def squares(tensor: Any, mask: Any, ops: Any, backend: Any, every_position: bool) -> Parcel:
    """Return how many values of a layer's input there are and the sum of their squares."""
    x = sampled(ops.cast(tensor, "float32"), ops, backend, every_position)
    weights = weights_of(mask, ops.cast(tensor, "float32"), ops)
    if weights is None:
        count = ops.cast(ops.size(x), "float32")
        total = ops.sum(x * x)
    else:
        weights = _few_weights(weights, tensor, ops, backend, every_position)
        count = ops.sum(weights) * x.shape[-1]
        total = ops.sum(ops.where(weights > 0, x * x, 0.0))
    return Parcel(1, [ops.reshape(count, (1,)), ops.reshape(ops.cast(total, "float32"), (1,))], [])


def steps(taken: Sequence[tuple[Any, Any, Activation | None]], ops: Any, backend: Any) -> tuple[Any, Any]:
    """Return sums and peaks of one step of a loop, for each sample: (batch, n) each, activation after activation.

    ``taken`` has z and a, (batch, positions…, units), and what is known of the function. All positions count.
    """
    sums: list[Any] = []
    peaks: list[Any] = []
    for z, a, activation in taken:
        z, a = _by_position(z, ops), _by_position(a, ops)
        sums.append(ops.ones_like(z[:, 0, :1]) * z.shape[1])
        sums += [ops.sum(ops.cast(column, "float32"), axis=1) for column in _columns(z, a, activation, ops)]
        flat = ops.reshape(z, (-1, z.shape[1] * z.shape[2]))
        sums.append(ops.cast(_bins(flat, ops.isnan(flat), ops, backend), "float32"))
        peaks += [ops.max(z, axis=1), -ops.min(z, axis=1)]
    return ops.concatenate(sums, axis=1), ops.concatenate(peaks, axis=1)


def _by_position(tensor: Any, ops: Any) -> Any:
    """Return (batch, positions…, units) as float32 (batch, positions, units)."""
    positions = 1
    for length in tensor.shape[1:-1]:
        positions *= length
    return ops.reshape(ops.cast(tensor, "float32"), (-1, positions, tensor.shape[-1]))


def step_parcels(sums: Any, peaks: Any, widths: Sequence[int], ops: Any) -> list[Parcel]:
    """Return a parcel for each activation of a loop, ``widths`` units wide, from what :func:`steps` added up."""
    sums, peaks = ops.sum(sums, axis=0), ops.max(peaks, axis=0)
    parcels = []
    at = top = 0
    for width in widths:
        count, columns = sums[at : at + 1], []
        at += 1
        for _ in UNIT_SUMS:
            columns.append(sums[at : at + width])
            at += width
        total = columns[UNIT_SUMS.index("z")]
        tops = [peaks[top : top + width], peaks[top + width : top + 2 * width]]
        parcels.append(Parcel(width, [count, *columns, total, sums[at : at + BINS]], tops))
        at, top = at + BINS, top + 2 * width
    return parcels
