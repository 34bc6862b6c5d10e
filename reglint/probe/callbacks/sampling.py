"""What the callbacks of the probe share: when to look, how much time it may take, how figures get into ``logs``."""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Mapping
from types import FrameType
from typing import Any

import keras
import numpy as np

from reglint.probe.statistics.randomness import randomness_kept

FIRST = 256
"""How many of the training samples are looked at where ``fit`` gets arrays and the callback no data of its own."""


class Sampling(keras.callbacks.Callback):  # type: ignore[misc]
    """Takes figures of a model every few epochs or batches of ``fit`` and puts them into ``logs``.

    A subclass says in :meth:`figures` what is measured. ``data`` is the sample: ``x``, or ``(x, y)``; without it the
    first ``samples`` samples that ``fit`` was given as arrays or as tables of pandas (data sets and generators are not
    touched: reading from them could change what the training sees). ``per`` is ``epoch`` or ``batch``, ``every`` how
    many of them lie between two looks, and the first one always gets one: CSVLogger takes its columns from the first
    epoch. ``budget`` is the largest share of the training time that looking may take; the first look, which compiles,
    is not counted. An epoch without a look has NaN, so that the lists of History keep their places. ``budget=None``
    never skips.

    The callback goes to the front of ``fit``'s list of callbacks, so that the others find the figures wherever it was
    put. It draws no random numbers and changes no variable. Should a look fail, the callback warns and
    rests, and the training goes on.

    ``seconds`` is the time that looks took, ``trace_seconds`` that of the first, ``looks`` and ``skipped`` count.
    """

    def __init__(
        self, data: Any = None, *, every: int = 1, per: str = "epoch", samples: int = FIRST, budget: float | None = 0.02
    ) -> None:
        super().__init__()
        if per not in ("epoch", "batch"):
            raise ValueError(f"per is {per!r}; it must be 'epoch' or 'batch'")
        if every < 1 or samples < 1 or (budget is not None and budget < 0):
            raise ValueError("every and samples must be at least 1, and budget a share such as 0.02, or None")
        self.data = data
        self.every = every
        self.samples = samples
        self.budget = budget
        self.seconds = 0.0
        self.trace_seconds = 0.0
        self.looks = 0
        self.skipped = 0
        self._given = data is not None
        self._keys: tuple[str, ...] = ()
        self._epoch_figures: dict[str, float] = {}
        self._began = 0.0
        self._cost = 0.0
        self._apart = 0.0
        self._step = 0
        self._resting = False
        self._measured_model: Any = None
        if per == "batch":
            # Only then: Keras calls no batch asynchronously once a callback has this method (CallbackList, JAX)
            self.on_train_batch_end = self._on_train_batch_end
        self._per_batch = per == "batch"

    def figures(self, model: Any, logs: Mapping[str, Any], first: bool) -> Mapping[str, float]:
        """Key -> figure for the model as it is now; the same keys every time. ``first`` for a model not seen before."""
        raise NotImplementedError

    # ---------------------------------------------------------------------------------------------------- Keras calls

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        frame = sys._getframe(1)
        _to_the_front(self, frame)
        if not self._given:
            self.data = _fitted(frame, self._model, self.samples)
        self.seconds, self.looks, self.skipped, self._step, self._apart = 0.0, 0, 0, 0, 0.0
        self._resting = False
        self._epoch_figures = {}
        if self._measured_model is not self._model:
            self._measured_model, self._keys, self.trace_seconds = None, (), 0.0
        self._began = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._epoch_figures = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self._per_batch:
            self._look_if_due(logs or {})
        if logs is not None:
            logs.update(self._epoch_figures or dict.fromkeys(self._keys, math.nan))

    def _on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._look_if_due(logs or {}) and logs is not None:
            logs.update(self._epoch_figures)

    # --------------------------------------------------------------------------------------------------------- looking

    def _look_if_due(self, logs: Mapping[str, Any]) -> bool:
        due = self._step % self.every == 0
        self._step += 1
        if self._resting or not due:
            return False
        if self._keys and not self._affordable():
            self.skipped += 1
            return False
        return self._look(logs)

    def _affordable(self) -> bool:
        """Would one more look, as long as the last, still be within the budget?"""
        if self.budget is None:
            return True
        now = time.perf_counter()
        training = now - self._began - self.seconds - self._apart
        return self.seconds + self._cost <= self.budget * training

    def _look(self, logs: Mapping[str, Any]) -> bool:
        start = time.perf_counter()
        model = self.model  # on JAX this brings the variables up to date
        first = self._measured_model is not model
        try:
            with randomness_kept():
                found = dict(self.figures(model, logs, first))
                if first:
                    # A second time, now compiled: what a look costs must be known before the budget is asked
                    again = time.perf_counter()
                    self.figures(model, logs, False)
                    self._cost = time.perf_counter() - again
        except Exception as error:
            self._resting = True
            warnings.warn(
                f"{type(self).__name__} stops looking, the training goes on: {error}", RuntimeWarning, stacklevel=2
            )
            return False
        spent = time.perf_counter() - start
        if first:
            self._measured_model, self._keys = model, tuple(found)
            self.trace_seconds = self._apart = spent
        else:
            self._cost = spent
            self.seconds += spent
        self.looks += 1
        self._epoch_figures = found
        return True


def _to_the_front(callback: Any, frame: FrameType | None) -> None:
    """Move a callback to the front of the list that is calling it.

    Keras calls callbacks in the order of the list, History after the program's own ones, and hands all of them the same
    dict (CallbackList of Keras 3.0 to 3.15, read). A callback can't ask for the list, but its caller holds it.
    """
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, keras.callbacks.CallbackList):
            called = caller.callbacks
            places = [place for place, one in enumerate(called) if one is callback]
            if isinstance(called, list) and places:
                called.insert(0, called.pop(places[0]))
            return
        frame = frame.f_back


def _fitted(frame: FrameType | None, model: Any, samples: int) -> tuple[Any, Any] | None:
    """The first samples of the arrays that ``model.fit`` was called with; None where it got anything else."""
    while frame is not None:
        if frame.f_code.co_name == "fit" and frame.f_locals.get("self") is model:
            x, y = frame.f_locals.get("x"), frame.f_locals.get("y")
            parts = keras.tree.flatten((x, y))
            if all(part is None or _is_array(part) for part in parts) and x is not None:
                first: tuple[Any, Any] = keras.tree.map_structure(lambda part: _first(part, samples), (x, y))
                return first
            return None
        frame = frame.f_back
    return None


def _is_array(part: Any) -> bool:
    return isinstance(part, np.ndarray) or keras.ops.is_tensor(part) or _is_of_pandas(part)


def _is_of_pandas(part: Any) -> bool:
    """Say whether Keras takes it for a table or a column of pandas, which the project needs for nothing else."""
    return hasattr(part, "iloc") and hasattr(part, "to_numpy")


def _first(part: Any, samples: int) -> Any:
    """The first samples of an array of ``fit``, of a table its rows."""
    if part is None:
        return None
    return part.iloc[:samples].to_numpy() if _is_of_pandas(part) else part[:samples]
