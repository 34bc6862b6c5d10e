# ruff: noqa: B904, B905, C402, RUF005, UP004, UP010, UP031
"""Measure, on whatever Keras is installed, what the rules that depend on the version claim about regularizers.

    python measure_claims.py PACKAGE [PATTERN] > RESULT.json

PACKAGE is `keras`, `tensorflow.keras`, `tf_keras` or `keras_core`; KERAS_BACKEND is obeyed as always. PATTERN, a
regular expression, restricts the run to the claims whose name it matches. One JSON object is printed: package, version,
backend, python, libraries and claims; a claim that raises gives {"error": "TypeError: first line"}. README.md beside
this file says what each claim means and how to install a release.

The same file runs on Python 2.7 to 3.13 and on Keras 1.2 to 3.15, so that no figure depends on which script took it.

Method: the labels are the model's own predictions and the loss is the mean squared error, so that whatever `evaluate`
returns is regularization and nothing else. It is divided by the true value, computed with NumPy from the weights or
from the output. Activity losses are further divided by `scale` (1 where the release takes the sum over the batch, 1/B
where it takes the mean), because that difference is a claim of its own: so 1.0 is always what a user expects.
"""

from __future__ import division, print_function

import importlib
import json
import os
import re
import shutil
import sys
import tempfile
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np

BATCH = 4
PACKAGES = ("keras", "tensorflow.keras", "tf_keras", "keras_core")
LIBRARIES = ("numpy", "tensorflow", "jax", "torch", "theano", "h5py")
MATHS = None  # the backend's functions, for a lambda that is saved
CLAIMS = []  # (name, function of a Kit), in the order in which they are measured


class Absent(Exception):
    """This release has no such class, argument or way to run."""


def claim(name):
    """Register the decorated function, which takes a Kit and returns a JSON value, as the claim of that name."""

    def register(function):
        CLAIMS.append((name, function))
        return function

    return register


# ---------------------------------------------------------------------------------------------------------------------
# One interface to every Keras
# ---------------------------------------------------------------------------------------------------------------------


class Kit(object):
    """The Keras under test, with what the claims need spelled as that release spells it."""

    def __init__(self, package):
        if package == "tensorflow.keras":
            self.keras = importlib.import_module("tensorflow").keras
        else:
            self.keras = importlib.import_module(package)
        self.package = package
        self.layers = self.keras.layers
        self.regularizers = self.keras.regularizers
        self.models = self.keras.models
        self.version = self._version()
        self.major = self._major()
        self.backend = self._backend()
        self._scale = None

    def _version(self):
        if self.package == "tensorflow.keras":
            return importlib.import_module("tensorflow").__version__
        return self.keras.__version__

    def _major(self):
        if self.package == "keras_core":
            return 3
        own = getattr(self.keras, "__version__", None) or "2"
        return int(str(own() if callable(own) else own).split(".")[0])

    def _backend(self):
        try:
            return str(self.keras.backend.backend())
        except AttributeError:
            return "tensorflow"

    # -- spelling -----------------------------------------------------------------------------------------------------

    def layer(self, *names):
        """The first layer class of these names that exists."""
        for name in names:
            if hasattr(self.layers, name):
                return getattr(self.layers, name)
        raise Absent("no layer " + names[0])

    def argument(self, which):
        """How the release spells the argument for the kernel, recurrent or bias regularizer."""
        if self.major == 1 and which in ("kernel", "recurrent", "bias"):
            return {"kernel": "W", "recurrent": "U", "bias": "b"}[which] + "_regularizer"
        return which + "_regularizer"

    def takes(self, which, regularizer):
        """Keyword arguments that give a layer that regularizer."""
        return {self.argument(which): regularizer}

    def dense(self, *args, **kwargs):
        """A Dense layer; `use_bias` is translated for Keras 1."""
        if self.major == 1 and "use_bias" in kwargs:
            kwargs["bias"] = kwargs.pop("use_bias")
        return self.layers.Dense(*args, **kwargs)

    def lone_dense(self, *args, **kwargs):
        """A built Sequential of one Dense over three features."""
        if self.major < 3:
            # As these releases are used: in many of them a Sequential loses its InputLayer when it is saved.
            model = self.models.Sequential()
            model.add(self.dense(*args, input_shape=(3,), **kwargs))
            return model
        return self.sequential((3,), self.dense(*args, **kwargs))

    def l1(self):
        """l1 of strength one: the penalty is the sum of the absolute values."""
        return self.regularizers.l1(1.0)

    def Input(self, shape):
        """A symbolic input without its batch dimension."""
        if hasattr(self.layers, "Input"):
            return self.layers.Input(shape=shape)
        return self.keras.Input(shape=shape)

    def Model(self, *args):
        """A functional model."""
        return self.models.Model(*args)

    def sequential(self, shape, *layers):
        """A built Sequential over inputs of that shape."""
        model = self.models.Sequential()
        model.add(self.Input(shape) if self.major >= 3 else self._input_layer()(input_shape=shape))
        for layer in layers:
            model.add(layer)
        return model

    def _input_layer(self):
        if hasattr(self.layers, "InputLayer"):
            return self.layers.InputLayer
        return importlib.import_module("keras.engine").InputLayer

    def add(self, tensors):
        """The sum of two symbolic tensors."""
        if hasattr(self.layers, "add"):
            return self.layers.add(tensors)
        return self.layers.merge(tensors, mode="sum")

    def sum_of_squares(self, weights):
        """The sum of the squares of a weight, written for a custom regularizer."""
        maths = self.keras.ops if self.major >= 3 else self.keras.backend
        return maths.sum(maths.square(weights))

    # -- running ------------------------------------------------------------------------------------------------------

    def reset(self):
        """Forget the models of the last claim."""
        clear = getattr(getattr(self.keras, "backend", None), "clear_session", None)
        if clear is not None:
            clear()

    def compile(self, model, optimizer=None):
        """Compile for the mean squared error."""
        model.compile(loss="mse", optimizer=optimizer or self.keras.optimizers.SGD(0.1))
        return model

    def predict(self, model, x):
        """What the model puts out for x, in one batch."""
        return model.predict(x, batch_size=BATCH, verbose=0)

    def evaluate(self, model, x, y):
        """The loss that `evaluate` reports, in one batch."""
        return first(model.evaluate(x, y, batch_size=BATCH, verbose=0))

    def fit(self, model, x, y):
        """One epoch of one batch; returns what it reports, a history by name."""
        epochs = {"nb_epoch": 1} if self.major == 1 else {"epochs": 1}
        return model.fit(x, y, batch_size=BATCH, verbose=0, **epochs).history

    def fit_loss(self, model, x, y):
        """The loss that `fit` reports for one epoch of one batch."""
        return first(self.fit(model, x, y)["loss"])

    def penalty(self, model, x):
        """The regularization that `evaluate` reports; gives the model random weights first, and compiles it."""
        self.compile(model)
        randomize(model)
        return self.evaluate(model, x, self.predict(model, x))

    def number(self, value):
        """A tensor of any backend, symbolic ones included, as a float."""
        if hasattr(value, "detach"):
            value = value.detach().cpu().numpy()
        try:
            return first(value)
        except Exception:
            return first(self.keras.backend.eval(value))

    # -- activity losses ----------------------------------------------------------------------------------------------

    def activity_over_output(self, batch):
        """Activity loss of a Dense in a plain Sequential, divided by the sum of |output|."""
        model = self.sequential((3,), self.dense(2, activity_regularizer=self.l1()))
        self.compile(model)
        randomize(model)
        x = inputs((3,), batch=batch)
        out = model.predict(x, batch_size=batch, verbose=0)
        return first(model.evaluate(x, out, batch_size=batch, verbose=0)) / magnitude(out)

    def scale(self):
        """1.0 where activity losses are a sum over the batch, 1/B where they are its mean."""
        if self._scale is None:
            ratio = self.activity_over_output(BATCH)
            self._scale = 1.0 / BATCH if abs(ratio - 1.0 / BATCH) < abs(ratio - 1.0) else 1.0
        return self._scale

    def activity_ratio(self, model, x, calls=1.0):
        """Activity loss of the model over the sum of |output| of one call, where the output adds up `calls` of them."""
        scale = self.scale()
        loss = self.penalty(model, x)
        return loss / (magnitude(self.predict(model, x)) / calls) / scale

    def activity_source(self, model, x):
        """What the activity loss was computed from: "out", "in", "0", "2xin", or its ratio to the sum of |output|."""
        scale = self.scale()
        loss = self.penalty(model, x) / scale
        over_output, over_input = loss / magnitude(self.predict(model, x)), loss / magnitude(x)
        if abs(loss) < 1e-6:
            return "0"
        if near(over_output, 1):
            return "out"
        for times in (1, 2, 3, 4):
            if near(over_input, times):
                return "in" if times == 1 else "%dxin" % times
        return over_output

    def activity_of(self, layer, shape, call=None, integers=False):
        """activity_ratio of a functional model of that one layer; `call` says how to call it and what to put out."""
        i = self.Input(shape)
        return self.activity_ratio(self.Model(i, (call or plain_call)(layer, i)), inputs(shape, integers))

    # -- weight losses ------------------------------------------------------------------------------------------------

    def weight_ratio(self, model, x, is_kernel=None):
        """Regularization of the model over the sum of |w| of its kernels (2-dimensional weights unless said)."""
        loss = self.penalty(model, x)
        true = sum(magnitude(w) for w in model.get_weights() if (is_kernel or is_matrix)(w))
        return loss / true

    def unit_dense(self, regularizer=None, **kwargs):
        """A built Sequential of one Dense(2) without bias over three features, all weights one."""
        if regularizer is not None:
            kwargs.update(self.takes("kernel", regularizer))
        model = self.lone_dense(2, use_bias=False, **kwargs)
        ones(model)
        return model


