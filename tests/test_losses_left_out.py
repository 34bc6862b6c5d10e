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
# a comprehension
model = keras.Sequential([layers.Dense(n, kernel_regularizer=l2(0.01)) for n in (3, 1)])
# an appended list
stack = []
for n in (3, 1):
    stack.append(layers.Dense(n, kernel_regularizer=l2(0.01)))
model = keras.Sequential(stack)
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
# another list
stack, others = [layers.Dense(1)], []
others.append(layers.Dense(1, kernel_regularizer=l2(0.01)))
model = keras.Sequential(stack)
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
    "loss += sum(tf.nn.l2_loss(w) for w in tf.compat.v1.trainable_variables())",
    "loss += tf.add_n(getattr(model, 'losses', []))",
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
    optimizer.apply_gradients(zip(gradients, model.trainable_weights))
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


GRADIENTS = """
def step(x, y):
    with tf.GradientTape() as tape:
        loss = mse(y, model(x, training=True))
    {}
"""
VARIABLES = "model.trainable_variables"

APPLIED = [
    "return loss, tape.gradient(loss, {})",
    "return [tf.clip_by_norm(g, 1.0) for g in tape.gradient(loss, {})]",
    "optimizer.apply_gradients(zip(tape.gradient(loss, {}), variables))",
    "optimizer.apply_gradients((tf.sign(g), v) for g, v in zip(tape.gradient(loss, {}), variables))",
    "self.gradients = tape.gradient(loss, {}); optimizer.apply(self.gradients)",
    "g = tape.gradient(loss, {}); g, _ = tf.clip_by_global_norm(g, 1.0); optimizer.apply(g)",
    "for v, g in zip(variables, tape.gradient(loss, {})): v.assign_sub(0.1 * g)",
    "g = tape.gradient(loss, {}); [total.assign_add(one / 4) for total, one in zip(totals, g)]",
    "g = tape.gradient(loss, {}); apply_elsewhere(g)",
    "g = tape.gradient(loss, {}); mine(g)",
]


@pytest.mark.parametrize("line", APPLIED)
def test_gradients_that_are_applied_or_returned_train_the_model(line: str) -> None:
    mine = "def mine(found):\n    optimizer.apply(found)\n"
    assert severities(REGULARIZED + mine + GRADIENTS.format(line.format(VARIABLES))) == ["error"]


LOOKED_AT = [
    "print(tf.linalg.global_norm(tape.gradient(loss, {})))",
    "return tf.linalg.global_norm(tape.gradient(loss, {}))",
    "assert all(g is not None for g in tape.gradient(loss, {}))",
    "norm.assign(tf.linalg.global_norm(tape.gradient(loss, {})))",
    "metric.update_state(tape.gradient(loss, {}))",
    "for f, g in zip(fisher, tape.gradient(loss, {})): f.assign_add(tf.square(g))",
    "for f, g in zip(fisher, tape.gradient(loss, {})): f.assign_add(g * g)",
    "return [f + g**2 for f, g in zip(fisher, tape.gradient(loss, {}))]",
    "found = tape.gradient(loss, {}); mine(found)",
    "found = tape.gradient(loss, {})",
]


@pytest.mark.parametrize("line", LOOKED_AT)
def test_gradients_that_are_only_looked_at_train_nothing(line: str) -> None:
    mine = "def mine(found):\n    for g in found:\n        assert g is not None\n"
    assert severities(REGULARIZED + mine + GRADIENTS.format(line.format(VARIABLES))) == []


def test_returned_gradients_go_where_the_callers_in_sight_take_them() -> None:
    step = GRADIENTS.format("return tape.gradient(loss, model.trainable_variables)")
    assert severities(REGULARIZED + step + "g = step(x, y)\nprint(tf.linalg.global_norm(g))\n") == []
    assert severities(REGULARIZED + step + "g = step(x, y)\noptimizer.apply(g, variables)\n") == ["error"]


