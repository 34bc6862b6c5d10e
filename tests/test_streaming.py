"""JSON lines while the run goes on: file by file, in order, the same bytes as at the end, and a reader may leave."""

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
from conftest import FIXTURES, Run

from reglint import cli, streaming
from reglint.discovery import Target
from reglint.inspector import FileReport, Inspector
from reglint.ruleset import rules_for
from reglint.runner import run as run_files
from reglint.settings import Resolver
from reglint.streaming import Stream

BAD = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n'
UNSAFE = 'from keras.layers import Dense\n\n\ndef build(layer=Dense):\n    return layer(8, W_regularizer="l2")\n'
BROKEN = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2"]\n'
LINES = ("check", "--isolated", "--output-format", "json-lines")

Inspect = Callable[[Inspector, Target], FileReport]


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(count: int, text: str = BAD) -> list[str]:
    """Write files with the same findings; returns their names in order."""
    names = [f"m{number:02}.py" for number in range(count)]
    for name in names:
        Path(name).write_text(text)
    return names


def filenames(text: str) -> list[str]:
    return [os.path.basename(json.loads(line)["filename"]) for line in text.splitlines()]


# --- as soon as they are known ---------------------------------------------------------------------------------------


def test_the_findings_of_a_file_can_be_read_before_the_next_file_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    put(3)
    out, into = os.pipe()
    os.set_blocking(out, False)  # what is not there yet is an error instead of a test that hangs
    inspect = Inspector.inspect
    heard: list[tuple[str, list[str]]] = []
    with open(out, encoding="utf-8") as reader, open(into, "w", encoding="utf-8") as writer:

        def listening(self: Inspector, target: Target) -> FileReport:
            heard.append((target.shown, filenames(os.read(out, 10**6).decode() if heard else "")))
            return inspect(self, target)

        monkeypatch.setattr(Inspector, "inspect", listening)
        monkeypatch.setattr(sys, "stdout", writer)
        assert cli.main([*LINES, "--jobs", "1"]) == 1
        monkeypatch.undo()
        assert filenames(reader.read()) == ["m02.py"]
    assert heard == [("m00.py", []), ("m01.py", ["m00.py"]), ("m02.py", ["m01.py"])]


#: Spawned processes import it, too.
WAITING = """
import os
import time
import reglint.inspector

inspect = reglint.inspector.Inspector.inspect

def waiting(self, target):
    name = os.path.basename(target.path)
    deadline = time.monotonic() + 60
    while name in AWAITED and not os.path.exists(AWAITED[name]):
        assert time.monotonic() < deadline  # and so the run would end with 2
        time.sleep(0.01)
    report = inspect(self, target)
    open(name + ".done", "w").close()
    return report

reglint.inspector.Inspector.inspect = waiting
if __name__ == "__main__":
    import sys
    from reglint.cli import main
    sys.exit(main(["check", "--isolated", "--output-format", "json-lines", "--jobs", "2", *sys.argv[1:]]))
"""


