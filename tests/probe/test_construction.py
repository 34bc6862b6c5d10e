"""Construction: the line of the user's code on which each layer was made."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from reglint.probe.models import construction
from reglint.probe.models.construction import places, recording
from reglint.probe.models.usercode import is_framework, is_library
from reglint.probe.values import Place

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", minversion="3")

pytestmark = pytest.mark.filterwarnings("ignore")

exact = pytest.mark.skipif(sys.version_info < (3, 11), reason="columns are known from Python 3.11 on")


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def built(text: str, file: str = "models.py") -> tuple[Any, dict[str, Place]]:
    """Run code that makes `model`; return it and the places of its layers."""
    source = "import keras\nlayers = keras.layers\n" + text
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(source, encoding="utf-8")
    names: dict[str, Any] = {}
    with recording():
        exec(compile(source, str(Path(file).resolve()), "exec"), names)
    return names["model"], places(names["model"])


def said(text: str) -> dict[str, str]:
    """Return the source of the call that made each layer, but for inputs."""
    found = built(text)[1]
    lines = Path("models.py").read_text(encoding="utf-8").splitlines()
    shown = {}
    for path, place in found.items():
        assert place.filename == "models.py"
        assert place.end_row is not None and place.end_column is not None
        part = lines[place.row - 1 : place.end_row]
        part[-1] = part[-1][: place.end_column - 1]
        part[0] = part[0][place.column - 1 :]
        if not path.startswith("input"):
            shown[path] = " ".join(line.strip() for line in part)
    return shown


@exact
def test_a_sequential_model_gives_the_range_of_each_call() -> None:
    assert said(
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(5, name='a'),\n"
        "    layers.Dense(\n        3,\n        name='b',\n    )])\n"
    ) == {"a": "layers.Dense(5, name='a')", "b": "layers.Dense( 3, name='b', )"}


@exact
def test_a_functional_model_gives_the_constructing_call_and_not_the_call_of_the_layer() -> None:
    assert said("x = keras.Input((4,))\nmodel = keras.Model(x, layers.Dense(3, name='a')(x))\n") == {
        "a": "layers.Dense(3, name='a')"
    }


@exact
def test_columns_count_characters_and_not_bytes() -> None:
    assert said("é = 'üüü'; model = keras.Sequential([layers.Dense(5, name='ä')])\n") == {
        "ä": "layers.Dense(5, name='ä')"
    }


@exact
def test_a_layer_of_the_users_own_is_where_it_is_called_and_its_parts_where_it_makes_them() -> None:
    assert said(
        "class Own(layers.Layer):\n    def __init__(self, **more):\n        super().__init__(**more)\n"
        "        self.inner = layers.Dense(3, name='inner')\n    def call(self, x):\n        return self.inner(x)\n"
        "class Deeper(Own):\n    def __init__(self, **more):\n        super().__init__(**more)\n"
        "model = keras.Sequential([keras.Input((4,)), Deeper(name='own')])\n"
    ) == {"own": "Deeper(name='own')", "own/inner": "layers.Dense(3, name='inner')"}


@exact
def test_a_subclassed_model_gives_its_layers_even_in_lists_and_dicts() -> None:
    assert said(
        "class Own(keras.Model):\n    def __init__(self):\n        super().__init__()\n"
        "        self.many = [layers.Dense(i + 1, name=f'd{i}') for i in range(2)]\n"
        "        self.named = {'k': layers.Dense(2, name='n')}\n"
        "model = Own()\n"
    ) == {
        "d0": "layers.Dense(i + 1, name=f'd{i}')",
        "d1": "layers.Dense(i + 1, name=f'd{i}')",
        "n": "layers.Dense(2, name='n')",
    }


@exact
def test_a_layer_made_by_a_helper_is_where_the_helper_makes_it() -> None:
    assert said(
        "def dense(**more):\n    return layers.Dense(3, **more)\n"
        "model = keras.Sequential([dense(name='a'), dense(name='b')])\n"
    ) == {"a": "layers.Dense(3, **more)", "b": "layers.Dense(3, **more)"}


@exact
def test_nested_models_wrappers_and_recurrent_layers_have_paths_without_cells() -> None:
    assert said(
        "inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, name='d')], name='inner')\n"
        "both = layers.Bidirectional(layers.LSTM(2, name='l', return_sequences=True), name='both')\n"
        "step = layers.TimeDistributed(layers.Dense(2, name='s'), name='step')\n"
        "model = keras.Sequential([keras.Input((5, 4)), layers.TimeDistributed(inner, name='t'), both, step])\n"
    ) == {
        "t": "layers.TimeDistributed(inner, name='t')",
        "t/inner": "keras.Sequential([keras.Input((4,)), layers.Dense(3, name='d')], name='inner')",
        "t/inner/d": "layers.Dense(3, name='d')",
        "both": "layers.Bidirectional(layers.LSTM(2, name='l', return_sequences=True), name='both')",
        "both/forward_l": "layers.Bidirectional(layers.LSTM(2, name='l', return_sequences=True), name='both')",
        "both/backward_l": "layers.Bidirectional(layers.LSTM(2, name='l', return_sequences=True), name='both')",
        "step": "layers.TimeDistributed(layers.Dense(2, name='s'), name='step')",
        "step/s": "layers.Dense(2, name='s')",
    }


@exact
def test_a_clone_is_where_it_was_cloned() -> None:
    found = said(
        "first = keras.Sequential([keras.Input((4,)), layers.Dense(3, name='d')])\n"
        "model = keras.models.clone_model(first)\n"
    )
    assert found == {"d": "keras.models.clone_model(first)"}


def test_layers_of_an_application_are_where_the_user_called_it(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = keras.initializers.Zeros()
    monkeypatch.setattr(
        keras.initializers.GlorotUniform, "__call__", lambda self, *shape, **dtype: zeros(*shape, **dtype)
    )
    model, found = built("model = keras.applications.VGG16(False, None, input_shape=(32, 32, 3))\n")
    assert len(found) == len(model.layers)
    assert {(place.filename, place.row) for place in found.values()} == {("models.py", 3)}


def test_code_of_an_installed_package_gives_way_to_the_line_that_called_it() -> None:
    """Where nobody else called it, it is the user's code."""
    packaged = "model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name='d')])\n"
    _, found = built(packaged, "venv/site-packages/pkg/nets.py")
    assert Path(found["d"].filename).name == Path(__file__).name
    assert is_library("/x/site-packages/pkg/nets.py")
    assert not is_framework("/x/site-packages/pkg/nets.py")
    assert is_framework(keras.__file__)
    assert is_framework(os.__file__)
    assert is_framework("<string>")
    assert not is_library(str(Path("nets.py").resolve()))


