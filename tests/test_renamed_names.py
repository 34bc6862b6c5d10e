"""The tables of old names agree with what was measured, with each other and with the cards."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reglint import check_source, fix_source
from reglint.findings import Finding
from reglint.rulebook import facts, load_cards
from reglint.settings import Selection, Settings
from reglint.versions import contains

RECORDED = sorted((Path(__file__).parent / "oracle" / "names").glob("*.json"))
NAMES = facts("keras_names")
LAYERS = facts("layer_names")
# What is there, but means something else: see the comments and `why` of the rows.
OTHER_MEANING = {(module, name) for module in ("losses", "metrics") for name in ("cosine", "cosine_proximity")}


def releases() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(package, version, record) of every measured release since Keras 2."""
    for path in RECORDED:
        package, version = re.fullmatch(r"(.+?)-(\d.*)", path.stem).groups()  # type: ignore[union-attr]
        if version != "1.2.2":
            yield package, version, json.loads(path.read_text())


RELEASES = list(releases())
each_release = pytest.mark.parametrize(
    ("package", "version", "record"), RELEASES, ids=[f"{package}-{version}" for package, version, _ in RELEASES]
)


def holds(releases: Mapping[str, str], package: str, version: str) -> bool:
    return package in releases and contains(releases[package], version)


def symbols() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for table in ("symbols", "removed"):
        for module, rows in NAMES[table].items():
            for old, row in rows.items():
                yield module, old, row


def test_there_is_a_record_of_every_line_of_releases() -> None:
    recorded = {(package, version.split(".")[0]) for package, version, _ in RELEASES}
    assert recorded == {
        ("keras", "2"),
        ("keras", "3"),
        ("tensorflow", "1"),
        ("tensorflow", "2"),
        ("tf-keras", "2"),
        ("keras-core", "0"),
    }


@each_release
def test_a_layer_name_is_gone_where_the_table_says_so(package: str, version: str, record: Mapping[str, Any]) -> None:
    for old, row in LAYERS.items():
        if holds(row["holds"], package, version):
            assert row["to"] in record["layers"], old
            gone = old not in record["layers"]
            assert gone == holds(row.get("fails", {}), package, version), old
            assert gone or record["layers"][old] == row["to"] or record["layers"][old].startswith("Atrous"), old
        else:
            assert row["to"] not in record["layers"], old


@each_release
def test_a_name_is_missing_where_the_table_says_so(package: str, version: str, record: Mapping[str, Any]) -> None:
    for module, old, row in symbols():
        there = record["names"][module]
        fails = holds(row["fails"], package, version)
        if old not in there:
            assert fails, (module, old)
        elif fails:
            assert (module, old) in OTHER_MEANING, (module, old)
        if "to" in row and holds(row["holds"], package, version):
            assert row["to"] in there, (module, old)


@each_release
def test_a_module_is_missing_where_the_table_says_so(package: str, version: str, record: Mapping[str, Any]) -> None:
    for old, row in NAMES["modules"].items():
        assert (old not in record["modules"]) == holds(row["fails"], package, version), old
        assert row["to"] in record["modules"]


@each_release
def test_a_string_is_refused_where_the_table_says_so(package: str, version: str, record: Mapping[str, Any]) -> None:
    for kind, rows in NAMES["strings"].items():
        for old, row in rows.items():
            made = record["strings"][kind][old]
            refused = isinstance(made, str)
            fails = holds(row["fails"], package, version)
            assert fails or not refused, (kind, old)
            if "to" in row and holds(row["holds"], package, version):
                new = record["strings"][kind][row["to"]]
                assert not isinstance(new, str), (kind, old)
                assert fails or made == new, (kind, old)


@each_release
def test_the_lower_case_name_of_an_optimizer_is_known_as_a_string(
    package: str, version: str, record: Mapping[str, Any]
) -> None:
    known = record["strings"]["optimizer"]
    assert known.keys() == NAMES["symbols"]["optimizers"].keys()
    assert {old: made.lower() for old, made in known.items()} == {old: old for old in known}


