"""Does a function of keras.backend give what its successor in keras.ops gives? Measured, and made into a record.

    KERAS_BACKEND=tensorflow python tests/oracle/backend_functions.py > tests/oracle/modules/backend_functions.json

It needs Keras 3 and tf_keras beside each other: the functions of tf_keras are those of Keras 2, which Keras 3 took out.
Each call is made on both sides with the same tensors, eagerly and on the symbolic tensors of a functional model.
"""

from __future__ import annotations

import ast
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
# value that could be stated is the same; the arguments behind the first by which None has lost its meaning (`no_none`);
# what is not quite the same (`doubt`), or only where it gives a single number that is kept (`number_doubt`); and the
# calls that are compared. Its `place` is keras.ops unless another is said. Where it is no function
# that takes its place, `written` is what does, with the `parameters` of the old one in braces. It holds only where the
# value is asked for one number (`indexed`) or not used at all (`statement`). Calls are compared eagerly and in a model,
# those with `eager` only eagerly, and those with `shapes` only by the shape and kind of what they give.
# In these, `a` and `b` are tensors of shape (2, 3), `c` is one of (2, 3, 4), `m` one of (3, 2); `i` are numbers, `t`
# truths, and `p` probabilities, all of shape (2, 3). `n` is an array of 64 bits, and `v` a variable.
Spec = dict[str, Any]
TENSOR = "a tensor, no variable: what is assigned to has to be a keras.Variable"
NUMBER = "a single number comes as an array, which `+=` changes in place, and which has no hash and no `round`"
SEED = "on JAX, a layer needs a keras.random.SeedGenerator of its own and passes it as `seed`"
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
        "to": "clip", "positional": 3, "keywords": [], "no_none": ["min_value", "max_value"],
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
    "reverse": {"to": "flip", "positional": 2, "keywords": ["x"], "calls": ["F(c, 1)", "F(c, [1, 2])", "F(a, -1)"]},
    "arange": {
        "to": "arange", "positional": 4, "keywords": ["start", "stop", "step", "dtype"], "eager": True,
        "calls": [
            "F(4)", "F(1, 7, 2)", "F(0, stop=3)", "F(2, dtype='float32')", "F(0, 1, 0.25)", "F(0.5, 3)",
        ],
    },
    **{
        name: {
            "to": name, "positional": 2, "keywords": ["shape", "dtype"], "eager": True, "doubt": TENSOR,
            "calls": ["F((2, 3))", "F([4], 'int32')", "F(shape=(2,), dtype='float32')"],
        }
        for name in ("ones", "zeros")
    },
    "eye": {"to": "eye", "positional": 1, "keywords": ["dtype"], "eager": True, "doubt": TENSOR, "calls": ["F(3)"]},
    "constant": {
        # without a kind of numbers it was that of floatx, and None meant that, too
        "to": "convert_to_tensor", "positional": 2, "keywords": ["dtype"], "state": {"dtype": "{backend}.floatx()"},
        "no_none": ["dtype"], "eager": True, "calls": ["F(2)", "F(n)", "F([1, 2], 'int32')", "F(n, dtype='float16')"],
    },
    "variable": {
        "place": "", "to": "Variable", "positional": 1, "keywords": ["dtype", "name"], "no_none": ["dtype"],
        "doubt": "a layer that keeps it as an attribute counts it among its weights, and trains it",
        "state": {"dtype": "{backend}.floatx()"}, "eager": True,
        "calls": ["F(n)", "F(2.0)", "F([1, 2])", "F(n, dtype='int32', name='kernel')", "F(a)"],
    },
    **{
        name: {
            "to": "convert_to_numpy", "positional": 1, "keywords": ["x"], "eager": True, "number_doubt": NUMBER,
            "calls": ["F(a)", "F(x=v)", "float(F(a[0, 0]))", "F(a[0, 0]) * 2"],
        }
        for name in ("eval", "get_value")
    },
    **{
        old: {
            "place": "random", "to": new, "positional": 3, "keywords": ["shape", "mean", "stddev"],
            "shapes": True, "eager": True, "doubt": SEED,
            "calls": ["F((2, 3))", "F((4,), 1.0, 0.5)", "F(shape=(1, 2), stddev=2.0)"],
        }
        for old, new in {"random_normal": "normal", "truncated_normal": "truncated_normal"}.items()
    },
    "random_uniform": {
        "place": "random", "to": "uniform", "positional": 3, "keywords": ["shape", "minval", "maxval"],
        "shapes": True, "eager": True, "doubt": SEED,
        "calls": ["F((2, 3))", "F((4,), -1.0, 0.5)", "F(shape=(1, 2), maxval=2.0)"],
    },
    "shape": {
        "to": "shape", "positional": 1, "keywords": ["x"], "indexed": True, "eager": True,
        "doubt": "outside of layers it gives None for a size that is not known, such as that of a batch",
        "calls": ["F(c)[0]", "F(c)[-1]", "F(x=a)[1]"],
    },
    "int_shape": {
        "written": "tuple({x}.shape)", "parameters": ["x"],
        "calls": ["c * F(c)[1]", "a * F(x=a)[-1]", "a * len(F(a))"],
    },
    "dtype": {
        "written": "{backend}.standardize_dtype({x}.dtype)", "parameters": ["x"], "eager": True,
        "calls": ["F(a) == 'float32'", "F(v) == 'float32'", "F(x=t) == 'bool'"],
    },
    "set_value": {
        "written": "{x}.assign({value})", "parameters": ["x", "value"], "statement": True, "eager": True,
        "calls": ["(F(v, n), v)[1]", "(F(x=v, value=a), v)[1]"],
    },
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
            call = f"{call[:-1]}, {name}={value.format(backend='K')})"
    return call


