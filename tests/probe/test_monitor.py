"""SaturationMonitor in real trainings on all three backends; what all sampling callbacks share is in test_logger.py."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

BACKENDS = ("tensorflow", "jax", "torch")
ON_EVERY_BACKEND = pytest.mark.parametrize("backend", BACKENDS)
HERE = Path(__file__).resolve().parent
GATES = [f"saturation/lstm/gate:{gate}" for gate in "cfgio"]
KEYS = ["saturation/bent", "saturation/inner/first/dead", *GATES]


def outcome(backend: str, case: str) -> Any:
    """What a case of monitor_cases.py gave; skips where Keras or the backend is not installed."""
    for module in ("keras", backend):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed; `pip install -e '.[keras]'` brings it")
    found = _outcomes(backend)[case]
    assert "error" not in found, found["error"]
    return found["found"]


@cache
def _outcomes(backend: str) -> dict[str, Any]:
    """All cases on a backend, in one child process."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    program = [sys.executable, str(HERE / "monitor_cases.py")]
    done = subprocess.run(program, capture_output=True, text=True, env=environment, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# ------------------------------------------------------------------------------------------- the same training


@ON_EVERY_BACKEND
def test_training_is_the_same_to_the_bit_with_and_without_both_callbacks(backend: str) -> None:
    """With dropout, noise, statistics, carried states; compiled, not compiled, eagerly; by epoch and by batch."""
    found = outcome(backend, "same_training")
    assert [way for way, same in found.items() if not same] == []
    assert {
        "random numbers, per epoch",
        "seeds of no layer, per batch",
        "no jit, per batch",
        "eagerly, per batch",
    } <= found.keys()
    assert backend == "torch" or {"stateful, per epoch", "jit, per batch"} <= found.keys()


# ------------------------------------------------------------------------------------------- figures


@ON_EVERY_BACKEND
def test_each_layer_gate_and_rectifier_has_its_key_and_the_output_has_none(backend: str) -> None:
    assert outcome(backend, "keys")["keys"] == KEYS


@ON_EVERY_BACKEND
def test_history_and_csv_of_the_same_fit_have_the_figures_from_the_first_epoch_on(backend: str) -> None:
    found = outcome(backend, "keys")
    assert found["lengths"] == [3]
    assert found["csv"] == found["history"]


@ON_EVERY_BACKEND
def test_a_callback_that_stands_before_the_monitor_finds_the_figures(backend: str) -> None:
    assert outcome(backend, "keys")["before"] == [len(KEYS)] * 3


def test_tensorboard_shows_the_figures_where_it_is_installed() -> None:
    found = outcome("tensorflow", "keys")["tensorboard"]
    if found is None:
        pytest.skip("tensorboard is not installed")
    assert found


@ON_EVERY_BACKEND
def test_the_last_figures_are_those_of_probe_model(backend: str) -> None:
    found = outcome(backend, "keys")
    assert found["last"] == found["probe_model"]
    assert 0 < found["last"][0] < 1
    assert found["last"][1] == 0.25  # one of four units has a bias of -30


@ON_EVERY_BACKEND
def test_by_batch_the_batches_that_were_looked_at_have_figures_and_so_has_each_epoch(backend: str) -> None:
    # 8 batches an epoch, every third: 0, 3, 6 of the first epoch, 1, 4, 7 of the second; one key
    looked = [1, 0, 0, 1, 0, 0, 1, 0, *[0, 1, 0, 0, 1, 0, 0, 1]]
    assert outcome(backend, "batches") == {"keys": looked, "looks": 6, "history": 2}


@ON_EVERY_BACKEND
def test_epochs_between_two_looks_have_nan(backend: str) -> None:
    assert outcome(backend, "every") == [True, False, True, False, True]


# ------------------------------------------------------------------------------------------- warnings


@ON_EVERY_BACKEND
@pytest.mark.parametrize(
    ("broken", "code"), [("saturates", "REG401"), ("dies", "REG402"), ("overflows", "REG405")], ids=lambda each: each
)
def test_a_layer_that_training_breaks_is_told_once_with_epoch_and_cause(backend: str, broken: str, code: str) -> None:
    (said,) = outcome(backend, "going_bad")[broken]["said"]
    assert said.startswith("epoch ")
    assert f": {code} `hidden`: " in said


@ON_EVERY_BACKEND
def test_figures_rise_as_a_net_saturates_or_dies_and_are_nan_once_it_overflows(backend: str) -> None:
    found = outcome(backend, "going_bad")
    assert all(figure is None or figure > 0.9 for figure in found["saturates"]["figures"])
    assert found["dies"]["figures"][-1] >= 0.7
    assert found["overflows"]["figures"][1:] == [None] * 4


@ON_EVERY_BACKEND
def test_a_second_fit_says_nothing_twice_and_another_model_is_looked_at_anew(backend: str) -> None:
    found = outcome(backend, "said_once")
    assert [found["first"], found["second"], found["other"]] == [1, 0, 1]
    assert found["history"] == [1.0, 1.0, 1.0]


@ON_EVERY_BACKEND
def test_nothing_is_said_of_healthy_nets(backend: str) -> None:
    assert outcome(backend, "healthy") == []


@ON_EVERY_BACKEND
def test_after_the_first_batch_only_a_gain_of_zero_is_told(backend: str) -> None:
    assert outcome(backend, "first_batch") == {"little gain": 0, "no gain": 1, "still little gain": 1}


# ------------------------------------------------------------------------------------------- data


@ON_EVERY_BACKEND
@pytest.mark.parametrize("data", ["generator", "data set"])
def test_without_arrays_one_warning_says_what_to_give_and_the_training_goes_on(backend: str, data: str) -> None:
    found = outcome(backend, "no_arrays")[data]
    assert found["said"] == [
        "SaturationMonitor has nothing to look at: fit got no arrays. Give it a sample, as in data=x"
    ]
    assert [found["epochs"], found["keys"]] == [3, ["loss"]]


@ON_EVERY_BACKEND
@pytest.mark.parametrize("data", ["generator", "data set"])
def test_with_a_sample_of_its_own_it_looks_whatever_fit_is_given(backend: str, data: str) -> None:
    found = outcome(backend, "no_arrays")[data]
    assert [found["given"], found["quiet"]] == [3, []]


@ON_EVERY_BACKEND
def test_several_inputs_come_as_a_dict_or_as_a_list(backend: str) -> None:
    first, *others = outcome(backend, "several_inputs").values()
    assert len(first) == 3
    assert others == [first] * 3


@ON_EVERY_BACKEND
def test_tensors_of_the_backend_are_a_sample_too(backend: str) -> None:
    assert len(outcome(backend, "tensors")) == 3


@ON_EVERY_BACKEND
def test_tables_of_pandas_are_a_sample_too(backend: str) -> None:
    found = outcome(backend, "tables")
    assert any("saturation/hidden" in each for each in found["table"])
    assert any("regularization/total" in each for each in found["table"])
    assert found["table"] == found["arrays"]
    assert len(found["columns"]["saturation/hidden"]) == 3
    assert found["columns"] == found["columns as arrays"]


# ------------------------------------------------------------------------------------------- budget, ends, bad options


@ON_EVERY_BACKEND
def test_looks_stay_within_two_percent_of_the_training_and_use_them(backend: str) -> None:
    """A clock that only the test moves: 60 epochs of a second, looks of 50 ms, the first of 2 s."""
    found = outcome(backend, "budget")
    assert 0.019 < found["share"] <= 0.02 + 1e-9
    assert found["looks"] + found["skipped"] == 60
    assert found["trace"] == pytest.approx(2.05)
    assert [found["figures"], found["first"]] == [found["looks"], True]


@ON_EVERY_BACKEND
@pytest.mark.parametrize("where", ["in training", "in a look"])
def test_ctrl_c_leaves_nothing_patched_and_training_can_go_on(backend: str, where: str) -> None:
    assert outcome(backend, "interrupted")[where] == {"stopped": True, "undone": True, "goes on": True}


@ON_EVERY_BACKEND
def test_a_batch_size_that_means_nothing_is_refused(backend: str) -> None:
    assert outcome(backend, "refused") == "batch_size is 0; it must be at least 1"
