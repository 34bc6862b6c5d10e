"""Which Keras a project allows, by its manifests: one module per kind of manifest, read and never executed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from reglint.pins.pin import Pin, Unread
from reglint.project import Files

if TYPE_CHECKING:
    from reglint.versions import Allowed

__all__ = [
    "Manifests",
    "Pin",
    "Unread",
    "allowed_by",
    "allowed_by_notebook",
    "is_manifest",
    "manifests_of",
    "nearest_manifests",
    "pins_of",
]

Reader = Callable[[str, "Files"], Iterator["Pin | Unread"]]

#: File name → the module that reads it.
_READERS = (
    (r".*requirements.*\.(txt|in)|.*constraints.*\.txt", "requirements"),
    (r"pyproject\.toml", "pyproject"),
    (r"setup\.cfg", "setup_cfg"),
    (r"setup\.py", "setup_py"),
    (r"Pipfile", "pipfile"),
    (r"Pipfile\.lock", "pipfile_lock"),
    (r"poetry\.lock", "poetry_lock"),
    (r"uv\.lock", "uv_lock"),
    (r"pdm\.lock", "pdm_lock"),
    (r"pylock(\..+)?\.toml", "pylock"),
    (r"(conda[-_.]?)?env(ironment)?.*\.ya?ml", "environment_yml"),
    (r"tox\.ini", "tox_ini"),
    (r"(.*\.)?[Dd]ockerfile(\..*)?", "dockerfile"),
)
_ANY_MANIFEST = "|".join(pattern for pattern, _ in _READERS)
_LARGEST = {".lock": 20_000_000, ".py": 300_000, ".yaml": 500_000, ".yml": 500_000, "": 2_000_000}
"""Bytes of a manifest, by its ending: so much takes half a minute at worst, and none that people write is as large."""
_FOLDERS = ("requirements", "requirement", "reqs")
"""Folders below the root whose files of requirements belong to it."""


_DECLARING = ("pyproject.toml", "setup.py", "setup.cfg", "Pipfile")
"""Manifests that make a package or application of its own."""


class Manifests(NamedTuple):
    """What the manifests of a project say, and what of them could not be understood."""

    pins: tuple[Pin, ...]
    unread: tuple[Unread, ...]


def is_manifest(name: str, *, images: bool) -> bool:
    """Is a file of that name a manifest? ``images`` tells whether a Dockerfile counts."""
    return any(re.fullmatch(pattern, name) and (images or module != "dockerfile") for pattern, module in _READERS)


def allowed_by(manifests: Manifests, root: str) -> Allowed:
    """What the manifests of the project at ``root`` allow."""
    from reglint.versions import Allowed

    return Allowed.of_pins(manifests.pins, {pin.path: _shown(pin.path, root) for pin in manifests.pins})


def allowed_by_notebook(notebook: str, raw: bytes, root: str, files: Files) -> Allowed:
    """What a notebook of the project at ``root`` installs itself, which goes before what the project allows.

    ``raw`` are its bytes, whatever ``files`` has under its path.
    """
    from reglint.pins.notebook import read
    from reglint.project import OverlaidFiles
    from reglint.versions import Allowed

    beside = OverlaidFiles(_ReadableFiles(files, root), notebook, raw)
    own = [item for item in read(notebook, beside) if isinstance(item, Pin)]
    shown = {pin.path: _shown(pin.path, root) for pin in own}
    return Allowed.of_pins(own, {**shown, notebook: os.path.basename(notebook)})


def nearest_manifests(root: str, files: Files) -> Manifests:
    """What the manifests at ``root`` say.

    Where they say nothing and declare no package either (a ``tests/requirements.txt``), those of the folders above
    count, up to the git root.
    """
    own = pins_of(root, files)
    if own.pins or any(files.is_file(os.path.join(root, name)) for name in _DECLARING):
        return own
    for folder in _folders_above(root, files):
        above = pins_of(folder, files)
        if above.pins:
            return Manifests(above.pins, own.unread + above.unread)
    return own


def _folders_above(root: str, files: Files) -> list[str]:
    """The folders above ``root`` within its git repository, innermost first; none where there is no repository."""
    folders: list[str] = []
    folder = root
    while not (files.is_dir(os.path.join(folder, ".git")) or files.is_file(os.path.join(folder, ".git"))):
        parent = os.path.dirname(folder)
        if parent == folder:
            return []
        folders.append(parent)
        folder = parent
    return folders


def _shown(path: str, root: str) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/") if os.path.isabs(path) else path


def pins_of(root: str, files: Files) -> Manifests:
    """Read every manifest of the project at ``root``."""
    readable = _ReadableFiles(files, root)
    found = [item for path, reader in manifests_of(root, files) for item in reader(path, readable)]
    pins = dict.fromkeys(item for item in found if isinstance(item, Pin))
    unread = dict.fromkeys([*readable.unread, *(item for item in found if isinstance(item, Unread))])
    return Manifests(tuple(pins), tuple(unread))


class _ReadableFiles(Files):
    """Other files, of which those that are too large, outside of the project or not to be opened are left out.

    These are remembered. ``-r ../../../etc/passwd`` is nothing that a project may make us read.
    """

    def __init__(self, files: Files, root: str) -> None:
        self._files = files
        self._root = root
        self.unread: list[Unread] = []

    def is_file(self, path: str) -> bool:
        if not self._files.is_file(path):
            return False
        if _is_below(path, self._root) or _is_below(path, self._top):
            return True
        self.unread.append(Unread(path, 1, "lies outside of the project, so that it is not read; copy it there"))
        return False

    @cached_property
    def _top(self) -> str:
        """The folder around all that belongs together: the git root, else the outermost folder with a manifest."""
        above = _folders_above(self._root, self._files)
        if above:
            return above[-1]
        top = self._root
        while (parent := os.path.dirname(top)) != top and self._declares(parent):
            top = parent
        return top

    def _declares(self, folder: str) -> bool:
        names = (*_DECLARING, "requirements.txt")
        return any(self._files.is_file(os.path.join(folder, name)) for name in names)

    def is_dir(self, path: str) -> bool:
        return self._files.is_dir(path)

    def entries(self, folder: str) -> list[str]:
        return self._files.entries(folder)

    def entries_like(self, folder: str, pattern: str) -> list[str]:
        return self._files.entries_like(folder, pattern)

    def read(self, path: str) -> bytes | None:
        raw = self._files.read(path)
        limit = _LARGEST.get(os.path.splitext(path)[1], _LARGEST[""])
        if raw is None and self._files.is_file(path):
            self.unread.append(Unread(path, 1, "cannot be opened, so what it allows is not known"))
        elif raw is not None and len(raw) > limit:
            self.unread.append(Unread(path, 1, f"too large to be a manifest ({len(raw):,} bytes, limit {limit:,})"))
            return None
        return raw


def _is_below(path: str, folder: str) -> bool:
    """Is a path one below a folder? In memory the root is called "", and what leads out of it begins with dots."""
    if not folder:
        return not (os.path.isabs(path) or os.path.normpath(path).startswith(".."))
    return os.path.normpath(path).startswith(os.path.join(folder, ""))


def manifests_of(root: str, files: Files) -> Iterator[tuple[str, Reader]]:
    """The manifests of the project at ``root``, each with what reads it."""
    for name in files.entries_like(root, _ANY_MANIFEST):
        path = os.path.join(root, name)
        reader = _reader(name)
        if reader is not None and files.is_file(path):
            yield path, reader
    for folder in _FOLDERS:
        inside = os.path.join(root, folder)
        for name in files.entries_like(inside, r".*\.(txt|in|pip)"):
            path = os.path.join(inside, name)
            if files.is_file(path):
                from reglint.pins import requirements

                yield path, requirements.read


def _reader(name: str) -> Reader | None:
    for pattern, module in _READERS:
        if re.fullmatch(pattern, name):
            from importlib import import_module

            reader: Reader = import_module(f"reglint.pins.{module}").read
            return reader
    return None