def first(value):
    """The first number in what `evaluate` and the like return."""
    if isinstance(value, (list, tuple)):
        value = value[0]
    return float(np.asarray(value).reshape(-1)[0])


def magnitude(values):
    """Sum of the absolute values."""
    return float(np.abs(np.asarray(values, dtype="float64")).sum())


def near(value, expected):
    """Whether both are equal but for float32 arithmetic."""
    return abs(value - expected) <= 1e-3 * max(abs(expected), 1e-3)


def is_matrix(weight):
    return np.ndim(weight) == 2


def plain_call(layer, i):
    return layer(i)


def inputs(shape, integers=False, batch=BATCH, seed=11):
    """A batch of random inputs, of both signs."""
    source = np.random.RandomState(seed)
    if integers:
        return source.randint(1, 5, (batch,) + shape)
    return source.uniform(-1.0, 1.5, (batch,) + shape).astype("float32")


def randomize(model):
    """Give a model random weights, positive so that they will do as variances too."""
    source = np.random.RandomState(7)
    model.set_weights([source.uniform(0.1, 0.9, w.shape).astype(w.dtype) for w in model.get_weights()])


def ones(model):
    """Give a model weights of one."""
    model.set_weights([np.ones_like(w) for w in model.get_weights()])


def zeros(*shape):
    return np.zeros(shape, "float32")


def message(error, hidden=None):
    """Type and first line of an error, without addresses or the folder that only this run had."""
    lines = str(error).strip().splitlines() or [""]
    # TensorFlow 2 puts the traceback into the message: what was wrong stands last.
    line = lines[-1].strip() if lines[0].startswith("in user code:") else lines[0]
    text = re.sub(r"0x[0-9a-fA-F]+", "0x...", line)
    if hidden:
        text = text.replace(hidden, "FOLDER")
    return "%s: %s" % (type(error).__name__, text[:200])


