"""The child that trains with SaturationMonitor on one backend (KERAS_BACKEND), for test_monitor.py.

The last line of stdout is ``{case: outcome}`` as JSON; ``python monitor_cases.py CASE…`` runs only these.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402
from keras.src import backend  # noqa: E402

from reglint.probe import RegularizationLogger, SaturationMonitor, probe_model  # noqa: E402
from reglint.probe.callbacks import sampling as callback  # noqa: E402

Json = dict[str, Any]

TORCH = keras.backend.backend() == "torch"
RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(256, 6)).astype("float32")
Y = np.tanh(X @ RANDOM.normal(size=(6, 2))).astype("float32")
STEPS = RANDOM.normal(size=(256, 4, 6)).astype("float32")


def dense(activation: str = "tanh", optimizer: Any = None, **options: Any) -> Any:
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation=activation, kernel_regularizer="l2", name="hidden"),
            layers.Dense(2, name="out"),
        ]
    )
    generator = np.random.default_rng(4)  # the same weights on every backend
    for layer in model.layers:
        kernel, bias = layer.get_weights()
        layer.set_weights([generator.uniform(-0.6, 0.6, kernel.shape), bias])
    model.compile(optimizer or keras.optimizers.Adam(0.01), "mse", **options)
    return model


def random(**options: Any) -> Any:
    """A model that draws random numbers and counts as it is trained."""
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.GaussianNoise(0.1, seed=1),
            layers.Dense(8, kernel_regularizer="l2", name="hidden"),
            layers.BatchNormalization(),
            layers.Activation("sigmoid", name="bend"),
            layers.Dropout(0.3),
            layers.Dense(2, name="out"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", **options)
    return model


def stateful(**options: Any) -> Any:
    """A recurrent model that carries its states over batches of 16, and draws random numbers too."""
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(16, 4, 6)),
            layers.LSTM(3, stateful=True, dropout=0.2, kernel_regularizer="l2", name="lstm"),
            layers.Dense(2, name="out"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", **options)
    return model


class Unseeded(layers.Layer):
    """Adds noise in inference too, from Keras's own seeds and the backend's; JAX takes only a layer's."""

    def call(self, x: Any) -> Any:
        if TORCH:
            import torch

            x = x + 0.01 * torch.randn_like(x)
        return x if keras.backend.backend() == "jax" else x + 0.1 * keras.random.normal(keras.ops.shape(x))


def unseeded(**options: Any) -> Any:
    """A model that draws random numbers which belong to no layer; torch does so for the dropout of a loop."""
    keras.utils.set_random_seed(5)
    looped = layers.GRU(4, dropout=0.2, recurrent_dropout=0.2, kernel_regularizer="l2", name="gru")
    model = keras.Sequential([keras.Input((4, 6)), looped, Unseeded(), layers.Dense(2, "tanh"), layers.Dense(2)])
    model.compile(keras.optimizers.Adam(0.01), "mse", **options)
    return model


def fit(model: Any, *callbacks: Any, x: Any = X, y: Any = Y, epochs: int = 3, **options: Any) -> Json:
    """Trains, and returns History."""
    options.setdefault("batch_size", 32) if y is not None else None
    return dict(model.fit(x, y, epochs=epochs, verbose=0, callbacks=list(callbacks), **options).history)


def free(**options: Any) -> Any:
    """A monitor that looks whatever it costs."""
    return SaturationMonitor(budget=None, **options)


@contextmanager
def told() -> Iterator[list[str]]:
    """What is warned of by the callbacks."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        yield said
    said += [str(each.message) for each in caught if "REG4" in str(each.message) or "Monitor" in str(each.message)]


# ---------------------------------------------------------------------------------------------------- the same training


def numbers(model: Any) -> list[Any]:
    """Everything that a training leaves in a model: weights, statistics, seeds, states, the optimizer's variables."""
    variables = [*model.variables, *model.optimizer.variables]
    for layer in model.layers:
        variables += [each for each in keras.tree.flatten(getattr(layer, "states", None)) if each is not None]
    return [np.array(keras.ops.convert_to_numpy(each)) for each in variables]


