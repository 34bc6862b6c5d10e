"""The child that weighs the penalties of tf_keras models, and prints what came out as JSON.

For test_tf_keras_penalties.py: ``python tf_keras_penalty_cases.py FOLDER``; the last line of stdout is
``{case: outcome}``, FOLDER takes the files it writes.

Expected penalties are computed here with NumPy, expected gradients with a plain GradientTape, both from the weights and
the outputs of layers alone; sums are those of tf_keras.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras  # noqa: E402
from tf_keras import layers  # noqa: E402
from tf_keras.regularizers import L1, L1L2, L2  # noqa: E402

from reglint.cli import main as reglint  # noqa: E402
from reglint.probe.penalties.weighing import judge, penalties  # noqa: E402
from reglint.probe.values import ProbeError  # noqa: E402

Json = dict[str, Any]

RANDOM = np.random.default_rng(7)
SAMPLES = 32
X = RANDOM.normal(size=(SAMPLES, 8)).astype("float32")
STEPS = RANDOM.normal(size=(SAMPLES, 5, 8)).astype("float32")
IMAGES = RANDOM.normal(size=(SAMPLES, 6, 6, 3)).astype("float32")
Y = (3 * RANDOM.normal(size=(SAMPLES, 2))).astype("float32")


class Term(NamedTuple):
    """What a row must say: tensors that are penalized, the strengths, and by how much the penalty is divided."""

    tensors: Callable[[], Any]
    l1: float = 0.0
    l2: float = 0.0
    divisor: float = 1.0

    def numpy(self) -> float:
        arrays = [np.asarray(each, "float64") for each in tf.nest.flatten(self.tensors())]
        return sum(self.l1 * np.sum(np.abs(a)) + self.l2 * np.sum(a**2) for a in arrays) / self.divisor

    def tensor(self) -> Any:
        parts = [self.l1 * tf.reduce_sum(tf.abs(a)) + self.l2 * tf.reduce_sum(a * a) for a in self.tensors()]
        return tf.add_n(parts) / self.divisor


def weight(*variables: Any, l1: float = 0.0, l2: float = 0.0) -> Term:
    return Term(lambda: [tf.convert_to_tensor(each) for each in variables], l1, l2)


def outputs(model: Any, tensor: Any, *inputs: Any, l1: float = 0.0, l2: float = 0.0, steps: int = 1) -> Term:
    """The activity penalty on a tensor of a functional model, summed over its calls on these inputs."""
    part = tf_keras.Model(model.inputs, tensor)
    return Term(lambda: [part(each, training=False) for each in inputs], l1, l2, SAMPLES * steps)


def compared(model: Any, x: Any, y: Any, terms: dict[str, Term], loss: str = "mean_squared_error") -> Json:
    """The rows, the same by NumPy and by a tape, and the sums that tf_keras computes."""
    found = {f"{row.layer}:{row.argument}": row for row in penalties(model, x, y, loss=loss, batch_size=SAMPLES)}
    function = tf_keras.losses.get(loss)
    variables = model.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        predicted = model(x, training=False)
        added = model.losses
        data = tf.reduce_mean(function(y, predicted))
        values = {name: term.tensor() for name, term in terms.items()}
    by_data = norms(tape.gradient(data, variables))
    expected = {}
    for name, term in terms.items():
        pulls = norms(tape.gradient(values[name], variables))
        against = np.linalg.norm(by_data[pulls > 0])
        ratio = np.linalg.norm(pulls) / against if against > 0 else 0.0
        expected[name] = [term.numpy(), float(ratio), float(np.linalg.norm(pulls))]
    total = float(sum(float(each) for each in added))
    model.compile("sgd", loss)
    return {
        "found": {name: [row.penalty, row.gradient_ratio, row.gradient_norm] for name, row in found.items()},
        "expected": expected,
        "sum": sum(row.penalty for row in found.values()),
        "losses": total,
        "shares": sum(row.share for row in found.values()),
        "evaluate": model.evaluate(x, y, batch_size=SAMPLES, verbose=0),
        "causes": {name: row.cause for name, row in found.items() if row.cause is not None},
        "classes": {name: row.class_name for name, row in found.items()},
        "regularizers": {name: [row.regularizer, row.strength] for name, row in found.items()},
        "loss": next(iter(found.values())).loss,
    }


def norms(gradients: Any) -> Any:
    return np.array([0.0 if each is None else float(tf.norm(tf.convert_to_tensor(each))) for each in gradients])


# --------------------------------------------------------------------------------------------------------- each layer


def dense() -> Json:
    layer = layers.Dense(
        2,
        name="dense",
        kernel_regularizer=L2(0.01),
        bias_regularizer=L1L2(0.02, 0.03),
        activity_regularizer=L1(0.05),
        bias_initializer="random_normal",
    )
    model = tf_keras.Sequential([tf_keras.Input((8,)), layer], name="top")
    terms = {
        "dense:kernel_regularizer": weight(layer.kernel, l2=0.01),
        "dense:bias_regularizer": weight(layer.bias, l1=0.02, l2=0.03),
        "dense:activity_regularizer": outputs(model, layer.output, X, l1=0.05),
    }
    return compared(model, X, Y, terms)


def convolutions() -> Json:
    conv = layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2", activity_regularizer=L2(0.02), name="conv")
    depth = layers.DepthwiseConv2D(2, depthwise_regularizer=L1(0.03), name="depth")
    separable = layers.SeparableConv2D(3, 2, depthwise_regularizer="l1", pointwise_regularizer="l2", name="separable")
    norm = layers.BatchNormalization(gamma_regularizer=L2(0.1), name="norm")
    stack = [conv, depth, separable, norm, layers.Flatten(), layers.Dense(2)]
    model = tf_keras.Sequential([tf_keras.Input((6, 6, 3)), *stack])
    terms = {
        "conv:kernel_regularizer": weight(conv.kernel, l2=0.01),
        "depth:depthwise_regularizer": weight(depth.depthwise_kernel, l1=0.03),
        "separable:depthwise_regularizer": weight(separable.depthwise_kernel, l1=0.01),
        "separable:pointwise_regularizer": weight(separable.pointwise_kernel, l2=0.01),
        "norm:gamma_regularizer": weight(norm.gamma, l2=0.1),
        "conv:activity_regularizer": outputs(model, conv.output, IMAGES, l2=0.02),
    }
    return compared(model, IMAGES, Y, terms)


def recurrent() -> Json:
    """An LSTM, a cell of one's own choice, and two halves that have a regularizer each."""
    options = {"kernel_regularizer": L2(1e-2), "recurrent_regularizer": L1(1e-3)}
    lstm = layers.LSTM(3, return_sequences=True, activity_regularizer=L2(0.1), name="lstm", **options)
    both = layers.Bidirectional(layers.GRU(3, return_sequences=True, **options), name="both")
    low, high = layers.LSTMCell(3, kernel_regularizer="l2", name="low"), layers.GRUCell(2, name="high")
    cells = layers.RNN([low, high], name="cells")
    model = tf_keras.Sequential([tf_keras.Input((5, 8)), lstm, both, cells, layers.Dense(2)])
    forward, backward = both.forward_layer.cell, both.backward_layer.cell
    terms = {
        "lstm:kernel_regularizer": weight(lstm.cell.kernel, l2=1e-2),
        "lstm:recurrent_regularizer": weight(lstm.cell.recurrent_kernel, l1=1e-3),
        "both/forward_gru:kernel_regularizer": weight(forward.kernel, l2=1e-2),
        "both/forward_gru:recurrent_regularizer": weight(forward.recurrent_kernel, l1=1e-3),
        "both/backward_gru:kernel_regularizer": weight(backward.kernel, l2=1e-2),
        "both/backward_gru:recurrent_regularizer": weight(backward.recurrent_kernel, l1=1e-3),
        "cells/low:kernel_regularizer": weight(low.kernel, l2=0.01),
        "lstm:activity_regularizer": outputs(model, lstm.output, STEPS, l2=0.1),
    }
    return compared(model, STEPS, Y, terms)


