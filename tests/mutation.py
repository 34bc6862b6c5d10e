"""The share of small faults in the code that the tests notice: ``python tests/mutation.py`` prints a table.

``pip install -e '.[test,mutation]'`` brings mutmut, which makes the faults: programs that differ from ours in one
operator, number, name or argument. ``[tool.mutmut]`` in ``pyproject.toml`` says in which modules, and which tests are
run. mutmut would start pytest anew for each mutant, with every test that calls the function; here one pytest collects
the tests and is forked for each mutant, with the tests that come past the changed line. All happens in a copy.

What stays alive is written to ``survivors.diff`` there. A change of a message's words alone is not counted.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import fnmatch
import gc
import importlib
import json
import os
import pkgutil
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import coverage
import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("reglint", "rules", "fixtures", "docs", "tests", "pyproject.toml", "README.md")
MAKE = """
from mutmut.__main__ import copy_also_copy_files, copy_src_dir, create_mutants
copy_src_dir()
copy_also_copy_files()
create_mutants(1)
"""
MEMORY = 6 << 30
PROSE = re.compile(r'f?"[^"\n]* [^"\n]*"')


class Change(NamedTuple):
    """What a mutant is: the file, the line of the unchanged function that it changes first, and the difference."""

    path: Path
    line: int
    difference: str

    @property
    def is_prose(self) -> bool:
        """Does nothing change but a string of several words?"""
        lines = self.difference.splitlines()
        old, new = (sorted(PROSE.sub("''", line[1:]) for line in lines if line.startswith(sign)) for sign in "-+")
        return old == new


class Seen(NamedTuple):
    """What the tests do without a mutant: how long each takes, and which come past a line of a file."""

    seconds: dict[str, float]
    lines: dict[str, dict[str, list[int]]]  # tests by their rank in ``seconds``


def main() -> None:
    """Print how many mutants the tests kill."""
    parser = argparse.ArgumentParser(description="Run the tests against mutants of the code.")
    parser.add_argument("names", nargs="*", default=["*"], help="patterns of mutants, such as '*flows*'")
    parser.add_argument("--sample", type=int, help="draw so many of them at random")
    parser.add_argument("--seed", type=int, default=1, help="what the draw begins with")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", type=Path, help="where to work; mutants that lie there are taken as they are")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="mutants-"))
    if not (folder / "mutants").exists():
        prepare(folder)
    os.chdir(folder / "mutants")
    every = [name for name in mutants() if any(fnmatch.fnmatch(name, wanted) for wanted in options.names)]
    rng = random.Random(options.seed)
    drawn = {name: change_of(name) for name in rng.sample(every, min(options.sample or len(every), len(every)))}
    chosen = {name: change for name, change in drawn.items() if not change.is_prose}
    worded = len(drawn) - len(chosen)
    print(f"{len(every)} mutants, {len(drawn)} drawn, {worded} of them change the words of a message alone", flush=True)
    outcomes = judged(chosen, options.jobs, folder)
    print("\n".join(["", *table(outcomes), "", f"what stayed alive: {folder / 'survivors.diff'}"]))


def prepare(folder: Path) -> None:
    """Copy the sources, and let mutmut write the mutants into ``mutants``."""
    (folder / "mutants").mkdir(parents=True)
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        else:
            shutil.copy(ROOT / name, folder / name)
    subprocess.run([sys.executable, "-c", MAKE], cwd=folder, stdout=subprocess.DEVNULL, check=True)


def mutants() -> list[str]:
    """The names of all mutants, in order."""
    found: list[str] = []
    for path in sorted(Path().rglob("*.meta")):
        found.extend(json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"])
    return found


def change_of(name: str) -> Change:
    """What the mutant ``name`` changes."""
    module, _, function = name.rpartition(".")
    path = Path(module.replace(".", "/") + ".py")
    lines, spans = mutated(path)
    unchanged = function.partition("__mutmut_")[0] + "__mutmut_orig"
    (first, last), (start, end) = spans[unchanged], spans[function]
    old = [line.replace(unchanged, function) for line in lines[first - 1 : last]]
    new = lines[start - 1 : end]
    line = next(first + rank for rank, (a, b) in enumerate(zip(old, [*new, *old], strict=False)) if a != b)
    return Change(path, line, "\n".join([*difflib.unified_diff(old, new, lineterm="", n=4)][2:]))


@cache
def mutated(path: Path) -> tuple[list[str], dict[str, tuple[int, int]]]:
    """The lines of a file with all its mutants, and where in it each function stands."""
    spans = json.loads(Path(f"{path}.spans").read_text(encoding="utf-8"))["spans"]
    return path.read_text(encoding="utf-8").splitlines(), {name: tuple(span) for name, span in spans.items()}


@cache
def statements(path: Path) -> list[tuple[int, int]]:
    """The lines of each statement of a file, of one with a body those above that; and those of each whole function."""
    found: list[tuple[int, int]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        # Python may leave out a `continue` on its way, which then counts as part of what is around it
        if isinstance(node, ast.stmt) and not isinstance(node, _JUMPS):
            end = node.end_lineno or node.lineno
            inner = [child.lineno - 1 for child in getattr(node, "body", []) if not isinstance(child, _JUMPS)]
            found.append((node.lineno, max(inner[0], node.lineno) if inner else end))
            if isinstance(node, ast.FunctionDef):
                found.append((node.lineno, end))
    return found


_JUMPS = (ast.Continue, ast.Break, ast.Pass)


def judged(chosen: Mapping[str, Change], jobs: int, folder: Path) -> dict[str, str]:
    """Run the tests against each mutant: it is "killed", "slow" (over its time), "alive", or "unseen" by any test."""
    os.environ["MUTANT_UNDER_TEST"] = ""
    tool = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    sys.path[:] = [os.getcwd(), *(path for path in sys.path if Path(path).resolve() not in (ROOT, ROOT / "tests"))]
    judge = Judge(chosen, jobs, folder)
    arguments = [*tool["pytest_add_cli_args"], *tool["pytest_add_cli_args_test_selection"]]
    pytest.main(["-q", "--rootdir=.", *arguments], plugins=[judge])
    return judge.outcomes


class Judge:
    """A plugin of pytest that runs the collected tests against mutants, each in a process of its own."""

    def __init__(self, chosen: Mapping[str, Change], jobs: int, folder: Path) -> None:
        self.chosen = chosen
        self.jobs = jobs
        self.folder = folder
        self.outcomes: dict[str, str] = {}
        self.kills: Counter[str] = Counter()
        self.running: dict[int, tuple[str, int]] = {}

    def pytest_configure(self) -> None:
        from hypothesis import settings  # now: pytest wants to import its plugins itself

        # a machine that is busy is no reason to fail, and each mutant is to meet the same examples
        settings.register_profile("mutation", deadline=None, derandomize=True, database=None)
        settings.load_profile("mutation")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        warm_up()
        items = {item.nodeid: item for item in session.items}
        seen = self._seen(items)
        (self.folder / "survivors.diff").write_text("", encoding="utf-8")
        for count, (name, change) in enumerate(self.chosen.items(), 1):
            # what has killed often does it again; else the quick ones first
            tests = sorted(
                (test for test in tests_of(change, seen) if test in items),
                key=lambda test: (-self.kills[test], seen.seconds[test], test),
            )
            while len(self.running) >= self.jobs:
                self._finish()
            if tests:
                limit = 20 + int(5 * sum(seen.seconds[test] for test in tests))
                self._start(name, [items[test] for test in tests], limit)
            else:
                self._note(name, "unseen")
            if count % 50 == 0:
                lived = sum(outcome in ("alive", "unseen") for outcome in self.outcomes.values())
                print(f"{count} of {len(self.chosen)}, {lived} alive", file=sys.__stderr__, flush=True)
        while self.running:
            self._finish()
        return True

    def _seen(self, items: Mapping[str, pytest.Item]) -> Seen:
        """Run the tests without a mutant, or read what an earlier run has noted."""
        notes = self.folder / "seen.json"
        if not notes.exists():
            child = os.fork()
            if child == 0:
                os._exit(_watched(items, notes))
            assert os.waitpid(child, 0)[1] == 0, "the tests fail without a mutant"
        return Seen(*json.loads(notes.read_text(encoding="utf-8")))

    def _start(self, name: str, items: list[pytest.Item], limit: int) -> None:
        readable, writable = os.pipe()
        child = os.fork()
        if child == 0:
            os.environ["MUTANT_UNDER_TEST"] = name
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            signal.alarm(10 * limit)
            os._exit(_killed(items, writable))
        os.close(writable)
        self.running[child] = name, readable

    def _finish(self) -> None:
        child, status = os.wait()
        if child not in self.running:
            return
        name, readable = self.running.pop(child)
        with os.fdopen(readable, encoding="utf-8") as pipe:
            killer = pipe.read()
        if killer:
            self.kills[killer] += 1
        stopped = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL, signal.SIGALRM)
        self._note(name, "slow" if stopped else "killed" if status else "alive")

    def _note(self, name: str, outcome: str) -> None:
        self.outcomes[name] = outcome
        if outcome in ("alive", "unseen"):
            with open(self.folder / "survivors.diff", "a", encoding="utf-8") as file:
                file.write(f"# {name}, {outcome}\n{self.chosen[name].difference}\n\n")


def warm_up() -> None:
    """Import and read what every process needs; nothing of it is mutated or remembers what a mutant did."""
    import reglint
    from reglint.rulebook import facts, load_cards, rules_folder

    for module in pkgutil.walk_packages(reglint.__path__, "reglint."):
        if not module.name.startswith(("reglint.probe", "reglint.server", "reglint.__main__")):
            importlib.import_module(module.name)
    load_cards()
    for path in (rules_folder() / "facts").glob("*.toml"):
        facts(path.stem)
    gc.collect()
    gc.freeze()


def tests_of(change: Change, seen: Seen) -> set[str]:
    """The tests that come past the statement that a mutant changes."""
    around = [(start, end) for start, end in statements(change.path) if start <= change.line <= end]
    start, end = min(around, key=lambda lines: lines[1] - lines[0])
    lines = seen.lines.get(str(change.path), {})
    tests = list(seen.seconds)
    return {tests[rank] for line in range(start, end + 1) for rank in lines.get(str(line), ())}


def _watched(items: Mapping[str, pytest.Item], notes: Path) -> int:
    """Run all tests; write what they have seen into ``notes``."""
    listener = _listening(next(iter(items.values())))
    paths = [str(path.with_suffix("")) for path in Path().rglob("*.meta")]
    watch = coverage.Coverage(data_file=None, include=[os.path.abspath(path) for path in paths], config_file=False)
    seconds: dict[str, float] = {}
    watch.start()
    for (test, item), after in zip(items.items(), [*list(items.values())[1:], None], strict=True):
        watch.switch_context(test)
        start = time.perf_counter()
        item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
        seconds[test] = time.perf_counter() - start
    watch.stop()
    data = watch.get_data()
    lines = {path: data.contexts_by_lineno(os.path.abspath(path)) for path in paths}
    ranks = {test: rank for rank, test in enumerate(items)}
    known = {
        path: {str(line): [ranks[test] for test in tests if test] for line, tests in of.items()}
        for path, of in lines.items()
    }
    if listener.failed:
        print(*listener.failed, sep="\n", file=sys.__stderr__, flush=True)
        return 1
    notes.write_text(json.dumps([seconds, known]), encoding="utf-8")
    return 0


def _killed(items: Sequence[pytest.Item], told: int) -> int:
    """Run tests up to the first that fails; its name goes into the pipe ``told``."""
    listener = _listening(items[0])
    for item, after in zip(items, [*items[1:], None], strict=True):
        item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
        if listener.failed:
            os.write(told, listener.failed[0].encode())
            return 1
    return 0


class _Listener:
    """A plugin of pytest that notes which tests fail."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)


def _listening(item: pytest.Item) -> _Listener:
    """Listen to the tests' reports instead of printing them."""
    manager: Any = item.config.pluginmanager
    manager.unregister(name="terminalreporter")
    listener = _Listener()
    manager.register(listener)
    return listener


def table(outcomes: Mapping[str, str]) -> Iterator[str]:
    """The outcomes by module, as a table of Markdown."""
    by_module: dict[str, Counter[str]] = {}
    for name, outcome in sorted(outcomes.items()):
        by_module.setdefault(name.rpartition(".")[0].removeprefix("reglint."), Counter())[outcome] += 1
    by_module["all"] = sum(by_module.values(), Counter())
    yield "| module | mutants | killed | of these by time | alive | share |"
    yield "|---|---|---|---|---|---|"
    for module, counts in by_module.items():
        total = sum(counts.values())
        killed = counts["killed"] + counts["slow"]
        yield f"| {module} | {total} | {killed} | {counts['slow']} | {total - killed} | {100 * killed / total:.1f} % |"


if __name__ == "__main__":
    main()
