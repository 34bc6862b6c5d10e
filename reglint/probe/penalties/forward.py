"""One forward pass of a model without any trace left in it, which tells whose loss is whose.

Keras collects the losses of a call in lists without names. Here every ``add_loss`` notes who called it, and whether for
an activity regularizer. With Keras 3 the pass runs in a stateless scope: variables that the model assigns (statistics,
seeds, states of recurrent layers) change nothing outside it. tf_keras has none: ``Library.unchanged`` goes around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras

from reglint.probe.penalties.configured import ACTIVITY, Located, located
from reglint.probe.penalties.library import Library, library_of
from reglint.probe.values import ProbeError

ADD_LOSS = "add_loss"


@dataclass(frozen=True)
class Loss:
    """A loss of the forward pass: the path of the layer, ``activity_regularizer`` or ``add_loss``, the scalar.

    ``late`` is one that was no scalar before the model's losses were read.
    """

    layer: str
    argument: str
    value: Any
    owner: Any
    late: bool = False


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
        return loss.late or any(loss.value is one for one in self.losses)


def forward(model: Any, trained: Sequence[Any], fixed: Sequence[Any], x: Any) -> Pass:
    """Call a built model on a batch with ``training=False`` and these values for its variables, which
    ``Library.state`` has in the same order. ProbeError where a layer adds a loss that nobody can read.
    """
    library = library_of(model)
    places = list(located(model))
    layers = [place.layer for place in places]
    with _noting(places, library) as added, library.calling(model, layers, trained, fixed) as call:
        outputs = call(x)
        for loss in added:
            reason = library.why_unreadable(loss.value)
            if reason is not None:
                raise ProbeError(f"`{loss.layer}` {reason}")
        late = [
            Loss(place.path, ADD_LOSS, value, place.layer, late=True)
            for place in places
            for value in library.left_behind(place.layer)
        ]
        return Pass(outputs, (*added, *late), tuple(model.losses))


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
def _noting(places: Sequence[Located], library: Library) -> Iterator[list[Loss]]:
    """While this is open, what layers add as losses goes into the list; afterwards they are as before."""
    added: list[Loss] = []
    with ExitStack() as undo:
        for place in places:
            undo.enter_context(_noting_layer(place.path, place.layer, library, added))
        yield added


@contextmanager
def _noting_layer(path: str, layer: Any, library: Library, added: list[Loss]) -> Iterator[None]:
    own = vars(layer)
    add_loss, regularizer = layer.add_loss, own.get(library.activity)
    noted = _Noted(regularizer) if callable(regularizer) else None

    def noting_add_loss(losses: Any, **options: Any) -> None:
        argument = ADD_LOSS
        if noted is not None and noted.pending:
            noted.pending -= 1
            argument = ACTIVITY
        losses = library.added(losses)
        flat = [one for one in keras.tree.flatten(losses) if one is not None and not callable(one)]
        added.extend(Loss(path, argument, one, layer) for one in flat)
        add_loss(losses, **options)

    # Past Layer.__setattr__, which would track and, on a locked layer, refuse
    own[ADD_LOSS] = noting_add_loss
    if noted is not None:
        own[library.activity] = noted
    try:
        yield
    finally:
        del own[ADD_LOSS]
        if noted is not None:
            own[library.activity] = regularizer
