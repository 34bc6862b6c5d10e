"""The child that weighs penalties and trains with RegularizationLogger on one backend (KERAS_BACKEND).

For test_penalties.py and test_logger.py. The last line of stdout is ``{case: outcome}`` as JSON.

Expected figures are computed here with NumPy, from the weights and the data alone.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
import traceback
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402
from keras.regularizers import L1, L1L2, L2, OrthogonalRegularizer  # noqa: E402
from packaging.version import Version  # noqa: E402

from reglint.probe import RegularizationLogger  # noqa: E402
from reglint.probe.callbacks.sampling import Sampling  # noqa: E402
from reglint.probe.penalties.weighing import judge, penalties  # noqa: E402
from reglint.probe.values import ProbeError  # noqa: E402

Json = dict[str, Any]

RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=(64, 8)).astype("float32")
Y = (3 * RANDOM.normal(size=(64, 2))).astype("float32")
STEPS = RANDOM.normal(size=(64, 5, 8)).astype("float32")
DIVIDED = Version(keras.__version__) >= Version("3.14")


def rows(model: Any, x: Any, y: Any = None, **options: Any) -> Json:
    return {f"{row.layer}:{row.argument}": asdict(row) for row in penalties(model, x, y, **options)}


def numbers(model: Any) -> list[Any]:
    return [np.array(keras.ops.convert_to_numpy(variable.value)) for variable in model.variables]


def linear(*, activity: Any = None, kernel: Any = None, bias: Any = None) -> Any:
    keras.utils.set_random_seed(1)
    dense = layers.Dense(
        2,
        name="dense",
        activity_regularizer=activity,
        kernel_regularizer=kernel,
        bias_regularizer=bias,
        bias_initializer="random_normal",
    )
    return keras.Sequential([keras.Input((8,)), dense], name="top")


# --------------------------------------------------------------------------------------------------- against NumPy


def weights_of_a_linear_layer() -> Json:
    model = linear(kernel=L2(0.01), bias=L1L2(0.02, 0.03))
    found = rows(model, X, Y, batch_size=64)
    w, b = (array.astype("float64") for array in model.get_weights())
    error = X @ w + b - Y
    data = np.mean(error**2)
    by_kernel = 0.01 * np.sum(w**2)
    by_bias = 0.02 * np.sum(np.abs(b)) + 0.03 * np.sum(b**2)
    gradient_w, gradient_b = X.T @ error / 64, error.sum(0) / 64
    ratio_w = np.linalg.norm(0.02 * w) / np.linalg.norm(gradient_w)
    ratio_b = np.linalg.norm(0.02 * np.sign(b) + 0.06 * b) / np.linalg.norm(gradient_b)
    whole = data + by_kernel + by_bias
    return {
        "found": [
            [found[f"dense:{name}"][field] for field in ("penalty", "share", "gradient_ratio")]
            for name in ("kernel_regularizer", "bias_regularizer")
        ],
        "numpy": [[by_kernel, by_kernel / whole, ratio_w], [by_bias, by_bias / whole, ratio_b]],
        "rows": list(found),
        "described": [found[key]["regularizer"] for key in found],
        "strength": [found[key]["strength"] for key in found],
        "loss": found["dense:kernel_regularizer"]["loss"],
    }


def activity_of_a_linear_layer() -> Json:
    model = linear(activity=L2(0.05))
    found = rows(model, X, Y, batch_size=16, max_batches=2)["dense:activity_regularizer"]
    w, b = (array.astype("float64") for array in model.get_weights())
    per_batch = []
    for x, y in ((X[:16], Y[:16]), (X[16:32], Y[16:32])):
        output = x @ w + b
        scale = 0.05 / 16 if DIVIDED else 0.05
        penalty = scale * np.sum(output**2)
        pulls = [2 * scale * x.T @ output, 2 * scale * output.sum(0)]
        error = output - y
        data = [x.T @ error / 16, error.sum(0) / 16]
        per_batch.append([penalty, np.mean(error**2), *(np.linalg.norm(g) for g in (*pulls, *data))])
    penalty, loss, *norms = np.mean(per_batch, axis=0)
    ratio = np.hypot(norms[0], norms[1]) / np.hypot(norms[2], norms[3])
    return {
        "found": [found["penalty"], found["share"], found["gradient_ratio"], found["gradient_norm"]],
        "numpy": [penalty, penalty / (penalty + loss), ratio, np.hypot(norms[0], norms[1])],
    }


# ------------------------------------------------------------------------------------------------------ every layer


class Scale(layers.Layer):
    """A layer with a regularizer of its own on its weight, and a loss of its own."""

    def build(self, shape: Any) -> None:
        self.factor = self.add_weight(
            shape=(shape[-1],),
            initializer="ones",
            regularizer=lambda weight: keras.ops.sum(weight**2) * 0.1,
            name="factor",
        )

    def call(self, inputs: Any) -> Any:
        self.add_loss(keras.ops.mean(inputs**2) * 0.01)
        return inputs * self.factor


class Subclassed(keras.Model):
    """A model that is no graph, and takes no `training`."""

    def __init__(self) -> None:
        super().__init__(name="subclassed")
        self.blocks = [layers.Dense(4, kernel_regularizer=L1(0.1), name=f"block_{number}") for number in (1, 2)]
        self.head = layers.Dense(1, activity_regularizer=L2(0.1), name="head")

    def call(self, inputs: Any) -> Any:
        for block in self.blocks:
            inputs = block(inputs)
        return self.head(inputs)


def many_layers() -> Any:
    keras.utils.set_random_seed(2)
    steps = keras.Input((5, 8))
    pooled = layers.GlobalAveragePooling1D
    halves = layers.Bidirectional(
        layers.LSTM(3, recurrent_regularizer=L1(1e-3), kernel_regularizer=L2(1e-4), activity_regularizer="l2"),
        name="both",
    )(steps)
    cells = layers.RNN(
        [
            layers.GRUCell(3, kernel_regularizer="l2", name="low"),
            layers.LSTMCell(2, bias_regularizer="l1", name="high"),
        ],
        name="stack",
    )(steps)
    attended = layers.MultiHeadAttention(
        2, 3, kernel_regularizer=L2(1e-3), activity_regularizer=L1(1e-4), name="attention"
    )(steps, steps)
    nested = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(4, kernel_regularizer=OrthogonalRegularizer(0.1), name="square"),
            layers.BatchNormalization(gamma_regularizer="l2", name="norm"),
            layers.Dropout(0.5),
        ],
        name="encoder",
    )(pooled()(steps))
    own = Scale(name="scale")(pooled()(attended))
    out = layers.Dense(3, activation="softmax", name="out")(layers.Concatenate()([halves, cells, nested, own]))
    return keras.Model(steps, out, name="many")


def keras_losses(model: Any, x: Any) -> float:
    """The sum of the losses as the backend's own training step gets them."""
    if keras.backend.backend() != "jax":
        model(x)
        return float(sum(float(keras.ops.convert_to_numpy(loss)) for loss in model.losses))
    trained = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    _, _, losses = model.stateless_call(trained, others, x, return_losses=True)
    return float(sum(float(loss) for loss in losses))


