"""REG120, REG121 and REG122 where a card's examples would be too many: whose method it is, and what comes before."""

from __future__ import annotations

import textwrap

import pytest

from reglint import check_source, fix_source
from reglint.findings import Finding
from reglint.rulebook import facts
from reglint.settings import Selection, Settings
from reglint.versions import contains

HEAD = """\
import functools
import keras
import tensorflow as tf
from keras import layers
from keras.layers import Dense, Input, Layer
from keras.models import Model, Sequential
from other import Base, found, own

x = Input((8,))
out = Dense(2)(x)
"""


def found(code: str, source: str, keras: str | None = None, target: str | None = None) -> list[Finding]:
    chosen = Settings(keras_version=keras, target=target, selections=(Selection(select=(code,)),))
    return check_source(HEAD + textwrap.dedent(source), filename="example.py", settings=chosen, modules={})


def fixed(source: str, keras: str | None = None, code: str = "REG121") -> str:
    chosen = Settings(keras_version=keras, selections=(Selection(select=(code,)),))
    text = HEAD + textwrap.dedent(source)
    return fix_source(text, filename="example.py", settings=chosen, modules={})[0].decode().removeprefix(HEAD)


# --------------------------------------------------------------------------------------------------- REG120: add_loss

REFUSED = [
    "Model(x, out).add_loss(out)",
    "model = Model(inputs=x, outputs=out)\nmodel.add_loss(tf.reduce_mean(out))",
    "model = Model(input=x, output=out)\nmodel.add_loss(1.0)",
    "model = keras.Model(x, out)\nmodel.add_loss(found())",
    "layer = Dense(2)\nlayer.add_loss(lambda: 1.0)",
    "layer = Dense(2)\nlayer.add_loss([lambda: 1.0, out])",
    "def loss(): return 1.0\nDense(2).add_loss(loss)",
    "def loss(n): return n\nDense(2).add_loss(functools.partial(loss, 1))",
    "model = Sequential([Dense(2)])\nmodel.add_loss(lambda: 1.0)",
    "model = Model(x, out)\nfor layer in model.layers:\n    layer.add_loss(lambda: 1.0)",
    "class Own(Dense):\n    def build(self, shape):\n        self.add_loss(lambda: 1.0)",
    "class Own(Model):\n    def __init__(self):\n        super().__init__()\n        self.add_loss(lambda: 1.0)",
]

TAKEN = [
    "model = Sequential([Dense(2)])\nmodel.add_loss(found())",
    "layer = Dense(2)\nlayer.add_loss(found())",
    "class Own(Layer):\n    def call(self, x):\n        self.add_loss(tf.reduce_sum(x))\n        return x",
    "class Own(Model):\n    def call(self, x):\n        self.add_loss(tf.reduce_sum(x))\n        return x",
    "own.add_loss(lambda: 1.0)",
    "model = found()\nmodel.add_loss(out)",
    "model = Model(x, out) if own else found()\nmodel.add_loss(out)",
    "def f(model):\n    model.add_loss(lambda: 1.0)",
    "class Own(Base):\n    def build(self, shape):\n        self.add_loss(lambda: 1.0)",
    "class Own(Base, Layer):\n    def build(self, shape):\n        self.add_loss(lambda: 1.0)",
    "class Own(Layer):\n    def add_loss(self, f): pass\n    def build(self, s):\n        self.add_loss(lambda: 1.0)",
    "model = Model(x, out)\nadd = model.add_loss",
    "model = Model(x, out)\nmodel.add_loss()",
    "if keras.__version__.startswith('2'):\n    Model(x, out).add_loss(out)",
    "try:\n    Dense(2).add_loss(lambda: 1.0)\nexcept ValueError:\n    pass",
]


@pytest.mark.parametrize("source", REFUSED)
def test_what_keras_3_surely_refuses_to_add_is_an_error(source: str) -> None:
    assert [finding.severity.value for finding in found("REG120", source + "\n")] == ["error"]


@pytest.mark.parametrize("source", TAKEN)
def test_what_may_be_added_or_is_not_keras_s_is_left(source: str) -> None:
    assert found("REG120", source + "\n") == []


@pytest.mark.parametrize(
    ("keras", "functional", "function"),
    [("==2.2.4", 0, 1), ("==2.4.3", 0, 0), ("==3.0.0", 1, 1), ("==3.15.1", 1, 1), ("<3", 0, 1)],
)
def test_each_kind_is_reported_for_the_releases_that_refuse_it(keras: str, functional: int, function: int) -> None:
    assert len(found("REG120", "Model(x, out).add_loss(out)\n", keras)) == functional
    assert len(found("REG120", "Dense(2).add_loss(lambda: 1.0)\n", keras)) == function


def test_a_message_names_the_releases_where_only_some_refuse_it() -> None:
    (finding,) = found("REG120", "Model(x, out).add_loss(out)\n", keras=">=2.3.1")
    assert "a functional model refuses `add_loss` in Keras 3.0.0 to 3." in finding.message
    assert "allowed by" in finding.message
    assert finding.data["releases"][0] == "keras==3.0.0"


