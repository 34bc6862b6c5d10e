"""Attributes that are replaced for a while, and put back whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

_ABSENT = object()


def stands_for(function: Callable[..., Any], wrapper: Callable[..., Any]) -> Callable[..., Any]:
    """Return a wrapper under the name of what it wraps.

    AutoGraph, which tf_keras lets loose on a user's layers, goes by the module's name, and by the mark on what it made.
    """
    update_wrapper(wrapper, function, updated=())
    wrapper.autograph_info__ = {}  # type: ignore[attr-defined]
    return wrapper


class Patches:
    """A context that undoes on exit, last first, everything that was replaced through it."""

    def __init__(self) -> None:
        self._undo: list[tuple[Any, str, Any, bool]] = []

    def replace(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute of a module, a class or an object's own dict.

        The dict of an object is written directly: Keras tracks what is set the usual way, and torch files it elsewhere.
        """
        direct = not isinstance(owner, type) and hasattr(owner, "__dict__") and name in vars(owner)
        before = vars(owner).get(name, _ABSENT)
        self._undo.append((owner, name, before, direct))
        if direct:
            vars(owner)[name] = value
        else:
            setattr(owner, name, value)

    def __enter__(self) -> Patches:
        return self

    def __exit__(self, *_: object) -> None:
        while self._undo:
            owner, name, before, direct = self._undo.pop()
            if before is _ABSENT:
                delattr(owner, name)
            elif direct:
                vars(owner)[name] = before
            else:
                setattr(owner, name, before)
