"""Pins of ``pdm.lock``, PDM's lock file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reglint.pins.locked_toml import read_locked
from reglint.pins.pin import Pin, Unread

if TYPE_CHECKING:
    from reglint.project import Files


def read(path: str, files: Files) -> Iterator[Pin | Unread]:
    """The pins of a ``pdm.lock``; a package that is locked to several versions gives several."""
    yield from read_locked(path, files)
