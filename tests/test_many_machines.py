"""Beyond one machine: what travels between processes arrives as it was, and a cluster finds what one process finds."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from test_reports_formats import diagnostics

import reglint
from reglint.diagnostics import Diagnostic
from reglint.settings import Settings
from reglint.versions import Allowed

SCRIPT = ROOT / "docs" / "dask" / "scan.py"
PAGE = ROOT / "docs" / "many-machines.md"
#: A part of the fixtures that has a bit of everything, files that cannot be read among it.
FILES = sorted(
    str(path)
    for folder in [FIXTURES / "awkward", *sorted((FIXTURES / "projects").iterdir())[::4]]
    for path in folder.rglob("*")
    if path.suffix in (".py", ".ipynb") and path.is_file()
)


def again(value: Any) -> Any:
    """What another process gets of a value."""
    return pickle.loads(pickle.dumps(value))


# --- what travels ----------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(diagnostics())
def test_a_diagnostic_arrives_as_it_was(diagnostic: Diagnostic) -> None:
    assert again(diagnostic) == diagnostic


def test_findings_arrive_as_they_were_and_depend_on_nothing_that_was_checked_before() -> None:
    found = {path: reglint.check_source(Path(path).read_bytes(), filename=path) for path in FILES}
    assert sum(map(len, found.values())) > 100
    assert again(found) == found
    for path in reversed(FILES):
        assert reglint.check_source(Path(path).read_bytes(), filename=path) == found[path]


SELECTORS = st.lists(st.sampled_from(["REG1", "REG101", "REG102", "REG104", "REG303", "ALL"]), max_size=3)
KEYS = st.fixed_dictionaries(
    {},
    optional={
        "select": SELECTORS,
        "ignore": SELECTORS,
        "per-file-ignores": st.dictionaries(st.sampled_from(["*.py", "!b.py", "old/*"]), SELECTORS, max_size=2),
        "extend-exclude": st.lists(st.sampled_from(["old", "*.ipynb"]), max_size=2),
        "preview": st.booleans(),
        "keras-version": st.sampled_from(["<2", ">=2,<3", ">=3", "tensorflow==1.15"]),
        "target": st.just("keras==3.15.1"),
        "layers": st.just({"mine.Gated": "Dense"}),
    },
)
TEXT = """from keras.layers import Dense
from keras.regularizers import l1l2, l2
from mine import Gated

Dense(8, W_regularizer=l2(l=0.1), b_regularizer=l1l2(0.1))
Gated(8, W_regularizer="l2")
"""


@settings(max_examples=40, deadline=None)
@given(KEYS)
def test_settings_say_the_same_where_they_arrive(keys: dict[str, Any]) -> None:
    here = Settings.from_mapping(keys)
    there = again(here)
    assert there == here
    assert reglint.check_source(TEXT, settings=there, modules={}) == reglint.check_source(
        TEXT, settings=here, modules={}
    )


@pytest.mark.parametrize("text", ["", "keras>=2,<3; tensorflow==1.15", ">=2.2", "tf-keras==2.16"])
def test_allowed_versions_arrive_as_they_were(text: str) -> None:
    assert again(Allowed.parse(text, "here")) == Allowed.parse(text, "here")


# --- the example -----------------------------------------------------------------------------------------------------


needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="there is no Dask here")


def scanned(folder: Path, paths: list[str], *options: str) -> list[dict[str, Any]]:
    """What the script of the page writes about a list of files, in its order."""
    (folder / "list.txt").write_text("".join(path + "\n" for path in paths), encoding="utf-8")
    command = [sys.executable, str(SCRIPT), "list.txt", "findings", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    parts = sorted((folder / "findings").iterdir(), key=lambda path: int(path.stem))
    return [json.loads(line) for part in parts for line in part.read_text(encoding="utf-8").splitlines()]


@needs_dask
def test_a_cluster_finds_what_one_process_finds(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("".join(path + "\n" for path in FILES), encoding="utf-8")
    lines = ("check", "--isolated", "--output-format", "json-lines", "--files-from", "list.txt", "--jobs", "1")
    command = [sys.executable, "-m", "reglint", *lines]
    alone = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    expected = [json.loads(line) for line in alone.stdout.splitlines()]
    found = scanned(tmp_path, FILES, "--part", "20")
    assert len(list((tmp_path / "findings").iterdir())) > 3
    assert [told(each) for each in found] == [told(each) for each in expected]
    # What has no text has no place in it.
    placed = [pair for pair in zip(found, expected, strict=True) if "row" in pair[0]]
    assert len(placed) > 100
    for here, there in placed:
        assert {"row": here["row"], "column": here["column"]} == there["location"]
        assert here["cell"] == there["cell"]


def told(finding: dict[str, Any]) -> list[Any]:
    return [finding[key] for key in ("filename", "code", "severity", "fix_withheld", "data")] + [
        " ".join(finding["message"].split())
    ]


@needs_dask
def test_a_file_that_is_gone_is_named_and_the_others_are_checked(tmp_path: Path) -> None:
    bad = tmp_path / "ä b.py"
    bad.write_text('from keras.layers import Dense\nDense(8, W_regularizer="l2")\n')
    found = scanned(tmp_path, [str(tmp_path / "gone.py"), str(bad)])
    assert [(os.path.basename(each["filename"]), each["code"]) for each in found] == [
        ("gone.py", "REG900"),
        ("ä b.py", "REG101"),
    ]


@needs_dask
def test_the_page_names_the_script_and_options_that_it_has() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert "(dask/scan.py)" in page
    done = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, text=True, check=True)
    for option in ("--scheduler", "--part"):
        assert option in page
        assert option in done.stdout
