"""Penalties of tf_keras models: against NumPy, against a plain GradientTape, and against the sums of tf_keras.

One child process runs all cases (`tf_keras_penalty_cases.py`) and prints what came out; the tests read that.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

import pytest
from child_outcomes import Json, outcomes_of, run

LAYERS = ("dense", "convolutions", "recurrent", "in_time", "nested_and_shared", "embedded")
EACH = pytest.mark.parametrize("case", LAYERS)
pytestmark = pytest.mark.skipif(find_spec("tf_keras") is None, reason="tf_keras is not installed")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What came out of each case."""
    return outcomes_of("tf_keras_penalty_cases.py", tmp_path_factory.mktemp("tf_keras_penalties"))


def near(expected: Any, relative: float = 1e-5) -> Any:
    return pytest.approx(expected, rel=relative, abs=1e-9)


@EACH
def test_every_regularizer_has_a_row_with_the_penalty_that_numpy_computes(outcomes: Json, case: str) -> None:
    found = run(outcomes, case)
    penalties = {name: row[0] for name, row in found["found"].items()}
    assert penalties == near({name: row[0] for name, row in found["expected"].items()})


@EACH
def test_gradient_and_gradient_ratio_are_those_of_a_plain_tape(outcomes: Json, case: str) -> None:
    found = run(outcomes, case)
    for name, expected in found["expected"].items():
        assert found["found"][name][1:] == near(expected[1:], 1e-3), name


@EACH
def test_the_rows_add_up_to_the_losses_of_the_model(outcomes: Json, case: str) -> None:
    found = run(outcomes, case)
    assert found["sum"] == near(found["losses"])


@EACH
def test_shares_are_parts_of_the_loss_that_evaluate_shows(outcomes: Json, case: str) -> None:
    found = run(outcomes, case)
    assert found["shares"] == near(found["losses"] / found["evaluate"])
    assert found["causes"] == {}


def test_a_row_names_class_regularizer_and_strength_as_the_program_wrote_them(outcomes: Json) -> None:
    found = run(outcomes, "dense")
    assert found["regularizers"] == {
        "dense:kernel_regularizer": ["L2(l2=0.01)", {"l2": 0.01}],
        "dense:bias_regularizer": ["L1L2(l1=0.02, l2=0.03)", {"l1": 0.02, "l2": 0.03}],
        "dense:activity_regularizer": ["L1(l1=0.05)", {"l1": 0.05}],
    }
    assert found["loss"] == "mean_squared_error (given)"


def test_the_only_cell_of_a_recurrent_layer_goes_by_the_name_of_that_layer(outcomes: Json) -> None:
    classes = run(outcomes, "recurrent")["classes"]
    assert classes["lstm:recurrent_regularizer"] == "LSTM"
    assert classes["both/forward_gru:kernel_regularizer"] == "GRU"
    assert classes["cells/low:kernel_regularizer"] == "LSTMCell"


def test_weights_and_losses_of_ones_own_have_rows(outcomes: Json) -> None:
    found = run(outcomes, "custom_layers")
    expected = [[found["name"], *row[1:]] if row[0] == "model" else row for row in found["expected"]]
    assert [row[:3] for row in found["found"]] == [row[:3] for row in expected]
    assert [row[3] for row in found["found"]] == near([row[3] for row in expected])
    assert found["sum"] == near(found["losses"])


def test_weights_are_penalized_in_float32_in_a_mixed_precision_model(outcomes: Json) -> None:
    found = run(outcomes, "half_precision")
    assert found["penalty"] == near(found["numpy"])
    assert found["rows"] == ["hidden:kernel_regularizer", "hidden:activity_regularizer"]


def test_a_penalty_that_contributes_nothing_has_its_cause(outcomes: Json) -> None:
    found = run(outcomes, "causes")
    assert found["causes"] == {
        "late:kernel_regularizer": "assigned-after-build",
        "frozen:kernel_regularizer": "frozen",
        "zero:kernel_regularizer": "zero-strength",
        "zero:bias_regularizer": "no-such-weight",
        "fresh:bias_regularizer": "zero-weights",
        "full:activity_regularizer": "no-gradient",
        "silent:activity_regularizer": "zero-outputs",
    }
    assert set(found["nothing"]) == set(found["causes"]) - {"frozen:kernel_regularizer", "full:activity_regularizer"}


