"""Dockerfiles: what their ``RUN`` lines install, and the TensorFlow that an image they build on brings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from json import JSONDecodeError
from typing import TYPE_CHECKING, NamedTuple

from reglint.lines import LINE_END
from reglint.pins.command_line import (
    Word,
    expanded,
    pins_of_commands,
    wanted_by_shell,
    wanted_by_words,
)
from reglint.pins.pin import UNKNOWN, Pin, Unread
from reglint.pins.requirements import decoded, may_matter

if TYPE_CHECKING:
    from reglint.project import Files


class Instruction(NamedTuple):
    """An instruction: its name in capitals, the rest as a shell would be given it, the line, and its heredocs."""

    name: str
    rest: str
    line: int
    heredocs: tuple[Heredoc, ...]


class Heredoc(NamedTuple):
    """The text between ``<<EOF`` and ``EOF``, and the line on which it begins."""

    text: str
    line: int


def read(path: str, files: Files) -> Iterator[Pin | Unread]:
    """Takes the path of a Dockerfile; yields the pins of its images and of its commands, in order."""
    raw = files.read(path)
    if raw is None or not may_matter(raw):
        return
    scope = _Scope()
    for instruction in _instructions(decoded(raw).replace(UNKNOWN, "")):
        if instruction.name == "FROM":
            pin = _image_pin(instruction, path, scope)
            if pin:
                yield pin
        elif instruction.name in ("ARG", "ENV"):
            scope.declare(instruction)
        elif instruction.name == "RUN":
            yield from _installed(instruction, path, files, scope.variables)


class _Scope:
    """The variables that are known at a place of a Dockerfile."""

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}
        self._before_any_stage: dict[str, str] = {}
        self._stages: dict[str, dict[str, str]] = {}
        self._environment: dict[str, str] = {}
        self._in_stage = False

    def begin_stage(self, image: str, name: str | None) -> None:
        """A new ``FROM``: of all so far it keeps the environment of the stage that it continues."""
        self._in_stage = True
        self._environment = dict(self._stages.get(image.lower(), {}))
        self.variables = dict(self._environment)
        if name:
            self._stages[name.lower()] = self._environment

    def declare(self, instruction: Instruction) -> None:
        """Takes an ``ARG`` or ``ENV``, and remembers what it sets."""
        for name, value in _settings(instruction):
            value = self._before_any_stage.get(name) if value is None else expanded(value, self.variables)
            if value is None or UNKNOWN in value:
                if instruction.name == "ENV":
                    self._environment.pop(name, None)
                    self.variables.pop(name, None)
            elif instruction.name == "ENV":
                self._environment[name] = self.variables[name] = value
            elif name not in self._environment:  # ENV wins over ARG
                self.variables[name] = value
                if not self._in_stage:
                    self._before_any_stage[name] = value

    @property
    def for_images(self) -> Mapping[str, str]:
        """The variables that a ``FROM`` may use."""
        return self._before_any_stage


# From bytes to instructions.

_INSTRUCTION = re.compile(r"\s*(?:ONBUILD\s+)?([A-Za-z]+)(?:\s+|$)(.*)", re.DOTALL | re.IGNORECASE)
_ESCAPE_DIRECTIVE = re.compile(r"(?:#[^\r\n]*=[^\r\n]*(?:\r\n|\r|\n))*?#\s*escape\s*=\s*`", re.IGNORECASE)
_HEREDOC = re.compile(r"<<(-?)\s*([\"']?)(\w+)\2")


def _instructions(text: str) -> Iterator[Instruction]:
    """Takes the text; yields its instructions, comments and empty lines between continued lines left out.

    Those stand as mere continuations, so that every word keeps its line.
    """
    escape = "`" if _ESCAPE_DIRECTIVE.match(text) else "\\"
    lines = LINE_END.split(text)
    number = 0
    while number < len(lines):
        first, parts = number, [lines[number]]
        number += 1
        if not lines[first].strip() or _is_comment(lines[first]):
            continue
        while parts[-1].rstrip(" \t").endswith(escape) and number < len(lines):
            parts[-1] = parts[-1].rstrip(" \t")[:-1] + "\\"
            skipped = not lines[number].strip() or _is_comment(lines[number])
            parts.append(escape if skipped else lines[number])
            number += 1
        parts[-1] = parts[-1].rstrip(" \t").removesuffix(escape)
        match = _INSTRUCTION.match("\n".join(parts))
        if match is None:
            continue
        heredocs, number = _heredocs(match[2], lines, number) if match[1].upper() in _TAKE_HEREDOCS else ((), number)
        # What precedes the arguments may itself be continued.
        line = first + 1 + match[0][: match.start(2) - match.start()].count("\n")
        yield Instruction(match[1].upper(), match[2], line, heredocs)


_TAKE_HEREDOCS = frozenset(("RUN", "COPY", "ADD"))


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _heredocs(rest: str, lines: list[str], number: int) -> tuple[tuple[Heredoc, ...], int]:
    """Takes an instruction's arguments and where the next line is; returns its heredocs and where these end."""
    found: list[Heredoc] = []
    for dash, _, word in _HEREDOC.findall(rest):
        end = number
        while end < len(lines) and (lines[end].lstrip("\t") if dash else lines[end]) != word:
            end += 1
        if end == len(lines):  # never closed: no heredoc
            break
        found.append(Heredoc("\n".join(lines[number:end]), number + 1))
        number = end + 1
    return tuple(found), number


