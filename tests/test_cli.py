"""The command line: options, reports, exit status, stdin, and what it does not import."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import reglint
from reglint.cli import main

#: Line 2 holds one error with a safe fix, at column 18.
BAD = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n'
FIXED = BAD.replace("W_reg", "kernel_reg")
#: Line 2 holds one warning with a safe fix.
IDLE = "from keras.layers import Dense\nlayer = Dense(8)  # noqa: REG101\n"
#: The callee may be something else: a fix that needs --unsafe-fixes.
UNSAFE = 'from keras.layers import Dense\n\n\ndef build(layer=Dense):\n    return layer(8, W_regularizer="l2")\n'
#: The optimizer decays the weights that the regularizer penalizes: an info.
INFORMS = (
    "import keras\n\nmodel = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, kernel_regularizer='l2')])\n"
    "model.compile(optimizer=keras.optimizers.AdamW(1e-3), loss='mse')\n"
)
BROKEN = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2"]\n'


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(**files: str) -> None:
    for name, text in files.items():
        Path(name + ".py").write_text(text)


class Run:
    """Runs a command in this process; ``status``, ``out`` and ``err`` say what came of it."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capsys, self.monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> Run:
        if stdin is not None:
            self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        self.capsys.readouterr()
        self.status = main(arguments)
        self.out, self.err = self.capsys.readouterr()
        return self

    @property
    def json(self) -> list[dict[str, Any]]:
        return list(json.loads(self.out))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(capsys, monkeypatch)


# --- text


def test_a_clean_run_says_so(run: Run) -> None:
    put(a="x = 1\n")
    run("check")
    assert (run.status, run.out, run.err) == (0, "All checks passed!\n", "")


def test_the_default_report_is_a_line_for_each_finding_and_a_summary(run: Run) -> None:
    put(a=BAD, b=BAD)
    run("check")
    first, second, *rest = run.out.splitlines()
    assert first.startswith("a.py:2:18: REG101 [*] ")
    assert second.startswith("b.py:2:18: REG101 [*] ")
    assert rest == ["Found 2 errors.", "[*] 2 fixable with the `--fix` option."]
    assert (run.status, run.err) == (1, "")


def test_an_unsafe_fix_counts_only_with_unsafe_fixes(run: Run) -> None:
    put(a=UNSAFE)
    run("check")
    assert "REG101 [*]" not in run.out
    assert run.out.splitlines()[-2:] == [
        "Found 1 error.",
        "No fixes available (1 hidden fix can be enabled with the `--unsafe-fixes` option).",
    ]
    run("check", "--unsafe-fixes")
    assert "REG101 [*]" in run.out
    assert run.out.endswith("[*] 1 fixable with the `--fix` option.\n")


def test_what_only_informs_is_counted_as_no_error(run: Run) -> None:
    put(a=INFORMS)
    run("check", "--extend-select", "REG306")
    assert (run.status, run.out.splitlines()[1:]) == (0, ["Found 1 info."])
    put(b=BAD, c=INFORMS)
    run("check", "--extend-select", "REG306")
    assert (run.status, run.out.splitlines()[-2]) == (1, "Found 1 error, 2 infos.")
    run("check", "--extend-select", "REG306", "--fix")
    assert (run.status, run.out.splitlines()[-1]) == (0, "Found 1 error, 2 infos (1 fixed, 2 remaining).")


def test_safe_and_hidden_fixes_are_counted_side_by_side(run: Run) -> None:
    put(a=UNSAFE, b=BAD)
    run("check")
    assert run.out.endswith(
        "[*] 1 fixable with the `--fix` option (1 hidden fix can be enabled with the `--unsafe-fixes` option).\n"
    )


def test_why_a_fix_is_withheld_stands_behind_the_message(run: Run) -> None:
    put(a="from keras.layers import SeparableConv2D\nSeparableConv2D(8, 3, weight_regularizer='l2')\n")
    run("check", "--output-format", "json")
    (finding,) = run.json
    assert finding["fix"] is None
    assert finding["fix_withheld"]
    run("check")
    assert f"{finding['message']} (no fix: {finding['fix_withheld']})\n" in run.out


