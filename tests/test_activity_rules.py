"""REG201 and REG202: which activity losses are wrong or change their scale, by the releases that are allowed."""

from __future__ import annotations

import pytest

from reglint import check_source
from reglint.findings import Finding, Severity
from reglint.settings import Settings
from reglint.usage.hazards import named
from reglint.versions import Release, released

CALLED = """
from keras.layers import Dense, Input
from keras.models import Model

inputs = Input(shape=(8,))
inner = Model(inputs, Dense(4, activity_regularizer="l1")(inputs))
other = Input(shape=(8,))
model = Model(other, inner(other))
"""
PLAIN = """
from keras.layers import Dense
from keras.models import Sequential

model = Sequential([Dense(4, input_dim=8, activity_regularizer="l1")])
model.compile("sgd", "mse")
"""
OWN_INPUT = CALLED.replace("inner(other)", "inner(inputs)")
SEQUENTIAL_CALLED = PLAIN + "from keras.layers import Input\nmodel(Input(shape=(8,)))\n"
FIRST = PLAIN + "outer = Sequential()\nouter.add(model)\n"
SECOND = PLAIN + "outer = Sequential()\nouter.add(Dense(8, input_dim=8))\nouter.add(model)\n"
OVER_TIME = PLAIN + "from keras.layers import TimeDistributed\nTimeDistributed(model)\n"
PENALTY = """
from keras.layers import ActivityRegularization, Dense, Input
from keras.models import Sequential

model = Sequential([Dense(4, input_dim=8), ActivityRegularization(l1=0.1)])
model(Input(shape=(8,)))
"""


def found(source: str, code: str, keras: str | None, target: str | None = None) -> list[Finding]:
    settings = Settings(keras_version=keras, target=target)
    return [finding for finding in check_source(source, settings=settings, modules={}) if finding.code == code]


def only(source: str, code: str, keras: str | None, target: str | None = None) -> Finding:
    (finding,) = found(source, code, keras, target)
    return finding


def in_tensorflow(source: str) -> str:
    return source.replace("from keras.", "from tensorflow.keras.")


# ------------------------------------------------------------------------------- REG201


@pytest.mark.parametrize(
    ("source", "keras", "says"),
    [
        (
            CALLED,
            "2.1.3",
            "is that of the layer's input, not of its output, in a model that `inner(…)` calls as a layer",
        ),
        (
            CALLED,
            "2.0.3",
            "is that of the layer's input, not of its output, in a model that `inner(…)` calls as a layer",
        ),
        (CALLED, "2.0.2", "is dropped in a model that `inner(…)` calls as a layer in Keras 2.0.2,"),
        (CALLED, "1.2.0", "is dropped in a model that `inner(…)` calls as a layer in Keras 1.2.0,"),
        (
            CALLED,
            ">=2.0.1,<2.0.5",
            "in Keras 2.0.3 to 2.0.4; is dropped in a model that `inner(…)` calls as a layer in",
        ),
        (
            SEQUENTIAL_CALLED,
            "2.1.3",
            "is that of the layer's input, not of its output, in a model that `model(…)` calls",
        ),
        (FIRST, "2.1.0", "is that of the layer's input, not of its output, in a model that `outer.add(…)` puts first"),
        (SECOND, "2.0.8", "is that of the layer's input, not of its output, in a model that `outer.add(…)` calls as a"),
        (
            OWN_INPUT,
            "2.1.3",
            "is that of the layer's input and of its output together in a model that `inner(…)` calls on",
        ),
        (OVER_TIME, "2.0.8", "is dropped in a model that `TimeDistributed(…)` wraps in Keras 2.0.8"),
        (PENALTY, "2.0.2", "is dropped in a model that `model(…)` calls as a layer in Keras 2.0.2"),
        (in_tensorflow(CALLED), "tensorflow==1.5.0", "is 3 times that of the layer's input in a model that `inner(…)`"),
        (
            in_tensorflow(SEQUENTIAL_CALLED),
            "tensorflow==1.6.0",
            "is that of the layer's input, not of its output, in a",
        ),
        (in_tensorflow(OWN_INPUT), "tensorflow==1.4.1", "is that of the layer's input and of its output together in a"),
    ],
)
def test_it_is_an_error_where_a_composed_model_gets_its_loss_wrong(source: str, keras: str, says: str) -> None:
    finding = only(source, "REG201", keras)
    assert says in finding.message
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("source", "keras", "says"),
    [
        (
            PLAIN,
            "2.1.3",
            "is that of the layer's input, not of its output, in a model called as a layer and counts 4 times",
        ),
        (
            PLAIN,
            "2.0.0",
            "is dropped in a model called as a layer and counts 4 times instead of twice for a layer called",
        ),
        (FIRST, "2.0.9", "in a model called as a layer"),
        (OWN_INPUT, "2.0.2", "in a model called as a layer"),
        (
            PENALTY,
            "2.0.8",
            "the activity loss counts 4 times instead of twice for a layer called twice on one tensor in",
        ),
        (
            in_tensorflow(PLAIN),
            "tensorflow==1.4.1",
            "is a mixture of inputs and outputs for a layer called on two inputs",
        ),
        (
            in_tensorflow(CALLED),
            "tensorflow==1.4.1",
            "is a mixture of inputs and outputs for a layer called on two inputs",
        ),
    ],
)
def test_it_is_a_warning_where_this_code_is_right_as_it_stands(source: str, keras: str, says: str) -> None:
    finding = only(source, "REG201", keras)
    assert says in finding.message
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize("source", [CALLED, PLAIN, OWN_INPUT, FIRST, OVER_TIME, PENALTY])
@pytest.mark.parametrize("keras", [None, "2.1.4", ">=2.1.4", "2.3.1", ">=3", "1.1.2"])
def test_releases_that_are_right_or_were_not_measured_are_silent(source: str, keras: str | None) -> None:
    assert found(source, "REG201", keras) == []


