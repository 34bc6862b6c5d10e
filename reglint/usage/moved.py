"""Names of Keras that are in another module today, or in none (``rules/facts/modules.toml``), and how they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from reglint.names.values import Symbol
from reglint.rulebook import facts
from reglint.usage.file import File
from reglint.usage.hazards import named
from reglint.usage.standing import standing
from reglint.versions import Release, contains

_ANY = "*"
_FUNCTIONS = "backend"


class Module(NamedTuple):
    """A module of a Keras: the root and the package by which it is imported, and its path below the root."""

    root: str
    package: str
    path: str

    def __str__(self) -> str:
        return f"{self.root}.{self.path}" if self.path else self.root

    def at(self, path: str) -> Module:
        """Another module of the same Keras."""
        return self._replace(path=path)

    def below(self, name: str) -> Module:
        """The module of that name in this one."""
        return self.at(f"{self.path}.{name}" if self.path else name)


class Row(NamedTuple):
    """What is known of an old name: the ``place`` where it is ``today``, or (None) what to do ``instead``."""

    module: str
    name: str
    place: str | None
    today: str
    facts: Mapping[str, Any]

    @property
    def instead(self) -> str:
        """What to do where no module has the name."""
        return str(self.facts.get("instead", ""))

    @property
    def written(self) -> str | None:
        """What is written in place of its call, with the parameters in braces, where no name takes its place."""
        found: str | None = self.facts.get("written")
        return found


class Stand(NamedTuple):
    """How an old name stands in a file.

    ``failing`` are the allowed releases that do not have it: where there are none, nothing is to be said. ``mended``
    tells that one of these has it in its new place, ``lacking`` are those that have it only in the old one.
    """

    row: Row
    failing: tuple[Release, ...]
    mended: bool
    lacking: tuple[Release, ...]


# ---------------------------------------------------------------------------------------------------------- modules


def module_of(file: File, name: str) -> Module | None:
    """The module of a public Keras that a dotted name means, or None."""
    for root in _roots():
        if name == root or name.startswith(f"{root}."):
            keras = file.api.keras_name(root)
            return None if keras is None else Module(root, keras.package, name[len(root) + 1 :])
    return None


def meant_module(file: File, values: Iterable[object]) -> Module | None:
    """The module of Keras that an expression with these values surely is, or None."""
    found = {module_of(file, value.qualname) if isinstance(value, Symbol) else None for value in values}
    return found.pop() if len(found) == 1 else None


def old_modules() -> Iterable[str]:
    """The paths of the modules of Keras 1 and 2 that today's Keras does not have."""
    return tuple(facts("modules")["modules"])


def is_old(path: str) -> bool:
    """Is it one of them?"""
    return path in facts("modules")["modules"]


def is_function_too(path: str) -> bool:
    """Has Keras had a function of the same name in the same place?"""
    return path in facts("modules")["functions"]


def has_not(file: File, qualname: str) -> bool:
    """Does a dotted name ask an old module of Keras for a name that no release had there?"""
    above, _, name = qualname.rpartition(".")
    module = module_of(file, above)
    return module is not None and is_old(module.path) and not {(module.path, name), (module.path, _ANY)} & set(_rows())


# ------------------------------------------------------------------------------------------------------------ names


def row_of(path: str, name: str) -> Row | None:
    """What is known of a name of a module; None where nothing is."""
    rows = _rows()
    found = rows.get((path, name)) or rows.get((path, _ANY))
    if found is not None:
        return found if found.name == name else found._replace(name=name, today=name)
    if is_old(path):
        fails = facts("modules")["modules"][path]
        return Row(path, name, None, name, {"fails": fails, "instead": "no public module of Keras has it"})
    return None


def whole(path: str) -> Row:
    """What is known of an old module as a whole; the place is that of most of its names."""
    fails = facts("modules")["modules"][path]
    moved = [fact for fact in facts("modules")["moved"] if fact["module"] == path]
    if not moved:
        advice = _rows().get((path, _ANY))
        return Row(path, "", None, "", {"fails": fails, "instead": advice.instead if advice is not None else ""})
    most = max(moved, key=lambda fact: (fact["place"] == path.partition(".")[0], len(fact["names"])))
    return Row(path, "", most["place"], "", {"fails": fails, "holds": most["holds"]})


def lost_names() -> Mapping[str, tuple[str, ...]]:
    """Name -> the modules of today's Keras that had it once, and have it no more."""
    return _lost()


def stand(file: File, package: str, row: Row) -> Stand:
    """How a name stands in a file that takes it from the Keras of ``package``."""
    fails, holds = row.facts["fails"], row.facts.get("holds", {})
    found = standing(file, package, fails, holds, kept=bool(row.facts.get("kept", False)))
    mended = row.place is not None and any(_is_in(release, holds) for release in found.failing)
    return Stand(row, found.failing, mended, tuple(r for r in found.lacking if not _is_in(r, fails)))


def doubt(stands: Iterable[Stand]) -> str:
    """Why the new spelling of names is no safe one, as a clause for the message; empty where it is."""
    found = list(stands)
    lacking = tuple(dict.fromkeys(release for each in found for release in each.lacking))
    reasons = [each.row.facts["doubt"] for each in found if "doubt" in each.row.facts]
    if lacking:
        reasons.insert(0, f"{named(lacking)} lack{'s' if len(lacking) == 1 else ''} the new spelling")
    return "; ".join(dict.fromkeys(reasons))


def _is_in(release: Release, releases: Mapping[str, str]) -> bool:
    return release.package in releases and contains(releases[release.package], release.version)


@cache
def _roots() -> tuple[str, ...]:
    return tuple(sorted(facts("modules")["roots"], key=len, reverse=True))


@cache
def _rows() -> Mapping[tuple[str, str], Row]:
    known = facts("modules")
    found: dict[tuple[str, str], Row] = {}
    for fact in known["gone"]:
        for name in fact["names"]:
            found[fact["module"], name] = Row(fact["module"], name, None, name, fact)
    for fact in known["moved"]:
        for name in fact["names"]:
            today = fact.get("today", {}).get(name, name)
            found[fact["module"], name] = Row(fact["module"], name, fact["place"], today, fact)
    for fact in known["function"]:
        place, _, today = fact.get("to", f"{_FUNCTIONS}.{fact['name']}").rpartition(".")
        found[_FUNCTIONS, fact["name"]] = Row(_FUNCTIONS, fact["name"], place, today, fact)
    return found


@cache
def _lost() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for module, name in _rows():
        if name != _ANY and not is_old(module):
            found[name] = (*found.get(name, ()), module)
    return found
