"""A linear scan of Python text, 2 or 3, that never fails, and the test for what libcst cannot survive.

The scanner serves where a tree is too slow or not to be had: aligning names with their places, masking Python 2,
comparing two texts token by token. This module does not import libcst.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# As in CPython's own tokenizer, anything beyond ASCII belongs to a name (`\w` alone would split names at combining
# marks).
_NAME = r"[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*"
_NUMBER = (
    r"0[xX](?:_?[0-9a-fA-F])+[lL]?|0[bB](?:_?[01])+[lL]?|0[oO](?:_?[0-7])+[lL]?"
    r"|(?:[0-9][0-9_]*(?:\.(?:[0-9][0-9_]*)?)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?[jJlL]?"
)
_PREFIX = r"(?:[rR][bBfFtT]?|[bBfFtTuU][rR]?)?"
_ESCAPE = r"\\(?:\r\n|[\s\S])"
# Unrolled loops without ambiguity: an unterminated literal costs one more pass over its text, not a quadratic search.
_STRING = (
    rf"""{_PREFIX}(?:'''[^'\\]*(?:(?:{_ESCAPE}|'(?!''))[^'\\]*)*'''"""
    rf"""|\"\"\"[^"\\]*(?:(?:{_ESCAPE}|"(?!""))[^"\\]*)*\"\"\""""
    rf"""|'(?!'')[^'\\\r\n]*(?:{_ESCAPE}[^'\\\r\n]*)*'"""
    rf"""|"(?!"")[^"\\\r\n]*(?:{_ESCAPE}[^"\\\r\n]*)*")"""
)
# Longest first. `<>` and the backtick are Python 2's; `->`, `:=` and `@=` Python 3's.
_OP = r"\*\*=|//=|>>=|<<=|\.\.\.|\*\*|//|>>|<<|<>|->|:=|[-+*/%&|^@=!<>]=|\.(?![0-9])|[-+*/%&|^=<>@()\[\]{},:;~`]"
_COMMENT = r"#[^\r\n]*"
_NEWLINE = r"\r\n|\n|\r"
_CONTINUED_LINE = r"\\(?:\r\n|[\r\n])"
# The rest of a literal that is never closed, then whatever else no Python knows, character by character.
_OTHER = r"'''[\s\S]*|\"\"\"[\s\S]*|['\"][^\r\n]*|[^\s\w]|[\x0b\x1c-\x1f]"

# What is most frequent is tried first: a name that is no prefix of a string, and punctuation that stands for itself.
_PLAIN_NAME = rf"{_NAME}(?![\w\x80-\U0010ffff'\"])"
_PLAIN_OP = r"[()\[\],:](?!=)|\.(?![.0-9])"

_KINDS = (None, "name", "op", "string", "name", "op", "number", "newline", "comment", "other")
_TOKEN = re.compile(
    rf"({_PLAIN_NAME})|({_PLAIN_OP})|({_STRING})|({_NAME})|({_OP})|({_NUMBER})|({_NEWLINE})|({_COMMENT})"
    rf"|{_CONTINUED_LINE}|({_OTHER})"
)


class Token(NamedTuple):
    """One token of a text: ``text[start:end]``, of kind name, string, number, op, newline, comment or other."""

    kind: str
    start: int
    end: int


def scan(text: str) -> list[Token]:
    """Split ``text`` into tokens; blanks and continued line ends are the gaps between them.

    A string token is a whole literal with its prefix and quotes, an f-string included, whatever is nested in it.
    """
    tokens: list[Token] = []
    position = 0
    nesting = True
    while position < len(text):
        position, nesting = _scan_from(text, position, nesting, tokens)
    return tokens


def _scan_from(text: str, position: int, nesting: bool, tokens: list[Token]) -> tuple[int, bool]:
    """Append the tokens from ``position`` up to the first f-string that is longer than it looks; tell where it ends.

    ``nesting`` turns false at the first f-string that makes no sense: looking into more of them could take quadratic
    time, and such a text is refused by every parser anyway.
    """
    make, add = tuple.__new__, tokens.append  # a third faster than `Token(…)`, and this is the hot loop
    for match in _TOKEN.finditer(text, position):
        kind = _KINDS[match.lastindex or 0]
        if kind is None:
            continue
        start, end = match.span()
        if nesting and kind in _MAY_BE_FORMATTED:
            start = _start_of_formatted(text, start, end, tokens)
            if start >= 0:
                formatted = _read_formatted(text, start)
                if formatted is None:
                    nesting = False
                elif formatted.end != end:
                    if kind == "other":
                        tokens.pop()
                    tokens.append(Token("string", start, formatted.end))
                    return formatted.end, nesting
            start = match.start()
        add(make(Token, (kind, start, end)))
    return len(text), nesting


