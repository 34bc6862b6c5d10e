"""The project around a file: where its root is, and which file an import in it means."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import chain
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from reglint.reading import read_regular
from reglint.sharing import Module, module_name, saying
from reglint.triggers import words_of

if TYPE_CHECKING:
    from reglint.names.module import ModuleNames

_T = TypeVar("_T")

SOURCE_FOLDERS = ("src", "lib")
"""Folders below the root that hold its packages, beside the root itself."""

_LARGEST_MODULE = 2_000_000  # bytes of a module that is parsed for its names: libcst takes 9 s for half of that
_MOST_FILES = 2000  # that are searched for a name; beyond that nobody would wait for the answer
_MOST_ENTRIES = 50_000  # of folders that are looked through for these
_OURS = r"(?!\.|(node_modules|site-packages|__pycache__)$).*|.*\.(py|ipynb)"


class ProjectModule(NamedTuple):
    """A module of the project: its file, or the folder of a package that has no ``__init__.py``."""

    path: str
    is_package: bool

    @property
    def folder(self) -> str:
        """The folder in which the module's own submodules stand."""
        return self.path if not self.path.endswith(".py") else os.path.dirname(self.path)


Question = tuple[str, str]
"""What was asked of the files (``is_file``, ``is_dir``, ``read``, ``entries`` and their pattern), and of which path."""

Answers = dict[Question, "bool | str | None"]
"""The answers; bytes and names of entries as a digest."""


class Files:
    """The files of a project, on disk or in memory."""

    def is_file(self, path: str) -> bool:
        """Is there such a file?"""
        raise NotImplementedError

    def is_dir(self, path: str) -> bool:
        """Is there such a folder?"""
        raise NotImplementedError

    def read(self, path: str) -> bytes | None:
        """Its bytes, or None where it can't be read."""
        raise NotImplementedError

    def entries(self, folder: str) -> list[str]:
        """The names of what lies in a folder, in order; none where it can't be listed."""
        raise NotImplementedError

    def entries_like(self, folder: str, pattern: str) -> list[str]:
        """Those entries whose whole name a regular expression matches: whoever asks so minds no others."""
        return [name for name in self.entries(folder) if re.fullmatch(pattern, name)]

    def locate(self, filename: str) -> str:
        """The path of a file that was named in some way."""
        raise NotImplementedError

    @contextmanager
    def asked(self) -> Iterator[Answers]:
        """What is asked meanwhile, with the answers; nothing where these files do not remember it."""
        yield {}

    def note(self, answers: Answers) -> None:
        """Remember these as asked now: somebody uses what was made of the answers."""


class DiskFiles(Files):
    """Files as they lie on disk, each question asked once."""

    def __init__(self) -> None:
        self._is_file = cache(os.path.isfile)
        self._is_dir = cache(os.path.isdir)

    def is_file(self, path: str) -> bool:
        return self._is_file(path)

    def is_dir(self, path: str) -> bool:
        return self._is_dir(path)

    def read(self, path: str) -> bytes | None:
        try:
            return read_regular(path)
        except OSError:
            return None

    def entries(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(folder or "."))
        except OSError:
            return []

    def locate(self, filename: str) -> str:
        return os.path.abspath(filename)


class MemoryFiles(Files):
    """Files given as a mapping of path to text."""

    def __init__(self, modules: Mapping[str, str | bytes]) -> None:
        self._files = {_plain(p): t.encode() if isinstance(t, str) else t for p, t in modules.items()}
        self._folders = {str(parent) for path in self._files for parent in PurePath(path).parents} - {"."} | {""}

    def is_file(self, path: str) -> bool:
        return _plain(path) in self._files

    def is_dir(self, path: str) -> bool:
        return _plain(path) in self._folders

    def read(self, path: str) -> bytes | None:
        return self._files.get(_plain(path))

    def entries(self, folder: str) -> list[str]:
        inside = _plain(folder) + "/" if _plain(folder) else ""
        every = [*self._files, *self._folders]
        return sorted({path[len(inside) :].partition("/")[0] for path in every if path.startswith(inside)} - {""})

    def locate(self, filename: str) -> str:
        return _plain(filename)


class OverlaidFiles(Files):
    """Other files, but one of them, which may not be there at all, has other bytes."""

    def __init__(self, files: Files, path: str, raw: bytes) -> None:
        self._files = files
        self._path = path
        self._raw = raw

    def is_file(self, path: str) -> bool:
        return path == self._path or self._files.is_file(path)

    def is_dir(self, path: str) -> bool:
        return self._files.is_dir(path)

    def read(self, path: str) -> bytes | None:
        return self._raw if path == self._path else self._files.read(path)

    def entries(self, folder: str) -> list[str]:
        return self._files.entries(folder)

    def locate(self, filename: str) -> str:
        return self._files.locate(filename)


