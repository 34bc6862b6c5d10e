"""The package: every room is in it, the cards too, and nothing else lands in site-packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import reglint

ROOT = Path(__file__).resolve().parent.parent

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


def test_the_wheel_and_the_wheel_of_the_sdist_hold_all_cards(tmp_path: Path) -> None:
    # A copy: what an earlier build left behind must not get in, and nothing is to be left here.
    tree = tmp_path / "tree"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info", "tests", "fixtures")
    shutil.copytree(ROOT, tree, ignore=left_out)
    # Without isolation nothing is downloaded, but the setuptools at hand must know our pyproject.toml.
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir"]
    subprocess.run([*build, str(tmp_path / "one"), "--wheel", str(tree)], check=True, capture_output=True)
    subprocess.run([*build, str(tmp_path / "two"), "--sdist", str(tree)], check=True, capture_output=True)
    (sdist,) = (tmp_path / "two").iterdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    subprocess.run([*build, str(tmp_path / "two"), "--wheel", str(unpacked)], check=True, capture_output=True)
    (wheel,) = (tmp_path / "one").glob("*.whl")
    (again,) = (tmp_path / "two").glob("*.whl")
    cards = {f"reglint/rules/{path.name}" for path in (ROOT / "rules").glob("*.md")}
    tables = {f"reglint/rules/facts/{path.name}" for path in (ROOT / "rules/facts").glob("*.toml")}
    assert cards
    assert names_in(wheel) >= cards | tables | {"reglint/py.typed", "reglint/reports/text.py"}
    assert names_in(again) == names_in(wheel)
    assert {name.partition("/")[0].partition("-")[0] for name in names_in(wheel)} == {"reglint"}
