"""What each regularizer of a model adds to the loss, and how hard it pulls at the weights.

The figures are those of Keras's own training step: each penalty is computed by the regularizer itself, activity
penalties are taken from the forward pass as the installed Keras adds them (divided by the batch size or not), and the
rows are checked against the sum of ``model.losses``; what is left over gets a row of its own. The forward pass has
``training=False``: dropout is off and BatchNormalization uses its moving statistics, so that no state of the model has
to change; an activity penalty behind dropout therefore differs a little from that of a training step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from keras import ops

from reglint.probe.penalties.configured import ACTIVITY, Configured, configured, described, strength
from reglint.probe.penalties.data_loss import DataLoss, data_loss, labels_for, labels_of
from reglint.probe.penalties.forward import ADD_LOSS, Loss, Pass, forward
from reglint.probe.penalties.gradients import norms_of_each, values_and_norms_of, values_of
from reglint.probe.penalties.judging import judge
from reglint.probe.penalties.library import library_of
from reglint.probe.statistics.randomness import randomness_kept
from reglint.probe.values import Penalty, ProbeError

__all__ = ["ADD_LOSS", "UNACCOUNTED", "Weighed", "Weighing", "judge", "penalties"]

UNACCOUNTED = "unaccounted"
"""The ``argument`` of the row for what ``model.losses`` has beyond the other rows, or lacks."""

_TOLERANCE = 1e-4  # float32 sums of the same numbers in another order differ by some 1e-6 of the sum


@dataclass(frozen=True)
class Weighed(Penalty):
    """A Penalty with what explains it.

    ``gradient_norm`` is ‖∇penalty‖ over all trainable weights; it needs no labels. ``loss`` names the data loss behind
    ``share`` and ``gradient_ratio``, and says where it came from (``mean_squared_error (inferred)``). ``cause`` says
    why the regularizer contributes nothing: ``zero-strength``, ``frozen`` (its weights are not trained; tf_keras adds
    the penalty as a constant), ``assigned-after-build``, ``no-such-weight`` (``use_bias=False`` and the like),
    ``time-distributed`` and ``not-called`` (its layer's outputs never pass Keras's ``__call__``), ``zero-weights``,
    ``zero-outputs`` (nothing there to penalize), ``underflow``, ``no-gradient`` (a penalty that no weight feels),
    ``nothing-to-train`` (the same where no weight before it is trained); ``partly-counted`` where Keras leaves out some
    of the layer's calls.
    """

    gradient_norm: float | None = None
    loss: str | None = None
    cause: str | None = None


@randomness_kept()
def penalties(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    loss: Any = None,
    batch_size: int = 32,
    max_batches: int = 8,
) -> tuple[Penalty, ...]:
    """The regularizers of a built model of Keras 3 or tf_keras, with what they contribute on this data.

    ``x`` and ``y`` have samples along the first axis (arrays, or lists or dicts of them, as ``fit`` takes them);
    figures are means over up to ``max_batches`` full batches of ``batch_size`` samples. ``loss`` is what ``compile``
    takes; without it the compiled loss is used, else one that the outputs and the labels leave no doubt about. Without
    labels, or without a loss, ``share`` and ``gradient_ratio`` are None. Labels that are numbers of classes become
    one-hot where the loss takes them so.

    ``gradient_ratio`` is the ratio of the means of the norms over the batches, over the weights in which the penalty
    has a gradient; None where the data loss has none there. Losses from ``add_loss`` have rows with the argument
    ``add_loss``. The model is left as it was. ProbeError for a model that isn't built, and for labels or losses that
    don't fit its outputs.
    """
    if not model.built:
        raise ProbeError(f"the model {model.name} is not built yet; call it on a batch first")
    target = None if y is None else data_loss(model, y, loss)
    weighing = Weighing(model, target)
    if not weighing.regularizers and not weighing.adds_losses(next(_batches(model, x, None, batch_size, 1))[0]):
        return ()
    labels = None if target is None else labels_for(target, model, y)
    measured = [weighing.measured(*batch) for batch in _batches(model, x, labels, batch_size, max_batches)]
    values = np.mean([batch[0] for batch in measured], axis=0, dtype=np.float64)
    norms = np.mean([batch[1] for batch in measured], axis=0, dtype=np.float64)
    return tuple(weighing.rows(values, norms))


def _batches(model: Any, x: Any, y: Any, size: int, at_most: int) -> Iterator[tuple[Any, list[Any] | None]]:
    """Full batches as tensors, floats in Keras's float type; one smaller batch where there are too few samples."""
    inputs = keras.tree.map_structure(np.asarray, x)
    labels = None if y is None else [np.asarray(part) for part in labels_of(model, y)]
    lengths = {len(part) for part in [*keras.tree.flatten(inputs), *(labels or ())]}
    if len(lengths) != 1 or 0 in lengths:
        raise ProbeError(f"inputs and labels have {sorted(lengths)} samples; give as many of each, and at least one")
    samples = lengths.pop()
    for start in range(0, max(samples - size, 0) + 1, size)[:at_most]:
        part = slice(start, start + size)
        yield (
            keras.tree.map_structure(lambda array, part=part: tensor_of(array[part]), inputs),
            None if labels is None else [tensor_of(array[part]) for array in labels],
        )


