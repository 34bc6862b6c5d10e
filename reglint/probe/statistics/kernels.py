"""The weights in front of an activation: their size, and how much of the pre-activation comes from them."""

from __future__ import annotations

import math
from typing import Any

import numpy

from reglint.probe.taps.frames import gate_columns
from reglint.probe.values import Kernel


def kernel_of(
    layer: Any, path: str, site: str, input_rms: float, mean: numpy.ndarray, square: numpy.ndarray
) -> Kernel | None:
    """Return what made a pre-activation: ``mean`` and ``square`` are E[z] and E[z²] of each unit.

    None where the layer's kernel cannot be read, or has no single fan-in.
    """
    kernel, bias = _weights(layer, site)
    fan_in = _fan_in(layer, kernel)
    if kernel is None or not fan_in:
        return None
    kernel_rms = _rms(kernel)
    scale = kernel_rms * math.sqrt(fan_in)
    without_bias = math.sqrt(max(_mean_square(mean, square, bias), 0.0))
    expected = input_rms * scale
    alignment = without_bias / expected if expected > 0 and math.isfinite(expected) else 1.0
    bias_rms = None if bias is None else _rms(bias)
    return Kernel(path, type(layer).__name__, input_rms, kernel_rms, fan_in, bias_rms, scale, alignment)


def kernel_variable(layer: Any) -> Any:
    """Return the variable with the weights that a layer multiplies its inputs with, or None without a single one."""
    kernel = getattr(layer, "kernel", None)
    if kernel is None and "Depthwise" in type(layer).__name__:  # as tf_keras calls it
        return getattr(layer, "depthwise_kernel", None)
    return kernel


def _weights(layer: Any, site: str) -> tuple[numpy.ndarray | None, numpy.ndarray | None]:
    """Return kernel and bias as float64; of a cell only the columns of the gate."""
    kernel = _array(kernel_variable(layer))
    bias = _array(getattr(layer, "bias", None))
    columns = gate_columns(layer, site.removeprefix("gate:")) if site.startswith("gate:") else None
    if site == "gate:c":  # the cell state has no weights of its own
        return None, None
    if bias is not None and columns is not None and bias.ndim == 2:
        bias = bias.sum(axis=0)  # GRU: a bias for the inputs and one for the state
    if columns is not None:
        kernel = None if kernel is None else kernel[..., slice(*columns)]
        bias = None if bias is None else bias[slice(*columns)]
    return kernel, bias


def _array(variable: Any) -> numpy.ndarray | None:
    if variable is None:
        return None
    from keras import ops

    try:
        return numpy.asarray(ops.convert_to_numpy(variable), dtype="float64")
    except (TypeError, ValueError):
        return None


def _fan_in(layer: Any, kernel: numpy.ndarray | None) -> int | None:
    """Return how many inputs a unit adds up."""
    if kernel is None or kernel.ndim == 0:
        return None
    equation = getattr(layer, "equation", None)
    if isinstance(equation, str) and "->" in equation:
        operands, result = equation.split("->")
        labels = operands.split(",")[-1].replace("...", "")
        sizes = [size for label, size in zip(labels, kernel.shape, strict=False) if label not in result]
        return int(math.prod(sizes)) or None
    name = type(layer).__name__
    if "Depthwise" in name:
        return int(math.prod(kernel.shape[:-2]))
    if "Transpose" in name:
        return int(math.prod(kernel.shape[:-2]) * kernel.shape[-1])
    return int(math.prod(kernel.shape[:-1]))


def _mean_square(mean: numpy.ndarray, square: numpy.ndarray, bias: numpy.ndarray | None) -> float:
    """Return E[(z - b)²] over all units."""
    if bias is None or bias.size != mean.size:
        return float(numpy.mean(square))
    flat = bias.reshape(-1)
    return float(numpy.mean(square - 2 * flat * mean + flat * flat))


def _rms(array: numpy.ndarray) -> float:
    return float(numpy.sqrt(numpy.mean(numpy.square(array)))) if array.size else 0.0
