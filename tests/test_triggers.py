"""The test on the bytes of a file says no only where no rule could find anything."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.triggers import Triggers, may_suppress

TRIGGERS = Triggers.of([("W_regularizer",), ("keras", "l2")])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Dense(W_regularizer=x)", True),
        (b"W_regularizer", True),
        (b"'W_regularizer'", True),
        (b"MW_regularizer W_regularizers", False),
        (b"import keras", False),
        (b"import keras\nl2(1)", True),
        (b"import keras\nl20(1)", False),
        (b"import keras_l2; l2", False),
        (b'"source": "a\\nW_regularizer=1"', True),
        (b'"source": "a\\tW_regularizer=1"', True),
        (b"", False),
        ("W_regularizer".encode("utf-16"), True),
    ],
)
def test_a_file_is_spared_unless_it_holds_all_words_of_a_trigger(raw: bytes, expected: bool) -> None:
    assert TRIGGERS.found_in(raw) is expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Dense(bias=True)", True),
        (b"Dense(bias = True)", True),
        (b"Dense(bias  # why\n=True)", True),
        (b"Dense(bias\\\n=True)", True),
        (b'"source": ["Dense(bias\\n", "=True)"]', True),
        (b"Dense(**{'bias': True})", True),
        (b'"source": "Dense(**{\\"bias\\": True})"', True),
        (b"Dense(); bias", False),
        (b"Dense(); bias == 1", False),
        (b"Dense(use_bias=True)", False),
        (b"bias=True", False),
    ],
)
def test_a_word_with_an_equals_sign_must_be_a_keyword_or_a_string(raw: bytes, expected: bool) -> None:
    assert Triggers.of([("Dense", "bias=")]).found_in(raw) is expected


WORDS = ["keras", "l2", "init", "W_regularizer", "b_regularizer", "noqa"]
BETWEEN = [" ", "\\n", "\\", "\n", "=", "==", "#", "'", '"', "_", "x", "\u00e9", ".", "("]


def held(raw: bytes, word: str) -> bool:
    """What the test on bytes is meant to say of one word."""
    keyword = r"(?:\s*(?:=(?!=)|[#\\])|['\"])" if word.endswith("=") else r"(?!\w)"
    return (
        re.search(rf"(?:(?<![\w\\])|(?<=\\[nrtfb])|(?<=\\)(?![nrtfb])){word.rstrip('=')}{keyword}".encode(), raw)
        is not None
    )


@given(
    st.lists(st.sampled_from(WORDS + BETWEEN), max_size=12),
    st.lists(st.lists(st.sampled_from([*WORDS, "init=", "l2="]), min_size=1, max_size=3), min_size=1, max_size=4),
    st.booleans(),
    st.integers(1, 20),
)
def test_how_many_rules_run_and_how_large_the_file_is_changes_nothing(
    pieces: list[str], alternatives: list[list[str]], many: bool, size: int
) -> None:
    raw = "".join(pieces).encode()
    more = [[f"other{number}"] for number in range(100 * many)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reglint.triggers._PIECE", size)
        found = Triggers.of(alternatives + more).found_in(raw)
    assert found == any(all(held(raw, word) for word in words) for words in alternatives)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"x = 1  # noqa: REG101", True),
        (b"x = 1  # NoQA:e501,reg101", True),
        (b"# reglint: noqa: REG101", True),
        (b"x = 1  # noqa", False),
        (b"x = 1  # noqa: E501", False),
        (b"# noqa\nREG101", False),
        (b"# about REG101", False),
    ],
)
def test_a_file_with_one_of_our_codes_behind_noqa_is_looked_at(raw: bytes, expected: bool) -> None:
    assert may_suppress(raw, [b"REG"]) is expected
