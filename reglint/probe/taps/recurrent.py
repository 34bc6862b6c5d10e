"""The gates inside an RNN's loop: their counts travel through the loop as further states.

That works in TensorFlow's while loop, in JAX's scan and in torch's Python loop alike, and Keras itself leaves the
states of masked steps as they were, so that padding never counts. It costs some seventy operations for each step of an
LSTM: Keras's own layers are seen in a cheaper way (:mod:`reglint.probe.taps.forced`); this one is for every other cell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from reglint.probe.statistics import reductions
from reglint.probe.taps.trace import Record, Taken

if TYPE_CHECKING:
    from reglint.probe.taps.tapping import Tap


def tapped_kernel(tap: Tap, kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Return a fused kernel that refuses to work where gates must be seen: Keras then takes its plain loop."""

    def tapped(*args: Any, **kwargs: Any) -> Any:
        if tap.trace.frames and not tap.trace.busy:
            raise NotImplementedError
        return kernel(*args, **kwargs)

    return tapped


def tapped_rnn(tap: Tap, rnn: Callable[..., Any]) -> Callable[..., Any]:
    """Return the backend's ``rnn`` with counts of what is tapped in its steps."""

    def tapped(step_function: Any, inputs: Any, initial_states: Any, *args: Any, **kwargs: Any) -> Any:
        trace = tap.trace
        if trace.busy or not trace.frames:
            return rnn(step_function, inputs, initial_states, *args, **kwargs)
        if trace.step is not None or trace.muted is not None:
            with tap.muted("inside the loop of another RNN"):
                return rnn(step_function, inputs, initial_states, *args, **kwargs)
        return _Loop(tap, step_function).run(rnn, inputs, initial_states, args, kwargs)

    return tapped


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
        _, _, taken = self._tapped_step(first, [*states, *constants])
        if not taken:
            return rnn(self._untapped, inputs, states, *args, **kwargs)
        ops = self._tap.ops
        with self._tap.busy():
            shapes = reductions.steps([(each.z, each.a, each.judged) for each in taken], ops, self._tap.backend)
            sums, peaks = ops.zeros_like(shapes[0]), ops.zeros_like(shapes[1]) - float("inf")
        self._nested = isinstance(states[-1], (list, tuple))
        carried = self._join(list(states), [sums, peaks])
        last, outputs, carried = rnn(self._counting, inputs, carried, *args, **kwargs)
        states, (sums, peaks) = self._part(carried)
        with self._tap.busy():
            widths = [each.z.shape[-1] for each in taken]
            for each, parcel in zip(taken, reductions.step_parcels(sums, peaks, widths, ops), strict=True):
                add_record(self._tap, each, parcel, sampled=False)
            describe_kernel(self._tap, taken, inputs)
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


def add_record(tap: Tap, taken: Taken, parcel: reductions.Parcel, sampled: bool) -> None:
    """Record what was tapped in the steps of the layer that is being called."""
    layer = tap.trace.frames[-1].layer
    record = Record(taken.frame.path, layer, taken.site, taken.name, taken.judged, parcel, sampled=sampled)
    tap.trace.records.append(record)


def describe_kernel(tap: Tap, taken: Sequence[Taken], inputs: Any) -> None:
    """Give the last records the kernel of the layer's cell; only the first of stacked cells sees the inputs."""
    frame = tap.trace.frames[-1]
    cell = getattr(frame.layer, "cell", None)
    if not hasattr(inputs, "shape") or not hasattr(cell, "kernel"):
        return
    squares = reductions.squares(inputs, frame.mask, tap.ops, tap.backend, tap.every_position)
    for each, record in zip(taken, tap.trace.records[-len(taken) :], strict=True):
        if each.frame.layer is cell:
            record.kernel_layer, record.kernel_path = cell, each.frame.path
            record.input_parcel, record.fused = squares, True