def test_a_shared_layer_and_one_that_holds_its_parent_have_one_path_each_way() -> None:
    _, found = built(
        "class Own(layers.Layer):\n    def call(self, x):\n        return x\n"
        "one, two, dense = Own(name='one'), Own(name='two'), layers.Dense(2, name='dense')\n"
        "one.dense = two.dense = dense\ntwo.up = one\none.up = two\n"
        "class Model(keras.Model):\n    def __init__(self):\n        super().__init__()\n"
        "        self.all = [one, two, dense]\n"
        "model = Model()\n"
    )
    top = {"one", "two", "dense", "one/dense", "two/dense"}
    assert set(found) == {*top, "one/two", "two/one", "one/two/dense", "two/one/dense"}


def test_without_a_recording_nothing_is_known_and_nothing_of_it_stays() -> None:
    before = vars(keras.layers.Layer)["__new__"]
    with recording(), recording():
        assert vars(keras.layers.Layer)["__new__"] is not before
        inside = keras.layers.Dense(2, name="inside")
    assert vars(keras.layers.Layer)["__new__"] is before
    outside = keras.layers.Dense(2, name="outside")
    assert set(places(keras.Sequential([inside, outside]))) == {"inside"}
    with pytest.raises(KeyError), recording():
        raise KeyError
    assert vars(keras.layers.Layer)["__new__"] is before


def test_a_layer_that_is_gone_is_forgotten() -> None:
    with recording():
        layer = keras.layers.Dense(2)
    key = id(layer)
    assert key in construction._recorded
    del layer
    gc.collect()
    assert key not in construction._recorded


def test_layers_of_tf_keras_are_seen_where_it_is_imported() -> None:
    tf_keras = pytest.importorskip("tf_keras")
    before = vars(tf_keras.layers.Layer)["__new__"]
    with recording():
        model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(2, name="d")])
    assert Path(places(model)["d"].filename).name == Path(__file__).name
    assert vars(tf_keras.layers.Layer)["__new__"] is before
