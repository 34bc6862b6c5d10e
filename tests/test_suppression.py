"""Suppression: which comments silence which findings, and which are left without use."""

from __future__ import annotations

import json

import pytest

import reglint
from reglint.findings import Finding, Severity
from reglint.source import Source, source_from_bytes, source_from_text
from reglint.suppression import directives, suppress

RAN = ("REG101", "REG102", "REG201", "REG901")


def finding(source: Source, words: str, code: str = "REG101", nth: int = 0) -> Finding:
    start = -1
    for _ in range(nth + 1):
        start = source.text.index(words, start + 1)
    return Finding(code, "some-rule", Severity.ERROR, "wrong", start, start + len(words))


def is_silenced(text: str, code: str = "REG101", words: str = "W_reg") -> bool:
    source = source_from_text(text, "a.py")
    kept, silenced = suppress(source, [finding(source, words, code)], RAN, False)
    assert len(kept) + silenced == 1
    return silenced == 1


def unused(source: Source, *findings: Finding, ran: tuple[str, ...] = RAN) -> list[Finding]:
    kept, _ = suppress(source, findings, ran, True)
    return [each for each in kept if each.code == "REG901"]


def mended(text: str, *found: tuple[str, str], ran: tuple[str, ...] = RAN) -> str:
    """Return the text after the fixes of all REG901; ``found`` are (words, code) of the rules' findings."""
    source = source_from_text(text, "a.py")
    reported = unused(source, *(finding(source, *each) for each in found), ran=ran)
    edits = [edit for each in reported if each.fix for edit in each.fix.edits]
    return source.apply(edits).decode()


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "#noqa",
        "# NOQA",
        "# NoQA",
        "# noqa: REG101",
        "# noqa:REG101",
        "# noqa : REG101",
        "#noqa:reg101",
        "# noqa: E501,REG101",
        "# noqa: E501, REG101",
        "# noqa: E501 REG101",
        "# noqa: REG101 because it must",
        "# noqa because it must",
        "# type: ignore # noqa: REG101",
        "# type: ignore  # noqa",
        "# noqa: E501  # noqa: REG101",
        "# noqa: REG1",
    ],
)
def test_these_comments_silence_a_finding_on_their_line(comment: str) -> None:
    assert is_silenced(f"Dense(W_reg=1)  {comment}\n")


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa: E501",
        "# noqa: REG102",
        "# noqa: REG1011",
        "# noqa: REG101x",
        "# noqa: R1",
        "# noqa:",
        "# noqa: because",
        "# noqa-this",
        "# noqa_REG101",
        "# reglint: noqa",
        "# fmt: skip",
        "",
    ],
)
def test_these_comments_do_not(comment: str) -> None:
    assert not is_silenced(f"Dense(W_reg=1)  {comment}\n")


def test_what_looks_like_a_comment_inside_a_string_silences_nothing() -> None:
    assert not is_silenced('Dense(W_reg="# noqa")\n')
    assert not is_silenced('"""\n# reglint: noqa\n"""\nDense(W_reg=1)\n')


def test_a_comment_silences_its_own_line_only() -> None:
    assert not is_silenced("Dense(  # noqa\n    W_reg=1,\n)\n")
    assert is_silenced("Dense(\n    W_reg=1,  # noqa\n)\n")
    assert not is_silenced("# noqa\nDense(W_reg=1)\n")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(end: str) -> None:
    assert is_silenced(f"a{end}Dense(W_reg=1)  # noqa{end}b{end}")
    assert not is_silenced(f"a{end}Dense(W_reg=1){end}b  # noqa{end}")


def test_the_comment_of_a_string_over_several_lines_stands_behind_its_end() -> None:
    assert is_silenced('x = """\n W_reg\n"""  # noqa\n')
    assert is_silenced('f(W_reg="""\n\n""")  # noqa\n')


def test_the_comment_of_lines_joined_by_backslashes_stands_behind_the_last() -> None:
    assert is_silenced("x = W_reg + \\\n  1 + \\\n  2  # noqa\n")


def test_a_backslash_that_ends_a_comment_joins_nothing() -> None:
    assert not is_silenced("x = W_reg  # \\\ny = 2  # noqa\n")


@pytest.mark.parametrize(
    "comment", ["# reglint: noqa", "#reglint:noqa", "# reglint: noqa: REG101", "# RegLint: NoQA: reg1"]
)
def test_these_comments_silence_the_whole_file(comment: str) -> None:
    assert is_silenced(f"Dense(W_reg=1)\n\n    {comment}\n")


@pytest.mark.parametrize("comment", ["# reglint: noqa: REG201", "# reglint: noqa:", "# ruff: noqa", "# flake8: noqa"])
def test_these_do_not_silence_the_whole_file(comment: str) -> None:
    assert not is_silenced(f"{comment}\nDense(W_reg=1)\n")


def test_a_comment_for_the_whole_file_stands_on_a_line_of_its_own() -> None:
    assert not is_silenced("x = 1  # reglint: noqa\nDense(W_reg=1)\n")


def test_a_file_that_cannot_be_parsed_is_never_silenced() -> None:
    assert not is_silenced("# reglint: noqa\nDense(W_reg=1)  # noqa\n", code="REG900")


# --- REG901


