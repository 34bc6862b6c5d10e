"""Pins of a ``Pipfile``: every table of packages, whatever its category."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from reglint.pins.pin import Pin, Unread, may_speak_of_keras, package_of
from reglint.pins.toml_lines import load_toml

if TYPE_CHECKING:
    from reglint.project import Files

_NO_PACKAGES = ("source", "requires", "scripts", "pipenv", "pipfile")


def read(path: str, files: Files) -> Iterator[Pin | Unread]:
    """The pins of a ``Pipfile``."""
    raw = files.read(path)
    if raw is None or not may_speak_of_keras(raw):
        return
    document = load_toml(raw, path)
    if isinstance(document, Unread):
        yield document
        return
    for category, packages in document.table.items():
        if isinstance(packages, Mapping) and category not in _NO_PACKAGES:
            for name, value in packages.items():
                if package_of(name) is not None:
                    yield _pin(name, value, path, document.line(category, name))


def _pin(name: str, value: Any, path: str, line: int) -> Pin | Unread:
    """The pin of ``name = value``: a version, or a table with or without one."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    version = value.get("version", "*") if isinstance(value, Mapping) else value
    text = f'{name} = "{version}"'
    try:
        if not isinstance(version, str):
            raise InvalidSpecifier
        return Pin(package_of(name) or name, str(SpecifierSet(_specifier(version))), path, line, text)
    except InvalidSpecifier:
        return Unread(path, line, f'`{text}` is no version that Pipenv knows; write e.g. `{name} = ">=2.4"`')


def _specifier(version: str) -> str:
    """A Pipfile's version in PEP 440's words: a bare number is meant exactly, ``*`` is anything."""
    version = version.strip()
    if version in ("", "*"):
        return ""
    return f"=={version}" if version[0].isdigit() else version
