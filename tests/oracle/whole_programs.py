"""How many old Keras programs import and build their models on Keras 3, before and after `reglint fix`.

    python whole_programs.py measure RELEASE SOURCES --python PYTHON [--side before|after] [--only TEXT] [--work FOLDER]
    python whole_programs.py document

RELEASE is the Keras release that the programs were written for, e.g. 2.0.8; SOURCES is a folder with its `examples` and
`tests`; PYTHON has Keras 3 installed. `measure` copies them, runs `reglint fix --target keras==3.15 --unsafe-fixes`
over the copy for the side `after`, runs each program there (`programs/run_program.py` says what stands in for data and
training), and writes the verdicts into `whole_programs.json`. `document` writes `docs/whole-programs.md` from that
record.
"""

import argparse
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from programs.document import document

HERE = Path(__file__).resolve().parent
RECORD = HERE / "whole_programs.json"
RUNNER = HERE / "programs" / "run_program.py"
TEMPLATE = HERE / "programs" / "whole-programs.template.md"
DOCUMENT = HERE.parents[1] / "docs" / "whole-programs.md"
TARGET = "keras==3.15"
SECONDS = {"script": 240, "tests": 900}

# What the scripts that need arguments are started with; run_program.py writes these files.
ARGUMENTS = {
    "deep_dream.py": ["content.png", "result"],
    "neural_style_transfer.py": ["content.png", "style.png", "result"],
    "neural_doodle.py": [
        *("--nlabels", "2", "--style-image", "style.png", "--style-mask", "mask.png", "--target-mask", "mask.png"),
        *("--content-image", "content.png", "--target-image-prefix", "result"),
    ],
}

# What is changed in both copies, before and after, because data or Python stand in its way and not Keras:
# (name, old text, new text). Files in the root folder; a pattern that splits differently since Python 3.7.
PREPARED = [
    ("pretrained_word_embeddings.py", "BASE_DIR = ''", "BASE_DIR = '.'"),
    ("babi_memnn.py", r"re.split('(\W+)?'", r"re.split('(\W+)'"),
    ("babi_rnn.py", r"re.split('(\W+)?'", r"re.split('(\W+)'"),
]


def programs_in(sources):
    """(path inside SOURCES, kind) of each program: the scripts among the examples, the modules of tests."""
    found = []
    for path in sorted([*sources.glob("examples/*.py"), *sources.glob("tests/**/*.py")]):
        inside = path.relative_to(sources).as_posix()
        is_test = re.search(r"test_\w+\.py$|_test\.py$", inside) is not None
        if inside.startswith("examples/") or is_test:
            found.append((inside, "tests" if is_test else "script"))
    return found


def test_functions(path):
    """The names of the test functions in the module PATH, `Class.method` for a method."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError:
        return []
    scopes = [("", tree)] + [(f"{node.name}.", node) for node in tree.body if isinstance(node, ast.ClassDef)]
    return [
        prefix + node.name
        for prefix, scope in scopes
        for node in scope.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test")
    ]


def prepare(folder):
    """Make the changes of PREPARED in the copies under FOLDER."""
    for name, old, new in PREPARED:
        for path in folder.rglob(name):
            path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def fix(folder):
    """Run the codemod over FOLDER."""
    command = [sys.executable, "-m", "reglint", "fix", "--isolated", "--target", TARGET, "--unsafe-fixes", str(folder)]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, timeout=1200)


def backend_for(path):
    """The backend that the program at PATH needs."""
    imports_tensorflow = re.search(r"^\s*(import|from) tensorflow", path.read_text(encoding="utf-8"), re.MULTILINE)
    return "tensorflow" if imports_tensorflow else "jax"


def run(python, root, inside, kind):
    """The verdict on the program INSIDE the folder ROOT."""
    path = (root / inside).resolve()
    environment = dict(os.environ, KERAS_BACKEND=backend_for(path), TF_CPP_MIN_LOG_LEVEL="3", JAX_PLATFORMS="cpu")
    environment["CUDA_VISIBLE_DEVICES"] = ""
    with tempfile.TemporaryDirectory() as folder:
        environment["HOME"] = environment["KERAS_HOME"] = folder
        result = Path(folder) / "verdict.json"
        command = [python, RUNNER, kind, path, result, *ARGUMENTS.get(path.name, [])]
        log = (root / inside).with_suffix(".log")
        try:
            with log.open("wb") as output:
                subprocess.run(
                    command,
                    cwd=folder,
                    env=environment,
                    check=False,
                    timeout=SECONDS[kind],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
        except subprocess.TimeoutExpired:
            return {"end": "timeout"}
        if not result.exists():
            return {"end": "died", "last": log.read_text(errors="replace").strip().splitlines()[-1:]}
        text = result.read_text()
    places = {
        str(root.resolve()): ".",
        folder: "FOLDER",
        str(Path(python).parent.parent): "PYTHON",
        str(HERE): "HARNESS",
        f"{tempfile.gettempdir()}/": "TEMPORARY/",
    }
    for place, name in places.items():
        text = text.replace(place, name)
    return json.loads(text)


def measure(arguments):
    """Run the programs of one release and keep their verdicts in the record."""
    sources, work = Path(arguments.sources), Path(arguments.work or tempfile.mkdtemp())
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    programs = record.setdefault(arguments.release, {})
    for side in [arguments.side] if arguments.side else ["before", "after"]:
        root = work / arguments.release / side
        shutil.rmtree(root, ignore_errors=True)
        for part in ("examples", "tests"):
            if (sources / part).is_dir():
                shutil.copytree(sources / part, root / part)
        prepare(root)
        if side == "after":
            fix(root)
        for inside, kind in programs_in(root):
            if arguments.only and not re.search(arguments.only, inside):
                continue
            started = time.time()
            verdict = run(arguments.python, root, inside, kind)
            entry = programs.setdefault(inside, {"kind": kind})
            if kind == "tests":
                entry["functions"] = test_functions(sources / inside)
            entry[side] = verdict
            print(f"{side} {inside}: {verdict['end']} {verdict.get('error')} {time.time() - started:.0f} s", flush=True)
            RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


def write_document(_arguments):
    """Write the document from the record."""
    DOCUMENT.write_text(
        document(json.loads(RECORD.read_text()), TEMPLATE.read_text(encoding="utf-8")), encoding="utf-8"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    measuring = commands.add_parser("measure")
    for name in ("release", "sources"):
        measuring.add_argument(name)
    for option in ("--python", "--side", "--only", "--work"):
        measuring.add_argument(option)
    measuring.set_defaults(run=measure)
    commands.add_parser("document").set_defaults(run=write_document)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
