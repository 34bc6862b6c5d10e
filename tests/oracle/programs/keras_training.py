"""Stand-ins for training, and the count of the models that a program makes. Runs inside the Keras under test.

`fit`, `evaluate`, `predict` and the `…_on_batch` methods take what the real ones take. Each runs the real `evaluate` or
`predict` on a first small batch, so that the model is built and called and its losses and metrics are computed; nothing
is trained. A program that has called them often enough is ended by `Enough`: it is in its training loop, and what it
builds is built.
"""

import inspect
import sys

import numpy as np
from keras_data import like


class Enough(BaseException):
    """The program has trained as often as it may."""


def _is_inner():
    """Whether a Sequential is making the functional model that it keeps inside."""
    frame = sys._getframe(2)
    while frame is not None and "keras/src" in frame.f_code.co_filename:
        if frame.f_code.co_filename.endswith("models/sequential.py") and frame.f_code.co_name != "__new__":
            return frame.f_code.co_name in ("build", "_maybe_rebuild")
        frame = frame.f_back
    return False


class Models:
    """Every Keras model that the program makes, by its id, in `made`."""

    def __init__(self, keras):
        self.made = {}
        original = keras.Model.__new__

        def new(cls, *args, **kwargs):
            model = original(cls, *args, **kwargs)
            if isinstance(model, keras.Model) and not _is_inner():
                self.made[id(model)] = model
            return model

        keras.Model.__new__ = staticmethod(new)

    def built(self):
        """How many of the models made so far are built."""
        return sum(bool(getattr(model, "built", False)) for model in self.made.values())


def _batch_size(model):
    """How many samples MODEL takes at once: its own fixed number, or four."""
    try:
        shapes = [tensor.shape for tensor in model.inputs or ()]
    except (AttributeError, ValueError):
        return 4
    return next((shape[0] for shape in shapes if shape and shape[0]), 4)


def _rows(data):
    """The number of samples in DATA, or None for what is no array."""
    if isinstance(data, (list, tuple)):
        return next((rows for rows in map(_rows, data) if rows), None)
    if isinstance(data, dict):
        return _rows(list(data.values()))
    shape = getattr(data, "shape", None)
    return int(shape[0]) if shape is not None and len(shape) else None


def _first(data, rows):
    """DATA with the first ROWS samples of each array in it; anything else as it is."""
    if isinstance(data, (list, tuple)):
        return type(data)(_first(part, rows) for part in data)
    if isinstance(data, dict):
        return {name: _first(part, rows) for name, part in data.items()}
    shape = getattr(data, "shape", None)
    return data[:rows] if shape is not None and len(shape) and shape[0] > rows else data


def _is_stream(x):
    return inspect.isgenerator(x) or (hasattr(x, "__getitem__") and hasattr(x, "__len__") and not _rows(x))


def _values(logs, return_dict):
    """Logs as `evaluate` returns them."""
    if return_dict:
        return logs
    values = [logs[name] for name in sorted(logs, key=lambda name: name != "loss")]
    return values[0] if len(values) == 1 else values


class Training:
    """Replaces the training methods of `keras.Model`; after LIMIT calls of them the program ends with Enough."""

    def __init__(self, keras, limit):
        self._keras, self._limit, self._calls, self._known = keras, limit, 0, {}
        self._evaluate, self._predict = keras.Model.evaluate, keras.Model.predict
        for name, stand_in in {
            "fit": self._fitted,
            "evaluate": self._tested,
            "predict": self._predicted,
            "train_on_batch": self._tested,
            "test_on_batch": self._tested,
            "predict_on_batch": self._predicted,
        }.items():
            setattr(keras.Model, name, self._counted(getattr(keras.Model, name), stand_in))

    def _counted(self, real, stand_in):
        @like(real)
        def counted(**arguments):
            self._calls += 1
            if self._calls > self._limit:
                raise Enough
            return stand_in(arguments.pop("self"), **arguments)

        return counted

    def on_a_batch(self, real, model, x, **more):
        """What the method REAL gives for a first small batch of X, and of what is in MORE."""
        parts = x if isinstance(x, (list, tuple)) else [x]
        shapes = repr([getattr(part, "shape", type(part)) for part in parts])
        compiled = getattr(model, "optimizer", None)  # a model has it when it is compiled
        key = (id(model), id(compiled), real.__name__, shapes)
        if key not in self._known:
            rows, stream = _batch_size(model), _is_stream(x)
            options = {name: _first(value, rows) for name, value in more.items() if value is not None}
            options |= {"steps": 1, "verbose": 0} | ({} if stream else {"batch_size": rows})
            self._known[key] = real(model, x if stream else _first(x, rows), **options)
        return self._known[key]

    def _logs(self, model, x, y=None, sample_weight=None):
        return self.on_a_batch(self._evaluate, model, x, y=y, sample_weight=sample_weight, return_dict=True)

    def _tested(self, model, x=None, y=None, sample_weight=None, return_dict=False, **_rest):
        return _values(self._logs(model, x, y, sample_weight), return_dict)

    def _predicted(self, model, x, steps=None, **_rest):
        output, rows = self.on_a_batch(self._predict, model, x), _rows(x)

        def tiled(array):
            wanted = rows or len(array) * (steps or 1)
            return np.concatenate([array] * -(-wanted // len(array)))[:wanted]

        return self._keras.tree.map_structure(tiled, output)

    def _fitted(self, model, x=None, y=None, sample_weight=None, epochs=1, **rest):
        logs = self._logs(model, x, y, sample_weight)
        if getattr(model, "optimizer", None) is not None:
            model.optimizer.build(model.trainable_variables)
        validation = rest["validation_data"]
        if validation is not None:
            self._logs(model, *(validation if isinstance(validation, (list, tuple)) else [validation]))
        self._keras.callbacks.CallbackList(rest["callbacks"], model=model)
        if validation is not None or rest["validation_split"]:
            logs = {**logs, **{f"val_{name}": value for name, value in logs.items()}}
        history = self._keras.callbacks.History()
        history.set_model(model)
        history.set_params({"epochs": epochs})
        history.epoch = list(range(epochs))
        history.history = {name: [value] * epochs for name, value in logs.items()}
        model.history = history
        return history