def same_training() -> Json:
    """With a name for each way to train: do variables and losses agree to the bit with those of a plain training?"""
    ways: dict[str, tuple[Callable[..., Any], Json, Json]] = {
        "random numbers": (random, {}, {"x": X}),
        "seeds of no layer": (unseeded, {}, {"x": STEPS}),
        "stateful": (stateful, {}, {"x": STEPS, "batch_size": 16}),
        "jit": (random, {"jit_compile": True}, {"x": X}),
        "no jit": (random, {"jit_compile": False}, {"x": X}),
        "eagerly": (random, {"run_eagerly": True}, {"x": X, "epochs": 2}),
        "stateful, eagerly": (
            stateful,
            {"run_eagerly": True},
            {"x": STEPS, "batch_size": 16, "epochs": 2},
        ),
    }
    if TORCH:
        del ways["jit"]  # torch.compile needs a C++ compiler and minutes
        # What Keras 3.15 assigns to the states stops the backward pass of torch, with and without callbacks
        del ways["stateful"], ways["stateful, eagerly"]
    found = {}
    for name, (make, compiled, options) in ways.items():
        plain = make(**compiled)
        expected = fit(plain, **options)
        for per in ("epoch", "batch"):
            model = make(**compiled)
            every = 3 if per == "batch" else 1
            logger = RegularizationLogger(per=per, every=every, budget=None)
            history = fit(model, free(per=per, every=every), logger, **options)
            logged = any(key.startswith("saturation/") for key in history)
            same = [history[key] == expected[key] for key in expected]
            same += [np.array_equal(a, b) for a, b in zip(numbers(plain), numbers(model), strict=True)]
            found[f"{name}, per {per}"] = all(same) and logged
    return found


# -------------------------------------------------------------------------------------------------------------- figures


def mixed() -> Any:
    """A model with every kind of site that has a key."""
    keras.utils.set_random_seed(5)
    steps = keras.Input((4, 6))
    x = layers.LSTM(3, name="lstm")(steps)
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(4, activation="relu", name="first")], name="inner")
    x = layers.Dense(4, activation="tanh", name="bent")(inner(x))
    model = keras.Model(steps, layers.Dense(3, activation="softmax", name="out")(x))
    model.get_layer("inner").layers[0].bias.assign(np.float32([-30, 0, 0, 0]))
    bent = model.get_layer("bent")
    bent.kernel.assign(np.float32(50) * keras.ops.convert_to_numpy(bent.kernel))
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model


