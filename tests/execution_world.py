"""A pretended Keras and a look-alike that is none, in which small programs run and leave a record of what they called.

The pretended layers take the arguments of Keras 1 and of today alike, as Keras 2's legacy interface did, and record
them by today's names; both at once is a TypeError. Other names they keep as they are, so that a program runs on. The
look-alike records what it is given as it is given.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

_KERNEL = {"W_regularizer": "kernel_regularizer", "weight_regularizer": "kernel_regularizer"}
_BIAS = {"b_regularizer": "bias_regularizer"}
_RECURRENT = {"U_regularizer": "recurrent_regularizer"}

# Written by hand from the signatures of Keras 1.2.2 and 2.2.4, not read from reglint's tables.
RENAMED: Mapping[str, Mapping[str, str]] = {
    "Dense": _KERNEL | _BIAS,
    "Conv1D": _KERNEL | _BIAS,
    "Conv2D": _KERNEL | _BIAS,
    "Convolution2D": _KERNEL | _BIAS,
    "LSTM": _KERNEL | _BIAS | _RECURRENT,
    "GRU": _KERNEL | _BIAS | _RECURRENT,
    "Embedding": {"W_regularizer": "embeddings_regularizer", "weight_regularizer": "embeddings_regularizer"},
    "SeparableConv2D": {**_BIAS},
    "MaxoutDense": {"weight_regularizer": "W_regularizer"},
    "Dropout": {},
    "Layer": {},
}
_STRINGS = {
    "activity_l1": "l1",
    "activity_l2": "l2",
    "l1l2": ("penalty", 0.01, 0.01),
    "activity_l1l2": ("penalty", 0.01, 0.01),
}

# (first, second) strength where nothing is said. Today's `l1_l2()` differs between releases.
_OLD = {
    "l1l2": (0.01, 0.01),
    "activity_l1l2": (0.01, 0.01),
    "WeightRegularizer": (0.0, 0.0),
    "L1L2Regularizer": (0.0, 0.0),
}
_TODAY = {"l1_l2": ("depends", "depends"), "L1L2": (0.0, 0.0)}

FOREIGN = ("Dense", "Conv2D", "LSTM", "Embedding", "Layer", "l2", "l1l2", "activity_l2", "l1_l2", "regularizers")


class Outcome(NamedTuple):
    """What a program did: the records of the callables it reached, and the type of the exception that ended it."""

    records: tuple[Any, ...]
    ended: str
    worked: bool = True  # no call passed one argument twice, no name was unbound

    def agrees(self, other: Outcome) -> bool:
        """Did the other do the same, as far as this one worked?"""
        if self.worked:
            return self == other
        return other.records[: len(self.records)] == self.records


class Penalty:
    """A regularizer object."""

    def __init__(self, first: object, second: object) -> None:
        self.strengths = (first, second)


class World:
    """The modules that a program may import besides its own, made afresh for every run."""

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.refused: int | None = None  # how many records there were when a layer was first given one argument twice
        self.sites: list[tuple[str, int, str, tuple[str, ...]]] = []  # file, line, layer, keywords as given
        self.modules: dict[str, types.ModuleType] = {}
        self._keras()
        self._foreign()

    def watch(self, frame: types.FrameType, event: str, arg: Any) -> Any:
        """A trace function that notes when Python refuses an argument given twice."""
        if event == "exception" and self.refused is None and _is_broken(arg[1]):
            self.refused = len(self.records)
        return self.watch

    def _module(self, name: str, members: Mapping[str, object]) -> None:
        module = types.ModuleType(name)
        module.__path__ = []
        vars(module).update(members)
        self.modules[name] = module
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(self.modules[parent], last, module)

    def _keras(self) -> None:
        layers: dict[str, Any] = {"Layer": self._layer("Layer", object)}
        for name in RENAMED:
            layers.setdefault(name, self._layer(name, layers["Layer"]))
        self._module("keras", {"__version__": "2.0.0"})
        self._module("keras.layers", layers)
        self._module("keras.layers.core", {name: layers[name] for name in ("Dense", "Dropout", "MaxoutDense", "Layer")})
        self._module(
            "keras.layers.convolutional", {name: layers[name] for name in ("Conv2D", "Convolution2D", "Conv1D")}
        )
        self._module("keras.regularizers", _regularizers())
        self._module("tensorflow", {"keras": self.modules["keras"]})

    def _layer(self, layer: str, base: type) -> type:
        world = self

        def __init__(self: object, *args: object, **kwargs: object) -> None:
            frame = sys._getframe(1)
            world.sites.append((frame.f_code.co_filename, frame.f_lineno, layer, tuple(kwargs)))
            try:
                world.records.append((layer, type(self).__name__, plain(args), _today(layer, kwargs)))
            except TypeError:
                world.refused = len(world.records) if world.refused is None else world.refused
                raise

        return type(layer, (base,), {"__init__": __init__, "__call__": lambda self, value: value})

    def _foreign(self) -> None:
        members: dict[str, object] = {name: self._recorder(name) for name in FOREIGN if name != "regularizers"}
        members["regularizers"] = types.SimpleNamespace(l2=members["l2"], l1l2=members["l1l2"], l1_l2=members["l1_l2"])
        members["seen"] = self._recorder("seen")
        members["yes"] = lambda: True
        members["no"] = lambda: False
        members["scope"] = scope
        members["decorated"] = self._recorder_of
        self._module("foreign", members)
        self._module("foreign.layers", {name: members[name] for name in FOREIGN if name != "regularizers"})

    def _recorder(self, name: str) -> type:
        world = self

        def __init__(self: object, *args: object, **kwargs: object) -> None:
            world.records.append(("foreign", name, type(self).__name__, plain(args), plain(kwargs)))

        return type(name, (), {"__init__": __init__})

    def _recorder_of(self, function: Callable[..., object]) -> Callable[..., object]:
        """A decorator that records every call before it happens."""

        def wrapper(*args: object, **kwargs: object) -> object:
            self.records.append(("foreign", "decorated", plain(args), plain(kwargs)))
            return function(*args, **kwargs)

        return wrapper


@contextmanager
def scope(value: object = None) -> Any:
    """``with scope(value) as name``."""
    yield value


def _regularizers() -> dict[str, object]:
    def single(rank: int) -> Callable[..., Penalty]:
        def make(*args: float, **kwargs: float) -> Penalty:
            if len(args) + len(kwargs) > 1 or set(kwargs) - {"l"}:
                raise TypeError("one strength")
            (strength,) = (*args, *kwargs.values()) or (0.01,)
            return Penalty(strength if rank == 0 else 0.0, strength if rank == 1 else 0.0)

        return make

    def double(first: object, second: object) -> Callable[..., Penalty]:
        return lambda l1=first, l2=second: Penalty(l1, l2)

    members: dict[str, object] = {"l1": single(0), "l2": single(1), "activity_l1": single(0), "activity_l2": single(1)}
    members |= {name: double(*strengths) for name, strengths in (_OLD | _TODAY).items()}
    for name, member in members.items():
        member.__name__ = name  # type: ignore[attr-defined]
    return members | {"get": lambda given: ("get", _named(given))}


def _named(value: object) -> object:
    """A regularizer given by name, by the name that means the same today."""
    if isinstance(value, str):
        return _STRINGS.get(value, value)
    return plain(value)


def _today(layer: str, kwargs: Mapping[str, object]) -> tuple[tuple[str, object], ...]:
    """The arguments of a layer by today's names."""
    renamed = RENAMED[layer]
    found: dict[str, object] = {}
    for name, value in kwargs.items():
        new = renamed.get(name, name)
        if new in found:
            raise TypeError(f"{layer}({name})")
        found[new] = _named(value) if new.endswith("_regularizer") else plain(value)
    return tuple(sorted(found.items()))


