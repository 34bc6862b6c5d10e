"""The pairs that the oracle judges: an old program, and what the tool makes of it.

Nothing here is written by hand but the values that an argument gets: the old calls follow from ``rules/facts/*.toml``
and from the cards' examples, the new ones are what ``reglint fix`` itself makes of them. So every row has a pair as
soon as it is in a table, and a change of the tool shows as a pair that is not in the record.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from conftest import read_toml

from reglint import fix_source
from reglint.examples import Example
from reglint.rulebook import Card, load_cards
from reglint.settings import Settings
from reglint.versions import contains

FACTS = Path(__file__).parents[2] / "rules" / "facts"

# What a call cannot do without in Keras 1, and a value for it. Kernels are not square, so that a mixed order shows.
REQUIRED = {
    "output_dim": "4",
    "nb_filter": "4",
    "filter_length": "3",
    "nb_row": "3",
    "nb_col": "5",
    "kernel_dim1": "2",
    "kernel_dim2": "3",
    "kernel_dim3": "4",
    "p": "0.3",
    "sigma": "0.3",
}

# Values for the arguments that a call can do without: never the default alone. {} stands for one number for each axis.
OPTIONAL = {
    "W_constraint": ("'non_neg'",),
    "W_regularizer": ("'l2'",),
    "U_regularizer": ("'l2'",),
    "activation": ("'relu'",),
    "activity_regularizer": ("'l1'",),
    "atrous_rate": ("{2}",),
    "axis": ("1",),
    "b_constraint": ("'non_neg'",),
    "b_regularizer": ("'l1'",),
    "beta_init": ("'ones'",),
    "beta_regularizer": ("'l1'",),
    "bias": ("False", "True"),
    "border_mode": ("'same'", "'valid'"),
    "consume_less": ("'cpu'", "'mem'", "'gpu'"),
    "cropping": ("{(1, 2)}",),
    "depth_multiplier": ("2",),
    "depthwise_constraint": ("'non_neg'",),
    "depthwise_regularizer": ("'l2'",),
    "dim_ordering": ("'tf'", "'th'", "'default'"),
    "dropout": ("0", "0.", "0.2"),
    "dropout_U": ("0.2",),
    "dropout_W": ("0.1",),
    "epsilon": ("0.01",),
    "forget_bias_init": ("'one'", "'zero'"),
    "gamma_init": ("'zeros'",),
    "gamma_regularizer": ("'l2'",),
    "init": ("'he_normal'",),
    "inner_activation": ("'sigmoid'",),
    "inner_init": ("'glorot_uniform'",),
    "input_dim": ("12",),
    "input_dtype": ("'int32'",),
    "input_length": ("12",),
    "input_shape": ("(12,)",),
    "length": ("3",),
    "mask_zero": ("True",),
    "mode": ("0", "1", "2"),
    "momentum": ("0.9",),
    "noise_shape": ("None",),
    "output_shape": ("(None, 14, 16, 4)",),
    "padding": ("{1}",),
    "pointwise_constraint": ("'non_neg'",),
    "pointwise_regularizer": ("'l1'",),
    "pool_length": ("3",),
    "pool_size": ("{3}",),
    "seed": ("7",),
    "shared_axes": ("None",),
    "size": ("{2}",),
    "stride": ("2",),
    "strides": ("{2}",),
    "subsample": ("{2}",),
    "subsample_length": ("2",),
    "weights": ("None",),
}

# Cards whose fixes are proven. What REG103 and REG105 mend is nothing that Keras 2.2.4 has.
CARDS = ("REG101", "REG102", "REG104", *(f"REG{number}" for number in range(110, 126)))

# Where a program is to go whose old spelling fails only in what came after Keras 2.2.4.
TODAY = "keras==3.15.1"

EQUAL = ("equal-config", "equal-run")
REPORTED = "reported-only"


class Pair(NamedTuple):
    """Two programs that should do the same, and how that is shown.

    ``new`` is None where the tool leaves the old program as it is, and ``fix`` says by which kind of fix it came about:
    ``safe``, ``unsafe``, ``none``, or ``row`` where only the table tells the new program. ``proof``, ``why`` and
    ``holds`` are the row's. ``setup`` runs before each of the two programs, ``result`` is the expression to compare,
    and ``files`` are the modules beside them. ``today`` is what runs on today's releases where that is another program
    than the new one: a card's example is mended by that card alone.
    """

    id: str
    old: str
    new: str | None
    fix: str
    proof: str
    why: str | None = None
    result: str | None = None
    files: Mapping[str, str] | None = None
    setup: str = ""
    holds: Mapping[str, str] | None = None
    today: str | None = None


def pairs(only: Sequence[str] = ()) -> Iterator[Pair]:
    """Every pair, in the order of the tables and the cards; or those of the tables and cards that are named."""
    for path in sorted(FACTS.glob("*.toml")):
        if not only or path.stem in only:
            table = read_toml(path)
            yield from pairs_of_calls(table) if path.stem == "calls" else pairs_of_rows(path.stem, table)
    for code, card in sorted(load_cards().items()):
        if code in (only or CARDS):
            yield from pairs_of_card(card)


def mended(program: str, settings: Settings, files: Mapping[str, str] | None = None) -> tuple[str | None, str]:
    """What the tool makes of a program, and by which kind of fix."""
    unsafe = fixed(program, replace(settings, unsafe_fixes=True), files)
    if unsafe == program:
        return None, "none"
    return unsafe, "safe" if fixed(program, settings, files) == unsafe else "unsafe"


def fixed(program: str, settings: Settings, files: Mapping[str, str] | None) -> str:
    """A program as the tool leaves it."""
    return fix_source(program, filename="program.py", settings=settings, modules=files or {})[0].decode("utf-8")


# ------------------------------------------------------------------------------------------------------ calls of layers


def pairs_of_calls(table: Mapping[str, Any]) -> Iterator[Pair]:
    """For every argument of every layer a call with each of its values; a call with all; calls by position."""
    for layer, facts in table.items():
        if layer == "values" or not facts.get("arguments"):
            continue
        for old, row in facts["arguments"].items():
            yield from pairs_of_argument(layer, facts["order"], old, row, table["values"])
        yield from pairs_of_whole_calls(layer, facts["order"], facts["arguments"])


def pairs_of_argument(
    layer: str, order: list[str], old: str, row: Mapping[str, Any], tables: Mapping[str, Mapping[str, str]]
) -> Iterator[Pair]:
    """A call for each value that an argument may have."""
    for value in values_of(layer, old):
        keeps = value in tables[row["values"]] if "values" in row else value in row["drop"] if "drop" in row else True
        proof = row["proof"] if keeps else REPORTED
        required = [name for name in order if name in required_of(layer)]
        if old in required:
            call = [f"{name}={required_of(layer)[name]}" for name in required]
        else:
            call = [required_of(layer)[name] for name in required] + [f"{old}={value}"]
        if old == "input_length":
            call.append("input_dim=12")
        if layer == "InputLayer":
            call.insert(0, "input_shape=(12,)")
        yield pair_of_call(f"calls {layer}.{old}={value}", layer, call, call, proof, row.get("instead"))


def pairs_of_whole_calls(layer: str, order: list[str], rows: Mapping[str, Any]) -> Iterator[Pair]:
    """A call with all arguments by keyword, and calls with the first of them by position.

    What is passed by position is compared with the same call by keywords, in Keras 1.2.2's order: what a position meant
    is measured, and Keras 2.2.4 itself refuses most of them.
    """
    given = [name for name in order if name not in ("weights", "output_shape", "batch_input_shape", "input_tensor")]
    given = [name for name in given if name not in ("sparse", "name")]
    keywords = [f"{name}={value_beside_others(layer, name)}" for name in given]
    yield pair_of_call(f"calls {layer}(all)", layer, keywords, keywords, EQUAL[0])
    if layer == "InputLayer":
        return
    ends = {order.index("weights")} if "weights" in order else set()
    for end in sorted(ends | {len(order)}):
        names = [name for name in order[:end] if name != "output_shape"]
        if "output_shape" not in order[:end] and len(names) > len(required_of(layer)):
            source = [value_beside_others(layer, name) for name in names]
            old = [f"{name}={value}" for name, value in zip(names, source, strict=True)]
            yield pair_of_call(f"calls {layer}({end} by position)", layer, old, source, EQUAL[0])


def pair_of_call(id: str, layer: str, old: list[str], source: list[str], proof: str, why: str | None = None) -> Pair:
    """The pair of a call, ``old`` being its arguments in a form that Keras 2.2.4 understands."""
    head = f"from keras.layers import {layer}\n\nlayer = {layer}("
    new, fix = mended(head + ", ".join(source) + ")\n", Settings())
    return Pair(id, head + ", ".join(old) + ")\n", new, fix, proof, why if proof == REPORTED else None)


def required_of(layer: str) -> Mapping[str, str]:
    """The arguments that a layer of Keras 1 cannot do without."""
    return {"input_dim": "20", "output_dim": "4"} if layer == "Embedding" else REQUIRED


def values_of(layer: str, name: str) -> tuple[str, ...]:
    """Values for an argument of a layer."""
    if name in required_of(layer):
        return (required_of(layer)[name],)
    if name == "border_mode" and layer.startswith("LocallyConnected"):
        return ("'valid'",)  # no other was ever supported
    axes = int(layer[-2]) if layer[-1] == "D" else 1
    return tuple(tuple_of(value[1:-1], axes) if value.startswith("{") else value for value in OPTIONAL[name])


def value_beside_others(layer: str, name: str) -> str:
    """A value for an argument in a call with all the others; no Keras both dilates and strides."""
    if layer.startswith("Atrous") and name.startswith("subsample"):
        return tuple_of("1", int(layer[-2]))
    return values_of(layer, name)[0]


def tuple_of(value: str, axes: int) -> str:
    """A value for each axis; alone where there is one."""
    return value if axes == 1 else "(" + ", ".join([value] * axes) + ")"


# ------------------------------------------------------------------------------------------------------ rows of tables


def pairs_of_rows(table: str, facts: Mapping[str, Any]) -> Iterator[Pair]:
    """The pairs that rows carry: the row's own, and what the tool makes of its old program where that is another."""
    for path, row in rows_in(facts):
        pair = row.get("pair") or shown_by(path, row)
        if not pair:
            continue
        setup = facts["setup"] if isinstance(facts.get("setup"), str) else ""
        shown = Pair(
            id=f"{table} {path}",
            old=pair["old"] + "\n",
            new=pair["new"] + "\n" if "new" in pair else None,
            fix="row" if "new" in pair else "none",
            proof=row["proof"],
            why=row.get("why") or row.get("instead"),
            result=pair.get("result"),
            setup=setup,
            holds=row["holds"] if isinstance(row.get("holds"), Mapping) else None,
        )
        program = (setup + shown.old).replace("{k}", "keras")
        needed = contains(row.get("fails", {}).get("keras", ">=0"), "2.2.4")
        by_tool, fix = mended(program, Settings() if needed else Settings(target=TODAY))
        if by_tool is None or shown.new is None or by_tool == (setup + shown.new).replace("{k}", "keras"):
            yield shown if by_tool is None else shown._replace(fix=fix, new=shown.new or by_tool[len(setup) :])
        else:
            yield shown
            yield shown._replace(id=f"{shown.id} (tool)", setup="", old=program, new=by_tool, fix=fix)


