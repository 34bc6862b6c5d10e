"""Input that nobody would wish for: one clear line each, exit status 2, and every other file is still done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reglint.cli import main
from reglint.reading import read_regular

GOOD = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n'
FIXED = GOOD.replace("W_reg", "kernel_reg")


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("z_good.py").write_text(GOOD)


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[str], list[str]]:
    """Run and return the lines about anything but the good file, on stdout and stderr; the good file must be done."""
    status = main(["check", *arguments])
    out, err = capsys.readouterr()
    assert status == 2
    assert "Traceback" not in out + err
    lines = out.splitlines()
    assert sum(line.startswith("z_good.py:2:18: REG101 [*]") for line in lines) == 1
    return [line for line in lines if " REG" in line and "z_good" not in line], err.splitlines()


def check_one(capsys: pytest.CaptureFixture[str], name: str, raw: bytes) -> str:
    """Run with one file of these bytes, which must be REG900; fixing must leave it alone and mend the good one."""
    Path(name).write_bytes(raw)
    found, problems = check(capsys)
    assert problems == []
    (line,) = found
    assert " REG900 " in line
    assert main(["fix"]) == 2
    assert Path(name).read_bytes() == raw
    assert Path("z_good.py").read_text() == FIXED
    return line


@pytest.mark.parametrize(
    ("raw", "row"),
    [
        (b"import keras\nThis is W_regularizer, not Python.\n", 2),
        (b"<html>\nW_regularizer\n</html>\n", None),
        (b"x = 1\nDense(W_regularizer=1\n", None),
        (b"x = 1\nDense(W_regularizer='\n", 2),
        (b"if x:\nW_regularizer = 1\n", 2),
        (b'"""\nW_regularizer\n', None),
        (b"\x80\x04\x95 W_regularizer \xff", 1),
    ],
)
def test_a_file_that_is_not_python_is_named_with_its_line(
    capsys: pytest.CaptureFixture[str], raw: bytes, row: int | None
) -> None:
    line = check_one(capsys, "a.py", raw)
    assert line.startswith(f"a.py:{row}:" if row else "a.py:")


@pytest.mark.parametrize(
    ("raw", "row", "word"),
    [
        (b"# -*- coding: no-such-codec -*-\nW_regularizer\n", 1, "encoding"),
        (b"#!/usr/bin/env python\n# coding: rot13\nW_regularizer\n", None, "encoding"),
        (b"import keras\n# caf\xe9\nW_regularizer\n", 2, "UTF-8"),
        (b"\xef\xbb\xbf# coding: latin-1\nW_regularizer\n", 1, "encoding"),
        ("W_regularizer = 1\n".encode("utf-16"), 1, "UTF-16"),
        (b"W_regularizer = 1\n\0\n", 2, "NUL"),
    ],
)
def test_a_wrong_encoding_is_named_with_its_line(
    capsys: pytest.CaptureFixture[str], raw: bytes, row: int | None, word: str
) -> None:
    line = check_one(capsys, "a.py", raw)
    assert line.startswith(f"a.py:{row}:" if row else "a.py:")
    assert word.lower() in line.lower()


@pytest.mark.parametrize(
    "raw",
    [
        b"W_regularizer",
        b'{"W_regularizer": 1}',
        b'{"cells": "W_regularizer"}',
        b'{"cells": [{"cell_type": "code", "source": ["W_regularizer"]}',
        b'{"cells": [{"cell_type": "code", "source": 3, "x": "W_regularizer"}]}',
        b"[" * 100_000 + b'"W_regularizer"',
        b'{"cells": [{"cell_type": "code", "source": "W_regularizer \xff"}], "nbformat": 4}',
    ],
)
def test_a_corrupt_notebook_is_named(capsys: pytest.CaptureFixture[str], raw: bytes) -> None:
    assert check_one(capsys, "a.ipynb", raw).startswith("a.ipynb:")


