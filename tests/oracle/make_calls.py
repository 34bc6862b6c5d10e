"""Write ``rules/facts/calls.toml``: what the arguments of a Keras 1 layer are called today.

    python tests/oracle/make_calls.py RENAMES.json > rules/facts/calls.toml

RENAMES.json holds the signatures of Keras 1.2.2, 2.2.4 and 3.15.1 and the converter tables of Keras 2.2.4; run this
again whenever it was measured anew, and never edit the result by hand. What the measured tables cannot say, because
Keras 2.2.4 converts it in code, is in the constants below. ``tests/oracle/verdicts`` holds the proof of every row.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from make_layers import print_table, toml

HEADER = """\
# What a Keras 1 call of a layer is called today: one row for each argument of each layer. Written by
# tests/oracle/make_calls.py; do not edit.
#
# Measured: constructor signatures by `inspect` on Keras 1.2.2; renames read from the converter tables of Keras 2.2.4's
# own legacy interface. Every row names its proof; the recorded verdicts are in tests/oracle/verdicts. The regularizers
# have a table of their own: layers.toml.
#
# today    the class that replaces this one (absent: it has the same name)
# order    the arguments of Keras 1.2.2 in their order, for calls that pass them by position
# arguments: to
#          values  the value changes as well, by that table at the end of this file
#          joins   it becomes one element of that argument, in the order of these rows
#          absent  what takes its place there where it is not passed
#          both    it becomes each of these arguments
#          drop    today's Keras has no such argument, and needs none where the value is one of these
#          fails   the releases that refuse or misread it (absent: all since Keras 2)
#          instead it has no successor; what to do
#          proof   equal-config, equal-run or reported-only
"""

VALUES = """\
# Old value -> today's, as written in the source.
[values.dim_ordering]
"'tf'" = "'channels_last'"
"'th'" = "'channels_first'"
"'default'" = "None"

[values.consume_less]
"'cpu'" = "0"
"'mem'" = "1"
"'gpu'" = "2"

[values.forget_bias_init]
"'one'" = "True"
"""

# Arguments whose value changes with the name; they name their table in VALUES.
CHANGED_VALUES = frozenset({"dim_ordering", "consume_less"})

KERNEL = ("nb_row", "nb_col", "kernel_dim1", "kernel_dim2", "kernel_dim3")

# Classes without a row here: bases, and those whose arguments are the same today or that are themselves gone.
LEFT_OUT = frozenset(
    {
        "Activation",
        "ActivityRegularization",
        "ConvRecurrent2D",
        "Highway",
        "InputSpec",
        "Lambda",
        "Layer",
        "MaxoutDense",
        "Merge",
        "ParametricSoftplus",
        "Recurrent",
        "SReLU",
        "TimeDistributedDense",
        "Wrapper",
    }
)

# Keras 2 made the dilation an argument of the plain convolutions, and the shorter names the ones to use.
TODAY = {
    "AtrousConv1D": "Conv1D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConv2D": "Conv2D",
    "AtrousConvolution2D": "Conv2D",
    "Deconv2D": "Conv2DTranspose",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
}

# Converter tables that several layers share list them, but the layer of Keras 1 did not take them.
NEVER_TAKEN = {"SimpleRNN": frozenset({"inner_activation"}), "ConvLSTM2D": frozenset({"bias"})}

# Conversions that Keras 2.2.4 makes in code, by the layers that they are for.
_CONVOLUTIONS = ("AtrousConv1D", "AtrousConvolution1D", "Conv1D", "Convolution1D", "LocallyConnected1D")
_RECURRENT = ("GRU", "LSTM", "SimpleRNN")

# Where recurrent layers refuse these arguments, or misread them; tf.keras takes them from 1.15 on, as Keras 2.4 does.
_REFUSED = {"keras": ">=2.0.0,<2.4.0||>=3.0.0", "tensorflow": "<1.14", "keras-core": ">=0.1"}
_LENGTH = {"joins": "input_shape", "absent": "None"}
SPECIAL: tuple[tuple[Sequence[str], str, Mapping[str, Any]], ...] = (
    (
        ("SeparableConv2D", "SeparableConvolution2D"),
        "init",
        {"both": ["depthwise_initializer", "pointwise_initializer"]},
    ),
    (("LSTM", "ConvLSTM2D"), "forget_bias_init", {"to": "unit_forget_bias", "values": "forget_bias_init"}),
    (
        ("Deconvolution2D", "Deconv2D"),
        "output_shape",
        {
            "instead": "the shape follows from padding and strides today; take it out if they give the same",
            "proof": "reported-only",
        },
    ),
    (
        ("BatchNormalization",),
        "mode",
        {"drop": ["0"], "instead": "only mode 0 is left: one mean and variance per feature, over the batch"},
    ),
    (
        ("Embedding",),
        "dropout",
        {"drop": ["0", "0.", "0.0"], "instead": "add a SpatialDropout1D layer behind it"},
    ),
    (("InputLayer",), "input_dtype", {"to": "dtype"}),
    (
        ("SimpleRNN",),
        "consume_less",  # which chose how to compute, not what; Keras 3's SimpleRNN refuses `implementation`
        {"drop": ["'cpu'", "'mem'", "'gpu'"], "instead": "leave it out", "proof": "equal-run"},
    ),
    (_CONVOLUTIONS, "input_length", _LENGTH),
    (_CONVOLUTIONS, "input_dim", {"joins": "input_shape"}),
    (_RECURRENT, "input_length", {**_LENGTH, "fails": _REFUSED}),
    (_RECURRENT, "input_dim", {"joins": "input_shape", "fails": _REFUSED}),
)


def converted(name: str, measured: Mapping[str, Any]) -> dict[str, str]:
    """Old argument -> today's, by the converter table of a layer, without the regularizers."""
    pairs: dict[str, str] = {}
    for group, renames in measured.get("renames", {}).items():
        if group != "regularizer":
            pairs.update(renames)
    pairs.update(measured.get("table_only") or {})
    if name.startswith("Global") and "dim_ordering" in measured["keras1_args"]:
        pairs["dim_ordering"] = "data_format"  # converted by the base class, whose table was not listed with this one
    return {old: new for old, new in pairs.items() if old not in NEVER_TAKEN.get(name, ())}


def rows(name: str, measured: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of a layer: old argument -> what becomes of it."""
    result: dict[str, dict[str, Any]] = {}
    for old, new in converted(name, measured).items():
        result[old] = {"to": new, "values": old} if old in CHANGED_VALUES else {"to": new}
    for old in measured["keras1_args"]:
        if old in KERNEL:
            result[old] = {"joins": "kernel_size"}
    for layers, old, row in SPECIAL:
        if name in layers:
            result[old] = dict(row)
    return {old: {**row, "proof": row.get("proof", "equal-config")} for old, row in result.items()}


def lines(measured: Mapping[str, Any]) -> Iterator[str]:
    """The file, line by line."""
    yield HEADER
    for name, layer in sorted(measured["layers_keras1"].items()):
        if name in LEFT_OUT:
            continue
        yield f"[{name}]"
        today = TODAY.get(name) or layer["keras2_name"]
        if today != name:
            yield f"today = {toml(today)}"
        yield f"order = {toml(layer['keras1_args'])}"
        for old, row in rows(name, layer).items():
            yield f"arguments.{old} = {toml(row)}"
        yield ""
    yield VALUES.rstrip("\n")


if __name__ == "__main__":
    raise SystemExit(print_table(sys.argv[1:], "calls", lines))
