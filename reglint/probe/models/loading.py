"""Takes what the user names as MODEL and returns a model in memory, running no stranger's code that was not trusted.

Files are looked into before Keras sees them (``archive``, ``config_scan``), local ones only: Keras itself would fetch
``hf://`` and ``gs://`` addresses, and tf_keras runs code from ``.h5`` files and SavedModels even in safe mode.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from reglint.discovery import shown
from reglint.probe.models.archive import Archive, read_archive
from reglint.probe.models.config_scan import Concern, Vocabulary, concerns, oversized
from reglint.probe.models.construction import places, recording
from reglint.probe.models.usercode import attribute, guarded, imported, one_line, split
from reglint.probe.values import Place, ProbeError

LIBRARIES = ("keras", "tf_keras")
_SUFFIXES = (".keras", ".h5", ".hdf5")
_INSTALL_TF_KERAS = "pip install 'reglint[tf-keras]'"


@dataclass(frozen=True)
class Loaded:
    """A model in memory and what is known of where it comes from.

    ``filename`` is the model's file, or the source file of its module, as shown to the user. ``iterations`` counts the
    steps that its optimizer has made (None without an optimizer), ``loss`` is what it was compiled with, in a form that
    ``compile`` takes (None where it was not compiled, or a file names a loss that is not Keras's own). ``places`` says
    where each layer was constructed; it is empty for a model from a file.
    """

    model: Any
    name: str
    filename: str | None
    library: str
    iterations: int | None
    loss: Any
    places: Mapping[str, Place] = field(default_factory=dict)


def load(spec: str, *, trust: bool = False, imports: Sequence[str] = (), library: str | None = None) -> Loaded:
    """Takes a ``.keras``, ``.h5`` or ``.hdf5`` file, or ``package.module:name``; returns the model. Raises ProbeError.

    ``trust`` lets code run: what a file carries, and the module of ``module:name`` (a model, or a function or class
    that makes one without arguments). ``imports`` are modules or ``.py`` files with the classes of a model; naming one
    is trust. ``library`` is ``keras`` or ``tf_keras``; without it Keras 3 comes first, then tf_keras where it refuses.
    """
    is_file = spec.endswith(_SUFFIXES) or Path(spec).suffix.lower() in _SUFFIXES
    named = None if is_file else split(spec)
    if "://" in spec:
        raise ProbeError(f"{spec}: only local files are loaded; download it first, and look where it comes from")
    if named is None:
        _check_file(spec)
        return _from_file(Path(spec), trust or bool(imports), imports, library)
    if not (trust or imports):
        raise ProbeError(f"{spec}: importing the model runs its code; add --trust if you know what it does")
    return _from_module(spec, named, imports, library)


# From files.


def _check_file(spec: str) -> None:
    path = Path(spec)
    name = shown(spec)
    if path.is_dir():
        raise ProbeError(
            f"{name}: a folder is not loaded (a SavedModel runs code); save the model as a .keras file, or build it "
            "from its code with module:name and --trust"
        )
    if path.suffix.lower() in (".pkl", ".pickle", ".joblib", ".pb", ".pt", ".pth"):
        raise ProbeError(
            f"{name}: {path.suffix} files can run code and are never loaded; save the model as a .keras file"
        )
    if path.suffix not in _SUFFIXES:
        raise ProbeError(f"{name}: not a model; give a .keras, .h5 or .hdf5 file, or package.module:name with --trust")
    if not path.exists():
        raise ProbeError(f"{name}: there is no such file")
    if not path.is_file():
        raise ProbeError(f"{name}: not a regular file")


def _from_file(path: Path, trust: bool, imports: Sequence[str], library: str | None) -> Loaded:
    name = shown(str(path))
    archive = read_archive(path)
    large = list(oversized(archive.config, archive.numbers))
    if large:
        raise ProbeError(f"{name}: {_about(large[0])}; it is damaged or made to exhaust the memory")
    custom = _custom_objects(imports)
    rejected: ProbeError | None = None
    for each in (library,) if library else LIBRARIES:
        keras = _library(each, name, rejected)
        found = list(concerns(archive.config, Vocabulary(keras)))
        try:
            if not trust:
                _refuse(found, name)
            model = _opened(keras, path, custom, trust, [] if imports else found, name)
        except _Rejected as error:
            # what tf_keras says of a file of Keras 3 is about the format
            newer = (archive.keras_version or "").startswith("3")
            rejected = rejected if rejected and newer else ProbeError(str(error))
            continue
        return Loaded(model, path.name, name, each, archive.iterations, _file_loss(archive, keras))
    raise rejected or ProbeError(f"{name}: cannot be loaded")


def _opened(keras: Any, path: Path, custom: Mapping[str, Any], trust: bool, found: list[Concern], name: str) -> Any:
    """Takes a file that may be loaded; returns the model. A class that nobody brought in is named as without trust."""
    try:
        return _loaded(keras, path, custom, trust)
    except _Rejected:
        _refuse([concern for concern in found if concern.kind == "unknown"], name)
        raise


class _Rejected(ProbeError):
    """One Keras library cannot load the file; the other may."""


def _refuse(found: list[Concern], name: str) -> None:
    """Takes what a scan found; raises ProbeError about the worst of it."""
    if not found:
        return
    worst = min(found, key=lambda concern: concern.kind == "unknown")
    # the function that a Lambda holds is a concern of its own
    places = {concern.layer or concern.class_name for concern in found if concern.kind == worst.kind}
    more = f" (and {len(places) - 1} more of the kind)" if len(places) > 1 else ""
    if worst.kind == "unknown":
        advice = "bring in its code with --import FILE_OR_MODULE, which runs it"
        raise _Rejected(f"{name}: {_about(worst)}{more}; {advice}")
    raise ProbeError(f"{name}: {_about(worst)}{more}; add --trust to let it run, if you know where the file comes from")


def _about(concern: Concern) -> str:
    subject = f"layer `{concern.layer}` ({concern.class_name})" if concern.layer else f"`{concern.class_name}`"
    return f"{subject} {concern.reason}"


def _library(name: str, file: str, rejected: ProbeError | None) -> Any:
    """Takes the name of a Keras library; returns it. Raises ProbeError, with what Keras 3 said if that came before."""
    if name not in LIBRARIES:
        raise ProbeError(f"there is no library `{name}`; take one of {', '.join(LIBRARIES)}")
    if find_spec(name) is None:
        if name == "tf_keras":
            if rejected:
                raise ProbeError(f"{rejected}; if Keras 2 wrote it, {_INSTALL_TF_KERAS} may help")
            raise ProbeError(f"{file}: tf_keras is not installed: {_INSTALL_TF_KERAS}")
        raise ProbeError("the probe needs Keras: pip install 'reglint[probe]'")
    with _quiet():
        keras = import_module(name)
    if name == "keras" and keras.__version__.startswith(("0.", "1.", "2.")):
        raise ProbeError(f"the probe needs Keras 3, and {keras.__version__} is installed: pip install -U keras")
    return keras


def _loaded(keras: Any, path: Path, custom: Mapping[str, Any], trust: bool) -> Any:
    name = shown(str(path))
    try:
        with _quiet():
            return keras.models.load_model(
                path if keras.__name__ == "keras" else str(path),
                custom_objects=dict(custom) or None,
                compile=False,
                safe_mode=not trust,
            )
    except MemoryError:
        raise ProbeError(f"{name}: the model needs more memory than there is") from None
    except Exception as error:  # Keras lets out whatever a layer raises
        said = _first_sentences(str(error)) or _first_sentences(str(_innermost(error))) or type(error).__name__
        raise _Rejected(f"{name}: {_title(keras)} cannot load it: {said}") from error


def _title(keras: Any) -> str:
    return f"{'Keras' if keras.__name__ == 'keras' else keras.__name__} {keras.__version__}"


def _first_sentences(text: str) -> str:
    """Takes what Keras says, which may quote whole configurations; returns what stands before them.

    Where it quotes an exception, and in that another one, the innermost counts, with the class that raised it.
    """
    quoted, _, cause = text.rpartition("Exception encountered: ")
    within = re.findall(r"deserializing class '(\w+)'", quoted)
    said = one_line(re.split(r"\s*(?:Full object config|config=\{|\n\n)", cause.strip())[0])
    return f"{within[-1]}: {said}" if within and said and within[-1] not in said else said


def _innermost(error: BaseException) -> BaseException:
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


@contextmanager
def _quiet() -> Iterator[None]:
    """Warnings of Keras about old files are none of the user's business here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _file_loss(archive: Archive, keras: Any) -> Any:
    """Takes what a file says about its loss; returns the loss if it is Keras's own, else None."""
    if archive.loss is None or any(concerns(archive.loss, Vocabulary(keras))):
        return None
    try:
        with _quiet():
            return _loss(archive.loss, keras)
    except (TypeError, ValueError, KeyError, AttributeError):
        return None


def _loss(said: Any, keras: Any) -> Any:
    """Takes a loss as JSON has it (a name, an object, a list or dict of these); returns it as ``compile`` takes it."""
    if said is None:
        return None
    if isinstance(said, str):
        keras.losses.get(said)  # a name that means nothing raises
        return said
    if isinstance(said, list):
        return [_loss(each, keras) for each in said]
    if "class_name" not in said:
        return {name: _loss(each, keras) for name, each in said.items()}
    # Keras 2 wrote these two, and Keras 3 knows neither.
    inner = said["config"]
    if isinstance(inner, dict) and keras.__name__ == "keras":
        inner = {key: value for key, value in inner.items() if (key, value) != ("reduction", "auto") and key != "fn"}
    return keras.losses.deserialize({**said, "config": inner})


# From the user's modules.


def _from_module(spec: str, named: tuple[str, str], imports: Sequence[str], library: str | None) -> Loaded:
    where, name = named
    keras = _library(library or ("tf_keras" if _legacy_wanted() else "keras"), spec, None)
    with recording():
        _custom_objects(imports)
        module = imported(where)
        model = _made(attribute(module, name, where), spec)
        found = places(model) if _library_of(model) else {}
    made_by = _library_of(model)
    if made_by is None:
        kind = "a layer, not a model" if isinstance(model, keras.layers.Layer) else f"no Keras model but {_kind(model)}"
        raise ProbeError(f"`{spec}` is {kind}; name a model, or a function or class that makes one without arguments")
    return Loaded(model, spec, _source(module), made_by, _iterations(model), getattr(model, "loss", None), found)


def _legacy_wanted() -> bool:
    return os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true") and find_spec("tf_keras") is not None


def _library_of(model: Any) -> str | None:
    """Takes anything; returns the library whose model it is."""
    for name in LIBRARIES:
        keras = sys.modules.get(name)
        if keras is not None and isinstance(model, keras.Model):
            return name
    return None


def _made(found: Any, spec: str) -> Any:
    """Takes what a name stands for; returns it if it is a model, and what it makes if it is a function or class."""
    if _library_of(found) or not callable(found) or _is_layer(found):
        return found
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise ProbeError(
            f"`{spec}` needs arguments ({one_line(error)}); name a function without arguments that calls it"
        ) from None
    except ValueError:
        pass  # built-in ones have no signature
    with guarded(f"`{spec}`"):
        return found()


def _is_layer(found: Any) -> bool:
    layers = [keras.layers.Layer for name in LIBRARIES if (keras := sys.modules.get(name)) is not None]
    return isinstance(found, tuple(layers))


def _kind(value: Any) -> str:
    if value is None:
        return "None"
    name = f"module `{value.__name__}`" if isinstance(value, ModuleType) else f"`{type(value).__name__}`"
    return f"a {name}"


def _source(module: ModuleType) -> str:
    return shown(os.path.abspath(getattr(module, "__file__", None) or module.__name__))


def _iterations(model: Any) -> int | None:
    """Takes a model in memory; returns the steps that its optimizer has made, None where it has none."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return None
    steps = [each.iterations for each in (optimizer, getattr(optimizer, "inner_optimizer", None)) if each is not None]
    return max(int(step.numpy() if hasattr(step, "numpy") else step.value) for step in steps)


def _custom_objects(imports: Sequence[str]) -> dict[str, Any]:
    """Takes modules and files to bring in; returns the classes and functions that they define, by name.

    What they register with Keras is known to it by the import alone.
    """
    return reduce(lambda found, each: {**found, **_defined(imported(each))}, imports, {})


def _defined(module: ModuleType) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(module).items()
        if (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ == module.__name__
    }
