# ruff: noqa: UP031
"""What the installed Keras takes for arguments that a call leaves out, and where releases differ in that.

    python defaults.py read PACKAGE > RELEASE.json
    python defaults.py merge RELEASE.json ... > defaults.json

PACKAGE is `keras`, `tensorflow.keras`, `tf_keras` or `keras_core`; Python 3.6 or later. `read` prints module.name ->
argument -> default, as Python writes it; a default that is no number, string, truth value, None or tuple of these is
left out. The decorators of Keras 2's legacy interface and of TensorFlow's exports are looked through. `merge` keeps the
arguments whose default is not the same everywhere: module.name argument -> default -> releases, which it takes from the
names of the files, such as keras-2.2.4.json. What Keras 1 calls otherwise goes by its later name.
"""

import importlib
import inspect
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

MODULES = ("activations", "callbacks", "constraints", "initializers", "layers", "losses", "optimizers", "regularizers")
RENAMED = {"lr": "learning_rate", "inner_activation": "recurrent_activation"}
PLAIN = (bool, int, float, str, type(None))


def is_plain(value):
    """Can the default be written down?"""
    return isinstance(value, PLAIN) or (isinstance(value, tuple) and all(isinstance(one, PLAIN) for one in value))


def defaults(thing):
    """Argument -> default of a class or function, as Python writes it; empty where the signature can't be read."""
    function = thing.__init__ if inspect.isclass(thing) else thing
    while hasattr(function, "_original_function") or hasattr(function, "__wrapped__"):
        function = getattr(function, "_original_function", None) or function.__wrapped__
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {one.name: repr(one.default) for one in parameters if one.default is not one.empty and is_plain(one.default)}


def read(package):
    """Print the defaults of a package."""
    root, _, inner = package.partition(".")
    keras = importlib.import_module(root)
    keras = getattr(keras, inner) if inner else keras
    found = {}
    for module in MODULES:
        names = getattr(keras, module, None)
        for name in dir(names) if names is not None else ():
            thing = getattr(names, name)
            known = defaults(thing) if callable(thing) and not name.startswith("_") else {}
            if known:
                found["%s.%s" % (module, name)] = known
    print(json.dumps(found, indent=1, sort_keys=True))


def merge(paths):
    """Print the defaults that differ between releases; `name` is what an object is called, which differs by nature."""
    found = {}
    for path in sorted(paths, key=order):
        release = os.path.basename(path)[: -len(".json")]
        with open(path) as stream:
            text = stream.read()
        # Keras says which backend it uses before anything else
        for name, arguments in json.loads(text[text.index("{") :]).items():
            for argument, default in arguments.items():
                row = found.setdefault("%s %s" % (name, RENAMED.get(argument, argument)), {})
                row.setdefault(default, []).append(release)
    differing = {row: values for row, values in found.items() if len(values) > 1 and not row.endswith(" name")}
    lines = ["  %s: %s" % (json.dumps(row), json.dumps(differing[row])) for row in sorted(differing)]
    print("{\n" + ",\n".join(lines) + "\n}")


def order(path):
    """Package and version of a result, for sorting."""
    package, version = os.path.basename(path)[: -len(".json")].rsplit("-", 1)
    return package, [int(part) for part in version.split(".")]


def main(arguments):
    """Do what the first argument says."""
    if len(arguments) < 2 or arguments[0] not in ("read", "merge"):
        print("usage: defaults.py read PACKAGE | merge RELEASE.json ...", file=sys.stderr)
        return 2
    if arguments[0] == "read":
        read(arguments[1])
    else:
        merge(arguments[1:])
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
