"""The child that probes every labelled model on one backend (KERAS_BACKEND) and prints what came out as JSON.

``python run_cases.py [CASE…]``: the last line of stdout is ``{"cases": {name: outcome}, "interruptions": …}``.
An outcome holds the label, the figures of NumPy (`reference.py`) and of the probe, its findings, and what the probe
left behind: differences of predictions and variables, and the names of replaced attributes, which all must be nothing.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(HERE)]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import reference  # noqa: E402
from keras import tree  # noqa: E402

from fixtures.models import Case, cases, custom, gates  # noqa: E402
from reglint.probe import probe_model  # noqa: E402
from reglint.probe.statistics.measuring import measure  # noqa: E402
from reglint.probe.statistics.reductions import sampled  # noqa: E402

Json = dict[str, Any]


def main() -> None:
    logging.disable(logging.WARNING)
    asked = sys.argv[1:]
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_disable_most_optimizations", True)  # compiling takes most of the time of so small models
    chosen = [case for case in cases() if not asked or case.name in asked]
    first = {case.theme: case.name for case in reversed(chosen)}
    outcomes = {case.name: guarded(lambda: outcome(case, again=case.name in first.values())) for case in chosen}  # noqa: B023
    interrupted = {} if asked else {name: guarded(run) for name, run in INTERRUPTIONS.items()}
    print(json.dumps({"cases": outcomes, "interruptions": interrupted}, default=str))


def guarded(run: Callable[[], Json]) -> Json:
    """An outcome, or how it failed: one bad case must not hide the others."""
    started = time.perf_counter()
    try:
        found = run()
    except Exception:
        found = {"error": traceback.format_exc(limit=-8)}
    return found | {"seconds": round(time.perf_counter() - started, 2)}


def outcome(case: Case, again: bool) -> Json:
    """Probe a case from a fresh state, and compare everything with what was before."""
    model, x, y = case.build()
    label = {
        "expected": [asdict(each) for each in case.expected],
        "unreached": list(case.unreached),
        "precision": case.precision,
        "traits": sorted(case.traits),
    }
    settings = {"labels": y, "state": case.state, "batch_size": case.batch_size}
    before = predictions(model, x, case.batch_size)
    watch = Watch(model)
    few = sites(probe_model(model, x, **settings)) if "feature-maps" in case.traits else None
    if "stateful" in case.traits:  # the first probe starts where predict ended, and must come back to there
        probe_model(model, x, **settings)
        watch = watch.compared_anew(model)
    report = probe_model(model, x, every_position=True, **settings)
    left = watch.differences(model)
    exact = sites(report)
    twice = sites(probe_model(model, x, every_position=True, **settings)) if again else None
    after = predictions(model, x, case.batch_size)
    outputs, seen = reference.follow(case.name, model, x, carried=keras.backend.backend() != "jax")
    return {
        **label,
        "sites": exact,
        "twice_differs": None if twice is None else [name for name in exact if twice.get(name) != exact[name]],
        "sampled": few,
        "sampled_reference": None if few is None else dict(sampled_figures(seen)),
        "reference": {name: reference.figures(each) for name, each in reference.by_site(seen)},
        "reference_outputs": max(map(largest_difference, before, outputs)),
        "findings": [found(each) for each in report.findings],
        "reported_unreached": [[each.layer, each.reason] for each in report.measurement.unreached],
        "backend": report.measurement.backend,
        "samples": report.measurement.samples,
        "predictions": max(map(largest_difference, before, after)),
        "left_behind": left,
    }


def found(finding: Any) -> Json:
    """A finding, as far as labels speak of it."""
    data = {name: finding.data.get(name) for name in ("cause", "remedy", "confidence")}
    where = {"code": finding.code, "layer": finding.layer, "severity": finding.severity.value}
    return {**where, **data, "message": finding.message}


def sites(report: Any) -> Json:
    """The sites of a report under path and name."""
    named = {f"{site.layer}:{site.site}": asdict(site) for site in report.measurement.sites}
    # MultiHeadAttention lets Keras number its softmax by all that were made in the process.
    return {re.sub(r"/softmax_\d+:", "/softmax:", name): site for name, site in named.items()}


class Slices:
    """What ``sampled`` asks of a backend, in NumPy."""

    @staticmethod
    def thinned(array: np.ndarray, axis: int, start: int, stride: int) -> np.ndarray:
        return array.take(range(start, array.shape[axis], stride), axis)


def sampled_figures(seen: list[reference.Seen]) -> Iterator[tuple[str, Json]]:
    """NumPy's figures over the very positions that the probe takes from a map."""
    for name, each in reference.by_site(seen):
        places = each.z.shape[1:-1]
        everywhere = np.arange(int(np.prod(places)))
        taken = sampled(everywhere.reshape(1, *places, 1), np, Slices, False) if places else everywhere
        yield name, reference.figures(each, np.asarray(taken).ravel())


def predictions(model: keras.Model, x: Any, batch_size: int) -> list[Any]:
    """What the model predicts from a fresh state."""
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_states() if hasattr(layer, "reset_states") else layer.reset_state()
    return [np.asarray(each) for each in tree.flatten(model.predict(x, batch_size=batch_size, verbose=0))]