# ----------------------------------------------------------------------------------------------------- REG120: inputs

IN_CALL = "class Own(Layer):\n    def call(self, x):\n        {}\n        return x\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("self.add_loss(found(x), inputs=x)", "self.add_loss(found(x))"),
        ("self.add_loss(found(x), x)", "self.add_loss(found(x))"),
        ("self.add_loss(inputs=[x], losses=[found(x)])", "self.add_loss(losses=[found(x)])"),
        ("super().add_loss(found(x), inputs=None,)", "super().add_loss(found(x),)"),
        ("self.add_loss(found(x),\n            inputs=x)", "self.add_loss(found(x))"),
    ],
)
def test_what_a_loss_depends_on_is_left_out(before: str, after: str) -> None:
    source = IN_CALL.format(before)
    assert fixed(source, "keras==3.15.1", "REG120") == IN_CALL.format(after)


@pytest.mark.parametrize(
    "source",
    [
        "layer = Dense(2)\nlayer.add_loss(1.0, inputs=out)\n",
        IN_CALL.format("self.add_loss(found(x),  # all of it\n            inputs=x)"),
    ],
)
def test_what_a_loss_depends_on_is_reported_and_left(source: str) -> None:
    (finding,) = found("REG120", source)
    assert finding.fix is None
    assert finding.fix_withheld


@pytest.mark.parametrize(
    "call",
    [
        "self.add_loss(found(x))",
        "self.add_loss(*own, inputs=x)",
        "self.add_loss(found(x), **own)",
        "own.add_loss(found(x), inputs=x)",
    ],
)
def test_a_loss_alone_or_of_something_else_is_left(call: str) -> None:
    assert found("REG120", IN_CALL.format(call)) == []


@pytest.mark.parametrize(
    ("keras", "by_keyword", "by_position"),
    [
        ("==2.2.4", [], []),
        ("==2.4.3", [], [("error", "safe")]),
        (">=2.2", [("warning", "unsafe")], [("warning", "unsafe")]),
        (">=2.4", [("warning", "safe")], [("error", "safe")]),
        ("==3.0.0", [("error", "safe")], [("error", "safe")]),
    ],
)
def test_inputs_are_judged_by_the_allowed_releases(
    keras: str, by_keyword: list[tuple[str, str]], by_position: list[tuple[str, str]]
) -> None:
    for argument, expected in (("inputs=x", by_keyword), ("x", by_position)):
        told = found("REG120", IN_CALL.format(f"self.add_loss(found(x), {argument})"), keras)
        assert [(each.severity.value, each.fix.applicability.value) for each in told if each.fix] == expected
        assert len(told) == len(expected)


# --------------------------------------------------------------------------------------------------- REG121: add_weight

NAMED = [
    ("'w'", "name='w'"),
    ("'w', (1,)", "name='w', shape=(1,)"),
    ("'w', (1,), initializer='ones'", "name='w', shape=(1,), initializer='ones'"),
    ("'w', (1,), None, 'ones'", "name='w', shape=(1,), dtype=None, initializer='ones'"),
    ("f'{self.name}_w', (1,)", "name=f'{self.name}_w', shape=(1,)"),
    ("self.name + '_w', (1,)", "name=self.name + '_w', shape=(1,)"),
    ("'%s_%d' % (self.name, 1), (1,)", "name='%s_%d' % (self.name, 1), shape=(1,)"),
    ("'{}_w'.format(self.name), (1,)", "name='{}_w'.format(self.name), shape=(1,)"),
    ("'a' 'b', (1,), **own", "name='a' 'b', shape=(1,), **own"),
    ("WORD, (1,)", "name=WORD, shape=(1,)"),
]

OWN = "WORD = 'w'\nclass Own({}):\n    def build(self, shape):\n        self.w = self.add_weight({})\n"


@pytest.mark.parametrize(("before", "after"), NAMED)
@pytest.mark.parametrize("base", ["Layer", "keras.layers.Layer", "layers.LSTM", "keras.Model", "tf.keras.layers.Layer"])
def test_a_name_in_the_first_place_gets_its_keyword_with_all_that_is_passed_by_position(
    base: str, before: str, after: str
) -> None:
    assert fixed(OWN.format(base, before)) == OWN.format(base, after)


@pytest.mark.parametrize(
    ("base", "arguments"),
    [
        ("Layer", "(1,), 'ones', name='w'"),
        ("Layer", "shape, 'ones'"),
        ("Layer", "own, (1,)"),
        ("Layer", "self.name, (1,)"),
        ("Layer", "name='w', shape=(1,)"),
        ("Layer", "*own"),
        ("Base", "'w', (1,)"),
        ("Base, Layer", "'w', (1,)"),
        ("object", "'w', (1,)"),
        ("keras.callbacks.Callback", "'w', (1,)"),
        ("keras.regularizers.Regularizer", "'w', (1,)"),
    ],
)
def test_what_is_no_name_or_not_keras_s_method_is_left(base: str, arguments: str) -> None:
    assert found("REG121", OWN.format(base, arguments)) == []


