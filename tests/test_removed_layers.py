"""REG114 and REG116 where a card's examples would be too many, and their tables against what was measured."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reglint import check_source, fix_source
from reglint.findings import Finding
from reglint.rulebook import facts, load_cards
from reglint.settings import Selection, Settings
from reglint.versions import Release, contains

RECORDS = Path(__file__).parent / "oracle" / "removed_names"
PACKAGES = {"keras": "keras", "tensorflow.keras": "tensorflow", "tf_keras": "tf-keras", "keras_core": "keras-core"}
YOUNGER = {"CuDNNLSTM", "CuDNNGRU", "batch_size"}
"""What the first of the releases did not have yet."""


def records() -> dict[Release, dict[str, Any]]:
    """What was found in each release."""
    every = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECORDS.glob("*.json"))]
    return {Release(PACKAGES[found["package"]], found["version"]): found["programs"] for found in every}


RECORDED = records()


def rows() -> Iterator[tuple[str, str, dict[str, str]]]:
    """(name, program, releases in which it fails) of everything that the tables say went away."""
    table = facts("removed")
    for name, row in table["classes"].items():
        yield name, f"class {name}", row["fails"]
    for number, row in enumerate(table["arguments"]):
        yield row["keyword"], f"argument {number} {row['keyword']}", row["fails"]
    for keyword, row in table["calls"].items():
        yield keyword, f"call {keyword}", row["fails"]


def pairs() -> Iterator[tuple[str, dict[str, Any]]]:
    """(name of the program, row) of everything that comes with two programs."""
    for name, row in facts("removed")["classes"].items():
        yield f"class {name}", row
    for number, row in enumerate(facts("removed")["arguments"]):
        yield f"argument {number} {row['keyword']}", row
    for mode, row in facts("merge")["modes"].items():
        yield f"mode {mode}", {"holds": facts("merge")["holds"], **row}


def ways() -> Iterator[tuple[str, dict[str, Any]]]:
    """The same of what depends on where an argument stands."""
    for number, row in enumerate(facts("removed")["arguments"]):
        yield from ((f"argument {number} {row['keyword']} {way}", row[way]) for way in ("input", "idle") if way in row)


def is_in(release: Release, releases: dict[str, str]) -> bool:
    return release.package in releases and contains(releases[release.package], release.version)


def settings(code: str, unsafe: bool, keras: str | None) -> Settings:
    return Settings(keras_version=keras, unsafe_fixes=unsafe, selections=(Selection(select=(code,)),))


def found(code: str, source: str, keras: str | None = None) -> list[Finding]:
    text = textwrap.dedent(source)
    return check_source(text, filename="example.py", settings=settings(code, False, keras), modules={})


def fixed(code: str, source: str, keras: str | None = None, unsafe: bool = False) -> str:
    text = textwrap.dedent(source)
    raw, _ = fix_source(text, filename="example.py", settings=settings(code, unsafe, keras), modules={})
    return raw.decode("utf-8")


def rewritten(call: str) -> str:
    """What becomes of a call of ``merge`` or ``Merge``."""
    source = f"import keras\n\nx = keras.layers.{call}\n"
    return fixed("REG114", source).splitlines()[-1].removeprefix("x = keras.layers.")


# ------------------------------------------------------------------------------------------------ tables and records


@pytest.mark.parametrize(("name", "program", "fails"), list(rows()))
def test_what_the_table_says_went_away_is_missing_in_just_those_releases(
    name: str, program: str, fails: dict[str, str]
) -> None:
    has = {release for release, programs in RECORDED.items() if "value" in programs[program]}
    assert has, "no release has it at all"
    assert not [release for release in has if is_in(release, fails)]
    early = {Release("keras", "1.2.2"), Release("keras", "2.0.0"), Release("tensorflow", "1.4.1")}
    unsaid = [release for release in RECORDED if release not in has and not is_in(release, fails)]
    if name in YOUNGER:
        unsaid = [r for r in unsaid if r not in early and r != Release("tensorflow", "1.12.0")]
    assert not [release for release in unsaid if (name, release) != ("input_dtype", Release("keras", "2.0.0"))]


@pytest.mark.parametrize("name", ["merge", "Merge"])
def test_the_releases_without_a_working_merge_are_those_of_the_table(name: str) -> None:
    table = facts("merge")
    for release, programs in RECORDED.items():
        answer = programs[f"import {name}"]
        works = answer.get("value") is True
        assert works == (not is_in(release, table["fails"]) or is_in(release, table["converts"])), release
        assert ("error" in answer) == is_in(release, table["unimportable"][name]), release
        for mode, row in table["modes"].items():
            if "function" in row:
                assert ("value" in programs[f"today {mode}"]) == is_in(release, table["holds"]), (release, mode)


@pytest.mark.parametrize(
    ("name", "row"), [(name, row) for name, row in (*pairs(), *ways()) if row["proof"] != "reported-only"]
)
def test_the_two_programs_of_a_pair_came_to_the_same(name: str, row: dict[str, Any]) -> None:
    on = row["pair"].get("on", "keras==2.2.4").split("==")
    old, new = (RECORDED[Release(*on)][f"{name} {side}"] for side in ("old", "new"))
    assert "value" in old
    assert old == new
    wanting = [release for release in RECORDED if is_in(release, row["holds"])]
    assert not [release for release in wanting if "error" in RECORDED[release][f"{name} new"]]
    if row["proof"] == "equal-run":
        assert all(RECORDED[release][f"{name} new"] == new for release in wanting)
        first = RECORDED[Release("keras", "1.2.2")][f"{name} old"]
        assert first == old or not YOUNGER.isdisjoint(name.split())


def test_what_has_no_pair_says_that_it_is_only_reported() -> None:
    for _, row in pairs():
        assert ("pair" in row) == (row["proof"] != "reported-only")
        assert "instead" in row or "function" in row


def test_the_cards_tables_name_what_the_facts_name() -> None:
    merge, removed = (load_cards()[code].sections["Why is this bad"] for code in ("REG114", "REG116"))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in merge.splitlines() if line[:1] == "|"]
    shown = {row[0].split(",")[0].strip("`'"): row[1:] for row in cells if row[0].startswith("`'")}
    modes = facts("merge")["modes"]
    assert shown.keys() == modes.keys()
    for mode, row in modes.items():
        assert [cell.strip("`") for cell in shown[mode][:2]] == [row.get("function", ""), row.get("layer", "")]
        assert all(f"`{old}` is `{new}`" in shown[mode][2] for old, new in row.get("arguments", {}).items())
    first = "\n".join(line.split("|")[1] for line in removed.splitlines() if line.startswith("| `"))
    table = facts("removed")
    wanted = {*table["classes"], *table["calls"], *(row["keyword"] for row in table["arguments"])}
    assert {name.strip(" `") for line in first.splitlines() for name in line.split(",")} == wanted


# ------------------------------------------------------------------------------------------------------------- REG114


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("merge([a, b])", "add([a, b])"),
        ("merge([a, b], mode='sum')", "add([a, b])"),
        ("merge(mode='mul', inputs=[a, b])", "multiply(inputs=[a, b])"),
        ("merge([a, b], 'ave', name='m')", "average([a, b], name='m')"),
        ("merge([a, b], 'max', -1, -1, None, None, None, 'm')", "maximum([a, b], name='m')"),
        ("merge([a, b], 'concat', 1)", "concatenate([a, b], axis=1)"),
        ("merge([a, b], mode='concat')", "concatenate([a, b])"),
        ("merge([a, b], concat_axis=2, mode='concat', dot_axes=1)", "concatenate([a, b], axis=2)"),
        ("merge((a, b), mode='concat')", "concatenate([a, b])"),
        ("merge([a, b], mode='dot')", "dot([a, b], axes=-1)"),
        ("merge([a, b], 'dot', -1, (2, 1))", "dot([a, b], axes=(2, 1))"),
        ("merge([a, b], mode='dot', dot_axes=[1, 1], output_shape=lambda s: s)", "dot([a, b], axes=[1, 1])"),
        ("merge(parts, mode='sum',)", "add(parts,)"),
        ("Merge(mode='sum')([a, b])", "Add()([a, b])"),
        ("Merge()([a, b])", "Add()([a, b])"),
        ("Merge(None, 'concat', 1, name='m')([a, b])", "Concatenate(axis=1, name='m')([a, b])"),
        ("Merge(mode='dot', )([a, b])", "Dot(axes=-1, )([a, b])"),
        ("Merge(mode='mul', )([a, b])", "Multiply()([a, b])"),
    ],
)
def test_a_mode_becomes_a_function_or_layer_with_its_arguments(old: str, new: str) -> None:
    assert rewritten(old) == new


@pytest.mark.parametrize(
    "call",
    [
        "merge([a, b], mode='cos')",
        "merge([a, b], mode='unknown')",
        "merge([a, b], mode=choose())",
        "merge([a, b], **how)",
        "merge(*parts)",
        "merge([a, b], mode='sum', output_shape=measure())",
        "merge([a, b], lambda pair: pair[0])",
        "Merge([left, right], mode='concat')",
        "Merge(layers=[left, right])",
    ],
)
def test_what_has_no_equal_is_found_and_left(call: str) -> None:
    (finding,) = found("REG114", f"import keras\n\nx = keras.layers.{call}\n")
    assert finding.fix is None
    assert finding.fix_withheld
    assert rewritten(call) == call


def test_a_comment_between_arguments_that_go_withholds_the_fix() -> None:
    source = """
    from keras.layers import merge
    x = merge([a, b],
              mode="mul",  # gated
              output_shape=(3,))
    """
    assert fixed("REG114", source) == textwrap.dedent(source)


def test_the_function_is_known_from_a_star_import_and_from_the_engine() -> None:
    assert "x = add([a, b])" in fixed("REG114", "from keras.layers import *\nx = merge([a, b])\n")
    by_engine = fixed("REG114", "from keras.engine import merge\nfrom keras.layers import Input\nx = merge([a, b])\n")
    assert by_engine == "from keras.layers import Input, add\nx = add([a, b])\n"


def test_a_name_that_is_taken_is_reached_through_its_module() -> None:
    source = "from keras.layers import merge\nadd = 1\nx = merge([a, b])\nprint(add)\n"
    mended = fixed("REG114", source)
    assert "layers.add([a, b])" in mended
    assert "import merge" not in mended


def test_the_import_stays_while_it_is_exported() -> None:
    source = "from keras.layers import merge\n__all__ = ['merge']\nx = merge([a, b])\n"
    mended = fixed("REG114", source)
    assert "from keras.layers import merge, add\n" in mended
    assert "x = add([a, b])" in mended


def test_an_import_without_use_goes_only_by_an_unsafe_fix() -> None:
    source = "from keras.layers import Input, merge\n\nx = Input((3,))\n"
    assert fixed("REG114", source) == source
    assert fixed("REG114", source, unsafe=True) == "from keras.layers import Input\n\nx = Input((3,))\n"


def test_a_fix_is_unsafe_where_keras_1_is_allowed() -> None:
    source = "from keras.layers import merge\nx = merge([a, b])\n"
    assert fixed("REG114", source, keras=">=1.2") == source
    assert "add([a, b])" in fixed("REG114", source, keras=">=1.2", unsafe=True)
    assert not found("REG114", source, keras="==1.2.2")


def test_other_things_of_that_name_are_left_alone() -> None:
    source = """
    from pandas import merge
    from keras import layers
    from mylib import Merge

    x = merge(left, right)
    y = Merge([left, right], mode="concat")
    z = layers.merge.Concatenate()
    """
    assert not found("REG114", source)


# ------------------------------------------------------------------------------------------------------------- REG116


def mended_layer(call: str, unsafe: bool = False, keras: str | None = None) -> str:
    """What becomes of a call of a layer."""
    source = f"from keras import layers\n\nx = layers.{call}\n"
    return fixed("REG116", source, keras, unsafe).splitlines()[-1].removeprefix("x = layers.")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("TimeDistributedDense(8)", "TimeDistributed(layers.Dense(8))"),
        ("TimeDistributedDense(8, name='d', bias=False)", "TimeDistributed(layers.Dense(8, bias=False), name='d')"),
        ("TimeDistributedDense(8, input_dim=4)", "TimeDistributed(layers.Dense(8), input_shape=(None, 4))"),
        (
            "TimeDistributedDense(input_shape=(5, 3), output_dim=8)",
            "TimeDistributed(layers.Dense(output_dim=8), input_shape=(5, 3))",
        ),
        ("TimeDistributedDense(**how)", "TimeDistributedDense(**how)"),
        ("TimeDistributedDense(name='d')", "TimeDistributedDense(name='d')"),
        ("Dense(8, batch_input_shape=(None, 4))", "Dense(8, input_shape=(4,))"),
        ("Dense(8, batch_input_shape=[None, 4, 5])", "Dense(8, input_shape=[4, 5])"),
        ("Dense(8, batch_input_shape=(2, 4))", "Dense(8, batch_input_shape=(2, 4))"),
        ("Dense(8, batch_input_shape=shape)", "Dense(8, batch_input_shape=shape)"),
    ],
)
def test_what_has_a_successor_becomes_it(old: str, new: str) -> None:
    assert mended_layer(old) == new


def test_a_threshold_is_spelled_out() -> None:
    assert mended_layer("ThresholdedReLU()", unsafe=True) == "ReLU(threshold=1.0)"
    assert mended_layer("ThresholdedReLU(0.5, name='t')", keras=">=2.2.3") == "ReLU(threshold=0.5, name='t')"


def test_positional_output_shapes_are_found_where_only_keras_1_had_the_class() -> None:
    (finding,) = found("REG116", "from keras import layers\n\nx = layers.Deconv2D(3, 3, 3, (None, 14, 14, 3))\n")
    assert "`output_shape`" in finding.message
    assert not found("REG116", "from keras import layers\n\nx = layers.Conv2DTranspose(3, 3, 3, 'same')\n")


def test_a_mode_that_merely_goes_is_another_rules_business() -> None:
    assert not found("REG116", "from keras import layers\n\nx = layers.BatchNormalization(mode=0)\n")
    assert not found("REG116", "from keras import layers\n\nx = layers.Embedding(9, 3, dropout=0.)\n")


def test_a_layer_is_left_alone_where_it_still_is() -> None:
    source = "import tensorflow as tf\n\nx = tf.compat.v1.keras.layers.CuDNNLSTM(8)\ny = tf.keras.layers.CuDNNLSTM(8)\n"
    assert [f.start for f in found("REG116", source, keras="tensorflow==2.15.1")] == [source.rindex("CuDNNLSTM")]


def test_a_layer_that_tf_keras_keeps_on_keras_3_is_found_only_in_keras_itself() -> None:
    source = "from keras.layers import ThresholdedReLU\n\nx = ThresholdedReLU(0.5)\n"
    assert len(found("REG116", source)) == 2
    assert not found("REG116", source.replace("keras", "tensorflow.keras"))
