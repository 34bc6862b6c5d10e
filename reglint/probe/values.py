"""What the rooms of the probe hand to each other: plain values without a tensor in them, ready for JSON.

Shares are fractions from 0 to 1. A figure that does not apply, or that nobody could measure, is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from reglint.findings import Severity

EDGES = (
    -100.0,
    -30.0,
    -10.0,
    -6.0,
    -4.36,
    -3.0,
    -2.18,
    -1.0,
    -0.5,
    0.0,
    0.5,
    1.0,
    2.18,
    3.0,
    4.36,
    6.0,
    10.0,
    30.0,
    100.0,
)
"""Where the bins of a histogram of pre-activations part; one more bin lies below the first and one above the last;
an edge belongs to the bin below it.

4.36 and 2.18 are where the local gain of a sigmoid and of a tanh falls below SATURATED_GAIN.
"""

SATURATED_GAIN = 0.05
"""An element is saturated where its local gain f'(z) / max f' is below this."""


class ProbeError(Exception):
    """The model cannot be probed: what is wrong, where, and what to do, in one line. The command exits with 2."""


@dataclass(frozen=True)
class Place:
    """Where a layer was constructed: rows and columns from 1, in characters."""

    filename: str
    row: int
    column: int = 1
    end_row: int | None = None
    end_column: int | None = None


@dataclass(frozen=True)
class Kernel:
    """The weights in front of an activation, and how its pre-activation comes about.

    rms(z - b) = ``input_rms`` · ``weight_scale`` · ``alignment``. ``weight_scale`` is kernel_rms · √fan_in (ω of the
    method), ``alignment`` what is left over (κ): 1 for inputs that have nothing to do with the weights, more where they
    add up instead of cancelling out.
    """

    layer: str
    class_name: str
    input_rms: float
    kernel_rms: float
    fan_in: int
    bias_rms: float | None
    weight_scale: float
    alignment: float


@dataclass(frozen=True)
class Site:
    """One activation at one place of the model, over all samples.

    ``layer`` is the path of layer names from the model down, ``encoder/dense``; a further call of a shared layer ends
    in ``#2``. ``site`` is ``activation``, ``softmax``, a gate (``gate:i``) or the operation (``ops.tanh``). ``fused``
    says that the activation is an argument of the layer that holds the kernel, ``normalised`` that a BatchNormalization
    or another normalisation stands directly before it. ``evaluations`` counts the values of each unit that went into
    the shares (masked ones never do), ``every_position`` says whether all positions of the feature map were among them;
    minimum, maximum, ``dead_units`` and ``non_finite`` (units that ever gave infinity or no number) always cover every
    position. ``histogram`` has a count for each bin of EDGES, over all units (of some thousand values of each batch,
    unless every position counts). For a softmax the saturated share is that of rows with a probability above 0.99, and
    ``largest_logit`` the farthest that a first choice lies above its row's mean logit, its extremes are those of the
    rows that were counted; gain, stuck and dead units do not apply.
    """

    layer: str
    class_name: str
    site: str
    activation: str
    role: str
    fused: bool
    normalised: bool
    units: int
    samples: int
    evaluations: int
    every_position: bool
    saturated_fraction: float | None
    saturated_low: float | None
    saturated_high: float | None
    stuck_units: float | None
    dead_units: float | None
    mean_gain: float | None
    preactivation_mean: float
    preactivation_rms: float
    preactivation_min: float
    preactivation_max: float
    non_finite: float
    histogram: tuple[int, ...]
    largest_logit: float | None = None
    kernel: Kernel | None = None


@dataclass(frozen=True)
class Output:
    """What a model's classifying output got right; only with labels.

    ``samples`` counts answers: one for each row of a softmax, one for each sigmoid. ``confident`` is the share of
    samples with a probability above 0.99, ``confident_errors`` that share among the errors (None without errors),
    ``chance`` the accuracy of always naming the most frequent class.
    """

    layer: str
    activation: str
    samples: int
    classes: int
    accuracy: float
    chance: float
    errors: int
    confident: float
    confident_errors: float | None
    largest_logit: float | None


@dataclass(frozen=True)
class Penalty:
    """One regularizer of the model and what it contributes to the loss.

    ``argument`` is the keyword that set it (``kernel_regularizer``), ``regularizer`` how Keras would write it down
    (``L2(l2=0.001)``), ``strength`` its constants. ``penalty`` is the loss that it adds for a batch, ``share`` that
    part of the whole loss, ``gradient_ratio`` ‖∇penalty‖ / ‖∇data loss‖ over the weights that it reaches (both need
    labels).
    """

    layer: str
    class_name: str
    argument: str
    regularizer: str
    strength: Mapping[str, float]
    penalty: float
    share: float | None = None
    gradient_ratio: float | None = None


@dataclass(frozen=True)
class Unreached:
    """A part of the model whose activations the probe could not see, and why, in a clause."""

    layer: str
    reason: str


@dataclass(frozen=True)
class ProbeFinding:
    """A finding about a layer.

    ``data`` has the fields of REG4xx that reports carry; ``place`` is where it was constructed.
    """

    code: str
    name: str
    severity: Severity
    message: str
    layer: str
    data: Mapping[str, Any] = field(default_factory=dict)
    place: Place | None = None


@dataclass(frozen=True)
class Measurement:
    """What the model did with the data, before anybody judges it."""

    sites: tuple[Site, ...]
    outputs: tuple[Output, ...]
    unreached: tuple[Unreached, ...]
    samples: int
    library: str
    backend: str
    device: str
    seconds: float


@dataclass(frozen=True)
class ProbeReport:
    """All that a probe found out.

    ``state`` is ``trained``, ``initial`` or ``unknown``; ``synthetic`` says that there was no data.
    """

    model: str
    measurement: Measurement
    findings: tuple[ProbeFinding, ...] = ()
    penalties: tuple[Penalty, ...] = ()
    state: str = "unknown"
    synthetic: bool = False
    places: Mapping[str, Place] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The report as dicts, lists, strings and numbers."""
        return asdict(self)

    def _repr_html_(self) -> str:
        """The report as a notebook shows it."""
        from reglint.probe.views.display import fragment

        return fragment(self)

    def __str__(self) -> str:
        from reglint.probe.views.display import plain

        return plain(self)
