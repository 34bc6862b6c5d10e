"""The Keras releases that a file is judged for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from reglint.rulebook import facts

# `packaging` costs a quarter of a run that finds nothing, so it is imported only where versions are compared
if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    from reglint.pins.pin import Pin

PACKAGES = ("keras", "tensorflow", "tf-keras", "keras-core")
_BOUND = re.compile(r"\d+(?:\.\d+)*(?:(?:a|b|rc|\.post|\.dev)\d+)*")
_EXACT = re.compile(rf"(?<![<>!~=])===?\s*({_BOUND.pattern})(?=\s*(?:,|$))")
_FIRST_TENSORFLOW_ON_KERAS_3 = "2.16"


class Release(NamedTuple):
    """One release of a package, such as ``keras`` ``2.1.3``."""

    package: str
    version: str

    def __str__(self) -> str:
        return f"{_TITLES[self.package]} {self.version}"


class Bound(NamedTuple):
    """What one place says about a package: a specifier, empty for "any", and the place, for messages.

    ``path``, ``line`` and ``cell`` are that place where it is a manifest; ``source`` is ``lock``, ``declared`` or
    ``settings``.
    """

    specifier: str
    origin: str
    source: str = "settings"
    path: str | None = None
    line: int | None = None
    cell: int | None = None


@dataclass(frozen=True)
class Allowed:
    """The releases of each package that a project allows.

    ``bounds`` maps a package to what is said of it; where several places disagree, each of them is allowed. A package
    that is not named, or named without any bound, is what an install gives today: its newest release.
    ``legacy`` is true for code that asks TensorFlow 2.16 or newer for tf_keras (``TF_USE_LEGACY_KERAS``).
    """

    bounds: Mapping[str, tuple[Bound, ...]] = field(default_factory=dict)
    legacy: bool = False

    @classmethod
    def parse(cls, text: str, origin: str) -> Allowed:
        """Read ``2.2.4``, ``>=2,<3``, ``tensorflow==1.15``, or some with ``;``; ValueError says what is wrong."""
        found: dict[str, str] = {}
        for piece in filter(None, (part.strip() for part in text.split(";"))):
            name, specifier = _requirement(piece)
            found[name] = ",".join(filter(None, (found.get(name, ""), specifier)))
        return cls({name: (Bound(specifier, origin),) for name, specifier in found.items()})

    @classmethod
    def of_pins(cls, pins: Iterable[Pin], shown: Mapping[str, str] | None = None) -> Allowed:
        """What the manifests of a project say: a lock file before what is declared, all that disagree together.

        ``shown`` maps the path of a manifest to what messages call it.
        """
        by_package: dict[str, list[Pin]] = {}
        for pin in pins:
            by_package.setdefault(pin.package, []).append(pin)
        return cls({package: _bounds(each, shown or {}) for package, each in by_package.items()})

    def asking_for_legacy(self) -> Allowed:
        """The same for code that sets ``TF_USE_LEGACY_KERAS``."""
        return Allowed(self.bounds, legacy=True)

    def over(self, other: Allowed) -> Allowed:
        """This, and what ``other`` says of packages that this does not name."""
        return Allowed({**other.bounds, **self.bounds}, self.legacy or other.legacy)

    # -- releases -----------------------------------------------------------------------------------------------------

    def admits(self, package: str, releases: str) -> bool:
        """Is one of ``releases`` (``>=3``) of ``package`` allowed? Where nothing is known, the newest counts."""
        return any(contains(releases, release.version) for release in self.releases(package))

    def is_said(self, package: str) -> bool:
        """Does anything narrow what runs where ``package`` is imported, or is it just what an install gives today?

        A TensorFlow that requires the package Keras narrows that as well.
        """
        if any(bound.specifier for bound in self.bounds.get(package, ())):
            return True
        return package == "keras" and bool(_Admitted(self).tensorflow_with_keras())

    def releases(self, package: str) -> tuple[Release, ...]:
        """The releases of a distribution that are allowed, oldest first."""
        admitted = _Admitted(self)
        return tuple(Release(package, version) for version in admitted.distribution(package))

    def engines(self, package: str) -> tuple[Release, ...]:
        """The releases whose code runs where ``package`` is imported, oldest first.

        tf.keras is TensorFlow's own up to 2.15 and Keras 3 from 2.16 on; ``import keras`` is what TensorFlow brings
        where nothing else is said.
        """
        admitted = _Admitted(self)
        if package == "tensorflow":
            return tuple(admitted.tensorflow_engines())
        return tuple(Release(package, version) for version in admitted.distribution(package))

    def among(self, package: str, releases: Mapping[str, str]) -> tuple[Release, ...]:
        """The engines of ``package`` that are in ``releases``, a map from package to specifier."""
        return tuple(
            engine
            for engine in self.engines(package)
            if engine.package in releases and contains(releases[engine.package], engine.version)
        )

    def origin(self, releases: Iterable[Release]) -> str:
        """The places that allow one of ``releases``, for a message; empty where nothing is said."""
        return " and ".join(dict.fromkeys(bound.origin for bound in self._admitting(releases)))

    def _admitting(self, releases: Iterable[Release]) -> Iterator[Bound]:
        wanted = list(releases)
        for release in wanted:
            for bound in self.bounds.get(release.package, ()):
                if bound.specifier and contains(bound.specifier, release.version):
                    yield bound
        # Keras 3 through tf.keras, or a Keras that only TensorFlow brings
        others = {release.version for release in wanted if not self.bounds.get(release.package)}
        for bound in self.bounds.get("tensorflow", ()):
            if bound.specifier and not others.isdisjoint(_brought_by(bound.specifier)):
                yield bound


class _Admitted:
    """Works out which releases are meant where packages bring each other."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed

    def distribution(self, package: str) -> tuple[str, ...]:
        """The versions of a distribution."""
        own = _admitted(package, self._specifiers(package))
        if package != "keras":
            return own
        tensorflow = self.tensorflow_with_keras()
        if not tensorflow:
            return own
        if not any(self._specifiers("keras")):
            return _brought(tensorflow)
        return tuple(version for version in own if _is_accepted(version, tensorflow)) or own

    def tensorflow_engines(self) -> Iterator[Release]:
        """tf.keras of each TensorFlow that is allowed."""
        versions = _admitted("tensorflow", self._specifiers("tensorflow"))
        old = [version for version in versions if not _brings_keras_3(version)]
        yield from (Release("tensorflow", version) for version in old)
        newer = [version for version in versions if version not in old]
        if not newer:
            return
        if self._allowed.legacy:
            yield from (Release("tf-keras", version) for version in self.distribution("tf-keras"))
            return
        brought = _brought(newer)
        asked = _admitted("keras", self._specifiers("keras"))
        both = tuple(version for version in asked if _is_accepted(version, newer))
        said = any(self._specifiers("tensorflow")), any(self._specifiers("keras"))
        if said == (False, False) or (said == (False, True) and not both):
            both = (_newest("keras"),)
        elif said == (True, False):
            both = brought
        yield from (Release("keras", version) for version in both or brought)

    def _specifiers(self, package: str) -> tuple[str, ...]:
        return tuple(bound.specifier for bound in self._allowed.bounds.get(package, ()))

    def tensorflow_with_keras(self) -> tuple[str, ...]:
        """The project's TensorFlow releases if all of them require the package Keras, else none."""
        specifiers = self._specifiers("tensorflow")
        versions = _admitted("tensorflow", specifiers) if any(specifiers) else ()
        return versions if all(_requirements(version) for version in versions) else ()


