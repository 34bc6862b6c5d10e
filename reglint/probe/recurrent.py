"""The gates inside an RNN's loop.

Two ways out of the loop, the same in TensorFlow's while loop, JAX's scan and torch's Python loop:

* pre-activations ride along with the outputs, side by side in one tensor, and are reduced after the loop, all steps at
  once. That costs one operation for each step instead of some seventy, and
  memory for as many values as the layer has pre-activations;
* counts travel through the loop as further states, where that tensor would be too large or does not fit. Keras leaves
  the states of masked steps as they were, so that padding does not count there either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reglint.probe import reductions

if TYPE_CHECKING:
    from reglint.probe.tapping import Taken, Tap


def refused(*_: Any, **__: Any) -> Any:
    """Stand in for a fused kernel: Keras then takes its plain loop, where the gates can be seen."""
    raise NotImplementedError


def tapped_rnn(tap: Tap, rnn: Callable[..., Any]) -> Callable[..., Any]:
    """Return the backend's ``rnn`` with counts of what is tapped in its steps."""

    def tapped(step_function: Any, inputs: Any, initial_states: Any, *args: Any, **kwargs: Any) -> Any:
        trace = tap.trace
        if not trace.frames or trace.step is not None or trace.muted is not None:
            with tap.muted("inside the loop of another RNN"):
                return rnn(step_function, inputs, initial_states, *args, **kwargs)
        return _Loop(tap, step_function).run(rnn, inputs, initial_states, args, kwargs)

    return tapped


LARGEST = 64 * 2**20
"""How many values all steps of a batch may give before counts are carried instead: 256 MB of float32."""