@pytest.mark.parametrize(
    "arguments", ["'w', (1,), None, 'ones', None", "'w', *own", "'w', (1,), shape=(2,)", "'w', name='v'"]
)
def test_a_call_that_no_keyword_can_mend_is_reported_and_left(arguments: str) -> None:
    source = OWN.format("Layer", arguments)
    assert fixed(source) == source
    assert [finding.fix_withheld is not None for finding in found("REG121", source)] == [True]


def test_the_place_of_a_metric_s_third_argument_means_something_else() -> None:
    source = OWN.format("keras.metrics.Metric", "'w', (1,), None")
    assert fixed(source) == source
    assert len(found("REG121", source)) == 1
    assert "name='w', shape=(1,)" in fixed(OWN.format("keras.metrics.Metric", "'w', (1,)"))


@pytest.mark.parametrize(
    ("keras", "severities"),
    [
        ("==2.0.3", ["error"]),
        ("==2.0.4", []),
        ("==2.4.3", []),
        (">=2.0.8", ["warning"]),
        ("==3.0.0", ["error"]),
        (None, ["error"]),
    ],
)
def test_a_name_in_the_first_place_is_reported_where_the_shape_is_expected(
    keras: str | None, severities: list[str]
) -> None:
    told = found("REG121", OWN.format("Layer", "'w', (1,)"), keras)
    assert [finding.severity.value for finding in told] == severities
    assert all(finding.fix is not None and finding.fix.applicability.value == "safe" for finding in told)


def test_keywords_hold_wherever_the_name_may_come_first() -> None:
    known = facts("add_loss")
    for row in known["weight_name_first"].values():
        holds = known[row["holds"]]["releases"]
        assert set(row["releases"]) <= set(holds)
        assert all(contains(holds["keras"], version) for version in ("2.0.0", "2.0.4", "2.3.1", "3.0.0", "3.15.1"))


# ------------------------------------------------------------------------------------------------------ REG122: losses

MODEL = "out = Dense(2, activity_regularizer='l1')(x)\nmodel = Model(x, out)\n"


@pytest.mark.parametrize(
    "source",
    [
        MODEL + "total = sum(model.losses)",
        MODEL + "model.compile('sgd')\nmodel.summary()\ntotal = len(model.losses)",
        MODEL + "if model.losses:\n    pass",
        MODEL.replace("'l1'", "keras.regularizers.L1(0.1)") + "total = 1 + tf.add_n(model.losses)",
        "out = layers.ActivityRegularization(l1=0.1)(out)\nmodel = Model(x, out)\nprint(model.losses)",
        "def f():\n    y = Dense(2, activity_regularizer='l1')(x)\n    model = Model(x, y)\n    return model.losses",
        MODEL + "total = sum(model.losses)\nmodel(own)",
    ],
)
def test_losses_that_are_read_before_anything_can_have_called_the_model_are_reported(source: str) -> None:
    assert [finding.severity.value for finding in found("REG122", source + "\n")] == ["warning"]


@pytest.mark.parametrize(
    "source",
    [
        MODEL + "model(own)\ntotal = sum(model.losses)",
        MODEL + "model.fit(own)\ntotal = sum(model.losses)",
        MODEL + "own(model)\ntotal = sum(model.losses)",
        MODEL + "other = model\nother(own)\ntotal = sum(model.losses)",
        MODEL + "total = model(own) + sum(model.losses)",
        MODEL + "def f():\n    return sum(model.losses)",
        MODEL + "def f():\n    return model(own)\nf()\ntotal = sum(model.losses)",
        MODEL + "for each in own:\n    total = sum(model.losses)\n    model(each)",
        MODEL + "later = lambda: sum(model.losses)",
        MODEL + "model.losses = []",
        MODEL + "total = sum(model.layers[1].losses)",
        MODEL.replace("activity", "kernel") + "total = sum(model.losses)",
        MODEL.replace("'l1'", "None") + "total = sum(model.losses)",
        MODEL.replace("'l1'", "own") + "total = sum(model.losses)",
        MODEL.replace("Model(x, out)", "found(x, out)") + "total = sum(model.losses)",
        MODEL + "if own:\n    model = found()\ntotal = sum(model.losses)",
        MODEL + "if keras.__version__.startswith('2'):\n    total = sum(model.losses)",
    ],
)
def test_losses_that_may_be_complete_are_left(source: str) -> None:
    assert found("REG122", source + "\n") == []


def test_losses_are_complete_from_the_start_before_keras_3() -> None:
    source = MODEL + "total = sum(model.losses)\n"
    assert found("REG122", source, keras="<3") == []
    assert len(found("REG122", source, keras="<3", target="keras==3.0.0")) == 1
