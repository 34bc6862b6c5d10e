"""Which files a run looks at, and the test on their bytes that spares most of them the parser."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from reglint.reading import read_regular, read_text
from reglint.settings import Resolver, Settings

if TYPE_CHECKING:
    from reglint.globs import Globs
    from reglint.scope import Scope

__all__ = [
    "SUFFIXES",
    "Discovery",
    "Ignore",
    "Target",
    "Triggers",
    "is_excluded",
    "is_ignored",
    "may_suppress",
    "read_regular",
    "shown",
]

SUFFIXES = (".py", ".pyw", ".ipynb")
#: Bytes of an ignore file, or of a file that leads to git's folder.
_LARGEST_LIST = 1_000_000


@dataclass(frozen=True)
class Target:
    """One file to look at: its absolute path, how the user will see it, its settings, and what of it is reported."""

    path: str
    shown: str
    settings: Settings
    scope: Scope | None = None


@dataclass
class Discovery:
    """Walks what the user named; ``problems`` collects one line for each thing that could not be entered."""

    resolver: Resolver
    problems: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def targets(self, paths: Iterable[str]) -> Iterator[Target]:
        """Yield every file once, in the order of its path within each of ``paths``."""
        for named in paths:
            path = os.path.abspath(named)
            try:
                mode = os.stat(path).st_mode
            except OSError as error:
                # A dangling link does exist, and is a file that cannot be read.
                if not os.path.islink(path):
                    self.problems.append(f"{named}: {error.strerror or error}; check the path")
                    continue
                mode = stat.S_IFREG
            except ValueError as error:  # a NUL within the name
                self.problems.append(f"{named!r}: {error}; check the path")
                continue
            settings = self.resolver.settings_for(path if stat.S_ISDIR(mode) else os.path.dirname(path))
            if is_excluded(path, settings.explicit_excludes, str(settings.root)):
                continue
            if stat.S_ISDIR(mode):
                yield from self._walk(path)
            else:
                yield from self._once(path, settings)

    def _once(self, path: str, settings: Settings) -> Iterator[Target]:
        if path not in self._seen:
            self._seen.add(path)
            yield Target(path, shown(path), settings)

    def _walk(self, top: str) -> Iterator[Target]:
        """Yield the files below ``top``; links to folders are not followed, so that no loop can catch us."""
        stack = [(top, _ignores_above(top))]
        while stack:
            folder, above = stack.pop()
            settings = self.resolver.settings_for(folder)
            entries = self._entries(folder)
            ignores = above
            if settings.respect_gitignore and any(entry.name == ".gitignore" for entry in entries):
                ignores = (*above, *_read_ignore(os.path.join(folder, ".gitignore"), folder))
            below: list[tuple[str, tuple[Ignore, ...]]] = []
            for entry in entries:
                is_folder = _is_folder(entry)
                if not is_folder and not entry.name.endswith(SUFFIXES):
                    continue
                if settings.excludes.match(entry.path):
                    continue
                if settings.respect_gitignore and is_ignored(entry.path, is_folder, ignores):
                    continue
                if is_folder:
                    below.append((entry.path, ignores))
                elif not _is_linked_folder(entry):
                    yield from self._once(entry.path, settings)
            stack.extend(reversed(below))

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.problems.append(f"{shown(folder)}: cannot be listed: {error.strerror or error}")
            return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_linked_folder(entry: os.DirEntry[str]) -> bool:
    """Say whether a link leads to a folder (a link into nowhere counts as a file that cannot be read)."""
    try:
        return entry.is_symlink() and entry.is_dir()
    except OSError:
        return False


def shown(path: str) -> str:
    """Return the path as the user sees it: relative where it is below the current folder."""
    here = os.path.join(os.getcwd(), "")
    return path[len(here) :] if path.startswith(here) else path


def is_excluded(path: str, globs: Globs, root: str) -> bool:
    """Say whether a glob means ``path`` or a folder above it; folders above ``root`` do not count."""
    while globs.patterns:
        if globs.match(path):
            return True
        parent = os.path.dirname(path)
        if parent in (path, root):
            return False
        path = parent
    return False


# --- what git ignores ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ignore:
    """The patterns of one ignore file, and the folder that they speak about."""

    folder: str
    spec: Any  # pathspec.GitIgnoreSpec: not named, since the import costs more than a small run

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """Return True for ignored, False for taken back by ``!``, None where no pattern speaks."""
        relative = os.path.relpath(path, self.folder).replace(os.sep, "/")
        included: bool | None = self.spec.check_file(relative + "/" if is_folder else relative).include
        return included


def is_ignored(path: str, is_folder: bool, ignores: Sequence[Ignore]) -> bool:
    """Say whether git would leave ``path`` out; the nearest file that speaks about it decides."""
    verdicts = (ignore.verdict(path, is_folder) for ignore in reversed(ignores))
    return next((verdict for verdict in verdicts if verdict is not None), False)


def _read_ignore(file: str, folder: str) -> Iterator[Ignore]:
    try:
        lines = read_text(file, _LARGEST_LIST).splitlines()
    except OSError:
        return
    if any(line.strip() and not line.startswith("#") for line in lines):
        from reglint.ignore_patterns import spec_of

        yield Ignore(folder, spec_of(lines))


def _ignores_above(top: str) -> tuple[Ignore, ...]:
    """Return the ignore files of the git repository that speak about ``top``, the outermost (and weakest) first."""
    folders = [top]
    while not os.path.exists(os.path.join(folders[-1], ".git")):
        parent = os.path.dirname(folders[-1])
        if parent == folders[-1]:
            return ()
        folders.append(parent)
    root = folders[-1]
    found = list(_read_ignore(os.path.join(_git_folder(root), "info", "exclude"), root))
    for folder in reversed(folders[1:]):
        found += _read_ignore(os.path.join(folder, ".gitignore"), folder)
    # Somebody who names an ignored folder means it.
    return () if is_ignored(top, True, found) else tuple(found)


def _git_folder(root: str) -> str:
    """Return the folder that git keeps its things in (``.git`` is a file in worktrees and submodules)."""
    dot_git = os.path.join(root, ".git")
    try:
        found = re.match(r"gitdir: (.*)", read_text(dot_git, _LARGEST_LIST))
    except OSError:
        return dot_git
    folder = os.path.join(root, found[1].strip()) if found else dot_git
    # A worktree shares info/exclude with its main repository.
    try:
        return os.path.join(folder, read_text(os.path.join(folder, "commondir"), _LARGEST_LIST).strip())
    except OSError:
        return folder


# --- the byte-level test ---------------------------------------------------------------------------------------------

_UNREADABLE_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Triggers:
    """The words that a file must hold for any of some rules to speak: alternatives, each needing all of its words.

    A word that ends with ``=`` must stand there as a keyword or as a string. ``hints`` are pieces of words, few and
    short; a file without any of them holds no alternative.
    """

    alternatives: tuple[tuple[bytes, ...], ...]
    hints: tuple[bytes, ...]

    @classmethod
    def of(cls, alternatives: Iterable[Sequence[str]]) -> Triggers:
        """Take the alternatives of all selected cards, each once; the longest word is the rarest and comes first."""
        sets = (sorted((word.encode() for word in words), key=len, reverse=True) for words in alternatives)
        encoded = tuple(map(tuple, sets))
        return cls(tuple(dict.fromkeys(encoded)), _hints(encoded))

    def found_in(self, raw: bytes) -> bool:
        """Say whether the bytes of a file need the parser; UTF-16 does, since it must be named as unreadable."""
        if raw.startswith(_UNREADABLE_BOMS):
            return True
        # `in` is many times faster than a regular expression with word boundaries, and settles nearly every file.
        if not any(hint in raw for hint in self.hints):
            return False
        holds = cache(partial(_holds_word, raw))
        return any(all(map(holds, words)) for words in self.alternatives)


@lru_cache(maxsize=16)  # takes longer than to check a usual file, and the library asks for the same with each
def _hints(alternatives: tuple[tuple[bytes, ...], ...]) -> tuple[bytes, ...]:
    """Return pieces of words of which each alternative has one, in order."""
    return tuple(sorted(_commonest(alternatives)))


def _commonest(alternatives: Iterable[Sequence[bytes]]) -> Iterator[bytes]:
    """Yield the pieces: those that stand for most alternatives first."""
    # Most of our words end alike (...regularizer), so that one look at the end stands for all of them.
    waiting = [{word.rstrip(b"=")[-8:] for word in words} for words in alternatives]
    while waiting:
        commonest, _ = max(
            Counter(chain.from_iterable(waiting)).items(), key=lambda item: (item[1], len(item[0]), item)
        )
        yield commonest
        waiting = [words for words in waiting if not any(commonest in word for word in words)]


def _holds_word(raw: bytes, word: bytes) -> bool:
    """Say whether the bytes hold a whole word; in a notebook it may follow an escape, as in ``"\\nDense"``."""
    name = word.rstrip(b"=")
    start = raw.find(name)
    while start >= 0:
        end = start + len(name)
        if (
            raw[end : end + 1] not in _WORD
            and (raw[start - 1 : start] not in _WORD or _ESCAPE.fullmatch(raw, max(start - 2, 0), start))
            and (name is word or _KEYWORD.match(raw, end))
        ):
            return True
        start = raw.find(name, end)
    return False


_WORD = frozenset(bytes([byte]) for byte in b"0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_ESCAPE = re.compile(rb"\\[nrtfb]")
# A comment, a continued line, or the end of a line in a notebook's JSON may stand before the equals sign.
_KEYWORD = re.compile(rb"\s*(?:=(?!=)|[#\\])|['\"]")


def may_suppress(raw: bytes, prefixes: Iterable[bytes]) -> bool:
    """Say whether a comment of the file may name one of our codes, so that it could be a suppression without use."""
    return (b"noqa" in raw or b"NOQA" in raw or b"NoQA" in raw) and any(
        re.search(rb"noqa[^\n]*" + re.escape(prefix) + rb"[0-9]", raw, re.IGNORECASE) for prefix in prefixes
    )