def test_a_notebook_names_the_cell(run: Run) -> None:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["hello"]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": BAD.splitlines(True)},
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    Path("n.ipynb").write_text(json.dumps(notebook))
    assert run("check").out.startswith("n.ipynb:cell 2:2:18: REG101 [*] ")
    (finding,) = run("check", "--output-format", "json").json
    assert (finding["cell"], finding["location"]) == (2, {"row": 2, "column": 18})
    run("fix", "--diff")
    assert run.out.splitlines()[:2] == ["--- n.ipynb:cell 2", "+++ n.ipynb:cell 2"]
    assert '+layer = Dense(8, kernel_regularizer="l2")\n' in run.out


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_is_for_terminals_that_want_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], coloured: bool
) -> None:
    put(a=BAD)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["check"]) == 1
    assert ("\x1b[1;31mREG101\x1b[0m" in terminal.getvalue()) is coloured
    assert ("\x1b" in terminal.getvalue()) is coloured


def test_there_is_no_colour_where_there_is_no_terminal(run: Run) -> None:
    put(a=BAD)
    assert "\x1b" not in run("check").out


def test_the_report_goes_to_the_output_file(run: Run) -> None:
    put(a=BAD)
    run("check", "--output-file", "report.txt")
    assert (run.status, run.out, run.err) == (1, "", "")
    assert Path("report.txt").read_text().splitlines()[-2] == "Found 1 error."


def test_an_output_file_that_cannot_be_written_is_one_line(run: Run) -> None:
    put(a=BAD)
    run("check", "-o", "no/such/folder/report.txt")
    assert (run.status, run.err) == (2, "error: --output-file no/such/folder/report.txt: No such file or directory\n")


# --- statistics and JSON


def test_statistics_count_the_findings_of_each_rule(run: Run) -> None:
    put(a=BAD, b=BAD, c=IDLE)
    run("check", "--statistics")
    assert run.out.splitlines()[:2] == [
        "2\tREG101\t[*] renamed-regularizer-argument",
        "1\tREG901\t[*] unused-suppression",
    ]
    rows = run("check", "--statistics", "--output-format", "json").json
    assert [(row["code"], row["count"], row["fixable"]) for row in rows] == [("REG101", 2, True), ("REG901", 1, True)]


def test_json_has_the_shape_of_the_contract(run: Run) -> None:
    put(a=BAD)
    run("check", "--output-format", "json")
    (finding,) = run.json
    assert list(finding) == [
        "code",
        "name",
        "severity",
        "message",
        "filename",
        "cell",
        "location",
        "end_location",
        "fix",
        "fix_withheld",
        "fingerprint",
        "url",
        "data",
    ]
    assert finding["code"] == "REG101"
    assert finding["severity"] == "error"
    assert finding["filename"] == os.path.abspath("a.py")
    assert finding["cell"] is None
    assert finding["location"] == {"row": 2, "column": 18}
    assert finding["end_location"] == {"row": 2, "column": 31}
    assert finding["fix"]["applicability"] == "safe"
    assert finding["fix"]["edits"] == [
        {
            "content": "kernel_regularizer",
            "location": {"row": 2, "column": 18},
            "end_location": {"row": 2, "column": 31},
        }
    ]
    assert finding["fix_withheld"] is None
    assert isinstance(finding["data"], dict)


def test_json_of_nothing_is_an_empty_list(run: Run) -> None:
    assert run("check", "--output-format", "json").out == "[]\n"


def test_fingerprints_stay_when_lines_move_and_tell_equal_lines_apart(run: Run, tmp_path: Path) -> None:
    put(a=BAD + BAD.splitlines()[1] + "\n", b=BAD)
    before = [finding["fingerprint"] for finding in run("check", "--output-format", "json").json]
    assert len(set(before)) == 3
    put(a="\n\n# moved\n" + BAD + "\n" + BAD.splitlines()[1] + "  # here\n")
    after = [finding["fingerprint"] for finding in run("check", "--output-format", "json").json]
    assert after[0] == before[0]
    assert after[2] == before[2]


