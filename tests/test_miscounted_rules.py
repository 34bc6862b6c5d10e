"""REG203 to REG206 where a card can't say it: beside other rules' findings, messages, fixes, both directions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reglint import check_source, fix_source
from reglint.findings import Finding
from reglint.settings import Selection, Settings

ALONE = str(Path(Path(__file__).anchor, "no-project", "example.py"))  # below no manifest


def found(code: str, source: str, keras: str | None = None, target: str | None = None) -> list[Finding]:
    """The findings of one rule in a source."""
    settings = Settings(
        keras_version=keras or "keras==3.15.1; tensorflow==2.21.0", target=target, selections=(Selection((code,)),)
    )
    return list(check_source(source, filename=ALONE, settings=settings))


def moved(source: str) -> str:
    """What --unsafe-fixes makes of a source on the newest Keras."""
    settings = Settings(keras_version="keras==3.15.1", selections=(Selection(("REG203",)),), unsafe_fixes=True)
    raw, _ = fix_source(source, filename=ALONE, settings=settings)
    return raw.decode("utf-8")


# ------------------------------------------------------------------------------------------------------------- REG203

SIMPLE = 'from keras.layers import SimpleRNN\nlayer = SimpleRNN(8, activity_regularizer="l1")\n'
STEPS = (
    'from keras.layers import Dense, TimeDistributed\nlayer = TimeDistributed(Dense(8, activity_regularizer="l1"))\n'
)
BOTH = 'from keras.layers import {0}, Bidirectional\nlayer = Bidirectional({0}(8, activity_regularizer="l1"))\n'


@pytest.mark.parametrize(
    ("source", "keras", "severity"),
    [
        (SIMPLE, "==3.0.0", "error"),
        (SIMPLE, ">=3", "error"),
        (SIMPLE, ">=2.2", "warning"),
        (SIMPLE, ">=2.2,<3", None),
        (STEPS, ">=2.2", "warning"),
        (STEPS, "==2.3.1", None),
        (BOTH.format("LSTM"), "==2.0.2", "error"),
        (BOTH.format("LSTM"), "==2.0.3", None),
        (BOTH.format("LSTM"), ">=3", None),
        (BOTH.format("GRU"), ">=2.0,<3", "warning"),
        (BOTH.format("SimpleRNN"), "==2.2.4", None),
        (BOTH.format("SimpleRNN"), "==3.4.0", "error"),
    ],
)
def test_it_is_an_error_where_every_allowed_release_drops_the_penalty(
    source: str, keras: str, severity: str | None
) -> None:
    assert [finding.severity.value for finding in found("REG203", source, keras)] == ([severity] if severity else [])


def test_the_tensorflow_decides_for_tf_keras() -> None:
    source = BOTH.format("LSTM").replace("keras", "tensorflow.keras")
    assert found("REG203", source, "tensorflow==1.14.0")
    assert not found("REG203", source, "tensorflow==1.15.5")
    assert found("REG203", STEPS.replace("keras", "tensorflow.keras"), "tensorflow==1.6.0")
    assert not found("REG203", STEPS.replace("keras", "tensorflow.keras"), "tensorflow==1.7.1")
    assert found("REG203", STEPS.replace("keras", "tensorflow.keras"), "tensorflow==2.16.1")


def test_the_message_names_both_causes_and_who_allows_them() -> None:
    (finding,) = found("REG203", BOTH.format("SimpleRNN"), ">=2")
    assert "`SimpleRNN` and `Bidirectional` drop" in finding.message
    assert "Keras 3.0.0 to 3.15.1 and Keras 2.0.0 to 2.0.2, allowed by `keras-version = >=2`" in finding.message


def test_the_message_says_where_its_advice_fails() -> None:
    (finding,) = found("REG203", SIMPLE, ">=2.2")
    assert finding.message.endswith("which counts it except in Keras 2.2.0 to 2.3.1")
    (finding,) = found("REG203", SIMPLE, ">=3")
    assert finding.message.endswith("which counts it")


def test_nothing_is_moved_where_an_allowed_release_refuses_the_argument_on_the_wrapper() -> None:
    (finding,) = found("REG203", STEPS, ">=2.2")
    assert finding.fix is None
    assert finding.fix_withheld == "an allowed release refuses `activity_regularizer` on `TimeDistributed`"


def test_data_holds_the_releases() -> None:
    (finding,) = found("REG203", SIMPLE, ">=2.3,<3.1")
    assert finding.data["package"] == "keras"
    assert finding.data["allowed"] == ["<3.1,>=2.3"]
    assert [release for release in finding.data["releases"] if "==2" in release] == []
    assert "keras==3.0.0" in finding.data["releases"]


MOVING = """from keras.layers import Dense, Flatten
from keras.layers import TimeDistributed as T
from keras.regularizers import l1
r = q = l1(1e-3)
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("T(Dense(8, activity_regularizer=r))", "T(Dense(8), activity_regularizer=r)"),
        ("T(Dense(8, activity_regularizer=r,))", "T(Dense(8,), activity_regularizer=r)"),
        ("T(Dense(activity_regularizer=r, units=8))", "T(Dense(units=8), activity_regularizer=r)"),
        (
            "T(Dense(8, activity_regularizer = l1( 1e-3 ), name='a'))",
            "T(Dense(8, name='a'), activity_regularizer = l1( 1e-3 ))",
        ),
        ("T(layer=Dense(8, activity_regularizer=r), name='a')", "T(layer=Dense(8), name='a', activity_regularizer=r)"),
        ("T(Flatten(activity_regularizer=r))", "T(Flatten(), activity_regularizer=r)"),
        ("T(Flatten(activity_regularizer=r,))", "T(Flatten(), activity_regularizer=r)"),
        ("T(Dense(8, activity_regularizer=r),)", "T(Dense(8), activity_regularizer=r)"),
        ("T(\n    Dense(8, activity_regularizer=r)\n)", "T(\n    Dense(8),\n    activity_regularizer=r\n)"),
        ("T(\n    Dense(8, activity_regularizer=r),\n)", "T(\n    Dense(8),\n    activity_regularizer=r,\n)"),
        ("T(Dense(\n    8,\n    activity_regularizer=r\n))", "T(Dense(\n    8\n), activity_regularizer=r)"),
        ("T(Dense(8, activity_regularizer=r))(x)", "T(Dense(8), activity_regularizer=r)(x)"),
        ("T(Dense((8), activity_regularizer=(r)))", "T(Dense((8)), activity_regularizer=(r))"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_moving_the_argument_keeps_commas_and_line_breaks(before: str, after: str, newline: str) -> None:
    head = MOVING + "y = "
    expected = (head + after + "\n").replace("\n", newline)
    mended = moved((head + before + "\n").replace("\n", newline))
    assert mended == expected


@pytest.mark.parametrize(
    "call",
    [
        "T(Dense(8, activity_regularizer=r  # why\n))",
        "T(Dense(8,  # units\n    activity_regularizer=r))",
        "T(Dense(8, activity_regularizer=r, # why\n    name='a'))",
        "T(Dense(8, activity_regularizer=r),  # steps\n)",
        "T(Dense(8, activity_regularizer=l1( # why\n    1e-3)))",
        "T(Dense(8, activity_regularizer=r), **options)",
        "T(*[Dense(8, activity_regularizer=r)])",
        "T(Dense(8, activity_regularizer=r), activity_regularizer=r)",
        "T(T(Dense(8, activity_regularizer=r), activity_regularizer=q), activity_regularizer=q)",
    ],
)
def test_nothing_is_moved_past_a_comment_or_onto_another_argument(call: str) -> None:
    source = f"{MOVING}y = {call}\n"
    assert moved(source) == source


def test_two_wrappers_take_the_argument_one_step_at_a_time() -> None:
    head = MOVING
    once = moved(head + "y = T(T(Dense(8, activity_regularizer=r)))\n")
    assert once == head + "y = T(T(Dense(8)), activity_regularizer=r)\n"


@pytest.mark.parametrize(
    "line",
    [
        "layer = SimpleRNN(8, activity_regularizer=None)",
        "layer = SimpleRNN(8, kernel_regularizer='l1')",
        "layer = TimeDistributed(Sequential([Dense(8, activity_regularizer='l1')]))",
        "layer = TimeDistributed(Bidirectional(LSTM(8, activity_regularizer='l1')))",
        "layer = TimeDistributed(Dense(8), activity_regularizer='l1')",
        "layer = SimpleRNN(8, activity_regularizer=keras.regularizers.l1(0.0))",
        "layer = Own(8, activity_regularizer='l1')",
        "def make(activity_regularizer=None):\n    return SimpleRNN(8, activity_regularizer=activity_regularizer)",
    ],
)
def test_what_counts_or_is_not_known_is_left_alone(line: str) -> None:
    head = "import keras\nfrom keras import Sequential\nfrom keras.layers import *\nfrom own_layers import Own\n"
    assert found("REG203", head + line + "\n") == []


def test_the_private_copy_in_later_tensorflow_is_not_keras_3() -> None:
    source = SIMPLE.replace("keras.layers", "tensorflow.python.keras.layers")
    assert found("REG203", source) == []
    assert found("REG203", source, "tensorflow==2.21.0") == []
    assert found("REG203", SIMPLE.replace("keras.layers", "tensorflow.keras.layers"), "tensorflow==2.21.0")


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        ("d = Dense(8, activity_regularizer='l1')\nTimeDistributed(d)", 1),
        ("d = Dense(8, activity_regularizer='l1')\nTimeDistributed(d)(x)\nd(y)", 0),
        ("d = Dense(8, activity_regularizer='l1')\nTimeDistributed(d)\nSequential([d])", 0),
        ("d = Dense(8, activity_regularizer='l1')\nTimeDistributed(d)\nprint(d.name)", 1),
        ("d = Dense(8, activity_regularizer='l1')\nTimeDistributed(d)\nd.call(x)", 0),
        ("d = Dense(8, activity_regularizer='l1') if x else Dense(8)\nTimeDistributed(d)", 1),
        ("def step():\n    return Dense(8, activity_regularizer='l1')\nTimeDistributed(step())", 1),
        ("def step():\n    return Dense(8, activity_regularizer='l1')\nTimeDistributed(step())\nstep()(x)", 0),
        ("for d in [Dense(8, activity_regularizer='l1')]:\n    TimeDistributed(d)", 0),
        ("TimeDistributed(ActivityRegularization(l1=0.1))", 1),
        ("TimeDistributed(ActivityRegularization(l1=0.0))", 0),
        ("TimeDistributed(ActivityRegularization(l1=strength))", 0),
        ("r = ActivityRegularization(l1=0.1)\nTimeDistributed(r)\nr(x)", 0),
        ("ActivityRegularization(l1=0.1)\nTimeDistributed(Dense(8))", 0),
        ("d = SimpleRNN(3, activity_regularizer='l1')\nd.activity_regularizer = L1(0.1)", 0),
    ],
)
def test_a_layer_is_dropped_only_where_the_wrapper_alone_has_it(lines: str, count: int) -> None:
    head = "from keras import Sequential\nfrom keras.layers import *\nfrom keras.regularizers import L1\n"
    assert len(found("REG203", f"{head}{lines}\n")) == count


