"""TensorFlow: a ``tf.function`` without XLA, which on a CPU takes longer to compile than the probe takes to run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from reglint.probe.statistics.devices import divides
from reglint.probe.values import EDGES

DIRECT = {"tf.nn": tf.nn, "tf.math": tf.math, "tf": tf}
"""Modules of the framework whose activations a layer of the user's may call, past ``keras.ops``."""


def histogram(values: Any, skip: Any) -> Any:
    """Return how many values of each row lie between EDGES: (rows, n) and a mask of what to skip to (rows, bins)."""
    bins = tf.raw_ops.Bucketize(input=values, boundaries=list(EDGES))
    if skip is not None:
        bins = tf.where(skip, len(EDGES) + 1, bins)
    counts = tf.math.bincount(bins, minlength=len(EDGES) + 2, maxlength=len(EDGES) + 2, axis=-1)
    return tf.cast(counts[:, : len(EDGES) + 1], tf.float32)


def thinned(tensor: Any, axis: int, start: Any, stride: Any) -> Any:
    """Return every ``stride``-th slice along an axis, from ``start`` on."""
    # A gather is three times as fast as a slice with a stride: measured on a CPU.
    return tf.gather(tensor, tf.range(start, tf.shape(tensor)[axis], stride), axis=axis)


def compiled(model: Any, step: Callable[[Any, Any], Sequence[Any]]) -> Callable[[Any, Any], list[Sequence[Any]]]:
    """Return ``step(inputs, labels)`` as a function of numpy arrays; what it gives stays on the device.

    The function returns a list of results: one for each device of a model that a MirroredStrategy distributes.
    """
    traced = tf.function(step, reduce_retracing=True, autograph=False)
    strategy = model.distribute_strategy
    count = strategy.num_replicas_in_sync if isinstance(strategy, tf.distribute.MirroredStrategy) else 1

    def everywhere(inputs: Any, labels: Any) -> Any:
        return strategy.run(step, (inputs, labels))

    mirrored = tf.function(everywhere, reduce_retracing=True, autograph=False)

    def run(inputs: Any, labels: Any) -> list[Sequence[Any]]:
        batch = tf.nest.map_structure(tf.convert_to_tensor, (inputs, labels))
        if count == 1 or not divides(count, tf.nest.flatten(batch)):
            return [traced(*batch)]
        results = mirrored(*tf.nest.map_structure(lambda each: _dealt(each, strategy, count), batch))
        return list(zip(*(strategy.experimental_local_results(each) for each in results), strict=True))

    return run


def _dealt(tensor: Any, strategy: Any, count: int) -> Any:
    """Return a tensor whose samples are split among the devices of a strategy."""
    parts = tf.split(tensor, count)
    return strategy.experimental_distribute_values_from_function(lambda each: parts[each.replica_id_in_sync_group])


def scope() -> object:
    """Return the graph that is being built: what a function inside of it computes cannot leave it."""
    return tf.compat.v1.get_default_graph()


def devices_of(tensor: Any) -> list[str]:
    """Return where a tensor lies, such as ``CPU:0``."""
    # The plain `device` is that of the operation, which for a function on several devices names the first of them.
    return [str(tf.convert_to_tensor(tensor).backing_device).rpartition("device:")[2] or "CPU:0"]
