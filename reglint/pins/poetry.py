"""Poetry's way of writing dependencies: versions such as ``^2.2`` and ``>=2,<3 || >=4``, and tables around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reglint.pins.pin import Pin, Unread, package_of

_ALTERNATIVES = re.compile(r"\s*\|\|?\s*")
_AFTER_OPERATOR = re.compile(r"(\^|~=|~|[<>=!]=?=?|<>)\s+")
_CLAUSE = re.compile(r"(?P<operator>\^|~=|~|<>|===?|!=|[<>]=?|=)?v?(?P<version>[0-9*][0-9A-Za-z.*+!_-]*)")
_WILDCARD = re.compile(r"(?:\.[xX*])+$")
_ELSEWHERE = ("git", "path", "url", "file")


class NoConstraint(ValueError):
    """Text that Poetry would not take for a version."""


def specifiers_of(constraint: str) -> Iterator[str]:
    """Each alternative of a version as Poetry writes it, in PEP 440's words; NoConstraint if it is none."""
    for alternative in _ALTERNATIVES.split(constraint.strip()):
        clauses = _AFTER_OPERATOR.sub(r"\1", alternative).replace(",", " ").split()
        yield _normal(",".join(part for part in map(_clause, clauses) if part))


def pins_of_dependency(name: str, value: Any, path: str, line: int) -> Iterator[Pin | Unread]:
    """Pins of ``name = value`` in a table of Poetry dependencies: a version or a table; each alternative is a pin."""
    package = package_of(name)
    if package is None:
        return
    if isinstance(value, Mapping):
        text, constraint = _written(name, value), value.get("version", "*")
    else:
        text, constraint = f'{name} = "{value}"', value
    try:
        if not isinstance(constraint, str):
            raise NoConstraint
        for specifier in dict.fromkeys(specifiers_of(constraint)):
            yield Pin(package, specifier, path, line, text)
    except NoConstraint:
        yield Unread(path, line, f'`{text}` is no version that Poetry knows; write e.g. `{name} = "^2.4"`')


def names_no_version(value: Any) -> bool:
    """Is this a table that only adds to what ``[project]`` requires, as Poetry 2 allows?"""
    return isinstance(value, Mapping) and not any(key in value for key in ("version", *_ELSEWHERE))


def _written(name: str, table: Mapping[str, Any]) -> str:
    """A table the way its author may have written it, without what does not bear on the version."""
    for key in ("version", *_ELSEWHERE):
        if key in table:
            return f'{name} = {{{key} = "{table[key]}"}}'
    return f'{name} = "*"'


def _clause(text: str) -> str:
    """One comparison in PEP 440's words, empty if it excludes nothing."""
    match = _CLAUSE.fullmatch(text)
    if match is None:
        raise NoConstraint(text)
    operator, version = match["operator"] or "==", match["version"]
    if version == "*":
        return ""
    stem = _WILDCARD.sub("", version)
    if operator in ("^", "~"):
        return f">={stem},<{_ceiling(stem, operator)}"
    operator = {"=": "==", "<>": "!="}.get(operator, operator)
    if stem != version and operator in ("==", "!="):
        return f"{operator}{stem}.*"
    return f"{operator}{stem}"


def _ceiling(version: str, operator: str) -> str:
    """The first release that ``^version`` or ``~version`` leaves out."""
    from packaging.version import InvalidVersion, Version

    try:
        release = Version(version).release
    except InvalidVersion as error:
        raise NoConstraint(version) from error
    if operator == "~":
        kept = min(len(release), 2)
    else:
        # The leftmost number that is not 0 stays; of nothing but zeros the last one that was written.
        kept = next((index for index, number in enumerate(release, 1) if number), len(release))
    return ".".join(map(str, (*release[: kept - 1], release[kept - 1] + 1)))


def _normal(specifier: str) -> str:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return str(SpecifierSet(specifier))
    except InvalidSpecifier as error:
        raise NoConstraint(specifier) from error
