"""Names that are in another module today: the table and its record, and what the card's examples leave out."""

from __future__ import annotations

import json
import re
import runpy
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reglint import check_source, fix_source
from reglint.findings import Finding
from reglint.rulebook import facts, load_cards
from reglint.settings import Selection, Settings

ORACLE = Path(__file__).parent / "oracle"
KERAS_3 = "keras==3.15.1"
ALONE = "/nowhere/module.py"  # no manifest says which Keras it is for
CARD = load_cards()["REG118"]


def found(source: str, target: str | None = None, keras: str | None = None) -> list[Finding]:
    settings = Settings(target=target, keras_version=keras, selections=(Selection(select=("REG118",)),))
    return sorted(check_source(source, filename=ALONE, settings=settings), key=lambda finding: finding.start)


def mended(source: str, target: str | None = KERAS_3, select: tuple[str, ...] = ("REG118",)) -> str:
    settings = Settings(target=target, unsafe_fixes=True, selections=(Selection(select=select),))
    return fix_source(source, filename=ALONE, settings=settings)[0].decode("utf-8")


# ---------------------------------------------------------------------------------------------------------- the table


def test_the_table_is_what_the_record_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ORACLE), *sys.path])
    made = runpy.run_path(str(ORACLE / "make_modules.py"))
    assert made["text"]() == made["TABLE"].read_text(encoding="utf-8")


def test_every_name_that_is_proven_is_the_very_same_object_in_keras_2_2_4() -> None:
    record = json.loads((ORACLE / "modules" / "keras-2.2.4.json").read_text(encoding="utf-8"))
    for row in facts("modules")["moved"]:
        proven = re.findall(r"\w+", row["pair"]["old"].partition(" import ")[2]) if "pair" in row else []
        assert (row["proof"] == "equal-run") == bool(proven)
        for name in proven:
            # the record tells of the first place that has the object, which may be another one that imports it
            same = [place for place, names in record["modules"][row["module"]].items() if place and name in names]
            assert same and name in record["places"][row["place"]], (row["module"], name)


def test_every_function_that_is_renamed_gave_the_same_in_both() -> None:
    record = json.loads((ORACLE / "modules" / "backend_functions.json").read_text(encoding="utf-8"))["functions"]
    for row in facts("modules")["function"]:
        if "values" not in row:
            found = record[row["name"]]
            assert row.get("written") == found.get("written")
            assert "written" in row or row["to"] == f"{found.get('place', 'ops')}.{found['to']}".lstrip(".")
            assert found["calls"] and found["equal"], row["name"]
            assert all(each["eager"] and each.get("symbolic", True) for each in found["calls"].values()), row["name"]


def test_every_row_names_its_proof_or_what_to_do() -> None:
    table = facts("modules")
    for row in (*table["moved"], *table["function"]):
        assert row["proof"] == "equal-run" or row["why"]
    for row in table["gone"]:
        assert row["proof"] == "reported-only" and row["instead"]


AFFINE = {
    f"image {name}"
    for name in ("apply_affine_transform", "random_rotation", "random_shear", "random_shift", "random_zoom")
}
NO_PILLOW = {"image apply_brightness_shift", "image random_brightness"}  # it was not there when they were recorded


def test_names_that_tensorflow_keeps_give_what_keras_2_gave() -> None:
    record = {path.stem: json.loads(path.read_text("utf-8")) for path in (ORACLE / "kept_names").glob("*.json")}
    today = record["tensorflow-2.21.0-jax"]
    assert record["tensorflow-2.16.2"] == today
    assert not any("error" in made for made in today.values() if isinstance(made, dict))
    unlike = {release: {name for name in today if record[release][name] != today[name]} for release in record}
    assert unlike["tf_keras-2.21.0"] == NO_PILLOW
    assert unlike["keras-2.2.4"] == AFFINE | NO_PILLOW | {"text tokenizer_from_json"}  # which is newer


def test_every_name_that_tensorflow_keeps_was_tried() -> None:
    modules = facts("modules")["kept"]["modules"]
    tried = {name for path in (ORACLE / "kept_names").glob("*.json") for name in json.loads(path.read_text("utf-8"))}
    kept = [row for row in facts("modules")["gone"] if row["module"] in modules and row.get("kept")]
    assert tried == {f"{row['module'].rpartition('.')[2]} {name}" for row in kept for name in row["names"]}


