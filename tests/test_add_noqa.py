"""``--add-noqa``: a comment on every line with a finding, and nothing but comments."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest
from conftest import FIXTURES, Run

from reglint.source import read_source
from reglint.tokens import scan

HEAD = "from keras.layers import Dense\nfrom keras import regularizers\n"


def words(text: str) -> list[str]:
    """The tokens of a text, without its comments."""
    return [text[token.start : token.end] for token in scan(text) if token.kind != "comment"]


def silenced(run: Run, body: str, head: str = HEAD) -> str:
    """What ``--add-noqa`` makes of ``body``; checks what holds for every file."""
    path = Path("model.py")
    before = (head + body).encode()
    path.write_bytes(before)
    done = run("check", "--add-noqa", "model.py")
    assert done.status == 0, done.err
    after = path.read_bytes()
    assert words(after.decode()) == words(before.decode())
    assert run("check", "model.py").out == "All checks passed!\n"
    again = run("check", "--add-noqa", "model.py")
    assert (again, path.read_bytes()) == ((0, "", ""), after)
    return after.decode().removeprefix(head)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('Dense(8, W_regularizer="l2")\n', 'Dense(8, W_regularizer="l2")  # noqa: REG101\n'),
        ('Dense(8, W_regularizer="l2")', 'Dense(8, W_regularizer="l2")  # noqa: REG101'),
        ('Dense(8, W_regularizer="l2")   \n', 'Dense(8, W_regularizer="l2")  # noqa: REG101\n'),
        ('Dense(8, W_regularizer="l2")\r\nx = 1\r\n', 'Dense(8, W_regularizer="l2")  # noqa: REG101\r\nx = 1\r\n'),
        ('Dense(8, W_regularizer="l2")\rx = 1\r', 'Dense(8, W_regularizer="l2")  # noqa: REG101\rx = 1\r'),
        ('Dense(8, W_regularizer="l2")  # why\n', 'Dense(8, W_regularizer="l2")  # why  # noqa: REG101\n'),
        ('Dense(8, W_regularizer="l2")  #\n', 'Dense(8, W_regularizer="l2")  #  # noqa: REG101\n'),
        ('Dense(8, W_regularizer="l2")  # why \t\n', 'Dense(8, W_regularizer="l2")  # why  # noqa: REG101\n'),
        ('Dense(8, W_regularizer="l2")  # noqa: E501\n', 'Dense(8, W_regularizer="l2")  # noqa: E501, REG101\n'),
        ('Dense(8, W_regularizer="l2")  #noqa:E501,W291\n', 'Dense(8, W_regularizer="l2")  #noqa:E501,W291, REG101\n'),
        (
            'Dense(8, W_regularizer="l2")  # noqa: E501 since it must be\n',
            'Dense(8, W_regularizer="l2")  # noqa: E501, REG101 since it must be\n',
        ),
        (
            'Dense(8, W_regularizer="l2")  # noqa: E501  # type: ignore\n',
            'Dense(8, W_regularizer="l2")  # noqa: E501, REG101  # type: ignore\n',
        ),
        ('Dense(8, W_regularizer="l2")  # noqa:\n', 'Dense(8, W_regularizer="l2")  # noqa:  # noqa: REG101\n'),
        (
            'Dense(8, W_regularizer="l2", b_regularizer=regularizers.l1l2())\n',
            'Dense(8, W_regularizer="l2", b_regularizer=regularizers.l1l2())  # noqa: REG101, REG102\n',
        ),
        (
            "Dense(\n    8,\n    W_regularizer=\"l2\",\n    b_regularizer='l1',\n)\n",
            "Dense(\n    8,\n    W_regularizer=\"l2\",  # noqa: REG101\n    b_regularizer='l1',  # noqa: REG101\n)\n",
        ),
        (
            'Dense(8, W_regularizer="l2", \\\n  use_bias=True)\n',
            'Dense(8, W_regularizer="l2", \\\n  use_bias=True)  # noqa: REG101\n',
        ),
        (
            'x = Dense(8, W_regularizer="l2"), """\n# noqa: REG101\n""", """a\nb"""\n',
            'x = Dense(8, W_regularizer="l2"), """\n# noqa: REG101\n""", """a\nb"""  # noqa: REG101\n',
        ),
        ('x = "#"; Dense(8, W_regularizer="l2");\n', 'x = "#"; Dense(8, W_regularizer="l2");  # noqa: REG101\n'),
        ('print "x", Dense(8, W_regularizer="l2")\n', 'print "x", Dense(8, W_regularizer="l2")  # noqa: REG101\n'),
        ('if x:\n\tDense(8, W_regularizer="l2")\n', 'if x:\n\tDense(8, W_regularizer="l2")  # noqa: REG101\n'),
    ],
)  # fmt: skip
def test_every_line_with_a_finding_gets_a_comment_that_names_its_codes(run: Run, before: str, after: str) -> None:
    assert silenced(run, before) == after