def tensor_of(array: Any) -> Any:
    """An array as a tensor of the backend; double precision becomes Keras's float type, as in ``fit``."""
    array = np.asarray(array)
    return ops.convert_to_tensor(array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array)


class Weighing:
    """Computes the penalties of a model again and again, compiled once: by batch, and by step in a training.

    ``loss`` is the data loss, None for none.
    """

    def __init__(self, model: Any, loss: DataLoss | None) -> None:
        self.model = model
        self.loss = loss
        self.library = library_of(model)
        self.regularizers = tuple(configured(model))
        self._forward: tuple[_Row, ...] = ()

    @property
    def weight_rows(self) -> tuple[Configured, ...]:
        """The weight regularizers."""
        return tuple(one for one in self.regularizers if one.argument != ACTIVITY)

    # ------------------------------------------------------------------------------------------------------ measured

    def measured(self, x: Any, y: list[Any] | None) -> tuple[Any, Any]:
        """Values and gradient norms of all terms on one batch of tensors, for :meth:`rows`."""
        trained, fixed = self._state()
        if not trained:
            values = self.values(x, y)
            return values, np.zeros((len(values), 0))
        with self.library.unchanged(self.model):
            values, norms = self._with_gradients(trained, fixed, x, y)
        weight_values, weight_norms = self._of_weights(trained)
        return np.concatenate([weight_values, values]), np.concatenate([weight_norms, norms])

    def adds_losses(self, x: Any) -> bool:
        """Does a call on this batch add a loss, of whatever kind? Not compiled: it is asked once."""
        with self.library.unchanged(self.model):
            *_, total = Weighing(self.model, None)._forward_terms(*self._state(), x, None)
        return bool(ops.convert_to_numpy(total) != 0)

    def values(self, x: Any, y: list[Any] | None) -> Any:
        """The values alone; cheaper by the backward passes."""
        with self.library.unchanged(self.model):
            return self._without_gradients(*self._state(), x, y)

    def weight_values(self) -> Any:
        """The penalties of the weights alone, for which no data is needed: (weight_rows,)."""
        return self._weights_only(self._state()[0])

    def _state(self) -> tuple[list[Any], list[Any]]:
        """The values of the model's variables: those that are trained, all others."""
        return self.library.state(self.model)

    @cached_property
    def _with_gradients(self) -> Any:
        return values_and_norms_of(self._forward_terms, in_place=self.library.in_place)

    @cached_property
    def _without_gradients(self) -> Any:
        return values_of(lambda trained, *rest: [*self._weight_terms(trained), *self._forward_terms(trained, *rest)])

    @cached_property
    def _weights_only(self) -> Any:
        return values_of(lambda trained: self._weight_terms(trained) or [ops.zeros(())])

    @cached_property
    def _weights_with_gradients(self) -> Any:
        return norms_of_each([(_penalty_terms(one), places) for one, places in self._penalized() if _counts(one)])

    def _of_weights(self, trained: Sequence[Any]) -> tuple[Any, Any]:
        """Values and norms of the weight regularizers, each by its own variables: no row needs the whole model."""
        reached = [_counts(one) for one in self.weight_rows]
        values, norms = np.zeros(len(reached)), np.zeros((len(reached), len(trained)))
        if any(reached):
            values[reached], norms[reached] = self._weights_with_gradients(trained)
        return values, norms

    def _penalized(self) -> Iterator[tuple[Configured, list[int]]]:
        """The weight regularizers with the places of their variables among the trainable ones."""
        index = {id(variable): at for at, variable in enumerate(self.model.trainable_variables)}
        for one in self.weight_rows:
            yield one, [index[id(variable)] for variable in one.variables]

    def _weight_terms(self, trained: Sequence[Any]) -> list[Any]:
        return [_penalty(one, [trained[place] for place in places]) for one, places in self._penalized()]

    def _forward_terms(self, trained: Sequence[Any], fixed: Sequence[Any], x: Any, y: list[Any] | None) -> list[Any]:
        """Activity penalties and added losses, then the sum of the model's losses, then the data loss if any."""
        done = forward(self.model, trained, fixed, x)
        self._forward, terms = _grouped(self.regularizers, done)
        terms.append(sum((ops.sum(ops.cast(one, "float32")) for one in done.losses), ops.zeros((), "float32")))
        if self.loss is not None:
            terms.append(self.loss(y or [], done.outputs))
        return terms

    # ---------------------------------------------------------------------------------------------------------- rows

    def rows(self, values: Any, norms: Any | None = None) -> Iterator[Weighed]:
        """The rows of the table from values and norms, or their means over batches."""
        named = [*(_Row.of(one) for one in self.weight_rows), *self._forward]
        total, whole = float(values[len(named)]), self.whole(values)
        for at, row in enumerate(named):
            value = float(values[at])
            ratio, norm = (
                (None, None) if norms is None else _ratio(norms[at], norms[-1] if self.loss is not None else None)
            )
            yield Weighed(
                layer=row.layer,
                class_name=row.class_name,
                argument=row.argument,
                regularizer=described(row.regularizer) if row.regularizer is not None else ADD_LOSS,
                strength=strength(row.regularizer) if row.regularizer is not None else {},
                penalty=value,
                share=None if whole is None else value / whole,
                gradient_ratio=ratio,
                gradient_norm=norm,
                loss=f"{self.loss.name} ({self.loss.origin})" if self.loss is not None else None,
                cause=row.cause or self._cause(row, value, norm),
            )
        yield from self._left_over(total - float(np.sum(values[: len(named)])), total, whole)

    def whole(self, values: Any) -> float | None:
        """Data loss and penalties together; None without a data loss, or where the sum is not positive."""
        whole = float(values[-1] + values[-2]) if self.loss is not None else 0.0
        return whole if whole > 0 else None

    def _left_over(self, difference: float, total: float, whole: float | None) -> Iterator[Weighed]:
        """What Keras adds up and no row has: not passed over in silence."""
        if abs(difference) > _TOLERANCE * max(abs(total), 1e-12):
            share = None if whole is None else difference / whole
            model = self.model
            yield Weighed(model.name, type(model).__name__, UNACCOUNTED, UNACCOUNTED, {}, difference, share)

    def _cause(self, row: _Row, value: float, norm: float | None) -> str | None:
        """Why a penalty is nothing, or is felt by no weight."""
        if value == 0 and row.argument == ACTIVITY:
            return "zero-outputs"
        if value == 0 and row.variables:
            weights = any(np.any(self.library.numbers(variable)) for variable in row.variables)
            return "zero-weights" if not weights else "underflow" if strength(row.regularizer) else None
        if norm == 0 and row.argument == ACTIVITY:
            frozen = row.owner.weights and not row.owner.trainable_variables
            return "nothing-to-train" if frozen or not self.model.trainable_variables else "no-gradient"
        return None


