"""setup.cfg: what setuptools reads requirements from, and the line of each."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reglint.pins.pin import Pin, Unread
from reglint.pins.setup_cfg import read
from reglint.project import MemoryFiles


def everything(text: str | bytes, **others: str) -> list[Pin | Unread]:
    raw = text if isinstance(text, bytes) else dedent(text).lstrip("\n")
    beside = {name.replace("__", "/") + ".txt": content for name, content in others.items()}
    return list(read("setup.cfg", MemoryFiles({"setup.cfg": raw, **beside})))


def pins(text: str, **others: str) -> list[tuple[int, str]]:
    """Line and requirement of each pin; there must be nothing unread."""
    found = everything(text, **others)
    assert [item for item in found if isinstance(item, Unread)] == []
    return [(pin.line, f"{pin.package}{pin.specifier}") for pin in found if isinstance(pin, Pin)]


def test_each_requirement_stands_on_its_own_line() -> None:
    source = """
        [metadata]
        name = keras
        keywords =
            keras

        [options]
        packages = find:
        install_requires =
            numpy
            # keras<2
            keras >= 2.1, <2.3 ; python_version < "3.8"  # old

            ; tensorflow<1
            tensorflow[and-cuda]>=1.4
        tests_require = keras==2.2.4
        setup_requires =
            keras==1.0
    """
    assert pins(source) == [(11, "keras<2.3,>=2.1"), (14, "tensorflow>=1.4"), (15, "keras==2.2.4")]


def test_a_pin_keeps_the_requirement_as_written() -> None:
    (pin,) = everything("[options]\ninstall_requires =\n  keras  >=2 ; python_version < '3'\n")
    assert pin == Pin("keras", ">=2", "setup.cfg", 3, "keras >=2 ; python_version < '3'")


def test_every_extra_counts_whatever_it_is_called() -> None:
    source = """
        [options.extras_require]
        tf = tensorflow>=2; numpy
        Keras-Old =
            keras<2
        [options.packages.find]
        exclude = keras
    """
    assert pins(source) == [(2, "tensorflow>=2"), (4, "keras<2")]


def test_requirements_on_one_line_are_separated_by_semicolons() -> None:
    assert pins("[options]\ninstall_requires = numpy; keras>=2; tensorflow<3") == [(2, "keras>=2"), (2, "tensorflow<3")]


def test_a_requirement_may_follow_on_the_line_of_the_key_and_below() -> None:
    assert pins("[options]\ninstall_requires: keras>=2\n  tensorflow<3") == [(2, "keras>=2"), (3, "tensorflow<3")]


def test_a_key_with_a_hyphen_is_the_same_key() -> None:
    assert pins("[options]\ninstall-requires = keras>=2") == [(2, "keras>=2")]


def test_percent_signs_mean_nothing() -> None:
    assert pins("[a]\nb = %(c)s %\n[options]\ninstall_requires =\n  keras") == [(5, "keras")]


def test_sections_that_occur_twice_are_put_together() -> None:
    assert pins("[options]\ninstall_requires = keras>=2\n[options]\ntests_require = keras<3") == [
        (2, "keras>=2"),
        (4, "keras<3"),
    ]


@pytest.mark.parametrize(
    "value", ["file: reqs.txt", "file:reqs.txt", "file: missing.txt, ./reqs.txt", "\n  file: reqs.txt"]
)
@pytest.mark.parametrize("key", ["[options]\ninstall_requires", "[options.extras_require]\nx"])
def test_files_of_requirements_are_read(key: str, value: str) -> None:
    found = everything(f"{key} = {value}", reqs="numpy\nkeras==2.2.4")
    assert [(item.path, item.line) for item in found] == [("reqs.txt", 2)]


def test_files_stand_beside_setup_cfg_and_other_keys_name_none() -> None:
    text = "[metadata]\nversion = file: v.txt\n[options]\ninstall_requires = file: r.txt"
    files = MemoryFiles({"a/setup.cfg": text, "a/r.txt": "keras>=2", "r.txt": "keras<2", "a/v.txt": "keras"})
    assert [(pin.path, pin.specifier) for pin in read("a/setup.cfg", files) if isinstance(pin, Pin)] == [
        ("a/r.txt", ">=2")
    ]


def test_a_requirement_that_makes_no_sense_is_reported_on_its_line() -> None:
    (unread,) = everything("[options]\ninstall_requires =\n  numpy^1\n  keras^2.2")
    assert isinstance(unread, Unread)
    assert (unread.line, "keras^2.2" in unread.message) == (4, True)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# keras\nname = keras\n", 2),
        ("[options]\ninstall_requires =\n    numpy\nkeras\n", 4),
        (b"[a]\nb = \xff keras\n", 2),
    ],
)
def test_a_file_that_cannot_be_read_is_reported_with_its_line(text: str | bytes, line: int) -> None:
    (unread,) = everything(text)
    assert isinstance(unread, Unread)
    assert (unread.path, unread.line) == ("setup.cfg", line)


def test_a_file_that_does_not_speak_of_keras_or_is_missing_is_nothing() -> None:
    assert everything("name = numpy\n") == []
    assert everything("file: numpy\n") == []
    assert list(read("setup.cfg", MemoryFiles({}))) == []


def test_line_ends_of_windows_and_a_byte_order_mark_change_no_line() -> None:
    (pin,) = everything(b"\xef\xbb\xbf[options]\r\ninstall_requires =\r\n  numpy\r\n  keras\r\n")
    assert pin.line == 4


@settings(deadline=None)
@given(st.text(max_size=100) | st.text(alphabet="[]=:;# \n\tkeras\0%", max_size=60))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    for item in everything(f"{text}\n[options]\ninstall_requires = keras{text}\n".encode("utf-8", "surrogatepass")):
        assert item.line >= 1
