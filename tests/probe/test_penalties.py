"""Penalties: what each regularizer adds to the loss, on all three backends, against NumPy and Keras's own sum."""

from __future__ import annotations

from typing import Any

import pytest
from penalty_runs import BACKENDS, outcome

ON_EVERY_BACKEND = pytest.mark.parametrize("backend", BACKENDS)


def near(expected: Any, relative: float = 1e-5) -> Any:
    return pytest.approx(expected, rel=relative, abs=1e-9)


@ON_EVERY_BACKEND
def test_penalty_share_and_gradient_ratio_of_weights_agree_with_numpy(backend: str) -> None:
    found = outcome(backend, "weights_of_a_linear_layer")
    assert found["found"] == [near(row) for row in found["numpy"]]


@ON_EVERY_BACKEND
def test_a_row_names_layer_argument_regularizer_strength_and_loss(backend: str) -> None:
    found = outcome(backend, "weights_of_a_linear_layer")
    assert found["rows"] == ["dense:kernel_regularizer", "dense:bias_regularizer"]
    assert found["described"] == ["L2(l2=0.01)", "L1L2(l1=0.02, l2=0.03)"]
    assert found["strength"] == [{"l2": 0.01}, {"l1": 0.02, "l2": 0.03}]
    assert found["loss"] == "mean_squared_error (inferred)"


@ON_EVERY_BACKEND
def test_an_activity_penalty_is_averaged_over_batches_as_the_installed_keras_scales_it(backend: str) -> None:
    found = outcome(backend, "activity_of_a_linear_layer")
    assert found["found"] == near(found["numpy"])


@ON_EVERY_BACKEND
def test_every_regularizer_has_a_row_under_the_path_of_its_layer(backend: str) -> None:
    halves = [
        f"both/{half}_lstm:{name}_regularizer"
        for half in ("backward", "forward")
        for name in ("activity", "kernel", "recurrent")
    ]
    projections = [
        f"attention/{part}:{name}_regularizer"
        for part in ("attention_output", "key", "query", "value")
        for name in ("activity", "kernel")
    ]
    others = [
        "encoder/norm:gamma_regularizer",
        "encoder/square:kernel_regularizer",
        "scale:add_loss",
        "scale:regularizer",
        "stack/high:bias_regularizer",
        "stack/low:kernel_regularizer",
    ]
    found = outcome(backend, "many_layers_row_by_row")
    assert found["rows"] == sorted([*halves, *projections, *others])
    assert found["custom"] == {}
    assert found["classes"]["both/forward_lstm:recurrent_regularizer"] == "LSTM"


@ON_EVERY_BACKEND
def test_different_regularizers_of_a_layers_own_weights_have_a_row_each(backend: str) -> None:
    assert outcome(backend, "different_regularizers_in_a_layer") == {
        "L1(l1=0.1)": ["two", "regularizer", near(0.4)],
        "L2(l2=0.2)": ["two", "regularizer", near(1.6)],
    }


@ON_EVERY_BACKEND
@pytest.mark.parametrize("case", ["many_layers_row_by_row", "subclassed_model"])
def test_the_rows_add_up_to_the_losses_that_keras_adds_up(backend: str, case: str) -> None:
    found = outcome(backend, case)
    total = found["sum"] if "sum" in found else sum(found["rows"].values())
    assert total == near(found["keras"], 1e-4)


@ON_EVERY_BACKEND
def test_every_penalty_of_nested_wrapped_and_own_layers_has_a_gradient(backend: str) -> None:
    found = outcome(backend, "many_layers_row_by_row")
    assert found["felt"] == found["rows"]


@ON_EVERY_BACKEND
def test_what_keras_adds_up_and_no_layer_added_has_a_row_of_its_own(backend: str) -> None:
    found = outcome(backend, "a_loss_from_nowhere")
    assert found["hidden:unaccounted"] == near(5.0)
    assert len(found) == 2


@ON_EVERY_BACKEND
def test_weights_are_penalized_in_float32_in_a_mixed_precision_model(backend: str) -> None:
    found = outcome(backend, "mixed_precision")
    assert found["penalty"] == near(found["numpy"])
    assert found["rows"] == ["hidden:kernel_regularizer", "hidden:activity_regularizer"]


