"""`reglint probe`: options, what it starts, reports, exit status, and what it does not import."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

psutil = pytest.importorskip("psutil")
pytest.importorskip("rich")
pytest.importorskip("jinja2")

import test_reports_formats as readers  # noqa: E402
from reports import ALIGNED, DEAD, empty, finding, hostile, report, site  # noqa: E402

from reglint import cli  # noqa: E402
from reglint.arguments import parser  # noqa: E402
from reglint.findings import Severity  # noqa: E402
from reglint.formats import FORMATS  # noqa: E402
from reglint.probe.process import command, environment  # noqa: E402
from reglint.probe.process.transfer import dumps  # noqa: E402
from reglint.probe.values import Place, ProbeReport  # noqa: E402

#: Takes the request, then says what stands in a file.
STUB = """
import sys
sys.stdin.readline()
sys.stdout.write(open(sys.argv[1], encoding="utf-8").read())
sys.stdout.flush()
"""
#: Writes the request into a file, and then says what stands in another.
ECHO = "import sys; open('request.json', 'w').write(sys.stdin.readline()); print(open(sys.argv[1]).read(), flush=True)"
NEVER = "raise AssertionError('nothing was to be started')"
CODE = "import keras\n\n\ndef build():\n    return keras.layers.Dense(8, activation='sigmoid')\n"


def answer(report: ProbeReport, filename: str) -> dict[str, Any]:
    return {"kind": "report", "report": report.as_json(), "filename": filename}


class Run:
    """Runs `reglint probe` in this process, with a child that says what it is to say."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.capsys, self.monkeypatch, self.file = capsys, monkeypatch, folder / "said.jsonl"
        self.monkeypatch.setattr(environment, "find_spec", lambda name: object())
        self.says(report())

    def says(self, *messages: Any, filename: str = "model.keras", script: str = STUB) -> Run:
        whole = [answer(each, filename) if isinstance(each, ProbeReport) else each for each in messages]
        self.file.write_text("".join(dumps(each) + "\n" for each in whole), encoding="utf-8")
        return self.starts(script, str(self.file))

    def starts(self, script: str, *arguments: str) -> Run:
        self.monkeypatch.setattr(command, "child_command", lambda: [sys.executable, "-c", script, *arguments])
        return self

    def __call__(self, *arguments: str) -> Run:
        self.capsys.readouterr()
        self.status = cli.main(["probe", *(arguments or ("model.keras",))])
        self.out, self.err = self.capsys.readouterr()
        return self

    @property
    def json(self) -> list[dict[str, Any]]:
        return list(json.loads(self.out))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("model.keras").write_bytes(b"PK\x03\x04\0\xff" * 9)
    Path("models.py").write_text(CODE)
    return Run(capsys, monkeypatch, tmp_path)


def sick(*more: Any, **values: Any) -> ProbeReport:
    return report(ALIGNED, findings=(finding(ALIGNED, **values), *more))


AT_LINE_5 = Place("models.py", 5, 12, 5, 52)


# --- text


def test_the_table_stands_above_the_findings_and_the_summary(run: Run) -> None:
    run.says(sick(message="`dense_1` is saturated"))()
    lines = run.out.splitlines()
    assert any(line.startswith("dense_1 ") and "REG401" in line for line in lines)
    assert lines[-2:] == ["model.keras:1:1: REG401 `dense_1` is saturated", "Found 1 error."]
    assert (run.status, run.err) == (1, "")


def test_a_healthy_model_passes(run: Run) -> None:
    run.says(report(site()))()
    assert run.out.endswith("All checks passed!\n")
    assert (run.status, run.err) == (0, "")


@pytest.mark.parametrize("output_format", [each for each in FORMATS if each != "text"])
def test_the_table_is_part_of_the_text_alone(run: Run, output_format: str) -> None:
    run.says(sick())("model.keras", "--output-format", output_format)
    assert "saturated  low" not in run.out
    assert "REG401" in run.out


# --- every format


