"""Programs that nobody would write, and broken files of every kind: never a crash, and nothing but a fix is changed.

The same examples in every run; to hunt for new ones, say how many: ``REGLINT_EXAMPLES=100000``.
"""

from __future__ import annotations

import ast
import json
import os
import sysconfig
import textwrap
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from test_awkward_bytes import PROGRAMS, Program
from test_pins_bad_input import KINDS, good

from reglint.cli import main

HUNT = int(os.environ.get("REGLINT_EXAMPLES", "0"))


def often(count: int) -> settings:
    """So many examples of a test, the same in every run, or as many as are hunted for."""
    return settings(
        max_examples=HUNT or count,
        derandomize=not HUNT,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


# --- programs: statements of the standard library, with the bad examples of the cards sown in

HOSTS = (
    *("argparse", "ast", "asyncio/base_events", "bdb", "cgitb", "codecs", "contextlib", "ctypes/util", "dataclasses"),
    *("difflib", "enum", "functools", "inspect", "json/decoder", "logging/config", "mimetypes", "opcode", "optparse"),
    *("pickletools", "re/_parser", "shlex", "statistics", "textwrap", "typing", "uuid", "zipapp"),
)
SIZE = 15  # lines of a statement, at most

#: What a program may be sown into; its lines stand indented in the place of ``…``.
SOILS = (
    "…",
    "def sown(a, *b, c=0, **d):\n    …\n    return locals()",
    "async def sown():\n    async with a as b:\n        …\n    await b",
    "class Sown(dict):\n    x: int = 1\n    …\n    def y(self): return self",
    "if len(__name__) > 3:\n    …\nelse:\n    …",
    "try:\n    …\nexcept (OSError, ValueError) as error:\n    …\nfinally:\n    pass",
    "for x in range(2):\n    …\n    continue\nelse:\n    pass",
    "with open(__file__) as x, x:\n    …",
    "match len(__name__):\n    case 1 | 2:\n        pass\n    case int(x) if x:\n        …",
    "while True:\n    …\n    break",
    "@staticmethod\ndef sown():\n    def inner():\n        …\n        nonlocal_ = 1\n    return inner",
)


@cache
def statements() -> tuple[str, ...]:
    """Top-level statements of the standard library, none longer than a few lines."""
    library = Path(sysconfig.get_path("stdlib"))
    found: dict[str, None] = {}
    for name in HOSTS:
        path = library / f"{name}.py"
        if path.exists():
            found.update(dict.fromkeys(_statements(path.read_text(encoding="utf-8"))))
    return tuple(found)


def _statements(text: str) -> Iterator[str]:
    lines = text.splitlines(keepends=True)
    for node in ast.walk(ast.parse(text)):
        whole = isinstance(node, ast.stmt) and node.end_lineno is not None
        if whole and node.end_lineno - node.lineno < SIZE and "__future__" not in lines[node.lineno - 1]:
            piece = textwrap.dedent("".join(lines[node.lineno - 1 : node.end_lineno]))
            if _is_valid(piece):
                yield piece if piece.endswith("\n") else piece + "\n"


def _is_valid(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "program.py", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return False
    return True


def sown(soil: str, text: str) -> str:
    lines = (
        textwrap.indent(text, line[: line.index("…")]).rstrip("\n") if "…" in line else line
        for line in soil.split("\n")
    )
    return "\n".join(lines) + "\n"


@st.composite
def sown_programs(draw: st.DrawFn) -> tuple[Program, list[str], int]:
    """A card's program, the statements of a file that it is sown into, and which of them holds it."""
    program = draw(st.sampled_from(PROGRAMS))
    pieces = draw(st.lists(st.sampled_from(statements()), max_size=6))
    piece = sown(draw(st.sampled_from(SOILS)), program.text)
    assume("__future__" not in piece)
    place = draw(st.integers(0, len(pieces)))
    pieces.insert(place, piece)
    assume(_is_valid("".join(pieces)))
    return program, pieces, place


def dumped(text: str) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [ast.dump(node) for node in ast.parse(text).body]


def is_within(some: list[str], every: list[str]) -> bool:
    rest = iter(every)
    return all(each in rest for each in some)


@given(sown_programs())
@often(250)
def test_a_fix_leaves_every_statement_around_it_as_it_is(case: tuple[Program, list[str], int]) -> None:
    program, pieces, place = case
    text = "".join(pieces)
    mended = program.fixed(text).decode()
    assert _is_valid(mended)
    around = [node for rank, piece in enumerate(pieces) if rank != place for node in dumped(piece)]
    assert is_within(around, dumped(mended)), mended
    assert program.fixed(mended).decode() == mended


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_what_is_sown_between_foreign_statements_is_mended(program: Program) -> None:
    text = "".join([*statements()[:3], program.text, *statements()[-3:]])
    assert program.fixed(text).decode() != text


@given(sown_programs(), st.sampled_from(["\n", "# Dense(W_regularizer=1)\n", "\f\n", "   \t\n"]))
@often(250)
def test_what_is_found_does_not_depend_on_the_lines_between_statements(
    case: tuple[Program, list[str], int], between: str
) -> None:
    program, pieces, _ = case
    assert program.codes(between.join(pieces)) == program.codes("".join(pieces))


@given(st.sampled_from(PROGRAMS), st.data())
@often(150)
def test_a_program_cut_anywhere_is_read_or_refused_and_never_made_worse(program: Program, data: st.DataObject) -> None:
    text = program.text
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    cut = text[:start] + data.draw(st.text(max_size=3)) + text[end:]
    assume(not any("\ud800" <= character <= "\udfff" for character in cut))
    mended = program.fixed(cut).decode()
    assert _is_valid(mended) or not _is_valid(cut)
    assert program.fixed(mended).decode() == mended


# --- broken notebooks, manifests and settings

GOOD = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n'
NOTEBOOK = json.dumps(
    {
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": ["# W_regularizer\n"]},
            {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [], "source": GOOD.splitlines(True)},
            {"cell_type": "code", "metadata": {}, "outputs": [{"data": {"x": "W_regularizer"}}], "source": "%time x\n"},
        ],
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    },
    indent=1,
).encode()
SETTINGS = b"""[tool.reglint]
select = ["REG1", "REG3"]
ignore = ["REG102"]
exclude = ["build/**", "*_{a,b}.py", "[!x]*.txt"]
keras-version = ">=2,<4"
target = "keras==3.15.1"
unsafe-fixes = false
layers = { "own.Layer" = "Dense" }
rule-paths = []

[tool.reglint.per-file-ignores]
"tests/*" = ["REG101"]
"""
BASELINE = b'{"version": 1, "findings": [{"path": "a.py", "code": "REG101", "message": "m", "fingerprints": ["1"]}]}'


@st.composite
def broken(draw: st.DrawFn, raw: bytes) -> bytes:
    """Some bytes with a few of them left out, doubled, or others put in."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.integers(0, 40)))
        put = draw(
            st.one_of(
                st.binary(max_size=4),
                st.sampled_from(
                    [raw[start:end] * 2, b"\xff", b"\0", b'"', b"[" * 3000, b"{", b"\\", b"9" * 5000, b"]"]
                ),
            )
        )
        raw = raw[:start] + put + raw[end:]
    return raw


def check_folder(capsys: pytest.CaptureFixture[str], files: dict[str, bytes]) -> None:
    """Check and fix a folder of these files; the good one in it must be done, whatever becomes of the others."""
    Path("z_good.py").write_text(GOOD)
    for name, raw in files.items():
        Path(name).write_bytes(raw)
    for command in ("check", "fix"):
        status = main([command, "--no-cache"])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert "internal error" not in out, out
        assert all(line.startswith(("error: ", "warning: ")) for line in err.splitlines()), err
        failed = " REG900 " in out or "error: " in err
        assert (status == 2) is failed, (status, out, err)
    for name, raw in files.items():
        if not name.endswith(".ipynb"):
            assert Path(name).read_bytes() == raw


@pytest.fixture
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".git").mkdir()


in_folder = pytest.mark.usefixtures("_in_folder")


@in_folder
@given(st.data())
@often(60)
def test_a_broken_notebook_is_one_line(capsys: pytest.CaptureFixture[str], data: st.DataObject) -> None:
    check_folder(capsys, {"a.ipynb": data.draw(broken(NOTEBOOK))})


@in_folder
@given(st.data())
@often(80)
def test_broken_settings_are_one_line(capsys: pytest.CaptureFixture[str], data: st.DataObject) -> None:
    check_folder(capsys, {"pyproject.toml": data.draw(broken(SETTINGS))})


@in_folder
@given(st.data())
@often(40)
def test_a_broken_baseline_is_one_line(capsys: pytest.CaptureFixture[str], data: st.DataObject) -> None:
    settings_file = b'[tool.reglint]\nbaseline = "b.json"\n'
    Path("pyproject.toml").write_bytes(settings_file)
    Path("b.json").write_bytes(data.draw(broken(BASELINE)))
    Path("a.py").write_text(GOOD)
    status = main(["check", "--no-cache"])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert (status == 2) is ("error: " in err)


@in_folder
@given(st.sampled_from(KINDS), st.data())
@often(120)
def test_a_broken_manifest_is_one_line(capsys: pytest.CaptureFixture[str], name: str, data: st.DataObject) -> None:
    for other in KINDS:
        Path(other).unlink(missing_ok=True)
    raw = data.draw(broken(good(name)))
    assume(name != "setup.py" or b"_regularizer" not in raw)
    check_folder(capsys, {name: raw})