def test_a_dict_reaches_nothing_behind_the_return_of_the_arm_that_fills_it() -> None:
    source = """from keras import layers
def make(kind):
    options = {}
    if kind != "rnn":
        options["activity_regularizer"] = "l1"
        RETURN layers.LSTM(8, **options)
    return layers.SimpleRNN(8, **options)
"""
    assert found("REG203", source.replace("RETURN", "return")) == []
    assert found("REG203", source.replace("RETURN", "print"))


@pytest.mark.parametrize(
    ("keras", "count"), [("tensorflow==2.4.4", 1), ("tensorflow==2.7.4", 1), ("tensorflow==2.8.4", 0), ("==3.15.1", 0)]
)
def test_attention_lost_its_penalty_up_to_tensorflow_2_7(keras: str, count: int) -> None:
    source = "from tensorflow.keras import layers\nx = layers.MultiHeadAttention(2, 8, activity_regularizer='l1')\n"
    assert len(found("REG203", source, keras)) == count


@pytest.mark.parametrize("test", ["int(keras.__version__.split('.')[0]) < 3", "keras.__version__ < '3'", "KERAS_2"])
def test_a_program_that_chooses_by_the_version_is_left_alone(test: str) -> None:
    source = f"""import keras
from keras.layers import RNN, SimpleRNN, SimpleRNNCell
if {test}:
    layer = SimpleRNN(8, activity_regularizer="l1")
else:
    layer = RNN(SimpleRNNCell(8), activity_regularizer="l1")
"""
    assert found("REG203", source, ">=2.2") == []


