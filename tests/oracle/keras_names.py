# ruff: noqa: UP031, UP010, SIM905, RUF005
"""Which names of layers, initializers, constraints, losses and metrics a Keras knows: measured on an installed one.

    python keras_names.py PACKAGE > names/PACKAGE-VERSION.json

PACKAGE is `keras`, `tensorflow.keras`, `tf_keras` or `keras_core`. Runs on Python 2.7 to 3.13, Keras 1.2 to 3.15. The
result:

    layers   old and new class names of layers -> the class that the name means
    modules  the modules, of those that Keras 1 or today's Keras has, that are there
    names    module -> the names that are in it
    calls    the call of a constraint -> what it gives, or the error
    strings  argument -> string -> what the layer, the model or `optimizers.get` makes of it, or the error
"""

from __future__ import division, print_function

import importlib
import json
import os
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

LAYERS = """
    AtrousConv1D AtrousConv2D AtrousConvolution1D AtrousConvolution2D Convolution1D Convolution2D Convolution3D
    Convolution2DTranspose Deconv2D Deconv3D Deconvolution2D Deconvolution3D SeparableConvolution1D
    SeparableConvolution2D Conv1D Conv2D Conv3D Conv2DTranspose Conv3DTranspose SeparableConv1D SeparableConv2D
""".split()
LOSSES = """
    mse MSE mae MAE mape MAPE msle MSLE kld KLD kullback_leibler_divergence kl_divergence cosine cosine_proximity
    cosine_similarity mean_squared_error mean_absolute_error mean_absolute_percentage_error
    mean_squared_logarithmic_error squared_hinge hinge categorical_crossentropy sparse_categorical_crossentropy
    binary_crossentropy poisson logcosh log_cosh LogCosh
""".split()
METRICS = """
    binary_accuracy categorical_accuracy sparse_categorical_accuracy top_k_categorical_accuracy matthews_correlation
    precision recall fbeta_score fmeasure fscore f1score Precision Recall
""".split()
INITIALIZERS = """
    uniform normal zero one zeros ones random_uniform random_normal lecun_uniform glorot_normal glorot_uniform he_normal
    he_uniform orthogonal identity RandomUniform RandomNormal Zeros Ones Identity Orthogonal get_fans
""".split()
OPTIMIZERS = "adadelta Adadelta adagrad Adagrad adam Adam adamax Adamax nadam Nadam rmsprop RMSprop sgd SGD".split()
CONSTRAINTS = "maxnorm max_norm MaxNorm nonneg non_neg NonNeg unitnorm unit_norm UnitNorm MinMaxNorm".split()
NAMES = {
    "initializers": INITIALIZERS + ["get"],
    "initializations": INITIALIZERS + ["get"],
    "constraints": CONSTRAINTS + ["get"],
    "losses": LOSSES + ["get"],
    "objectives": LOSSES + ["get"],
    "metrics": LOSSES + METRICS + ["get"],
    "optimizers": OPTIMIZERS + ["get", "schedules"],
    "activations": "softmax elu softplus softsign relu tanh sigmoid hard_sigmoid linear get".split(),
    "callbacks": """
        Callback BaseLogger ProgbarLogger History ModelCheckpoint EarlyStopping RemoteMonitor LearningRateScheduler
        TensorBoard ReduceLROnPlateau CSVLogger LambdaCallback
    """.split(),
}
CALLS = [
    ("maxnorm", {"m": 2}),
    ("max_norm", {"max_value": 2}),
    ("MaxNorm", {"m": 2}),
    ("MaxNorm", {"max_value": 2}),
    ("MinMaxNorm", {"low": 0.1, "high": 1.0}),
    ("MinMaxNorm", {"min_value": 0.1, "max_value": 1.0}),
    ("nonneg", {}),
    ("non_neg", {}),
    ("unitnorm", {"axis": 1}),
    ("unit_norm", {"axis": 1}),
]
# The others of LOSSES are known by the string to every release that was measured.
STRINGS = """
    mse MSE kld KLD kullback_leibler_divergence kl_divergence cosine cosine_proximity cosine_similarity logcosh log_cosh
""".split()


