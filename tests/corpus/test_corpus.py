"""Published packages, pinned: exactly the findings decided by reading their code, before the tool saw them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import CORPUS, Check, name_of, read_toml

pytestmark = pytest.mark.corpus

EXPECTED = read_toml(CORPUS / "expected.toml")
PATTERN = re.compile(EXPECTED["pattern"])
SDISTS: list[dict[str, Any]] = EXPECTED["sdist"]


@pytest.mark.parametrize("sdist", SDISTS, ids=name_of)
def test_a_published_package_gives_the_findings_decided_by_reading_it(
    sdist: dict[str, Any], corpus: Path, check_json: Check
) -> None:
    root = corpus / name_of(sdist)
    found = {
        (str(Path(f["filename"]).relative_to(root)), f["location"]["row"], f["code"], kind_of(f))
        for f in check_json("--isolated", "--ignore", "REG11,REG12", root)
        if f["code"] != "REG900"
    }
    expected = {(f["path"], f["line"], f["code"], f["applicability"]) for f in sdist.get("finding", [])}
    assert found == expected


def kind_of(finding: dict[str, Any]) -> str:
    return finding["fix"]["applicability"] if finding["fix"] else "none"


@pytest.mark.parametrize("sdist", SDISTS, ids=name_of)
def test_the_package_holds_as_many_textual_hits_as_were_read(sdist: dict[str, Any], corpus: Path) -> None:
    root = corpus / name_of(sdist)
    files = [path for ending in ("*.py", "*.ipynb") for path in root.rglob(ending)]
    hits = sum(len(PATTERN.findall(path.read_text(encoding="utf-8", errors="replace"))) for path in files)
    assert hits == sdist["hits"]