@dataclass(frozen=True, eq=False)
class _Row:
    """A term with its name: what the row of the table says besides the figures."""

    layer: str
    class_name: str
    argument: str
    regularizer: Any
    owner: Any
    variables: tuple[Any, ...] = ()
    cause: str | None = None

    @classmethod
    def of(cls, one: Configured, cause: str | None = None) -> _Row:
        return cls(
            one.layer, one.class_name, one.argument, one.regularizer, one.owner, one.variables, one.cause or cause
        )


def _counts(one: Configured) -> bool:
    return bool(one.variables or one.frozen)


def _penalty(one: Configured, values: Sequence[Any]) -> Any:
    parts = (ops.sum(ops.cast(one.regularizer(value), "float32")) for value in (*values, *one.frozen))
    return sum(parts, ops.zeros((), "float32"))


def _penalty_terms(one: Configured) -> Any:
    return lambda values: [_penalty(one, values)]


def _ratio(norms: Any, data: Any | None) -> tuple[float | None, float]:
    """‖∇penalty‖ / ‖∇data loss‖ over the variables that the penalty reaches, and ‖∇penalty‖."""
    norm = float(np.sqrt(np.sum(np.square(norms))))
    if data is None:
        return None, norm
    if norm == 0:
        return 0.0, norm
    against = float(np.sqrt(np.sum(np.square(data[norms > 0]))))
    return (norm / against if against > 0 else None), norm


def _grouped(regularizers: Sequence[Configured], done: Pass) -> tuple[tuple[_Row, ...], list[Any]]:
    """The terms of the forward pass by layer and argument; a configured activity regularizer always has one."""
    rows: list[_Row] = []
    terms: list[Any] = []
    waiting: dict[tuple[int, str], list[Loss]] = {}
    for loss in done.added:
        waiting.setdefault((id(loss.owner), loss.argument), []).append(loss)
    for one in regularizers:
        if one.argument == ACTIVITY:
            added = waiting.pop((id(one.owner), ACTIVITY), [])
            counted = [loss for loss in added if done.counted(loss)]
            cause = _why_not_added(one) if not added else "partly-counted" if len(counted) < len(added) else None
            rows.append(_Row.of(one, cause))
            terms.append(_sum(counted))
    for added in waiting.values():
        first = added[0]
        rows.append(_Row(first.layer, type(first.owner).__name__, first.argument, None, first.owner))
        terms.append(_sum([loss for loss in added if done.counted(loss)]))
    return tuple(rows), terms


def _why_not_added(one: Configured) -> str:
    wrapped = any(isinstance(holder, keras.layers.TimeDistributed) for holder in one.holders)
    return "time-distributed" if wrapped else "not-called"


def _sum(losses: Sequence[Loss]) -> Any:
    return sum((ops.sum(ops.cast(loss.value, "float32")) for loss in losses), ops.zeros((), "float32"))