# --- exit status


@pytest.mark.parametrize(
    ("text", "options", "status"),
    [
        ("x = 1\n", [], 0),
        (BAD, [], 1),
        (IDLE, [], 1),
        (IDLE, ["--fail-on", "error"], 0),
        (BAD, ["--fail-on", "error"], 1),
        (BAD, ["--fail-on", "never"], 0),
        (BAD, ["--exit-zero"], 0),
        (BROKEN, [], 2),
        (BROKEN, ["--exit-zero"], 2),
        (BROKEN, ["--fail-on", "never"], 2),
        (BAD, ["--fix"], 0),
        (BAD, ["--fix", "--exit-non-zero-on-fix"], 1),
        ("x = 1\n", ["--fix", "--exit-non-zero-on-fix"], 0),
        (UNSAFE, ["--fix"], 1),
        (BAD, ["--diff"], 1),
        (BAD, ["--fix", "--diff"], 1),
        ("x = 1\n", ["--diff"], 0),
    ],
)
def test_exit_status(run: Run, text: str, options: list[str], status: int) -> None:
    put(a=text)
    assert run("check", *options).status == status


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("chekc",),
        ("check", "--no-such-option"),
        ("check", "--select", "E501"),
        ("check", "--jobs", "0"),
        ("check", "--output-format", "xml"),
        ("check", "--config", "nope.toml"),
        ("check", "--config", "a.py"),
        ("check", "--config", "a.py", "--isolated"),
        ("check", "--keras-version", "=>2"),
        ("check", "--target", "=>3"),
        ("check", "--files-from", "nope.txt"),
        ("check", "-", "a.py"),
        ("explain", "REG999"),
    ],
)
def test_wrong_usage_is_one_line_and_status_two(run: Run, arguments: tuple[str, ...]) -> None:
    put(a=BAD)
    run(*arguments, stdin=b"")
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith("error: ")
    assert run.err.count("\n") == 1


def test_an_unknown_code_is_named_with_the_nearest_one(run: Run) -> None:
    assert "did you mean 'REG105'?" in run("check", "--select", "REG1055").err


def test_a_path_that_does_not_exist_is_one_line_and_the_others_are_done(run: Run) -> None:
    put(a=BAD)
    run("check", "nope.py", "a.py")
    assert run.status == 2
    assert run.err == "error: nope.py: No such file or directory; check the path\n"
    assert "a.py:2:18: REG101" in run.out


def test_a_run_that_could_not_read_everything_does_not_say_all_is_well(run: Run) -> None:
    assert "passed" not in run("check", "nope.py").out


# --- selection


def reported(run: Run, *options: str) -> list[tuple[str, str]]:
    """Return file and code of each finding."""
    return [
        (os.path.basename(finding["filename"]), finding["code"])
        for finding in run("check", *options, "--output-format", "json").json
    ]


def test_select_ignore_and_extend_select_take_codes_parted_by_commas(run: Run) -> None:
    put(a=BAD, b=IDLE)
    assert reported(run, "--select", "REG10, REG9") == [("a.py", "REG101"), ("b.py", "REG901")]
    assert reported(run, "--ignore", "REG101,REG901") == []
    assert reported(run, "--select", "REG9", "--extend-select", "REG10") == reported(run)
    assert reported(run, "--select", "REG10", "--ignore", "REG101") == []
    assert reported(run, "--select", "REG101", "--ignore", "REG1") == [("a.py", "REG101")]


def test_a_suppression_of_a_rule_that_does_not_run_is_not_reported(run: Run) -> None:
    put(b=IDLE)
    assert run("check", "--ignore", "REG101").status == 0