def test_an_inner_loop_is_part_of_what_the_outer_tape_differentiates() -> None:
    source = """
def adapt(x, y):
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = mse(y, model(x))
        fast = [v - 0.1 * g for v, g in zip(model.trainable_variables, inner.gradient(loss, model.trainable_variables))]
        loss = mse(y, functional_call(fast, x))
    return fast
"""
    assert severities(REGULARIZED + source) == []


TORCH = """
import torch

def step(x, y):
    loss = mse(y, model(x))
    loss.backward()
    {}
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return x + 0.1 * x.grad.sign()", []),
        ("torch.optim.Adam([x]).step()", []),
        ("torch.optim.Adam(model.parameters()).step()", ["error"]),
        ("optimizer.step()", ["error"]),
        ("scaler.step(optimizer)", ["error"]),
        ("optimizer.apply([v.value.grad for v in model.trainable_weights], model.trainable_weights)", ["error"]),
    ],
)
def test_backward_trains_a_model_where_an_optimizer_takes_a_step_for_it(line: str, expected: list[str]) -> None:
    assert severities(REGULARIZED + TORCH.format(line)) == expected


def test_the_step_after_backward_may_be_the_callers() -> None:
    loop = "for x, y in batches:\n    step(x, y)\n    optimizer.step()\n"
    assert severities(REGULARIZED + TORCH.format("return loss") + loop) == ["error"]


BY_HAND = [
    "loss += 1e-4 * tf.add_n([tf.nn.l2_loss(v) for v in model.trainable_variables])",
    "loss += sum(tf.reduce_sum(v ** 2) for v in model.trainable_weights if 'kernel' in v.name)",
    "for v in model.trainable_variables: loss += tf.reduce_sum(tf.square(v))",
    "l2_loss = tf.add_n([tf.nn.l2_loss(v) for v in model.trainable_weights]); loss += l2_loss",
]


@pytest.mark.parametrize("line", BY_HAND)
def test_a_penalty_by_hand_over_the_variables_is_what_acts(line: str) -> None:
    step = f"""
def step(x, y):
    with tf.GradientTape() as tape:
        loss = mse(y, model(x))
        {line}
    return tape.gradient(loss, model.trainable_variables)
"""
    assert severities(REGULARIZED + step) == ["info"]
    assert severities(REGULARIZED + step.replace(line, line + "; loss += sum(model.losses)")) == []
    other = "other = keras.Sequential([layers.Dense(1)])\n"
    elsewhere = step.replace(line, line.replace("model.", "other."))
    assert severities(REGULARIZED + other + elsewhere) != ["info"]


def test_a_norm_that_is_only_reported_is_no_penalty() -> None:
    line = "norm = sum(tf.norm(v) for v in model.trainable_variables)\n    print(norm)\n    "
    step = GRADIENTS.format(line + "return tape.gradient(loss, model.trainable_variables)")
    assert severities(REGULARIZED + step) == ["error"]


def test_a_penalty_by_hand_does_not_stand_in_for_one_on_activities() -> None:
    model = "model = keras.Sequential([layers.Dense(1, activity_regularizer='l1')])\n"
    step = f"""
def step(x, y):
    with tf.GradientTape() as tape:
        loss = mse(y, model(x))
        {BY_HAND[0]}
    return tape.gradient(loss, model.trainable_variables)
"""
    assert severities(model + step) == []


COLLECTION = """
def step(x, y):
    with tf.GradientTape() as tape:
        loss = mse(y, model(x))
        {}
    return tape.gradient(loss, model.trainable_variables)
