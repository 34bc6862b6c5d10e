"""Colour and progress, as they are to be seen in a real terminal, and nowhere else."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from terminals import needs_tmux, seen

pytestmark = needs_tmux

BAD = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n'
REGLINT = f'"{sys.executable}" -m reglint'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with enough files for a longer run; one of them has a finding, for ruff as well."""
    for number in range(30):
        (tmp_path / f"m{number:02}.py").write_text(f"# W_regularizer\nx = {number}\n")
    (tmp_path / "bad.py").write_text("import os\n" + BAD)
    return tmp_path


# --- colour ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "piped", "coloured"),
    [
        ({}, "", True),
        ({}, "| cat", False),
        ({"NO_COLOR": "1"}, "", False),
        ({"NO_COLOR": ""}, "", True),
        ({"TERM": "dumb"}, "", False),
        ({"FORCE_COLOR": "1"}, "| cat", True),
        ({"FORCE_COLOR": ""}, "| cat", False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, "", True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, "", False),
    ],
    ids=str,
)
def test_colour_is_where_ruff_has_it(environment: dict[str, str], piped: str, coloured: bool, folder: Path) -> None:
    ours = seen(f"{REGLINT} check --isolated bad.py {piped}", folder, environment)
    assert ours.screen[0].startswith("bad.py:3:18: REG101 [*] ")
    assert (b"\x1b[1;31mREG101" in ours.written) is coloured
    assert ("\x1b[" in ours.coloured) is coloured
    ruff = (
        f'"{sys.executable}" -m ruff check --isolated --no-cache --select F401 --output-format concise bad.py {piped}'
    )
    theirs = seen(ruff, folder, environment)
    assert "F401" in theirs.screen[0]
    assert ("\x1b[" in theirs.coloured) is coloured


def test_a_report_in_a_file_is_plain_even_where_colour_is_forced(folder: Path) -> None:
    seen(f"{REGLINT} check --isolated bad.py -o out --report full=full", folder, {"FORCE_COLOR": "1"})
    for name in ("out", "full"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "REG101" in text
        assert "\x1b" not in text


# --- progress --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_longer_run_counts_its_files_and_leaves_no_trace_of_it(jobs: str, folder: Path) -> None:
    done = seen(f"{REGLINT} check --isolated --jobs {jobs}", folder)
    for number in range(1, 31):
        assert f"\r{number}/31 files".encode() in done.written
    assert done.screen[0].startswith("bad.py:3:18: REG101")
    assert not any("/31" in line for line in done.screen)


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        ("check 2>&1 | cat", {}),
        ("check", {"TERM": "dumb"}),
        ("check bad.py", {}),
        ("check --output-format json-lines", {}),
    ],
)
def test_there_is_no_progress_where_it_could_not_vanish_or_would_be_in_the_way(
    command: str, environment: dict[str, str], folder: Path
) -> None:
    done = seen(f"{REGLINT} {command}", folder, environment)
    assert b"REG101" in done.written
    assert b"/31" not in done.written
    assert b"\x1b[K" not in done.written


def test_json_lines_in_a_terminal_are_lines_of_json(folder: Path) -> None:
    shutil.copy(folder / "bad.py", folder / "worse.py")
    lines = seen(f"{REGLINT} check --isolated --output-format json-lines", folder).written.decode().splitlines()
    assert [json.loads(line)["code"] for line in lines] == ["REG101", "REG101"]


# --- help ------------------------------------------------------------------------------------------------------------


def test_the_help_is_to_be_seen_without_scrolling(folder: Path) -> None:
    screen = seen(f"{REGLINT} --help", folder).screen
    assert screen[0].startswith("usage: reglint")
    assert "examples:" in screen
    assert screen[-1].startswith("  reglint ")