def test_reg900_cannot_be_deselected_ignored_or_suppressed(run: Run) -> None:
    put(a="# reglint: noqa\n" + BROKEN)
    Path("pyproject.toml").write_text('[tool.reglint.per-file-ignores]\n"*.py" = ["REG900"]\n')
    run("check", "--select", "REG101", "--ignore", "REG900")
    assert run.status == 2
    assert run.out.startswith("a.py:3:")
    assert " REG900 " in run.out


def test_per_file_ignores_hold_for_their_files(run: Run) -> None:
    put(a=BAD, b=BAD)
    Path("pyproject.toml").write_text('[tool.reglint.per-file-ignores]\n"a.py" = ["REG1"]\n')
    assert [line[:4] for line in run("check").out.splitlines()[:-2]] == ["b.py"]


def test_settings_give_the_output_format(run: Run) -> None:
    Path("pyproject.toml").write_text('[tool.reglint]\noutput-format = "json"\n')
    assert run("check").json == []
    assert run("check", "--output-format", "text").out == "All checks passed!\n"


def test_show_settings_prints_them_with_their_origin_and_checks_nothing(run: Run) -> None:
    put(a=BAD)
    Path("pyproject.toml").write_text('[tool.reglint]\nselect = ["REG101"]\ntarget = "keras==3.15.1"\n')
    run("check", "--show-settings")
    assert run.status == 0
    assert f"settings-file = {os.path.abspath('pyproject.toml')!r}\n" in run.out
    assert "rules = ['REG101']\n" in run.out
    assert "target = 'keras==3.15.1'\n" in run.out


def test_files_from_adds_paths_from_a_list(run: Run) -> None:
    put(a=BAD, b=BAD, c=BAD)
    Path("list.txt").write_text("a.py\n\nb.py\n")
    assert [line[:4] for line in run("check", "--files-from", "list.txt").out.splitlines()[:-2]] == ["a.py", "b.py"]
    run("check", "--files-from", "-", stdin=b"b.py\0c.py\0")
    assert [line[:4] for line in run.out.splitlines()[:-2]] == ["b.py", "c.py"]


def test_an_empty_list_of_files_means_no_file(run: Run) -> None:
    put(a=BAD)
    assert run("check", "--files-from", "-", stdin=b"").out == "All checks passed!\n"


# --- fix


def test_fix_writes_and_says_what_it_did(run: Run) -> None:
    put(a=BAD)
    run("fix")
    assert Path("a.py").read_text() == FIXED
    assert (run.status, run.out, run.err) == (0, "Found 1 error (1 fixed, 0 remaining).\n", "")
    assert run("fix").out == "All checks passed!\n"


def test_fix_leaves_unsafe_fixes_until_they_are_asked_for(run: Run) -> None:
    put(a=UNSAFE)
    assert run("fix").status == 1
    assert Path("a.py").read_text() == UNSAFE
    assert run("fix", "--unsafe-fixes").status == 0
    assert "kernel_regularizer" in Path("a.py").read_text()


def test_fix_takes_unused_suppressions_out(run: Run) -> None:
    put(a=IDLE)
    assert run("fix").status == 0
    assert Path("a.py").read_text() == IDLE.replace("  # noqa: REG101", "")


def test_a_suppressed_finding_is_not_fixed(run: Run) -> None:
    text = BAD.replace(")\n", ")  # noqa: REG101\n")
    put(a=text)
    assert run("fix").status == 0
    assert Path("a.py").read_text() == text


def test_diff_shows_and_writes_nothing(run: Run) -> None:
    put(a=BAD)
    run("fix", "--diff")
    assert Path("a.py").read_text() == BAD
    assert run.out == (
        "--- a.py\n+++ a.py\n@@ -1,2 +1,2 @@\n from keras.layers import Dense\n"
        '-layer = Dense(8, W_regularizer="l2")\n+layer = Dense(8, kernel_regularizer="l2")\n'
    )
    assert run.err == "Would fix 1 error.\n"


