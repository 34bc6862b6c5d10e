"""Runs the model over the data with every activation tapped, and returns what was measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy

from reglint.probe.statistics import reductions, tally
from reglint.probe.statistics.devices import named
from reglint.probe.statistics.randomness import randomness_kept
from reglint.probe.taps.library import Library, library_of
from reglint.probe.taps.opaque import opaque_layers
from reglint.probe.taps.tapping import Tap
from reglint.probe.taps.trace import Trace
from reglint.probe.values import Measurement, Output, ProbeError, Unreached

Batch = tuple[Any, Any]
"""Inputs of a batch (an array, a list or a dict of arrays) and labels (the same, or None)."""


def measure(
    model: Any,
    batches: Iterable[Batch],
    *,
    every_position: bool = False,
    trace: Callable[[int], None] | None = None,
) -> Measurement:
    """Run ``model`` as for inference over the batches, and return the statistics of every activation.

    The model is the same afterwards, and so is the library. ``trace`` is told how many samples are done. ProbeError
    where nothing could be run.
    """
    return Probe(model, every_position=every_position).run(batches, trace)


def backend_of(library: Library) -> Any:
    """Return the module of :mod:`reglint.probe.backends` for what Keras runs on; ProbeError for another backend."""
    name = "tensorflow"
    if library.name == "keras":
        import keras

        name = keras.backend.backend()
    if name not in ("tensorflow", "jax", "torch"):
        raise ProbeError(f"the backend {name} cannot be probed; choose tensorflow, jax or torch with --backend")
    return import_module(f"reglint.probe.backends.{name}")


def _label_list(labels: Any) -> list[Any]:
    if labels is None:
        return []
    if isinstance(labels, dict):
        return list(labels.values())
    return list(labels) if isinstance(labels, (list, tuple)) else [labels]


class Probe:
    """A model with every activation tapped: compiled by the first run, and as fast as that later.

    Between two runs the model may be trained; its architecture must stay as it is.
    """

    def __init__(self, model: Any, *, every_position: bool = False) -> None:
        self._model = model
        self._library = library_of(model)
        self._backend = backend_of(self._library)
        self._tap = Tap(model, self._library, self._backend, every_position)
        self._call = self._backend.compiled(model, self._step)
        self._records: list[tally.Tally] = []
        self._hidden: dict[str, str] = {}
        self._direct: dict[str, str] = {}
        self._device = ""
        self._start()

    def _start(self) -> None:
        self._tallies = [replace(each) for each in self._records]
        self._classes: list[dict[float, int] | None] = []
        self._samples = 0

    def run(self, batches: Iterable[Batch], trace: Callable[[int], None] | None = None) -> Measurement:
        """Return the statistics of every activation over the batches; ``trace`` is told how many samples are done."""
        started = time.perf_counter()
        self._start()
        with randomness_kept(), unchanged(self._model, self._library), self._tap:
            for inputs, labels in batches:
                self._batch(inputs, _label_list(labels))
                if trace is not None:
                    trace(self._samples)
        if not self._samples:
            raise ProbeError("the data hold no sample; nothing was measured")
        return self._measurement(time.perf_counter() - started)

    def _batch(self, inputs: Any, labels: list[Any]) -> None:
        parts = self._call(inputs, labels)
        self._device = self._device or named(each for sums, _ in parts for each in self._backend.devices_of(sums))
        if not self._tallies:
            self._tallies = [replace(each) for each in self._records]
        for sums, peaks in parts:
            tally.add(self._tallies, _host(sums), _host(peaks))
        self._count(labels)
        self._samples += _length(inputs)

    def _step(self, inputs: Any, labels: list[Any]) -> Sequence[Any]:
        """Run, or trace, one batch; called again for the odd last batch, and for every batch with torch."""
        outputs, trace = self._tap.call(inputs)
        with self._tap.busy():
            _answer(trace, outputs, labels, self._tap.ops)
            flat = tally.flattened(trace, self._tap.ops)
        self._hidden |= trace.hidden
        self._direct |= trace.direct
        self._records = tally.layout(trace)
        return flat

    def _count(self, labels: list[Any]) -> None:
        """Count the classes among the labels, for the accuracy of always naming the most frequent one.

        Labels that are not whole numbers are no classes: an output that is compared with them is not judged.
        """
        self._classes = self._classes or [{} for _ in labels]
        rows = {each.record.output_index for each in self._tallies if each.record.activation == "softmax"}
        for index, (counts, each) in enumerate(zip(self._classes, labels, strict=True)):
            values = _class_numbers(each) if index in rows else numpy.asarray(each).reshape(-1)
            if counts is None or not numpy.array_equal(each, numpy.round(each)):
                self._classes[index] = None
                continue
            for value, number in zip(*numpy.unique(values, return_counts=True), strict=True):
                counts[float(value)] = counts.get(float(value), 0) + int(number)

    def _measurement(self, seconds: float) -> Measurement:
        """Return what was measured so far."""
        sites = tuple(site for each in self._tallies if (site := tally.site_of(each, self._samples)) is not None)
        seen = {site.layer for site in sites}
        hidden = {path: reason for path, reason in self._hidden.items() if path not in seen} | self._direct
        return Measurement(
            sites=sites,
            outputs=tuple(self._outputs()),
            unreached=(
                *(Unreached(path, reason) for path, reason in sorted(hidden.items())),
                *opaque_layers(self._model, self._library, seen | set(self._hidden) | set(self._direct)),
            ),
            samples=self._samples,
            library=f"{self._library.name} {self._library.version}",
            backend=self._backend.__name__.rpartition(".")[2],
            device=self._device,
            seconds=seconds,
        )

    def _outputs(self) -> Iterable[Output]:
        for each in self._tallies:
            index = each.record.output_index
            if index is None or index >= len(self._classes):
                continue
            counts = self._classes[index]
            if not counts:
                continue
            chance = max(counts.values()) / sum(counts.values())
            output = tally.output_of(each, len(counts), chance)
            if output is not None:
                yield output


def _answer(trace: Trace, outputs: Any, labels: list[Any], ops: Any) -> None:
    """Compare the outputs that are probabilities with their labels, where there is one label for each output."""
    from keras import tree

    flat = tree.flatten(outputs)
    if len(flat) != len(labels):
        return
    for record in trace.records:
        index = record.output_index
        if index is not None and record.activation in ("softmax", "sigmoid"):
            record.answers = reductions.answers(flat[index], labels[index], record.activation == "softmax", ops)


def _class_numbers(labels: numpy.ndarray) -> numpy.ndarray:
    """Return labels as numbers of classes; one-hot ones become the position of the one."""
    labels = numpy.asarray(labels)
    return labels.argmax(axis=-1) if labels.ndim > 1 and labels.shape[-1] > 1 else labels.reshape(-1)


def _host(tensor: Any) -> numpy.ndarray:
    from keras import ops

    return numpy.asarray(ops.convert_to_numpy(tensor))


def _length(inputs: Any) -> int:
    from keras import tree

    return int(tree.flatten(inputs)[0].shape[0])


@contextmanager
def unchanged(model: Any, library: Library) -> Iterator[None]:
    """Put back, on the way out, what a call changes: seeds, counters, and the states of a stateful RNN."""
    from keras import tree

    variables = list(model.non_trainable_variables)
    for layer in library.layers(model):
        if getattr(layer, "stateful", False):
            variables += [each for each in tree.flatten(getattr(layer, "states", None)) if each is not None]
    with library.kept(model) as further:
        variables += further
        before = [numpy.array(_host(variable)) for variable in variables]
        try:
            yield
        finally:
            for variable, value in zip(variables, before, strict=True):
                if not numpy.array_equal(_host(variable), value):
                    variable.assign(value)