def read(output_format: str, text: str) -> int:
    """The number of findings in a report, as its reader sees it."""
    if output_format == "json":
        return len(json.loads(text, parse_constant=refuse))
    if output_format == "json-lines":
        return len([json.loads(line, parse_constant=refuse) for line in text.splitlines()])
    if output_format == "sarif":
        json.loads(text, parse_constant=refuse)
        return len(readers.read_sarif(text)["results"])
    if output_format == "gitlab":
        return len(readers.read_gitlab(text))
    if output_format == "junit":
        return sum(suite.tests for suite in readers.read_junit(text))
    if output_format == "github":
        return len(readers.read_github(text))
    if output_format == "markdown":
        return len(readers.read_markdown(text)[2]) - 1
    start = {"full": r"REG4\d\d ", "grouped": r"  \d+:\d+ +REG4\d\d "}.get(output_format, r"\S+:\d+:\d+: REG4\d\d ")
    return len(re.findall(f"^{start}", text, re.MULTILINE))


def refuse(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


@pytest.mark.parametrize("output_format", FORMATS)
def test_every_format_has_every_finding(run: Run, output_format: str) -> None:
    values = {"message": "saturated", "preactivation_rms": float("nan"), "gain": float("inf")}
    made = report(findings=(finding(ALIGNED, **values), finding(DEAD, "REG402", place=AT_LINE_5, **values)))
    run.says(made)("model.keras", "--output-format", output_format)
    assert read(output_format, run.out) == 2
    assert (run.status, run.err) == (1, "")


@pytest.mark.parametrize("output_format", FORMATS)
def test_names_that_mean_to_harm_harm_no_format(run: Run, output_format: str) -> None:
    made = hostile()
    known = [each for each in made.findings if re.fullmatch(r"REG40[1-5]", each.code)]
    assert known
    run.says(replace(made, findings=tuple(known)))("model.keras", "--output-format", output_format)
    if output_format not in ("text", "concise", "full", "grouped"):
        assert read(output_format, run.out) == len(known)
    assert "\x1b" not in run.out
    assert run.err == ""


def test_a_finding_of_a_file_stands_at_its_top_and_carries_its_figures(run: Run) -> None:
    run.says(sick(cause="aligned-inputs", mean_gain=float("nan")))("model.keras", "--output-format", "json")
    (found,) = run.json
    assert found["filename"] == os.path.abspath("model.keras")
    assert found["location"] == found["end_location"] == {"row": 1, "column": 1}
    assert (found["code"], found["severity"], found["cell"], found["fix"]) == ("REG401", "warning", None, None)
    assert found["data"]["cause"] == "aligned-inputs"
    assert found["data"]["mean_gain"] == "NaN"


def test_a_finding_of_a_module_stands_where_the_layer_was_constructed(run: Run) -> None:
    run.says(sick(place=AT_LINE_5), filename="models.py")("models:build", "--trust", "--output-format", "json")
    (found,) = run.json
    assert found["filename"] == os.path.abspath("models.py")
    assert (found["location"], found["end_location"]) == ({"row": 5, "column": 12}, {"row": 5, "column": 52})


def test_a_place_that_is_no_file_is_told_at_the_top_of_the_module(run: Run) -> None:
    run.says(sick(place=Place("<ipython-input-3>", 7, 2)), filename="models.py")("models:build", "--trust")
    assert "models.py:1:1: REG401" in run.out


def test_findings_come_file_by_file_in_the_order_of_lines(run: Run) -> None:
    places = [None, Place("models.py", 5, 12), Place("models.py", 1), None, Place("models.py", 5, 3)]
    made = [finding(ALIGNED, place=place) for place in places]
    run.says(report(findings=tuple(made)))("model.keras", "--output-format", "concise")
    order = [line.partition(" ")[0] for line in run.out.splitlines()[:-1]]
    assert order == ["model.keras:1:1:"] * 2 + ["models.py:1:1:", "models.py:5:3:", "models.py:5:12:"]


def test_full_shows_the_line_of_a_source_and_nothing_of_a_model(run: Run) -> None:
    Path("model.keras").write_text("x = 'this looks like Python'\n")
    made = (finding(ALIGNED, message="first"), finding(ALIGNED, place=AT_LINE_5, message="second"))
    run.says(report(findings=made))("model.keras", "--output-format", "full")
    assert "looks like Python" not in run.out
    assert "5 |     return keras.layers.Dense(8, activation='sigmoid')" in run.out
    assert " --> model.keras:1:1\n\n" in run.out


@pytest.mark.parametrize("output_format", FORMATS)
def test_no_report_reads_the_model(run: Run, output_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from reglint.reports import places

    def opened(path: str) -> bytes:
        raise AssertionError(f"{path} may be of many gigabytes")

    monkeypatch.setattr(places, "read_regular", opened)
    assert run.says(sick())("model.keras", "--output-format", output_format).status == 1


def test_further_reports_are_written_beside_the_first(run: Run) -> None:
    run.says(sick())("model.keras", "--report", "sarif=a.sarif", "--report", "json=a.json")
    assert read("sarif", Path("a.sarif").read_text()) == read("json", Path("a.json").read_text()) == 1
    assert run.out.endswith("Found 1 error.\n")


def test_the_report_goes_to_the_output_file(run: Run) -> None:
    run.says(sick())("model.keras", "-o", "report.txt")
    assert (run.status, run.out, run.err) == (1, "", "")
    assert Path("report.txt").read_text(encoding="utf-8").endswith("Found 1 error.\n")


def test_the_page_is_written_beside_any_format(run: Run) -> None:
    run.says(sick())("model.keras", "--html", "report.html", "--output-format", "json")
    assert len(run.json) == 1
    assert "dense_1" in Path("report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("option", "value"), [("--html", "no/a.html"), ("-o", "no/a.txt"), ("--report", "json=no/a.json")]
)
def test_a_report_without_a_folder_is_told_before_anything_is_started(run: Run, option: str, value: str) -> None:
    run.starts(NEVER)("model.keras", option, value)
    assert run.status == 2
    assert run.err.endswith(f"{value}: No such file or directory\n")


# --- which findings, and the exit status


def test_selection_is_that_of_check(run: Run) -> None:
    run.says(sick(finding(DEAD, "REG402")))
    codes = lambda *options: [each["code"] for each in run("model.keras", "--output-format", "json", *options).json]  # noqa: E731
    assert codes() == ["REG401", "REG402"]
    assert codes("--select", "REG402") == ["REG402"]
    assert codes("--ignore", "REG402") == ["REG401"]
    assert codes("--select", "REG4", "--ignore", "REG401") == ["REG402"]
    assert codes("--select", "REG1") == []
    Path("pyproject.toml").write_text("[tool.reglint]\nignore = ['REG401']\n")
    assert codes() == ["REG402"]
    assert codes("--isolated") == ["REG401", "REG402"]
    assert codes("--select", "REG401") == ["REG401"]


def test_what_is_not_selected_is_in_no_table_and_on_no_page(run: Run) -> None:
    run.says(sick())("model.keras", "--ignore", "REG401", "--html", "a.html")
    assert "REG401" not in run.out
    assert "REG401" not in Path("a.html").read_text(encoding="utf-8")
    assert run.status == 0


def test_settings_for_single_files_hold_for_the_files_of_the_findings(run: Run) -> None:
    Path("pyproject.toml").write_text("[tool.reglint.per-file-ignores]\n'models.py' = ['REG401']\n")
    run.says(sick(finding(DEAD, "REG402", place=AT_LINE_5), place=AT_LINE_5))("m:b", "--output-format", "json")
    assert [each["code"] for each in run.json] == ["REG402"]


def test_a_model_outside_of_any_project_is_judged_by_the_settings_of_the_current_one(run: Run, tmp_path: Path) -> None:
    Path("pyproject.toml").write_text("[tool.reglint]\nignore = ['REG401']\n")
    elsewhere = tmp_path / "models" / "model.keras"
    assert run.says(sick(), filename=str(elsewhere))(str(elsewhere)).status == 0


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_an_unknown_code_is_wrong_usage(run: Run, option: str) -> None:
    run.starts(NEVER)("model.keras", option, "REG499")
    assert run.status == 2
    assert re.fullmatch(rf"error: {option}: unknown rule code 'REG499'.*\n", run.err)


@pytest.mark.parametrize("comment", ["# noqa", "# noqa: REG401", "# noqa: REG4"])
def test_a_comment_on_the_line_of_the_construction_silences(run: Run, comment: str) -> None:
    Path("models.py").write_text(CODE.rstrip("\n") + f"  {comment}\n")
    assert run.says(sick(place=AT_LINE_5))("models:build", "--trust").status == 0
    assert "REG401" not in run.out


def test_a_comment_for_another_code_or_line_silences_nothing(run: Run) -> None:
    first, _, rest = CODE.partition("\n")
    Path("models.py").write_text(f"{first}  # noqa: REG401\n{rest.rstrip()}  # noqa: REG402\n")
    assert run.says(sick(place=AT_LINE_5))("models:build", "--trust").status == 1


def test_a_comment_for_the_probe_is_no_unused_one_to_check(run: Run) -> None:
    Path("models.py").write_text(CODE.rstrip("\n") + "  # noqa: REG401\n")
    assert cli.main(["check", "models.py"]) == 0


@pytest.mark.parametrize(
    ("severity", "options", "status"),
    [
        (Severity.ERROR, (), 1),
        (Severity.WARNING, (), 1),
        (Severity.INFO, (), 0),
        (Severity.INFO, ("--fail-on", "info"), 1),
        (Severity.WARNING, ("--fail-on", "error"), 0),
        (Severity.ERROR, ("--fail-on", "never"), 0),
        (Severity.ERROR, ("--exit-zero",), 0),
    ],
)
def test_the_exit_status_is_that_of_check(run: Run, severity: Severity, options: Sequence[str], status: int) -> None:
    run.says(report(findings=(finding(ALIGNED, severity=severity),)))
    assert run("model.keras", *options).status == status


def test_a_finding_that_only_informs_is_counted_as_no_error(run: Run) -> None:
    info = finding(ALIGNED, severity=Severity.INFO)
    run.says(report(findings=(info,)))()
    assert (run.status, run.out.splitlines()[-1]) == (0, "Found 1 info.")
    run.says(report(findings=(finding(ALIGNED), info)))()
    assert (run.status, run.out.splitlines()[-1]) == (1, "Found 1 error, 1 info.")


def marks(run: Run, *findings: Any, filename: str = "models.py") -> list[str]:
    run.says(report(findings=findings), filename=filename)("m:b", "--output-format", "json")
    return [each["fingerprint"] for each in run.json]


def test_a_fingerprint_stays_while_lines_and_checkouts_move(run: Run, tmp_path: Path) -> None:
    Path("pyproject.toml").write_text("")
    before = marks(run, finding(ALIGNED, place=AT_LINE_5))
    Path("models.py").write_text("# one more line\n" + CODE)
    assert marks(run, finding(ALIGNED, place=Place("models.py", 6, 12), message="other figures")) == before
    (tmp_path / "clone").mkdir()
    os.chdir(tmp_path / "clone")
    for name in ("models.py", "pyproject.toml"):
        Path(name).write_text("")
    assert marks(run, finding(ALIGNED, place=Place("models.py", 1))) == before


def test_fingerprints_tell_layers_sites_and_codes_apart(run: Run) -> None:
    some = [finding(ALIGNED), finding(DEAD), finding(ALIGNED, "REG402"), finding(replace(ALIGNED, site="gate:i"))]
    assert len(set(marks(run, *some, some[0]))) == 5


# --- what is asked for


def test_the_request_says_what_the_options_say(run: Run) -> None:
    run.says(empty(), script=ECHO)
    inputs = "--data d.npz --state initial --positions all --batch-size 8 --max-samples 99"
    run(*f"m:build --import a.py --import b.c {inputs} --backend jax --library keras --device cpu".split())
    assert json.loads(Path("request.json").read_text()) == {
        "model": "m:build",
        "data": "d.npz",
        "state": "initial",
        "positions": "all",
        "batch_size": 8,
        "max_samples": 99,
        "device": "cpu",
        "library": "keras",
        "imports": ["a.py", "b.c"],
        "backend": "jax",
        "trust": True,
    }


def test_nothing_is_trusted_unless_it_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    run.says(empty(), script=ECHO)("model.keras")
    request = json.loads(Path("request.json").read_text())
    assert (request["trust"], request["data"], request["backend"], request["library"]) == (False, None, "torch", None)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--batch-size", "0"),
        ("--max-samples", "-1"),
        ("--timeout", "0"),
        ("--timeout", "nan"),
        ("--timeout", "soon"),
        ("--memory-limit", "3 apples"),
        ("--memory-limit", "0"),
        ("--device", "tpu"),
        ("--device", "gpu:x"),
        ("--backend", "theano"),
        ("--state", "good"),
        ("--positions", "some"),
        ("--fail-on", "all"),
        ("--output-format", "xml"),
    ],
)
def test_a_value_that_means_nothing_is_wrong_usage(run: Run, option: str, value: str) -> None:
    run.starts(NEVER)("model.keras", option, value)
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith(f"error: argument {option}")
    assert run.err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "size"),
    [("3GB", 3 * 10**9), ("1.5 gb", 15 * 10**8), ("512MiB", 512 * 2**20), ("2G", 2 * 10**9), ("1024", 1024)],
)
def test_a_memory_limit_is_read_as_people_write_it(text: str, size: int) -> None:
    arguments = parser().parse_args(["probe", "m.keras", "--memory-limit", text])
    assert arguments.memory_limit == size