@each_release
def test_a_keyword_is_refused_where_the_table_says_so(package: str, version: str, record: Mapping[str, Any]) -> None:
    calls = record["calls"]
    assert isinstance(calls["MaxNorm(m=2)"], str) and isinstance(calls["MinMaxNorm(high=1.0, low=0.1)"], str)
    assert calls["MaxNorm(max_value=2)"] == {"MaxNorm": {"axis": 0, "max_value": 2}}
    assert calls["MinMaxNorm(max_value=1.0, min_value=0.1)"]["MinMaxNorm"]["min_value"] == 0.1
    assert all(holds(row["fails"], package, version) for row in NAMES["arguments"])


def test_the_table_of_calls_knows_the_same_classes_by_the_same_names() -> None:
    for old, row in facts("calls").items():
        if old != "values" and "today" in row:
            assert LAYERS[old]["to"] == row["today"]


@pytest.mark.parametrize("code", ["REG113", "REG117"])
def test_a_card_names_every_old_name_of_its_table(code: str) -> None:
    card = load_cards()[code]
    table = "\n".join(line for line in card.body.splitlines() if line.startswith("|"))
    words = set(card.words)
    if code == "REG113":
        for old, row in LAYERS.items():
            gone = "nowhere" if "fails" not in row else "Keras 2"
            assert re.search(rf"^\| `{old}` \| `{row['to']}` \| {gone}", table, re.MULTILINE)
            assert old in words
        return
    for _, old, row in symbols():
        assert f"`{old}`" in table
        assert old in words
        assert "to" not in row or f"`{row['to']}`" in table or row["to"].startswith("mean_")
    for rows in NAMES["strings"].values():
        for old, row in rows.items():
            assert f"`'{old}'`" in table
            assert old in words
            assert "to" not in row or f"`'{row['to']}'`" in table
    for row in NAMES["arguments"]:
        assert f"`{row['old']}`" in table and row["old"] in words
    assert all(f"`keras.{old}`" in table and old in words for old in NAMES["modules"])


@pytest.mark.parametrize(
    "table", [LAYERS, *(NAMES["symbols"].values()), *(NAMES["strings"].values()), NAMES["modules"]]
)
def test_every_row_names_its_proof(table: Mapping[str, Any]) -> None:
    for row in table.values():
        assert row["proof"] in ("equal-config", "equal-run", "reported-only")
        reported = row["proof"] == "reported-only"
        assert ("why" in row) == reported and ("pair" in row) != reported


# ---------------------------------------------------------------------------------------------- what the rules do


def judged_for(code: str, unsafe: bool = False) -> Settings:
    return Settings(selections=(Selection(select=(code,)),), unsafe_fixes=unsafe)


def fixed(text: str, code: str, *, unsafe: bool = False) -> str:
    return fix_source(text, settings=judged_for(code, unsafe), modules={})[0].decode()


def found(text: str, code: str) -> list[Finding]:
    return check_source(text, settings=judged_for(code), modules={})


def withheld(text: str, code: str) -> list[str | None]:
    return [finding.fix_withheld for finding in found(text, code)]


def test_a_docstring_that_calls_the_old_class_is_no_hindrance_but_code_in_a_string_is() -> None:
    text = 'from keras.layers import Convolution2D\nx = Convolution2D(8, (3, 3))\n"""Convolution2D(8)"""\n'
    assert fixed(text, "REG113").count("Conv2D(8, (3, 3))") == 1
    text = 'from keras.layers import Convolution2D\nx = Convolution2D(8, (3, 3))\neval("Convolution2D(8)")\n'
    assert withheld(text, "REG113") == ["a string calls `Convolution2D`"] * 2


