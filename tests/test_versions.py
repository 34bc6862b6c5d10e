"""The Keras releases that a file is judged for."""

from __future__ import annotations

import pytest

from reglint.versions import Allowed


@pytest.mark.parametrize(
    ("given", "package", "releases", "admitted"),
    [
        ("2.2.4", "keras", ">=2.0.0", True),
        ("2.2.4", "keras", "<2.0.0", False),
        (">=1.1", "keras", "<2.0.0", True),
        (">=1.1", "keras", ">=2.0.0", True),
        ("<2", "keras", ">=2.0.0", False),
        ("<2", "keras", "<2.0.0", True),
        (">=2.1,<2.1.4", "keras", ">=2.1.4", False),
        (">2.3.1", "keras", "<2.4.0", True),
        ("keras>=3", "keras", "<2.4.0", False),
        ("~=2.2", "keras", ">=3", False),
        ("tensorflow==1.15", "tensorflow", ">=2.0", False),
        ("tensorflow==1.15", "keras", ">=3", True),
        ("keras>=2; tensorflow<2", "tensorflow", ">=2.0", False),
    ],
)
def test_a_specifier_admits_the_releases_between_its_bounds(
    given: str, package: str, releases: str, admitted: bool
) -> None:
    assert Allowed.parse(given).admits(package, releases) is admitted


def test_where_nothing_is_known_the_newest_release_counts() -> None:
    assert Allowed().admits("keras", ">=3")
    assert not Allowed().admits("keras", "<2.0.0")


def test_a_target_is_what_the_code_is_judged_for() -> None:
    assert not Allowed.parse("<2", "keras==3.15.1").admits("keras", "<2.0.0")


@pytest.mark.parametrize("wrong", ["new", "2.x", ">=two", "numpy>=1", "keras=2"])
def test_what_is_no_version_of_a_keras_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(ValueError, match="Keras"):
        Allowed.parse(wrong)
