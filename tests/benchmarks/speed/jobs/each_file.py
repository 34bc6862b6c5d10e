"""What one file costs in a process that is warm: parsing it with LibCST, and checking it with reglint.

each_file.py ROUNDS SELECT FILE...      prints JSON: for each file its least CPU seconds of [parsing, checking]

SELECT is a list of codes, or "all" for the rules that run when nothing is said. Files that LibCST refuses are left out.
Every round has a new Inspector, so that what files share (the modules that they import) is read anew, once.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import libcst

from reglint.discovery import Target
from reglint.inspector import Inspector
from reglint.runner import collect_seldom
from reglint.settings import Resolver


def seconds(run: Callable[[], object]) -> float:
    """Takes what to run; returns its CPU seconds, without a collection of the garbage that others left."""
    gc.collect()
    start = time.process_time()
    run()
    return time.process_time() - start


def parses(path: str) -> bool:
    """Takes the path of a file; says whether LibCST reads it."""
    try:
        libcst.parse_module(Path(path).read_bytes())
    except libcst.ParserSyntaxError:
        return False
    return True


def main(rounds: int, select: str, paths: list[str]) -> dict[str, tuple[float, float]]:
    """Takes the arguments of the command; returns what it prints."""
    collect_seldom()  # as the command does
    settings = Resolver({} if select == "all" else {"select": select.split(",")}, isolated=True).settings_for("/")
    paths = [path for path in paths if parses(path)]
    measured = {path: (float("inf"), float("inf")) for path in paths}
    for _ in range(rounds + 1):  # one more, to warm up
        inspector = Inspector()
        for path in paths:
            raw = Path(path).read_bytes()
            parsing = seconds(partial(libcst.parse_module, raw))
            checking = seconds(partial(inspector.inspect, Target(path, path, settings)))
            measured[path] = (min(measured[path][0], parsing), min(measured[path][1], checking))
    return measured


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])))
