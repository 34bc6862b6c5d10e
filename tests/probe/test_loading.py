"""Loading: which models get in, what is known of them, and what strangers' files may not do."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from reglint.probe.models.archive import read_archive
from reglint.probe.models.config_scan import Concern, Vocabulary, concerns, oversized
from reglint.probe.models.loading import load
from reglint.probe.values import ProbeError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", minversion="3")
h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

# Keras warns about the .h5 format, and TensorFlow's and JAX's insides about one another.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def small(**compiled: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, activation="relu", name="first"), layers.Dense(3)])
    if compiled:
        model.compile(**compiled)
    return model


def fitted(model: Any) -> Any:
    """Forty samples in batches of eight, twice: ten steps."""
    x, y = np.random.default_rng(0).random((40, 4), "float32"), np.arange(40) % 3
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    return model


def refused(spec: str, **options: Any) -> str:
    """Return what is said; it must be one line."""
    with pytest.raises(ProbeError) as error:
        load(spec, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def rewritten(path: str, change: Any, source: str = "model.keras") -> None:
    """Write a .keras file anew with a changed configuration."""
    with zipfile.ZipFile(source) as old:
        members = {name: old.read(name) for name in old.namelist()}
    config = json.loads(members["config.json"])
    members["config.json"] = json.dumps(change(config) or config).encode()
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)


def marking(path: Path) -> str:
    return f"__import__('pathlib').Path({str(path)!r}).touch()"


# Files that get in.


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.hdf5"])
def test_a_saved_model_is_loaded_with_its_weights(name: str) -> None:
    model = small()
    model.save(name)
    loaded = load(name)
    assert (loaded.name, loaded.filename, loaded.library, loaded.places) == (name, name, "keras", {})
    x = np.ones((2, 4), "float32")
    assert np.allclose(loaded.model.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "adafactor"])
def test_the_steps_of_the_optimizer_are_read_from_the_file(name: str, optimizer: str) -> None:
    model = small(optimizer=optimizer, loss="sparse_categorical_crossentropy")
    model.save(name)
    assert load(name).iterations == 0
    if (optimizer, name) != ("adafactor", "model.h5"):  # which Keras 3.15 cannot save
        fitted(model).save(name)
        assert load(name).iterations == 10


def test_an_optimizer_that_scales_its_loss_counts_the_steps_of_the_one_inside() -> None:
    scaled = keras.mixed_precision.LossScaleOptimizer(keras.optimizers.Adam())
    fitted(small(optimizer=scaled, loss="sparse_categorical_crossentropy")).save("model.keras")
    assert load("model.keras").iterations == 10


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_model_that_was_never_compiled_has_neither_steps_nor_loss(name: str) -> None:
    small().save(name)
    loaded = load(name)
    assert (loaded.iterations, loaded.loss) == (None, None)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_the_loss_is_that_of_compile(name: str) -> None:
    small(optimizer="sgd", loss="mse").save(name)
    assert load(name).loss == "mse"
    small(optimizer="sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)).save(name)
    loss = load(name).loss
    logits = np.array([[0.0, 20.0]], "float32")
    assert float(loss(np.array([1]), logits)) < 1e-6  # as probabilities it would be far more


def test_the_losses_of_several_outputs_keep_their_names() -> None:
    x = keras.Input((4,))
    model = keras.Model(x, {"a": keras.layers.Dense(1, name="a")(x), "b": keras.layers.Dense(2, name="b")(x)})
    model.compile("sgd", {"a": "mse", "b": "mae"})
    model.save("model.keras")
    assert load("model.keras").loss == {"a": "mse", "b": "mae"}


def test_a_loss_of_the_users_own_is_left_out() -> None:
    def own(y: Any, z: Any) -> Any:
        return keras.ops.mean(y - z)

    small(optimizer="sgd", loss=own).save("model.keras")
    assert load("model.keras").loss is None


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_functional_nested_and_wrapped_models_pass_the_scan(name: str) -> None:
    layers = keras.layers
    x = keras.Input((6, 4))
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, kernel_regularizer="l2")], name="inner")
    h = layers.TimeDistributed(inner)(x)
    h = layers.LSTM(3, return_sequences=True, kernel_constraint=keras.constraints.MaxNorm(2.0))(h)
    h = layers.MultiHeadAttention(2, 3)(h, h)
    keras.Model(x, layers.Dense(2, activation=keras.activations.gelu)(layers.Flatten()(h))).save(name)
    assert load(name).model.count_params() > 0


def test_operations_of_keras_in_the_graph_pass_the_scan() -> None:
    x = keras.Input((4,))
    model = keras.Model(x, keras.ops.tanh(keras.layers.Dense(3)(x) + 1.0) * keras.ops.mean(x, axis=-1, keepdims=True))
    model.save("model.keras")
    assert load("model.keras").model.output_shape == (None, 3)


# tf_keras.

LEGACY = """
import tf_keras
layers = tf_keras.layers
wrapped = [layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.TimeDistributed(layers.Dense(2))]
tf_keras.Sequential([tf_keras.Input((6, 4)), layers.Masking(), *wrapped]).save("legacy.h5")
code = f"__import__('pathlib').Path('mark').touch() or x"
tf_keras.Sequential([tf_keras.Input((4,)), layers.Lambda(eval(f"lambda x: {code}"), name="evil")]).save("evil.h5")
trained = tf_keras.Sequential([tf_keras.Input((4,)), layers.Dense(3)])
for name, optimizer in [("old", tf_keras.optimizers.legacy.Adam()), ("new", tf_keras.optimizers.Adam())]:
    trained.compile(optimizer, tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    trained.fit([[1.0, 2, 3, 4]] * 4, [0, 1, 2, 0], batch_size=2, verbose=0)
    trained.save(name + ".h5")
    trained.save(name + ".keras")
"""


@pytest.fixture(scope="session")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files that tf_keras wrote in a process of its own."""
    pytest.importorskip("tf_keras")
    folder = tmp_path_factory.mktemp("legacy")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", LEGACY], cwd=folder, env=environment, check=True, capture_output=True)
    (folder / "mark").unlink(missing_ok=True)
    return folder


def test_a_file_that_keras_3_rejects_is_loaded_by_tf_keras(legacy: Path) -> None:
    loaded = load(str(legacy / "legacy.h5"))
    assert loaded.library == "tf_keras"
    assert loaded.model.predict(np.ones((2, 6, 4), "float32"), verbose=0).shape == (2, 6, 2)


def test_without_tf_keras_such_a_file_names_the_extra(legacy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reglint.probe.models.loading.find_spec", lambda name: None if name == "tf_keras" else True)
    assert "pip install 'reglint[tf-keras]'" in refused(str(legacy / "legacy.h5"))


def test_the_code_of_a_lambda_is_not_run_though_tf_keras_would(legacy: Path) -> None:
    said = refused(str(legacy / "evil.h5"))
    assert "layer `evil` (Lambda) holds Python code" in said
    assert "--trust" in said
    assert not (legacy / "mark").exists()
    assert not Path("mark").exists()


def test_the_code_of_a_lambda_is_not_run_either_where_tf_keras_is_asked_for(legacy: Path) -> None:
    assert "Lambda" in refused(str(legacy / "evil.h5"), library="tf_keras")
    assert not Path("mark").exists()


@pytest.mark.parametrize("name", ["old.h5", "new.h5", "new.keras"])
def test_steps_and_loss_of_a_file_of_tf_keras_are_read(legacy: Path, name: str) -> None:
    loaded = load(str(legacy / name))
    assert loaded.iterations == 2
    assert float(loaded.loss(np.array([1]), np.array([[0.0, 20.0, 0.0]], "float32"))) < 1e-6


# Files that do not.


@pytest.mark.parametrize("name", ["evil.keras", "evil.h5"])
def test_a_lambda_is_refused_by_name_and_its_code_is_not_run(name: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = eval(f"lambda x: {marking(mark)} or x")
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(code, output_shape=(4,), name="evil")]).save(name)
    mark.unlink(missing_ok=True)
    said = refused(name)
    assert "layer `evil` (Lambda) holds Python code" in said
    assert not mark.exists()
    load(name, trust=True).model.predict(np.ones((1, 4)), verbose=0)
    assert mark.exists()  # so that the file would have done it


def test_the_layers_that_hold_code_are_counted_each_once() -> None:
    code = keras.layers.Lambda
    for count, more in ((1, None), (3, "(and 2 more of the kind)")):
        keras.Sequential([keras.Input((4,)), *(code(lambda x: x + 1) for _ in range(count))]).save("model.keras")
        said = refused("model.keras")
        assert more in said if more else "more of the kind" not in said


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"activation": "<lambda>"}, "Dense: Could not interpret activation function identifier: <lambda>"),
        ({"nonsense": 3}, "Unrecognized keyword arguments passed to Dense: {'nonsense': 3}"),
        (
            {"bias_initializer": {"module": "keras.initializers", "class_name": "Zeros", "config": {"nope": 1}}},
            "Dense: Zeros() takes no arguments",
        ),
    ],
)
def test_the_innermost_cause_of_a_layer_that_cannot_be_made_is_told(changed: dict[str, Any], cause: str) -> None:
    small().save("model.keras")

    def change(config: Any) -> None:
        config["config"]["layers"][1]["config"] |= changed

    rewritten("changed.keras", change)
    for library in ("keras", *([None] if find_spec("tf_keras") else [])):
        said = refused("changed.keras", library=library)
        assert said == f"changed.keras: Keras {keras.__version__} cannot load it: {cause}"


