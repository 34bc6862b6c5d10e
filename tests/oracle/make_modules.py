"""Writes rules/facts/modules.toml from what module_names.py found in each release.

    python tests/oracle/make_modules.py

What can be measured comes from modules/*.json; what only a reader can say (what to do instead, which function took the
place of another) stands here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from backend_functions import FUNCTIONS
from packaging.version import Version

HERE = Path(__file__).parent
RECORD = HERE / "modules"
TABLE = HERE.parents[1] / "rules" / "facts" / "modules.toml"

Release = tuple[str, str]

# The distributions, and the first release of each of which the table speaks.
FIRST = {"keras": "1.2.2", "tensorflow": "1.4", "tf-keras": "2", "keras-core": "0.1"}
FILES = {"tf_keras": "tf-keras", "keras_core": "keras-core"}
NEWEST = ("keras", "3.15.1")
KERAS_3_IN_TENSORFLOW = ("tensorflow", "2.21.0")
# Where a proof can be run: the release that has both the old and the new spelling of most names.
PROVING = ("keras", "2.2.4")

MOVED_FROM = ("layers", "engine", "legacy", "utils", "backend")
LEFT_OUT = (
    "backend.cntk_backend", "backend.common", "backend.load_backend", "backend.numpy_backend", "backend.theano_backend",
    "engine.network", "engine.saving", "engine.training_arrays", "engine.training_generator", "engine.training_utils",
    "layers.experimental", "layers.serialization", "legacy.interfaces", "legacy.models",
)  # fmt: skip
# Which places the names of a module are looked for in: what else it had, it had only imported for itself.
KEPT = {
    "layers": ("layers", ""),
    "legacy": ("layers",),
    "engine": ("layers", "models", "utils"),
    "utils": ("utils",),
    "backend": ("backend",),
}
# Modules of no name in particular that every other module had at hand.
AT_HAND = ("activations", "constraints", "initializers", "regularizers")

# What tf.compat.v1 has of Keras was not measured.
ROOTS = ("keras", "tensorflow.keras", "tf_keras", "keras_core")
ALSO_FUNCTIONS = ("layers.merge",)
# Where those names are that Keras 3 lost and that run on every backend; tests/oracle/kept_names.py runs them.
KEPT_NAMES = {
    "instead_of": "keras",
    "root": "tensorflow.keras",
    "modules": ("preprocessing.image", "preprocessing.text", "preprocessing.sequence"),
    "needs": "TensorFlow 2.16 or later",
}

# (module, old name) -> (place, new name)
RENAMED = {
    ("utils.visualize_util", "plot"): ("utils", "plot_model"),
}
DOUBTS = {
    ("utils.visualize_util", "plot"): "Keras 3 leaves the names of layers out unless `show_layer_names=True` is passed",
}

# Names that are in no place, or in none of today's: what to do. By place or module, then name; "*" is all others.
INSTEAD: Mapping[str, Mapping[str, str]] = {
    "utils": {
        "HDF5Matrix": "read the file with h5py and pass arrays, or a keras.utils.PyDataset",
        "multi_gpu_model": "build the model under a tf.distribute.MirroredStrategy, or with keras.distribution",
        "GeneratorEnqueuer": "pass the generator to `fit`, or make it a keras.utils.PyDataset",
        "OrderedEnqueuer": "pass the sequence to `fit`",
        "SequenceEnqueuer": "pass the sequence to `fit`",
        "convert_all_kernels_in_model": "it was for weights that Theano trained; save them again from Keras 2",
        "print_summary": "call `model.summary()`",
    },
    "utils.np_utils": {
        "probas_to_classes": "`(p > 0.5).astype('int32')` of one output, `p.argmax(axis=-1)` of several",
        "categorical_probas_to_classes": "`p.argmax(axis=1)`",
        "binary_logloss": "use keras.losses.binary_crossentropy",
        "multiclass_logloss": "use keras.losses.categorical_crossentropy",
        "convert_kernel": "it was for weights that Theano trained; save them again from Keras 2",
        "to_categorical": "",
    },
    "utils.test_utils": {"*": "it was for Keras's own tests; keep a copy of what you need"},
    "utils.layer_utils": {
        "print_summary": "call `model.summary()`",
        "count_params": "call `model.count_params()`, or add up the sizes of the weights",
        "layer_from_config": "use keras.layers.deserialize",
        "convert_all_kernels_in_model": "it was for weights that Theano trained; save them again from Keras 2",
    },
    "utils.generic_utils": {"*": "it was for Keras's own use; keep a copy of what you need"},
    "utils.conv_utils": {"*": "it was for Keras's own use; keep a copy of what you need"},
    "models": {
        "model_from_yaml": "use `model.to_json()` and keras.models.model_from_json",
        "model_from_config": "use the class's own `from_config`",
        "Graph": "use keras.models.Model",
    },
    "preprocessing.image": {
        "*": "tf.keras still has it; else keras.utils.image_dataset_from_directory loads images, and layers such as"
        " keras.layers.RandomRotation alter them",
    },
    "preprocessing.text": {
        "*": "tf.keras still has it; else use keras.layers.TextVectorization",
        "text_dataset_from_directory": "",
    },
    "preprocessing.sequence": {
        "*": "tf.keras still has it",
        "TimeseriesGenerator": "tf.keras still has it; else use keras.utils.timeseries_dataset_from_array",
    },
    "wrappers.scikit_learn": {
        "*": "the package scikeras has them: `from scikeras.wrappers import KerasClassifier, KerasRegressor` (their"
        " argument `build_fn` is `model` there)",
    },
    "engine": {"*": "a part of Keras's own works; subclass keras.layers.Layer or keras.Model"},
    "engine.topology": {
        "*": "a part of Keras's own works; subclass keras.layers.Layer or keras.Model",
        "Container": "subclass keras.Model",
        "Merge": "use the merge layers, such as keras.layers.Concatenate",
        "merge": "use the merge layers, such as keras.layers.concatenate",
    },
    "engine.training": {"*": "a part of Keras's own works; override `train_step` of keras.Model"},
    "backend.tensorflow_backend": {
        "set_session": "in TensorFlow 2 use tf.config, e.g. tf.config.experimental.set_memory_growth",
        "get_session": "TensorFlow 2 has no sessions",
        "*": "take from `keras.backend` what it still has",
    },
    "layers.recurrent": {
        "time_distributed_dense": "use keras.layers.TimeDistributed(keras.layers.Dense(...))",
    },
}
# Functions of keras.backend that Keras 3 does not have and that have no equal in keras.ops: what to do.
_TRAINING = "use the argument `training` of `call`"
_ASSIGN = "call `assign`, `assign_add` or `assign_sub` of the variable"
_PAD = "use keras.ops.pad"
_CONV = "use keras.ops.conv"
_TRANSPOSED = "use keras.ops.conv_transpose"
_POOL = "use keras.ops.max_pool or keras.ops.average_pool"
_NUMPY = "use keras.ops.convert_to_numpy"
_RANDOM = "use keras.random"
_SESSION = "Keras 3 has no sessions"
_SCAN = "use keras.ops.scan, or keras.ops.fori_loop"
_CTC = "use keras.ops.ctc_loss"
_BATCHES = "use keras.layers.BatchNormalization, or keras.ops.batch_normalization"
BACKEND: Mapping[str, str] = {
    "batch_dot": "use keras.ops.einsum, or keras.layers.Dot",
    "batch_flatten": "use keras.ops.reshape(x, (keras.ops.shape(x)[0], -1)), or keras.layers.Flatten",
    "batch_get_value": _NUMPY,
    "batch_normalization": _BATCHES,
    "batch_set_value": _ASSIGN,
    "bias_add": "add them: `x + bias`",
    "cast_to_floatx": "use keras.ops.cast(x, keras.config.floatx())",
    "categorical_focal_crossentropy": "use keras.losses.categorical_focal_crossentropy",
    "binary_focal_crossentropy": "use keras.losses.binary_focal_crossentropy",
    "conv1d": _CONV,
    "conv2d": _CONV,
    "conv2d_transpose": _TRANSPOSED,
    "conv3d": _CONV,
    "conv3d_transpose": _TRANSPOSED,
    "count_params": "multiply the numbers of `x.shape`",
    "ctc_batch_cost": _CTC,
    "ctc_decode": "use keras.ops.ctc_decode",
    "ctc_label_dense_to_sparse": _CTC,
    "depthwise_conv2d": "use keras.ops.depthwise_conv",
    "dropout": "use keras.random.dropout",
    "foldl": _SCAN,
    "foldr": _SCAN,
    "function": "call the model itself, or make a keras.Model of the tensors",
    "get_session": _SESSION,
    "get_variable_shape": "use `x.shape`",
    "gradients": "use the backend's own, such as tf.GradientTape",
    "hard_sigmoid": "keras.ops.hard_sigmoid is another function since Keras 3: x / 6 + 0.5",
    "identity": "use keras.ops.identity",
    "in_test_phase": _TRAINING,
    "in_top_k": "use keras.ops.in_top_k, whose first argument is the targets",
    "in_train_phase": _TRAINING,
    "is_placeholder": "use keras.utils.is_keras_tensor",
    "is_sparse": "ask the backend, such as `isinstance(x, tf.SparseTensor)`",
    "learning_phase": _TRAINING,
    "learning_phase_scope": _TRAINING,
    "local_conv1d": "Keras 3 has no locally connected layers",
    "local_conv2d": "Keras 3 has no locally connected layers",
    "logsumexp": "use keras.ops.logsumexp",
    "manual_variable_initialization": _SESSION,
    "map_fn": "use keras.ops.map, or keras.ops.vectorized_map",
    "moving_average_update": _ASSIGN,
    "name_scope": "use keras.name_scope",
    "normalize_batch_in_training": _BATCHES,
    "placeholder": "use keras.Input",
    "pool2d": _POOL,
    "pool3d": _POOL,
    "print_tensor": "use the backend's own, such as tf.print",
    "random_bernoulli": _RANDOM,
    "random_binomial": _RANDOM,
    "random_normal_variable": _RANDOM,
    "random_uniform_variable": _RANDOM,
    "repeat": "use keras.ops.repeat(keras.ops.expand_dims(x, 1), n, axis=1)",
    "reset_uids": "use keras.utils.clear_session",
    "resize_images": "use keras.ops.image.resize, or keras.layers.UpSampling2D",
    "resize_volumes": "use keras.layers.UpSampling3D",
    "rnn": "use keras.layers.RNN",
    "separable_conv1d": "use keras.ops.separable_conv",
    "separable_conv2d": "use keras.ops.separable_conv",
    "set_learning_phase": _TRAINING,
    "set_session": _SESSION,
    "sparse_categorical_crossentropy": "use keras.ops.sparse_categorical_crossentropy",
    "spatial_2d_padding": _PAD,
    "spatial_3d_padding": _PAD,
    "switch": "use keras.ops.where, or keras.ops.cond",
    "temporal_padding": _PAD,
    "to_dense": "ask the backend, such as tf.sparse.to_dense",
    "update": _ASSIGN,
    "update_add": _ASSIGN,
    "update_sub": _ASSIGN,
}
# Functions whose value is spelled in another way today, too: the new function, and old -> new value.
DIM_ORDERING = {"th": "channels_first", "tf": "channels_last"}
SPELLED = {"image_dim_ordering": "image_data_format", "set_image_dim_ordering": "set_image_data_format"}
PLACES_ASKED = (
    "backend",
    "utils", "models", "preprocessing.image", "preprocessing.text", "preprocessing.sequence", "wrappers.scikit_learn",
)  # fmt: skip


class Row(NamedTuple):
    """Names of one old module that are in one place today, as their releases stand."""

    module: str
    place: str
    names: tuple[str, ...]
    today: Mapping[str, str]
    fails: Mapping[str, str]
    holds: Mapping[str, str]
    pair: tuple[str, str, str] | None


# ------------------------------------------------------------------------------------------------------- the record


@cache
def record() -> Mapping[Release, Any]:
    """(package, version) -> what was found, oldest first."""
    found = {}
    for path in RECORD.glob("*-*.json"):
        package, version = path.stem.rsplit("-", 1)
        found[FILES.get(package, package), version] = json.loads(path.read_text())
    return dict(sorted(found.items(), key=lambda item: (item[0][0], Version(item[0][1]))))


def has(release: Release, module: str, name: str | None = None) -> bool | None:
    """Has a release that module, or that name in it? None where the module was there and broken."""
    found = record()[release]
    if module in found["broken"]:
        return None
    if module in found["places"]:
        return name is None or name in found["places"][module]
    where = found["modules"].get(module)
    return where is not None and (name is None or any(name in names for names in where.values()))


def releases(package: str) -> list[Release]:
    """The releases of a package that were measured and of which the table speaks, oldest first."""
    first = Version(FIRST[package])
    found = [release for release in record() if release[0] == package and Version(release[1]) >= first]
    return [release for release in found if release != KERAS_3_IN_TENSORFLOW]


def specifier(package: str, yes: Mapping[Release, bool | None]) -> str:
    """The releases for which the answer is yes, as a specifier; those between two that were measured are left out."""
    known = [(release, answer) for release, answer in yes.items() if answer is not None]
    spans: list[str] = []
    start: str | None = None
    for rank, (release, answer) in enumerate(known):
        if answer and start is None:
            start = FIRST[package] if rank == 0 else release[1]
        if start is not None and not answer:
            spans.append(f">={start},<={known[rank - 1][0][1]}")
            start = None
    if start is not None:
        spans.append(f">={start}")
    return " || ".join(spans)


def told(answers: Mapping[str, Mapping[Release, bool | None]]) -> dict[str, str]:
    """Package -> specifier, without packages that have none."""
    found = {package: specifier(package, yes) for package, yes in answers.items()}
    return {package: text for package, text in found.items() if text}


# ------------------------------------------------------------------------------------------------------------ moved


def modules() -> list[str]:
    """The old modules of which the table tells, as Keras 1 and 2 had them up to 2.4."""
    found = set()
    for release, seen in record().items():
        if release[0] == "keras" and Version(release[1]) < Version("2.5"):
            found |= {m for m in (*seen["modules"], *seen["broken"]) if m.split(".")[0] in MOVED_FROM}
    return sorted(found - set(LEFT_OUT))


def names_in(module: str) -> dict[str, dict[str, list[Release]]]:
    """Name -> place where it is the very same -> the releases of Keras in which it is so."""
    found: dict[str, dict[str, list[Release]]] = {}
    for release, seen in record().items():
        for place, names in seen["modules"].get(module, {}).items() if release[0] == "keras" else ():
            for name in names:
                found.setdefault(name, {}).setdefault(place, []).append(release)
    return found


def place_of(module: str, name: str, places: Iterable[str]) -> tuple[str, str] | None:
    """Where a name is today, and its name there; None where it is in no public module."""
    if (module, name) in RENAMED:
        return RENAMED[module, name]
    if name in AT_HAND:
        return ("", name) if module.startswith("layers.") else None
    known = [place for place in places if place]
    for release in (NEWEST, ("tf-keras", "2.21.0"), ("tensorflow", "2.3.4"), ("tensorflow", "1.15.5")):
        for place in known:
            if place != "backend" and has(release, place, name):
                return place, name
    return ("layers", name) if "layers" in known and name[0].isupper() and name != "K" else None


def stand(module: str, name: str, place: str, today: str) -> tuple[dict[str, str], dict[str, str]]:
    """The releases in which the old spelling fails, and those in which the new one holds."""
    fails: dict[str, dict[Release, bool | None]] = {}
    holds: dict[str, dict[Release, bool | None]] = {}
    for package in FIRST:
        every = releases(package)
        old = {release: has(release, module, name) for release in every}
        new = {release: has(release, place, today) for release in every}
        born = next((rank for rank, release in enumerate(every) if old[release] or new[release]), len(every))
        unborn = born if any(new.values()) else 0
        fails[package] = without(package, module, name)
        holds[package] = {release: bool(new[release]) or rank < unborn for rank, release in enumerate(every)}
    return told(fails), told(holds)


def without(package: str, module: str, name: str | None = None) -> dict[Release, bool | None]:
    """The releases that have a module, or a name of it, no more: later than the first that had it, if one had."""
    every = releases(package)
    there = {release: has(release, module, name) for release in every}
    born = next((rank for rank, release in enumerate(every) if there[release]), -1)
    if born < 0 and module in PLACES_ASKED and package != "keras":
        return dict.fromkeys(every, False)
    return {
        release: None if there[release] is None else not there[release] and rank > born
        for rank, release in enumerate(every)
    }


def moved_rows() -> Iterator[Row]:
    """Rows of the names that are elsewhere today."""
    for module in modules():
        groups: dict[Any, dict[str, str]] = {}
        for name, places in sorted(names_in(module).items()):
            found = place_of(module, name, places)
            if found is None or found[0] not in KEPT[module.split(".")[0]]:
                continue
            fails, holds = stand(module, name, *found)
            key = (found[0], tuple(fails.items()), tuple(holds.items()))
            groups.setdefault(key, {})[name] = found[1]
        for (place, fails, holds), names in groups.items():
            today = {old: new for old, new in names.items() if old != new}
            yield Row(module, place, tuple(names), today, dict(fails), dict(holds), pair_of(module, place, names))


def pair_of(module: str, place: str, names: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Two imports of which both work in the release where proofs are run."""
    same = record()[PROVING]["modules"].get(module, {})
    known = {name for found, names in same.items() if found for name in names}
    both = [old for old, new in names.items() if old in known and has(PROVING, place, new)]
    if not both or any(old != names[old] for old in both):
        return None
    listed = ", ".join(both)
    end = f".{place}" if place else ""
    result = f"[(getattr(o, '__module__', ''), o.__name__) for o in ({listed},)]"
    return f"from {{k}}.{module} import {listed}", f"from {{k}}{end} import {listed}", result


