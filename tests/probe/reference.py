"""What the probe must measure, computed once more: NumPy in float64, from a model's weights and inputs alone.

``follow(name, model, inputs)`` walks the model of a case with the formulas of its layers and keeps, for each
activation, the pre-activation z, its mask and what went into the kernel before it. ``figures(seen)`` reduces that
to the figures of ``reglint.probe.values.Site``. No code of the probe is used but its constants, and none of Keras
but the weights and the settings of the layers. Shapes: (samples, positions…, units), the units last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reglint.probe.values import EDGES, SATURATED_GAIN

Array = Any

DEAD_BELOW = {"relu": 0.0, "relu6": 0.0, "hard_silu": -3.0, "relu from 1 on": 1.0}
"""Where an activation is constant, at this z and below, so that a unit can be dead."""

UNJUDGED = ("linear", "leaky_relu", "twice_tanh", "prelu", "learnt celu")
"""Activations without figures of saturation: a slope that never vanishes or is learnt, or a function nobody knows."""


def sigmoid(z: Array) -> Array:
    return np.where(z >= 0, 1, np.exp(-np.abs(z))) / (1 + np.exp(-np.abs(z)))


def softplus(z: Array) -> Array:
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def softmax(z: Array) -> Array:
    powers = np.exp(z - z.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def erf(z: Array) -> Array:
    from math import erf as exact

    return np.vectorize(exact, otypes=[float])(z)


ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805
"""Constants of SELU (Klambauer et al. 2017)."""

FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda z: z,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "relu6": lambda z: np.clip(z, 0, 6),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.2 * z),
    "relu from 1 on": lambda z: np.where(z > 1, z, 0),
    "leaky relu6": lambda z: np.where(z > 0, np.minimum(z, 6), 0.1 * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "half elu": lambda z: np.where(z > 0, z, 0.5 * np.expm1(np.minimum(z, 0))),
    "steep elu": lambda z: np.where(z > 0, z, 3 * np.expm1(np.minimum(z, 0))),
    "selu": lambda z: SCALE * np.where(z > 0, z, ALPHA * np.expm1(np.minimum(z, 0))),
    "celu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "learnt celu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "wide celu": lambda z: np.where(z > 0, z, 4 * np.expm1(np.minimum(z, 0) / 4)),
    "gelu": lambda z: z * 0.5 * (1 + erf(z / np.sqrt(2))),
    "silu": lambda z: z * sigmoid(z),
    "mish": lambda z: z * np.tanh(softplus(z)),
    "softplus": softplus,
    "softsign": lambda z: z / (1 + np.abs(z)),
    "hard_sigmoid": lambda z: np.clip(z / 6 + 0.5, 0, 1),
    "hard_silu": lambda z: z * np.clip(z / 6 + 0.5, 0, 1),
    "hard_tanh": lambda z: np.clip(z, -1, 1),
    "log_sigmoid": lambda z: -softplus(-z),
    "twice_tanh": lambda z: np.tanh(2 * z),
    "softmax": softmax,
}


def gain(activation: str, z: Array) -> Array:
    """|f'(z)| / max |f'|, by central differences, but exact for functions with a kink at which z may lie."""
    function, step = FUNCTIONS[activation], 1e-6
    grid = np.linspace(-12, 12, 48_001) + 1e-4
    steepest = np.abs((function(grid + step) - function(grid - step)) / (2 * step)).max()
    if activation == "relu from 1 on":
        return (z > 1).astype(float)
    if activation in ("relu", "relu6"):
        return ((z > 0) & (z < (6 if activation == "relu6" else np.inf))).astype(float)
    return np.abs((function(z + step) - function(z - step)) / (2 * step)) / steepest


@dataclass
class Inward:
    """What stands before an activation: inputs, what of them each sum takes (last axis: fan-in), kernel, bias."""

    inputs: Array
    rows: Array
    kernel: Array
    bias: Array | None


@dataclass
class Seen:
    """The pre-activations of one site. ``mask`` is True where a value counts, shaped as z without the units."""

    layer: str
    site: str
    activation: str
    z: Array
    mask: Array | None = None
    inward: Inward | None = None
    cells: Array | None = None


@dataclass
class Run:
    """One walk through a model; ``seen`` in the order of evaluation, ``calls`` counts those of each layer.

    ``front`` is the last result of a kernel without an activation, and what it came from. ``carried`` says whether a
    stateful layer hands its state to the next batch: JAX's predict does not (measured in Keras 3.15.1).
    """

    seen: list[Seen] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    front: tuple[Array, Inward] | None = None
    carried: bool = True

    def name(self, path: str) -> str:
        """The path of this call of a layer: a further one ends in #2, #3, …"""
        self.calls[path] = self.calls.get(path, 0) + 1
        return path if self.calls[path] == 1 else f"{path}#{self.calls[path]}"

    def activate(
        self,
        layer: str,
        activation: str,
        z: Array,
        mask: Array | None = None,
        inward: Inward | None = None,
        site: str = "",
    ) -> Array:
        """f(z), noting z."""
        if activation == "linear":
            self.front = None if inward is None else (z, inward)
        else:
            if inward is None and self.front is not None and self.front[0] is z:
                inward = self.front[1]
            site = site or ("softmax" if activation == "softmax" else "activation")
            self.seen.append(Seen(layer, site, activation, z, mask, inward))
        return FUNCTIONS[activation](z)

    def dense(self, path: str, layer: Any, x: Array, mask: Array | None = None) -> Array:
        kernel, *bias = weights(layer)
        z = x @ kernel + (bias[0] if bias else 0)
        inward = Inward(x, x, kernel, bias[0] if bias else None)
        name, activation, own = self.name(path), activation_of(layer), getattr(layer.activation, "name", None)
        activation = WITH_OPTIONS.get(own, activation)
        if own is not None:  # a layer as the activation of another one is a place of its own
            return self.activate(f"{name}/{own}", activation, z, mask, inward)
        return self.activate(name, activation, z, mask, inward)