"""


@pytest.mark.parametrize(
    "line",
    [
        "loss += tf.compat.v1.losses.get_regularization_loss()",
        "loss += tf.add_n(tf.compat.v1.losses.get_regularization_losses())",
        "reg_loss = tf.compat.v1.losses.get_regularization_loss(); loss += reg_loss",
    ],
)
def test_the_collection_of_tensorflow_1_holds_no_losses_of_keras_layers(line: str) -> None:
    assert severities(REGULARIZED + COLLECTION.format(line)) == ["error"]
    assert severities(REGULARIZED + COLLECTION.format(line + "; loss += sum(model.losses)")) == []


OFFERED = """
class Survival:
    def __init__(self, penalty=0):
        self.model = keras.Sequential([layers.Dense(1, kernel_regularizer=l2(penalty))])

    def step(self, x, y):
        with tf.GradientTape() as tape:
            loss = mse(y, self.model(x))
        return tape.gradient(loss, self.model.trainable_weights)
"""


def test_a_penalty_that_a_class_offers_is_a_warning_though_it_is_0_by_default() -> None:
    assert severities(OFFERED) == ["warning"]
    assert severities(OFFERED + "Survival().step(x, y)\n") == []
    assert severities(OFFERED + "Survival(0.1).step(x, y)\n") == ["warning"]


TWO = """
def step(x):
    with tf.GradientTape() as t1, tf.GradientTape() as t2:
        fake = generator(x)
        g_loss = tf.reduce_mean(discriminator(fake)){}
        d_loss = tf.reduce_mean(discriminator(x) - discriminator(fake))
    return (
        t1.gradient(g_loss, generator.trainable_variables),
        t2.gradient(d_loss, discriminator.trainable_variables),
    )
"""


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        ("", ["error", "error"]),
        (" + sum(generator.losses)", ["error"]),
        (" + sum(both.losses)", []),
        (" + sum(unknown.losses)", []),
    ],
)
def test_the_losses_of_one_model_are_not_those_of_another(addition: str, expected: list[str]) -> None:
    models = """
generator = keras.Sequential([layers.Dense(3, kernel_regularizer=l2(0.01))])
discriminator = keras.Sequential([layers.Dense(1, kernel_regularizer=l2(0.01))])
both = keras.Sequential([generator, discriminator])
unknown = load()
"""
    assert severities(models + TWO.format(addition)) == expected


def test_models_of_one_factory_are_not_told_apart() -> None:
    models = """
def make(units):
    return keras.Sequential([layers.Dense(units, kernel_regularizer=l2(0.01))])

generator, discriminator = make(3), make(1)
"""
    assert severities(models + TWO.format(" + sum(generator.losses)")) == []


MINIMIZE = "def step(x, y, optimizer):\n    def loss():\n        return {}\n\n    optimizer.minimize({}, {})\n"


@pytest.mark.parametrize("variables", [VARIABLES, f"var_list=lambda: {VARIABLES}"])
def test_minimize_may_take_a_function_instead_of_a_tape(variables: str) -> None:
    plain, right = "mse(y, model(x))", "mse(y, model(x)) + sum(model.losses)"
    assert severities(REGULARIZED + MINIMIZE.format(plain, "loss", variables)) == ["error"]
    assert severities(REGULARIZED + MINIMIZE.format(plain, "lambda: " + plain, variables)) == ["error"]
    assert severities(REGULARIZED + MINIMIZE.format(right, "loss", variables)) == []
    assert severities(REGULARIZED + MINIMIZE.format(plain, "lambda: " + right, variables)) == []


@pytest.mark.parametrize(
    ("third", "use", "expected"),
    [("losses", "", ["error"]), ("reg_losses", "", ["error"]), ("_", "", ["error"]), ("ls", " + sum(ls)", [])],
)
def test_losses_that_jax_asks_for_have_to_be_used(third: str, use: str, expected: list[str]) -> None:
    source = f"""
import jax

def loss_of(trainable, others, x, y):
    y_pred, others, {third} = model.stateless_call(trainable, others, x, return_losses=True)
    return mse(y, y_pred){use}, others

gradient_of = jax.value_and_grad(loss_of, has_aux=True)
"""
    assert severities(REGULARIZED + source) == expected