# ------------------------------------------------------------------------------------------------------------- gone


def gone_rows() -> Iterator[tuple[str, tuple[str, ...], str, dict[str, str], bool]]:
    """Rows of the names that are nowhere: module, names, what to do, where they fail, whether tf.keras keeps them."""
    moved = {(row.module, name) for row in moved_rows() for name in row.names}
    for module, advice in {**INSTEAD, "backend": BACKEND}.items():
        groups: dict[Any, list[str]] = {}
        listed = old_names(module) if module in PLACES_ASKED and "*" in advice else ()
        known = dict.fromkeys([*sorted(listed), *(name for name in advice if name != "*")])
        for name in known:
            text = advice.get(name, advice.get("*", ""))
            if (module, name) in moved or not text or (module in PLACES_ASKED and has(NEWEST, module, name)):
                continue
            fails = gone(module, name)
            if fails:
                kept = bool(has(KERAS_3_IN_TENSORFLOW, module, name))
                groups.setdefault((text, tuple(fails.items()), kept), []).append(name)
        for (text, fails, kept), names in groups.items():
            yield module, tuple(names), text, dict(fails), kept
        if "*" in advice and module not in PLACES_ASKED:
            yield module, ("*",), advice["*"], missing(module), False


def missing(module: str) -> dict[str, str]:
    """The releases that do not have a module."""
    return told({package: without(package, module) for package in FIRST})


