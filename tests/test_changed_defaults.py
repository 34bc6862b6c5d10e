"""REG126, REG127 and REG207: what their tables say, against what was read off the releases and the Keras here.

The cards' own examples are run by ``test_rule_examples.py``.
"""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from reglint import check_source, fix_source
from reglint.rulebook import facts, load_cards
from reglint.settings import Selection, Settings
from reglint.versions import contains

# Keras's own, with NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ORACLE = Path(__file__).parent / "oracle"
ROWS: tuple[Mapping[str, Any], ...] = (*facts("defaults")["arguments"], *facts("regularizer_defaults")["arguments"])

# What differs in the signatures and is no rule's business: a pattern of the row, and why.
THE_SAME = {
    r".* data_format": "None is `image_data_format()`, which is 'channels_last' unless the user says otherwise",
    r".* (strides|dilation_rate)": "1 and (1, 1) are the same",
    r".* (threshold|negative_slope|min_lr|value|label_smoothing)": "0 and 0.0 are the same",
    r".* alpha_initializer": "the same initializer by another name",
    r".* implementation": "another order of the same products",
    r"layers\.Input(Layer)? .*": "None is worked out from the rest of the call",
    r"losses\..* reduction": "'auto' is 'sum_over_batch_size' but in a distributed loop, where it is an error",
    r"optimizers\..* epsilon": "1e-8 or 1e-7; None is `epsilon()`, which is 1e-7",
    r"optimizers\.Optimizer weight_decay": "the base class: None and 0 are both none",
    r"optimizers\.RMSprop ema_overwrite_frequency": "only read with `use_ema=True`, which is stated",
    r"activations\.log_softmax axis": "a wrapper of TensorFlow's own function, whose default is -1",
    r"callbacks\.TensorBoard .*": "where and what a callback writes",
    r"initializers\..*": "tf.keras of TensorFlow before 1.12, and another name of one distribution",
    r"layers\.StringLookup encoding": "None is 'utf-8'",
}


@cache
def recorded() -> Mapping[str, Mapping[str, list[str]]]:
    """module.name argument -> default -> releases."""
    found: Mapping[str, Mapping[str, list[str]]] = json.loads((ORACLE / "defaults.json").read_text())
    return found


def keys_of(row: Mapping[str, Any]) -> list[str]:
    """How the record names the row."""
    every = [f"{row['module']}.{name} {row['argument']}" for name in row["names"]]
    return [key for key in every if key in recorded()]


def in_table(row: Mapping[str, Any], release: str) -> list[str]:
    """What the table says that a release takes by itself."""
    package, _, version = release.rpartition("-")
    # what TensorFlow 2.16 and later call tf.keras is a Keras 3
    if package == "tensorflow" and contains(">=2.16", version):
        package, version = "keras", "3.15.1"
    return [
        default["value"] for default in row["defaults"] if contains(default["releases"].get(package, "<0"), version)
    ]


def test_every_default_that_differs_is_in_a_table_or_means_the_same() -> None:
    told = {key for row in ROWS for key in keys_of(row)}
    loose = [key for key in recorded() if key not in told and not any(re.fullmatch(p, key) for p in THE_SAME)]
    assert loose == []


@pytest.mark.parametrize("pattern", THE_SAME)
def test_what_is_said_to_mean_the_same_does_differ_somewhere(pattern: str) -> None:
    assert [key for key in recorded() if re.fullmatch(pattern, key)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['names'][0]}-{row['argument']}")
def test_the_table_says_what_each_release_takes_by_itself(row: Mapping[str, Any]) -> None:
    assert keys_of(row)
    for key in keys_of(row):
        for value, releases in recorded()[key].items():
            wrong = [release for release in releases if in_table(row, release) != [value]]
            assert wrong == [], (key, value)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['names'][0]}-{row['argument']}")