def test_the_card_shows_every_old_module_as_the_table_has_it() -> None:
    shown = re.findall(r"^\| `([\w.]+)` \| (.+?) \| ([\d.]+) \|$", CARD.body, re.MULTILINE)
    told = {module: (set(re.findall(r"`(\w+)`", places)), since) for module, places, since in shown}
    table = facts("modules")
    places: dict[str, Counter[str]] = {module: Counter() for module in table["modules"]}
    for row in table["moved"]:
        places[row["module"]][row["place"]] += len(row["names"])
    since = {module: fails["keras"].removeprefix(">=") for module, fails in table["modules"].items()}
    assert told == {module: (set(filter(None, found)), since[module]) for module, found in places.items()}


def test_the_card_shows_every_function_that_has_an_equal() -> None:
    functions = CARD.sections["Why is this bad"].partition("went with Keras 3")[2]
    shown = set(re.findall(r"`(\w+)(?:\([\w, ]*\)(?:\[i\])?)?`", functions))
    assert {row["name"] for row in facts("modules")["function"]} <= shown


# ---------------------------------------------------------------------------------------------------- what is withheld


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("from keras.utils import np_utils\nuse(np_utils)\n", "used other than for its names"),
        ("import keras.layers.core as core\nuse(getattr(core, name))\n", "used other than for its names"),
        ("from keras.utils import np_utils\nnp_utils.to_categorical(y)\n__all__ = ['np_utils']\n", "taken out"),
        ("from keras.layers.core import K, Dense\n", "`K` has no successor"),
        ("from keras.layers . core import Dense\n", "can't be edited"),
        ("import keras.engine as engine\nengine.Layer, engine.Model\n", "in several modules"),
        ("from numpy import *\nfrom keras.layers.core import *\n", "may hide what another star import brings"),
        ("from keras import backend as K\nfound = K.image_dim_ordering()\n", "other than in a comparison"),
        ("from keras import backend as K\nK.set_image_dim_ordering(order)\n", "not written here"),
        ("from keras import backend as K\nK.clip(x, min_value=0, max_value=1)\n", "takes other arguments"),
        ("from keras import backend as K\nK.sum(*found)\n", "`*` or `**`"),
        ("from keras import backend as K\nK.l2_normalize(x)\n", "`axis` is left out"),
        ("from keras import backend as K\nK.clip(x, None, 1)\n", "`None` may be passed"),
        ("from keras import backend as K\nlow = None\nK.clip(x, low, 1)\n", "`None` may be passed"),
        ("from keras import backend as K\nnorm = K.abs\n", "used other than in a call"),
        ("from keras.backend import dot\n", "its uses are to change with it"),
        ("from keras import backend as K\nK.constant([1], None)\n", "`None` may be passed"),
        ("from keras import backend as K\ndef f(x, t=None):\n    K.constant(x, dtype=t)\n", "`None` may be passed"),
        ("from keras import backend as K\ndef f(x, tuple):\n    K.int_shape(x)\n", "`tuple` means something else"),
        ("from keras import backend as K\nfound = f'{K.int_shape(x)}'\n", "can't be edited"),
    ],
)
def test_what_cannot_be_done_surely_is_reported_with_the_reason(source: str, reason: str) -> None:
    [finding] = found(source, target=KERAS_3)
    assert finding.fix is None
    assert finding.fix_withheld is not None and reason in finding.fix_withheld
    assert mended(source) == source


def test_a_function_that_has_the_name_of_ops_already_leaves_the_call_alone() -> None:
    source = "from keras import backend as K\n\n\ndef f(ops):\n    return K.sum(ops)\n"
    assert "ops.sum" not in mended(source)


