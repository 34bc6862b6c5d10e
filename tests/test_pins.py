"""Which files of a project are its manifests, and what they come to together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reglint import check_source
from reglint.pins import Pin, Unread, allowed_by, allowed_by_notebook, manifests_of, nearest_manifests, pins_of
from reglint.pins.pin import package_of, pin_of
from reglint.project import DiskFiles, MemoryFiles, Project
from reglint.settings import SettingsError


@pytest.mark.parametrize(
    "name",
    [
        "requirements.txt",
        "requirements-dev.txt",
        "requirements_gpu.txt",
        "dev-requirements.txt",
        "requirements.in",
        "constraints.txt",
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
        "Pipfile",
        "Pipfile.lock",
        "poetry.lock",
        "uv.lock",
        "pdm.lock",
        "pylock.toml",
        "pylock.gpu.toml",
        "environment.yml",
        "environment-gpu.yaml",
        "conda_env.yml",
        "tox.ini",
        "Dockerfile",
        "Dockerfile.gpu",
        "gpu.Dockerfile",
    ],
)
def test_a_manifest_is_known_by_its_name(name: str) -> None:
    assert [path for path, _ in manifests_of("", MemoryFiles({name: ""}))] == [name]


@pytest.mark.parametrize(
    "name", ["requirements.md", "setup.pyc", "model.py", "environment.py", "lock.toml", "notes.txt"]
)
def test_other_files_are_no_manifests(name: str) -> None:
    assert list(manifests_of("", MemoryFiles({name: "keras==2.0"}))) == []


def test_files_in_a_folder_of_requirements_belong_to_the_project_above() -> None:
    files = MemoryFiles({"requirements/base.txt": "keras==2.0.8\n", "docs/notes.txt": "keras==1.0\n"})
    assert [(pin.specifier, pin.path, pin.line) for pin in pins_of("", files).pins] == [
        ("==2.0.8", "requirements/base.txt", 1)
    ]


def test_a_requirement_that_is_read_twice_is_one_pin() -> None:
    files = MemoryFiles({"requirements.txt": "-r requirements/base.txt\n", "requirements/base.txt": "keras==2.0.8\n"})
    assert len(pins_of("", files).pins) == 1


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_requirements_that_name_no_keras_ask_the_folders_above_up_to_the_git_root(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "requirements.txt": "keras==1.0.8\n",
            "repo/.git/HEAD": "",
            "repo/requirements.txt": "keras==2.0.8\n",
            "repo/tests/requirements.txt": "pytest\n",
            "repo/bench/pyproject.toml": "[project]\nname = 'bench'\n",
            "other/tests/requirements.txt": "pytest\n",
        },
    )

    def found(folder: str) -> list[str]:
        return [pin.specifier for pin in nearest_manifests(str(tmp_path / folder), DiskFiles()).pins]

    assert found("repo/tests") == ["==2.0.8"]
    assert found("repo/bench") == []  # a package of its own
    assert found("other/tests") == []  # no repository, so nothing says where to stop


def test_a_place_is_named_as_seen_from_the_project(tmp_path: Path) -> None:
    write(tmp_path, {"requirements/gpu.txt": "\ntensorflow-gpu==1.4.1  # old\n"})
    manifests = pins_of(str(tmp_path), DiskFiles())
    bound = allowed_by(manifests, str(tmp_path)).bounds["tensorflow"][0]
    assert bound.origin == "requirements/gpu.txt:2 (`tensorflow-gpu==1.4.1`)"


OLD = "from keras.layers import Dense\nDense(8, W_regularizer='l2')\n"


def codes(modules: dict[str, str]) -> list[str]:
    return [finding.code for finding in check_source(OLD, filename="model.py", modules=modules)]


def test_old_names_are_right_in_a_project_pinned_below_keras_2() -> None:
    assert codes({"requirements.txt": "keras<2\n"}) == []
    assert codes({"requirements.txt": "keras<3\n"}) == ["REG101"]


def test_a_range_across_keras_2_allows_no_safe_fix() -> None:
    (finding,) = check_source(OLD, filename="model.py", modules={"setup.py": "setup(install_requires=['keras>=1.1'])"})
    assert finding.fix is not None and finding.fix.applicability.value == "unsafe"
    assert "setup.py:1 (`keras>=1.1`)" in finding.message


def test_a_project_in_which_pins_disagree_names_the_one_that_allows_keras_1() -> None:
    modules = {"requirements.txt": "keras==2.2.4\n", "setup.py": "setup(\n    install_requires=['keras>=1.1,<2'])"}
    (finding,) = check_source(OLD, filename="model.py", modules=modules)
    assert "setup.py:2" in finding.message and "requirements.txt" not in finding.message


def test_a_notebook_that_installs_a_keras_runs_with_that_one() -> None:
    cells = '{"cells": [%s], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    code = '{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null, "source": %s}'
    install = code % '["!pip install keras==1.2.2"]'
    use = code % '["from keras.layers import Dense\\n", "Dense(8, W_regularizer=None)"]'
    modules = {"requirements.txt": "keras>=2.2\n"}
    with_it = check_source(cells % f"{install}, {use}", filename="lesson.ipynb", modules=modules)
    without = check_source(cells % use, filename="lesson.ipynb", modules=modules)
    assert ([f.code for f in with_it], [f.code for f in without]) == ([], ["REG101"])


def test_a_notebook_may_install_a_file_of_requirements_that_lies_beside_it(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": ["!pip install -r old.txt  # keras"]}
    raw = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 2}).encode()
    write(tmp_path, {"requirements.txt": "keras>=3\n", "lessons/old.txt": "numpy\nkeras==1.2.2\n"})
    notebook = str(tmp_path / "lessons" / "one.ipynb")  # not saved yet, as from stdin
    (bound,) = allowed_by_notebook(notebook, raw, str(tmp_path), DiskFiles()).bounds["keras"]
    assert bound.origin == "lessons/old.txt:2 (`keras==1.2.2`)"


@pytest.mark.parametrize(
    "requirement", ["keras; " + "(" * 50_000 + "python_version>'3'" + ")" * 50_000, "keras>=" + "9" * 5_000 + ",oops"]
)
def test_a_requirement_of_absurd_size_is_told_on_one_short_line(requirement: str) -> None:
    item = pin_of(requirement, "setup.py", 7)
    assert isinstance(item, Unread)
    assert item.line == 7
    assert len(item.message) < 200


def test_a_tag_that_is_a_version_bounds_a_declared_requirement_too() -> None:
    pin = pin_of("keras @ git+https://example.org/keras.git@v2.2.4 ; python_version > '3'", "pyproject.toml", 1)
    assert isinstance(pin, Pin) and pin.specifier == "==2.2.4"


def test_conda_s_names_count_only_where_conda_installs() -> None:
    assert (package_of("keras-gpu", conda=True), package_of("tensorflow-mkl", conda=True)) == ("keras", "tensorflow")
    assert (package_of("keras-gpu"), package_of("tensorflow-mkl")) == (None, None)


def test_any_manifest_makes_a_folder_the_root_of_a_project(tmp_path: Path) -> None:
    write(tmp_path, {"a/requirements-gpu.txt": "", "a/src/model.py": "", "b/uv.lock": "", "b/src/model.py": ""})
    assert Project.find(tmp_path / "a/src/model.py").root == str(tmp_path / "a")
    assert Project.find(tmp_path / "b/src/model.py").root == str(tmp_path / "b")


def test_a_dockerfile_makes_a_root_only_where_nothing_else_does(tmp_path: Path) -> None:
    write(
        tmp_path, {"a/Dockerfile": "", "a/src/model.py": "", "b/tox.ini": "", "b/app/Dockerfile": "", "b/app/m.py": ""}
    )
    assert Project.find(tmp_path / "a/src/model.py").root == str(tmp_path / "a")
    assert Project.find(tmp_path / "b/app/m.py").root == str(tmp_path / "b")


def test_a_setup_inside_a_package_makes_no_project(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "setup.cfg": "",
            "pkg/__init__.py": "",
            "pkg/data/__init__.py": "",
            "pkg/data/setup.py": "",
            "pkg/data/m.py": "",
        },
    )
    assert Project.find(tmp_path / "pkg/data/m.py").root == str(tmp_path)


def test_the_library_is_told_what_is_allowed_as_the_command_line_is() -> None:
    assert check_source(OLD, filename="model.py", allowed="keras<2", modules={}) == []
    assert check_source(OLD, filename="model.py", allowed="keras>=2", modules={"requirements.txt": "keras<2"})
    with pytest.raises(SettingsError, match="no Keras version"):
        check_source(OLD, filename="model.py", allowed="2.x", modules={})
