"""The hooks, run by the real pre-commit on a real git repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
BAD = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n'
FIXED = BAD.replace("W_reg", "kernel_reg")

pytest.importorskip("pre_commit")


class Repository:
    """A git repository of somebody who uses the hooks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        home = folder.parent / "home"
        home.mkdir()
        # Neither the user's git settings nor a hook that runs these tests may reach in.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
        self.environment = {
            **kept,
            "HOME": str(home),
            "PRE_COMMIT_HOME": str(home / "pre-commit"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
        }
        for who in ("AUTHOR", "COMMITTER"):
            self.environment |= {f"GIT_{who}_NAME": "Somebody", f"GIT_{who}_EMAIL": "somebody@example.org"}
        folder.mkdir()
        self.git("init", "-q")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, **files: str) -> None:
        for name, text in files.items():
            path = self.folder / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, message: str = "change") -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--no-verify", "-m", message)

    def configure(self, *repos: dict[str, Any]) -> None:
        (self.folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": list(repos)}))
        self.git("add", "-A")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", "run", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def hooks() -> list[dict[str, Any]]:
    """Return the hooks as we offer them."""
    return list(yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text()))


def local(hook_id: str) -> dict[str, Any]:
    """Return one of our hooks, started from where these tests run, so that nothing is downloaded."""
    (hook,) = (hook for hook in hooks() if hook["id"] == hook_id)
    del hook["minimum_pre_commit_version"]
    entry = f"{sys.executable} -m {hook['entry']}"
    return {"repo": "local", "hooks": [{**hook, "language": "system", "entry": entry}]}


def test_only_staged_files_are_checked(repository: Repository) -> None:
    repository.configure(local("reglint"))
    repository.write(old=BAD, staged="x = 1\n")
    repository.commit()
    repository.write(staged="x = 2\n")
    repository.git("add", "staged.py")
    repository.write(unstaged=BAD, old=BAD + "y = 1\n")
    assert repository.run().returncode == 0
    repository.git("add", "unstaged.py")
    done = repository.run()
    assert done.returncode == 1
    assert "unstaged.py:2:18: REG101 [*]" in done.stdout
    assert "old.py" not in done.stdout


def test_without_a_matching_file_the_hook_is_skipped(repository: Repository) -> None:
    repository.configure(local("reglint"))
    (repository.folder / "notes.txt").write_text("W_regularizer\n")
    repository.git("add", "-A")
    done = repository.run()
    assert done.returncode == 0
    assert "(no files to check)Skipped" in done.stdout


def test_a_notebook_and_a_script_without_ending_are_checked(repository: Repository) -> None:
    repository.configure(local("reglint"))
    (repository.folder / "n.ipynb").write_text(
        '{"cells": [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null, '
        '"source": ["from keras.layers import Dense\\n", "Dense(8, W_regularizer=1)"]}], '
        '"metadata": {}, "nbformat": 4, "nbformat_minor": 4}'
    )
    script = repository.folder / "script"
    script.write_text("#!/usr/bin/env python3\n" + BAD)
    script.chmod(0o755)
    repository.git("add", "-A")
    done = repository.run()
    assert "n.ipynb:cell 1:2:10: REG101" in done.stdout
    assert "script:3:18: REG101" in done.stdout


def test_a_fix_changes_the_file_and_the_next_run_passes(repository: Repository) -> None:
    repository.configure(local("reglint-fix"))
    repository.write(a=BAD)
    repository.git("add", "-A")
    done = repository.run()
    assert done.returncode == 1
    assert "files were modified by this hook" in done.stdout
    assert (repository.folder / "a.py").read_text() == FIXED
    repository.git("add", "-A")
    assert repository.run().returncode == 0


def test_several_processes_side_by_side_check_every_file_once(repository: Repository) -> None:
    repository.configure(local("reglint"))
    repository.write(**{f"m{number:03}": BAD for number in range(60)})
    repository.git("add", "-A")
    done = repository.run()
    named = sorted(line.partition(":")[0] for line in done.stdout.splitlines() if "REG101" in line)
    assert named == [f"m{number:03}.py" for number in range(60)]
    if len(os.sched_getaffinity(0)) > 1:
        assert done.stdout.count("Found ") > 1


def test_several_processes_side_by_side_fix_every_file(repository: Repository) -> None:
    repository.configure(local("reglint-fix"))
    repository.write(**{f"m{number:03}": BAD for number in range(60)})
    repository.git("add", "-A")
    repository.run()
    assert {path.read_text() for path in repository.folder.glob("*.py")} == {FIXED}
    assert repository.git("status", "--porcelain", "--ignored").count("?? ") == 0


def test_excludes_of_the_settings_hold_for_the_files_that_pre_commit_names(repository: Repository) -> None:
    repository.configure(local("reglint"))
    (repository.folder / "pyproject.toml").write_text('[tool.reglint]\nextend-exclude = ["gen"]\n')
    repository.write(gen__a=BAD)
    repository.git("add", "-A")
    assert repository.run().returncode == 0
    repository.write(b=BAD)
    repository.git("add", "-A")
    done = repository.run()
    assert done.returncode == 1
    assert "gen/a.py" not in done.stdout


def test_a_file_that_cannot_be_parsed_stops_the_commit(repository: Repository) -> None:
    repository.configure(local("reglint"))
    repository.write(a="keras.W_regularizer = (\n")
    repository.git("add", "-A")
    done = repository.run()
    assert done.returncode == 1
    assert "- exit code: 2" in done.stdout


def test_staged_files_are_judged_as_in_a_run_over_everything(repository: Repository) -> None:
    repository.configure(local("reglint"))
    repository.write(
        own="def Dense(units, W_regularizer=None):\n    return units\n", layers="from keras.layers import *\n"
    )
    repository.commit()
    repository.write(
        silent='from own import Dense\nDense(8, W_regularizer="l2")\n',
        found='from layers import Dense\nDense(8, W_regularizer="l2")\n',
    )
    repository.git("add", "-A")
    staged = {line for line in repository.run().stdout.splitlines() if "REG101" in line}
    everything = {line for line in repository.run("--all-files").stdout.splitlines() if "REG101" in line}
    assert staged == everything
    assert {line.partition(":")[0] for line in staged} == {"found.py"}


@pytest.mark.corpus
def test_the_hooks_install_and_run_from_a_repository_of_ours(repository: Repository, tmp_path: Path) -> None:
    ours = Repository.__new__(Repository)
    ours.folder, ours.environment = tmp_path / "ours", repository.environment
    tracked = ("reglint", "rules", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
    ours.folder.mkdir()
    for name in tracked:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, ours.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, ours.folder / name)
    ours.git("init", "-q")
    ours.commit()
    revision = ours.git("rev-parse", "HEAD")
    chosen = [{"id": "reglint-fix"}, {"id": "reglint"}]
    repository.configure({"repo": str(ours.folder), "rev": revision, "hooks": chosen})
    repository.write(a=BAD, b='from keras.layers import Dense\n\n\ndef f(d=Dense):\n    d(8, W_regularizer="l2")\n')
    repository.git("add", "-A")
    done = repository.run()
    if "InstallationError" in done.stdout or "CalledProcessError" in done.stdout:
        if any(
            word in done.stdout for word in ("ConnectionError", "NewConnectionError", "Temporary failure", "resolve")
        ):
            pytest.skip("no network to install from")
        pytest.fail(done.stdout)
    assert done.returncode == 1
    assert (repository.folder / "a.py").read_text() == FIXED
    assert "b.py:5:10: REG101" in done.stdout
    assert "internal error" not in done.stdout