class Watching(keras.callbacks.Callback):
    """Notes the keys of the monitor that it finds in `logs`, from before it in the list."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[int] = []
        self.batches: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epochs.append(sum(key.startswith("saturation/") for key in logs))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches.append(sum(key.startswith("saturation/") for key in logs))


def keys() -> Json:
    model, watching = mixed(), Watching()
    has_tensorboard = keras.backend.backend() == "tensorflow" and importlib.util.find_spec("tensorboard") is not None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log.csv"
        callbacks = [watching, keras.callbacks.CSVLogger(str(file))]
        if has_tensorboard:
            callbacks.append(keras.callbacks.TensorBoard(folder))
        history = fit(model, *callbacks, free(), x=STEPS, y=np.arange(256) % 3)
        with file.open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        events = b"".join(each.read_bytes() for each in Path(folder).rglob("events.*"))
    sites = probe_model(model, STEPS[:256], batch_size=32).measurement.sites
    expected = {site.layer: site.dead_units if site.activation == "relu" else site.saturated_fraction for site in sites}
    return {
        "keys": sorted(key for key in history if key.startswith("saturation/")),
        "lengths": sorted({len(values) for values in history.values()}),
        "csv": [[float(row[key]) for key in sorted(history)] for row in rows],
        "history": [[history[key][epoch] for key in sorted(history)] for epoch in range(3)],
        "before": watching.epochs,
        "tensorboard": b"epoch_saturation/bent" in events if has_tensorboard else None,
        "last": [history["saturation/bent"][-1], history["saturation/inner/first/dead"][-1]],
        "probe_model": [expected["bent"], expected["inner/first"]],
    }


def batches() -> Json:
    watching, monitor = Watching(), free(per="batch", every=3)
    history = fit(dense(), watching, monitor, epochs=2)
    return {"keys": watching.batches, "looks": monitor.looks, "history": len(history["saturation/hidden"])}


def every() -> list[bool]:
    """Which epochs have a figure."""
    return [value == value for value in fit(dense(), free(every=2), epochs=5)["saturation/hidden"]]


# ------------------------------------------------------------------------------------------------------------- warnings


def dying() -> Any:
    """All that the hidden units can do against the loss is to turn off."""
    model = dense("relu")
    out = model.get_layer("out")
    out.set_weights([np.ones((8, 2)), np.zeros(2)])
    out.trainable = False
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def going_bad() -> Json:
    """What is told of nets that their training breaks, and how their figures went."""
    broken = {
        "saturates": (dense("tanh", keras.optimizers.SGD(500.0)), Y),
        "dies": (dying(), Y - 10),
        "overflows": (dense("relu", keras.optimizers.SGD(1e30)), Y),
    }
    found = {}
    for name, (model, labels) in broken.items():
        with told() as said:
            history = fit(model, free(), y=labels, epochs=5, batch_size=256)
        (figures,) = (values for key, values in history.items() if key.startswith("saturation/"))
        found[name] = {"said": said, "figures": [value if value == value else None for value in figures]}
    return found


def said_once() -> Json:
    """The warnings of one monitor in two trainings of a model, then in one of another model."""
    monitor = free()
    model = dense("tanh", keras.optimizers.SGD(500.0))
    with told() as first:
        fit(model, monitor, batch_size=256)
    with told() as second:
        history = fit(model, monitor, batch_size=256)
    with told() as other:
        fit(dense("tanh", keras.optimizers.SGD(500.0)), monitor, batch_size=256)
    return {"first": len(first), "second": len(second), "other": len(other), "history": history["saturation/hidden"]}


def healthy() -> list[str]:
    with told() as said:
        for activation in ("tanh", "relu", "sigmoid"):
            fit(dense(activation), free(), epochs=4)
        fit(random(), free(per="batch"), epochs=1)
        if not TORCH:
            fit(stateful(), free(), x=STEPS, batch_size=16, epochs=2)
    return said


def first_batch() -> Json:
    """What is told of a net that is bad from the start: after its first batch, and when it stays so."""
    found = {}
    for name, scale, looked in (("little gain", 9.0, 1), ("no gain", 900.0, 1), ("still little gain", 9.0, 2)):
        model = dense("sigmoid", keras.optimizers.SGD(1e-6))
        model.get_layer("hidden").bias.assign(np.full(8, scale, "float32"))
        with told() as said:
            fit(model, free(per="batch"), x=X, epochs=looked, batch_size=256)
        found[name] = len(said)
    return found


# ----------------------------------------------------------------------------------------------------------------- data


class Sequence(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return X[index * 16 : index * 16 + 16], Y[index * 16 : index * 16 + 16]


def generated() -> Any:
    while True:
        yield X[:16], Y[:16]


def no_arrays() -> Json:
    found = {}
    for name, x, steps in (("generator", generated(), 4), ("data set", Sequence(), None)):
        with told() as said:
            history = fit(dense(), free(), x=x, y=None, steps_per_epoch=steps)
        with told() as quiet:
            given = fit(dense(), free(data=X), x=x, y=None, steps_per_epoch=steps)
        found[name] = {
            "said": said,
            "epochs": len(history["loss"]),
            "keys": sorted(history),
            "given": len(given["saturation/hidden"]),
            "quiet": quiet,
        }
    return found


def several_inputs() -> Json:
    def make() -> Any:
        keras.utils.set_random_seed(5)
        one, two = keras.Input((6,), name="one"), keras.Input((2,), name="two")
        x = layers.Dense(4, activation="tanh", name="hidden")(layers.Concatenate()([one, two]))
        model = keras.Model({"one": one, "two": two}, layers.Dense(2)(x))
        model.compile("adam", "mse")
        return model

    def make_listed() -> Any:
        keras.utils.set_random_seed(5)
        one, two = keras.Input((6,), name="one"), keras.Input((2,), name="two")
        x = layers.Dense(4, activation="tanh", name="hidden")(layers.Concatenate()([one, two]))
        model = keras.Model([one, two], layers.Dense(2)(x))
        model.compile("adam", "mse")
        return model

    named = {"two": Y, "one": X}
    return {
        "dict": fit(make(), free(), x=named)["saturation/hidden"],
        "dict as data": fit(make(), free(data=named), x=named)["saturation/hidden"],
        "list": fit(make_listed(), free(), x=[X, Y])["saturation/hidden"],
        "x and y as data": fit(make_listed(), free(data=([X, Y], Y)), x=[X, Y])["saturation/hidden"],
    }


def tensors() -> list[float]:
    """The figures where fit gets the backend's own tensors."""
    x, y = keras.ops.convert_to_tensor(X), keras.ops.convert_to_tensor(Y)
    return fit(dense(), free(), x=x, y=y)["saturation/hidden"]


