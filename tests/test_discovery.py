"""Discovery: which files a run looks at, and which of them it spares the parser."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from reglint.discovery import Discovery
from reglint.reading import read_regular
from reglint.settings import Resolver


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(*names: str, text: str = "x = 1\n") -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def found(*paths: str, resolver: Resolver | None = None) -> list[str]:
    """Return what is found, as shown; there must be no problem."""
    discovery = Discovery(resolver or Resolver())
    shown = [target.shown for target in discovery.targets(paths or ("."))]
    assert discovery.problems == []
    return sorted(shown)


def settings(text: str, folder: str = ".") -> None:
    put(f"{folder}/pyproject.toml", text="[tool.reglint]\n" + text)


def test_python_files_and_notebooks_are_found_and_nothing_else() -> None:
    put("a.py", "b.pyw", "c.ipynb", "d.txt", "e.pyc", "sub/deep/f.py", "setup")
    assert found() == ["a.py", "b.pyw", "c.ipynb", "sub/deep/f.py"]


def test_a_file_named_explicitly_is_checked_whatever_its_ending() -> None:
    put("script", "a.txt")
    assert found("script", "a.txt") == ["a.txt", "script"]


def test_a_file_that_is_named_twice_or_lies_in_a_named_folder_is_found_once() -> None:
    put("sub/a.py")
    assert found("sub", "sub/a.py", "./sub/../sub/a.py", ".") == ["sub/a.py"]


def test_files_outside_the_current_folder_are_shown_by_their_whole_path(tmp_path: Path) -> None:
    put("a/x.py", "b/y.py")
    os.chdir("a")
    assert found("../b") == [str(tmp_path / "b/y.py")]


@pytest.mark.parametrize(
    "folder", [".venv", "node_modules", "build", "dist", "site-packages", ".git", "_build", "venv"]
)
def test_folders_that_nobody_wants_checked_are_left_out(folder: str) -> None:
    put("a.py", f"{folder}/x.py", f"sub/{folder}/x.py")
    assert found() == ["a.py"]


def test_a_folder_or_file_in_such_a_place_is_checked_when_it_is_named() -> None:
    put("build/x.py", "build/sub/y.py", "build/build/z.py")
    assert found("build/x.py") == ["build/x.py"]
    assert found("build") == ["build/sub/y.py", "build/x.py"]


def test_a_place_below_such_a_folder_is_no_reason_to_leave_anything_out() -> None:
    put("build/project/a.py")
    os.chdir("build/project")
    assert found() == ["a.py"]


def test_excludes_of_the_settings_hold_for_explicit_files_too() -> None:
    settings("extend-exclude = ['gen', 'legacy/*.py']")
    put("a.py", "gen/x.py", "legacy/y.py", "sub/gen/z.py")
    assert found() == ["a.py"]
    assert found("gen/x.py", "gen", "legacy/y.py", "sub/gen/z.py", "a.py") == ["a.py"]


def test_own_exclude_replaces_the_usual_list() -> None:
    settings("exclude = ['gen']")
    put("build/x.py", "gen/x.py")
    assert found() == ["build/x.py"]


def test_each_file_has_the_settings_of_its_own_folder() -> None:
    settings("target = 'keras==3.0'")
    settings("target = 'keras==2.0'", "sub")
    put("a.py", "sub/b.py")
    targets = Discovery(Resolver()).targets(["."])
    assert {target.shown: target.settings.target for target in targets} == {
        "a.py": "keras==3.0",
        "sub/b.py": "keras==2.0",
    }


# --- git


def test_gitignore_is_honoured_with_nesting_negation_and_folders() -> None:
    put("a.py", "gen.py", "sub/gen.py", "sub/keep.py", "out/x.py", "sub/out/y.py", "sub/deep/keep.py")
    put(".gitignore", text="gen.py\n/out/\nkeep.py\n")
    put("sub/.gitignore", text="!keep.py\n")
    assert found() == ["a.py", "sub/deep/keep.py", "sub/keep.py", "sub/out/y.py"]


def test_gitignore_above_the_named_folder_holds_up_to_the_root_of_the_repository() -> None:
    put(".gitignore", text="*.py\n")
    put("repo/.gitignore", text="gen.py\n")
    put("repo/sub/a.py", "repo/sub/gen.py")
    subprocess.run(["git", "init", "-q", "repo"], check=True)
    assert found("repo/sub") == ["repo/sub/a.py"]


def test_info_exclude_of_the_repository_is_honoured() -> None:
    subprocess.run(["git", "init", "-q", "."], check=True)
    put(".git/info/exclude", text="private.py\n")
    put("a.py", "private.py", "sub/private.py")
    assert found() == ["a.py"]


def test_an_ignored_file_is_checked_when_it_is_named() -> None:
    put(".gitignore", text="gen.py\n")
    put("gen.py")
    assert found("gen.py") == ["gen.py"]


def test_an_ignored_folder_is_checked_when_it_is_named() -> None:
    subprocess.run(["git", "init", "-q", "."], check=True)
    put(".gitignore", text="/gen/\nprivate.py\n")
    put("gen/a.py", "gen/sub/b.py", "src/a.py", "src/private.py")
    assert found("gen") == ["gen/a.py", "gen/sub/b.py"]
    assert found("gen/sub") == ["gen/sub/b.py"]
    assert found("src") == ["src/a.py"]


def test_respect_gitignore_can_be_turned_off() -> None:
    settings("respect-gitignore = false")
    put(".gitignore", text="gen.py\n")
    put("gen.py")
    assert found() == ["gen.py"]


def test_a_pattern_that_git_would_skip_does_not_disturb_the_others() -> None:
    put(".gitignore", text="!\ngen.py\n")
    put("a.py", "gen.py")
    assert found() == ["a.py"]


# --- links, and what goes wrong


def test_links_to_folders_are_not_followed_so_that_loops_end() -> None:
    put("sub/a.py", "other/b.py")
    os.symlink("..", "sub/loop")
    os.symlink(os.path.abspath("other"), "sub/link")
    assert found("sub") == ["sub/a.py"]


def test_a_link_to_a_folder_is_followed_when_it_is_named() -> None:
    put("other/b.py")
    os.symlink("other", "link")
    assert found("link") == ["link/b.py"]


def test_a_link_to_a_file_is_a_file() -> None:
    put("a.py")
    os.symlink("a.py", "b.py")
    assert found() == ["a.py", "b.py"]


@pytest.mark.parametrize("target", ["x.py", "nowhere"], ids=["loop", "dangling"])
def test_a_link_into_nowhere_is_a_file_that_cannot_be_read(target: str) -> None:
    os.symlink(target, "x.py")
    assert found() == ["x.py"]
    assert found("x.py") == ["x.py"]
    with pytest.raises(OSError, match=r"No such file|Too many levels"):
        read_regular("x.py")


def test_a_path_that_does_not_exist_is_one_problem_and_the_others_are_done() -> None:
    put("a.py")
    discovery = Discovery(Resolver())
    assert [target.shown for target in discovery.targets(["nope.py", "a.py", "nul\0.py"])] == ["a.py"]
    assert discovery.problems[0] == "nope.py: No such file or directory; check the path"
    assert "null" in discovery.problems[1]


def test_a_folder_that_vanishes_is_one_problem_and_the_others_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    put("a/x.py", "b/y.py", "c/z.py")
    scandir = os.scandir

    def vanishing(folder: str) -> object:
        if folder.endswith("/b"):
            raise FileNotFoundError(2, "No such file or directory", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", vanishing)
    discovery = Discovery(Resolver())
    assert [target.shown for target in discovery.targets(["."])] == ["a/x.py", "c/z.py"]
    assert discovery.problems == ["b: cannot be listed: No such file or directory"]


def test_a_folder_with_the_name_of_a_file_is_a_folder() -> None:
    put("x.py/y.py")
    assert found() == ["x.py/y.py"]


def test_only_regular_files_are_read() -> None:
    os.mkfifo("pipe.py")
    with pytest.raises(OSError, match="not a regular file"):
        read_regular("pipe.py")
