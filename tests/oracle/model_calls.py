# ruff: noqa: UP031, UP010
"""What the old and the new spelling of a model's, an optimizer's or a layer's call do, measured on the installed Keras.

    python model_calls.py pairs > PAIRS.json
    python model_calls.py measure PACKAGE PAIRS.json > RESULT.json

`pairs` (Python 3.11 or later) takes the programs out of TABLES in rules/facts. `measure` runs both programs of each
pair on Python 2.7 to 3.13, Keras 1.2 to 3.15; PACKAGE is `keras`, `tensorflow.keras`, `tf_keras` or `keras_core`. A
result holds for each row what the two programs found, or the error that they raised, and the first warning of the old
one. Results lie in model_calls/PACKAGE-VERSION.json.
"""

from __future__ import division, print_function

import hashlib
import importlib
import json
import os
import re
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

TABLES = {
    "model_arguments": "callables",
    "optimizers": "optimizers",
    "optimizer_attributes": "attributes",
    "required_arguments": "layers",
}


def pairs():
    """Row -> its programs, from the tables."""
    import tomllib

    found = {}
    rules = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "rules", "facts")
    for table in TABLES:
        with open(os.path.join(rules, table + ".toml"), "rb") as stream:
            facts = tomllib.load(stream)
        for name, row in rows(facts[TABLES[table]]):
            found["%s %s" % (table, name)] = dict(row["pair"], setup=facts["setup"])
    return found


def rows(facts):
    """Every row of a table that carries a pair, with its name."""
    for name, known in facts.items():
        if "today" in known:
            yield name, known["today"]
        for argument, row in known.get("arguments", {}).items():
            yield "%s %s" % (name, argument), row


def measure(package, programs):
    """What the two programs of each row come to."""
    found = {}
    for name in sorted(programs):
        print(name, file=sys.stderr)
        pair = programs[name]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            old = run(package, pair, pair["old"])
        told = [str(each.message).split("\n")[0] for each in caught if is_about_the_call(each)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            new = run(package, pair, pair["new"])
        found[name] = {"old": old, "new": new}
        if told:
            found[name]["warning"] = told[0][:200]
    return found


def is_about_the_call(warning):
    """Does a warning come from Keras's own reading of what was passed?"""
    text = str(warning.message)
    return any(word in text for word in ("Update your", "nb_epoch", "show_accuracy", "semantics"))


def run(package, pair, program):
    """What a program found, or the error that it raised."""
    space = {}
    clear = getattr(importlib.import_module(package + ".backend"), "clear_session", None)
    if clear is not None:  # a graph that grows with every program makes each slower than the last
        clear()
    try:
        for text in (pair["setup"], program):
            exec(text.replace("{k}", package), space)
        return {"value": rounded(eval(pair["result"], space))}
    except Exception as error:
        told = ("%s: %s" % (type(error).__name__, error)).split("\n")[0][:300]
        return {"error": re.sub(r"(?<![\w.])/[^\s\"':,)]*/", "FOLDER/", told)}


def kept(value):
    """A value, or what tells a long one from others."""
    text = json.dumps(value, sort_keys=True)
    return value if len(text) < 120 else "sha1 " + hashlib.sha1(text.encode("utf-8")).hexdigest()[:12]


def rounded(value):
    """A value as JSON keeps it, without the last digits."""
    if isinstance(value, dict):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float("%.5g" % value)
    return value if isinstance(value, (int, str, type(None))) else repr(value)


def main(arguments):
    """Write what was asked for to standard output."""
    if arguments == ["pairs"]:
        found = pairs()
    else:
        _, package, path = arguments
        with open(path) as stream:
            programs = json.load(stream)
        importlib.import_module(package)
        version = importlib.import_module(package.split(".")[0]).__version__
        kept, sys.stdout = sys.stdout, sys.stderr  # Keras prints its progress
        found = {"package": package, "version": version, "rows": measure(package, programs)}
        sys.stdout = kept
    json.dump(found, sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == "__main__":
    main(sys.argv[1:])
