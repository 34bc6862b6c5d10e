"""REG123 where a card's examples would be too many, and its table against what was measured."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import pytest
from test_removed_layers import RECORDED, is_in

from reglint import check_source, fix_source
from reglint.findings import Finding
from reglint.rulebook import facts, load_cards
from reglint.settings import Selection, Settings
from reglint.versions import Release

METHODS = facts("layer_methods")["methods"]
HEAD = "from keras.layers import Dense, LSTM, Layer, Wrapper\nfrom own import Base, layer\n\n"


def settings(keras: str | None = None, unsafe: bool = False) -> Settings:
    return Settings(keras_version=keras, unsafe_fixes=unsafe, selections=(Selection(select=("REG123",)),))


def found(source: str, keras: str | None = None, modules: Mapping[str, str] | None = None) -> list[Finding]:
    text = HEAD + textwrap.dedent(source)
    return check_source(text, filename="example.py", settings=settings(keras), modules=modules or {})


def fixed(source: str, unsafe: bool = False) -> str:
    text = HEAD + textwrap.dedent(source)
    raw, _ = fix_source(text, filename="example.py", settings=settings(unsafe=unsafe), modules={})
    return raw.decode("utf-8").removeprefix(HEAD)


OWN = """\
class Own({}):
    def get_output_shape_for(self, input_shape):
        return input_shape
"""

BOTH = """\
class Both(Layer):
    def compute_output_shape(self, input_shape):
        return input_shape
