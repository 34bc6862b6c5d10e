"""Do an old program and its mended form make the same layers? Judged on whatever Keras is installed.

    python tests/oracle/judge_pairs.py PACKAGE < pairs.json > judgements.json

PACKAGE is ``keras`` or ``tf_keras``; ``tests/oracle/README.md`` says which releases. pairs.json is a list of pairs
``{"id", "old", "new", "result", "files"}``: two programs, in which ``{k}`` stands for the root package of Keras; what
to compare, an expression (without one: every layer, model or tensor that the program leaves in a variable); modules
beside it. Each side is told as what it left, or as the error that it raised; ``compare`` says where two differ.

One script for Python 3.6 to 3.13 and Keras 2.2.4 to 3: it uses nothing that one of them lacks.
"""

import codecs
import contextlib
import importlib
import inspect
import json
import marshal
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import types
import warnings

SECONDS = 120  # what one program may take

# How many axes a layer's input has, without the batch. Each axis has 12 elements, so that both data formats fit.
SIZE = 12
AXES = {
    1: "Dense Activation MaxoutDense Highway RepeatVector Embedding ActivityRegularization",
    2: "LSTM GRU SimpleRNN RNN Bidirectional TimeDistributed Masking Permute Conv1D SeparableConv1D LocallyConnected1D"
    " MaxPooling1D AveragePooling1D GlobalMaxPooling1D GlobalAveragePooling1D UpSampling1D ZeroPadding1D Cropping1D"
    " SpatialDropout1D Flatten Conv1DTranspose DepthwiseConv1D",
    3: "Conv2D Conv2DTranspose SeparableConv2D DepthwiseConv2D LocallyConnected2D MaxPooling2D AveragePooling2D"
    " GlobalMaxPooling2D GlobalAveragePooling2D UpSampling2D ZeroPadding2D Cropping2D SpatialDropout2D",
    4: "Conv3D Conv3DTranspose ConvLSTM2D MaxPooling3D AveragePooling3D GlobalMaxPooling3D GlobalAveragePooling3D"
    " UpSampling3D ZeroPadding3D Cropping3D SpatialDropout3D",
}
# Where a layer keeps the input shape that it was given, by release.
INPUT_SHAPES = ("_input_shape_arg", "batch_input_shape", "_batch_input_shape")
MERGING = frozenset(["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"])


class Absent:
    """A name that one side has and the other has not."""

    def __repr__(self):
        return "absent"


class Judge:
    """One installed Keras, and the programs that it runs."""

    def __init__(self, package):
        self.package = package
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.keras = importlib.import_module(package)
        self.version = self.keras.__version__
        stand_in_for_tensorflow(self.keras)

    def run(self, program, result, files):
        """What a program leaves: ``{"left", "built"}``, or ``{"error"}``."""
        if hasattr(self.keras.backend, "set_image_data_format"):  # a program before may have set another
            self.keras.backend.set_image_data_format("channels_last")
        with workplace(files), quiet(), time_limit():
            try:
                names = {"__name__": "program"}
                exec(compile(self.source(program), "<program>", "exec"), names)
                if result:
                    left = {"result": eval(compile(self.source(result), "<result>", "eval"), names)}
                else:
                    left = dict(self.objects(names))
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                return {"error": told(error)}
            return {
                "left": {name: Config(self).of(value) for name, value in left.items()},
                "built": {name: self.built(value) for name, value in left.items() if not result},
            }

    def source(self, program):
        """A program, for the package that is judged."""
        program = program.replace("{k}", self.package)
        if self.package == "keras":
            return program
        program = re.sub(r"(?m)^(\s*(?:from|import)\s+)(?:tensorflow\.)?keras\b", r"\1" + self.package, program)
        return re.sub(rf"(?m)^(\s*)import {self.package}(\.\w+)* *$", rf"\g<0>; keras = {self.package}", program)

    def objects(self, names):
        """(name, value) of what a program leaves to compare; functions and classes are called where they can be."""
        for name, value in sorted(names.items()):
            if name.startswith("__"):
                continue
            if self.is_object(value):
                yield name, value
            elif getattr(value, "__module__", None) == "program" and callable(value) and needs_nothing(value):
                made = value()
                if self.is_object(made):
                    yield name + "()", made

    def is_object(self, value):
        """Is a value something that Keras made, or does it hold such things?"""
        if isinstance(value, (list, tuple)):
            return any(self.is_object(item) for item in value)
        if isinstance(value, dict):
            return any(self.is_object(item) for item in value.values())
        return not isinstance(value, type) and (hasattr(value, "get_config") or hasattr(value, "_keras_history"))

    def built(self, value):
        """Output shapes and weights of a layer or a model, or why it cannot be built; None for anything else."""
        layers = self.keras.layers
        if not isinstance(value, (layers.Layer, self.keras.models.Model)) or isinstance(value, layers.InputLayer):
            return None
        try:
            with zeros_for_weights(self.keras):
                model = value if hasattr(value, "layers") else self.model_of(value)
            if not getattr(model, "built", True):
                return None
            shapes = [[None if size is None else int(size) for size in shape] for shape in shapes_of(model)]
            return {"output": shapes, "weights": len(value.weights)}
        except Exception as error:
            return {"error": told(error)}

    def model_of(self, layer):
        """A model with one layer."""
        layers, models = self.keras.layers, self.keras.models
        if type(layer).__name__ in MERGING:
            inputs = [layers.Input((SIZE, SIZE)), layers.Input((SIZE, SIZE))]
            return models.Model(inputs, layer(inputs))
        if not any(getattr(layer, known, None) for known in INPUT_SHAPES):
            shape = (SIZE,) * axes_of(layer)
            return models.Sequential([layers.InputLayer(input_shape=shape), layer])
        return models.Sequential([layer])