def in_time() -> Json:
    """TimeDistributed of tf_keras calls the layer: its activity penalty is divided by the samples times the steps."""
    inner = layers.Dense(4, activity_regularizer=L2(0.1), kernel_regularizer=L2(0.01), name="inner")
    timed = layers.TimeDistributed(inner, activity_regularizer=L1(0.2), name="timed")
    model = tf_keras.Sequential([tf_keras.Input((5, 8)), timed, layers.Flatten(), layers.Dense(2)])
    terms = {
        "timed/inner:kernel_regularizer": weight(inner.kernel, l2=0.01),
        "timed/inner:activity_regularizer": outputs(model, timed.output, STEPS, l2=0.1, steps=5),
        "timed:activity_regularizer": outputs(model, timed.output, STEPS, l1=0.2),
    }
    return compared(model, STEPS, Y, terms)


def nested_and_shared() -> Json:
    """A model in a model, called twice: its weights are penalized once, its outputs for each call."""
    hidden = layers.Dense(4, activation="tanh", kernel_regularizer="l2", activity_regularizer=L2(0.2), name="hidden")
    encoder = tf_keras.Sequential([tf_keras.Input((8,)), hidden, layers.Dropout(0.5)], name="encoder")
    one, two = tf_keras.Input((8,)), tf_keras.Input((8,))
    out = layers.Dense(2, kernel_regularizer=L1(0.01), name="out")
    model = tf_keras.Model([one, two], out(layers.Concatenate()([encoder(one), encoder(two)])))
    pair = [X, X[::-1].copy() * 2]
    terms = {
        "encoder/hidden:kernel_regularizer": weight(hidden.kernel, l2=0.01),
        "out:kernel_regularizer": weight(out.kernel, l1=0.01),
        "encoder/hidden:activity_regularizer": outputs(encoder, hidden.output, *pair, l2=0.2),
    }
    return compared(model, pair, Y, terms)


