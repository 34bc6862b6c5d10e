"""Stand-ins for what surrounds a model: data sets, downloads, and other libraries. Runs inside the Keras under test.

None of them changes how Keras is imported, named or called: a Keras function that is replaced still takes what the real
one takes and refuses what the real one refuses, in its own words. What is replaced:

- `keras.datasets.*.load_data`: a few dozen random samples, as often as fill the real shapes, types and ranges;
- `keras.utils.get_file`: a small local file; nothing reaches a network;
- matplotlib, cairocffi, editdistance, and the names that SciPy, scikit-learn and NumPy have dropped since.
"""

import importlib
import inspect
import io
import itertools
import json
import os
import pickle
import sys
import tarfile
import types
import urllib.request
from unittest import mock

import numpy as np

DIFFERENT = 64
_weights_files = set()


def like(function):
    """A decorator: the stand-in takes what FUNCTION takes, and refuses what FUNCTION refuses, in its own words."""
    signature = inspect.signature(function)

    def decorate(stand_in):
        def standing(*args, **kwargs):
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError:
                function(*args, **kwargs)  # Python's own message names the function
                raise
            bound.apply_defaults()
            return stand_in(**bound.arguments)

        standing.__name__ = function.__name__
        standing.__doc__ = function.__doc__
        standing.__signature__ = signature
        return standing

    return decorate


