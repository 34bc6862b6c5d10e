"""What the tests of whole projects share: the command as a user runs it, in this process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

from reglint.cli import main

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
CORPUS = ROOT / "tests" / "corpus"

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    # a shell starts what it puts into the background so, and every process from there on would be deaf to Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Whoever wants coloured test results does not want to compare colours.
os.environ.pop("FORCE_COLOR", None)
# What lies in fixtures/ is read by many tests at once, and none of them is to leave anything there.
os.environ["REGLINT_NO_CACHE"] = "1"

# The same examples in every run, so that a change is blamed for what it did; with REGLINT_EXAMPLES they are new ones.
# A machine that is busy is no reason to fail.
settings.register_profile("reglint", settings(), deadline=None, derandomize="REGLINT_EXAMPLES" not in os.environ)
settings.load_profile("reglint")

Check = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def check_json(capsys: pytest.CaptureFixture[str]) -> Check:
    """`reglint check --output-format json` on paths: its findings."""

    def check(*arguments: str | Path) -> list[dict[str, Any]]:
        main(["check", "--output-format", "json", "--jobs", "1", *map(str, arguments)])
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return found

    return check


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of unpacked packages; skips where they can't be fetched."""
    folder = Path(os.environ.get("REGLINT_CORPUS", Path.home() / ".cache" / "reglint" / "corpus"))
    done = subprocess.run([sys.executable, str(CORPUS / "fetch.py")], capture_output=True, text=True, check=False)
    wanted = [sdist for name in ("expected.toml", "allowed.toml") for sdist in read_toml(CORPUS / name)["sdist"]]
    if done.returncode != 0 and not all((folder / name_of(sdist)).is_dir() for sdist in wanted):
        pytest.skip(f"the packages can't be fetched: {done.stderr.strip()[-200:]}")
    return folder


def copy_of_the_tree(folder: Path) -> Path:
    """Copy what is packaged: what an earlier build left behind must not get in, and nothing is to be left here."""
    left_out = shutil.ignore_patterns(
        ".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "build", "dist", "*.egg-info", "tests", "fixtures"
    )
    return Path(shutil.copytree(ROOT, folder, ignore=left_out))


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment that lets pip install this tree's reglint as if it were published, and from nowhere else.

    Skips where what reglint depends on can't be fetched.
    """
    folder = tmp_path_factory.mktemp("wheelhouse")
    tree = copy_of_the_tree(tmp_path_factory.mktemp("packaged") / "tree")
    # Without isolation nothing is downloaded, but the setuptools at hand must know our pyproject.toml.
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(tree)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.iterdir()
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", str(folder)]
    done = subprocess.run([*pip, str(wheel), "setuptools>=77"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"what reglint depends on can't be fetched: {done.stderr.strip()[-200:]}")
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def name_of(sdist: dict[str, Any]) -> str:
    """The folder of a package of the corpus, which is also what a test of it is called."""
    return f"{sdist['name']}-{sdist['version']}"


class Done(NamedTuple):
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def places(self) -> list[str]:
        """``path:line:column:`` of every finding in the text."""
        return [line.split(" REG")[0] for line in self.out.splitlines() if ": REG" in line]


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in the folder of the test."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> Done:
        capsys.readouterr()
        status = main(arguments)
        return Done(status, *capsys.readouterr())

    return command
