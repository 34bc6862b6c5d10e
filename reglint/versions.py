"""The Keras releases that a file is judged for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

# `packaging` costs a quarter of a run that finds nothing, so it is imported only where versions are compared
if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

_PACKAGES = ("keras", "tensorflow", "tf-keras", "keras-core")
_NEWEST = "999"
_BOUND = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True)
class Allowed:
    """The releases of each package that a project allows; a package that is not named is not bounded.

    ``origin`` says where that is from, for messages.
    """

    specifiers: dict[str, SpecifierSet] = field(default_factory=dict)
    origin: str = ""

    @classmethod
    def parse(cls, keras_version: str | None, target: str | None = None) -> Allowed:
        """Read ``--keras-version`` and ``--target``: ``2.2.4``, ``>=2,<3``, ``tensorflow==1.15``, or some with ``;``.

        With a target, both what is allowed now and the target count. Raises ValueError with a message for people.
        """
        if target:
            named = _parse(target)
            return cls(named, f"--target {target}")
        if keras_version:
            return cls(_parse(keras_version), f"--keras-version {keras_version}")
        return cls()

    def admits(self, package: str, releases: str) -> bool:
        """Is one of ``releases`` (``>=3``) of ``package`` allowed? Where nothing is known, the newest counts."""
        specifier = self.specifiers.get(package)
        if specifier is None:
            return _contains(releases, _NEWEST)
        return _meets(specifier, lambda probe: _contains(releases, probe))


@cache
def _contains(releases: str, version: str | Version) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(releases).contains(version, prereleases=True)


def _meets(specifier: SpecifierSet, holds: Callable[[Version], bool]) -> bool:
    """Does a release exist, as far as the bounds tell, that the specifier admits and for which ``holds`` is true?"""
    return any(holds(probe) and specifier.contains(probe, prereleases=True) for probe in _probes(specifier))


def _probes(specifier: SpecifierSet) -> list[Version]:
    """Releases around every bound of the specifier and around the major releases."""
    from packaging.version import Version

    numbers = {"0.3.3", "1.0.0", "1.2.2", "2.0.0", "2.3.1", "2.15.0", "3.0.0", "3.15.1", "4.0.0"}
    for clause in specifier:
        numbers.update(_BOUND.findall(clause.version))
    probes: set[Version] = set()
    for number in numbers:
        release = Version(number)
        probes.add(release)
        probes.add(Version(f"{number}.1"))
        parts = list(release.release)
        parts[-1] -= 1
        if parts[-1] >= 0:
            probes.add(Version(".".join(map(str, parts)) + ".99"))
    return sorted(probes)


def _parse(text: str) -> dict[str, SpecifierSet]:
    found: dict[str, SpecifierSet] = {}
    for piece in filter(None, (part.strip() for part in text.split(";"))):
        name, specifier = _requirement(piece)
        if len(specifier) > 0:  # a name without any bound allows what an install gives, as if nothing were said
            found[name] = found[name] & specifier if name in found else specifier
    return found


def _requirement(text: str) -> tuple[str, SpecifierSet]:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion, Version

    try:
        if text[0].isdigit():
            return "keras", SpecifierSet(f"=={Version(text)}")
        if text[0] in "<>=!~":
            return "keras", SpecifierSet(text)
        requirement = Requirement(text)
    except (InvalidVersion, InvalidSpecifier, InvalidRequirement):
        raise ValueError(
            f"`{text}` is no Keras version; write e.g. `2.2.4`, `>=2,<3`, `keras==3.15.1` or `tensorflow==2.15`"
        ) from None
    name = canonicalize_name(requirement.name)
    if name not in _PACKAGES:
        raise ValueError(f"`{text}` names no Keras; packages that bring one are {', '.join(_PACKAGES)}")
    return name, requirement.specifier