def _images(shape, classes, label_shape, sizes):
    """Training and test images with their labels; a few different ones, over and over."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (DIFFERENT, *shape)).astype("uint8")

    def part(size):
        return np.resize(images, (size, *shape)), (np.arange(size) % classes).astype("uint8").reshape(
            (size, *label_shape)
        )

    return part(sizes[0]), part(sizes[1])


def _sequences(classes, sizes, num_words, start_char, index_from):
    """Training and test texts as lists of word numbers, with their labels; a few different ones, over and over."""
    rng = np.random.default_rng(0)
    top = max(min(num_words or 5000, 5000), 5)
    first = 1 + (index_from or 0)
    starts = [] if start_char is None else [start_char]
    texts = [starts + rng.integers(first, top, length).tolist() for length in rng.integers(20, 200, DIFFERENT)]

    def part(size):
        x = np.empty(size, dtype=object)
        x[:] = [list(texts[row % DIFFERENT]) for row in range(size)]
        return x, np.arange(size) % classes

    return part(sizes[0]), part(sizes[1])


def _replace_data(keras):
    sequences = {"imdb": (2, (25000, 25000)), "reuters": (46, (8982, 2246))}
    images = {
        "mnist": ((28, 28), 10, (), (60000, 10000)),
        "fashion_mnist": ((28, 28), 10, (), (60000, 10000)),
        "cifar10": ((32, 32, 3), 10, (1,), (50000, 10000)),
        "cifar100": ((32, 32, 3), 100, (1,), (50000, 10000)),
    }
    for name in [*sequences, *images, "boston_housing"]:
        module = getattr(keras.datasets, name)
        real = module.load_data

        def load(name=name, **arguments):
            if name in sequences:
                words = {key: arguments.get(key) for key in ("num_words", "start_char", "index_from")}
                return _sequences(*sequences[name], **words)
            if name in images:
                return _images(*images[name])
            rng = np.random.default_rng(0)
            return tuple((rng.normal(size=(size, 13)), rng.normal(size=size)) for size in (404, 102))

        stand_in = like(real)(load)
        for home in (module, sys.modules.get(f"keras.src.datasets.{name}")):
            if home is not None:
                home.load_data = stand_in
        if hasattr(module, "get_word_index"):
            module.get_word_index = like(module.get_word_index)(
                lambda **_arguments: {f"word{number}": number for number in range(1, 200)}
            )


_STORY = (
    "1 Mary moved to the bathroom.\n2 John went to the hallway.\n3 Where is Mary? \tbathroom\t1\n"
    "4 Daniel went back to the hallway.\n5 Sandra moved to the garden.\n6 Where is Daniel? \thallway\t4\n"
)


def _archive(path):
    """A tar file with the stories that the bAbI programs look for."""
    with tarfile.open(path, "w:gz") as archive:
        for folder, task, part in itertools.product(
            ("en", "en-10k"),
            ("qa1_single-supporting-fact", "qa2_two-supporting-facts"),
            ("train", "test"),
        ):
            content = (_STORY * 40).encode()
            entry = tarfile.TarInfo(f"tasks_1-20_v1-2/{folder}/{task}_{part}.txt")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def _file(name):
    """The path of a small local file that stands for the download NAME."""
    folder = os.path.abspath("downloads")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, os.path.basename(name))
    if path.endswith((".h5", ".hdf5", ".keras")):
        _weights_files.add(path)
    if "babi" in name:
        _archive(path)
    elif "wordlist" in name:
        for part, line in (("mono", "word"), ("bi", "two words")):
            with open(os.path.join(folder, f"wordlist_{part}_clean.txt"), "w") as words:
                words.writelines(f"{line} {'abcdefghij'[number % 10]}\n" for number in range(20000))
    elif path.endswith("class_index.json"):
        with open(path, "w") as index:
            json.dump({str(number): [f"n{number:08d}", f"class{number}"] for number in range(1000)}, index)
    else:
        with open(path, "w") as text:
            text.write("the quick brown fox jumps over the lazy dog. " * 80)
    return path


def _replace_downloads(keras):
    file_utils = importlib.import_module("keras.src.utils.file_utils")
    stand_in = like(file_utils.get_file)(lambda fname=None, origin=None, **_arguments: _file(fname or origin))
    for module in list(sys.modules.values()):
        if (getattr(module, "__name__", None) or "").split(".")[0] == "keras" and hasattr(module, "get_file"):
            module.get_file = stand_in
    real_load = keras.Model.load_weights

    def load_weights(self, filepath, *args, **kwargs):
        return None if str(filepath) in _weights_files else real_load(self, filepath, *args, **kwargs)

    keras.Model.load_weights = load_weights

    def refuse(*_args, **_kwargs):
        raise OSError("no program reaches a network here")

    urllib.request.urlopen = urllib.request.urlretrieve = refuse


class _Surface:
    """A cairo surface that nothing is drawn on."""

    def __init__(self, _format, width, height):
        self._size = width * height * 4

    def get_data(self):
        return bytearray(self._size)


def _module(name, **attributes):
    module = sys.modules.get(name) or types.ModuleType(name)
    for attribute, value in attributes.items():
        if not hasattr(module, attribute):
            setattr(module, attribute, value)
    sys.modules[name] = module
    parent, _, last = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], last, module)


def replace_other_libraries():
    for name in ("matplotlib", "matplotlib.pyplot", "matplotlib.cm", "pylab"):
        sys.modules[name] = mock.MagicMock(name=name)
    context = mock.MagicMock(name="cairocffi.Context")
    context.return_value.text_extents.return_value = (0.0, 0.0, 10.0, 10.0, 0.0, 0.0)
    _module("cairocffi", ImageSurface=_Surface, Context=context, FORMAT_RGB24=1)
    _module("cairocffi", FONT_SLANT_NORMAL=0, FONT_WEIGHT_BOLD=1, FONT_WEIGHT_NORMAL=0)
    _module("editdistance", eval=lambda a, b: abs(len(a) - len(b)))

    from PIL import Image

    def imread(path, mode=None, **_options):
        return np.asarray(Image.open(path).convert("RGB" if mode is None else mode))

    def imresize(array, size, **_options):
        return np.zeros((*size[:2], *np.shape(array)[2:]), "uint8")

    import scipy

    _module("scipy.misc", imread=imread, imsave=lambda path, array, **_options: None, imresize=imresize)
    scipy.misc = sys.modules["scipy.misc"]
    try:
        import sklearn.model_selection
    except ImportError:
        pass
    else:
        _module("sklearn.grid_search", GridSearchCV=sklearn.model_selection.GridSearchCV)
        _module("sklearn.cross_validation", train_test_split=sklearn.model_selection.train_test_split)
    for name, today in {"float": float, "int": int, "object": object, "bool": bool, "str": str}.items():
        if name not in vars(np):
            setattr(np, name, today)


def replace_keras_data(keras):
    """Replace what loads data and files in the module KERAS."""
    _replace_data(keras)
    _replace_downloads(keras)


def write_files():
    """Write, into the current folder, the files that the programs expect there or name on their command lines."""
    from PIL import Image

    for name in ("content", "style", "mask"):
        Image.fromarray(_images((64, 64, 3), 2, (), (1, 1))[0][0][0]).save(f"{name}.png")
    names = os.path.expanduser("~/.keras/datasets/cifar-10-batches-py")
    os.makedirs(names, exist_ok=True)
    with open(os.path.join(names, "batches.meta"), "wb") as meta:
        pickle.dump({"label_names": [f"class{number}" for number in range(10)]}, meta)
    os.makedirs("glove.6B", exist_ok=True)
    with open("glove.6B/glove.6B.100d.txt", "w") as vectors:
        vectors.writelines(f"{word} {' '.join(['0.5'] * 100)}\n" for word in ("the", "quick", "brown"))
    for group in range(20):
        folder = f"20_newsgroup/group{group}"
        os.makedirs(folder, exist_ok=True)
        for number in range(4):
            with open(f"{folder}/{number}", "w") as article:
                article.write("From: someone\n\n" + "the quick brown fox " * 50)