def test_a_class_that_partial_binds_brings_its_positional_arguments_along() -> None:
    text = (
        "from functools import partial\nfrom keras.layers import Convolution2D\n"
        "C = partial(Convolution2D, 8, 3, 3, border_mode='same')\n"
    )
    assert "partial(Conv2D, 8, (3, 3), border_mode='same')" in fixed(text, "REG113")


def test_an_old_class_whose_call_cannot_be_brought_along_keeps_its_name() -> None:
    text = "from keras.layers import Convolution2D\nx = Convolution2D(*sizes, border_mode='same')\n"
    assert fixed(text, "REG113", unsafe=True) == text


@pytest.mark.parametrize("use", ["kinds = [AtrousConvolution2D]", "isinstance(layer, AtrousConvolution2D)"])
def test_a_class_with_an_argument_of_its_own_that_is_handed_on_is_no_safe_rename(use: str) -> None:
    text = f"from keras.layers import AtrousConvolution2D\n{use}\n"
    assert fixed(text, "REG113") == text
    assert all("may pass `atrous_rate`" in finding.message for finding in found(text, "REG113"))


ATROUS = "made = AtrousConvolution1D(8, 3, atrous_rate=2)\n"
DILATED = "made = Conv1D(8, 3, dilation_rate=2)\n"


@pytest.mark.parametrize(
    ("imports", "wanted"),
    [
        ("from keras.legacy.layers import AtrousConvolution1D", "from keras.layers import Conv1D"),
        (
            "from keras.legacy.layers import AtrousConvolution1D, Highway",
            "from keras.legacy.layers import Highway\nfrom keras.layers import Conv1D",
        ),
        (
            "from keras.layers import Dense\nfrom keras.legacy.layers import AtrousConvolution1D",
            "from keras.layers import Dense, Conv1D",
        ),
        ("from keras.layers.convolutional import AtrousConvolution1D", "from keras.layers.convolutional import Conv1D"),
    ],
)
def test_a_class_from_a_module_that_never_had_the_new_one_is_imported_from_one_that_has(
    imports: str, wanted: str
) -> None:
    assert fixed(f"{imports}\n{ATROUS}", "REG113") == f"{wanted}\n{DILATED}"


def test_two_classes_of_such_a_module_both_find_their_way() -> None:
    text = "from keras.legacy.layers import AtrousConvolution1D, AtrousConvolution2D\n"
    use = ATROUS + "other = AtrousConvolution2D(8, (3, 3))\n"
    lines = fixed(text + use, "REG113").splitlines()
    assert sorted(lines[:-2]) == ["from keras.layers import Conv1D", "from keras.layers import Conv2D"]
    assert lines[-1] == "other = Conv2D(8, (3, 3))"


@pytest.mark.parametrize(
    ("imports", "prefix"),
    [
        ("from keras.legacy import layers", "layers."),
        ("import keras.legacy.layers", "keras.legacy.layers."),
        ("from keras.legacy.layers import *", ""),
        ("from keras.legacy.layers import AtrousConvolution1D\n__all__ = ['AtrousConvolution1D']", ""),
    ],
)
def test_where_such_an_import_cannot_be_replaced_nothing_changes(imports: str, prefix: str) -> None:
    text = f"{imports}\n{ATROUS.replace('Atrous', f'{prefix}Atrous')}"
    assert fixed(text, "REG113", unsafe=True) == text
    assert None not in withheld(text, "REG113") != []


def test_a_rate_that_is_passed_under_both_names_withholds_the_fix() -> None:
    text = "from keras.layers import AtrousConv2D\nx = AtrousConv2D(8, (3, 3), atrous_rate=2, dilation_rate=2)\n"
    assert withheld(text, "REG113") == ["`dilation_rate` is passed already"] * 2


def test_both_arms_of_a_try_change_together() -> None:
    text = (
        "try:\n    from keras.constraints import maxnorm\n"
        "except ImportError:\n    from tensorflow.keras.constraints import maxnorm\nlimit = maxnorm(2)\n"
    )
    assert fixed(text, "REG117") == text.replace("maxnorm", "max_norm")


