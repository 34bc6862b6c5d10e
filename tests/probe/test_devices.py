"""Several devices: the same figures as on one, every device named, an odd last batch in one piece."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from reglint.probe.statistics.devices import named, spread, whole_batches
from reglint.probe.values import ProbeError

Json = dict[str, Any]
HERE = Path(__file__).parent
BACKENDS = ("jax", "tensorflow")
ON_BOTH = pytest.mark.parametrize("outcomes", BACKENDS, indirect=True)
_read: dict[str, Json] = {}


@pytest.fixture
def outcomes(request: pytest.FixtureRequest) -> Json:
    """What one child found on one and on four simulated devices."""
    backend = request.param
    if find_spec("keras") is None or find_spec(backend) is None:
        pytest.skip(f"Keras on {backend} is not installed")
    if backend not in _read:
        environment = os.environ | {"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
        environment["JAX_PLATFORMS"] = "cpu"
        command = [sys.executable, str(HERE / "devices_runs.py")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)
        assert done.returncode == 0, done.stderr[-3000:]
        _read[backend] = json.loads(done.stdout.splitlines()[-1])
    return _read[backend]


def near(expected: Any) -> Any:
    """Figures as float32 sums in another order have them (an alignment is a small difference), the rest alike."""
    if isinstance(expected, dict):
        return {name: near(each) for name, each in expected.items()}
    if isinstance(expected, list):
        return [near(each) for each in expected]
    return pytest.approx(expected, rel=1e-4, abs=1e-6) if isinstance(expected, float) else expected


@ON_BOTH
def test_four_devices_count_what_one_counts(outcomes: Json) -> None:
    assert outcomes["all"]["sites"] == near(outcomes["one"]["sites"])
    assert len(outcomes["all"]["sites"]) == 7


@ON_BOTH
def test_answers_and_penalties_are_the_same_too(outcomes: Json) -> None:
    assert outcomes["all"]["outputs"] == near(outcomes["one"]["outputs"])
    assert outcomes["all"]["outputs"][0]["samples"] == 22
    assert outcomes["all"]["penalties"] == near(outcomes["one"]["penalties"])
    assert len(outcomes["all"]["penalties"]) == 1


@ON_BOTH
def test_the_report_names_the_devices_that_ran(outcomes: Json) -> None:
    assert (outcomes["one"]["device"], outcomes["count"], outcomes["all"]["device"]) == ("CPU:0", 4, "CPU:0-3")


@ON_BOTH
def test_the_model_is_the_same_afterwards_and_later_ones_run_on_one_device_again(outcomes: Json) -> None:
    assert outcomes["all"]["changed"] == 0.0
    assert outcomes["after"] == "CPU:0"


@pytest.mark.parametrize("outcomes", ["tensorflow"], indirect=True)
def test_a_model_that_its_owner_has_mirrored_runs_on_its_devices(outcomes: Json) -> None:
    assert outcomes["outside"] == "CPU:0-3"


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        (["CPU:0"], "CPU:0"),
        (["GPU:1", "GPU:0", "GPU:2"], "GPU:0-2"),
        (["GPU:2", "GPU:0", "GPU:0"], "GPU:0,2"),
        (["GPU:10", "GPU:9"], "GPU:9-10"),
        (["GPU:0", "CPU:0"], "CPU:0, GPU:0"),
    ],
)
def test_devices_are_named_in_short(devices: list[str], expected: str) -> None:
    assert named(devices) == expected


@pytest.mark.parametrize(("asked", "devices", "expected"), [(32, 1, 32), (32, 4, 32), (30, 4, 32), (1, 4, 4)])
def test_batches_are_rounded_up_to_what_the_devices_share(asked: int, devices: int, expected: int) -> None:
    assert whole_batches(asked, devices) == expected


@pytest.mark.parametrize("device", ["auto", "cpu", "gpu", "gpu:1"])
def test_nothing_is_spread_unasked(device: str) -> None:
    with spread(device, "torch") as devices:
        assert devices.count == 1


def test_torch_takes_one_device_and_the_error_says_which_option_to_take() -> None:
    with pytest.raises(ProbeError, match=r"--device all: .* on torch; take gpu:N"), spread("all", "torch"):
        pass


def test_the_command_line_spreads_a_probe_over_all_devices(tmp_path: Path) -> None:
    if find_spec("keras") is None or find_spec("jax") is None:
        pytest.skip("Keras on JAX is not installed")
    tmp_path.joinpath("mine.py").write_text(
        "import keras\n\n\ndef build():\n"
        "    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, activation='tanh', name='wide')])\n"
    )
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    options = ["--backend", "jax", "--device", "all", "--batch-size", "6", "--max-samples", "20"]
    command = [sys.executable, "-m", "reglint", "probe", "mine:build", "--trust", "--fail-on", "never", *options]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert "CPU:0-3" in done.stdout
