"""The projects under ``fixtures/manifests``: which releases each allows, and which lines say so, as written down."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, read_toml

from reglint.cli import main
from reglint.versions import released

MANIFESTS = FIXTURES / "manifests"
PROJECTS = sorted(path.name for path in MANIFESTS.iterdir())

#: The notebook or "", the package, the places, the first and the last release that is allowed, how many there are.
Range = tuple[str, str, list[str], str, str, int]


def expected_of(project: Path) -> Iterator[Range]:
    for each in read_toml(project / "expected.toml")["package"]:
        first, last = (
            released(each["package"])[-1] if each[end] == "newest" else each[end] for end in ("first", "last")
        )
        yield each.get("path", ""), each["package"], sorted(each["at"]), first, last, each["count"]


def found_in(printed: list[dict[str, Any]], root: Path) -> Iterator[Range]:
    for project in printed:
        path = Path(project["path"])
        for package in project["packages"]:
            places = sorted({place_of(bound, root) for bound in package["allowed"]})
            releases = package["releases"]
            where = "" if path == root else str(path.relative_to(root))
            yield where, package["package"], places, releases[0], releases[-1], len(releases)


def place_of(bound: dict[str, Any], root: Path) -> str:
    cell = "" if bound["cell"] is None else f"cell {bound['cell']}:"
    return f"{Path(bound['path']).relative_to(root)}:{cell}{bound['line']}"


@pytest.fixture
def printed(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What ``reglint keras`` prints of a copy of the project, which is a repository of its own."""
    root = tmp_path / "project"
    shutil.copytree(MANIFESTS / request.param, root)
    (root / ".git").mkdir()
    assert main(["keras", "--output-format", "json", str(root)]) == 0
    printed: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return printed


@pytest.mark.parametrize(("printed", "name"), [(name, name) for name in PROJECTS], indirect=["printed"], ids=PROJECTS)
def test_a_project_allows_the_releases_that_were_worked_out_by_hand(
    printed: list[dict[str, Any]], name: str, tmp_path: Path
) -> None:
    expected = sorted(expected_of(MANIFESTS / name))
    named = {(path, package) for path, package, *_ in expected}
    found = sorted(found_in(printed, tmp_path / "project"))
    assert [each for each in found if each[:2] in named] == expected
    # A notebook is listed with what its project says, too.
    assert not [each for each in found if each[:2] not in named and each[2] and not each[0]]


@pytest.mark.parametrize(("printed", "name"), [(name, name) for name in PROJECTS], indirect=["printed"], ids=PROJECTS)
def test_what_runs_behind_an_import_is_what_was_worked_out_by_hand(printed: list[dict[str, Any]], name: str) -> None:
    for each in read_toml(MANIFESTS / name / "expected.toml")["package"]:
        if "runs" in each:
            (package,) = (package for package in printed[0]["packages"] if package["package"] == each["package"])
            assert [package["engines"][0], package["engines"][-1]] == each["runs"]