def old_names(module: str) -> set[str]:
    """The names that one of today's modules ever had in tf.keras, whose modules have nothing but what is public."""
    public = [r for r in record() if r[0] == "tensorflow" and r != KERAS_3_IN_TENSORFLOW]
    return {name for release in public for name in record()[release]["places"].get(module, ())}


# -------------------------------------------------------------------------------------------------- backend functions


# What of a function's specification the table tells as it is.
SHOWN = (
    "written", "parameters", "positional", "keywords", "state", "asks", "no_none", "indexed", "statement",
    "number_doubt",
)  # fmt: skip
KERAS_3 = {"keras": ">=3.0.0", "keras-core": ">=0.1"}


def gone(module: str, name: str) -> dict[str, str]:
    """The releases that do not have a name any more."""
    return told({package: without(package, module, name) for package in FIRST})


def says(function: str, given: str, returned: str) -> str:
    """A program's line with a function that takes or returns a name for the order of axes."""
    return f"K.{function}({given!r})" if function.startswith("set_") else f"K.{function}() == {returned!r}"


def function_rows() -> Iterator[dict[str, Any]]:
    """Rows of the functions of keras.backend that have an equal elsewhere."""
    found = json.loads((RECORD / "backend_functions.json").read_text())["functions"]
    for name, spec in sorted(FUNCTIONS.items()):
        if not found[name]["equal"] or name in BACKEND:
            continue
        place = spec.get("place", "ops")
        fails, holds = stand("backend", name, place, spec["to"]) if "to" in spec else (gone("backend", name), KERAS_3)
        kept = bool(has(KERAS_3_IN_TENSORFLOW, "backend", name))
        yield {
            "name": name,
            **({"to": f"{place}.{spec['to']}".lstrip(".")} if "to" in spec else {}),
            **{key: spec[key] for key in SHOWN if key in spec},
            **({"at": spec.get("at", 1)} if "state" in spec or "asks" in spec else {}),
            "fails": fails,
            "holds": {package: text for package, text in holds.items() if package.startswith("keras")},
            "kept": kept,
            **({"doubt": spec["doubt"]} if "doubt" in spec else {}),
            "proof": "equal-run",
            "why": "no release of Keras has both: proven by tests/oracle/backend_functions.py",
        }
    imported = "from {k} import backend as K"
    for old, new in SPELLED.items():
        fails, holds = stand("backend", old, "backend", new)
        yield {
            "name": old,
            "to": f"backend.{new}",
            "values": DIM_ORDERING,
            "fails": {**{package: f">={first}" for package, first in FIRST.items()}, **fails},
            "holds": holds,
            "proof": "equal-run",
            "pair": {
                "old": f"{imported}\nfound = {says(old, 'th', 'tf')}",
                "new": f"{imported}\nfound = {says(new, *DIM_ORDERING.values())}",
                "result": "(found, K.image_data_format())",
            },
        }


