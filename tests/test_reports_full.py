"""Reports for people: source excerpts with carets, fixes as they would be, findings grouped by file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reglint.cli import main
from reglint.diagnostics import Diagnostic, Place
from reglint.findings import Severity
from reglint.reports import Style, Summary, report

Report = Callable[..., str]


@pytest.fixture
def reported(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """`reglint check` in a format: what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(fmt: str, *arguments: str) -> str:
        main(["check", "--isolated", "--jobs", "1", "--output-format", fmt, *arguments])
        return capsys.readouterr().out

    return run


def shown(text: str, start: Place, end: Place, **style: bool) -> list[str]:
    """The full report of one finding in a text."""
    found = Diagnostic("/a.py", "a.py", "REG101", "n", Severity.ERROR, "wrong", start, end)
    return list(report("full", Summary([found], held={"/a.py": text.encode()}), Style(**style)))


def test_full_shows_the_source_and_what_the_fix_changes(reported: Report) -> None:
    Path("a.py").write_text('from keras.layers import Dense\n\nlayer = Dense(\n    8,\n    W_regularizer="l2",\n)\n\n')
    assert reported("full") == (
        "REG101 [*] `Dense` no longer has an argument `W_regularizer`; use `kernel_regularizer`\n"
        " --> a.py:5:5\n"
        "  |\n"
        "3 | layer = Dense(\n"
        "4 |     8,\n"
        '5 |     W_regularizer="l2",\n'
        "  |     ^^^^^^^^^^^^^\n"
        "6 | )\n"
        "  |\n"
        "help: Rename to `kernel_regularizer`\n"
        "  |\n"
        "4 |     8,\n"
        '  -     W_regularizer="l2",\n'
        '5 +     kernel_regularizer="l2",\n'
        "6 | )\n"
        "  |\n"
        "\n"
        "Found 1 error.\n"
        "[*] 1 fixable with the `--fix` option.\n"
    )


def test_full_warns_of_an_unsafe_fix(reported: Report) -> None:
    Path("a.py").write_text(
        'from keras.layers import Dense\n\n\ndef build(layer=Dense):\n    return layer(8, W_regularizer="l2")\n'
    )
    assert "  |\nnote: This is an unsafe fix and may change runtime behavior\n\n" in reported("full")


