"""The projects under ``fixtures/projects``: found where a line says so, silent everywhere else, fixed as decided."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, Check, read_toml

from reglint.cli import main

PROJECTS = FIXTURES / "projects"
MARKER = re.compile(rb"#\s*(error|warning|info):\s*(REG.*?)(?=#\s*(?:error|warning|info):|$)")
ITEM = re.compile(rb"(REG\d+)\s*(\((?:no fix|unsafe)\))?")
LINE_END = re.compile(rb"\r\n|\r|\n")
FREE_SPELLING = {"with_slim.py"}  # several spellings of the fix are right
WHOLE_CALL = ("REG11", "REG12")
"""The rules about the rest of a Keras 1 call, which most code that is old enough for the others breaks as well."""

#: Path, cell, row, code, kind of fix, severity.
Site = tuple[str, int | None, int, str, str, str]


def marked_in(project: Path) -> Iterator[Site]:
    """What the comments in a project's files and its ``expected.toml`` promise."""
    for path in project.rglob("*.py"):
        for row, line in enumerate(LINE_END.split(path.read_bytes()), 1):
            for severity, items in MARKER.findall(line):
                for code, kind in ITEM.findall(items):
                    fix = kind.decode().strip("()") or "safe"
                    yield str(path), None, row, code.decode(), fix, severity.decode()
    listed = project / "expected.toml"
    if listed.exists():
        for finding in read_toml(listed)["finding"]:
            fix = finding.get("fix", "none").replace("none", "no fix")
            where = str(project / finding["path"]), finding.get("cell"), finding.get("line", 0)
            yield *where, finding["code"], fix, finding.get("severity", "error")


def ignored_in(project: Path) -> list[str]:
    """What a project is not judged for: the rest of its calls, if its marks are about other rules alone."""
    codes = {code for *_, code, _, _ in marked_in(project)}
    aside = bool(codes) and not any(code.startswith(WHOLE_CALL) for code in codes)
    return ["--ignore", ",".join(WHOLE_CALL)] if aside else []


def found_in(findings: list[dict[str, Any]], without_row: set[tuple[str, str]]) -> Iterator[Site]:
    for finding in findings:
        fix = finding["fix"]["applicability"] if finding["fix"] else "no fix"
        row = finding["location"]["row"]
        if (finding["filename"], finding["code"]) in without_row:
            row = 0
        yield finding["filename"], finding["cell"], row, finding["code"], fix, finding["severity"]


@pytest.mark.parametrize("name", sorted(path.name for path in PROJECTS.iterdir() if path.is_dir()))
def test_a_project_gives_the_findings_that_its_lines_are_marked_with_and_no_other(name: str, check_json: Check) -> None:
    expected = sorted(marked_in(PROJECTS / name), key=repr)
    anywhere = {(path, code) for path, _, row, code, _, _ in expected if row == 0}
    assert sorted(found_in(check_json(PROJECTS / name, *ignored_in(PROJECTS / name)), anywhere), key=repr) == expected


@pytest.mark.parametrize("name", sorted(path.name for path in PROJECTS.iterdir() if path.is_dir()))
def test_fixing_a_project_gives_the_decided_bytes_and_fixing_again_changes_nothing(name: str, tmp_path: Path) -> None:
    work = tmp_path / name
    shutil.copytree(PROJECTS / name, work, ignore=shutil.ignore_patterns("*.fixed"))
    ignored = ignored_in(PROJECTS / name)
    main(["fix", "--jobs", "1", *ignored, str(work)])
    after = {path: path.read_bytes() for path in files_of(work)}
    for path, raw in after.items():
        original = PROJECTS / name / path.relative_to(work)
        decided = original.with_name(original.name + ".fixed")
        if path.name not in FREE_SPELLING:
            assert raw == (decided if decided.exists() else original).read_bytes(), path.relative_to(work)
    main(["fix", "--jobs", "1", *ignored, str(work)])
    assert {path: path.read_bytes() for path in files_of(work)} == after


def files_of(folder: Path) -> list[Path]:
    return sorted(Path(root) / name for root, _, names in os.walk(folder) for name in names)


def test_every_decided_result_belongs_to_a_file_that_must_change() -> None:
    for decided in PROJECTS.rglob("*.fixed"):
        original = decided.with_name(decided.name.removesuffix(".fixed"))
        assert original.read_bytes() != decided.read_bytes(), decided