class Config:
    """What a value is, as JSON, without what says nothing: the numbers in automatic names, addresses, lines of code."""

    def __init__(self, judge):
        classes = [name for name in dir(judge.keras.layers) if name[:1].isupper()]
        self.stems = {snake_case(name) for name in classes} | {"functional", "input", "merge", "model", "sequential"}
        self.renamed = {}

    def of(self, value):
        """The value as JSON."""
        if isinstance(value, dict):
            self.rename(value)
            return {str(key): self.of(code_of(item) if key == "function" else item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.of(item) for item in value]
        if isinstance(value, str):
            return self.renamed.get(value, value)
        if isinstance(value, float):
            return float(f"{value:.5g}")
        if value is None or isinstance(value, (bool, int)):
            return value
        if hasattr(value, "_keras_history"):
            history = value._keras_history
            layer = getattr(history, "layer", None) or getattr(history, "operation", None) or history[0]
            return ["tensor", self.of(layer), [None if size is None else int(size) for size in shape_of(value)]]
        if hasattr(value, "tolist"):
            return self.of(value.tolist())
        if hasattr(value, "get_config") and not isinstance(value, type):
            self.stems.add(snake_case(type(value).__name__))  # classes of the program's own
            return [type(value).__name__, self.config_of(value)]
        if callable(value):
            return f"{value.__module__}.{getattr(value, '__qualname__', type(value).__name__)}"
        return re.sub(r" at 0x[0-9a-f]+", "", repr(value))

    def config_of(self, value):
        """The configuration of an object, or why it has none: its attributes may have been set to anything."""
        try:
            config = value.get_config()
        except Exception as error:
            return told(error)
        return self.of(config)

    def rename(self, value):
        """Number the automatic names in a configuration from one, in their order."""
        if isinstance(value, dict):
            name = value.get("name")
            if isinstance(name, str) and re.sub(r"_\d+$", "", name) in self.stems:
                self.renamed.setdefault(name, f"automatic {len(self.renamed) + 1}")
            for item in value.values():
                self.rename(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.rename(item)


def snake_case(name):
    """``BatchNormalization`` as Keras writes it in names."""
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", name)).lower()


def code_of(function):
    """What the code of a serialized lambda does, wherever it stands."""
    if not isinstance(function, (list, tuple)):
        return function
    try:
        code = marshal.loads(codecs.decode(function[0].encode("ascii"), "base64"))
    except Exception:
        return list(function)
    return [codecs.encode(code.co_code, "hex").decode("ascii"), repr(code.co_names), repr(code.co_varnames)]


def shapes_of(model):
    """The output shapes of a model."""
    shape = model.output_shape
    return shape if shape and isinstance(shape[0], (list, tuple)) else [shape]


def shape_of(tensor):
    """The shape of a tensor that Keras made."""
    shape = getattr(tensor, "_keras_shape", None)
    return tuple(tensor.shape) if shape is None else shape


def axes_of(layer):
    """How many axes the input of a layer needs, without the batch."""
    name = type(layer).__name__
    inner = getattr(layer, "layer", None)
    if name == "TimeDistributed" and inner is not None:
        return axes_of(inner) + 1
    if name == "Permute":
        return len(layer.dims)
    return next((axes for axes, names in AXES.items() if name in names.split()), 1)


def needs_nothing(function):
    """Can a function or class be called without arguments?"""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


def told(error):
    """An error in one line."""
    lines = [line for line in str(error).split("\n") if line.strip() and not line.startswith("Exception encountered")]
    text = lines[0].strip() if lines else ""
    text = re.sub(r" at 0x[0-9a-f]+", "", re.sub(r"/\S+/", "", text))
    text = re.sub(r"(?<=Found: ).*", "…", text)  # a tensor by its name, which depends on what ran before
    return f"{type(error).__name__}: {without_numbers(text)[:160]}".rstrip(": ")


def without_numbers(text):
    """A text without the numbers of automatic names, which count what ran before as well."""
    return re.sub(r"(?<=[a-z0-9])_\d+\b", "_…", text)


def compare(old, new, path=""):
    """Where two values differ: [path, old, new] for each place."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            difference
            for key in sorted(set(old) | set(new))
            for difference in compare(old.get(key, Absent()), new.get(key, Absent()), path + "." + key)
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [d for i in range(len(old)) for d in compare(old[i], new[i], f"{path}[{i}]")]
    if type(old) in (int, float) and type(new) in (int, float):
        same = abs(old - new) <= 1e-4 * max(1, abs(old))
    else:
        same = old == new and type(old) is type(new)
    return [] if same else [[path, without_numbers(repr(old))[:80], without_numbers(repr(new))[:80]]]


@contextlib.contextmanager
def workplace(files):
    """A folder of its own with the modules beside a program; they are forgotten afterwards."""
    folder, before, known = tempfile.mkdtemp(), os.getcwd(), set(sys.modules)
    for name, text in (files or {}).items():
        path = os.path.join(folder, name)
        if not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        with open(path, "w") as file:
            file.write(text)
    sys.path.insert(0, folder)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        sys.path.remove(folder)
        for name in set(sys.modules) - known:
            if getattr(sys.modules[name], "__file__", None) and sys.modules[name].__file__.startswith(folder):
                del sys.modules[name]
        shutil.rmtree(folder)


@contextlib.contextmanager
def zeros_for_weights(keras):
    """Spare Theano without a compiler the seconds that a matrix of random numbers takes: only shapes are looked at."""
    if keras.backend.backend() != "theano":
        yield
        return
    import numpy

    def zeros(self, shape, dtype=None):
        return numpy.zeros(shape) if len(shape) > 1 else keras.backend.zeros(shape)  # a bias is put together of parts

    kinds = [each for each in vars(keras.initializers).values() if isinstance(each, type) and "__call__" in vars(each)]
    before = [kind.__call__ for kind in kinds]
    for kind in kinds:
        kind.__call__ = zeros
    try:
        yield
    finally:
        for kind, call in zip(kinds, before):  # noqa: B905  Python 3.6 knows no `strict`
            kind.__call__ = call


@contextlib.contextmanager
def quiet():
    """What a program prints and warns of is none of the judgement."""
    with warnings.catch_warnings(), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def time_limit():
    """TimeoutError in a program that takes too long."""

    def stop(*_):
        raise TimeoutError(f"took more than {SECONDS} seconds")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


def stand_in_for_tensorflow(keras):
    """Let ``tensorflow.keras`` be the Keras that is judged where there is no TensorFlow."""
    if importlib.util.find_spec("tensorflow") is not None:
        return
    stand_in = types.ModuleType("tensorflow")
    stand_in.keras = keras
    stand_in.__path__ = []
    sys.modules["tensorflow"] = stand_in
    for name, module in list(sys.modules.items()):
        if name == "keras" or name.startswith("keras."):
            sys.modules["tensorflow." + name] = module


def main(arguments):
    """Judge the pairs on stdin."""
    judge = Judge(arguments[0])
    pairs = json.load(sys.stdin)
    judgements = []
    for number, pair in enumerate(pairs):
        start = time.time()
        sides = {
            side: judge.run(pair[side], pair.get("result"), pair.get("files"))
            for side in ("old", "new")
            if pair.get(side) is not None
        }
        if all("left" in sides.get(side, ()) for side in ("old", "new")):
            sides["differ"] = compare(sides["old"]["left"], sides["new"]["left"])
        for side in sides.values():
            if isinstance(side, dict) and "left" in side:
                side["left"] = len(side["left"])
        judgements.append(dict(sides, id=pair["id"], ran="get_config" not in (pair.get("result") or "get_config")))
        print(f"{time.time() - start:.1f} s {number + 1}/{len(pairs)} {pair['id']}", file=sys.stderr)
    json.dump({"package": judge.package, "version": judge.version, "judgements": judgements}, sys.stdout, indent=1)


if __name__ == "__main__":
    main(sys.argv[1:])
