# ruff: noqa: UP031, UP010
"""What the names that Keras 3 lost, and TensorFlow's Keras kept, give: the same as in Keras 2, on every backend?

    python kept_names.py ROOT > kept_names/RELEASE.json

ROOT is where they are taken from: `keras` of Keras 2, or `tensorflow.keras` beside Keras 3. Runs on Python 3.6 to 3.13.
Every name of `preprocessing` is imported; what needs no file is called with a small input, and what came out, or the
error, is in the result.
"""

from __future__ import division, print_function

import importlib
import json
import os
import random
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

SETUP = """
from {root}.preprocessing.{module} import {name}
texts = ['The cat sat.', 'The dog sat, too; the cat ran!']
tokens = [3, 1, 4, 1, 5]
picture = np.arange(48.0).reshape(4, 4, 3) / 48
pictures, labels = np.stack([picture, 1 - picture, picture ** 2]), np.array([0, 1, 0])
"""
CALLS = {
    "text Tokenizer": "t = Tokenizer(num_words=5); t.fit_on_texts(texts); "
    "found = [t.texts_to_sequences(texts), t.texts_to_matrix(texts, mode='tfidf').tolist(), t.word_index]",
    "text one_hot": "found = len(one_hot(texts[1], 50))",
    "text hashing_trick": "found = hashing_trick(texts[1], 50, hash_function='md5')",
    "text text_to_word_sequence": "found = text_to_word_sequence(texts[1])",
    "sequence make_sampling_table": "found = make_sampling_table(6).tolist()",
    "sequence skipgrams": "found = skipgrams(tokens, 6, seed=1)",
    "sequence TimeseriesGenerator": "g = TimeseriesGenerator(np.arange(9), np.arange(9), length=3, batch_size=2); "
    "found = [len(g)] + [[part.tolist() for part in g[i]] for i in range(len(g))]",
    "image ImageDataGenerator": "g = ImageDataGenerator(rescale=2.0, featurewise_center=True); g.fit(pictures); "
    "found = [part.tolist() for part in next(g.flow(pictures, labels, batch_size=2, shuffle=False))]",
    "image random_shift": "found = random_shift(picture, 0.4, 0.4, 0, 1, 2).tolist()",
    "image random_rotation": "found = random_rotation(picture, 30, 0, 1, 2).tolist()",
    "image random_shear": "found = random_shear(picture, 20, 0, 1, 2).tolist()",
    "image random_zoom": "found = random_zoom(picture, (0.8, 1.2), 0, 1, 2).tolist()",
    "image random_channel_shift": "found = random_channel_shift(picture, 0.2, 2).tolist()",
    "image random_brightness": "found = random_brightness(picture, (0.5, 1.5)).tolist()",
    "image apply_channel_shift": "found = apply_channel_shift(picture, 0.2, 2).tolist()",
    "image apply_brightness_shift": "found = apply_brightness_shift(picture, 0.5).tolist()",
    "image apply_affine_transform": "found = apply_affine_transform(picture, theta=30, channel_axis=2, "
    "row_axis=0, col_axis=1).tolist()",
    "image DirectoryIterator": "found = DirectoryIterator.__name__",
    "image Iterator": "found = Iterator.__name__",
    "image NumpyArrayIterator": "found = NumpyArrayIterator.__name__",
    "text tokenizer_from_json": "found = tokenizer_from_json.__name__",
}


def rounded(value):
    """A value without the last digits."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    return float("%.4g" % value) if isinstance(value, float) else value


def measured(root):
    """Name -> what its call gave."""
    import numpy

    if root == "tensorflow.keras":
        importlib.import_module("keras")  # the one that the program itself is written for
    found = {}
    for key, call in sorted(CALLS.items()):
        module, name = key.split()
        space = {"np": numpy}
        random.seed(1)
        numpy.random.seed(1)
        try:
            exec(SETUP.format(root=root, module=module, name=name) + call, space)
            found[key] = json.loads(json.dumps(rounded(space["found"])))
        except Exception as error:
            found[key] = {"error": ("%s: %s" % (type(error).__name__, error)).split("\n")[0][:200]}
    return found


if __name__ == "__main__":
    stdout, sys.stdout = sys.stdout, sys.stderr
    stdout.write(json.dumps(measured(sys.argv[1]), indent=1, sort_keys=True) + "\n")
