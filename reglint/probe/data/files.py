"""Reads the samples out of data files: ``.npz``, ``.npy``, ``.csv`` and folders of images.

Only the chosen samples come into memory, however large the file; nothing is unpickled. Each reader returns arrays by
name: ``x`` and ``y``, or the names that the file gives.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np

from reglint.discovery import shown
from reglint.probe.models.model_inputs import Signature
from reglint.probe.models.usercode import one_line
from reglint.probe.values import ProbeError

Choice = Callable[[int], Any]
"""Takes how many samples there are; returns the indices of those to take in ascending order, or None for all."""

_CHUNK = 2**22
_LABELS = ("y", "label", "labels")
_MISSING = ("", "na", "n/a", "none", "null", "?", "-")
_UNREADABLE = (
    *(OSError, ValueError, EOFError, KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error),
    *(SyntaxError, TokenError),  # of an array's header, which numpy reads as Python's literals
)
IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def read_npy(path: Path) -> dict[str, Any]:
    """Takes an ``.npy`` file; returns its array as ``x``, left on the disk."""
    with _reading(path):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):  # an .npz under another name
        raise ProbeError(f"{shown(str(path))}: a zip of arrays; name it .npz")
    return {"x": array}


def read_npz(path: Path, choose: Choice) -> dict[str, Any]:
    """Takes an ``.npz`` file; returns the chosen samples of each array in it, read without holding the rest."""
    with _reading(path), zipfile.ZipFile(path) as archive:
        arrays = {}
        for member in archive.infolist():
            if member.filename.endswith(".npy"):
                with archive.open(member) as stream:
                    arrays[member.filename.removesuffix(".npy")] = _rows(stream, member.file_size, choose)
        return arrays


def _rows(stream: IO[bytes], size: int, choose: Choice) -> Any:
    """Takes an array as a stream; returns the chosen rows of its first axis."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError("it holds an array with named fields; save plain numbers")
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read_header(stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never unpickled; save numbers")
    row_size = int(np.prod(shape[1:], dtype=object)) * dtype.itemsize
    if not shape or shape[0] * row_size > size:
        if shape:
            raise ValueError("it is shorter than it claims")
        return np.frombuffer(_exactly(stream, dtype.itemsize), dtype).reshape(())
    if fortran and len(shape) > 1:  # all rows lie in one another
        whole = np.frombuffer(_exactly(stream, shape[0] * row_size), dtype).reshape(shape[::-1]).T
        rows = choose(shape[0])
        return np.ascontiguousarray(whole if rows is None else whole[rows])
    return _plain_rows(stream, shape, dtype, row_size, choose(shape[0]))


def _plain_rows(stream: IO[bytes], shape: tuple[int, ...], dtype: Any, row_size: int, rows: Any) -> Any:
    if rows is None:
        return np.frombuffer(_exactly(stream, shape[0] * row_size), dtype).reshape(shape)
    found = np.empty((len(rows), *shape[1:]), dtype)
    at = 0
    for index, row in enumerate(rows):
        _skip(stream, (int(row) - at) * row_size)
        found[index] = np.frombuffer(_exactly(stream, row_size), dtype).reshape(shape[1:])
        at = int(row) + 1
    return found


def _skip(stream: IO[bytes], count: int) -> None:
    while count > 0:
        count -= len(_exactly(stream, min(count, _CHUNK)))


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise EOFError("it ends too early")
    return data


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What numpy and zipfile raise about a file becomes one line."""
    name = shown(str(path))
    try:
        yield
    except ProbeError:
        raise
    except MemoryError:
        raise ProbeError(f"{name}: it needs more memory than there is; take fewer samples with --max-samples") from None
    except _UNREADABLE as error:
        said = one_line(error) or type(error).__name__
        if "pickle" in said or "Python objects" in said:
            said = "it holds Python objects, or is no array file; they are never unpickled, save numbers"
        raise ProbeError(f"{name}: cannot be read as data: {said}") from None


# Tables.


def read_csv(path: Path, choose: Choice) -> dict[str, Any]:
    """Takes a table of numbers, with a header or not; returns its columns as ``x``, ``y`` or ``label`` as ``y``.

    The file is read twice, once to count its lines; only the chosen ones are kept.
    """
    name = shown(str(path))
    with _reading(path), open(path, encoding="utf-8-sig", newline="") as stream:
        first = next(iter(stream), "")
        delimiter = max(",;\t", key=first.count)
        header = _header(first, delimiter)
        total = sum(1 for line in stream if line.strip()) + (header is None and bool(first.strip()))
        if total == 0:
            raise ProbeError(f"{name}: holds no samples")
        rows = choose(total)
        stream.seek(0)
        lines = _lines(stream, skip=header is not None, rows=None if rows is None else {int(row) for row in rows})
        table = _numbers(lines, delimiter, header, name)
    return _columns(table, header)


def _header(line: str, delimiter: str) -> list[str] | None:
    """Takes the first line; returns its cells where they are names, None for numbers, of which some may be missing."""
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    names = [cell for cell in cells if not _is_number(cell)]
    if not names or (len(names) < len(cells) and all(cell.lower() in _MISSING for cell in names)):
        return None
    return cells


def _lines(stream: IO[str], skip: bool, rows: set[int] | None) -> Iterator[tuple[int, str]]:
    """Takes an open table; yields the chosen lines that hold something, with their numbers from 1."""
    numbered = ((number, line) for number, line in enumerate(stream, 1) if line.strip())
    for row, found in enumerate(islice(numbered, int(skip), None)):
        if rows is None or row in rows:
            yield found


def _numbers(lines: Iterator[tuple[int, str]], delimiter: str, header: list[str] | None, name: str) -> Any:
    """Takes numbered lines; returns their numbers. Raises ProbeError that names the line and the column."""
    found: list[Any] = []
    width = len(header) if header else None
    for number, line in lines:
        cells = next(csv.reader([line], delimiter=delimiter))
        width = width or len(cells)
        if len(cells) != width:
            raise ProbeError(f"{name}:{number}: {len(cells)} columns, where the table has {width}")
        try:
            found.append(np.array(cells, dtype=np.float64))
        except ValueError:
            bad = next(index for index, cell in enumerate(cells) if not _is_number(cell.strip()))
            column = f"`{header[bad]}`" if header else str(bad + 1)
            what = f"`{cells[bad]}` is no number" if cells[bad].strip() else "a number is missing"
            raise ProbeError(f"{name}:{number}: column {column}: {what}; fill in or leave out such samples") from None
    return np.stack(found)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _columns(table: Any, header: list[str] | None) -> dict[str, Any]:
    labelled = [index for index, column in enumerate(header or ()) if column.lower() in _LABELS]
    if len(labelled) != 1:
        return {"x": table}
    labels = table[:, labelled[0]]
    if np.array_equal(labels, np.round(labels)):
        labels = labels.astype(np.int64)
    return {"x": np.delete(table, labelled[0], axis=1), "y": labels}


# Images.


def read_images(folder: Path, choose: Choice, signature: Signature | None) -> dict[str, Any]:
    """Takes a folder of images, with a folder for each class or none; returns the chosen ones as the model takes them.

    ``keras.utils.image_dataset_from_directory`` reads and resizes them (it needs TensorFlow, with any backend of Keras)
    and says the classes: the subfolders in alphabetical order.
    """
    name = shown(str(folder))
    size, channels = _image_size(signature, name)
    classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    files = [file for each in classes or [""] for file in _images(folder / each)]
    if not files:
        raise ProbeError(f"{name}: holds no images ({', '.join(IMAGES)})")
    rows = choose(len(files))
    chosen = files if rows is None else [files[int(row)] for row in rows]
    with tempfile.TemporaryDirectory(prefix="reglint-") as scratch:
        # Keras can pick no samples, and would decode every image of the folder.
        for each in classes:
            os.mkdir(os.path.join(scratch, each))
        for number, file in enumerate(chosen):
            target = Path(scratch, *file.relative_to(folder).parts[:1] if classes else ())
            _linked(file.resolve(), target / f"{number:09}{file.suffix.lower()}")
        try:
            return _decoded(scratch, name, size, channels, classes)
        except ProbeError:
            raise
        except Exception as error:  # TensorFlow raises what its C++ does
            broken = next(filter(_is_broken, chosen), None)
            which = f"{name}: an image" if broken is None else shown(str(broken))
            raise ProbeError(f"{which} cannot be read: {_decoder_says(error)}") from None


def _is_broken(file: Path) -> bool:
    import tensorflow as tf

    try:
        tf.io.decode_image(tf.io.read_file(str(file)), expand_animations=False)
    except Exception:
        return True
    return False


def _decoder_says(error: Exception) -> str:
    """Return what TensorFlow says, without the nodes of its graph."""
    said = re.sub(r"\{\{.*?\}\}", "", re.split(r"\n\t? *\[\[|\[Op:", str(error))[0])
    return one_line(said) or type(error).__name__


def _linked(file: Path, target: Path) -> None:
    try:
        target.symlink_to(file)
    except (OSError, NotImplementedError):  # Windows asks for a privilege
        shutil.copyfile(file, target)


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGES and path.is_file())


def _image_size(signature: Signature | None, name: str) -> tuple[tuple[int, int], int]:
    """Takes what the model takes; returns height and width, and the channels."""
    inputs = signature.inputs if signature else ()
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        takes = " and ".join(str(each.shape) for each in inputs) or "inputs of an unknown shape"
        raise ProbeError(f"{name}: images are for a model with one input of images; this one takes {takes}")
    _, height, width, channels = inputs[0].shape
    if channels not in (1, 3, 4):
        raise ProbeError(f"{name}: the model takes {inputs[0].shape}; images can be read with 1, 3 or 4 channels, last")
    return (height or 256, width or 256), channels


def _decoded(folder: str, name: str, size: tuple[int, int], channels: int, classes: list[str]) -> dict[str, Any]:
    from keras.utils import image_dataset_from_directory

    try:
        dataset = image_dataset_from_directory(
            folder,
            labels="inferred" if classes else None,
            class_names=classes or None,
            color_mode={1: "grayscale", 3: "rgb", 4: "rgba"}[channels],
            image_size=size,
            batch_size=32,
            shuffle=False,
            follow_links=True,
            verbose=False,
        )
        batches = [each if classes else (each, None) for each in dataset]
    except ImportError:
        raise ProbeError(f"{name}: Keras reads images with TensorFlow, which is not installed; give an .npz") from None
    found = {"x": np.concatenate([np.asarray(images) for images, _ in batches])}
    if classes:
        found["y"] = np.concatenate([np.asarray(labels) for _, labels in batches])
    return found