def plain(value: object) -> object:
    """A value as something that can be compared between two runs."""
    if isinstance(value, Penalty):
        return ("penalty", *map(plain, value.strengths))
    if isinstance(value, Mapping):
        return {"{}": [(plain(key), plain(item)) for key, item in value.items()]}
    if isinstance(value, (list, tuple)) or type(value).__name__ in ("dict_keys", "dict_values", "dict_items"):
        return [plain(item) for item in value]  # type: ignore[union-attr]
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, map(plain, value)))
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return getattr(value, "__name__", None) or type(value).__name__


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a program's own modules from memory."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = sources

    def _path(self, name: str) -> str | None:
        base = name.replace(".", "/")
        return next((path for path in (f"{base}/__init__.py", f"{base}.py") if path in self.sources), None)

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        found = self._path(name)
        if found is None:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=found.endswith("__init__.py"))

    def exec_module(self, module: types.ModuleType) -> None:
        path = self._path(module.__name__) or ""
        exec(compile(self.sources[path], path, "exec"), vars(module))


def run(sources: Mapping[str, str], world: World | None = None, main: str = "main") -> Outcome:
    """Run a program (path below its root → text) and tell what it did."""
    world = World() if world is None else world
    finder = _Finder(sources)
    own = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in sources}
    tops = {name.partition(".")[0] for name in (*own, *world.modules)}

    def mine(name: str) -> bool:
        return name.partition(".")[0] in tops

    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if mine(name)}
    sys.modules.update(world.modules)
    sys.meta_path.insert(0, finder)
    ended, worked = "", True
    traced = sys.gettrace()
    if any("except" in text for text in sources.values()):
        sys.settrace(world.watch)  # a program may catch what Python itself says of an argument given twice
    try:
        importlib.import_module(main)
    except Exception as error:
        ended = type(error).__name__
        worked = not _is_broken(error)
    finally:
        sys.settrace(traced)
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if mine(name)]:
            del sys.modules[name]
        sys.modules.update(hidden)
    if world.refused is not None:
        return Outcome(tuple(world.records[: world.refused]), ended, False)
    return Outcome(tuple(world.records), ended, worked)


def _is_broken(error: BaseException | None) -> bool:
    """Is the exception, or one on the way to it, such that the program can have worked on no Keras?"""
    if error is None or isinstance(error, (NameError, RecursionError)) or "multiple values for" in str(error):
        return error is not None
    if isinstance(error, KeyError) and error.__context__ is not None:
        return True  # CPython 3.11 says so of an argument given twice while another exception is handled
    return _is_broken(error.__context__)
