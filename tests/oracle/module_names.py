# ruff: noqa: UP031, UP010
"""Which modules a Keras has, and which of its names are in which of them: measured on the installed release.

    python module_names.py PACKAGE > modules/PACKAGE-VERSION.json

PACKAGE is `keras`, `tensorflow.keras`, `tf_keras` or `keras_core`. Runs on Python 2.7 to 3.13, Keras 1.2 to 3.15. The
modules that today's Keras has are imported, and every other one of which something has moved. The result:

    places   the modules that today's Keras has, as far as this release has them -> the Keras names in them
    modules  every other module -> place -> the names that are the very same object under the same name there; "" holds
             the classes and functions that are in no place
    broken   modules that exist and can't be imported -> why

A Keras name is public and means a class, function or module of the Keras itself.
"""

from __future__ import division, print_function

import importlib
import inspect
import json
import os
import pkgutil
import sys
import types
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

# Where today's Keras has its names: a name that is in several of them is told of the first.
PLACES = (
    "layers",
    "models",
    "utils",
    "callbacks",
    "optimizers",
    "losses",
    "metrics",
    "initializers",
    "regularizers",
    "constraints",
    "activations",
    "backend",
    "ops",
    "random",
    "config",
    "datasets",
    "applications",
    "preprocessing",
    "preprocessing.image",
    "preprocessing.sequence",
    "preprocessing.text",
    "wrappers",
    "wrappers.scikit_learn",
    "legacy",
    "",
)
LEFT_OUT = ("tests", "saving", "integration_test")
# What is below them has moved; datasets, applications and the like are where they were.
KEPT = ("layers", "engine", "utils", "legacy", "models", "backend", "preprocessing", "wrappers")
DEPTH = 2  # Keras 2.7 to 2.12 have hundreds of modules below that, which nobody was told to import


def imported(name):
    """The module, or the exception."""
    try:
        return importlib.import_module(name)
    except BaseException as error:
        return error


def module_names(package, root):
    """The dotted paths below the package of every module that is a file of its own."""
    found, pending = [], [("", root)]
    while pending:
        path, module = pending.pop()
        for _, name, is_package in pkgutil.iter_modules(list(getattr(module, "__path__", []))):
            below = (path + "." + name).lstrip(".")
            if name in LEFT_OUT or name.startswith("_") or name.endswith("_test") or below.split(".")[0] not in KEPT:
                continue
            found.append(below)
            if is_package and below.count(".") + 1 < DEPTH:
                inner = imported(package + "." + below)
                if not isinstance(inner, BaseException):
                    pending.append((below, inner))
    return sorted(found)


def is_keras(value):
    """Is it a class, function or module of a Keras, or of the packages that Keras 2.2 took its own from?"""
    if isinstance(value, types.ModuleType):
        home = value.__name__
    elif inspect.isclass(value) or callable(value):
        home = getattr(value, "__module__", None) or ""
    else:
        return False
    return "keras" in home


def names_of(module):
    """Public name -> what it is, for the Keras names of a module."""
    found = {}
    for name in dir(module):
        value = getattr(module, name, None)
        if not name.startswith("_") and is_keras(value):
            found[name] = value
    return found


def root_of(package):
    """The package itself; of TensorFlow 1.4 and others, which can't be asked for it by import, its attribute."""
    root = imported(package)
    if isinstance(root, BaseException):
        above, _, last = package.rpartition(".")
        if not above:
            raise root
        root = getattr(importlib.import_module(above), last)
        for path in PLACES:
            value = root
            for name in path.split(".") if path else []:
                value = getattr(value, name, None)
            if isinstance(value, types.ModuleType):
                sys.modules[(package + "." + path).rstrip(".")] = value
    return root


def measure(package):
    """The whole result."""
    warnings.simplefilter("ignore")
    root = root_of(package)
    places, modules, broken = {}, {}, {}
    for path in PLACES:
        module = imported((package + "." + path).rstrip("."))
        if not isinstance(module, BaseException):
            places[path] = names_of(module)
    for path in module_names(package, root):
        if path in PLACES:
            continue
        module = imported(package + "." + path)
        if isinstance(module, BaseException):
            broken[path] = "%s: %s" % (type(module).__name__, (str(module).splitlines() or [""])[0][:150])
            continue
        where = {}
        for name, value in sorted(names_of(module).items()):
            same = [place for place in PLACES if places.get(place, {}).get(name) is value]
            if not same and isinstance(value, types.ModuleType):
                continue
            where.setdefault(same[0] if same else "", []).append(name)
        modules[path] = where
    return {
        "package": package,
        "version": getattr(root, "__version__", "?"),
        "python": "%d.%d" % sys.version_info[:2],
        "places": {place: sorted(names) for place, names in places.items()},
        "modules": modules,
        "broken": broken,
    }


def text_of(result):
    """The result as JSON with one line for each module."""
    lines = ["{"]
    for key in ("package", "version", "python"):
        lines.append(" %s: %s," % (json.dumps(key), json.dumps(result[key])))
    for key in ("places", "modules", "broken"):
        rows = ["  %s: %s" % (json.dumps(k), json.dumps(v, sort_keys=True)) for k, v in sorted(result[key].items())]
        inner = "\n" + ",\n".join(rows) if rows else ""
        lines.append(" %s: {%s}%s" % (json.dumps(key), inner, "," * (key != "broken")))
    return "\n".join(lines) + "\n}"


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what Keras prints by itself
    out.write(text_of(measure(sys.argv[1])) + "\n")
    out.close()
