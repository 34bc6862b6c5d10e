"""Python 2 text, masked so that a Python 3 parser reads it and every name and string keeps its place.

What only Python 2 knows is replaced by Python 3 of the same width that parses, not by what means the same: ``print x``
becomes ``... ;x``, ``except E, e:`` becomes ``except E| e:``. Names and strings stay as they are, so that whoever reads
the tree finds them where they stand in the file. This is tried only after a parser has refused the file.
"""

from __future__ import annotations

import keyword
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reglint.tokens import Token, scan


@dataclass(frozen=True)
class Masked:
    """Text for the parser. ``stretches`` pairs offsets in ``text`` and in the original from which on both run alike."""

    text: str
    stretches: tuple[tuple[int, int], ...] = ((0, 0),)

    def original(self, offset: int) -> int:
        """Takes an offset in the masked text; returns the same place in the original."""
        masked, original = self.stretches[bisect_right(self.stretches, (offset, len(self.text))) - 1]
        return original + offset - masked


def masks(text: str) -> Iterator[Masked]:
    """Takes text that is not Python 3; yields what may parse in its stead, the least changed first."""
    tokens = scan(text)
    masked = _Mask(text, tokens).result()
    if masked != text:
        yield Masked(masked)
    expanded = _tabs_expanded(masked, tokens)
    if expanded is not None:
        yield expanded


