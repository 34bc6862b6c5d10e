"""The gates inside an RNN's loop: their counts travel through the loop as further states.

That works in TensorFlow's while loop, in JAX's scan and in torch's Python loop alike, and Keras itself leaves the states
of masked steps as they were, so that padding never counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


class _Loop:
    """One run of an RNN's loop."""

    def __init__(self, tap: Tap, step: Callable[..., Any]) -> None:
        self._tap = tap
        self._step = step
        self._calls = tap.trace.paths.calls.copy()
        self._nested = False

    def run(self, rnn: Callable[..., Any], inputs: Any, states: Any, args: Any, kwargs: Any) -> Any:
        constants = kwargs.get("constants") or []
        first = self._first_step(inputs, kwargs.get("time_major", False))
        _, _, taken = self._tapped_step(first, [*states, *constants])
        if not taken:
            return rnn(self._untapped, inputs, states, *args, **kwargs)
        ops = self._tap.ops
        with self._tap.busy():
            shapes = reductions.steps([(each.z, each.a, each.judged) for each in taken], ops, self._tap.backend)
            sums, peaks = ops.zeros_like(shapes[0]), ops.zeros_like(shapes[1]) - float("inf")
        self._nested = _is_nested(states[0])
        carried = self._join(list(states), [sums, peaks])
        last, outputs, carried = rnn(self._counting, inputs, carried, *args, **kwargs)
        states, (sums, peaks) = self._part(carried)
        self._record(taken, sums, peaks, inputs)
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

    def _record(self, taken: list[Taken], sums: Any, peaks: Any, inputs: Any) -> None:
        from reglint.probe.tapping import Record

        tap = self._tap
        frame = tap.trace.frames[-1]
        with tap.busy():
            widths = [_width(each.z) for each in taken]
            parcels = reductions.step_parcels(sums, peaks, widths, tap.ops)
            squares = None
            if hasattr(inputs, "shape"):
                squares = reductions.squares(inputs, frame.mask, tap.ops, tap.every_position)
        for each, parcel in zip(taken, parcels, strict=True):
            record = Record(each.frame.path, frame.layer, each.site, each.name, each.judged, parcel)
            first_cell = each.frame.layer is getattr(frame.layer, "cell", None)
            if first_cell and squares is not None and hasattr(each.frame.layer, "kernel"):
                record.kernel_layer, record.kernel_path = each.frame.layer, each.frame.path
                record.input_parcel, record.fused = squares, True
            tap.trace.records.append(record)


def _width(tensor: Any) -> int:
    width = 1
    for length in tensor.shape[1:]:
        width *= int(length)
    return width


def _is_nested(state: Any) -> bool:
    return isinstance(state, (list, tuple))
