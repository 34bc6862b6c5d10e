"""From a source to its libcst tree: refusals as findings, Python 2 through a mask, and where a name stands."""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from reglint import tokens, tree
from reglint.python2 import Masked, masks

if TYPE_CHECKING:
    from reglint.source import CellSpan, Source


@dataclass(frozen=True)
class SyntaxFailure:
    """Text that does not parse: the place in ``Source.text``, and what is wrong there, in one line."""

    offset: int
    message: str


class Parsed:
    """The tree of a source, or the reasons why there is none.

    ``tree`` is None if nothing could be parsed; a notebook's cells that do not parse are blank in it, and each is one
    of the ``failures``. ``python2`` tells that the text could only be read as Python 2.
    """

    def __init__(
        self, module: cst.Module | None, text: Masked, python2: bool = False, failures: tuple[SyntaxFailure, ...] = ()
    ) -> None:
        self.tree = module
        self.python2 = python2
        self.failures = failures
        self._text = text
        self._spans: dict[cst.CSTNode, tuple[int, int]] | None = None

    def span(self, node: cst.Name | cst.SimpleString) -> tuple[int, int]:
        """Tell where a name or string of the tree stands in ``Source.text``; LookupError for any other node."""
        if self._spans is None:
            self._spans = _aligned(self.tree, self._text.text) or _provided(self.tree, self._text.text)
        start, end = self._spans[node]
        start = self._text.original(start)
        return start, self._text.original(end - 1) + 1 if end > start else start


def parse(source: Source) -> Parsed:
    """Parse a source; what is wrong with its text comes back as failures, never as an exception."""
    text = source.text
    outcome = _parse_text(text)
    if isinstance(outcome, Parsed):
        return outcome
    if not source.cells:
        return Parsed(None, Masked(text), failures=(outcome,))
    return _parse_cells(text, source.cells, outcome)


def _parse_cells(text: str, cells: tuple[CellSpan, ...], whole: SyntaxFailure) -> Parsed:
    """Parse a notebook without the cells that don't parse alone; ``whole`` is what was wrong with all of it."""
    failures: list[SyntaxFailure] = []
    for cell in cells:
        outcome = _parse_text(text[cell.start : cell.end])
        if isinstance(outcome, SyntaxFailure):
            failures.append(SyntaxFailure(cell.start + outcome.offset, outcome.message))
            text = text[: cell.start] + _blank(text[cell.start : cell.end]) + text[cell.end :]
    outcome = _parse_text(text)
    if isinstance(outcome, Parsed):
        outcome.failures = tuple(failures)
        return outcome
    return Parsed(None, Masked(text), failures=tuple(failures) or (whole,))


def _blank(text: str) -> str:
    """Replace all but line ends by blanks."""
    return re.sub(r"[^\r\n]", " ", text)


def _parse_text(text: str) -> Parsed | SyntaxFailure:
    """Parse text as Python 3, else as Python 2."""
    deep = tokens.too_deep(text)
    if deep is not None:
        return SyntaxFailure(*deep)
    module, refusal = _attempt(text)
    if module is not None:
        return Parsed(module, Masked(text))
    failure = None
    for masked in masks(text):
        module, masked_refusal = _attempt(masked.text)
        if module is not None:
            return Parsed(module, masked, python2=True)
        # What is wrong with the text as Python 2 is what its author wants to know, if it was Python 2.
        found = _failure(masked.text, masked_refusal)
        failure = SyntaxFailure(masked.original(found.offset), found.message)
    first = _failure(text, refusal)
    return failure if failure is not None and failure.offset > first.offset else first


def _attempt(text: str) -> tuple[cst.Module | None, str]:
    """Give the tree of ``text``, or None and libcst's own words."""
    try:
        return cst.parse_module(text), ""
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of libcst's native parser is no Exception
        return None, str(getattr(error, "message", None) or error)


def _failure(text: str, refusal: str) -> SyntaxFailure:
    """Say what is wrong with ``text``, in CPython's words where CPython refuses it too: they are made for people."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<text>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as error:
        offset = _offset(text, error.lineno or 1, (error.offset or 1) - 1)
        return SyntaxFailure(offset, f"not valid Python: {_clause(error.msg)}")
    except Exception as error:  # CPython's own limits, and characters that are no text
        return SyntaxFailure(0, f"not valid Python: {_clause(str(error))}")
    return SyntaxFailure(_refused_at(text, refusal), f"not understood by libcst: {_clause(refusal)}")


def compiles(text: str) -> bool:
    """Say whether the Python that runs takes the text: libcst has nothing against an argument that is passed twice."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<text>", "exec", dont_inherit=True)
    except Exception:  # SyntaxError, and CPython's own limits
        return False
    return True


