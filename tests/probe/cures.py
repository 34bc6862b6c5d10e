"""Trains nets that are bad for one reason each, without and with the remedy that the probe advises.

``python cures.py short`` (or ``long``): the last line of stdout is ``{name: outcome}`` as JSON, for test_cures.py.
``python cures.py table`` trains all of them in all ways and writes cures.toml beside this file, in some ten minutes.

The data are scikit-learn's digits. A remedy is applied as it stands in the finding: ``remedy_code`` is executed in
place of the layer, which keeps its weights (an initialisation sets the bias anew); where that does not relieve, with
``lambda_start`` times ten, as the message says.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers, regularizers

from reglint.probe import probe_model
from reglint.probe.diagnosis.wording import power

Json = dict[str, Any]
UNITS = 64
TABLE = Path(__file__).with_name("cures.toml")


@dataclass(frozen=True)
class Setting:
    """A net that is bad for one reason.

    ``kernel`` makes the bad weights of the hidden layer from (generator, fan-in), None for Keras's own; ``bias``
    is that of every unit, ``repeats`` how often each pixel stands among the inputs, ``scale`` what a white pixel is.
    """

    activation: str
    epochs: int
    kernel: Callable[[Any, int], Any] | None = None
    bias: float = 0.0
    repeats: int = 1
    scale: float = 1.0
    batch_size: int = 32


def aligned(generator: Any, inputs: int) -> Any:
    return generator.uniform(0, 0.3, (inputs, UNITS))


def negative(generator: Any, inputs: int) -> Any:
    return generator.uniform(-0.3, 0, (inputs, UNITS))


def large(generator: Any, inputs: int) -> Any:
    return generator.normal(0, 10, (inputs, UNITS))


SHORT = {
    "aligned sigmoid": Setting("sigmoid", 15, aligned, repeats=64),
    "dead by aligned weights": Setting("relu", 15, negative, repeats=64),
    "dead by bias": Setting("relu", 15, bias=-30.0),
    "saturated by bias": Setting("sigmoid", 15, bias=20.0),
    "unscaled inputs": Setting("sigmoid", 15, scale=255.0),
}
LONG = {
    "aligned sigmoid, 80 epochs": Setting("sigmoid", 80, aligned, repeats=64),
    "aligned tanh, 80 epochs": Setting("tanh", 80, aligned, repeats=64),
    "dead by aligned weights, 80 epochs": Setting("relu", 80, negative, repeats=64, batch_size=128),
    "unscaled inputs, 80 epochs": Setting("sigmoid", 80, scale=255.0),
    "large weights, sigmoid, 400 epochs": Setting("sigmoid", 400, large),
    "large weights, tanh, 400 epochs": Setting("tanh", 400, large),
}
OTHERS = {
    "fused": "Dense({units}, activation={activation}, activity_regularizer=regularizers.l2(1e-2))",
    "kernel": "Dense({units}, activation={activation}, kernel_regularizer=regularizers.l2(1e-3))",
    "batch normalization": "Dense({units})\nBatchNormalization()\nActivation({activation})",
    "normalised inputs": "BatchNormalization()\nDense({units}, activation={activation})",
}
"""What the messages speak of beside the advised remedy: by name, as code."""


@cache
def digits(repeats: int, scale: float) -> Any:
    """Training and held-out samples of digits: ((x, y), (x, y))."""
    from sklearn.datasets import load_digits

    found = load_digits()
    x = np.repeat(found.data / 16 * scale, repeats, axis=1).astype("float32")
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], found.target[order]
    return (x[:1408], y[:1408]), (x[1408:], y[1408:])  # whole batches: an odd one costs a compilation


def net(setting: Setting, code: str, *, keeps_bias: bool = True, seed: int = 1) -> Any:
    """A net with the layers of ``code`` and the setting's bad weights in the Dense one."""
    keras.utils.clear_session()  # so that the layers of all nets have the same names
    keras.utils.set_random_seed(seed)
    (x, _), _ = digits(setting.repeats, setting.scale)
    known = {**vars(layers), "regularizers": regularizers}
    body = [eval(line, known) for line in code.splitlines()]
    model = keras.Sequential([keras.Input(x.shape[1:]), *body, layers.Dense(10, activation="softmax")])
    (dense,) = (layer for layer in body if isinstance(layer, layers.Dense))
    kernel, bias = dense.get_weights()
    if setting.kernel is not None:
        kernel = setting.kernel(np.random.default_rng(seed + 1), x.shape[1])
    dense.set_weights([kernel, np.full_like(bias, setting.bias) if keeps_bias else bias])
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def figures(model: Any, setting: Setting) -> Json:
    """What the probe says of the hidden activation on held-out samples, and the accuracy there."""
    _, (x, y) = digits(setting.repeats, setting.scale)
    report = probe_model(model, x, labels=y, batch_size=len(x))
    (site,) = (each for each in report.measurement.sites if each.role == "hidden")
    (output,) = report.measurement.outputs
    found = [each for each in report.findings if each.code in ("REG401", "REG402")]
    return {
        "saturated": site.saturated_fraction,
        "stuck": site.stuck_units,
        "dead": site.dead_units,
        "gain": site.mean_gain,
        "rms": site.preactivation_rms,
        "accuracy": output.accuracy,
        "findings": [[each.code, each.severity.value, each.data["cause"], each.data["remedy"]] for each in found],
        "messages": [each.message for each in found],
        "data": [{name: each.data[name] for name in ("remedy_code", "lambda_start")} for each in found],
    }


