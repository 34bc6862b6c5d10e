"""Whether a spelling fails in a Keras that the project allows, and whether its successor holds in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from reglint.usage.file import File
from reglint.usage.hazards import named
from reglint.versions import Release, contains, released

# the releases with a Keras of their own to which a fix must not do harm where nothing is said of them
_OWN_KERAS = {"keras": ">=2.0.0", "tensorflow": ">=1.4,<2.16"}


class Standing(NamedTuple):
    """How an old spelling stands: the allowed releases that refuse or misread it, and those that lack the new one.

    Nothing is to be said where ``failing`` is empty. A fix is safe only where ``lacking`` is empty. In ``working`` are
    the releases in which the old spelling does what it did.
    """

    failing: tuple[Release, ...]
    lacking: tuple[Release, ...]
    working: tuple[Release, ...]

    @property
    def doubt(self) -> str:
        """Why a fix is no safe one, as a clause for the message; empty where it is."""
        return (
            f"{named(self.lacking)} lack{'s' if len(self.lacking) == 1 else ''} the new spelling"
            if self.lacking
            else ""
        )


def standing(
    file: File, package: str, fails: Mapping[str, str], holds: Mapping[str, str], *, kept: bool = False
) -> Standing:
    """How a row of a table stands in a file.

    ``package`` is the distribution from which the name comes (``layer.package``), ``fails`` the releases (package →
    specifier) in which the old spelling does not do what it did, ``holds`` those that know the new one. The target
    decides where one is stated, else what the project allows; a project that says nothing is judged for the newest
    release, but what mends it must hold in every release since Keras 2. ``kept`` tells that tf.keras still has the old
    spelling where it runs on a Keras 3 that lacks it.
    """
    failing = file.among(file.allowed, package, fails)
    if kept and package == "tensorflow":
        failing = tuple(release for release in failing if release.package != "keras")
    every = _where_it_must_hold(file, package)
    lacking = tuple(release for release in every if not is_in(release, holds))
    return Standing(failing, lacking, tuple(release for release in every if not is_in(release, fails)))


def _where_it_must_hold(file: File, package: str) -> tuple[Release, ...]:
    asked = package or "keras"
    allowed = file.allowed
    if any(bound.specifier for name in (asked, "tensorflow") for bound in allowed.bounds.get(name, ())):
        return allowed.engines(asked)
    own = _OWN_KERAS.get(asked, "")
    every = tuple(Release(asked, version) for version in released(asked) if not own or contains(own, version))
    return tuple(dict.fromkeys((*every, *allowed.engines(asked))))


def is_in(release: Release, releases: Mapping[str, str]) -> bool:
    """Is a release one of those that a table names (package → specifier)?"""
    return release.package in releases and contains(releases[release.package], release.version)