# ------------------------------------------------------------------------------------------------------------- REG204

JAX = 'import os\nos.environ["KERAS_BACKEND"] = "jax"\n'
SHARED = """from keras import Input, Model, layers
a, b = Input((3,)), Input((3,))
shared = layers.Dense(2, activity_regularizer="l1")
model = Model([a, b], layers.Add()([shared(a), shared(b)]))
"""


@pytest.mark.parametrize(
    "choice",
    [
        'import os\nos.environ["KERAS_BACKEND"] = "jax"\n',
        'import os\nos.environ.setdefault("KERAS_BACKEND", "jax")\n',
        'import os\nos.environ.update(KERAS_BACKEND="jax")\n',
        'import os\nbackend = "jax"\nos.environ["KERAS_BACKEND"] = backend\n',
        'import keras\nkeras.config.set_backend("jax")\n',
    ],
)
def test_a_shared_layer_is_found_where_the_file_chooses_jax(choice: str) -> None:
    (finding,) = found("REG204", choice + SHARED)
    assert "of the 2 calls of `shared`" in finding.message


@pytest.mark.parametrize(
    "choice",
    [
        "",
        '# os.environ["KERAS_BACKEND"] = "jax"\n',
        'import os\nos.environ["KERAS_BACKEND"] = "tensorflow"  # or "jax"\n',
        'import os\nos.environ["KERAS_BACKEND"] = "jax"\nos.environ["KERAS_BACKEND"] = "torch"\n',
        'import os\nif os.environ["KERAS_BACKEND"] == "jax":\n    print("jax")\n',
        'import mylib\nmylib.set_backend("jax")\n',
    ],
)
def test_a_shared_layer_is_right_on_other_backends(choice: str) -> None:
    assert found("REG204", choice + SHARED) == []


