"""The arguments of a call as they are written, and edits that take some of them out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import libcst as cst

from reglint.findings import Edit
from reglint.names.scopes import string_value
from reglint.usage.file import File

_REST_OF_LINE = re.compile(r"[ \t]*,?[ \t]*\r?\n")
_COMMA = re.compile(r"\s*,")


class Written(NamedTuple):
    """An argument of a call and where it stands; ``value`` is where its value begins, behind ``keyword =``."""

    arg: cst.Arg
    start: int
    end: int
    value: int

    def text(self, file: File) -> str:
        """The value as it is written."""
        return file.source.text[self.value : self.end]

    def is_apart(self, file: File) -> bool:
        """Does a comment stand between its name and its value, which would go with the name?"""
        return "#" in file.source.text[self.start : self.value]

    def literal(self) -> str:
        """A string, number or name as the tables write it, in single quotes and no parentheses; empty for the rest."""
        return literal(self.arg.value)


def literal(value: cst.BaseExpression) -> str:
    """A string, number or name as the tables write it, in single quotes and no parentheses; empty for the rest."""
    if isinstance(value, cst.SimpleString):
        return f"'{string_value(value)}'"
    return value.value if isinstance(value, (cst.Integer, cst.Float, cst.Name)) else ""


def written(file: File, call: cst.Call) -> tuple[Written, ...] | None:
    """The arguments of a call, in their order; None where they are written in a way that can't be edited."""
    name = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    text = file.call_text(name) if isinstance(name, cst.Name) else None
    if text is None or len(text.arguments) != len(call.args):
        return None
    found = []
    for arg, (start, end) in zip(call.args, text.arguments, strict=True):
        # behind `keyword =`, whatever comments are between
        value = file.behind(start, 2) if arg.keyword is not None else start + len(arg.star)
        found.append(Written(arg, start, end, value))
    return tuple(found)


def without(file: File, every: Sequence[Written], gone: Collection[Written]) -> tuple[Edit, ...] | None:
    """Edits that take arguments out of a call, with their commas; None where a comment would go with them.

    ``every`` are the arguments of the call.
    """
    if all(argument in gone for argument in every):
        comma = _COMMA.match(file.source.text, every[-1].end)
        spans = [(every[0].start, comma.end() if comma is not None else every[-1].end)]
    else:
        spans = list(_spans(file, every, gone))
    if any("#" in file.source.text[start:end] for start, end in spans):
        return None
    return tuple(file.replace(start, end, "") for start, end in spans)


def _spans(file: File, every: Sequence[Written], gone: Collection[Written]) -> Iterator[tuple[int, int]]:
    """What to take out: arguments that have lines of their own with these, others up to the next one that stays."""
    lines = {argument: _lines(file, argument) for argument in every if argument in gone}
    last = max(rank for rank, argument in enumerate(every) if argument not in gone)
    for rank, argument in enumerate(every[:last]):
        if argument in gone:
            yield lines[argument] or (argument.start, every[rank + 1].start)
    tail = [lines[argument] for argument in every[last + 1 :]]
    if tail and all(tail):
        yield from (span for span in tail if span is not None)
    elif tail:
        yield every[last].end, every[-1].end


def _lines(file: File, argument: Written) -> tuple[int, int] | None:
    """The lines of an argument that shares them with nothing but its comma."""
    text = file.source.text
    start = text.rfind("\n", 0, argument.start) + 1
    rest = _REST_OF_LINE.match(text, argument.end)
    return None if rest is None or text[start : argument.start].strip() else (start, rest.end())


def is_plain(node: cst.BaseExpression) -> bool:
    """Does it not matter when, and how often, the expression is evaluated?"""
    if isinstance(node, (cst.Name, cst.Integer, cst.Float, cst.SimpleString)):
        return True
    if isinstance(node, cst.Attribute):
        return is_plain(node.value)
    if isinstance(node, cst.UnaryOperation):
        return is_plain(node.expression)
    if isinstance(node, cst.BinaryOperation):
        return is_plain(node.left) and is_plain(node.right)
    return isinstance(node, cst.Tuple) and all(is_plain(element.value) for element in node.elements)
