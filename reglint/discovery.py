"""Which files a run looks at."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reglint.reading import read_text
from reglint.settings import Resolver, Settings

if TYPE_CHECKING:
    from reglint.globs import Globs
    from reglint.ignore_patterns import IgnoreLines
    from reglint.scope import Scope

__all__ = [
    "SUFFIXES",
    "Discovery",
    "Ignore",
    "Target",
    "is_excluded",
    "is_ignored",
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
    """The lines of one ignore file, and the folder that they speak about."""

    folder: str
    lines: IgnoreLines

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """Return True for ignored, False for taken back by ``!``, None where no line speaks of the path below."""
        relative = path[len(os.path.join(self.folder, "")) :].replace(os.sep, "/")
        return self.lines.verdict(relative + "/" if is_folder else relative)


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
        from reglint.ignore_patterns import IgnoreLines

        yield Ignore(folder, IgnoreLines(lines))


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
