"""The activation functions that saturate: their local gain f'(z) / max f', and what their ends mean.

The formulas run on a device (``ops`` is ``keras.ops``) and on the host (``ops`` is numpy): one table for the statistics
and for the curves of the report. Functions that are not here, such as a user's own, are counted but not judged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Gain = Callable[[Any, Any, Any], Any]


class Activation(NamedTuple):
    """A function as the probe judges it.

    ``gain(ops, z, a)`` is the local gain for pre-activations z and outputs a = f(z), from 0 to 1. At ``dead_below`` and
    under it the function is flat by design: values there are no fault, a unit that never gets above it is dead.
    """

    name: str
    gain: Gain
    value: Callable[[Any, Any], Any] | None = None
    dead_below: float | None = None


def _logistic(ops: Any, z: Any) -> Any:
    return 1.0 / (1.0 + ops.exp(-z))


def _softplus(ops: Any, z: Any) -> Any:
    return ops.log1p(ops.exp(-ops.abs(z))) + ops.maximum(z, 0.0)


def _inside(ops: Any, values: Any, low: float, high: float) -> Any:
    return ops.where(ops.logical_and(values > low, values < high), 1.0, 0.0)


def _silu(ops: Any, z: Any, _: Any) -> Any:
    share = _logistic(ops, z)
    return ops.abs(share * (1.0 + z * (1.0 - share))) / 1.09984  # its steepest slope, at z = 2.4


def _gelu(ops: Any, z: Any, _: Any) -> Any:
    # The tanh form of the normal distribution function is within 3e-4, and numpy has no other.
    inner = 0.7978845608 * (z + 0.044715 * z * z * z)
    below = 0.5 * (1.0 + ops.tanh(inner))
    return ops.abs(below + z * ops.exp(-0.5 * z * z) * 0.3989422804) / 1.12892


def _mish(ops: Any, z: Any, _: Any) -> Any:
    bent = ops.tanh(_softplus(ops, z))
    return ops.abs(bent + z * (1.0 - bent * bent) * _logistic(ops, z)) / 1.08850


_TABLE = (
    Activation("sigmoid", lambda ops, z, a: 4.0 * a * (1.0 - a), _logistic),
    Activation("tanh", lambda ops, z, a: 1.0 - a * a, lambda ops, z: ops.tanh(z)),
    Activation("softsign", lambda ops, z, a: 1.0 / (1.0 + ops.abs(z)) ** 2),
    Activation("hard_sigmoid", lambda ops, z, a: _inside(ops, a, 0.0, 1.0), lambda ops, z: ops.clip(z / 6 + 0.5, 0, 1)),
    Activation("hard_tanh", lambda ops, z, a: _inside(ops, a, -1.0, 1.0), lambda ops, z: ops.clip(z, -1, 1)),
    Activation("relu", lambda ops, z, a: ops.where(z > 0, 1.0, 0.0), dead_below=0.0),
    Activation("relu6", lambda ops, z, a: _inside(ops, z, 0.0, 6.0), dead_below=0.0),
    Activation("elu", lambda ops, z, a: ops.exp(ops.minimum(z, 0.0))),
    Activation("celu", lambda ops, z, a: ops.exp(ops.minimum(z, 0.0))),
    Activation("selu", lambda ops, z, a: ops.where(z > 0, 0.59764, ops.exp(ops.minimum(z, 0.0)))),
    Activation("softplus", lambda ops, z, a: 1.0 - ops.exp(-a), _softplus),
    Activation("log_sigmoid", lambda ops, z, a: 1.0 - ops.exp(a), lambda ops, z: -_softplus(ops, -z)),
    Activation("silu", _silu),
    Activation("gelu", _gelu),
    Activation("mish", _mish),
    Activation(
        "hard_silu",
        lambda ops, z, a: ops.where(z > 3.0, 0.66667, _inside(ops, z, -3.0, 3.0) * ops.abs(2.0 * z + 3.0) / 9.0),
        dead_below=-3.0,
    ),
)
_ACTIVATIONS = {activation.name: activation for activation in _TABLE}
_ALIASES = {"swish": "silu", "hard_swish": "hard_silu"}

SOFTMAX = ("softmax", "log_softmax")
"""Functions over a row: judged by the probability of the row's first choice, not by a gain."""


def find(name: str) -> Activation | None:
    """Return what is known about the function of that name, or None."""
    return _ACTIVATIONS.get(_ALIASES.get(name, name))


def gain_curve(activation: str, z: Sequence[float]) -> list[float] | None:
    """Return the local gain of an activation at the given pre-activations, or None where there is no such curve."""
    import numpy

    known = find(activation)
    if known is None:
        return None
    points = numpy.asarray(z, dtype="float64")
    with numpy.errstate(over="ignore"):
        values = known.value(numpy, points) if known.value is not None else points
        gains = known.gain(numpy, points, values)
    return [float(gain) if math.isfinite(gain) else 0.0 for gain in gains]