_MAY_BE_FORMATTED = frozenset({"string", "other"})
_FORMATTED_START = re.compile(r"([fFtT][rR]?|[rR][fFtT])('''|\"\"\"|['\"])")


def _start_of_formatted(text: str, start: int, end: int, tokens: list[Token]) -> int:
    """Tell where the f-string begins that a string token, or a quote without an end, belongs to; -1 if there is none.

    An f-string with a line break in a field looks like a name (its prefix) and a quote that is not closed on its line.
    """
    if text[start] in "'\"":
        if not tokens or tokens[-1].end != start or tokens[-1].kind != "name":
            return -1
        start = tokens[-1].start
    if not _FORMATTED_START.match(text, start) or text.find("{", start, end) < 0:
        return -1
    return start


def fields(text: str, start: int) -> list[tuple[int, int]] | None:
    """Give the spans of the tokens within the fields of the f-string at ``start``; None if there is no f-string."""
    if text[start] in "'\"" or _FORMATTED_START.match(text, start) is None:
        return None
    formatted = _read_formatted(text, start)
    return None if formatted is None else formatted.inner


class _Formatted(NamedTuple):
    """What an f-string was found to be: its end, and the spans of the tokens and braces of its fields."""

    end: int
    inner: list[tuple[int, int]]


class _Frame:
    """One level inside an f-string: literal text, a field's expression, or a field's format."""

    __slots__ = ("depth", "mode", "quote", "raw")

    def __init__(self, mode: str, quote: str, raw: bool) -> None:
        self.mode = mode
        self.quote = quote
        self.raw = raw
        self.depth = 0


_LITERAL_STOP = re.compile(r"\\N\{[^{}\r\n'\"]*\}|\\(?:\r\n|[^{}])|\\|\{\{|\}\}|[{}]|'''|\"\"\"|['\"]|[\r\n]")
_BLANKS = re.compile(r"(?:[ \t\f]|\\(?:\r\n|[\r\n]))*")


def _read_formatted(text: str, start: int) -> _Formatted | None:
    """Read the f-string that begins at ``start``, nested ones with the same quotes included; None if it has no end."""
    inner: list[tuple[int, int]] = []
    stack: list[_Frame] = []
    position = _open_formatted(text, start, stack)
    while stack and position >= 0:
        frame = stack[-1]
        if frame.mode == "expression":
            position = _step_in_expression(text, position, stack, inner)
        else:
            position = _step_in_literal(text, position, stack, inner)
    return _Formatted(position, inner) if position >= 0 else None


def _open_formatted(text: str, start: int, stack: list[_Frame]) -> int:
    """Enter the f-string at ``start`` and give the place after its quote; -1 if none begins there."""
    match = _FORMATTED_START.match(text, start)
    if match is None:
        return -1
    stack.append(_Frame("literal", match[2], "r" in match[1].lower()))
    return match.end()


def _step_in_literal(text: str, position: int, stack: list[_Frame], inner: list[tuple[int, int]]) -> int:
    """Go past the next character that matters in literal text or in a format; -1 where there is no way on."""
    frame = stack[-1]
    match = _LITERAL_STOP.search(text, position)
    if match is None:
        return -1
    found, at = match[0], match.start()
    if found[0] == "\\":
        return at + 2 if frame.raw and found.startswith("\\N{") else match.end()
    if found[0] == "{":
        if found == "{{" and frame.mode == "literal":
            return match.end()
        stack.append(_Frame("expression", frame.quote, frame.raw))
        inner.append((at, at + 1))
        return at + 1
    if found[0] == "}":
        if frame.mode == "literal":
            return match.end()
        del stack[-2:]
        inner.append((at, at + 1))
        return at + 1
    if found[0] in "\r\n":
        return match.end() if len(frame.quote) == 3 else -1
    if not found.startswith(frame.quote):
        return match.end()
    if frame.mode == "format":
        return -1
    stack.pop()
    return at + len(frame.quote)


def _step_in_expression(text: str, position: int, stack: list[_Frame], inner: list[tuple[int, int]]) -> int:
    """Go past the next token of a field's expression; -1 where there is no way on."""
    frame = stack[-1]
    blanks = _BLANKS.match(text, position)
    position = blanks.end() if blanks else position
    if _FORMATTED_START.match(text, position):
        return _open_formatted(text, position, stack)
    match = _TOKEN.match(text, position)
    if match is None:
        return -1
    kind = _KINDS[match.lastindex or 0]
    found = match[0]
    if kind == "other" and found[0] in "'\"":
        return -1
    if frame.depth == 0 and found in (":", ":="):
        stack.append(_Frame("format", frame.quote, frame.raw))
        return position + 1
    if kind == "op":
        if found in "([{":
            frame.depth += 1
        elif found in ")]}":
            frame.depth -= 1
            if frame.depth < 0:
                if found != "}":
                    return -1
                stack.pop()
    inner.append(match.span())
    return match.end()


