"""Where in the user's code each layer of a model was constructed.

While a recording runs, Keras's ``Layer.__new__`` looks up its callers. It is there that the call which constructs a
layer is one frame away, whatever ``__init__`` and ``super().__init__`` a subclass has.
"""

from __future__ import annotations

import linecache
import os
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from itertools import islice
from types import CodeType, FrameType
from typing import Any

from reglint.discovery import shown
from reglint.probe.models.usercode import is_framework, is_library
from reglint.probe.values import Place

_recorded: dict[int, tuple[weakref.ref[Any], Place]] = {}


@contextmanager
def recording() -> Iterator[None]:
    """While it is active, each Keras layer that is constructed notes the user's call; ``places`` tells them afterwards.

    The call is the nearest one outside Keras and the installed packages, so that a layer which an application of
    ``keras.applications`` makes belongs to the line that called it; where the user's code is itself an installed
    package, the nearest one outside Keras and its backends. Layers of Keras 3 are seen, those of tf_keras where that is
    imported already or ``TF_USE_LEGACY_KERAS`` is set. Nothing of it stays in Keras on exit.
    """
    with ExitStack() as stack:
        for layer_class in _layer_classes():
            stack.enter_context(_watched(layer_class))
        yield


def places(model: Any) -> dict[str, Place]:
    """Takes a model; returns the place of each layer that a recording saw, by the layer's path (``encoder/dense``)."""
    return {path: found[1] for path, layer in layer_paths(model) if (found := _recorded.get(id(layer)))}


def layer_paths(model: Any) -> Iterator[tuple[str, Any]]:
    """Takes a model of Keras 3 or tf_keras; yields each layer below it with its path, a shared one once for each path.

    The cell of a recurrent layer is no layer of its own here.
    """
    seen: set[str] = set()
    pending: list[tuple[str, Any, frozenset[int]]] = [("", model, frozenset({id(model)}))]
    while pending:
        prefix, parent, above = pending.pop()
        inner = []
        for layer in _sublayers(parent):
            path = prefix + str(layer.name)
            if id(layer) in above or path in seen:  # a layer may hold its parent
                continue
            seen.add(path)
            yield path, layer
            inner.append((f"{path}/", layer, above | {id(layer)}))
        pending.extend(reversed(inner))


def _sublayers(layer: Any) -> list[Any]:
    # A Sequential tracks a functional twin of itself, which its `layers` leaves out.
    found = layer.layers if isinstance(getattr(layer, "layers", None), list) else None
    if found is None or hasattr(layer, "return_sequences"):
        found = layer._flatten_layers(include_self=False, recursive=False)
    cell = getattr(layer, "cell", None) if hasattr(layer, "return_sequences") else None
    return [each for each in found if each is not cell and each is not layer]


def _layer_classes() -> list[Any]:
    classes = [import_module("keras").layers.Layer]
    if "tf_keras" in sys.modules or os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true"):
        classes.append(import_module("tf_keras").layers.Layer)
    return classes


@contextmanager
def _watched(layer_class: Any) -> Iterator[None]:
    """Takes Keras's class of layers; notes the place of each that is made."""
    own = vars(layer_class).get("__new__")
    original: Callable[..., Any] = layer_class.__new__

    def noting(cls: Any, *args: Any, **kwargs: Any) -> Any:
        made = original(cls, *args, **kwargs)
        place = _calling_place(sys._getframe(1))
        if place is not None:
            _note(made, place)
        return made

    layer_class.__new__ = staticmethod(noting)
    try:
        yield
    finally:
        if own is None:
            del layer_class.__new__
        else:
            layer_class.__new__ = own


def _note(made: Any, place: Place) -> None:
    key = id(made)
    _recorded[key] = weakref.ref(made, partial(_forget, key)), place


def _forget(key: int, reference: weakref.ref[Any]) -> None:
    found = _recorded.get(key)
    if found is not None and found[0] is reference:
        del _recorded[key]


def _calling_place(innermost: FrameType | None) -> Place | None:
    """Takes the frame that made a layer; returns the place of the user's call that led there."""
    installed = None
    frame = innermost
    while frame is not None:
        filename = frame.f_code.co_filename
        if not is_library(filename):
            return _place(frame)
        if installed is None and not is_framework(filename):
            installed = frame
        frame = frame.f_back
    return None if installed is None else _place(installed)


def _place(frame: FrameType) -> Place:
    filename = frame.f_code.co_filename
    positions = _positions(frame.f_code, frame.f_lasti)
    if positions is None:
        return Place(shown(filename), frame.f_lineno)
    row, end_row, start, end = positions
    return Place(shown(filename), row, _column(filename, row, start), end_row, _column(filename, end_row, end))


def _positions(code: CodeType, instruction: int) -> tuple[int, int, int, int] | None:
    """Takes an instruction; returns first and last row and both columns in bytes, which Python has from 3.11 on."""
    if not hasattr(code, "co_positions"):
        return None
    row, end_row, start, end = next(islice(code.co_positions(), instruction // 2, None), (None,) * 4)
    if row is None or end_row is None or start is None or end is None:  # as with -X no_debug_ranges
        return None
    return row, end_row, start, end


def _column(filename: str, row: int, offset: int) -> int:
    """Takes an offset in the UTF-8 of a line; returns the column in characters, from 1."""
    line = linecache.getline(filename, row)
    return len(line.encode()[:offset].decode(errors="replace")) + 1 if line else offset + 1