def rewritten(call: str, spec: Spec) -> str:
    """An expression with what takes the place of its call of ``F``."""

    class Writing(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            if not isinstance(node.func, ast.Name) or node.func.id != "F":
                return self.generic_visit(node)
            given = dict(zip(spec["parameters"], map(ast.unparse, node.args), strict=False))
            given |= {keyword.arg or "": ast.unparse(keyword.value) for keyword in node.keywords}
            return ast.parse(spec["written"].format(backend="K", **given), mode="eval").body

    return ast.unparse(Writing().visit(ast.parse(call, mode="eval")))


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
    return {"n": made.rand(2, 3), **{name: tf.constant(array) for name, array in found.items()}}


def made(keras: Any, function: Any, call: str, names: dict[str, Any]) -> Any:
    """What a call gives, or the name of the error."""
    import numpy as np

    variable = getattr(keras, "Variable", None) or keras.backend.variable
    names = {"K": keras.backend, "v": variable(np.zeros((2, 3), "float32")), **names}
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
            known_names = {"F": function, "K": keras.backend, **names, **dict(zip(known, inputs, strict=True))}
            return eval(call, known_names)

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


def same_shape(one: Any, other: Any) -> bool:
    """Have two results the same shape and kind, whatever their numbers are?"""
    return (
        not isinstance(one, str) and not isinstance(other, str) and (one.shape, one.dtype) == (other.shape, other.dtype)
    )


def verdicts() -> Iterator[tuple[str, dict[str, Any]]]:
    """Old name -> what was found."""
    import keras
    import tf_keras

    names = arrays()
    for old, spec in FUNCTIONS.items():
        found: dict[str, Any] = {key: spec[key] for key in ("place", "to", "written") if key in spec} | {"calls": {}}
        before, after = getattr(tf_keras.backend, old), successor(keras, spec)
        alike = same_shape if "shapes" in spec else same
        for call in spec["calls"]:
            new = rewritten(call, spec) if "written" in spec else stated(call, spec)
            verdict = {"eager": alike(made(tf_keras, before, call, names), made(keras, after, new, names))}
            if "eager" not in spec:
                verdict["symbolic"] = alike(symbolic(tf_keras, before, call, names), symbolic(keras, after, new, names))
            found["calls"][f"{call} -> {new}" if new != call else call] = verdict
        found["equal"] = all(all(each.values()) for each in found["calls"].values())
        yield old, found


def successor(keras: Any, spec: Spec) -> Any:
    """The function of today's Keras; None where it is no function that takes the place of the old one."""
    if "written" in spec:
        return None
    place = spec.get("place", "ops")
    return getattr(getattr(keras, place) if place else keras, spec["to"])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    import keras
    import tf_keras

    result = {"keras": keras.__version__, "tf_keras": tf_keras.__version__, "functions": dict(verdicts())}
    json.dump(result, sys.stdout, indent=1)
    sys.stdout.write("\n")