def test_old_keras_counts_every_call() -> None:
    assert found("REG204", JAX + SHARED, "==2.3.1") == []


@pytest.mark.parametrize(
    ("keras", "effect"),
    [("==3.0.1", "have no effect"), ("==3.0.2", "counted twice"), ("==3.1.1", "counted twice"), ("==3.2.0", None)],
)
def test_early_keras_3_loses_or_doubles_weight_penalties_on_jax(keras: str, effect: str | None) -> None:
    source = JAX + 'from keras import layers\nlayer = layers.Dense(2, kernel_regularizer="l2")\n'
    messages = [finding.message for finding in found("REG204", source, keras)]
    assert len(messages) == (1 if effect else 0)
    assert all(effect in message for message in messages if effect)


@pytest.mark.parametrize(
    ("keras", "halved"),
    [("==2.0.2", 0), ("==2.0.3", 1), ("==2.1.6", 1), ("==2.2.0", 0), ("==1.2.2", 0), (">=2.1", 1), (">=3", 0)],
)
def test_only_half_of_a_bidirectional_counts_up_to_2_1_6(keras: str, halved: int) -> None:
    source = "from keras.layers import LSTM, Bidirectional\nlayer = Bidirectional(LSTM(2, kernel_regularizer='l2'))\n"
    assert len(found("REG204", source, keras)) == halved


