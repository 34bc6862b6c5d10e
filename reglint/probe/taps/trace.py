"""What is gathered while a model is called: the activations that were tapped, and who made which tensor."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reglint.probe.statistics import reductions
from reglint.probe.taps.activations import Activation
from reglint.probe.taps.frames import Frame, Paths


@dataclass
class Record:
    """One activation in one trace: who it is, and the parcel of numbers that it gave."""

    path: str
    layer: Any
    site: str
    activation: str
    judged: Activation | None
    parcel: reductions.Parcel
    softmax: bool = False
    attention: bool = False
    sampled: bool = False
    normalised: bool = False
    fused: bool = False
    kernel_path: str | None = None
    kernel_layer: Any = None
    input_parcel: reductions.Parcel | None = None
    output: Any = None
    output_index: int | None = None
    answers: reductions.Parcel | None = None


@dataclass
class Made:
    """What a layer made: enough to find the weights in front of an activation layer."""

    layer: Any
    path: str
    inputs: Any
    mask: Any
    output: Any


@dataclass
class Taken:
    """What was tapped in one step of a loop."""

    frame: Frame
    site: str
    name: str
    judged: Activation | None
    function: Callable[[Any], Any]
    z: Any
    a: Any


@dataclass
class Trace:
    """What is gathered while the model is called once (for TensorFlow and JAX: traced once).

    ``hidden`` says by path why nothing could be tapped there, ``direct`` which activations went past ``keras.ops``.
    """

    paths: Paths = field(default_factory=Paths)
    frames: list[Frame] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    made: dict[int, Made] = field(default_factory=dict)
    step: list[Taken] | None = None
    hidden: dict[str, str] = field(default_factory=dict)
    direct: dict[str, str] = field(default_factory=dict)
    muted: str | None = None
    busy: bool = False
    scope: Any = None


def reference(value: Any) -> Callable[[], Any]:
    """Return a weak reference to a tensor, so that a tap keeps no activation alive.

    A strong one where there is none.
    """
    try:
        return weakref.ref(value)
    except TypeError:
        return lambda: value