def test_only_what_was_meant_to_work_is_a_warning(outcomes: Json) -> None:
    assert run(outcomes, "causes")["findings"] == [
        ["late", "REG406", "warning"],
        ["zero", "REG406", "info"],
        ["zero", "REG406", "info"],
        ["full", "REG406", "warning"],
    ]


def test_the_penalty_of_a_frozen_weight_is_part_of_the_loss_and_moves_nothing(outcomes: Json) -> None:
    found = run(outcomes, "causes")
    assert found["frozen"] == near(found["numpy"])


def test_a_model_without_trainable_weights_is_weighed_too(outcomes: Json) -> None:
    assert run(outcomes, "nothing_to_train") == {
        "dense:kernel_regularizer": ["frozen", True],
        "dense:activity_regularizer": ["nothing-to-train", True],
    }


def test_a_loss_from_within_a_loop_which_breaks_fit_is_said_in_one_line(outcomes: Json) -> None:
    found = run(outcomes, "a_loss_in_a_loop")
    assert found["fit"] == "InaccessibleTensorError"
    assert found["probe"].startswith("`loop` adds a loss in each step of a loop")


def test_the_loss_is_the_given_one_the_compiled_one_or_one_beyond_doubt(outcomes: Json) -> None:
    assert run(outcomes, "chosen_losses") == {
        "softmax and whole numbers": "sparse_categorical_crossentropy (inferred)",
        "softmax of TensorFlow": "sparse_categorical_crossentropy (inferred)",
        "sigmoid and 0 or 1": "binary_crossentropy (inferred)",
        "linear and fractions": "mean_squared_error (inferred)",
        "linear and whole numbers": None,
        "compiled": "categorical_crossentropy (compiled)",
        "compiled, with numbers of classes": "categorical_crossentropy (compiled)",
        "compiled without a loss": "categorical_crossentropy (inferred)",
        "compiled with a function": "<lambda> (compiled)",
        "given": "mean_squared_error (given)",
    }


def test_several_outputs_have_their_losses_and_weights(outcomes: Json) -> None:
    found = run(outcomes, "two_outputs")
    assert found["whole"] == near(found["evaluate"])
    assert found["loss"] == "mean_squared_error, mean_absolute_error (compiled)"


def test_a_loss_of_ones_own_gets_labels_as_in_a_training_step(outcomes: Json) -> None:
    found = run(outcomes, "a_loss_of_ones_own")
    assert found["whole"] == near(found["evaluate"])
    assert found["loss"] == "squares (compiled)"


def test_the_data_loss_of_a_saturated_softmax_is_that_of_the_logits(outcomes: Json) -> None:
    found = run(outcomes, "a_saturated_softmax")
    assert found["data"] == near(found["evaluate"])
    assert found["evaluate"] > 20  # probabilities alone, which Keras clips at 1e-7, give 16.1 at most


def test_the_model_is_left_as_it_was(outcomes: Json) -> None:
    found = run(outcomes, "what_is_left")
    assert found == {
        "state": True,
        "moved": True,
        "attributes": [],
        "losses": True,
        "rows": ["noisy:add_loss", "state:activity_regularizer"],
    }


def test_the_command_line_weighs_the_penalties_of_an_h5_file(outcomes: Json) -> None:
    found = run(outcomes, "a_file_on_the_command_line")
    findings = {each["code"]: each for each in json.loads(found["said"])}
    assert found["status"] == 0
    assert findings["REG406"]["data"]["cause"] == "zero-strength"
    dominant = findings["REG407"]["data"]
    assert [dominant["layer"], dominant["strength"], dominant["loss"]] == [
        "hidden",
        {"l2": 50.0},
        "mean_squared_error (given)",
    ]
    assert dominant["penalty"] == near(found["numpy"])
    assert dominant["total_share"] == near(found["share"])