def many_layers_row_by_row() -> Json:
    model = many_layers()
    found = rows(model, STEPS[:32], RANDOM.integers(0, 3, 32))
    return {
        "rows": sorted(found),
        "sum": sum(row["penalty"] for row in found.values()),
        "keras": keras_losses(model, STEPS[:32]),
        "share": sum(row["share"] for row in found.values()),
        "felt": sorted(key for key, row in found.items() if row["gradient_norm"] > 0),
        "loss": found["encoder/norm:gamma_regularizer"]["loss"],
        "classes": {key: row["class_name"] for key, row in found.items()},
        "custom": found["scale:regularizer"]["strength"],
    }


class Two(layers.Layer):
    """Two weights with a regularizer each, which no attribute shows."""

    def build(self, shape: Any) -> None:
        self.one = self.add_weight(shape=(4,), initializer="ones", regularizer=L1(0.1), name="one")
        self.two = self.add_weight(shape=(4,), initializer="ones", regularizer=L2(0.2), name="two")
        self.three = self.add_weight(shape=(4,), initializer="ones", regularizer=L2(0.2), name="three")

    def call(self, inputs: Any) -> Any:
        return inputs + keras.ops.sum(self.one * self.two * self.three)


def different_regularizers_in_a_layer() -> Json:
    model = keras.Sequential([keras.Input((8,)), Two(name="two")])
    return {row.regularizer: [row.layer, row.argument, row.penalty] for row in penalties(model, X)}