def test_a_code_without_use_is_reported_at_its_comment() -> None:
    source = source_from_text("x = 1\ny = 2  # noqa: E501, REG101\n", "a.py")
    (found,) = unused(source)
    assert source.text[found.start : found.end] == "# noqa: E501, REG101"
    assert found.message == "Unused `noqa` directive (unused: `REG101`)"
    assert found.severity is Severity.WARNING


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: E501",
        "# reglint: noqa",
        "# noqa: REG777",
        "# noqa: REG901",
        "# noqa: REG101, REG901",
        "# noqa:",
    ],
)
def test_these_are_never_reported(comment: str) -> None:
    assert unused(source_from_text(f"{comment}\n", "a.py")) == []


def test_a_code_whose_rule_did_not_run_is_not_reported() -> None:
    source = source_from_text("x = 1  # noqa: REG101\n", "a.py")
    assert unused(source, ran=("REG102", "REG901")) == []


def test_a_code_with_use_is_not_reported_and_its_neighbour_is() -> None:
    text = "Dense(W_reg=1)  # noqa: REG101, REG102\n"
    assert mended(text, ("W_reg", "REG101")) == "Dense(W_reg=1)  # noqa: REG101\n"
    assert mended(text, ("W_reg", "REG102")) == "Dense(W_reg=1)  # noqa: REG102\n"


def test_both_comments_have_their_use_when_both_silence() -> None:
    source = source_from_text("# reglint: noqa: REG101\nDense(W_reg=1)  # noqa: REG101\n", "a.py")
    assert unused(source, finding(source, "W_reg")) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # noqa: REG101\ny\n", "x = 1\ny\n"),
        ("x = 1# noqa: REG101", "x = 1"),
        ("x = 1\t#noqa:reg101 \r\ny\r\n", "x = 1\r\ny\r\n"),
        ("a\n    # noqa: REG101\nb\n", "a\nb\n"),
        ("a\r\n# noqa: REG101\r\nb\r\n", "a\r\nb\r\n"),
        ("a\n# noqa: REG101", "a\n"),
        ("x = 1  # noqa: REG101, REG102\n", "x = 1\n"),
        ("x = 1  # noqa: E501, REG101\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # noqa: REG101, E501\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # noqa: REG101,E501,REG102\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # noqa: A1,REG101,REG102,B2\n", "x = 1  # noqa: A1,B2\n"),
        ("x = 1  # noqa: E501 REG101 W605\n", "x = 1  # noqa: E501 W605\n"),
        ("x = 1  # noqa: REG101  # why\n", "x = 1  # why\n"),
        ("x = 1  # noqa: REG101 because\n", "x = 1  # because\n"),
        ("x = 1  # why  # noqa: REG101\n", "x = 1  # why\n"),
        ("x = 1  # type: ignore # noqa: REG101 # why\n", "x = 1  # type: ignore # why\n"),
        ("# reglint: noqa: REG101\nx = 1\n", "x = 1\n"),
        ("# reglint: noqa: REG101, REG201\nx = 1\n", "x = 1\n"),
    ],
)
def test_the_fix_takes_out_our_codes_and_nothing_else(before: str, after: str) -> None:
    assert mended(before) == after


def test_our_codes_that_did_not_run_stay_with_foreign_ones() -> None:
    assert mended("x = 1  # noqa: REG101, REG102\n", ran=("REG102", "REG901")) == "x = 1  # noqa: REG101\n"


def test_in_a_notebook_the_comment_goes_and_the_cells_stay() -> None:
    cells = [["# noqa: REG101"], ["x = 1\n", "# noqa: REG101\n", "y = 2  # noqa: REG101"]]
    document = {
        "cells": [
            {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
            for source in cells
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    source = source_from_bytes(json.dumps(document).encode(), "a.ipynb")
    found = unused(source)
    assert len(found) == 3
    new = json.loads(source.apply([edit for each in found if each.fix for edit in each.fix.edits]))
    assert ["".join(cell["source"]) for cell in new["cells"]] == ["", "x = 1\ny = 2"]


def test_directives_say_where_their_codes_stand() -> None:
    text = "x  # noqa: E501, REG101\n"
    (directive,) = directives(text)
    assert [(code, text[start:end]) for code, start, end in directive.codes] == [("E501", "E501"), ("REG101", "REG101")]


@pytest.mark.parametrize(
    ("silenced", "left"),
    [("nb_row=3,  # noqa: REG111", "nb_col=3,"), ("nb_row=3,", "nb_col=3,  # noqa")],
)
def test_a_fix_that_mends_two_findings_is_held_back_where_one_of_them_is_silenced(silenced: str, left: str) -> None:
    lines = [
        "from keras.layers import Conv2D",
        "Conv2D(",
        "    64,",
        silenced,
        left,
        "    border_mode='same',",
        ")",
        "",
    ]
    text = "\n".join(lines)
    fixed, (found,) = reglint.fix_source(text)
    assert fixed.decode() == text.replace("border_mode", "padding")
    assert found.fix_withheld == "it would mend what a `noqa` directive keeps as well"


def test_a_fix_that_only_stands_beside_what_is_silenced_is_made() -> None:
    text = "from keras.layers import Dense\n\nDense(\n    3,\n    init='uniform',  # noqa: REG110\n    bias=False,\n)\n"
    fixed, left = reglint.fix_source(text)
    assert (fixed.decode(), left) == (text.replace("bias", "use_bias"), [])