@pytest.mark.parametrize(
    ("call", "count"),
    [
        ("LSTM(2, return_state=True, activity_regularizer='l1')", 1),
        ("GRU(2, return_state=STATE, activity_regularizer='l1')", 1),
        ("Bidirectional(LSTM(2, return_state=True, activity_regularizer='l1'))", 1),
        ("LSTM(2, return_state=False, activity_regularizer='l1')", 0),
        ("LSTM(2, return_state=flag(), activity_regularizer='l1')", 0),
        ("LSTM(2, return_state=True, activity_regularizer=None)", 0),
        ("LSTM(2, return_state=True, kernel_regularizer='l1')", 0),
        ("SimpleRNN(2, return_state=True, activity_regularizer='l1')", 0),  # Keras 3 drops it: REG203
        ("ConvLSTM1D(2, 3, return_state=True, activity_regularizer='l1')", 1),
        ("ConvLSTM3D(2, 3, return_state=True, activity_regularizer='l1')", 1),
        ("partial(LSTM, return_state=True)(2, activity_regularizer='l1')", 1),
        ("GroupQueryAttention(8, 2, 2, activity_regularizer='l1')", 1),
        ("TimeDistributed(LSTM(2, return_state=True, activity_regularizer='l1'))", 0),  # dropped as well
    ],
)
def test_returned_states_are_penalized(call: str, count: int) -> None:
    head = "from functools import partial\nfrom keras.layers import *\nfrom mine import flag\nSTATE = True\n"
    assert len(found("REG204", f"{head}layer = {call}\n")) == count


@pytest.mark.parametrize(("keras", "count"), [("==2.2.4", 1), ("==2.0.3", 0), ("==3.0.0", 0)])
def test_the_state_of_a_simple_rnn_is_penalized_before_keras_3(keras: str, count: int) -> None:
    source = "from keras.layers import SimpleRNN\nlayer = SimpleRNN(2, return_state=True, activity_regularizer='l1')\n"
    assert len(found("REG204", source, keras)) == count


@pytest.mark.parametrize(
    ("line", "keras", "halved"),
    [
        ("layer = Bidirectional(LSTM(2, W_regularizer='l2'))", "==2.1.6", 1),
        ("layer = Bidirectional(LSTM(2, U_regularizer='l2', W_regularizer='l2'))", "==2.1.6", 1),
        ("layer = Bidirectional(LSTM(2, W_regularizer='l2'))", "==2.2.0", 0),
        ("layer = LSTM(2, W_regularizer='l2')", "==2.1.6", 0),
        ("options = dict(kernel_regularizer='l2')\nlayer = Bidirectional(LSTM(2, **options))", "==2.1.6", 1),
        ("options = {'kernel_regularizer': 'l2'}\nlayer = LSTM(2, **options)", "==2.1.6", 0),
    ],
)
def test_halves_are_found_by_their_old_names_and_in_dicts(line: str, keras: str, halved: int) -> None:
    assert len(found("REG204", f"from keras.layers import LSTM, Bidirectional\n{line}\n", keras)) == halved


def test_tf_keras_never_took_the_old_names() -> None:
    source = "from tensorflow.keras.layers import LSTM, Bidirectional\nl = Bidirectional(LSTM(2, W_regularizer='l2'))\n"
    assert found("REG204", source, "tensorflow==1.5.0") == []


CALLS = """from keras import Input, Model, Sequential, layers
import numpy as np
a, b = Input((3,)), Input((3,))
d = layers.Dense(3, activity_regularizer="l1")
"""


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("x, y = [d(x) for x in (a, b)]", 2),
        ("x = [d(x) for x in (a,)]", None),
        ("x = [d(x) for x in unknown]", None),
        ("x = [d(x) for x in (a, b) if x is a]", None),
        ("x = a\nfor _ in range(4):\n    x = d(x)", 4),
        ("x = a\nfor _ in range(1, 3):\n    x = d(x)", 2),
        ("x = a\nfor _ in range(n):\n    x = d(x)", None),
        ("x = a\nfor _ in range(4):\n    d = layers.Dense(3, activity_regularizer='l1')\n    x = d(x)", None),
        ("outs = []\nfor x in (a, b):\n    outs.append(d(x))\nm = Model([a, b], layers.Add()(outs))", 2),
        ("d(np.ones((1, 3)))\nd(np.ones((2, 3)))", None),
        ("d(a)\nd(np.ones((2, 3)))", None),
        ("x = d(layers.Dense(3)(a)) + d(layers.Dense(3)(b) * 2)", 2),
        ("m = Model([a, b], d(a))\nn = Model([a, b], d(b))", None),
        ("x, y = d(a), d(b)\nm = Model(a, x)\nn = Model([a, b], layers.Add()([x, y]))", 2),
        ("if test:\n    x = d(a)\nelse:\n    x = d(b)", None),
        ("if test:\n    x = d(a)\ny = d(b)", 2),
    ],
)
def test_calls_on_the_way_to_one_model_count_as_often_as_they_run(code: str, count: int | None) -> None:
    messages = [finding.message for finding in found("REG204", JAX + CALLS + code + "\n")]
    assert [f"of the {count} calls of `d`" in message for message in messages] == ([True] if count else [])


