"""The same program in other bytes: line ends, encodings, marks, tabs, ends of the file, and what stands around it.

A dress is a function of a text that keeps its meaning. Dressing a program and mending it must give what mending it and
dressing it gives: so every byte that is no fix's business is checked without asking the fix where it edited. Where a
fix writes lines of its own, blanks at the ends of lines are the one thing that it need not imitate.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from reglint.tokens import scan

Text = Callable[[str], str]


@dataclass(frozen=True)
class Dress:
    """What is done to a text, then to its line ends, and how it is written."""

    names: tuple[str, ...]
    text: tuple[Text, ...]
    line_end: str = "\n"
    encoding: str = "utf-8"
    mark: bytes = b""

    def __call__(self, text: str) -> bytes:
        for change in self.text:
            text = change(text)
        return self.mark + text.replace("\n", self.line_end).encode(self.encoding)

    def __str__(self) -> str:
        return ", ".join(self.names)

    def same(self, one: bytes, other: bytes) -> bool:
        """Say whether two files are the same, but for what this dress puts at the ends of lines."""
        if "blanks at line ends" in self.names:
            one, other = (re.sub(rb" +(?=[\r\n]|$)", b"", raw) for raw in (one, other))
        return one == other


def _with_tabs(text: str) -> str:
    return re.sub(r"^(?: {4})+", lambda match: "\t" * (len(match[0]) // 4), text, flags=re.MULTILINE)


def _with_form_feeds(text: str) -> str:
    """A form feed before each top-level statement that begins a block, as old files have one before each page."""
    return "\f" + re.sub(r"^(?=def |class |if |for |import |from |#)", "\f", text, flags=re.MULTILINE).lstrip("\f")


def _with_form_feed_lines(text: str) -> str:
    return re.sub(r"^(?=def |class |@)", "\f\n", text, flags=re.MULTILINE)


def _after(head: str) -> Text:
    return lambda text: head + text


def _before(tail: str) -> Text:
    return lambda text: text.rstrip("\n") + "\n" + tail


LINE_ENDS: Mapping[str, str] = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}

#: Name → what is written in front, the encoding of the file, and the bytes before all.
ENCODINGS: Mapping[str, tuple[str, str, bytes]] = {
    "ascii": ("", "utf-8", b""),
    "utf-8": ("# ñ 漢字 🙂 e\u0301 \u2028 \ufeff \x85\n", "utf-8", b""),
    "utf-8 with mark": ("# ñ 漢字 🙂\n", "utf-8", codecs.BOM_UTF8),
    "utf-8 with mark and cookie": ("# -*- coding: utf-8 -*-\n# ñ\n", "utf-8", codecs.BOM_UTF8),
    "latin-1": ("# -*- coding: latin-1 -*-\n# \xf1 \x85 \xa0\n", "latin-1", b""),
    "latin-1 below a shebang": (
        "#!/usr/bin/env python\n# vim: set fileencoding=iso-8859-1 :\n# \xf1\n",
        "latin-1",
        b"",
    ),
    "cp1252": ("# coding: cp1252\n# \u201cquoted\u201d\n", "cp1252", b""),
    "koi8-r": ("# coding: koi8-r\n# Привет\n", "koi8-r", b""),
    "shift_jis": ("# -*- coding: shift_jis -*-\n# 表ソ能\n", "shift_jis", b""),
    "gb18030": ("# coding: gb18030\n# 漢字🙂\n", "gb18030", b""),
    "big5": ("# coding: big5\n# 功許\n", "big5", b""),
}

TEXTS: Mapping[str, Text] = {
    "as it is": lambda text: text,
    "tabs": _with_tabs,
    "form feeds": _with_form_feeds,
    "form feeds on lines of their own": _with_form_feed_lines,
    "blanks at line ends": lambda text: re.sub(r"(?<=[^\s\\])$", "  ", text, flags=re.MULTILINE),
    "a docstring": _after('"""W_regularizer, said only.\n\n\tDense(W_regularizer=1)\n"""\n'),
    "the newest syntax": _before(
        "match object():\n    case int(W_regularizer) | [*W_regularizer]:\n        pass\n"
        "def newest[T](x, /, *, y: T) -> T:\n    return (z := f\"{x!r:>{10}} {'a' if y else f'{y}'}\")\n"
    ),
    "Python 2": _before(
        'print "old", `1` <> 0777, ur"x"\ntry:\n    exec "W = 1" in {}\nexcept Exception, e:\n    raise\n'
    ),
}

ENDS: Mapping[str, Text] = {
    "one line end": lambda text: text,
    "none": lambda text: text.rstrip("\n"),
    "many": lambda text: text + "\n\n \n\t\n",
    "a comment": lambda text: text + "# W_regularizer",
    "a form feed": lambda text: text + "\f",
}


def everything() -> Iterator[Dress]:
    """Every line end with every encoding, text and end of the file."""
    for line_end, encoding, text, end in product(LINE_ENDS, ENCODINGS, TEXTS, ENDS):
        head, codec, mark = ENCODINGS[encoding]
        yield Dress(
            (line_end, encoding, text, end), (TEXTS[text], ENDS[end], _after(head)), LINE_ENDS[line_end], codec, mark
        )


# --- what stands between the tokens of a call

GAPS: Mapping[str, str] = {
    "blanks": "  \t ",
    "a comment": "  # W_regularizer=1, l1l2(\n",
    "an empty line": "\n\n",
    "a continued line": "\\\n",
    "a form feed": "\f",
    "a comment of other scripts": "# ñ 漢字 🙂\n",
}


def with_gaps(text: str, gap: str, step: int = 1, first: int = 0) -> str:
    """The text with a gap before every token inside of brackets, or before every ``step``-th of them."""
    places: list[int] = []
    depth = 0
    for token in scan(text):
        word = text[token.start : token.end]
        if depth > 0 and token.kind not in ("newline", "comment", "space"):
            places.append(token.start)
        depth += (word in ("(", "[", "{")) - (word in (")", "]", "}"))
    for place in reversed(places[first::step]):
        text = text[:place] + gap + text[place:]
    return text
