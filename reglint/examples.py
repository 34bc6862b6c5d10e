"""The body of a rule card: its sections, and its fenced blocks as examples that are documentation and tests at once.

A block opens with ```` ```python bad ````, ``good`` or ``fixed`` and may carry attributes: ``keras="<2.1.4"`` and
``target="keras==3.15.1"`` say which Keras it is judged for, ``file="models.py"`` makes it one file of a project, and
``unsafe="true"`` on a ``fixed`` block says that it shows what ``--unsafe-fixes`` makes of the bad one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reglint.findings import Severity
from reglint.rulebook import Card, RulebookError

ATTRIBUTES = ("file", "keras", "target", "unsafe")

_OPENING = re.compile(r"(`{3,})(\w+) +(bad|good|fixed)\b(.*)")
_ATTRIBUTE = re.compile(r'([a-z]+)="([^"]*)"')
_MARKER = re.compile(
    r"[ \t]*# (error|warning|info): ([A-Z]+[0-9]+(?:[, ]+[A-Z]+[0-9]+)*)[ \t]*(?=$|# (?:error|warning|info): )",
    re.MULTILINE,
)
_FENCED = re.compile(r"^(`{3,}).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## +(.+?)[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Expected:
    """A finding that an example's marker promises: on which line, which code, how severe."""

    line: int
    code: str
    severity: Severity


@dataclass(frozen=True)
class Example:
    """A fenced block of a card.

    ``group`` numbers the blocks that belong together: a bad one, what fixing makes of it, the other files of its
    project. ``text`` is the block as printed, ``line`` its first line in the card.
    """

    label: str
    text: str
    attributes: Mapping[str, str]
    line: int
    group: int

    @property
    def filename(self) -> str:
        """The file that the example is, or ``example.py``."""
        return self.attributes.get("file", "example.py")

    @property
    def unsafe(self) -> bool:
        """Does the block show what ``--unsafe-fixes`` gives?"""
        return self.attributes.get("unsafe") == "true"

    @property
    def source(self) -> str:
        """The text without the markers of expected findings."""
        return _MARKER.sub("", self.text)

    @property
    def expected(self) -> tuple[Expected, ...]:
        """The findings that the markers promise."""
        return tuple(
            Expected(self.text.count("\n", 0, marker.start()) + 1, code, Severity(marker[1]))
            for marker in _MARKER.finditer(self.text)
            for code in re.split(r"[, ]+", marker[2])
        )


def sections_of(body: str) -> dict[str, str]:
    """Heading -> text below it, in the order of the body; ``##`` inside a fenced block is no heading."""
    fenced = [block.span() for block in _FENCED.finditer(body)]
    headings = [
        heading
        for heading in _HEADING.finditer(body)
        if not any(start <= heading.start() < end for start, end in fenced)
    ]
    ends = [heading.start() for heading in headings[1:]] + [len(body)]
    return {heading[1]: body[heading.end() : end].strip("\n") for heading, end in zip(headings, ends, strict=True)}


def examples_of(card: Card) -> Iterator[Example]:
    """The labelled blocks of a card, numbered by group; RulebookError when one cannot be a test.

    A ``fixed`` block belongs to the ``bad`` one before it. Blocks that carry ``file`` and stand together, with nothing
    but blank lines between them, are the files of one project.
    """
    group = 0
    labels: dict[str, str] = {}  # file -> label, in the current group
    in_project = False
    for block in _blocks(card):
        name = block.attributes.get("file", "example.py")
        if block.label == "fixed":
            if labels.get(name) != "bad":
                raise RulebookError(
                    card.path, block.line - 1, "a fixed block needs a bad one of the same file before it"
                )
        else:
            if not (in_project and block.adjacent and "file" in block.attributes and name not in labels):
                group += 1
                labels = {}
                in_project = "file" in block.attributes
            labels[name] = block.label
        example = Example(block.label, block.text, block.attributes, block.line, group)
        if (block.label == "bad") != bool(example.expected):
            raise RulebookError(card.path, block.line - 1, _MARKER_RULES[block.label])
        yield example


_MARKER_RULES = {
    "bad": "a bad block marks each expected finding on its line: # error: CODE",
    "good": "a good block promises no finding; take the marker out or call the block bad",
    "fixed": "a fixed block shows what the fix leaves; take the marker out",
}


@dataclass(frozen=True)
class _Block:
    """A labelled fenced block, and whether only blank lines part it from the labelled block before."""

    label: str
    text: str
    attributes: Mapping[str, str]
    line: int
    adjacent: bool


def _blocks(card: Card) -> Iterator[_Block]:
    """The labelled fenced blocks of a card, in order."""
    lines = card.body.split("\n")
    adjacent = False
    number = 0
    while number < len(lines):
        opening = _OPENING.fullmatch(lines[number].rstrip())
        if opening is None:
            adjacent = adjacent and not lines[number].strip()
            number += 1
            continue
        fence, _, label, rest = opening.groups()
        end = next((at for at in range(number + 1, len(lines)) if lines[at].rstrip() == fence), None)
        if end is None:
            raise RulebookError(card.path, card.body_line + number, f"this block has no end; close it with {fence}")
        attributes = dict(_ATTRIBUTE.findall(rest))
        if _ATTRIBUTE.sub("", rest).strip() or not set(attributes) <= set(ATTRIBUTES):
            message = f'after `{label}` only attributes such as file="models.py" may stand: {", ".join(ATTRIBUTES)}'
            raise RulebookError(card.path, card.body_line + number, message)
        text = "".join(line + "\n" for line in lines[number + 1 : end])
        yield _Block(label, text, attributes, card.body_line + number + 1, adjacent)
        adjacent = True
        number = end + 1
