"""Pins of ``pylock.toml`` and ``pylock.NAME.toml``, the lock files of PEP 751."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reglint.pins.locked_toml import read_locked
from reglint.pins.pin import Pin, Unread

if TYPE_CHECKING:
    from reglint.project import Files


def read(path: str, files: Files) -> Iterator[Pin | Unread]:
    """The pins of a ``pylock.toml``; a package that is locked to several versions gives several."""
    yield from read_locked(path, files, "packages")
