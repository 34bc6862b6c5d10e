"""One file as the checks see it: its text, its names, and where they lead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import libcst as cst

from reglint.findings import Edit
from reglint.keras_api import KerasApi
from reglint.names.flows import Flows
from reglint.names.module import ModuleNames
from reglint.names.resolve import Resolver
from reglint.names.scopes import Mention
from reglint.names.values import Symbol
from reglint.project import Project
from reglint.rulebook import Card
from reglint.source import Source, SourceError, source_from_bytes
from reglint.syntax import Parsed, parse
from reglint.tokens import Token, scan
from reglint.versions import Allowed, Release

_T = TypeVar("_T")
_LEGACY = "TF_USE_LEGACY_KERAS"
_PRIVATE_KERAS = re.compile(r"tensorflow(?:_core)?\.python\.keras(?:\.|$)")


@dataclass(frozen=True)
class Context:
    """What a file is checked against: the selected rule cards, its project, the Keras it allows, in-house layers.

    ``target`` is where the code is to go, if that was said.
    """

    cards: Mapping[str, Card]
    project: Project
    current: Allowed = field(default_factory=Allowed)
    target: Allowed | None = None
    layers: Mapping[str, str] = field(default_factory=dict)


class File:
    """A parsed file with everything that a check may ask."""

    def __init__(self, source: Source, parsed: Parsed, context: Context, words: frozenset[str]) -> None:
        assert parsed.tree is not None
        self._context = context
        self._words = words
        self.source = source
        self.parsed = parsed
        self.current = context.current.asking_for_legacy() if _LEGACY in source.text else context.current
        self.target = context.target
        self.api = KerasApi(context.layers)
        self.names = ModuleNames(parsed.tree, context.project.locate(source.filename), words)
        self.resolver = Resolver(context.project, self.api)
        self.flows = Flows(self.resolver)
        self._memory: dict[object, Any] = {}

    @property
    def allowed(self) -> Allowed:
        """The Keras for which the code must be right: the target, or what the project allows now."""
        return self.current if self.target is None else self.target

    def engines(self, package: str, releases: Mapping[str, str]) -> tuple[Release, ...]:
        """Of ``releases`` (package → specifier), those that run where ``package`` is imported, now or at the target.

        A layer of the project's own, whose package is empty, is taken for one of ``keras``.
        """
        found = self.among(self.current, package, releases)
        if self.target is not None:
            found += self.among(self.target, package, releases)
        return tuple(dict.fromkeys(found))

    def among(self, allowed: Allowed, package: str, releases: Mapping[str, str]) -> tuple[Release, ...]:
        """The same for one ``allowed``: the releases now, or those at the target."""
        found = allowed.among(package or "keras", releases)
        if package == "tensorflow" and self._imports_private_keras:
            # TensorFlow 2.16 and later, which run Keras 3, still hold their old Keras there
            return tuple(release for release in found if release.package == "tensorflow")
        return found

    @cached_property
    def _imports_private_keras(self) -> bool:
        return any(not level and _PRIVATE_KERAS.match(base) for base, level in self.names.imported)

    def remembered(self, what: object, make: Callable[[], _T]) -> _T:
        """What several checks ask of this file, made by the first of them; ``what`` is the name that they share."""
        if what not in self._memory:
            self._memory[what] = make()
        found: _T = self._memory[what]
        return found

    def mentions(self, word: str) -> Iterator[Mention]:
        """Where a name stands, or a string that says it."""
        yield from self.names.mentions.get(word, ())
        yield from self.names.strings.get(word, ())

    def span(self, node: cst.Name | cst.SimpleString) -> tuple[int, int]:
        """Where a name stands in the text, or what is between the quotes of a string."""
        start, end = self.parsed.span(node)
        if isinstance(node, cst.SimpleString):
            start += len(node.prefix) + len(node.quote)
            end -= len(node.quote)
        return start, end

    def beside(self, path: str) -> File | None:
        """Another file of the project, or None where it can't be read or parsed."""
        raw = self._context.project.read(path)
        try:
            source = source_from_bytes(raw, path) if raw is not None else None
        except SourceError:
            return None
        parsed = parse(source) if source is not None else None
        if source is None or parsed is None or parsed.tree is None:
            return None
        return File(source, parsed, self._context, self._words)

    @cached_property
    def speaks_keras(self) -> bool:
        """Does the file use a Keras, imported by itself or through modules of its project, or as ``tf.keras``?"""
        if self.resolver.imports(self.names, lambda name: self.api.keras_name(name) is not None):
            return True
        return any(self._is_keras(mention) for mention in self.names.mentions.get("keras", ()))

    def _is_keras(self, mention: Mention) -> bool:
        """Is it the ``keras`` of ``tf.keras``?"""
        parent = mention.above.node
        return isinstance(parent, cst.Attribute) and any(
            isinstance(value, Symbol) and self.api.keras_name(value.qualname) is not None
            for value in self.resolver.values(parent, mention.place)
        )

    def replace(self, start: int, end: int, content: str) -> Edit:
        """An edit of the text."""
        return Edit(start, end, self.source.text[start:end], content)

    @cached_property
    def tokens(self) -> list[Token]:
        """The tokens of the text that matter to Python."""
        return [t for t in scan(self.source.text) if t.kind not in ("newline", "comment", "space")]

    @cached_property
    def _token_at(self) -> dict[int, int]:
        return {token.start: rank for rank, token in enumerate(self.tokens)}

    def behind(self, start: int, count: int) -> int:
        """Where the token stands that is ``count`` tokens behind the one that begins at ``start``."""
        return self.tokens[self._token_at[start] + count].start

    def call_text(self, name: cst.Name) -> CallText | None:
        """The parentheses and arguments of the call whose callee ends with ``name``."""
        rank = self._token_at.get(self.parsed.span(name)[0])
        if rank is None or rank + 1 >= len(self.tokens):
            return None
        opening = self.tokens[rank + 1]
        if self._text(opening) != "(":
            return None
        depth = 0
        arguments: list[tuple[int, int]] = []
        first: Token | None = None
        last = opening
        for token in (self.tokens[index] for index in range(rank + 1, len(self.tokens))):  # a slice would copy the file
            text = self._text(token)
            if text in _OPENING:
                depth += 1
            elif text in _CLOSING:
                depth -= 1
            if depth == 0 or (depth == 1 and text == ","):
                if first is not None:
                    arguments.append((first.start, last.end))
                first = None
                if depth == 0:
                    return CallText(opening.end, token.start, last.end, self._text(last) == ",", tuple(arguments))
            elif first is None and token is not opening:
                first = token
            last = token
        return None

    def _text(self, token: Token) -> str:
        return self.source.text[token.start : token.end]


_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")


@dataclass(frozen=True)
class CallText:
    """Where the parts of a call stand: behind ``(``, at ``)``, behind the last token before that, and each argument."""

    opened: int
    closed: int
    last: int
    trailing_comma: bool
    arguments: tuple[tuple[int, int], ...]

    def append(self, file: File, argument: str) -> Edit:
        """An edit that adds an argument at the end."""
        if not self.arguments:
            return file.replace(self.opened, self.opened, argument)
        return file.replace(self.last, self.last, f" {argument}" if self.trailing_comma else f", {argument}")