# ----------------------------------------------------------------------------------------------- the table of releases


@cache
def released(package: str) -> tuple[str, ...]:
    """Every release of a package (``rules/facts/releases.toml``), oldest first."""
    return tuple(facts("releases")["released"][package])


def _newest(package: str) -> str:
    return released(package)[-1]


@cache
def _admitted(package: str, specifiers: tuple[str, ...]) -> tuple[str, ...]:
    """The versions that one of the specifiers admits, the newest for one without bounds."""
    chosen: dict[Version, str] = {}
    for specifier in specifiers or ("",):
        for text in _admitted_by(package, specifier) if specifier else (_newest(package),):
            chosen[_version(text)] = text
    return tuple(text for _, text in sorted(chosen.items()))


def _admitted_by(package: str, specifier: str) -> Sequence[str]:
    """The releases that a specifier admits; for ``==``, and where there are none, the versions that it names.

    The table may be older than the project, and it has no candidates for a release.
    """
    within = [text for text in (*_EXACT.findall(specifier), *released(package)) if contains(specifier, text)]
    return within or [text for text in _BOUND.findall(specifier) if contains(specifier, text)]


@cache
def _requirements(tensorflow: str) -> tuple[str, ...]:
    """What a release of TensorFlow requires of the package ``keras``."""
    return tuple(
        row["keras"]
        for row in facts("releases")["brings"]
        if row["keras"] != "own" and contains(row["tensorflow"], _version(tensorflow).base_version)
    )