def embedded() -> Json:
    """The gradient of an embedding has a part for each id, and ids come more than once."""
    ids = RANDOM.integers(0, 6, (SAMPLES, 5))
    table = layers.Embedding(6, 3, embeddings_regularizer=L2(0.1), activity_regularizer=L2(0.3), name="table")
    model = tf_keras.Sequential([tf_keras.Input((5,)), table, layers.Flatten(), layers.Dense(1, activation="sigmoid")])
    terms = {
        "table:embeddings_regularizer": weight(table.embeddings, l2=0.1),
        "table:activity_regularizer": outputs(model, table.output, ids, l2=0.3),
    }
    return compared(model, ids, (ids.sum(1, keepdims=True) % 2).astype("float32"), terms, "binary_crossentropy")


class Scale(layers.Layer):
    """A layer with weights and losses of its own, each with another regularizer."""

    def build(self, shape: Any) -> None:
        self.factor = self.add_weight("factor", (shape[-1],), initializer="ones", regularizer=L2(0.1))
        self.gain = self.add_weight("gain", (shape[-1],), initializer="ones", regularizer=L1(0.2))
        self.add_loss(lambda: 0.3 * tf.reduce_sum(self.factor * self.factor))

    def call(self, inputs: Any) -> Any:
        self.add_loss(tf.reduce_sum(inputs * inputs) * 0.01)
        return inputs * self.factor + self.gain


