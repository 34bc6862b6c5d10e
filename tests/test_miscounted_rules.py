"""REG203 to REG206 where a card can't say it: beside other rules' findings, messages, fixes, both directions."""

from __future__ import annotations

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
    head = "from keras.layers import Dense, Flatten\nfrom keras.layers import TimeDistributed as T\ny = "
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
    source = f"from keras.layers import Dense\nfrom keras.layers import TimeDistributed as T\ny = {call}\n"
    assert moved(source) == source


def test_two_wrappers_take_the_argument_one_step_at_a_time() -> None:
    head = "from keras.layers import Dense\nfrom keras.layers import TimeDistributed as T\n"
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
        ("SimpleRNN(2, return_state=True, activity_regularizer='l1')", 0),
    ],
)
def test_returned_states_are_penalized(call: str, count: int) -> None:
    source = f"from keras.layers import *\nfrom mine import flag\nSTATE = True\nlayer = {call}\n"
    assert len(found("REG204", source)) == count


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


LORA: list[Any] = [
    ("layer.enable_lora(4)", 1),
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