def subclassed_model() -> Json:
    model = Subclassed()
    model(X)
    return {
        "rows": {key: row["penalty"] for key, row in rows(model, X[:32]).items()},
        "keras": keras_losses(model, X[:32]),
    }


class Hidden(keras.Sequential):
    """A model whose losses have something that no layer added."""

    @property
    def losses(self) -> Any:
        return [*super().losses, keras.ops.ones(()) * 5]


def a_loss_from_nowhere() -> Json:
    keras.utils.set_random_seed(1)
    model = Hidden([keras.Input((8,)), layers.Dense(2, kernel_regularizer="l2", name="dense")], name="hidden")
    return {key: row["penalty"] for key, row in rows(model, X).items()}


def mixed_precision() -> Json:
    keras.utils.set_random_seed(1)
    policy = "mixed_bfloat16"
    hidden = layers.Dense(4, dtype=policy, kernel_regularizer=L2(0.1), activity_regularizer=L2(0.1), name="hidden")
    model = keras.Sequential([keras.Input((8,)), hidden, layers.Dense(1, dtype="float32")])
    found = rows(model, X, Y[:, :1])
    kernel = keras.ops.convert_to_numpy(hidden.kernel).astype("float64")
    return {
        "penalty": found["hidden:kernel_regularizer"]["penalty"],
        "numpy": 0.1 * np.sum(kernel**2),
        "rows": list(found),
    }


# ----------------------------------------------------------------------------------------------------------- causes


def causes() -> Json:
    """The cause, penalty and share of regularizers that contribute nothing."""
    keras.utils.set_random_seed(3)
    steps = keras.Input((5, 8))
    inner = layers.Dense(4, activity_regularizer="l1", name="inner")
    x = layers.TimeDistributed(inner, name="steps")(steps)
    late = layers.Dense(4, name="late")
    frozen = layers.Dense(4, kernel_regularizer="l2", trainable=False, name="frozen")
    shared = layers.Dense(4, activity_regularizer="l2", name="shared")
    x = shared(shared(frozen(late(x))))
    x = layers.Dense(4, kernel_regularizer=L2(0.0), bias_regularizer="l1", use_bias=False, name="zero")(x)
    x = layers.Dense(4, bias_regularizer="l2", name="fresh")(x)
    x = layers.Dense(
        4,
        activation="sigmoid",
        bias_initializer=keras.initializers.Constant(200),
        activity_regularizer="l2",
        name="full",
    )(x)
    x = layers.Dense(4, kernel_initializer="zeros", activity_regularizer="l1", name="silent")(x)
    model = keras.Model(steps, layers.Dense(1)(layers.Flatten()(x)))
    late.kernel_regularizer = L2(0.1)
    found = rows(model, STEPS, Y[:, :1])
    judged = judge(penalties(model, STEPS, Y[:, :1]), labelled=True)
    return {
        "causes": {key: row["cause"] for key, row in found.items()},
        "nothing": [key for key, row in found.items() if row["penalty"] == 0 and row["share"] == 0],
        "findings": [[finding.layer, finding.code, finding.severity.value] for finding in judged],
        "data": dict(judged[0].data),
    }