_SETTING = re.compile(r"""([A-Za-z_]\w*)(=((?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])*))?(?:\s+|\\\s+|$)""", re.DOTALL)


def _settings(instruction: Instruction) -> Iterator[tuple[str, str | None]]:
    """Takes an ``ARG`` or ``ENV``; yields names and values, None for an ``ARG`` without default."""
    rest = re.sub(r"\\\n", " ", instruction.rest).strip()
    old = re.fullmatch(r"([A-Za-z_]\w*)[ \t]+(.+)", rest, re.DOTALL)
    if instruction.name == "ENV" and old:
        yield old[1], old[2].strip()
        return
    position = 0
    while match := _SETTING.match(rest, position):
        value = re.sub(r"\\(.)|[\"']", r"\1", match[3]) if match[2] else None
        yield match[1], value
        position = match.end()


# RUN.

_FLAGS = re.compile(r"(?:--\w+(?:=\S*)?(?:\s|\\\n)+)*")
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_OTHER_PROGRAM = re.compile(r"\s*(?:/\S*/)?(?:python[\d.]*|perl|ruby|node|cat|tee)\b")


def _installed(
    instruction: Instruction, path: str, files: Files, variables: Mapping[str, str]
) -> Iterator[Pin | Unread]:
    flags = _FLAGS.match(instruction.rest)
    start = flags.end() if flags else 0
    line = instruction.line + instruction.rest[:start].count("\n")
    command = instruction.rest[start:]
    words = _exec_form(command)
    if words is not None:
        yield from pins_of_commands(wanted_by_words(words), path, line, files)
        return
    yield from pins_of_commands(wanted_by_shell(command, variables), path, line, files)
    if not _OTHER_PROGRAM.match(command):
        for heredoc in instruction.heredocs:
            yield from pins_of_commands(wanted_by_shell(heredoc.text, variables), path, heredoc.line, files)


def _exec_form(command: str) -> list[Word] | None:
    """Takes what follows ``RUN``; returns the words if it is a JSON array of them."""
    if not command.startswith("["):
        return None
    plain = command.replace("\\\n", " \n")
    try:
        if not all(isinstance(word, str) for word in json.loads(plain)):
            return None
    except (JSONDecodeError, RecursionError, ValueError):
        return None
    return [
        Word(value := json.loads(match[0]), value, plain.count("\n", 0, match.start()))
        for match in _JSON_STRING.finditer(plain)
    ]


# FROM.

_FROM = re.compile(r"(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_TENSORFLOW_IMAGE = re.compile(
    r"(?:(?:docker\.io|index\.docker\.io|registry\.hub\.docker\.com|gcr\.io)/)?tensorflow/tensorflow"
    r"(?::(?P<tag>[^@]*))?(?:@.*)?"
)
# 1.15.2-gpu-py3, 2.3.0rc1-jupyter, 1.0.0-rc2-devel: what follows the version is a variant.
_VERSION_TAG = re.compile(r"v?(\d+\.\d+(?:\.\d+)?)(?:-?(rc\d+))?(?=-|$)")


def _image_pin(instruction: Instruction, path: str, scope: _Scope) -> Pin | None:
    """Takes a ``FROM``; returns the pin of the TensorFlow that its image brings, and begins the stage."""
    rest = " ".join(instruction.rest.replace("\\\n", " ").split())
    match = _FROM.match(rest)
    if match is None:
        return None
    image = expanded(match[1].strip("\"'"), scope.for_images)
    scope.begin_stage(image, match[2])
    found = _TENSORFLOW_IMAGE.fullmatch(image)
    if found is None:
        return None
    tag = _VERSION_TAG.match(found["tag"] or "")
    return Pin("tensorflow", _specifier(tag) if tag else "", path, instruction.line, f"FROM {rest}")


def _specifier(tag: re.Match[str]) -> str:
    release, candidate = tag.groups()
    return f"=={release}{candidate or ''}" if release.count(".") == 2 else f"=={release}.*"
