"""JSON is read as the standard library reads it, and strings know their place."""

from __future__ import annotations

import json
from itertools import pairwise
from json import JSONDecodeError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.located_json import Literal, any_value, array_of, object_of, placed, read_json, string

TEXTS = st.text(st.sampled_from('a"\\/\b\n\té\u2028\U0001f600\x00\ud83d'), max_size=8)
VALUES = st.recursive(st.none() | st.booleans() | TEXTS, lambda v: st.lists(v, max_size=3) | st.dictionaries(TEXTS, v))
STYLES = st.fixed_dictionaries({"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 0, 2, "\t"])})


def plain(value: Any) -> Any:
    return value.value if isinstance(value, Literal) else value


@given(TEXTS, STYLES)
def test_each_character_of_a_string_has_its_place(text: str, style: dict[str, Any]) -> None:
    document = " " + json.dumps(text, **style)
    _, literal = read_json(document, string)
    assert document[literal.start : literal.start + len(literal.raw)] == literal.raw
    places = [literal.document_offset(offset) for offset in range(len(literal.value) + 1)]
    assert [json.loads(f'"{document[a:b]}"') for a, b in pairwise(places)] == list(literal.value)
    assert places[-1] == len(document) - 1


@given(st.lists(VALUES, max_size=4), STYLES)
def test_arrays_read_as_the_standard_library_reads_them(values: list[Any], style: dict[str, Any]) -> None:
    document = json.dumps(values, **style)
    _, found = read_json(document, array_of(string))
    assert [plain(value) for value in found] == json.loads(document)


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES), STYLES)
def test_objects_keep_the_members_that_are_named(values: dict[str, Any], style: dict[str, Any]) -> None:
    document = json.dumps(values, **style)
    _, found = read_json(document, object_of({"a": placed(any_value), "b": string}))
    expected = json.loads(document)
    assert {key: plain(value) if key == "b" else value[1] for key, value in found.items()} == {
        key: value for key, value in expected.items() if key != "c"
    }
    if "a" in found:
        assert json.JSONDecoder().raw_decode(document, found["a"][0])[0] == expected["a"]


@given(st.text(st.sampled_from('[]{}:,"a1 \n'), max_size=10))
def test_what_the_standard_library_refuses_is_refused(document: str) -> None:
    reader = array_of(object_of({"a": array_of(string)}))
    try:
        json.loads(document)
    except JSONDecodeError:
        with pytest.raises(JSONDecodeError):
            read_json(document, reader)
    else:
        read_json(document, reader)


def test_other_values_come_back_as_they_are() -> None:
    assert read_json("3.5", array_of(any_value)) == (0, 3.5)
    assert read_json(" null", object_of({})) == (1, None)
    assert read_json("12", string) == (0, "12")
