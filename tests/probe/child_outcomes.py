"""Runs a program of cases in a child process, and reads what came out of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]
HERE = Path(__file__).parent


def outcomes_of(program: str, folder: Path) -> Json:
    """The outcome of each case of a program beside the tests, which gets a folder of its own; its last line is JSON."""
    command = [sys.executable, str(HERE / program), str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    found: Json = json.loads(done.stdout.splitlines()[-1])
    return found


def run(outcomes: Json, case: str) -> Json:
    """The outcome of a case that did not fail."""
    outcome: Json = outcomes[case]
    assert "error" not in outcome, outcome["error"]
    return outcome
