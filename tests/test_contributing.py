"""`Add a rule in ten minutes`, followed to the letter: its files written, its changes made, its commands run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ROOT, copy_of_the_tree

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTION = TEXT.partition("## Add a rule in ten minutes\n")[2]


class Block(NamedTuple):
    """A fenced block: its language, the file that it is about, and its text."""

    language: str
    file: str
    text: str


def blocks() -> Iterator[Block]:
    """The blocks in the order of the steps; a longer fence holds shorter ones."""
    for found in re.finditer(r"^(`{3,})(\w+) ?(\S*)\n(.*?)^\1$", SECTION, re.DOTALL | re.MULTILINE):
        yield Block(found[2], found[3], found[4])


def commands(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with what it is shown to print."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        yield command, printed


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the sources with the tests that the steps run."""
    folder = copy_of_the_tree(tmp_path / "checkout")
    (folder / "tests").mkdir()
    for name in ("conftest.py", "test_rule_examples.py", "test_rulebook.py"):
        shutil.copy(ROOT / "tests" / name, folder / "tests" / name)
    return folder


def change(path: Path, diff: str) -> None:
    """Make the change that a diff without line numbers shows, where its lines stand exactly once."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_the_steps_give_a_rule_that_works(checkout: Path) -> None:
    # `python` is the one that runs these tests, and what it imports is the copy.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(checkout)}
    done = []
    for block in blocks():
        if block.language == "diff":
            change(checkout / block.file, block.text)
        elif block.language == "console":
            for command, printed in commands(block.text):
                result = subprocess.run(
                    ["bash", "-c", command],
                    cwd=checkout,
                    env=environment,
                    capture_output=True,
                    encoding="utf-8",
                    check=False,
                )
                assert result.returncode == 0, f"$ {command}\n{result.stdout}{result.stderr}"
                if "pytest" in command:
                    assert int(re.findall(r"(\d+) passed", result.stdout)[0]) >= 5
                else:
                    assert result.stdout == printed
        else:
            assert not (checkout / block.file).exists()
            (checkout / block.file).write_text(block.text, encoding="utf-8")
        done.append(block.language)
    assert done == ["markdown", "diff", "python", "console"]
    # The module that is shown keeps to the rules of the house.
    for tool in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        files = ["reglint/checks/regularized_bias.py"]
        result = subprocess.run(
            [sys.executable, "-m", *tool, *files],
            cwd=checkout,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_the_number_of_the_example_is_free() -> None:
    (card,) = (block.file for block in blocks() if block.language == "markdown")
    assert not list((ROOT / "rules").glob(Path(card).name[:6] + "*"))


@pytest.mark.parametrize("file", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/versioning.md"])
def test_what_a_page_links_to_is_there(file: str) -> None:
    page = ROOT / file
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