def test_a_diff_can_be_applied_by_patch(run: Run) -> None:
    crlf_without_end = BAD.replace("\n", "\r\n").encode("latin-1").rstrip()
    Path("a.py").write_bytes(b"# -*- coding: latin-1 -*-\r\n# caf\xe9\r\n" + crlf_without_end)
    run.capsys.readouterr()
    made = subprocess.run([sys.executable, "-m", "reglint", "fix", "--diff", "a.py"], capture_output=True, check=False)
    Path("a.diff").write_bytes(made.stdout)
    subprocess.run(["git", "apply", "-p0", "a.diff"], check=True)
    assert Path("a.py").read_bytes() == b"# -*- coding: latin-1 -*-\r\n# caf\xe9\r\n" + crlf_without_end.replace(
        b"W_reg", b"kernel_reg"
    )


def test_settings_that_cannot_be_followed_are_one_line_and_nothing_is_written(run: Run) -> None:
    put(a=BAD)
    Path("pyproject.toml").write_text("[tool.reglint]\nselekt = []\n")
    run("fix")
    assert run.status == 2
    assert run.err == (
        f"error: {os.path.abspath('pyproject.toml')}: unknown key 'selekt' in [tool.reglint] (did you mean 'select'?)\n"
    )
    assert "a.py:2:18: REG101" in run.out
    assert Path("a.py").read_text() == BAD


# --- stdin


def test_stdin_is_checked_under_the_name_that_is_given(run: Run) -> None:
    assert run("check", "-", stdin=BAD.encode()).out.startswith("-:2:18: REG101 [*]")
    assert run("check", "--stdin-filename", "x/y.py", "-", stdin=BAD.encode()).out.startswith("x/y.py:2:18: REG101 [*]")
    assert run.status == 1


def test_fix_of_stdin_answers_with_the_whole_source_and_findings_go_to_stderr(run: Run) -> None:
    run("fix", "-", stdin=(BAD + "é = 'ü'\r\n").encode())
    assert run.out.encode() == (FIXED + "é = 'ü'\r\n").encode()
    assert (run.status, run.err) == (0, "Found 1 error (1 fixed, 0 remaining).\n")


def test_stdin_that_cannot_be_parsed_comes_back_as_it_was(run: Run) -> None:
    run("fix", "-", stdin=BROKEN.encode())
    assert (run.status, run.out) == (2, BROKEN)
    assert run.err.startswith("-:2:")


def test_a_diff_of_stdin_names_the_file(run: Run) -> None:
    run("fix", "--diff", "--stdin-filename", "x.py", "-", stdin=BAD.encode())
    assert run.out.startswith("--- x.py\n+++ x.py\n@@ ")
    assert run.status == 1


def test_stdin_under_an_excluded_name_is_left_alone(run: Run) -> None:
    Path("pyproject.toml").write_text('[tool.reglint]\nextend-exclude = ["gen"]\n')
    assert run("check", "--stdin-filename", "gen/x.py", "-", stdin=BAD.encode()).out == "All checks passed!\n"
    assert run("fix", "--stdin-filename", "gen/x.py", "-", stdin=BAD.encode()).out == BAD


def test_stdin_takes_the_settings_of_its_name(run: Run) -> None:
    Path("sub").mkdir()
    Path("sub/pyproject.toml").write_text('[tool.reglint]\nignore = ["REG101"]\n')
    assert run("check", "--stdin-filename", "sub/x.py", "-", stdin=BAD.encode()).status == 0
    assert run("check", "-", stdin=BAD.encode()).status == 1


def test_a_notebook_can_come_from_stdin(run: Run) -> None:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": [BAD]}
    raw = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).encode()
    run("fix", "--stdin-filename", "n.ipynb", "-", stdin=raw)
    assert run.out.encode() == raw.replace(b"W_reg", b"kernel_reg")


# --- explain and rules