def test_full_shows_the_cell_of_a_notebook_and_each_cell_that_the_fix_changes(reported: Report) -> None:
    sources = (
        "%matplotlib inline\nfrom keras.regularizers import activity_l2",
        "from keras.layers import Dense\nDense(8, activity_regularizer=activity_l2(0.1))",
    )
    cells = [
        {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
        for source in sources
    ]
    Path("n.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))
    assert reported("full").startswith(
        "REG102 [*] `activity_l2` is gone since Keras 2; use `l2`\n"
        " --> n.ipynb:cell 1:2:32\n"
        "  |\n"
        "1 | %matplotlib inline\n"
        "2 | from keras.regularizers import activity_l2\n"
        "  |                                ^^^^^^^^^^^\n"
        "help: Rename to `l2`\n"
        " ::: cell 1\n"
        "  |\n"
        "1 | %matplotlib inline\n"
        "  - from keras.regularizers import activity_l2\n"
        "2 + from keras.regularizers import l2\n"
        "  |\n"
        " ::: cell 2\n"
        "  |\n"
        "1 | from keras.layers import Dense\n"
        "  - Dense(8, activity_regularizer=activity_l2(0.1))\n"
        "2 + Dense(8, activity_regularizer=l2(0.1))\n"
        "  |\n"
    )


def test_full_of_an_unread_file_shows_what_can_be_shown(reported: Report) -> None:
    Path("a.py").write_bytes(b"from keras.layers import Dense\nDense(W_regularizer='\xff')\n")
    assert reported("full").splitlines()[1] == " --> a.py:2:1"


def test_the_caret_stands_below_the_name_after_tabs() -> None:
    assert shown("\tx = bad\n", Place(1, 6), Place(1, 9))[3:5] == ["1 |     x = bad", "  |         ^^^"]


def test_the_caret_stands_below_the_name_after_wide_and_combining_characters() -> None:
    assert shown('x = "日本e\u0301"; bad\n', Place(1, 12), Place(1, 15))[3:5] == [
        '1 | x = "日本e\u0301"; bad',
        "  |             ^^^",
    ]


def test_characters_that_would_drive_a_terminal_are_shown_as_pictures() -> None:
    assert shown('x = "\x1b[31m\u202e\x9b"; bad\n', Place(1, 14), Place(1, 17))[3:5] == [
        '1 | x = "␛[31m��"; bad',
        "  |              ^^^",
    ]


def test_a_long_line_is_cut_around_the_name() -> None:
    excerpt = shown("x = '" + "a" * 5000 + "'; bad; y = '" + "b" * 5000 + "'\n", Place(1, 5009), Place(1, 5012))
    line, carets = excerpt[3:5]
    assert len(line) == len("1 | ") + 140
    assert line[carets.index("^") : carets.rindex("^") + 1] == "bad"


def test_a_finding_over_several_rows_is_underlined_in_the_first() -> None:
    assert shown("x = bad(\n    1)\n", Place(1, 5), Place(2, 7))[3:6] == ["1 | x = bad(", "  |     ^^^^", "2 |     1)"]


def test_a_finding_of_no_width_has_one_caret() -> None:
    assert shown("x = (\n", Place(1, 6), Place(1, 6))[3:5] == ["1 | x = (", "  |      ^"]


def test_colour_is_for_terminals_only(reported: Report) -> None:
    Path("a.py").write_text('from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n')
    assert "\x1b" not in reported("full") + reported("grouped")
    assert any("\x1b[1;31m^^^\x1b[0m" in line for line in shown("bad\n", Place(1, 1), Place(1, 4), colour=True))


def test_a_file_that_is_gone_when_the_report_is_made_has_no_excerpt() -> None:
    found = Diagnostic("/gone.py", "gone.py", "REG101", "n", Severity.ERROR, "wrong", Place(7, 1), Place(7, 2))
    assert list(report("full", Summary([found]), Style())) == ["REG101 wrong", " --> gone.py:7:1", ""]


def test_full_shows_what_a_diff_would_leave_as_it_would_then_stand(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text(
        "from keras.layers import Dense\nfrom keras.regularizers import activity_l2\n"
        "x = Dense(8, activity_regularizer=activity_l2(0.1), bias_regularizer=3)\n"
    )
    main(["check", "--isolated", "--diff", "--output-format", "full"])
    err = capsys.readouterr().err
    line, carets = next((a, b) for a, b in zip(err.splitlines(), err.splitlines()[1:], strict=False) if "^" in b)
    assert "activity_l2" not in line
    assert line[carets.index("^") : carets.rindex("^") + 1] in ("3", "bias_regularizer")


def test_grouped_lists_findings_below_their_file(reported: Report) -> None:
    Path("a.py").write_text('from keras.layers import Dense\nx = Dense(8, W_regularizer="l2")\n')
    Path("b.py").write_text('from keras.layers import Dense\nx = Dense(8, b_regularizer="l2")\n' * 6)
    lines = reported("grouped").splitlines()
    assert lines[:4] == [
        "a.py:",
        "  2:14 REG101 [*] `Dense` no longer has an argument `W_regularizer`; use `kernel_regularizer`",
        "",
        "b.py:",
    ]
    assert lines[4].startswith("   2:14 REG101") or lines[4].startswith("  2:14  REG101")


def test_concise_is_another_name_for_text(reported: Report) -> None:
    Path("a.py").write_text('from keras.layers import Dense\nx = Dense(8, W_regularizer="l2")\n')
    assert reported("concise") == reported("text")
