"""What a manifest says about the Keras that a project uses: one requirement, and where it stands."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from reglint.rulebook import facts

UNKNOWN = "\0"
"""Stands in a requirement for what only a template or the environment knows."""

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_ENDLESS_NUMBER = re.compile(r"\d{1000}")
_LONGEST = 100
"""How many characters of a requirement that is none a message quotes."""
_TOO_LONG = 10_000
"""Characters of a requirement; what reads one takes time that grows with their square."""


class Pin(NamedTuple):
    """A requirement on a package that brings a Keras.

    ``package`` is the one that decides (``tensorflow`` for ``tensorflow-gpu``), ``specifier`` its bounds as PEP 440
    writes them, empty where there are none. ``line`` counts from 1, within ``cell`` in a notebook. ``locked`` is true
    for a lock file, ``constraint`` for a line that only bounds what something else requires.
    """

    package: str
    specifier: str
    path: str
    line: int
    text: str
    locked: bool = False
    constraint: bool = False
    cell: int | None = None


class Unread(NamedTuple):
    """Something of a manifest that could not be understood, though it may speak of Keras."""

    path: str
    line: int
    message: str


@cache
def _packages(conda: bool) -> dict[str, str]:
    """Distribution → the package that decides."""
    known = {}
    for package in facts("packages")["package"]:
        for name in (package["name"], *package["also"], *(package["conda"] if conda else ())):
            known[name] = package["name"]
    return known


def package_of(distribution: str, *, conda: bool = False) -> str | None:
    """``keras``, ``tensorflow``, ``tf-keras`` or ``keras-core`` if the distribution brings one, else None.

    ``conda`` tells that it is conda's name, which splits some packages up.
    """
    return _packages(conda).get(re.sub(r"[-_.]+", "-", distribution).lower())


def may_speak_of_keras(raw: bytes) -> bool:
    """Could a manifest with these bytes name a Keras? A look that spares most of them a parser."""
    lowered = raw.lower()
    return b"keras" in lowered or b"tensorflow" in lowered or b"tf" in lowered


def pin_of(
    requirement: str, path: str, line: int, *, locked: bool = False, constraint: bool = False, cell: int | None = None
) -> Pin | Unread | None:
    """A requirement as PEP 508 writes it; None if it is about another package.

    Markers and extras are dropped: what cannot hold on this machine is still allowed by the project.
    """
    name = _NAME.match(requirement)
    package = package_of(name[1]) if name else None
    if package is None:
        return None
    if len(requirement) > _TOO_LONG:
        return Unread(
            path, line, f"a requirement of `{package}` is too long to be read ({len(requirement):,} characters)"
        )
    from packaging.requirements import InvalidRequirement, Requirement

    from reglint.pins.direct import pointed_at

    text = " ".join(requirement.split())
    try:
        parsed = Requirement(requirement.strip())
        if _ENDLESS_NUMBER.search(requirement):
            raise ValueError("packaging reads some numbers only when they are compared")
        direct = pointed_at(f"{parsed.name} @ {parsed.url}") if parsed.url else None
        specifier = direct[1] if direct else str(parsed.specifier)
    except RecursionError:  # a marker with very many parentheses
        return Unread(path, line, f"a requirement of `{package}` is nested too deeply to be read; simplify it")
    except (InvalidRequirement, ValueError):  # a number of thousands of digits gives the latter
        text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
        return Unread(path, line, f"`{text}` is no requirement; write e.g. `{package}>=2.4`")
    return Pin(package, specifier, path, line, text, locked, constraint, cell)
