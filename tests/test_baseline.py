"""The baseline: what is known is not reported, what is new is, and what is gone is told."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import FIXTURES, Run

from reglint.baseline import Baseline, Entry, rendered

HEAD = "from keras.layers import Dense\nfrom keras.regularizers import l2\n"
OLD = HEAD + "layer = Dense(8, W_regularizer=l2(0.1))\n"
NEW = "other = Dense(9, b_regularizer=l2(0.1))\n"
FILE = ".reglint-baseline.json"


def put(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def entries(file: str = FILE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(Path(file).read_text())["findings"]
    return found


# --- the file


def test_a_baseline_says_path_code_message_and_count(run: Run) -> None:
    put("src/model.py", OLD)
    done = run("baseline")
    assert done == (0, f"{FILE}: 1 finding in 1 file (1 new, 0 gone).\n", "")
    assert json.loads(Path(FILE).read_text())["version"] == 1
    (entry,) = entries()
    assert entry["path"] == "src/model.py"
    assert entry["code"] == "REG101"
    assert entry["message"].startswith("`Dense` no longer has an argument `W_regularizer`")
    assert entry["count"] == len(entry["fingerprints"]) == 1


def test_its_fingerprints_are_those_of_the_json_report(run: Run) -> None:
    put("model.py", OLD)
    run("baseline")
    (finding,) = json.loads(run("check", "--output-format", "json").out)
    assert entries()[0]["fingerprints"] == [finding["fingerprint"]]


def test_the_same_finding_twice_is_counted(run: Run) -> None:
    put("model.py", OLD + OLD.splitlines(keepends=True)[-1])
    run("baseline")
    assert [entry["count"] for entry in entries()] == [2]


def test_another_run_writes_the_same_bytes_and_leaves_the_file_untouched(run: Run) -> None:
    put("b.py", OLD + NEW)
    put("a.py", OLD)
    run("baseline")
    before, written = Path(FILE).read_bytes(), os.stat(FILE)
    assert "(0 new, 0 gone)" in run("baseline").out
    assert Path(FILE).read_bytes() == before
    assert (os.stat(FILE).st_ino, os.stat(FILE).st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


def test_entries_are_in_order_whatever_order_they_come_in() -> None:
    some = [
        Entry("b.py", "REG101", "m", ("2",)),
        Entry("a.py", "REG102", "m", ("9",)),
        Entry("b.py", "REG101", "m", ("1",)),
    ]
    assert rendered(some) == rendered(reversed(some))
    written = json.loads(rendered(some))["findings"]
    assert [(each["path"], each["fingerprints"]) for each in written] == [("a.py", ["9"]), ("b.py", ["1", "2"])]


def test_one_new_finding_adds_an_entry_and_changes_no_other_line(run: Run) -> None:
    put("model.py", OLD)
    run("baseline")
    before = Path(FILE).read_text().splitlines()
    put("other.py", HEAD + NEW)
    run("baseline")
    after = Path(FILE).read_text().splitlines()
    assert [line for line in before if line not in after] == []


def test_a_clean_project_has_an_empty_baseline(run: Run) -> None:
    put("model.py", "x = 1\n")
    assert run("baseline").status == 0
    assert entries() == []
    assert run("check", "--baseline", FILE).status == 0


def test_without_a_name_it_stands_beside_the_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    put("pyproject.toml", "[tool.reglint]\n")
    put("src/model.py", OLD)
    monkeypatch.chdir("src")
    run("baseline")
    assert entries("../" + FILE)[0]["path"] == "src/model.py"


def test_it_can_have_another_name_and_paths_count_from_its_own_folder(run: Run) -> None:
    put("src/model.py", OLD)
    Path("ci").mkdir()
    run("baseline", "--baseline", "ci/known.json")
    assert entries("ci/known.json")[0]["path"] == "../src/model.py"
    assert run("check", "--baseline", "ci/known.json").status == 0


def test_a_run_over_some_paths_keeps_what_is_known_of_the_others(run: Run) -> None:
    put("a.py", OLD)
    put("b.py", OLD)
    run("baseline")
    put("a.py", "x = 1\n")
    run("baseline", "a.py")
    assert [entry["path"] for entry in entries()] == ["b.py"]


def test_the_statistics_count_what_was_written_down(run: Run) -> None:
    put("a.py", OLD + NEW)
    assert run("baseline", "--statistics").out.splitlines()[0].split()[:2] == ["2", "REG101"]


def test_only_the_selected_rules_are_written_down(run: Run) -> None:
    put("a.py", HEAD + "import keras\nDense(8, W_regularizer=keras.regularizers.l1l2(0.1))\n")
    run("baseline", "--select", "REG102")
    assert {entry["code"] for entry in entries()} == {"REG102"}


# --- what is reported


def test_what_is_known_is_not_reported(run: Run) -> None:
    put("model.py", OLD)
    assert run("check").status == 1
    run("baseline")
    done = run("check", "--baseline", FILE)
    assert done == (0, "All checks passed!\nThe baseline holds 1 known error.\n", "")


def test_only_what_is_new_is_reported(run: Run) -> None:
    put("model.py", OLD)
    run("baseline")
    put("model.py", OLD + NEW)
    done = run("check", "--baseline", FILE)
    assert (done.status, done.places) == (1, ["model.py:4:18:"])


def test_moved_and_indented_lines_are_known_again(run: Run) -> None:
    put("model.py", OLD)
    run("baseline")
    put("model.py", "# new\n\n" + HEAD + "if HEAD:\n    layer = Dense(8,  W_regularizer=l2(0.1))\n")
    assert run("check", "--baseline", FILE) == (0, "All checks passed!\nThe baseline holds 1 known error.\n", "")


def test_one_more_of_the_same_is_new(run: Run) -> None:
    put("model.py", OLD)
    run("baseline")
    put("model.py", OLD + OLD.splitlines(keepends=True)[-1])
    assert run("check", "--baseline", FILE).status == 1


def test_the_same_line_in_another_file_is_new(run: Run) -> None:
    put("a/pyproject.toml", "")
    put("b/pyproject.toml", "")
    put("a/model.py", OLD)
    run("baseline")
    put("b/model.py", OLD)
    assert run("check", "--baseline", FILE).places == ["b/model.py:3:18:"]


@pytest.mark.parametrize("name", ["json", "sarif", "gitlab", "junit", "github"])
def test_no_format_tells_of_what_is_known(run: Run, name: str) -> None:
    put("model.py", OLD)
    run("baseline")
    assert "W_regularizer" in run("check", "--output-format", name).out
    assert "W_regularizer" not in run("check", "--output-format", name, "--baseline", FILE).out


def test_the_statistics_count_only_what_is_new(run: Run) -> None:
    put("model.py", OLD)
    run("baseline")
    put("model.py", OLD + NEW)
    assert run("check", "--baseline", FILE, "--statistics").out.splitlines()[0].split()[:2] == ["1", "REG101"]


def test_the_settings_can_name_it_and_the_command_line_take_it_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    put("pyproject.toml", '[tool.reglint]\nbaseline = "known.json"\n')
    put("src/model.py", OLD)
    assert run("baseline").out.startswith("known.json: 1 finding ")
    monkeypatch.chdir("src")
    assert run("check").status == 0
    assert run("check", "--no-baseline").status == 1
    assert "known.json" in run("check", "--show-settings").out


def test_every_project_of_a_repository_can_have_its_own(run: Run) -> None:
    for name in ("a", "b"):
        put(f"{name}/pyproject.toml", '[tool.reglint]\nbaseline = "known.json"\n')
        put(f"{name}/model.py", OLD)
    assert run("baseline").out.count("1 finding in 1 file") == 2
    assert [entry["path"] for entry in entries("b/known.json")] == ["model.py"]
    assert run("check").status == 0


def test_a_shared_settings_file_names_the_baseline_beside_itself(run: Run) -> None:
    put("shared/reglint.toml", 'baseline = "known.json"\n')
    put("pyproject.toml", '[tool.reglint]\nextend = "shared/reglint.toml"\n')
    put("model.py", OLD)
    run("baseline")
    assert [entry["path"] for entry in entries("shared/known.json")] == ["../model.py"]
    assert run("check").status == 0


def test_a_file_that_cannot_be_parsed_is_never_known(run: Run) -> None:
    put("model.py", OLD + "]\n")
    done = run("baseline")
    assert done.status == 2
    assert "model.py:4" in done.err
    assert entries() == []
    assert run("check", "--baseline", FILE).status == 2


def test_a_file_that_no_longer_parses_keeps_its_entries(run: Run) -> None:
    put("model.py", OLD)
    run("baseline")
    before = Path(FILE).read_bytes()
    put("model.py", OLD + "]\n")
    assert "gone" not in run("check", "--baseline", FILE).err
    run("baseline")
    assert Path(FILE).read_bytes() == before


def test_stdin_is_judged_as_the_file_that_it_is_called(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put("model.py", OLD)
    run("baseline")
    for text, status in ((OLD, 0), (OLD + NEW, 1)):
        put("stdin", text)
        with open("stdin") as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            assert run("check", "-", "--stdin-filename", "model.py", "--baseline", FILE).status == status


def test_processes_know_the_baseline_too(run: Run) -> None:
    for number in range(30):
        put(f"m{number:02}.py", OLD)
    run("baseline", "--jobs", "2")
    put("m07.py", OLD + NEW)
    assert run("check", "--baseline", FILE, "--jobs", "2").places == ["m07.py:4:18:"]


def test_a_notebook_is_known_by_its_code(run: Run) -> None:
    cell = {"cell_type": "code", "metadata": {}, "source": OLD.splitlines(keepends=True), "outputs": []}
    put("train.ipynb", json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    run("baseline")
    text = {"cell_type": "markdown", "metadata": {}, "source": ["# title"]}
    put(
        "train.ipynb", json.dumps({"cells": [text, cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)
    )
    assert run("check", "--baseline", FILE).status == 0


def test_a_project_reached_by_a_link_is_known(run: Run) -> None:
    put("real/model.py", OLD)
    os.symlink("real", "link")
    run("baseline", "real")
    assert run("check", "link", "--baseline", FILE).status == 0


# --- what is gone


def test_what_is_gone_is_told_without_an_effect_on_the_status(run: Run) -> None:
    put("model.py", OLD + NEW)
    run("baseline")
    put("model.py", OLD)
    done = run("check", "--baseline", FILE)
    assert done.status == 0
    assert done.err == (
        f"warning: {FILE}: 1 finding is gone: REG101 in model.py; `reglint baseline` drops what is gone\n"
    )
    assert (
        done.out.splitlines()[-1] == "The baseline holds 1 known error; 1 gone (`reglint baseline` drops what is gone)."
    )
    assert "(0 new, 1 gone)" in run("baseline").out
    assert run("check", "--baseline", FILE).err == ""


def test_one_of_two_equal_findings_can_be_gone(run: Run) -> None:
    put("model.py", OLD + OLD.splitlines(keepends=True)[-1])
    run("baseline")
    put("model.py", OLD)
    done = run("check", "--baseline", FILE)
    assert (done.status, "1 finding is gone" in done.err) == (0, True)


def test_a_deleted_file_is_gone_for_who_looks_at_its_folder(run: Run) -> None:
    put("src/model.py", OLD)
    put("src/other.py", OLD)
    run("baseline")
    Path("src/model.py").unlink()
    assert "REG101 in src/model.py" in run("check", "--baseline", FILE).err
    assert run("check", "src/other.py", "--baseline", FILE).err == ""


def test_files_that_were_not_checked_are_not_told_as_gone(run: Run) -> None:
    put("a.py", OLD)
    put("b.py", OLD)
    run("baseline")
    put("b.py", "x = 1\n")
    assert run("check", "a.py", "--baseline", FILE).err == ""
    assert "b.py" in run("check", "b.py", "--baseline", FILE).err


def test_rules_that_did_not_run_are_not_told_as_gone(run: Run) -> None:
    put("a.py", OLD)
    run("baseline")
    assert run("check", "--select", "REG102", "--baseline", FILE).err == ""
    put("pyproject.toml", '[tool.reglint.per-file-ignores]\n"a.py" = ["REG101"]\n')
    assert run("check", "--baseline", FILE).err == ""


def test_many_that_are_gone_are_one_line(run: Run) -> None:
    for number in range(9):
        put(f"m{number}.py", OLD)
    run("baseline")
    for number in range(9):
        put(f"m{number}.py", "x = 1\n")
    done = run("check", "--baseline", FILE)
    assert done.err.count("\n") == 1
    assert "9 findings are gone: REG101 in m0.py, REG101 in m1.py, REG101 in m2.py and 6 more;" in done.err


# --- fixing


def test_what_is_known_is_not_fixed(run: Run) -> None:
    put("model.py", OLD)
    run("baseline")
    put("model.py", OLD + NEW)
    done = run("fix", "--baseline", FILE)
    assert done.status == 0
    assert Path("model.py").read_text() == OLD + NEW.replace("b_reg", "bias_reg")
    run("fix", "--baseline", FILE, "--no-baseline")
    assert "W_reg" not in Path("model.py").read_text()


def test_a_fix_on_the_line_of_a_known_finding_leaves_that_one_alone(run: Run) -> None:
    line = "a = Dense(8, W_regularizer=l1l2(l1=0.1))\n"
    put("model.py", HEAD.replace("l2", "l1l2") + line)
    run("baseline", "--select", "REG101")
    done = run("fix", "--baseline", FILE)
    assert "a = Dense(8, W_regularizer=l1_l2(l1=0.1, l2=0.01))\n" in Path("model.py").read_text()
    assert (done.status, done.places) == (0, [])


def test_findings_that_can_only_be_mended_together_are(run: Run) -> None:
    text = HEAD.replace("l2", "l1l2") + "a = Dense(8, kernel_regularizer=l1l2(0.1))\n"
    put("model.py", text)
    run("baseline")
    put("model.py", text + "b = Dense(9, kernel_regularizer=l1l2(0.2))\n")
    run("fix", "--baseline", FILE)
    assert "l1l2" not in Path("model.py").read_text()


def test_a_diff_shows_what_fixing_would_do_and_no_more(run: Run) -> None:
    put("model.py", OLD)
    run("baseline")
    assert run("fix", "--diff", "--baseline", FILE).out == ""


# --- broken files


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ":1: not valid JSON: Expecting value"),
        ('{"version": 1,\n<<<<<<< ours\n', ":2: not valid JSON"),
        ("[" * 100_000, "not readable as JSON"),
        ("[]", "it has no version"),
        ("{}", "it has no version"),
        ('{"version": 99}', "a baseline of version 99, but this reglint reads 1"),
        ('{"version": 1}', "no list of findings"),
        ('{"version": 1, "findings": [3]}', "finding 1 is not an object"),
        ('{"version": 1, "findings": [{"path": 3}]}', "finding 1: path must be a string"),
        ('{"version": 1, "findings": [{"path": "a", "code": "b"}]}', "finding 1: message must be a string"),
        (
            '{"version": 1, "findings": [{"path": "a", "code": "b", "message": "c", "fingerprints": "d"}]}',
            "fingerprints must be a list",
        ),
        (None, "no such baseline; `reglint baseline` writes one"),
    ],
)
def test_a_broken_baseline_is_one_line_and_status_2(run: Run, text: str | None, words: str) -> None:
    put("model.py", OLD)
    if text is not None:
        put(FILE, text)
    done = run("check", "--baseline", FILE)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"error: {FILE}:")
    assert words in done.err
    assert done.err.count("\n") == 1


def test_a_folder_is_no_baseline(run: Run) -> None:
    put("model.py", OLD)
    Path("folder").mkdir()
    for command in ("check", "baseline"):
        done = run(command, "--baseline", "folder")
        assert (done.status, done.err.count("\n")) == (2, 1)
        assert "folder" in done.err


def test_a_broken_baseline_can_be_written_anew_where_everything_is_looked_at(run: Run) -> None:
    put("src/model.py", OLD)
    put(FILE, "<<<<<<<")
    assert run("baseline", "src").status == 2
    assert Path(FILE).read_text() == "<<<<<<<"
    assert run("baseline").status == 0
    assert len(entries()) == 1


def test_a_baseline_that_cannot_be_written_is_one_line(run: Run) -> None:
    put("model.py", OLD)
    done = run("baseline", "--baseline", "no/such/folder.json")
    assert (done.status, done.err) == (2, "error: no/such/folder.json: cannot be written: No such file or directory\n")


def test_a_baseline_is_of_files_not_of_stdin(run: Run) -> None:
    assert run("baseline", "-").status == 2


def test_names_that_are_no_utf8_are_kept(tmp_path: Path) -> None:
    file = tmp_path / FILE
    entry = Entry("sch\udcf6n.py", "REG101", "ü", ("1",))
    file.write_bytes(rendered([entry]))
    assert Baseline.read(file).entries == (entry,)


def test_all_example_projects_are_clean_with_their_baseline(run: Run) -> None:
    shutil.copytree(FIXTURES / "projects", "projects")
    run("baseline", "projects")
    assert len(entries()) > 50
    left = json.loads(run("check", "projects", "--baseline", FILE, "--output-format", "json").out)
    assert {finding["code"] for finding in left} <= {"REG900"}
    for path in Path("projects").rglob("*.py"):
        path.write_bytes(
            b"\n" * 7 + path.read_bytes() if b"coding" not in path.read_bytes()[:200] else path.read_bytes()
        )
    moved = run("check", "projects", "--baseline", FILE, "--output-format", "json")
    assert {finding["code"] for finding in json.loads(moved.out)} <= {"REG900"}
    assert "gone" not in moved.err