@cache
def _brought_by(tensorflow: str) -> frozenset[str]:
    """The Keras releases that come with a TensorFlow in that specifier."""
    versions = [version for version in _admitted("tensorflow", (tensorflow,)) if _requirements(version)]
    return frozenset(_brought(versions)) if versions else frozenset()


def _brings_keras_3(tensorflow: str) -> bool:
    return _version(tensorflow) >= _version(_FIRST_TENSORFLOW_ON_KERAS_3)


def _is_accepted(keras: str, tensorflow: Sequence[str]) -> bool:
    """Does one of these releases of TensorFlow accept this Keras?"""
    return any(contains(required, keras) for version in tensorflow for required in _requirements(version))


def _brought(tensorflow: Sequence[str]) -> tuple[str, ...]:
    """The Keras releases that some of these releases of TensorFlow accept."""
    required = tuple(dict.fromkeys(r for version in tensorflow for r in _requirements(version)))
    return _admitted("keras", required) if required else (_newest("keras"),)


@cache
def _version(text: str) -> Version:
    from packaging.version import Version

    return Version(text)


@cache
def _specifier_set(text: str) -> SpecifierSet:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(text)


@cache
def contains(releases: str, version: str) -> bool:
    """Is a version in ``releases``: a specifier, or several of which one must hold, with ``||`` between them?

    Nothing is within a bound that is a number of thousands of digits, which Python does not read.
    """
    try:
        return any(_specifier_set(part).contains(_version(version), prereleases=True) for part in releases.split("||"))
    except ValueError:
        return False


# ------------------------------------------------------------------------------------------------------------- reading


def _bounds(pins: Sequence[Pin], shown: Mapping[str, str]) -> tuple[Bound, ...]:
    """What the pins of one package come to."""
    locked = [pin for pin in pins if pin.locked]
    declared = [pin for pin in pins if not pin.locked and not pin.constraint]
    constraints = [pin for pin in pins if pin.constraint]
    every = locked or declared or constraints
    limit = ",".join(filter(None, (pin.specifier for pin in constraints))) if every is declared else ""
    bounds = []
    for pin in every:
        specifier = ",".join(filter(None, (pin.specifier, limit)))
        places = [pin, *constraints] if limit else [pin]
        origin = " with ".join(_place(place, shown) for place in places)
        source = "lock" if pin.locked else "declared"
        bounds.append(Bound(specifier, origin, source, pin.path, pin.line, pin.cell))
    return tuple(dict.fromkeys(bounds))


def _place(pin: Pin, shown: Mapping[str, str]) -> str:
    cell = f"cell {pin.cell}:" if pin.cell is not None else ""
    return f"{shown.get(pin.path, pin.path)}:{cell}{pin.line} (`{pin.text}`)"


def _requirement(text: str) -> tuple[str, str]:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion, Version

    if re.search(r"\d{1000}", text):
        raise ValueError("a version with a number of a thousand digits is none; write e.g. `2.2.4`")
    try:
        if text[0].isdigit():
            return "keras", f"=={Version(text)}"
        if text[0] in "<>=!~":
            return "keras", str(SpecifierSet(text))
        requirement = Requirement(text)
    except (InvalidVersion, InvalidSpecifier, InvalidRequirement):
        raise ValueError(
            f"`{text}` is no Keras version; write e.g. `2.2.4`, `>=2,<3`, `keras==3.15.1` or `tensorflow==2.15`"
        ) from None
    name = canonicalize_name(requirement.name)
    if name not in PACKAGES:
        raise ValueError(f"`{text}` names no Keras; packages that bring one are {', '.join(PACKAGES)}")
    return name, str(requirement.specifier)


_TITLES = {"keras": "Keras", "tensorflow": "tf.keras of TensorFlow", "tf-keras": "tf_keras", "keras-core": "keras-core"}