# What libcst 1.9 survives on a stack of 8 MiB, measured: 7,000 links of `and`, 8,000 of `not` and of `elif`, 3,400
# nested lambdas, 1,060 nested calls, 620 of `(a+(b*`; 3,000 strings side by side (with 5,000 it reports a syntax
# error). Beyond, the process dies. Long before that time is lost: 4,400 terms of `a + b` take 5 s, 2,200 of `.b()`
# 13 s. Flat things (elements, arguments, statements, comparisons) have no limit. One budget covers all that nests, in
# thirds of a term, so that at most a third of the stack is used and 200 brackets fit, which is where CPython stops.
_BUDGET = 3000
_TERM = 3
_CALL = 2
_DOT = 1
_STRING_PART = 1
_BRACKET = 15
# Time for nested patterns grows fourfold with each level (12 dictionaries: 28 s).
_PATTERN_BRACKETS = 8

_TOO_MANY_TERMS = "an expression of too many terms to be parsed safely"
_TOO_MANY_BRACKETS = "brackets nested too deeply to be parsed safely"
_TOO_MANY_ELIFS = "an if statement of too many elif branches to be parsed safely"
_TOO_DEEP_PATTERN = "a case pattern nested too deeply to be parsed in reasonable time"

_LINK, _FACTOR, _SIGN, _DOTTED, _OPEN, _CLOSE, _COMMA, _COLON, _SEMICOLON, _LAMBDA, _IF, _ELIF, _CASE = range(1, 14)
_EFFECTS = {
    **dict.fromkeys(["&", "|", "^", "<<", ">>", "and", "or", "not", "else", "for"], _LINK),
    **dict.fromkeys(["*", "/", "//", "%", "@", "**", "~", "await"], _FACTOR),
    **dict.fromkeys("+-", _SIGN),
    **dict.fromkeys("([{", _OPEN),
    **dict.fromkeys(")]}", _CLOSE),
    ".": _DOTTED,
    ",": _COMMA,
    ":": _COLON,
    ";": _SEMICOLON,
    "lambda": _LAMBDA,
    "if": _IF,
    "elif": _ELIF,
    "case": _CASE,
}
_LINE_END = re.compile(rf"(?:{_NEWLINE})[ \t\f]*")
_PART = re.compile(
    rf"{_PLAIN_NAME}|{_PLAIN_OP}|{_STRING}|{_NAME}|{_OP}|{_NUMBER}|{_LINE_END.pattern}|{_COMMENT}|{_CONTINUED_LINE}|{_OTHER}"
)
# No f-string below this size can exceed a limit by itself.
_SMALL = 400


def too_deep(text: str) -> tuple[int, str] | None:
    """Tell where ``text`` nests more than libcst can parse (a place and a message), None where it is safe.

    Costs 3 to 5 % of the parse. Bodies of f-strings are only looked at where they could matter.
    """
    depth = _Depth()
    if depth.read(_PART.findall(text)) is None and not depth.unsure:
        return None
    spans = list(_spans(text))
    found = _Depth().read([text[start:end] for start, end in spans])
    return None if found is None else (spans[found[0]][0], found[1])


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of all tokens, those in fields of f-strings included, line ends with the blanks after them."""
    nesting = True
    before = (0, 0)
    for kind, start, end in scan(text):
        if kind == "newline":
            match = _LINE_END.match(text, start)
            end = match.end() if match else end
        yield start, end
        if kind == "string" and "{" in text[start:end] and _FORMATTED_START.match(text, start):
            inner = fields(text, start) if nesting else None
            nesting = inner is not None  # as in scan: one that makes no sense is enough
            yield from inner or _anything_like_code(text, start, end)
        elif kind == "other" and before[1] == start and _FORMATTED_START.match(text, before[0]):
            yield from _anything_like_code(text, start, end)
        before = (start, end)


def _anything_like_code(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of operators and words, quotes ignored: libcst looks into f-strings even if they never end."""
    return (match.span() for match in _CODE.finditer(text, start, end))


_CODE = re.compile(f"{_NAME}|{_OP}")


