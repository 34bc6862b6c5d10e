"""Pins of ``setup.py``, which is read and never run: what can reach the requirements of a call of ``setup``.

The reader follows names, lists, dicts, strings that are put together, helper functions and the files of requirements
that they open. It does not follow the order of statements: all that is ever bound to a name or added to it counts, and
so does each branch. What it cannot know is a gap in a string; of a requirement with a gap only the name is believed.
"""

from __future__ import annotations

import ast
import os
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reglint.pins.pin import Pin, Unread, may_speak_of_keras, package_of, pin_of
from reglint.pins.setup_scopes import Gathered
from reglint.pins.setup_values import GAP, Leaf, Reader

if TYPE_CHECKING:
    from reglint.project import Files

_GAP_IN_MARKER = re.compile(r";[^;]*\0.*$", re.DOTALL)
_BEFORE_GAP = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[|[<>=!~;(@,]|\0)")


def read(path: str, files: Files) -> Iterator[Pin | Unread]:
    """The pins of a ``setup.py``, those of the files of requirements that it reads included."""
    raw = files.read(path)
    if raw is None or not (may_speak_of_keras(raw) or b"require" in raw):
        return
    tree = _parsed(raw, path)
    if isinstance(tree, Unread):
        if re.search(rb"keras|tensorflow|tf[-_]", raw, re.IGNORECASE):
            yield tree
        return
    try:
        reader = Reader(Gathered(tree))
        leaves = list(reader.requirements())
    except RecursionError:
        yield Unread(path, 1, "nested too deeply to be followed; declare the requirements in pyproject.toml")
        return
    if reader.exhausted:
        yield Unread(path, 1, "too involved to be followed to its end; declare the requirements in pyproject.toml")
    for leaf in dict.fromkeys(leaves):
        yield from _named_file(leaf.text, path, files) if leaf.is_file else _pins(leaf, path)


def _pins(leaf: Leaf, path: str) -> Iterator[Pin | Unread]:
    """The pins of a string, which may hold several requirements on lines of their own."""
    for index, row in enumerate(leaf.text.split("\n")):
        line = leaf.line + index if leaf.spread else leaf.line
        requirement = _GAP_IN_MARKER.sub("", re.sub(r"(^|\s)#.*", "", row))
        if GAP in requirement:
            name = _BEFORE_GAP.match(requirement)
            package = package_of(name[1]) if name else None
            if package is not None:
                yield Pin(package, "", path, line, " ".join(row.replace(GAP, "…").split()))
            continue
        pin = pin_of(requirement, path, line)
        if pin is not None:
            yield pin


def _named_file(name: str, path: str, files: Files) -> Iterator[Pin | Unread]:
    """The pins of a file of requirements that stands beside or below ``setup.py``."""
    from reglint.pins import requirements

    # What stands before the last gap is the folder of setup.py in all but exotic cases.
    relative = os.path.normpath(name.rpartition(GAP)[2].replace("\\", "/").lstrip("/"))
    target = os.path.join(os.path.dirname(path), relative)
    if relative not in ("", ".") and files.is_file(target):
        yield from requirements.read(target, files)


def _parsed(raw: bytes, path: str) -> ast.Module | Unread:
    """The tree of a file, that of its Python 2 mask if it is no Python 3, or what is wrong with it."""
    from reglint import tokens
    from reglint.python2 import masks
    from reglint.source import SourceError, source_from_bytes

    try:
        text = source_from_bytes(raw, path).text
    except SourceError as error:
        return Unread(path, error.row or 1, error.message)
    deep = tokens.too_deep(text)
    if deep is not None:
        return Unread(path, text.count("\n", 0, deep[0]) + 1, deep[1])
    tree, problem = _attempt(text, path)
    if tree is None:
        for masked in masks(text):
            tree, _ = _attempt(masked.text, path)
            if tree is not None:
                break
    return problem if tree is None else tree


def _attempt(text: str, path: str) -> tuple[ast.Module | None, Unread]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text), Unread(path, 1, "")
    except SyntaxError as error:
        return None, Unread(path, error.lineno or 1, f"not valid Python: {error.msg}")
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:  # CPython's own limits
        return None, Unread(path, 1, f"not valid Python: {error}")
