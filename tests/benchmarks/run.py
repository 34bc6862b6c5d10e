"""How fast reglint is, beside other tools on the same job and beside what no tool can be quicker than.

    python tests/benchmarks/run.py [TREE...]        measure (everything, when no tree is named) and write the page
    python tests/benchmarks/run.py --page           only write the page from the record

The trees (large, sample, no-keras, one-file, notebooks, start-up, growth, copies) are made from pinned packages, and
every tool gets an environment of its own, in a folder outside the repository: ``--cache``, else
``$REGLINT_BENCHMARKS``, else ``~/.cache/reglint/benchmarks``. The commands take turns, so that a busy moment of the
machine meets all of them. What was measured goes to ``tests/benchmarks/results.json``, and from there to
``docs/speed.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

from speed import environments as tools
from speed import figures, page, trees
from speed.timing import Command, in_turns, timed

TREES = ("start-up", "one-file", "no-keras", "notebooks", "sample", "large", "growth", "copies")
#: What takes no time is measured more often.
AT_LEAST = {"start-up": 20}
#: So many candidates of the large tree are measured one by one.
CANDIDATES = 10
Result = TypeVar("Result")


def apart(function: Callable[..., Result], *arguments: Any) -> Result:
    """Runs a function in a process of its own: the memory that this one ever had would count as its children's."""
    with ProcessPoolExecutor(1) as executor:
        return executor.submit(function, *arguments).result()


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
    }


def commands(
    environments: tools.Environments, programs: Path, tree: str, folder: Path, quick: bool
) -> Iterator[Command]:
    """Takes the environments, where reglint is, and a tree; yields what is measured on it."""
    yield from tools.floors(programs, tree, folder)
    if tree in ("large", "sample", "one-file"):
        yield tools.parse(programs, apart(trees.candidates_in, folder))
    yield from tools.reglint(programs, tree, folder, quick)
    yield from tools.peers(environments, tree, folder)


def growth(environments: tools.Environments, programs: Path, size: str, folder: Path, quick: bool) -> Iterator[Command]:
    """The same for a tree that shows how the cost grows: the nearest peer alone."""
    yield from (command for command in tools.floors(programs, size, folder) if command.name == "walk")
    yield from tools.reglint(programs, size, folder, quick)
    yield from (command for command in tools.peers(environments, "large", folder) if command.name == "ast-grep")


def copies(programs: Path, number: int, folder: Path) -> dict[str, Any]:
    """Takes a tree that is so many times the same; returns the record of reglint on it, once, with an empty cache."""
    listed = tools.reglint(programs, f"copies {number}", folder, False)
    return measure([command for command in listed if command.name.startswith("reglint, cold")], folder, 1)


def measure(listed: Iterable[Command], folder: Path, rounds: int) -> dict[str, Any]:
    """Takes commands and their tree; returns the record of the tree."""
    listed = list(listed)
    for command in listed:
        if command.before:
            timed(command)
    load = os.getloadavg()[0]
    measured = in_turns(listed, rounds, lambda line: print(line, flush=True))
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "load": round(max(load, os.getloadavg()[0]), 1),
        "rounds": rounds,
        **apart(trees.described, folder),
        "commands": measured,
    }


def each_file(programs: Path, tree: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Takes a tree; returns for its candidates, and both choices of rules, the CPU seconds of [parsing, checking]."""
    chosen = apart(trees.candidates_in, folder)
    chosen = trees.evenly(chosen, min(len(chosen), CANDIDATES))
    found: dict[str, Any] = {}
    for select in (tools.SELECT, "all"):
        argv = [str(programs / "python"), str(tools.JOBS / "each_file.py"), str(rounds), select, *map(str, chosen)]
        measured = json.loads(subprocess.run(argv, capture_output=True, check=True, cwd=folder).stdout)
        found[select] = {
            Path(path).relative_to(folder).as_posix(): [round(seconds, 4) for seconds in pair]
            for path, pair in measured.items()
        }
        print(f"  each file of {tree}, {select}: {figures.overall(found[select]):.2f} parses", flush=True)
    return found


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", metavar="TREE", nargs="*", help=f"{', '.join(TREES)} [default: all]")
    parser.add_argument("--rounds", type=int, default=3, help="how often each command runs [default: 3]")
    parser.add_argument("--cache", type=Path, help="where trees and environments are kept")
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes: all rules on many files")
    parser.add_argument("--page", action="store_true", help="measure nothing")
    arguments = parser.parse_args()
    if unknown := set(arguments.trees) - set(TREES):
        parser.error(f"no such tree: {', '.join(sorted(unknown))}")
    if not arguments.page:
        measure_all(arguments.trees or TREES, arguments.rounds, arguments.cache, arguments.quick)
    page.write(page.read())


def measure_all(wanted: Iterable[str], rounds: int, cache: Path | None, quick: bool) -> None:
    """Takes the names of trees and the options; measures them and puts them into the record, tree by tree."""
    cache = cache or Path(os.environ.get("REGLINT_BENCHMARKS") or Path.home() / ".cache" / "reglint" / "benchmarks")
    os.environ.clear()
    os.environ.update(tools.FRESH)
    folders = apart(trees.build, cache.absolute() / "trees", tuple(wanted))
    environments = tools.Environments(cache.absolute() / "environments")
    programs = environments.reglint()
    record = page.read() if page.RECORD.exists() else {"trees": {}, "growth": {}, "each_file": {}}
    for tree in wanted:
        print(tree, flush=True)
        folder = folders[tree]
        if tree == "growth":
            record["growth"] = {
                size: measure(growth(environments, programs, size, folder / size, quick), folder / size, rounds)
                for size in map(str, trees.SIZES)
            }
        elif tree == "copies":
            record["copies"] = {str(number): copies(programs, number, folder / str(number)) for number in trees.COPIES}
        else:
            listed = commands(environments, programs, tree, folder, quick)
            record["trees"][tree] = measure(listed, folder, max(rounds, AT_LEAST.get(tree, 0)))
        if tree in ("one-file", "large"):
            record["each_file"][tree] = each_file(programs, tree, folder, rounds)
        names = ["reglint", *(name for name in tools.PEERS if name not in environments.missing)]
        record["machine"] = machine()
        record["versions"] = record.get("versions", {}) | {
            name: versions for name in names if (versions := environments.versions(name))
        }
        record["missing"] = environments.missing
        page.RECORD.write_text(page.dumped(record), encoding="utf-8")


if __name__ == "__main__":
    main()