class _Mask:
    """The tokens of a text that matter, and the text as it gets masked."""

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self.text = text
        self.pieces: list[tuple[int, str]] = []
        self.tokens: list[Token] = []
        self.words: list[str] = []
        self.partner: dict[int, int] = {}
        self.backticks: list[tuple[int, bool]] = []
        self._index(tokens)

    def _index(self, tokens: Sequence[Token]) -> None:
        """Keep the tokens that make up statements, and pair their brackets, backticks included."""
        open_: list[int] = []
        for token in tokens:
            if token.kind == "comment" or (token.kind == "newline" and open_):
                continue
            index = len(self.tokens)
            word = self.text[token.start : token.end]
            if word == "`":
                closes = bool(open_) and self.words[open_[-1]] == "`" and self._ends_operand(index - 1)
                self.backticks.append((token.start, closes))
            else:
                closes = word in _CLOSING
            self.tokens.append(token)
            self.words.append(word)
            if closes and open_:
                first = open_.pop()
                self.partner[first] = index
                self.partner[index] = first
            elif not closes and (word == "`" or word in _OPENING):
                open_.append(index)

    def _ends_operand(self, index: int) -> bool:
        """Tell whether the token can be the last of an operand, so that a backtick after it closes."""
        kind, word = self.tokens[index].kind, self.words[index]
        if kind == "name":
            return word not in _WORDS
        if word == "`":
            return self.backticks[-1][1]
        return kind in ("number", "string") or word in _CLOSING

    def result(self) -> str:
        """Give the masked text, exactly as long as the original."""
        statements = list(self._statements())
        prints = not any(self._imports_print(first, last) for first, last in statements)
        for first, last in statements:
            self._statement(first, last, prints)
        for index, (kind, _, _) in enumerate(self.tokens):
            if kind == "name":
                self._name(index)
            elif kind == "number":
                self._number(index)
            elif kind == "string":
                self._string(index)
            elif self.words[index] == "<>":
                self._put(index, "!=")
            elif self.words[index] == "[":
                self._list(index)
        self.pieces += [(start, ")" if closes else "(") for start, closes in self.backticks]
        return self._joined()

    def _joined(self) -> str:
        """Put the pieces into the text."""
        parts = []
        end = 0
        for start, content in sorted(dict(self.pieces).items()):
            parts += [self.text[end:start], content]
            end = start + len(content)
        return "".join([*parts, self.text[end:]])

    def _put(self, index: int, content: str) -> None:
        """Replace a whole token."""
        assert len(content) == len(self.words[index])
        self.pieces.append((self.tokens[index].start, content))

    def _statements(self) -> Iterator[tuple[int, int]]:
        """Yield first and last token (not included) of every simple statement and every head of a compound one."""
        first = index = lambdas = 0
        while index < len(self.tokens):
            word = self.words[index]
            if word == "lambda":
                lambdas += 1
            elif word == ":" and lambdas:
                lambdas -= 1
            elif word in (":", ";") or self.tokens[index].kind == "newline":
                if index > first:
                    yield first, index
                first, lambdas = index + 1, 0
            index = self._next(index)
        if index > first:
            yield first, len(self.tokens)

    def _next(self, index: int) -> int:
        """Go to the next token on the same level: past the partner of an opening bracket."""
        return max(index, self.partner.get(index, index)) + 1

    def _level(self, first: int, last: int) -> Iterator[int]:
        """Yield the tokens from ``first`` to ``last`` (not included) that are in no further brackets."""
        while first < last:
            yield first
            first = self._next(first)

    def _imports_print(self, first: int, last: int) -> bool:
        """Tell whether a statement is ``from __future__ import print_function``, alone or among others."""
        return self.words[first : first + 2] == ["from", "__future__"] and "print_function" in self.words[first:last]

    def _statement(self, first: int, last: int, prints: bool) -> None:
        """Mask what is special about a statement as a whole."""
        word = self.words[first]
        following = self.words[first + 1] if first + 1 < last else ""
        if word == "print" and prints and following and self._starts_operand(first + 1):
            self._put(first, "... ;")
        elif word == "exec" and following and self._starts_operand(first + 1):
            self._put(first, "...;")
        elif word == "raise":
            for index in self._level(first, last):
                if self.words[index] == ",":
                    self._put(index, ";")
        elif word == "except":
            comma = next((index for index in self._level(first, last) if self.words[index] == ","), None)
            if comma is not None:
                self._put(comma, "|")
        elif word == "def" and self.words[first + 2 : first + 3] == ["("]:
            self._parameters(first + 3, self.partner.get(first + 2, last))
        elif word in ("True", "False", "("):
            self._targets(first, last)

    def _starts_operand(self, index: int) -> bool:
        """Tell whether a statement's keyword is followed by what no name could be followed by.

        ``print (x)``, ``print -x`` and ``print >>f, x`` are left alone: Python 3 can parse them.
        """
        kind, word = self.tokens[index].kind, self.words[index]
        if kind == "name":
            return word not in ("in", "is", "and", "or", "if", "else", "for", "as")
        return kind in ("number", "string") or word in ("`", "[", "{", "~")

    def _parameters(self, first: int, last: int) -> None:
        """Mask tuples among parameters: ``(b, c)`` to `` b, c ``, or to one name where defaults forbid that."""
        default = False
        index = first
        while index < last:
            end = next((i for i in self._level(index, last) if self.words[i] == ","), last)
            default = default or any(self.words[i] == "=" for i in self._level(index, end))
            if self.words[index] == "(" and index in self.partner:
                self._tuple_parameter(index, self.partner[index], default)
            index = end + 1

    def _tuple_parameter(self, first: int, last: int, default: bool) -> None:
        """Mask one tuple of parameters."""
        start, end = self.tokens[first].start, self.tokens[last].end
        if default and "\n" not in self.text[start:end]:
            name = re.sub(r"\W", "_", self.text[start:end])
            # `lambda(a, b)=x` must not grow into one name.
            glued = start > 0 and (self.text[start - 1].isalnum() or self.text[start - 1] == "_")
            self.pieces.append((start, " " + name[1:] if glued else name))
            return
        for index in range(first, last + 1):
            trailing = self.words[index] == "," and self.words[index + 1] == ")"
            if trailing or self.words[index] in ("(", ")"):
                self._put(index, " ")

    def _targets(self, first: int, last: int) -> None:
        """Mask ``True`` and ``False`` where values are assigned to them: ``True, False = 1, 0``."""
        equal = max((index for index in self._level(first, last) if self.words[index] == "="), default=first)
        for index in range(first, equal):
            if self.words[index] in _RENAMED and self.words[index + 1] in (",", ")"):
                self._rename(index)

    def _rename(self, index: int) -> None:
        """Turn a keyword of Python 3 into a name of the same width."""
        self._put(index, _RENAMED[self.words[index]])

    def _name(self, index: int) -> None:
        """Mask what begins with a name: lambdas with tuples, and keywords of Python 3 that are just names here."""
        word = self.words[index]
        if word == "lambda":
            self._parameters(index + 1, self._colon(index))
            return
        if word not in _RENAMED:
            return
        before = self.words[index - 1] if index else ""
        after = self.words[index + 1] if index + 1 < len(self.words) else ""
        if before in (".", "def", "class", "import", "as", "global"):
            self._rename(index)
        elif word in ("True", "False"):
            if after == "=":
                self._rename(index)
        elif word == "async":
            if after not in ("def", "for", "with"):
                self._rename(index)
        elif not after or not (self._starts_operand(index + 1) or after in ("(", "-", "+")) or after in _WORDS:
            self._rename(index)

    def _colon(self, index: int) -> int:
        """Find the colon that ends the parameters of a lambda."""
        lambdas = 0
        for i in self._level(index, len(self.tokens)):
            word = self.words[i]
            if word == "lambda":
                lambdas += 1
            elif word == ":":
                lambdas -= 1
                if not lambdas:
                    return i
            elif word in _CLOSING or self.tokens[i].kind == "newline":
                return i
        return index

    def _number(self, index: int) -> None:
        """Mask ``0777`` and ``10L``: the same number with blanks behind it."""
        word = self.words[index]
        number = word.rstrip("lL")
        if number.isdigit() and number[0] == "0" and number.strip("0") and not number.strip("01234567"):
            number = str(int(number, 8))
        if number != word:
            self._put(index, number.ljust(len(word)))

    def _string(self, index: int) -> None:
        """Mask ``ur''``, and ``b''`` beside a string of text: Python 3 joins only strings of one kind."""
        word = self.words[index]
        prefix = _PREFIX.match(word)
        mark = prefix[0].lower() if prefix else ""
        if mark == "ur":
            self.pieces.append((self.tokens[index].start, "br" if self._chain(index) != {False} else " r"))
        elif "b" in mark and False in self._chain(index):
            self.pieces.append((self.tokens[index].start, "u" if mark == "b" else " r"))

    def _chain(self, index: int) -> set[bool]:
        """Tell of the other strings joined to this one whether they are bytes (``ur''`` counts as neither)."""
        first = last = index
        while first > 0 and self.tokens[first - 1].kind == "string":
            first -= 1
        while last + 1 < len(self.tokens) and self.tokens[last + 1].kind == "string":
            last += 1
        marks = [self.words[i].lower()[:2] for i in range(first, last + 1) if i != index]
        return {"b" in mark.split("'")[0].split('"')[0] for mark in marks if mark != "ur"}

    def _list(self, index: int) -> None:
        """Mask the commas of ``[x for x in 1, 2]``."""
        loop = False
        last = self.partner.get(index, index)
        for i in self._level(index + 1, last):
            word = self.words[i]
            if word == "in":
                loop = True
            elif word in ("for", "if"):
                loop = False
            elif word == "," and loop and self._has_for(index, i):
                self._put(i, " " if self.words[i + 1] in ("]", "for", "if") else "|")

    def _has_for(self, first: int, last: int) -> bool:
        """Tell whether a comprehension begins between two tokens."""
        return any(self.words[i] == "for" for i in self._level(first + 1, last))