class Project:
    """One project: finds, reads and remembers the modules that its files import."""

    def __init__(self, root: str, files: Files) -> None:
        self.root = root
        self.files = files
        self._made: dict[object, tuple[object, Answers]] = {}

    @classmethod
    def find(cls, path: Path | str, files: Files | None = None) -> Project:
        """The project of the file ``path``: the nearest folder upwards with a manifest, at most the git root."""
        return cls(_find_root(os.path.abspath(path)), files or DiskFiles())

    @classmethod
    def in_memory(cls, modules: Mapping[str, str | bytes]) -> Project:
        """A project of nothing but ``modules`` (path below the root → text)."""
        return cls("", MemoryFiles(modules))

    def once(self, what: object, make: Callable[[], _T]) -> _T:
        """What several files of the project ask for, made by the first of them; ``what`` is the name they share."""
        if what not in self._made:
            with self.files.asked() as answers:
                made = make()
            self._made[what] = made, answers
        value, answers = self._made[what]
        self.files.note(answers)
        return value  # type: ignore[return-value]

    def has_made(self, what: object) -> bool:
        """Did a file of the project ask for this?"""
        return what in self._made

    def locate(self, filename: str) -> str:
        """The path by which the project knows a file."""
        return self.files.locate(filename)

    def resolve(self, importer: str, dotted: str, level: int, *, shadowable: bool = True) -> ProjectModule | None:
        """The module that ``from {'.' * level}{dotted} import …`` in ``importer`` means, if the project has it.

        ``shadowable`` is False for a name that belongs to a well-known library: a folder without ``__init__.py`` and a
        sibling inside the same package don't take its place.
        """
        folder = os.path.dirname(importer)
        if level:
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            return self._below(folder, dotted, namespaces=True)
        for place in self._search_path(folder):
            module = self._below(place, dotted, namespaces=shadowable)
            # a package may import from itself; a mere file of that name hides nothing from itself
            if module is not None and (module.path != importer or module.is_package):
                return module
        if shadowable and self._is_package(folder):
            return self._below(folder, dotted, namespaces=False)
        return None

    def read(self, path: str) -> bytes | None:
        """The bytes of a file of the project, or None where it can't be read."""
        return self.files.read(path)

    def submodule(self, module: ProjectModule, name: str) -> ProjectModule | None:
        """The module ``name`` inside a package."""
        return self._below(module.folder, name, namespaces=True) if module.is_package else None

    def names(self, module: ProjectModule) -> ModuleNames | None:
        """The names of a module; None where there is nothing to read or it doesn't parse."""
        return self.once(("names", module.path), lambda: self._read_names(module))

    def may_bind(self, module: ProjectModule, name: str) -> bool:
        """Can the module bind ``name`` at all? A look at its bytes spares most of them the parser."""
        raw = self.files.read(module.path) if module.path.endswith(".py") else None
        return raw is not None and (name.encode() in raw or (b"import" in raw and b"*" in raw))

    def may_say(self, path: str, words: Collection[bytes]) -> bool:
        """May any source beside that at ``path`` hold one of these words? Of too many sources one may."""
        sources = self.once("sources", self._sources)
        # what a file imports that is no source itself, and a package that goes on above the root, is not known
        if sources is None or path not in sources or self._is_package(self.root):
            return True
        return self.once(("says", *words), lambda: any(word in self._text(at) for at in sources for word in words))

    def may_share(self, path: str, name: str) -> bool:
        """May another file take ``name`` from the module at ``path``? One that says both; of too many files any."""
        sources = self.once("sources", self._sources)
        return sources is None or any(True for _ in self._texts_that_say(path, name, sources))

    def may_give(self, path: str, name: str) -> bool:
        """May another file take ``name`` from the module at ``path`` by an import of it? Of too many files one may.

        It may do so from a third file, too, that has all names of the module.
        """
        sources = self.once("sources", self._sources)
        if sources is None:
            return True
        waiting, seen = [path], {path}
        while waiting:
            at = waiting.pop()
            module = Module(at)
            if any(module.gives(text, name) for text in self._texts_that_say(at, name, sources)):
                return True
            through = [other for other in self._sayers(at, sources) if module.gives_all(self._text(other))]
            waiting += [other for other in through if other not in seen]
            seen.update(through)
        return False

    def may_call(self, path: str, classes: Collection[str], method: str) -> bool:
        """May another file call ``method`` on objects of the classes at ``path``? Of too many files one may."""
        sources = self.once("sources", self._sources)
        if sources is None:
            return True
        module = Module(path)
        return any(module.lends(self._text(other), classes, method) for other in sources if other != path)

    def _sayers(self, path: str, sources: list[str]) -> list[str]:
        """The other sources that say the name of the module at ``path``; a package may be imported by dots alone."""
        users = {"__init__": sources} | self.once("users", lambda: self._users(sources))
        name = module_name(path)
        if name in users:
            return [other for other in users[name] if other != path]
        said = saying(name)
        return [other for other in sources if other != path and said.search(self._text(other))]

    def _texts_that_say(self, path: str, name: str, sources: list[str]) -> Iterator[bytes]:
        """The other sources that say ``name`` and the module at ``path``."""
        said = saying(name)
        texts = map(self._text, self._sayers(path, sources))
        # `in` is many times faster, and settles nearly every file
        return (text for text in texts if name.encode() in text and said.search(text))

    def _users(self, sources: list[str]) -> dict[str, list[str]]:
        """The name of each module (that is ASCII) -> the sources that say it; a package may be imported by any name."""
        modules = {module_name(path) for path in sources} - {"__init__"}
        users: dict[str, list[str]] = {name: [] for name in modules if name.isascii() and name.isidentifier()}
        names = {name.encode(): name for name in users}
        for path in sources:
            for word in names.keys() & set(chain.from_iterable(words_of(self._text(path)))):
                users[names[word]].append(path)
        return users

    def _text(self, path: str) -> bytes:
        return self.files.read(path) or b""

    def _sources(self) -> list[str] | None:
        """The Python files and notebooks below the root but for other people's packages; None where there are too many.

        Too much of anything else, such as data, is too much to look through as well.
        """
        found: list[str] = []
        folders = [self.root]
        seen = 0
        while folders:
            folder = folders.pop()
            entries = self.files.entries_like(folder, _OURS)
            seen += len(entries)
            if seen > _MOST_ENTRIES or len(found) > _MOST_FILES:
                return None
            for entry in () if "pyvenv.cfg" in entries else entries:
                path = os.path.join(folder, entry)
                if entry.endswith((".py", ".ipynb")):
                    found.append(path)
                elif self.files.is_dir(path):
                    folders.append(path)
        return found if len(found) <= _MOST_FILES else None

    def _read_names(self, module: ProjectModule) -> ModuleNames | None:
        from reglint.names.module import ModuleNames
        from reglint.source import SourceError, source_from_bytes
        from reglint.syntax import parse

        raw = self.files.read(module.path) if module.path.endswith(".py") else None
        if raw is None or len(raw) > _LARGEST_MODULE:
            return None
        try:
            source = source_from_bytes(raw, module.path)
        except SourceError:
            return None
        tree = parse(source).tree
        return None if tree is None else ModuleNames(tree, module.path)

    def _search_path(self, folder: str) -> Iterator[str]:
        """Where absolute imports of a file in ``folder`` are looked up: folders above that are no package, sources."""
        while True:
            if not self._is_package(folder):
                yield folder
            if folder == self.root or folder == os.path.dirname(folder):
                break
            folder = os.path.dirname(folder)
        for name in SOURCE_FOLDERS:
            yield os.path.join(self.root, name)

    def _is_package(self, folder: str) -> bool:
        return self.files.is_file(os.path.join(folder, "__init__.py"))

    def _below(self, folder: str, dotted: str, *, namespaces: bool) -> ProjectModule | None:
        path = os.path.join(folder, *dotted.split(".")) if dotted else folder
        first = os.path.join(folder, dotted.partition(".")[0])
        if not namespaces and not (self._is_package(first) or self.files.is_file(first + ".py")):
            return None
        if self._is_package(path):
            return ProjectModule(os.path.join(path, "__init__.py"), True)
        if dotted and self.files.is_file(path + ".py"):
            return ProjectModule(path + ".py", False)
        return ProjectModule(path, True) if self.files.is_dir(path) else None