@pytest.mark.parametrize("keras", ["tensorflow==1.7.0", "tensorflow==1.3.0", "tensorflow>=2", "keras==2.0.8"])
def test_tf_keras_is_judged_by_tensorflow(keras: str) -> None:
    assert found(in_tensorflow(CALLED), "REG201", keras) == []


@pytest.mark.parametrize(
    ("source", "keras", "advice"),
    [
        (CALLED, "<2.1.4", "require keras>=2.1.4"),
        (OWN_INPUT, "2.1.3", "require keras>=2.1.4 and call it on a new `Input`"),
        (OVER_TIME, "2.1.3", "require keras>=2.4"),
        (in_tensorflow(CALLED), "tensorflow==1.6.0", "require tensorflow>=1.7"),
    ],
)
def test_the_advice_names_the_first_release_that_is_right(source: str, keras: str, advice: str) -> None:
    assert only(source, "REG201", keras).message.endswith("; " + advice)


def test_only_the_releases_that_are_allowed_are_named() -> None:
    finding = only(CALLED, "REG201", ">=2.0.8,<2.1.0")
    assert "in Keras 2.0.8 to 2.0.9, allowed by `keras-version = >=2.0.8,<2.1.0`" in finding.message
    assert finding.data["releases"] == ["keras==2.0.8", "keras==2.0.9"]
    assert finding.data["uses"] == ["activity_composed"]


@pytest.mark.parametrize(
    "layer",
    [
        "LSTM(4, activity_regularizer='l1')",
        "Flatten(activity_regularizer='l1')",
        "Dense(4, activity_regularizer=given)",
    ],
)
def test_layers_that_take_no_activity_regularizer_in_that_release_are_silent(layer: str) -> None:
    source = f"from keras.layers import Dense, Flatten, LSTM\n\ndef build(given=None):\n    return {layer}\n"
    assert found(source, "REG201", "1.2.2") == []


def test_a_regularizer_that_a_class_merely_hands_on_is_none() -> None:
    source = """
from keras.layers import Dense

class Block(Dense):
    def inner(self):
        return Dense(self.units, activity_regularizer=self.activity_regularizer)
"""
    assert found(source, "REG201", "2.0.8") == []
    assert found(source, "REG202", ">=3") == []