def largest_difference(one: Any, other: Any) -> float:
    """The largest absolute difference; values that are not finite must be so in both."""
    one, other = np.asarray(one, "float64"), np.asarray(other, "float64")
    if not np.array_equal(np.isnan(one), np.isnan(other)):
        return float("inf")
    return float(np.nan_to_num(np.abs(one - other)).max())


class Watch:
    """The variables of a model, and the attributes of model, layers and library, as they are now."""

    def __init__(self, model: keras.Model) -> None:
        self.variables = values(model)
        self.attributes = attributes(model)

    def compared_anew(self, model: keras.Model) -> Watch:
        """Raise where something differs already, and go on from a fresh state of the layers."""
        differences = self.differences(model)
        if differences:
            raise AssertionError(f"left behind by the first probe: {differences}")
        for layer in model.layers:
            if getattr(layer, "stateful", False):
                layer.reset_states() if hasattr(layer, "reset_states") else layer.reset_state()
        return Watch(model)

    def differences(self, model: keras.Model) -> list[str]:
        """What is not as it was."""
        now = values(model)
        changed = [name for name, value in self.variables.items() if not np.array_equal(value, now[name])]
        attributes_now = attributes(model)
        names = self.attributes.keys() | attributes_now.keys()
        return sorted(changed) + sorted(
            name for name in names if self.attributes.get(name) is not attributes_now.get(name)
        )


def values(model: keras.Model) -> dict[str, Any]:
    """Every variable of a model and every state of a stateful layer, copied."""
    found = {f"variable {index} {each.path}": each for index, each in enumerate(model.variables)}
    for layer in model._flatten_layers():
        if getattr(layer, "stateful", False):
            states = tree.flatten(getattr(layer, "states", None) or [])
            found |= {f"state {index} of {layer.name}": state for index, state in enumerate(states)}
    return {name: np.array(keras.ops.convert_to_numpy(each)) for name, each in found.items()}


REPLACED = (
    *("keras.src.backend", "keras.src.ops", "keras.src.activations"),
    *("tensorflow._api.v2.nn", "tensorflow._api.v2.math", "jax.nn", "jax.numpy", "torch.nn.functional"),
)
"""Modules of which a probe replaces functions."""


def attributes(model: keras.Model) -> dict[str, Any]:
    """Each function that a probe might replace, in the library, in classes and in the layers of the model."""
    found = {}
    for module in list(sys.modules.values()):
        name = getattr(module, "__name__", "")
        if isinstance(name, str) and name.startswith(REPLACED):
            found |= {f"{name}.{key}": value for key, value in vars(module).items() if callable(value)}
    for kind in {each for layer in model._flatten_layers() for each in type(layer).__mro__} | {
        keras.layers.TimeDistributed,
        keras.layers.MultiHeadAttention,
    }:
        found |= {f"{kind.__module__}.{kind.__qualname__}.{key}": value for key, value in vars(kind).items()}
    for layer in model._flatten_layers():
        for key, value in vars(layer).items():
            if callable(value) or not isinstance(value, (list, dict, set, tuple)):
                found[f"{layer.path}.{key}"] = value
    # Caches of Python's own, and what each call of a layer writes anew.
    passing = ("__abstractmethods__", "_abc_impl", "_called", "_losses", "_build_shapes_dict", "__doc__", "__weakref__")
    return {name: value for name, value in found.items() if not name.endswith(passing)}


# ------------------------------------------------------------------------------------------------------ interruptions


def raising_layer(error: BaseException) -> Json:
    """A layer in the middle raises while the probe runs."""
    model, x, _ = custom.failing()
    before = predictions(model, x, 100)
    watch = Watch(model)
    layer = model.get_layer("failing")
    layer.error = error
    raised = ""
    try:
        probe_model(model, x, batch_size=100)
    except BaseException as problem:  # KeyboardInterrupt is the point here
        raised = f"{type(problem).__name__}: {problem}"
    layer.error = None
    left = [name for name in watch.differences(model) if not name.endswith("failing.error")]
    after = predictions(model, x, 100)
    return {"raised": raised, "left_behind": left, "predictions": max(map(largest_difference, before, after))}


def raising_data(error: BaseException) -> Json:
    """The data end with an exception after two batches, in the middle of a stateful model."""
    model, x, _ = gates.stateful_lstm()
    before = predictions(model, x, 100)
    watch = Watch(model)

    def batches() -> Iterator[tuple[Any, None]]:
        yield x[:100], None
        yield x[100:200], None
        raise error

    raised = ""
    try:
        measure(model, batches())
    except BaseException as problem:
        raised = f"{type(problem).__name__}: {problem}"
    left = watch.differences(model)
    after = predictions(model, x, 100)
    return {"raised": raised, "left_behind": left, "predictions": max(map(largest_difference, before, after))}


INTERRUPTIONS: dict[str, Callable[[], Json]] = {
    "an exception in a layer": lambda: raising_layer(ArithmeticError("on purpose")),
    "Ctrl-C in a layer": lambda: raising_layer(KeyboardInterrupt("on purpose")),
    "an exception between batches": lambda: raising_data(ArithmeticError("on purpose")),
    "Ctrl-C between batches": lambda: raising_data(KeyboardInterrupt("on purpose")),
}


if __name__ == "__main__":
    main()
