"""The cures are tried: nets that are bad for one reason each are trained with what the probe advises for them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import read_toml

HERE = Path(__file__).resolve().parent
TABLE = read_toml(HERE / "cures.toml")
ON_PREACTIVATION = "activity_regularizer-on-preactivation"
SHORT = {
    "aligned sigmoid": ["REG401", "warning", "aligned-inputs", ON_PREACTIVATION],
    "dead by aligned weights": ["REG402", "warning", "aligned-inputs", ON_PREACTIVATION],
    "dead by bias": ["REG402", "warning", "bias", "initialisation"],
    "saturated by bias": ["REG401", "warning", "bias", "initialisation"],
    "unscaled inputs": ["REG401", "info", "unscaled-inputs", "normalise-inputs"],
}
"""What the probe says of each net before it is trained: an info where some gain is left."""
LONG = {
    "aligned sigmoid, 80 epochs": SHORT["aligned sigmoid"],
    "aligned tanh, 80 epochs": SHORT["aligned sigmoid"],
    "dead by aligned weights, 80 epochs": SHORT["dead by aligned weights"],
    "unscaled inputs, 80 epochs": SHORT["unscaled inputs"],
    "large weights, sigmoid, 400 epochs": ["REG401", "info", "large-weights", "kernel_regularizer"],
    "large weights, tanh, 400 epochs": ["REG401", "info", "large-weights", "kernel_regularizer"],
}
EACH = [
    *(pytest.param("short", name, id=name) for name in SHORT),
    *(pytest.param("long", name, id=name, marks=pytest.mark.slow) for name in LONG),
]
Outcome = Callable[[str, str], Any]


@pytest.fixture(autouse=True)
def _slow_only_if_asked_for(request: pytest.FixtureRequest) -> None:
    """Here, and not in addopts: any `-m` of the command line would replace that one."""
    if request.node.get_closest_marker("slow") and "slow" not in request.config.option.markexpr:
        pytest.skip("trains for minutes; run it with -m slow")


@pytest.fixture(scope="session")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What cures.py made of a net; each of its two halves runs once."""
    for module in ("keras", "jax", "sklearn"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed; `pip install -e '.[keras,test]'` brings it")
    compiled = tmp_path_factory.mktemp("compiled")
    found: dict[str, Any] = {}

    def of(half: str, name: str) -> Any:
        if half not in found:
            environment = {
                **os.environ,
                "KERAS_BACKEND": "jax",
                "OMP_NUM_THREADS": "1",
                # Most of the time would go into compiling the same few programs again
                "JAX_COMPILATION_CACHE_DIR": str(compiled),
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            }
            program = [sys.executable, str(HERE / "cures.py"), half]
            done = subprocess.run(program, capture_output=True, text=True, env=environment, check=False)
            assert done.returncode == 0, done.stderr[-3000:]
            found[half] = json.loads(done.stdout.splitlines()[-1])
        return found[half][name]

    return of


@pytest.mark.parametrize(("half", "name"), EACH)
def test_cause_and_remedy_are_named_before_training(half: str, name: str, outcome: Outcome) -> None:
    assert outcome(half, name)["before"]["findings"] == [(SHORT | LONG)[name]]


@pytest.mark.parametrize(("half", "name"), EACH)
def test_training_alone_does_not_relieve(half: str, name: str, outcome: Outcome) -> None:
    ((code, severity, cause, remedy),) = outcome(half, name)["without"]["findings"]
    assert [code, severity, cause, remedy] == [(SHORT | LONG)[name][0], "warning", *(SHORT | LONG)[name][2:]]


@pytest.mark.parametrize(("half", "name"), EACH)
def test_the_advised_remedy_relieves(half: str, name: str, outcome: Outcome) -> None:
    found = outcome(half, name)
    trouble = "saturated" if found["with"]["dead"] is None else "dead"
    assert found["with"][trouble] < 0.8 * found["without"][trouble]
    assert found["with"]["stuck"] < max(0.5 * found["without"]["stuck"], 0.1)  # a few stuck units are no trouble
    assert found["with"]["gain"] > found["without"]["gain"] + 0.05
    assert "warning" not in [severity for _, severity, _, _ in found["with"]["findings"]]


def test_a_fused_activity_regularizer_does_nothing_at_zero_gain(outcome: Outcome) -> None:
    found = outcome("short", "aligned sigmoid")
    assert found["before"]["messages"][0].endswith("Fused, it cannot act at gain 0.")
    assert found["fused"] == found["without"]


@pytest.mark.parametrize("name", [*SHORT, *LONG])
def test_the_table_of_measured_cures_shows_relief(name: str) -> None:
    """The long trainings run where somebody asks for them; what they gave is kept."""
    found = TABLE[name]
    trouble = "dead" if "dead" in found["with"] else "saturated"
    assert found["with"][trouble] < 0.8 * found["without"][trouble]
