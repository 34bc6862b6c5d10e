"""The child that probes some models on the device of its backend, and prints what came out as JSON.

``python gpu_runs.py`` with KERAS_BACKEND set: the last line of stdout is ``{"gpu": whether there is one, "cases": …}``.
"""

from __future__ import annotations

import json
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "NVIDIA_TF32_OVERRIDE": "0"}
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)

import keras  # noqa: E402
import numpy as np  # noqa: E402

from reglint.probe.statistics.measuring import Probe  # noqa: E402

Json = dict[str, Any]
SAMPLES, BATCH = 112, 32


def has_gpu() -> bool:
    """Whether the backend has one, where rounding to TF32 is turned off: figures are compared with a CPU's."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)
        return bool(tf.config.list_physical_devices("GPU"))
    if backend == "jax":
        import jax

        jax.config.update("jax_default_matmul_precision", "highest")
        return jax.default_backend() != "cpu"
    import torch

    torch.backends.cudnn.allow_tf32 = False
    return bool(torch.cuda.is_available())


def convolution() -> tuple[Any, Any]:
    layers = [
        keras.layers.Conv2D(16, 3, activation="relu", name="conv"),
        keras.layers.Conv2D(16, 3, name="front"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.Activation("relu", name="relu"),
        keras.layers.GlobalAveragePooling2D(name="pool"),
        keras.layers.Dense(32, activation="sigmoid", name="wide"),
        keras.layers.Dense(10, activation="softmax", name="out"),
    ]
    return keras.Sequential([keras.Input((32, 32, 3)), *layers]), noise(32, 32, 3)


def fused_lstm() -> tuple[Any, Any]:
    """The layer for which TensorFlow and torch have cuDNN's kernel."""
    layers = [
        keras.layers.LSTM(32, return_sequences=True, name="lstm"),
        keras.layers.LSTM(16, name="second"),
        keras.layers.Dense(3, activation="softmax", name="out"),
    ]
    return keras.Sequential([keras.Input((40, 8)), *layers]), noise(40, 8)


def padded_attention() -> tuple[Any, Any]:
    inputs = keras.Input((20,))
    x = keras.layers.Embedding(50, 16, mask_zero=True, name="embedding")(inputs)
    x = keras.layers.Bidirectional(keras.layers.GRU(8, return_sequences=True, name="gru"), name="both")(x)
    x = keras.layers.MultiHeadAttention(2, 8, name="heads")(x, x)
    x = keras.layers.Dense(16, activation="gelu", name="gelu")(x)
    x = keras.layers.GlobalAveragePooling1D(name="pool")(x)
    rng = np.random.default_rng(2)
    ids = rng.integers(1, 50, (SAMPLES, 20)) * (np.arange(20) < rng.integers(3, 21, (SAMPLES, 1)))
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", name="out")(x)), ids


def noise(*shape: int) -> Any:
    return np.random.default_rng(1).normal(0, 2, (SAMPLES, *shape)).astype("float32")


def weighed(model: Any) -> Any:
    """The model with weights that do not depend on the backend, some of them large enough to saturate."""
    rng = np.random.default_rng(3)
    # Larger recurrent weights make an LSTM chaotic: it then turns the last bit of a device into the third digit.
    made = [1.5 * rng.normal(size=w.shape) / len(w) ** 0.5 if w.ndim > 1 else w for w in model.get_weights()]
    model.set_weights([w.astype("float32") for w in made])
    return model


def outcome(make: Callable[[], tuple[Any, Any]]) -> Json:
    """Figures, predictions before and after, and the seconds of predict and of the probe once both are compiled."""
    model, x = make()
    weighed(model)
    before = predictions(model, x)
    probe = Probe(model)
    probe.run(batches(x))
    seconds = [probe.run(batches(x)).seconds for _ in range(3)]
    measured = probe.run(batches(x))
    started = time.perf_counter()
    after = predictions(model, x)
    predict = time.perf_counter() - started
    return {
        "device": measured.device,
        "sites": {f"{each.layer}:{each.site}": asdict(each) for each in measured.sites},
        "unreached": [asdict(each) for each in measured.unreached],
        "predictions": float(np.abs(before - after).max()),
        "seconds": {"probe": min(seconds), "predict": predict},
    }


def predictions(model: Any, x: Any) -> Any:
    return np.asarray(model.predict(x, batch_size=BATCH, verbose=0))


def batches(x: Any) -> Iterator[Any]:
    """Batches, of which the last is odd."""
    for start in range(0, SAMPLES, BATCH):
        yield x[start : start + BATCH], None


def main() -> None:
    found = has_gpu()
    cases = {make.__name__: outcome(make) for make in (convolution, fused_lstm, padded_attention)}
    print(json.dumps({"gpu": found, "cases": cases}))


if __name__ == "__main__":
    main()
