"""Where a keyword arrives: the answer that :mod:`reglint.names.flows` gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import libcst as cst

from reglint.names.scopes import Place


class Receiver(NamedTuple):
    """A callable that receives the keyword.

    ``kind``: ``symbol`` (from outside the project, ``name`` is its dotted name), ``own`` (project code that takes the
    keyword itself), ``parameter``, ``dynamic``, ``starred`` (``name`` may come from a star import out of sight) or
    ``unknown``. ``held`` are the other keywords that are known to reach it.
    """

    kind: str
    name: str = ""
    held: frozenset[str] = frozenset()


@dataclass
class Reach:
    """Where a keyword goes, and what stands against renaming it where it is written."""

    receivers: list[Receiver] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)  # no fix
    doubts: list[str] = field(default_factory=list)  # at most an unsafe fix
    forks: bool = False  # a function on the way hands it to several callables
    taken_out: bool = False  # the program takes the key out of the dict before passing it on
    asked: set[str] = field(default_factory=set)  # keys that the program looks for in the dict
    merges: bool = False  # it meets a dict that may hold the same key already
    sets: bool = False  # the program sets the same key in a dict on the way
    seen: set[object] = field(default_factory=set)  # the dicts, and the expressions and names that mean them
    calls: list[tuple[cst.Call, Place]] = field(default_factory=list)  # through which it goes, and where they stand

    def add(self, kind: str, name: str = "", held: Iterable[str] = ()) -> None:
        """One more receiver."""
        receiver = Receiver(kind, name, frozenset(held))
        if receiver not in self.receivers:
            self.receivers.append(receiver)

    def obstacle(self, reason: str) -> None:
        """A reason to leave the text alone."""
        if reason not in self.obstacles:
            self.obstacles.append(reason)

    def doubt(self, reason: str) -> None:
        """A reason to ask before a change."""
        if reason not in self.doubts:
            self.doubts.append(reason)
