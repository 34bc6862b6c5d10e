"""One forward pass of a Keras 3 model without any trace left in it, which tells whose loss is whose.

Keras collects the losses of a call in lists without names. Here every ``add_loss`` notes who called it, and whether for
an activity regularizer. The pass runs in a stateless scope: variables that the model assigns (statistics, seeds, states
of recurrent layers) change nothing outside it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras

from reglint.probe.penalties.configured import ACTIVITY, located

ADD_LOSS = "add_loss"


@dataclass(frozen=True)
class Loss:
    """A loss of the forward pass: the path of the layer, ``activity_regularizer`` or ``add_loss``, the scalar."""

    layer: str
    argument: str
    value: Any
    owner: Any


@dataclass(frozen=True)
class Pass:
    """What a forward pass gave: the outputs, the losses that layers added, and those among them that Keras counts.

    ``losses`` is the model's list as Keras's own training step reads it, the penalties of weights included.
    """

    outputs: Any
    added: tuple[Loss, ...]
    losses: tuple[Any, ...]

    def counted(self, loss: Loss) -> bool:
        """Is this loss part of what training adds up? On JAX a layer called twice loses that of the first call."""
        return any(loss.value is one for one in self.losses)


def forward(model: Any, values: Sequence[Any], x: Any) -> Pass:
    """Call a built model on a batch with these values for ``model.variables``, with ``training=False``.

    It goes the way of the backend's training step, ``model.call`` on JAX and ``model(…)`` elsewhere, for Keras does
    not count the same losses on both.
    """
    call = model.call if keras.backend.backend() == "jax" else model
    options = {"training": False} if _takes_training(model) else {}
    mapping = list(zip(model.variables, values, strict=True))
    with _noting(model) as added, keras.StatelessScope(state_mapping=mapping, collect_losses=True):
        outputs = call(x, **options)
        return Pass(outputs, tuple(added), tuple(model.losses))


def _takes_training(model: Any) -> bool:
    """Keras hands ``training`` to no ``call`` that doesn't name it."""
    return "training" in inspect.signature(model.call).parameters


@dataclass
class _Noted:
    """Stands in for an activity regularizer, so that the loss that is added next is known to be its."""

    regularizer: Any
    pending: int = field(default=0)

    def __call__(self, output: Any) -> Any:
        loss = self.regularizer(output)
        self.pending += 1
        return loss

    def __getattr__(self, name: str) -> Any:
        return getattr(self.regularizer, name)


@contextmanager
def _noting(model: Any) -> Iterator[list[Loss]]:
    """While this is open, what layers add as losses goes into the list; afterwards they are as before."""
    added: list[Loss] = []
    with ExitStack() as undo:
        for place in located(model):
            undo.enter_context(_noting_layer(place.path, place.layer, added))
        yield added


@contextmanager
def _noting_layer(path: str, layer: Any, added: list[Loss]) -> Iterator[None]:
    own = vars(layer)
    losses, ids = list(layer._losses), set(layer._loss_ids)
    add_loss, regularizer = layer.add_loss, own.get(ACTIVITY)
    noted = _Noted(regularizer) if callable(regularizer) else None

    def noting_add_loss(loss: Any) -> None:
        argument = ADD_LOSS
        if noted is not None and noted.pending:
            noted.pending -= 1
            argument = ACTIVITY
        added.extend(Loss(path, argument, one, layer) for one in keras.tree.flatten(loss))
        add_loss(loss)

    # Past Layer.__setattr__, which would track and, on a locked layer, refuse
    own[ADD_LOSS] = noting_add_loss
    if noted is not None:
        own[ACTIVITY] = noted
    try:
        yield
    finally:
        del own[ADD_LOSS]
        if noted is not None:
            own[ACTIVITY] = regularizer
        layer._losses[:] = losses
        layer._loss_ids.clear()
        layer._loss_ids.update(ids)
