"""``--since REV``: findings on lines that have changed, as a real git tells them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Done, Run

from reglint.cli import main
from reglint.diagnostics import locate
from reglint.findings import Finding, Severity
from reglint.scope import Scope, View, changed_rows
from reglint.since import WHOLE, Since
from reglint.source import Source, source_from_text

HEAD = "from keras.layers import Dense\n"
BAD = 'a = Dense(8, W_regularizer="l2")\n'
TEXT = HEAD + BAD + "x = 1\n" + BAD.replace("a", "b", 1) + "y = 2\n"


def git(*arguments: str, cwd: str | Path = ".") -> str:
    command = ["git", "-c", "protocol.file.allow=always", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(cwd: str | Path = ".") -> str:
    git("add", "-A", cwd=cwd)
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=cwd)
    return git("rev-parse", "HEAD", cwd=cwd)


def init(folder: str | Path = ".") -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    git("init", "-q", "-b", "main", cwd=folder)


def put(name: str, text: str | bytes) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in a new repository with nobody's configuration."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "somebody@example.org")
    init(tmp_path / "repo")
    monkeypatch.chdir(tmp_path / "repo")

    def command(*arguments: str) -> Done:
        capsys.readouterr()
        status = main(arguments)
        return Done(status, *capsys.readouterr())

    return command


# --- which lines


def test_a_finding_on_a_line_that_did_not_change_is_not_reported(run: Run) -> None:
    put("model.py", TEXT)
    commit()
    put("model.py", TEXT.replace("x = 1", "x = 2"))
    assert run("check", "--since", "HEAD") == (0, "All checks passed!\n", "")


def test_a_finding_on_a_changed_line_is_reported(run: Run) -> None:
    put("model.py", TEXT)
    commit()
    put("model.py", TEXT.replace("b = Dense(8", "b = Dense(9"))
    done = run("check", "--since", "HEAD")
    assert (done.status, done.places) == (1, ["model.py:4:14:"])


def test_a_finding_on_a_line_that_was_added_is_reported_and_one_that_moved_is_not(run: Run) -> None:
    put("model.py", TEXT)
    commit()
    put("model.py", "import os\n" + HEAD + BAD.replace("8", "7") + TEXT.removeprefix(HEAD))
    assert run("check", "--since", "HEAD").places == ["model.py:3:14:"]


def test_deleted_lines_change_nothing_around_them(run: Run) -> None:
    put("model.py", TEXT)
    commit()
    put("model.py", TEXT.replace("x = 1\n", ""))
    assert run("check", "--since", "HEAD").status == 0


def test_committed_staged_and_unstaged_changes_all_count(run: Run) -> None:
    lines = [f'm{number} = Dense(8, W_regularizer="l2")\n' for number in range(4)]
    put("model.py", HEAD + "".join(lines))
    first = commit()
    put("model.py", HEAD + "".join(lines).replace("m0 = Dense(8", "m0 = Dense(9"))
    commit()
    put(
        "model.py",
        HEAD + "".join(lines).replace("m0 = Dense(8", "m0 = Dense(9").replace("m1 = Dense(8", "m1 = Dense(9"),
    )
    git("add", "-A")
    put("model.py", Path("model.py").read_text().replace("m2 = Dense(8", "m2 = Dense(9"))
    assert run("check", "--since", first).places == ["model.py:2:15:", "model.py:3:15:", "model.py:4:15:"]
    assert run("check", "--since", "HEAD").places == ["model.py:3:15:", "model.py:4:15:"]


def test_the_lines_of_a_finding_that_spans_several_all_count() -> None:
    source = source_from_text("a\nb\nc\nd\n", "a.py")
    finding = Finding("REG101", "name", Severity.ERROR, "wrong", 2, 6)  # lines 2 and 3
    located = locate([finding], source, "a.py", "a.py", "")
    rows = [View.of(Scope(rows=((row, row),)), source, [finding], located).reported for row in (1, 2, 3, 4)]
    assert [bool(each) for each in rows] == [False, True, True, False]


def test_text_that_looks_like_a_header_of_a_diff_fools_nobody(run: Run) -> None:
    put("model.py", HEAD + "s = '''\nold\n'''\n" + BAD)
    put("other.py", TEXT)
    commit()
    put("model.py", HEAD + "s = '''\n++ b/other.py\n@@ -1 +1,99 @@\n'''\n" + BAD)
    assert run("check", "--since", "HEAD").status == 0
    put("model.py", HEAD + "s = '''\n++ b/other.py\n@@ -1 +1,99 @@\n'''\n" + BAD.replace("8", "9"))
    assert run("check", "--since", "HEAD").places == ["model.py:6:14:"]


def test_a_last_line_without_an_end_is_counted_rightly(run: Run) -> None:
    put("model.py", (HEAD + BAD).rstrip())
    commit()
    put("model.py", (HEAD + BAD).rstrip().replace("8", "9"))
    assert run("check", "--since", "HEAD").places == ["model.py:2:14:"]


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_line_ends_are_counted_as_git_counts_them(run: Run, end: bytes) -> None:
    put("model.py", b"x = 1\n" + TEXT.encode().replace(b"\n", end))
    commit()
    put("model.py", b"x = 2\n" + TEXT.encode().replace(b"\n", end))
    assert run("check", "--since", "HEAD").status == 0
    put("model.py", b"x = 2\n" + TEXT.encode().replace(b"a = Dense(8", b"a = Dense(9").replace(b"\n", end))
    assert "model.py:3:14:" in run("check", "--since", "HEAD").places


# --- which files


def test_an_untracked_file_is_new_as_a_whole(run: Run) -> None:
    commit()
    put("new.py", TEXT)
    assert run("check", "--since", "HEAD").places == ["new.py:2:14:", "new.py:4:14:"]


@pytest.mark.parametrize("stage", [["add", "-A"], ["add", "-N", "."]])
def test_an_added_file_is_new_as_a_whole(run: Run, stage: list[str]) -> None:
    commit()
    put("new.py", TEXT)
    git(*stage)
    assert len(run("check", "--since", "HEAD").places) == 2


def test_an_ignored_file_that_is_named_is_new_as_a_whole(run: Run) -> None:
    put(".gitignore", "gen\n")
    commit()
    put("gen/model.py", TEXT)
    assert run("check", "--since", "HEAD").places == []
    assert len(run("check", "gen/model.py", "--since", "HEAD").places) == 2


def test_a_renamed_file_has_changed_where_its_lines_have(run: Run) -> None:
    put("old.py", TEXT * 3)
    commit()
    git("mv", "old.py", "new.py")
    assert run("check", "--since", "HEAD").status == 0
    put("new.py", TEXT + TEXT.replace("x = 1", "x = 3") + TEXT.replace("b = Dense(8", "b = Dense(9"))
    assert run("check", "--since", "HEAD").places == ["new.py:14:14:"]


def test_a_deleted_file_is_passed_over(run: Run) -> None:
    put("model.py", TEXT)
    put("other.py", "x = 1\n")
    commit()
    Path("model.py").unlink()
    put("other.py", HEAD + BAD)
    assert run("check", "--since", "HEAD").places == ["other.py:2:14:"]


def test_another_mode_is_no_change_of_a_line(run: Run) -> None:
    put("model.py", TEXT)
    commit()
    Path("model.py").chmod(0o755)
    assert run("check", "--since", "HEAD").status == 0


@pytest.mark.parametrize(
    "name",
    ["my model.py", "modèle.py", "数 据/模型.py", 'quote".py', "tab\t.py", "new\nline.py", "back\\slash.py", " .py"],
)
def test_any_name_is_found(run: Run, name: str) -> None:
    put(name, TEXT)
    commit()
    put(name, TEXT.replace("b = Dense(8", "b = Dense(9"))
    found = json.loads(run("check", "--since", "HEAD", "--output-format", "json").out)
    assert [(each["filename"], each["location"]["row"]) for each in found] == [(os.path.abspath(name), 4)]


def test_a_script_without_a_suffix_that_is_named_has_lines_too(run: Run) -> None:
    put("bin/train it", TEXT)
    commit()
    put("bin/train it", TEXT.replace("b = Dense(8", "b = Dense(9"))
    assert run("check", "bin/train it", "--since", "HEAD").places == ["bin/train it:4:14:"]


def test_files_that_git_takes_for_binary_have_lines_too(run: Run) -> None:
    put(".gitattributes", "*.py -diff\n")
    put("model.py", TEXT)
    commit()
    put("model.py", TEXT.replace("b = Dense(8", "b = Dense(9"))
    assert run("check", "--since", "HEAD").places == ["model.py:4:14:"]


def test_a_file_in_a_merge_conflict_counts_where_it_differs(run: Run) -> None:
    put("model.py", TEXT)
    commit()
    git("checkout", "-q", "-b", "side")
    put("model.py", TEXT.replace("x = 1", "x = 2"))
    commit()
    git("checkout", "-q", "main")
    put("model.py", TEXT.replace("x = 1", "x = 3"))
    commit()
    subprocess.run(["git", "merge", "-q", "side"], capture_output=True, check=False)
    put("model.py", TEXT.replace("x = 1", "x = 4").replace("b = Dense(8", "b = Dense(9"))
    assert run("check", "--since", "HEAD").places == ["model.py:4:14:"]


def test_a_link_to_a_file_of_the_repository_means_that_file(run: Run) -> None:
    put("model.py", TEXT)
    os.symlink("model.py", "link.py")
    commit()
    put("model.py", TEXT.replace("b = Dense(8", "b = Dense(9"))
    assert run("check", "link.py", "--since", "HEAD").places == ["link.py:4:14:"]


def test_a_link_out_of_the_repository_stops_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text(TEXT)
    os.symlink(tmp_path / "outside.py", "link.py")
    commit()
    assert run("check", "--since", "HEAD").status == 0


# --- which repository


def test_a_run_in_a_subfolder_finds_its_repository(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    put("src/deep/model.py", TEXT)
    put("model.py", TEXT)
    commit()
    put("src/deep/model.py", TEXT.replace("b = Dense(8", "b = Dense(9"))
    put("model.py", TEXT.replace("b = Dense(8", "b = Dense(9"))
    monkeypatch.chdir("src")
    assert run("check", "--since", "HEAD").places == ["deep/model.py:4:14:"]
    assert len(run("check", "..", "--since", "HEAD").places) == 2


def test_the_users_configuration_changes_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    put("src/modèle.py", TEXT * 2)
    commit()
    for setting in (
        ["diff.noprefix", "true"], ["diff.mnemonicPrefix", "true"], ["diff.relative", "true"], ["color.ui", "always"],
        ["diff.external", "false"], ["diff.renames", "false"], ["core.quotePath", "true"], ["core.pager", "false"],
        ["diff.interHunkContext", "50"], ["diff.context", "50"], ["diff.orderFile", "/dev/null"],
    ):  # fmt: skip
        git("config", *setting)
    git("mv", "src/modèle.py", "src/anderes.py")
    put("src/anderes.py", TEXT.replace("b = Dense(8", "b = Dense(9") + TEXT.replace("b = Dense(8", "b = Dense(9"))
    monkeypatch.chdir("src")
    assert run("check", "--since", "HEAD").places == ["anderes.py:4:14:", "anderes.py:9:14:"]


def test_the_variables_of_a_git_hook_mislead_nobody(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("model.py", TEXT)
    commit()
    put("model.py", TEXT.replace("b = Dense(8", "b = Dense(9"))
    init(tmp_path / "elsewhere")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no-index"))
    assert run("check", "--since", "HEAD").places == ["model.py:4:14:"]


@pytest.fixture
def submodule(run: Run, tmp_path: Path) -> str:
    """Adds a submodule ``lib`` to the repository and returns the outer commit."""
    init(tmp_path / "lib")
    (tmp_path / "lib" / "model.py").write_text(TEXT)
    commit(tmp_path / "lib")
    put("own.py", "x = 1\n")
    commit()
    git("submodule", "--quiet", "add", str(tmp_path / "lib"), "lib")
    return commit()


def test_a_submodule_is_compared_with_what_its_superproject_had(run: Run, submodule: str) -> None:
    assert run("check", "--since", submodule).status == 0
    put("lib/model.py", TEXT.replace("a = Dense(8", "a = Dense(9"))
    commit("lib")
    commit()
    put("lib/model.py", Path("lib/model.py").read_text().replace("b = Dense(8", "b = Dense(9"))
    assert run("check", "--since", submodule).places == ["lib/model.py:2:14:", "lib/model.py:4:14:"]
    assert run("check", "--since", "HEAD").places == ["lib/model.py:4:14:"]


def test_a_submodule_that_was_not_there_is_new_as_a_whole(run: Run, submodule: str) -> None:
    assert len(run("check", "--since", submodule + "~1").places) == 2


def test_within_a_submodule_the_revision_is_its_own(run: Run, submodule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put("lib/model.py", TEXT.replace("a = Dense(8", "a = Dense(9"))
    commit("lib")
    monkeypatch.chdir("lib")
    assert run("check", "--since", "HEAD").status == 0
    assert run("check", "--since", "HEAD~1").places == ["model.py:2:14:"]


def test_a_worktree_is_a_repository_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    put("model.py", TEXT)
    commit()
    git("worktree", "add", "-q", "../tree", "-b", "other")
    monkeypatch.chdir("../tree")
    put("model.py", TEXT.replace("b = Dense(8", "b = Dense(9"))
    assert run("check", "--since", "main").places == ["model.py:4:14:"]


# --- which revision


def test_three_dots_mean_where_the_branch_began(run: Run) -> None:
    put("model.py", TEXT)
    put("other.py", TEXT)
    commit()
    git("checkout", "-q", "-b", "side")
    put("model.py", TEXT.replace("b = Dense(8", "b = Dense(9"))
    commit()
    git("checkout", "-q", "main")
    put("other.py", TEXT.replace("b = Dense(8", "b = Dense(9"))
    commit()
    git("checkout", "-q", "side")
    assert run("check", "--since", "main...").places == ["model.py:4:14:"]
    assert run("check", "--since", "main").places == ["model.py:4:14:", "other.py:4:14:"]


def test_a_tag_is_a_revision_also_where_a_file_has_its_name(run: Run) -> None:
    put("v1", "")
    put("model.py", TEXT)
    commit()
    git("tag", "-a", "v1", "-m", "x")
    put("model.py", TEXT.replace("b = Dense(8", "b = Dense(9"))
    assert run("check", "--since", "v1").places == ["model.py:4:14:"]


@pytest.mark.parametrize(
    "revision", ["nope", "main..side", "", "...", "--output=x", "-p", "HEAD:model.py", "a b", "\udcff"]
)
def test_what_is_no_revision_is_one_line_and_status_2(run: Run, revision: str) -> None:
    put("model.py", TEXT)
    commit()
    done = run("check", f"--since={revision}")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("error: --since ")
    assert done.err.count("\n") == 1
    assert sorted(os.listdir()) == [".git", "model.py"]


def test_a_repository_without_a_commit_has_no_revision(run: Run) -> None:
    put("model.py", TEXT)
    done = run("check", "--since", "HEAD")
    assert (done.status, done.err.count("\n")) == (2, 1)


def test_an_unknown_revision_is_told_also_where_there_is_nothing_to_check(run: Run) -> None:
    commit()
    assert run("check", "--since", "nope").status == 2


def test_outside_of_a_repository_it_is_one_line_and_status_2(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put("free/model.py", TEXT)
    done = run("check", "free", "--since", "HEAD")
    assert (done.status, done.out) == (2, "")
    assert done.err == "error: --since: free/model.py is in no git repository; check it in a run of its own\n"
    Path("empty").mkdir()
    monkeypatch.chdir("empty")
    assert run("check", "--since", "HEAD").status == 2


def test_without_git_it_is_one_line_and_status_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    put("model.py", TEXT)
    commit()
    monkeypatch.setenv("PATH", "")
    done = run("check", "--since", "HEAD")
    assert done == (2, "", "error: --since needs git, and there is none on the PATH; install it\n")


def test_a_commit_that_a_shallow_clone_does_not_have_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    put("model.py", TEXT)
    first = commit()
    put("model.py", TEXT + "z = 3\n")
    commit()
    git("clone", "-q", "--depth", "1", f"file://{os.getcwd()}", "../shallow")
    monkeypatch.chdir("../shallow")
    done = run("check", "--since", first)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "fetch it" in done.err


def test_stdin_has_no_revision(run: Run) -> None:
    assert run("check", "-", "--since", "HEAD").status == 2


# --- notebooks


def notebook(*cells: str, outputs: str = "", indent: int | None = 1) -> str:
    made: list[dict[str, Any]] = [
        {
            "cell_type": "code", "execution_count": len(outputs) or None, "metadata": {},
            "outputs": [{"output_type": "stream", "name": "stdout", "text": [outputs]}],
            "source": cell.splitlines(keepends=True),
        }
        for cell in cells
    ]  # fmt: skip
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=indent)


@pytest.mark.parametrize("indent", [1, None])
def test_a_notebook_counts_by_the_lines_of_its_code(run: Run, indent: int | None) -> None:
    put("train.ipynb", notebook(HEAD, TEXT, indent=indent))
    commit()
    put("train.ipynb", notebook(HEAD, TEXT.replace("b = Dense(8", "b = Dense(9"), indent=indent))
    assert run("check", "--since", "HEAD").places == ["train.ipynb:cell 2:4:14:"]


def test_outputs_and_layout_of_a_notebook_are_no_change(run: Run) -> None:
    put("train.ipynb", notebook(HEAD, TEXT))
    commit()
    put("train.ipynb", notebook(HEAD, TEXT, outputs="W_regularizer " * 9, indent=None))
    assert run("check", "--since", "HEAD").status == 0


def test_a_notebook_whose_outputs_git_does_not_see_counts_by_its_code(run: Run) -> None:
    # as nbstripout sets it up: what git compares has other lines than the file
    script = (
        'import json,sys; n=json.load(sys.stdin); [c.update(outputs=[]) for c in n["cells"]]; json.dump(n, sys.stdout)'
    )
    put("strip.py", script)
    put(".gitattributes", "*.ipynb filter=strip\n")
    git("config", "filter.strip.clean", f'"{sys.executable}" "{os.path.abspath("strip.py")}"')
    put("train.ipynb", notebook(HEAD, TEXT))
    commit()
    put("train.ipynb", notebook(HEAD, TEXT.replace("b = Dense(8", "b = Dense(9"), outputs="x\n" * 50))
    assert run("check", "train.ipynb", "--since", "HEAD").places == ["train.ipynb:cell 2:4:14:"]


def test_a_new_cell_is_changed_and_the_ones_behind_it_are_not(run: Run) -> None:
    put("train.ipynb", notebook(HEAD, BAD))
    commit()
    put("train.ipynb", notebook(HEAD, BAD.replace("8", "7"), BAD))
    assert run("check", "--since", "HEAD").places == ["train.ipynb:cell 2:1:14:"]


def test_a_renamed_notebook_is_compared_with_what_it_was(run: Run) -> None:
    put("old.ipynb", notebook(HEAD, TEXT, outputs="x" * 400))
    commit()
    git("mv", "old.ipynb", "new.ipynb")
    put("new.ipynb", notebook(HEAD, TEXT.replace("b = Dense(8", "b = Dense(9"), outputs="x" * 400))
    assert run("check", "--since", "HEAD").places == ["new.ipynb:cell 2:4:14:"]


def test_a_notebook_that_was_none_is_new_as_a_whole(run: Run) -> None:
    put("train.ipynb", "{}")
    commit()
    put("train.ipynb", notebook(HEAD, TEXT))
    assert len(run("check", "--since", "HEAD").places) == 2


def test_changed_rows_are_those_that_the_second_text_has_alone() -> None:
    assert changed_rows("a\nb\nc\n", "a\nb\nc\n") == ()
    assert changed_rows("a\nb\nc\n", "a\nx\nc\ny\n") == ((2, 2), (4, 4))
    assert changed_rows("a\nb\nc\n", "a\nc\n") == ()


# --- with other options


def test_only_changed_lines_are_fixed(run: Run) -> None:
    put("model.py", TEXT)
    commit()
    put("model.py", TEXT.replace("b = Dense(8", "b = Dense(9"))
    assert run("fix", "--since", "HEAD").status == 0
    assert Path("model.py").read_text() == TEXT.replace("b = Dense(8, W", "b = Dense(9, kernel")


def test_a_fix_that_adds_lines_above_does_not_bring_old_findings_to_light() -> None:
    def found(text: str) -> tuple[Source, list[Finding]]:
        starts = [match.start() for match in re.finditer("W", text)]
        return source_from_text(text, "a.py"), [
            Finding("REG101", "name", Severity.ERROR, "wrong", start, start + 1) for start in starts
        ]

    source, findings = found("import a\nW = 1\nW = 1\nx = 0\nW = 2\n")
    view = View.of(Scope(rows=((2, 2),)), source, findings, locate(findings, source, "a.py", "a.py", ""))
    assert [finding.start for finding in view.reported] == [9]
    new, left = found("import b\nimport c\nK = 1\nW = 1\nx = 0\nW = 2\nW = 3\n")
    assert [new.location(finding.start).row for finding in view.after(new, left)] == [7]


def test_a_file_without_a_changed_line_is_not_even_parsed(run: Run) -> None:
    put("model.py", TEXT + "]\n")
    commit()
    assert run("check", "--since", "HEAD").status == 0
    put("model.py", "x = 1\n" + TEXT + "]\n")
    assert run("check", "--since", "HEAD").status == 2


def test_the_statistics_count_changed_lines_only(run: Run) -> None:
    put("model.py", TEXT)
    commit()
    put("model.py", TEXT.replace("b = Dense(8", "b = Dense(9"))
    assert run("check", "--since", "HEAD", "--statistics").out.splitlines()[0].split()[:2] == ["1", "REG101"]


def test_what_is_known_on_a_changed_line_stays_unreported_and_nothing_else_is_gone(run: Run) -> None:
    put("model.py", TEXT)
    put("other.py", TEXT)
    commit()
    run("baseline")
    put("model.py", "z = 0\n" + TEXT.replace("b = Dense(8", "b = Dense(9").replace("a = Dense", "a =  Dense"))
    done = run("check", "--since", "HEAD", "--baseline", ".reglint-baseline.json")
    assert done.places == ["model.py:5:14:"]
    assert "1 finding is gone: REG101 in model.py;" in done.err


def test_processes_know_the_changed_lines_too(run: Run) -> None:
    for number in range(30):
        put(f"m{number:02}.py", TEXT)
    commit()
    for number in range(30):
        put(f"m{number:02}.py", TEXT.replace("b = Dense(8", "b = Dense(9"))
    done = run("check", "--since", "HEAD", "--jobs", "2")
    assert done.places == [f"m{number:02}.py:4:14:" for number in range(30)]


def test_since_answers_for_single_files(run: Run) -> None:
    put("model.py", TEXT)
    commit()
    put("new.py", TEXT)
    since = Since("HEAD")
    assert since.rows(os.path.abspath("model.py")) == ()
    assert since.rows(os.path.abspath("new.py")) == WHOLE