# -------------------------------------------------------------------------------------------------------------- TOML

HEADER = """\
# Names of Keras that are in another module today, or in none.
#
# Written by tests/oracle/make_modules.py from what tests/oracle/module_names.py found in each release; do not edit.
# A module is named by its path below the root (`layers.core` is keras.layers.core); "" is the root itself.
#
# roots      the roots of Keras that are looked at: modules below others are no public ones
#
# functions  modules whose name is that of a function as well: only what is taken from them shows which is meant
#
# [modules]  every old module of which the table tells -> the releases that do not have it any more
#
# [[moved]]  names of one old module that are in one place today
# module     the old module
# place      where they are today
# today      those that have another name there
# fails      the releases in which the old module or its name is missing (`tensorflow`: TensorFlow's own Keras)
# holds      the releases in which the place has them; releases before they were born count
# doubt      what is not quite the same there
# proof      equal-run: in Keras 2.2.4 both imports of the pair give the very same objects
#
# [[function]]  functions of keras.backend that have an equal elsewhere
# to         the new function; or, where none takes its place,
# written    what does, with its `parameters` in braces, and {backend} for the module as it is written
# positional how many arguments may be passed by position, `keywords` which ones by name
# state      what has to be stated where it is left out, `at` as which argument it can be passed by position
# asks       what has to be passed, since no value that could be stated means what leaving it out meant
# no_none    arguments behind the first by which None does not mean today what it meant
# indexed    it holds only where one element of what it gives is taken, `statement` where nothing is
# number_doubt  what is not quite the same where it gives a single number, and the program keeps that
# values     its value, given or returned, is spelled so today
#
# [[gone]]   names that no module of today's Keras has
# names      "*": every other name of an old module
# instead    what to do
# kept       tf.keras of TensorFlow 2.16 and later, which is Keras 3, has them all the same
#
# [kept]     those of them that may be taken from there, beside Keras 3 on any backend
# instead_of the root by which they were imported, `root` the one by which they are now
# modules    their modules
# needs      what has to be installed
"""


