"""The package: every room is in it, the cards too, and nothing else lands in site-packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, copy_of_the_tree

import reglint
from reglint.rulebook import load_cards, read_tables

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_folder_with_code_is_in_the_list_of_packages() -> None:
    folders = {path.parent for path in (ROOT / "reglint").rglob("*.py")}
    found = {".".join(folder.relative_to(ROOT).parts) for folder in folders} | {"reglint.rules"}
    assert set(PYPROJECT["tool"]["setuptools"]["packages"]) == found


def test_the_version_stands_in_one_place() -> None:
    assert PYPROJECT["project"]["dynamic"] == ["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"## {reglint.__version__}" in changelog


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel of this tree, its sdist, and the wheel of that sdist."""
    folder = tmp_path_factory.mktemp("built")
    tree = copy_of_the_tree(folder / "tree")
    # Without isolation nothing is downloaded, but the setuptools at hand must know our pyproject.toml.
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir"]
    subprocess.run([*build, str(folder / "one"), "--wheel", str(tree)], check=True, capture_output=True)
    subprocess.run([*build, str(folder / "two"), "--sdist", str(tree)], check=True, capture_output=True)
    (sdist,) = (folder / "two").iterdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    subprocess.run([*build, str(folder / "three"), "--wheel", str(unpacked)], check=True, capture_output=True)
    (wheel,) = (folder / "one").iterdir()
    (again,) = (folder / "three").iterdir()
    return {"wheel": wheel, "sdist": sdist, "wheel of the sdist": again}


def test_the_wheel_and_the_wheel_of_the_sdist_hold_all_cards(built: dict[str, Path]) -> None:
    names = names_in(built["wheel"])
    cards = {f"reglint/rules/{path.name}" for path in (ROOT / "rules").glob("*.md")}
    tables = {f"reglint/rules/facts/{path.name}" for path in (ROOT / "rules/facts").glob("*.toml")}
    assert cards
    assert names >= cards | tables | {"reglint/py.typed", "reglint/reports/text.py"}
    assert names_in(built["wheel of the sdist"]) == names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"reglint"}


def test_the_modules_of_the_wheel_hold_what_the_cards_and_the_tables_say(built: dict[str, Path]) -> None:
    def table(name: str) -> object:
        with zipfile.ZipFile(built["wheel"]) as archive:
            found: dict[str, object] = {}
            exec(archive.read(f"reglint/rules/{name}.py"), found)
        return found["TABLE"]

    assert table("cards") == read_tables(ROOT / "rules")
    for path in (ROOT / "rules/facts").glob("*.toml"):
        assert table(f"facts/{path.stem}") == tomllib.loads(path.read_text(encoding="utf-8"))


#: What somebody else's typed code does with the library; the last line is an error that only py.typed lets mypy see.
CLIENT = """\
import reglint

first: reglint.Finding = reglint.check_source("import keras\\n")[0]
wrong: int = first.code
"""


@pytest.mark.corpus
@pytest.mark.parametrize("kind", ["wheel", "sdist", "wheel of the sdist"])
def test_it_installs_into_an_empty_environment_and_runs(
    kind: str, built: dict[str, Path], wheelhouse: dict[str, str], tmp_path: Path
) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    programs = environment / ("Scripts" if sys.platform == "win32" else "bin")

    def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
        # Nothing of the tree, nor of the environment of these tests, may be seen.
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
        return subprocess.run(
            [*map(str, command)], cwd=tmp_path, env=clean | wheelhouse, capture_output=True, text=True, check=False
        )

    done = run(sys.executable, "-m", "pip", "--python", programs / "python", "install", "--quiet", built[kind])
    assert done.returncode == 0, done.stderr
    assert run(programs / "reglint", "--version").stdout == f"reglint {reglint.__version__}\n"
    rules = json.loads(run(programs / "reglint", "rules", "--output-format", "json").stdout)
    assert [rule["code"] for rule in rules] == list(load_cards())
    (tmp_path / "a.py").write_text('import keras\nlayer = keras.layers.Dense(8, W_regularizer="l2")\n')
    done = run(programs / "reglint", "check", "a.py")
    assert done.returncode == 1
    assert "a.py:2:31: REG101 [*]" in done.stdout
    (tmp_path / "client.py").write_text(CLIENT)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", programs / "python", "client.py"]
    assert run(*mypy).stdout.splitlines()[:-1] == [
        'client.py:4: error: Incompatible types in assignment (expression has type "str", variable has type "int")'
        "  [assignment]"
    ]