def tables() -> Json:
    """The figures where fit gets a table of pandas, or a column of one for each input, against those of its arrays."""
    import pandas

    def make() -> Any:
        keras.utils.set_random_seed(5)
        named = [keras.Input((1,), name=name) for name in "abcdef"]
        x = layers.Dense(4, activation="tanh", kernel_regularizer="l2", name="hidden")(layers.Concatenate()(named))
        model = keras.Model({each.name: each for each in named}, layers.Dense(2)(x))
        model.compile("adam", "mse")
        return model

    shuffled = np.random.default_rng(1).permutation(len(X))  # an index that is not the order of the rows
    x, y = pandas.DataFrame(X, shuffled, list("abcdef")), pandas.DataFrame(Y, shuffled)
    columns = {name: X[:, place, None] for place, name in enumerate("abcdef")}
    return {
        "table": [fit(dense(), looks, x=x, y=y) for looks in (free(), RegularizationLogger(budget=None))],
        "arrays": [fit(dense(), looks, x=X, y=Y) for looks in (free(), RegularizationLogger(budget=None))],
        "columns": fit(make(), free(), x=dict(x), y=y),
        "columns as arrays": fit(make(), free(), x=columns, y=Y),
    }


# --------------------------------------------------------------------------------------------------------------- budget


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


def budget() -> Json:
    """Looks of 50 ms after a first one of 2 s, in a training of 60 epochs of a second each."""
    clock = Clock()

    class Timed(SaturationMonitor):
        def figures(self, model: Any, logs: Any, first: bool) -> Any:
            clock.now += 2.0 if first else 0.05
            return super().figures(model, logs, first)

    class Training(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            clock.now += 1.0

    real, callback.time = callback.time, clock
    try:
        monitor = Timed()
        history = fit(dense(), Training(), monitor, epochs=60, batch_size=256)
    finally:
        callback.time = real
    return {
        "share": monitor.seconds / 60,
        "looks": monitor.looks,
        "skipped": monitor.skipped,
        "trace": monitor.trace_seconds,
        "figures": sum(value == value for value in history["saturation/hidden"]),
        "first": history["saturation/hidden"][0] == history["saturation/hidden"][0],
    }


# ---------------------------------------------------------------------------------------------------------- interrupted


class Interrupted(layers.Layer):
    """Ctrl-C in the forward pass, once it is armed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.armed = False

    def call(self, inputs: Any) -> Any:
        if self.armed:
            raise KeyboardInterrupt
        return inputs


class Arming(keras.callbacks.Callback):
    """After the last batch of an epoch the next forward pass is that of the look."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.model.get_layer("stop").armed = batch == 7


class Stopping(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 5:
            raise KeyboardInterrupt


def patches(model: Any) -> list[Any]:
    """What the probe replaces while it looks."""
    replaced: list[Any] = [layers.Layer.__call__]
    for module in (backend.nn, backend.numpy, backend):
        replaced += [each for _, each in sorted(vars(module).items()) if callable(each)]
    for layer in model._flatten_layers():
        replaced += [getattr(layer, name, None) for name in ("activation", "recurrent_activation", "call")]
        replaced.append(sorted(vars(layer)))
    return replaced


def interrupted() -> Json:
    """Is everything as it was after Ctrl-C, and does the training go on?"""
    found = {}
    for name, per, stop in (("in training", "batch", Stopping()), ("in a look", "epoch", Arming())):
        keras.utils.set_random_seed(5)
        model = keras.Sequential(
            [
                keras.Input((4, 6)),
                layers.LSTM(3, name="lstm"),
                Interrupted(name="stop"),
                layers.Dense(2, activation="tanh", name="out"),
            ]
        )
        model.compile("adam", "mse")
        fit(model, x=STEPS, epochs=1)
        before = patches(model)
        try:
            fit(model, free(per=per), stop, x=STEPS, epochs=2)
            stopped = False
        except KeyboardInterrupt:
            stopped = True
        model.get_layer("stop").armed = False
        left = [a is b or a == b for a, b in zip(before, patches(model), strict=True)]
        history = fit(model, free(), x=STEPS, epochs=1)
        found[name] = {"stopped": stopped, "undone": all(left), "goes on": "saturation/lstm/gate:f" in history}
    return found


def refused() -> str | None:
    try:
        SaturationMonitor(batch_size=0)
    except ValueError as error:
        return str(error)
    return None


CASES = [
    same_training,
    keys,
    batches,
    every,
    going_bad,
    said_once,
    healthy,
    first_batch,
    no_arrays,
    several_inputs,
    tensors,
    tables,
    budget,
    interrupted,
    refused,
]


def main() -> None:
    asked = sys.argv[1:]
    outcomes: Json = {}
    for case in CASES:
        if asked and case.__name__ not in asked:
            continue
        try:
            outcomes[case.__name__] = {"found": case()}
        except Exception:
            outcomes[case.__name__] = {"error": traceback.format_exc()}
    print(json.dumps(outcomes, default=float))


if __name__ == "__main__":
    main()
