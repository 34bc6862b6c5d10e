"""The real flake8 with reglint as its plugin: the same findings, places and settings as `reglint check`."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import warnings
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from conftest import ROOT, Check

pytest.importorskip("flake8")

BAD = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n'
ROW = "%(path)s\t%(row)d\t%(col)d\t%(code)s\t%(text)s"

Row = tuple[str, int, int, str, str]


def flake8(*arguments: str | Path, cwd: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run flake8 in a folder; it reads no settings of its own."""
    command = [sys.executable, "-m", "flake8", "--isolated", "--format", ROW, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", input=stdin, check=False)


def rows(*arguments: str | Path, cwd: Path, stdin: str | None = None) -> list[Row]:
    """What flake8 prints of our findings."""
    done = flake8("--select", "REG", *arguments, cwd=cwd, stdin=stdin)
    assert done.stderr == ""
    found = [line.split("\t", 4) for line in done.stdout.splitlines()]
    return sorted((path, int(row), int(column), code, text) for path, row, column, code, text in found)


def reported(check_json: Check, *arguments: str | Path) -> list[Row]:
    """What `reglint check` says of the same."""
    return sorted(
        (
            os.path.relpath(each["filename"]),
            each["location"]["row"],
            each["location"]["column"],
            each["code"],
            each["message"],
        )
        for each in check_json(*arguments)
    )


def can_be_parsed(path: str) -> bool:
    """Whether the Python of this test understands a file, without which flake8 asks no plugin."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(Path(path).read_bytes())
        except (SyntaxError, ValueError):
            return False
    return True


def test_the_entry_point_is_the_plugin() -> None:
    (entry,) = (each for each in entry_points(group="flake8.extension") if each.name == "REG")
    assert entry.value == "reglint.flake8:Plugin"


def test_flake8_names_us_among_its_plugins(tmp_path: Path) -> None:
    import reglint

    assert f"reglint: {reglint.__version__}" in flake8("--version", cwd=tmp_path).stdout


@pytest.mark.parametrize("jobs", ["1", "4"])
def test_flake8_finds_in_every_project_what_reglint_finds(
    jobs: str, check_json: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    ours = [
        row for row in reported(check_json, "fixtures/projects") if row[0].endswith(".py") and can_be_parsed(row[0])
    ]
    assert len(ours) > 100
    assert rows("--jobs", jobs, "fixtures/projects", cwd=ROOT) == ours


def test_columns_count_characters(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(BAD.replace("layer = ", "größe, 名 = 'ä', "), encoding="utf-8")
    column = "größe, 名 = 'ä', Dense(8, W".index("W") + 1
    assert [row[1:4] for row in rows("a.py", cwd=tmp_path)] == [(2, column, "REG101")]


def test_a_byte_order_mark_moves_no_column(tmp_path: Path, check_json: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = 'import keras; keras.layers.Dense(8, W_regularizer="l2")\r\n'
    (tmp_path / "a.py").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert rows("a.py", cwd=tmp_path) == reported(check_json, "a.py") != []


def test_a_declared_encoding_is_no_obstacle(tmp_path: Path, check_json: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_bytes(b"# coding: latin-1\n" + BAD.replace('"l2"', '"l2", name="\xe4"').encode("latin-1"))
    assert rows("a.py", cwd=tmp_path) == reported(check_json, "a.py") != []


def test_bytes_that_the_declared_encoding_does_not_know_break_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"# coding: ascii\n" + BAD.encode() + b'name = "\xe4"\n')
    ((_, row, _, code, text),) = rows("a.py", cwd=tmp_path)
    assert (row, code) == (4, "REG900")
    assert "cannot be written as ascii" in text


def test_stdin_goes_by_its_display_name(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.reglint]\nper-file-ignores = { "old/*" = ["REG101"] }\n')
    assert [row[0] for row in rows("--stdin-display-name", "new/a.py", "-", cwd=tmp_path, stdin=BAD)] == ["new/a.py"]
    assert rows("--stdin-display-name", "old/a.py", "-", cwd=tmp_path, stdin=BAD) == []
    assert [row[0] for row in rows("-", cwd=tmp_path, stdin=BAD)] == ["stdin"]


def test_stdin_is_read_and_not_the_file_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    assert len(rows("--stdin-display-name", "a.py", "-", cwd=tmp_path, stdin=BAD)) == 1


def test_settings_come_from_pyproject(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(BAD)
    assert len(rows("a.py", cwd=tmp_path)) == 1
    for settings in ('keras-version = "==1.2.2"', 'ignore = ["REG101"]', 'extend-exclude = ["a.py"]'):
        (tmp_path / "pyproject.toml").write_text(f"[tool.reglint]\n{settings}\n")
        assert rows("a.py", cwd=tmp_path) == [], settings


def test_the_manifest_of_the_project_counts(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("keras==1.2.2\n")
    (tmp_path / "a.py").write_text(BAD)
    assert rows("a.py", cwd=tmp_path) == []


def test_settings_that_cannot_be_followed_are_named_where_they_would_count(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.reglint]\nselect = "REG101"\n')
    (tmp_path / "a.py").write_text(BAD)
    (tmp_path / "b.py").write_text("x = 1\n")
    ((path, _, _, code, text),) = rows("a.py", "b.py", cwd=tmp_path)
    assert (path, code) == ("a.py", "REG900")
    assert "select" in text


@pytest.mark.parametrize(
    "comment", ["# noqa", "# noqa: REG101", "# NOQA:REG1", "# noqa: E501, REG101", "# noqa : REG101 why"]
)
def test_noqa_is_read_by_flake8(tmp_path: Path, comment: str) -> None:
    (tmp_path / "a.py").write_text(BAD[:-1] + f"  {comment}\n")
    assert rows("a.py", cwd=tmp_path) == []
    assert [row[3] for row in rows("--disable-noqa", "a.py", cwd=tmp_path)] == ["REG101"]


def test_noqa_behind_a_long_string_counts_for_both(
    tmp_path: Path, check_json: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = 'from keras.layers import Dense\nlayer = Dense(8, name="""a\nb""", W_regularizer="l2")  # noqa: REG101\n'
    (tmp_path / "a.py").write_text(text)
    assert rows("a.py", cwd=tmp_path) == reported(check_json, "a.py") == []


def test_a_noqa_without_use_is_found_as_by_reglint(
    tmp_path: Path, check_json: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(BAD + "x = 1  # noqa: REG101\n" + BAD[:-1] + "  # noqa: REG101\n")
    assert [row[3] for row in rows("a.py", cwd=tmp_path)] == ["REG101", "REG901"]
    assert rows("a.py", cwd=tmp_path) == reported(check_json, "a.py")


def test_a_comment_of_ours_for_the_whole_file_counts(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("# reglint: noqa: REG101\n" + BAD)
    assert rows("--disable-noqa", "a.py", cwd=tmp_path) == []


def test_files_that_python_cannot_parse_are_left_to_flake8(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(BAD + "print 1\n")
    done = flake8("a.py", cwd=tmp_path)
    assert "E999" in done.stdout
    assert "REG" not in done.stdout


def test_a_notebook_is_not_taken_for_python(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": [BAD]}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 2}
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook))
    assert rows("a.ipynb", cwd=tmp_path) == []


def test_a_file_without_triggers_is_not_parsed_again(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import keras\nmodel = keras.Sequential()\n")
    program = (
        "import sys\nfrom flake8.main.cli import main\n"
        "status = main(['--isolated', '--jobs', '1', 'a.py'])\n"
        "print(status, 'reglint.flake8' in sys.modules, 'libcst' in sys.modules, 'reglint.project' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "0 True False False\n"
