"""What ``reglint keras`` prints: the Keras that each project allows, and the line that says so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from reglint.discovery import shown
from reglint.projects import PackageRange, ProjectRange
from reglint.versions import Release, released

_IMPORTED_AS = {"keras": "keras", "tensorflow": "tf.keras", "tf-keras": "tf_keras", "keras-core": "keras_core"}


def render(ranges: Sequence[ProjectRange], fmt: str = "text") -> str:
    """The projects as text or JSON, without a line end behind it."""
    if fmt == "json":
        return json.dumps([_object(each) for each in ranges], indent=2, ensure_ascii=False)
    return "\n".join(line for each in ranges for line in _lines(each))


def _lines(each: ProjectRange) -> Iterator[str]:
    yield f"{shown(each.path) or '.'}:"
    for package in each.packages:
        said = " and ".join(bound.origin for bound in package.bounds)
        yield f"  {_IMPORTED_AS[package.package]}: {said or _unsaid(package)}"
        yield f"    allows {package.package} {_span(package.releases)}"
        if any(engine.package != package.package for engine in package.engines):
            yield f"    which runs {'; '.join(_engines(package.engines))}"


def _unsaid(package: PackageRange) -> str:
    """Why these releases, where nothing is said of the package itself."""
    if package.releases == (Release(package.package, released(package.package)[-1]),):
        return "nothing is said, so what an install gives today"
    return "nothing is said, so what the TensorFlow below brings"


def _engines(engines: Iterable[Release]) -> Iterator[str]:
    by_package: dict[str, list[Release]] = {}
    for engine in engines:
        by_package.setdefault(engine.package, []).append(engine)
    for package, releases in by_package.items():
        yield f"{_IMPORTED_AS[package]} {_span(releases)}"


def _span(releases: Sequence[Release]) -> str:
    """``2.0.0 … 2.1.3 (14 releases)``."""
    if not releases:
        return "no release at all"
    first, last = releases[0].version, releases[-1].version
    return first if len(releases) == 1 else f"{first} … {last} ({len(releases)} releases)"


def _object(each: ProjectRange) -> dict[str, Any]:
    return {
        "path": each.path,
        "packages": [_package(package) for package in each.packages],
        "unread": [item._asdict() for item in each.unread],
    }


def _package(package: PackageRange) -> dict[str, Any]:
    return {
        "package": package.package,
        "import": _IMPORTED_AS[package.package],
        "allowed": [bound._asdict() for bound in package.bounds],
        "releases": [release.version for release in package.releases],
        "engines": [f"{engine.package}=={engine.version}" for engine in package.engines],
    }
