"""Which layer is being called: the path of layer names, the mask of its input, and what its calls are named."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_GATES = {
    "LSTMCell": {"recurrent_activation": ("i", "f", "o"), "activation": ("g", "c")},
    "GRUCell": {"recurrent_activation": ("z", "r"), "activation": ("h",)},
}
"""The order in which Keras's cells call their activations; g is the candidate, c the cell state on its way out."""

_GATE_COLUMNS = {"LSTMCell": ("i", "f", "g", "o"), "GRUCell": ("z", "r", "h")}
"""The order of the gates in kernels and biases."""


@dataclass
class Frame:
    """A call of a layer that is going on. ``taps`` counts what was tapped in it, by attribute or operation."""

    layer: Any
    path: str
    inputs: Any
    mask: Any
    taps: Counter[str] = field(default_factory=Counter)


def cell_kind(layer: Any) -> str | None:
    """Return ``LSTMCell`` or ``GRUCell`` for Keras's, their subclasses and their convolutional kin, else None."""
    for each in type(layer).__mro__:
        name = each.__name__.removeprefix("Conv")
        if name in _GATES and each.__module__.partition(".")[0] in ("keras", "tf_keras"):
            return name
    return None


def is_cell(layer: Any) -> bool:
    """Say whether a layer is a cell: what an RNN calls once for each step."""
    return hasattr(layer, "state_size") and not hasattr(layer, "cell")


def gate(frame: Frame, attribute: str) -> str | None:
    """Return which gate the next call of a cell's activation computes, or None where that is unknown."""
    kind = cell_kind(frame.layer)
    names = _GATES[kind].get(attribute, ()) if kind is not None else ()
    taken = frame.taps[attribute]
    return names[taken] if taken < len(names) else None


def gate_columns(layer: Any, name: str) -> tuple[int, int] | None:
    """Return the columns of a cell's kernel that belong to a gate, start and end, or None for other layers."""
    kind = cell_kind(layer)
    if kind is None:
        return None
    order = _GATE_COLUMNS[kind]
    if name not in order:
        return None
    width = int(layer.kernel.shape[-1]) // len(order)
    return order.index(name) * width, (order.index(name) + 1) * width


class Paths:
    """Names calls: paths of layer names below the top model; the second call of a layer at one place ends in ``#2``."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def enter(self, layer: Any, parents: list[Frame]) -> str:
        """Return the path of a call that begins below the calls that are going on."""
        if not parents:
            return ""
        parent = parents[-1]
        if getattr(parent.layer, "cell", None) is layer:
            return parent.path
        path = f"{parent.path}/{layer.name}" if parent.path else str(layer.name)
        if is_cell(layer):
            return path
        self.calls[path] += 1
        return path if self.calls[path] == 1 else f"{path}#{self.calls[path]}"