def tiny_strengths() -> Json:
    """The findings of a strength that rounds away, one that doesn't, and one whose weights it has brought to 0."""
    done = linear(kernel=L2(1e-4))
    done.set_weights([np.full((8, 2), 1e-12), np.zeros(2)])
    models = {
        "rounded": linear(kernel=L2(1e-11)),
        "small": linear(kernel=L2(1e-6)),
        "done": done,
        "orthogonal": linear(kernel=OrthogonalRegularizer(1e-12)),
    }
    return {
        name: [[finding.code, finding.severity.value] for finding in judge(penalties(model, X, Y), labelled=True)]
        for name, model in models.items()
    }


def dominant() -> Json:
    model = linear(kernel=L1(1000.0), bias=L2(0.1))
    weighed = penalties(model, X, Y)
    found = judge(weighed, labelled=True)
    return {
        "codes": [[finding.code, finding.severity.value, finding.layer] for finding in found],
        "total": found[0].data["total_share"],
        "shares": [row.share for row in weighed],
        "argument": found[0].data["argument"],
        "message": found[0].message,
        "without labels": len(judge(penalties(model, X), labelled=False)),
    }


# ------------------------------------------------------------------------------------------------------------ losses


def classifier(activation: str) -> Any:
    keras.utils.set_random_seed(4)
    return keras.Sequential(
        [keras.Input((8,)), layers.Dense(3, activation=activation, kernel_regularizer="l2", name="out")]
    )


def chosen_losses() -> Json:
    whole, hot = np.arange(64) % 3, np.eye(3)[np.arange(64) % 3]
    compiled = classifier("softmax")
    compiled.compile(loss=keras.losses.CategoricalFocalCrossentropy())

    def name(model: Any, y: Any, **options: Any) -> Any:
        return rows(model, X, y, **options)["out:kernel_regularizer"]["loss"]

    return {
        "softmax and whole numbers": name(classifier("softmax"), whole),
        "softmax and one-hot": name(classifier("softmax"), hot),
        "sigmoid and 0 or 1": name(classifier("sigmoid"), hot),
        "linear and fractions": name(classifier("linear"), hot + 0.5),
        "linear and whole numbers": name(classifier("linear"), hot),
        "tanh": name(classifier("tanh"), hot),
        "compiled": name(compiled, hot),
        "given": name(compiled, hot, loss="mse"),
        "as a config": name(compiled, hot, loss=keras.losses.serialize(keras.losses.Huber())),
    }


def two_outputs() -> Json:
    keras.utils.set_random_seed(5)
    inputs = keras.Input((8,))
    hidden = layers.Dense(4, kernel_regularizer=L2(0.1), name="hidden")(inputs)
    outs = [layers.Dense(2, name="one")(hidden), layers.Dense(2, name="two")(hidden)]
    model = keras.Model(inputs, outs)
    model.compile(loss={"one": "mse", "two": "mae"}, loss_weights={"one": 0.5, "two": 2.0})
    found = rows(model, X, {"two": Y, "one": Y}, batch_size=64)["hidden:kernel_regularizer"]
    one, two = (keras.ops.convert_to_numpy(part).astype("float64") for part in model(X))
    data = 0.5 * np.mean((one - Y) ** 2) + 2 * np.mean(np.abs(two - Y))
    return {"share": found["share"], "numpy": found["penalty"] / (found["penalty"] + data), "loss": found["loss"]}


def errors() -> Json:
    cases = {
        "unbuilt": lambda: penalties(keras.Sequential([layers.Dense(1)]), X),
        "unknown loss": lambda: penalties(linear(kernel="l2"), X, Y, loss="no_such_loss"),
        "too few labels": lambda: penalties(linear(kernel="l2"), X, Y[:10]),
    }
    said = {}
    for name, case in cases.items():
        try:
            case()
        except ProbeError as error:
            said[name] = str(error)
    return said