def custom_layers() -> Json:
    scale, out = Scale(name="scale"), layers.Dense(2, name="out")
    hidden = layers.Dense(8, name="hidden")
    inputs = tf_keras.Input((8,))
    model = tf_keras.Model(inputs, out(scale(hidden(inputs))))
    model.add_loss(lambda: 0.5 * tf.reduce_sum(tf.abs(out.kernel)))
    before = hidden(X)
    by_input = 0.01 * np.sum(np.asarray(before, "float64") ** 2)
    found = penalties(model, X, Y, batch_size=SAMPLES)
    model(X)
    return {
        "found": sorted([row.layer, row.argument, row.regularizer, row.penalty] for row in found),
        "expected": [
            ["model", "add_loss", "add_loss", 0.5 * float(np.abs(out.get_weights()[0]).sum())],
            ["scale", "add_loss", "add_loss", by_input + 0.3 * 8],
            ["scale", "regularizer", "L1(l1=0.2)", 0.2 * 8],
            ["scale", "regularizer", "L2(l2=0.1)", 0.1 * 8],
        ],
        "name": model.name,
        "sum": sum(row.penalty for row in found),
        "losses": float(sum(float(each) for each in model.losses)),
    }


def half_precision() -> Json:
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        hidden = layers.Dense(4, kernel_regularizer=L2(0.1), activity_regularizer=L2(0.1), name="hidden")
        model = tf_keras.Sequential([tf_keras.Input((8,)), hidden, layers.Dense(2, dtype="float32")])
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    found = {f"{row.layer}:{row.argument}": row.penalty for row in penalties(model, X, Y)}
    kernel = hidden.get_weights()[0].astype("float64")
    return {"rows": list(found), "penalty": found["hidden:kernel_regularizer"], "numpy": 0.1 * np.sum(kernel**2)}


# -------------------------------------------------------------------------------------------------- causes, findings


def causes() -> Json:
    tf_keras.utils.set_random_seed(3)
    late, frozen = layers.Dense(4, name="late"), layers.Dense(4, kernel_regularizer=L2(0.1), name="frozen")
    frozen.trainable = False
    full = {"activation": "sigmoid", "bias_initializer": tf_keras.initializers.Constant(200)}
    model = tf_keras.Sequential(
        [
            tf_keras.Input((8,)),
            late,
            frozen,
            layers.Dense(4, kernel_regularizer=L2(0.0), bias_regularizer="l1", use_bias=False, name="zero"),
            layers.Dense(4, bias_regularizer="l2", name="fresh"),
            layers.Dense(4, activity_regularizer="l2", name="full", **full),
            layers.Dense(4, kernel_initializer="zeros", activity_regularizer="l1", name="silent"),
            layers.Dense(2),
        ]
    )
    late.kernel_regularizer = L2(0.1)
    weighed = penalties(model, X, Y)
    found = {f"{row.layer}:{row.argument}": row for row in weighed}
    kernel = frozen.get_weights()[0].astype("float64")
    row = found["frozen:kernel_regularizer"]
    judged = judge(weighed, labelled=True)
    return {
        "causes": {name: row.cause for name, row in found.items()},
        "nothing": [name for name, row in found.items() if row.penalty == 0],
        "findings": [[each.layer, each.code, each.severity.value] for each in judged],
        "frozen": [row.penalty, row.gradient_ratio, row.share > 0],
        "numpy": [0.1 * np.sum(kernel**2), 0.0, True],
    }


def nothing_to_train() -> Json:
    options = {"kernel_regularizer": L2(0.1), "activity_regularizer": L2(0.1)}
    model = tf_keras.Sequential([tf_keras.Input((8,)), layers.Dense(2, name="dense", **options)])
    model.trainable = False
    return {f"{row.layer}:{row.argument}": [row.cause, row.penalty > 0] for row in penalties(model, X, Y)}


def a_loss_in_a_loop() -> Json:
    cell = layers.RNN(layers.LSTMCell(2, activity_regularizer="l2"), name="loop")
    model = tf_keras.Sequential([tf_keras.Input((5, 8)), cell])
    model.compile("sgd", "mse")
    said = {}
    for name, run in {
        "probe": lambda: penalties(model, STEPS, Y),
        "fit": lambda: model.fit(STEPS, Y, verbose=0),
    }.items():
        try:
            run()
        except ProbeError as error:
            said[name] = str(error)
        except Exception as error:
            said[name] = type(error).__name__
    return said


# --------------------------------------------------------------------------------------------------------- data loss


