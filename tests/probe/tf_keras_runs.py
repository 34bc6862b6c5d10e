"""The child that probes models of tf_keras, and their twins of Keras 3, and prints what came out as JSON.

``python tf_keras_runs.py FOLDER``: the last line of stdout is ``{case: outcome}``; FOLDER takes the files it writes.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
warnings.simplefilter("ignore")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402

from reglint.probe import probe_model  # noqa: E402
from reglint.probe.models.loading import load  # noqa: E402
from reglint.probe.statistics.measuring import measure  # noqa: E402

Json = dict[str, Any]
SAMPLES, BATCH = 20, 8


def noise(*shape: int) -> Any:
    return np.random.default_rng(3).normal(0, 2, (SAMPLES, *shape)).astype("float32")


def padded(steps: int) -> Any:
    """Ids of sequences that end in padding."""
    rng = np.random.default_rng(4)
    ids = rng.integers(1, 20, (SAMPLES, steps))
    lengths = rng.integers(2, steps + 1, (SAMPLES, 1))
    return np.where(np.arange(steps) < lengths, ids, 0)


# --- twins: one architecture in both libraries -----------------------------------------------------------------------


def dense(k: Any) -> tuple[Any, Any]:
    layers = [
        k.layers.Dense(8, activation="tanh", name="fused"),
        k.layers.Dense(7, name="front"),
        k.layers.Activation("sigmoid", name="apart"),
        k.layers.BatchNormalization(name="norm"),
        k.layers.ReLU(name="relu"),
        k.layers.Dense(5, activation="softmax", name="out"),
    ]
    return k.Sequential([k.Input((6,)), *layers]), noise(6)


NAMES = ("relu", "elu", "selu", "softplus", "softsign", "gelu", "mish", "tanh", "sigmoid")


def activations(k: Any) -> tuple[Any, Any]:
    inputs = k.Input((6,))
    x = k.layers.Concatenate(name="all")([k.layers.Dense(3, activation=n, name=n)(inputs) for n in NAMES])
    leaky = {"alpha": 0.2} if k is tf_keras else {"negative_slope": 0.2}
    x = k.layers.LeakyReLU(**leaky, name="leaky")(x)
    x = k.layers.ReLU(max_value=6, name="six")(x)
    x = k.layers.ELU(name="elu_layer")(x)
    for layer in with_options(k):
        x = layer(k.layers.Dense(4, name=f"before_{layer.name}")(x))
    x = k.layers.Softmax(name="softmax")(k.layers.Dense(4, name="logits")(x))
    return k.Model(inputs, x), noise(6)


def with_options(k: Any) -> Iterator[Any]:
    """Yield activation layers whose options change where the function is flat."""
    yield k.layers.ReLU(max_value=6, negative_slope=0.1, name="leaky_six")
    yield k.layers.ReLU(threshold=0.5, name="threshold")
    yield k.layers.ThresholdedReLU(0.5, name="old") if k is tf_keras else k.layers.ReLU(threshold=0.5, name="old")
    yield k.layers.ELU(alpha=0.5, name="half_elu")
    yield k.layers.PReLU(name="learnt")


def convolution(k: Any) -> tuple[Any, Any]:
    layers = [
        k.layers.Conv2D(4, 3, activation="relu", name="conv"),
        k.layers.DepthwiseConv2D(3, activation="tanh", name="depthwise"),
        k.layers.SeparableConv2D(3, 2, activation="sigmoid", name="separable"),
        k.layers.Conv2D(3, 1, name="front"),
        k.layers.BatchNormalization(name="norm"),
        k.layers.Activation("relu", name="relu"),
        k.layers.GlobalAveragePooling2D(name="pool"),
        k.layers.Dense(3, activation="softmax", name="out"),
    ]
    return k.Sequential([k.Input((12, 12, 2)), *layers]), noise(12, 12, 2)


def recurrent(k: Any) -> tuple[Any, Any]:
    layers = [
        k.layers.Embedding(20, 5, mask_zero=True, name="embedding"),
        k.layers.Bidirectional(k.layers.LSTM(4, return_sequences=True, name="lstm"), name="both"),
        k.layers.GRU(6, return_sequences=True, name="gru"),
        k.layers.SimpleRNN(4, return_sequences=True, name="simple"),
        k.layers.TimeDistributed(k.layers.Dense(3, activation="tanh", name="each"), name="timed"),
        k.layers.RNN([k.layers.LSTMCell(4, name="low"), k.layers.GRUCell(3, name="high")], name="stack"),
        k.layers.Dense(2, activation="sigmoid", name="out"),
    ]
    return k.Sequential([k.Input((7,)), *layers]), padded(7)


def attention(k: Any) -> tuple[Any, Any]:
    inputs = k.Input((7,))
    x = k.layers.Embedding(20, 8, mask_zero=True, name="embedding")(inputs)
    x = k.layers.MultiHeadAttention(2, 4, name="heads")(x, x)
    x = k.layers.GlobalAveragePooling1D(name="pool")(k.layers.Attention(name="plain")([x, x]))
    return k.Model(inputs, k.layers.Dense(1, activation="sigmoid", name="out")(x)), padded(7)


def nested(k: Any) -> tuple[Any, Any]:
    one, two = k.Input((6,), name="one"), k.Input((6,), name="two")
    shared = k.layers.Dense(6, activation="tanh", name="shared")
    inner = k.Sequential([k.Input((6,)), k.layers.Dense(6, activation="sigmoid", name="dense")], name="inner")
    x = k.layers.Add(name="add")([shared(inner(one)), shared(two)])
    outputs = [k.layers.Dense(2, name="linear")(x), k.layers.Dense(1, activation="sigmoid", name="yes")(x)]
    return k.Model([one, two], outputs), [noise(6), noise(6) / 2]


def half(k: Any) -> tuple[Any, Any]:
    k.mixed_precision.set_global_policy("mixed_float16")
    try:
        layers = [k.layers.LSTM(4, name="lstm"), k.layers.Dense(3, activation="sigmoid", name="out")]
        return k.Sequential([k.Input((5, 3)), *layers]), noise(5, 3)
    finally:
        k.mixed_precision.set_global_policy("float32")


TWINS = (dense, activations, convolution, recurrent, attention, nested, half)


def twins(make: Callable[[Any], tuple[Any, Any]]) -> Json:
    """Give both models the same weights, and measure both."""
    model, x = make(tf_keras)
    twin, _ = make(keras)
    rng = np.random.default_rng(5)
    weights = [
        (np.abs(w) if (w == 1).all() else 0.6 * rng.normal(size=w.shape)).astype(w.dtype) for w in twin.get_weights()
    ]
    model.set_weights(weights)
    twin.set_weights(weights)
    before = predictions(model, x)
    measured, expected = measure(model, batches(x)), measure(twin, batches(x))
    return {
        "sites": sites(measured),
        "twin": sites(expected),
        "unreached": [asdict(each) for each in measured.unreached],
        "ran": [measured.library, measured.backend, measured.device, measured.samples],
        "twin_predicts": difference(before, predictions(twin, x)),
        "predictions": difference(before, predictions(model, x)),
        "weights": difference(weights, model.get_weights()),
    }


def batches(x: Any) -> Iterator[Any]:
    for start in range(0, SAMPLES, BATCH):
        part = slice(start, start + BATCH)
        yield ([each[part] for each in x] if isinstance(x, list) else x[part]), None


def sites(measured: Any) -> Json:
    return {f"{each.layer}:{each.site}": asdict(each) for each in measured.sites}


def predictions(model: Any, x: Any) -> list[Any]:
    return [np.asarray(each, "float64") for each in tf.nest.flatten(model.predict(x, verbose=0, batch_size=BATCH))]


def difference(one: list[Any], other: list[Any]) -> float:
    return max((float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True) if np.size(a)), default=0.0)


# --- what only tf_keras has ------------------------------------------------------------------------------------------


def measured(model: Any, x: Any) -> Json:
    found = measure(model, batches(x))
    return {"sites": sites(found), "unreached": [asdict(each) for each in found.unreached]}


def tensorflow_operations_in_a_functional_model() -> Json:
    inputs = tf_keras.Input((6,))
    x = tf.nn.relu(tf_keras.layers.Dense(4, name="front")(inputs), name="rectified")
    x = tf.nn.softmax(tf_keras.layers.Dense(3, name="logits")(tf.math.add(x, 1.0)))
    return measured(tf_keras.Model(inputs, x), noise(6))


class Custom(tf_keras.layers.Layer):
    """Calls TensorFlow itself, under an ``if`` that only AutoGraph makes work."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = tf_keras.layers.Dense(4, name="inner")
        self.act = tf.nn.elu

    def call(self, inputs: Any) -> Any:
        x = tf.nn.swish(self.inner(inputs))
        if tf.reduce_mean(inputs) > 1000.0:
            x = x + 1.0
        return tf_keras.activations.sigmoid(tf_keras.backend.tanh(self.act(x)))


