"""Published packages, pinned: exactly what their manifests say of Keras, decided by reading them beforehand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import CORPUS, name_of, read_toml
from packaging.specifiers import SpecifierSet

from reglint.cli import main

pytestmark = pytest.mark.corpus

SDISTS: list[dict[str, Any]] = read_toml(CORPUS / "allowed.toml")["sdist"]

#: Package, specifier in a normal form, place.
Said = tuple[str, str, str]


def said_by(project: dict[str, Any], root: Path) -> Iterator[Said]:
    for package in project["packages"]:
        for bound in package["allowed"]:
            place = f"{Path(bound['path']).relative_to(root)}:{bound['line']}"
            yield package["package"], str(SpecifierSet(bound["specifier"])), place


@pytest.mark.parametrize("sdist", SDISTS, ids=name_of)
def test_the_manifests_of_a_published_package_allow_what_a_reader_finds_in_them(
    sdist: dict[str, Any], corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = corpus / name_of(sdist)
    assert main(["keras", "--isolated", "--output-format", "json", str(root)]) == 0
    projects = json.loads(capsys.readouterr().out)
    found = sorted({said for project in projects for said in said_by(project, root)})
    expected = sorted((said["package"], str(SpecifierSet(said["specifier"])), said["at"]) for said in sdist["allowed"])
    assert found == expected
