"""REG302 where a card's examples would be too many: how a model's layers are found, and what uses its losses."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import pytest

from reglint import check_source
from reglint.settings import Settings

HEAD = """\
import keras
import tensorflow as tf
from functools import partial
from keras import layers, regularizers
from keras.regularizers import L1, L2, l2

mse = keras.losses.MeanSquaredError()
inputs = keras.Input((3,))
"""

STEP = """
def step(x, y):
    with tf.GradientTape() as tape:
        loss = mse(y, model(x, training=True))
    return tape.gradient(loss, model.trainable_variables)
"""


def severities(source: str, **modules: str) -> list[str]:
    files = {f"{name}.py": HEAD + textwrap.dedent(module) for name, module in modules.items()}
    found = check_source(HEAD + textwrap.dedent(source), filename="example.py", modules=files)
    return [finding.severity.value for finding in found if finding.code == "REG302"]


def cases(text: str) -> list[Any]:
    """Programs, each below a comment that says what it is."""
    parts = re.split(r"^# (.*)\n", text, flags=re.MULTILINE)[1:]
    return [pytest.param(program, id=name) for name, program in zip(parts[::2], parts[1::2], strict=True)]


MODELS = cases("""
# Sequential
model = keras.Sequential([layers.Dense(1, kernel_regularizer=l2(0.01))])
# a string
model = keras.Sequential([layers.Dense(1, kernel_regularizer='l2')])
# add
model = keras.Sequential()
model.add(layers.Dense(1, bias_regularizer=L1(0.01)))
# functional
model = keras.Model(inputs, layers.Dense(1, kernel_regularizer=l2(0.01))(inputs))
# a layer by its name
d = layers.Dense(1, kernel_regularizer=l2(0.01))
model = keras.Model(inputs, d(inputs))
# a loop
x = inputs
for _ in range(3):
    x = layers.Dense(3, kernel_regularizer=l2(0.01))(x)
model = keras.Model(inputs, x)
# partial
D = partial(layers.Dense, kernel_regularizer=l2(0.01))
model = keras.Model(inputs, D(1)(inputs))
# a dict
kw = dict(kernel_regularizer=l2(0.01))
model = keras.Sequential([layers.Dense(1, **kw)])
# a wrapper
model = keras.Sequential([layers.TimeDistributed(layers.Dense(1, kernel_regularizer=l2(0.01)))])
# ActivityRegularization
model = keras.Sequential([layers.Dense(1), layers.ActivityRegularization(l1=0.01)])
# nested
body = keras.Sequential([layers.Dense(1, kernel_regularizer='l2')])
model = keras.Model(inputs, body(inputs))
# a function
def make():
    return keras.Sequential([layers.Dense(1, kernel_regularizer=l2(0.01))])

model = make()
# passed
def make(reg):
    return keras.Sequential([layers.Dense(1, kernel_regularizer=reg)])

model = make(l2(0.1))
""")


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_followed_to_the_regularizers_of_its_layers(model: str) -> None:
    assert severities(model + "\n" + STEP) == ["error"]


SILENT_MODELS = cases("""
# no regularizer
model = keras.Sequential([layers.Dense(1)])
# None
model = keras.Sequential([layers.Dense(1, kernel_regularizer=None)])
# zero strength
model = keras.Sequential([layers.Dense(1, kernel_regularizer=l2(0.0))])
# a frozen layer
model = keras.Sequential([layers.Dense(1, kernel_regularizer=l2(0.1), trainable=False)])
# off
def make(l=0.0):
    return keras.Sequential([layers.Dense(1, kernel_regularizer=l2(l))])

model = make()
# None by default
def make(reg=None):
    return keras.Sequential([layers.Dense(1, kernel_regularizer=reg)])