def test_an_argument_is_never_counted_as_left_out_where_a_release_takes_it_by_position(row: Mapping[str, Any]) -> None:
    """The place in the table is the smallest of all names, in the releases whose positions were recorded."""
    places = []
    for path in (ORACLE / "positions").glob("*.json"):
        layers = json.loads(path.read_text())
        for name in row["names"] if row["module"] == "layers" else ():
            names = layers.get(name, [])
            places += [names.index(word) for word in (row["argument"], row.get("old")) if word in names]
    assert not places or min(places) == row["place"]


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['names'][0]}-{row['argument']}")
def test_the_keras_that_is_installed_takes_what_the_table_says(row: Mapping[str, Any], package: str) -> None:
    keras = pytest.importorskip(package)
    release = f"{package.replace('_', '-')}-{keras.__version__}"
    made = 0
    for name in row["names"]:
        thing = getattr(getattr(keras, row["module"]), name, None)
        if thing is not None:
            parameters = inspect.signature(thing.__init__ if inspect.isclass(thing) else thing).parameters
            names = [one for one in parameters if one != "self"]
            assert [repr(parameters[row["argument"]].default)] == in_table(row, release)
            assert names.index(row["argument"]) >= row["place"]
            made += 1
    assert made or in_table(row, release) == []


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_what_a_fix_states_is_what_the_releases_before_took_by_themselves(package: str) -> None:
    """An object with every old default stated says so, where the argument is known."""
    keras = pytest.importorskip(package)
    leading = {"layers": {"ConvLSTM": (2, 3), "": (2,)}, "optimizers": {"": ()}, "regularizers": {"": ()}}
    for row in ROWS:
        for name in row["names"]:
            thing = getattr(getattr(keras, row["module"]), name, None)
            if thing is None or not inspect.isclass(thing):
                continue
            first = next(given for start, given in leading[row["module"]].items() if name.startswith(start))
            for default in row["defaults"]:
                value = eval(default["value"])
                assert thing(*first, **{row["argument"]: value}).get_config()[row["argument"]] == pytest.approx(value)


# ---------------------------------------------------------------------------------------------------------- the check


def settings(code: str, now: str | None, target: str | None = None) -> Settings:
    return Settings(keras_version=now, target=target, selections=(Selection(select=(code,)),))


def messages(source: str, code: str, now: str | None, target: str | None = None) -> list[str]:
    return [finding.message for finding in check_source(source, settings=settings(code, now, target), modules={})]


def fixed(source: str, code: str, now: str | None, target: str | None = None) -> str:
    return fix_source(source, settings=settings(code, now, target), modules={})[0].decode()


GRU = "from keras.layers import GRU\n\nlayer = GRU(8)\n"


def test_one_finding_names_every_argument_that_the_call_leaves_out() -> None:
    (message,) = messages(GRU, "REG126", "==2.2.4", "tensorflow==2.15.1")
    assert "`recurrent_activation`, which is `'hard_sigmoid'` in Keras 2.2.4, but `'sigmoid'` in" in message
    assert "`reset_after`, which is `False` in Keras 2.2.4, but `True` in tf.keras of TensorFlow 2.15.1" in message


def test_a_call_over_several_lines_with_a_comma_at_its_end_keeps_them() -> None:
    source = "from keras.regularizers import l1_l2\n\npenalty = l1_l2(\n    l1=0.1,  # as in the paper\n)\n"
    assert fixed(source, "REG207", "==2.2.4", "keras==3.15.1") == source.replace("0.1,", "0.1, l2=0.01")


def test_where_the_releases_that_are_allowed_now_differ_nothing_is_stated() -> None:
    (finding,) = check_source(GRU, settings=settings("REG126", ">=2.2", "tensorflow==2.15.1"), modules={})
    assert finding.fix is None
    assert finding.fix_withheld == "the releases that are allowed now differ: nothing tells which was meant"


def test_a_way_back_is_a_change_as_well() -> None:
    source = "from keras.optimizers import Lion\n\noptimizer = Lion()\n"
    expected = source.replace("Lion()", "Lion(learning_rate=0.001)")
    assert fixed(source, "REG126", "==3.15.1", "tf-keras==2.21.0") == expected


def test_a_target_that_does_not_know_the_argument_makes_the_fix_unsafe() -> None:
    source = "from keras.layers import GRU\n\nlayer = GRU(8, recurrent_activation='sigmoid')\n"
    (finding,) = check_source(source, settings=settings("REG126", "==2.4.3", "keras==2.1.4"), modules={})
    assert finding.fix is not None
    assert finding.fix.applicability.value == "unsafe"
    assert "Keras 2.1.4 has no `reset_after`" in finding.message


