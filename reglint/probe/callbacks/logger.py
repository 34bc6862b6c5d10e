"""RegularizationLogger: what the penalties make of the loss, epoch by epoch, in History and every other log."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from packaging.version import Version

from reglint.probe.callbacks.sampling import FIRST, Sampling
from reglint.probe.penalties.configured import ACTIVITY
from reglint.probe.penalties.data_loss import data_loss, labels_of
from reglint.probe.penalties.weighing import Weighing, tensor_of

KEY = "regularization/{layer}/{argument}"
TOTAL = "regularization/total"

_DIVIDES_SINCE = Version("3.14")  # the activity loss by the batch size: rules/facts/activity_loss.toml


class RegularizationLogger(Sampling):
    """Puts ``regularization/<layer>/<argument>`` and ``regularization/total`` into the ``logs`` of ``fit``.

    ``show`` is ``share`` (each penalty's part of the whole loss, 0 to 1) or ``penalty``. The whole loss is that of
    the sample at the time of the look; without labels or a loss it is the epoch's ``loss`` in ``logs``. Without any
    sample (``fit`` got a data set, and the callback no ``data``) only the penalties of weights are known: where there
    are activity regularizers, theirs and the total are NaN, and the callback says so once. ``loss`` as in ``compile``,
    which is where it comes from otherwise. The other arguments are those of :class:`Sampling`:

    >>> model.fit(x, y, epochs=20, callbacks=[RegularizationLogger()])  # doctest: +SKIP
    """

    def __init__(
        self,
        data: Any = None,
        *,
        show: str = "share",
        loss: Any = None,
        every: int = 1,
        per: str = "epoch",
        samples: int = FIRST,
        budget: float | None = 0.02,
    ) -> None:
        super().__init__(data, every=every, per=per, samples=samples, budget=budget)
        if show not in ("share", "penalty"):
            raise ValueError(f"show is {show!r}; it must be 'share' or 'penalty'")
        self.show = show
        self.loss = loss
        self._weighing: Weighing | None = None
        self._batch: tuple[Any, Any] | None = None

    def figures(self, model: Any, logs: Mapping[str, Any], first: bool) -> Mapping[str, float]:
        """The figures of all regularizers."""
        if first or self._weighing is None:
            self._prepare(model)
        assert self._weighing is not None
        found, whole = self._penalties(self._weighing)
        divisor = 1.0
        if self.show == "share":
            divisor = whole if whole is not None else float(logs.get("loss", math.nan))
        figures = {name: value / divisor if divisor > 0 else math.nan for name, value in found.items()}
        return {**figures, TOTAL: sum(figures.values())}

    def _prepare(self, model: Any) -> None:
        x, y = self.data if isinstance(self.data, tuple) and len(self.data) == 2 else (self.data, None)
        size = self.samples if Version(keras.__version__) >= _DIVIDES_SINCE else _batch_size(self.params, x)
        size = _fixed_batch_size(model) or size
        target = None if x is None or y is None else data_loss(model, y, self.loss)
        self._weighing = Weighing(model, target)
        labels = None if target is None else [tensor_of(np.asarray(part)[:size]) for part in labels_of(model, y)]
        self._batch = None
        if x is None and any(one.argument == ACTIVITY for one in self._weighing.regularizers):
            warnings.warn(
                "RegularizationLogger cannot know the penalties of activities: fit got no arrays. "
                "Give it a sample, as in data=(x, y)",
                RuntimeWarning,
                stacklevel=2,
            )
        if x is not None:
            self._batch = (keras.tree.map_structure(lambda part: tensor_of(np.asarray(part)[:size]), x), labels)

    def _penalties(self, weighing: Weighing) -> tuple[dict[str, float], float | None]:
        """Key -> penalty, and the whole loss where the sample shows it."""
        found: dict[str, float] = {}
        if self._batch is None:
            for one, value in zip(weighing.weight_rows, weighing.weight_values(), strict=False):
                key = KEY.format(layer=one.layer, argument=one.argument)
                found[key] = found.get(key, 0.0) + float(value)
            unknown = [one for one in weighing.regularizers if one.argument == ACTIVITY]
            return found | {KEY.format(layer=one.layer, argument=ACTIVITY): math.nan for one in unknown}, None
        values = weighing.values(*self._batch)
        for row in weighing.rows(values):
            key = KEY.format(layer=row.layer, argument=row.argument)
            found[key] = found.get(key, 0.0) + row.penalty
        return found, weighing.whole(values)


def _fixed_batch_size(model: Any) -> int | None:
    """The one batch size that a model takes, as a stateful one does."""
    return next((each.shape[0] for each in getattr(model, "inputs", None) or () if each.shape[0] is not None), None)


def _batch_size(params: Mapping[str, Any] | None, x: Any) -> int:
    """The batch size of the training where its figures depend on it, as far as ``fit`` tells its callbacks."""
    steps = (params or {}).get("steps")
    samples = 0 if x is None else len(keras.tree.flatten(x)[0])
    return max(1, math.ceil(samples / steps)) if steps and samples else 32
