# ruff: noqa: UP031, UP010, C402
# mypy: ignore-errors
"""Which layers and arguments a release has no more, and what takes their place: measured on the installed Keras.

    python removed_names.py programs > PROGRAMS.json
    python removed_names.py measure PACKAGE PROGRAMS.json > RESULT.json

`programs` (Python 3.11 or later) takes them out of rules/facts/removed.toml, rules/facts/merge.toml and
rules/facts/layer_methods.toml: for each class an import, for each argument and method a call, for each pair both of its
programs. `measure` runs them on Python 2.7 to
3.13, Keras 1.2 to 3.15; PACKAGE is `keras`, `tensorflow.keras`, `tf_keras` or `keras_core`. A result holds for each
program what it came to, or the error that it raised. Results lie in removed_names/PACKAGE-VERSION.json.
"""

from __future__ import division, print_function

import importlib
import json
import os
import re
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


def programs():
    """Name -> (program, expression), from the tables."""
    import tomllib

    rules = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "rules", "facts")
    tables = {}
    for table in ("removed", "merge", "layer_methods"):
        with open(os.path.join(rules, table + ".toml"), "rb") as stream:
            tables[table] = tomllib.load(stream)
    found = {}
    for name, row in tables["removed"]["classes"].items():
        found["class " + name] = "from {k}.layers import %s" % name, "True"
        found.update(pair("class " + name, row))
    for number, row in enumerate(tables["removed"]["arguments"]):
        found["argument %d %s" % (number, row["keyword"])] = "from {k}.layers import *\n" + row["probe"], "True"
        found.update(pair("argument %d %s" % (number, row["keyword"]), row))
        for way in ("input", "idle"):
            found.update(pair("argument %d %s %s" % (number, row["keyword"], way), row.get(way, {})))
    for keyword, row in tables["removed"]["calls"].items():
        found["call " + keyword] = "from {k}.layers import *\n" + row["probe"], "True"
    for name, row in tables["layer_methods"]["methods"].items():
        found["method " + name] = "from {k}.layers import *\n" + row["probe"], "True"
        found.update(pair("method " + name, {"pair": row["across"]}))
    for name in tables["merge"]["order"]:
        found["import " + name] = "from {k}.layers import " + name, "callable(%s)" % name
    for mode, row in tables["merge"]["modes"].items():
        if "function" in row:
            line = "from {k}.layers import %s, %s" % (row["function"], row["layer"])
            found["today " + mode] = line, "True"
        found.update(pair("mode " + mode, row))
    return found


def pair(name, row):
    """The two programs of a row that has a pair."""
    if "pair" not in row:
        return {}
    sides = row["pair"]
    return dict((name + " " + side, (sides[side], sides["result"])) for side in ("old", "new"))


def measure(package, every):
    """What each program comes to."""
    found = {}
    for name in sorted(every):
        print(name, file=sys.stderr)
        program, result = every[name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found[name] = run(package, program, result)
    return found


def run(package, program, result):
    """What a program found, or the error that it raised."""
    space = {}
    # a module that TensorFlow makes up as it is imported can't be imported from by its dotted name in every release
    keras = importlib.import_module(package) if package != "tensorflow.keras" else __import__("tensorflow").keras
    for name in ("layers", "models"):
        sys.modules.setdefault("%s.%s" % (package, name), getattr(keras, name))
    sys.modules.setdefault(package, keras)
    try:
        exec(program.replace("{k}", package), space)
        return {"value": rounded(eval(result, space))}
    except Exception as error:
        text = ("%s: %s" % (type(error).__name__, error)).split("\n")[0]
        return {"error": re.sub(r" \(/[^)]*\)", "", text)[:200]}


def rounded(value):
    """A value as JSON keeps it, without the last digits."""
    if isinstance(value, dict):
        return dict((str(key), rounded(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return round(value, 4) + 0.0
    return value if isinstance(value, (int, str, type(None))) else repr(value)


def main(arguments):
    """Write what was asked for to standard output."""
    if arguments == ["programs"]:
        found = programs()
    else:
        _, package, path = arguments
        with open(path) as stream:
            every = json.load(stream)
        if package == "tensorflow.keras":
            version = importlib.import_module("tensorflow").__version__
        else:
            version = importlib.import_module(package).__version__
        found = {"package": package, "version": version, "programs": measure(package, every)}
    json.dump(found, sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == "__main__":
    main(sys.argv[1:])
