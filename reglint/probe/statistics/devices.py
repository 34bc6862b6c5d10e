"""Several devices at once: every batch is split among them, by Keras's own distribution.

That is done on request only (``--device all``). A probe looks at some hundred samples, which one device has done before
several have copied the model and compiled, and a training may be running on the others. A model that its owner has
distributed is probed as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from reglint.probe.values import ProbeError


@dataclass(frozen=True)
class Devices:
    """How many devices share a batch, and the context in which a model must be made for that.

    The probe itself stays outside of that context: in the scope of a strategy Keras divides a loss by their number.
    """

    count: int = 1
    making: Callable[[], AbstractContextManager[Any]] = nullcontext


@contextmanager
def spread(device: str, backend: str) -> Iterator[Devices]:
    """Let models run on every device of the backend in here, if ``device`` is ``all``.

    Raises ProbeError for torch, which Keras does not distribute in one process.
    """
    if device != "all":
        yield Devices()
    elif backend == "jax":
        import keras

        distribution = keras.distribution.DataParallel()
        with distribution.scope():
            yield Devices(int(distribution.device_mesh.devices.size))
    elif backend == "tensorflow":
        import tensorflow as tf

        names = [each.name for kind in ("GPU", "CPU") for each in tf.config.list_logical_devices(kind)]
        first = names[0].rpartition(":")[0]
        strategy = tf.distribute.MirroredStrategy([name for name in names if name.startswith(first)])
        yield Devices(int(strategy.num_replicas_in_sync), strategy.scope)
    else:
        raise ProbeError(f"--device all: Keras spreads no batch over several devices on {backend}; take gpu:N")


def whole_batches(batch_size: int, devices: int) -> int:
    """Return the batch size, rounded up so that each device gets as many samples."""
    return -(-batch_size // devices) * devices


def named(devices: Iterable[str]) -> str:
    """Return a name for devices such as ``GPU:0`` and ``GPU:1``: ``GPU:0-1``."""
    found = sorted({(kind, int(number)) for kind, _, number in (each.rpartition(":") for each in devices)})
    kinds = sorted({kind for kind, _ in found})
    return ", ".join(f"{kind}:{_numbers([number for each, number in found if each == kind])}" for kind in kinds)


def _numbers(numbers: list[int]) -> str:
    if len(numbers) > 1 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]}-{numbers[-1]}"
    return ",".join(map(str, numbers))


def divides(count: int, arrays: Iterable[Any]) -> bool:
    """Say whether the samples of a batch can be dealt out evenly; an odd last batch stays in one piece."""
    return all(getattr(each, "shape", None) and each.shape[0] % count == 0 for each in arrays)