model = make()
# not on the way
aside = layers.Dense(1, kernel_regularizer='l2')(inputs)
model = keras.Model(inputs, layers.Dense(1)(inputs))
# out of sight
from elsewhere import model
""")


@pytest.mark.parametrize("model", SILENT_MODELS)
def test_a_model_without_a_regularizer_that_can_be_seen_is_left_alone(model: str) -> None:
    assert severities(model + "\n" + STEP) == []


@pytest.mark.parametrize(
    "strength", ["args.decay", "config['decay']", "0.01 if deep else 0.0"], ids=["an option", "a setting", "a choice"]
)
def test_a_strength_that_may_be_zero_makes_it_a_warning(strength: str) -> None:
    model = f"model = keras.Sequential([layers.Dense(1, kernel_regularizer=l2({strength}))])\n"
    assert severities(model + STEP) == ["warning"]


def test_a_model_of_an_imported_module_is_followed() -> None:
    module = "def make():\n    return keras.Sequential([layers.Dense(1, kernel_regularizer='l2')])\n"
    assert severities("from nets import make\n\nmodel = make()\n" + STEP, nets=module) == ["error"]


REGULARIZED = "model = keras.Sequential([layers.Dense(1, kernel_regularizer=l2(0.01))])\n"

USES = [
    "loss += sum(model.losses)",
    "loss = tf.add_n([loss] + model.losses)",
    "if model.losses: loss += tf.math.add_n(model.losses)",
    "loss += tf.nn.scale_regularization_loss(tf.add_n(model.losses))",
    "loss += tf.reduce_sum(model.get_losses_for(None))",
    "loss += regularization_loss()",
    "loss += reg_loss",
    "loss += sum(tf.nn.l2_loss(w) for w in model.trainable_weights)",
    "loss += model.layers[0].kernel_regularizer(model.layers[0].kernel)",
    "loss += model.compute_loss(x, y, model(x))",
    "loss = outside.total(model, loss)",
]


@pytest.mark.parametrize("line", USES)
def test_whatever_may_add_the_penalty_keeps_it_silent(line: str) -> None:
    step = f"""
def step(x, y):
    with tf.GradientTape() as tape:
        loss = mse(y, model(x))
        {line}
    return tape.gradient(loss, model.trainable_variables)
"""
    head = "from elsewhere import outside, regularization_loss, reg_loss\n"
    assert severities(head + REGULARIZED + step) == []
    assert severities(head + REGULARIZED + step.replace(line, "loss *= 2.0")) == ["error"]


def test_the_losses_may_be_taken_before_the_tape_or_in_a_function_around_it() -> None:
    assert (
        severities(
            REGULARIZED
            + """
def train(batches):
    def objective(y, p):
        return mse(y, p) + tf.add_n(model.losses)

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = objective(y, model(x))
        return tape.gradient(loss, model.trainable_variables)

    for x, y in batches:
        step(x, y)
"""
        )
        == []
    )


def test_a_loss_function_that_is_passed_in_may_close_over_the_losses() -> None:
    assert (
        severities(
            REGULARIZED
            + """
def with_penalty(y, p):
    return mse(y, p) + sum(model.losses)

def train(x, y, objective):
    with tf.GradientTape() as tape:
        loss = objective(y, model(x))
    return tape.gradient(loss, model.trainable_variables)
"""
        )
        == []
    )


def test_a_model_that_adds_its_losses_in_its_own_call_is_right() -> None:
    assert (
        severities(
            """
class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1, kernel_regularizer="l2")

    def call(self, x):
        return self.dense(x) + sum(self.losses)

model = Own()
"""
            + STEP
        )
        == []
    )


def test_only_the_model_whose_variables_are_trained_counts() -> None:
    assert (
        severities(
            REGULARIZED
            + """
other = keras.Sequential([layers.Dense(1)])

def step(x, y):
    with tf.GradientTape() as tape:
        loss = mse(y, other(model(x)))
    return tape.gradient(loss, other.trainable_variables)
"""
        )
        == []
    )


def test_a_gradient_with_respect_to_the_input_trains_nothing() -> None:
    assert (
        severities(
            REGULARIZED
            + """
