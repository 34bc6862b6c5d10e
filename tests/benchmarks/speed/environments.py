"""The environments that the tools run in, and the command lines of each."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from speed.timing import Command
from speed.trees import HERE, SIZES, WORDS, read_toml

ROOT = HERE.parents[2]
JOBS = HERE / "jobs"
PEERS = read_toml(HERE / "peers.toml")
#: What of this repository is installed.
PACKAGED = ("reglint", "rules", "pyproject.toml", "README.md", "LICENSE")
#: The rule that does the job, and what its findings look like.
SELECT = "REG101"
FOUND = r"REG\d{3} "
#: Where a run of all rules takes minutes, so that it is not repeated; and where it is left out.
MANY_FILES = ("large", "no-keras", "notebooks", *map(str, SIZES))
WITHOUT_ALL_RULES = ("3000",)


class Environments:
    """Virtual environments in a folder; ``missing`` says which tool could not be installed, and why."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.missing: dict[str, str] = {}

    def make(self, name: str, packages: Sequence[str], again: bool = False) -> Path | None:
        """Takes a name and what pip is to install; returns the folder of programs, None where pip could not."""
        if name in self.missing:
            return None
        folder = self._folder / name
        wanted = "\n".join(packages)
        stamp = folder / "installed.txt"
        if again or not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
            venv.create(folder, with_pip=True, clear=True)
            done = pip(folder, "install", "--quiet", *packages)
            if done.returncode != 0:
                self.missing[name] = done.stderr.strip().splitlines()[-1]
                return None
            stamp.write_text(wanted, encoding="utf-8")
        return folder / "bin"

    def versions(self, name: str) -> dict[str, str]:
        """Takes the name of an environment; returns the versions of what was asked for in it, and of LibCST."""
        if not (self._folder / name).exists():
            return {}
        lines = pip(self._folder / name, "list", "--format", "freeze").stdout.splitlines()
        found = {line.partition("==")[0].lower(): line.partition("==")[2] for line in lines}
        asked = [package.partition("==")[0] for package in PEERS.get(name, {"packages": ["reglint"]})["packages"]]
        return {package: found[package] for package in (*asked, "libcst") if package in found}

    def reglint(self) -> Path:
        """Installs this tree's reglint, as a user would have it, and returns the folder of programs."""
        with tempfile.TemporaryDirectory() as copy:
            for name in PACKAGED:
                source, target = ROOT / name, Path(copy, name)
                if source.is_dir():
                    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(source, target)
            programs = self.make("reglint", ["libcst==1.9.0", copy], again=True)
        if programs is None:
            raise SystemExit(f"reglint cannot be installed: {self.missing['reglint']}")
        return programs


def pip(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Takes an environment and what to tell its pip; returns what came of it."""
    command = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def peers(environments: Environments, tree: str, folder: Path) -> Iterator[Command]:
    """Takes the environments and a tree; yields the commands of the peers that can do the job on it."""
    for name, peer in PEERS.items():
        programs = environments.make(name, peer["packages"]) if tree in peer["trees"] else None
        if programs is not None:
            places = {"bin": str(programs), "python": str(programs / "python"), "jobs": str(JOBS), "tree": str(folder)}
            names = {"bin": "", "python": "python", "jobs": "jobs", "tree": tree.upper()}
            path = {"PYTHONPATH": str(JOBS), "SEMGREP_SEND_METRICS": "off"}
            argv = tuple(part.format(**places) for part in peer["command"])
            shown = " ".join(part.format(**names).removeprefix("/") for part in peer["command"])
            yield Command(name, argv, shown, peer["found"], path)


def floors(programs: Path, tree: str, folder: Path) -> Iterator[Command]:
    """Takes where reglint is installed and a tree; yields what no tool can be quicker than."""
    python, name = str(programs / "python"), tree.upper()
    words = "|".join(word.decode() for word in WORDS)
    yield Command("python -c pass", (python, "-c", "pass"), "python -c pass")
    yield Command(
        "walk", (python, str(JOBS / "walk.py"), str(folder)), f"python jobs/walk.py {name}", r"(?m)^\S", before=True
    )
    rg = shutil.which("rg")
    if rg is not None:
        types = ("-g", "*.py", "-g", "*.pyw", "-g", "*.ipynb")
        argv = (rg, "-l", "--no-ignore", *types, words, str(folder))
        yield Command("rg", argv, f"rg -l --no-ignore {' '.join(types)} '{words}' {name}", r"(?m)^\S")


def parse(programs: Path, files: Sequence[Path]) -> Command:
    """Takes where reglint is installed and files; returns the command that parses them with LibCST."""
    argv = (str(programs / "python"), str(JOBS / "parse.py"), *map(str, files))
    return Command("parse", argv, "python jobs/parse.py CANDIDATES")


def reglint(programs: Path, tree: str, folder: Path, quick: bool) -> Iterator[Command]:
    """Takes where reglint is installed and a tree; yields its commands: for the rule of the job, and for all rules.

    A ``quick`` measurement is without those that take minutes.
    """
    for rules, select in (("", ("--select", SELECT)), (", all rules", ())):
        if not select and (tree in WITHOUT_ALL_RULES or (quick and tree in MANY_FILES)):
            continue
        yield from _reglint(str(programs / "reglint"), tree, folder, select, rules)


def _reglint(program: str, tree: str, folder: Path, select: tuple[str, ...], rules: str) -> Iterator[Command]:
    """Yields the commands for one choice of rules: with an empty cache, with a full one, and without."""
    few = not select and tree in MANY_FILES
    options = ("check", "--isolated", *select, "--output-format", "concise")

    def command(name: str, *more: str, shown: str = "", **others: Any) -> Command:
        argv = (program, *options, *more, str(folder))
        line = " ".join(("reglint", *options, *shown.split(), tree.upper()))
        return Command(f"reglint, {name}{rules}", argv, line, FOUND, **others)

    told = subprocess.run([program, "check", "--help"], capture_output=True, text=True, check=True).stdout
    if "--no-cache" not in told:
        yield command("cold", rounds=1 if few else 1000)
        return
    # Beside the trees, so that no tool reads it.
    caches = folder.parent / f".{folder.name}-caches"
    cold, warm = caches / f"cold{rules}", caches / f"warm{rules}"
    if few:  # what the one cold run leaves is good for the warm ones
        yield command("cold", "--cache-dir", str(cold), shown="--cache-dir EMPTY", empty=cold, rounds=1)
        yield command("warm", "--cache-dir", str(cold), shown="--cache-dir FILLED")
        return
    yield command("no cache", "--no-cache", shown="--no-cache")
    yield command("cold", "--cache-dir", str(cold), shown="--cache-dir EMPTY", empty=cold)
    yield command("warm", "--cache-dir", str(warm), shown="--cache-dir FILLED", before=True)


_LEFT_OUT = ("REGLINT_", "PYTHON", "VIRTUAL_ENV", "FIXIT", "RUFF_", "NO_COLOR", "FORCE_COLOR")
#: The environment of all commands: without what would change how the tools behave.
FRESH = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
