"""tox.ini: which pins its environments hold, under which conditions whatever, and on which line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.pins.pin import Pin
from reglint.pins.tox_ini import read
from reglint.project import MemoryFiles


def pins(text: str | bytes, **others: str) -> list[tuple[str, str, int]]:
    """Package, specifier and line of each pin; there must be nothing unread."""
    files = MemoryFiles({"tox.ini": text, **{f"{name}.txt": content for name, content in others.items()}})
    found = list(read("tox.ini", files))
    assert all(isinstance(item, Pin) for item in found), found
    return [(pin.package, pin.specifier, pin.line) for pin in found if isinstance(pin, Pin)]


@pytest.mark.parametrize(
    ("line", "specifier"),
    [
        ("keras", ""),
        ("keras>=2.0,<3", "<3,>=2.0"),
        ("keras20: keras<2.1", "<2.1"),
        ("py{36,37}-keras{20,21},!lint: keras>=2,<2.2 ; python_version < '3'", "<2.2,>=2"),
        ("keras==2.0  # why", "==2.0"),
        ("keras=={env:KERAS:2.2.4}", "==2.2.4"),
        ("keras=={env:KERAS}", ""),
        ("keras20: git+https://github.com/keras-team/keras.git@2.1.2#egg=keras", "==2.1.2"),
        ("-e git+https://github.com/keras-team/keras.git@2.1.2#egg=keras", "==2.1.2"),
    ],
)
def test_a_dependency_counts_under_whatever_factors(line: str, specifier: str) -> None:
    assert pins(f"[testenv:x]\ndeps =\n    numpy\n    {line}\n") == [("keras", specifier, 4)]


def test_lines_are_counted_over_comments_and_empty_lines() -> None:
    text = "[tox]\n\n[testenv]\ndeps = keras==1.0\n\n    # keras==9\n; keras==8\n    tf-keras\n[b]\ndeps: keras<3\n"
    assert pins(text) == [("keras", "==1.0", 4), ("tf-keras", "", 8), ("keras", "<3", 10)]


@pytest.mark.parametrize(
    "text",
    [
        "[testenv]\ndescription = deps\n    keras\n",
        "[keras]\nenvlist = keras, tensorflow\n",
        "[testenv]\ndeps = keras-applications\n",
        "[testenv]\nsetenv =\n    A = keras==2.0\n",
        "[testenv]\ncommands = python -c 'import keras'\n",
        "[testenv]\ncommands = echo pip install keras\n",
    ],
)
def test_other_keys_say_nothing(text: str) -> None:
    assert pins(text) == []


def test_what_deps_take_over_from_other_sections_is_read_where_it_stands() -> None:
    text = "[base]\ndeps =\n  keras<3\nextra =\n  tf-keras\nunused =\n  keras==9\n"
    text += "[testenv]\ndeps =\n  {[base]deps}\n  {[base]extra}\n"
    assert pins(text) == [("keras", "<3", 3), ("tf-keras", "", 5)]


@pytest.mark.parametrize("option", ["-rreq.txt", "-r req.txt", "-r{toxinidir}/req.txt", "x: --requirement=req.txt"])
def test_a_file_of_requirements_is_read(option: str) -> None:
    (pin,) = read("tox.ini", MemoryFiles({"tox.ini": f"[testenv]\ndeps =\n  {option}\n", "req.txt": "x\nkeras<3"}))
    assert isinstance(pin, Pin)
    assert (pin.path, pin.line, pin.constraint) == ("req.txt", 2, False)


def test_a_file_of_constraints_only_bounds() -> None:
    (pin,) = read("tox.ini", MemoryFiles({"tox.ini": "[testenv]\ndeps =\n  -climits.txt\n", "limits.txt": "keras<3"}))
    assert isinstance(pin, Pin)
    assert (pin.path, pin.constraint) == ("limits.txt", True)


def test_what_commands_install_counts_too() -> None:
    text = (
        "[testenv]\n"
        "commands_pre =\n"
        "    py36: pip install keras>=2.0 \\\n"
        "       tf-keras==2.15\n"
        "commands =\n"
        "    pytest\n"
        "    - {envpython} -m pip install tensorflow=={env:TF:1.15}\n"
    )
    assert pins(text) == [("keras", ">=2.0", 3), ("tf-keras", "==2.15", 4), ("tensorflow", "==1.15", 7)]


def test_dependencies_from_conda_are_in_conda_s_syntax() -> None:
    assert pins("[testenv]\nconda_deps =\n  conda-forge::keras=2.2\n") == [("keras", "==2.2.*", 3)]


# fmt: off
_PIECES = st.sampled_from([
    "[testenv]", "[", "]", "\n", "\n  ", "deps", "commands", "=", ":", "keras", "==2.0", "{[testenv]deps}", "{", "}",
    "#", ";", "-r", "-c", "tox.ini", "pip install ", "\\", "'", '"', ",", " ", "!",
])
# fmt: on


@given(st.one_of(st.binary(), st.text().map(str.encode), st.lists(_PIECES).map(lambda parts: "".join(parts).encode())))
def test_no_bytes_whatever_make_the_reader_raise(raw: bytes) -> None:
    for item in read("tox.ini", MemoryFiles({"tox.ini": b"[testenv]\ndeps = keras\n" + raw})):
        assert item.line >= 1
