"""Does a function of keras.backend give what its successor in keras.ops gives? Measured, and made into a record.

    KERAS_BACKEND=tensorflow python tests/oracle/backend_functions.py > tests/oracle/modules/backend_functions.json

It needs Keras 3 and tf_keras beside each other: the functions of tf_keras are those of Keras 2, which Keras 3 took out.
Each call is made on both sides with the same tensors, eagerly and on the symbolic tensors of a functional model.
"""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

# Old name -> the new one; how many arguments may be passed by position, and which by name; what has to be stated where
# it is left out (it is passed where more than `at` arguments are, 1 by default); what it `asks` to be passed, since no
# value that could be stated is the same; whether None has lost its meaning (`no_none`); what is not quite the same
# (`doubt`); and the calls that are compared.
# In these, `a` and `b` are tensors of shape (2, 3), `c` is one of (2, 3, 4), `m` one of (3, 2); `i` are numbers, `t`
# truths, and `p` probabilities, all of shape (2, 3).
Spec = dict[str, Any]
X: Spec = {"positional": 1, "keywords": ["x"], "calls": ["F(a)", "F(c)", "F(x=a)"]}
XY: Spec = {"positional": 2, "keywords": [], "calls": ["F(a, b)", "F(a, 0.5)", "F(c, c)"]}
REDUCED: Spec = {
    "positional": 3,
    "keywords": ["x", "axis", "keepdims"],
    "calls": ["F(a)", "F(c, axis=-1)", "F(c, 1)", "F(c, [1, 2])", "F(c, 0, True)", "F(a, axis=1, keepdims=True)"],
}
FUNCTIONS: dict[str, Spec] = {
    **{
        name: {**X, "to": name}
        for name in (
            "abs", "cos", "elu", "exp", "log", "ones_like", "relu", "round", "sigmoid", "sign", "sin", "softplus",
            "softsign", "sqrt", "square", "tanh", "transpose", "zeros_like",
        )
    },
    **{
        name: {**XY, "to": name}
        for name in (
            "equal", "greater", "greater_equal", "less", "less_equal", "maximum", "minimum", "not_equal",
        )
    },
    **{name: {**REDUCED, "to": name} for name in ("max", "min", "prod", "std", "sum", "var")},
    "mean": {**REDUCED, "to": "mean", "calls": [*REDUCED["calls"], "F(t)", "F(t, axis=-1)"]},
    "any": {**REDUCED, "to": "any", "calls": ["F(t)", "F(t, axis=-1)", "F(t, 0, True)"]},
    "all": {**REDUCED, "to": "all", "calls": ["F(t)", "F(t, axis=-1)", "F(t, 0, True)"]},
    "ndim": {
        "to": "ndim", "positional": 1, "keywords": ["x"], "calls": ["a * F(a)", "c * F(x=c)"],
        "doubt": "`ops.ndim` of a symbolic tensor is a tensor, which equals no number; `len(x.shape)` is a number",
    },
    "stop_gradient": {"to": "stop_gradient", "positional": 1, "keywords": [], "calls": ["F(a)"]},
    "softmax": {"to": "softmax", "positional": 2, "keywords": ["x", "axis"], "calls": ["F(a)", "F(c, axis=1)"]},
    "clip": {
        # None was no limit; TensorFlow's ops.clip refuses it
        "to": "clip", "positional": 3, "keywords": [], "no_none": True,
        "calls": ["F(a, 0.2, 0.6)", "F(c, 0, 1)"],
    },
    "pow": {"to": "power", "positional": 2, "keywords": [], "calls": ["F(a, 2)", "F(a, 0.5)"]},
    "cast": {
        "to": "cast", "positional": 2, "keywords": ["x", "dtype"],
        "calls": ["F(i, 'float32')", "F(t, dtype='float32')"],
    },
    "reshape": {"to": "reshape", "positional": 2, "keywords": ["x"], "calls": ["F(c, (-1, 12))", "F(a, [-1, 3, 1])"]},
    "squeeze": {
        "to": "squeeze", "positional": 2, "keywords": ["x", "axis"],
        "calls": ["F(a[:, :1], 1)", "F(a[:, :1], axis=-1)"],
    },
    "stack": {
        "to": "stack", "positional": 2, "keywords": ["x", "axis"],
        "calls": ["F([a, b])", "F([a, b], axis=1)", "F([a, b], -1)"],
    },
    "one_hot": {
        "to": "one_hot", "positional": 2, "keywords": ["num_classes"],
        "calls": ["F(i, 9)", "F(i, num_classes=9)"],
    },
    "permute_dimensions": {
        "to": "transpose", "positional": 2, "keywords": ["x"],
        "calls": ["F(c, (0, 2, 1))", "F(c, [0, 2, 1])"],
    },
    "repeat_elements": {
        "to": "repeat", "positional": 3, "keywords": ["x", "axis"],
        "calls": ["F(c, 2, 1)", "F(c, 3, axis=-1)"],
    },
    "expand_dims": {
        "to": "expand_dims", "positional": 2, "keywords": ["x", "axis"], "state": {"axis": "-1"},
        "calls": ["F(a)", "F(a, 1)", "F(a, axis=0)"],
    },
    "concatenate": {
        "to": "concatenate", "positional": 2, "keywords": ["axis"], "state": {"axis": "-1"},
        "calls": ["F([a, b])", "F([c, c], 1)", "F([c, c], axis=-1)"],
    },
    "argmax": {
        "to": "argmax", "positional": 2, "keywords": ["x", "axis"], "state": {"axis": "-1"},
        "calls": ["F(a)", "F(c, 1)", "F(c, axis=2)"],
    },
    "argmin": {
        "to": "argmin", "positional": 2, "keywords": ["x", "axis"], "state": {"axis": "-1"},
        "calls": ["F(a)", "F(c, 1)", "F(c, axis=2)"],
    },
    "cumsum": {
        "to": "cumsum", "positional": 2, "keywords": ["x", "axis"], "state": {"axis": "0"},
        "calls": ["F(a)", "F(c, 1)", "F(c, axis=2)"],
    },
    "cumprod": {
        "to": "cumprod", "positional": 2, "keywords": ["x", "axis"], "state": {"axis": "0"},
        "calls": ["F(a)", "F(c, 1)", "F(c, axis=2)"],
    },
    "dot": {"to": "dot", "positional": 2, "keywords": [], "calls": ["F(a, m)", "F(c, w)"]},
    # Successors that do not give the same, kept here so that nobody takes them for such:
    "hard_sigmoid": {"to": "hard_sigmoid", "positional": 1, "keywords": ["x"], "calls": ["F(a)"]},
    "l2_normalize": {
        "to": "normalize", "positional": 2, "keywords": ["x", "axis"], "asks": ["axis"],
        "calls": ["F(a, axis=-1)", "F(a * 0, axis=-1)"],
    },
    "gather": {
        "to": "take", "positional": 2, "keywords": [], "state": {"axis": "0"}, "at": 2,
        "calls": ["F(c, [1, 0])"],
    },
    "batch_dot": {"to": "matmul", "positional": 2, "keywords": [], "calls": ["F(c, c4)"]},
    "flatten": {"to": "ravel", "positional": 1, "keywords": ["x"], "calls": ["F(c)"]},
    "shape": {"to": "shape", "positional": 1, "keywords": ["x"], "calls": ["F(c)"]},
    "tile": {"to": "tile", "positional": 2, "keywords": ["x"], "calls": ["F(a, [1, 2])", "F(c, (1, 2, 1))"]},
    "categorical_crossentropy": {
        "to": "categorical_crossentropy", "positional": 2, "keywords": [],
        "calls": ["F(p, p)"],
    },
    "binary_crossentropy": {"to": "binary_crossentropy", "positional": 2, "keywords": [], "calls": ["F(p, p)"]},
}  # fmt: skip


