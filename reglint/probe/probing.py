"""From a model and data to a report: measure, weigh the penalties, judge, and point at the lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from textwrap import shorten
from typing import Any

from reglint.probe.statistics.measuring import measure
from reglint.probe.values import Measurement, Penalty, Place, ProbeError, ProbeFinding, ProbeReport, Unreached

STATES = ("trained", "initial", "auto")

WEIGHED_BATCHES = 8
"""How many batches the penalties are weighed on.

Their shares settle soon, and a gradient costs three forward passes.
"""


def probe_model(
    model: Any,
    data: Any = None,
    *,
    labels: Any = None,
    state: str = "auto",
    every_position: bool = False,
    batch_size: int = 32,
    max_samples: int = 512,
    loss: Any = None,
) -> ProbeReport:
    """Probe a model that is in memory.

    ``data`` is what ``model.predict`` would take: an array, or a list or dict of arrays, with samples along the first
    axis; None for random inputs, which give findings of low confidence only. ``labels`` are as for ``model.fit``.
    ``state`` says whether the model is ``trained`` or ``initial``; ``auto`` finds out. ``every_position`` counts all
    positions of feature maps instead of a sample of them. ``loss`` is the loss of training, for the penalties' share of
    it; a compiled model has its own. The model is not changed. ProbeError says in one line why a model or data cannot
    be probed.
    """
    from reglint.probe.data.samples import from_arrays
    from reglint.probe.models.construction import places
    from reglint.probe.models.loading import Loaded
    from reglint.probe.taps.library import library_of

    if state not in STATES:
        raise ValueError(f"state is {state!r}; it must be one of {', '.join(STATES)}")
    given = from_arrays(data, labels, model, max_samples=max_samples, batch_size=batch_size)
    iterations = _iterations(model)
    loaded = Loaded(model, str(model.name), None, library_of(model).name, iterations, loss, places(model))
    return probe(loaded, given, state=state, every_position=every_position, batch_size=batch_size)


def probe(
    loaded: Any,
    data: Any,
    *,
    state: str = "auto",
    every_position: bool = False,
    batch_size: int = 32,
    trace: Callable[[int, int], None] | None = None,
) -> ProbeReport:
    """Probe a loaded model with loaded data; ``trace`` is told how many samples of how many are done."""
    from reglint.probe.data.samples import batches
    from reglint.probe.diagnosis.findings import diagnose
    from reglint.probe.penalties.judging import judge

    done = None if trace is None else lambda samples: trace(samples, data.samples)
    with _made_up(data):
        _build(loaded.model, data, batch_size)
        measurement = measure(loaded.model, batches(data, batch_size), every_position=every_position, trace=done)
    judged = _state(state, loaded, measurement)
    weighed, unweighed = _weighed(loaded, data, batch_size)
    unused = () if unweighed else _unused_labels(loaded.model.name, data, measurement, weighed)
    measurement = replace(measurement, unreached=(*measurement.unreached, *unweighed, *unused))
    findings = (
        *diagnose(measurement, state=judged, synthetic=data.synthetic),
        *judge(weighed, labelled=data.labels is not None),
    )
    return ProbeReport(
        model=loaded.name,
        measurement=measurement,
        findings=tuple(_placed(findings, loaded.places, loaded.name)),
        penalties=weighed,
        state=judged,
        synthetic=data.synthetic,
        places=loaded.places,
    )


def _unused_labels(model: str, data: Any, measurement: Measurement, weighed: Sequence[Penalty]) -> Iterator[Unreached]:
    """Say so where the labels that somebody gave were of no use."""
    used = measurement.outputs or any(row.share is not None for row in weighed)
    if data.labels is not None and not used:
        yield Unreached(
            model, "the labels: no output is a softmax or made of sigmoids that they fit, and no penalty has a share"
        )


def _weighed(loaded: Any, data: Any, batch_size: int) -> tuple[tuple[Penalty, ...], tuple[Unreached, ...]]:
    """Return the penalties of a model, or why they could not be weighed; the rest of the report stands without them.

    A loss that does not take the labels costs no more than the penalties' share of it.
    """
    from reglint.probe.data.samples import batches
    from reglint.probe.models.usercode import one_line
    from reglint.probe.penalties.weighing import penalties
    from reglint.probe.process.failures import is_memory, named

    inputs, labels = next(iter(batches(data, batch_size * WEIGHED_BATCHES)))
    size = data.batch_size or batch_size
    without_share: tuple[Unreached, ...] = ()
    if labels is not None:
        try:
            return penalties(loaded.model, inputs, labels, loss=loaded.loss, batch_size=size), ()
        except Exception as error:  # a loss may raise anything about labels that it was not made for
            if is_memory(error):
                raise
            said = str(error) if isinstance(error, ProbeError) else named(error)
            reason = f"the penalties' share of the loss, which does not take the labels `y`: {one_line(said)}"
            without_share = (Unreached(loaded.model.name, reason),)
    try:
        return penalties(loaded.model, inputs, None, loss=loaded.loss, batch_size=size), without_share
    except ProbeError as error:
        return (), (Unreached(loaded.model.name, f"its penalties: {error}"),)


@contextmanager
def _made_up(data: Any) -> Iterator[None]:
    """Lay to made-up inputs, if that is what the data are, what the model raises when it is called on them."""
    from reglint.probe.process.failures import is_memory, is_models, named

    try:
        yield
    except ProbeError:
        raise
    except Exception as error:
        if not data.synthetic or is_memory(error) or not is_models(error):
            raise
        shapes = " and ".join(str((None, *each.shape[1:])) for each in _arrays(data.inputs))
        said = shorten(named(error), _SAID, placeholder=" …")
        raise ProbeError(f"made-up inputs of shape {shapes} do not fit the model ({said}); give --data") from error


_SAID = 180
"""How much of what Keras says is quoted within a line."""


def _arrays(inputs: Any) -> list[Any]:
    if isinstance(inputs, dict):
        return list(inputs.values())
    return list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]


def _build(model: Any, data: Any, batch_size: int) -> None:
    """Give a model that was never called its weights; a traced function could not make them."""
    from reglint.probe.data.samples import batches

    if not model.built:
        inputs, _ = next(iter(batches(data, batch_size)))
        model(inputs)


def _iterations(model: Any) -> int | None:
    from keras import ops

    optimizer = getattr(model, "optimizer", None)
    return None if optimizer is None else int(ops.convert_to_numpy(optimizer.iterations))


LEARNT = 0.2
"""By how much of what chance leaves a model must be right for its labels to show that it learnt."""


def _state(asked: str, loaded: Any, measurement: Measurement) -> str:
    """Return ``trained``, ``initial`` or ``unknown``.

    Steps of the optimizer, or labels that the model gets right, show a training; that there was none is only said of
    weights that look as their initialisers left them, for a new optimizer counts from zero on loaded weights too.
    """
    from reglint.probe.models.freshness import looks_fresh

    if asked != "auto":
        return asked
    if loaded.iterations or any(
        each.accuracy > each.chance + LEARNT * (1 - each.chance) for each in measurement.outputs
    ):
        return "trained"
    return "initial" if looks_fresh(loaded.model) else "unknown"


def _placed(findings: tuple[ProbeFinding, ...], places: Any, model: str) -> Iterator[ProbeFinding]:
    """Yield the findings with the lines on which their layers were constructed, the worst first."""
    order = {"error": 0, "warning": 1, "info": 2}
    for finding in sorted(findings, key=lambda each: order[each.severity.value]):
        data = {**finding.data, "model": model}
        yield replace(finding, data=data, place=_place(finding.layer, places))


def _place(layer: str, places: Any) -> Place | None:
    """Return the place of a layer, or of the nearest layer around it that has one."""
    path = "/".join(part.partition("#")[0] for part in layer.split("/"))
    while path:
        if path in places:
            found: Place = places[path]
            return found
        path = path.rpartition("/")[0]
    return None