"""


# ------------------------------------------------------------------------------------------------ table and records


@pytest.mark.parametrize("old", METHODS)
def test_the_releases_without_a_method_are_those_of_the_table(old: str) -> None:
    has = {release for release, programs in RECORDED.items() if "value" in programs[f"method {old}"]}
    assert has == {release for release in RECORDED if not is_in(release, METHODS[old]["fails"])}


@pytest.mark.parametrize("old", METHODS)
def test_a_layer_with_today_s_method_does_what_one_with_the_old_did_in_keras_1(old: str) -> None:
    before = RECORDED[Release("keras", "1.2.2")][f"method {old} old"]
    assert "value" in before
    for release, programs in RECORDED.items():
        assert (programs[f"method {old} new"] == before) == is_in(release, METHODS[old]["holds"]), release


def test_the_card_shows_the_table() -> None:
    shown = load_cards()["REG123"].sections["Why is this bad"]
    assert all(f"| `{old}` | `{row['to']}` |" in shown for old, row in METHODS.items())
    assert list(load_cards()["REG123"].triggers) == [(old,) for old in METHODS]


# --------------------------------------------------------------------------------------------------------- definitions


@pytest.mark.parametrize(
    "base",
    ["Layer", "Dense", "Wrapper", "Layer, object", "keras.engine.topology.Layer", "keras.layers.recurrent.Recurrent"],
)
def test_a_layer_s_method_is_renamed(base: str) -> None:
    source = "import keras\n" + OWN.format(base)
    assert "def compute_output_shape(self" in fixed(source)
    assert "get_output_shape_for" not in fixed(source)


@pytest.mark.parametrize(
    "source",
    [
        OWN.format("object"),
        OWN.format("Base"),
        OWN.format("Layer, Base"),
        OWN.format("Layer") + "    compute_output_shape = get_output_shape_for\n",
        OWN.format("Layer") + "    def compute_output_shape(self, input_shape):\n        return input_shape\n",
        BOTH + OWN.format("Both"),
        BOTH + "    get_output_shape_for = compute_output_shape\n",
        "import keras\nif keras.__version__ < '2':\n" + textwrap.indent(OWN.format("Layer"), "    "),
        "layer.get_output_shape_for((None, 3))\n",
        "def shape(layer):\n    return layer.get_output_shape_for((None, 3))\n",
    ],
)
def test_what_is_no_layer_s_or_works_in_every_keras_is_left(source: str) -> None:
    assert found(source) == []


def test_all_that_a_file_says_of_the_method_changes_together() -> None:
    source = OWN.format("Layer") + textwrap.dedent(
        """
        class Below(Own):
            def build(self, input_shape):
                self.size = self.get_output_shape_for(input_shape)

            alias = Own.get_output_shape_for


        shape = Below().get_output_shape_for((None, 3))
        """
    )
    assert fixed(source) == source.replace("get_output_shape_for", "compute_output_shape")
    assert len({finding.fix for finding in found(source)}) == 1


@pytest.mark.parametrize(
    "more",
    [
        "print(hasattr(layer, 'get_output_shape_for'))",
        OWN.format("Base").replace("Own", "Other") + "def shape(layer):\n    return layer.get_output_shape_for(1)",
        "try:\n    Own().get_output_shape_for(1)\nexcept AttributeError:\n    Own().compute_output_shape(1)",
    ],
)
def test_a_method_is_left_where_something_else_may_be_meant_by_its_name(more: str) -> None:
    source = OWN.format("Layer") + more + "\n"
    assert [bool(finding.fix_withheld) for finding in found(source)][:1] == [True]
    assert fixed(source, unsafe=True) == source


def test_what_it_is_called_on_may_be_unknown_only_for_an_unsafe_fix() -> None:
    source = OWN.format("Wrapper").replace("return input_shape", "return self.layer.get_output_shape_for(input_shape)")
    assert fixed(source) == source
    assert fixed(source, unsafe=True) == source.replace("get_output_shape_for", "compute_output_shape")


def test_a_layer_from_another_module_of_the_project_is_known() -> None:
    other = HEAD.splitlines()[0] + "\n" + OWN.format("Layer")
    source = "from mine import Own\nshape = Own().get_output_shape_for((None, 3))\n"
    (finding,) = found(source, modules={"mine.py": other})
    assert finding.severity.value == "warning"
    assert finding.fix is not None


@pytest.mark.parametrize(
    ("keras", "severity", "applicability"),
    [
        (None, "error", "safe"),
        ("==2.0.0", "error", "safe"),
        (">=1.2", "warning", "unsafe"),
        ("==3.15.1", "error", "safe"),
    ],
)
def test_a_call_on_keras_s_own_layer_is_judged_by_the_allowed_releases(
    keras: str | None, severity: str, applicability: str
) -> None:
    (finding,) = found("shape = Dense(3).get_output_shape_for((None, 3))\n", keras)
    assert finding.severity.value == severity
    assert finding.fix is not None
    assert finding.fix.applicability.value == applicability


def test_keras_1_alone_is_left() -> None:
    assert found(OWN.format("Layer") + "Dense(3).get_output_shape_for((None, 3))\n", "==1.2.2") == []


CALLING = "from example import Own\n\nOwn().get_output_shape_for((None, 3))\n"
CALLED_ON = (
    "class Other({}):\n    def get_output_shape_for(self, shape):\n        return {}.get_output_shape_for(shape)\n"
)
DEFINING = "from keras.layers import Layer\n\n\n" + OWN.format("Layer")


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (CALLING, "unsafe"),
        ("import example\n\ngetattr(example.Own(), 'get_output_shape_for')\n", "unsafe"),
        ("import example\n\nexample.made().get_output_shape_for((None, 3))\n", "unsafe"),
        ("from pkg import Own\n\nOwn().get_output_shape_for((None, 3))\n", "unsafe"),
        ("from elsewhere import made\n\nmade().get_output_shape_for((None, 3))\n", "unsafe"),
        (CALLED_ON.format("Layer", "self"), "safe"),
        (CALLED_ON.format("Layer", "super()"), "safe"),
        (CALLED_ON.format("Own", "super()"), "unsafe"),
        (CALLED_ON.format("Wrapper", "self.layer"), "unsafe"),
        (DEFINING, "safe"),
        ("# get_output_shape_for is gone\n", "safe"),
    ],
)
def test_a_method_that_another_file_may_call_is_renamed_with_an_unsafe_fix_only(other: str, expected: str) -> None:
    (finding,) = found(OWN.format("Layer"), keras="2.2.4", modules={"example.py": "", "other.py": other})
    assert finding.fix is not None
    assert finding.fix.applicability.value == expected
