"""The lines of an ignore file as patterns that take no longer than the path is long.

pathspec writes ``*`` as an expression that may be tried again and again: ``*a*a*a*a*b`` over a long name never ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_LONGEST = 2_000
_WILD = re.compile(r"\(\?:\.\+/\)\?|\(\?:/\.\+\)\?|\[\^/\][*+]")
_DEEP = re.compile(r"(\(\?:\.\+/\)\?|\(\?:/\.\+\)\?)")
_LAZY = {"(?:.+/)?": "(?:.+?/)??", "(?:/.+)?": "(?:/.+?)??"}
_WITHIN_NAME = re.compile(r"(\[\^/\][*+])")


def spec_of(lines: Iterable[str]) -> GitIgnoreSpec:
    """Return what the lines of an ignore file say; as in git, one that cannot be read says nothing."""
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec([pattern for line in lines for pattern in _patterns(line)])


def _patterns(line: str) -> Iterator[Any]:
    from pathspec import GitIgnoreSpec
    from pathspec.pattern import RegexPattern

    if len(line) > _LONGEST:
        return
    try:
        found = list(GitIgnoreSpec.from_lines([line]).patterns)
    except ValueError:
        return
    for pattern in found:
        if pattern.regex is None or len(_WILD.findall(pattern.regex.pattern)) < 2:
            yield pattern
        else:
            yield RegexPattern(re.compile(_tamed(pattern.regex.pattern)), pattern.include)


def _tamed(expression: str) -> str:
    """Return a pattern's regular expression so that it takes the first folders that fit, and never tries others.

    What stands between two ``**`` is whole names, whose first occurrence is as good as any later one; so is what
    stands between two ``*``.
    """
    number = count()
    head, *rest = _DEEP.split(expression)
    if not rest:
        return _names(head, number)
    found = [_once(_names(head, number) + "(?=/)", number)] if head not in ("", "^") else [head]
    for deep, names in zip(rest[:-2:2], rest[1:-2:2], strict=True):
        found.append(_once(f"{_LAZY[deep]}{_names(names, number)}(?=/)", number))
    return "".join([*found, rest[-2], _names(rest[-1], number)])


def _names(expression: str, number: Iterator[int]) -> str:
    """Return the expression of whole names with each fixed part between two wildcards taken once."""
    first, *rest = _WITHIN_NAME.split(expression)
    pairs = list(zip(rest[::2], rest[1::2], strict=True))
    taken = [_once(f"{wild}?{fixed}", number) for wild, fixed in pairs[:-1]]
    return "".join([first, *taken, *(wild + fixed for wild, fixed in pairs[-1:])])


def _once(expression: str, number: Iterator[int]) -> str:
    """Return the expression as a group that is not tried anew: ``(?>…)``, which Python 3.10 does not know."""
    name = f"once{next(number)}"
    return f"(?=(?P<{name}>{expression}))(?P={name})"
