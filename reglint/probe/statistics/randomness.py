"""Random numbers that a look at a model must not use up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from typing import Any

GLOBAL_SEEDS = "global_seed_generator"
"""Where Keras keeps the seeds of layers that have no generator of their own; read in Keras 3.15.1."""


@contextmanager
def randomness_kept() -> Iterator[None]:
    """Put back, on the way out, the random numbers that do not belong to a model: Keras's own seeds, and torch's.

    A layer that is random in inference draws from them, and so does an RNN with dropout on torch.
    """
    from keras import ops

    state = _global_seeds()
    before = None if state is None else ops.convert_to_numpy(state).copy()
    try:
        with _of_torch():
            yield
    finally:
        if state is not None:
            state.assign(before)


def _global_seeds() -> Any:
    """Return the variable with the state of Keras's own seeds, None where nobody has asked for one yet."""
    try:
        generators = import_module("keras.src.backend.common.global_state")
    except ImportError:
        return None
    return getattr(generators.get_global_attribute(GLOBAL_SEEDS), "state", None)


def _of_torch() -> AbstractContextManager[Any]:
    from keras import backend

    if backend.backend() != "torch":
        return nullcontext()
    import torch

    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    context: AbstractContextManager[Any] = torch.random.fork_rng(gpus)
    return context