class Subclassed(tf_keras.Model):
    """A model without ``training``, and with a metric and a loss that its call makes."""

    def __init__(self) -> None:
        super().__init__(name="subclassed")
        self.custom = Custom(name="custom")
        self.out = tf_keras.layers.Dense(2, activation=tf.nn.softmax, activity_regularizer="l2", name="out")

    def call(self, inputs: Any) -> Any:
        x = self.custom(inputs)
        self.add_metric(tf.reduce_mean(x), name="mean_of_custom")
        self.add_loss(tf.reduce_sum(x))
        return self.out(x)


def custom_layers() -> Json:
    model = Subclassed()
    x = noise(6)
    model(x)
    before = [float(each) for each in model.losses], [float(each.result()) for each in model.metrics]
    found = measured(model, x)
    after = [float(each) for each in model.losses], [float(each.result()) for each in model.metrics]
    return found | {"losses_and_metrics": [before, after]}


class Doubled(tf_keras.layers.Layer):
    """A custom layer, over which TimeDistributed loops where it knows the batch size."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return tf.tanh(2.0 * inputs)


class Opaque(tf_keras.layers.Layer):
    """Computes its activation by hand."""

    def call(self, inputs: Any) -> Any:
        return 1.0 / (1.0 + tf.exp(-inputs))


def a_custom_layer_in_time() -> Json:
    inputs = tf_keras.Input((7,))
    x = tf_keras.layers.Embedding(20, 5, mask_zero=True, name="embedding")(inputs)
    x = tf_keras.layers.TimeDistributed(Doubled(name="doubled"), name="timed")(x)
    model = tf_keras.Model(inputs, Opaque(name="opaque")(x))
    ids = padded(7)
    before = predictions(model, ids)
    found = measured(model, ids)
    return found | {"predictions": difference(before, predictions(model, ids)), "kept": int((ids > 0).sum())}


def a_stateful_lstm() -> Json:
    lstm = tf_keras.layers.LSTM(4, stateful=True, name="lstm")
    model = tf_keras.Sequential([tf_keras.Input(batch_shape=(4, 5, 3)), lstm])
    x = noise(5, 3)
    model.predict(x[:4], batch_size=4, verbose=0)
    before = [state.numpy() for state in lstm.states]
    found = measure(model, ((x[at : at + 4], None) for at in range(0, SAMPLES, 4)))
    return {"sites": sites(found), "states": difference(before, [state.numpy() for state in lstm.states])}


def a_whole_report() -> Json:
    model = tf_keras.Sequential([tf_keras.Input((6,)), tf_keras.layers.Dense(4, activation="sigmoid", name="wide")])
    model.add(tf_keras.layers.Dense(2, activation="softmax", name="out"))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.layers[0].set_weights([np.full((6, 4), 30.0), np.zeros(4)])
    model.layers[0].kernel_regularizer = tf_keras.regularizers.L2(0.1)
    x = np.abs(np.tile(noise(6), (20, 1)))
    report = probe_model(model, x, labels=np.arange(len(x)) % 2, state="trained")
    found = [[each.code, each.layer, each.data.get("cause")] for each in report.findings]
    weighed = [[row.layer, row.argument, row.cause] for row in report.penalties]
    unreached = [asdict(each) for each in report.measurement.unreached]
    return {"findings": found, "unreached": unreached, "penalties": weighed}


def a_file_that_keras_3_rejects(folder: Path) -> Json:
    k = tf_keras
    layers = [
        k.layers.Masking(name="masking"),
        k.layers.Bidirectional(k.layers.LSTM(3, return_sequences=True, name="lstm"), name="both"),
        k.layers.TimeDistributed(k.layers.Dense(2, activation="tanh", name="each"), name="timed"),
    ]
    model = k.Sequential([k.Input((5, 3)), *layers])
    x = noise(5, 3)
    x[:, 3:] = 0
    model.save(folder / "nested.h5")
    loaded = load(str(folder / "nested.h5"))
    return measured(loaded.model, x) | {"library": loaded.library, "direct": sites(measure(model, batches(x)))}


def main() -> None:
    logging.disable(logging.WARNING)
    folder = Path(sys.argv[1])
    runs: dict[str, Callable[[], Json]] = {make.__name__: lambda make=make: twins(make) for make in TWINS}
    runs |= {run.__name__: run for run in ALONE}
    runs["a_file_that_keras_3_rejects"] = lambda: a_file_that_keras_3_rejects(folder)
    print(json.dumps({name: guarded(run) for name, run in runs.items()}))


def guarded(run: Callable[[], Json]) -> Json:
    """An outcome, or how it failed: one bad case must not hide the others."""
    try:
        return run()
    except Exception:
        return {"error": traceback.format_exc(limit=-6)}


ALONE = (
    tensorflow_operations_in_a_functional_model,
    custom_layers,
    a_custom_layer_in_time,
    a_stateful_lstm,
    a_whole_report,
)

if __name__ == "__main__":
    main()