def test_a_line_that_is_silenced_already_stays(run: Run) -> None:
    body = 'Dense(8, W_regularizer="l2")  # noqa\nDense(8, W_regularizer="l2")  # noqa: REG101\n'
    assert silenced(run, body) == body


def test_a_code_that_is_missing_is_added_to_our_own(run: Run) -> None:
    body = "Dense(8, W_regularizer=regularizers.l1l2())  # noqa: REG101\n"
    assert silenced(run, body) == "Dense(8, W_regularizer=regularizers.l1l2())  # noqa: REG101, REG102\n"


def test_other_encodings_stay_what_they_are(run: Run) -> None:
    text = "# -*- coding: latin-1 -*-\n" + HEAD + 's = "ä"; Dense(8, W_regularizer="l2")  # größer\n'
    Path("model.py").write_bytes(text.encode("latin-1"))
    run("check", "--add-noqa")
    assert Path("model.py").read_bytes() == text.replace("größer", "größer  # noqa: REG101").encode("latin-1")


def test_a_byte_order_mark_stays(run: Run) -> None:
    Path("model.py").write_bytes(b"\xef\xbb\xbf" + (HEAD + 'Dense(8, W_regularizer="l2")').encode())
    run("check", "--add-noqa")
    assert Path("model.py").read_bytes().startswith(b"\xef\xbb\xbffrom")


@pytest.mark.parametrize("as_list", [True, False])
def test_a_notebook_gets_them_within_its_strings(run: Run, as_list: bool) -> None:
    cells = [
        HEAD,
        '%matplotlib inline\nx = "ü\\n"\nDense(8, W_regularizer="l2")',
        'Dense(8, W_regularizer="l2")\ny = 1\n',
    ]
    document = {
        "cells": [
            {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}
            for source in ([cell.splitlines(keepends=True) for cell in cells] if as_list else cells)
        ],
        "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
    }  # fmt: skip
    before = json.dumps(document, indent=3)
    Path("train.ipynb").write_text(before)
    assert run("check", "--add-noqa").err == "Added 2 noqa directives.\n"
    after = Path("train.ipynb").read_text()
    assert after.replace("  # noqa: REG101", "") == before
    assert "".join(json.loads(after)["cells"][1]["source"]).endswith('W_regularizer="l2")  # noqa: REG101')
    assert run("check").status == 0
    assert run("check", "--add-noqa") == (0, "", "")


def test_it_says_how_many_lines_it_changed(run: Run) -> None:
    for name in ("a.py", "b.py"):
        Path(name).write_text(HEAD + 'Dense(8, W_regularizer="l2", b_regularizer="l2")\n')
    assert run("check", "--add-noqa") == (0, "", "Added 2 noqa directives.\n")
    Path("c.py").write_text(HEAD + 'Dense(8, W_regularizer="l2")\n')
    assert run("check", "--add-noqa").err == "Added 1 noqa directive.\n"


def test_suppressions_without_use_are_left_to_fix(run: Run) -> None:
    body = "Dense(8)  # noqa: REG101\n"
    Path("model.py").write_text(HEAD + body)
    assert run("check", "--add-noqa") == (0, "", "")
    assert Path("model.py").read_text() == HEAD + body


def test_a_file_that_cannot_be_parsed_is_told_and_stays(run: Run) -> None:
    Path("a.py").write_text(HEAD + 'Dense(8, W_regularizer="l2"]\n')
    Path("b.py").write_text(HEAD + 'Dense(8, W_regularizer="l2")\n')
    done = run("check", "--add-noqa")
    assert (done.status, done.err) == (2, "Added 1 noqa directive.\n")
    assert "a.py:3" in done.out
    assert "noqa" not in Path("a.py").read_text()


