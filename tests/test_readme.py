"""The README tells the truth: its example is what the tool does, its table is the cards'."""

from __future__ import annotations

import re

import pytest
from conftest import ROOT

from reglint import fix_source
from reglint.cli import main

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_before_of_the_readme_is_fixed_to_its_after() -> None:
    block = re.search(r"```diff\n\$ .*\n(.*?)```", README, re.DOTALL)
    assert block is not None
    lines = block[1].splitlines()
    before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
    after = "\n".join(line[1:] for line in lines if not line.startswith("-"))
    fixed, left = fix_source(before, filename="model.py", modules={})
    assert fixed.decode() == after
    assert not left


def test_the_rules_of_the_readme_are_those_of_the_cards(capsys: pytest.CaptureFixture[str]) -> None:
    main(["rules", "--output-format", "markdown"])
    assert capsys.readouterr().out.strip() in README
