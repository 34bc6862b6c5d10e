"""REG110 where a card's examples would be too many: each argument of each layer, and what the card's table says."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

import pytest

from reglint import check_source, fix_source
from reglint.findings import Finding
from reglint.rulebook import facts, load_cards
from reglint.settings import Selection, Settings

CODE = "REG110"
MORE_THAN_THE_NAME = {"values", "joins", "both", "drop", "instead"}
SHORT = {
    "Conv1D": "Convolution1D",
    "Conv2D": "Convolution2D",
    "Conv3D": "Convolution3D",
    "AtrousConv1D": "AtrousConvolution1D",
    "AtrousConv2D": "AtrousConvolution2D",
    "Deconv2D": "Deconvolution2D",
    "SeparableConv2D": "SeparableConvolution2D",
}


def renamed() -> Iterator[tuple[str, str, str]]:
    """(layer, old argument, today's) of the table, where nothing but the name changed."""
    for layer, row in facts("calls").items():
        for old, entry in row.get("arguments", {}).items():
            if MORE_THAN_THE_NAME.isdisjoint(entry):
                yield layer, old, entry["to"]


def converted() -> Iterator[tuple[str, str]]:
    """(layer, old argument) of the table, where more changed."""
    for layer, row in facts("calls").items():
        for old, entry in row.get("arguments", {}).items():
            if not MORE_THAN_THE_NAME.isdisjoint(entry):
                yield layer, old


RENAMED = sorted(renamed())


def settings(unsafe: bool = False, keras: str | None = None, target: str | None = None, **layers: str) -> Settings:
    own = {f"mylib.{name}": like for name, like in layers.items()}
    select = (Selection(select=(CODE,)),)
    return Settings(keras_version=keras, target=target, unsafe_fixes=unsafe, selections=select, layers=own)


def found(source: str, keras: str | None = None, target: str | None = None, **layers: str) -> list[Finding]:
    chosen = settings(keras=keras, target=target, **layers)
    return check_source(textwrap.dedent(source), filename="example.py", settings=chosen, modules={})


def fixed(source: str, unsafe: bool = False, **layers: str) -> str:
    chosen = settings(unsafe=unsafe, **layers)
    return fix_source(textwrap.dedent(source), filename="example.py", settings=chosen, modules={})[0].decode()


# ------------------------------------------------------------------------------------------------------------ the table


@pytest.mark.parametrize(("layer", "old", "new"), [row for row in RENAMED if row[1] != "atrous_rate"])
def test_an_argument_that_was_only_renamed_gets_its_name_of_today(layer: str, old: str, new: str) -> None:
    source = "from keras.layers import {0}\nlayer = {0}({1}=given)\n"
    assert fixed(source.format(layer, old)) == source.format(layer, new)


def test_an_argument_of_which_more_changed_is_left_to_another_rule() -> None:
    for layer, old in converted():
        assert found(f"from keras.layers import {layer}\nlayer = {layer}({old}=given)\n") == [], (layer, old)


def test_an_argument_that_a_layer_of_keras_1_never_had_is_no_old_one() -> None:
    every = {old for _, old, _ in RENAMED}
    for layer, row in facts("calls").items():
        known = {*row.get("order", ()), *row.get("arguments", {})}
        for old in every - known if "order" in row else ():
            assert found(f"from keras.layers import {layer}\nlayer = {layer}({old}=given)\n") == [], (layer, old)


def test_every_renamed_argument_was_one_of_its_layer_in_keras_1() -> None:
    assert [(layer, old) for layer, old, _ in RENAMED if old not in facts("calls")[layer]["order"]] == []


def bare(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a trigger without the sign that says how one must stand there."""
    return tuple(word.removesuffix("=") for word in words)


def test_every_renamed_argument_wakes_the_rule() -> None:
    triggers = [bare(words) for words in load_cards()[CODE].triggers]
    for layer, old, _ in RENAMED:
        assert any(set(words) <= {layer, old} for words in triggers), (layer, old)


def test_no_trigger_wakes_the_rule_for_nothing() -> None:
    pairs = {(layer, old) for layer, old, _ in RENAMED}
    olds = {old for _, old in pairs}
    for words in map(bare, load_cards()[CODE].triggers):
        assert words[-1] in olds
        assert len(words) == 1 or tuple(words) in pairs


def test_the_table_of_the_card_says_what_the_table_of_facts_says() -> None:
    text = load_cards()[CODE].sections["Why is this bad"]
    rows = [re.findall(r"[^|]+", line) for line in text.splitlines() if line.startswith("| ")]
    groups = {row[0].strip(): row[1] for row in rows if len(row) == 2}
    told = {
        (layer, old.strip(" `"), new.strip(" `"))
        for old, new, layers in (row for row in rows if len(row) == 3 and "`" in row[0])
        for layer in layers_in(layers, groups)
    }
    assert told == {(SHORT.get(layer, layer), old, new) for layer, old, new in RENAMED}


def layers_in(cell: str, groups: dict[str, str]) -> Iterator[str]:
    """The layers that a cell names, alone or by the name of a group."""
    for part in (part.strip() for part in cell.split(",")):
        if part in groups:
            yield from layers_in(groups[part], groups)
        else:
            assert part.startswith("`"), part
            yield part.strip("`")


# ---------------------------------------------------------------------------------------------------- whose argument


@pytest.mark.parametrize(
    "source",
    [
        "from torch.nn import Dropout\nDropout(p=0.5)",
        "from lasagne.layers import DenseLayer as Dense\nDense(init=0)",
        "def Dropout(x, p): return x\nDropout(1, p=0.5)",
        "from keras.layers import Layer\nclass Dropout(Layer):\n    def __init__(self, p): self.p = p\nDropout(p=0.5)",
        "import Dropout\nDropout(p=0.5)",
        "from keras.models import Dense\nDense(init=0)",
        "from keras.layers import Dropout\nx = dict(p=0.5)\nDropout(0.5)",
        "from keras.layers import Dropout\nDropout.p = 0.5",
        "from unseen import *\nDropout(p=0.5)",
        "from keras.layers import Lambda\nLambda(lambda x: x, init=0, p=1, bias=True, Dense=0, Dropout=1)",
    ],
)
def test_a_common_name_says_nothing_where_the_callee_is_not_a_layer_that_had_it(source: str) -> None:
    assert found(source + "\n") == []


def test_only_names_that_nothing_but_keras_has_are_reported_of_an_unknown_callee() -> None:
    source = """
        import keras
        from keras.layers import Dense, LSTM
        layer = eval("LSTM")(8, dropout_W=0.2, b_constraint=None, inner_activation="relu", init="uniform")
    """
    told = found(source)
    assert [finding.severity.value for finding in told] == ["warning", "warning"]
    assert all(finding.fix is None for finding in told)


def test_tf_keras_never_had_the_old_names() -> None:
    source = "import tensorflow as tf\nlayer = tf.keras.layers.Dropout(p=0.5)\n"
    told = found(source, keras="tensorflow==1.15.5")
    assert [finding.message for finding in told] == ["`Dropout` never had an argument `p`; use `rate`"]
    assert told[0].severity.value == "error"


@pytest.mark.parametrize(
    ("keras", "severity"),
    [("==2.0.0", "warning"), ("==2.3.1", "warning"), ("==2.4.3", "error"), ("==3.15.1", "error"), (">=2", "warning")],
)
def test_it_is_an_error_where_no_allowed_keras_converts_the_name(keras: str, severity: str) -> None:
    told = found("from keras.layers import Dense\nlayer = Dense(8, init='uniform')\n", keras=keras)
    assert [finding.severity.value for finding in told] == [severity]


def test_a_layer_of_the_projects_own_that_takes_the_arguments_of_keras_is_mended_as_keras_is() -> None:
    source = "from mylib import Spared\nlayer = Spared({}=0.5)\n"
    assert fixed(source.format("p"), Spared="Dropout") == source.format("rate")
    assert fixed(source.format("p")) == source.format("p")


# ------------------------------------------------------------------------------------------------ what it may not break


@pytest.mark.parametrize(
    "call",
    [
        "Dense(8, init='uniform', kernel_initializer='zeros')",
        "Dense(8, init='uniform', **{'kernel_initializer': 'zeros'})",
        "Dense(output_dim=8, units=8)",
        "MaxPooling1D(stride=2, strides=2)",
        "Dropout(p=0.5, rate=0.5)",
    ],
)
def test_a_call_that_passes_the_new_name_as_well_is_left(call: str) -> None:
    source = f"from keras.layers import Dense, Dropout, MaxPooling1D\nlayer = {call}\n"
    assert fixed(source, unsafe=True) == source
    assert [finding.fix for finding in found(source)] == [None]


@pytest.mark.parametrize(
    ("old", "calls"),
    [
        ("init", "Dense(8, **common)\nPReLU(**common)"),
        ("init", "Dense(8, **common)\nSeparableConv2D(8, 3, **common)"),
        ("output_dim", "Dense(**common)\nEmbedding(9, **common)"),
        ("bias", "Dense(8, **common)\nother(**common)"),
    ],
)
def test_a_dict_for_several_callees_that_want_different_names_stays_and_says_so(old: str, calls: str) -> None:
    names = "Dense, Embedding, PReLU, SeparableConv2D"
    source = f"from other import other\nfrom keras.layers import {names}\ncommon = dict({old}='uniform')\n{calls}\n"
    assert fixed(source, unsafe=True) == source
    assert [finding.fix_withheld is not None for finding in found(source)] == [True]


def test_a_dict_for_several_callees_that_agree_is_renamed_once() -> None:
    source = """\
        from keras.layers import GRU, LSTM, Dense
        common = {"init": "uniform"}
        common["bias"] = True
        layers = [Dense(8, **common)]
        both = {"inner_init": "orthogonal"}
        layers += [GRU(8, **both), LSTM(8, **both)]
    """
    told = fixed(source)
    assert '{"kernel_initializer": "uniform"}' in told
    assert 'common["use_bias"] = True' in told
    assert '{"recurrent_initializer": "orthogonal"}' in told


def test_the_old_arm_of_a_guard_is_right_as_it_stands() -> None:
    source = """
        from keras.layers import Dense
        try:
            layer = Dense(units=8, kernel_initializer="uniform")
        except TypeError:
            layer = Dense(output_dim=8, init="uniform")
    """
    assert found(source) == []


def test_regularizers_and_other_arguments_of_a_guard_stand_for_each_other() -> None:
    source = """
        from keras.layers import Dense
        try:
            layer = Dense(8, kernel_regularizer="l2")
        except TypeError:
            layer = Dense(8, init="uniform", W_regularizer="l2")
    """
    chosen = Settings(selections=(Selection(select=("REG101", CODE)),))
    assert check_source(textwrap.dedent(source), filename="example.py", settings=chosen, modules={}) == []


@pytest.mark.parametrize("layer", ["AtrousConvolution1D", "AtrousConvolution2D"])
def test_an_argument_that_went_with_its_class_is_not_renamed_without_the_class(layer: str) -> None:
    source = f"from keras.layers import {layer}\nlayer = {layer}(8, kernel, atrous_rate=2)\n"
    assert fixed(source, unsafe=True) == source
    withheld = found(source)[0].fix_withheld
    assert withheld is not None
    assert "`dilation_rate`" in withheld


def test_a_keyword_is_renamed_only_together_with_the_positional_arguments_that_it_brings_back_to_life() -> None:
    source = """
        from functools import partial
        from keras.layers import Convolution2D, Dense
        same = partial(Convolution2D, border_mode="same")
        layer = same(64, 3, 3)
        other = Convolution2D(*(64, 3, 3), border_mode="same")
        class Plain(Dense): pass
        plain = Plain(8, "uniform", bias=True)
    """
    told = fixed(source)
    assert 'partial(Convolution2D, padding="same")\nlayer = same(64, (3, 3))' in told
    assert 'Convolution2D(*(64, 3, 3), border_mode="same")' in told
    assert 'Plain(8, kernel_initializer="uniform", use_bias=True)' in told


# ------------------------------------------------------------------------------------------------------- other files


@pytest.mark.parametrize(
    ("source", "other", "applied"),
    [
        ('common = {"init": "one"}\nDense(8, **common)\n', 'from conf import common\ncommon["init"]\n', False),
        ('class A:\n    kw = dict(init="one")\nDense(8, **A.kw)\n', 'import conf\nconf.A.kw["init"]\n', False),
        ('def kw():\n    return {"init": "one"}\nDense(8, **kw())\n', 'from conf import kw\nkw()["init"]\n', False),
        ('common = {"init": "one"}\nDense(8, **common)\n', 'import conf\nprint("uncommon")\n', True),
        ('common = {"init": "one"}\nDense(8, **common)\n', 'common = {"init": 3}\n', True),
    ],
)
def test_a_dict_that_another_file_may_read_is_not_safely_renamed(source: str, other: str, applied: bool) -> None:
    source = f"from keras.layers import Dense\n{source}"
    raw, _ = fix_source(source, filename="conf.py", settings=settings(), modules={"conf.py": source, "use.py": other})
    assert (b"kernel_initializer" in raw) is applied
    raw, _ = fix_source(source, filename="conf.py", settings=settings(unsafe=True), modules={"use.py": other})
    assert applied or b"A.kw" in source.encode() or b"kernel_initializer" in raw
