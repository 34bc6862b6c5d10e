"""Comments, blank lines, parentheses and line breaks in whole Keras 1 calls: found all the same, and never lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from test_trivia import PROJECTS, with_trivia

from reglint import check_source, fix_source
from reglint.settings import Settings

NAMES = (
    "keras1_convolutions/vgg.py",
    "keras1_positions/networks.py",
    "keras1_training/train.py",
    "layers_left_behind/tagger.py",
    "merged_branches/inception.py",
    "moved_modules/models.py",
    "optimizers_to_keras3/experiment.py",
    "renamed_layers/classes.py",
    "renamed_layers/dilated.py",
    "renamed_names/scores.py",
    "stateful_sequences/waves.py",
)
TEXTS = {name: (PROJECTS / name).read_text() for name in NAMES}
TO_KERAS_3 = Settings(target="keras==3.15.1", unsafe_fixes=True)
COMMENT = "# sown\n"
sown = with_trivia(TEXTS, f"  {COMMENT}", [COMMENT])


@settings(max_examples=120, deadline=None)
@given(sown)
def test_the_same_rules_speak_whatever_is_sown_into_a_call(pair: tuple[str, str]) -> None:
    codes = [
        sorted(finding.code for finding in check_source(text, filename="example.py", settings=TO_KERAS_3, modules={}))
        for text in pair
    ]
    assert codes[0] == codes[1]


@settings(max_examples=120, deadline=None)
@given(sown)
def test_a_fix_loses_no_comment_and_a_second_one_changes_nothing(pair: tuple[str, str]) -> None:
    mended = fix_source(pair[1], filename="example.py", settings=TO_KERAS_3, modules={})[0]
    assert mended.decode().count(COMMENT) == pair[1].count(COMMENT)
    assert fix_source(mended, filename="example.py", settings=TO_KERAS_3, modules={})[0] == mended
    compile(mended, "example.py", "exec")


@pytest.mark.parametrize("name", NAMES)
def test_a_fix_changes_the_texts_that_are_sown_into(name: str) -> None:
    text = TEXTS[name]
    assert fix_source(text, filename="example.py", settings=TO_KERAS_3, modules={})[0].decode() != text