def stated(call: str, spec: Spec) -> str:
    """A call with what has to be stated, if it leaves that out."""
    given = len([part for part in top_level(call) if "=" not in part])
    for name, value in spec.get("state", {}).items():
        if f"{name}=" not in call and given <= spec.get("at", 1):
            call = f"{call[:-1]}, {name}={value})"
    return call


def top_level(call: str) -> list[str]:
    """The arguments of a call as they are written."""
    inner = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "_", call[2:-1])
    return [part.strip() for part in inner.split(",")]


def arrays() -> dict[str, Any]:
    """The tensors that calls are made with."""
    import numpy as np
    import tensorflow as tf

    made = np.random.RandomState(7)
    c = made.rand(2, 3, 4).astype("float32")
    p = made.rand(2, 3).astype("float32")
    found = {
        "a": made.rand(2, 3).astype("float32"),
        "b": made.rand(2, 3).astype("float32"),
        "c": c,
        "c4": np.transpose(c, (0, 2, 1)).copy(),
        "w": made.rand(4, 5).astype("float32"),
        "m": made.rand(3, 2).astype("float32"),
        "i": np.arange(6).reshape(2, 3),
        "t": np.arange(6).reshape(2, 3) % 2 == 0,
        "p": p / p.sum(axis=1, keepdims=True),
    }
    return {name: tf.constant(array) for name, array in found.items()}