def classifier(activation: Any) -> Any:
    return tf_keras.Sequential(
        [tf_keras.Input((8,)), layers.Dense(3, activation=activation, kernel_regularizer="l2", name="out")]
    )


def chosen_losses() -> Json:
    numbers = np.arange(SAMPLES) % 3
    hot = np.eye(3, dtype="float32")[numbers]
    compiled, empty, focal = classifier("softmax"), classifier("softmax"), classifier("softmax")
    compiled.compile(loss=tf_keras.losses.CategoricalCrossentropy(label_smoothing=0.1))
    empty.compile()
    focal.compile(loss=lambda y, p: tf.reduce_mean((y - p) ** 4, -1))

    def name(model: Any, y: Any, **options: Any) -> Any:
        return penalties(model, X, y, **options)[0].loss

    return {
        "softmax and whole numbers": name(classifier("softmax"), numbers),
        "softmax of TensorFlow": name(classifier(tf.nn.softmax), numbers),
        "sigmoid and 0 or 1": name(classifier("sigmoid"), hot),
        "linear and fractions": name(classifier(None), hot + 0.5),
        "linear and whole numbers": name(classifier(None), hot),
        "compiled": name(compiled, hot),
        "compiled, with numbers of classes": name(compiled, numbers),
        "compiled without a loss": name(empty, hot),
        "compiled with a function": name(focal, hot),
        "given": name(compiled, hot, loss="mse"),
    }


def two_outputs() -> Json:
    inputs = tf_keras.Input((8,))
    hidden = layers.Dense(4, kernel_regularizer=L2(0.1), name="hidden")(inputs)
    model = tf_keras.Model(inputs, [layers.Dense(2, name="one")(hidden), layers.Dense(2, name="two")(hidden)])
    losses = {"one": "mse", "two": tf_keras.losses.MeanAbsoluteError(reduction="sum")}
    model.compile(loss=losses, loss_weights={"one": 0.5, "two": 2.0})
    row = penalties(model, X, {"two": Y, "one": -Y}, batch_size=SAMPLES)[0]
    whole = model.evaluate(X, {"two": Y, "one": -Y}, batch_size=SAMPLES, verbose=0)[0]
    return {"whole": row.penalty / row.share, "evaluate": whole, "loss": row.loss}


