"""Adds up, in float64 on the host, what each batch sent, and turns the sums into the statistics of a site."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy

from reglint.probe.statistics.kernels import kernel_of
from reglint.probe.statistics.reductions import BINS, UNIT_SUMS, Parcel
from reglint.probe.taps.activations import Activation
from reglint.probe.taps.trace import Record, Trace
from reglint.probe.values import Output, Site

STUCK = 0.999
"""A unit is stuck where at least this share of its values lies at one end."""


@dataclass
class Tally:
    """The sums of one site over the batches so far."""

    record: Record
    units: int
    sums: numpy.ndarray = field(default_factory=lambda: numpy.zeros(0))
    peaks: numpy.ndarray = field(default_factory=lambda: numpy.zeros(0))
    inputs: numpy.ndarray = field(default_factory=lambda: numpy.zeros(0))
    answers: numpy.ndarray = field(default_factory=lambda: numpy.zeros(0))

    def add(self, sums: numpy.ndarray, peaks: numpy.ndarray, inputs: numpy.ndarray, answers: numpy.ndarray) -> None:
        """Add a batch."""
        first = not self.sums.size
        self.sums = sums if first else self.sums + sums
        self.peaks = peaks if first else numpy.maximum(self.peaks, peaks)
        self.inputs = inputs if first else self.inputs + inputs
        self.answers = answers if first else self.answers + answers


def flattened(trace: Trace, ops: Any) -> tuple[Any, Any]:
    """Return all sums and all peaks of a trace as two vectors: two things to fetch from the device, not hundreds."""
    sums: list[Any] = []
    peaks: list[Any] = []
    for record in trace.records:
        for parcel in _parcels(record):
            sums += [ops.reshape(ops.cast(each, "float32"), (-1,)) for each in parcel.sums]
            peaks += [ops.reshape(ops.cast(each, "float32"), (-1,)) for each in parcel.peaks]
    none = ops.zeros((0,), dtype="float32")
    return ops.concatenate([none, *sums]), ops.concatenate([none, *peaks])


def _parcels(record: Record) -> list[Parcel]:
    return [each for each in (record.parcel, record.input_parcel, record.answers) if each is not None]


def layout(trace: Trace) -> list[Tally]:
    """Return an empty tally for each record, in order; the records give up their tensors."""
    tallies = []
    for record in trace.records:
        tallies.append(Tally(record, record.parcel.units))
        record.output = None
        record.parcel = Parcel(record.parcel.units, [], [])
        record.input_parcel = record.input_parcel and Parcel(1, [], [])
        record.answers = record.answers and Parcel(1, [], [])
    return tallies


def add(tallies: Sequence[Tally], sums: numpy.ndarray, peaks: numpy.ndarray) -> None:
    """Add what :func:`flattened` sent for one batch."""
    sums, peaks = sums.astype("float64"), peaks.astype("float64")
    at, top = 0, 0
    for tally in tallies:
        widths = _widths(tally)
        parts = []
        for width in widths:
            parts.append(sums[at : at + width])
            at += width
        reach = 3 if tally.record.softmax else 2 * tally.units
        tally.add(parts[0], peaks[top : top + reach], parts[1], parts[2])
        top += reach
    if at != sums.size or top != peaks.size:
        raise RuntimeError("the model computed other activations in this batch than in the first")


def _widths(tally: Tally) -> tuple[int, int, int]:
    """Return how many sums a site sends: its own, those of its layer's inputs, those of its answers."""
    own = len(UNIT_SUMS) + BINS if tally.record.softmax else 1 + (len(UNIT_SUMS) + 1) * tally.units + BINS
    return own, 2 if tally.record.input_parcel else 0, 4 if tally.record.answers else 0


# --- statistics ------------------------------------------------------------------------------------------------------


def site_of(tally: Tally, samples: int) -> Site | None:
    """Return the statistics of a site, or None where nothing was counted (all of it masked)."""
    record = tally.record
    if not tally.sums.size or tally.sums[0] <= 0:
        return None
    return _softmax_site(tally, samples) if record.softmax else _elementwise_site(tally, samples)


