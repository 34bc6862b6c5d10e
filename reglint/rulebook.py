"""Reads the rule cards and the tables of Keras facts, and says what is wrong with a card that it cannot use.

A card is a Markdown file: TOML between two ``+++`` lines, then sections whose fenced blocks are examples. Every run
loads all cards, so only the front matter is read at once; what is below it waits in :mod:`reglint.examples` until
somebody asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reglint.bounded_toml import TOMLDecodeError, loads
from reglint.findings import Applicability, Severity
from reglint.reading import read_regular

if TYPE_CHECKING:
    from reglint.examples import Example

KINDS = (
    "renamed-argument",
    "renamed-symbol",
    "removed-symbol",
    "renamed-parameter",
    "foreign-regularizer",
    "activity-regularizer-before-2-1-4",
    "activity-loss-scale",
    "dropped-activity-regularizer",
    "miscounted-regularization",
    "frozen-layer-penalty",
    "lora-layer-penalty",
    "regularizer-assigned-after-build",
    "losses-left-out",
    "unsupported-regularizer-argument",
    "zero-strength-regularizer",
    "not-a-regularizer",
    "doubled-weight-decay",
    "half-precision-activity-regularizer",
    "unsavable-regularizer",
    "converted-argument",
    "positional-argument",
    "missing-argument",
    "renamed-layer",
    "removed-merge",
    "renamed-model-argument",
    "removed-layer",
    "renamed-keras-name",
    "moved-module",
    "renamed-optimizer-argument",
    "renamed-optimizer-attribute",
    "refused-add-loss",
    "weight-name-first",
    "losses-before-call",
    "renamed-layer-method",
    "probe",
    "run",
)
"""The kinds of check: each has a module of that name in ``reglint.checks``, but for those of WITHOUT_CHECK."""

WITHOUT_CHECK = ("probe", "run")
"""Kinds that look at no source: what the probe finds in a running model, and what is about the run itself."""

SECTIONS = ("What it does", "Why is this bad", "Example", "Fix safety", "References")

_FENCE = "+++"
_LARGEST = 5_000_000
_KEY_LINE = r"^\s*\[*\s*{}\s*(?:=|\]|\.)"
_TOML_PLACE = re.compile(r"\(at line (\d+), column \d+\)$")
_CODE = re.compile(r"[A-Z]+[0-9]+")
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class RulebookError(Exception):
    """A card or a table cannot be used: which file, which line, what is wrong and what to do, in one line."""

    def __init__(self, path: Path, line: int | None, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}" if line else f"{path}: {message}")
        self.path = path
        self.line = line
        self.message = message


class RenamedArguments(NamedTuple):
    """A function or class that a card describes itself: its qualified name, and old argument -> new."""

    name: str
    arguments: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Card:
    """A rule: what its front matter says, and on demand the sections and examples below it.

    ``applicability`` is that of the rule's best fix, None for a rule that offers none. ``triggers`` are alternatives,
    each a tuple of identifiers that must all occur in a file before the rule can find anything there; one that ends
    with ``=`` must occur as a keyword or a string. ``versions`` maps a package to the specifier of the releases in
    which the old spelling fails. ``opt_in`` rules run only where they are selected by name, those that
    ``needs_target`` only where a target is stated. ``options`` holds the keys that only this kind of check reads.
    """

    code: str
    name: str
    kind: str
    severity: Severity
    applicability: Applicability | None
    path: Path
    body: str = field(repr=False)
    body_line: int
    triggers: tuple[tuple[str, ...], ...] = ()
    facts: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    callables: tuple[RenamedArguments, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    stable: bool = True
    opt_in: bool = False
    needs_target: bool = False

    def triggers_with(self, layers: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
        """The triggers, and those that hold a layer's name again with the project's own ``layers`` in its place.

        ``layers`` maps the dotted name of such a class to the layer of Keras whose arguments it takes.
        """
        own = ((name.rpartition(".")[2], like) for name, like in layers.items())
        more = (
            tuple(name if word == like else word for word in words)
            for name, like in own
            for words in self.triggers
            if like in words
        )
        return (*self.triggers, *more)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The identifiers of all triggers, each once."""
        return tuple(dict.fromkeys(word.removesuffix("=") for words in self.triggers for word in words))

    @cached_property
    def sections(self) -> Mapping[str, str]:
        """Heading -> text below it, in the card's order."""
        from reglint.examples import sections_of

        return sections_of(self.body)

    @cached_property
    def summary(self) -> str:
        """The first sentence of *What it does*, on one line."""
        text = " ".join(self.sections.get("What it does", "").split())
        return re.split(r"(?<=[.?!])\s+(?=[A-Z`])", text, maxsplit=1)[0]

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        """The fenced blocks labelled bad, good or fixed."""
        from reglint.examples import examples_of

        return tuple(examples_of(self))


