"""What the lock files in TOML share: an array of tables, one for each package with its name and version."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from reglint.bounded_toml import loads
from reglint.pins.pin import Pin, Unread, may_speak_of_keras, package_of
from reglint.pins.toml_lines import load_toml

if TYPE_CHECKING:
    from reglint.project import Files

_QUOTED = re.compile(r"""["']([A-Za-z0-9][A-Za-z0-9._-]*)["']""")
_NAME_KEY = re.compile(r"""^[ \t]*["']?name["']?[ \t]*=""", re.MULTILINE)
_HEADER = r"""^[ \t]*\[\[[ \t]*["']?{}["']?[ \t]*\]\][ \t]*(?:\#.*)?$"""


class Locked(NamedTuple):
    """A table of a lock file, and the line of its name."""

    table: Mapping[str, Any]
    line: int


def read_locked(path: str, files: Files, array: str = "package") -> Iterator[Pin | Unread]:
    """The pins of a lock file whose packages are the tables ``[[array]]``."""
    raw = files.read(path)
    if raw is None or not may_speak_of_keras(raw):
        return
    packages = _packages_by_block(raw, array)
    if packages is None:
        document = load_toml(raw, path)
        if isinstance(document, Unread):
            yield document
            return
        packages = [
            Locked(table, document.line(array, index, "name"))
            for index, table in enumerate(_list(document.at(array)))
            if isinstance(table, Mapping)
        ]
    for table, line in packages:
        name = table.get("name")
        if isinstance(name, str) and package_of(name) is not None and not _is_own(table):
            yield locked_pin(name, table.get("version"), path, line)


def locked_pin(name: str, version: object, path: str, line: int) -> Pin | Unread:
    """The pin of a package that is locked to a version; without bounds where the lock names none (a VCS, a folder)."""
    from packaging.version import Version

    package = package_of(name) or name
    if version is None:
        return Pin(package, "", path, line, name, locked=True)
    try:
        # What is built locally (`+cpu`) is still that release.
        specifier = f"=={Version(str(version)).public}"
    except ValueError:  # InvalidVersion is one, a number of thousands of digits gives another
        return Unread(path, line, f"`{name}` is locked to `{version}`, which is no version; write the lock file anew")
    return Pin(package, specifier, path, line, f"{name}=={version}", locked=True)


def _packages_by_block(raw: bytes, array: str) -> list[Locked] | None:
    """The packages that may bring a Keras, parsed one by one: twenty times faster than the whole of a large lock.

    None where the file is not laid out as the tools write it, so that only a parser can tell what it says.
    """
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
    headers = [match.start() for match in re.finditer(_HEADER.format(array), text, re.MULTILINE)]
    if not headers or '"""' in text or "'''" in text:  # what looks like a header may stand in a string
        return None
    found = []
    line = counted = 0
    for start, end in zip(headers, [*headers[1:], len(text)], strict=True):
        block = text[start:end]
        # An escape might spell a name, too.
        if "\\" in block or any(package_of(name) for name in _QUOTED.findall(block)):
            try:
                table = loads(block)[array][0]
            except (ValueError, LookupError):
                return None
            key = _NAME_KEY.search(block)
            place = start + (key.end() if key else 0)
            line, counted = line + text.count("\n", counted, place), place
            found.append(Locked(table, line + 1))
    return found


def _is_own(table: Mapping[str, Any]) -> bool:
    """Is it the project itself, or a member of its workspace?"""
    source = table.get("source")
    source = source if isinstance(source, Mapping) else {}
    if "virtual" in source or "editable" in source:  # uv
        return True
    directory = table.get("directory")  # pylock.toml
    directory = directory if isinstance(directory, Mapping) else {}
    places = (table.get("path"), source.get("directory"), source.get("url"), directory.get("path"))
    return any(place in (".", "./") for place in places)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
