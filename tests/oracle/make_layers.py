"""Write ``rules/facts/layers.toml`` from the measured table of Keras's constructor arguments.

    python tests/oracle/make_layers.py RENAMES.json > rules/facts/layers.toml

RENAMES.json holds the signatures of Keras 1.2.2, 2.2.4 and 3.15.1 and the converter tables of Keras 2.2.4; run this
again whenever it was measured anew, and never edit the result by hand.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

HEADER = """\
# Regularizer arguments of every Keras layer. Written by tests/oracle/make_layers.py; do not edit.
#
# Measured: constructor signatures by `inspect` on Keras 1.2.2, 2.2.4 and 3.15.1; renames read from the converter tables
# of Keras 2.2.4's own legacy interface (they did not change up to 2.3.1), and confirmed by equal `get_config()`.
#
# regularizers  what the newest release that has the layer takes
# keras1        what the layer took in Keras 1.2.2 (absent: the layer is younger)
# renamed       old argument -> today's. Layers younger than Keras 1 never took the old spelling, and had it meant
#               anything, it meant this one. An old argument without an entry has no single successor.
# keeps, until  the layer kept these old arguments in every Keras that has it (MaxoutDense(kernel_regularizer=) is a
#               TypeError in Keras 2.0.0 to 2.3.1)
# recurrent     the layer has a second, recurrent kernel
# instead       why no single argument takes the place of the old one: the class itself is gone
"""

OLD = ("W_regularizer", "U_regularizer", "b_regularizer")
SUCCESSORS = {
    "W_regularizer": ("kernel_regularizer", "embeddings_regularizer"),
    "U_regularizer": ("recurrent_regularizer",),
    "b_regularizer": ("bias_regularizer",),
}
# Measured by running: the projections of an attention layer share one argument, so `weight` could mean any of four.
SEVERAL_KERNELS = {"MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention"}
NOT_LAYERS = {"InputSpec"}
KEPT_UNTIL = (
    "<2.4"  # The last release of Keras's own code is 2.3.1; 2.4 redirects to tf.keras, which has neither layer.
)
INSTEAD = {
    "TimeDistributedDense": "TimeDistributedDense went away in Keras 2.0: "
    "write TimeDistributed(Dense(..., kernel_regularizer=..., bias_regularizer=...))",
}


def regularizers(arguments: Iterable[str]) -> list[str]:
    """Those of the arguments that take a regularizer."""
    return [argument for argument in arguments if argument.endswith("_regularizer")]


def arguments_of_today(name: str, measured: Mapping[str, Any]) -> list[str]:
    """The regularizer arguments of the newest release that has the layer, or of what replaces it in Keras 2."""
    keras1 = measured["layers_keras1"].get(name, {})
    alias = keras1.get("rewrite_class_to") or measured["class_aliases_keras3"].get(name)
    alias = alias or measured["class_aliases_keras2"].get(name)
    for known in (name, alias):
        if known is None:
            continue
        for table in ("regularizer_args_keras3", "regularizer_args_keras2_layers_new"):
            if known in measured[table]:
                return list(measured[table][known])
        arguments = measured["layers_keras1"].get(known, {}).get("keras2_args")
        if arguments is not None:
            return regularizers(arguments)
    return []


def renamed(name: str, today: list[str], keras1: Mapping[str, Any] | None) -> dict[str, str]:
    """Old argument -> today's: Keras 2's own table, or for a layer that is younger the arguments that it has."""
    if keras1 is not None and keras1.get("renames", {}).get("regularizer"):
        return dict(keras1["renames"]["regularizer"])
    taken = regularizers(keras1["keras1_args"]) if keras1 and "keras1_args" in keras1 else []
    if any(old in taken for old in OLD):  # A Keras 1 layer that Keras 2 did not convert.
        return {}
    result = {}
    for old in OLD:
        if old == "W_regularizer" and name in SEVERAL_KERNELS:
            continue
        successor = next((argument for argument in SUCCESSORS[old] if argument in today), None)
        if successor:
            result[old] = successor
    return result


def layer(name: str, measured: Mapping[str, Any]) -> dict[str, Any]:
    """The table of one layer."""
    keras1 = measured["layers_keras1"].get(name)
    today = arguments_of_today(name, measured)
    if name == "GroupedQueryAttention":  # The measured table lists it under its alias.
        today = list(measured["regularizer_args_keras3"]["GroupQueryAttention"])
    table: dict[str, Any] = {"regularizers": today}
    if keras1 is not None:
        table["keras1"] = regularizers(keras1.get("keras1_args", ()))
    kept = [old for old in OLD if old in (keras1 or {}).get("keras2_args", ())]
    if kept:
        table["regularizers"] = regularizers(keras1["keras2_args"]) if keras1 else today
        table["keeps"], table["until"] = kept, KEPT_UNTIL
    renames = {} if kept else renamed(name, today, keras1)
    if renames:
        table["renamed"] = renames
    if "recurrent_regularizer" in today:
        table["recurrent"] = True
    if name in INSTEAD:
        table["instead"] = INSTEAD[name]
    return table


def names(measured: Mapping[str, Any]) -> list[str]:
    """Every class of layer that any measured release has, aliases included."""
    found = set(measured["layers_keras1"])
    for table in ("regularizer_args_keras3", "regularizer_args_keras2_layers_new"):
        found.update(measured[table])
    for table in ("class_aliases_keras2", "class_aliases_keras3"):
        found.update(measured[table], measured[table].values())
    return sorted(found - NOT_LAYERS)


def toml(value: object) -> str:
    """A value in TOML's spelling, which for all but tables is JSON's."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def lines(measured: Mapping[str, Any]) -> Iterator[str]:
    """The file, line by line."""
    yield HEADER.rstrip("\n")
    for name in names(measured):
        yield f"\n[{name}]"
        for key, value in layer(name, measured).items():
            yield f"{key} = {toml(value)}"


def print_table(arguments: list[str], table: str, lines: Callable[[Mapping[str, Any]], Iterator[str]]) -> int:
    """Print a table of rules/facts, made line by line from the file named first."""
    if len(arguments) != 1:
        print(f"usage: make_{table}.py RENAMES.json > rules/facts/{table}.toml", file=sys.stderr)
        return 2
    measured = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    print("\n".join(lines(measured)))
    return 0


if __name__ == "__main__":
    raise SystemExit(print_table(sys.argv[1:], "layers", lines))