def test_a_cell_that_does_not_parse_is_named_and_the_others_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    sources = [["from keras.layers import Dense\n"], ["Dense(8, W_regularizer='l2'\n", "x ="], GOOD.splitlines(True)]
    cells = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for source in sources
    ]
    Path("a.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))
    found, _ = check(capsys)
    assert [(line.split(" ")[1].split(":")[0], line.split(" ")[2]) for line in found] == [
        ("2", "REG900"),
        ("3", "REG101"),
    ]


DEEP = {
    "terms": "x = W_regularizer" + " + 1" * 10_000 + "\n",
    "brackets": "x = " + "(" * 3_000 + "W_regularizer" + ")" * 3_000 + "\n",
    "lists": "x = " + "[" * 100_000 + "W_regularizer" + "]" * 100_000 + "\n",
    "calls": "x = W_regularizer" + "()" * 10_000 + "\n",
    "attributes": "x = W_regularizer" + ".a" * 20_000 + "\n",
    "strings": "x = W_regularizer, " + "'a' " * 20_000 + "\n",
    "elifs": "if W_regularizer: pass\n" + "elif x: pass\n" * 10_000,
    "nots": "x = " + "not " * 20_000 + "W_regularizer\n",
    "powers": "x = W_regularizer" + "**1" * 10_000 + "\n",
    "lambdas": "x = " + "lambda: " * 10_000 + "W_regularizer\n",
    "ternaries": "x = W_regularizer" + " if a else b" * 5_000 + "\n",
    "comparisons": "x = W_regularizer" + " < 1" * 10_000 + "\n",
    "unclosed": "x = W_regularizer" + "(" * 100_000,
}


@pytest.mark.parametrize("name", DEEP)
def test_an_expression_beyond_the_parser_is_named_and_does_not_crash(tmp_path: Path, name: str) -> None:
    Path("a.py").write_text(DEEP[name])
    # In a process of its own: a crash here must not be the end of all tests.
    done = subprocess.run(
        [sys.executable, "-m", "reglint", "check", "--jobs", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr
    assert "z_good.py:2:18: REG101 [*]" in done.stdout
    # Flat chains may be within the parser's reach; what is refused is REG900, and then the status is 2.
    refused = [line for line in done.stdout.splitlines() if line.startswith("a.py:") and " REG900 " in line]
    assert done.returncode == (2 if refused else 1)
    if name in ("terms", "brackets", "lists", "unclosed"):
        assert refused


def test_a_file_of_fifty_megabytes_is_refused_and_without_trigger_spared(capsys: pytest.CaptureFixture[str]) -> None:
    Path("b.py").write_bytes(b"x = 1  # filler\n" * (50_000_000 // 16))
    assert main(["check"]) == 1
    capsys.readouterr()
    line = check_one(capsys, "a.py", GOOD.encode() + b"x = 1  # filler\n" * (50_000_000 // 16))
    assert "too large to parse" in line


# --- what is no readable file


def test_a_file_that_cannot_be_read_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.py").write_text(GOOD)
    real = open

    def forbidden(file: object, *rest: object, **options: object) -> object:
        if str(file).endswith("a.py"):
            raise PermissionError(13, "Permission denied", file)
        return real(file, *rest, **options)  # type: ignore[call-overload]

    monkeypatch.setattr("builtins.open", forbidden)
    found, problems = check(capsys)
    assert found == ["a.py:1:1: REG900 cannot be read: Permission denied; check the file or exclude it"]
    assert problems == []


def test_links_into_nowhere_and_loops_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    os.symlink("nowhere", "a.py")
    os.symlink("b.py", "b.py")
    os.symlink(".", "loop")
    found, problems = check(capsys)
    assert [line.partition(" REG900 cannot be read: ")[::2] for line in found] == [
        ("a.py:1:1:", "No such file or directory; check the file or exclude it"),
        ("b.py:1:1:", "Too many levels of symbolic links; check the file or exclude it"),
    ]
    assert problems == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device here")
def test_pipes_and_devices_are_named_and_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("a.py")
    os.symlink("/dev/zero", "b.py")
    found, _ = check(capsys)
    assert [line.partition(";")[0] for line in found] == [
        "a.py:1:1: REG900 cannot be read: not a regular file",
        "b.py:1:1: REG900 cannot be read: not a regular file",
    ]


def test_a_file_that_vanishes_after_it_was_listed_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from reglint import runner

    Path("a.py").write_text(GOOD)

    def vanishing(path: str) -> bytes:
        Path("a.py").unlink(missing_ok=True)
        return read_regular(path)

    monkeypatch.setattr(runner, "read_regular", vanishing)
    found, _ = check(capsys)
    assert found == ["a.py:1:1: REG900 cannot be read: No such file or directory; check the file or exclude it"]


def test_a_folder_that_vanishes_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("sub").mkdir()
    scandir = os.scandir

    def vanishing(folder: str) -> object:
        if folder.endswith("sub"):
            os.rmdir("sub")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", vanishing)
    assert check(capsys) == ([], ["error: sub: cannot be listed: No such file or directory"])


def test_a_file_whose_name_is_no_text_is_shown_somehow(capsys: pytest.CaptureFixture[str]) -> None:
    with open(b"a\xff.py", "wb") as handle:
        handle.write(GOOD.encode())
    done = subprocess.run([sys.executable, "-m", "reglint", "check"], capture_output=True, check=False)
    assert done.stderr == b""
    assert done.stdout.startswith(b"a\\udcff.py:2:18: REG101")
    done = subprocess.run([sys.executable, "-m", "reglint", "fix"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


# --- settings


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"[tool.reglint\n", "pyproject.toml:1:14: not valid TOML: Expected ']' at the end of a table declaration"),
        (b"[tool.reglint]\nselect = ['REG999']\n", "pyproject.toml: unknown rule code 'REG999'"),
        (b"[tool.reglint]\ntarget = '=>3'\n", "pyproject.toml: "),
        (b"[tool.reglint]\nrule-paths = ['nope.md']\n", "nope.md: no such file or folder"),
        (b"[tool.reglint]\nrequired-version = '>99'\n", "pyproject.toml: required-version is '>99'"),
        (b"[tool]\nreglint = 3\n", "pyproject.toml: [tool.reglint] must be a table"),
        (b"tool = '\xff'\n", "pyproject.toml:1: not UTF-8"),
    ],
)
def test_settings_that_cannot_be_followed_are_one_line(
    capsys: pytest.CaptureFixture[str], raw: bytes, line: str
) -> None:
    Path("pyproject.toml").write_bytes(raw)
    found, problems = check(capsys)
    assert found == []
    (problem,) = problems
    assert problem.removeprefix(f"error: {os.getcwd()}/").startswith(line)


def test_broken_settings_of_one_folder_do_not_stop_another(capsys: pytest.CaptureFixture[str]) -> None:
    Path("sub").mkdir()
    Path("sub/pyproject.toml").write_text("[tool.reglint]\npreview = 1\n")
    Path("sub/a.py").write_text(GOOD)
    assert main(["fix"]) == 2
    out, err = capsys.readouterr()
    assert err == f"error: {os.getcwd()}/sub/pyproject.toml: preview must be true or false, not 1\n"
    assert Path("z_good.py").read_text() == FIXED
    assert Path("sub/a.py").read_text() == GOOD
    assert "sub/a.py:2:18: REG101" in out


def test_a_pyproject_that_is_a_folder_is_no_settings_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("pyproject.toml").mkdir()
    assert main(["check"]) == 1
    assert capsys.readouterr().err == ""
