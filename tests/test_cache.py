"""The cache: a second run checks nothing again that is as it was, and never tells anything but what a check would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Done, Run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reglint.cache
from reglint.inspector import FileReport, Inspector

FILES = {
    "pyproject.toml": "[project]\nname = 'some'\nversion = '1'\ndependencies = ['keras>=2.0']\n[tool.reglint]\n",
    "model.py": "from keras.layers import Dense\nfrom parts import Layer, options\n\n"
    "first = Dense(3, W_regularizer='l2')\nsecond = Layer(3, W_regularizer='l2')\nthird = Dense(3, **options)\n",
    "parts.py": "from keras.layers import Dense as Layer\n\noptions = {'b_regularizer': 'l2'}\n",
    "quiet.py": "import os\n",
    "broken.py": "from keras.layers import Dense\nDense(3, W_regularizer=)\n",
    "notes.ipynb": json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "metadata": {},
                    "outputs": [],
                    "execution_count": None,
                    "source": ["from keras.layers import Dense\n", "Dense(3, W_regularizer='l2')"],
                }
            ],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    ),
}
CACHE = Path(".reglint_cache")
SPEAKING = ["broken.py", "model.py", "notes.ipynb", "parts.py"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project in the folder of the test, which is its own git repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REGLINT_NO_CACHE", raising=False)
    monkeypatch.delenv("REGLINT_CACHE_DIR", raising=False)
    (tmp_path / ".git").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def inspected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are checked from here on."""
    names: list[str] = []
    inspect = Inspector.inspect

    def noting(self: Inspector, target: Any) -> FileReport:
        names.append(os.path.basename(target.path))
        return inspect(self, target)

    monkeypatch.setattr(Inspector, "inspect", noting)
    return names


def checked(run: Run, *options: str) -> Done:
    return run("check", "--output-format", "json", "--jobs", "1", *options, ".")


def test_a_second_run_checks_nothing_and_says_the_same(project: Path, run: Run, inspected: list[str]) -> None:
    first = checked(run)
    assert first.status == 2  # a file is broken
    assert len(json.loads(first.out)) >= 4
    assert sorted(inspected) == SPEAKING
    inspected.clear()
    assert checked(run) == first
    assert inspected == []
    assert checked(run, "--no-cache") == first
    assert sorted(inspected) == SPEAKING


def test_a_run_that_finds_all_in_the_cache_does_not_import_the_parser(project: Path) -> None:
    program = "import sys; from reglint.cli import main; main(['check', '.']); print('libcst' in sys.modules)"
    shown = [subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout for _ in range(2)]
    assert [text.splitlines()[-1] for text in shown] == ["True", "False"]
    assert shown[0].splitlines()[:-1] == shown[1].splitlines()[:-1]


def test_several_processes_keep_what_one_keeps(project: Path, run: Run, inspected: list[str]) -> None:
    for number in range(40):
        (project / f"m{number}.py").write_text(FILES["model.py"])
    first = checked(run, "--jobs", "2")
    inspected.clear()
    assert checked(run) == first
    assert inspected == []


def test_the_folder_is_out_of_the_way_of_git_and_of_backups(project: Path, run: Run) -> None:
    checked(run)
    assert (CACHE / ".gitignore").read_text() == "*\n"
    assert (CACHE / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")


# ------------------------------------------------------------------------------------------------ what is checked again


def write(name: str, text: str) -> Callable[[Path], None]:
    def change(project: Path) -> None:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)

    return change


def replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(project: Path) -> None:
        text = (project / name).read_text()
        assert old in text
        (project / name).write_text(text.replace(old, new))

    return change


CHANGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "the file itself": (replaced("notes.ipynb", "Dense(3, W_", "Dense(4, W_"), ["notes.ipynb"]),
    "a module that it follows": (replaced("parts.py", "keras.layers", "mine.layers"), ["model.py", "parts.py"]),
    "a module that was looked for and not there": (
        write("keras/__init__.py", ""),
        ["model.py", "notes.ipynb", "parts.py"],  # nobody looked for it from a file that does not parse
    ),
    "a module that is gone": (lambda project: (project / "parts.py").unlink(), ["model.py"]),
    "a module that became a package": (
        lambda project: shutil.move(project / "parts.py", project / "parts" / "__init__.py"),
        ["model.py"],
    ),
    "the manifest": (replaced("pyproject.toml", "keras>=2.0", "keras<2"), SPEAKING),
    "a manifest that was not there": (write("requirements.txt", "keras==1.2.2\n"), SPEAKING),
    "a setting": (
        replaced("pyproject.toml", "[tool.reglint]\n", "[tool.reglint]\nignore = ['REG110']\n"),
        SPEAKING,
    ),
    "a setting for one file": (
        replaced("pyproject.toml", "[tool.reglint]", "[tool.reglint]\nper-file-ignores = { 'model.py' = ['REG101'] }"),
        SPEAKING,
    ),
    "the project's own layers": (
        replaced("pyproject.toml", "[tool.reglint]\n", "[tool.reglint]\nlayers = { 'a.Own' = 'Dense' }\n"),
        SPEAKING,
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_has_read_something_that_changed_is_checked_again(
    project: Path, run: Run, inspected: list[str], change: str
) -> None:
    if change == "a module that became a package":
        (project / "parts").mkdir()
    checked(run)
    inspected.clear()
    make, again = CHANGES[change]
    make(project)
    kept = checked(run)
    assert set(again) <= set(inspected)
    assert not (set(SPEAKING) - set(again)) & set(inspected) - {"parts.py"}  # which looks who shares its dict
    assert kept == checked(run, "--no-cache")


@pytest.mark.parametrize(
    "options",
    [
        ("--select", "REG110"),
        ("--keras-version", "<2"),
        ("--target", "keras==3.15.1"),
        ("--preview",),
        ("--isolated",),
        ("--ignore", "REG101"),
    ],
)
def test_other_options_say_what_they_would_have_said_without_a_cache(
    project: Path, run: Run, options: tuple[str, ...]
) -> None:
    checked(run)
    assert checked(run, *options) == checked(run, *options, "--no-cache")


def test_a_card_of_ones_own_counts(project: Path, run: Run, inspected: list[str]) -> None:
    card = project / "cards" / "OWN101-own.md"
    card.parent.mkdir()
    card.write_text((ROOT / "rules" / "REG101-renamed-regularizer-argument.md").read_text().replace("REG101", "OWN101"))
    (project / "pyproject.toml").write_text(FILES["pyproject.toml"] + "rule-paths = ['cards']\n")
    first = checked(run)
    inspected.clear()
    assert checked(run) == first
    assert inspected == []
    card.write_text(card.read_text().replace('name = "renamed-regularizer-argument"', 'name = "mine"', 1))
    assert checked(run) == checked(run, "--no-cache") != first


def test_another_reglint_checks_everything_again(
    project: Path, run: Run, inspected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checked(run)
    inspected.clear()
    monkeypatch.setattr(reglint.cache, "_tool_stamp", lambda: "another")
    checked(run)
    assert len(inspected) == 4


def test_paths_are_shown_from_where_the_run_stands(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "setup.py").write_text("from setuptools import setup\nsetup(install_requires=wanted())\n")
    checked(run)
    (project / "below").mkdir()
    monkeypatch.chdir(project / "below")
    assert run("check", "..") == run("check", "--no-cache", "..")


TEXTS = st.sampled_from(
    [
        FILES["model.py"],
        FILES["parts.py"],
        "from model import first as Layer\noptions = dict(W_regularizer='l2')\n",
        "from mine import Dense as Layer\noptions = {}\n",
        "from keras.layers import *\nDense(3, W_regularizer='l2')  # noqa: REG101\n",
        "def f(:\n",
    ]
)
EDITS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["model.py", "parts.py", "parts/__init__.py", "mine.py", "src/mine.py"]), TEXTS),
        st.tuples(st.just("requirements.txt"), st.sampled_from(["keras<2\n", "keras==2.2.4\n", "-r more.txt\n"])),
        st.tuples(st.just("more.txt"), st.sampled_from(["keras==1.2.2\n", "keras>=3\n"])),
        st.tuples(st.sampled_from(["model.py", "parts.py", "requirements.txt", "mine.py"]), st.none()),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(EDITS, min_size=1, max_size=3))
def test_whatever_was_changed_the_cache_changes_nothing_of_what_is_said(
    project: Path, run: Run, steps: list[list[tuple[str, str | None]]]
) -> None:
    for edits in steps:
        for name, text in edits:
            path = project / name
            if text is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
        assert checked(run) == checked(run, "--no-cache")


# ----------------------------------------------------------------------------------------------- fixing, and other runs


def test_a_fix_behind_a_check_mends_what_the_check_found(project: Path, run: Run) -> None:
    checked(run)
    assert run("fix", ".").status == 2
    assert "kernel_regularizer='l2'" in (project / "model.py").read_text()
    assert checked(run) == checked(run, "--no-cache")


def test_a_fix_does_not_check_again_what_has_nothing_to_mend(project: Path, run: Run, inspected: list[str]) -> None:
    (project / "broken.py").unlink()
    (project / "clean.py").write_text(
        "import keras\nfrom keras.layers import Dense\nDense(3, kernel_regularizer='l2')\n"
    )
    run("fix", ".")
    run("check", ".")
    inspected.clear()
    assert run("fix", ".") == run("fix", "--no-cache", ".")
    assert inspected.count("clean.py") <= 1


def test_a_diff_shows_the_same_again(project: Path, run: Run) -> None:
    assert run("fix", "--diff", ".") == run("fix", "--diff", ".") == run("fix", "--diff", "--no-cache", ".")