@pytest.mark.parametrize(
    "call",
    [
        "model.compile(optimizer='Adadelta', loss='mse')",
        "model.compile('adadelta', 'mse')",
        "optimizer = keras.optimizers.get('adadelta')",
    ],
)
def test_the_name_of_an_optimizer_stands_for_its_defaults(call: str) -> None:
    source = f"import keras\n\nmodel = keras.models.Sequential()\n{call}\n"
    (finding,) = check_source(source, settings=settings("REG126", "==2.2.4", "keras==3.15.1"), modules={})
    assert "delta'` says nothing of `learning_rate`, which is `1.0` in Keras 2.2.4, but `0.001`" in finding.message
    assert finding.fix is None
    assert finding.fix_withheld == "a name can't say it; write `Adadelta(learning_rate=1.0)`"


@pytest.mark.parametrize(
    "source",
    [
        "name = 'adadelta'\nprint('adagrad')\n",
        "import keras\n\nnames = {'adadelta': 1}\n",
        "from keras.layers import Layer\n\n\nclass LSTM(Layer):\n    pass\n\n\nlayer = LSTM(8)\n",
        "import torch.nn as layers\n\nlayer = layers.LSTM(8)\n",
        "from keras.layers import LSTM\n\n\ndef test():\n    layer = LSTM\n    return layer\n",
        "import tensorflow.compat.v1 as tf\n\nlayer = tf.keras.layers.LSTM(8)\n",
        "from tensorflow.python.keras.layers import LSTM\n\nlayer = LSTM(8)\n",
        "import tensorflow.compat.v2 as tf\n\nlayer = tf.keras.layers.LSTM(8)\n",
        "import tensorflow as tf\n\noptimizer = tf.keras.optimizers.legacy.Adadelta()\n",
        "import keras\n\nm = keras.Sequential()\nm.compile(optimizer={'class_name': 'Adadelta', 'config': {}})\n",
        "import keras\n\nmodel = keras.Sequential()\nmodel.compile(optimizer=['adadelta'])\n",
    ],
)
def test_what_is_no_call_of_todays_keras_is_left_alone(source: str) -> None:
    assert messages(source, "REG126", "keras==2.2.4; tensorflow==1.12.0", "tensorflow==2.15.1") == []


def test_a_name_is_not_told_how_to_say_what_nobody_knows() -> None:
    source = "import keras\n\nmodel = keras.Sequential()\nmodel.compile(optimizer='adadelta')\n"
    (finding,) = check_source(source, settings=settings("REG126", ">=2.2", "keras==3.15.1"), modules={})
    assert finding.fix_withheld == "the releases that are allowed now differ: nothing tells which was meant"


@pytest.mark.parametrize("target", ["tensorflow==2.15.1", "tf-keras==2.21.0", "keras==2.3.1", "keras==3.15.1"])
def test_a_keras_beside_a_tensorflow_that_brings_none_may_be_any(target: str) -> None:
    source = "import keras\n\nmade = [keras.regularizers.l1_l2(0.3), keras.layers.GRU(3)]\n"
    for code in ("REG126", "REG207"):
        assert messages(source, code, "tensorflow==1.12.0", target) == []


def test_a_keras_that_a_tensorflow_brings_is_known() -> None:
    source = "import keras\n\npenalty = keras.regularizers.l1_l2(0.3)\n"
    (message,) = messages(source, "REG207", "tensorflow==2.15.1", "tensorflow==2.16.1")
    assert message.endswith("allowed by `keras-version = tensorflow==2.15.1` and `target = tensorflow==2.16.1`")


@pytest.mark.parametrize("decay", ["0", "0.", "0.0"])
def test_a_decay_of_zero_is_none(decay: str) -> None:
    source = f"from keras.optimizers import Adadelta\n\noptimizer = Adadelta(decay={decay})\n"
    expected = source.replace(f"decay={decay}", f"decay={decay}, learning_rate=1.0")
    assert fixed(source, "REG126", "==2.2.4", "keras==3.15.1") == expected


def test_releases_are_named_oldest_first_wherever_they_are_allowed() -> None:
    source = "from keras.layers import LSTM\n\nlayer = LSTM(8)\n"
    (message,) = messages(source, "REG126", ">=2.2,<2.3", "keras>=2.0")
    assert "`'hard_sigmoid'` in Keras 2.0.0 to 2.2.5, but `'sigmoid'` in Keras 2.3.0 " in message


