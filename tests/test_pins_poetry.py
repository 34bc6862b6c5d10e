"""Poetry's versions, in the words of PEP 440: each alternative a pin of its own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from reglint.pins.pin import Pin, Unread
from reglint.pins.poetry import NoConstraint, pins_of_dependency, specifiers_of


def alternatives(constraint: str) -> list[SpecifierSet]:
    return [SpecifierSet(specifier) for specifier in specifiers_of(constraint)]


def admits(constraint: str, version: str) -> bool:
    return any(specifier.contains(version, prereleases=True) for specifier in alternatives(constraint))


@pytest.mark.parametrize(
    ("constraint", "specifier"),
    [
        ("^2.2", ">=2.2,<3"),
        ("^2.2.4", ">=2.2.4,<3"),
        ("^2", ">=2,<3"),
        ("^0.3.3", ">=0.3.3,<0.4"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0.0", ">=0.0,<0.1"),
        ("^0", ">=0,<1"),
        ("~2.2.4", ">=2.2.4,<2.3"),
        ("~2.2", ">=2.2,<2.3"),
        ("~2", ">=2,<3"),
        ("~=2.2.4", "~=2.2.4"),
        ("2.2.*", "==2.2.*"),
        ("2.x", "==2.*"),
        ("2.*.*", "==2.*"),
        ("!=2.2.*", "!=2.2.*"),
        (">=2.*", ">=2"),
        ("2.2.4", "==2.2.4"),
        ("=2.2.4", "==2.2.4"),
        ("==2.2.4", "==2.2.4"),
        ("v2.2.4", "==2.2.4"),
        (">=2,<3", ">=2,<3"),
        (">=2 <3", ">=2,<3"),
        (">= 2, < 3", ">=2,<3"),
        ("^ 2.2", ">=2.2,<3"),
        ("^2.2,!=2.2.3", ">=2.2,<3,!=2.2.3"),
        (">2 , <>2.5", ">2,!=2.5"),
        ("^2.3.0rc1", ">=2.3.0rc1,<3"),
        ("*", ""),
        ("", ""),
    ],
)
def test_a_constraint_says_the_same_in_pep_440(constraint: str, specifier: str) -> None:
    assert alternatives(constraint) == [SpecifierSet(specifier)]


@pytest.mark.parametrize("constraint", [">=2,<3 || >=4", ">=2,<3 | >=4", ">=2,<3||>=4", " >=2,<3  ||  >=4 "])
def test_every_alternative_is_kept_apart(constraint: str) -> None:
    assert alternatives(constraint) == [SpecifierSet(">=2,<3"), SpecifierSet(">=4")]


@pytest.mark.parametrize("constraint", ["latest", "^", "^latest", ">=", "2.2.4.x.y", ">=2;<3", "=>2", "2.2 - 2.3"])
def test_what_is_no_constraint_is_refused(constraint: str) -> None:
    with pytest.raises(NoConstraint):
        alternatives(constraint)


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=3))
def test_a_caret_admits_what_it_names_and_nothing_past_its_first_number_that_is_not_zero(numbers: list[int]) -> None:
    written = ".".join(map(str, numbers))
    padded = [*numbers, 0, 0][:3]
    kept = next((index for index, number in enumerate(padded) if number), len(numbers) - 1)
    assert admits(f"^{written}", written)
    within = [*padded[: kept + 1], 99, 99][:3] if kept < 2 else padded
    assert admits(f"^{written}", ".".join(map(str, within)))
    beyond = [*padded[:kept], padded[kept] + 1, 0, 0][:3]
    assert not admits(f"^{written}", ".".join(map(str, beyond)))


@settings(deadline=None)
@given(st.text(alphabet="^~=<>!|,.* 0123xvrc-", max_size=12))
def test_a_constraint_is_either_understood_or_refused(constraint: str) -> None:
    try:
        understood = alternatives(constraint)
    except NoConstraint:
        return
    for specifier in understood:
        specifier.contains(Version("2.2.4"))


# --------------------------------------------------------------------------------------------------------- entries


def pins(name: str, value: Any) -> list[Pin | Unread]:
    return list(pins_of_dependency(name, value, "pyproject.toml", 7))


def test_a_version_becomes_a_pin_with_the_text_of_its_line() -> None:
    assert pins("keras", "^2.2") == [Pin("keras", "<3,>=2.2", "pyproject.toml", 7, 'keras = "^2.2"')]


def test_alternatives_become_pins_of_the_same_line() -> None:
    found = pins("tensorflow-gpu", "^1.14 || ^2.1")
    assert [(pin.package, pin.specifier, pin.line) for pin in found if isinstance(pin, Pin)] == [
        ("tensorflow", "<2,>=1.14", 7),
        ("tensorflow", "<3,>=2.1", 7),
    ]


@pytest.mark.parametrize(
    ("value", "specifier", "text"),
    [
        ({"version": "~2.2", "optional": True, "extras": ["a"]}, "<2.3,>=2.2", 'keras = {version = "~2.2"}'),
        ({"version": "*", "python": "<3.8", "markers": "sys_platform == 'x'"}, "", 'keras = {version = "*"}'),
        (
            {"git": "https://example.org/keras.git", "tag": "2.2.4"},
            "",
            'keras = {git = "https://example.org/keras.git"}',
        ),
        ({"path": "../keras", "develop": True}, "", 'keras = {path = "../keras"}'),
        ({"url": "https://example.org/keras.whl"}, "", 'keras = {url = "https://example.org/keras.whl"}'),
        ({"extras": ["visualize"]}, "", 'keras = "*"'),
    ],
)
def test_a_table_may_name_a_version_or_a_place(value: dict[str, Any], specifier: str, text: str) -> None:
    assert pins("keras", value) == [Pin("keras", specifier, "pyproject.toml", 7, text)]


@pytest.mark.parametrize("name", ["python", "numpy", "keras-tuner"])
def test_other_packages_are_left_alone_whatever_is_written_there(name: str) -> None:
    assert pins(name, "no version at all") == []


@pytest.mark.parametrize("value", ["latest", 2, {"version": 2.2}, True, ["^2"]])
def test_a_version_that_makes_no_sense_is_reported(value: Any) -> None:
    (unread,) = pins("keras", value)
    assert isinstance(unread, Unread)
    assert unread.line == 7
