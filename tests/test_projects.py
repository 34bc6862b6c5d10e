"""``reglint keras``: which Keras each project allows, and which line says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reglint.cli import main
from reglint.versions import released


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def keras_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    assert main(["keras", "--output-format", "json", *map(str, arguments)]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_each_project_below_a_path_is_listed_with_the_line_that_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        tmp_path,
        {
            "one/requirements.txt": "numpy\nkeras>=2.0,<2.1.4\n",
            "one/pkg/model.py": "",
            "two/setup.py": "from setuptools import setup\nsetup(install_requires=['tensorflow==2.17'])\n",
            "two/model.py": "",
        },
    )
    monkeypatch.chdir(tmp_path)
    assert main(["keras"]) == 0
    newest = released("keras")[-1]
    assert capsys.readouterr().out.splitlines() == [
        "one:",
        "  keras: requirements.txt:2 (`keras>=2.0,<2.1.4`)",
        "    allows keras 2.0.0 … 2.1.3 (14 releases)",
        "  tf.keras: nothing is said, so what an install gives today",
        f"    allows tensorflow {released('tensorflow')[-1]}",
        f"    which runs keras {newest}",
        "two:",
        "  keras: nothing is said, so what the TensorFlow below brings",
        f"    allows keras 3.2.0 … {newest} (32 releases)",
        "  tf.keras: setup.py:2 (`tensorflow==2.17`)",
        "    allows tensorflow 2.17.0",
        f"    which runs keras 3.2.0 … {newest} (32 releases)",
    ]


def test_json_holds_ranges_releases_and_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"requirements.txt": "\nkeras==2.0.8\n", "model.py": ""})
    (project,) = keras_json(capsys, tmp_path)
    keras = project["packages"][0]
    assert project["path"] == str(tmp_path)
    assert (keras["package"], keras["import"], keras["releases"]) == ("keras", "keras", ["2.0.8"])
    (bound,) = keras["allowed"]
    assert (bound["specifier"], bound["source"], bound["line"]) == ("==2.0.8", "declared", 2)
    assert bound["path"] == str(tmp_path / "requirements.txt")


def test_a_notebook_with_its_own_keras_is_listed_below_its_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": ["!pip install keras==2.0.8"]}
    notebook = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 2})
    write(tmp_path, {"requirements.txt": "keras>=3\n", "lesson.ipynb": notebook, "plain.py": ""})
    project, lesson = keras_json(capsys, tmp_path)
    assert lesson["path"] == str(tmp_path / "lesson.ipynb")
    assert lesson["packages"][0]["releases"] == ["2.0.8"]
    assert project["packages"][0]["releases"][0] == "3.0.0"


def test_the_command_line_and_the_settings_go_before_manifests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {"requirements.txt": "keras==2.0.8\n", "model.py": ""})
    (project,) = keras_json(capsys, "--keras-version", "2.2.4", tmp_path)
    assert project["packages"][0]["releases"] == ["2.2.4"]
    write(tmp_path, {"pyproject.toml": "[tool.reglint]\nkeras-version = '==3.10.0'\n"})
    (project,) = keras_json(capsys, tmp_path)
    assert project["packages"][0]["releases"] == ["3.10.0"]
    assert project["packages"][0]["allowed"][0]["source"] == "settings"


def test_a_manifest_that_cannot_be_read_is_told_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = "import keras\nDense(W_regularizer=None)\n"
    write(tmp_path, {"requirements.txt": "numpy\nkeras=>2.0\n", "model.py": model})
    monkeypatch.chdir(tmp_path)
    assert main(["keras"]) == 2
    assert capsys.readouterr().err.startswith("error: requirements.txt:2: ")
    assert main(["check"]) == 0
    assert capsys.readouterr().err.startswith("warning: requirements.txt:2: ")


def test_a_path_without_python_files_has_no_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keras", str(tmp_path)]) == 0
    assert "no Python file" in capsys.readouterr().out


def test_a_version_that_means_nothing_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keras", "--keras-version", "2.x"]) == 2
    assert "`2.x` is no Keras version" in capsys.readouterr().err
