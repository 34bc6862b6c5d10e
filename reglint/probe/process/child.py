"""The process in which the model runs: reads one request, probes, and says what came of it.

The parent (:mod:`reglint.probe.process.command`) watches it, so that nothing here guards against time or memory.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import IO, Any

from reglint.probe.process import failures
from reglint.probe.process.transfer import dumps
from reglint.probe.values import ProbeError


def main() -> int:
    """Answer the request on stdin; return the exit status, which is 0 for every answer that could be given."""
    requests, channel = _taken()
    leave_no_core()
    request = json.loads(requests.readline())
    threading.Thread(target=_end_with_parent, args=(requests,), daemon=True).start()
    say = _Voice(channel)
    try:
        answer = _probed(request, say)
    except BaseException as error:
        answer = {"kind": "failure", **failures.told(error, say.stage)}
    say(answer)
    sys.stdout.flush()
    # Threads of the libraries may hang, or crash, while the interpreter goes down.
    os._exit(0)


def _probed(request: Mapping[str, Any], say: _Voice) -> dict[str, Any]:
    """Return the report that a request asks for, with the file that stands for the model."""
    say.begins("starting Keras")
    _require_device(request["device"], request["backend"])
    from reglint.probe.statistics.devices import spread, whole_batches

    with spread(request["device"], request["backend"]) as devices:
        batch_size = whole_batches(request["batch_size"], devices.count)
        return _report({**request, "batch_size": batch_size}, say, devices.making())


def _report(request: Mapping[str, Any], say: _Voice, making: AbstractContextManager[Any]) -> dict[str, Any]:
    from reglint.probe.data.samples import load_data
    from reglint.probe.models.loading import load
    from reglint.probe.probing import probe

    say.begins("loading the model")
    named = {"imports": tuple(request["imports"]), "library": request["library"]}
    with making:
        loaded = load(request["model"], trust=request["trust"], **named)
    say.begins("loading the data")
    limits = {"max_samples": request["max_samples"], "batch_size": request["batch_size"]}
    data = load_data(request["data"], loaded.model, trust=request["trust"], **limits)
    say.begins("probing")
    report = probe(
        loaded,
        data,
        state=request["state"],
        every_position=request["positions"] == "all",
        batch_size=request["batch_size"],
        trace=lambda done, total: say({"kind": "progress", "done": int(done), "total": int(total)}),
    )
    return {"kind": "report", "report": report.as_json(), "filename": loaded.filename}


class _Voice:
    """Sends messages to the parent, and remembers what is being done."""

    def __init__(self, channel: IO[bytes]) -> None:
        self.stage = ""
        self._channel = channel

    def begins(self, stage: str) -> None:
        """Tell what is done from now on."""
        self.stage = stage
        self({"kind": "stage", "stage": stage})

    def __call__(self, message: Mapping[str, Any]) -> None:
        self._channel.write(dumps(message).encode() + b"\n")
        self._channel.flush()


def _taken() -> tuple[IO[bytes], IO[bytes]]:
    """Take stdin and stdout for ourselves: what a model reads is empty, and what it prints goes where stderr goes."""
    requests, channel = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, channel


def leave_no_core() -> None:
    """A crash of the model is to leave no file of its memory."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_with_parent(requests: IO[bytes]) -> None:
    """Wait for the parent's end of stdin to be closed, which its death does, too; then end with all of our group."""
    requests.read()
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _require_device(device: str, backend: str) -> None:
    """Raise ProbeError where a GPU is asked for and the backend has none."""
    if not device.startswith("gpu"):
        return
    if backend == "tensorflow":
        import tensorflow

        found = bool(tensorflow.config.list_physical_devices("GPU"))
    elif backend == "jax":
        import jax

        found = any(each.platform != "cpu" for each in jax.devices())
    else:
        import torch

        found = torch.cuda.is_available() or torch.backends.mps.is_available()
    if not found:
        raise ProbeError(f"--device {device}: {backend} finds no such GPU here; take --device cpu, or check its driver")
