"""Looks into a ``.keras`` or ``.h5`` file without making anything of what it says.

Only zipfile, json and h5py read it. Sizes that a file claims are held against the bytes that it has before anything is
allocated, and links out of the file are refused.
"""

from __future__ import annotations

import io
import json
import math
import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from reglint.discovery import shown
from reglint.probe.values import ProbeError

_CONFIG, _WEIGHTS, _WEIGHTS_NPZ = "config.json", "model.weights.h5", "model.weights.npz"
_LARGEST_CONFIG = 2**28
_BOMB_FLOOR, _BOMB_RATIO = 2**28, 100
_DATASET_FLOOR, _DATASET_RATIO = 2**26, 1000
_ITERATIONS = re.compile(r"(?:^|/)(?:optimizer/(?:.*/)?vars/0|optimizer_weights/(?:.*/)?iter(?:ations?)?(?::0)?)$")


@dataclass(frozen=True)
class Archive:
    """What a model file says before it is loaded.

    ``config`` is the model's configuration without that of ``compile``, ``loss`` what it was compiled with (as JSON
    gives it), ``iterations`` how many steps its optimizer had made (None where the file has no optimizer), ``numbers``
    how many numbers it holds, ``keras_version`` the release that wrote it.
    """

    config: dict[str, Any]
    loss: Any
    iterations: int | None
    numbers: int
    keras_version: str | None


def read_archive(path: Path) -> Archive:
    """Takes a local ``.keras``, ``.h5`` or ``.hdf5`` file; returns what it says. Raises ProbeError."""
    name = shown(str(path))
    try:
        with open(path, "rb") as stream:
            if not stream.read(1):
                raise ProbeError(f"{name}: the file is empty; save the model anew")
        return _zipped(path, name) if path.suffix == ".keras" else _legacy(path, name)
    except MemoryError:
        raise ProbeError(f"{name}: it claims more than the memory holds; it is damaged or made to do that") from None
    except OSError as error:
        raise ProbeError(f"{name}: cannot be read: {error.strerror or error}") from None


# .keras: a zip of config.json and model.weights.h5.


def _zipped(path: Path, name: str) -> Archive:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {member.filename: member for member in archive.infolist()}
            if _CONFIG not in members:
                raise ProbeError(f"{name}: a zip file without {_CONFIG} is no Keras model; save it with model.save()")
            _reject_bombs(members, name)
            config = _json(archive.read(_CONFIG), name)
            metadata = _json(archive.read("metadata.json"), name) if "metadata.json" in members else {}
            iterations, numbers = _zipped_weights(path, archive, members, name)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, struct.error) as error:
        raise ProbeError(
            f"{name}: no whole .keras file ({str(error).rstrip('.') or type(error).__name__}); save or fetch it anew"
        ) from None
    compiled = config.pop("compile_config", None)  # which is not carried out
    loss = compiled.get("loss") if isinstance(compiled, dict) else None
    return Archive(config, loss, iterations, numbers, _text(metadata.get("keras_version")))


def _reject_bombs(members: dict[str, zipfile.ZipInfo], name: str) -> None:
    for member in members.values():
        if member.file_size > _BOMB_FLOOR and member.file_size > _BOMB_RATIO * max(member.compress_size, 1):
            raise ProbeError(
                f"{name}: {member.filename} claims {_size(member.file_size)}, packed into "
                f"{_size(member.compress_size)}; it is damaged or made to fill the memory"
            )
    if members[_CONFIG].file_size > _LARGEST_CONFIG:
        raise ProbeError(f"{name}: {_CONFIG} claims {_size(members[_CONFIG].file_size)}, which no model needs")


def _zipped_weights(
    path: Path, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str
) -> tuple[int | None, int]:
    """Takes the open zip; returns the optimizer's iterations and how many numbers the weights are."""
    if _WEIGHTS_NPZ in members and _WEIGHTS not in members:
        return None, members[_WEIGHTS_NPZ].file_size // 2
    if _WEIGHTS not in members:
        raise ProbeError(f"{name}: a .keras file without {_WEIGHTS}; save the model anew with model.save()")
    member = members[_WEIGHTS]
    with archive.open(member) as packed:
        # HDF5 jumps to and fro, which zipfile does by reading from the start again; Keras stores weights unpacked.
        stored = member.compress_type == zipfile.ZIP_STORED
        part = _part(path, member) if stored else io.BytesIO(packed.read())
        with part as stream, _hdf5(stream, name) as weights:
            return _weights(weights, name)


