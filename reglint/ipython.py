"""What IPython makes of a notebook's cell before Python sees it.

It takes off a common indent or pasted prompts, asks a cell magic whether the cell is Python at all, and takes
``%magic``, ``!shell`` and ``help?`` lines for itself. Here these are masked by something valid of the same width, so
that all else keeps its place.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from reglint.findings import Edit
from reglint.lines import LINE_END, line_starts

_PROMPT = re.compile(r"(?:>>>|\.\.\.)(?: |(?=[\r\n])|$)|In \[\d+\]: |\s*\.{3,}: ?")
_FIRST_PROMPT = re.compile(r">>>(?: |(?=[\r\n])|$)|In \[\d+\]: ")


def bare(source: str) -> tuple[str, list[tuple[int, int]]]:
    """Takes a cell's source; returns it without the indent or prompts that IPython takes off, and the ranges kept."""
    first = re.search(r"^([ \t]*)[^ \t\r\n]", source, re.MULTILINE)
    indent = first[1] if first else ""
    prompted = first is not None and _FIRST_PROMPT.match(source, first.end() - 1) is not None
    if not indent and not prompted:
        return source, [(0, len(source))]
    starts = line_starts(source)
    kept = [
        (start + _taken_off(source[start:end], indent, prompted), end)
        for start, end in zip(starts, [*starts[1:], len(source)], strict=True)
    ]
    return "".join(source[start:end] for start, end in kept), kept


def _taken_off(line: str, indent: str, prompted: bool) -> int:
    """Takes a line of a cell; returns how many characters at its start IPython takes off."""
    width = len(indent) if line.startswith(indent) else 0
    match = _PROMPT.match(line, width) if prompted else None
    return match.end() if match else width


# Comments before a cell magic are forgiven, as some front ends do.
_CELL_MAGIC = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*(?=[\r\n]))*(%%([^\s?]*)(?!\S*\?)[^\r\n]*)")
# Cell magics that run the cell as Python, here or elsewhere, but with the notebook's names.
_PYTHON_CELL_MAGIC = re.compile(
    "time|timeit|capture|prun|memit|mprun|lprun|snakeviz|pyinstrument|scalene|heat|debug|px|local|cache|wandb|notify"
    "|ipytest|run_pytest|pycodestyle|flake8|black"
)
# Databricks: one percent sign, alone on the first line, and another language below.
_FOREIGN_CELL = re.compile(r"\s*%(?:sql|md|md-sandbox|sh|scala|r|fs)[ \t]*(?:[\r\n]|\Z)")
_PYTHON_LINE_MAGIC = re.compile(
    r"%(?:time|timeit|prun|memit)[ \t]+(?:-(?:[nrp][ \t]*\d+|[otcq]+|-no-raise-error)[ \t]+)*(?=\S)"
)
_ESCAPES = re.compile(r"[%!?]|^[ \t]*[,;/]", re.MULTILINE)
_TOKEN = re.compile(
    r'''
      (?P<string>
          """[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*(?:"""|\Z)
        | \'\'\'[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*(?:\'\'\'|\Z)
        | "[^"\\\r\n]*(?:\\(?:\r\n|.)[^"\\\r\n]*)*"?
        | '[^'\\\r\n]*(?:\\(?:\r\n|.)[^'\\\r\n]*)*'? )
    | (?P<blank>[ \t\f]+|\#[^\r\n]*|\\(?:\r\n|\r|\n))
    | (?P<newline>\r\n|\r|\n)
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<other>\w+|!=|.)
    ''',
    re.VERBOSE | re.DOTALL,
)


def masks(text: str) -> Iterator[Edit]:
    """Takes the text of a cell; yields a mask for each part of it that is no Python, in order."""
    if not _ESCAPES.search(text):
        return
    start = 0
    if _FOREIGN_CELL.match(text):
        yield _mask(text, 0, len(text), "")
        return
    while magic := _CELL_MAGIC.match(text, start):
        if magic[2] and not _PYTHON_CELL_MAGIC.fullmatch(magic[2]):
            yield _mask(text, magic.start(1), len(text), "")
            return
        yield _mask(text, magic.start(1), magic.end(), "0")
        start = magic.end()
    yield from _line_masks(text, start)


def _line_masks(text: str, position: int) -> Iterator[Edit]:
    """Takes the text of a cell and where its Python begins; yields a mask for each magic, shell and help line."""
    depth = 0
    statement = position
    before = ""  # the last character of the logical line so far that is neither space nor comment
    while token := _TOKEN.match(text, position):
        kind, end = token.lastgroup, token.end()
        if kind == "newline" and depth == 0:
            if before == "?":
                yield _mask(text, statement, position, "0")
            before = ""
        elif depth == 0 and _escapes_here(token[0], before):
            end = _end_of_escape(text, position)
            yield _escape_mask(text, position, end, before)
            before = "0"
        elif kind not in ("newline", "blank"):
            if before == "":
                statement = position
            depth = depth + 1 if kind == "open" else max(depth - 1, 0) if kind == "close" else depth
            before = token[0][-1] if kind != "string" else "0"
        position = end
    if before == "?" and depth == 0:
        yield _mask(text, statement, len(text), "0")


def _escapes_here(token: str, before: str) -> bool:
    """Takes a token and the character before it; says whether IPython takes the rest of the line for itself.

    Python has no operand that begins with ``%`` or ``!``, so nothing valid is lost after ``=``, ``:`` and ``;``.
    """
    return token in ("%!?,;/" if before == "" else "%!" if before in "=:;" else "")


def _end_of_escape(text: str, start: int) -> int:
    """Takes where a magic or shell line begins; returns its end, over lines that end in a backslash."""
    for match in LINE_END.finditer(text, start):
        if text[match.start() - 1] != "\\":
            return match.start()
    return len(text)


def _escape_mask(text: str, start: int, end: int, before: str) -> Edit:
    """Takes the range of a magic or shell line; returns its mask; the Python of ``%time f(x)`` stays."""
    magic = _PYTHON_LINE_MAGIC.match(text, start, end)
    if magic and before == "" and _is_python(text[magic.end() : end], "exec"):
        return _mask(text, start, magic.end(), "0;")
    if magic and before == "=" and _is_python(text[magic.end() : end], "eval"):
        return _mask(text, start, magic.end(), "")
    return _mask(text, start, end, "0")


def _is_python(code: str, mode: str) -> bool:
    """Takes one line of code; says whether Python can read it behind another statement on the same line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse("0;" + code if mode == "exec" else code, mode=mode)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _mask(text: str, start: int, end: int, content: str) -> Edit:
    """Takes a range of a cell's text; returns its mask: ``content``, then spaces; line ends stay."""
    expected = text[start:end]
    return Edit(start, end, expected, content + re.sub(r"[^\r\n]", " ", expected[len(content) :]))