def saliency(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = model(x)
    return tape.gradient(score, x)
"""
        )
        == []
    )


def test_variables_may_go_through_names_and_sums() -> None:
    assert severities(
        REGULARIZED
        + """
head = keras.Sequential([layers.Dense(1)])

def step(x, y):
    variables = [*()] + model.trainable_weights + head.trainable_weights
    with tf.GradientTape(persistent=True) as t:
        loss = mse(y, head(model(x)))
    return t.gradient(loss, variables)
"""
    ) == ["error"]


def test_a_loop_at_the_top_of_a_script_is_a_step() -> None:
    loop = """
for x, y in batches:
    with tf.GradientTape() as tape:
        loss = mse(y, model(x))
        {}
    gradients = tape.gradient(loss, model.trainable_weights)
"""
    assert severities(REGULARIZED + loop.format("pass")) == ["error"]
    assert severities(REGULARIZED + loop.format("loss += sum(model.losses)")) == []


TRAIN_STEP = """
class Own(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = {}
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {{"loss": loss}}

model = Own(inputs, layers.Dense(1, kernel_regularizer=l2(0.01))(inputs))
"""


@pytest.mark.parametrize("loss", ["self.loss_fn(y, y_pred)", "mse(y, y_pred)", "tf.reduce_mean((y - y_pred) ** 2)"])
def test_a_train_step_with_a_loss_of_its_own_leaves_them_out(loss: str) -> None:
    assert severities(TRAIN_STEP.format(loss)) == ["error"]


@pytest.mark.parametrize(
    "loss",
    [
        "self.compute_loss(x, y, y_pred)",
        "self.compiled_loss(y, y_pred, regularization_losses=self.losses)",
        "mse(y, y_pred) + sum(self.losses)",
        "mse(y, y_pred) + tf.add_n(self.losses)",
    ],
)
def test_a_train_step_that_asks_keras_for_its_loss_is_right(loss: str) -> None:
    assert severities(TRAIN_STEP.format(loss)) == []


@pytest.mark.parametrize(("keras", "count"), [("tensorflow==2.3.4", 1), ("tensorflow==2.15.1", 1), ("==3.15.1", 0)])
def test_compiled_loss_alone_leaves_them_out_before_keras_3(keras: str, count: int) -> None:
    source = "import tensorflow as tf\nfrom tensorflow import keras\nfrom tensorflow.keras import layers\n" + (
        "from tensorflow.keras.regularizers import l2\ninputs = keras.Input((3,))\n"
        + TRAIN_STEP.format("self.compiled_loss(y, y_pred)")
    )
    found = check_source(source, settings=Settings(keras_version=keras.replace("==3", "keras==3")))
    assert [finding.code for finding in found].count("REG302") == count


def test_an_estimator_and_a_tape_without_a_model_are_left_alone() -> None:
    assert (
        severities(
            REGULARIZED
            + """
def fit(x, y):
    weight = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        loss = (weight * x - y) ** 2
    return tape.gradient(loss, [weight])

estimator = tf.estimator.Estimator(lambda features: model(features))
"""
        )
        == []
    )


def test_compute_loss_is_the_programs_own_method_where_keras_has_none() -> None:
    source = """
import tensorflow as tf

class Own(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = tf.keras.layers.Dense(1, kernel_regularizer="l2")

    def compute_loss(self, y, y_pred):
        return tf.reduce_mean(y - y_pred)
"""
    found = {
        version: [f.code for f in check_source(source, settings=Settings(keras_version=version))].count("REG302")
        for version in ("tensorflow==2.3.4", "tensorflow==2.15.1")
    }
    assert found == {"tensorflow==2.3.4": 0, "tensorflow==2.15.1": 1}


def test_the_finding_names_the_layer_and_the_model() -> None:
    [finding] = (f for f in check_source(HEAD + REGULARIZED + STEP) if f.code == "REG302")
    assert finding.message.startswith("`kernel_regularizer` of `Dense` in `model` is left out of this step")
    assert finding.data["regularizers"] == ["Dense(kernel_regularizer)"]
