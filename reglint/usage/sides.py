"""What the releases that a project allows now do, and what those of its target do, where that is not the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from reglint.usage.file import File
from reglint.usage.hazards import in_order, named
from reglint.versions import Allowed, Release


class Sides(NamedTuple):
    """Releases by what they do, as a table calls it: ``now`` those that the project allows, ``there`` the target's.

    Where no target is stated, both are the same. Both are empty where nothing is known.
    """

    now: Mapping[str, tuple[Release, ...]]
    there: Mapping[str, tuple[Release, ...]]

    @property
    def differ(self) -> bool:
        """Is it not the same in all of these releases, of which some are allowed now?"""
        return bool(self.now) and len({*self.now, *self.there}) > 1

    @property
    def move(self) -> bool:
        """Does the target do something that no release does which is allowed now?"""
        return not self.there.keys() <= self.now.keys()

    @property
    def releases(self) -> tuple[Release, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*_all(self.now), *_all(self.there))))

    @property
    def target(self) -> tuple[Release, ...]:
        """Those of the target."""
        return tuple(_all(self.there))

    def told(self) -> str:
        """Say for a message which releases take what: ``0.01 in Keras 2.2.4, but 0.0 in Keras 3.15.1``."""
        values = dict.fromkeys((*self.now, *self.there))
        every = {value: {*self.now.get(value, ()), *self.there.get(value, ())} for value in values}
        return ", but ".join(f"`{value}` in {named(in_order(releases))}" for value, releases in every.items())


def sides(file: File, package: str, choices: Sequence[Mapping[str, Any]]) -> Sides:
    """The sides of a file for what is imported from ``package``; ``choices`` have a ``value`` and its ``releases``.

    A project that says nothing of its Keras may have been written for any: what a target changes can't be told then.
    """
    if file.target is None:
        now = _by_value(file, file.current, (package,), choices)
        return Sides(now, now)
    if not file.current.is_said(package):
        return Sides({}, {})
    # the code goes there whatever package it imports now
    there = _by_value(file, file.target, tuple(file.target.bounds), choices)
    return Sides(_by_value(file, file.current, (package,), choices), there)


def _by_value(
    file: File, allowed: Allowed, packages: Sequence[str], choices: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[Release, ...]]:
    found: dict[str, tuple[Release, ...]] = {}
    for choice in choices:
        releases = (release for package in packages for release in file.among(allowed, package, choice["releases"]))
        found[choice["value"]] = tuple(dict.fromkeys(releases))
    return {value: releases for value, releases in found.items() if releases}


def _all(found: Mapping[str, tuple[Release, ...]]) -> Iterator[Release]:
    return (release for releases in found.values() for release in releases)
