"""The bar of `reglint probe`: in a real terminal, and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("psutil")
pytest.importorskip("rich")

from reports import report, site
from terminals import needs_tmux, seen

from reglint.probe.process.transfer import dumps

pytestmark = needs_tmux

#: The command, with a process that says what stands in a file instead of running a model.
PROGRAM = """
import sys
from reglint import cli
from reglint.probe.process import command, environment

child = "import sys; sys.stdin.readline(); sys.stdout.write(open('said.jsonl', encoding='utf-8').read())"
command.child_command = lambda: [sys.executable, "-c", child]
environment.find_spec = lambda name: object()
sys.exit(cli.main(["probe", "model.keras"]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    said = [
        {"kind": "stage", "stage": "running the model"},
        {"kind": "progress", "done": 7, "total": 9},
        {"kind": "report", "report": report(site()).as_json(), "filename": "model.keras"},
    ]
    (tmp_path / "said.jsonl").write_text("".join(dumps(each) + "\n" for each in said), encoding="utf-8")
    (tmp_path / "program").write_text(PROGRAM)
    (tmp_path / "model.keras").write_bytes(b"PK\x03\x04")
    return tmp_path


def test_a_terminal_shows_how_far_the_probe_is_and_keeps_nothing_of_it(folder: Path) -> None:
    done = seen(f'"{sys.executable}" program', folder)
    assert b"running the model" in done.written
    assert b"7/9" in done.written
    assert done.screen[-1] == "All checks passed!"
    assert not any("7/9" in line for line in done.screen)


def test_a_pipe_gets_no_bar(folder: Path) -> None:
    done = seen(f'"{sys.executable}" program 2>&1 | cat', folder)
    assert done.screen[-1] == "All checks passed!"
    assert b"running the model" not in done.written
    assert b"\x1b" not in done.written
