"""The gates of Keras's own LSTM, GRU and SimpleRNN, without touching their loop.

The layer runs as ever, fused kernels included. Its outputs are the states that the cell saw, so that one call of the
cell on all steps at once, each with the output of the step before, gives the pre-activations of all of them. Only the
cell state of an LSTM is not among the outputs; it follows from the gates.

Measured on a CPU against counts carried through the loop (LSTM(128) twice, 100 steps, as a multiple of ``predict``):
TensorFlow 4.7 then and 1.4 now; torch, which in the other way loses its fused kernel, 9 then and 2.7 now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reglint.probe.statistics import reductions
from reglint.probe.taps.recurrent import add_record, describe_kernel
from reglint.probe.taps.trace import Taken

if TYPE_CHECKING:
    from reglint.probe.taps.tapping import Tap

CELLS = ("LSTMCell", "GRUCell", "SimpleRNNCell")
"""Cells whose first state is their output, and whose other state, if any, is an LSTM's."""


def forced_loop(tap: Tap, inner_loop: Callable[..., Any]) -> Callable[..., Any]:
    """Return the ``inner_loop`` of an RNN layer, tapped."""

    def tapped(self: Any, sequences: Any, initial_state: Any, mask: Any, training: Any = False) -> Any:
        trace = tap.trace
        elsewhere = trace.busy or not trace.frames or trace.muted is not None or trace.step is not None
        if elsewhere or not _can_be_forced(self, mask):
            return inner_loop(self, sequences, initial_state, mask, training)
        with tap.busy(), _all_outputs(self):
            last, outputs, states = inner_loop(self, sequences, initial_state, mask, training)
        _Steps(tap, self, initial_state, mask).record(sequences, outputs)
        return last, outputs, states

    return tapped


def _can_be_forced(layer: Any, mask: Any) -> bool:
    """Say whether the outputs of a layer tell its cell's states; zeros in place of masked steps do not."""
    known = type(layer.cell).__name__ in CELLS and type(layer.cell).__module__.startswith("keras.")
    return known and (mask is None or not layer.zero_output_for_mask)


@contextmanager
def _all_outputs(layer: Any) -> Iterator[None]:
    """Let a layer keep the outputs of all steps."""
    before = vars(layer)["return_sequences"]
    vars(layer)["return_sequences"] = True
    try:
        yield
    finally:
        vars(layer)["return_sequences"] = before


class _Steps:
    """All steps of one call of a layer."""

    def __init__(self, tap: Tap, layer: Any, initial_state: Any, mask: Any) -> None:
        self._tap = tap
        self._ops = tap.ops
        self._cell = layer.cell
        first = initial_state if isinstance(initial_state, (list, tuple)) else [initial_state]
        self._first = list(first)
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        self._backwards = bool(layer.go_backwards)
        self._mask = None if mask is None else self._in_order(mask)

    def _in_order(self, tensor: Any) -> Any:
        """Return (batch, steps, …) in the order in which the steps were taken, as the outputs are."""
        return self._ops.flip(tensor, axis=1) if self._backwards else tensor

    def record(self, sequences: Any, outputs: Any) -> None:
        """Record the activations of all steps, from the inputs and the outputs (batch, steps, …)."""
        ops = self._ops
        taken = self._call_cell(self._in_order(sequences), outputs)
        with self._tap.busy():
            steps = [self._by_step(each, outputs) for each in taken]
            if steps and steps[-1].site == "gate:c":
                steps[-1] = self._cell_state(steps)
            for each in steps:
                z, a = each.z, each.a
                parcel = reductions.elementwise(
                    z, a, each.judged, self._mask, ops, self._tap.backend, self._tap.every_position
                )
                add_record(self._tap, each, parcel, reductions.is_sampled(z, self._tap.every_position))
            describe_kernel(self._tap, steps, sequences)

    def _call_cell(self, sequences: Any, outputs: Any) -> list[Taken]:
        """Call the cell on all steps at once, and return what was tapped: (batch · steps, units) each."""
        ops, trace = self._ops, self._tap.trace
        with self._tap.busy():
            before = ops.concatenate([ops.expand_dims(self._first[0], 1), outputs[:, :-1]], axis=1)
            states = [ops.reshape(before, (-1, before.shape[-1]))]
            states += [ops.zeros_like(states[0]) for _ in self._first[1:]]
            inputs = ops.reshape(sequences, (-1, sequences.shape[-1]))
        trace.step = []
        try:
            self._cell(inputs, states)
            return trace.step
        finally:
            trace.step = None

    def _by_step(self, taken: Taken, outputs: Any) -> Taken:
        shape = (-1, _length(outputs, self._ops), taken.z.shape[-1])
        return replace(taken, z=self._ops.reshape(taken.z, shape), a=self._ops.reshape(taken.a, shape))

    def _cell_state(self, steps: list[Taken]) -> Taken:
        """Return the tap of the cell state: c = f · c before + i · g, in a loop of Keras with nothing else in it."""
        ops = self._ops
        gates = {each.site: ops.cast(each.a, "float32") for each in steps[:-1]}
        keep, add = gates["gate:f"], gates["gate:i"] * gates["gate:g"]
        units = keep.shape[-1]

        def step(inputs: Any, states: Any) -> Any:
            state = inputs[:, :units] * states[0] + inputs[:, units:]
            return state, [state]

        first = [ops.cast(self._first[1], "float32")]
        rnn = self._tap.library.backend.rnn
        _, state, _ = rnn(step, ops.concatenate([keep, add], axis=-1), first, mask=self._mask)
        return replace(steps[-1], z=state, a=steps[-1].function(state))


def _length(outputs: Any, ops: Any) -> Any:
    """Return the number of steps, known now or when the model runs."""
    return outputs.shape[1] if outputs.shape[1] is not None else ops.shape(outputs)[1]