def weights(layer: Any) -> list[Array]:
    """The weights of a layer in float64."""
    return [np.asarray(weight, dtype="float64") for weight in layer.get_weights()]


def activation_of(layer: Any, attribute: str = "activation") -> str:
    """The name of the activation in a layer's settings; LeakyReLU's slope is always 0.2 in the cases."""
    found = getattr(layer, attribute)
    name = getattr(found, "__name__", type(found).__name__)
    return {"LeakyReLU": "leaky_relu", "ReLU": "relu", "ELU": "elu", "Softmax": "softmax"}.get(name, name)


def patches(x: Array, size: Sequence[int], layer: Any) -> Array:
    """All windows of a convolution: (samples, positions…, window…, channels)."""
    strides, dilation, axes = layer.strides, layer.dilation_rate, range(1, x.ndim - 1)
    reach = [(width - 1) * step + 1 for width, step in zip(size, dilation, strict=True)]
    if layer.padding != "valid":
        missing = []
        for axis, span, stride in zip(axes, reach, strides, strict=True):
            length = x.shape[axis]
            whole = max((-(-length // stride) - 1) * stride + span - length, 0)
            missing.append((span - 1, 0) if layer.padding == "causal" else (whole // 2, whole - whole // 2))
        x = np.pad(x, [(0, 0), *missing, (0, 0)])
    windows = np.moveaxis(np.lib.stride_tricks.sliding_window_view(x, reach, tuple(axes)), len(size) + 1, -1)
    thin = [slice(None), *(slice(None, None, step) for step in strides)]
    return windows[(*thin, *(slice(None, None, step) for step in dilation))]


def convolve(x: Array, kernel: Array, layer: Any) -> tuple[Array, Array, Array]:
    """A convolution as a matrix product: z without bias, the inputs of each window in a row, the kernel as a matrix."""
    windows = patches(x, kernel.shape[:-2], layer)
    rows = windows.reshape(*windows.shape[: len(kernel.shape) - 1], -1)
    matrix = kernel.reshape(-1, kernel.shape[-1])
    return rows @ matrix, rows, matrix


def depthwise(x: Array, kernel: Array, layer: Any) -> Array:
    """Each channel by itself (one filter a channel)."""
    windows = patches(x, kernel.shape[:-2], layer)
    places = len(kernel.shape) - 2
    return (windows * kernel[..., 0]).sum(axis=tuple(range(1 + places, 1 + 2 * places)))


# ------------------------------------------------------------------------------------------------- recurrent layers


def lstm_step(gates: dict[str, Callable[..., Array]], w: list[Array], x: Array, state: list[Array]) -> list[Array]:
    kernel, recurrent, bias = w
    hidden, memory = state
    i, f, g, o = np.split(x @ kernel + hidden @ recurrent + bias, 4, axis=-1)
    memory = gates["f"](f) * memory + gates["i"](i) * gates["g"](g)
    return [gates["o"](o) * gates["c"](memory), memory]


def gru_step(gates: dict[str, Callable[..., Array]], w: list[Array], x: Array, state: list[Array]) -> list[Array]:
    kernel, recurrent, bias = w
    after = bias.ndim == 2
    outer, inner = (bias[0], bias[1]) if after else (bias, 0)
    (hidden,) = state
    units = hidden.shape[-1]
    from_x = np.split(x @ kernel + outer, 3, axis=-1)
    if after:
        from_h = np.split(hidden @ recurrent + inner, 3, axis=-1)
        z, r = gates["z"](from_x[0] + from_h[0]), gates["r"](from_x[1] + from_h[1])
        new = gates["h"](from_x[2] + r * from_h[2])
    else:
        from_h = np.split(hidden @ recurrent[:, : 2 * units], 2, axis=-1)
        z, r = gates["z"](from_x[0] + from_h[0]), gates["r"](from_x[1] + from_h[1])
        new = gates["h"](from_x[2] + (r * hidden) @ recurrent[:, 2 * units :])
    return [z * hidden + (1 - z) * new]


def simple_step(gates: dict[str, Callable[..., Array]], w: list[Array], x: Array, state: list[Array]) -> list[Array]:
    kernel, recurrent, bias = w
    return [gates["a"](x @ kernel + state[0] @ recurrent + bias)]


KINDS: dict[str, tuple[Callable[..., list[Array]], str, str, int]] = {
    "LSTM": (lstm_step, "ifo", "gc", 2),
    "GRU": (gru_step, "zr", "h", 1),
    "SimpleRNN": (simple_step, "", "a", 1),
}
"""Step, the gates with the recurrent activation, those with the activation, and how many states there are."""


class Cell:
    """A cell that notes each gate's z per step."""

    def __init__(self, kind: str, layer: Any, units: int) -> None:
        self.step_of, recurrent, plain, self.states = KINDS[kind]
        self.weights, self.units = weights(layer), units
        self.named = {gate: activation_of(layer, "recurrent_activation") for gate in recurrent}
        self.named |= {gate: activation_of(layer) for gate in plain}
        self.zs: dict[str, list[Array]] = {gate: [] for gate in self.named}

    def start(self, samples: int) -> list[Array]:
        return [np.zeros((samples, self.units)) for _ in range(self.states)]

    def step(self, x: Array, state: list[Array]) -> list[Array]:
        def gate(name: str) -> Callable[[Array], Array]:
            def applied(z: Array) -> Array:
                self.zs[name].append(z)
                return FUNCTIONS[self.named[name]](z)

            return applied

        return self.step_of({name: gate(name) for name in self.named}, self.weights, x, state)

    def note(self, run: Run, layer: str, mask: Array | None) -> None:
        for gate, zs in self.zs.items():
            site = "activation" if gate == "a" else f"gate:{gate}"
            z = np.stack(zs, axis=1)
            run.seen.append(Seen(layer, site, self.named[gate], z, mask))


def recur(cell: Cell, x: Array, mask: Array | None, start: list[Array] | None = None) -> tuple[Array, list[Array]]:
    """All outputs (samples, steps, units) and the last state; a masked step keeps state and output."""
    state, outputs = start or cell.start(len(x)), []
    for step in range(x.shape[1]):
        new = cell.step(x[:, step], state)
        if mask is not None:
            new = [np.where(mask[:, step, None], fresh, old) for fresh, old in zip(new, state, strict=True)]
        state = new
        outputs.append(state[0])
    return np.stack(outputs, axis=1), state


def recurrent(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    """An LSTM, GRU or SimpleRNN layer, read in either direction."""
    if layer.go_backwards:
        x, mask = x[:, ::-1], None if mask is None else mask[:, ::-1]
    kind = type(layer).__name__
    cell = Cell({"RNN": "LSTM"}.get(kind, kind), layer if kind != "RNN" else layer.cell, layer.cell.units)
    if getattr(layer, "stateful", False):
        outputs = stateful(cell, x, run.carried)
    else:
        outputs, _ = recur(cell, x, mask)
    cell.note(run, run.name(path), mask)
    return outputs if layer.return_sequences else outputs[:, -1]


def stateful(cell: Cell, x: Array, carried: bool, batch: int = 100) -> Array:
    """Batches that go on where the one before ended, from a state of zero."""
    state, outputs, zs = None, [], {gate: [] for gate in cell.zs}
    for start in range(0, len(x), batch):
        out, state = recur(cell, x[start : start + batch], None, state if carried else None)
        outputs.append(out)
        for gate, found in cell.zs.items():
            zs[gate].append(np.stack(found, axis=0))
            found.clear()
    for gate, parts in zs.items():
        cell.zs[gate] = list(np.concatenate(parts, axis=1))
    return np.concatenate(outputs)


def bidirectional(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    """Forwards and backwards, joined; where sequences come out, the backward one is turned round."""
    sides = layer.forward_layer, layer.backward_layer
    forward, backward = (recurrent(run, f"{path}/{side.name}", side, x, mask) for side in sides)
    return np.concatenate([forward, backward[:, ::-1] if backward.ndim == 3 else backward], axis=-1)


# ------------------------------------------------------------------------------------------------- layers in a row


def embed(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    return weights(layer)[0][x]


def convolution(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    kernel, *bias = weights(layer)
    first = layer.data_format == "channels_first"
    x = np.moveaxis(x, 1, -1) if first else x
    z, rows, matrix = convolve(x, kernel, layer)
    inward = Inward(x, rows, matrix, bias[0] if bias else None)
    a = run.activate(run.name(path), activation_of(layer), z + (bias[0] if bias else 0), None, inward)
    return np.moveaxis(a, -1, 1) if first else a


def depthwise_convolution(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    kernel, bias = weights(layer)
    return run.activate(run.name(path), activation_of(layer), depthwise(x, kernel, layer) + bias)


def separable_convolution(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    spatial, points, bias = weights(layer)
    z = depthwise(x, spatial, layer) @ points.reshape(points.shape[-2:]) + bias
    return run.activate(run.name(path), activation_of(layer), z)


def normalise(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    gamma, beta, mean, variance = weights(layer)
    return gamma * (x - mean) / np.sqrt(variance + layer.epsilon) + beta


WITH_OPTIONS = {
    "from_one": "relu from 1 on",
    "leaky_six": "leaky relu6",
    "half": "half elu",
    "steep": "steep elu",
    "wide": "wide celu",
}
"""The functions of the layers that have options, by the names that the cases give those layers."""


def activation_layer(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    if type(layer).__name__ == "PReLU":
        run.seen.append(Seen(run.name(path), "activation", "prelu", x, mask))
        return np.where(x > 0, x, weights(layer)[0] * x)
    kinds = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "ELU": "elu", "Softmax": "softmax"}
    name = WITH_OPTIONS.get(layer.name) or kinds.get(type(layer).__name__)
    if name is None:
        return run.activate(run.name(path), activation_of(layer), x, mask)
    return run.activate(run.name(path), name, x, mask)


def self_attention(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    """Scores are noted for allowed pairs of query and key; rows of padded queries do not count."""
    query, key, value, out = (
        [kernel.reshape(kernel.shape[0], -1) if name != "out" else kernel.reshape(-1, kernel.shape[-1]), bias.ravel()]
        for name, kernel, bias in zip(
            ("query", "key", "value", "out"),
            *[iter(pairs) for pairs in _kernels_and_biases(layer.attention)],
            strict=True,
        )
    )
    heads, steps = 2, x.shape[1]

    def split(projected: Array) -> Array:
        return projected.reshape(len(x), steps, heads, -1).transpose(0, 2, 1, 3)

    q, k, v = (split(x @ kernel + bias) for kernel, bias in (query, key, value))
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1])
    allowed = np.ones_like(scores, dtype=bool)
    if layer.causal:
        allowed &= np.tril(np.ones((steps, steps), bool))
    counted = None
    if mask is not None:
        allowed &= mask[:, None, None, :] & mask[:, None, :, None]
        counted = np.broadcast_to(mask[:, None, :], scores.shape[:3])
    run.seen.append(Seen(f"{path}/{layer.attention.name}", "softmax", "softmax", scores, counted, cells=allowed))
    p = np.where(allowed, softmax(np.where(allowed, scores, -1e30)), 0)
    joined = (p @ v).transpose(0, 2, 1, 3).reshape(len(x), steps, -1)
    return joined @ out[0] + out[1]


def _kernels_and_biases(attention: Any) -> tuple[list[Array], list[Array]]:
    arrays = weights(attention)
    return arrays[0::2], arrays[1::2]


def stacked(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    """RNN(StackedRNNCells): the output of a cell is the input of the next one in the same step."""
    inner = layer.cell.cells
    cells = [Cell(type(each).__name__.removesuffix("Cell"), each, each.units) for each in inner]
    states = [cell.start(len(x)) for cell in cells]
    for step in range(x.shape[1]):
        value = x[:, step]
        for index, cell in enumerate(cells):
            states[index] = cell.step(value, states[index])
            value = states[index][0]
    name = run.name(path)
    for index, cell in enumerate(cells):
        cell.note(run, f"{name}/{inner[index].name}", mask)
    return value


def convolutional_lstm(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    """ConvLSTM1D with padding "same": the LSTM's formulas, with convolutions for products."""
    kernel, recurrent_kernel, bias = weights(layer)

    class Inner:
        strides, dilation_rate, padding = (1,), (1,), "same"

    names = {"i": "recurrent_activation", "f": "recurrent_activation", "g": "activation"}
    names |= {"o": "recurrent_activation", "c": "activation"}
    zs: dict[str, list[Array]] = {gate: [] for gate in names}

    def gate(name: str, z: Array) -> Array:
        zs[name].append(z)
        return FUNCTIONS[activation_of(layer.cell, names[name])](z)

    hidden = memory = np.zeros((len(x), x.shape[2], layer.filters))
    for step in range(x.shape[1]):
        z = convolve(x[:, step], kernel, Inner)[0] + convolve(hidden, recurrent_kernel, Inner)[0] + bias
        i, f, g, o = np.split(z, 4, axis=-1)
        memory = gate("f", f) * memory + gate("i", i) * gate("g", g)
        hidden = gate("o", o) * gate("c", memory)
    name = run.name(path)
    for each, found in zs.items():
        run.seen.append(Seen(name, f"gate:{each}", activation_of(layer.cell, names[each]), np.stack(found, axis=1)))
    return hidden


def _distributed(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    return run.dense(f"{path}/{layer.layer.name}", layer.layer, x, mask)


def _gated(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    (kernel,) = weights(layer)
    left, right = np.split(x @ kernel, 2, axis=-1)
    name = run.name(path)
    return run.activate(name, "tanh", left, mask, site="ops.tanh") * run.activate(
        name, "sigmoid", right, mask, site="ops.sigmoid"
    )


def _half(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    name = run.name(path)
    return sigmoid(run.activate(name, "tanh", run.dense(f"{path}/inner", layer.inner, x), mask, site="ops.tanh"))


def _same(run: Run, path: str, layer: Any, x: Array, mask: Array | None) -> Array:
    return x


Step = Callable[[Run, str, Any, Array, "Array | None"], Array]

LAYERS: dict[str, Step] = {
    "Dense": lambda run, path, layer, x, mask: run.dense(path, layer, x, mask),
    "Embedding": embed,
    "Masking": lambda run, path, layer, x, mask: x * (x != layer.mask_value).any(-1, keepdims=True),
    "Conv1D": convolution,
    "Conv2D": convolution,
    "DepthwiseConv2D": depthwise_convolution,
    "SeparableConv2D": separable_convolution,
    "BatchNormalization": normalise,
    "Activation": activation_layer,
    "ReLU": activation_layer,
    "PReLU": activation_layer,
    "Wide": lambda run, path, layer, x, mask: run.activate(run.name(path), "wide celu", x, mask, site="ops.celu"),
    "Adaptive": lambda run, path, layer, x, mask: run.activate(run.name(path), "learnt celu", x, mask, site="ops.celu"),
    "Slanted": lambda run, path, layer, x, mask: run.activate(run.name(path), "leaky relu6", x, mask, site="ops.relu"),
    "LeakyReLU": activation_layer,
    "ELU": activation_layer,
    "Softmax": activation_layer,
    "LSTM": recurrent,
    "GRU": recurrent,
    "SimpleRNN": recurrent,
    "RNN": lambda run, path, layer, x, mask: (stacked if hasattr(layer.cell, "cells") else recurrent)(
        run, path, layer, x, mask
    ),
    "Bidirectional": bidirectional,
    "ConvLSTM1D": convolutional_lstm,
    "TimeDistributed": _distributed,
    "SelfAttention": self_attention,
    "Gated": _gated,
    "Half": _half,
    "Native": lambda run, path, layer, x, mask: sigmoid(x),
    "Logarithm": lambda run, path, layer, x, mask: np.log(x),
    "Flatten": lambda run, path, layer, x, mask: x.reshape(len(x), -1),
    "GlobalAveragePooling1D": lambda run, path, layer, x, mask: x.mean(axis=1),
    "Dropout": _same,
}


def chain(run: Run, model: Any, x: Array, mask: Array | None = None, above: str = "") -> Array:
    """A Sequential model, from its first layer to its last one."""
    for layer in model.layers:
        path, kind = above + layer.name, type(layer).__name__
        if kind == "Sequential":
            x = chain(run, layer, x, mask, f"{run.name(path)}/")
            continue
        if kind == "Embedding" and layer.mask_zero:
            mask = x != 0
        elif kind == "Masking":
            mask = (x != layer.mask_value).any(-1)
        x = LAYERS[kind](run, path, layer, x, mask)
        if x.ndim < 3:
            mask = None
    return x


# ------------------------------------------------------------------------------------------ models that are no chain


def _every_activation(run: Run, model: Any, x: Array) -> Array:
    branches = [layer for layer in model.layers if type(layer).__name__ == "Dense" and layer.name != "probabilities"]
    joined = np.concatenate([run.dense(layer.name, layer, x) for layer in branches], axis=-1)
    return run.dense("probabilities", model.get_layer("probabilities"), joined)


def _shared_layer(run: Run, model: Any, small: Array, raw: Array) -> Array:
    shared = model.get_layer("shared")
    joined = np.concatenate([run.dense("shared", shared, small), run.dense("shared", shared, raw)], axis=-1)
    return run.dense("last", model.get_layer("last"), joined)


def _shared_model(run: Run, model: Any, left: Array, right: Array) -> Array:
    encoder = model.get_layer("encoder")
    difference = chain(run, encoder, left, None, "encoder/") - chain(run, encoder, right, None, "encoder#2/")
    return run.dense("last", model.get_layer("last"), difference)


def _several(run: Run, model: Any, left: Array, right: Array) -> list[Array]:
    one, two, kind, size = (model.get_layer(name) for name in ("one", "two", "kind", "size"))
    joined = run.dense("one", one, left) * run.dense("two", two, right)
    return [run.dense("kind", kind, joined), run.dense("size", size, joined)]


def _subclassed(run: Run, model: Any, x: Array) -> Array:
    hidden = run.dense("first", model.first, x)
    left = run.activate(model.name, "sigmoid", run.dense("left", model.left, hidden), site="ops.sigmoid")
    right = run.activate(model.name, "tanh", run.dense("right", model.right, hidden), site="ops.tanh")
    return run.dense("last", model.last, left * right)


def _operations(run: Run, model: Any, x: Array) -> Array:
    left = run.activate(model.name, "tanh", run.dense("left", model.get_layer("left"), x), site="ops.tanh")
    right = run.activate(model.name, "sigmoid", run.dense("right", model.get_layer("right"), x), site="ops.sigmoid")
    return run.dense("last", model.get_layer("last"), left * right)


def _dot_product(run: Run, model: Any, query: Array, value: Array) -> Array:
    p = run.activate("attention", "softmax", query @ value.transpose(0, 2, 1))
    return run.dense("last", model.get_layer("last"), p @ value)


def _opaque(run: Run, model: Any, x: Array) -> Array:
    """Only the output behind the SavedModel can be followed, with what Keras computes before it."""
    hidden = np.asarray(model.get_layer("exported")(x.astype("float32")), "float64")
    return run.dense("probabilities", model.get_layer("probabilities"), hidden)


MODELS: dict[str, Callable[..., Any]] = {
    "every_activation": _every_activation,
    "shared_layer": _shared_layer,
    "shared_model": _shared_model,
    "several_inputs_and_outputs": _several,
    "subclassed": _subclassed,
    "operations_in_the_graph": _operations,
    "dot_product_attention": _dot_product,
    "saved_model_layer": _opaque,
}


def follow(name: str, model: Any, inputs: Any, carried: bool = True) -> tuple[list[Array], list[Seen]]:
    """The model's outputs and what its activations saw; ``carried`` as for Run."""
    arrays = inputs if isinstance(inputs, list) else [inputs]
    arrays = [array if array.dtype.kind == "i" else array.astype("float64") for array in arrays]
    run = Run(carried=carried)
    with np.errstate(all="ignore"):
        outputs = (MODELS.get(name) or chain)(run, model, *arrays)
    return outputs if isinstance(outputs, list) else [outputs], run.seen


# ------------------------------------------------------------------------------------------------- the figures


def figures(seen: Seen, positions: Array | None = None) -> dict[str, Any]:
    """The figures of a site; shares over ``positions`` (indices into the flattened positions) where given.

    What a value that is not finite spoils is None. ``near_edges`` counts what float32 may put into the next bin.
    """
    everything, rows = _rows(seen, None), _rows(seen, positions)
    with np.errstate(all="ignore"):
        found = _extremes(everything) | _moments(rows)
        if seen.activation == "softmax":
            found |= _softmax_shares(seen)
        else:
            found |= _shares(seen, rows, everything)
        if seen.inward is not None:
            found["kernel"] = _kernel(seen)
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in found.items()
    }


def _rows(seen: Seen, positions: Array | None) -> Array:
    """(values of a unit, units), without what is masked; for an attention (values, 1), the allowed pairs only."""
    if seen.cells is not None:
        return seen.z[seen.cells][:, None]
    units = seen.z.shape[-1]
    mask = np.ones(seen.z.shape[:-1], bool) if seen.mask is None else np.broadcast_to(seen.mask, seen.z.shape[:-1])
    z, mask = seen.z.reshape(len(seen.z), -1, units), mask.reshape(len(seen.z), -1)
    if positions is not None:
        z, mask = z[:, positions], mask[:, positions]
    return z[mask]


def _moments(rows: Array) -> dict[str, Any]:
    finite = rows[np.isfinite(rows)]
    counts = np.bincount(np.searchsorted(EDGES, finite, side="right"), minlength=len(EDGES) + 1)
    return {
        "preactivation_mean": float(rows.mean()),
        "preactivation_rms": float(np.sqrt((rows**2).mean())),
        "histogram": [int(count) for count in counts],
        "near_edges": int((np.abs(finite[..., None] - np.asarray(EDGES)).min(-1) < 1e-4).sum()),
    }


def _extremes(rows: Array) -> dict[str, Any]:
    """Extremes, and the share of units with a value that is not finite."""
    return {
        "preactivation_min": float(rows.min()),
        "preactivation_max": float(rows.max()),
        "non_finite": float((~np.isfinite(rows)).any(0).mean()),
    }


def _shares(seen: Seen, rows: Array, everything: Array) -> dict[str, Any]:
    found: dict[str, Any] = {"units": seen.z.shape[-1], "evaluations": len(rows), "largest_logit": None}
    below = DEAD_BELOW.get(seen.activation)
    found["dead_units"] = None if below is None else float((everything.max(0) <= below).mean())
    if seen.activation in UNJUDGED:
        return found | dict.fromkeys(JUDGED)
    gains = gain(seen.activation, rows)
    flat = gains < SATURATED_GAIN
    middle = max(0, below or 0)
    low, high = flat & (rows <= middle), flat & (rows > middle)
    stuck = (low.mean(0) >= 0.999) | (high.mean(0) >= 0.999)
    return found | {
        "saturated_fraction": float(flat.mean()),
        "saturated_low": float(low.mean()),
        "saturated_high": float(high.mean()),
        "stuck_units": float(stuck.mean()),
        "mean_gain": float(gains.mean()),
    }


JUDGED = ("saturated_fraction", "saturated_low", "saturated_high", "stuck_units", "mean_gain")
"""The figures that need a gain."""


def _softmax_shares(seen: Seen) -> dict[str, Any]:
    """A row counts where any of its logits is allowed."""
    allowed = np.ones_like(seen.z, bool) if seen.cells is None else seen.cells
    counted = allowed.any(-1)
    if seen.mask is not None:
        counted &= np.broadcast_to(seen.mask, counted.shape)
    p = softmax(np.where(allowed, seen.z, -1e30)).max(-1)[counted]
    return dict.fromkeys(JUDGED) | {
        "units": 1,
        "evaluations": len(p),
        "saturated_fraction": float((p > 0.99).mean()),
        "saturated_high": float((p > 0.99).mean()),
        "dead_units": None,
        "largest_logit": float(np.max(_leads(seen.z, allowed)[counted])),
    }


def _leads(z: Array, allowed: Array) -> Array:
    """How far the first choice of each row lies above the mean of its allowed logits."""
    numbers = np.maximum(allowed.sum(-1), 1)
    return np.where(allowed, z, -np.inf).max(-1) - np.where(allowed, z, 0).sum(-1) / numbers


def _kernel(seen: Seen) -> dict[str, Any]:
    inward = seen.inward
    assert inward is not None
    inputs, rows = (array.reshape(-1, array.shape[-1]) for array in (inward.inputs, inward.rows))
    if seen.mask is not None:
        inputs, rows = (array[np.broadcast_to(seen.mask, seen.z.shape[:-1]).ravel()] for array in (inputs, rows))
    input_rms, kernel_rms, sums = (
        float(np.sqrt((each**2).mean())) for each in (inputs, inward.kernel, rows @ inward.kernel)
    )
    fan_in = inward.kernel.shape[0]
    scale = kernel_rms * fan_in**0.5
    return {
        "input_rms": input_rms,
        "kernel_rms": kernel_rms,
        "fan_in": fan_in,
        "bias_rms": None if inward.bias is None else float(np.sqrt((inward.bias**2).mean())),
        "weight_scale": scale,
        "alignment": sums / (input_rms * scale) if input_rms * scale else 1.0,
    }


def by_site(seen: Sequence[Seen]) -> Iterator[tuple[str, Seen]]:
    """Each site under its path and name, ``encoder/dense:activation``."""
    for each in seen:
        yield f"{each.layer}:{each.site}", each
