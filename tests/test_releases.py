"""The table of released versions: which there are, and which Keras each TensorFlow brings."""

from __future__ import annotations

import datetime
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from reglint.rulebook import facts

TABLE = facts("releases")
PACKAGES = ("keras", "tensorflow", "tf-keras", "keras-core")

# Releases on which regularizers were measured.
MEASURED = {
    "keras": """
        1.2.2 2.0.0 2.0.2 2.0.3 2.0.4 2.0.5 2.0.8 2.0.9 2.1.0 2.1.1 2.1.2 2.1.3 2.1.4 2.1.5 2.1.6 2.2.0 2.2.4 2.2.5
        2.3.0 2.3.1 2.4.3 3.0.0 3.3.3 3.6.0 3.10.0 3.13.2 3.14.0 3.15.1
    """,
    "tensorflow": """
        1.4.1 1.5.0 1.6.0 1.7.1 1.8.0 1.10.1 1.12.0 1.13.1 1.14.0 1.15.5 2.0.4 2.1.4 2.3.4 2.5.3 2.8.4 2.11.0 2.13.1
        2.15.1 2.18.0 2.21.0
    """,
    "tf-keras": "2.18.0 2.21.0",
}


def brought(release: str) -> dict[str, Any]:
    """The one row about a release of TensorFlow."""
    rows = [row for row in TABLE["brings"] if SpecifierSet(row["tensorflow"]).contains(release)]
    assert len(rows) == 1
    return rows[0]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parent / "oracle" / "refresh_releases.py"
    spec = importlib.util.spec_from_file_location("refresh_releases", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def with_a_keras() -> list[str]:
    return [release for release in TABLE["released"]["tensorflow"] if Version(release) >= Version("1.4")]


def test_the_table_says_on_which_day_it_was_made() -> None:
    assert isinstance(TABLE["date"], datetime.date)
    assert TABLE["date"] >= datetime.date(2026, 11, 22)


def test_every_package_that_brings_a_keras_is_listed() -> None:
    assert set(TABLE["released"]) == {package["name"] for package in facts("packages")["package"]} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_releases_are_in_order_and_named_once(package: str) -> None:
    versions = [Version(release) for release in TABLE["released"][package]]

    assert versions == sorted(set(versions))


@pytest.mark.parametrize("package", PACKAGES)
def test_only_final_releases_are_listed(package: str) -> None:
    assert not [release for release in TABLE["released"][package] if Version(release).is_prerelease]


def test_a_post_release_is_a_release() -> None:
    assert "2.15.0.post1" in TABLE["released"]["tensorflow"]


@pytest.mark.parametrize("package", MEASURED)
def test_every_measured_release_is_listed(package: str) -> None:
    assert set(MEASURED[package].split()) <= set(TABLE["released"][package])


@pytest.mark.parametrize("release", with_a_keras())
def test_each_tensorflow_with_a_tf_keras_brings_one_keras(release: str) -> None:
    assert brought(release)["keras"]


def test_nothing_is_said_of_a_tensorflow_before_there_was_a_tf_keras() -> None:
    assert not [row for row in TABLE["brings"] if SpecifierSet(row["tensorflow"]).contains("1.3.0")]


@pytest.mark.parametrize("release", [r for r in with_a_keras() if Version(r) >= Version("2.6")])
def test_each_tensorflow_that_requires_keras_finds_a_released_one(release: str) -> None:
    bounds = SpecifierSet(brought(release)["keras"])

    assert any(bounds.contains(version) for version in TABLE["released"]["keras"])


@pytest.mark.parametrize("release", [r for r in with_a_keras() if Version(r) >= Version("2.16")])
def test_tensorflow_brings_keras_3_from_2_16_on(release: str) -> None:
    bounds = SpecifierSet(brought(release)["keras"])

    assert bounds.contains("3.15.1") and not bounds.contains("2.15.0")


@pytest.mark.parametrize("release", [r for r in with_a_keras() if Version("2.6.2") <= Version(r) < Version("2.16")])
def test_tensorflow_2_6_to_2_15_brings_the_keras_of_its_own_minor_version(release: str) -> None:
    bounds = SpecifierSet(brought(release)["keras"])
    admitted = [Version(version) for version in TABLE["released"]["keras"] if bounds.contains(version)]

    assert {version.release[:2] for version in admitted} == {Version(release).release[:2]}


@pytest.mark.parametrize("release", ["2.6.0", "2.6.1"])
def test_the_first_tensorflows_that_required_keras_admit_later_ones_too(release: str) -> None:
    assert SpecifierSet(brought(release)["keras"]).contains("2.15.0")


@pytest.mark.parametrize("release", [r for r in with_a_keras() if Version(r) < Version("2.6")])
def test_tensorflow_has_its_own_keras_before_2_6(release: str) -> None:
    assert brought(release)["keras"] == "own"


def test_the_version_of_an_own_copy_names_the_release_it_was_measured_on() -> None:
    measured = {row["measured"]: row["version"] for row in TABLE["brings"] if "version" in row}

    assert set(measured) <= set(MEASURED["tensorflow"].split())
    assert all(brought(release)["measured"] == release for release in measured)
    assert measured["1.4.1"] == "2.0.8-tf" and measured["2.5.3"] == "2.5.0"


# ------------------------------------------------------------------------------------------------- the refresh script


def test_every_file_counts_that_pip_skips_and_no_prerelease(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = """\
      Skipping link: none of the wheel's tags (cp27) fit: https://x.example.org/a/Keras-1.2.2-cp27-none-any.whl#sha256=0
      Skipping link: yanked for reason: odd: https://x.example.org/b/keras-2.0.0.tar.gz (from https://x.example.org/)
      Found link https://example.org/c/keras-2.10.0.post1-py3-none-any.whl (requires-python:>=3), version: 2.10.0.post1
      Found link https://example.org/c/keras-2.10.0rc1-py3-none-any.whl, version: 2.10.0rc1
      Found link https://example.org/c/keras_core-9.0.0-py3-none-any.whl, version: 9.0.0
    """
    monkeypatch.setattr(script, "pip", lambda *_: printed)

    assert [str(version) for version in script.released(["keras"])] == ["1.2.2", "2.0.0", "2.10.0.post1"]


def test_an_index_that_does_not_answer_ends_the_refresh(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "pip", lambda *_: "")

    with pytest.raises(SystemExit, match="no file of keras"):
        script.released(["keras"])


def test_releases_that_bring_the_same_share_a_row_within_a_minor_version(script: ModuleType) -> None:
    brings = [
        script.Brings(Version("2.7.0"), ">=2.7"),
        script.Brings(Version("2.6.2"), ">=2.6,<2.7"),
        script.Brings(Version("2.6.1"), "~=2.6"),
        script.Brings(Version("2.6.0"), "~=2.6"),
        script.Brings(Version("2.6.5"), ">=2.6,<2.7"),
    ]

    assert list(script.rows(brings)) == [
        {"tensorflow": ">=2.6,<2.6.2", "keras": "~=2.6"},
        {"tensorflow": ">=2.6.2,<2.7", "keras": ">=2.6,<2.7"},
        {"tensorflow": ">=2.7,<2.8", "keras": ">=2.7"},
    ]


def test_the_bounds_on_keras_are_read_from_the_wheels_metadata(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = """{"install": [{"metadata": {"requires_dist": [
        "keras-preprocessing (>=1.1.1)", "keras (<2.8,>=2.7.0rc0)", "tensorflow-cpu-aws ; a andb"
    ]}}]}"""
    monkeypatch.setattr(script, "pip", lambda *_: report)
    wheel = script.Wheel(Version("2.7.4"), script.Tag("cp39", "cp39", "manylinux2010_x86_64"))

    assert script.requirement_on_keras(wheel) == ">=2.7.0rc0,<2.8"
