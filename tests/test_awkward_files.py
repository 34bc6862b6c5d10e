"""The files under ``fixtures/awkward``: bad or merely unusual input."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, Check, read_toml

from reglint.cli import main

AWKWARD = FIXTURES / "awkward"
FILES: list[dict[str, Any]] = read_toml(AWKWARD / "expected.toml")["file"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file["path"])
def test_an_awkward_file_gives_what_is_written_down_for_it(file: dict[str, Any], check_json: Check) -> None:
    found = check_json(AWKWARD / file["path"])
    expected = file.get("finding", [])
    assert [finding["code"] for finding in found] == [finding["code"] for finding in expected]
    for finding, wanted in zip(found, expected, strict=True):
        for key in ("row", "column"):
            if key in wanted:
                assert finding["location"][key] == wanted[key]
        kind = finding["fix"]["applicability"] if finding["fix"] else "none"
        assert kind == wanted.get("fix", "none")
        assert "\n" not in finding["message"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file["path"])
def test_fixing_an_awkward_file_changes_only_what_was_decided(file: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / file["path"]
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(AWKWARD / file["path"], path)
    unreadable = any(finding["code"] == "REG900" for finding in file.get("finding", []))
    assert main(["fix", str(path)]) == (2 if unreadable else 0)
    decided = AWKWARD / f"{file['path']}.fixed"
    assert path.read_bytes() == (decided if decided.exists() else AWKWARD / file["path"]).read_bytes()


@pytest.mark.parametrize("folder", ["broken_pyproject", "wrong_settings"])
def test_a_bad_pyproject_is_one_line_that_names_it(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(AWKWARD / folder)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert "pyproject.toml" in errors[0]
