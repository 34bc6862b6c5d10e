"""Words and figures for findings that depend on the Keras version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from reglint.usage.file import File
from reglint.versions import Release, contains, released


def named(releases: Iterable[Release]) -> str:
    """Releases as a message names them: ``Keras 2.0.3 to 2.1.3``, ``tf.keras of TensorFlow 1.5.0``."""
    spans = []
    for _, group in groupby(releases, key=lambda release: release.package):
        found = list(group)
        spans.append(f"{found[0]}{until(found)}")
    return " and ".join(spans)


def in_order(releases: Iterable[Release]) -> list[Release]:
    """Releases by package, oldest first."""
    from packaging.version import Version

    return sorted(releases, key=lambda release: (release.package, Version(release.version)))


def until(releases: Sequence[Release]) -> str:
    """What a message says after the first of these releases of one package; oldest first.

    A project may allow a release that is not out yet, of which nobody knows what it does.
    """
    first, last = releases[0], releases[-1]
    if not is_newer_than_all(last):
        return f" to {last.version}" if last != first else ""
    later = "" if is_newer_than_all(first) else " and later"
    return f"{later} (measured up to {released(last.package)[-1]})"


def allowed_by(file: File, releases: Sequence[Release]) -> str:
    """The clause of a message that says who allows these releases; empty where it is just the newest there is."""
    origins = [part for part in (file.current.origin(releases), _target(file, releases)) if part]
    return f", allowed by {' and '.join(dict.fromkeys(origins))}" if origins else ""


def version_data(file: File, package: str, releases: Sequence[Release]) -> dict[str, Any]:
    """The ``data`` of a finding: what is allowed of ``package``, where that is from, and the releases it is about."""
    bounds = file.current.bounds.get(package or "keras", ())
    return {
        "package": package or "keras",
        "allowed": [bound.specifier for bound in bounds],
        "origin": [bound.origin for bound in bounds],
        "releases": [f"{release.package}=={release.version}" for release in releases],
    }


def is_newest(release: Release) -> bool:
    """Is there no later release of the package?"""
    return release.version == released(release.package)[-1]


def is_newer_than_all(release: Release) -> bool:
    """Is it later than every release of the package that is known?"""
    return not contains(f"<={released(release.package)[-1]}", release.version)


def _target(file: File, releases: Sequence[Release]) -> str:
    return file.target.origin(releases) if file.target is not None else ""