def test_explain_prints_a_card(run: Run) -> None:
    run("explain", "REG101")
    assert run.status == 0
    assert "REG101" in run.out
    assert "kernel_regularizer" in run.out
    assert json.loads(run("explain", "reg101", "--output-format", "json").out)["code"] == "REG101"
    assert run("explain", "REG101", "--output-format", "markdown").out.startswith("# ")


def test_rules_lists_every_rule(run: Run) -> None:
    run("rules")
    codes = [line.split()[0] for line in run.out.splitlines()]
    assert codes == sorted(codes)
    assert {"REG101", "REG102", "REG103", "REG104", "REG105", "REG900", "REG901"} <= set(codes)
    assert [rule["code"] for rule in run("rules", "--output-format", "json").json] == codes


# --- the process


def python(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, **options)


LOADED = """
import sys
from reglint.cli import main
status = main({arguments!r})
print("LOADED", *sorted({{name.partition(".")[0] for name in sys.modules}}), file=sys.stderr)
"""


def loaded(*arguments: str) -> set[str]:
    """Return the top-level modules that a command has loaded."""
    done = python("-c", LOADED.format(arguments=list(arguments)))
    assert "Traceback" not in done.stderr
    return set(done.stderr.rpartition("LOADED")[2].split())


def test_version_is_told_without_loading_anything_heavy() -> None:
    assert python("-m", "reglint", "--version").stdout == f"reglint {reglint.__version__}\n"
    assert not {"libcst", "packaging", "pathspec", "tomllib", "multiprocessing"} & loaded("--version")


def test_a_file_without_trigger_does_not_load_the_parser() -> None:
    put(a="import keras\nx = 1\n", b="x = 1  # noqa: REG101\n")
    assert not {"libcst", "pathspec", "multiprocessing"} & loaded("check")


def test_check_never_loads_what_only_the_probe_needs() -> None:
    put(a=BAD)
    modules = loaded("check")
    assert "libcst" in modules
    assert not {"tensorflow", "keras", "torch", "jax", "numpy"} & modules


def test_the_module_runs_as_a_command_with_the_same_status() -> None:
    put(a=BAD)
    assert python("-m", "reglint", "check").returncode == 1


def test_a_reader_that_goes_away_is_no_error() -> None:
    put(a=BAD * 3000)
    process = subprocess.Popen(
        [sys.executable, "-m", "reglint", "check"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) in (0, 1)


def test_an_interrupt_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reglint.runner.run", interrupted)
    run("check")
    assert (run.status, run.err.count("\n")) == (130, 1)


def test_a_name_for_stdin_is_enough_to_read_it(tmp_path: Path) -> None:
    untouched = tmp_path / "other.py"
    untouched.write_text("from keras.layers import Dense\nDense(W_regularizer=1)\n")
    done = subprocess.run(
        [sys.executable, "-m", "reglint", "fix", "--stdin-filename", "model.py"],
        input="from keras.layers import Dense\nDense(b_regularizer=1)\n",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "from keras.layers import Dense\nDense(bias_regularizer=1)\n"
    assert "W_regularizer" in untouched.read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_report_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("from keras.layers import Dense\nDense(W_regularizer=1)\n")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "reglint", "check", "."],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "cannot be written" in done.stderr


@pytest.mark.parametrize("command", ["check", "fix", "probe", "baseline", "explain", "keras", "rules", "server"])
def test_an_option_that_a_command_does_not_have_names_the_help_of_that_command(run: Run, command: str) -> None:
    assert run(command, "--no-such-option").status == 2
    assert run.err.startswith("error: ")
    assert run.err.endswith(f"(see `reglint {command} --help`)\n")


@pytest.mark.parametrize("codes", ["", " , "])
def test_selecting_no_rule_is_wrong_usage_and_ignoring_none_is_not(run: Run, codes: str) -> None:
    put(bad=BAD)
    assert run("check", "--select", codes, "bad.py").status == 2
    assert "names no rule" in run.err
    assert run("check", "--ignore", codes, "bad.py").status == 1