METHODS = """import keras
from keras import layers
class M(keras.Model):
    def __init__(self):
        super().__init__()
        self.d = layers.Dense(1, activity_regularizer="l1")
    def {method}(self, x, training=False):
        {body}
        return self.d(2 * x)
"""


@pytest.mark.parametrize(
    ("method", "body", "count"),
    [
        ("call", "y = self.d(x)", 1),
        ("call", "if training:\n            return self.d(x)", 0),
        ("call", "if training:\n            raise ValueError(self.d(x))", 0),
        ("call", "if training:\n            x = self.d(x)", 1),
        ("look", "y = self.d(x)", 0),
        ("look", "return self.d(x)\n    def call(self, x):\n        y = self.d(x)", 1),
    ],
)
def test_only_what_call_runs_is_part_of_training(method: str, body: str, count: int) -> None:
    assert len(found("REG204", JAX + METHODS.format(method=method, body=body))) == count


@pytest.mark.parametrize(("line", "count"), [("%env KERAS_BACKEND=jax", 1), ("%env KERAS_BACKEND=torch", 0)])
def test_a_notebook_chooses_jax_by_a_magic(line: str, count: int) -> None:
    cells = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for source in (line, SHARED)
    ]
    raw = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    settings = Settings(keras_version="keras==3.15.1", selections=(Selection(("REG204",)),))
    assert len(list(check_source(raw, filename=ALONE.replace(".py", ".ipynb"), settings=settings))) == count


# ----------------------------------------------------------------------------------------------------- REG205 and 206

FROZEN = 'from keras import layers\nlayer = layers.Dense(2, kernel_regularizer="l2")\nlayer.trainable = False\n'


@pytest.mark.parametrize(
    ("keras", "target", "says"),
    [
        ("keras==2.3.1", "keras==3.15.1", "leaves the reported loss"),
        ("keras>=2.2", "keras==3.15.1", "leaves the reported loss"),
        ("keras==3.15.1", "keras==2.3.1", "is added to the reported loss again"),
        ("keras==3.4.0", "keras==3.15.1", None),
        ("keras==2.2.4", "keras==2.3.1", None),
        ("keras==2.2.4", None, None),
    ],
)
def test_a_frozen_layer_is_told_of_where_the_target_reports_another_loss(
    keras: str, target: str | None, says: str | None
) -> None:
    findings = found("REG205", FROZEN, keras, target)
    assert [finding.severity.value for finding in findings] == (["info"] if says else [])
    assert all(says in finding.message for finding in findings if says)


def test_tf_keras_stays_what_it_is_on_the_way_to_keras_3() -> None:
    assert found("REG205", FROZEN.replace("keras import", "tf_keras import"), "tf-keras==2.18", "keras==3.15.1") == []