def test_a_short_name_of_an_old_module_becomes_the_long_one_of_the_new() -> None:
    text = "from keras.objectives import mse\nloss = mse\n"
    assert fixed(text, "REG117") == "from keras.losses import mean_squared_error\nloss = mean_squared_error\n"


def test_a_name_that_an_allowed_release_lacks_is_an_unsafe_fix_that_says_so() -> None:
    use, _ = found("from keras import losses\nloss = losses.kld, losses.kld\n", "REG117")
    assert use.fix is not None and use.fix.applicability.value == "unsafe"
    assert "lack the new spelling" in use.message


def test_strings_in_lists_and_dicts_of_compile_are_seen() -> None:
    text = (
        "from keras.models import Model\nmodel = Model(a, b)\n"
        "model.compile('sgd', loss={'kullback_leibler_divergence': 'kullback_leibler_divergence'})\n"
    )
    assert fixed(text, "REG117").endswith("loss={'kullback_leibler_divergence': 'kld'})\n")


def test_what_is_passed_to_the_compile_of_something_else_stays() -> None:
    text = "import keras\nimport re\nre.compile(loss='cosine_proximity')\nmine.compile(metrics=['fmeasure'])\n"
    assert found(text, "REG117") == []


@pytest.mark.parametrize("import_", ["from keras.optimizers import *", "from keras.optimizers import sgd"])
def test_a_lower_case_optimizer_is_renamed_beside_a_variable_of_another_scope(import_: str) -> None:
    text = f"{import_}\n\n\ndef other(sgd):\n    return sgd.lr\n\n\nmade = sgd(0.1)\n"
    fixed, _ = fix_source(text, settings=Settings(selections=(Selection(select=("REG117",)),)))
    assert fixed.decode() == text.replace("import sgd", "import SGD").replace("= sgd(", "= SGD(")


def test_a_module_of_an_optimizer_is_not_taken_for_its_class() -> None:
    text = "from keras.optimizers import adam\nmade = adam.Adam()\n"
    assert [finding.fix for finding in found(text, "REG117")] == [None, None]
    assert found("import keras.optimizer_v2.adam as adam\nmade = adam.Adam()\n", "REG117") == []


def test_what_tf_keras_keeps_on_keras_3_is_found_only_in_keras_itself() -> None:
    kept = {module: [old for old, row in rows.items() if row.get("kept")] for module, rows in NAMES["symbols"].items()}
    assert "kld" in kept["losses"] and "MSE" in kept["metrics"]
    for module, names in kept.items():
        for name in names:
            text = f"from keras.{module} import {name}\n"
            assert len(found(text, "REG117")) == 1
            assert found(text.replace("keras", "tensorflow.keras"), "REG117") == []
    assert len(found("from tensorflow.keras.losses import cosine_proximity\n", "REG117")) == 1


@pytest.mark.parametrize(
    "use",
    [
        'def f(x: "Deconvolution2D") -> None: ...',
        'def f(x) -> "Optional[Deconvolution2D]": ...',
        'layers: list["Deconvolution2D"] = []',
        "layers = []  # type: List[Deconvolution2D]",
    ],
)
def test_a_class_that_an_annotation_says_in_a_string_or_comment_keeps_its_name(use: str) -> None:
    text = f"from keras.layers import Deconvolution2D\n{use}\n"
    assert fixed(text, "REG113", unsafe=True) == text
    plain = text.replace('"', "").replace("  # type:", "  # of type")
    assert "Deconvolution2D" not in fixed(plain, "REG113", unsafe=True).partition("#")[0]


def test_a_class_that_is_the_default_of_a_parameter_is_renamed_with_its_import() -> None:
    text = "from keras.layers import Convolution2D\ndef f(layer=Convolution2D, Convolution2D=None): ...\n"
    wanted = "from keras.layers import Conv2D\ndef f(layer=Conv2D, Convolution2D=None): ...\n"
    assert fixed(text, "REG113") == wanted
