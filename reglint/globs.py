"""Glob patterns as ruff reads them: in the folder of the settings file, and by base name where they hold no slash."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache


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
    pattern, root = pattern.rstrip("/"), _posix(root)
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


_PIECE = re.compile(
    r"(?P<deep>(?:(?<=/)|\A)\*\*/)|(?P<star>\*+)|(?P<one>\?)|\[(?P<no>!?)(?P<set>\]?[^\]]*)\]|(?P<brace>[{},])"
)


def translate(pattern: str) -> str:
    """Return a glob's regular expression: ``*`` and ``?`` match slashes too, as ruff's do; ``{a,b}`` is a choice."""
    parts: list[str] = []
    depth = last = 0
    for piece in _PIECE.finditer(pattern):
        parts.append(re.escape(pattern[last : piece.start()]))
        last = piece.end()
        if piece["deep"]:
            parts.append("(?:.*/)?")
        elif piece["star"]:
            parts.append(".*")
        elif piece["one"]:
            parts.append(".")
        elif piece["set"] is not None:
            inside = re.sub(r"([\\\]\[^&~|])", r"\\\1", piece["set"])
            parts.append(f"[{'^' if piece['no'] else ''}{inside}]" if inside else re.escape(piece[0]))
        elif piece["brace"] == "{" and "}" in pattern[last:]:
            parts.append("(?:")
            depth += 1
        elif piece["brace"] == "}" and depth:
            parts.append(")")
            depth -= 1
        elif piece["brace"] == "," and depth:
            parts.append("|")
        else:
            parts.append(re.escape(piece[0]))
    parts.append(re.escape(pattern[last:]))
    # Braces that are not balanced mean themselves.
    return "(?s:" + "".join(parts) + ")" if not depth else re.escape(pattern)