class _Depth:
    """Adds up, token by token, how deep the tree of a text gets."""

    def __init__(self) -> None:
        self.unsure = False

    def read(self, parts: list[str]) -> tuple[int, str] | None:
        """Tell which of ``parts`` goes beyond the budget, and why; None if all is well.

        ``terms`` are the sums since the last comma or statement, those around the open brackets included; ``factors``
        what binds tighter: products, signs, calls, attributes and strings since the last sum. One long function,
        because it meets every token of every file.
        """
        terms = factors = indent = 0
        pattern = False
        stack: list[tuple[int, int]] = []
        lambdas: list[int] = []
        elifs = _Elifs()
        effects = _EFFECTS
        for index, part in enumerate(parts):
            effect = effects.get(part)
            if effect is None:
                last = part[-1]
                if last in _LINE_ENDS:
                    # A comment may end with a blank, too.
                    if part[0] in "\r\n" and not stack:
                        terms = factors = 0
                        indent = len(part)
                        pattern = False
                        if lambdas:
                            lambdas.clear()
                elif last in "'\"" and part[0] != "#":
                    factors += _STRING_PART
                    if terms + factors > _BUDGET:
                        return index, _TOO_MANY_TERMS
                    if "{" in part and not self.unsure:
                        self.unsure = _is_cut_off(part)
                if len(part) > _SMALL and not self.unsure:
                    self.unsure = _is_formatted(parts, index)
            elif effect == _DOTTED:
                factors += _DOT
                if terms + factors > _BUDGET:
                    return index, _TOO_MANY_TERMS
            elif effect == _OPEN:
                stack.append((terms, factors))
                terms += factors + _BRACKET
                factors = 0
                if terms > _BUDGET:
                    return index, _TOO_MANY_BRACKETS if _BRACKET * len(stack) > _BUDGET // 2 else _TOO_MANY_TERMS
                if pattern and len(stack) > _PATTERN_BRACKETS:
                    return index, _TOO_DEEP_PATTERN
            elif effect == _CLOSE:
                if stack:
                    terms, factors = stack.pop()
                factors += _CALL
                if terms + factors > _BUDGET:
                    return index, _TOO_MANY_TERMS
            elif effect == _COMMA:
                # `lambda a, b:` goes on; anything else begins anew.
                if not (lambdas and lambdas[-1] == len(stack)):
                    terms = sum(stack[-1]) + _BRACKET if stack else 0
                    factors = 0
            elif effect == _FACTOR or (effect == _SIGN and _is_sign(parts, index)):
                factors += _TERM
                if terms + factors > _BUDGET:
                    return index, _TOO_MANY_TERMS
            elif effect in (_LINK, _SIGN, _LAMBDA):
                terms += _TERM
                factors = 0
                if effect == _LAMBDA:
                    lambdas.append(len(stack))
                if terms > _BUDGET:
                    return index, _TOO_MANY_TERMS
            elif effect == _COLON:
                while lambdas and lambdas[-1] >= len(stack):
                    if lambdas.pop() == len(stack):
                        break
            elif effect == _SEMICOLON:
                if not stack:
                    terms = factors = 0
            elif effect == _ELIF:
                if not stack and elifs.add(indent):
                    return index, _TOO_MANY_ELIFS
            elif effect == _IF:
                pattern = False
                if not stack and (index == 0 or parts[index - 1][-1] in _LINE_ENDS):
                    elifs.begin(indent)
            elif not stack:
                pattern = index > 0 and parts[index - 1][-1] in _LINE_ENDS
        return None


def _is_sign(parts: list[str], index: int) -> bool:
    """Tell whether the plus or minus at ``index`` belongs to a factor (``a * -b``) and not to a sum."""
    index -= 1
    while index >= 0 and (parts[index][0] in "\\#\r\n"):
        index -= 1
    return index >= 0 and _EFFECTS.get(parts[index]) in _BEFORE_SIGN


_BEFORE_SIGN = frozenset({_FACTOR, _SIGN})
_LINE_ENDS = "\r\n \t\f"


class _Elifs:
    """The elif branches of the if statements that are open, by indentation."""

    def __init__(self) -> None:
        self._open: list[list[int]] = []
        self._total = 0

    def begin(self, indent: int) -> None:
        """Forget the chains that an ``if`` at ``indent`` ends."""
        while self._open and self._open[-1][0] >= indent:
            self._total -= self._open.pop()[1]

    def add(self, indent: int) -> bool:
        """Count one more ``elif`` at ``indent``; tell whether that is too many."""
        if not self._open or self._open[-1][0] != indent:
            self.begin(indent + 1)
            if not self._open or self._open[-1][0] != indent:
                self._open.append([indent, 0])
        self._open[-1][1] += 1
        self._total += 1
        return self._total * _TERM > _BUDGET


def _is_cut_off(part: str) -> bool:
    """Tell whether a literal is an f-string that seems to end within a field: one that reuses its quotes there."""
    return part.count("{") != part.count("}") and _FORMATTED_START.match(part) is not None


def _is_formatted(parts: list[str], index: int) -> bool:
    """Tell whether a part is an f-string, or what remains of one that has no end after its prefix."""
    part = parts[index]
    return any(_FORMATTED_START.match(start) for start in (part, parts[index - 1] + part if index else part))