def test_the_help_fits_a_screen_and_its_examples_are_commands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(["probe", "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 54
    assert max(map(len, lines)) < 80
    start = lines.index("examples:") + 1
    examples = [line.split() for line in lines[start : start + 3]]
    assert [words[:2] for words in examples] == [["reglint", "probe"]] * 3
    for words in examples:
        parser().parse_args(words[1:])


# --- what goes wrong


def fails(run: Run, *arguments: str) -> str:
    """Run; the one line that says what is wrong."""
    run(*(arguments or ("model.keras",)))
    assert (run.status, run.out) == (2, "")
    assert run.err.count("\n") == 1
    assert run.err.startswith("error: ")
    return run.err.removeprefix("error: ").rstrip("\n")


def test_a_failure_is_told_in_the_words_of_the_child(run: Run) -> None:
    run.says({"kind": "failure", "line": "data.npz: `x` holds NaN; clean it", "trace": "Traceback ..."})
    assert fails(run) == "model.keras: data.npz: `x` holds NaN; clean it"


def test_debugging_shows_the_traceback_and_what_was_printed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGLINT_DEBUG", "1")
    run.says({"kind": "failure", "line": "no", "trace": "Traceback (most recent call last):\n  x\n"})()
    assert "Traceback (most recent call last):\n  x\n" in run.err
    assert run.err.endswith("error: model.keras: no\n")
    run.starts("import sys; print('said before', file=sys.stderr); sys.exit(4)")()
    assert "said before\n" in run.err


def test_a_hang_is_stopped_and_told(run: Run) -> None:
    others = psutil.Process().children()
    run.starts("import time; time.sleep(600)")
    assert fails(run, "model.keras", "--timeout", "0.5").startswith("model.keras: stopped after 0.5 s; allow more with")
    assert psutil.Process().children() == others


def test_too_much_memory_is_stopped_and_told(run: Run) -> None:
    run.starts("import time; held = bytearray(b'x' * 400_000_000); time.sleep(600)")
    assert fails(run, "model.keras", "--memory-limit", "200MB").startswith("model.keras: stopped at 0.2 GB of memory")


def test_a_crash_is_told_with_its_signal_and_last_words(run: Run) -> None:
    crash = "import faulthandler, os, sys; print('Check failed: a == b', file=sys.stderr, flush=True)\n"
    run.starts(
        "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n" + crash + "faulthandler._sigsegv()"
    )
    line = fails(run)
    assert line.startswith("model.keras: the process of the model crashed (SIGSEGV, ")
    assert line.endswith("Check failed: a == b")


@pytest.mark.parametrize(
    "message", [{"kind": "report"}, {"kind": "report", "report": 7, "filename": "x"}, {"kind": "other"}, {"kind": None}]
)
def test_an_answer_that_is_none_is_told(run: Run, message: Any) -> None:
    assert "model.keras: the process of the model" in fails(run.says(message))


def test_without_keras_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    assert fails(run.starts(NEVER)) == "`reglint probe` needs Keras: pip install 'reglint[probe]'"


def test_settings_that_cannot_be_followed_are_told(run: Run) -> None:
    Path("pyproject.toml").write_text("[tool.reglint]\nselect = 7\n")
    run.says(sick())()
    assert run.status == 2
    assert "pyproject.toml" in run.err


# --- as a process

MAIN = """
import sys
from reglint.probe.process import command, environment
environment.find_spec = lambda name: object()
command.child_command = lambda: [sys.executable, "-c", {script!r}, *{arguments!r}]
from reglint.cli import main
status = main(["probe", *sys.argv[1:]])
if {modules}:
    print("LOADED", *sorted({{name.partition(".")[0] for name in sys.modules}}), file=sys.stderr)
sys.exit(status)
"""


def program(script: str, *arguments: str, modules: bool = False) -> list[str]:
    return [sys.executable, "-c", MAIN.format(script=script, arguments=arguments, modules=modules)]


@pytest.mark.parametrize("more", [[], ["--html", "a.html"]])
def test_the_parent_imports_nothing_that_a_model_needs(run: Run, more: list[str]) -> None:
    run.says(sick())
    argv = [*program(STUB, str(run.file), modules=True), "model.keras", *more]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    loaded = set(done.stderr.rpartition("LOADED")[2].split())
    assert "rich" in loaded
    assert not {"keras", "tensorflow", "jax", "torch", "h5py"} & loaded
    assert more or "numpy" not in loaded


OPTIONS = {"reglint.probe", "reglint.probe.process", "reglint.probe.process.arguments"}


@pytest.mark.parametrize(
    ("arguments", "expected"), [(["--version"], OPTIONS), (["probe", "--help"], OPTIONS), (["check"], set())]
)
def test_other_commands_load_nothing_of_the_probe_but_its_options(
    arguments: list[str], expected: set[str], run: Run
) -> None:
    script = (
        "import sys\nfrom reglint.cli import main\nmain(sys.argv[1:])\nprint('LOADED', *sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    loaded = set(done.stderr.rpartition("LOADED")[2].split())
    ours = {name for name in loaded if name.startswith("reglint.probe")}
    assert ours == expected
    assert not {"psutil", "rich", "numpy", "jinja2", "dataclasses_json", "subprocess", "tempfile"} & loaded


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_an_interruption_ends_the_child_and_the_command(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    hang = f"import os, time; open({str(file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    process = subprocess.Popen([*program(hang), "model.keras"], stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 30
        while not (file.exists() and file.read_text()) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (130, "error: interrupted; nothing is half-written\n")
    assert not psutil.pid_exists(int(file.read_text()))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(("extra", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
@pytest.mark.parametrize("columns", [60, 100])
def test_a_terminal_gets_colour_if_it_wants_and_no_line_of_the_table_is_too_wide(
    run: Run, extra: dict[str, str], coloured: bool, columns: int
) -> None:
    run.says({"kind": "stage", "stage": "loading"}, {"kind": "progress", "done": 1, "total": 2}, sick(message="short"))
    text = on_terminal([*program(STUB, str(run.file)), "model.keras"], columns, extra)
    assert ("\x1b[1;31mREG401" in text) is coloured
    assert (re.search(r"\x1b\[[0-9;]*m", text) is not None) is coloured
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).splitlines()
    assert "Found 1 error." in shown
    assert max(len(line.rpartition("\r")[2]) for line in shown) <= columns


def on_terminal(argv: list[str], columns: int, extra: dict[str, str]) -> str:
    """What a command writes to a terminal on its stdout."""
    import fcntl
    import pty
    import struct
    import termios

    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(argv, stdout=follower, stderr=subprocess.DEVNULL, env={**kept, "TERM": "xterm", **extra})
    os.close(follower)
    chunks = []
    try:
        while chunk := os.read(leader, 10_000):
            chunks.append(chunk)
    except OSError:  # Linux: the other side is closed
        pass
    finally:
        os.close(leader)
        process.wait(timeout=20)
    return b"".join(chunks).decode()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_shown_on_a_terminal_and_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    from reglint.probe.process import progress

    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with progress.shown(terminal) as heard:
        heard({"kind": "stage", "stage": "loading the model"})
        heard({"kind": "progress", "done": 3, "total": 7})
        time.sleep(0.3)
    assert "loading the model" in terminal.getvalue()
    assert "3/7" in terminal.getvalue()
    assert terminal.getvalue().endswith(("\x1b[2K", "\x1b[?25h"))


def test_no_bar_is_shown_where_there_is_no_terminal() -> None:
    from reglint.probe.process import progress

    stream = io.StringIO()
    with progress.shown(stream) as heard:
        heard({"kind": "progress", "done": 3, "total": 7})
    assert stream.getvalue() == ""


def test_an_ascii_stream_gets_ascii_alone(run: Run) -> None:
    run.says(sick(message="plain"))
    environ = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    argv = [*program(STUB, str(run.file)), "model.keras"]
    done = subprocess.run(argv, capture_output=True, env=environ, check=False)
    text = done.stdout.decode("ascii")
    assert "\\u" not in text
    assert "REG401 plain" in text


# --- the real process


@pytest.fixture(scope="session")
def backend() -> str:
    """A backend that is installed, the quickest one to import first."""
    from importlib.util import find_spec  # importing it would cost seconds

    if find_spec("keras") is None:
        pytest.skip("Keras is not installed")
    return next(name for name in ("jax", "torch", "tensorflow") if find_spec(name) is not None)


REAL = """
import os
import sys

import keras
import numpy
from keras import layers


def build():
    print("hello from a model", flush=True)
    os.system("echo hello from a shell")
    assert sys.stdin.read() == ""
    wide = keras.initializers.RandomUniform(0, 0.3)
    return keras.Sequential(
        [
            keras.Input((256,)),
            layers.Dense(16, activation="sigmoid", kernel_initializer=wide, name="stuck"),
            layers.Dense(3),
        ]
    )


def data():
    return numpy.random.default_rng(0).random((300, 256), dtype="float32")


def crash():
    import faulthandler

    faulthandler._sigsegv()
"""

Probe = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def probe(backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Probe:
    """The whole command, with a real model behind it."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(REAL)

    def started(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "reglint", "probe", "--backend", backend, "--device", "cpu", *arguments]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)

    return started


def test_a_model_is_probed_and_its_line_is_named_whatever_it_prints(probe: Probe) -> None:
    done = probe("mine:build", "--trust", "--data", "mine:data", "--output-format", "json")
    assert (done.returncode, done.stderr) == (1, "")
    (found,) = json.loads(done.stdout)
    assert (found["code"], found["data"]["layer"]) == ("REG401", "stuck")
    assert 'name="stuck"' in REAL.splitlines()[found["location"]["row"] - 1]


def test_a_crash_of_a_model_is_one_line_and_leaves_no_core(probe: Probe) -> None:
    done = probe("mine:crash", "--trust")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"error: mine:crash: the process of the model crashed \(SIGSEGV, .*\n", done.stderr)
    assert [path.name for path in Path().iterdir() if "core" in path.name] == []


def test_nothing_in_the_current_folder_takes_the_place_of_a_library(probe: Probe) -> None:
    for name in ("keras", "numpy", "json", "reglint"):
        Path(name + ".py").write_text("open('it-ran', 'w').close()\n")
    Path("model.keras").write_bytes(b"no archive")
    argv = [sys.executable, "-c", f"import sys; sys.path = [each for each in sys.path if each]; sys.argv[1:] = {['probe', 'model.keras']!r}; from reglint.cli import main; sys.exit(main())"]  # fmt: skip # noqa: E501
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 2
    assert "model.keras" in done.stderr
    assert not Path("it-ran").exists()


def test_a_model_that_is_not_there_is_one_line(probe: Probe) -> None:
    done = probe("nowhere.keras")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "error: nowhere.keras: there is no such file\n")


def test_a_gpu_that_is_not_there_is_one_line(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    done = probe("mine:build", "--trust", "--device", "gpu")
    assert done.returncode == 2
    assert re.fullmatch(r"error: mine:build: --device gpu: \w+ finds no such GPU here; .*\n", done.stderr)
