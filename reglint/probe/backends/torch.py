"""torch: no tracing, each batch runs as it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from keras import tree

from reglint.probe.values import EDGES

DIRECT = {"torch.nn.functional": torch.nn.functional, "torch": torch}
"""Modules of the framework whose activations a layer of the user's may call, past ``keras.ops``."""


def histogram(values: Any, skip: Any) -> Any:
    """Return how many values of each row lie between EDGES: (rows, n) and a mask of what to skip to (rows, bins)."""
    edges = torch.tensor(EDGES, dtype=values.dtype, device=values.device)
    bins = torch.bucketize(values.contiguous(), edges, right=True)
    if skip is not None:
        bins = torch.where(skip, len(EDGES) + 1, bins)
    width = len(EDGES) + 2
    bins = bins + width * torch.arange(bins.shape[0], device=bins.device)[:, None]
    counts = torch.bincount(bins.reshape(-1), minlength=width * bins.shape[0]).reshape(-1, width)
    return counts[:, : len(EDGES) + 1].to(torch.float32)


def thinned(tensor: Any, axis: int, start: Any, stride: Any) -> Any:
    """Return every ``stride``-th slice along an axis, from ``start`` on."""
    return tensor[(slice(None),) * axis + (slice(start, None, stride),)]


def compiled(model: Any, step: Callable[[Any, Any], Sequence[Any]]) -> Callable[[Any, Any], list[Sequence[Any]]]:
    """Return ``step(inputs, labels)`` as a function of numpy arrays; what it gives stays on the device.

    The function returns a list with one result.
    """
    from keras import ops

    def run(inputs: Any, labels: Any) -> list[Sequence[Any]]:
        with torch.no_grad():
            return [step(*tree.map_structure(ops.convert_to_tensor, (inputs, labels)))]

    return run


def scope() -> object:
    """Return what stays the same as long as values may leave: always, since nothing is traced."""
    return None


def devices_of(tensor: Any) -> list[str]:
    """Return where a tensor lies, such as ``CPU:0``."""
    device = tensor.device
    return [f"{device.type.upper()}:{device.index or 0}"]
