"""TensorFlow: a ``tf.function`` without XLA, which on a CPU takes longer to compile than the probe takes to run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from reglint.probe.values import EDGES


def histogram(values: Any, skip: Any) -> Any:
    """Return how many values of each row lie between EDGES: (rows, n) and a mask of what to skip to (rows, bins)."""
    bins = tf.raw_ops.Bucketize(input=values, boundaries=list(EDGES))
    if skip is not None:
        bins = tf.where(skip, len(EDGES) + 1, bins)
    counts = tf.math.bincount(bins, minlength=len(EDGES) + 2, maxlength=len(EDGES) + 2, axis=-1)
    return tf.cast(counts[:, : len(EDGES) + 1], tf.float32)


def compiled(model: Any, step: Callable[[Any, Any], Sequence[Any]]) -> Callable[[Any, Any], list[Any]]:
    """Return ``step(inputs, labels)`` as a function of numpy arrays; what it gives stays on the device."""
    traced = tf.function(step, reduce_retracing=True, autograph=False)

    def run(inputs: Any, labels: Any) -> list[Any]:
        return list(traced(*tf.nest.map_structure(tf.convert_to_tensor, (inputs, labels))))

    return run


def scope() -> object:
    """Return the graph that is being built: what a function inside of it computes cannot leave it."""
    return tf.compat.v1.get_default_graph()


def device_of(tensor: Any) -> str:
    """Return where a tensor lies, such as ``CPU:0``."""
    return str(tf.convert_to_tensor(tensor).device).rpartition("device:")[2] or "CPU:0"
