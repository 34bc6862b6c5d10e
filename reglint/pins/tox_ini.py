"""tox.ini: the ``deps`` of its environments, under whatever factors, and what its commands install."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from reglint.lines import LINE_END
from reglint.pins.command_line import Wanted, filled, pins_of_commands, wanted_by_lines
from reglint.pins.pin import Pin, Unread
from reglint.pins.requirements import decoded, may_matter

if TYPE_CHECKING:
    from reglint.project import Files


class Value(NamedTuple):
    """A key of an INI file: its section, its name, and its value's lines as they stand, with the first one's number."""

    section: str
    key: str
    lines: tuple[str, ...]
    line: int


def read(path: str, files: Files) -> Iterator[Pin | Unread]:
    """Takes the path of a tox.ini; yields the pins of its environments and of the files that these include."""
    raw = files.read(path)
    if raw is None or not may_matter(raw):
        return
    values = list(_values(decoded(raw)))
    referenced = _referenced(values)
    for value in values:
        if value.key in ("deps", "conda_deps") or (value.section, value.key) in referenced:
            yield from _dependencies(value, path, files)
        elif value.key in _COMMANDS:
            yield from _installed(value, path, files)


_COMMANDS = frozenset(("commands", "commands_pre", "commands_post", "install_command"))
_SECTION = re.compile(r"\[([^\]]*)\]")
_KEY = re.compile(r"([^\s=:#;\[][^=:]*?)\s*[=:]\s?(.*)")


def _values(text: str) -> Iterator[Value]:
    """Takes the text; yields its keys, whose values go on as long as lines are indented."""
    section, key, first = "", "", 0
    lines: list[str] = []
    for number, line in enumerate(LINE_END.split(text), 1):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            lines.append("")  # keeps its place, and ends nothing
            continue
        if line[0].isspace() and key:
            lines.append(line)
            continue
        if key:
            yield Value(section, key, tuple(lines), first)
        key, first, lines = "", number, []
        if match := _SECTION.match(line):
            section = match[1].strip()
        elif match := _KEY.match(line):
            key, lines = match[1].lower(), [match[2]]
    if key:
        yield Value(section, key, tuple(lines), first)


_REFERENCE = re.compile(r"\{\[([^\]{}]*)\]([^{}]*)\}")


def _referenced(values: list[Value]) -> set[tuple[str, str]]:
    """Takes the keys; returns section and name of those whose values ``deps`` takes over."""
    found: set[tuple[str, str]] = set()
    waiting = [value for value in values if value.key == "deps"]
    by_name = {(value.section, value.key): value for value in values}
    for value in waiting:  # grows while it is read
        for section, key in _REFERENCE.findall("\n".join(value.lines)):
            name = section.strip(), key.strip().lower()
            if name not in found and name in by_name:
                found.add(name)
                waiting.append(by_name[name])
    return found


# `py36,keras{20,21}: keras<2.2`; neither a URL nor the channel of a conda package.
_FACTORS = re.compile(r"\s*[\w.{}!,\s-]+?:(?!//|:)(?=\s|\S*[<>=])\s*")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_INCLUDE = re.compile(r"(?:-([rc])\s*=?\s*|--(requirement|constraint)(?:\s+|=))(.*\S)")
_EDITABLE = re.compile(r"(?:-e\s*|--editable[ =])")


def _dependencies(value: Value, path: str, files: Files) -> Iterator[Pin | Unread]:
    syntax: Literal["conda", "pip"] = "conda" if value.key == "conda_deps" else "pip"
    for line, text in enumerate(_plain_lines(value), value.line):
        yield from pins_of_commands(_dependency(text, syntax), path, line, files)


def _installed(value: Value, path: str, files: Files) -> Iterator[Pin | Unread]:
    commands = "\n".join(_plain_lines(value))
    yield from pins_of_commands(wanted_by_lines(commands), path, value.line, files)


def _plain_lines(value: Value) -> Iterator[str]:
    """Takes a key; yields the lines of its value without indent, factors and comments."""
    for line in value.lines:
        text = _COMMENT.sub("", line).strip()
        factors = None if text.startswith("-") else _FACTORS.match(text)
        yield text[factors.end() :] if factors else text


def _dependency(text: str, syntax: Literal["conda", "pip"]) -> Iterator[Wanted]:
    """Takes a line of ``deps`` without its factors; yields what it asks for."""
    include = _INCLUDE.match(text)
    if include:
        kind = (include[1] or include[2])[0]
        yield Wanted("requirements" if kind == "r" else "constraints", filled(include[3]), text, 0)
    elif text:
        wanted = _EDITABLE.sub("", text, count=1) if text.startswith("-") else text
        yield Wanted("requirement", filled(wanted), wanted, 0, syntax)
