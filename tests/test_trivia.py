"""Comments, blank lines, parentheses and line breaks never change what is found; a fix changes only its edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from conftest import FIXTURES
from hypothesis import given, settings
from hypothesis import strategies as st

from reglint import check_source, fix_source
from reglint.findings import Edit, Finding
from reglint.tokens import scan

PROJECTS = FIXTURES / "projects"
NAMES = (
    "aliases/models.py",
    "keyword_dicts/models.py",
    "layer_loops/search.py",
    "layer_subclasses/layers.py",
    "nested_layers/tagger.py",
    "partial_calls/models.py",
    "regularizer_symbols/both.py",
    "regularizer_symbols/strings.py",
    "version_guards/layers.py",
    "withheld/models.py",
    "wrapper_functions/blocks.py",
)
TEXTS = {name: (PROJECTS / name).read_text() for name in NAMES}

Shape = tuple[str, str, str | None]


def shape_of(text: str, findings: Sequence[Finding]) -> list[Shape]:
    """What is found, in order, without where it stands; parentheses around a value are part of it."""
    return [(f.code, _name(text[f.start : f.end]), f.fix.applicability.value if f.fix else None) for f in findings]


def _name(text: str) -> str:
    return text if text.isidentifier() else ""


def insertion_points(text: str) -> list[tuple[int, bool]]:
    """Offsets between tokens where trivia may go, and whether they are inside brackets."""
    points: list[tuple[int, bool]] = []
    depth = 0
    line_start = True
    for token in scan(text):
        word = text[token.start : token.end]
        if depth > 0 and token.kind not in ("newline", "comment", "space"):
            points.append((token.start, True))
        if depth == 0 and line_start and token.kind not in ("newline", "space"):
            points.append((text.rfind("\n", 0, token.start) + 1, False))
        line_start = token.kind == "newline"
        depth += (word in ("(", "[", "{")) - (word in (")", "]", "}"))
    return points


def arguments(text: str) -> list[tuple[int, int]]:
    """Literals that stand alone between brackets and commas, so that parentheses may go around them."""
    tokens = [token for token in scan(text) if token.kind not in ("newline", "comment", "space")]
    words = [text[token.start : token.end] for token in tokens]
    return [
        (token.start, token.end)
        for before, token, after in zip(words, tokens[1:], words[2:], strict=False)
        if token.kind in ("string", "number") and before in ("(", ",", "=", "[", "{") and after in (")", ",", "]", ":")
    ]


@st.composite
def with_trivia(
    draw: st.DrawFn,
    texts: Mapping[str, str] = TEXTS,
    within: str = "  # W_regularizer=1\n",
    between: Sequence[str] = ("# b_regularizer\n", "    # l1l2\n"),
) -> tuple[str, str]:
    """One of the texts, and the same with trivia sown in: comments ``within`` brackets and ``between`` statements."""
    text = texts[draw(st.sampled_from(sorted(texts)))]
    inserts: list[tuple[int, str]] = []
    for offset, inside in draw(st.lists(st.sampled_from(insertion_points(text)), unique=True, max_size=8)):
        trivia = ["\n", within, " ", "\\\n"] if inside else ["\n", *between]
        inserts.append((offset, draw(st.sampled_from(trivia))))
    for start, end in draw(st.lists(st.sampled_from(arguments(text) or [(0, 0)]), unique=True, max_size=4)):
        inserts.extend([(start, "("), (end, ")")] if end else [])
    changed = text
    for offset, trivia in sorted(inserts, key=lambda insert: (-insert[0], insert[1] != ")")):
        changed = changed[:offset] + trivia + changed[offset:]
    return text, changed


@settings(max_examples=150, deadline=None)
@given(with_trivia())
def test_trivia_never_changes_the_findings(pair: tuple[str, str]) -> None:
    text, changed = pair
    found = check_source(text, filename="example.py", modules={})
    again = check_source(changed, filename="example.py", modules={})
    assert not [finding for finding in again if finding.code == "REG900"], changed
    assert shape_of(changed, again) == shape_of(text, found)


@settings(max_examples=100, deadline=None)
@given(with_trivia(), st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["utf-8", "utf-8-sig"]))
def test_no_byte_outside_the_edits_changes(pair: tuple[str, str], line_end: str, encoding: str) -> None:
    raw = pair[1].replace("\n", line_end).encode(encoding)
    text = raw.decode(encoding)
    found = check_source(raw, filename="example.py", modules={})
    edits = {edit for f in found if f.fix and f.fix.applicability.value == "safe" for edit in f.fix.edits}
    assert fix_source(raw, filename="example.py", modules={})[0] == applied(text, sorted(edits)).encode(encoding)


def applied(text: str, edits: Sequence[Edit]) -> str:
    """The plainest way to apply edits."""
    for edit in reversed(edits):
        assert text[edit.start : edit.end] == edit.expected
        text = text[: edit.start] + edit.content + text[edit.end :]
    return text


@pytest.mark.parametrize("name", NAMES)
def test_the_texts_that_trivia_is_sown_into_hold_findings(name: str) -> None:
    assert check_source(Path(PROJECTS / name).read_bytes(), filename="example.py", modules={})
