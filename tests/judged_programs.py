"""Programs that pass an old keyword on: run as they are and with their safe fixes, and how sure each fix is."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

import pytest
from execution_world import run

from reglint import check_source, fix_source

HEAD = """\
import copy
import foreign
from functools import partial
from foreign import seen
from keras import layers
from keras.layers import Dense
"""


def cases(programs: Mapping[str, str]) -> pytest.MarkDecorator:
    """A test for each of the programs, named as they are."""
    return pytest.mark.parametrize("program", [pytest.param(text, id=name) for name, text in programs.items()])


def judged(program: str, **modules: str) -> list[str]:
    """How each finding in a program is mended: "safe", "unsafe" or "none".

    ``modules`` are the project's others by name. The program must run to its end, and do the same with its safe fixes.
    """
    texts = {"main": HEAD + dedent(program), **{name: dedent(text) for name, text in modules.items()}}
    sources = {f"{name}.py": text for name, text in texts.items()}
    before = run(sources)
    assert (before.ended, before.worked) == ("", True)
    after = {p: fix_source(text, filename=p, modules=sources)[0].decode() for p, text in sources.items()}
    assert before.agrees(run(after)), after["main.py"]
    kinds = []
    for finding in check_source(sources["main.py"], filename="main.py", modules=sources):
        kinds.append(finding.fix.applicability.value if finding.fix else "none")
        assert finding.fix or finding.fix_withheld
        assert "None" not in finding.message
    if kinds == ["safe"] * program.count("W_regularizer"):
        assert "W_regularizer" not in after["main.py"]
    return kinds
