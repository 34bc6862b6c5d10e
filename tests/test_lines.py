"""Lines end where Python ends them."""

from __future__ import annotations

from reglint.lines import line_starts


def test_every_line_end_of_python_starts_a_line() -> None:
    assert line_starts("a\nb\r\nc\rd\n\re") == [0, 2, 5, 7, 9, 10]


def test_other_separators_start_none() -> None:
    assert line_starts("a\x0bb\x0cc\x1cd\x85e\u2028f\u2029") == [0]


def test_no_text_is_one_line() -> None:
    assert line_starts("") == [0]
