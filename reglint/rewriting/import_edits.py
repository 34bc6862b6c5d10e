"""Edits of import statements: names that come, names that leave, lines that are new."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import libcst as cst

from reglint.findings import Edit
from reglint.tokens import Token
from reglint.tree import walk
from reglint.usage.file import File

_LINE_END = re.compile(r"\r\n|\r|\n")

Statement = cst.Import | cst.ImportFrom


class _Company(NamedTuple):
    """How many lines the block of a statement has, and how many statements its line."""

    in_block: int
    on_line: int


def aliases(statement: cst.CSTNode | None) -> Sequence[cst.ImportAlias]:
    """What an import statement names; nothing for ``*``."""
    if not isinstance(statement, (cst.Import, cst.ImportFrom)) or isinstance(statement.names, cst.ImportStar):
        return ()
    return statement.names


def alias_span(file: File, alias: cst.ImportAlias) -> tuple[int, int]:
    """Where ``a.b as c`` starts and ends."""
    first: cst.BaseExpression = alias.name
    while isinstance(first, cst.Attribute):
        first = first.value
    name = alias.asname.name if alias.asname is not None else alias.name
    last = name.attr if isinstance(name, cst.Attribute) else name
    assert isinstance(first, cst.Name) and isinstance(last, cst.Name)
    return file.span(first)[0], file.span(last)[1]


def changed(file: File, statement: Statement, leaving: Sequence[cst.ImportAlias], coming: Sequence[str]) -> list[Edit]:
    """The edits by which some names of a statement leave and others come; none where it can't be edited.

    A statement without a name left is taken out with its line, if it has that to itself.
    """
    every = aliases(statement)
    staying = [alias for alias in every if not any(alias is gone for gone in leaving)]
    text = file.source.text
    if not every:
        return []
    start, end = alias_span(file, every[0])[0], alias_span(file, every[-1])[1]
    if not staying:
        if coming:
            return [] if "#" in text[start:end] else [file.replace(start, end, ", ".join(coming))]
        line = without_line(file, statement)
        return [] if line is None else [line]
    edits = list(_cuts(file, every, staying))
    if any("#" in edit.expected for edit in edits):
        return []
    return [*edits, file.replace(end, end, _joined(file, every, coming))] if coming else edits


def added_below(file: File, statement: Statement, lines: Sequence[str]) -> Edit | None:
    """An edit that adds lines below the one on which a statement ends; None where other statements share it."""
    bounds = _bounds(file, statement)
    if bounds is None:
        return None
    start, last = bounds
    _, end = file.source.line_bounds(last)
    return file.replace(end, end, "".join(_new_line(file, start) + line for line in lines))


def rewritten(file: File, statement: Statement, lines: Sequence[str]) -> Edit | None:
    """An edit that puts lines in the place of a statement; None where other statements share its line."""
    bounds = _bounds(file, statement)
    if bounds is None or "#" in file.source.text[slice(*bounds)]:
        return None
    return file.replace(*bounds, _new_line(file, bounds[0]).join(lines))


def newline(file: File) -> str:
    """How lines end in a file."""
    found = _LINE_END.search(file.source.text)
    return found[0] if found else "\n"


def _cuts(file: File, every: Sequence[cst.ImportAlias], staying: Sequence[cst.ImportAlias]) -> Iterator[Edit]:
    """What takes out the names that do not stay, with the commas that they leave behind."""
    before: cst.ImportAlias | None = None
    for rank, alias in enumerate(every):
        if alias in staying:
            before = alias
        elif before is not None:
            yield file.replace(alias_span(file, every[rank - 1])[1], alias_span(file, alias)[1], "")
        else:
            yield file.replace(alias_span(file, alias)[0], alias_span(file, every[rank + 1])[0], "")


def _joined(file: File, every: Sequence[cst.ImportAlias], coming: Sequence[str]) -> str:
    """What stands behind the last name for others to come: on lines of their own where all names are."""
    text = file.source.text
    start, _ = alias_span(file, every[-1])
    line, _ = file.source.line_bounds(start)
    own = text[line:start]
    glue = f",{newline(file)}{own}" if len(every) > 1 and not own.strip() and _one_a_line(file, every) else ", "
    return "".join(glue + name for name in coming)


def _one_a_line(file: File, every: Sequence[cst.ImportAlias]) -> bool:
    lines = [file.source.line_bounds(alias_span(file, alias)[0])[0] for alias in every]
    return len(set(lines)) == len(lines)


def without_line(file: File, statement: Statement) -> Edit | None:
    """An edit that takes out the lines of a statement; None if others share them or it is all of its block."""
    company = _company(file, statement)
    bounds = _bounds(file, statement)
    if company is None or bounds is None or company.in_block < 2:
        return None
    text = file.source.text
    start, _ = file.source.line_bounds(bounds[0])
    _, end = file.source.line_bounds(bounds[1])
    after = _LINE_END.match(text, end)
    if "#" in text[bounds[0] : end] or text[bounds[1] : end].strip() or after is None:
        return None
    return file.replace(start, after.end(), "")


def _bounds(file: File, statement: Statement) -> tuple[int, int] | None:
    """Where a statement starts and ends that has its lines to itself; None for others."""
    company = _company(file, statement)
    first = _first_token(file, statement)
    if company is None or company.on_line > 1 or first is None:
        return None
    start, _ = file.source.line_bounds(first)
    if file.source.text[start:first].strip():
        return None
    every = aliases(statement)
    return first, _last_token(file, statement, alias_span(file, every[-1])[1]) if every else _star(file, first)


def _new_line(file: File, at: int) -> str:
    """A line end, and the indentation of the statement that starts at ``at``."""
    start, _ = file.source.line_bounds(at)
    return newline(file) + file.source.text[start:at]


def _company(file: File, statement: Statement) -> _Company | None:
    def collect() -> dict[cst.CSTNode, _Company]:
        blocks = (node for node in walk(file.names.tree) if isinstance(node, (cst.Module, cst.IndentedBlock)))
        lines = ((block, line) for block in blocks for line in block.body)
        return {
            node: _Company(len(block.body), len(line.body))
            for block, line in lines
            if isinstance(line, cst.SimpleStatementLine)
            for node in line.body
        }

    found: dict[cst.CSTNode, _Company] = file.remembered("statements", collect)
    return found.get(statement)


def _first_token(file: File, statement: Statement) -> int | None:
    """Where the ``import`` or ``from`` of a statement starts."""
    every = aliases(statement)
    if isinstance(statement, cst.ImportFrom) and statement.module is not None:
        node: cst.BaseExpression = statement.module
        while isinstance(node, cst.Attribute):
            node = node.value
        assert isinstance(node, cst.Name)
        at = file.span(node)[0]
    elif every:
        at = alias_span(file, every[0])[0]
    else:
        return None
    text = file.source.text
    word = "from" if isinstance(statement, cst.ImportFrom) else "import"
    rank = bisect_left(file.tokens, at, key=_start)
    return next((t.start for t in reversed(file.tokens[:rank]) if text[t.start : t.end] == word), None)


def _last_token(file: File, statement: Statement, end: int) -> int:
    """Where a statement ends whose last name ends at ``end``: behind the bracket that closes it, if one does."""
    text = file.source.text
    for token in file.tokens[bisect_left(file.tokens, end, key=_start) :]:
        word = text[token.start : token.end]
        if word == ")" and isinstance(statement, cst.ImportFrom) and statement.rpar is not None:
            return token.end
        if word != ",":
            break
    return end


def _star(file: File, first: int) -> int:
    """Where ``from … import *`` ends that starts at ``first``."""
    rank = bisect_left(file.tokens, first, key=_start)
    return next(t.end for t in file.tokens[rank:] if file.source.text[t.start : t.end] == "*")


def _start(token: Token) -> int:
    return token.start
