"""Models of tf_keras are probed as those of Keras 3: the same figures for the same weights, and nothing left behind.

One child process runs all cases (`tf_keras_runs.py`) and prints what came out; the tests read that.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest
from child_outcomes import Json, outcomes_of, run

TWINS = ("dense", "activations", "convolution", "recurrent", "attention", "nested", "half")
BOTH = pytest.mark.parametrize("case", TWINS)
needs_tf_keras = pytest.mark.skipif(find_spec("tf_keras") is None, reason="tf_keras is not installed")
pytestmark = needs_tf_keras


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What came out of each case."""
    return outcomes_of("tf_keras_runs.py", tmp_path_factory.mktemp("tf_keras"))


def near(expected: Any) -> Any:
    """Figures to 1e-3, everything else alike."""
    if isinstance(expected, dict):
        return {name: near(each) for name, each in expected.items()}
    return pytest.approx(expected, rel=1e-3, abs=1e-3) if isinstance(expected, float) else expected


@BOTH
def test_every_figure_of_every_activation_is_that_of_the_twin_in_keras_3(outcomes: Json, case: str) -> None:
    found = run(outcomes, case)
    sites, twin = found["sites"], found["twin"]
    assert sites.keys() == twin.keys()
    for name, site in twin.items():
        expected = {key: near(value) for key, value in site.items() if key not in ("layer", "site", "class_name")}
        assert {key: sites[name][key] for key in expected} == expected, name


@BOTH
def test_the_twins_compute_the_same_so_that_their_figures_can_be_compared(outcomes: Json, case: str) -> None:
    assert run(outcomes, case)["twin_predicts"] < 1e-5


@BOTH
def test_predictions_and_weights_are_the_same_after_the_probe(outcomes: Json, case: str) -> None:
    found = run(outcomes, case)
    assert (found["predictions"], found["weights"]) == (0.0, 0.0)


@BOTH
def test_nothing_of_keras_own_is_unreached(outcomes: Json, case: str) -> None:
    assert run(outcomes, case)["unreached"] == []


def test_the_report_names_library_backend_and_device(outcomes: Json) -> None:
    library, backend, device, samples = run(outcomes, "dense")["ran"]
    assert library.startswith("tf_keras 2.")
    assert (backend, device.partition(":")[0], samples) == ("tensorflow", device.partition(":")[0], 20)
    assert device.partition(":")[0] in ("CPU", "GPU")


def test_gates_are_seen_although_tf_keras_has_a_fused_kernel(outcomes: Json) -> None:
    sites = run(outcomes, "recurrent")["sites"]
    expected = {f"both/{half}_lstm:gate:{gate}" for half in ("forward", "backward") for gate in "ifgoc"}
    assert expected <= sites.keys()
    assert {f"gru:gate:{gate}" for gate in "zrh"} <= sites.keys()


def test_padding_counts_nowhere(outcomes: Json) -> None:
    sites = run(outcomes, "recurrent")["sites"]
    counted = {site["evaluations"] for name, site in sites.items() if not name.startswith("out:")}
    assert len(counted) == 1
    assert 20 < counted.pop() < 20 * 7


def test_operations_of_tensorflow_in_a_functional_model_are_seen(outcomes: Json) -> None:
    sites = run(outcomes, "tensorflow_operations_in_a_functional_model")["sites"]
    assert sorted(site["activation"] for site in sites.values()) == ["relu", "softmax"]
    assert sites["tf.nn.relu:function"]["kernel"]["layer"] == "front"


def test_custom_layers_that_call_tensorflow_are_seen_under_autograph(outcomes: Json) -> None:
    sites = run(outcomes, "custom_layers")["sites"]
    assert {name: site["activation"] for name, site in sites.items()} == {
        "custom:ops.swish": "swish",
        "custom:act": "elu",
        "custom:ops.tanh": "tanh",
        "custom:ops.sigmoid": "sigmoid",
        "out:softmax": "softmax",
    }


def test_losses_and_metrics_of_the_last_call_are_kept(outcomes: Json) -> None:
    before, after = run(outcomes, "custom_layers")["losses_and_metrics"]
    assert before[0]
    assert before[1]
    assert after == before


def test_a_custom_layer_in_time_is_one_batch_of_steps_without_the_padding(outcomes: Json) -> None:
    found = run(outcomes, "a_custom_layer_in_time")
    assert found["sites"]["timed/doubled:ops.tanh"]["evaluations"] == found["kept"]
    assert found["predictions"] == 0.0


def test_a_custom_layer_of_which_nothing_was_seen_is_named(outcomes: Json) -> None:
    assert [each["layer"] for each in run(outcomes, "a_custom_layer_in_time")["unreached"]] == ["opaque"]


def test_states_of_a_stateful_lstm_are_put_back(outcomes: Json) -> None:
    found = run(outcomes, "a_stateful_lstm")
    assert found["states"] == 0.0
    assert found["sites"]["lstm:gate:i"]["evaluations"] == 20 * 5


def test_probe_model_judges_it_and_weighs_its_penalties(outcomes: Json) -> None:
    found = run(outcomes, "a_whole_report")
    assert ["REG401", "wide"] in [each[:2] for each in found["findings"]]
    assert ["REG406", "wide", "assigned-after-build"] in found["findings"]
    assert found["penalties"] == [["wide", "kernel_regularizer", "assigned-after-build"]]
    assert found["unreached"] == []


def test_a_file_that_keras_3_rejects_is_loaded_and_measured_by_tf_keras(outcomes: Json) -> None:
    found = run(outcomes, "a_file_that_keras_3_rejects")
    assert found["library"] == "tf_keras"
    assert found["sites"] == near(found["direct"])
    assert found["sites"]["timed/each:activation"]["evaluations"] == 20 * 3


def test_another_backend_of_keras_3_is_refused_in_one_line() -> None:
    if find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    code = "import tf_keras; from reglint.probe.taps.library import library_of; library_of(tf_keras.Sequential())"
    environment = os.environ | {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "ProbeError: a tf_keras model runs on tensorflow" in done.stderr.splitlines()[-1]
    assert "--backend tensorflow" in done.stderr.splitlines()[-1]