def test_a_lambda_within_wrapped_and_nested_models_is_found() -> None:
    layers = keras.layers
    inner = keras.Sequential([keras.Input((4,)), layers.Lambda(lambda x: x, output_shape=(4,), name="deep")], name="in")
    keras.Sequential([keras.Input((6, 4)), layers.TimeDistributed(inner, name="wrap")]).save("model.keras")
    assert "layer `wrap/in/deep` (Lambda)" in refused("model.keras")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("evil_module", "Evil"),
        ("keras.utils", "get_file"),
    ],
)
@pytest.mark.parametrize("kind", ["class", "function"])
def test_what_a_config_names_outside_keras_is_refused_and_not_imported(module: str, name: str, kind: str) -> None:
    Path("evil_module.py").write_text("__import__('pathlib').Path('mark').touch()\n")
    sys.path.insert(0, os.getcwd())
    small().save("model.keras")
    entry = {"module": module, "class_name": name, "config": {"command": "touch mark"}, "registered_name": None}
    if kind == "function":
        entry = {"module": module, "class_name": "function", "config": name, "registered_name": name}

    def change(config: Any) -> None:
        config["config"]["layers"][1]["config"]["activation"] = entry

    rewritten("evil.keras", change)
    assert name in refused("evil.keras")
    assert "evil_module" not in sys.modules
    assert not Path("mark").exists()