# "l1_l2()" is 0.01 in Keras 2: a zero in any release is enough to leave it to REG304
NO_PENALTY = [
    "Dense(8, activity_regularizer=l1(0.0))",
    "Dense(8, activity_regularizer=l1(l1=0))",
    "Dense(8, activity_regularizer=L1L2())",
    "Dense(8, activity_regularizer=l1_l2(0.0, 0.0))",
    "Dense(8, activity_regularizer=l1_l2())",
    "Dense(8, activity_regularizer=l1(zero))",
    "Dense(8, activity_regularizer=get(l1(0.0)))",
    "Dense(8, activity_regularizer=l1(0.0) if wanted else None)",
    "ActivityRegularization(l1=0.0, l2=0.0)",
    "ActivityRegularization(0.0)",
    "ActivityRegularization(l1=zero)",
    "ActivityRegularization(name='x')",
    "ActivityRegularization(input_shape=(3,))",
    "ActivityRegularization()",
]
PENALTY_HEAD = """
from keras.layers import *
from keras.regularizers import L1L2, get, l1, l1_l2

zero = 0.0
strong = 0.1

class Own:
    def __call__(self, x):
        return x

class Known(L1L2):
    pass

class Other:
    pass
"""


@pytest.mark.parametrize("layer", NO_PENALTY)
def test_a_penalty_of_strength_zero_has_no_loss_to_be_wrong(layer: str) -> None:
    source = f"{PENALTY_HEAD}\nlayer = {layer}\n"
    assert found(source, "REG201", ">=2.0") == []
    assert found(source, "REG202", ">=2.0") == []
    policy = "import keras\nkeras.mixed_precision.set_global_policy('mixed_float16')\n"
    assert found(source + policy, "REG307", "3.15.1") == []
    strong = "other = Dense(8, activity_regularizer='l1')\n"
    assert len(found(source + policy + strong, "REG307", "3.15.1")) == 1


@pytest.mark.parametrize(
    "layer",
    [
        "Dense(8, activity_regularizer=l1(strong))",
        "Dense(8, activity_regularizer=l1_l2(0.0, 0.1))",
        "Dense(8, activity_regularizer=l1(0.0) if wanted else l1(0.1))",
        "Dense(8, activity_regularizer=l1(wanted))",
        "Dense(8, activity_regularizer=l1)",
        "Dense(8, activity_regularizer='l2')",
        "Dense(8, activity_regularizer='l2' if wanted else None)",
        "Dense(8, activity_regularizer='mine>Own')",
        "Dense(8, activity_regularizer=get('l2'))",
        "Dense(8, activity_regularizer={'class_name': 'L1', 'config': {'l1': 0.1}})",
        "Dense(8, activity_regularizer=Own())",
        "Dense(8, activity_regularizer=Known(0.1))",
        "Dense(8, activity_regularizer=lambda x: 0.1 * x)",
        "ActivityRegularization(l1=0.0, l2=0.1)",
        "ActivityRegularization(0.1)",
        "ActivityRegularization(l1=wanted)",
    ],
)
def test_whatever_keras_takes_for_a_regularizer_is_one(layer: str) -> None:
    source = f"{PENALTY_HEAD}\nlayer = {layer}\n"
    assert only(source, "REG201", "2.1.2").severity is Severity.WARNING
    assert only(source, "REG202", ">=2.0").severity is Severity.INFO


@pytest.mark.parametrize(
    "value",
    [
        "None",
        "layer.activity_regularizer",
        "cfg.get('reg', None)",
        "cfg['reg']",
        "args.reg",
        "wanted",
        "get(wanted)",
        "get(layer.activity_regularizer)",
        "getattr(layer, name)",
        "Other()",
        "0.01",
        "''",
        "'nobody'",
        "{}",
        "[]",
        "make(layer)",
    ],
)
def test_what_may_be_none_is_no_regularizer(value: str) -> None:
    body = f"def build(layer, cfg, args, wanted, name):\n    return SimpleRNN(8, activity_regularizer={value})\n"
    for code, keras in (("REG201", "2.1.2"), ("REG202", ">=2.0,<3"), ("REG203", "3.15.1")):
        assert found(PENALTY_HEAD + body, code, keras) == []


