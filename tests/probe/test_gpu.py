"""The probe on a GPU, with whichever backend finds one: that it ran there, what it counted, and what it cost.

A child process for each backend and device prints what came out. Where no GPU is plugged in, nothing is imported.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from reglint.probe.process.environment import environment_for

Json = dict[str, Any]
HERE = Path(__file__).parent
BACKENDS = ("tensorflow", "jax", "torch")
CASES = ("convolution", "fused_lstm", "padded_attention")
DRIVERS = ("/dev/nvidia0", "/dev/dxg", "/dev/kfd")
"""What NVIDIA's driver, the one of Windows below Linux, and AMD's put there."""
SLOWEST = 30.0
"""How many times as long as ``predict`` the probe may take here: so small models are mostly the start of kernels."""

plugged_in = shutil.which("nvidia-smi") is not None or any(map(os.path.exists, DRIVERS))
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not plugged_in, reason="there is no GPU")]
ON_EVERY_BACKEND = pytest.mark.parametrize("backend", BACKENDS)
OF_EVERY_CASE = pytest.mark.parametrize("case", CASES)
_read: dict[tuple[str, str], Json] = {}


def outcomes(backend: str, device: str) -> Json:
    """What the child found on a device; skips where the backend has no GPU."""
    if find_spec("keras") is None or find_spec(backend) is None:
        pytest.skip(f"Keras on {backend} is not installed")
    if (backend, device) not in _read:
        command = [sys.executable, str(HERE / "gpu_runs.py")]
        environment = environment_for(backend, device, os.environ)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)
        assert done.returncode == 0, done.stderr[-3000:]
        _read[backend, device] = json.loads(done.stdout.splitlines()[-1])
    found = _read[backend, device]
    if device != "cpu" and not found["gpu"]:
        pytest.skip(f"{backend} finds no GPU")
    return found


def near(expected: Any) -> Any:
    """Figures to 1e-3, everything else alike."""
    if isinstance(expected, dict):
        return {name: near(each) for name, each in expected.items()}
    return pytest.approx(expected, rel=1e-3, abs=1e-3) if isinstance(expected, float) else expected


def agree(found: Json, expected: Json) -> None:
    """Assert that two runs of a case have the same sites and figures, to 1e-3."""
    assert found["sites"].keys() == expected["sites"].keys()
    for name, site in expected["sites"].items():
        figures = {key: near(value) for key, value in site.items() if key != "histogram"}
        assert {key: found["sites"][name][key] for key in figures} == figures, name
        # A value on an edge may fall to either side.
        assert sum(found["sites"][name]["histogram"]) == sum(site["histogram"])
    assert found["unreached"] == expected["unreached"] == []


@ON_EVERY_BACKEND
@OF_EVERY_CASE
def test_the_probe_runs_on_the_gpu_and_says_so(backend: str, case: str) -> None:
    device = outcomes(backend, "gpu")["cases"][case]["device"]
    assert device.partition(":")[0] in ("GPU", "CUDA", "ROCM")


@ON_EVERY_BACKEND
def test_a_gpu_of_a_number_is_that_one(backend: str) -> None:
    assert outcomes(backend, "gpu:0")["cases"]["fused_lstm"]["device"].endswith(":0")


@ON_EVERY_BACKEND
@OF_EVERY_CASE
def test_the_cpu_is_taken_where_it_is_asked_for(backend: str, case: str) -> None:
    assert outcomes(backend, "gpu")["gpu"]
    assert outcomes(backend, "cpu")["cases"][case]["device"] == "CPU:0"


@ON_EVERY_BACKEND
@OF_EVERY_CASE
def test_figures_are_those_of_the_cpu(backend: str, case: str) -> None:
    found = outcomes(backend, "gpu")["cases"][case]
    expected = outcomes(backend, "cpu")["cases"][case]
    agree(found, expected)


@ON_EVERY_BACKEND
@OF_EVERY_CASE
def test_predictions_are_unchanged_with_fused_kernels_too(backend: str, case: str) -> None:
    assert outcomes(backend, "gpu")["cases"][case]["predictions"] <= 1e-5


@ON_EVERY_BACKEND
@OF_EVERY_CASE
def test_its_cost_against_predict_is_recorded(
    backend: str, case: str, record_property: pytest.Function, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = outcomes(backend, "gpu")["cases"][case]["seconds"]
    ratio = seconds["probe"] / seconds["predict"]
    record_property("seconds", seconds)  # type: ignore[operator]
    with capsys.disabled():
        print(f"\n{backend} on GPU, {case}: probe {seconds['probe']:.4f} s, {ratio:.1f} x predict")
    assert ratio < SLOWEST
