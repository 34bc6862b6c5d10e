"""Conda's match specifications, in environment.yml and wherever else conda is told what to install."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.pins.conda import conda_pins
from reglint.pins.pin import UNKNOWN, Pin


def specifiers(spec: str) -> list[str]:
    return [item.specifier for item in conda_pins(spec, "environment.yml", 1) if isinstance(item, Pin)]


@pytest.mark.parametrize(
    ("spec", "specifier"),
    [
        ("keras", ""),
        ("keras=2.2", "==2.2.*"),
        ("keras=2.2.*=mkl", "==2.2.*"),
        ("keras==2.2.4=py36_0", "==2.2.4"),
        ("keras 2.2.4 py36_0", "==2.2.4"),
        ("conda-forge::keras>=2,<3.0a0", "<3.0a0,>=2"),
        ("keras=*=gpu", ""),
        ("keras-gpu=2.2.4", "==2.2.4.*"),
        (f"keras>=2.0,<{UNKNOWN}", ">=2.0"),
        (f"keras={UNKNOWN}", ""),
    ],
)
def test_conda_writes_bounds_its_own_way(spec: str, specifier: str) -> None:
    assert specifiers(spec) == [specifier]


def test_alternatives_are_a_pin_each() -> None:
    assert specifiers("keras 2.2|2.3.*") == ["==2.2", "==2.3.*"]


def test_other_packages_are_no_pins() -> None:
    assert list(conda_pins("keras-preprocessing=1.0", "environment.yml", 1)) == []


_PIECES = st.sampled_from([*"=<>!~|,* []()'0", "version", "2.2", "9" * 500, "9" * 5000, UNKNOWN])


@given(st.lists(_PIECES).map("".join))
def test_no_text_whatever_makes_conda_s_syntax_raise(text: str) -> None:
    for item in conda_pins("keras" + text, "r", 1):
        assert item.path == "r"
