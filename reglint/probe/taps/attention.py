"""Attention that computes its softmax inside one operation: the logits are computed once more, beside it.

The operation itself runs as ever, so that the model's outputs do not change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reglint.probe.statistics import reductions

if TYPE_CHECKING:
    from reglint.probe.taps.tapping import Tap


def tapped_attention(tap: Tap, attention: Callable[..., Any]) -> Callable[..., Any]:
    """Return the backend's ``dot_product_attention``, tapped."""

    def tapped(query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = attention(query, key, value, *args, **kwargs)
        trace = tap.trace
        if trace.busy or not trace.frames:
            return outputs
        frame = trace.frames[-1]
        if trace.muted is not None or trace.step is not None:
            trace.hidden[frame.path] = trace.muted or "attention in a loop"
            return outputs
        with tap.busy():
            named = dict(zip(("bias", "mask", "scale", "is_causal"), args, strict=False)) | kwargs
            z, kept = _logits(query, key, named, tap.ops, tap.every_position)
            p = tap.ops.softmax(tap.ops.where(kept, z, reductions.MASKED_LOGIT), axis=-1)
            tap.record_rows(frame, "softmax", "softmax", z, p, kept, None)
        return outputs

    return tapped


def _logits(query: Any, key: Any, named: dict[str, Any], ops: Any, every_position: bool) -> tuple[Any, Any]:
    """Return the logits (batch, heads, queries, keys) of evenly spread queries, and which of them count."""
    size, keys = ops.shape(query)[1], ops.shape(key)[1]
    stride = 1 if every_position else -(-size // reductions.POSITIONS)
    chosen = ops.arange(stride // 2, size, stride)
    few = ops.cast(ops.take(query, chosen, axis=1), "float32")
    key = ops.cast(key, "float32")
    if key.shape[2] != few.shape[2]:  # grouped queries share their keys
        key = ops.repeat(key, few.shape[2] // key.shape[2], axis=2)
    scale = named.get("scale")
    z = ops.einsum("btnh,bsnh->bnts", few, key) * (few.shape[-1] ** -0.5 if scale is None else scale)
    bias, mask = named.get("bias"), named.get("mask")
    if bias is not None:
        bias = ops.cast(bias, "float32")
        z = z + (ops.take(bias, chosen, axis=2) if bias.shape[2] != 1 else bias)
    kept = ops.ones_like(z, dtype="bool")
    if mask is not None:
        mask = ops.cast(mask, "bool")
        mask = ops.expand_dims(mask, 1) if len(mask.shape) == 3 else mask
        kept = ops.logical_and(kept, ops.take(mask, chosen, axis=2) if mask.shape[2] != 1 else mask)
    if named.get("is_causal"):
        kept = ops.logical_and(kept, ops.arange(keys)[None, :] <= chosen[:, None])
    return z, kept
