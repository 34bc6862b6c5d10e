"""Code of the user that the probe runs when it is trusted: modules and files brought in, their names, their exceptions.

All that goes wrong in there becomes a ProbeError of one line that names the line of the user's file.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from reglint.discovery import shown
from reglint.probe.values import ProbeError

_LONGEST = 300
_FRAMEWORKS = ("keras", "tf_keras", "tensorflow", "jax", "torch", "reglint")


def one_line(text: object) -> str:
    """Takes what an exception says; returns it as one line of at most 300 characters, a longer one cut off."""
    line = re.sub(r"\s+", " ", str(text)).strip()
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Takes what is run, as the user knows it; an exception inside becomes a ProbeError that says where it came up."""
    try:
        yield
    except ProbeError:
        raise
    except (Exception, SystemExit) as error:
        said = f": {one_line(error)}" if str(error) else ""
        place = _raised_at(error.__traceback__)
        raise ProbeError(f"{what} raised {type(error).__name__}{said}{f' at {place}' if place else ''}") from error


def imported(module_or_file: str) -> ModuleType:
    """Takes the name of a module, or the path of a ``.py`` file, both from the current folder on; returns the module.

    Its code runs. Raises ProbeError.
    """
    if module_or_file.endswith(".py") or os.sep in module_or_file:
        return _from_file(Path(module_or_file))
    _look_in(Path.cwd())
    if not all(part.isidentifier() for part in module_or_file.split(".")):
        raise ProbeError(f"`{module_or_file}` is no name of a module; write package.module, or the path of a .py file")
    try:
        with guarded(f"importing `{module_or_file}`"):
            return importlib.import_module(module_or_file)
    except ProbeError as error:
        cause = error.__cause__
        missing = cause.name if isinstance(cause, ModuleNotFoundError) else None
        if missing and f"{module_or_file}.".startswith(f"{missing}."):
            raise ProbeError(
                f"there is no module `{missing}` in the current folder or among the installed packages"
            ) from error
        raise


def attribute(module: ModuleType, name: str, where: str) -> Any:
    """Takes a module, a name in it that may be dotted, and what the user calls the module. Raises ProbeError."""
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            close = get_close_matches(part, [each for each in dir(found) if not each.startswith("_")], 1)
            hint = f"; did you mean `{close[0]}`?" if close else ""
            raise ProbeError(f"`{where}` has no `{name}`{hint}") from None
    return found


def split(spec: str) -> tuple[str, str] | None:
    """Takes ``package.module:name`` or ``file.py:name``; returns both sides, or None where it is neither."""
    module, colon, name = spec.rpartition(":")
    if not (colon and module and name and all(part.isidentifier() for part in name.split("."))):
        return None
    if module.endswith(".py") or all(part.isidentifier() for part in module.split(".")):
        return module, name
    return None


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ProbeError(f"{shown(str(path))}: there is no such file to import")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ProbeError(f"{shown(str(path))}: only a .py file can be imported")
    _look_in(path.resolve().parent)
    _look_in(Path.cwd())
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) and _same(str(known.__file__), path):
        return known
    module = importlib.util.module_from_spec(spec)
    if known is None:  # a file of the name of a module in use must not take its place
        sys.modules[path.stem] = module
    try:
        with guarded(f"importing `{shown(str(path))}`"):
            spec.loader.exec_module(module)
    except ProbeError:
        if sys.modules.get(path.stem) is module:
            del sys.modules[path.stem]
        raise
    return module


def _look_in(folder: Path) -> None:
    """Takes a folder; imports look there first from now on."""
    if sys.path[:1] != [str(folder)]:
        sys.path.insert(0, str(folder))


def _same(file: str, path: Path) -> bool:
    try:
        return os.path.samefile(file, path)
    except OSError:
        return False


def _raised_at(traceback: TracebackType | None) -> str | None:
    """Takes a traceback; returns file and line of its innermost frame in the user's code."""
    place = None
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        if not is_library(filename):
            place = f"{shown(filename)}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


# Whose code a file is.


@lru_cache(maxsize=4096)
def is_library(filename: str) -> bool:
    """Takes the file of a code object; says whether it is an installed package, the standard library or no file."""
    return (
        is_framework(filename)
        or any(part in ("site-packages", "dist-packages") for part in Path(filename).parts)
        or _is_in(filename, _site_folders())
    )


@lru_cache(maxsize=4096)
def is_framework(filename: str) -> bool:
    """Takes the file of a code object; says whether it is of Keras, a backend, us, the standard library, or no file."""
    if filename.startswith("<"):
        return True
    if _is_in(filename, _package_folders()):
        return True
    return _is_in(filename, _standard_folders()) and not _is_in(filename, _site_folders())


def _is_in(filename: str, folders: tuple[str, ...]) -> bool:
    real = os.path.realpath(filename)
    return any(path.startswith(folder) for folder in folders for path in (filename, real))


@lru_cache(maxsize=1)
def _site_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return _folders([paths["purelib"], paths["platlib"], site.getusersitepackages()])


@lru_cache(maxsize=1)
def _standard_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return _folders([paths["stdlib"], paths["platstdlib"], os.path.dirname(os.__file__)])


@lru_cache(maxsize=1)
def _package_folders() -> tuple[str, ...]:
    """Found without importing: a checkout of Keras may lie anywhere, an editable install of ours too."""
    found = []
    for name in _FRAMEWORKS:
        spec = importlib.util.find_spec(name)
        found += list(spec.submodule_search_locations or ()) if spec else []
    return _folders(found)


def _folders(paths: list[str]) -> tuple[str, ...]:
    return tuple({os.path.join(each, "") for path in paths for each in (path, os.path.realpath(path))})
