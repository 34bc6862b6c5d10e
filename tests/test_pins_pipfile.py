"""Pipfile: the packages of every category, and the line of each."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reglint.pins.pin import Pin, Unread
from reglint.pins.pipfile import read
from reglint.project import MemoryFiles


def everything(text: str) -> list[Pin | Unread]:
    return list(read("Pipfile", MemoryFiles({"Pipfile": dedent(text).lstrip("\n")})))


def pins(text: str) -> list[tuple[int, str]]:
    """Line and requirement of each pin; there must be nothing unread."""
    found = everything(text)
    assert [item for item in found if isinstance(item, Unread)] == []
    return [(pin.line, f"{pin.package}{pin.specifier}") for pin in found if isinstance(pin, Pin)]


def test_packages_of_every_category_count() -> None:
    source = """
        [[source]]
        url = "https://example.org/simple"
        name = "keras"

        [packages]
        numpy = "*"
        keras = "==2.2.4"

        [dev-packages]
        keras = "*"
        Tensorflow_GPU = {version = ">=1.14", markers = "sys_platform == 'linux'", extras = ["x"]}

        [docs]
        tf-keras = {extras = ["x"]}

        [requires]
        python_version = "3.7"

        [scripts]
        keras = "python -m keras"
    """
    assert pins(source) == [(7, "keras==2.2.4"), (10, "keras"), (11, "tensorflow>=1.14"), (14, "tf-keras")]


def test_a_pin_shows_what_is_written() -> None:
    assert everything("[packages]\nkeras = '~=2.2'") == [Pin("keras", "~=2.2", "Pipfile", 2, 'keras = "~=2.2"')]


@pytest.mark.parametrize(
    ("value", "specifier"),
    [
        ('"*"', ""),
        ('" * "', ""),
        ('""', ""),
        ('"2.2.4"', "==2.2.4"),
        ('">=2.1, <2.3"', "<2.3,>=2.1"),
        ('"==2.2.*"', "==2.2.*"),
        ('{git = "https://example.org/keras.git", ref = "2.2.4"}', ""),
        ('{path = "./keras", editable = true}', ""),
        ('{file = "https://example.org/keras.zip"}', ""),
    ],
)
def test_a_version_means_what_pipenv_makes_of_it(value: str, specifier: str) -> None:
    assert pins(f"[packages]\nkeras = {value}") == [(2, f"keras{specifier}")]


@pytest.mark.parametrize("value", ['"latest"', "2", "{version = 2.2}", '"^2.2"', "['2.2']"])
def test_a_version_that_makes_no_sense_is_reported_on_its_line(value: str) -> None:
    (unread,) = everything(f"[packages]\nnumpy = 'latest'\nkeras = {value}")
    assert isinstance(unread, Unread)
    assert (unread.path, unread.line) == ("Pipfile", 3)


def test_a_package_may_be_a_table_of_its_own() -> None:
    assert pins("[packages.keras]\nextras = []\nversion = '==2.2.4'") == [(1, "keras==2.2.4")]


def test_a_file_that_is_no_toml_is_reported_with_its_line() -> None:
    (unread,) = everything("[packages]\nkeras = *\n")
    assert isinstance(unread, Unread)
    assert (unread.line, unread.message.startswith("not valid TOML: ")) == (2, True)


def test_a_file_that_does_not_speak_of_keras_or_is_missing_is_nothing() -> None:
    assert everything("[packages]\nnumpy = *\n") == []
    assert list(read("Pipfile", MemoryFiles({}))) == []


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    for item in everything(f"[packages]\nkeras = {text}\n"):
        assert item.line >= 1