_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")
_PREFIX = re.compile("[A-Za-z]+")
# Names of Python 2 that are keywords of Python 3, and names of the same width that nobody uses.
_RENAMED = {"async": "asyn_", "await": "awai_", "nonlocal": "nonloca_", "True": "Tru_", "False": "Fals_"}
# Keywords that an operand cannot end with.
_WORDS = frozenset(keyword.kwlist) - {*_RENAMED, "None"} | {"exec", "print"}


def _tabs_expanded(text: str, tokens: Sequence[Token]) -> Masked | None:
    """Expand the tabs that statements are indented with, to multiples of 8 as Python 2 does; None if there are none."""
    parts: list[str] = []
    stretches = [(0, 0)]
    end = length = 0
    for start in _line_starts(text, tokens):
        indent = _INDENT.match(text, start)
        if indent is None or "\t" not in indent[0]:
            continue
        # A form feed starts the count anew.
        blanks = " " * len(indent[0].rpartition("\f")[2].expandtabs(8))
        parts += [text[end:start], blanks]
        length += start - end + len(blanks)
        end = indent.end()
        stretches.append((length, end))
    return Masked("".join([*parts, text[end:]]), tuple(stretches)) if parts else None


_INDENT = re.compile(r"[ \t\f]+")


def _line_starts(text: str, tokens: Sequence[Token]) -> Iterator[int]:
    """Yield where lines begin that may begin a statement."""
    yield 0
    depth = 0
    for kind, start, end in tokens:
        if kind == "op":
            depth += (text[start] in _OPENING) - (text[start] in _CLOSING)
        elif kind == "newline" and depth <= 0:
            yield end