def test_a_file_that_cannot_be_written_is_a_problem(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from reglint import fixing

    def refuse(path: Path, raw: bytes, expected: bytes) -> None:
        raise fixing.WriteError("cannot be written: it is read-only")

    Path("a.py").write_text(HEAD + 'Dense(8, W_regularizer="l2")\n')
    monkeypatch.setattr(fixing, "write_atomically", refuse)
    done = run("check", "--add-noqa")
    assert done.status == 2
    assert "error: a.py: cannot be written" in done.err
    assert "Added" not in done.err


def test_only_the_selected_rules_are_silenced(run: Run) -> None:
    Path("a.py").write_text(HEAD + "Dense(8, W_regularizer=regularizers.l1l2())\n")
    run("check", "--add-noqa", "--select", "REG102")
    assert Path("a.py").read_text().endswith("regularizers.l1l2())  # noqa: REG102\n")


def test_what_a_baseline_knows_gets_no_comment(run: Run) -> None:
    old = 'Dense(8, W_regularizer="l2")\n'
    Path("a.py").write_text(HEAD + old)
    run("baseline")
    Path("a.py").write_text(HEAD + old + old.replace("8", "9"))
    run("check", "--add-noqa", "--baseline", ".reglint-baseline.json")
    assert Path("a.py").read_text() == HEAD + old + old.replace("8", "9").replace("\n", "  # noqa: REG101\n")


def test_settings_that_cannot_be_followed_keep_their_files_unwritten(run: Run) -> None:
    Path("pyproject.toml").write_text("[tool.reglint]\nnonsense = 1\n")
    Path("a.py").write_text(HEAD + 'Dense(8, W_regularizer="l2")\n')
    assert run("check", "--add-noqa").status == 2
    assert "noqa" not in Path("a.py").read_text()


@pytest.mark.parametrize("option", [["--fix"], ["--diff"], ["--statistics"], ["-"]])
def test_what_has_no_meaning_together_is_refused(run: Run, option: list[str]) -> None:
    Path("a.py").write_text(HEAD + 'Dense(8, W_regularizer="l2")\n')
    done = run("check", "--add-noqa", *option)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "noqa" not in Path("a.py").read_text()


def test_processes_add_them_too(run: Run) -> None:
    for number in range(30):
        Path(f"m{number:02}.py").write_text(HEAD + 'Dense(8, W_regularizer="l2")\n')
    assert run("check", "--add-noqa", "--jobs", "2").err == "Added 30 noqa directives.\n"
    assert run("check").status == 0


def test_the_comments_are_read_by_python_as_such(run: Run) -> None:
    after = HEAD + silenced(run, 'x = """\n""" + str(Dense(8, W_regularizer="l2")) + """\nend"""\n')
    comments = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(after).readline)
        if token.type == tokenize.COMMENT
    ]
    assert comments == ["# noqa: REG101"]


def test_ruff_puts_its_comments_at_the_same_places(run: Run, tmp_path: Path) -> None:
    ruff = shutil.which("ruff") or str(Path(sys.executable).with_name("ruff"))
    body = (
        'a = Dense(8, W_regularizer="l2", x=undefined)\nb = Dense(8, \\\n W_regularizer="l2", x=undefined, \\\n y=1)\n'
        'c = Dense(8, W_regularizer="l2", x=undefined), """\n\n"""  # why\n'
        'd = Dense(8, W_regularizer="l2", x=undefined)  # noqa: E501\n'
    )
    ours = silenced(run, body)
    Path("model.py").write_text(HEAD + body)
    subprocess.run(
        [ruff, "check", "--isolated", "--select", "F821", "--add-noqa", "model.py"], check=True, capture_output=True
    )
    theirs = Path("model.py").read_text().removeprefix(HEAD)
    assert theirs.replace("F821", "REG101") == ours


def test_all_example_projects_can_be_silenced_and_only_comments_change(run: Run) -> None:
    shutil.copytree(FIXTURES / "projects", "projects")
    files = sorted(path for path in Path("projects").rglob("*") if path.suffix in (".py", ".ipynb"))
    before = {path: words(read_source(path).text) for path in files}
    run("check", "--add-noqa", "--preview", "projects")
    assert "noqa: REG" in "".join(path.read_text(errors="replace") for path in files)
    assert {path: words(read_source(path).text) for path in files} == before
    left = json.loads(run("check", "--preview", "--output-format", "json", "projects").out)
    assert {finding["code"] for finding in left} <= {"REG900", "REG901"}
    assert "Added" not in run("check", "--add-noqa", "--preview", "projects").err