# ------------------------------------------------------------------------------------------------------------ what is


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from keras.engine.topology import Layer as L\n", "from keras.layers import Layer as L\n"),
        (
            "from keras.engine import Layer, Model as M, InputSpec\n",
            "from keras.layers import Layer, InputSpec\nfrom keras.models import Model as M\n",
        ),
        (
            "from keras.layers.core import (\n    Dense,\n    Lambda,\n)\n",
            "from keras.layers import (\n    Dense,\n    Lambda,\n)\n",
        ),
        ("import keras.layers.core as c\nc.Dense(1)\n", "import keras.layers as c\nc.Dense(1)\n"),
        (
            "from keras import engine\nengine.topology.Layer()\n",
            "from keras.layers import Layer\nLayer()\n",
        ),
        (
            "def f():\n    from keras.layers.core import Dense\n    return Dense(1)\n",
            "def f():\n    from keras.layers import Dense\n    return Dense(1)\n",
        ),
        (
            "import keras\nK = keras.backend\nK.exp(x)\n",
            "import keras\nK = keras.backend\nkeras.ops.exp(x)\n",
        ),
        (
            "from keras import backend as K\nK.argmax(K.expand_dims(x, 0))\n",
            "from keras import backend as K, ops\nops.argmax(ops.expand_dims(x, 0), axis=-1)\n",
        ),
        (
            "from keras import backend as K\nK.l2_normalize(K.l2_normalize(x, 1), axis=-1)\n",
            "from keras import backend as K, ops\nops.normalize(ops.normalize(x, 1), axis=-1)\n",
        ),
        (
            "from keras import backend as K\nok = 'th' == K.image_dim_ordering()\n",
            "from keras import backend as K\nok = 'channels_first' == K.image_data_format()\n",
        ),
    ],
)  # fmt: skip
def test_a_name_is_taken_from_where_it_is_and_that_is_all(old: str, new: str) -> None:
    assert mended(old) == new
    assert mended(new) == new


def test_line_ends_and_indentation_are_those_of_the_file() -> None:
    old = "if True:\r\n\tfrom keras.engine import Layer, Model\r\n"
    assert mended(old) == "if True:\r\n\tfrom keras.layers import Layer\r\n\tfrom keras.models import Model\r\n"


def test_an_import_whose_names_change_as_well_is_mended_together_with_them() -> None:
    old = "from keras.layers.convolutional import AtrousConvolution2D, Conv1D\n"
    new = "from keras.layers import Conv2D, Conv1D\n"
    assert mended(old, select=("REG113", "REG118")) == new


# ------------------------------------------------------------------------------------------------------------ releases


def test_a_project_pinned_to_keras_1_is_left_alone_without_a_target() -> None:
    source = "from keras.layers.core import Dense\nfrom keras import backend as K\nK.sum(Dense)\n"
    assert found(source, keras="==1.2.2") == []
    assert len(found(source, keras="==1.2.2", target=KERAS_3)) == 2


def test_a_release_that_has_the_old_place_alone_makes_the_fix_unsafe_and_is_named() -> None:
    [finding] = found("from keras.utils.np_utils import to_categorical\n")
    assert finding.fix is not None and finding.fix.applicability.value == "unsafe"
    assert "Keras 2.6.0 to 2.8.0 lack the new spelling" in finding.message


def test_what_fails_in_some_allowed_release_only_is_a_warning() -> None:
    [finding] = found("from keras.layers.core import Dense\n", keras=">=2.9,<3")
    assert finding.severity.value == "warning" and "2.13.1 to 2.15.0" in finding.message


def test_tf_keras_keeps_functions_that_keras_3_itself_has_not() -> None:
    source = "from {} import backend as K\nK.sum(x)\nK.learning_phase()\n"
    assert [finding.message.split("`")[1] for finding in found(source.format("tensorflow.keras"))] == [
        "tensorflow.keras.backend.learning_phase"
    ]
    assert len(found(source.format("keras"))) == 2


def test_a_try_around_a_whole_program_expects_nothing_in_particular() -> None:
    source = "from keras import backend as K\ntry:\n    K.sum(x)\nexcept {}:\n    print('no')\n"
    assert len(found(source.format("Exception"))) == 1
    assert found(source.format("AttributeError")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from tensorflow.python.keras.layers.core import Dense\n",
        "from keras_contrib.layers.core import Dense\n",
        "import theano.tensor as K\nK.sum(x)\n",
        "from keras.layers import merge\nx = merge([a, b], mode='sum')\n",
        "try:\n    from keras.utils import np_utils\nexcept ImportError:\n    np_utils = None\n",
        "import keras\nif keras.__version__ < '2':\n    from keras.layers.core import Dense\n",
        "from keras import backend as K\nif hasattr(K, 'eval'):\n    K.eval(x)\n",
        "from keras import backend as K\nfound = K.eval(x) if hasattr(K, 'eval') else x\n",
    ],
)
def test_what_is_not_keras_or_expected_to_fail_is_silence(source: str) -> Any:
    assert found(source) == []