@pytest.mark.parametrize("strength", ["0.0", "0", "None"])
def test_a_strength_that_is_zero_by_default_is_none_until_somebody_asks_for_more(strength: str) -> None:
    source = f"""
from keras.layers import Dense
from keras.regularizers import l1

def build(strength={strength}):
    return Dense(8, activity_regularizer=l1(strength))
"""
    assert found(source, "REG201", "2.1.2") == []
    assert only(source + "build(0.1)\n", "REG201", "2.1.2").severity is Severity.WARNING


@pytest.mark.parametrize(
    "body",
    [
        "if Version(keras.__version__) >= Version('2.1.4'):\n    a = LAYER\nelse:\n    raise RuntimeError('too old')",
        "if keras.__version__ < '2.1.4':\n    pass\nelse:\n    a = LAYER",
        "a = LAYER if keras.__version__ >= '2.1.4' else Dense(8)",
        "if keras.__version__ >= '3.14':\n    a = LAYER\nelse:\n    a = LAYER",
    ],
)
@pytest.mark.parametrize("layer", ["Dense(8, activity_regularizer=l1(0.1))", "ActivityRegularization(l1=0.1)"])
def test_a_program_that_chooses_by_the_version_is_left_alone(body: str, layer: str) -> None:
    head = "import keras\nfrom keras.layers import ActivityRegularization, Dense\nfrom keras.regularizers import l1\n"
    source = head + "from packaging.version import Version\n" + body.replace("LAYER", layer) + "\n"
    assert found(source, "REG201", ">=2,<2.2") == []
    assert found(source, "REG202", ">=3") == []


@pytest.mark.parametrize(
    "strength",
    [
        "strength = 32e-4 if Version(keras.__version__) >= Version('3.14') else 1e-4",
        "if Version(keras.__version__) >= Version('3.14'):\n    strength = 32e-4\nelse:\n    strength = 1e-4",
        "new = Version(keras.__version__) >= Version('3.14')\nstrength = 32e-4 if new else 1e-4",
    ],
)
def test_a_strength_that_is_chosen_by_the_version_is_left_alone(strength: str) -> None:
    source = f"""
import keras
from keras.layers import ActivityRegularization, Dense
from keras.regularizers import l1
from packaging.version import Version
{strength}
layer = Dense(8, activity_regularizer=l1(strength))
penalty = l1(strength)
other = Dense(8, activity_regularizer=penalty)
third = ActivityRegularization(l1=strength)
"""
    assert found(source, "REG202", ">=3") == []


OVER_STEPS = """
from keras.layers import ActivityRegularization, Dense, Input, TimeDistributed
from keras.models import Model, Sequential

inputs = Input((3, 4))
"""


def test_of_a_layer_over_time_steps_only_the_measured_use_is_told() -> None:
    source = OVER_STEPS + "layer = TimeDistributed(Dense(8, activity_regularizer='l1'))\n"
    finding = only(source, "REG201", "2.1.2")
    assert "of the layer's input, not of its output, in a model called as a layer in Keras 2.1.2" in finding.message
    assert finding.data["uses"] == ["activity_composed"]
    assert found(source, "REG201", "tensorflow==1.4.1; keras>=3") == []


def test_a_layer_over_time_steps_is_wrong_in_a_model_that_is_called() -> None:
    source = f"""{OVER_STEPS}
model = Model(inputs, TimeDistributed(Dense(8, activity_regularizer="l1"))(inputs))
other = Input((3, 4))
model(other)
"""
    assert only(source, "REG201", "2.1.2").severity is Severity.ERROR
    assert only(source, "REG201", "2.0.2").message.startswith("the activity loss is dropped in a model that `model(…)`")


