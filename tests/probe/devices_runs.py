"""The child that probes one model on one and on four simulated devices of a backend, and prints what came out as JSON.

``python devices_runs.py`` with KERAS_BACKEND set: the last line of stdout is ``{"one": …, "all": …, …}``.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from dataclasses import asdict
from typing import Any

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)

if os.environ["KERAS_BACKEND"] == "tensorflow":
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
else:
    import jax

    jax.config.update("jax_disable_most_optimizations", True)  # compiling takes most of the time

import keras  # noqa: E402
import numpy as np  # noqa: E402

from reglint.probe import probe_model  # noqa: E402
from reglint.probe.statistics.devices import spread  # noqa: E402

Json = dict[str, Any]
BACKEND = os.environ["KERAS_BACKEND"]
SAMPLES, BATCH = 22, 8
"""Three batches, of which the last does not divide among four devices."""


def model() -> Any:
    """Ids with padding, a loop, a normalisation, a classifier, and a regularizer."""
    keras.utils.set_random_seed(1)
    layers = [
        keras.layers.Embedding(20, 6, mask_zero=True, name="embedding"),
        keras.layers.LSTM(5, name="lstm"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.Dense(6, activation="relu", kernel_regularizer="l2", name="hidden"),
        keras.layers.Dense(3, activation="softmax", name="out"),
    ]
    made = keras.Sequential([keras.Input((7,)), *layers])
    made.compile("adam", "sparse_categorical_crossentropy")
    return made


def outcome(made: Any) -> Json:
    """The report of a model, as far as it should not depend on devices."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 20, (SAMPLES, 7)), rng.integers(0, 3, SAMPLES)
    before = made.get_weights()
    report = probe_model(made, x, labels=y, batch_size=BATCH)
    measured = report.measurement
    return {
        "device": measured.device,
        "sites": {f"{each.layer}:{each.site}": asdict(each) for each in measured.sites},
        "outputs": [asdict(each) for each in measured.outputs],
        "unreached": [asdict(each) for each in measured.unreached],
        "penalties": [asdict(each) for each in report.penalties],
        "changed": max(float(np.abs(a - b).max()) for a, b in zip(before, made.get_weights(), strict=True)),
    }


def main() -> None:
    found = {"one": outcome(model())}
    with spread("all", BACKEND) as devices:
        with devices.making():
            distributed = model()
        found |= {"count": devices.count, "all": outcome(distributed)}
    found["after"] = outcome(model())["device"]
    if BACKEND == "tensorflow":  # the model itself remembers
        found["outside"] = outcome(distributed)["device"]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