# ------------------------------------------------------------------------------------------------------- untouched


def what_is_left() -> Json:
    """What differs in a model after its penalties were weighed: nothing should."""
    keras.utils.set_random_seed(6)
    recurrent = layers.LSTM(3, stateful=True, activity_regularizer="l2", name="state")
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(32, 5, 8)),
            recurrent,
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(2),
        ]
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model(STEPS[:32])
    every = model._flatten_layers()
    before = numbers(model), [keras.ops.convert_to_numpy(v.value) for v in model.optimizer.variables]
    attributes = [dict(vars(layer)) for layer in every]
    losses = [list(layer._losses) for layer in every]
    penalties(model, STEPS, Y)
    after = numbers(model), [keras.ops.convert_to_numpy(v.value) for v in model.optimizer.variables]
    return {
        "variables": all(
            np.array_equal(a, b) for one, two in zip(before, after, strict=True) for a, b in zip(one, two, strict=True)
        ),
        "attributes": [
            name
            for layer, old in zip(every, attributes, strict=True)
            for name in {*old, *vars(layer)}
            if old.get(name) is not vars(layer).get(name) and name not in ("_loss_ids",)
        ],
        "losses": all(
            len(old) == len(layer._losses) and all(a is b for a, b in zip(old, layer._losses, strict=True))
            for layer, old in zip(every, losses, strict=True)
        ),
        "random": bool(before[0]),
    }


def what_is_imported() -> Json:
    return {"tf_keras": sorted(name for name in sys.modules if name.partition(".")[0] == "tf_keras")}


def nothing_to_train() -> Json:
    model = linear(kernel=L2(0.1), activity=L2(0.1))
    model.trainable = False
    return {key: [row["cause"], row["gradient_ratio"]] for key, row in rows(model, X, Y).items()}


# ---------------------------------------------------------------------------------------------------------- training


