"""Where REG116 puts an ``Input`` before a layer that fixes the size of the batch, and where it can't tell."""

from __future__ import annotations

import textwrap

import pytest

from reglint import check_source, fix_source
from reglint.findings import Finding
from reglint.settings import Selection, Settings

HEAD = (
    "from keras.layers import LSTM, Dense, Input\nfrom keras.models import Model, Sequential\nfrom own import dress\n\n"
)
SHAPE = "batch_input_shape=(2, 5, 4)"


def settings(keras: str | None = None, target: str | None = "keras==3.15.1") -> Settings:
    return Settings(keras_version=keras, target=target, selections=(Selection(select=("REG116",)),))


def found(source: str, keras: str | None = None, target: str | None = "keras==3.15.1") -> list[Finding]:
    return check_source(HEAD + textwrap.dedent(source), filename="e.py", settings=settings(keras, target), modules={})


def fixed(source: str, head: str = HEAD) -> str:
    text = head + textwrap.dedent(source)
    raw, _ = fix_source(text, filename="e.py", settings=settings(), modules={})
    mended = raw.decode("utf-8")
    assert fix_source(mended, filename="e.py", settings=settings(), modules={})[0] == raw
    return mended.removeprefix(head)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"m = Sequential([LSTM(3, {SHAPE})])", "m = Sequential([Input(batch_shape=(2, 5, 4)), LSTM(3)])"),
        (
            f"m = Sequential(layers=(LSTM({SHAPE}, units=3),))",
            "m = Sequential(layers=(Input(batch_shape=(2, 5, 4)), LSTM(units=3),))",
        ),
        (f"m = Sequential([Dense(3), LSTM(3, {SHAPE})])", "m = Sequential([Dense(3), LSTM(3)])"),
        (f"y = LSTM(3, {SHAPE})(x)", "y = LSTM(3)(x)"),
        ("y = LSTM(3, batch_input_shape=(None, 5, 4))(x)", "y = LSTM(3)(x)"),
        (
            f"m = Sequential()\nm.add(LSTM(3, {SHAPE}))",
            "m = Sequential()\nm.add(Input(batch_shape=(2, 5, 4)))\nm.add(LSTM(3))",
        ),
        (
            "m = Sequential()\nm.add(LSTM(3, stateful=True, batch_size=f(1), input_shape=s))",
            "m = Sequential()\nm.add(Input(shape=s, batch_size=f(1)))\nm.add(LSTM(3, stateful=True))",
        ),
        (
            "class Net:\n    def __init__(self):\n        self.net = Sequential(name='n')\n"
            f"        self.net.add(LSTM(3, {SHAPE}))\n        self.net.add(LSTM(3, {SHAPE}))",
            "class Net:\n    def __init__(self):\n        self.net = Sequential(name='n')\n"
            "        self.net.add(Input(batch_shape=(2, 5, 4)))\n        self.net.add(LSTM(3))\n"
            "        self.net.add(LSTM(3))",
        ),
        (
            f"for n in sizes:\n\tm = Sequential()\n\tm.add(LSTM(n, {SHAPE}))",
            "for n in sizes:\n\tm = Sequential()\n\tm.add(Input(batch_shape=(2, 5, 4)))\n\tm.add(LSTM(n))",
        ),
        (
            f"m = Sequential()\nprint(m.name)\nm.add(LSTM(3, {SHAPE}))",
            "m = Sequential()\nprint(m.name)\nm.add(Input(batch_shape=(2, 5, 4)))\nm.add(LSTM(3))",
        ),
    ],
)
def test_the_shape_goes_to_an_input_before_the_first_layer_and_leaves_where_it_has_no_effect(
    before: str, after: str
) -> None:
    assert fixed(before + "\n") == after + "\n"


