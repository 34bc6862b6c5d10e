"""JAX: a jitted function of the model's variables, so that nothing that happens inside changes the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import keras
from jax import numpy as jnp

from reglint.probe.values import EDGES


def histogram(values: Any, skip: Any) -> Any:
    """Return how many values of each row lie between EDGES: (rows, n) and a mask of what to skip to (rows, bins)."""
    # A scatter is slow on a CPU; one comparison for each edge is fused with its sum.
    kept = jnp.ones_like(values, dtype=bool) if skip is None else ~skip
    above = [jnp.sum(kept & (values >= edge), axis=1) for edge in EDGES]
    everything = jnp.sum(kept, axis=1)
    levels = jnp.stack([everything, *above, jnp.zeros_like(everything)], axis=1).astype("float32")
    return levels[:, :-1] - levels[:, 1:]


def compiled(model: Any, step: Callable[[Any, Any], Sequence[Any]]) -> Callable[[Any, Any], list[Any]]:
    """Return ``step(inputs, labels)`` as a function of numpy arrays; what it gives stays on the device."""

    def pure(values: list[Any], inputs: Any, labels: Any) -> list[Any]:
        with keras.StatelessScope(state_mapping=list(zip(model.variables, values, strict=True))):
            return list(step(inputs, labels))

    traced = jax.jit(pure)

    def run(inputs: Any, labels: Any) -> list[Any]:
        values = [variable.value for variable in model.variables]
        return list(traced(values, inputs, labels))

    return run


def scope() -> object:
    """Return what stays the same as long as values may leave; JAX says itself where one left too late."""
    return None


def device_of(tensor: Any) -> str:
    """Return where a tensor lies, such as ``CPU:0``."""
    device = next(iter(jnp.asarray(tensor).devices()))
    return f"{device.platform.upper()}:{device.id}"