def test_a_penalty_layer_over_time_steps_was_not_measured() -> None:
    source = OVER_STEPS + "layer = TimeDistributed(ActivityRegularization(l1=0.1))\n"
    assert found(source, "REG201", "2.1.2") == []


def test_what_may_be_another_function_is_no_use_of_a_model() -> None:
    source = CALLED.replace("model = Model(other, inner(other))", "for f in [inner, print]:\n    f(other)")
    assert only(source, "REG201", "2.1.3").severity is Severity.WARNING


def test_calls_inside_a_subclassed_model_were_not_measured() -> None:
    source = """
import tensorflow as tf

class Net(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.block = tf.keras.Sequential([tf.keras.layers.Dense(4, activity_regularizer="l1")])

    def call(self, inputs):
        return self.block(inputs)
"""
    assert only(source, "REG201", "tensorflow==1.6.0").severity is Severity.WARNING


# ------------------------------------------------------------------------------- REG202


@pytest.mark.parametrize(
    ("keras", "sides"),
    [
        (
            ">=3",
            "a sum over the batch in Keras 3.0.0 to 3.13.2, but divided by the batch size in Keras 3.14.0 and later",
        ),
        (">=3.13.2,<3.14.1", "sum over the batch in Keras 3.13.2, but divided by the batch size in Keras 3.14.0,"),
        (
            ">=2.3",
            "a sum over the batch in Keras 2.3.0 to 2.3.1 and 3.0.0 to 3.13.2, but divided by the batch size in "
            "Keras 2.4.0 to 2.15.0 and 3.14.0 and later",
        ),
        ("<1.0.8", "sum over the batch in Keras 1.0.7, but divided by the batch size in Keras 0.2.0 to 1.0.6"),
        (">=2.15,<3.1", "in Keras 3.0.0 to 3.0.5, but divided by the batch size in Keras 2.15.0,"),
    ],
)
def test_the_borders_inside_the_allowed_range_are_named(keras: str, sides: str) -> None:
    finding = only(PLAIN, "REG202", keras)
    assert sides in finding.message
    assert finding.severity is Severity.INFO


@pytest.mark.parametrize("keras", [None, "2.2.4", ">=1.0.7,<2.4", ">=2.4,<3", ">=3,<3.14", ">=3.14"])
def test_a_range_on_one_side_is_silent(keras: str | None) -> None:
    assert found(PLAIN, "REG202", keras) == []


def test_tf_keras_crosses_two_borders_on_its_way_to_keras_3() -> None:
    finding = only(in_tensorflow(PLAIN), "REG202", "tensorflow>=2.15; keras>=3.13")
    assert "a sum over the batch in Keras 3.13.0 to 3.13.2" in finding.message
    assert "divided by the batch size in Keras 3.14.0 and later and tf.keras of TensorFlow 2.15.0 to" in finding.message


@pytest.mark.parametrize(
    ("keras", "target", "direction"),
    [
        ("2.2.4", "keras==3.15.1", "weaker there by the batch size: multiply by it"),
        ("3.10.0", "keras==3.14.0", "weaker there by the batch size: multiply by it"),
        (">=3", "keras==3.15.1", "weaker there by the batch size: multiply by it"),
        ("2.2.4", "tensorflow==2.15.1", "weaker there by the batch size: multiply by it"),
        ("2.2.4", "tensorflow>=2.18", "weaker there by the batch size: multiply by it"),
        ("2.15.0", "keras==3.10.0", "stronger there by the batch size: divide by it"),
        (None, "keras==3.10.0", "stronger there by the batch size: divide by it"),
    ],
)
def test_a_target_on_the_other_side_is_a_warning_with_the_direction(
    keras: str | None, target: str, direction: str
) -> None:
    finding = only(PLAIN, "REG202", keras, target)
    assert direction in finding.message
    assert finding.severity is Severity.WARNING
    assert finding.data["factor"] == "batch_size"


@pytest.mark.parametrize(
    ("keras", "target"),
    [("2.2.4", "keras==3.10.0"), ("2.15.0", "keras==3.15.1"), ("2.2.4", "tensorflow==1.12"), (None, "keras==3.15.1")],
)
def test_a_target_on_the_same_side_is_silent(keras: str | None, target: str) -> None:
    assert found(PLAIN, "REG202", keras, target) == []