class _Part(io.RawIOBase):
    """The bytes of a file from ``start`` on, ``size`` of them, as a file of their own."""

    def __init__(self, stream: IO[bytes], start: int, size: int) -> None:
        self._stream, self._start, self._size, self._position = stream, start, size, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = max(0, offset + (0, self._position, self._size)[whence])
        return self._position

    def readinto(self, buffer: Any) -> int:
        self._stream.seek(self._start + self._position)
        data = self._stream.read(max(0, min(len(buffer), self._size - self._position)))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


@contextmanager
def _part(path: Path, member: zipfile.ZipInfo) -> Iterator[_Part]:
    """Takes a member that is stored unpacked; gives its bytes (APPNOTE.TXT 4.3.7: 30 bytes, name, extra, data)."""
    with open(path, "rb") as stream:
        stream.seek(member.header_offset + 26)
        name_length, extra_length = struct.unpack("<HH", stream.read(4))
        yield _Part(stream, member.header_offset + 30 + name_length + extra_length, member.file_size)


# .h5: the configuration in an attribute, the weights in groups.


def _legacy(path: Path, name: str) -> Archive:
    with open(path, "rb") as stream, _hdf5(stream, name) as file:
        raw = file.attrs.get("model_config")
        if raw is None:
            raise ProbeError(
                f"{name}: holds no model, only weights; save the whole model with model.save('{path.stem}.keras')"
            )
        config = _json(raw, name)
        training = _json(file.attrs.get("training_config", "{}"), name)
        iterations, numbers = _weights(file, name)
        return Archive(config, training.get("loss"), iterations, numbers, _text(file.attrs.get("keras_version")))


@contextmanager
def _hdf5(stream: Any, name: str) -> Iterator[Any]:
    """Takes a binary stream; gives the HDF5 file in it."""
    import h5py

    try:
        with h5py.File(stream, "r") as file:
            yield file
    except ProbeError:
        raise
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        said = str(error).partition("(")[2].rstrip(") ") or error
        raise ProbeError(f"{name}: no whole HDF5 file ({said}); save or fetch it anew") from None


def _weights(file: Any, name: str) -> tuple[int | None, int]:
    """Takes an open HDF5 file; returns the optimizer's iterations and how many numbers it holds in all."""
    steps: list[int] = []
    numbers = 0
    for path, dataset in _datasets(file, name):
        if dataset.shape is None:
            continue
        count = math.prod(dataset.shape)
        claimed, stored = count * dataset.dtype.itemsize, dataset.id.get_storage_size()
        if claimed > _DATASET_FLOOR and claimed > _DATASET_RATIO * stored:
            raise ProbeError(
                f"{name}: the weights `{path}` claim {_size(claimed)} and have {_size(stored)}; "
                "the file is damaged or made to fill the memory"
            )
        numbers += count
        if dataset.shape == () and dataset.dtype.kind in "iu" and _ITERATIONS.search(path):
            steps.append(int(dataset[()]))
    # An optimizer that scales its loss has another inside, and only one of them may count.
    return max(steps, default=None), numbers


def _datasets(file: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Takes an open HDF5 file; yields its datasets with their paths. Links out of the file are refused."""
    import h5py

    seen = set()
    pending = [("", file)]
    while pending:
        prefix, group = pending.pop()
        for key in group:
            path = f"{prefix}/{key}" if prefix else key
            if isinstance(group.get(key, getlink=True), (h5py.ExternalLink, h5py.SoftLink)):
                raise ProbeError(f"{name}: `{path}` points elsewhere, as no file that Keras writes does")
            found = group[key]
            if isinstance(found, h5py.Group):
                address = h5py.h5o.get_info(found.id).addr
                if address not in seen:
                    seen.add(address)
                    pending.append((path, found))
            elif isinstance(found, h5py.Dataset):
                if found.external or found.is_virtual:
                    raise ProbeError(f"{name}: `{path}` takes its numbers from other files, as Keras never writes it")
                yield path, found


def _json(raw: object, name: str) -> dict[str, Any]:
    try:
        text = raw.decode() if isinstance(raw, bytes) else str(raw)
        found = json.loads(text)
    except RecursionError:
        raise ProbeError(f"{name}: its configuration is nested too deeply to be a model's") from None
    except ValueError:
        raise ProbeError(f"{name}: its configuration is no valid JSON; save or fetch it anew") from None
    if not isinstance(found, dict):
        raise ProbeError(f"{name}: its configuration is no object; save or fetch it anew")
    return found


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str) else None


def _size(count: int) -> str:
    """Takes bytes; returns them with a unit, three digits at most."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
