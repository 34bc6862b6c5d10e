"""Pins of ``Pipfile.lock``, Pipenv's lock file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from reglint.located_json import any_value, object_of, placed, read_json
from reglint.pins.locked_toml import locked_pin
from reglint.pins.pin import Pin, Unread, may_speak_of_keras, package_of

if TYPE_CHECKING:
    from reglint.project import Files

_NO_PACKAGES = "_meta"


def read(path: str, files: Files) -> Iterator[Pin | Unread]:
    """The pins of a ``Pipfile.lock``: of ``default``, ``develop`` and every other category."""
    raw = files.read(path)
    if raw is None or not may_speak_of_keras(raw):
        return
    try:
        text = raw.decode("utf-8-sig")
        yield from _pins(text, path)
    except UnicodeDecodeError as error:
        yield Unread(path, raw.count(b"\n", 0, error.start) + 1, "not UTF-8, as JSON has to be")
    except JSONDecodeError as error:
        yield Unread(path, error.lineno, f"not valid JSON: {error.msg}")
    except RecursionError:
        yield Unread(path, 1, "not valid JSON: nested too deeply")


def _pins(text: str, path: str) -> Iterator[Pin | Unread]:
    """Takes the document; reads it twice, since only names that are known beforehand get a place."""
    wanted = {category: _ours(packages) for category, packages in _members(read_json(text, any_value)[1])}
    reader = object_of(
        {
            category: object_of({name: placed(any_value) for name in names})
            for category, names in wanted.items()
            if names and category != _NO_PACKAGES
        }
    )
    for _, packages in _members(read_json(text, reader)[1]):
        for name, (position, package) in _members(packages):
            pin = _pin(name, package, path, text.count("\n", 0, position) + 1)
            if pin:
                yield pin


def _pin(name: str, package: Any, path: str, line: int) -> Pin | Unread | None:
    """The pin of a package, None for the project itself."""
    table = package if isinstance(package, Mapping) else {"version": package}
    if table.get("path") in (".", "./"):
        return None
    version = table.get("version")
    return locked_pin(name, version.removeprefix("==") if isinstance(version, str) else version, path, line)


def _ours(packages: Any) -> list[str]:
    return [name for name, _ in _members(packages) if package_of(name) is not None]


def _members(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, Mapping) else []
