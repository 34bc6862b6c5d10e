"""The pipeline: the library's functions, several processes, results that depend on no order, and writing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import reglint
from reglint import pool
from reglint.discovery import Target
from reglint.inspector import FileReport, Inspector
from reglint.ruleset import rules_for
from reglint.runner import Result, run, write
from reglint.settings import Resolver, Settings

BAD = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n'
FIXED = BAD.replace("W_reg", "kernel_reg")


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def resolver() -> Resolver:
    return Resolver(check=rules_for)


def codes(result: Result) -> list[tuple[str, str, int]]:
    return [(each.shown, each.code, each.start.row) for report in result.reports for each in report.found]


# --- the library


def test_check_source_returns_findings_with_offsets() -> None:
    (finding,) = reglint.check_source(BAD)
    assert finding.code == "REG101"
    assert BAD[finding.start : finding.end] == "W_regularizer"


def test_fix_source_returns_the_new_bytes_and_what_is_left() -> None:
    assert reglint.fix_source(BAD) == (FIXED.encode(), [])
    assert reglint.fix_source(BAD.encode("utf-8-sig")) == (FIXED.encode("utf-8-sig"), [])


def test_settings_of_the_library_are_the_keys_of_the_table() -> None:
    assert reglint.check_source(BAD, settings=Settings.from_mapping({"ignore": ["REG101"]})) == []


def test_with_modules_nothing_is_read_from_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {"layers.py": "from keras.layers import Dense\n", "own.py": "def Dense(n, W_regularizer): pass\n"}
    text = 'from {} import Dense\nDense(8, W_regularizer="l2")\n'
    reglint.check_source(BAD)  # what is loaded once, is loaded

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("the disk was touched")

    monkeypatch.setattr("builtins.open", forbidden)
    monkeypatch.setattr(os, "scandir", forbidden)
    monkeypatch.setattr(os.path, "isfile", forbidden)
    found = reglint.check_source(text.format("layers"), filename="main.py", modules=modules)
    assert [finding.code for finding in found] == ["REG101"]
    assert reglint.check_source(text.format("own"), filename="main.py", modules=modules) == []


@pytest.mark.parametrize("source", ["keras.W_regularizer = (", b"W_regularizer = '\xff'", "W_regularizer\0"])
def test_what_cannot_be_read_is_a_finding_of_the_library(source: str | bytes) -> None:
    (finding,) = reglint.check_source(source)
    assert finding.code == "REG900"
    raw, left = reglint.fix_source(source)
    assert raw == (source if isinstance(source, bytes) else source.encode())
    assert [each.code for each in left] == ["REG900"]


# --- many files


def many(count: int) -> None:
    for number in range(count):
        Path(f"m{number:02}.py").write_text(BAD if number % 2 else f"# W_regularizer\nx = {number}\n")


def test_several_processes_give_what_one_gives() -> None:
    many(40)
    alone = run(["."], resolver(), jobs=1)
    assert len(alone.reports) == 20
    assert run(["."], resolver(), jobs=3) == alone
    assert run(["."], resolver(), fix=True, jobs=3) == run(["."], resolver(), fix=True, jobs=1)


@pytest.mark.parametrize(("files", "jobs", "pooled"), [(40, 1, False), (40, 2, True), (5, 8, False)])
def test_processes_are_started_only_when_it_pays(
    monkeypatch: pytest.MonkeyPatch, files: int, jobs: int, pooled: bool
) -> None:
    many(files)
    calls = []

    def in_pool(targets: list[Target], jobs: int, **options: bool) -> map[FileReport]:
        calls.append(jobs)
        return map(Inspector(**options).inspect, targets)

    monkeypatch.setattr(pool, "inspect_all", in_pool)
    run(["."], resolver(), jobs=jobs)
    assert bool(calls) is pooled


def test_results_come_in_the_order_of_paths_whatever_was_named_first() -> None:
    many(4)
    expected = [("m01.py", "REG101", 2), ("m03.py", "REG101", 2)]
    assert codes(run(["m03.py", "m01.py"], resolver())) == expected
    assert codes(run(["m03.py", "."], resolver())) == expected


CRASH = """
import os
import reglint.inspector

