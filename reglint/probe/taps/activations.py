"""The activation functions that saturate: their local gain f'(z) / max f', and what their ends mean.

The formulas run on a device (``ops`` is ``keras.ops``) and on the host (``ops`` is numpy): one table for the statistics
and for the curves of the report. Functions that are not here, such as a user's own, are counted but not judged.

A function that was called with options has them in its name, ``elu(alpha=0.5)``: whoever has the name has the curve.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
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


def _rectifier(
    name: str = "relu", negative_slope: float = 0.0, max_value: float = math.inf, threshold: float = 0.0
) -> Activation:
    # Where there is a largest value, Keras clips at zero, too.
    low, slope = threshold if max_value == math.inf else max(threshold, 0.0), abs(negative_slope)

    def gain(ops: Any, z: Any, _: Any) -> Any:
        above = _inside(ops, z, low, max_value)
        return above if slope == 0 else ops.where(z <= threshold, slope, above) / max(slope, 1.0)

    return Activation(name, gain, dead_below=low if slope == 0 else None)


def _elu(alpha: float = 1.0) -> Activation:
    slope = abs(alpha)

    def gain(ops: Any, z: Any, _: Any) -> Any:
        return ops.where(z > 0, 1.0, slope * ops.exp(ops.minimum(z, 0.0))) / max(slope, 1.0)

    return Activation("elu", gain, dead_below=0.0 if slope == 0 else None)


def _celu(alpha: float = 1.0) -> Activation | None:
    if alpha <= 0:
        return None  # its slope has no limit
    return Activation("celu", lambda ops, z, a: ops.exp(ops.minimum(z, 0.0) / alpha))


_WITH_OPTIONS: dict[str, Callable[..., Activation | None]] = {"relu": _rectifier, "elu": _elu, "celu": _celu}
_DEFAULTS = {
    "relu": {"negative_slope": "0", "max_value": "None", "threshold": "0"},
    "leaky_relu": {"negative_slope": "0.2"},
    "elu": {"alpha": "1"},
    "celu": {"alpha": "1"},
}
"""The options that change the curve of a function, in their order, as a name spells them."""

_TABLE = (
    Activation("sigmoid", lambda ops, z, a: 4.0 * a * (1.0 - a), _logistic),
    Activation("tanh", lambda ops, z, a: 1.0 - a * a, lambda ops, z: ops.tanh(z)),
    Activation("softsign", lambda ops, z, a: 1.0 / (1.0 + ops.abs(z)) ** 2),
    Activation("hard_sigmoid", lambda ops, z, a: _inside(ops, a, 0.0, 1.0), lambda ops, z: ops.clip(z / 6 + 0.5, 0, 1)),
    Activation("hard_tanh", lambda ops, z, a: _inside(ops, a, -1.0, 1.0), lambda ops, z: ops.clip(z, -1, 1)),
    _rectifier("relu6", max_value=6.0),
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


def called(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Return the name of a function with the options of a call of it, as :func:`find` takes it.

    ``args`` has the input first. Options that change nothing are left out, one that is a tensor is written as ``?``;
    a rectifier goes by a name of its own where there is one.
    """
    defaults = _DEFAULTS.get(name)
    if defaults is None:
        return name
    given = dict(zip(defaults, args[1:], strict=False)) | {key: kwargs[key] for key in defaults if key in kwargs}
    changed = {key: text for key, value in given.items() if (text := _spelled(value)) != defaults[key]}
    if name == "leaky_relu":
        return "relu" if changed == {"negative_slope": "0"} else name
    if name == "relu" and changed.keys() == {"negative_slope"}:
        return "leaky_relu"
    if name == "relu" and changed == {"max_value": "6"}:
        return "relu6"
    options = ", ".join(f"{key}={changed[key]}" for key in defaults if key in changed)
    return f"{name}({options})" if options else name


def _spelled(option: Any) -> str:
    """Spell a number of Python or NumPy, or None; a tensor, of which nobody knows the value yet, is a question mark."""
    if option is None:
        return "None"
    # tf_keras turns the options of its layers into arrays without axes.
    is_number = isinstance(option, (int, float)) or (type(option).__module__ == "numpy" and option.ndim == 0)
    return f"{float(option):g}" if is_number else "?"


def find(name: str) -> Activation | None:
    """Return what is known about the function of that name, options included, or None."""
    known = _ACTIVATIONS.get(_ALIASES.get(name, name))
    if known is not None:
        return known
    function, _, options = name.partition("(")
    make = _WITH_OPTIONS.get(function)
    if make is None:
        return None
    try:
        return make(**{key: float(value) for key, value in re.findall(r"(\w+)=([^,)]+)", options)})
    except (TypeError, ValueError):  # a question mark, or an option of somebody else's function
        return None


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
