"""The rule cards and the tables of Keras facts.

A card is a Markdown file: TOML between two ``+++`` lines, then sections whose fenced blocks are examples. Every run
loads all cards, so only the front matter is read at once, by :mod:`reglint.front_matter`; what is below it waits in
:mod:`reglint.examples` until somebody asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reglint.findings import Applicability, Severity

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
    "changed-default",
    "changed-activation",
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

_OPTIONS = ("same-as", "unmistakable")


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

    @property
    def body(self) -> str:
        """What stands below the front matter."""
        return self._text[0]

    @property
    def body_line(self) -> int:
        """The line of the file on which the body starts."""
        return self._text[1]

    @cached_property
    def _text(self) -> tuple[str, int]:
        from reglint.front_matter import body_of

        return body_of(self.path)

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
            from reglint.front_matter import line_of

            raise RulebookError(
                path, line_of(path, "code"), f"code {card.code} is taken by {known.path.name}; choose another one"
            )
        cards[card.code] = card
    return dict(sorted(cards.items()))


@cache
def facts(name: str) -> Mapping[str, Any]:
    """The built-in table ``facts/NAME.toml``."""
    return _compiled(f"facts.{name}", lambda: _read_facts(rules_folder() / "facts" / f"{name}.toml"))


def _read_facts(path: Path) -> Mapping[str, Any]:
    from reglint.front_matter import toml_of

    return toml_of(path)


def read_card(path: Path) -> Card:
    """The card in a file; RulebookError when it breaks the schema."""
    from reglint.front_matter import front_matter_of

    return card_of(path, front_matter_of(path))


@cache
def _builtin_cards() -> Mapping[str, Card]:
    folder = rules_folder()
    cards = (card_of(folder / name, table) for name, table in _compiled("cards", lambda: read_tables(folder)).items())
    return {card.code: card for card in cards}


def read_tables(folder: Path) -> Mapping[str, Any]:
    """The name of each card in a folder -> its front matter; RulebookError for one that breaks the schema."""
    from reglint.front_matter import front_matter_of

    return {path.name: front_matter_of(path) for path in sorted(folder.glob("*.md"))}


def _compiled(module: str, read: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """What a module of an installed reglint holds, which takes a tenth of the time; in a checkout it is read.

    :mod:`reglint.build_py` writes these modules when a wheel is built.
    """
    try:
        table: Mapping[str, Any] = import_module(f"reglint.rules.{module}").TABLE
    except ImportError:
        return read()
    return table


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


def card_of(path: Path, table: Mapping[str, Any]) -> Card:
    """The card in a file, given its front matter."""
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
        triggers=tuple(tuple(words) for words in table.get("triggers", own_triggers)),
        facts=table.get("facts"),
        versions=table.get("versions", {}),
        callables=callables,
        options={key: table[key] for key in _OPTIONS if key in table},
        stable=table.get("stable", True),
        opt_in=table.get("opt-in", False),
        needs_target=table.get("needs-target", False),
    )