def test_a_config_cannot_hide_a_class_behind_a_registered_name_or_no_module() -> None:
    known = Vocabulary(keras)
    for entry in (
        {"module": None, "class_name": "Dense", "registered_name": "evil>Other", "config": {}},
        {"module": None, "class_name": "Other", "registered_name": "Dense", "config": {}},
        {"module": "keras.layers", "class_name": "_Private", "config": {}},
        {"module": "keras.models", "class_name": "load_model", "config": {}},
        {"module": ["os"], "class_name": "Dense", "config": {}},
        {"class_name": "__typespec__", "spec_name": "Evil", "module": "evil", "config": []},
    ):
        assert [concern.kind for concern in concerns({"config": [{"deep": entry}]}, known)] == ["unknown"], entry


def test_layers_that_run_other_programs_are_refused() -> None:
    for name in ("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "__lambda__", "TFOpLambda"):
        found = list(concerns({"class_name": name, "config": {"filepath": "x"}}, Vocabulary(keras)))
        assert [(each.kind, each.class_name) for each in found] == [("code", name)]


def test_a_vocabulary_that_is_a_path_of_a_file_is_refused() -> None:
    entry = {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}
    assert [each.kind for each in concerns(entry, Vocabulary(keras))] == ["file"]


def test_a_class_of_the_users_own_asks_for_import() -> None:
    Path("mine.py").write_text(MINE)
    load("mine:build", trust=True).model.save("model.keras")
    del sys.modules["mine"]
    assert "Mine" in refused("model.keras")
    assert "--import" in refused("model.keras")
    assert "--import" in refused("model.keras", trust=True)  # trust alone does not say where the class is
    assert load("model.keras", imports=["mine.py"]).model.count_params() == 15
    assert load("model.keras", imports=["mine"]).model.count_params() == 15


MINE = """
import keras
class Mine(keras.layers.Layer):
    def __init__(self, units, **more):
        super().__init__(**more)
        self.units, self.inner = units, keras.layers.Dense(units, activation=swish_ish)
    def build(self, shape):
        self.inner.build(shape)
    def call(self, x):
        return self.inner(x)
    def get_config(self):
        return {**super().get_config(), "units": self.units}
def swish_ish(x):
    return x * keras.ops.sigmoid(x)
def build():
    return keras.Sequential([keras.Input((4,)), Mine(3)])
"""


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_half_a_file_is_refused(name: str) -> None:
    small().save(name)
    whole = Path(name).read_bytes()
    for share in (0.001, 0.3, 0.6, 0.95):
        Path(name).write_bytes(whole[: int(len(whole) * share) + 1])
        assert name in refused(name)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_text_file_and_an_empty_one_are_no_models(name: str) -> None:
    Path(name).write_text("hello\n" * 100)
    assert f"{name}: no whole" in refused(name)
    Path(name).write_text("")
    assert f"{name}: the file is empty" in refused(name)


def test_a_zip_without_a_configuration_or_weights_is_no_model() -> None:
    with zipfile.ZipFile("model.keras", "w") as archive:
        archive.writestr("other.txt", "x")
    assert "without config.json" in refused("model.keras")
    with zipfile.ZipFile("model.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    assert "without model.weights.h5" in refused("model.keras")


@pytest.mark.parametrize("config", ["{", "[]", "null", "[" * 100_000, '{"a":' * 100_000, "\udcff"])
def test_a_configuration_that_is_no_json_object_is_refused(config: str) -> None:
    small().save("model.keras")
    with zipfile.ZipFile("model.keras") as old:
        weights = old.read("model.weights.h5")
    with zipfile.ZipFile("bad.keras", "w") as archive:
        archive.writestr("config.json", config.encode(errors="surrogateescape"))
        archive.writestr("model.weights.h5", weights)
    assert "configuration" in refused("bad.keras")


def test_weights_without_a_model_are_refused() -> None:
    small().save_weights("model.weights.h5")
    assert "only weights" in refused("model.weights.h5")


def test_a_zip_member_that_claims_far_more_than_it_stores_is_refused_unread() -> None:
    with zipfile.ZipFile("bomb.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        with archive.open("model.weights.h5", "w", force_zip64=True) as member:
            for _ in range(300):
                member.write(bytes(2**20))
    assert "model.weights.h5 claims 315 MB" in refused("bomb.keras")


@pytest.mark.parametrize("trust", [False, True])
def test_a_layer_that_claims_more_units_than_the_file_has_numbers_is_refused_before_it_is_made(trust: bool) -> None:
    small().save("model.keras")

    def change(config: Any) -> None:
        config["config"]["layers"][1]["config"]["units"] = 10**12

    rewritten("huge.keras", change)
    assert "layer `first` (Dense) claims units=1000000000000" in refused("huge.keras", trust=trust)


def test_an_embedding_or_an_input_that_claims_too_much_is_found() -> None:
    big = {"class_name": "Embedding", "config": {"name": "e", "input_dim": 10**6, "output_dim": 10**6}}
    assert [each.kind for each in oversized(big, 1000)] == ["size"]
    honest = {"class_name": "Embedding", "config": {"name": "e", "input_dim": 10**6, "output_dim": 100}}
    assert list(oversized(honest, 10**8)) == []
    wide = {"class_name": "InputLayer", "config": {"batch_shape": [None, 10**6, 10**6]}}
    assert oversized_reason(wide) == "claims inputs of the shape (None, 1000000, 1000000)"


def oversized_reason(config: Any) -> str:
    found: list[Concern] = list(oversized(config, 0))
    assert len(found) == 1
    return found[0].reason


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_weights_that_claim_a_size_without_having_it_are_refused(name: str) -> None:
    small().save(name)
    with_weights(name, lambda file: file.create_dataset("huge", (10**6, 10**6), "f4", chunks=(100, 100)))
    assert "`huge` claim 4 TB and have 0 bytes" in refused(name)


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_weights_that_point_out_of_the_file_are_refused(name: str) -> None:
    small().save(name)
    with_weights(name, lambda file: file.__setitem__("out", h5py.ExternalLink("/etc/other.h5", "/x")))
    assert "`out` points elsewhere" in refused(name)
    small().save(name)
    raw = [("/etc/hostname", 0, 16)]
    with_weights(name, lambda file: file.create_dataset("raw", (4,), "f4", external=raw))
    assert "`raw` takes its numbers from other files" in refused(name)


def with_weights(name: str, change: Any) -> None:
    """Change the HDF5 file that holds the weights."""
    if name.endswith(".h5"):
        with h5py.File(name, "a") as file:
            change(file)
        return
    with zipfile.ZipFile(name) as old:
        members = {member: old.read(member) for member in old.namelist()}
    weights = io.BytesIO(members["model.weights.h5"])
    with h5py.File(weights, "a") as file:
        change(file)
    with zipfile.ZipFile(name, "w") as new:
        for member, content in {**members, "model.weights.h5": weights.getvalue()}.items():
            new.writestr(member, content)


@pytest.mark.parametrize(
    "spec",
    [
        "hf://someone/model",
        "https://example.org/model.keras",
        "gs://bucket/model.keras",
        "model.pkl",
        "model.pb",
        "gone.h5",
    ],
)
def test_addresses_pickles_graphs_and_missing_files_are_refused(spec: str) -> None:
    if "://" not in spec and "gone" not in spec:
        Path(spec).write_bytes(b"cos\nsystem\n(S'touch mark'\ntR.")
    assert spec in refused(spec, trust=True)
    assert not Path("mark").exists()


def test_a_savedmodel_is_refused() -> None:
    Path("saved").mkdir()
    Path("saved/saved_model.pb").write_bytes(b"")
    assert "saved: a folder is not loaded" in refused("saved", trust=True)


def test_a_compressed_archive_reads_like_a_stored_one() -> None:
    fitted(small(optimizer="adam", loss="sparse_categorical_crossentropy")).save("model.keras")
    with zipfile.ZipFile("model.keras") as old, zipfile.ZipFile("packed.keras", "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, old.read(member))
    assert read_archive(Path("packed.keras")) == read_archive(Path("model.keras"))
    assert load("packed.keras").iterations == 10


# Models from code.


def code(text: str, name: str = "models.py") -> None:
    Path(name).write_text("import keras\nlayers = keras.layers\n" + text)


def test_code_is_not_imported_without_trust() -> None:
    code(marking(Path("mark")))
    assert "add --trust" in refused("models:build")
    assert not Path("mark").exists()


@pytest.mark.parametrize("spec", ["models:build", "models:MODEL", "models:Own", "models:box.build", "models.py:build"])
def test_a_model_or_what_makes_one_is_found_by_name(spec: str) -> None:
    code(
        "def build():\n    return keras.Sequential([keras.Input((4,)), layers.Dense(2, name='d')], name='m')\n"
        "MODEL = build()\n"
        "class Own(keras.Model):\n    def __init__(self):\n        super().__init__()\n"
        "        self.d = layers.Dense(2, name='d')\n    def call(self, x):\n        return self.d(x)\n"
        "class box:\n    build = staticmethod(build)\n"
    )
    loaded = load(spec, trust=True)
    assert (loaded.name, loaded.filename, loaded.library) == (spec, "models.py", "keras")
    place = loaded.places["d"]
    assert (place.filename, place.row) == ("models.py", 9 if spec.endswith("Own") else 4)


def test_a_module_in_a_package_is_found_from_the_current_folder() -> None:
    Path("pkg").mkdir()
    Path("pkg/__init__.py").write_text("")
    code("MODEL = keras.Sequential([keras.Input((4,)), layers.Dense(2)])\n", "pkg/nets.py")
    assert load("pkg.nets:MODEL", trust=True).filename == "pkg/nets.py"


def test_steps_and_loss_of_a_model_in_memory_are_its_own() -> None:
    code(
        "def build():\n    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])\n"
        "    model.compile('adam', 'mse')\n    model.fit(__import__('numpy').ones((4, 4)), "
        "__import__('numpy').ones((4, 2)), batch_size=2, verbose=0)\n    return model\n"
    )
    loaded = load("models:build", trust=True)
    assert (loaded.iterations, loaded.loss) == (2, "mse")


@pytest.mark.parametrize(
    ("text", "spec", "said"),
    [
        (
            "def build():\n    raise ValueError('no such thing')",
            "models:build",
            "ValueError: no such thing at models.py:4",
        ),
        ("def build():\n    layers.Dense(-1)", "models:build", "`models:build` raised ValueError"),
        ("raise SystemExit(3)", "models:build", "importing `models` raised SystemExit: 3 at models.py:3"),
        ("def build(:", "models:build", "raised SyntaxError"),
        ("import not_there", "models:build", "ModuleNotFoundError: No module named 'not_there' at models.py:3"),
        ("def build(units):\n    pass", "models:build", "needs arguments (missing a required argument: 'units')"),
        ("def build():\n    pass", "models:build", "is no Keras model but None"),
        ("def build():\n    return layers.Dense(2)", "models:build", "is a layer, not a model"),
        ("build = 7", "models:build", "is no Keras model but a `int`"),
        ("def build():\n    pass", "models:biuld", "has no `biuld`; did you mean `build`?"),
        ("", "gone:build", "there is no module `gone`"),
        ("", "gone.py:build", "gone.py: there is no such file"),
        ("", "models", "models: not a model; give a .keras"),
        ("", "models:", "models:: not a model"),
    ],
)
def test_what_goes_wrong_in_the_users_code_is_one_line(text: str, spec: str, said: str) -> None:
    code(text + "\n")
    assert said in refused(spec, trust=True)
