# ruff: noqa: UP031, UP010
"""Which regularizer arguments each layer class takes: measured on the installed Keras, and made into a table.

    python layer_arguments.py measure PACKAGE > RESULT.json
    python layer_arguments.py table RESULT.json ... > rules/facts/regularizer_arguments.toml

PACKAGE is `keras`, `tensorflow.keras`, `tf_keras` or `keras_core`. `measure` runs on Python 2.7 to 3.13, Keras 1.2 to
3.15. It makes an object of every class of `keras.layers`, once plainly and once with each argument, as `None` and as a
regularizer: an argument is refused where the plain object can be made and the other two fail for that argument. That a
layer takes an argument says nothing about what it does with it: `measure_claims.py` measures that.
"""

from __future__ import division, print_function

import importlib
import inspect
import json
import os
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

PACKAGES = ("keras", "tensorflow.keras", "tf_keras", "keras_core")
ARGUMENTS = (
    "kernel_regularizer",
    "bias_regularizer",
    "recurrent_regularizer",
    "depthwise_regularizer",
    "pointwise_regularizer",
    "embeddings_regularizer",
    "gamma_regularizer",
    "beta_regularizer",
    "alpha_regularizer",
    "activity_regularizer",
    "regularizer",
    "kernel_reg",
    "weights_regularizer",
)
# Classes that are no use by themselves, or whose arguments are not a layer's.
ABSTRACT = {
    "Layer",
    "InputSpec",
    "Wrapper",
    "Recurrent",
    "ConvRecurrent2D",
    "ConvRNN2D",
    "AbstractRNNCell",
    "InputLayer",
}


# ---------------------------------------------------------------------------------------------------------------------
# Measuring
# ---------------------------------------------------------------------------------------------------------------------


def attempts(layers):
    """Leading arguments with which one layer class or another can be made, the usual ones first."""
    made = [lambda: (), lambda: (2,), lambda: (2, 3), lambda: (2, 3, 3), lambda: (2, (3, 3)), lambda: (0.5,)]
    made += [lambda: (2, 2, 2, 2), lambda: (2, (3, 3, 3)), lambda: ("relu",), lambda: ((2, 2),), lambda: ((3, 3, 3),)]
    made += [lambda: ((2, 1),), lambda: (lambda x: x,), lambda: (layers.Dense(2),), lambda: (layers.LSTM(2),)]
    made += [lambda: (layers.SimpleRNNCell(2),), lambda: ([layers.SimpleRNNCell(2)],), lambda: ("ab,bc->ac", 2)]
    made += [lambda: ("int",), lambda: (layers.ConvLSTM2DCell(2, 3),), lambda: ((0.0, 1.0),), lambda: (2, 2, 3)]
    made += [lambda: ([layers.Dense(2), layers.Dense(2)],), lambda: (2, (3, 3), (2, 2)), lambda: ([0.0, 1.0],)]
    made += [lambda: (2, (3, 3), (None, 2, 4, 4)), lambda: (2, 3, 3, (None, 2, 8, 8)), lambda: (2, 3, 3, 3)]
    return made


def make(cls, arguments, **keywords):
    """An object, or the exception."""
    try:
        return cls(*arguments(), **keywords)
    except Exception as error:
        return error


def refuses(made, argument):
    """Did the class refuse that argument, by name?"""
    text = str(made) if isinstance(made, (TypeError, ValueError)) else ""
    return argument in text and any(
        word in text for word in ("not understood", "nrecognized keyword", "unexpected keyword", "invalid keyword")
    )


def classes(keras):
    """(name, class) of every layer class that the release offers."""
    base = keras.layers.Layer if hasattr(keras.layers, "Layer") else importlib.import_module("keras.engine").Layer
    for name in sorted(dir(keras.layers)):
        cls = getattr(keras.layers, name)
        if inspect.isclass(cls) and issubclass(cls, base) and name not in ABSTRACT:
            yield name, cls


