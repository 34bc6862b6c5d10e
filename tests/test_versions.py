"""The Keras releases that a file is judged for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.pins.pin import Pin
from reglint.versions import Allowed, Release, released

NEWEST = released("keras")[-1]


def declared(package: str, specifier: str, line: int = 1, **more: object) -> Pin:
    return Pin(package, specifier, "requirements.txt", line, f"{package}{specifier}")._replace(**more)


def versions(releases: tuple[Release, ...]) -> list[str]:
    return [release.version for release in releases]


# ------------------------------------------------------------------------------------------------------------ settings


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
        (">=2.1,<2.1.4", "keras", "<2.1.4", True),
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
    assert Allowed.parse(given, "").admits(package, releases) is admitted


def test_where_nothing_is_known_the_newest_release_counts() -> None:
    assert versions(Allowed().releases("keras")) == [NEWEST]
    assert not Allowed().admits("keras", "<2.0.0")


def test_a_package_without_any_bound_is_what_an_install_gives_today() -> None:
    assert versions(Allowed.parse("keras", "").releases("keras")) == [NEWEST]


def test_a_release_that_is_newer_than_the_table_is_taken_at_its_word() -> None:
    assert versions(Allowed.parse("keras==99.1", "").releases("keras")) == ["99.1"]
    assert versions(Allowed.parse("keras>=99.1", "").releases("keras")) == ["99.1"]


@pytest.mark.parametrize("wrong", ["new", "2.x", ">=two", "numpy>=1", "keras=2"])
def test_what_is_no_version_of_a_keras_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(ValueError, match="Keras"):
        Allowed.parse(wrong, "")


@given(st.sampled_from(released("keras")), st.sampled_from(released("keras")))
def test_a_range_admits_exactly_the_releases_in_it(low: str, high: str) -> None:
    order = released("keras")
    inside = [v for v in order if order.index(low) <= order.index(v) <= order.index(high)]
    assert versions(Allowed.parse(f">={low},<={high}", "").releases("keras")) == inside


# ------------------------------------------------------------------------------------------------------------ manifests


def test_manifests_that_disagree_are_all_allowed_and_all_named() -> None:
    allowed = Allowed.of_pins([declared("keras", "==2.0.8"), declared("keras", ">=3.14", 7)])
    assert versions(allowed.releases("keras"))[:2] == ["2.0.8", "3.14.0"]
    assert allowed.origin(allowed.releases("keras")) == (
        "requirements.txt:1 (`keras==2.0.8`) and requirements.txt:7 (`keras>=3.14`)"
    )


def test_only_the_manifest_that_allows_a_release_is_named_for_it() -> None:
    allowed = Allowed.of_pins([declared("keras", "==2.0.8"), declared("keras", ">=3.14", 7)])
    assert allowed.origin([Release("keras", "2.0.8")]) == "requirements.txt:1 (`keras==2.0.8`)"


def test_a_lock_file_goes_before_what_is_declared() -> None:
    allowed = Allowed.of_pins([declared("keras", ">=2"), declared("keras", "==2.3.1", 9, locked=True)])
    assert versions(allowed.releases("keras")) == ["2.3.1"]


def test_a_constraint_narrows_what_is_required_and_is_no_requirement_itself() -> None:
    limit = declared("keras", "<2.1.4", 3, constraint=True)
    both = Allowed.of_pins([declared("keras", ">=2.1"), limit])
    assert versions(both.releases("keras")) == ["2.1.0", "2.1.1", "2.1.2", "2.1.3"]
    assert not Allowed.of_pins([limit]).admits("keras", ">=2.1.4")


def test_what_settings_say_goes_before_the_manifests_package_by_package() -> None:
    manifests = Allowed.of_pins([declared("keras", "==2.0.8"), declared("tensorflow", "==1.4.1")])
    allowed = Allowed.parse("keras==2.2.4", "").over(manifests)
    assert versions(allowed.releases("keras")) == ["2.2.4"]
    assert versions(allowed.releases("tensorflow")) == ["1.4.1"]


# ------------------------------------------------------------------------------------- packages that bring each other


def test_tf_keras_of_tensorflow_before_2_16_is_its_own() -> None:
    assert Allowed.parse("tensorflow==2.15.1", "").engines("tensorflow") == (Release("tensorflow", "2.15.1"),)


def test_tf_keras_from_2_16_on_is_any_keras_3_that_this_tensorflow_accepts() -> None:
    engines = Allowed.parse("tensorflow==2.17.0", "").engines("tensorflow")
    assert {engine.package for engine in engines} == {"keras"}
    assert (engines[0].version, engines[-1].version) == ("3.2.0", NEWEST)


def test_a_pin_on_keras_says_which_keras_a_newer_tensorflow_runs() -> None:
    engines = Allowed.parse("tensorflow==2.17.0; keras==3.4.1", "").engines("tensorflow")
    assert engines == (Release("keras", "3.4.1"),)


def test_a_range_of_tensorflow_across_2_16_has_both_kinds() -> None:
    engines = Allowed.parse("tensorflow>=2.15,<2.17", "").engines("tensorflow")
    assert {engine.package for engine in engines} == {"tensorflow", "keras"}


def test_a_bound_that_no_release_bears_admits_none_of_that_name() -> None:
    allowed = Allowed.parse("tensorflow>=2.16,<2.17", "")
    assert versions(allowed.releases("tensorflow")) == ["2.16.1", "2.16.2"]


@pytest.mark.parametrize(
    ("specifier", "expected"),
    [
        ("==2.0.0rc1", ["2.0.0rc1"]),
        ("===3.99.0", ["3.99.0"]),
        (">=3.99", ["3.99"]),
        ("==99.1.*", ["99.1"]),
        (">=2.3,<2.4,!=2.3.1", ["2.3.0"]),
    ],
)
def test_a_version_that_no_table_has_is_believed_where_a_project_is_pinned_to_it(
    specifier: str, expected: list[str]
) -> None:
    assert versions(Allowed.parse(f"keras{specifier}", "").releases("keras")) == expected


def test_where_nothing_is_known_tf_keras_is_the_newest_keras() -> None:
    assert Allowed().engines("tensorflow") == (Release("keras", NEWEST),)


def test_code_that_asks_for_the_legacy_keras_gets_tf_keras() -> None:
    engines = Allowed.parse("tensorflow>=2.16; tf-keras==2.17.0", "").asking_for_legacy().engines("tensorflow")
    assert engines == (Release("tf-keras", "2.17.0"),)


def test_keras_beside_a_tensorflow_that_requires_one_is_that_one() -> None:
    assert versions(Allowed.parse("tensorflow==2.12.0", "").releases("keras")) == ["2.12.0"]
    assert versions(Allowed.parse("tensorflow==2.12.0; keras>=2.4", "").releases("keras")) == ["2.12.0"]


def test_a_keras_pin_that_contradicts_tensorflow_is_believed() -> None:
    assert versions(Allowed.parse("tensorflow==2.12.0; keras==2.3.1", "").releases("keras")) == ["2.3.1"]


def test_an_old_tensorflow_says_nothing_about_the_package_keras() -> None:
    assert versions(Allowed.parse("tensorflow==1.15.5", "").releases("keras")) == [NEWEST]


def test_a_hazard_is_judged_by_what_runs_not_by_what_is_imported() -> None:
    hazard = {"keras": ">=3.14", "tensorflow": "<1.13"}
    assert Allowed.parse("tensorflow==2.17.0; keras==3.14.0", "").among("tensorflow", hazard)
    assert Allowed.parse("tensorflow==1.12.0", "").among("tensorflow", hazard)
    assert not Allowed.parse("tensorflow==2.15.0", "").among("tensorflow", hazard)


def test_a_tensorflow_that_brings_no_keras_is_not_named_for_one() -> None:
    old = Allowed.parse("tensorflow>=1.5,<1.7", "requirements.txt:1")
    assert old.origin(old.engines("keras")) == ""
    new = Allowed.parse("tensorflow==2.17", "requirements.txt:1")
    assert new.origin(new.engines("keras")) == "requirements.txt:1"