def test_code_of_keras_goes_to_the_tf_keras_of_the_target() -> None:
    (finding,) = found("REG205", FROZEN, "keras==3.15.1", "tf-keras==2.18.0")
    assert "tf_keras 2.18.0 reports it" in finding.message


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        ("model.layers[0].trainable = False", 1),
        ("model.layers[1].trainable = False", 0),
        ("model.layers[-2].trainable = False", 1),
        ("model.layers[i].trainable = False", 0),
        ("setattr(model, 'trainable', False)", 1),
        ("setattr(model, 'trainable', True)", 0),
        ("for i, layer in enumerate(model.layers):\n    layer.trainable = False", 1),
        ("for layer in reversed(model.layers):\n    layer.trainable = False", 1),
        ("for layer in model.layers[:1]:\n    layer.trainable = False", 1),
        ("for layer in model.layers[1:]:\n    layer.trainable = False", 0),
        ("for layer in model.layers[:n]:\n    layer.trainable = False", 0),
        (
            "for each in model.layers:\n    if not isinstance(each, layers.Dropout):\n        each.trainable = False",
            1,
        ),
        ("for layer in model.layers:\n    if isinstance(layer, layers.Dropout):\n        layer.trainable = False", 0),
        ("for layer in model.layers:\n    if isinstance(layer, Mine):\n        layer.trainable = False", 0),
        ("for layer in model.layers:\n    if layer.name == 'a':\n        layer.trainable = False", 0),
        ("for layer in model.layers:\n    if layer.name == 'a':\n        continue\n    layer.trainable = False", 0),
        ("for layer in model.layers:\n    try:\n        layer.trainable = False\n    except E:\n        pass", 1),
        ("model.add(layers.Dense(1))\nmodel.layers[0].trainable = False", 0),
        ("Frozen = partial(layers.Dense, trainable=False)\nlayer = Frozen(8, kernel_regularizer='l2')", 1),
        ("options = dict(kernel_regularizer='l2', trainable=False)\nlayer = layers.Dense(8, **options)", 1),
        ("options = dict(kernel_regularizer='l2', trainable=False)\nmine(**options)", 0),
        ("model.trainable, other.trainable = False, True", 1),
        ("other.trainable, model.trainable = False, True", 0),
    ],
)
def test_layers_are_frozen_in_many_ways(lines: str, count: int) -> None:
    source = f"""from functools import partial
from keras import Input, Sequential, layers
model = Sequential([Input((3,)), layers.Dense(8, kernel_regularizer="l2"), layers.Dropout(0.1)])
{lines}
"""
    assert len(found("REG205", source, "keras==2.3.1", "keras==3.15.1")) == count


LORA: list[Any] = [
    ("layer.enable_lora(4)", 1),
    ("layer.enable_lora(None)", 0),
    ("layer.enable_lora()", 0),
    ("layer.trainable = False\nlayer.enable_lora(4)", 0),
    ("layers.LSTM(2, kernel_regularizer='l2').enable_lora(4)", 0),
    ("layers.Dense(2, kernel_regularizer='l2', lora_rank=0)", 0),
    ("layers.Dense(2, kernel_regularizer='l2', lora_rank=2, trainable=False)", 0),
    ("layers.LSTM(2, kernel_regularizer='l2', lora_rank=2)", 0),
    ("layer.enable_lora(rank=4)", 1),
    ("for each in [layer]:\n    each.enable_lora(4)", 1),
    ("unknown.enable_lora(4)", 0),
]


@pytest.mark.parametrize(("line", "count"), LORA)
def test_lora_is_told_of_where_the_layer_is_known(line: str, count: int) -> None:
    source = f'from keras import layers\nlayer = layers.Dense(2, kernel_regularizer="l2")\n{line}\n'
    findings = found("REG206", source)
    assert [finding.severity.value for finding in findings] == ["info"] * count


def test_lora_came_with_keras_3() -> None:
    source = 'from keras import layers\nlayer = layers.Dense(2, kernel_regularizer="l2")\nlayer.enable_lora(4)\n'
    assert found("REG206", source, "==2.3.1") == []
    assert found("REG206", source, "==3.0.5")


@pytest.mark.parametrize(
    ("call", "first"),
    [
        ("EinsumDense('ab,bc->ac', 4, kernel_regularizer='l2', lora_rank=2)", "3.0.5"),
        ("Embedding(9, 4, embeddings_regularizer='l2', lora_rank=2)", "3.0.5"),
        ("Conv1D(8, 3, kernel_regularizer='l2', lora_rank=2)", "3.3.3"),
        ("Conv2D(8, 3, kernel_regularizer='l2', lora_rank=2)", "3.3.3"),
        ("ReversibleEmbedding(9, 4, embeddings_regularizer='l2', lora_rank=2)", "3.13.2"),
    ],
)
def test_each_layer_has_lora_from_its_own_release_on(call: str, first: str) -> None:
    released = ["3.0.2", "3.0.5", "3.2.0", "3.3.3", "3.10.0", "3.13.2", "3.15.1"]
    source = f"from keras import layers\nlayer = layers.{call}\n"
    told = [version for version in released if found("REG206", source, f"=={version}")]
    assert told == released[released.index(first) :]