def cleaned(value):
    """The same value, fit for JSON: rounded floats, `nan` and `inf` as strings."""
    if isinstance(value, dict):
        return dict((str(key), cleaned(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return [cleaned(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (float, np.floating)):
        return round(float(value), 6) + 0.0 if np.isfinite(value) else str(float(value))
    return value


# ---------------------------------------------------------------------------------------------------------------------
# Activity losses
# ---------------------------------------------------------------------------------------------------------------------


@claim("activity_scale")
def activity_scale(k):
    return {"batch": BATCH, "ratio": k.activity_over_output(BATCH)}


@claim("activity_scale_other_batch")
def activity_scale_other_batch(k):
    return {"batch": 2 * BATCH, "ratio": k.activity_over_output(2 * BATCH)}


@claim("activity_fit")
def activity_fit(k):
    scale = k.scale()
    model = k.sequential((3,), k.dense(2, activity_regularizer=k.l1()))
    k.compile(model, k.keras.optimizers.SGD(0.0))
    randomize(model)
    x = inputs((3,))
    out = k.predict(model, x)
    return k.fit_loss(model, x, out) / magnitude(out) / scale


@claim("activity_fit_step")
def activity_fit_step(k):
    scale = k.scale()
    model = k.unit_dense(activity_regularizer=k.l1())
    k.compile(model, k.keras.optimizers.SGD(0.01))
    x = np.ones((BATCH, 3), "float32")
    k.fit(model, x, k.predict(model, x))
    return (1.0 - float(np.mean(model.get_weights()[0]))) / (0.01 * BATCH * scale)


@claim("activity_functional")
def activity_functional(k):
    i = k.Input((3,))
    return k.activity_source(k.Model(i, k.dense(2, activity_regularizer=k.l1())(i)), inputs((3,)))


def inner_model(k, shape=(3,)):
    """A functional model that holds a Dense with an activity regularizer."""
    i = k.Input(shape)
    return k.Model(i, k.dense(2, activity_regularizer=k.l1())(i))


@claim("activity_composed")
def activity_composed(k):
    inner, j = inner_model(k), k.Input((3,))
    return k.activity_source(k.Model(j, inner(j)), inputs((3,)))


@claim("activity_composed_sequential")
def activity_composed_sequential(k):
    inner, j = k.sequential((3,), k.dense(2, activity_regularizer=k.l1())), k.Input((3,))
    return k.activity_source(k.Model(j, inner(j)), inputs((3,)))


@claim("activity_nested_in_sequential")
def activity_nested_in_sequential(k):
    inner, model = inner_model(k), k.models.Sequential()
    if k.major >= 3:
        model.add(k.Input((3,)))
    model.add(inner)
    return k.activity_source(model, inputs((3,)))


@claim("activity_sequential_in_sequential")
def activity_sequential_in_sequential(k):
    inner = k.lone_dense(2, activity_regularizer=k.l1())
    model = k.models.Sequential()
    if k.major >= 3:
        model.add(k.Input((3,)))
    model.add(inner)
    return k.activity_source(model, inputs((3,)))


@claim("activity_extended_model")
def activity_extended_model(k):
    # A new model over another model's input and output tensors, as in transfer learning: nothing is called anew.
    inner = inner_model(k)
    return k.activity_source(k.Model(inner.inputs, inner.outputs), inputs((3,)))


@claim("activity_timedistributed_model")
def activity_timedistributed_model(k):
    inner, j = inner_model(k), k.Input((2, 3))
    return k.activity_source(k.Model(j, k.layers.TimeDistributed(inner)(j)), inputs((2, 3)))


@claim("activity_regularization_layer")
def activity_regularization_layer(k):
    return k.activity_of(k.layers.ActivityRegularization(l1=1.0), (3,))


@claim("activity_regularization_layer_composed")
def activity_regularization_layer_composed(k):
    # The layer is an identity: to tell its output from the model's input, a Dense stands before it.
    inner, j = k.sequential((3,), k.dense(2), k.layers.ActivityRegularization(l1=1.0)), k.Input((3,))
    return k.activity_source(k.Model(j, inner(j)), inputs((3,)))


@claim("activity_shared_same_tensor")
def activity_shared_same_tensor(k):
    layer, i = k.dense(2, activity_regularizer=k.l1()), k.Input((3,))
    return k.activity_ratio(k.Model(i, k.add([layer(i), layer(i)])), inputs((3,)), calls=2.0)


def two_inputs(k):
    """A model that calls one layer on two inputs and puts out the sum of both."""
    layer, i, j = k.dense(2, use_bias=False, activity_regularizer=k.l1()), k.Input((3,)), k.Input((3,))
    return k.Model([i, j], k.add([layer(i), layer(j)]))


@claim("activity_shared_two_inputs")
def activity_shared_two_inputs(k):
    x = inputs((3,))
    return k.activity_ratio(two_inputs(k), [x, x], calls=2.0)


@claim("activity_shared_activityregularization")
def activity_shared_activityregularization(k):
    layer, i, j, x = k.layers.ActivityRegularization(l1=1.0), k.Input((3,)), k.Input((3,)), inputs((3,))
    return k.activity_ratio(k.Model([i, j], k.add([layer(i), layer(j)])), [x, x], calls=2.0)


@claim("activity_shared_two_inputs_by_call")
def activity_shared_two_inputs_by_call(k):
    # Without a bias, a call on zeros puts out zeros: what is left is the other call.
    x, nothing, model = inputs((3,)), zeros(BATCH, 3), two_inputs(k)
    return {"first": k.activity_ratio(model, [x, nothing]), "second": k.activity_ratio(model, [nothing, x])}


@claim("activity_shared_two_inputs_fit")
def activity_shared_two_inputs_fit(k):
    scale, model, x = k.scale(), two_inputs(k), inputs((3,))
    k.compile(model, k.keras.optimizers.SGD(0.0))
    randomize(model)
    out = k.predict(model, [x, x])
    return k.fit_loss(model, [x, x], out) / (magnitude(out) / 2.0) / scale


@claim("activity_simplernn")
def activity_simplernn(k):
    return k.activity_of(k.layers.SimpleRNN(2, activity_regularizer=k.l1()), (4, 3))


@claim("activity_simplernn_attribute")
def activity_simplernn_attribute(k):
    return k.layers.SimpleRNN(2, activity_regularizer=k.l1()).activity_regularizer is not None


@claim("activity_bidirectional_simplernn")
def activity_bidirectional_simplernn(k):
    return k.activity_of(k.layers.Bidirectional(k.layers.SimpleRNN(2, activity_regularizer=k.l1())), (4, 3))


@claim("activity_bidirectional_wrapper")
def activity_bidirectional_wrapper(k):
    return k.activity_of(k.layers.Bidirectional(k.layers.SimpleRNN(2), activity_regularizer=k.l1()), (4, 3))


@claim("activity_rnn_simplernncell")
def activity_rnn_simplernncell(k):
    cell = k.layer("SimpleRNNCell")(2)
    return k.activity_of(k.layer("RNN")(cell, activity_regularizer=k.l1()), (4, 3))


@claim("activity_lstm")
def activity_lstm(k):
    return k.activity_of(k.layers.LSTM(2, activity_regularizer=k.l1()), (4, 3))


@claim("activity_gru")
def activity_gru(k):
    return k.activity_of(k.layers.GRU(2, activity_regularizer=k.l1()), (4, 3))


@claim("activity_bidirectional_lstm")
def activity_bidirectional_lstm(k):
    return k.activity_of(k.layers.Bidirectional(k.layers.LSTM(2, activity_regularizer=k.l1())), (4, 3))


@claim("activity_timedistributed_dense")
def activity_timedistributed_dense(k):
    return k.activity_of(k.layers.TimeDistributed(k.dense(2, activity_regularizer=k.l1())), (4, 3))


@claim("activity_timedistributed_activityregularization")
def activity_timedistributed_activityregularization(k):
    return k.activity_of(k.layers.TimeDistributed(k.layers.ActivityRegularization(l1=1.0)), (4, 3))


@claim("activity_timedistributed_wrapper")
def activity_timedistributed_wrapper(k):
    return k.activity_of(k.layers.TimeDistributed(k.dense(2), activity_regularizer=k.l1()), (4, 3))


@claim("activity_lstm_return_state")
def activity_lstm_return_state(k):
    layer = k.layers.LSTM(2, return_state=True, activity_regularizer=k.l1())
    return k.activity_of(layer, (4, 3), call=lambda layer, i: layer(i)[0])


def output_and_states(k, layer, shape):
    """The activity loss of a layer with `return_state=True`, over its output and its states together."""
    scale, i = k.scale(), k.Input(shape)
    both = k.Model(i, layer(i))
    k.compile(both)
    randomize(both)
    x = inputs(shape)
    out = k.predict(both, x)
    return k.evaluate(both, x, list(out)) / sum(magnitude(part) for part in out) / scale


@claim("activity_lstm_return_state_with_states")
def activity_lstm_return_state_with_states(k):
    return output_and_states(k, k.layers.LSTM(2, return_state=True, activity_regularizer=k.l1()), (4, 3))


@claim("activity_gru_return_state_with_states")
def activity_gru_return_state_with_states(k):
    return output_and_states(k, k.layers.GRU(2, return_state=True, activity_regularizer=k.l1()), (4, 3))


@claim("activity_simplernn_return_state_with_states")
def activity_simplernn_return_state_with_states(k):
    return output_and_states(k, k.layers.SimpleRNN(2, return_state=True, activity_regularizer=k.l1()), (4, 3))


@claim("activity_convlstm1d_return_state_with_states")
def activity_convlstm1d_return_state_with_states(k):
    layer = k.layer("ConvLSTM1D")(2, 2, return_state=True, activity_regularizer=k.l1())
    return output_and_states(k, layer, (4, 3, 2))


@claim("activity_convlstm2d_return_state_with_states")
def activity_convlstm2d_return_state_with_states(k):
    layer = k.layer("ConvLSTM2D")(2, (2, 2), return_state=True, activity_regularizer=k.l1())
    return output_and_states(k, layer, (4, 3, 3, 2))


@claim("activity_convlstm3d_return_state_with_states")
def activity_convlstm3d_return_state_with_states(k):
    layer = k.layer("ConvLSTM3D")(2, (2, 2, 2), return_state=True, activity_regularizer=k.l1())
    return output_and_states(k, layer, (4, 3, 3, 3, 2))


@claim("activity_multiheadattention")
def activity_multiheadattention(k):
    layer = k.layer("MultiHeadAttention")(2, 2, activity_regularizer=k.l1())
    return k.activity_of(layer, (4, 3), call=lambda layer, i: layer(i, i))


@claim("activity_multiheadattention_losses")
def activity_multiheadattention_losses(k):
    # How many activity losses one call makes: 1 where only the layer's output is meant
    layer, i = k.layer("MultiHeadAttention")(2, 2, activity_regularizer=k.l1()), k.Input((4, 3))
    k.Model(i, layer(i, i))
    x = inputs((4, 3))
    layer(x, x)
    return len(layer.losses)


@claim("activity_groupqueryattention_losses")
def activity_groupqueryattention_losses(k):
    layer = k.layer("GroupQueryAttention", "GroupedQueryAttention")(2, 4, 2, activity_regularizer=k.l1())
    x = inputs((4, 3))
    layer(x, x)
    return len(layer.losses)


@claim("activity_flatten")
def activity_flatten(k):
    return k.activity_of(k.layers.Flatten(activity_regularizer=k.l1()), (3, 2))


@claim("activity_dropout")
def activity_dropout(k):
    return k.activity_of(k.layers.Dropout(0.5, activity_regularizer=k.l1()), (3,))


@claim("activity_batchnormalization")
def activity_batchnormalization(k):
    return k.activity_of(k.layers.BatchNormalization(activity_regularizer=k.l1()), (3,))


@claim("activity_conv2d")
def activity_conv2d(k):
    conv, kernel = k.layer("Conv2D", "Convolution2D"), (2, 2) if k.major == 1 else ((2, 2),)
    return k.activity_of(conv(3, *kernel, activity_regularizer=k.l1()), (5, 5, 2))


@claim("activity_embedding")
def activity_embedding(k):
    return k.activity_of(k.layers.Embedding(6, 3, activity_regularizer=k.l1()), (4,), integers=True)


@claim("activity_frozen")
def activity_frozen(k):
    layer = k.dense(2, activity_regularizer=k.l1())
    layer.trainable = False
    return k.activity_of(layer, (3,))


# ---------------------------------------------------------------------------------------------------------------------
# Weight losses
# ---------------------------------------------------------------------------------------------------------------------


def regular_dense(k, regularizer=None):
    """A Dense with a kernel regularizer, l1(1) unless said."""
    return k.dense(2, **k.takes("kernel", regularizer or k.l1()))


def is_lstm_kernel(weight):
    """Whether a weight of an LSTM(2) over three features is (a gate of) its input kernel."""
    return np.ndim(weight) == 2 and weight.shape[0] == 3


@claim("weight_dense")
def weight_dense(k):
    return k.weight_ratio(k.sequential((3,), regular_dense(k)), inputs((3,)))


@claim("weight_composed")
def weight_composed(k):
    i, j = k.Input((3,)), k.Input((3,))
    inner = k.Model(i, regular_dense(k)(i))
    return k.weight_ratio(k.Model(j, inner(j)), inputs((3,)))


@claim("weight_composed_sequential")
def weight_composed_sequential(k):
    inner, j = k.sequential((3,), regular_dense(k)), k.Input((3,))
    return k.weight_ratio(k.Model(j, inner(j)), inputs((3,)))


@claim("weight_shared_two_inputs")
def weight_shared_two_inputs(k):
    layer, i, j, x = regular_dense(k), k.Input((3,)), k.Input((3,)), inputs((3,))
    return k.weight_ratio(k.Model([i, j], k.add([layer(i), layer(j)])), [x, x])


@claim("weight_bidirectional_lstm")
def weight_bidirectional_lstm(k):
    layer = k.layers.Bidirectional(k.layers.LSTM(2, **k.takes("kernel", k.l1())))
    return k.weight_ratio(k.sequential((4, 3), layer), inputs((4, 3)), is_lstm_kernel)


@claim("weight_bidirectional_lstm_composed")
def weight_bidirectional_lstm_composed(k):
    layer = k.layers.Bidirectional(k.layers.LSTM(2, **k.takes("kernel", k.l1())))
    inner, j = k.sequential((4, 3), layer), k.Input((4, 3))
    return k.weight_ratio(k.Model(j, inner(j)), inputs((4, 3)), is_lstm_kernel)


@claim("weight_timedistributed_dense")
def weight_timedistributed_dense(k):
    return k.weight_ratio(k.sequential((4, 3), k.layers.TimeDistributed(regular_dense(k))), inputs((4, 3)))


@claim("weight_timedistributed_dense_composed")
def weight_timedistributed_dense_composed(k):
    inner, j = k.sequential((4, 3), k.layers.TimeDistributed(regular_dense(k))), k.Input((4, 3))
    return k.weight_ratio(k.Model(j, inner(j)), inputs((4, 3)))


@claim("weight_lstm_kernel_only")
def weight_lstm_kernel_only(k):
    # 1.0: `kernel_regularizer` covers the input kernel and nothing else.
    layer = k.layers.LSTM(2, **k.takes("kernel", k.l1()))
    return k.weight_ratio(k.sequential((4, 3), layer), inputs((4, 3)), is_lstm_kernel)


@claim("weight_fit")
def weight_fit(k):
    model = k.unit_dense(k.l1())
    k.compile(model, k.keras.optimizers.SGD(0.0))
    return k.fit_loss(model, zeros(BATCH, 3), zeros(BATCH, 2)) / 6.0


def after_step(k, model, optimizer=None):
    """The kernel of a one-layer model after one step on data without a gradient."""
    ones(model)
    k.compile(model, optimizer)
    k.fit(model, zeros(BATCH, 3), zeros(BATCH, 2))
    return float(np.mean(model.get_weights()[0]))


@claim("weight_fit_step")
def weight_fit_step(k):
    return after_step(k, k.unit_dense(k.regularizers.l2(0.5)))


@claim("weight_frozen_before_build")
def weight_frozen_before_build(k):
    layer = regular_dense(k)
    layer.trainable = False
    return k.weight_ratio(k.sequential((3,), layer), inputs((3,)))


@claim("weight_frozen_after_build")
def weight_frozen_after_build(k):
    model = k.sequential((3,), regular_dense(k))
    model.layers[-1].trainable = False
    return k.weight_ratio(model, inputs((3,)))


@claim("weight_frozen_model")
def weight_frozen_model(k):
    model = k.sequential((3,), regular_dense(k))
    model.trainable = False
    return k.weight_ratio(model, inputs((3,)))


@claim("weight_frozen_then_thawed")
def weight_frozen_then_thawed(k):
    model = k.sequential((3,), regular_dense(k))
    model.layers[-1].trainable = False
    model.layers[-1].trainable = True
    return k.weight_ratio(model, inputs((3,)))


@claim("weight_frozen_fit_step")
def weight_frozen_fit_step(k):
    # A second layer that can be trained, since several releases refuse to train a model that has none.
    model = k.sequential((3,), k.dense(3, use_bias=False, **k.takes("kernel", k.regularizers.l2(0.5))), k.dense(2))
    model.layers[-2].trainable = False
    k.compile(model)
    ones(model)
    k.fit(model, zeros(BATCH, 3), zeros(BATCH, 2))
    return float(np.mean(model.layers[-2].get_weights()[0]))


@claim("weight_lora")
def weight_lora(k):
    if not hasattr(k.layers.Dense, "enable_lora"):
        raise Absent("no enable_lora")
    layer = k.dense(2, use_bias=False, kernel_regularizer=k.regularizers.l2(1.0))
    model = k.sequential((3,), layer)
    randomize(model)

    def losses():
        """[value, name of the variable that it belongs to] of every loss of the layer."""
        owners = [(str(v.name), float(np.sum(np.square(np.asarray(v))))) for v in layer.weights]
        values = [k.number(loss) for loss in layer.losses]
        return [[value, next((name for name, true in owners if near(true, value)), None)] for value in values]

    before = losses()
    layer.enable_lora(1)
    source = np.random.RandomState(3)
    for variable in layer.trainable_weights:
        variable.assign(source.uniform(0.1, 0.9, tuple(variable.shape)).astype("float32"))
    after = losses()
    held = {}
    for when, found in (("before", before), ("after", after)):
        held[when] = any(name == "kernel" for _, name in found)
    return {"kernel_in_losses": held, "before": before, "after": after}


def lora_in_losses(k, layer, x):
    """Does `enable_lora` take the weights of a layer out of its losses, and put two factors in?"""
    if not hasattr(layer, "enable_lora"):
        raise Absent("no enable_lora on %s" % type(layer).__name__)
    layer(x)
    before = len(layer.losses)
    layer.enable_lora(1)
    return before == 1 and len(layer.losses) == 2 and all("lora" in str(w.name) for w in layer.trainable_weights)


@claim("weight_lora_dense")
def weight_lora_dense(k):
    return lora_in_losses(k, k.dense(2, use_bias=False, kernel_regularizer="l2"), inputs((3,)))


@claim("weight_lora_einsumdense")
def weight_lora_einsumdense(k):
    return lora_in_losses(k, k.layer("EinsumDense")("ab,bc->ac", 2, kernel_regularizer="l2"), inputs((3,)))


@claim("weight_lora_embedding")
def weight_lora_embedding(k):
    return lora_in_losses(k, k.layers.Embedding(6, 3, embeddings_regularizer="l2"), inputs((4,), True))


@claim("weight_lora_reversibleembedding")
def weight_lora_reversibleembedding(k):
    return lora_in_losses(k, k.layer("ReversibleEmbedding")(6, 3, embeddings_regularizer="l2"), inputs((4,), True))


@claim("weight_lora_conv1d")
def weight_lora_conv1d(k):
    return lora_in_losses(k, k.layer("Conv1D")(2, 2, use_bias=False, kernel_regularizer="l2"), inputs((4, 3)))


@claim("weight_lora_conv2d")
def weight_lora_conv2d(k):
    return lora_in_losses(k, k.layer("Conv2D")(2, 2, use_bias=False, kernel_regularizer="l2"), inputs((4, 4, 3)))


@claim("weight_lora_conv3d")
def weight_lora_conv3d(k):
    return lora_in_losses(k, k.layer("Conv3D")(2, 2, use_bias=False, kernel_regularizer="l2"), inputs((4, 4, 4, 3)))


# ---------------------------------------------------------------------------------------------------------------------
# Regularizers that are assigned to a layer
# ---------------------------------------------------------------------------------------------------------------------


def assigned(k, which="kernel"):
    """A built one-layer model whose layer is then given a regularizer as an attribute."""
    model = k.lone_dense(2)
    setattr(model.layers[-1], k.argument(which), k.l1())
    return model


@claim("assigned_after_build")
def assigned_after_build(k):
    return k.weight_ratio(assigned(k), inputs((3,)))


@claim("assigned_then_from_json")
def assigned_then_from_json(k):
    return k.weight_ratio(k.models.model_from_json(assigned(k).to_json()), inputs((3,)))


@claim("assigned_then_from_config")
def assigned_then_from_config(k):
    model = assigned(k)
    return k.weight_ratio(type(model).from_config(model.get_config()), inputs((3,)))


def clone_model(k, model):
    if not hasattr(k.models, "clone_model"):
        raise Absent("no clone_model")
    return k.models.clone_model(model)


@claim("assigned_then_clone_model")
def assigned_then_clone_model(k):
    return k.weight_ratio(clone_model(k, assigned(k)), inputs((3,)))


@claim("clone_model_keeps_weights")
def clone_model_keeps_weights(k):
    model = assigned(k)
    randomize(model)
    return bool(np.allclose(clone_model(k, model).get_weights()[0], model.get_weights()[0]))


@claim("assigned_then_save_load")
def assigned_then_save_load(k):
    folder = tempfile.mkdtemp()
    try:
        model = assigned(k)
        randomize(model)
        path = os.path.join(folder, "model.keras" if k.major >= 3 else "model.h5")
        model.save(path)
        loaded = k.models.load_model(path)
        kept = bool(np.allclose(loaded.get_weights()[0], model.get_weights()[0]))
        return {"weights_kept": kept, "ratio": k.weight_ratio(loaded, inputs((3,)))}
    finally:
        shutil.rmtree(folder)


@claim("assigned_before_build")
def assigned_before_build(k):
    layer = k.dense(2)
    setattr(layer, k.argument("kernel"), k.l1())
    return k.weight_ratio(k.sequential((3,), layer), inputs((3,)))


@claim("assigned_activity_after_build")
def assigned_activity_after_build(k):
    return k.activity_ratio(assigned(k, "activity"), inputs((3,)))


@claim("assigned_activity_after_compile")
def assigned_activity_after_compile(k):
    scale, model, x = k.scale(), k.compile(k.sequential((3,), k.dense(2))), inputs((3,))
    randomize(model)
    out = k.predict(model, x)
    k.evaluate(model, x, out)
    model.layers[-1].activity_regularizer = k.l1()
    return k.evaluate(model, x, out) / magnitude(out) / scale


@claim("assigned_activity_then_recompile")
def assigned_activity_then_recompile(k):
    model, x = k.compile(k.lone_dense(2)), inputs((3,))
    k.evaluate(model, x, k.predict(model, x))
    model.layers[-1].activity_regularizer = k.l1()
    return k.activity_ratio(model, x)


@claim("assigned_activity_then_from_json")
def assigned_activity_then_from_json(k):
    return k.activity_ratio(k.models.model_from_json(assigned(k, "activity").to_json()), inputs((3,)))


@claim("setattr_bias_after_build")
def setattr_bias_after_build(k):
    return k.weight_ratio(assigned(k, "bias"), inputs((3,)), lambda weight: np.ndim(weight) == 1)


@claim("setattr_recurrent_after_build")
def setattr_recurrent_after_build(k):
    model = k.sequential((4, 3), k.layers.LSTM(2))
    setattr(model.layers[-1], k.argument("recurrent"), k.l1())
    return k.weight_ratio(model, inputs((4, 3)), lambda weight: np.ndim(weight) == 2 and weight.shape[0] == 2)


@claim("setattr_lstm_kernel_after_build")
def setattr_lstm_kernel_after_build(k):
    model = k.sequential((4, 3), k.layers.LSTM(2))
    setattr(model.layers[-1], k.argument("kernel"), k.l1())
    return k.weight_ratio(model, inputs((4, 3)), is_lstm_kernel)


@claim("setattr_lstm_cell_kernel_after_build")
def setattr_lstm_cell_kernel_after_build(k):
    model = k.sequential((4, 3), k.layers.LSTM(2))
    setattr(model.layers[-1].cell, k.argument("kernel"), k.l1())
    return k.weight_ratio(model, inputs((4, 3)), is_lstm_kernel)


@claim("assigned_removed_after_build")
def assigned_removed_after_build(k):
    # Taking the regularizer of a built layer away: 1.0 says that the penalty stays.
    model = k.sequential((3,), regular_dense(k))
    setattr(model.layers[-1], k.argument("kernel"), None)
    return k.weight_ratio(model, inputs((3,)))


# ---------------------------------------------------------------------------------------------------------------------
# Hand-written training
# ---------------------------------------------------------------------------------------------------------------------


@claim("custom_loop_losses")
def custom_loop_losses(k):
    i = k.Input((3,))
    model = k.Model(i, regular_dense(k)(i))
    randomize(model)
    kernel = next(w for w in model.get_weights() if is_matrix(w))
    return sum(k.number(loss) for loss in model.losses) / magnitude(kernel)


def mean_squared(y, out):
    """Mean squared error of two tensors of any eager backend."""
    squares = (out - y) ** 2
    return squares.mean() if hasattr(squares, "mean") else importlib.import_module("tensorflow").reduce_mean(squares)


def hand_written_step(k, with_losses):
    """The kernel after one hand-written step of gradient descent on zero data, with or without the model's losses."""
    model = k.unit_dense(k.regularizers.l2(0.5))
    x, y = zeros(BATCH, 3), zeros(BATCH, 2)
    if k.backend == "jax":
        gradient = jax_gradient(model, x, y, with_losses)
    elif k.backend == "torch":
        loss = mean_squared(importlib.import_module("torch").zeros(BATCH, 2), model(x))
        if with_losses:
            loss = loss + sum(model.losses)
        loss.backward()
        gradient = model.trainable_weights[0].value.grad.numpy()
    else:
        gradient = tensorflow_gradient(model, x, y, with_losses)
    return float(np.mean(1.0 - 0.1 * np.asarray(gradient)))


def tensorflow_gradient(model, x, y, with_losses):
    try:
        tf = importlib.import_module("tensorflow")
    except ImportError:
        raise Absent("no eager execution")
    if not getattr(tf, "executing_eagerly", lambda: False)():
        raise Absent("no eager execution")
    with tf.GradientTape() as tape:
        loss = mean_squared(y, model(tf.constant(x)))
        if with_losses:
            loss += sum(model.losses)
    return tape.gradient(loss, model.trainable_weights)[0].numpy()


def jax_gradient(model, x, y, with_losses):
    trainable = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]

    def loss_of(trainable):
        if not with_losses:
            out, _ = model.stateless_call(trainable, others, x)
            return mean_squared(y, out)
        out, _, losses = model.stateless_call(trainable, others, x, return_losses=True)
        return mean_squared(y, out) + sum(losses)

    return importlib.import_module("jax").grad(loss_of)(trainable)[0]


@claim("custom_step_without_losses")
def custom_step_without_losses(k):
    return hand_written_step(k, with_losses=False)


@claim("custom_step_with_losses")
def custom_step_with_losses(k):
    return hand_written_step(k, with_losses=True)


@claim("stateless_call_without_return_losses")
def stateless_call_without_return_losses(k):
    model, x = k.unit_dense(k.l1()), inputs((3,))
    if not hasattr(model, "stateless_call"):
        raise Absent("no stateless_call")
    trainable = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    short = model.stateless_call(trainable, others, x)
    full = model.stateless_call(trainable, others, x, return_losses=True)
    return len(short) == 2 and len(full) == 3 and near(sum(k.number(loss) for loss in full[2]), 6.0)


def subclass_of_model(k, **methods):
    """A functional model over zero data, with l2(0.5) on its kernel, whose class has these methods."""
    base = k.models.Model
    i = k.Input((3,))
    layer = k.dense(2, use_bias=False, **k.takes("kernel", k.regularizers.l2(0.5)))
    return type("Own", (base,), methods)(i, layer(i))


def needs_method(k, name):
    if not hasattr(k.models.Model, name):
        raise Absent("no Model.%s" % name)


def train_step_of(k, loss_of):
    """A `train_step` for this backend; `loss_of(model, x, y, out, losses)` is the loss it minimizes."""
    needs_method(k, "train_step")
    if k.backend == "jax":
        return jax_train_step(loss_of)
    if k.backend == "torch":
        return torch_train_step(loss_of)
    tf = importlib.import_module("tensorflow")

    def train_step(self, data):
        x, y = data[0], data[1]
        with tf.GradientTape() as tape:
            out = self(x, training=True)
            loss = loss_of(self, x, y, out, lambda: self.losses)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"loss": loss}

    return train_step


def torch_train_step(loss_of):
    def train_step(self, data):
        x, y = data[0], data[1]
        self.zero_grad()
        loss = loss_of(self, x, y, self(x, training=True), lambda: self.losses)
        loss.backward()
        self.optimizer.apply([v.value.grad for v in self.trainable_weights], self.trainable_weights)
        return {"loss": loss}

    return train_step


def jax_train_step(loss_of):
    jax = importlib.import_module("jax")

    def train_step(self, state, data):
        trainable, others, optimizer_state, metrics = state
        x, y = data[0], data[1]

        def value(trainable):
            out, _, losses = self.stateless_call(trainable, others, x, training=True, return_losses=True)
            return loss_of(self, x, y, out, lambda: losses)

        loss, gradients = jax.value_and_grad(value)(trainable)
        trainable, optimizer_state = self.optimizer.stateless_apply(optimizer_state, gradients, trainable)
        return {"loss": loss}, (trainable, others, optimizer_state, metrics)

    return train_step


def own_train_step(k, loss_of):
    """The kernel after `fit` of a model with its own `train_step`; 0.9 with the penalty, 1.0 without."""
    return after_step(k, subclass_of_model(k, train_step=train_step_of(k, loss_of)))


@claim("train_step_without_losses")
def train_step_without_losses(k):
    return own_train_step(k, lambda model, x, y, out, losses: mean_squared(y, out))


@claim("train_step_with_losses")
def train_step_with_losses(k):
    return own_train_step(k, lambda model, x, y, out, losses: mean_squared(y, out) + sum(losses()))


@claim("train_step_compute_loss")
def train_step_compute_loss(k):
    needs_method(k, "compute_loss")
    return own_train_step(k, lambda model, x, y, out, losses: model.compute_loss(x=x, y=y, y_pred=out))


@claim("train_step_stateless_compute_loss")
def train_step_stateless_compute_loss(k):
    # The way that JAX has, with `stateless_call` left without `return_losses`
    if k.backend != "jax":
        raise Absent("JAX only")
    jax = importlib.import_module("jax")

    def train_step(self, state, data):
        trainable, others, optimizer_state, metrics = state
        x, y = data[0], data[1]

        def value(trainable):
            out, _ = self.stateless_call(trainable, others, x, training=True)
            return self.stateless_compute_loss(trainable, others, metrics, x=x, y=y, y_pred=out)[0]

        loss, gradients = jax.value_and_grad(value)(trainable)
        trainable, optimizer_state = self.optimizer.stateless_apply(optimizer_state, gradients, trainable)
        return {"loss": loss}, (trainable, others, optimizer_state, metrics)

    return after_step(k, subclass_of_model(k, train_step=train_step))


@claim("train_step_compiled_loss_with_regularization_losses")
def train_step_compiled_loss_with_regularization_losses(k):
    return own_train_step(
        k, lambda model, x, y, out, losses: model.compiled_loss(y, out, regularization_losses=model.losses)
    )


@claim("train_step_compiled_loss")
def train_step_compiled_loss(k):
    return own_train_step(k, lambda model, x, y, out, losses: model.compiled_loss(y, out))


def own_compute_loss(k, loss_of):
    """Whether the penalty is missing from `fit` of a model whose class has that `compute_loss`."""
    needs_method(k, "compute_loss")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, *args, **kwargs):
        return loss_of(self, x, y, y_pred, sample_weight)

    return near(after_step(k, subclass_of_model(k, compute_loss=compute_loss)), 1.0)


@claim("compute_loss_override_without_super")
def compute_loss_override_without_super(k):
    return own_compute_loss(k, lambda model, x, y, out, weight: mean_squared(y, out))


@claim("compute_loss_override_with_super")
def compute_loss_override_with_super(k):
    base = k.models.Model
    return own_compute_loss(k, lambda model, x, y, out, weight: base.compute_loss(model, x, y, out, weight))


@claim("compute_loss_override_with_losses")
def compute_loss_override_with_losses(k):
    return own_compute_loss(k, lambda model, x, y, out, weight: mean_squared(y, out) + sum(model.losses))


@claim("compute_loss_default")
def compute_loss_default(k):
    needs_method(k, "compute_loss")
    model = k.compile(k.unit_dense(k.l1()))
    x = inputs((3,))
    out = model(x)
    return near(k.number(model.compute_loss(x=x, y=out, y_pred=out)), 6.0)


# ---------------------------------------------------------------------------------------------------------------------
# Arguments that a layer ignores or refuses
# ---------------------------------------------------------------------------------------------------------------------


def window(k, size):
    """The leading arguments of a convolution that say how large its kernel is."""
    return (size, size) if k.major == 1 else ((size, size),)


def reception(k, make, shape, call=None, integers=False):
    """What a layer does with an argument: "ok" (penalty counted), "ignored", or the error at construction."""
    try:
        layer = make()
    except Absent:
        raise
    except Exception as error:
        return message(error)
    i = k.Input(shape)
    model = k.Model(i, (call or plain_call)(layer, i))
    return "ok" if abs(k.penalty(model, inputs(shape, integers))) > 1e-6 else "ignored"


def separable(k, **kwargs):
    return k.layer("SeparableConv2D", "SeparableConvolution2D")(2, *window(k, 3), **kwargs)


def depthwise(k, **kwargs):
    return k.layer("DepthwiseConv2D")((3, 3), **kwargs)


IMAGE, SEQUENCE, VECTOR = (5, 5, 1), (4, 3), (3,)
# Name in the claim's id, shape of the input, the layer, how it is called (None: on its input alone)
LAYERS = [
    ("dense", VECTOR, lambda k, kw: k.layers.Dense(2, **kw), None),
    ("conv2d", IMAGE, lambda k, kw: k.layer("Conv2D", "Convolution2D")(2, *window(k, 3), **kw), None),
    ("conv2dtranspose", IMAGE, lambda k, kw: k.layer("Conv2DTranspose")(2, (3, 3), **kw), None),
    ("lstm_ok", SEQUENCE, lambda k, kw: k.layers.LSTM(2, **kw), None),
    ("gru", SEQUENCE, lambda k, kw: k.layers.GRU(2, **kw), None),
    ("simplernn", SEQUENCE, lambda k, kw: k.layers.SimpleRNN(2, **kw), None),
    ("rnn", SEQUENCE, lambda k, kw: k.layer("RNN")(k.layer("SimpleRNNCell")(2), **kw), None),
    ("multiheadattention", SEQUENCE, lambda k, kw: k.layer("MultiHeadAttention")(2, 2, **kw), lambda la, i: la(i, i)),
    ("attention", SEQUENCE, lambda k, kw: k.layer("Attention")(**kw), lambda la, i: la([i, i])),
    ("additiveattention", SEQUENCE, lambda k, kw: k.layer("AdditiveAttention")(**kw), lambda la, i: la([i, i])),
    ("einsumdense", VECTOR, lambda k, kw: k.layer("EinsumDense")("ab,bc->ac", output_shape=2, **kw), None),
    ("timedistributed", SEQUENCE, lambda k, kw: k.layers.TimeDistributed(k.dense(2), **kw), None),
    ("bidirectional", SEQUENCE, lambda k, kw: k.layers.Bidirectional(k.layers.LSTM(2), **kw), None),
    ("spectralnormalization", VECTOR, lambda k, kw: k.layer("SpectralNormalization")(k.dense(2), **kw), None),
    ("embedding", (4,), lambda k, kw: k.layers.Embedding(5, 2, **kw), None),
    ("batchnormalization", VECTOR, lambda k, kw: k.layers.BatchNormalization(**kw), None),
    ("layernormalization", VECTOR, lambda k, kw: k.layer("LayerNormalization")(**kw), None),
    ("groupnormalization", SEQUENCE, lambda k, kw: k.layer("GroupNormalization")(1, **kw), None),
    ("prelu", VECTOR, lambda k, kw: k.layer("PReLU")(**kw), None),
    ("leakyrelu", VECTOR, lambda k, kw: k.layer("LeakyReLU")(**kw), None),
    ("relu", VECTOR, lambda k, kw: k.layer("ReLU")(**kw), None),
    ("softmax", VECTOR, lambda k, kw: k.layer("Softmax")(**kw), None),
    ("activation", VECTOR, lambda k, kw: k.layers.Activation("relu", **kw), None),
    ("dropout", VECTOR, lambda k, kw: k.layers.Dropout(0.5, **kw), None),
    ("spatialdropout1d", SEQUENCE, lambda k, kw: k.layer("SpatialDropout1D")(0.5, **kw), None),
    ("gaussiannoise", VECTOR, lambda k, kw: k.layer("GaussianNoise")(0.5, **kw), None),
    ("activityregularization", VECTOR, lambda k, kw: k.layers.ActivityRegularization(**kw), None),
    ("flatten", (3, 2), lambda k, kw: k.layers.Flatten(**kw), None),
    ("reshape", (3, 2), lambda k, kw: k.layers.Reshape((6,), **kw), None),
    ("permute", (3, 2), lambda k, kw: k.layers.Permute((2, 1), **kw), None),
    ("repeatvector", VECTOR, lambda k, kw: k.layers.RepeatVector(2, **kw), None),
    ("masking", SEQUENCE, lambda k, kw: k.layers.Masking(**kw), None),
    ("lambda", VECTOR, lambda k, kw: k.layers.Lambda(lambda x: x * 2.0, **kw), None),
    ("add", VECTOR, lambda k, kw: k.layer("Add")(**kw), lambda la, i: la([i, i])),
    ("concatenate", VECTOR, lambda k, kw: k.layer("Concatenate")(**kw), lambda la, i: la([i, i])),
    ("maxpooling2d", IMAGE, lambda k, kw: k.layers.MaxPooling2D((2, 2), **kw), None),
    ("averagepooling2d", IMAGE, lambda k, kw: k.layers.AveragePooling2D((2, 2), **kw), None),
    ("globalaveragepooling2d", IMAGE, lambda k, kw: k.layers.GlobalAveragePooling2D(**kw), None),
    ("globalmaxpooling2d", IMAGE, lambda k, kw: k.layers.GlobalMaxPooling2D(**kw), None),
    ("zeropadding2d", IMAGE, lambda k, kw: k.layers.ZeroPadding2D((1, 1), **kw), None),
    ("upsampling2d", IMAGE, lambda k, kw: k.layers.UpSampling2D((2, 2), **kw), None),
]


def reception_of(name, argument, shape, make, call):
    def measure(k):
        keywords = k.takes(argument, k.l1())
        return reception(k, lambda: make(k, keywords), shape, call, integers=name == "embedding")

    return measure


claim("ignored_separable_kernel")(reception_of("separable", "kernel", IMAGE, lambda k, kw: separable(k, **kw), None))
claim("ignored_depthwise_kernel")(reception_of("depthwise", "kernel", IMAGE, lambda k, kw: depthwise(k, **kw), None))
for _name, _shape, _make, _call in LAYERS:
    claim("refused_%s_kernel" % _name)(reception_of(_name, "kernel", _shape, _make, _call))
MAKERS = dict((_name, (_shape, _make, _call)) for _name, _shape, _make, _call in LAYERS)
MAKERS["separable"] = (IMAGE, lambda k, kw: separable(k, **kw), None)
MAKERS["depthwise"] = (IMAGE, lambda k, kw: depthwise(k, **kw), None)
# The argument that was meant, and arguments that a layer next door has
for _name, _argument in [
    ("separable", "depthwise"),
    ("separable", "pointwise"),
    ("depthwise", "depthwise"),
    ("embedding", "embeddings"),
    ("embedding", "activity"),
    ("batchnormalization", "gamma"),
    ("batchnormalization", "beta"),
    ("layernormalization", "gamma"),
    ("prelu", "alpha"),
    ("lstm_ok", "recurrent"),
    ("gru", "recurrent"),
    ("simplernn", "recurrent"),
    ("dense", "recurrent"),
    ("dense", "bias"),
    ("dense", "weight"),
    ("activation", "activity"),
    ("maxpooling2d", "activity"),
    ("reshape", "activity"),
    ("add", "activity"),
]:
    claim("argument_%s_%s" % (_name, _argument))(
        reception_of(_name, _argument, MAKERS[_name][0], MAKERS[_name][1], MAKERS[_name][2])
    )


# ---------------------------------------------------------------------------------------------------------------------
# Values: no strength, or no regularizer at all
# ---------------------------------------------------------------------------------------------------------------------


def strength(k, make):
    """The penalty on a kernel of six ones, or the error and when it comes."""
    when = "construction"
    try:
        layer = k.dense(2, use_bias=False, **k.takes("kernel", make(k)))
        when = "build"
        model = k.sequential((3,), layer)
        ones(model)
        when = "fit"
        k.compile(model, k.keras.optimizers.SGD(0.0))
        loss = k.fit_loss(model, zeros(BATCH, 3), zeros(BATCH, 2))
    except Exception as error:
        return {"error": message(error), "when": when}
    return loss


def raw(class_name, **config):
    """A regularizer as it stands in a model's configuration."""
    return {"class_name": class_name, "config": config}


VALUES = [
    ("zero_l1l2_class", lambda k: k.regularizers.L1L2()),
    ("zero_string_L1L2", lambda k: "L1L2"),
    ("zero_string_l1l2", lambda k: "l1l2"),
    ("zero_string_l1_l2", lambda k: "l1_l2"),
    ("zero_call_l1_l2", lambda k: getattr(k.regularizers, "l1_l2", None) or k.regularizers.l1l2),
    ("zero_uncalled_l1_l2", lambda k: k.regularizers.l1_l2),
    ("zero_uncalled_l1l2", lambda k: k.regularizers.l1l2),
    ("zero_uncalled_L1L2", lambda k: k.regularizers.L1L2),
    ("zero_uncalled_l2", lambda k: k.regularizers.l2),
    ("zero_l2_zero", lambda k: k.regularizers.l2(0.0)),
    ("zero_l1_zero", lambda k: k.regularizers.l1(0.0)),
    ("zero_l1_l2_zero", lambda k: k.regularizers.l1_l2(0.0, 0.0)),
    ("zero_dict_L1L2", lambda k: raw("L1L2")),
    ("default_l1", lambda k: k.regularizers.l1()),
    ("default_l2", lambda k: k.regularizers.l2()),
    ("default_L1", lambda k: k.regularizers.L1()),
    ("default_L2", lambda k: k.regularizers.L2()),
    ("default_string_l1", lambda k: "l1"),
    ("default_string_l2", lambda k: "l2"),
    ("default_string_L1", lambda k: "L1"),
    ("default_string_L2", lambda k: "L2"),
    ("l1_l2_one_positional", lambda k: k.regularizers.l1_l2(0.05)),
    ("l1_l2_only_l2", lambda k: k.regularizers.l1_l2(l2=0.05)),
    ("notreg_float", lambda k: 0.01),
    ("notreg_int", lambda k: 1),
    ("notreg_float_zero", lambda k: 0.0),
    ("notreg_false", lambda k: False),
    ("notreg_true", lambda k: True),
    ("notreg_numpy_float", lambda k: np.float32(0.01)),
    ("notreg_empty_string", lambda k: ""),
    ("notreg_unknown_string", lambda k: "banana"),
    ("notreg_uncalled_l1", lambda k: k.regularizers.l1),
    ("notreg_uncalled_l2", lambda k: k.regularizers.l2),
    ("notreg_uncalled_L2", lambda k: k.regularizers.L2),
    ("notreg_l2_lr", lambda k: k.regularizers.l2(lr=0.05)),
    ("notreg_l2_negative", lambda k: k.regularizers.l2(-0.1)),
    ("notreg_l1_negative", lambda k: k.regularizers.l1(-0.1)),
    ("notreg_l2_string", lambda k: k.regularizers.l2("0.1")),
    ("notreg_l2_none", lambda k: k.regularizers.l2(None)),
    ("notreg_l2_int", lambda k: k.regularizers.l2(1)),
    ("notreg_l2_l", lambda k: k.regularizers.l2(l=0.05)),
    ("notreg_l1_l", lambda k: k.regularizers.l1(l=0.05)),
    ("notreg_l2_l2", lambda k: k.regularizers.l2(l2=0.05)),
    ("notreg_l2_l1", lambda k: k.regularizers.l2(l1=0.05)),
    ("notreg_l2_two_positional", lambda k: k.regularizers.l2(0.01, 0.01)),
    ("notreg_l1_l2_l", lambda k: k.regularizers.l1_l2(l=0.05)),
    ("notreg_list", lambda k: [k.regularizers.l2(0.05)]),
    ("notreg_tuple", lambda k: (k.regularizers.l2(0.05),)),
    ("notreg_dict_config", lambda k: raw("L2", l2=0.05)),
    ("notreg_dict_config_l1l2", lambda k: raw("L1L2", l1=0.0, l2=0.05)),
    ("notreg_dict_serialized", lambda k: k.regularizers.serialize(k.regularizers.l2(0.05))),
    ("notreg_dict_other", lambda k: {"l2": 0.05}),
    ("notreg_lambda", lambda k: lambda weights: 0.05 * k.sum_of_squares(weights)),
    ("notreg_constraint", lambda k: k.keras.constraints.get("nonneg" if k.major == 1 else "non_neg")),
]


def strength_of(make):
    return lambda k: strength(k, make)


for _name, _make in VALUES:
    if _name == "zero_call_l1_l2":
        _make = (lambda function: lambda k: function(k)())(_make)
    claim(_name)(strength_of(_make))


# ---------------------------------------------------------------------------------------------------------------------
# Half precision
# ---------------------------------------------------------------------------------------------------------------------


def half_policy(k, name="mixed_float16"):
    """What to pass as a layer's `dtype` for that policy."""
    mixed = getattr(k.keras, "mixed_precision", None)
    if mixed is None and k.major < 3:
        raise Absent("no mixed_precision")
    if hasattr(mixed, "Policy") or k.major >= 3:
        return name
    return mixed.experimental.Policy(name)


def half_losses(k, policy, **kwargs):
    """The loss of a Dense(16) of ones over 32 ones, eagerly and by `evaluate`, with batch 8 and l2(1)."""
    layer = k.layers.Dense(16, use_bias=False, dtype=half_policy(k, policy), **kwargs)
    model = k.sequential((32,), layer)
    ones(model)
    k.compile(model)
    x = np.ones((8, 32), "float32")
    layer(x)
    losses = list(layer.losses)
    out = model.predict(x, batch_size=8, verbose=0)
    found = {"evaluate": first(model.evaluate(x, out, batch_size=8, verbose=0))}
    if losses:
        found["losses"] = k.number(losses[0])
        found["dtype"] = re.sub(r".*?(b?float\d+).*", r"\1", str(getattr(losses[0], "dtype", None)))
    return found


# The sum of the squares is 131072, more than float16 holds (65504); over the batch of 8 it is 16384, which it does.
@claim("half_activity_overflow")
def half_activity_overflow(k):
    found = half_losses(k, "mixed_float16", activity_regularizer=k.regularizers.l2(1.0))
    return dict(found, overflow=not np.isfinite(found["evaluate"]), sum=131072.0, mean=16384.0)


@claim("half_activity_bfloat16")
def half_activity_bfloat16(k):
    found = half_losses(k, "mixed_bfloat16", activity_regularizer=k.regularizers.l2(1.0))
    return dict(found, overflow=not np.isfinite(found["evaluate"]), sum=131072.0, mean=16384.0)


@claim("half_kernel")
def half_kernel(k):
    found = half_losses(k, "mixed_float16", kernel_regularizer=k.regularizers.l2(1000.0))
    return dict(found, overflow=not np.isfinite(found["evaluate"]), true=512000.0)


# ---------------------------------------------------------------------------------------------------------------------
# Saving
# ---------------------------------------------------------------------------------------------------------------------


def formats(k):
    """The ways to save a whole model that the release has."""
    found = ["h5", "json"]
    if k.major >= 3:
        return ["keras"] + found
    if k.package == "tf_keras":
        return ["keras"] + found + ["tf"]
    if k.package == "tensorflow.keras":
        release = tuple(int(part) for part in k.version.split(".")[:2])
        return (["keras"] if release >= (2, 12) else []) + found + (["tf"] if release >= (2, 0) else [])
    return found


def survival(k, make, name):
    """Per format, whether a model with the kernel regularizer `make(name)` is saved and loaded with its penalty."""
    # A name of its own for each format: Keras 1 never forgets the custom objects that it was once given.
    names = dict((kind, name if name == "<lambda>" else name + kind.title()) for kind in formats(k))
    return dict((kind, survival_in(k, make(names[kind]), names[kind], kind)) for kind in formats(k))


def survival_in(k, regularizer, name, kind):
    folder = tempfile.mkdtemp()
    try:
        k.reset()
        model = k.unit_dense(regularizer)
        path = os.path.join(folder, "model" if kind == "tf" else "model." + kind)
        try:
            text = model.to_json() if kind == "json" else model.save(path)
        except Exception as error:
            return {"save": message(error, folder)}
        found = {"save": "ok", "load": loaded(k, kind, path, text, folder, {})}
        own = regularizer if hasattr(regularizer, "__name__") else type(regularizer)
        found["load_with_custom_objects"] = loaded(k, kind, path, text, folder, {"custom_objects": {name: own}})
        if kind == "keras":
            found["load_unsafe"] = loaded(k, kind, path, text, folder, {"safe_mode": False})
        return found
    finally:
        shutil.rmtree(folder)


def loaded(k, kind, path, text, folder, options):
    """ "ok" where the loaded model has the penalty, else what went wrong."""
    try:
        load = k.models.model_from_json if kind == "json" else k.models.load_model
        model = load(text if kind == "json" else path, **options)
        ones(model)
        k.compile(model, k.keras.optimizers.SGD(0.0))
        loss = k.fit_loss(model, zeros(BATCH, 3), zeros(BATCH, 2))
    except Exception as error:
        return message(error, folder)
    return "ok" if near(loss, 6.0) else "penalty %s of 6" % round(loss, 4)


def own_class(k, name, **methods):
    """A regularizer class of that name, worth the sum of squares."""
    methods["__call__"] = lambda self, weights: k.sum_of_squares(weights)
    return type(name, (k.regularizers.Regularizer,), methods)


@claim("save_custom_without_get_config")
def save_custom_without_get_config(k):
    return survival(k, lambda name: own_class(k, name)(), "Bare")


@claim("save_custom_with_get_config")
def save_custom_with_get_config(k):
    def make(name):
        config = {"name": name} if k.major == 1 else {}
        methods = {"get_config": lambda self: config, "from_config": classmethod(lambda cls, config: cls())}
        return own_class(k, name, **methods)()

    return survival(k, make, "Full")


@claim("save_plain_class")
def save_plain_class(k):
    # A callable object whose class is not a Regularizer
    methods = {"__call__": lambda self, weights: k.sum_of_squares(weights)}
    return survival(k, lambda name: type(name, (object,), methods)(), "Plain")


@claim("save_lambda")
def save_lambda(k):
    # As in a script: what the lambda calls is a global, not a cell of a closure, which no Keras can write down.
    globals()["MATHS"] = k.keras.ops if k.major >= 3 else k.keras.backend
    return survival(k, lambda name: lambda weights: MATHS.sum(MATHS.square(weights)), "<lambda>")


@claim("save_lambda_arithmetic")
def save_lambda_arithmetic(k):
    # A lambda that needs no global at all: where loading makes one of its code, this one works.
    return survival(k, lambda name: lambda weights: (weights * weights)[0, 0] * 6.0, "<lambda>")


@claim("save_function")
def save_function(k):
    def make(name):
        def own(weights):
            return k.sum_of_squares(weights)

        own.__name__ = name
        return own

    return survival(k, make, "own")


@claim("save_builtin")
def save_builtin(k):
    return survival(k, lambda name: k.regularizers.l2(1.0), "Unused")


@claim("save_activity_in_config")
def save_activity_in_config(k):
    model = k.lone_dense(2, activity_regularizer=k.l1())
    return k.activity_ratio(k.models.model_from_json(model.to_json()), inputs((3,)))


# ---------------------------------------------------------------------------------------------------------------------
# Decay twice: the kernel, which was one, after one step without a gradient from the data
# ---------------------------------------------------------------------------------------------------------------------


def adamw(k, *args, **kwargs):
    optimizers = k.keras.optimizers
    for place in (optimizers, getattr(optimizers, "experimental", None)):
        if hasattr(place, "AdamW"):
            return place.AdamW(*args, **kwargs)
    raise Absent("no AdamW")


@claim("adamw_decay")
def adamw_decay(k):
    return after_step(k, k.unit_dense(), adamw(k, 1e-3))


@claim("adam_l2")
def adam_l2(k):
    return after_step(k, k.unit_dense(k.regularizers.l2(0.01)), k.keras.optimizers.Adam(1e-3))


@claim("adamw_plus_l2")
def adamw_plus_l2(k):
    return after_step(k, k.unit_dense(k.regularizers.l2(0.01)), adamw(k, 1e-3))


@claim("adamw_default_weight_decay")
def adamw_default_weight_decay(k):
    return float(adamw(k).weight_decay)


@claim("sgd_l2")
def sgd_l2(k):
    return after_step(k, k.unit_dense(k.regularizers.l2(0.01)), k.keras.optimizers.SGD(0.1))


@claim("sgd_weight_decay")
def sgd_weight_decay(k):
    return after_step(k, k.unit_dense(), k.keras.optimizers.SGD(0.1, weight_decay=0.02))


@claim("sgd_weight_decay_plus_l2")
def sgd_weight_decay_plus_l2(k):
    optimizer = k.keras.optimizers.SGD(0.1, weight_decay=0.02)
    return after_step(k, k.unit_dense(k.regularizers.l2(0.01)), optimizer)


# ---------------------------------------------------------------------------------------------------------------------
# add_loss, add_weight and losses: is the added loss counted, is the weight made, how many losses are there
# ---------------------------------------------------------------------------------------------------------------------


def added_loss(k, model):
    """What `evaluate` reports of a model of one Dense(2), over the sum of the squares of its output."""
    x = inputs((3,))
    loss = k.penalty(model, x)
    return loss / float(np.square(k.predict(model, x)).sum())


@claim("add_loss_functional")
def add_loss_functional(k):
    i = k.Input((3,))
    out = k.dense(2)(i)
    model = k.Model(i, out)
    model.add_loss(k.sum_of_squares(out))
    return added_loss(k, model)


@claim("add_loss_sequential")
def add_loss_sequential(k):
    model = k.sequential((3,), k.dense(2))
    model.add_loss(k.sum_of_squares(model.outputs[0]))
    return added_loss(k, model)


@claim("add_loss_in_call")
def add_loss_in_call(k):
    class Penalty(k.layers.Layer):
        def call(self, x, mask=None):
            self.add_loss(k.sum_of_squares(x))
            return x

    i = k.Input((3,))
    return added_loss(k, k.Model(i, Penalty()(k.dense(2)(i))))


def with_added_loss(k, *args, **kwargs):
    """A model whose layer adds the squares of what goes through it, which it also passes as these arguments."""

    class Penalty(k.layers.Layer):
        def call(self, x, mask=None):
            given = dict((name, x) for name in kwargs)
            self.add_loss(k.sum_of_squares(x), *[x for _ in args], **given)
            return x

    i = k.Input((3,))
    return k.Model(i, Penalty()(k.dense(2)(i)))


def called(k, model):
    """A model that calls another one."""
    i = k.Input((3,))
    return k.Model(i, model(i))


@claim("add_loss_with_inputs")
def add_loss_with_inputs(k):
    return added_loss(k, with_added_loss(k, inputs=True))


@claim("add_loss_with_inputs_by_position")
def add_loss_with_inputs_by_position(k):
    return added_loss(k, with_added_loss(k, True))


@claim("add_loss_in_called_model")
def add_loss_in_called_model(k):
    return added_loss(k, called(k, with_added_loss(k)))


@claim("add_loss_with_inputs_in_called_model")
def add_loss_with_inputs_in_called_model(k):
    return added_loss(k, called(k, with_added_loss(k, inputs=True)))


@claim("add_loss_lambda")
def add_loss_lambda(k):
    layer = k.dense(2, use_bias=False)
    model = k.sequential((3,), layer)
    layer.add_loss(lambda: k.sum_of_squares(layer.kernel))
    loss = k.penalty(model, inputs((3,)))
    return loss / float(np.square(model.get_weights()[0]).sum())


def added_weight(k, *args, **kwargs):
    """Does a layer make a weight of these arguments, and by the name `scale`?"""
    if "initializer" in kwargs and hasattr(k.keras, "initializers"):  # TensorFlow 1.4 takes no strings
        kwargs["initializer"] = k.keras.initializers.get(kwargs["initializer"])
    layer = k.layers.Layer()
    weight = layer.add_weight(*args, **kwargs)
    shape = getattr(weight, "shape", None)
    shape = weight.get_value().shape if hasattr(weight, "get_value") else shape
    assert [int(getattr(size, "value", size)) for size in shape] == [3, 1], shape
    return "scale" in str(weight.name)


@claim("add_weight_name_first")
def add_weight_name_first(k):
    return added_weight(k, "scale", shape=(3, 1), initializer="ones")


@claim("add_weight_name_and_shape_first")
def add_weight_name_and_shape_first(k):
    return added_weight(k, "scale", (3, 1), initializer="ones")


@claim("add_weight_all_by_position")
def add_weight_all_by_position(k):
    return added_weight(k, "scale", (3, 1), "float32", "ones")


@claim("add_weight_by_keyword")
def add_weight_by_keyword(k):
    return added_weight(k, name="scale", shape=(3, 1), initializer="ones")


@claim("add_weight_with_dtype_by_keyword")
def add_weight_with_dtype_by_keyword(k):
    return added_weight(k, name="scale", shape=(3, 1), dtype="float32", initializer="ones")


def metric_weight(k, *args, **kwargs):
    """Does a metric of the project's own make a weight of these arguments, and by the name `hits`?"""
    if not hasattr(getattr(k.keras, "metrics", None), "Metric"):
        raise Absent("no class Metric")

    class Hits(k.keras.metrics.Metric):
        def update_state(self, *args, **kwargs):
            pass

        def result(self):
            return 0

    return "hits" in str(Hits().add_weight(*args, **kwargs).name)


@claim("add_weight_of_metric_name_first")
def add_weight_of_metric_name_first(k):
    return metric_weight(k, "hits", initializer="zeros")


@claim("add_weight_of_metric_name_and_shape_first")
def add_weight_of_metric_name_and_shape_first(k):
    return metric_weight(k, "hits", (2,), initializer="zeros")


@claim("add_weight_of_metric_by_keyword")
def add_weight_of_metric_by_keyword(k):
    return metric_weight(k, name="hits", shape=(2,), initializer="zeros")


def penalized(k, **kwargs):
    """A functional model of one Dense, which nothing has called yet."""
    i = k.Input((3,))
    return k.Model(i, k.dense(2, **kwargs)(i))


@claim("losses_before_call")
def losses_before_call(k):
    return len(penalized(k, activity_regularizer=k.l1()).losses)


@claim("losses_before_call_of_sequential")
def losses_before_call_of_sequential(k):
    return len(k.lone_dense(2, activity_regularizer=k.l1()).losses)


@claim("losses_after_call")
def losses_after_call(k):
    model = penalized(k, activity_regularizer=k.l1())
    model(inputs((3,)))
    return len(model.losses)


@claim("weight_losses_before_call")
def weight_losses_before_call(k):
    return len(penalized(k, **k.takes("kernel", k.l1())).losses)


# ---------------------------------------------------------------------------------------------------------------------


def measured(kit, pattern=""):
    """{claim: result} of the claims whose name matches the pattern."""
    found = {}
    for name, function in CLAIMS:
        if not re.search(pattern, name):
            continue
        try:
            kit.reset()
            found[name] = cleaned(function(kit))
        except Exception as error:
            found[name] = {"error": message(error)}
        print("%s: %s" % (name, json.dumps(found[name])), file=sys.stderr)
    return found


def libraries():
    """Versions of what the release runs on, as far as this run has imported it."""
    return dict((name, str(sys.modules[name].__version__)) for name in LIBRARIES if name in sys.modules)


def measure(package, pattern=""):
    """Everything that is measured of one package, as one JSON object."""
    warnings.filterwarnings("ignore")
    kit = Kit(package)
    return {
        "package": package,
        "version": kit.version,
        "backend": kit.backend,
        "python": ".".join(str(part) for part in sys.version_info[:2]),
        "claims": measured(kit, pattern),
        "libraries": libraries(),
    }


def main(arguments):
    if not 1 <= len(arguments) <= 2 or arguments[0] not in PACKAGES:
        sys.exit("usage: measure_claims.py %s [PATTERN]" % "|".join(PACKAGES))
    # Whatever Keras prints goes to stderr, so that stdout holds the JSON object alone.
    real = os.dup(1)
    os.dup2(2, 1)
    result = measure(*arguments)
    sys.stdout.flush()
    os.dup2(real, 1)
    print(json.dumps(result, indent=1, sort_keys=True, separators=(",", ": ")))


if __name__ == "__main__":
    main(sys.argv[1:])
