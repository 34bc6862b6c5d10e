"""What probing a model costs, as a multiple of ``model.predict`` on the same data in the same process.

    KERAS_BACKEND=tensorflow python tests/benchmarks/probe.py [mlp lstm cnn fetch]

After a warm-up (tracing and compiling are told apart) take turns, and the median of the ratios counts. ``peak`` is
the highest memory of the process while each of the two ran, above what it was before. ``fetch`` is a model of all
layers' outputs, whose activations go to the host and are reduced there: the usual way without a probe.
"""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy
import psutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from keras import layers

from reglint.probe.statistics.measuring import Probe

BATCH = 32
ROUNDS = 5


def mlp() -> tuple[keras.Model, numpy.ndarray]:
    """Four layers of 256 units on 2,048 samples of 128 features."""
    hidden = [layers.Dense(256, activation="sigmoid") for _ in range(4)]
    model = keras.Sequential([keras.Input((128,)), *hidden, layers.Dense(10, activation="softmax")])
    return model, numpy.random.default_rng(0).normal(size=(2048, 128)).astype("float32")


def lstm() -> tuple[keras.Model, numpy.ndarray]:
    """Two layers LSTM(128) on 512 sequences of 100 steps of 32 features."""
    cells = [layers.LSTM(128, return_sequences=True), layers.LSTM(128), layers.Dense(10, activation="softmax")]
    samples = 64 if keras.backend.backend() == "torch" else 512
    model = keras.Sequential([keras.Input((100, 32)), *cells])
    return model, numpy.random.default_rng(0).normal(size=(samples, 100, 32)).astype("float32")


def cnn() -> tuple[keras.Model, numpy.ndarray]:
    """MobileNetV2 on 128 images of 128 x 128."""
    model = keras.applications.MobileNetV2((128, 128, 3), weights=None, classes=10)
    return model, numpy.random.default_rng(0).random(size=(128, 128, 128, 3)).astype("float32")


@contextmanager
def peak_memory(into: list[float]) -> Iterator[None]:
    """Append the highest resident memory above the start, in MB, of what runs inside."""
    process = psutil.Process()
    before, highest, done = process.memory_info().rss, 0, threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.wait(0.005):
            highest = max(highest, process.memory_info().rss - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        into.append(max(highest, process.memory_info().rss - before) / 2**20)


def timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def fetching(model: keras.Model, data: numpy.ndarray) -> Callable[[], object]:
    """Return a run that fetches the outputs of all layers, batch by batch, and reduces them in numpy."""
    every = keras.Model(model.inputs, [layer.output for layer in model.layers])

    def run() -> None:
        for start in range(0, len(data), BATCH):
            for output in every.predict_on_batch(data[start : start + BATCH]):
                output.mean(), output.std(), output.min(), output.max(), (output > 0).mean()

    return run


def compare(name: str) -> None:
    model, data = {"mlp": mlp, "lstm": lstm, "cnn": cnn, "fetch": cnn}[name]()
    predict = lambda: model.predict(data, batch_size=BATCH, verbose=0)  # noqa: E731
    probe = Probe(model)
    batches = lambda: [(data[start : start + BATCH], None) for start in range(0, len(data), BATCH)]  # noqa: E731
    run = fetching(model, data) if name == "fetch" else lambda: probe.run(batches())
    first = timed(run), timed(predict)
    memory: tuple[list[float], list[float]] = ([], [])
    ratios, ours, theirs = [], [], []
    for _ in range(ROUNDS):
        with peak_memory(memory[0]):
            theirs.append(timed(predict))
        with peak_memory(memory[1]):
            ours.append(timed(run))
        ratios.append(ours[-1] / theirs[-1])
    print(
        f"{keras.backend.backend():10} {name:5} predict {statistics.median(theirs):6.2f} s  "
        f"{'fetch' if name == 'fetch' else 'probe'} {statistics.median(ours):6.2f} s  "
        f"ratio {statistics.median(ratios):5.2f}  (first run {first[0]:.1f} s, predict's {first[1]:.1f} s)  "
        f"peak above start {max(memory[0]):.0f} MB and {max(memory[1]):.0f} MB, whole "
        f"{psutil.Process().memory_info().rss / 2**20:.0f} MB"
    )


if __name__ == "__main__":
    for chosen in sys.argv[1:] or ("mlp", "lstm", "cnn", "fetch"):
        compare(chosen)