def measure(package):
    """What each layer class of the installed release takes and refuses."""
    warnings.simplefilter("ignore")
    if package == "tensorflow.keras":
        tensorflow = importlib.import_module("tensorflow")
        keras, version = tensorflow.keras, tensorflow.__version__
    else:
        keras = importlib.import_module(package)
        version = keras.__version__
    taken, unmade = {}, []
    for name, cls in classes(keras):
        plain = next((a for a in attempts(keras.layers) if not isinstance(make(cls, a), Exception)), None)
        if plain is None:
            unmade.append(name)
            continue
        taken[name] = []
        for argument in ARGUMENTS:
            results = [make(cls, plain, **{argument: value}) for value in (None, keras.regularizers.l2(0.01))]
            refused = [refuses(result, argument) for result in results]
            failed = [isinstance(result, Exception) for result in results]
            if refused != failed or len(set(refused)) > 1:
                print("%s %s: %s %r" % (name, argument, refused, results), file=sys.stderr)
            if not any(failed):
                taken[name].append(argument)
    name = {"tensorflow.keras": "tensorflow", "tf_keras": "tf-keras", "keras_core": "keras-core"}.get(package, package)
    return {"package": name, "version": str(version), "taken": taken, "unmade": unmade}


# ---------------------------------------------------------------------------------------------------------------------
# The table
# ---------------------------------------------------------------------------------------------------------------------

HEADER = """\
# Which regularizer arguments each layer takes. Written by tests/oracle/layer_arguments.py; do not edit.
#
# Measured by making an object of every class with each argument, as None and as a regularizer, on {measured}
# (recorded in tests/oracle/layer_arguments/). Within a group all releases that have a layer agree; what a layer of the
# group does not take, it refuses at construction, even as None. A layer that is not in a group was not measured there.
#
# arguments  every argument that was tried
# releases   package -> specifier; `tensorflow` is tf.keras of TensorFlow before 2.16, which Keras 2.4 to 2.15 is, too
# layers     layer -> the arguments that it takes
# inner      layers that hold another one, which has the weights
"""
INNER = ("Bidirectional", "RNN", "SpectralNormalization", "StackedRNNCells", "TimeDistributed")
GROUPS = (
    ("keras2", {"keras": ">=2.0,<2.4"}),
    ("tf_keras", {"keras": ">=2.4,<3", "tensorflow": ">=1.4", "tf-keras": ">=2"}),
    ("keras3", {"keras": ">=3", "keras-core": ">=0.1"}),
)
TITLES = {"keras": "Keras", "tensorflow": "TensorFlow", "tf-keras": "tf_keras", "keras-core": "keras-core"}


def group_of(package, version):
    """The name of the group that a release belongs to."""
    if package in ("tensorflow", "tf-keras"):
        return "tf_keras"
    return "keras3" if package == "keras-core" or int(version.split(".")[0]) >= 3 else "keras2"


def grouped(measurements):
    """Group -> layer -> arguments; ValueError where two releases of a group disagree."""
    found = {name: {} for name, _ in GROUPS}
    for each in measurements:
        layers = found[group_of(each["package"], each["version"])]
        for layer, taken in each["taken"].items():
            if layers.setdefault(layer, taken) != taken:
                raise ValueError("%s takes other arguments in %s %s" % (layer, each["package"], each["version"]))
    return found


def measured_on(measurements):
    """The releases, for the header."""

    def key(version):
        return [int(part) for part in version.split(".")[:3]]

    parts = []
    for package in ("keras", "tensorflow", "tf-keras", "keras-core"):
        versions = sorted((each["version"] for each in measurements if each["package"] == package), key=key)
        parts.append("%s %s" % (TITLES[package], ", ".join(versions)))
    return "; ".join(parts)


def table(measurements):
    """The text of rules/facts/regularizer_arguments.toml."""
    yield HEADER.replace("{measured}", "\n# " + measured_on(measurements)).rstrip("\n")
    yield "arguments = " + json.dumps(sorted(ARGUMENTS))
    yield "inner = " + json.dumps(INNER)
    layers = grouped(measurements)
    for name, releases in GROUPS:
        yield "\n[groups.%s]" % name
        yield "releases = { " + ", ".join("%s = %s" % (k, json.dumps(v)) for k, v in releases.items()) + " }"
        yield "\n[groups.%s.layers]" % name
        for layer, taken in sorted(layers[name].items()):
            yield "%s = %s" % (layer, json.dumps(taken))


def main(arguments):
    """Measure, or print the table made from the files named."""
    if len(arguments) == 2 and arguments[0] == "measure" and arguments[1] in PACKAGES:
        print(json.dumps(measure(arguments[1]), sort_keys=True, separators=(",", ":")))
    elif len(arguments) > 1 and arguments[0] == "table":
        read = []
        for path in arguments[1:]:
            with open(path) as file:
                read.append(json.load(file))
        print("\n".join(table(read)))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
