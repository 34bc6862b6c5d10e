"""Reads the front matter of a rule card, TOML between two ``+++`` lines, and says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from reglint.bounded_toml import TOMLDecodeError, loads
from reglint.reading import read_regular
from reglint.rulebook import KINDS, WITHOUT_CHECK, RulebookError

_FENCE = "+++"
_LARGEST = 5_000_000
_KEY_LINE = r"^\s*\[*\s*{}\s*(?:=|\]|\.)"
_TOML_PLACE = re.compile(r"\(at line (\d+), column \d+\)$")
_CODE = re.compile(r"[A-Z]+[0-9]+")
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def front_matter_of(path: Path) -> Mapping[str, Any]:
    """The front matter of a card; RulebookError when it breaks the schema."""
    front, _, _ = _split(path, _read(path))
    table = _toml(path, front, first_line=2)
    problem = next(_problems(table), None)
    if problem is not None:
        key, message = problem
        raise RulebookError(path, _line_in(front, key), message)
    return table


def body_of(path: Path) -> tuple[str, int]:
    """What stands below the front matter of a card, and the line on which that starts."""
    _, body, line = _split(path, _read(path))
    return body, line


def line_of(path: Path, key: str) -> int:
    """The line of a card on which a key of its front matter stands, or the first one."""
    return _line_in(_split(path, _read(path))[0], key)


def _read(path: Path) -> str:
    try:
        return read_regular(path, _LARGEST).decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise RulebookError(path, None, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise RulebookError(path, None, f"is not UTF-8 (byte {error.start}); save it as UTF-8") from error


def _split(path: Path, text: str) -> tuple[str, str, int]:
    """Front matter, body, and the body's first line."""
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        raise RulebookError(
            path, 1, f"a rule card begins with a line {_FENCE}; put the front matter between two of them"
        )
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == _FENCE:
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :]), number + 2
    raise RulebookError(path, 1, f"the front matter has no end; close it with a line {_FENCE}")


def toml_of(path: Path) -> dict[str, Any]:
    """What a TOML file holds; RulebookError where it is none."""
    return _toml(path, _read(path), first_line=1)


def _toml(path: Path, text: str, first_line: int) -> dict[str, Any]:
    try:
        return loads(text)
    except TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        line = int(place[1]) + first_line - 1 if place else first_line + text.count("\n")
        reason = _TOML_PLACE.sub("", str(error)).removesuffix(" (at end of document)").strip()
        raise RulebookError(path, line, f"not valid TOML: {reason[:1].lower()}{reason[1:]}") from error
    except ValueError as error:
        raise RulebookError(path, first_line, f"not readable as TOML: {error}") from error


# --- the schema ------------------------------------------------------------------------------------------------------


def _is_code(value: object) -> bool:
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_table(value: object) -> bool:
    return isinstance(value, str) and value.isidentifier()


def _is_identifiers(value: object) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(item, str) and item.isidentifier() for item in value)
    )


def _is_triggers(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, list) and _is_identifiers(_bare(item)) for item in value)


def _bare(words: Sequence[object]) -> list[object]:
    return [word.removesuffix("=") if isinstance(word, str) else word for word in words]


def _is_strings(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _is_callables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_callable(item) for item in value)


def _is_callable(value: object) -> bool:
    if not isinstance(value, dict) or set(value) != {"name", "arguments"}:
        return False
    name, arguments = value["name"], value["arguments"]
    return (
        isinstance(name, str)
        and all(part.isidentifier() for part in name.split("."))
        and isinstance(arguments, dict)
        and bool(arguments)
        and _is_identifiers([*arguments, *arguments.values()])
    )


def _one_of(*choices: str) -> Callable[[object], bool]:
    return lambda value: value in choices


class _Key(NamedTuple):
    """A key of the front matter: whether a card needs it, which kinds of check read it, what it must be."""

    required: bool
    valid: Callable[[object], bool]
    must_be: str
    kinds: tuple[str, ...] = KINDS


_RENAMED_ARGUMENT = ("renamed-argument",)
_KEYS: Mapping[str, _Key] = {
    "code": _Key(True, _is_code, 'capitals and a number, such as "REG101"'),
    "name": _Key(True, _is_name, "lower-case words joined by hyphens"),
    "kind": _Key(True, _one_of(*KINDS), "one of " + ", ".join(KINDS)),
    "severity": _Key(True, _one_of("error", "warning", "info"), "one of error, warning, info"),
    "applicability": _Key(
        True,
        _one_of("safe", "unsafe", "display", "none"),
        "one of safe, unsafe, display, none (the rule offers no fix)",
    ),
    "stable": _Key(False, lambda value: isinstance(value, bool), "true or false"),
    "opt-in": _Key(False, lambda value: isinstance(value, bool), "true or false"),
    "needs-target": _Key(False, lambda value: isinstance(value, bool), "true or false"),
    "facts": _Key(False, _is_table, "the name of a table in rules/facts, without .toml"),
    "triggers": _Key(False, _is_triggers, 'a list of lists of identifiers, such as [["W_regularizer"], ["l2", "l="]]'),
    "versions": _Key(False, _is_strings, 'a table from package to specifier, such as { keras = ">=2.0" }'),
    "callable": _Key(
        False,
        _is_callables,
        'tables [[callable]] with name = "mylib.layers.Foo" and arguments = { old = "new" }',
        _RENAMED_ARGUMENT,
    ),
    "same-as": _Key(
        False, _is_strings, "a table from a spelling that never existed to the one it stands for", _RENAMED_ARGUMENT
    ),
    "unmistakable": _Key(False, _is_identifiers, "a list of arguments that only Keras layers have", _RENAMED_ARGUMENT),
}


def _problems(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with a front matter: the key at fault and one sentence."""
    for name, key in _KEYS.items():
        if name not in table:
            if key.required:
                yield name, f"`{name}` is missing; it must be {key.must_be}"
        elif not key.valid(table[name]):
            yield name, f"`{name}` must be {key.must_be}"
        elif key.kinds is not KINDS and table["kind"] not in key.kinds:
            yield name, f"`{name}` has no meaning for kind {table['kind']}; take it out"
    for name in table:
        if name not in _KEYS:
            yield name, f"unknown key `{name}`; a rule card has " + ", ".join(_KEYS)
    if table["kind"] == "renamed-argument" and not ("facts" in table or "callable" in table):
        yield "kind", "a renamed-argument card needs tables [[callable]] that say what is renamed"
    if table["kind"] not in WITHOUT_CHECK and not (table.get("triggers") or "callable" in table):
        yield "kind", "`triggers` is missing; without it no file would ever be looked at"


def _line_in(front: str, key: str) -> int:
    """The line of the file on which a key of the front matter stands, or the front matter's first line."""
    found = re.search(_KEY_LINE.format(re.escape(key)), front, re.MULTILINE)
    return front.count("\n", 0, found.end()) + 2 if found else 1