def toml(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, str)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    assert isinstance(value, Sequence)
    return "[" + ", ".join(toml(item) for item in value) + "]"


def table(key: str, **values: Any) -> str:
    """One [[table]]."""
    lines = [f"{name} = {toml(value)}" for name, value in values.items() if value not in (None, {}, False)]
    return "\n".join([f"[[{key}]]", *lines])


def module_lines() -> Iterator[str]:
    """The lines of [modules]."""
    for module in sorted({row.module for row in moved_rows()} | {row[0] for row in gone_rows()} - set(PLACES_ASKED)):
        yield f"{json.dumps(module)} = {toml(missing(module))}"


def text() -> str:
    """The whole table."""
    parts = [
        HEADER.rstrip("\n"),
        f"roots = {toml(ROOTS)}\nfunctions = {toml(ALSO_FUNCTIONS)}",
        "\n".join(["[modules]", *module_lines()]),
        "\n".join(["[kept]", *(f"{key} = {toml(value)}" for key, value in KEPT_NAMES.items())]),
    ]
    for row in moved_rows():
        proof: dict[str, Any] = {"proof": "reported-only", "why": "Keras 2.2.4 has not both"}
        if row.pair is not None:
            old, new, result = row.pair
            proof = {"proof": "equal-run", "pair": {"old": old, "new": new, "result": result}}
        doubt = next((DOUBTS[row.module, name] for name in row.names if (row.module, name) in DOUBTS), None)
        stand = {"today": row.today, "fails": row.fails, "holds": row.holds, "doubt": doubt}
        parts.append(table("moved", module=row.module, place=row.place, names=row.names, **stand, **proof))
    parts += [table("function", **row) for row in function_rows()]
    for module, names, instead, fails, kept in gone_rows():
        parts.append(
            table("gone", module=module, names=names, instead=instead, fails=fails, kept=kept, proof="reported-only")
        )
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    TABLE.write_text(text(), encoding="utf-8")