def test_nothing_is_said_to_be_measured_of_a_release_that_is_not_out() -> None:
    newest = released("keras")[-1]
    finding = only(PLAIN, "REG202", "2.2.4", "keras==99.1")
    assert f"divided by the batch size in Keras 99.1 (measured up to {newest})" in finding.message
    rnn = "from keras.layers import SimpleRNN\nlayer = SimpleRNN(8, activity_regularizer='l1')\n"
    assert f"in Keras 99.1 (measured up to {newest}), allowed by" in only(rnn, "REG203", "==99.1").message
    assert f"in Keras {newest}, allowed by" in only(rnn, "REG203", newest).message
    releases = [Release("keras", version) for version in ("3.14.0", newest, "99.1")]
    assert named(releases) == f"Keras 3.14.0 and later (measured up to {newest})"
    assert named(releases[:2]) == f"Keras 3.14.0 to {newest}"


def test_a_target_as_wide_as_what_is_allowed_changes_nothing() -> None:
    assert only(PLAIN, "REG202", ">=3", "keras>=3").severity is Severity.INFO


@pytest.mark.parametrize(
    ("fit", "factor", "says"),
    [
        ("model.fit(x, y, batch_size=128)", 128, "the batch size of 128: multiply by 128"),
        ("model.fit(x, y, 64)", 64, "the batch size of 64: multiply by 64"),
        ("size = 16\nmodel.fit(x, y, batch_size=size)", 16, "the batch size of 16: multiply by 16"),
        ("model.fit(x, y)", 32, "the batch size of 32 (fit's default): multiply by 32"),
        ("model.fit(x, y=y)\nmodel.fit(x, y, batch_size=32)", 32, "the batch size of 32: multiply by 32"),
        ("model.fit(dataset)", "batch_size", "the batch size: multiply by it"),
        ("model.fit(x, y, **options)", "batch_size", "the batch size: multiply by it"),
        ("model.fit(x, y, batch_size=given)", "batch_size", "the batch size: multiply by it"),
        ("model.fit(x, y)\nmodel.fit(x, y, batch_size=8)", "batch_size", "the batch size: multiply by it"),
        ("forest.fit(x, y, batch_size=8)", "batch_size", "the batch size: multiply by it"),
    ],
)
def test_the_factor_is_the_batch_size_of_fit(fit: str, factor: object, says: str) -> None:
    finding = only(f"{PLAIN}\n{fit}\n", "REG202", "2.2.4", "keras==3.15.1")
    assert finding.data["factor"] == factor
    assert says in finding.message


def test_the_data_hold_both_sides_now_and_at_the_target() -> None:
    data = only(PLAIN, "REG202", ">=3.13.2,<=3.14.0", "keras==3.15.1").data
    assert (data["sum"], data["mean"]) == (["keras==3.13.2"], ["keras==3.14.0"])
    assert data["target"] == {"sum": [], "mean": ["keras==3.15.1"]}


@pytest.mark.parametrize(
    "layer",
    [
        "SimpleRNN(4, activity_regularizer='l1')",
        "Bidirectional(SimpleRNN(4, activity_regularizer='l1'))",
        "TimeDistributed(Dense(4, activity_regularizer='l1'))",
    ],
)
def test_layers_whose_loss_is_dropped_at_the_target_have_no_scale_there(layer: str) -> None:
    source = f"from keras.layers import Bidirectional, Dense, SimpleRNN, TimeDistributed\nlayer = {layer}\n"
    assert found(source, "REG202", "2.2.4", "keras==3.15.1") == []


def test_simplernn_changes_its_scale_where_it_counts() -> None:
    source = "from keras.layers import SimpleRNN\nlayer = SimpleRNN(4, activity_regularizer='l1')\n"
    assert only(source, "REG202", ">=2.3,<3").severity is Severity.INFO
    assert found(source, "REG202", ">=3") == []