def _find_root(path: str) -> str:
    folders = [os.path.dirname(path)]
    while not _is_root(folders[-1]):
        parent = os.path.dirname(folders[-1])
        if parent == folders[-1]:
            # a Dockerfile says too little to part a repository, but more than nothing
            holding = [folder for folder in folders if _holds_manifest(folder, images=True)]
            return holding[0] if holding else _above_packages(folders[0])
        folders.append(parent)
    return folders[-1]


@cache
def _is_root(folder: str) -> bool:
    if os.path.exists(os.path.join(folder, ".git")):
        return True
    # a setup.py inside a package, as numpy.distutils wanted them, makes no project
    return _holds_manifest(folder) and not (_is_package(folder) and _is_package(os.path.dirname(folder)))


def _is_package(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "__init__.py"))


def _holds_manifest(folder: str, *, images: bool = False) -> bool:
    from reglint.pins import is_manifest

    try:
        with os.scandir(folder) as entries:
            return any(is_manifest(entry.name, images=images) and entry.is_file() for entry in entries)
    except OSError:
        return False


def _above_packages(folder: str) -> str:
    """The folder that holds the outermost package around ``folder``."""
    while _is_package(folder):
        folder = os.path.dirname(folder)
    return folder


def _plain(path: str) -> str:
    plain = os.path.normpath(path).replace(os.sep, "/")
    return "" if plain == "." else plain