def in_two_processes(awaited: dict[str, str]) -> subprocess.Popen[str]:
    """Start a run in which the checks of some files take until there are others."""
    Path("program").write_text(f"AWAITED = {awaited!r}\n" + WAITING)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), "."]))}
    return subprocess.Popen(
        [sys.executable, "program"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_several_processes_write_what_is_known_while_others_still_work() -> None:
    names = put(30)
    with in_two_processes({"m01.py": "go"}) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert filenames(first) == ["m00.py"]
        Path("go").touch()
        rest, errors = process.communicate(timeout=300)
    assert filenames(first + rest) == names
    assert (process.returncode, errors) == (1, "")


def test_a_file_that_is_done_early_waits_for_those_before_it() -> None:
    names = put(30)
    with in_two_processes({"m00.py": "m05.py.done"}) as process:
        printed, errors = process.communicate(timeout=300)
    assert filenames(printed) == names
    assert (process.returncode, errors) == (1, "")


def test_of_what_is_written_nothing_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    put(4)
    stream = Stream(sys.stdout)
    result = run_files(["."], Resolver(isolated=True, check=rules_for), taken=stream)
    assert result.reports == ()
    assert [diagnostic.code for diagnostic in stream.found] == ["REG101"]
    assert len(capsys.readouterr().out.splitlines()) == 4


# --- the same as at the end ------------------------------------------------------------------------------------------


@pytest.fixture
def whole(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command as if nothing could be written before its end."""

    def command(*arguments: str) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(streaming, "can_stream", lambda *_: False)
            return run(*arguments)

    return command


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_stream_is_the_same_bytes_as_the_whole_report(jobs: str, run: Run, whole: Run) -> None:
    for name in ("aliases", "keras1_arguments", "keyword_dicts", "notebooks", "python2_scripts", "withheld"):
        shutil.copytree(FIXTURES / "projects" / name, name, symlinks=True)
    put(25)  # enough for the second process
    command = ("check", "--output-format", "json-lines", "--jobs")
    streamed = run(*command, jobs)
    assert len(streamed.out.splitlines()) > 50
    assert streamed == whole(*command, "1")


def baseline_of_the_first_two(run: Run) -> tuple[str, ...]:
    run("baseline", "--isolated", "m00.py", "m01.py")
    Path("m01.py").unlink()
    return ("--baseline", ".reglint-baseline.json")


def broken(run: Run) -> tuple[str, ...]:
    Path("m01.py").write_text(BROKEN)
    return ()


def baseline_of_one_that_broke(run: Run) -> tuple[str, ...]:
    run("baseline", "--isolated")
    return (*broken(run), "--baseline", ".reglint-baseline.json")


def a_warning_before_an_error_of_the_same_rule(run: Run) -> tuple[str, ...]:
    Path("m00.py").write_text(UNSAFE)
    return ("--fail-on", "error")


def warnings(run: Run) -> tuple[str, ...]:
    for name in ("m00.py", "m01.py", "m02.py"):
        Path(name).write_text(UNSAFE)
    return ("--fail-on", "error")


def suppressed(run: Run) -> tuple[str, ...]:
    Path("m01.py").write_text(BAD.rstrip() + "  # noqa: REG101\n")
    return ()


def since_the_first_commit(run: Run) -> tuple[str, ...]:
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "a"]):
        subprocess.run([*git, *command], check=True)
    Path("m01.py").write_text(BAD + BAD)
    return ("--since", "HEAD")


def nothing_there(run: Run) -> tuple[str, ...]:
    return ("nowhere.py",)


def no_such_revision(run: Run) -> tuple[str, ...]:
    since_the_first_commit(run)
    return ("--since", "nonsense")


def no_such_baseline(run: Run) -> tuple[str, ...]:
    return ("--baseline", "nowhere.json")


def no_list(run: Run) -> tuple[str, ...]:
    Path("list.txt").write_text("")
    return ("--files-from", "list.txt")


@pytest.mark.parametrize(
    ("given", "status", "written"),
    [
        (lambda run: (), 1, ["m00.py", "m01.py", "m02.py"]),
        (lambda run: ("--exit-zero",), 0, ["m00.py", "m01.py", "m02.py"]),
        (lambda run: ("m02.py", "m00.py"), 1, ["m00.py", "m02.py"]),
        (baseline_of_the_first_two, 1, ["m02.py"]),
        (broken, 2, ["m00.py", "m01.py", "m02.py"]),
        (baseline_of_one_that_broke, 2, ["m01.py"]),
        (a_warning_before_an_error_of_the_same_rule, 1, ["m00.py", "m01.py", "m02.py"]),
        (warnings, 0, ["m00.py", "m01.py", "m02.py"]),
        (suppressed, 1, ["m00.py", "m02.py"]),
        (since_the_first_commit, 1, ["m01.py"]),
        (nothing_there, 2, []),
        (no_such_revision, 2, []),
        (no_such_baseline, 2, []),
        (no_list, 0, []),
    ],
)
def test_what_filters_findings_filters_a_stream(
    given: Callable[[Run], tuple[str, ...]], status: int, written: list[str], run: Run, whole: Run
) -> None:
    put(3)
    command = (*LINES, *given(run))
    streamed = run(*command)
    assert (streamed.status, filenames(streamed.out)) == (status, written)
    assert streamed == whole(*command)


@pytest.mark.parametrize("options", [("--fix",), ("--diff",), ("--add-noqa",), ("--report", "json=a"), ("-o", "a")])
def test_what_needs_the_findings_at_the_end_waits_for_it(
    options: tuple[str, ...], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(1)

    def never(self: object, *_: object) -> None:
        raise AssertionError("written before the end")

    monkeypatch.setattr(Stream, "__call__", never)
    assert run(*LINES, *options).status in (0, 1)
    with pytest.raises(AssertionError, match="written before the end"):
        run(*LINES)


# --- a reader that leaves --------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals of pipes")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_reader_that_has_enough_ends_the_run_in_silence(jobs: str) -> None:
    put(30, 8 * BAD)  # more than a pipe holds
    command = [sys.executable, "-m", "reglint", *LINES, "--jobs", jobs]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert filenames(process.stdout.readline()) == ["m00.py"]
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=300) == 0  # as ruff does


def test_where_nobody_reads_no_further_file_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    put(5)
    checked = []
    inspect = Inspector.inspect

    def noted(self: Inspector, target: Target) -> FileReport:
        checked.append(target.shown)
        return inspect(self, target)

    monkeypatch.setattr(Inspector, "inspect", noted)
    out, into = os.pipe()
    os.close(out)
    with open(into, "w", encoding="utf-8") as writer:
        monkeypatch.setattr(sys, "stdout", writer)
        assert cli.main([*LINES, "--jobs", "1"]) == 0
        monkeypatch.undo()
    assert checked == ["m00.py"]
