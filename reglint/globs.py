"""Glob patterns as ruff reads them: in the folder of the settings file, and by base name where they hold no slash."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count


class GlobError(ValueError):
    """A pattern that cannot be followed; the message is a clause that says why."""


@dataclass(frozen=True)
class Glob:
    """A pattern and the absolute folder that it is relative to."""

    pattern: str
    root: str

    def matches(self, path: str) -> bool:
        """Say whether the absolute ``path`` itself is meant (not a folder above it)."""
        path = _posix(path)
        whole, base = _compiled(self.pattern, self.root)
        return bool(whole.fullmatch(path) or (base and base.fullmatch(posixpath.basename(path))))

    def check(self) -> None:
        """Raise GlobError for a pattern that no path could be compared with."""
        if not _PLAIN.fullmatch(self.pattern):
            _compiled(self.pattern, self.root)


class Globs:
    """Several globs as one question, since a walk asks it for every entry."""

    def __init__(self, globs: Iterable[Glob]) -> None:
        self.patterns = tuple(globs)
        # Names without any magic are most of them, and need no regular expression.
        plain = [glob for glob in self.patterns if _PLAIN.fullmatch(glob.pattern)]
        self._names = frozenset(glob.pattern for glob in plain)
        self._others = tuple(glob for glob in self.patterns if glob not in plain)

    def match(self, path: str) -> bool:
        """Say whether any of them means the absolute ``path`` itself."""
        return os.path.basename(path) in self._names or any(glob.matches(path) for glob in self._others)


_PLAIN = re.compile(r"[\w.-]+")


@cache
def _compiled(pattern: str, root: str) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    """Return the regular expressions for the absolute path and, for patterns without a slash, for the base name."""
    if len(pattern) > _LONGEST:
        raise GlobError(f"a pattern of {len(pattern):,} characters is too long (limit {_LONGEST:,})")
    try:
        return _expressions(pattern.rstrip("/"), _posix(root))
    except re.error as error:
        raise GlobError(f"{pattern!r} is no pattern: {error.msg}") from error


def _expressions(pattern: str, root: str) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    if posixpath.isabs(pattern):
        return re.compile(translate(pattern)), None
    base = None if "/" in pattern else re.compile(translate(pattern))
    while pattern.startswith(("./", "../")):
        if pattern.startswith("../"):
            root = posixpath.dirname(root)
        pattern = pattern.partition("/")[2]
    return re.compile(re.escape(root.rstrip("/") + "/") + translate(pattern)), base


def _posix(path: str) -> str:
    """Return the path with slashes, whatever the system writes."""
    return path if os.sep == "/" else path.replace(os.sep, "/")


_PIECE = r"(?P<deep>(?:(?<=/)|\A)\*\*/)|(?P<star>\*+)|(?P<one>\?)|\[(?P<no>!?)(?P<set>\]?[^\]]*)\]|(?P<brace>[{},])"
_LONGEST = 2_000
_MOST_ALTERNATIVES = 500
# What a wildcard stands for where nothing fixed follows any more, and where something does: as little as will do.
_DEEP, _STAR = "(?:.*/)?", ".*"
_LAZY = {_DEEP: "(?:.*?/)??", _STAR: ".*?"}


def translate(pattern: str) -> str:
    """Return a glob's regular expression: ``*`` and ``?`` match slashes too, as ruff's do; ``{a,b}`` is a choice.

    Raises GlobError for more alternatives than anybody means.
    """
    number = count()
    return "(?s:" + "|".join(_expression(parts, number) for parts in _alternatives(pattern)) + ")"


def _expression(parts: Iterable[str], number: Iterator[int]) -> str:
    """Return the regular expression of a pattern without choices, from the expressions of its parts.

    What stands between two wildcards is fixed, so that its first occurrence is as good as any later one. It is taken
    for good, in a group that cannot be tried anew: else ``*a*a*a*b`` takes longer than anybody lives.
    """
    runs = [[""]]
    for part in parts:
        if part in _LAZY:
            runs.append([part])
        else:
            runs[-1].append(part)
    first, *middle = ("".join(run) for run in runs[:-1] or runs)
    found = [first]
    for run, text in zip(runs[1:-1], middle, strict=True):
        name = f"g{next(number)}"  # a group that is not tried anew: (?>…), which Python 3.10 does not know
        found.append(f"(?=(?P<{name}>{_LAZY[run[0]]}{text[len(run[0]) :]}))(?P={name})")
    return "".join(found + (runs[-1] if len(runs) > 1 else []))


def _alternatives(pattern: str) -> list[list[str]]:
    """Return the parts of a pattern, as regular expressions, for each way through its braces."""
    open_braces: list[tuple[list[list[str]], list[list[str]]]] = []  # what stands before, the choices so far
    current: list[list[str]] = [[]]
    last = 0
    for piece in re.finditer(_PIECE, pattern):
        part = _part(piece)
        for parts in current:
            parts.append(re.escape(pattern[last : piece.start()]))
        last = piece.end()
        if piece["brace"] == "{" and "}" in pattern[last:]:
            open_braces.append((current, []))
            current = [[]]
        elif piece["brace"] == "," and open_braces:
            open_braces[-1][1].extend(current)
            current = [[]]
        elif piece["brace"] == "}" and open_braces:
            before, choices = open_braces.pop()
            choices += current
            if len(before) * len(choices) > _MOST_ALTERNATIVES:
                raise GlobError(f"{pattern!r} has too many alternatives in braces (limit {_MOST_ALTERNATIVES})")
            current = [parts + choice for parts in before for choice in choices]
        else:
            for parts in current:
                parts.append(part)
    # Braces that are not balanced mean themselves.
    return [[*parts, re.escape(pattern[last:])] for parts in current] if not open_braces else [[re.escape(pattern)]]


def _part(piece: re.Match[str]) -> str:
    """Return the regular expression of one piece of a pattern."""
    if piece["deep"]:
        return _DEEP
    if piece["star"]:
        return _STAR
    if piece["one"]:
        return "."
    if piece["set"]:
        inside = re.sub(r"([\\\]\[^&~|])", r"\\\1", piece["set"])
        return f"[{'^' if piece['no'] else ''}{inside}]"
    return re.escape(piece[0])
