"""Whether the weights of a model look as their initialisers left them.

A step counter of zero does not say so: ``compile`` after ``load_weights`` starts a new optimizer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

_CONSTANT = {"Zeros": 0.0, "Ones": 1.0}
_ROUNDING = 1e-7  # of a constant such as 0.1 in float32


def looks_fresh(model: Any) -> bool:
    """Takes a built model of Keras 3 or tf_keras; says whether all weights that start at a constant still have it.

    Such are biases, the scales and offsets of normalisations and their moving statistics, wherever a layer keeps the
    initialiser of ``name`` as ``name_initializer``. One step of training moves some of them, and so does loading
    trained weights. False where the model has none of them, since nothing can then be told.
    """
    checks = [np.allclose(value, expected, rtol=_ROUNDING, atol=0) for value, expected in _constants(model)]
    return bool(checks) and all(checks)


def _constants(model: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the values of each variable that starts at a constant, with what it starts at."""
    from keras import ops

    for layer in model._flatten_layers():
        for name in [each for each in vars(layer) if each.endswith("_initializer")]:
            variable = getattr(layer, name.removesuffix("_initializer"), None)
            start = _start(getattr(layer, name))
            if start is not None and hasattr(variable, "assign"):
                value = np.asarray(ops.convert_to_numpy(variable), dtype="float64")
                yield value, _expected(layer, name, start, value.shape)


def _start(initializer: Any) -> float | None:
    kind = type(initializer).__name__
    constant = initializer.value if kind == "Constant" else _CONSTANT.get(kind)
    return float(constant) if isinstance(constant, (int, float)) else None


def _expected(layer: Any, name: str, start: float, shape: tuple[int, ...]) -> Any:
    expected = np.full(shape, start)
    if name == "bias_initializer" and getattr(layer, "unit_forget_bias", False):
        units = shape[-1] // 4  # i, f, c, o
        expected[units : 2 * units] = 1.0
    return expected
