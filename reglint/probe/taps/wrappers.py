"""TimeDistributed: Keras calls the inner layer once for each step, or maps it; here all steps are one batch.

That is the same computation for every layer that treats its samples alike, and only the figures of the tap come from
it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reglint.probe.taps.tapping import Tap


def folded_time_distributed(tap: Tap, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a ``TimeDistributed.call`` that folds the axis of time into the axis of samples."""

    def folded(self: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if not tap.trace.frames or not hasattr(inputs, "shape"):
            return call(self, inputs, training=training, mask=mask)
        ops = tap.ops
        shape = ops.shape(inputs)
        flat = ops.reshape(inputs, (-1, *shape[2:]))
        flat_mask = None if mask is None else ops.reshape(mask, (-1, *ops.shape(mask)[2:]))
        options: dict[str, Any] = {}
        if flat_mask is not None and self.layer._call_has_mask_arg:
            options["mask"] = flat_mask
        if self.layer._call_has_training_arg:
            options["training"] = training
        with tap.calling(self.layer, flat, flat_mask):
            outputs = self.layer.call(flat, **options)
        return ops.reshape(outputs, (shape[0], shape[1], *ops.shape(outputs)[1:]))

    return folded