# ---------------------------------------------------------------------------------------------------------- loading


def load_cards(extra: Sequence[Path] = ()) -> Mapping[str, Card]:
    """Code -> card, in order of codes: the built-in cards and those of the extra files and folders."""
    cards = dict(_builtin_cards())
    for path in card_files(extra):
        card = read_card(path)
        known = cards.get(card.code)
        if known is not None:
            raise RulebookError(
                path, _line_of(path, "code"), f"code {card.code} is taken by {known.path.name}; choose another one"
            )
        cards[card.code] = card
    return dict(sorted(cards.items()))


@cache
def facts(name: str) -> Mapping[str, Any]:
    """The built-in table ``facts/NAME.toml``."""
    path = rules_folder() / "facts" / f"{name}.toml"
    return _toml(path, _read(path), first_line=1)


def read_card(path: Path) -> Card:
    """The card in a file; RulebookError when it breaks the schema."""
    front, body, body_line = _split(path, _read(path))
    table = _toml(path, front, first_line=2)
    return _card(path, front, table, body, body_line)


@cache
def _builtin_cards() -> Mapping[str, Card]:
    cards: dict[str, Card] = {}
    for path in sorted(rules_folder().glob("*.md")):
        card = read_card(path)
        cards[card.code] = card
    return cards


@cache
def rules_folder() -> Path:
    """Where the built-in cards are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "rules", package.parent / "rules"):
        if (folder / "facts").is_dir():
            return folder
    raise RulebookError(package / "rules", None, "the built-in rule cards are missing; install reglint again")


def card_files(paths: Sequence[Path]) -> Iterator[Path]:
    """The cards among files and folders that a user named, each once."""
    seen: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found = sorted(path.glob("*.md"))
        elif path.is_file():
            found = [path]
        else:
            raise RulebookError(path, None, "no such file or folder; correct `rule-paths`")
        for file in found:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


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


# ----------------------------------------------------------------------------------------------------------- schema


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
_OPTIONS = ("same-as", "unmistakable")


def _card(path: Path, front: str, table: Mapping[str, Any], body: str, body_line: int) -> Card:
    """A card from its parsed front matter, checked against the schema."""
    problem = next(_problems(table), None)
    if problem is not None:
        key, message = problem
        raise RulebookError(path, _line_in(front, key), message)
    callables = tuple(RenamedArguments(item["name"], item["arguments"]) for item in table.get("callable", ()))
    own_triggers = [[old] for item in callables for old in item.arguments]
    applicability = table["applicability"]
    return Card(
        code=table["code"],
        name=table["name"],
        kind=table["kind"],
        severity=Severity(table["severity"]),
        applicability=None if applicability == "none" else Applicability(applicability),
        path=path,
        body=body,
        body_line=body_line,
        triggers=tuple(tuple(words) for words in table.get("triggers", own_triggers)),
        facts=table.get("facts"),
        versions=table.get("versions", {}),
        callables=callables,
        options={key: table[key] for key in _OPTIONS if key in table},
        stable=table.get("stable", True),
        opt_in=table.get("opt-in", False),
        needs_target=table.get("needs-target", False),
    )


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


def _line_of(path: Path, key: str) -> int:
    return _line_in(_split(path, _read(path))[0], key)
