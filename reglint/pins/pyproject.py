"""Pins of ``pyproject.toml``: standard tables, and those of Poetry, PDM, Hatch, uv, Rye, Flit and setuptools.

``[build-system] requires`` is left out: what builds a project is not what it runs with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from reglint.pins.pin import Pin, Unread, may_speak_of_keras, package_of, pin_of
from reglint.pins.poetry import names_no_version, pins_of_dependency
from reglint.pins.toml_lines import LocatedToml, Place, load_toml

if TYPE_CHECKING:
    from reglint.project import Files

# `*` stands for every key of a table.
_LISTS: tuple[tuple[str, ...], ...] = (
    ("project", "dependencies"),
    ("project", "optional-dependencies", "*"),
    ("dependency-groups", "*"),
    ("tool", "flit", "metadata", "requires"),
    ("tool", "flit", "metadata", "requires-extra", "*"),
    ("tool", "hatch", "envs", "*", "dependencies"),
    ("tool", "hatch", "envs", "*", "extra-dependencies"),
    ("tool", "pdm", "dev-dependencies", "*"),
    ("tool", "rye", "dev-dependencies"),
    ("tool", "uv", "dev-dependencies"),
    ("tool", "uv", "override-dependencies"),
)
_CONSTRAINTS = ("tool", "uv", "constraint-dependencies")
_POETRY: tuple[tuple[str, ...], ...] = (
    ("tool", "poetry", "dependencies"),
    ("tool", "poetry", "dev-dependencies"),
    ("tool", "poetry", "group", "*", "dependencies"),
)
_FILES: tuple[tuple[str, ...], ...] = (
    ("tool", "setuptools", "dynamic", "dependencies", "file"),
    ("tool", "setuptools", "dynamic", "optional-dependencies", "*", "file"),
)


def read(path: str, files: Files) -> Iterator[Pin | Unread]:
    """The pins of a ``pyproject.toml``, those of the files of requirements that it names included."""
    raw = files.read(path)
    if raw is None or not (may_speak_of_keras(raw) or b"dynamic" in raw):
        return
    document = load_toml(raw, path)
    if isinstance(document, Unread):
        if may_speak_of_keras(raw):
            yield document
        return
    yield from _listed(document, path)
    yield from _poetry(document, path)
    for pattern in _FILES:
        for place in _places(document, pattern):
            yield from _named_files(document.at(*place), path, files)


def _listed(document: LocatedToml, path: str) -> Iterator[Pin | Unread]:
    """Pins of the lists of PEP 508 requirements."""
    for pattern in (*_LISTS, _CONSTRAINTS):
        for place in _places(document, pattern):
            for index, requirement in enumerate(_list(document.at(*place))):
                if isinstance(requirement, str):
                    line = document.line(*place, index)
                    pin = pin_of(requirement, path, line, constraint=pattern is _CONSTRAINTS)
                    if pin is not None:
                        yield pin


def _poetry(document: LocatedToml, path: str) -> Iterator[Pin | Unread]:
    """Pins of the tables of Poetry."""
    required = {pin.package for pin in _listed(document, path) if isinstance(pin, Pin)}
    for pattern in _POETRY:
        for place in _places(document, pattern):
            for name, value in _table(document.at(*place)).items():
                for where, item in _alternatives((*place, name), value):
                    if not (names_no_version(item) and package_of(name) in required):
                        yield from pins_of_dependency(name, item, path, document.line(*where))


def _alternatives(place: Place, value: Any) -> Iterator[tuple[Place, Any]]:
    """What is required under one name: a version or a table, or a list of them for several Pythons."""
    if isinstance(value, list):
        yield from (((*place, index), item) for index, item in enumerate(value))
    else:
        yield place, value


def _named_files(value: Any, path: str, files: Files) -> Iterator[Pin | Unread]:
    """Pins of the files of requirements that a ``file = …`` of setuptools names."""
    from reglint.pins import requirements

    for name in [value] if isinstance(value, str) else _list(value):
        if isinstance(name, str):
            target = os.path.join(os.path.dirname(path), os.path.normpath(name))
            if files.is_file(target):
                yield from requirements.read(target, files)


def _places(document: LocatedToml, pattern: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The places that a pattern stands for and that the document has."""
    places: list[tuple[str, ...]] = [()]
    for step in pattern:
        places = [
            (*place, key) for place in places for key in _table(document.at(*place)) if step == "*" or key == step
        ]
    yield from places


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