@pytest.mark.parametrize(
    "source",
    [
        f"m.add(LSTM(3, {SHAPE}))",
        f"m = Sequential(parts)\nm.add(LSTM(3, {SHAPE}))",
        f"m = Sequential([*parts, LSTM(3, {SHAPE})])",
        f"m = Sequential([dress(LSTM(3, {SHAPE}))])",
        f"m = dress([LSTM(3, {SHAPE})])",
        f"m = Sequential()\ndress(m)\nm.add(LSTM(3, {SHAPE}))",
        f"m = Sequential()\nn = m\nm.add(LSTM(3, {SHAPE}))",
        f"m = Sequential()\nif big:\n    m.add(Dense(3))\nm.add(LSTM(3, {SHAPE}))",
        f"m = Sequential()\nfor n in sizes:\n    m.add(LSTM(n, {SHAPE}))",
        f"m = Sequential()\ndef build():\n    m.add(LSTM(3, {SHAPE}))",
        f"m = Sequential() if big else other()\nm.add(LSTM(3, {SHAPE}))",
        f"m = Sequential(); m.add(LSTM(3, {SHAPE}))",
        f"m = Sequential()\nif big: m.add(LSTM(3, {SHAPE}))",
        f"m = Sequential()\nx = m.add(LSTM(3, {SHAPE}))",
        f"m = Sequential()\nm.add(LSTM(3, input_shape=(5, 4), {SHAPE}))",
        f"m = Sequential()\nm.add(LSTM(3, {SHAPE},  # first\n    stateful=True))",
        "m = Sequential()\nm.add(LSTM(3, batch_size=2, stateful=True, input_dim=4))",
        f"m = Sequential([Dense(3, {SHAPE}, dtype='float64')])",
        f"layer = LSTM(3, {SHAPE})",
        f"how = dict({SHAPE})\nlayer = LSTM(3, **how)",
    ],
)
def test_a_layer_that_is_not_surely_the_first_in_a_statement_of_its_own_is_reported_and_left(source: str) -> None:
    (finding,) = found(source + "\n")
    assert finding.fix is None
    assert finding.fix_withheld


def test_both_arms_of_a_choice_may_hold_the_first_layer() -> None:
    source = f"m = Sequential()\nif big:\n    m.add(LSTM(3, {SHAPE}))\nelse:\n    m.add(Dense(3, {SHAPE}))\n"
    assert fixed(source).count("m.add(Input(batch_shape=(2, 5, 4)))\n    m.add(") == 2


def test_the_new_line_ends_as_the_file_s_lines_do_and_the_import_comes_along() -> None:
    head = "from keras.models import Sequential\r\nfrom keras.layers import (\r\n    Dense,\r\n    LSTM,\r\n)\r\n"
    source = f"m = Sequential()\r\nm.add(LSTM(3, {SHAPE}))\r\n"
    raw, _ = fix_source(head + source, filename="e.py", settings=settings(), modules={})
    mended = raw.decode("utf-8")
    assert "    LSTM,\r\n    Input,\r\n)\r\n" in mended
    assert mended.endswith("m.add(Input(batch_shape=(2, 5, 4)))\r\nm.add(LSTM(3))\r\n")
    assert mended.count("\n") == mended.count("\r\n")


@pytest.mark.parametrize(
    ("keras", "applicability"),
    [
        (">=2.2", "unsafe"),
        (">=2.4", "safe"),
        ("==3.0.0", "safe"),
        ("tensorflow>=2.3", "safe"),
        ("tensorflow>=1.15", "unsafe"),
    ],
)
def test_an_input_is_safe_where_every_allowed_sequential_takes_one(keras: str, applicability: str) -> None:
    package = "tensorflow.keras" if keras.startswith("tensorflow") else "keras"
    source = f"from {package} import layers, models\nm = models.Sequential([layers.LSTM(3, {SHAPE})])\n"
    (finding,) = check_source(source, filename="e.py", settings=settings(keras, None), modules={})
    assert finding.fix is not None
    assert finding.fix.applicability.value == applicability


def test_keras_2_alone_is_left() -> None:
    assert not found(f"m = Sequential([LSTM(3, {SHAPE})])\n", keras="==2.2.4", target=None)