def _elementwise_site(tally: Tally, samples: int) -> Site:
    record, units = tally.record, tally.units
    count = float(tally.sums[0])
    columns = tally.sums[1 : 1 + (len(UNIT_SUMS) + 1) * units].reshape(-1, units)
    low, high, gain, z, square, total = columns
    highest, lowest = tally.peaks[:units], -tally.peaks[units:]
    judged = record.judged
    return Site(
        **_identity(record, samples),
        units=units,
        evaluations=int(count),
        every_position=not record.sampled,
        saturated_fraction=None if judged is None else _share(low + high, count),
        saturated_low=None if judged is None else _share(low, count),
        saturated_high=None if judged is None else _share(high, count),
        stuck_units=None if judged is None else float(numpy.mean(numpy.maximum(low, high) >= STUCK * count)),
        dead_units=_dead(judged, highest),
        mean_gain=None if judged is None else _share(gain, count),
        preactivation_mean=_share(z, count),
        preactivation_rms=math.sqrt(max(_share(square, count), 0.0)),
        preactivation_min=float(numpy.min(lowest)),
        preactivation_max=float(numpy.max(highest)),
        non_finite=_non_finite(total, highest, lowest),
        histogram=tuple(int(bin_count) for bin_count in tally.sums[-BINS:]),
        kernel=_kernel(tally, z / count, square / count),
    )


def _identity(record: Record, samples: int) -> dict[str, Any]:
    return {
        "layer": record.path or str(record.layer.name),
        "class_name": type(record.layer).__name__,
        "site": record.site,
        "activation": record.activation,
        "role": _role(record),
        "fused": record.fused,
        "normalised": record.normalised,
        "samples": samples,
    }


def _role(record: Record) -> str:
    if record.site.startswith("gate:"):
        return "gate"
    if record.attention:
        return "attention"
    return "output" if record.output_index is not None else "hidden"


def _share(column: numpy.ndarray, count: float) -> float:
    return float(numpy.mean(column) / count)


def _dead(judged: Activation | None, highest: numpy.ndarray) -> float | None:
    if judged is None or judged.dead_below is None:
        return None
    return float(numpy.mean(highest <= judged.dead_below))


def _non_finite(total: numpy.ndarray, highest: numpy.ndarray, lowest: numpy.ndarray) -> float:
    """Return the share of units that ever gave infinity or no number: the sum over all positions shows either."""
    fine = numpy.isfinite(total) & numpy.isfinite(highest) & numpy.isfinite(lowest)
    return float(1.0 - numpy.mean(fine))


def _kernel(tally: Tally, mean: numpy.ndarray, square: numpy.ndarray) -> Any:
    record = tally.record
    if record.kernel_layer is None or not tally.inputs.size or tally.inputs[0] <= 0:
        return None
    input_rms = math.sqrt(max(float(tally.inputs[1] / tally.inputs[0]), 0.0))
    return kernel_of(record.kernel_layer, record.kernel_path or record.path, record.site, input_rms, mean, square)


def _softmax_site(tally: Tally, samples: int) -> Site:
    rows, confident, values, z, square = (float(number) for number in tally.sums[: len(UNIT_SUMS)])
    highest, lowest = float(tally.peaks[0]), float(-tally.peaks[1])
    values = max(values, 1.0)
    mean, mean_square = z / values, square / values
    return Site(
        **_identity(tally.record, samples),
        units=1,
        evaluations=int(rows),
        every_position=not tally.record.sampled,
        saturated_fraction=confident / rows,
        saturated_low=None,
        saturated_high=confident / rows,
        stuck_units=None,
        dead_units=None,
        mean_gain=None,
        preactivation_mean=mean,
        preactivation_rms=math.sqrt(max(mean_square, 0.0)),
        preactivation_min=lowest,
        preactivation_max=highest,
        non_finite=0.0 if math.isfinite(z) and math.isfinite(highest) and math.isfinite(lowest) else 1.0,
        histogram=tuple(int(bin_count) for bin_count in tally.sums[-BINS:]),
        largest_logit=_largest_logit(tally),
        kernel=_kernel(tally, numpy.asarray([mean]), numpy.asarray([mean_square])),
    )


def output_of(tally: Tally, classes: int, chance: float) -> Output | None:
    """Return how a classifying output did, or None where it had no labels."""
    if not tally.answers.size or tally.answers[0] <= 0:
        return None
    answers, right, confident, confident_wrong = (float(number) for number in tally.answers)
    errors = answers - right
    return Output(
        layer=tally.record.path or str(tally.record.layer.name),
        activation=tally.record.activation,
        samples=int(answers),
        classes=classes,
        accuracy=right / answers,
        chance=chance,
        errors=int(errors),
        confident=confident / answers,
        confident_errors=confident_wrong / errors if errors else None,
        largest_logit=_largest_logit(tally),
    )


def _largest_logit(tally: Tally) -> float:
    """Return the largest |z| of sigmoids; of a softmax how far a first choice lies above its row's mean."""
    return float(tally.peaks[2] if tally.record.softmax else numpy.max(numpy.abs(tally.peaks)))