def to_train() -> Any:
    keras.utils.set_random_seed(8)
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(
                8, activation="relu", kernel_regularizer=L2(0.1), activity_regularizer=L1(0.01), name="hidden"
            ),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(2, name="out"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


def trained(*callbacks: Any, epochs: int = 3, x: Any = X, y: Any = Y, **options: Any) -> tuple[Any, Any]:
    model = to_train()
    history = model.fit(x, y, epochs=epochs, batch_size=16, verbose=0, callbacks=list(callbacks), **options)
    return model, history.history


class Watching(keras.callbacks.Callback):
    """Notes the keys that it finds in `logs`, from before the logger in the list."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[list[str]] = []
        self.batches: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epochs.append(sorted(logs))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches.append(sum(key.startswith("regularization") for key in logs))


def same_training() -> Json:
    plain = trained()[0].get_weights()
    loggers = {
        "by epoch": RegularizationLogger(budget=None),
        "by batch": RegularizationLogger(per="batch", every=2, budget=None),
        "with data": RegularizationLogger((X[:20], Y[:20]), show="penalty", budget=None),
    }
    return {
        name: all(np.array_equal(a, b) for a, b in zip(plain, trained(logger)[0].get_weights(), strict=True))
        for name, logger in loggers.items()
    }


def logged() -> Json:
    watching, logger = Watching(), RegularizationLogger(show="penalty", budget=None)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log.csv"
        model, history = trained(watching, keras.callbacks.CSVLogger(str(file)), logger)
        with file.open(encoding="utf-8") as stream:
            columns = list(csv.DictReader(stream))
    kernel = model.get_weights()[0].astype("float64")
    output = np.maximum(X @ kernel + model.get_weights()[1], 0)
    scale = 0.01 / len(X) if DIVIDED else 0.01
    return {
        "history": {key: len(values) for key, values in history.items()},
        "csv": [{key for key in row if not key.startswith("val_")} >= set(history) for row in columns],
        "csv values": [float(row["regularization/total"]) for row in columns],
        "total": history["regularization/total"],
        "before": watching.epochs,
        "last": [history[f"regularization/hidden/{name}_regularizer"][-1] for name in ("kernel", "activity")],
        "numpy": [0.1 * np.sum(kernel**2), scale * np.sum(np.abs(output)) if DIVIDED else None],
    }


def shares() -> Json:
    model, history = trained(RegularizationLogger(budget=None))
    weighed = penalties(model, X, Y, batch_size=64)
    return {
        "logged": [history[f"regularization/{row.layer}/{row.argument}"][-1] for row in weighed],
        "weighed": [row.share for row in weighed],
        "total": history["regularization/total"][-1],
    }


def batches() -> Json:
    watching, logger = Watching(), RegularizationLogger(per="batch", every=3, budget=None)
    trained(watching, logger, epochs=2)
    return {"keys": watching.batches, "looks": logger.looks}


def generated() -> Any:
    while True:
        yield X[:16], Y[:16]


def a_generator() -> Json:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        _, history = trained(RegularizationLogger(budget=None), x=generated(), y=None, steps_per_epoch=4)
    said = [str(each.message) for each in caught if "RegularizationLogger" in str(each.message)]
    return {"history": {key: np.nan_to_num(values, nan=-1).tolist() for key, values in history.items()}, "said": said}


class Slow(Sampling):
    """A look that takes longer than the training."""

    def figures(self, model: Any, logs: Any, first: bool) -> dict[str, float]:
        import time

        time.sleep(0.2)
        return {"slow": 1.0}


class Broken(Sampling):
    def figures(self, model: Any, logs: Any, first: bool) -> dict[str, float]:
        raise ValueError("no figures today")


def budgets() -> Json:
    slow = Slow()
    _, history = trained(slow, epochs=6)
    free = Slow(budget=None)
    trained(free, epochs=3)
    every = RegularizationLogger(every=2, budget=None)
    _, sparse = trained(every, epochs=5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        trained(Broken(), epochs=2)
    return {
        "slow": [value if value == value else None for value in history["slow"]],
        "skipped": slow.skipped,
        "seconds": slow.seconds,
        "trace": slow.trace_seconds,
        "free": free.looks,
        "every": [value == value for value in sparse["regularization/total"]],
        "said": [str(one.message) for one in caught if "Broken" in str(one.message)],
    }


def refused() -> Json:
    """What is said of options that mean nothing."""
    said = {}
    for options in ({"per": "step"}, {"every": 0}, {"show": "loss"}, {"budget": -1.0}):
        try:
            RegularizationLogger(**options)
        except ValueError as error:
            said[next(iter(options))] = str(error)
    return said


def async_calls() -> Json:
    """Does Keras still call batches asynchronously where it can?"""
    lists = {per: keras.callbacks.CallbackList([RegularizationLogger(per=per)]) for per in ("epoch", "batch")}
    without = keras.callbacks.CallbackList([])
    return {"without": bool(without._async_train), **{per: bool(one._async_train) for per, one in lists.items()}}


CASES = [
    weights_of_a_linear_layer,
    activity_of_a_linear_layer,
    many_layers_row_by_row,
    different_regularizers_in_a_layer,
    subclassed_model,
    a_loss_from_nowhere,
    mixed_precision,
    causes,
    tiny_strengths,
    dominant,
    chosen_losses,
    two_outputs,
    errors,
    what_is_left,
    nothing_to_train,
    same_training,
    logged,
    shares,
    batches,
    a_generator,
    budgets,
    refused,
    async_calls,
    what_is_imported,
]


def main() -> None:
    outcomes: Json = {}
    for case in CASES:
        try:
            outcomes[case.__name__] = case()
        except Exception:
            outcomes[case.__name__] = {"error": traceback.format_exc()}
    print(json.dumps(outcomes, default=float))


if __name__ == "__main__":
    main()
