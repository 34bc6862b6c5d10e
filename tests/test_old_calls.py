"""REG111 and REG112 where a card's examples would be too many: every row, and what stands against a fix."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from reglint import check_source, fix_source
from reglint.findings import Applicability, Finding
from reglint.rulebook import facts, load_cards
from reglint.settings import Selection, Settings

CONVERTED, POSITIONAL = "REG111", "REG112"
RECORDS = Path(__file__).parent / "oracle" / "positions"
SAME = {"negative_slope": "alpha", "shape": "input_shape"}  # Keras 3's names for what others call so
EXAMPLES = {
    "dim_ordering": [("'th'", "'channels_first'"), ('"tf"', '"channels_last"'), ("'default'", "None")],
    "consume_less": [("'cpu'", "0"), ('"mem"', "1"), ("'gpu'", "2")],
    "forget_bias_init": [("'one'", "True")],
}


def layers() -> Iterator[tuple[str, dict[str, object]]]:
    """The rows of ``calls.toml`` that are about a layer."""
    return ((name, row) for name, row in facts("calls").items() if "order" in row)


def rows(key: str) -> list[tuple[str, str]]:
    """(layer, old argument) of the rows that have a key."""
    return sorted(
        (name, old) for name, row in layers() for old, entry in row.get("arguments", {}).items() if key in entry
    )


def settings(*codes: str, unsafe: bool = False, keras: str | None = None, target: str | None = None) -> Settings:
    select = (Selection(select=codes or (CONVERTED, POSITIONAL)),)
    return Settings(keras_version=keras, target=target, unsafe_fixes=unsafe, selections=select)


def found(source: str, *codes: str, keras: str | None = None, target: str | None = None) -> list[Finding]:
    chosen = settings(*codes, keras=keras, target=target)
    return check_source(textwrap.dedent(source), filename="example.py", settings=chosen, modules={})


def fixed(source: str, *codes: str, unsafe: bool = False, keras: str | None = None, target: str | None = None) -> str:
    chosen = settings(*codes, unsafe=unsafe, keras=keras, target=target)
    raw, _ = fix_source(textwrap.dedent(source), filename="example.py", settings=chosen, modules={})
    return raw.decode("utf-8")


def fixed_call(call: str, *codes: str, keras: str | None = None, target: str | None = None) -> str:
    """What safe fixes make of one call of a layer."""
    head = f"from keras.layers import {call.partition('(')[0]}\n"
    return fixed(f"{head}layer = {call}\n", *codes, keras=keras, target=target).removeprefix(f"{head}layer = ")[:-1]


# ----------------------------------------------------------------------------------------------------------- the tables


@pytest.mark.parametrize(("layer", "old"), rows("values"))
def test_each_value_of_each_row_is_converted_in_the_quotes_it_has(layer: str, old: str) -> None:
    entry = facts("calls")[layer]["arguments"][old]
    for before, after in EXAMPLES[entry["values"]]:
        assert fixed_call(f"{layer}(8, {old}={before})", CONVERTED) == f"{layer}(8, {entry['to']}={after})"


@pytest.mark.parametrize(("layer", "old"), rows("values"))
def test_a_value_that_is_no_literal_is_not_guessed(layer: str, old: str) -> None:
    [finding] = found(f"from keras.layers import {layer}\nlayer = {layer}(8, {old}=choose())\n", CONVERTED)
    assert finding.fix is None
    assert finding.fix_withheld


@pytest.mark.parametrize(("layer", "old"), rows("drop"))
def test_what_needs_no_successor_is_taken_out(layer: str, old: str) -> None:
    for value in facts("calls")[layer]["arguments"][old]["drop"]:
        assert fixed_call(f"{layer}(8, {old}={value}, name='n')", CONVERTED) == f"{layer}(8, name='n')"
        assert fixed_call(f"{layer}(8, name='n', {old}={value},)", CONVERTED) == f"{layer}(8, name='n',)"


@pytest.mark.parametrize(("layer", "old"), rows("drop"))
def test_a_value_without_successor_is_left_to_the_rule_about_removed_arguments(layer: str, old: str) -> None:
    assert found(f"from keras.layers import {layer}\nlayer = {layer}(8, {old}=2)\n", CONVERTED) == []


@pytest.mark.parametrize("layer", sorted({layer for layer, _ in rows("joins")}))
def test_the_parts_of_a_tuple_come_together_in_the_order_of_the_table(layer: str) -> None:
    arguments = facts("calls")[layer]["arguments"]
    for target in {entry["joins"] for entry in arguments.values() if "joins" in entry}:
        parts = [old for old, entry in arguments.items() if entry.get("joins") == target]
        whole = f"{target}=({', '.join(f'n{rank}' for rank in range(len(parts)))})"
        keywords = [f"{old}=n{rank}" for rank, old in enumerate(parts)]
        for some in (keywords, keywords[::-1]):
            assert fixed_call(f"{layer}(8, {', '.join(some)})", CONVERTED) == f"{layer}(8, {whole})"
        apart = f", name='{layer}', ".join(keywords[::-1])
        assert fixed_call(f"{layer}(8, {apart})", CONVERTED).startswith(f"{layer}(8, {whole}, name='{layer}'")


def test_every_layer_with_an_order_in_keras_1_has_one_today() -> None:
    today = {row.get("today", name) for name, row in layers()}
    assert today <= set(facts("positions")["layers"])


@pytest.mark.parametrize("name", sorted(facts("positions")["layers"]))
def test_the_order_of_a_layer_is_what_all_measured_releases_have_in_common(name: str) -> None:
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECORDS.glob("*.json"))]
    orders = [[SAME.get(new, new) for new in record[name]] for record in records if name in record]
    common = [names[0] for names in takewhile(lambda names: len(set(names)) == 1, zip(*orders, strict=False))]
    assert len(orders) > 1
    assert facts("positions")["layers"][name]["order"] == common


def test_no_more_arguments_go_by_position_in_keras_2_than_have_a_common_order() -> None:
    for name, row in facts("positions")["layers"].items():
        assert row.get("positional", 0) <= len(row["order"]), name


def test_every_kind_of_value_is_one_that_can_be_told() -> None:
    known = {"integer", "float", "sequence", "none", "boolean", *facts("positions")["words"]}
    assert {kind for kinds in facts("positions")["kinds"].values() for kind in kinds} <= known


def test_the_card_tells_each_value_of_the_table() -> None:
    text = load_cards()[CONVERTED].sections["Why is this bad"]
    for old, values in facts("calls")["values"].items():
        for before in values:
            assert re.search(rf"\|.*`(?:{old}=)?{re.escape(before)}`.*\|", text), before
    for layer, old in [*rows("joins"), *rows("both"), *rows("drop")]:
        assert re.search(rf"\|.*\b{old}=.*\|.*\|", text), (layer, old)


# ------------------------------------------------------------------------------------------------------ by position


@pytest.mark.parametrize("name", sorted(name for name, row in layers() if "kernel_size" in str(row)))
def test_a_call_of_keras_1_by_position_gets_its_names_back(name: str) -> None:
    row = facts("calls")[name]
    if "init" not in row["order"] or "filter_length" in row["order"]:
        pytest.skip("its kernel has one side")
    sides = [old for old in row["order"] if row["arguments"].get(old, {}).get("joins") == "kernel_size"]
    size = ", ".join("3" for _ in sides)
    after = row["order"][row["order"].index(sides[-1]) + 1]
    if after == "output_shape":
        assert fixed_call(f"{name}(8, {size}, W_regularizer=None)", POSITIONAL).startswith(f"{name}(8, ({size})")
        return
    entry = row["arguments"]["init"]
    new = "".join(f", {to}='uniform'" for to in entry.get("both", [entry.get("to")]))
    assert fixed_call(f"{name}(8, {size}, 'uniform')", POSITIONAL) == f"{name}(8, ({size}){new})"


@pytest.mark.parametrize(
    "call",
    [
        "Dense(64, 'relu')",
        "Dense(64, initializer)",
        "Conv2D(64, 3, 2)",
        "Conv2D(64, 3, 3)",
        "Conv2D(64, (3, 3), (2, 2), border_mode='same')",
        "Conv2D(64, 3, 3, padding='same')",
        "Conv1D(64, 3, 2)",
        "Conv3D(8, 3, 3)",
        "BatchNormalization(3)",
        "BatchNormalization(-1)",
        "BatchNormalization(axis)",
        "MaxPooling1D(2, 2, 'same')",
        "MaxPooling2D((2, 2), (1, 1), 'same', 'channels_first')",
        "Dropout(0.5, None, 42)",
        "Embedding(1000, 64, 'uniform')",
        "PReLU('zeros', None)",
        "LSTM(32, 'tanh', 'sigmoid')",
    ],
)
def test_a_call_that_is_right_today_is_left_alone(call: str) -> None:
    name = call.partition("(")[0]
    assert found(f"from keras.layers import {name}\nlayer = {call}\n", POSITIONAL) == []


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ("Conv2D(64, 3, 3, strides=2)", "Conv2D(64, (3, 3), strides=2)"),
        ("Conv2D(64, 3, 3, bias=False)", "Conv2D(64, (3, 3), bias=False)"),
        ("Conv2D(64, k[0], k[1], bias=False)", "Conv2D(64, (k[0], k[1]), bias=False)"),
        ("Convolution3D(8, 3, 3, 3)", "Convolution3D(8, (3, 3, 3))"),
        ("AtrousConvolution2D(8, 3, 3)", "AtrousConvolution2D(8, (3, 3))"),
        ("Conv1D(64, 3, 'he_normal')", "Conv1D(64, 3, kernel_initializer='he_normal')"),
        (
            "Dense(64, 'uniform', 'relu', None)",
            "Dense(64, kernel_initializer='uniform', activation='relu', weights=None)",
        ),
        ("BatchNormalization(1e-3)", "BatchNormalization(epsilon=1e-3)"),
        ("BatchNormalization(1e-3, 0, -1, 0.9)", "BatchNormalization(epsilon=1e-3, axis=-1, momentum=0.9)"),
        ("ZeroPadding2D((1, 1), 'th')", "ZeroPadding2D((1, 1), data_format='channels_first')"),
        ("GlobalMaxPooling2D('default')", "GlobalMaxPooling2D(data_format=None)"),
        (
            "Convolution1D(8, 3, 'he_normal', 'relu', None, 'same', 2, None, None, None, None, None, True, 4, 9)",
            "Convolution1D(8, 3, kernel_initializer='he_normal', activation='relu', weights=None, padding='same', "
            "strides=2, kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, "
            "kernel_constraint=None, bias_constraint=None, use_bias=True, input_shape=(9, 4))",
        ),
        ("Dense((64), ('uniform'))", "Dense((64), kernel_initializer=('uniform'))"),
    ],
)
def test_a_call_that_only_keras_1_takes_is_mended_safely(call: str, after: str) -> None:
    assert fixed_call(call, POSITIONAL) == after
    assert fixed_call(after, POSITIONAL) == after


def test_what_only_keras_2_refuses_is_said_only_where_it_is_allowed() -> None:
    call = "Embedding(1000, 64, 'uniform')"
    after = "Embedding(1000, 64, embeddings_initializer='uniform')"
    assert fixed_call(call, keras="==2.2.4") == after
    assert fixed_call(call, keras="==2.4.3") == call
    assert fixed_call(call, keras="==3.15.1") == call


def test_a_keras_3_that_takes_an_epsilon_for_an_axis_is_no_reason_to_be_silent() -> None:
    [finding] = found("from keras.layers import BatchNormalization\nlayer = BatchNormalization(1e-3)\n", POSITIONAL)
    assert "was `epsilon` in Keras 1 and is `axis` today" in finding.message


def test_tf_keras_may_mean_strides() -> None:
    source = "from tensorflow.keras.layers import {0}\nlayer = {0}(64, 16, 16)\n"
    assert found(source.format("Conv2D"), POSITIONAL) == []
    [finding] = found(source.format("Convolution2D"), POSITIONAL)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE


def test_a_program_with_keras_1_elsewhere_never_ran_with_strides() -> None:
    source = """\
        from keras.layers import Convolution2D

        layer = Convolution2D(64, 3, 3)
        {}
    """
    assert "(3, 3)" not in fixed(source.format("model.fit(x, y, epochs=2)"), POSITIONAL)
    assert "(3, 3)" in fixed(source.format("model.fit(x, y, nb_epoch=2)"), POSITIONAL)


def test_the_old_arm_of_a_guard_proves_nothing() -> None:
    source = """\
        import keras
        from keras.layers import Convolution2D, Dense

        if keras.__version__.startswith("1"):
            layer = Dense(8, W_regularizer="l2")
        other = Convolution2D(64, 3, 3)
    """
    assert "(3, 3)" not in fixed(source, POSITIONAL)


def test_a_keyword_that_a_wrapper_hands_on_brings_the_positions_with_it() -> None:
    source = """\
        from keras.layers import Convolution2D


        def conv(filters, **kwargs):
            return Convolution2D(filters, 3, 3, **kwargs)


        layer = conv(64, border_mode="same", dim_ordering="th")
    """
    after = fixed(source, "REG110", CONVERTED)
    assert "Convolution2D(filters, (3, 3), **kwargs)" in after
    assert 'conv(64, padding="same", data_format="channels_first")' in after


def test_a_call_through_a_partial_counts_what_the_partial_holds() -> None:
    source = """\
        from functools import partial
        from keras.layers import Convolution2D

        conv = partial(Convolution2D, border_mode="same")
        half = partial(Convolution2D, 64, 3, bias=False)
        layers = [conv(64, 3, 3), half(3)]
    """
    after = fixed(source, "REG110", POSITIONAL)
    assert "conv(64, (3, 3))" in after
    assert "half(3)" in after


def test_a_class_of_the_project_is_followed_to_the_layer() -> None:
    source = """\
        from keras.layers import Dense


        class Mine(Dense):
            pass


        class Other(Dense):
            def __init__(self, size, how):
                super().__init__(size)


        layers = [Mine(8, "uniform"), Other(8, "uniform")]
    """
    assert 'Mine(8, kernel_initializer="uniform"), Other(8, "uniform")' in fixed(source, POSITIONAL)


# -------------------------------------------------------------------------------------------------------- withheld


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("Convolution2D(8, 3, 3, 'uniform', init='uniform')", "`init` is passed already"),
        ("Convolution2D(8, 3, 3, 'uniform', kernel_initializer='uniform')", "`kernel_initializer` is passed already"),
        ("Convolution2D(8, *size, border_mode='same')", "by `*`"),
        ("MaxPooling2D((2, 2), None, 'same', ordering, border_mode='same')", "nothing tells what the value is today"),
        ("BatchNormalization(1e-3, 1)", "only mode 0 is left"),
        ("Deconvolution2D(8, 3, 3, (None, 8, 14, 14))", "the shape follows"),
        ("SeparableConv2D(8, 3, 3, make(), bias=False)", "no single successor"),
    ],
)
def test_a_position_without_a_sure_successor_is_reported_only(call: str, why: str) -> None:
    name = call.partition("(")[0]
    [finding] = found(f"from keras.layers import {name}\nlayer = {call}\n", POSITIONAL)
    assert finding.fix is None
    assert why in (finding.fix_withheld or "")


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("Convolution2D(8, nb_row=3, nb_col=3, kernel_size=(3, 3))", "`kernel_size` is passed already"),
        ("Convolution2D(8, nb_col=next(s), nb_row=next(s))", "another order"),
        ("Convolution2D(8, nb_row=3)", "`nb_col` is not passed beside `nb_row`"),
        ("LSTM(8, input_length=3)", "`input_dim` is not passed beside `input_length`"),
        ("LSTM(8, input_dim=3, input_shape=(2, 3))", "`input_shape` is passed already"),
        ("SeparableConv2D(8, 3, init=make())", "computed twice"),
        ("Convolution2D(8, **{'nb_row': 3, 'nb_col': 3})", "not written in a call"),
        ("LSTM(8, forget_bias_init='zero')", "nothing tells"),
    ],
)
def test_a_conversion_that_is_not_sure_is_withheld(call: str, why: str) -> None:
    name = call.partition("(")[0]
    findings = found(f"from keras.layers import {name}\nlayer = {call}\n", CONVERTED)
    assert findings
    for finding in findings:
        assert finding.fix is None
        assert why in (finding.fix_withheld or "")


def test_elements_that_only_moved_keep_their_text_and_comments() -> None:
    source = """\
        from keras.layers import Convolution2D

        layer = Convolution2D(
            nb_col=size * 2,
            nb_filter=8,  # filters
            nb_row=2 * size,
        )
    """
    assert "kernel_size=(2 * size, size * 2),\n    nb_filter=8,  # filters\n)" in fixed(source, CONVERTED)


def test_the_same_key_set_twice_is_converted_in_both_places_or_not_at_all() -> None:
    source = """\
        from keras.layers import MaxPooling2D

        options = {{"dim_ordering": "th"}}
        if flag:
            options["dim_ordering"] = {}
        layer = MaxPooling2D((2, 2), **options)
    """
    after = fixed(source.format('"tf"'), CONVERTED)
    assert '{"data_format": "channels_first"}' in after
    assert 'options["data_format"] = "channels_last"' in after
    kept = source.format("ordering")
    assert fixed(kept, CONVERTED) == textwrap.dedent(kept)


def test_old_and_new_rules_together_leave_a_call_of_today() -> None:
    source = """\
        from keras.layers import Convolution2D

        layer = Convolution2D(nb_filter=8, nb_col=5, nb_row=3, border_mode="same", dim_ordering="tf", init="uniform")
    """
    after = fixed(source, "REG110", CONVERTED, POSITIONAL)
    assert after.splitlines()[-1] == (
        'layer = Convolution2D(filters=8, kernel_size=(3, 5), padding="same", data_format="channels_last", '
        'kernel_initializer="uniform")'
    )
    assert fixed(after, "REG110", CONVERTED, POSITIONAL) == after


def test_a_class_that_is_none_where_keras_is_missing_keeps_the_sides_of_its_kernel() -> None:
    source = """\
    try:
        from keras.layers import Convolution2D
    except ImportError:
        Convolution2D = None
    layer = Convolution2D(8, 3, 3, border_mode="same")
    """
    assert 'Convolution2D(8, (3, 3), padding="same")' in fixed(source, "REG110")


def test_a_keyword_does_not_change_alone_where_the_callee_may_be_no_layer_and_places_change_their_meaning() -> None:
    source = """\
    from keras.layers import Convolution2D
    from mylib import Other
    layer = (Convolution2D if other else Other)(8, 3, 3, border_mode="same")
    conv = Convolution2D if other else Other
    layer = conv(8, 3, 3, border_mode="same")
    """
    assert fixed(source, "REG110", unsafe=True) == textwrap.dedent(source)


@pytest.mark.parametrize(
    "call",
    [
        'Convolution2D(8, 3, **dict(nb_col=3, border_mode="same"))',
        'Convolution2D(8, 3, **{"nb_col": 3})',
        "Convolution2D(8, (3, 3), nb_row=3, nb_col=3)",
    ],
)
def test_a_dict_or_a_second_value_is_no_side_of_a_kernel(call: str) -> None:
    assert fixed_call(call, "REG110", "REG111", "REG112") == call


def test_sides_of_a_kernel_stay_safely_as_they_are_in_a_file_that_also_speaks_todays_keras() -> None:
    text = (
        "from keras.layers import Conv2D, Dropout\n"
        "patches = Conv2D(96, 4, 4)\n"
        "left = Dropout(p=0.5)\n"
        "other = Conv2D(8, 3, padding='same')\n"
    )
    mended = fix_source(text, settings=Settings(), modules={})[0].decode()
    assert "Conv2D(96, 4, 4)" in mended
    assert "Dropout(rate=0.5)" in mended


@pytest.mark.parametrize("value", ["0", "(0)"])
def test_a_mode_that_needs_no_successor_is_taken_out_in_whatever_parentheses_it_stands(value: str) -> None:
    text = f"from keras.layers import BatchNormalization\nnorm = BatchNormalization(mode={value})\n"
    assert fix_source(text, settings=Settings(), modules={})[0].decode().endswith("norm = BatchNormalization()\n")


def test_a_comment_before_the_equals_sign_withholds_only_what_would_lose_it() -> None:
    layer = "from keras.layers import Convolution2D\n\nlayer = "
    call = "Convolution2D(8, 3, 3, W_regularizer  # as before\n              ='l2')\n"
    expected = "Conv2D(8, (3, 3), kernel_regularizer  # as before\n              ='l2')\n"
    assert fixed(layer + call, "REG1") == (layer + expected).replace("import Convolution2D", "import Conv2D")
    sides = found(layer + "Convolution2D(8, nb_row  # rows\n=3, nb_col=3)\n", "REG111")
    assert [(side.fix, side.fix_withheld) for side in sides] == 2 * [(None, "a comment would be lost")]