def made(function: Any, call: str, names: dict[str, Any]) -> Any:
    """What a call gives, or the name of the error."""
    import numpy as np

    try:
        return np.asarray(eval(call, {"F": function, **names}))
    except Exception as error:
        return type(error).__name__


def symbolic(keras: Any, function: Any, call: str, names: dict[str, Any]) -> Any:
    """What a functional model gives whose one layer makes the call; the numbers of the batch are not known to it."""
    import numpy as np

    known = [name for name in ("a", "b", "c", "t", "i", "p") if re.search(rf"\b{name}\b", call[2:])]

    class Calling(keras.layers.Layer):  # type: ignore[name-defined,misc]
        def call(self, inputs: Any) -> Any:
            return eval(call, {"F": function, **names, **dict(zip(known, inputs, strict=True))})

    try:
        tensors = [keras.Input(names[name].shape[1:], dtype=names[name].dtype.name) for name in known]
        model = keras.Model(tensors, Calling()(tensors))
        return np.asarray(model([names[name] for name in known]))
    except Exception as error:
        return type(error).__name__


def same(one: Any, other: Any) -> bool:
    """Are two results equal, with their shape and kind?"""
    import numpy as np

    if isinstance(one, str) or isinstance(other, str):
        return False
    kinds = one.dtype.kind == other.dtype.kind or {one.dtype.kind, other.dtype.kind} == {"i", "u"}
    return one.shape == other.shape and kinds and bool(np.allclose(one, other, rtol=1e-5, atol=1e-6))


def verdicts() -> Iterator[tuple[str, dict[str, Any]]]:
    """Old name -> what was found."""
    import keras
    import tf_keras

    names = arrays()
    for old, spec in FUNCTIONS.items():
        found: dict[str, Any] = {"to": spec["to"], "calls": {}}
        for call in spec["calls"]:
            new = stated(call, spec)
            before, after = getattr(tf_keras.backend, old), getattr(keras.ops, spec["to"])
            eager = same(made(before, call, names), made(after, new, names))
            layered = same(symbolic(tf_keras, before, call, names), symbolic(keras, after, new, names))
            found["calls"][f"{call} -> {new}" if new != call else call] = {"eager": eager, "symbolic": layered}
        found["equal"] = all(each["eager"] and each["symbolic"] for each in found["calls"].values())
        yield old, found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    import keras
    import tf_keras

    result = {"keras": keras.__version__, "tf_keras": tf_keras.__version__, "functions": dict(verdicts())}
    json.dump(result, sys.stdout, indent=1)
    sys.stdout.write("\n")
