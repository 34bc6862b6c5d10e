"""Values of several scalars and the norms of their gradients, on TensorFlow, JAX and torch.

A *terms* function takes the values of the trainable variables and further arguments (nested structures of tensors) and
returns a list of scalars. What is made of it here runs compiled where the backend compiles, and returns NumPy arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

Terms = Callable[..., Sequence[Any]]
"""(values of the trainable variables, further arguments…) -> scalars"""


def values_of(terms: Terms) -> Callable[..., Any]:
    """The function that computes the scalars alone: an array (terms,) in float32."""

    def stacked(*arguments: Any) -> Any:
        return ops.stack([_scalar(term) for term in terms(*arguments)])

    run = _COMPILERS[_backend()](stacked)
    return lambda *arguments: ops.convert_to_numpy(run(*arguments))


def values_and_norms_of(terms: Terms, *, in_place: bool = False) -> Callable[..., tuple[Any, Any]]:
    """The function that computes the scalars (terms,) and ‖∂term/∂variable‖ (terms, variables), in float32.

    A variable that a term doesn't depend on has the norm 0. ``in_place`` is for terms that read variables of TensorFlow
    themselves, and not the values that they take: then these are the variables.
    """
    rows = _pulled_rows(terms, _tensorflow_pull_in_place) if in_place else _ROWS[_backend()](terms)

    def to_host(values: Sequence[Any], *arguments: Any) -> tuple[Any, Any]:
        scalars, norms = rows(list(values), *arguments)
        return ops.convert_to_numpy(scalars), ops.convert_to_numpy(norms)

    return to_host


def norms_of_each(terms: Sequence[tuple[Terms, Sequence[int]]]) -> Callable[[Sequence[Any]], tuple[Any, Any]]:
    """The same for terms that depend on few of the values each, given by their places: (terms,) and (terms, values).

    Hundreds of weight penalties cost one small gradient each, where a Jacobian would cost one of the whole model each.
    """
    backend = _backend()

    def each(values: Sequence[Any]) -> Any:
        scalars, norms = [], []
        for term, places in terms:
            value, gradients = _PULL[backend](term, [values[place] for place in places], ())
            by_place = dict(zip(places, map(_norm, gradients[0]), strict=True))
            scalars.append(value[0])
            norms.append(ops.stack([by_place.get(place, ops.zeros((), "float32")) for place in range(len(values))]))
        return ops.stack(scalars), ops.stack(norms)

    run = _COMPILERS[backend](each)

    def to_host(values: Sequence[Any]) -> tuple[Any, Any]:
        scalars, norms = run(list(values))
        return ops.convert_to_numpy(scalars), ops.convert_to_numpy(norms)

    return to_host


def _backend() -> str:
    name: str = keras.backend.backend()
    if name not in _PULL:
        from reglint.probe.values import ProbeError

        raise ProbeError(f"the backend {name} computes no gradients; set KERAS_BACKEND to tensorflow, jax or torch")
    return name


def _scalar(term: Any) -> Any:
    """Float32 and of rank 0: a custom regularizer may return one number in an array, a float16 model half a number."""
    return ops.sum(ops.cast(term, "float32"))


def _norm(gradient: Any) -> Any:
    """The Euclidean norm, scaled so that the square of a gradient of 1e-20 doesn't come out as 0 in float32."""
    if gradient is None or 0 in gradient.shape:
        return ops.zeros((), "float32")
    gradient = ops.cast(ops.convert_to_tensor(gradient), "float32")
    largest = ops.max(ops.abs(gradient))
    scale = ops.where(largest > 0, largest, ops.ones_like(largest))
    return largest * ops.sqrt(ops.sum(ops.square(gradient / scale)))


# ---------------------------------------------------------------------------------------------------------- backends

_Pulled = tuple[list[Any], list[list[Any]]]
_Pull = Callable[[Terms, Sequence[Any], Sequence[Any]], _Pulled]
_Rows = Callable[..., tuple[Any, Any]]


