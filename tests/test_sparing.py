"""Which files of a project are parsed: none whose names cannot lead to Keras, and none that only seems to share one."""

from __future__ import annotations

import pytest

import reglint
from reglint import syntax
from reglint.project import Project
from reglint.settings import Settings
from reglint.source import Source

LAYER = "from own import Dense\nmodel.add(Dense(8, init='uniform'))\n"
REEXPORT = "from keras.layers import Dense\n"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were parsed."""
    files: list[str] = []
    parse = syntax.parse

    def recorded(source: Source) -> syntax.Parsed:
        files.append(source.filename)
        return parse(source)

    monkeypatch.setattr(syntax, "parse", recorded)
    return files


def check(text: str, modules: dict[str, str], filename: str = "model.py", **settings: object) -> list[str]:
    """The codes that are found in a file beside some others."""
    allowed = Settings.from_mapping({"keras-version": "keras==3.15.1", **settings})
    found = reglint.check_source(text, filename=filename, settings=allowed, modules={filename: text, **modules})
    return [finding.code for finding in found]


def test_a_file_is_not_parsed_where_no_file_of_the_project_says_keras(parsed: list[str]) -> None:
    assert check(LAYER, {"own.py": "def Dense(n, init): pass\n"}) == []
    assert parsed == []


@pytest.mark.parametrize("between", ["own.py", "own/__init__.py", "src/own.py"])
def test_keras_may_come_from_another_file(between: str) -> None:
    assert check(LAYER, {between: REEXPORT}) == ["REG110"]


def test_keras_may_come_from_a_file_that_another_file_imports() -> None:
    assert check(LAYER, {"own.py": "from deep.layers import *\n", "deep/layers.py": REEXPORT}) == ["REG110"]


def test_a_file_in_a_folder_that_is_not_searched_may_have_keras_from_beside_it() -> None:
    text = LAYER.replace("from own", "from .own")
    assert check(text, {".hidden/own.py": REEXPORT}, filename=".hidden/model.py") == ["REG110"]


def test_in_house_layers_of_the_settings_need_no_keras() -> None:
    assert check(LAYER, {}, layers={"own.Dense": "Dense"}) == ["REG110"]


@pytest.mark.parametrize("limit", ["_MOST_FILES", "_MOST_ENTRIES"])
def test_a_project_of_too_many_files_is_not_searched(
    limit: str, monkeypatch: pytest.MonkeyPatch, parsed: list[str]
) -> None:
    monkeypatch.setattr(f"reglint.project.{limit}", 2)
    check(LAYER, {"own.py": "", "more.py": ""})
    assert "model.py" in parsed


# --- who may take a name from a module


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("from model import options\n", True),
        ("import model\nmodel.options\n", True),
        ("from models import options\n", False),
        ("from model import option\n", False),
        ("model, my_options", False),
    ],
)
def test_a_name_may_be_shared_with_a_file_that_says_it_and_its_module(other: str, expected: bool) -> None:
    project = Project.in_memory({"model.py": "options = {}\n", "other.py": other})
    assert project.may_share("model.py", "options") is expected


def test_the_names_of_a_package_may_be_shared_by_any_name_of_it() -> None:
    project = Project.in_memory({"pkg/__init__.py": "options = {}\n", "other.py": "options\n"})
    assert project.may_share("pkg/__init__.py", "options")


@pytest.mark.parametrize("module", ["modèle", "my-model"])
def test_modules_of_any_name_may_share(module: str) -> None:
    project = Project.in_memory({f"{module}.py": "größe = {}\n", "other.py": f"'{module}', größe\n"})
    assert project.may_share(f"{module}.py", "größe")


def test_a_file_that_is_none_of_the_sources_may_share() -> None:
    project = Project.in_memory({".hidden/model.py": "options = {}\n", "other.py": "from model import options\n"})
    assert project.may_share(".hidden/model.py", "options")


def test_a_notebook_that_says_a_name_behind_an_escape_may_share() -> None:
    project = Project.in_memory({"model.py": "", "a.ipynb": r'{"source": ["if x:\n\tmodel.options\n\toptions"]}'})
    assert project.may_share("model.py", "options")


# --- who may take a name from a module by an import


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("mine.py", "from mine import Convolution2D", True),
        ("mine.py", "from mine import a, Convolution2D as C", True),
        ("mine.py", "from .mine import (\n    a,  # a\n    Convolution2D,\n)", True),
        ("mine.py", "from pkg.mine import a, \\\n    Convolution2D", True),
        ("mine.py", "from mine import *\nConvolution2D()", True),
        ("mine.py", "import mine\nmine.Convolution2D()", True),
        ("mine.py", "import pkg.mine as m\nm.Convolution2D()", True),
        ("mine.py", "from pkg import (a,\n mine)\nmine . Convolution2D()", True),
        ("mine.py", "import mine\ngetattr(mine, 'Convolution2D')", True),
        ("mine.py", "from mine import (  # (or another)\n    a,\n    Convolution2D)", True),
        ("mine.py", '"""Made from the layer (see"""\nfrom mine import Convolution2D', True),
        ("mine.py", "m = importlib.import_module('mi' 'ne')  # mine\nm.Convolution2D", True),
        ("mine.py", "from keras.layers import Convolution2D\nfrom mine import block", False),
        ("mine.py", "from mine import block\nfrom keras.layers import Convolution2D", False),
        ("mine.py", "from keras.layers import Convolution2D\nmine = Convolution2D(8)", False),
        ("mine.py", "import mine\nfrom keras.layers import Convolution2D\nConvolution2D(mine.n)", False),
        ("mine.py", "from mines import Convolution2D  # mine", False),
        ("mine.py", "from mine import Convolution2DTranspose, a\nConvolution2D", False),
        ("pkg/__init__.py", "from pkg import Convolution2D", True),
        ("pkg/__init__.py", "from . import Convolution2D", True),
        ("pkg/__init__.py", "from .. import (Convolution2D)", True),
        ("pkg/__init__.py", "from pkg.layers import Convolution2D", False),
        ("pkg/__init__.py", "from .layers import Convolution2D", False),
    ],
)
def test_a_name_is_taken_by_who_imports_it_or_reads_it_from_the_module(path: str, text: str, expected: bool) -> None:
    project = Project.in_memory({path: "from keras.layers import Convolution2D\n", "pkg/other.py": text})
    assert project.may_give(path, "Convolution2D") is expected


def test_a_name_is_taken_through_a_file_that_has_all_names() -> None:
    files = {"pkg/mine.py": "from keras.layers import Convolution2D\n", "pkg/__init__.py": "from .mine import *\n"}
    assert not Project.in_memory(files).may_give("pkg/mine.py", "Convolution2D")
    files["main.py"] = "from pkg import Convolution2D\n"
    assert Project.in_memory(files).may_give("pkg/mine.py", "Convolution2D")


@pytest.mark.parametrize(
    "text", ["import " * 50_000, "from mine" * 50_000, "from mine import (" * 30_000, "super(" * 50_000]
)
def test_a_look_at_the_imports_of_a_file_comes_to_an_end(text: str) -> None:
    project = Project.in_memory({"mine.py": "", "other.py": f"{text}\nConvolution2D .old"})
    project.may_give("mine.py", "Convolution2D")
    project.may_call("mine.py", {"Own"}, "old")
