"""RegularizationLogger in real trainings on all three backends, and what it shares with other sampling callbacks."""

from __future__ import annotations

import subprocess
import sys

import pytest
from penalty_runs import BACKENDS, outcome

ON_EVERY_BACKEND = pytest.mark.parametrize("backend", BACKENDS)
KEYS = [
    "regularization/hidden/activity_regularizer",
    "regularization/hidden/kernel_regularizer",
    "regularization/total",
]


@ON_EVERY_BACKEND
@pytest.mark.parametrize("how", ["by epoch", "by batch", "with data"])
def test_training_ends_with_the_same_weights_with_and_without_the_logger(backend: str, how: str) -> None:
    assert outcome(backend, "same_training")[how]


@ON_EVERY_BACKEND
def test_history_has_a_figure_for_every_epoch(backend: str) -> None:
    assert outcome(backend, "logged")["history"] == {"loss": 3, **dict.fromkeys(KEYS, 3)}


@ON_EVERY_BACKEND
def test_csv_logger_has_the_columns_from_the_first_epoch_on(backend: str) -> None:
    found = outcome(backend, "logged")
    assert found["csv"] == [True, True, True]
    assert found["csv values"] == found["total"]


@ON_EVERY_BACKEND
def test_a_callback_that_stands_before_the_logger_sees_the_figures(backend: str) -> None:
    assert outcome(backend, "logged")["before"] == [["loss", *KEYS]] * 3


@ON_EVERY_BACKEND
def test_the_last_figures_agree_with_numpy(backend: str) -> None:
    found = outcome(backend, "logged")
    pairs = zip(found["last"], found["numpy"], strict=True)
    assert all(expected is None or value == pytest.approx(expected, rel=1e-5) for value, expected in pairs)


@ON_EVERY_BACKEND
def test_the_logged_share_is_the_one_of_the_table(backend: str) -> None:
    found = outcome(backend, "shares")
    assert found["logged"] == pytest.approx(found["weighed"], rel=1e-5)
    assert found["total"] == pytest.approx(sum(found["weighed"]), rel=1e-5)


@ON_EVERY_BACKEND
def test_by_batch_the_batches_that_were_looked_at_have_figures(backend: str) -> None:
    # 4 batches an epoch, every third: 0 and 3 of the first epoch, 2 of the second
    assert outcome(backend, "batches") == {"keys": [3, 0, 0, 3, 0, 0, 3, 0], "looks": 3}


@ON_EVERY_BACKEND
def test_with_a_generator_the_penalties_of_weights_are_shown_against_the_loss_of_the_epoch(backend: str) -> None:
    history = outcome(backend, "a_generator")["history"]
    assert all(0 < share < 1 for share in history["regularization/hidden/kernel_regularizer"])


@ON_EVERY_BACKEND
def test_with_a_generator_the_penalties_of_activities_and_the_total_are_unknown_and_that_is_said(backend: str) -> None:
    found = outcome(backend, "a_generator")
    unknown = [key for key, values in found["history"].items() if values == [-1, -1, -1]]
    assert sorted(unknown) == ["regularization/hidden/activity_regularizer", "regularization/total"]
    (said,) = found["said"]
    assert "Give it a sample" in said


@ON_EVERY_BACKEND
def test_a_look_that_would_cost_more_than_the_budget_is_skipped_and_leaves_nan(backend: str) -> None:
    found = outcome(backend, "budgets")
    assert found["slow"][0] == 1.0
    assert len(found["slow"]) == 6
    assert found["skipped"] == found["slow"].count(None) > 0
    assert found["free"] == 3


@ON_EVERY_BACKEND
def test_the_first_look_is_told_apart(backend: str) -> None:
    found = outcome(backend, "budgets")
    assert found["trace"] >= 0.4
    assert found["seconds"] == pytest.approx(0.2 * (5 - found["skipped"]), abs=0.1)


@ON_EVERY_BACKEND
def test_epochs_between_two_looks_have_nan(backend: str) -> None:
    assert outcome(backend, "budgets")["every"] == [True, False, True, False, True]


@ON_EVERY_BACKEND
def test_a_look_that_fails_is_said_once_and_the_training_goes_on(backend: str) -> None:
    assert outcome(backend, "budgets")["said"] == ["Broken stops looking, the training goes on: no figures today"]


@ON_EVERY_BACKEND
def test_looking_by_epoch_leaves_keras_its_asynchronous_batches(backend: str) -> None:
    found = outcome(backend, "async_calls")
    assert found["epoch"] == found["without"]


def test_the_package_is_imported_without_keras() -> None:
    program = "import sys, reglint.probe; raise SystemExit('keras' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@ON_EVERY_BACKEND
def test_an_option_that_means_nothing_is_refused(backend: str) -> None:
    said = outcome(backend, "refused")
    assert list(said) == ["per", "every", "show", "budget"]
    assert all("must be" in line for line in said.values())