class _Loop:
    """One run of an RNN's loop."""

    def __init__(self, tap: Tap, step: Callable[..., Any]) -> None:
        self._tap = tap
        self._step = step
        self._calls = tap.trace.paths.calls.copy()
        self._nested = False

    def run(self, rnn: Callable[..., Any], inputs: Any, states: Any, args: Any, kwargs: Any) -> Any:
        """Run the loop and record what was tapped in its steps."""
        constants = kwargs.get("constants") or []
        first = self._first_step(inputs, kwargs.get("time_major", False))
        output, _, taken = self._tapped_step(first, [*states, *constants])
        if not taken:
            return rnn(self._untapped, inputs, states, *args, **kwargs)
        if not args and self._fits(output, taken, inputs, kwargs):
            return self._side_by_side(rnn, inputs, states, kwargs, output, taken)
        return self._carrying(rnn, inputs, states, args, kwargs, taken)

    # --- pre-activations beside the outputs --------------------------------------------------------------------------

    def _fits(self, output: Any, taken: list[Taken], inputs: Any, kwargs: dict[str, Any]) -> bool:
        """Say whether the pre-activations have the outputs' shape but for their last axis, and are not too many."""
        if kwargs.get("time_major") or not hasattr(output, "shape") or not hasattr(inputs, "shape"):
            return False
        if kwargs.get("mask") is not None and self._tap.backend.MASKED_OUTPUT_IS_STATE:
            return False
        shapes = [tuple(each.z.shape) for each in taken]
        if any(shape[1:-1] != tuple(output.shape)[1:-1] or len(shape) != len(output.shape) for shape in shapes):
            return False
        steps = inputs.shape[1] or 1
        values = sum(math.prod(shape[1:]) for shape in shapes) * steps * (shapes[0][0] or 32)
        return int(values) <= LARGEST

    def _side_by_side(
        self, rnn: Callable[..., Any], inputs: Any, states: Any, kwargs: dict[str, Any], output: Any, taken: list[Taken]
    ) -> Any:
        ops = self._tap.ops
        kinds: list[Taken] = []

        def step(step_inputs: Any, step_states: Any) -> Any:
            made, new_states, now = self._tapped_step(step_inputs, step_states)
            kinds[:] = [replace(each, z=None, a=None) for each in now]
            with self._tap.busy():
                made = ops.concatenate([made, *(ops.cast(each.z, made.dtype) for each in now)], axis=-1)
            return made, new_states

        width, widths = output.shape[-1], [each.z.shape[-1] for each in taken]
        last, outputs, states = rnn(step, inputs, states, **{**kwargs, "return_all_outputs": True})
        with self._tap.busy():
            start = width
            mask = self._mask_in_order(kwargs)
            for each, columns in zip(kinds, widths, strict=True):
                self._record_steps(each, outputs[..., start : start + columns], mask)
                start += columns
            self._describe(kinds, inputs)
        return last[..., :width], outputs[..., :width], states

    def _mask_in_order(self, kwargs: dict[str, Any]) -> Any:
        """Return the mask in the order in which the steps were taken."""
        mask = kwargs.get("mask")
        return self._tap.ops.flip(mask, axis=1) if mask is not None and kwargs.get("go_backwards") else mask

    def _record_steps(self, taken: Taken, z: Any, mask: Any) -> None:
        tap = self._tap
        a = taken.function(z)
        parcel = reductions.elementwise(z, a, taken.judged, mask, tap.ops, tap.backend, tap.every_position)
        sampled = reductions.is_sampled(z, tap.every_position)
        self._add(taken, parcel, sampled)

    # --- counts as states --------------------------------------------------------------------------------------------

    def _carrying(
        self, rnn: Callable[..., Any], inputs: Any, states: Any, args: Any, kwargs: Any, taken: list[Taken]
    ) -> Any:
        ops = self._tap.ops
        with self._tap.busy():
            shapes = reductions.steps([(each.z, each.a, each.judged) for each in taken], ops, self._tap.backend)
            sums, peaks = ops.zeros_like(shapes[0]), ops.zeros_like(shapes[1]) - float("inf")
        self._nested = isinstance(states[0], (list, tuple))
        carried = self._join(list(states), [sums, peaks])
        last, outputs, carried = rnn(self._counting, inputs, carried, *args, **kwargs)
        states, (sums, peaks) = self._part(carried)
        with self._tap.busy():
            widths = [math.prod(each.z.shape[1:]) for each in taken]
            for each, parcel in zip(taken, reductions.step_parcels(sums, peaks, widths, ops), strict=True):
                self._add(each, parcel, sampled=False)
            self._describe(taken, inputs)
        return last, outputs, states

    def _first_step(self, inputs: Any, time_major: bool) -> Any:
        from keras import tree

        return tree.map_structure(lambda each: each[0] if time_major else each[:, 0], inputs)

    def _tapped_step(self, inputs: Any, states: Sequence[Any]) -> tuple[Any, Any, list[Taken]]:
        trace = self._tap.trace
        trace.paths.calls = self._calls.copy()  # a step that is traced twice is one call
        trace.step = []
        try:
            output, new_states = self._step(inputs, states)
            return output, new_states, trace.step
        finally:
            trace.step = None

    def _untapped(self, inputs: Any, states: Any) -> Any:
        with self._tap.busy():
            return self._step(inputs, states)

    def _counting(self, inputs: Any, states: Any) -> Any:
        ops = self._tap.ops
        own, (sums, peaks) = self._part(states)
        output, new_states, taken = self._tapped_step(inputs, own)
        with self._tap.busy():
            more = reductions.steps([(each.z, each.a, each.judged) for each in taken], ops, self._tap.backend)
            counts = [sums + more[0], ops.maximum(peaks, more[1])]
        return output, self._join(list(new_states), counts)

    def _join(self, states: list[Any], counts: list[Any]) -> list[Any]:
        """Put the counts where JAX's masked loop does not look for the previous output: the last state's first part."""
        if self._nested:
            return [*states[:-1], [*states[-1], *counts]]
        return [*states, *counts]

    def _part(self, states: Any) -> tuple[list[Any], list[Any]]:
        if self._nested:
            last = list(states[-1])
            return [*states[:-1], last[:-2]], last[-2:]
        return list(states[:-2]), list(states[-2:])

    # --- records -----------------------------------------------------------------------------------------------------

    def _add(self, taken: Taken, parcel: reductions.Parcel, sampled: bool) -> None:
        from reglint.probe.tapping import Record

        layer = self._tap.trace.frames[-1].layer
        record = Record(taken.frame.path, layer, taken.site, taken.name, taken.judged, parcel, sampled=sampled)
        self._tap.trace.records.append(record)

    def _describe(self, taken: list[Taken], inputs: Any) -> None:
        """Give the records of this loop the kernel of its cell; only the first of stacked cells sees the inputs."""
        tap = self._tap
        frame = tap.trace.frames[-1]
        cell = getattr(frame.layer, "cell", None)
        if not hasattr(inputs, "shape") or not hasattr(cell, "kernel"):
            return
        squares = reductions.squares(inputs, frame.mask, tap.ops, tap.every_position)
        for each, record in zip(taken, tap.trace.records[-len(taken) :], strict=True):
            if each.frame.layer is cell:
                record.kernel_layer, record.kernel_path = cell, each.frame.path
                record.input_parcel, record.fused = squares, True