def attempt(make, *values, **options):
    """What a call gives, or the class of the exception and what it says."""
    try:
        return make(*values, **options)
    except Exception as error:
        lines = [line.strip() for line in str(error).strip().splitlines() if "rror" in line or "nknown" in line]
        text = (lines or [str(error).strip()])[-1]
        return "%s: %s" % (type(error).__name__, text.rpartition("ValueError: ")[2][:120])


def config_of(value):
    """The class of an object and its configuration."""
    try:
        config = value.get_config()
    except Exception:
        return getattr(value, "__name__", type(value).__name__)
    config.pop("name", None)
    return {type(value).__name__: config}


def made_constraint(constraints, name, given):
    """The configuration of a constraint."""
    return config_of(getattr(constraints, name)(**given))


def evaluated(keras, numpy, **options):
    """What a model that gives back its input makes of an option of `compile`: its losses, and its metrics."""
    if hasattr(keras.backend, "clear_session"):
        keras.backend.clear_session()
    model = keras.models.Sequential()
    model.add(keras.layers.Dense(3, input_shape=(3,)))
    model.compile(optimizer="sgd", **options)
    model.set_weights([numpy.eye(3, dtype="float32"), numpy.zeros(3, "float32")])
    x = numpy.asarray([[0.1, 0.8, 0.6], [0.7, 0.2, 0.4]], "float32")
    y = numpy.asarray([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], "float32")
    return [round(float(value), 4) for value in numpy.ravel(model.evaluate(x, y, verbose=0))]


def measured(package):
    """The result for one package."""
    import numpy

    warnings.simplefilter("ignore")
    if package == "tensorflow.keras":
        keras = importlib.import_module("tensorflow").keras
    else:
        keras = importlib.import_module(package)

    def module(name):
        if package == "tensorflow.keras":
            return getattr(keras, name, None)
        try:
            return importlib.import_module(package + "." + name)
        except Exception:
            return None

    layers, constraints = keras.layers, module("constraints")
    found = {name: module(name) for name in NAMES}
    strings = {"initializer": {}, "constraint": {}, "loss": {}, "metric": {}, "optimizer": {}}
    for name in filter(str.islower, OPTIMIZERS):
        made = attempt(found["optimizers"].get, name)
        strings["optimizer"][name] = made if isinstance(made, str) else type(made).__name__
    first = layers.Dense(3)
    today = hasattr(first, "kernel_constraint")
    for name in INITIALIZERS:
        key = "kernel_initializer" if today else "init"
        made = attempt(layers.Dense, 3, **{key: name})
        strings["initializer"][name] = made if isinstance(made, str) else config_of(getattr(made, key))
    for name in CONSTRAINTS:
        key = "kernel_constraint" if today else "W_constraint"
        made = attempt(layers.Dense, 3, **{key: name})
        strings["constraint"][name] = made if isinstance(made, str) else config_of(getattr(made, key))
    for name in STRINGS:
        strings["loss"][name] = attempt(evaluated, keras, numpy, loss=name)
    for name in STRINGS + METRICS[4:]:
        strings["metric"][name] = attempt(evaluated, keras, numpy, loss="mse", metrics=[name])
    return {
        "layers": {name: getattr(layers, name).__name__ for name in LAYERS if hasattr(layers, name)},
        "modules": sorted(name for name in found if found[name] is not None),
        "names": {at: sorted(name for name in NAMES[at] if hasattr(found[at], name)) for at in found if found[at]},
        "calls": {
            "%s(%s)" % (name, ", ".join("%s=%r" % pair for pair in sorted(given.items()))): attempt(
                made_constraint, constraints, name, given
            )
            for name, given in CALLS
        },
        "strings": strings,
    }


if __name__ == "__main__":
    stdout, sys.stdout = sys.stdout, sys.stderr  # where Keras 3 draws its progress bars
    result = measured(sys.argv[1])
    stdout.write(json.dumps(result, indent=1, sort_keys=True, default=str) + "\n")
