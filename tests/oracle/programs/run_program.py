"""Run one old program on the Keras that is installed here, and say how far it gets: one JSON object in a file.

    python run_program.py script|tests PROGRAM RESULT [ARGUMENT …]

A script runs to its end, to its first error, or into its training loop. A test module is run by pytest, each test to
its own end. `whole_programs.py` starts this: one process for each program, in a folder of its own, with a time limit.
"""

import ast
import json
import re
import runpy
import signal
import sys
import traceback
import warnings

from keras_data import replace_keras_data, replace_other_libraries, write_files
from keras_test_tools import replace_test_tools
from keras_training import Enough, Models, Training

LIMIT = 400
TEST_SECONDS = 90


def _lines_of_imports(path):
    with open(path, encoding="utf-8") as source:
        tree = ast.parse(source.read())
    statements = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {line for node in statements for line in range(node.lineno, node.end_lineno + 1)}


def _statements(body):
    """The statements of BODY in the order of the file; of those that only choose or repeat, what is in them."""
    for statement in body:
        if isinstance(statement, (ast.If, ast.For, ast.While, ast.With, ast.Try)):
            inner = [*statement.body, *getattr(statement, "orelse", ()), *getattr(statement, "finalbody", ())]
            for handler in getattr(statement, "handlers", ()):
                inner += handler.body
            yield from _statements(inner)
        else:
            yield statement


def _called(node):
    """The last names of what is called in NODE, NumPy's functions left out."""
    calls = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
    calls = [function for function in calls if getattr(getattr(function, "value", None), "id", None) != "np"]
    return {getattr(function, "attr", getattr(function, "id", None)) for function in calls}


def end_of_building(path, keras):
    """The last line at the top level of the script PATH that makes or compiles a layer or a model, directly or not."""
    with open(path, encoding="utf-8") as source:
        tree = ast.parse(source.read())
    building = {*dir(keras.layers), *dir(keras.models), "compile", "Convolution2D", "Merge", "merge"}
    definitions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    for _ in definitions:
        building |= {node.name for node in definitions if _called(node) & building}
    top = [node for node in _statements(tree.body) if not isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    return max((node.end_lineno for node in top if _called(node) & building), default=0)


def said(error):
    """What ERROR says, on one line; of what Keras wraps in words of its own, what was raised inside."""
    text = re.sub(r"\x1b\[\d+m", "", str(error))
    where = re.findall(r"encountered when calling ([\w.]+)\(\)", text)
    wrapped = re.findall(r"(?:Error encountered:|when calling [\w.]+\(\)\.|Exception encountered:)\s+'?(?=(.+))", text)
    innermost = next((line for line in reversed(wrapped) if "encountered" not in line), None)
    if innermost:
        return innermost.strip() + (f" (in {where[-1]})" if where else "")
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def described(error, path):
    """ERROR as the record holds it: where in PATH, what, and the first line of what it says."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [line for file, line in frames if file == path]
    return {
        "type": type(error).__name__,
        "message": said(error)[:300],
        "line": own[-1] if own else getattr(error, "lineno", None),
        "top_line": own[0] if own else None,
        "raised": "{}:{}".format(*frames[-1]) if frames else None,
    }


def past_building(error, failure, path, keras):
    """Whether all that the script PATH makes and compiles was behind it, and no model was being called, at FAILURE."""
    called = any(frame.f_code is Training.on_a_batch.__code__ for frame, _ in traceback.walk_tb(failure.__traceback__))
    return bool(not called and error["top_line"] and error["top_line"] > end_of_building(path, keras))


def run_script(path, keras):
    """How the script PATH ends: `end` is `end`, `training` (in its loop) or `error`; `past` tells of an error whether
    its models were made by then."""
    try:
        runpy.run_path(path, run_name="__main__")
    except Enough:
        return {"end": "training", "imports": True}
    except BaseException as raised:
        failure = raised
    else:
        return {"end": "end", "imports": True}
    if isinstance(failure, SystemExit) and failure.code in (None, 0):
        return {"end": "end", "imports": True}
    error = described(failure, path)
    try:
        imports = error["line"] not in _lines_of_imports(path)
    except SyntaxError:
        imports = False
    past = imports and past_building(error, failure, path, keras)
    return {"end": "error", "imports": imports, "past": past, "error": error}


def in_keras(error):
    """Whether it was Keras's own code that raised ERROR."""
    return "site-packages/keras/" in str(error["raised"])


class Tests:
    """A pytest plugin: what became of each test function. A function with parameters is as good as its worst case."""

    ORDER = ("skipped", "passed", "assertion", "error")

    def __init__(self, path):
        self.path, self.functions, self.collected = path, {}, None

    def pytest_runtest_makereport(self, item, call):
        if call.excinfo is None:
            outcome, error = ("passed", None) if call.when == "call" else (None, None)
        else:
            failure = call.excinfo.value
            kind = type(failure).__name__
            error = described(failure, self.path)
            if kind == "Skipped":
                outcome, error = "skipped", None
            elif kind == "Failed" or (isinstance(failure, AssertionError) and not in_keras(error)):
                outcome = "assertion"
            else:
                outcome = "error"
        if outcome is None:
            return
        name = f"{item.cls.__name__}.{item.originalname}" if item.cls else item.originalname
        known = self.functions.get(name)
        if known is None or self.ORDER.index(outcome) > self.ORDER.index(known["outcome"]):
            self.functions[name] = {"outcome": outcome} | ({"error": error} if error else {})

    def pytest_runtest_call(self, item):
        def late(_signal, _frame):
            raise TimeoutError(f"no end after {TEST_SECONDS} s")

        signal.signal(signal.SIGALRM, late)
        signal.alarm(TEST_SECONDS)

    def pytest_runtest_teardown(self, item):
        signal.alarm(0)

    def pytest_exception_interact(self, node, call, report):
        if report.when == "collect":
            failure = call.excinfo.value
            self.collected = described(failure.__cause__ or failure, self.path)


def run_tests(path, _keras):
    """What becomes of each test function of the module PATH."""
    import pytest

    plugin = Tests(path)
    options = ["-q", "-c", "/dev/null", "--rootdir", ".", "--import-mode=importlib", "-W", "ignore"]
    options += [part for name in ("cacheprovider", "xdist", "asyncio") for part in ("-p", f"no:{name}")]
    options += ["-o", "python_files=*.py"]
    pytest.main([*options, path], plugins=[plugin])
    if plugin.collected:
        return {"end": "error", "imports": False, "error": plugin.collected}
    return {"end": "end", "imports": True, "functions": plugin.functions}


def main(kind, path, result, *arguments):
    """Run PATH and write to RESULT what became of it."""
    warnings.simplefilter("ignore")
    replace_other_libraries()
    import keras

    replace_keras_data(keras)
    write_files()
    models = Models(keras)
    Training(keras, LIMIT if kind == "script" else 10**6)
    sys.argv = [path, *arguments]
    if kind == "tests":
        replace_test_tools(keras)
    verdict = {"script": run_script, "tests": run_tests}[kind](path, keras)
    verdict |= {
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "made": len(models.made),
        "built": models.built(),
    }
    with open(result, "w", encoding="utf-8") as file:
        json.dump(verdict, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
