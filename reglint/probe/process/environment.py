"""The environment of the process in which a model runs: which backend and device, found out without importing any."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from reglint.probe.process.arguments import BACKENDS
from reglint.probe.values import ProbeError

LIBRARIES = ("keras", "tf_keras")
COMPANIONS = ("numpy", "psutil", "rich", "jinja2")
INSTALL = "`reglint probe` needs Keras: pip install 'reglint[probe]'"


def require_installed(library: str | None, further: Sequence[str] = ()) -> None:
    """Raise ProbeError where the library, or one of both, or what is needed besides is not installed."""
    if library == "tf_keras" and find_spec(library) is None:
        raise ProbeError("--library tf_keras: that is not installed; pip install tf_keras")
    if not any(find_spec(name) for name in ([library] if library else LIBRARIES)):
        raise ProbeError(INSTALL)
    missing = next((name for name in (*COMPANIONS, *further) if find_spec(name) is None), None)
    if missing is not None:
        raise ProbeError(f"{INSTALL} (there is no {missing})")


def chosen_backend(asked: str | None, library: str | None, environment: Mapping[str, str]) -> str:
    """Return the backend: the one asked for, that of KERAS_BACKEND, of keras.json, else one that is installed.

    Raises ProbeError where that one, or any, is missing.
    """
    if library == "tf_keras" and asked not in (None, "tensorflow"):
        raise ProbeError(f"--backend {asked}: tf_keras runs on tensorflow only; leave --backend out")
    if library == "tf_keras":
        asked = "tensorflow"
    named = asked or environment.get("KERAS_BACKEND")
    source = "--backend" if asked else "KERAS_BACKEND"
    if named:
        if named not in BACKENDS:
            raise ProbeError(f"{source} {named}: the probe knows {', '.join(BACKENDS)}; choose one with --backend")
        if find_spec(named) is None:
            raise ProbeError(f"{source} {named}: that is not installed; pip install {named}, or take another --backend")
        return named
    # Keras writes keras.json itself, so that what it names was not always chosen, and may not be there.
    for candidate in (_configured(environment), *BACKENDS):
        if candidate in BACKENDS and find_spec(candidate) is not None:
            return candidate
    raise ProbeError(INSTALL)


def _configured(environment: Mapping[str, str]) -> str | None:
    """Return the backend of the user's keras.json, if there is one."""
    home = environment.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    try:
        value = json.loads(Path(home, "keras.json").read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError, AttributeError):
        return None
    return value if isinstance(value, str) else None


def environment_for(backend: str, device: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return ``environment`` with what makes Keras take the backend and the device (``auto``, ``cpu``, ``gpu:1``)."""
    made = {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # N of gpu:N is then the one that nvidia-smi shows
        # A training may run on the same GPU: take only what is needed of its memory.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        **environment,
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONIOENCODING": "utf-8",
    }
    if device == "cpu":
        made |= {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu", "KERAS_TORCH_DEVICE": "cpu"}
    elif device.startswith("gpu:"):
        number = device.removeprefix("gpu:")
        visible = [each for each in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if each.strip()]
        if visible:  # the user's list says which ones may be taken, so that N counts in it
            number = visible[int(number)].strip() if int(number) < len(visible) else "-1"
        made["CUDA_VISIBLE_DEVICES"] = number
    return made


def memory_of_machine() -> int:
    """Return the memory of this machine in bytes, or that of the container we run in where it has less."""
    import psutil

    found = [int(psutil.virtual_memory().total)]
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            found.append(int(Path(file).read_text()))
        except (OSError, ValueError):  # "max": no limit
            continue
    return min(found)
