"""What the lines of an ignore file say of a path: pathspec's word, where a line may speak of the path at all.

pathspec writes ``*`` as an expression that may be tried again and again: ``*a*a*a*a*b`` over a long name never ends.
Here a pattern takes no longer than the path is long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import translate
from functools import cache, cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_LONGEST = 2_000
_MAGIC = re.compile(r"[*?\[]")
_SET = re.compile(r"\[.[^]]*\]")
_WILD = re.compile(r"\(\?:\.\+/\)\?|\(\?:/\.\+\)\?|\[\^/\][*+]")
_DEEP = re.compile(r"(\(\?:\.\+/\)\?|\(\?:/\.\+\)\?)")
_LAZY = {"(?:.+/)?": "(?:.+?/)??", "(?:/.+)?": "(?:/.+?)??"}
_WITHIN_NAME = re.compile(r"(\[\^/\][*+])")


class IgnoreLines:
    """The lines of one ignore file. Most paths have no name that a line could mean, and do not need pathspec."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = [line for line in lines if line.strip() and not line.startswith("#")]
        names = {_last_name(line) for line in self._lines}
        plain = {name for name in names if not _MAGIC.search(name)}
        endings = {name[1:] for name in names - plain if name.startswith("*") and not _MAGIC.search(name[1:])}
        self._endings = tuple(endings)
        self._plain = frozenset(plain)
        self._others = [name for name in names - plain if name[1:] not in endings]
        self._may_mean = cache(self._may_be_meant)

    def verdict(self, path: str) -> bool | None:
        """Return True for ignored, False for taken back by ``!``, None where no line speaks of the path.

        The path is relative to the folder of the file, with slashes, and ends with one where it is a folder.
        """
        if not any(map(self._may_mean, path.rstrip("/").split("/"))):
            return None
        included: bool | None = self._spec.check_file(path).include
        return included

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        return spec_of(self._lines)

    def _may_be_meant(self, name: str) -> bool:
        return name in self._plain or name.endswith(self._endings) or self._other.match(name) is not None

    @cached_property
    def _other(self) -> re.Pattern[str]:
        """Matches all names that the patterns with other magic match, and some more."""
        return re.compile("|".join(translate(_SET.sub("?", name)) for name in self._others) or r"(?!)")


def _last_name(line: str) -> str:
    """Return the pattern for the last name of the paths that a line means, ``*`` where that is not certain."""
    name = line.rstrip().removeprefix("!").rstrip("/").rpartition("/")[2]
    return "*" if not name or "\\" in line or len(line) > _LONGEST else name


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
