"""Runs penalty_cases.py, once for each backend and all tests together."""

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
HERE = Path(__file__).resolve().parent


def outcome(backend: str, case: str) -> Any:
    """What a case of penalty_cases.py gave; skips where Keras or the backend is not installed."""
    for module in ("keras", backend):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed; `pip install -e '.[keras]'` brings it")
    found = _outcomes(backend)[case]
    assert "error" not in found, found["error"]
    return found


@cache
def _outcomes(backend: str) -> dict[str, Any]:
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, str(HERE / "penalty_cases.py")], capture_output=True, text=True, env=environment, timeout=900
    )
    assert run.returncode == 0, run.stderr[-3000:]
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found
