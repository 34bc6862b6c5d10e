"""JAX: a jitted function of the model's variables, so that nothing that happens inside changes the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import keras
from jax import numpy as jnp

from reglint.probe.statistics.devices import divides
from reglint.probe.values import EDGES

DIRECT = {"jax.nn": jax.nn, "jax.numpy": jnp}
"""Modules of the framework whose activations a layer of the user's may call, past ``keras.ops``."""


def histogram(values: Any, skip: Any) -> Any:
    """Return how many values of each row lie between EDGES: (rows, n) and a mask of what to skip to (rows, bins)."""
    # A scatter is slow on a CPU; one comparison for each edge is fused with its sum.
    kept = jnp.ones_like(values, dtype=bool) if skip is None else ~skip
    above = [jnp.sum(kept & (values >= edge), axis=1) for edge in EDGES]
    everything = jnp.sum(kept, axis=1)
    levels = jnp.stack([everything, *above, jnp.zeros_like(everything)], axis=1).astype("float32")
    return levels[:, :-1] - levels[:, 1:]


def thinned(tensor: Any, axis: int, start: Any, stride: Any) -> Any:
    """Return every ``stride``-th slice along an axis, from ``start`` on."""
    return tensor[(slice(None),) * axis + (slice(start, None, stride),)]


def compiled(model: Any, step: Callable[[Any, Any], Sequence[Any]]) -> Callable[[Any, Any], list[Sequence[Any]]]:
    """Return ``step(inputs, labels)`` as a function of numpy arrays; what it gives stays on the device.

    The function returns a list with one result: that of all devices, where Keras has a distribution.
    """

    def pure(values: list[Any], inputs: Any, labels: Any) -> list[Any]:
        with keras.StatelessScope(state_mapping=list(zip(model.variables, values, strict=True))):
            return list(step(inputs, labels))

    traced = jax.jit(pure)

    def run(inputs: Any, labels: Any) -> list[Sequence[Any]]:
        values = [variable.value for variable in model.variables]
        return [traced(values, *_dealt((inputs, labels)))]

    return run


def _dealt(batch: Any) -> Any:
    """Return the arrays of a batch, split among the devices that Keras distributes to; JAX merges what they compute."""
    distribution = keras.distribution.distribution()
    if distribution is None or distribution.batch_dim_name is None:
        return batch
    mesh = distribution.device_mesh
    count = mesh.shape[mesh.axis_names.index(distribution.batch_dim_name)]
    if not divides(count, jax.tree.leaves(batch)):
        return batch
    deal = keras.distribution.distribute_tensor
    return jax.tree.map(lambda each: deal(jnp.asarray(each), distribution.get_data_layout(each.shape)), batch)


def scope() -> object:
    """Return what stays the same as long as values may leave; JAX says itself where one left too late."""
    return None


def devices_of(tensor: Any) -> list[str]:
    """Return where a tensor lies, such as ``CPU:0``: on all devices that computed it."""
    return [f"{device.platform.upper()}:{device.id}" for device in jnp.asarray(tensor).devices()]
