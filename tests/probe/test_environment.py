"""Which backend and device a model runs on, and that nothing heavy is imported to find out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reglint.probe.process import environment
from reglint.probe.process.environment import chosen_backend, environment_for, memory_of_machine, require_installed
from reglint.probe.values import ProbeError

Installed = Callable[..., None]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Installed:
    """Says which packages there are."""

    def these(*names: str) -> None:
        monkeypatch.setattr(environment, "find_spec", lambda name: object() if name in names else None)

    return these


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose keras.json is in a folder of its own."""
    return {"KERAS_HOME": str(tmp_path)}


def test_the_option_wins_over_the_environment_and_that_over_the_file(
    installed: Installed, home: dict[str, str]
) -> None:
    installed("tensorflow", "jax", "torch")
    Path(home["KERAS_HOME"], "keras.json").write_text(json.dumps({"backend": "torch"}))
    named = {**home, "KERAS_BACKEND": "jax"}
    assert chosen_backend("tensorflow", None, named) == "tensorflow"
    assert chosen_backend(None, None, named) == "jax"
    assert chosen_backend(None, None, home) == "torch"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"backend": 7}', '{"backend": "theano"}', '{"floatx": "float32"}'])
def test_a_file_that_names_no_backend_is_passed_over(content: str, installed: Installed, home: dict[str, str]) -> None:
    installed("tensorflow", "jax")
    Path(home["KERAS_HOME"], "keras.json").write_text(content)
    assert chosen_backend(None, None, home) == "tensorflow"


def test_without_tensorflow_what_is_installed_is_taken(installed: Installed, home: dict[str, str]) -> None:
    Path(home["KERAS_HOME"], "keras.json").write_text(json.dumps({"backend": "tensorflow"}))
    installed("torch")
    assert chosen_backend(None, None, home) == "torch"
    installed("torch", "jax")
    assert chosen_backend(None, None, home) == "jax"


def test_a_backend_that_is_asked_for_and_missing_is_named(installed: Installed, home: dict[str, str]) -> None:
    installed("jax")
    with pytest.raises(ProbeError, match=r"--backend torch: that is not installed; pip install torch"):
        chosen_backend("torch", None, home)
    with pytest.raises(ProbeError, match=r"KERAS_BACKEND tensorflow: that is not installed"):
        chosen_backend(None, None, {**home, "KERAS_BACKEND": "tensorflow"})
    with pytest.raises(ProbeError, match=r"KERAS_BACKEND openvino: the probe knows tensorflow, jax, torch"):
        chosen_backend(None, None, {**home, "KERAS_BACKEND": "openvino"})


def test_tf_keras_runs_on_tensorflow_whatever_keras_runs_on(installed: Installed, home: dict[str, str]) -> None:
    installed("tensorflow", "jax", "tf_keras")
    assert chosen_backend(None, "tf_keras", {**home, "KERAS_BACKEND": "jax"}) == "tensorflow"
    with pytest.raises(ProbeError, match=r"--backend jax: tf_keras runs on tensorflow only"):
        chosen_backend("jax", "tf_keras", home)


def test_without_keras_or_a_backend_it_says_what_to_install(installed: Installed, home: dict[str, str]) -> None:
    installed("numpy", "psutil", "rich", "jinja2", "tensorflow")
    with pytest.raises(ProbeError) as caught:
        require_installed(None)
    assert str(caught.value) == "`reglint probe` needs Keras: pip install 'reglint[probe]'"
    installed("keras")
    with pytest.raises(ProbeError) as caught:
        chosen_backend(None, None, home)
    assert str(caught.value) == "`reglint probe` needs Keras: pip install 'reglint[probe]'"


@pytest.mark.parametrize("missing", environment.COMPANIONS)
def test_a_missing_companion_is_named(missing: str, installed: Installed) -> None:
    installed("keras", *(name for name in environment.COMPANIONS if name != missing))
    with pytest.raises(ProbeError, match=rf"pip install 'reglint\[probe\]' \(there is no {missing}\)"):
        require_installed(None)


def test_the_cpu_alone_is_seen_where_it_is_asked_for() -> None:
    made = environment_for("jax", "cpu", {"CUDA_VISIBLE_DEVICES": "0", "HOME": "/home/me"})
    assert (made["CUDA_VISIBLE_DEVICES"], made["JAX_PLATFORMS"], made["KERAS_TORCH_DEVICE"]) == ("-1", "cpu", "cpu")
    assert (made["KERAS_BACKEND"], made["HOME"]) == ("jax", "/home/me")


@pytest.mark.parametrize(
    ("visible", "device", "expected"),
    [
        (None, "auto", None),
        ("2,3", "auto", "2,3"),
        (None, "gpu", None),
        (None, "gpu:1", "1"),
        ("2, 3", "gpu:1", "3"),
        ("GPU-8a,GPU-9b", "gpu:0", "GPU-8a"),
        ("2,3", "gpu:5", "-1"),
        ("", "gpu:0", "0"),
    ],
)
def test_a_gpu_counts_within_those_that_the_user_lets_us_see(
    visible: str | None, device: str, expected: str | None
) -> None:
    before = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert environment_for("tensorflow", device, before).get("CUDA_VISIBLE_DEVICES") == expected


def test_what_the_user_set_about_gpu_memory_stays() -> None:
    assert environment_for("jax", "auto", {})["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    kept = environment_for("jax", "auto", {"XLA_PYTHON_CLIENT_PREALLOCATE": "true"})
    assert kept["XLA_PYTHON_CLIENT_PREALLOCATE"] == "true"


def test_the_memory_of_a_machine_is_at_most_what_it_has() -> None:
    psutil = pytest.importorskip("psutil")
    assert 0 < memory_of_machine() <= psutil.virtual_memory().total
