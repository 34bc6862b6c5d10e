"""Trains nets that are bad for one reason each, without and with the remedy that the probe advises, and says what came of it.

``python cures.py [NAME…]``: the last line of stdout is ``{name: outcome}`` as JSON, for test_cures.py. ``python cures.py
--table`` trains all of them and writes cures.toml beside this file: minutes, on one core.

The data are scikit-learn's digits. A remedy is applied as it stands in the finding: ``remedy_code`` is executed in place of
the layer, which keeps its weights (an initialisation sets the bias anew); where that does not relieve, with ``lambda_start``
times ten, as the message says.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers, regularizers  # noqa: E402
from reglint.probe import probe_model  # noqa: E402
from reglint.probe.wording import power  # noqa: E402

Json = dict[str, Any]
UNITS = 64
TABLE = Path(__file__).with_name("cures.toml")


@dataclass(frozen=True)
class Setting:
    """A net that is bad for one reason.

    ``kernel`` makes the bad weights of the hidden layer from (generator, fan-in), None for Keras's own; ``bias`` is that of
    every unit, ``repeats`` how often each pixel stands among the inputs, ``scale`` what a white pixel is.
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
    return generator.normal(0, 6, (inputs, UNITS))


SETTINGS = {
    "aligned sigmoid": Setting("sigmoid", 15, aligned, repeats=64),
    "aligned tanh": Setting("tanh", 15, aligned, repeats=64),
    "dead by aligned weights": Setting("relu", 15, negative, repeats=64),
    "dead by bias": Setting("relu", 8, bias=-30.0),
    "saturated by bias": Setting("sigmoid", 8, bias=20.0),
    "unscaled inputs": Setting("sigmoid", 10, scale=255.0),
    "large weights": Setting("sigmoid", 400, large),
    "large weights, tanh": Setting("tanh", 400, large),
    "aligned sigmoid, long": Setting("sigmoid", 80, aligned, repeats=64),
    "dead by aligned weights, long": Setting("relu", 80, negative, repeats=64, batch_size=128),
}


@cache
def digits(repeats: int, scale: float) -> Any:
    """Training and held-out samples of digits: ((x, y), (x, y))."""
    from sklearn.datasets import load_digits

    found = load_digits()
    x = np.repeat(found.data / 16 * scale, repeats, axis=1).astype("float32")
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], found.target[order]
    return (x[:1400], y[:1400]), (x[1400:], y[1400:])


def net(setting: Setting, code: str, *, keeps_bias: bool = True) -> Any:
    """A net with the layers of ``code`` and the setting's bad weights in the Dense one."""
    keras.utils.set_random_seed(1)
    (x, _), _ = digits(setting.repeats, setting.scale)
    known = {**vars(layers), "regularizers": regularizers}
    body = [eval(line, known) for line in code.splitlines()]
    model = keras.Sequential([keras.Input(x.shape[1:]), *body, layers.Dense(10, activation="softmax")])
    (dense,) = (layer for layer in body if isinstance(layer, layers.Dense))
    kernel, bias = dense.get_weights()
    if setting.kernel is not None:
        kernel = setting.kernel(np.random.default_rng(2), x.shape[1])
    dense.set_weights([kernel, np.full_like(bias, setting.bias) if keeps_bias else bias])
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def figures(model: Any, setting: Setting) -> Json:
    """What the probe says of the hidden activation on held-out samples, and the accuracy there."""
    _, (x, y) = digits(setting.repeats, setting.scale)
    report = probe_model(model, x, labels=y)
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


def outcome(setting: Setting) -> Json:
    """The figures before training, and after training without a remedy, with the advised one and with what is said to be useless."""
    plain = f'Dense({UNITS}, activation="{setting.activation}")'
    bad = net(setting, plain)
    found: Json = {"before": figures(bad, setting), "without": trained(bad, setting)}
    (advised,) = found["before"]["data"]
    (_, _, _, remedy), strength = found["before"]["findings"][0], advised["lambda_start"]
    for factor in (1, 10) if strength else (1,):
        code = advised["remedy_code"]
        if strength:
            code = code.replace(power(strength), power(strength * factor))
        model = net(setting, code, keeps_bias=remedy != "initialisation")
        found["with"] = {**trained(model, setting), "code": code, "factor": factor}
        if is_relieved(found):
            break
    fused = f'Dense({UNITS}, activation="{setting.activation}", activity_regularizer=regularizers.l2(1e-2))'
    found["fused"] = trained(net(setting, fused), setting)
    normalised = f'Dense({UNITS})\nBatchNormalization()\nActivation("{setting.activation}")'
    found["normalised"] = trained(net(setting, normalised), setting)
    return found


def is_relieved(found: Json) -> bool:
    """Is the fault gone that the probe finds without the remedy, and clearly fewer values saturated, or units dead?"""
    trouble = "saturated" if found["with"]["dead"] is None else "dead"
    faults = [severity for _, severity, _, _ in found["with"]["findings"] if severity == "warning"]
    return not faults and found["with"][trouble] < 0.8 * found["without"][trouble]


def main() -> None:
    asked = [name for name in sys.argv[1:] if not name.startswith("-")] or list(SETTINGS)
    outcomes = {}
    for name in asked:
        started = time.perf_counter()
        outcomes[name] = outcome(SETTINGS[name])
        outcomes[name]["seconds"] = round(time.perf_counter() - started, 1)
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main()