def _tensorflow_pull(terms: Terms, values: Sequence[Any], arguments: Sequence[Any]) -> _Pulled:
    import tensorflow as tf

    return _tensorflow_pull_in_place(terms, [tf.identity(value) for value in values], arguments)


def _tensorflow_pull_in_place(terms: Terms, values: Sequence[Any], arguments: Sequence[Any]) -> _Pulled:
    import tensorflow as tf

    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(values)
        scalars = [_scalar(term) for term in terms(values, *arguments)]
    return scalars, [tape.gradient(scalar, values) for scalar in scalars]


def _jax_pull(terms: Terms, values: Sequence[Any], arguments: Sequence[Any]) -> _Pulled:
    import jax
    import jax.numpy as jnp

    scalars, pullback = jax.vjp(_stacking(terms, arguments), list(values))
    rows = jnp.eye(scalars.shape[0], dtype=scalars.dtype)
    return list(scalars), [pullback(row)[0] for row in rows]


def _torch_pull(terms: Terms, values: Sequence[Any], arguments: Sequence[Any]) -> _Pulled:
    import torch

    values = [value.detach().requires_grad_(True) for value in values]
    with torch.enable_grad():
        scalars = [_scalar(term) for term in terms(values, *arguments)]
    rows = [
        list(torch.autograd.grad(scalar, values, retain_graph=True, allow_unused=True))
        if scalar.requires_grad
        else [None] * len(values)
        for scalar in scalars
    ]
    return [scalar.detach() for scalar in scalars], rows


_PULL: dict[str, _Pull] = {"tensorflow": _tensorflow_pull, "jax": _jax_pull, "torch": _torch_pull}


def _stacking(terms: Terms, arguments: Sequence[Any]) -> Callable[[Sequence[Any]], Any]:
    return lambda values: ops.stack([_scalar(term) for term in terms(values, *arguments)])


def _pulled_rows(terms: Terms, pull: _Pull | None = None) -> _Rows:
    """All rows from one forward pass."""
    pull = pull or _PULL[_backend()]

    def rows(values: Sequence[Any], *arguments: Any) -> Any:
        scalars, gradients = pull(terms, values, arguments)
        return ops.stack(scalars), ops.stack([ops.stack(list(map(_norm, row))) for row in gradients])

    return _COMPILERS[_backend()](rows)


def _jax_rows(terms: Terms) -> _Rows:
    """A forward pass for each row: XLA compiles one only; all in one took 19 s instead of 4 for 12 rows, measured."""
    import jax
    import jax.numpy as jnp

    def row_of(selected: Any, values: Sequence[Any], *arguments: Any) -> Any:
        scalars, pullback = jax.vjp(_stacking(terms, arguments), list(values))
        return scalars, jnp.stack([_norm(gradient) for gradient in pullback(selected)[0]])

    compiled = jax.jit(row_of)
    scalars_of = jax.jit(lambda values, *arguments: _stacking(terms, arguments)(values))

    def rows(values: Sequence[Any], *arguments: Any) -> tuple[Any, Any]:
        count = jax.eval_shape(scalars_of, values, *arguments).shape[0]
        found = [compiled(row, values, *arguments) for row in jnp.eye(count, dtype="float32")]
        return found[0][0], jnp.stack([norms for _, norms in found])

    return rows


_ROWS: dict[str, Callable[[Terms], _Rows]] = {"tensorflow": _pulled_rows, "jax": _jax_rows, "torch": _pulled_rows}


def _tensorflow_compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    import tensorflow as tf

    compiled: Callable[..., Any] = tf.function(function, reduce_retracing=True, autograph=False)
    return compiled


def _jax_compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    compiled: Callable[..., Any] = jax.jit(function)
    return compiled


def _torch_compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    import torch

    def without_gradients(*arguments: Any) -> Any:
        with torch.no_grad():
            return function(*arguments)

    return without_gradients


_COMPILERS: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "tensorflow": _tensorflow_compiled,
    "jax": _jax_compiled,
    "torch": _torch_compiled,
}