def test_a_baseline_is_not_fooled_by_what_is_known(project: Path, run: Run) -> None:
    checked(run)
    run("baseline", ".")
    with_baseline = checked(run, "--baseline", ".reglint-baseline.json")
    assert with_baseline == checked(run, "--baseline", ".reglint-baseline.json", "--no-cache")
    assert checked(run) == checked(run, "--no-cache")


# ----------------------------------------------------------------------------------------------------- where it is kept


def test_no_cache_writes_none(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    checked(run, "--no-cache")
    checked(run, "-n")
    monkeypatch.setenv("REGLINT_NO_CACHE", "1")
    checked(run)
    assert not CACHE.exists()


def test_the_folder_can_be_chosen(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch, inspected: list[str]
) -> None:
    (project / "pyproject.toml").write_text(FILES["pyproject.toml"] + "cache-dir = 'by-setting'\n")
    checked(run)
    monkeypatch.setenv("REGLINT_CACHE_DIR", "by-environment")
    checked(run)
    checked(run, "--cache-dir", "by-option")
    assert all(list((project / f"by-{name}").glob("*.json")) for name in ("setting", "environment", "option"))
    assert not CACHE.exists()
    checked(run, "--cache-dir", "by-option")
    inspected.clear()
    checked(run, "--cache-dir", "by-option")
    assert inspected == []


def test_a_file_without_a_trigger_leaves_no_trace(project: Path, run: Run) -> None:
    run("check", "quiet.py")
    assert not CACHE.exists()


@pytest.mark.parametrize("hindrance", ["a file in its place", "a folder that cannot be made"])
def test_where_it_cannot_be_written_there_is_none(project: Path, run: Run, hindrance: str) -> None:
    if hindrance == "a file in its place":
        CACHE.write_text("mine")
        assert checked(run) == checked(run, "--no-cache")
        assert CACHE.read_text() == "mine"
    else:
        (project / "taken").write_text("")
        folder = "taken/below"
        assert checked(run, "--cache-dir", folder) == checked(run, "--no-cache")


def stored() -> Path:
    (path,) = CACHE.glob("*.json")
    return path


def content_of(path: Path) -> str:
    """The JSON of a cache's file."""
    return path.read_text().partition("\n")[2]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"null", b"[]", b'{"format":99}', b"[" * 100_000])
def test_a_broken_cache_is_passed_over_and_made_anew(
    project: Path, run: Run, inspected: list[str], content: bytes
) -> None:
    expected = checked(run)
    stored().write_bytes(content)
    inspected.clear()
    assert checked(run) == expected
    assert len(inspected) == 4
    inspected.clear()
    assert checked(run) == expected
    assert inspected == []


def test_a_cache_that_is_a_device_is_not_read(project: Path, run: Run) -> None:
    expected = checked(run)
    path = stored()
    path.unlink()
    path.symlink_to("/dev/zero")
    assert checked(run) == expected
    assert not path.is_symlink()  # replaced, and what it led to is left alone


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in what JSON holds."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, below in inner for place in places(below, (*path, key)))]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nonsense_at_any_place_of_the_cache_is_not_believed(project: Path, run: Run, data: st.DataObject) -> None:
    expected = checked(run)
    whole = json.loads(content_of(stored()))
    *above, last = data.draw(st.sampled_from([place for place in places(whole) if place]))
    inner = whole
    for key in above:
        inner = inner[key]
    inner[last] = data.draw(JSON)
    stored().write_text(stored().read_text().partition("\n")[0] + "\n" + json.dumps(whole))
    assert checked(run) == expected
    shutil.rmtree(CACHE)


def test_runs_at_the_same_time_leave_a_cache_that_holds(project: Path, run: Run, inspected: list[str]) -> None:
    command = [sys.executable, "-m", "reglint", "check", "--jobs", "1", "."]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    shown = {process.communicate()[0] for process in running}
    assert len(shown) == 1
    assert not list(CACHE.glob("*.tmp"))
    inspected.clear()
    assert checked(run) == checked(run, "--no-cache")
    assert len(inspected) == 4  # those of the second run


def test_files_that_are_gone_are_forgotten(project: Path, run: Run) -> None:
    checked(run)
    (project / "parts.py").unlink()
    (project / "model.py").write_text(FILES["model.py"] + "\n")
    checked(run)
    assert [os.path.basename(path) for path in json.loads(content_of(stored()))["entries"]] == [
        "broken.py",
        "model.py",
        "notes.ipynb",
    ]


def test_a_change_within_the_clocks_tick_is_seen(project: Path, run: Run) -> None:
    checked(run)
    before = (project / "parts.py").stat()
    text = FILES["parts.py"].replace("b_regularizer", "c_regularizer")
    (project / "parts.py").write_text(text)
    os.utime(project / "parts.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (project / "parts.py").stat().st_size == before.st_size
    assert checked(run) == checked(run, "--no-cache")
