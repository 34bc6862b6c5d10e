"""REG303 to REG305: what their cards cannot say, and that the tables say what was measured."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reglint import check_source
from reglint.findings import Finding
from reglint.rulebook import facts, load_cards
from reglint.settings import Selection, Settings

ORACLE = Path(__file__).parent / "oracle"
RECORDED = sorted((ORACLE / "layer_arguments").glob("*.json"))
CODES = ("REG303", "REG304", "REG305")


def found(
    source: str, keras: str | None = None, target: str | None = None, modules: dict[str, str] | None = None
) -> list[Finding]:
    """The findings of the three rules."""
    settings = Settings(selections=(Selection(select=CODES),), keras_version=keras, target=target)
    findings = check_source(source, filename="model.py", settings=settings, modules=modules or {})
    return [finding for finding in findings if finding.code in CODES]


def told(source: str, **kwargs: Any) -> list[tuple[str, str, str]]:
    """Code, severity and the text at fault of each finding."""
    every = found(source, **kwargs)
    return [(f.code, f.severity.value, source[f.start : f.end]) for f in sorted(every, key=lambda f: f.start)]


DENSE = "from keras.layers import Dense\nfrom keras import regularizers\nfrom keras.regularizers import *\n"


# ------------------------------------------------------------------------------------------------------------- tables


def oracle() -> Any:
    spec = importlib.util.spec_from_file_location("layer_arguments", ORACLE / "layer_arguments.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_arguments_is_what_the_script_makes_of_the_recorded_measurements() -> None:
    measured = [json.loads(path.read_text(encoding="utf-8")) for path in RECORDED]
    table = Path(__file__).parent.parent / "rules" / "facts" / "regularizer_arguments.toml"
    assert table.read_text(encoding="utf-8") == "\n".join(oracle().table(measured)) + "\n"


def test_two_releases_of_a_group_that_disagree_make_no_table() -> None:
    first = {"package": "keras", "version": "3.0.0", "taken": {"Dense": ["kernel_regularizer"]}}
    with pytest.raises(ValueError, match=r"Dense takes other arguments in keras 3\.1\.0"):
        oracle().grouped([first, {**first, "version": "3.1.0", "taken": {"Dense": []}}])


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_the_installed_keras_takes_what_the_table_says(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed; `pip install -e '.[keras]'` brings it")
    backend = "jax" if importlib.util.find_spec("jax") else "tensorflow"
    ran = subprocess.run(
        [sys.executable, str(ORACLE / "layer_arguments.py"), "measure", package],
        capture_output=True,
        text=True,
        env={"KERAS_BACKEND": backend, **os.environ},
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    measured = json.loads(ran.stdout)
    group = facts("regularizer_arguments")["groups"][oracle().group_of(measured["package"], measured["version"])]
    known = {layer: taken for layer, taken in measured["taken"].items() if layer in group["layers"]}
    assert known == {layer: group["layers"][layer] for layer in known}
    assert len(known) > 80


@pytest.mark.parametrize("path", sorted((ORACLE / "measurements").glob("*.json")), ids=lambda path: path.stem)
def test_a_layer_that_was_seen_refusing_a_kernel_regularizer_does_not_have_it_in_the_table(path: Path) -> None:
    run = json.loads(path.read_text(encoding="utf-8"))
    package = {"tensorflow.keras": "tensorflow", "tf_keras": "tf-keras"}.get(run["package"], run["package"])
    if run["version"].startswith("1.") and package == "keras":
        pytest.skip("Keras 1 has other arguments")
    layers = facts("regularizer_arguments")["groups"][oracle().group_of(package, run["version"])]["layers"]
    by_claim = {f"refused_{layer.lower()}_kernel": taken for layer, taken in layers.items()}
    compared = 0
    for claim, value in run["claims"].items():
        taken = by_claim.get(claim.replace("_ok", ""))
        if taken is not None and isinstance(value, str):
            assert ("kernel_regularizer" in taken) == (value in ("ok", "ignored")), claim
            compared += 1
    if not compared:
        pytest.skip("only other claims were measured there")
    assert compared > 20


def test_every_layer_that_ignores_an_argument_takes_it_in_the_table_of_arguments() -> None:
    groups = facts("regularizer_arguments")["groups"]
    for row in facts("regularizer_values")["ignored"]:
        for layer in row["layers"]:
            assert row["argument"] in groups["tf_keras"]["layers"].get(layer, [row["argument"]])
            assert row["argument"] not in groups["keras3"]["layers"][layer]


# ------------------------------------------------------------------------------------------------------------- REG303


def test_a_range_that_only_partly_refuses_is_a_warning_that_names_the_releases_and_who_allows_them() -> None:
    source = "from keras.layers import Flatten\nf = Flatten(activity_regularizer='l2')\n"
    (finding,) = found(source, keras=">=2.2")
    assert finding.severity.value == "warning"
    assert "refuses `activity_regularizer` in Keras 2.2.0 to 2.3.1, allowed by" in finding.message
    assert finding.data["releases"][0] == "keras==2.2.0"


def test_a_target_that_refuses_what_the_project_ignores_today_is_said_together() -> None:
    source = "import tensorflow as tf\nd = tf.keras.layers.SeparableConv2D(8, 3, kernel_regularizer='l2')\n"
    (finding,) = found(source, keras="tensorflow==2.15.1", target="tensorflow==2.18;keras==3.15.1")
    assert "ignores `kernel_regularizer` in tf.keras of TensorFlow 2.15.1 and refuses" in finding.message
    assert "use `depthwise_regularizer` or `pointwise_regularizer`" in finding.message
    assert finding.fix is None and finding.fix_withheld


PASSED_ON = (
    "from keras.layers import SeparableConv2D\n"
    "def block(kernel_regularizer=None):\n"
    "    return SeparableConv2D(8, 3, kernel_regularizer=kernel_regularizer)\n"
)


def test_a_mere_parameter_for_an_argument_is_a_warning_where_it_is_ignored_and_an_error_where_even_none_fails() -> None:
    assert told(PASSED_ON, keras="==2.2.4") == [("REG303", "warning", "kernel_regularizer")]
    assert told(PASSED_ON, keras=">=2.2") == [("REG303", "warning", "kernel_regularizer")]
    assert told(PASSED_ON) == [("REG303", "error", "kernel_regularizer")]
    assert told(PASSED_ON.replace("=kernel_regularizer)", "=None)"), keras="==2.2.4") == []


def test_what_is_ignored_is_said_with_the_releases_that_ignore_it() -> None:
    (finding,) = found(PASSED_ON.replace("=None", "='l2'"), keras=">=2.2,<3")
    assert "ignores `kernel_regularizer` in Keras 2.2.0 to 2.15.0 (penalty 0.0), allowed by" in finding.message
    assert finding.severity.value == "error"


def test_each_misspelled_argument_is_looked_for_and_taken_by_no_layer() -> None:
    card = load_cards()["REG303"]
    misspelled = set(facts("regularizer_values")["misspelled"])
    assert {(word,) for word in misspelled} <= set(card.triggers)
    groups = facts("regularizer_arguments")["groups"].values()
    assert not misspelled & {name for group in groups for taken in group["layers"].values() for name in taken}


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        ("Dense(9, kernel_regulariser='l2')", "kernel_regularizer"),
        ("Dense(9, kernel_regularisers='l2')", "kernel_regularizer"),
        ("Dense(9, activity_regularizers='l2')", "activity_regularizer"),
        ("Embedding(9, 4, embedding_regularizer='l2')", "embeddings_regularizer"),
        ("LSTM(9, reccurent_regularizer='l2')", "recurrent_regularizer"),
    ],
)
def test_a_misspelled_argument_is_mended_where_one_is_that_near(call: str, meant: str) -> None:
    source = f"from keras.layers import *\nlayer = {call}\n"
    for keras in ("==2.2.4", "tensorflow==2.15.1", None):
        (finding,) = found(source, keras=keras)
        assert finding.severity.value == "error" and f"did you mean `{meant}`?" in finding.message
        assert finding.fix is not None and finding.fix.applicability.value == "safe"
        assert [edit.content for edit in finding.fix.edits] == [meant]


@pytest.mark.parametrize(
    "call",
    ["MultiHeadAttention(2, 3, value_regularizer='l2')", "Flatten(kernel_regulariser='l2')", "Dense(9, **{word: 1})"],
)
def test_a_misspelled_argument_without_one_that_is_near_is_left_alone(call: str) -> None:
    word = "from keras.layers import *\nword = 'kernel_regulariser'\n"
    assert all(finding.fix is None for finding in found(f"{word}layer = {call}\n"))


def test_a_misspelled_argument_of_a_function_or_class_of_the_project_is_its_own() -> None:
    source = (
        "from keras.layers import Dense\n"
        "class Block(Dense):\n"
        "    def __init__(self, kernel_regulariser=None):\n"
        "        super().__init__(8, kernel_regularizer=kernel_regulariser)\n"
        "def block(key_regularizer=None):\n"
        "    return Dense(8, kernel_regularizer=key_regularizer)\n"
        "layers = [Block(kernel_regulariser='l2'), block(key_regularizer='l2')]\n"
    )
    assert told(source) == []


def test_a_keyword_that_also_reaches_a_layer_which_takes_it_gives_no_finding() -> None:
    source = (
        "from keras.layers import Dense, Embedding\n"
        "def make(wide):\n"
        "    layer = Dense if wide else Embedding\n"
        "    return layer(8, kernel_regularizer='l2')\n"
    )
    assert told(source) == []


def test_a_program_that_expects_the_refusal_or_asks_for_the_version_gives_no_finding() -> None:
    tried = (
        "import keras\nfrom keras.layers import Dropout\n"
        "try:\n    d = Dropout(.5, activity_regularizer='l2')\n    e = 1\n"
        "except TypeError:\n    d = Dropout(.5)\n"
        "if int(keras.__version__[0]) >= 3:\n    f = Dropout(.5, activity_regularizer='l2')\n"
    )
    assert told(tried, keras="==2.2.4") == []


def test_a_rename_is_withheld_where_the_new_name_is_passed_already() -> None:
    source = (
        "from keras.layers import Embedding as E\ne = E(9, 4, kernel_regularizer='l2', embeddings_regularizer=l1)\n"
    )
    (finding,) = found(source)
    assert finding.fix is None and finding.fix_withheld == "`embeddings_regularizer` is passed already"


@pytest.mark.parametrize(
    ("call", "applicability"),
    [
        ("Embedding(9, 4, kernel_regularizer='l2')", "safe"),
        ("PReLU(kernel_regularizer='l2')", "safe"),
        ("Dense(9, weights_regularizer='l2')", "safe"),
        ("DepthwiseConv2D(3, kernel_regularizer='l2')", "unsafe"),  # Keras 2 took it, and made nothing of it
        ("Dense(9, embeddings_regularizer='l2')", "unsafe"),
        ("BatchNormalization(bias_regularizer='l2')", "unsafe"),
    ],
)
def test_a_rename_is_safe_where_no_release_took_the_argument_and_it_is_clear(call: str, applicability: str) -> None:
    (finding,) = found(f"from keras.layers import *\nlayer = {call}\n")
    assert finding.fix is not None and finding.fix.applicability.value == applicability


@pytest.mark.parametrize(
    "call",
    [
        "LSTM(8, weights_regularizer='l2')",
        "Dense(8, regularizer='l2')",
        "SeparableConv2D(8, 3, kernel_regularizer='l2')",
        "Dropout(.5, kernel_regularizer='l2')",
    ],
)
def test_there_is_no_rename_where_several_arguments_may_be_meant_or_none(call: str) -> None:
    (finding,) = found(f"from keras.layers import *\nlayer = {call}\n")
    assert finding.fix is None


def test_an_argument_that_is_ignored_is_not_what_is_meant() -> None:
    source = "import tensorflow as tf\nd = tf.keras.layers.DepthwiseConv2D(3, pointwise_regularizer='l2')\n"
    (finding,) = found(source, keras="tensorflow==2.15.1")
    assert finding.message == "`DepthwiseConv2D` refuses `pointwise_regularizer`; use `depthwise_regularizer`"


def test_a_key_of_a_dict_is_found_and_left_alone() -> None:
    source = "from keras.layers import Embedding\nkw = {'kernel_regularizer': 'l2'}\ne = Embedding(9, 4, **kw)\n"
    (finding,) = found(source)
    assert source[finding.start : finding.end] == "kernel_regularizer"
    assert finding.fix is None and finding.fix_withheld == "it is not written in the call of the layer"


# ------------------------------------------------------------------------------------------------------------- REG304


@pytest.mark.parametrize(
    "value", ["penalty", "lambda w: 0", "regularizers.get(name)", "make()", "'l2'", "L1L2(0.1)", "l2(z)"]
)
def test_what_may_have_a_strength_is_not_zero(value: str) -> None:
    assert told(DENSE + f"def penalty(w): return w\nd = Dense(8, kernel_regularizer={value})\n") == []


@pytest.mark.parametrize(
    ("call", "old"),
    [
        ("l1_l2()", "l1_l2(l1=0.01, l2=0.01)"),
        ("l1_l2(l1=0.0)", "l1_l2(l1=0.0, l2=0.01)"),
        ("l1_l2(0)", "l1_l2(l1=0, l2=0.01)"),
        ("l1_l2(l2=0)", "l1_l2(l1=0.01, l2=0)"),
    ],
)
def test_the_strengths_that_keras_2_gives_to_a_call_are_said(call: str, old: str) -> None:
    (finding,) = found(f"{DENSE}d = Dense(8, kernel_regularizer={call})\n")
    assert f"`{old}` is what Keras 2 takes it for" in finding.message


@pytest.mark.parametrize("value", ["regularizers.get('L1L2')", "{'class_name': 'L1L2', 'config': {}}"])
def test_a_zero_by_its_name_or_config_is_found(value: str) -> None:
    assert [code for code, _, _ in told(f"{DENSE}d = Dense(8, kernel_regularizer={value})\n")] == ["REG304"]
    assert (
        told(f"{DENSE}d = Dense(8, kernel_regularizer={value.replace('{}', '{1: 2}').replace('L1L2', 'L2')})\n") == []
    )


def test_an_old_name_given_to_get_is_left_to_the_rule_that_mends_it() -> None:
    assert told(f"{DENSE}d = Dense(8, kernel_regularizer=regularizers.get('l1l2'))\n", keras=">=2.2") == []


def test_the_zero_is_shown_where_it_is_made_and_once() -> None:
    source = DENSE + "none = L1L2()\na = Dense(8, kernel_regularizer=none)\nb = Dense(8, bias_regularizer=none)\n"
    assert told(source) == [("REG304", "warning", "L1L2")]


def test_a_zero_made_in_another_module_is_shown_where_it_is_passed() -> None:
    source = "from keras.layers import Dense\nfrom common import none\na = Dense(8, kernel_regularizer=none)\n"
    modules = {"common.py": "from keras.regularizers import L1L2\nnone = L1L2()\n"}
    assert told(source, modules=modules) == [("REG304", "warning", "kernel_regularizer")]


def test_a_zero_in_one_arm_of_a_choice_is_there_on_purpose() -> None:
    assert told(DENSE + "d = Dense(8, kernel_regularizer=l2(x) if x else l2(0.0))\n") == []


def test_a_zero_that_is_chosen_by_the_version_of_keras_gives_no_finding() -> None:
    source = (
        "import keras\n" + DENSE + "keras_2 = keras.__version__ < '3'\n"
        "elastic = l1_l2() if keras_2 else l1_l2(0.01, 0.01)\nd = Dense(8, kernel_regularizer=elastic)\n"
    )
    assert told(source) == []
    assert told(source.replace("if keras_2", "if wide")) == [("REG304", "warning", "l1_l2")]


def test_the_old_string_is_left_to_the_rule_that_mends_it_unless_it_comes_from_a_variable() -> None:
    assert told(DENSE + "d = Dense(8, kernel_regularizer='l1l2')\n") == []
    assert told(DENSE + "n = 'l1l2'\nd = Dense(8, kernel_regularizer=n)\n") == [("REG304", "warning", "n")]


# ------------------------------------------------------------------------------------------------------------- REG305


def test_a_number_in_a_variable_is_found_where_it_is_passed() -> None:
    source = DENSE + "decay = 1e-4\nd = Dense(8, kernel_regularizer=decay)\n"
    assert told(source) == [("REG305", "error", "decay")]


@pytest.mark.parametrize(
    "value",
    [
        "regularizer",  # a parameter, whatever its default
        "numpy.float32(1)",
        "factory(0.01)",
        "registry['l2']",
        "l2(0.01) if x else None",
        "f'l{n}'",
        "{**config}",
        "{'class_name': 'L2', 'config': {'l2': 0.01}}",
        "Own",
        "l2(**options)",
        "l2(l=0.01)",
    ],
)
def test_what_may_be_a_regularizer_gives_no_finding(value: str) -> None:
    source = (
        DENSE + "class Own:\n    def __call__(self, w): return w\n"
        f"def make(regularizer=0.01):\n    return Dense(8, kernel_regularizer={value})\n"
    )
    assert told(source) == []


def test_each_bad_value_of_a_loop_is_a_warning_there() -> None:
    source = DENSE + "for name in [None, 'l2', 'l1_l2']:\n    d = Dense(8, kernel_regularizer=name)\n"
    assert told(source) == [("REG305", "warning", "name")]


def test_a_call_that_is_expected_to_fail_gives_no_finding() -> None:
    source = "import pytest\n" + DENSE + "with pytest.raises(ValueError):\n    Dense(8, kernel_regularizer=l2(-0.1))\n"
    assert told(source) == []


def test_one_bad_value_among_good_ones_is_a_warning() -> None:
    source = DENSE + "d = Dense(8, kernel_regularizer=l2(0.01) if x else 0.01)\n"
    assert told(source) == [("REG305", "warning", "kernel_regularizer")]


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("0.01", "write `l2(0.01)`"),
        ("float(decay)", "write `l2(float(decay))`"),
        ("regularizers.get(0.01)", "write `l2(0.01)`"),
        ("0", "write None, or `l2(…)` with a strength"),
        ("0.0", "write None, or `l2(…)` with a strength"),
        ("-1", "write `l2(…)` with a strength, which is 0 or more"),
        ("l1_l2(.1, .1, .1)", "`l1_l2` takes two strengths (TypeError)"),
        ("l2(.1, .1)", "`l2` takes one strength (TypeError)"),
        ("'l2(0.01)'", "call it: `l2(0.01)` without quotes"),
        ("'l1_l2(l1=0.1, l2=0.2)'", "call it: `l1_l2(l1=0.1, l2=0.2)` without quotes"),
        ("'keras.regularizers.L2(0.01)'", "call it: `keras.regularizers.L2(0.01)` without quotes"),
    ],
)
def test_the_advice_is_one_that_keras_takes(value: str, advice: str) -> None:
    (finding,) = found(f"{DENSE}d = Dense(8, kernel_regularizer={value})\n")
    assert finding.code == "REG305" and advice in finding.message


def test_the_own_keyword_of_a_class_that_is_not_there_yet_is_answered_with_the_function() -> None:
    source = f"{DENSE}r = regularizers.L2(l2=0.01)\n"
    assert found(source) == []
    (finding,) = found(source, keras="==2.2.4")
    assert finding.message.startswith("there is no `L2`; write `l2(…)` with the strength by position")
    source = "import tensorflow as tf\nr = tf.keras.regularizers.L1(l1=0.01)\n"
    (finding,) = found(source, keras="tensorflow==2.1.4")
    assert finding.message.startswith("there is no `L1`; write `l1(…)`")


def test_a_string_close_to_a_name_is_asked_about() -> None:
    (finding,) = found(DENSE + "d = Dense(8, kernel_regularizer='l2_reg')\n")
    assert "did you mean `'l2'`?" in finding.message


def test_a_function_that_only_shares_its_name_gives_no_finding() -> None:
    assert told("from mylib import l2\nfrom keras import regularizers\nx = l2(lr=0.1, other=-1)\n") == []


def test_an_uncalled_regularizer_is_right_for_keras_3_wrong_for_tf_keras_and_a_warning_for_both() -> None:
    source = DENSE + "d = Dense(8, kernel_regularizer=l2)\n"
    assert told(source, keras=">=3") == []
    assert told(source, keras="==2.2.4") == [("REG305", "error", "l2")]
    assert told(source, keras=">=2.2") == [("REG305", "warning", "l2")]
    (finding,) = found(source, keras=">=2.2")
    assert "in Keras 2.2.0 to 2.15.0, allowed by" in finding.message