def trained(model: Any, setting: Setting) -> Json:
    (x, y), _ = digits(setting.repeats, setting.scale)
    model.fit(x, y, epochs=setting.epochs, batch_size=setting.batch_size, verbose=0)
    return figures(model, setting)


def outcome(setting: Setting, others: Iterable[str]) -> Json:
    """The figures before training, and after training without a remedy, with the advised one and with others."""
    plain = f'Dense({UNITS}, activation="{setting.activation}")'
    bad = net(setting, plain)
    found: Json = {"epochs": setting.epochs, "before": figures(bad, setting), "without": trained(bad, setting)}
    found["with"] = with_remedy(setting, found)
    for name in others:
        code = OTHERS[name].format(units=UNITS, activation=f'"{setting.activation}"')
        found[name] = trained(net(setting, code), setting)
    return found


def with_remedy(setting: Setting, found: Json) -> Json:
    """The figures after training with the remedy of the first finding, and the code that this was."""
    _, _, _, remedy = found["before"]["findings"][0]
    (advised,) = found["before"]["data"]
    code, strength = advised["remedy_code"], advised["lambda_start"]
    factors = (1, 10) if strength else (1,)
    for factor in factors:
        tuned = code.replace(power(strength), power(strength * factor)) if strength else code
        model = net(setting, tuned, keeps_bias=remedy != "initialisation")
        after = {**trained(model, setting), "code": tuned}
        if is_relieved(found["without"], after):
            break
    return after


def is_relieved(without: Json, after: Json) -> bool:
    """Is the fault gone that is there without the remedy, and are clearly fewer values saturated, or units dead?"""
    trouble = "saturated" if without["dead"] is None else "dead"
    faults = [severity for _, severity, _, _ in after["findings"] if severity == "warning"]
    return not faults and after[trouble] < 0.8 * without[trouble]


def write_table(outcomes: Json) -> None:
    """Writes the figures of all trainings to TABLE."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("keras", keras.backend.backend(), "scikit-learn"))
    lines = [
        "# Cures, measured: saturated share, stuck and dead units, gain of the hidden activation and accuracy on",
        "# held-out digits after training. `with` is the advised remedy, as code.",
        "# Made by `python tests/probe/cures.py table`, on a CPU.",
        f'date = "{date.today()}"',
        f'versions = "{versions}, Python {platform.python_version()}"',
    ]
    for name, found in outcomes.items():
        lines += [
            "",
            f'["{name}"]',
            f"epochs = {found.pop('epochs')}",
            f"remedy_code = {json.dumps(found['with']['code'])}",
        ]
        lines += [f'"{way}" = {row(after)}' if " " in way else f"{way} = {row(after)}" for way, after in found.items()]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def row(after: Json) -> str:
    names = ("saturated", "stuck", "dead", "gain", "rms", "accuracy")
    return "{ " + ", ".join(f"{name} = {after[name]:.3g}" for name in names if after[name] is not None) + " }"


def main() -> None:
    way = sys.argv[1]
    if way == "table":
        write_table({name: outcome(setting, OTHERS) for name, setting in {**SHORT, **LONG}.items()})
        return
    others = {"aligned sigmoid": ["fused"]}
    settings = SHORT if way == "short" else LONG
    print(json.dumps({name: outcome(setting, others.get(name, [])) for name, setting in settings.items()}))


if __name__ == "__main__":
    main()
