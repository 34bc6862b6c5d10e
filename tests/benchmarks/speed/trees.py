"""The trees that are read, made from pinned packages into a folder of the cache; what is there already is kept."""

from __future__ import annotations

import ast
import base64
import json
import os
import random
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "corpus"))

import fetch  # noqa: E402

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SUFFIXES = (".py", ".pyw", ".ipynb")
WORDS = (b"W_regularizer", b"weight_regularizer")
#: How many Python files the trees have that show how the cost grows; the last is the large tree itself.
SIZES = (100, 300, 1000, 3000, 5000)
#: How often the files of a part of the large tree are there, to see whether memory grows with their number alone.
COPIES = (1, 13)
COPIED = 1000
#: One file of so many is in the sample of the large tree.
SAMPLED = 200
LINES = 1500
NOTEBOOKS = 600
KERAS1_IMPORTS = """\
from keras.layers import Activation, Convolution1D, Dense, Dropout, Embedding, Flatten, Input, LSTM, MaxPooling1D, merge
from keras.models import Model
from keras.optimizers import SGD
from keras.regularizers import l1l2, l2


"""


def read_toml(path: Path) -> dict[str, Any]:
    """Takes a path; returns the content of the TOML file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def files_in(folder: Path) -> list[Path]:
    """Takes a folder; returns the Python files and notebooks below it, in order."""
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())


def candidates_in(folder: Path) -> list[Path]:
    """Takes a folder; returns the files that hold one of the words that the job looks for."""
    return [path for path in files_in(folder) if any(word in path.read_bytes() for word in WORDS)]


def evenly(files: Sequence[Path], count: int) -> list[Path]:
    """Takes files in order; returns so many of them at even distances."""
    return [files[index * len(files) // count] for index in range(count)]


def build(cache: Path, wanted: Iterable[str]) -> dict[str, Path]:
    """Takes a folder for them and the names of trees; returns where each is, made where it was not there."""
    entries = read_toml(HERE / "archives.toml")["archive"]
    archives = {
        fetch.Archive(entry["name"], entry["version"], entry["sha256"]): entry.get("keras", True) for entry in entries
    }
    packages = cache / "packages"
    found = dict(zip(archives, fetch.fetch(archives, packages), strict=True))
    makers = {
        "large": lambda folder: linked(folder, packages, everything(found.values())),
        "sample": lambda folder: part_of(folder, cache / "large", len(files_in(cache / "large")) // SAMPLED),
        "no-keras": lambda folder: linked(
            folder, packages, everything(found[archive] for archive, keras in archives.items() if not keras)
        ),
        "one-file": one_file,
        "notebooks": lambda folder: notebooks(folder, cache / "large"),
        "growth": lambda folder: parts_of(folder, cache / "large"),
        "copies": lambda folder: copies_of(folder, cache / "large"),
        "start-up": start_up,
    }
    needed = {"large", *wanted} if {"sample", "notebooks", "growth", "copies"} & set(wanted) else set(wanted)
    for name, make in makers.items():
        if name in needed and not (cache / name / ".made").exists():
            (cache / name).mkdir(parents=True, exist_ok=True)
            make(cache / name)
            (cache / name / ".made").touch()
    return {name: cache / name for name in makers if name in needed}


def everything(folders: Iterable[Path]) -> Iterator[Path]:
    """Takes folders; yields all files below them."""
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file())


def linked(folder: Path, base: Path, files: Iterable[Path]) -> None:
    """Puts links to files into a folder, each where it stands below its base."""
    for file in files:
        place = folder / file.relative_to(base)
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            os.link(file, place)


def part_of(folder: Path, tree: Path, count: int) -> None:
    """Puts so many of a tree's Python files into a folder, evenly chosen, with what is at the top of each package."""
    chosen = evenly([path for path in files_in(tree) if path.suffix == ".py"], count)
    manifests = [
        path for package in tree.iterdir() if package.is_dir() for path in package.iterdir() if path.suffix != ".py"
    ]
    linked(folder, tree, [*chosen, *(path for path in manifests if path.is_file())])


def parts_of(folder: Path, tree: Path) -> None:
    """Puts parts of a tree into a folder, one for each of the sizes."""
    for size in SIZES:
        part_of(folder / str(size), tree, size)


def copies_of(folder: Path, tree: Path) -> None:
    """Puts the same part of a tree into a folder as often as each of the numbers says."""
    for count in COPIES:
        for number in range(count):
            part_of(folder / str(count) / f"copy{number}", tree, COPIED)


def one_file(folder: Path) -> None:
    """Writes one file of Keras 1 code."""
    text, pattern = KERAS1_IMPORTS, (HERE / "keras1.txt").read_text(encoding="utf-8")
    names = iter(range(1000))
    while text.count("\n") < LINES:
        text += re.sub(r"\bNAME\b|(?<=_)NAME\b", f"model_{next(names)}", pattern)
    (folder / "keras1.py").write_text(text.rstrip("\n") + "\n", encoding="utf-8")


def start_up(folder: Path) -> None:
    """Writes one file that no rule has to look at."""
    (folder / "nothing.py").write_text('print("hello")\n', encoding="utf-8")


def notebooks(folder: Path, tree: Path) -> None:
    """Writes files of a tree as notebooks, those of the job among them, one in four with a picture; and its own."""
    files = [path for path in files_in(tree) if path.suffix == ".py"]
    chosen = dict.fromkeys([*candidates_in(tree), *evenly(files, NOTEBOOKS)])
    pictures = random.Random(0)
    for number, path in enumerate(chosen):
        if path.suffix != ".py":
            continue
        cells = list(cells_of(path))
        if cells:
            picture = base64.b64encode(pictures.randbytes(60_000)).decode() if number % 4 == 0 else None
            place = folder / path.relative_to(tree).with_suffix(".ipynb")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(notebook(cells, picture), indent=1) + "\n", encoding="utf-8")
    linked(folder, tree, (path for path in files_in(tree) if path.suffix == ".ipynb"))


def cells_of(path: Path) -> Iterator[str]:
    """Takes a Python file; yields its text, cut before top-level functions and classes; nothing of Python 2."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    lines = text.splitlines(keepends=True)
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    starts = [
        min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
        for node in tree.body
        if isinstance(node, definitions)
    ]
    for start, end in pairwise(sorted({0, *starts, len(lines)})):
        yield "".join(lines[start:end]).rstrip("\n")


def notebook(cells: Iterable[str], picture: str | None) -> dict[str, Any]:
    """Takes the code of cells, and a picture that the first of them shows; returns a notebook."""
    shown = {"output_type": "display_data", "metadata": {}, "data": {"image/png": picture}}
    code = [
        {
            "cell_type": "code",
            "execution_count": number,
            "metadata": {},
            "outputs": [shown] if picture and number == 1 else [],
            "source": text.splitlines(keepends=True),
        }
        for number, text in enumerate(cells, 1)
    ]
    return {"cells": code, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 4}


def described(folder: Path) -> dict[str, int]:
    """Takes a tree; returns how many files, lines and bytes of Python it has, and in how many files the words stand."""
    counts = dict.fromkeys(("python", "notebooks", "lines", "bytes", "candidates"), 0)
    for path in files_in(folder):
        content = path.read_bytes()
        counts["notebooks" if path.suffix == ".ipynb" else "python"] += 1
        counts["lines"] += content.count(b"\n")
        counts["bytes"] += len(content)
        counts["candidates"] += any(word in content for word in WORDS)
    return counts
