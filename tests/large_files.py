"""How long large and deep files take, and how much memory: ``python tests/large_files.py`` prints a table.

Each lies beside a good file, which must be done whatever becomes of the other.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

GOOD = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n'

#: What a file holds → its name and its text.
LARGE: Mapping[str, tuple[str, Callable[[], str]]] = {
    "nothing": ("a.py", lambda: "x = 1\n"),
    "an expression of 900 terms": ("a.py", lambda: GOOD + "x = 1" + " + 1" * 900 + "\n"),
    "an expression of 10,000 terms": ("a.py", lambda: GOOD + "x = 1" + " + 1" * 10_000 + "\n"),
    "3,000 nested brackets": ("a.py", lambda: GOOD + "x = " + "(" * 3_000 + ")" * 3_000 + "\n"),
    "100,000 short lines": ("a.py", lambda: GOOD + "x = 1\n" * 100_000),
    "100,000 lines of calls": ("a.py", lambda: GOOD + "x = f(1, y)\n" * 100_000),
    "10,000 findings": ("a.py", lambda: GOOD + 'x = Dense(8, W_regularizer="l2")\n' * 10_000),
    "100,000 findings": ("a.py", lambda: GOOD + 'x = Dense(8, W_regularizer="l2")\n' * 100_000),
    "a line of 1 MB, 300,000 numbers": ("a.py", lambda: GOOD + "x = [" + "1, " * 300_000 + "]\n"),
    "a line of 10 MB, 3,300,000 numbers": ("a.py", lambda: GOOD + "x = [" + "1, " * 3_300_000 + "]\n"),
    "a line of 10 MB, one string": ("a.py", lambda: GOOD + "x = '" + "a" * 10_000_000 + "'\n"),
    "50 MB without a word of Keras": ("a.py", lambda: "x = 1  # filler\n" * 3_000_000),
    "a module of 10 MB that another imports": (
        "layers.py",
        lambda: "from keras.layers import Dense\n" + "x = f(1, y)\n" * 850_000,
    ),
}

MEASURED = """
import resource, sys
from reglint.cli import main
status = main(["check", "--jobs", "1", "--no-cache"])
used = resource.getrusage(resource.RUSAGE_SELF)
try:  # ru_maxrss begins with the memory of whoever started this process
    with open("/proc/self/status") as state:
        peak = next(int(line.split()[1]) for line in state if line.startswith("VmHWM:"))
except OSError:
    peak = used.ru_maxrss
print(status, used.ru_utime + used.ru_stime, peak / 1024, file=sys.stderr)
"""


class Measured(NamedTuple):
    """What became of a large file: done or why not, the exit status, processor seconds, and MB at most."""

    outcome: str
    is_good_done: bool
    status: int
    seconds: float
    megabytes: float


def measured(name: str, folder: Path) -> Measured:
    """Check a large file in an empty folder."""
    filename, text = LARGE[name]
    (folder / filename).write_text(text())
    (folder / "z_good.py").write_text(GOOD if filename == "a.py" else GOOD.replace("keras.layers", "layers") + GOOD)
    done = subprocess.run([sys.executable, "-c", MEASURED], cwd=folder, capture_output=True, text=True, check=False)
    status, seconds, megabytes = done.stderr.split()[-3:]
    lines = done.stdout.splitlines()
    refused = [line.partition(" REG900 ")[2] for line in lines if line.startswith(filename) and " REG900 " in line]
    is_good_done = any(line.startswith("z_good.py:") and " REG101 " in line for line in lines)
    return Measured(*(refused or ["done"])[:1], is_good_done, int(status), float(seconds), float(megabytes))


if __name__ == "__main__":
    print("| file | outcome | processor time | memory |\n|---|---|---|---|")
    for each in LARGE:
        with tempfile.TemporaryDirectory() as place:
            found = measured(each, Path(place))
        print(f"| {each} | {found.outcome} | {found.seconds:.1f} s | {found.megabytes:.0f} MB |", flush=True)