def test_zero_strength_leaves_to_this_rule_what_some_releases_give_a_strength() -> None:
    source = (
        "from keras.layers import Dense\nfrom keras.regularizers import l1_l2\n\nDense(8, kernel_regularizer=l1_l2())\n"
    )
    assert messages(source, "REG304", ">=2.2") == []
    assert len(messages(source, "REG207", ">=2.2")) == 1
    assert len(messages(source, "REG304", ">=3")) == 1
    assert messages(source, "REG207", ">=3") == []


def test_the_record_is_what_its_script_prints() -> None:
    run = subprocess.run([sys.executable, str(ORACLE / "defaults.py")], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("usage: defaults.py read PACKAGE | merge RELEASE.json")


# ---------------------------------------------------------------------------------------------------------- activations


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
@pytest.mark.parametrize("row", facts("activations")["activations"], ids=lambda row: row["name"])
def test_an_activation_is_the_function_that_the_table_says(row: Mapping[str, Any], package: str) -> None:
    keras = pytest.importorskip(package)
    numpy = pytest.importorskip("numpy")
    x = numpy.linspace(-8, 8, 65, dtype="float32")
    (form,) = (
        form["value"]
        for form in row["forms"]
        if contains(form["releases"].get(package.replace("_", "-"), "<0"), keras.__version__)
    )
    expected = numpy.clip(eval(form, {"x": x}), 0, 1)
    layer = keras.layers.Activation(row["name"])
    assert numpy.asarray(layer(x[None]))[0] == pytest.approx(expected, abs=1e-6)


def test_the_function_of_keras_2_on_the_card_survives_saving(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", minversion="3")
    numpy = pytest.importorskip("numpy")
    (example,) = (one for one in load_cards()["REG127"].examples if "register_keras_serializable" in one.source)
    names: dict[str, Any] = {}
    exec(example.source, names)
    model = keras.Sequential([keras.Input((4, 3)), names["layer"]])
    x = numpy.arange(24, dtype="float32").reshape(2, 4, 3) / 8 - 1.5
    model.save(tmp_path / "gates.keras")
    loaded = keras.saving.load_model(tmp_path / "gates.keras")
    assert loaded.predict(x, verbose=0) == pytest.approx(model.predict(x, verbose=0))
    ends = keras.ops.convert_to_numpy(names["hard_sigmoid_of_keras_2"](numpy.float32([-2.5, 1.0])))
    assert ends == pytest.approx([0.0, 0.7])


def test_the_string_of_a_dict_is_pointed_at_where_it_stands() -> None:
    source = (
        "from keras.layers import LSTM\n\ngates = {'recurrent_activation': 'hard_sigmoid'}\nlayer = LSTM(8, **gates)\n"
    )
    (finding,) = check_source(source, settings=settings("REG127", "==2.2.4", "keras==3.15.1"), modules={})
    assert source[finding.start : finding.end] == "hard_sigmoid"
    assert "`x / 5 + 0.5` in Keras 2.2.4, but `x / 6 + 0.5` in Keras 3.15.1" in finding.message


@pytest.mark.parametrize(
    "source",
    [
        "name = 'hard_sigmoid'\n",
        "from keras.layers import Dense\n\n\ndef made(name='hard_sigmoid'):\n    return Dense(8, activation=name)\n",
        "from keras.layers import Layer\n\n\nclass Gate(Layer):\n    def __init__(self, activation):\n        ...\n\n\n"
        "gate = Gate(activation='hard_sigmoid')\n",
        "import torch\n\nlayer = torch.nn.functional.hard_sigmoid\n",
    ],
)
def test_an_activation_that_may_be_another_or_anothers_is_left_alone(source: str) -> None:
    assert messages(source, "REG127", "==2.2.4", "keras==3.15.1") == []


USES = [("REG207", "l1_l2(0.5)"), ("REG202", "Dense(8, activity_regularizer='l1')")]


@pytest.mark.parametrize(("code", "call"), USES)
@pytest.mark.parametrize(("test", "count"), [("keras.__version__ < '3'", 0), ("units < 3", 2)])
def test_below_a_return_for_another_keras_the_program_has_chosen(code: str, call: str, test: str, count: int) -> None:
    source = (
        "import keras\nfrom keras.layers import Dense\nfrom keras.regularizers import l1_l2\n\n\n"
        f"def made(units):\n    if {test}:\n        return {call}\n    return {call}\n"
    )
    assert len(messages(source, code, "==2.2.4", "keras==3.15.1")) == count