@ON_EVERY_BACKEND
def test_a_penalty_that_contributes_nothing_has_its_cause(backend: str) -> None:
    found = outcome(backend, "causes")
    assert found["causes"] == {
        "late:kernel_regularizer": "assigned-after-build",
        "frozen:kernel_regularizer": "frozen",
        "zero:kernel_regularizer": "zero-strength",
        "zero:bias_regularizer": "no-such-weight",
        "fresh:bias_regularizer": "zero-weights",
        "steps/inner:activity_regularizer": "time-distributed",
        "shared:activity_regularizer": "partly-counted" if backend == "jax" else None,
        "full:activity_regularizer": "no-gradient",
        "silent:activity_regularizer": "zero-outputs",
    }
    counted = {"shared:activity_regularizer", "full:activity_regularizer"}
    assert set(found["nothing"]) == set(found["causes"]) - counted


@ON_EVERY_BACKEND
def test_only_what_was_meant_to_work_is_a_warning(backend: str) -> None:
    found = outcome(backend, "causes")
    shared = [["shared", "REG406", "warning"]] if backend == "jax" else []
    assert found["findings"] == [
        ["late", "REG406", "warning"],
        ["zero", "REG406", "info"],
        ["zero", "REG406", "info"],
        ["steps/inner", "REG406", "warning"],
        *shared,
        ["full", "REG406", "warning"],
    ]
    assert found["data"]["cause"] == "assigned-after-build"
    assert found["data"]["strength"] == {"l2": 0.1}


@ON_EVERY_BACKEND
def test_a_strength_is_too_small_only_where_it_rounds_away_and_has_something_to_do(backend: str) -> None:
    assert outcome(backend, "tiny_strengths") == {
        "rounded": [["REG406", "warning"]],
        "small": [],
        "done": [],
        "orthogonal": [],
    }


@ON_EVERY_BACKEND
def test_penalties_that_are_most_of_the_loss_are_one_info_at_the_largest(backend: str) -> None:
    found = outcome(backend, "dominant")
    assert found["codes"] == [["REG407", "info", "dense"]]
    assert found["argument"] == "kernel_regularizer"
    assert found["total"] == near(sum(found["shares"]))
    assert found["total"] > 0.99
    assert "compare runs by their metrics" in found["message"]
    assert found["without labels"] == 0


@ON_EVERY_BACKEND
def test_the_loss_is_the_given_one_the_compiled_one_or_one_beyond_doubt(backend: str) -> None:
    assert outcome(backend, "chosen_losses") == {
        "softmax and whole numbers": "sparse_categorical_crossentropy (inferred)",
        "softmax and one-hot": "categorical_crossentropy (inferred)",
        "sigmoid and 0 or 1": "binary_crossentropy (inferred)",
        "linear and fractions": "mean_squared_error (inferred)",
        "linear and whole numbers": None,
        "tanh": None,
        "compiled": "categorical_focal_crossentropy (compiled)",
        "given": "mean_squared_error (given)",
        "as a config": "huber_loss (given)",
    }


@ON_EVERY_BACKEND
def test_several_outputs_have_their_losses_and_weights(backend: str) -> None:
    found = outcome(backend, "two_outputs")
    assert found["share"] == near(found["numpy"])
    assert found["loss"] == "mean_squared_error, mean_absolute_error (compiled)"


@ON_EVERY_BACKEND
def test_what_cannot_be_weighed_is_said_in_one_line(backend: str) -> None:
    said = outcome(backend, "errors")
    assert "is not built yet" in said["unbuilt"]
    assert "no_such_loss" in said["unknown loss"]
    assert "[10, 64] samples" in said["too few labels"]
    assert not any("\n" in line for line in said.values())


@ON_EVERY_BACKEND
def test_the_model_is_left_as_it_was(backend: str) -> None:
    assert outcome(backend, "what_is_left") == {"variables": True, "attributes": [], "losses": True, "random": True}


@ON_EVERY_BACKEND
def test_tf_keras_is_not_imported_for_a_model_of_keras_3(backend: str) -> None:
    assert outcome(backend, "what_is_imported") == {"tf_keras": []}


@ON_EVERY_BACKEND
def test_a_model_without_trainable_weights_is_weighed_too(backend: str) -> None:
    assert outcome(backend, "nothing_to_train") == {
        "dense:kernel_regularizer": ["frozen", 0.0],
        "dense:activity_regularizer": ["nothing-to-train", 0.0],
    }