inspect = reglint.inspector.Inspector.inspect

def crashing(self, target):
    if os.path.basename(target.path) in ("m07.py", "m21.py"):
        os.abort()
    return inspect(self, target)

reglint.inspector.Inspector.inspect = crashing
if __name__ == "__main__":
    import sys
    from reglint.cli import main
    sys.exit(main(["check", "--jobs", "2"]))
"""


def test_a_process_that_dies_costs_one_file_which_is_named() -> None:
    # Spawned processes import the script, and so come to crash as well.
    many(40)
    Path("crash.py").write_text(CRASH)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), "."]))}
    done = subprocess.run(
        [sys.executable, "crash.py"], capture_output=True, text=True, env=environment, check=False, timeout=300
    )
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    named = [line for line in lines if "REG900" in line]
    assert [line.partition(" REG900 the process that checked this file died")[0] for line in named] == [
        "m07.py:1:1:",
        "m21.py:1:1:",
    ]
    assert sum("REG101" in line for line in lines) == 18
    assert "Traceback" not in done.stdout + done.stderr


# --- fixing


def test_nothing_is_written_before_all_files_are_judged() -> None:
    Path("a.py").write_text(BAD)
    result = run(["."], resolver(), fix=True)
    assert Path("a.py").read_text() == BAD
    write(result)
    assert Path("a.py").read_text() == FIXED


def test_a_file_that_changed_meanwhile_is_left_alone_and_named() -> None:
    Path("a.py").write_text(BAD)
    Path("b.py").write_text(BAD)
    result = run(["."], resolver(), fix=True)
    Path("a.py").write_text("x = 1\n")
    written = write(result)
    assert Path("a.py").read_text() == "x = 1\n"
    assert Path("b.py").read_text() == FIXED
    assert [line.partition(":")[0] for line in written.problems] == ["a.py"]
    assert [(report.shown, report.applied, len(report.remaining)) for report in written.reports] == [
        ("a.py", 0, 1),
        ("b.py", 1, 0),
    ]


def test_a_file_and_a_link_to_it_are_written_once() -> None:
    Path("a.py").write_text(BAD)
    os.symlink("a.py", "b.py")
    written = write(run(["."], resolver(), fix=True))
    assert written.problems == ()
    assert Path("a.py").read_text() == FIXED
    assert Path("b.py").is_symlink()


def test_an_error_inside_one_check_is_one_line_and_the_others_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.py").write_text(BAD)
    Path("b.py").write_text(BAD)
    findings = Inspector.findings

    def failing(self: Inspector, source: object, *rest: object) -> object:
        if source.filename.endswith("a.py"):  # type: ignore[attr-defined]
            raise KeyError("some\nkey")
        return findings(self, source, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Inspector, "findings", failing)
    result = run(["."], resolver(), fix=True)
    assert codes(result) == [("a.py", "REG900", 1), ("b.py", "REG101", 2)]
    assert result.reports[0].found[0].message == "internal error, please report it: KeyError: 'some\\nkey'"
    assert not result.reports[0].changed


def test_the_traceback_of_an_internal_error_is_shown_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.py").write_text(BAD)

    def failing(*_: object) -> None:
        raise KeyError("key")

    monkeypatch.setattr(Inspector, "findings", failing)
    run(["."], resolver())
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("REGLINT_DEBUG", "1")
    run(["."], resolver())
    assert "Traceback" in capsys.readouterr().err


def test_a_fix_that_is_killed_leaves_each_file_old_or_new() -> None:
    names = [f"m{number:03}.py" for number in range(120)]
    text = BAD + "# filler\n" * 20
    for name in names:
        Path(name).write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-m", "reglint", "fix", "--jobs", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    # Killed while it writes: as soon as the first file is new.
    while Path(names[0]).read_text() == text and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    new = text.replace("W_reg", "kernel_reg")
    states = {Path(name).read_text() for name in names}
    assert new in states
    assert states <= {text, new}
    # What is left behind by a kill can only be a temporary file that nothing takes for Python.
    assert run(["."], resolver(), fix=True).problems == ()
    assert {path.name for path in Path().glob("*.py")} == set(names)