def shown_by(path: str, row: Mapping[str, Any]) -> Mapping[str, str]:
    """A program that has what a row without a pair tells of; empty where none follows from the row."""
    *_, group, name = ["", "", *re.split(r"\.(?![^\[]*\])", path)]
    if "probe" in row:
        return {"old": f"from {{k}} import layers\nlayer = layers.{row['probe']}"}
    if "module" in row and "names" in row:
        names = ", ".join(row["names"])
        return {
            "old": f"import {{k}}.{row['module']}" if names == "*" else f"from {{k}}.{row['module']} import {names}"
        }
    if path.startswith("classes."):
        return {"old": f"from {{k}}.layers import {name}"}
    if path.startswith(("symbols.", "removed.")):
        return {"old": f"from {{k}}.{group} import {name}"}
    if path.startswith("strings."):
        module = {"loss": "losses"}.get(group, f"{group}s")
        return {"old": f"from {{k}} import {module}\nfound = {module}.get({name!r})"}
    if path.startswith("modules."):
        return {"old": f"import {{k}}.{name}"}
    return {}


def rows_in(value: object, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(path, row) of everything in a table that names its proof."""
    if isinstance(value, Mapping):
        if "proof" in value:
            yield path, value
        for key, below in value.items():
            yield from rows_in(below, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from rows_in(below, f"{path}[{label_of(below, number)}]")


def label_of(row: object, number: int) -> str:
    """What a row of a list is about, so that it keeps its name when others come before it."""
    if isinstance(row, Mapping):
        words = [row.get(key, "") for key in ("module", "name", "names", "keyword", "old", "except", "layers")]
        return " ".join(" ".join(word) if isinstance(word, list) else word for word in words if word) or str(number)
    return str(number)


# ------------------------------------------------------------------------------------------------ examples of the cards


def pairs_of_card(card: Card) -> Iterator[Pair]:
    """A pair for each fenced ``fixed`` block of a card."""
    for example in card.examples:
        if example.label == "fixed":
            bad = next(e for e in card.examples if is_before(e, example))
            others = {
                other.filename: other.source
                for other in card.examples
                if other.group == bad.group and other.label != "fixed" and other.filename != bad.filename
            }
            id = f"{card.code} {digest(bad.source + example.source)}"
            today, _ = mended(bad.source, Settings(target=TODAY), others)
            yield Pair(
                id=id,
                old=bad.source,
                new=example.source,
                fix="unsafe" if example.unsafe else "safe",
                proof=EQUAL[0],
                files=others,
                today=today if today != example.source else None,
            )


def is_before(bad: Example, fixed: Example) -> bool:
    """Is the one block what the other mends?"""
    return bad.label == "bad" and bad.group == fixed.group and bad.filename == fixed.filename


def digest(text: str) -> str:
    """A short name for a text, so that an example has the same one wherever it stands in its card."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]