# ------------------------------------------------------------------------------------------- what TensorFlow has kept


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "from keras.preprocessing.text import Tokenizer, one_hot\n",
            "from tensorflow.keras.preprocessing.text import Tokenizer, one_hot\n",
        ),
        (
            "from keras.preprocessing.sequence import (\n    pad_sequences,\n    skipgrams as pairs,\n)\n",
            "from keras.preprocessing.sequence import (\n    pad_sequences,\n)\n"
            "from tensorflow.keras.preprocessing.sequence import skipgrams as pairs\n",
        ),
        (
            "from keras.preprocessing import image as im\nturned = im.random_rotation(im.img_to_array(x), 20)\n",
            "from tensorflow.keras.preprocessing import image as im\n"
            "turned = im.random_rotation(im.img_to_array(x), 20)\n",
        ),
    ],
)
def test_a_name_that_tensorflow_keeps_is_taken_from_there(old: str, new: str) -> None:
    assert mended(old) == new
    assert mended(new) == new
    assert fix_source(old, filename=ALONE, settings=Settings(target=KERAS_3))[0].decode() == old  # no safe fix


@pytest.mark.parametrize(
    "source",
    [
        "import keras\nwords = keras.preprocessing.text.Tokenizer()\n",
        "import keras.preprocessing.text as text\nwords = text.Tokenizer()\n",
    ],
)
def test_a_kept_name_that_no_import_of_its_own_brings_is_only_reported(source: str) -> None:
    assert {finding.fix for finding in found(source, KERAS_3)} == {None}
    assert mended(source) == source


@pytest.mark.parametrize(
    "source",
    [
        "from keras.preprocessing.sequence import pad_sequences\n",
        "from keras.preprocessing.image import array_to_img, img_to_array, load_img, save_img\n",
        "from keras.preprocessing import timeseries_dataset_from_array\n",
        "from tensorflow.keras.preprocessing.text import Tokenizer\n",
        "from tf_keras.preprocessing.text import Tokenizer\n",
    ],
)
def test_what_is_there_today_stays_where_it_is(source: str) -> None:
    assert found(source, KERAS_3) == []


USED_UP = [
    "float(K.eval(x))", "print(K.eval(x))", "np.round(K.eval(x))", "K.eval(x) + 1", "-K.eval(x)", "K.eval(x) == 1",
    "1 < K.eval(x)", "K.eval(x)[0]", "K.eval(x).tolist()", "f'{K.eval(x):.2f}'", "K.set_value(y, K.eval(x))",
]  # fmt: skip
KEPT = [
    "lr = K.eval(x)", "round(K.eval(x))", "seen.add(K.eval(x))", "K.eval(x) in seen", "[0] * K.eval(x)",
    "f'{K.eval(x)!r}'", "[K.eval(x)]", "print(*K.eval(x))", "K.eval(x).is_integer()",
]  # fmt: skip


@pytest.mark.parametrize(("code", "safety"), [(c, "safe") for c in USED_UP] + [(c, "unsafe") for c in KEPT])
def test_a_number_that_comes_as_an_array_makes_the_fix_unsafe_where_it_is_kept(code: str, safety: str) -> None:
    source = f"import numpy as np\nfrom keras import backend as K\nx = K.cast(y, 'float32')\n{code}\n"
    [fix] = [finding.fix for finding in found(source, target=KERAS_3) if "backend.eval" in finding.message]
    assert fix is not None and fix.applicability.value == safety


def test_a_function_of_the_name_of_a_built_in_one_may_do_anything_with_a_number() -> None:
    source = "from keras import backend as K\nfrom mine import float\nfloat(K.eval(x))\n"
    [finding] = found(source, target=KERAS_3)
    assert finding.fix is not None and finding.fix.applicability.value == "unsafe"


def test_a_name_that_hasattr_has_not_found_is_no_guarded_one() -> None:
    assert len(found("from keras import backend as K\nif hasattr(x, 'eval'):\n    K.eval(x)\n", KERAS_3)) == 1
    assert len(found("from keras import backend as K\nif hasattr(K, 'eval'):\n    K.abs(x)\n", KERAS_3)) == 1


def test_the_kind_of_numbers_of_a_range_stays_what_its_ends_make_it() -> None:
    source = "import keras\nsteps = keras.backend.arange(0, 1, 0.25)\n"
    assert mended(source) == source.replace("backend", "ops")


def test_the_number_of_axes_is_renamed_only_by_an_unsafe_fix() -> None:
    source = "from keras import backend as K\nflat = K.ndim(x) == 2\n"
    [finding] = found(source, target=KERAS_3)
    assert finding.fix is not None and finding.fix.applicability.value == "unsafe"
    assert "of a symbolic tensor" in finding.message