class Squares(tf_keras.losses.Loss):
    """A loss for labels of the shape of the outputs, under an ``if`` that only AutoGraph makes work."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        squares = (y_true - y_pred) ** 2
        if tf.reduce_mean(squares) > 1000.0:
            squares = squares / 2.0
        return tf.reduce_mean(squares, -1)


def a_loss_of_ones_own() -> Json:
    """Labels without the last axis of the outputs, which tf_keras gives them before it calls the loss."""
    model = tf_keras.Sequential([tf_keras.Input((8,)), layers.Dense(1, kernel_regularizer="l2")])
    model.compile("sgd", Squares(name="squares"))
    row = penalties(model, X, Y[:, 0], batch_size=SAMPLES)[0]
    evaluated = model.evaluate(X, Y[:, 0], batch_size=SAMPLES, verbose=0)
    return {"whole": row.penalty / row.share, "evaluate": evaluated, "loss": row.loss}


def a_saturated_softmax() -> Json:
    """tf_keras computes a crossentropy from the logits behind a softmax, where the probabilities are 0 and 1."""
    out = layers.Dense(3, activation="softmax", kernel_regularizer=L2(1e-6))
    model = tf_keras.Sequential([tf_keras.Input((8,)), out])
    model.set_weights([w * 300 for w in model.get_weights()])
    model.compile("sgd", "sparse_categorical_crossentropy")
    y = np.arange(SAMPLES) % 3
    row = penalties(model, X, y, batch_size=SAMPLES)[0]
    evaluated = model.evaluate(X, y, batch_size=SAMPLES, verbose=0)
    return {"data": row.penalty / row.share - row.penalty, "evaluate": evaluated - row.penalty}


# --------------------------------------------------------------------------------------------------------- untouched


class Noisy(layers.Layer):
    """Adds a metric and callables at every call, as tf_keras allows."""

    def call(self, inputs: Any) -> Any:
        self.add_metric(tf.reduce_mean(inputs), name="mean")
        self.add_loss(lambda: tf.constant(0.25))
        return inputs


def what_is_left() -> Json:
    recurrent = layers.LSTM(3, stateful=True, activity_regularizer="l2", name="state")
    stack = [recurrent, Noisy(name="noisy"), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(2)]
    model = tf_keras.Sequential([tf_keras.Input(batch_shape=(SAMPLES, 5, 8)), *stack])
    model.compile("adam", "mse")
    model.fit(STEPS, Y, batch_size=SAMPLES, verbose=0)
    every = list(model._flatten_layers())
    loss_lists = ("_losses", "_eager_losses", "_callable_losses")

    def state() -> Any:
        held = [*model.variables, *model.optimizer.variables, *recurrent.states]
        held += [variable for metric in model.metrics for variable in metric.variables]
        return [np.array(each) for each in held]

    before, attributes = state(), [dict(vars(layer)) for layer in every]
    losses = [[list(getattr(layer, name)) for name in loss_lists] for layer in every]
    found = {f"{row.layer}:{row.argument}": row.penalty for row in penalties(model, STEPS, Y)}
    changed = [
        name
        for layer, old in zip(every, attributes, strict=True)
        for name in {*old, *vars(layer)}
        if old.get(name) is not vars(layer).get(name)
    ]
    return {
        "state": all(np.array_equal(one, two) for one, two in zip(before, state(), strict=True)),
        "moved": bool(np.any(before[-1] != 0)),
        "attributes": changed,
        "losses": losses == [[list(getattr(layer, name)) for name in loss_lists] for layer in every],
        "rows": sorted(found),
    }


# ------------------------------------------------------------------------------------------------------ command line


def a_file_on_the_command_line(folder: Path) -> Json:
    model = tf_keras.Sequential(
        [
            tf_keras.Input((8,)),
            layers.Dense(4, activation="tanh", kernel_regularizer=L2(50.0), bias_regularizer=L2(0.0), name="hidden"),
            layers.Dense(2, activity_regularizer=L1(0.1), name="out"),
        ]
    )
    model.compile("sgd", "mse")
    model.save(folder / "model.h5")
    np.savez(folder / "d.npz", x=X, y=Y)
    arguments = ["probe", str(folder / "model.h5"), "--data", str(folder / "d.npz"), "--output-format", "json"]
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        status = reglint(arguments)
    kernel = model.get_weights()[0].astype("float64")
    evaluated = model.evaluate(X, Y, batch_size=SAMPLES, verbose=0)
    share = float(sum(float(each) for each in (model(X), model.losses)[1])) / evaluated
    return {"status": status, "said": stdout.getvalue(), "numpy": 50 * np.sum(kernel**2), "share": share}


COMPARED = (dense, convolutions, recurrent, in_time, nested_and_shared, embedded)
ALONE = (
    custom_layers,
    half_precision,
    causes,
    nothing_to_train,
    a_loss_in_a_loop,
    chosen_losses,
    two_outputs,
    a_loss_of_ones_own,
    a_saturated_softmax,
    what_is_left,
)


def main() -> None:
    logging.disable(logging.WARNING)
    runs: dict[str, Callable[[], Json]] = {run.__name__: run for run in (*COMPARED, *ALONE)}
    runs["a_file_on_the_command_line"] = lambda: a_file_on_the_command_line(Path(sys.argv[1]))
    print(json.dumps({name: guarded(run) for name, run in runs.items()}, default=float))


def guarded(run: Callable[[], Json]) -> Json:
    """An outcome, or how it failed: one bad case must not hide the others."""
    tf_keras.utils.set_random_seed(1)
    try:
        return run()
    except Exception:
        return {"error": traceback.format_exc(limit=-6)}


if __name__ == "__main__":
    main()
