"""The gain of an activation is the slope of the function as it was called, over its steepest slope."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from reglint.probe.taps.activations import called, find, gain_curve

np = pytest.importorskip("numpy")
Function = Callable[[Any], Any]


def rectifier(z: Any, slope: float = 0.0, most: float = math.inf, threshold: float = 0.0) -> Any:
    """Keras's formula: clipped at zero too where there is a largest value."""
    above = np.where(z > threshold, z, 0)
    above = above if most == math.inf else np.clip(above, 0, most)
    return above - slope * np.maximum(threshold - z, 0)


def elu(z: Any, alpha: float) -> Any:
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def celu(z: Any, alpha: float) -> Any:
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0) / alpha))


FUNCTIONS: dict[str, Function] = {
    "relu": rectifier,
    "relu6": lambda z: rectifier(z, most=6),
    "relu(max_value=3)": lambda z: rectifier(z, most=3),
    "relu(threshold=1)": lambda z: rectifier(z, threshold=1),
    "relu(threshold=-1)": lambda z: rectifier(z, threshold=-1),
    "relu(max_value=3, threshold=-1)": lambda z: rectifier(z, most=3, threshold=-1),
    "relu(negative_slope=0.1, max_value=6)": lambda z: rectifier(z, 0.1, 6),
    "relu(negative_slope=2, max_value=6)": lambda z: rectifier(z, 2, 6),
    "relu(negative_slope=0.1, threshold=1)": lambda z: rectifier(z, 0.1, threshold=1),
    "relu(negative_slope=0.1, max_value=3, threshold=1)": lambda z: rectifier(z, 0.1, 3, 1),
    "elu": lambda z: elu(z, 1),
    "elu(alpha=0.5)": lambda z: elu(z, 0.5),
    "elu(alpha=3)": lambda z: elu(z, 3),
    "elu(alpha=0)": lambda z: elu(z, 0),
    "celu": lambda z: celu(z, 1),
    "celu(alpha=0.5)": lambda z: celu(z, 0.5),
    "celu(alpha=4)": lambda z: celu(z, 4),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_gain_is_the_numerical_slope_over_the_steepest_one(name: str) -> None:
    # No point is nearer than a step to a kink or a jump, which all are at tenths.
    z, step = np.arange(-9.95, 9.95, 0.01) + 0.005, 1e-4
    slope = np.abs(FUNCTIONS[name](z + step) - FUNCTIONS[name](z - step)) / (2 * step)
    steepest = (
        np.abs(FUNCTIONS[name](np.array([-1e-6, 4.0])) - FUNCTIONS[name](np.array([-2e-6, 3.999999]))).max() / 1e-6
    )
    curve = gain_curve(name, list(z))
    assert curve is not None
    assert max(slope / max(slope.max(), steepest) - curve, key=abs) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_unit_is_dead_where_the_function_is_flat_from_there_downwards(name: str) -> None:
    values = FUNCTIONS[name](np.arange(-15, 9, 0.25))
    flat = np.flatnonzero(np.abs(np.diff(values)) > 0)[0]
    known = find(name)
    assert known is not None
    expected = None if flat == 0 else float(-15 + 0.25 * flat)
    assert known.dead_below == expected


CALLS: dict[str, tuple[str, Sequence[Any], dict[str, Any]]] = {
    "relu": ("relu", (), {"negative_slope": 0.0, "max_value": None, "threshold": 0.0}),
    "relu6": ("relu", (), {"max_value": 6.0}),
    "leaky_relu": ("relu", (), {"negative_slope": 0.1}),
    "relu(negative_slope=0.1, max_value=6)": ("relu", (0.1,), {"max_value": 6.0}),
    "relu(threshold=1)": ("relu", (0.0, None, 1), {}),
    "elu": ("elu", (1.0,), {}),
    "elu(alpha=0.5)": ("elu", (), {"alpha": np.float32(0.5)}),
    "elu(alpha=0.1)": ("elu", (), {"alpha": np.asarray(0.1, "float32")}),
    "celu(alpha=2)": ("celu", (2.0,), {"name": "somebody's"}),
    "softmax": ("softmax", (-2,), {}),
    "sigmoid": ("sigmoid", (), {}),
}


@pytest.mark.parametrize("expected", CALLS)
def test_a_name_tells_the_options_that_change_something(expected: str) -> None:
    name, args, kwargs = CALLS[expected]
    assert called(name, ["the input", *args], kwargs) == expected


def test_a_leaky_rectifier_without_a_slope_is_a_rectifier() -> None:
    assert called("leaky_relu", ["the input"], {"negative_slope": 0}) == "relu"
    assert called("leaky_relu", ["the input"], {"negative_slope": 0.01}) == "leaky_relu"


@pytest.mark.parametrize("name", ["relu", "elu", "celu"])
def test_a_function_whose_option_is_a_tensor_is_not_judged(name: str) -> None:
    option = {"relu": "max_value"}.get(name, "alpha")
    for value in (object(), np.ones(3)):
        given = called(name, ["the input"], {option: value})
        assert given == f"{name}({option}=?)"
        assert find(given) is None


@pytest.mark.parametrize("name", ["prelu", "celu(alpha=-1)", "relu(x=1)", "<lambda>", "my_own(alpha=2)"])
def test_what_nobody_knows_is_not_judged(name: str) -> None:
    assert find(name) is None
    assert gain_curve(name, [0.0]) is None