def _clause(message: str) -> str:
    """Shorten a message to one line of which the end is not cut within a word."""
    line = " ".join(message.split())
    return line if len(line) <= 120 else line[:120].rpartition(" ")[0] + " …"


def _refused_at(text: str, refusal: str) -> int:
    """Find the place that libcst's message names; 0 if it names none."""
    match = re.search(r"error at (\d+):(\d+)", refusal)
    return _offset(text, int(match[1]), int(match[2]) - 1) if match else 0


def _offset(text: str, row: int, column: int) -> int:
    """Turn a row from 1 and a column from 0 into an offset, the end of the text if it is beyond."""
    starts = _line_starts(text)
    start = starts[min(row, len(starts)) - 1]
    stop = starts[row] - 1 if row < len(starts) else len(text)
    return max(start, min(start + max(column, 0), stop))


def _line_starts(text: str) -> list[int]:
    """Give the offsets at which lines begin, as Python counts lines."""
    return [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]


# Words that are never a Name in a tree.
_KEYWORDS = frozenset(keyword.kwlist) - {"True", "False", "None"}
_Spans = dict[cst.CSTNode, tuple[int, int]]


def _aligned(module: cst.Module | None, text: str) -> _Spans:
    """Pair the names and strings of a tree with the tokens of its text; empty if they do not match one to one."""
    nodes, values = _expected(module)
    found = list(_words(text))
    if values != [text[start:end] for start, end in found]:
        return {}
    return {node: span for node, span in zip(nodes, found, strict=True) if node is not None}


def _words(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of the names that are no keywords, and of the strings; within f-strings those of their fields."""
    for kind, start, end in tokens.scan(text):
        if kind == "name":
            if text[start:end] not in _KEYWORDS:
                yield start, end
        elif kind == "string":
            fields = None if text[start] in "'\"" else tokens.fields(text, start)
            if fields is None:
                yield start, end
            else:
                yield from _words_in_fields(text, fields)


def _words_in_fields(text: str, fields: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the spans of the names and strings among the tokens in an f-string's fields."""
    conversion = False
    for start, end in fields:
        first = text[start]
        if (first.isidentifier() or first > "\x7f" or first in "'\"") and not conversion:
            if text[start:end] not in _KEYWORDS:
                yield start, end
        conversion = text[start:end] == "!"


def _expected(module: cst.Module | None) -> tuple[list[cst.CSTNode | None], list[str]]:
    """Give a tree's names and strings and how they read, in source order; None stands for a word without a node."""
    nodes: list[cst.CSTNode | None] = []
    values: list[str] = []
    for node in tree.walk(module) if module else ():
        kind = node.__class__
        if kind is cst.Name or kind is cst.SimpleString:
            nodes.append(node)
            values.append(node.value)  # type: ignore[attr-defined]
        elif kind in _SOFT:
            word = _SOFT[kind]
            # A pattern without a name is written `_`.
            if word != "_" or (node.name is None and getattr(node, "pattern", None) is None):  # type: ignore[attr-defined]
                nodes.append(None)
                values.append(word)
    return nodes, values


# Soft keywords and the wildcard are names to the scanner. By name, since older releases of libcst lack some.
_SOFT: dict[type[cst.CSTNode], str] = {
    getattr(cst, name): word
    for name, word in {
        "Match": "match",
        "MatchCase": "case",
        "MatchAs": "_",
        "MatchStar": "_",
        "TypeAlias": "type",
        "LazyImport": "lazy",
        "LazyImportFrom": "lazy",
    }.items()
    if hasattr(cst, name)
}


def _provided(module: cst.Module | None, text: str) -> _Spans:
    """Ask libcst for the positions of all names and strings: many times slower, and only for trees of modest depth."""
    from libcst.metadata import MetadataWrapper, PositionProvider

    if module is None:
        return {}
    try:
        positions = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    except RecursionError:
        return {}
    starts = _line_starts(text)
    spans: _Spans = {}
    for node, position in positions.items():
        if isinstance(node, (cst.Name, cst.SimpleString)) and position.start.line <= len(starts):
            start = starts[position.start.line - 1] + position.start.column
            if text.startswith(node.value, start):
                spans[node] = (start, start + len(node.value))
    return spans


__all__ = ["Parsed", "SyntaxFailure", "parse"]
