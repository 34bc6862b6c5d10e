"""Commands, timed from outside, in turns."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

#: Longer than this nothing is waited for.
TIMEOUT = 1200


@dataclass(frozen=True)
class Command:
    """A command to be timed. ``shown`` is how the page writes it; ``empty`` is a folder that goes before each run.

    ``found`` is what a finding looks like in the output. ``rounds`` is how often it runs at most; one with ``before``
    runs once more, before the others, and that run does not count.
    """

    name: str
    argv: tuple[str, ...]
    shown: str
    found: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    empty: Path | None = None
    rounds: int = 1000
    before: bool = False


@dataclass(frozen=True)
class Measured:
    """What one run came to: wall and CPU seconds, the memory of its largest process in MB, and its findings."""

    wall: float
    cpu: float
    peak: float
    status: int
    found: int | None


def timed(command: Command) -> Measured:
    """Takes a command; runs it once and returns what it cost, with all processes that it waited for.

    The status is -1 where it had to be stopped. Linux does not count a peak below the memory of the process that
    starts the command, so that process has to stay small.
    """
    if command.empty is not None:
        shutil.rmtree(command.empty, ignore_errors=True)
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command.argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **command.environment},
            start_new_session=True,
        )
        stopped = threading.Event()
        watch = threading.Timer(TIMEOUT, _stop, (process.pid, stopped))
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        watch.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    found = len(re.findall(command.found, text)) if command.found else None
    peak = usage.ru_maxrss / 1024
    return Measured(wall, usage.ru_utime + usage.ru_stime, peak, -1 if stopped.is_set() else process.returncode, found)


def _stop(group: int, stopped: threading.Event) -> None:
    """Ends a process that takes too long, with those that it started."""
    stopped.set()
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def in_turns(commands: Sequence[Command], rounds: int, progress: Callable[[str], None] = print) -> list[dict[str, Any]]:
    """Takes commands; runs each once a round, each round beginning with another one, and returns a record of each."""
    runs: dict[str, list[Measured]] = {command.name: [] for command in commands}
    for turn in range(rounds):
        first = turn % len(commands)
        for command in (*commands[first:], *commands[:first]):
            if turn < command.rounds:
                measured = timed(command)
                runs[command.name].append(measured)
                progress(f"    {command.name}: {measured.wall:.2f} s, found {measured.found}, exit {measured.status}")
    return [
        {"name": command.name, "command": command.shown, "runs": [rounded(run) for run in runs[command.name]]}
        for command in commands
    ]


def rounded(run: Measured) -> dict[str, Any]:
    """Takes a measured run; returns it as the record keeps it, without digits that mean nothing."""
    return asdict(run) | {"wall": round(run.wall, 3), "cpu": round(run.cpu, 3), "peak": round(run.peak, 1)}
