"""The process in which a model runs: what may happen to it, how it is stopped, and that nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

psutil = pytest.importorskip("psutil")

from reglint.probe.process import watch  # noqa: E402
from reglint.probe.process.transfer import dumps  # noqa: E402

posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")

RESULT = """print('{"kind": "report", "report": 7}', flush=True)\n"""
GIGABYTE = 10**9


def python(script: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(script)]


def run(script: str, request: Any = None, timeout: float = 60, memory_limit: int = GIGABYTE, heard: Any = None) -> Any:
    said: list[Any] = []
    ending = watch.run(
        python(script),
        {} if request is None else request,
        heard or said.append,
        environment=os.environ,
        timeout=timeout,
        memory_limit=memory_limit,
    )
    return ending, said


def wait_until_gone(pid: int, seconds: float = 10) -> bool:
    """Say whether a process ends; one that nobody has waited for is as good as gone."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


_before: set[int] = set()


@pytest.fixture(autouse=True)
def _others() -> None:
    """Other tests may have left a pool's helper process in this one."""
    _before.clear()
    _before.update(each.pid for each in psutil.Process().children(recursive=True))


def children() -> list[Any]:
    """The processes that the test has started and not ended."""
    return [each for each in psutil.Process().children(recursive=True) if each.pid not in _before]


# --- what is said


def test_the_request_comes_in_and_the_result_goes_out() -> None:
    script = """
        import json, sys
        request = json.loads(sys.stdin.readline())
        print(json.dumps({"kind": "report", "echo": request}), flush=True)
    """
    ending, said = run(script, {"model": "modèle.keras", "n": [1, 2]})
    assert ending.result == {"kind": "report", "echo": {"model": "modèle.keras", "n": [1, 2]}}
    assert (ending.stopped, said) == ("", [])


def test_stages_and_progress_are_heard_in_order_while_it_runs() -> None:
    messages = [
        {"kind": "stage", "stage": "loading"},
        *({"kind": "progress", "done": n, "total": 3} for n in (1, 2, 3)),
    ]
    script = "".join(f"print({dumps(message)!r}, flush=True)\n" for message in messages)
    ending, said = run(script + RESULT)
    assert said == messages
    assert ending.result is not None


def test_a_process_that_does_not_end_after_its_result_is_not_waited_for() -> None:
    start = time.monotonic()
    ending, _ = run(RESULT + "import time; time.sleep(60)")
    assert ending.result == {"kind": "report", "report": 7}
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    "garbage",
    [
        "hello",
        "",
        "7",
        "[]",
        "{}",
        '{"kind": ',
        '{"kind": "report", "value": NaN',
        "\\xff\\x00",
        "[" * 3000,
        '{"kind": ' + "[" * 100_000,
    ],
)
def test_what_is_no_message_counts_as_printed_and_hides_no_result(garbage: str) -> None:
    ending, said = run(f"print({garbage!r}, flush=True)\n" + RESULT)
    assert (ending.result, said) == ({"kind": "report", "report": 7}, [])
    assert garbage[-60:] in ending.printed


def test_what_it_prints_is_kept_from_our_own_output(capfd: pytest.CaptureFixture[str]) -> None:
    ending, _ = run("import sys; print('to stdout', flush=True); print('to stderr', file=sys.stderr)\n")
    assert ending.result is None
    assert "to stdout\n" in ending.printed
    assert "to stderr\n" in ending.printed
    assert capfd.readouterr() == ("", "")


def test_a_flood_of_words_is_cut_and_its_end_is_kept() -> None:
    script = """
        import os
        for _ in range(400):
            os.write(2, b"x" * 99_999 + b"\\n")
        os.write(2, b"the last words\\n")
    """
    ending, _ = run(script)
    assert ending.printed.endswith("the last words\n")
    assert len(ending.printed) <= watch.TAIL


# --- how it ends


def test_an_exit_without_a_result_has_its_status() -> None:
    ending, _ = run("import sys; sys.exit(3)")
    assert (ending.result, ending.stopped, ending.status) == (None, "", 3)


@posix
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("import faulthandler; faulthandler._sigsegv()", signal.SIGSEGV),
        ("import ctypes; ctypes.string_at(0)", signal.SIGSEGV),
        ("import os; os.abort()", signal.SIGABRT),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", signal.SIGKILL),
    ],
)
def test_a_crash_has_its_signal(script: str, expected: signal.Signals) -> None:
    ending, _ = run("import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n" + script)
    assert (ending.result, ending.stopped, ending.status) == (None, "", -expected)


@pytest.mark.parametrize("hang", ["import time; time.sleep(600)", "while True: pass", "import sys; sys.stdin.read()"])
def test_a_hang_is_stopped_in_time(hang: str) -> None:
    start = time.monotonic()
    ending, _ = run(hang, timeout=0.5)
    assert (ending.result, ending.stopped) == (None, "time")
    assert 0.5 <= time.monotonic() - start < 10
    assert children() == []


@posix
def test_a_hang_that_ignores_polite_signals_is_stopped_as_well() -> None:
    script = "import signal, time\nfor each in (2, 15, 1): signal.signal(each, signal.SIG_IGN)\ntime.sleep(600)"
    assert run(script, timeout=0.5)[0].stopped == "time"
    assert children() == []


def test_a_flood_of_progress_does_not_keep_the_clock_from_being_read() -> None:
    ending, said = run("""while True: print('{"kind": "progress", "done": 1, "total": 2}', flush=True)""", timeout=1)
    assert ending.stopped == "time"
    assert said


def test_memory_is_stopped_at_the_limit() -> None:
    script = """
        import time
        held = []
        for _ in range(600):
            held.append(bytearray(b"x" * 10_000_000))
            time.sleep(0.01)
        time.sleep(60)
    """
    ending, _ = run(script, memory_limit=300_000_000)
    assert (ending.result, ending.stopped) == (None, "memory")
    assert children() == []


def test_the_memory_of_the_processes_that_it_starts_counts() -> None:
    script = """
        import subprocess, sys, time
        child = "import time; held = bytearray(b'x' * 400_000_000); time.sleep(60)"
        subprocess.Popen([sys.executable, "-c", child])
        time.sleep(60)
    """
    assert run(script, memory_limit=300_000_000, timeout=30)[0].stopped == "memory"
    assert children() == []


def test_a_python_memory_error_is_no_stop_but_an_exit() -> None:
    ending, _ = run("bytearray(1 << 62)")
    assert (ending.stopped, ending.status) == ("", 1)
    assert "MemoryError" in ending.printed


# --- what is left


GRANDCHILD = """
    import os, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]{more})
    open({file!r}, "w").write(str(child.pid))
    time.sleep(0.3)
    {then}
"""


@pytest.mark.parametrize("more", ["", ", start_new_session=True"])
@pytest.mark.parametrize("then", ["time.sleep(600)", "os._exit(3)", RESULT.strip() + "; time.sleep(600)"])
def test_no_process_of_it_lives_on(more: str, then: str, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    ending, _ = run(GRANDCHILD.format(more=more, then=then, file=str(file)), timeout=3)
    assert ending.stopped == ("time" if then.startswith("time") else "")
    assert wait_until_gone(int(file.read_text()))
    assert children() == []


def test_an_exception_of_the_listener_leaves_nothing_behind() -> None:
    def heard(message: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("""print('{"kind": "stage", "stage": "x"}', flush=True)\nimport time; time.sleep(600)""", heard=heard)
    assert children() == []


def test_a_program_that_cannot_be_started_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        watch.run([str(tmp_path / "nowhere")], {}, print, environment=os.environ, timeout=1, memory_limit=GIGABYTE)
    assert children() == []


@posix
def test_no_zombie_and_no_open_file_is_left_after_many_runs() -> None:
    run(RESULT)
    before = psutil.Process().num_fds()
    for _ in range(5):
        run(RESULT)
    assert psutil.Process().num_fds() == before
    assert children() == []


PARENT = """
import os, sys
from reglint.probe.process import watch
script = {script!r}
watch.run([sys.executable, "-c", script], {{}}, print, environment=os.environ, timeout=60, memory_limit=10**9)
"""
#: What the real process does: the end of its stdin is the end of its parent.
DEPENDENT = """
import io, os, threading, time
from reglint.probe.process.child import _end_with_parent
open({file!r}, "w").write(str(os.getpid()))
stdin = os.fdopen(0, "rb", 0)
stdin.readline()
threading.Thread(target=_end_with_parent, args=(stdin,), daemon=True).start()
time.sleep(600)
"""


@posix
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_death_of_the_parent_is_the_end_of_the_child(how: signal.Signals, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(script=DEPENDENT.format(file=str(file)))], stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 30
        while not (file.exists() and file.read_text()) and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.3)
        pid = int(file.read_text())
        assert psutil.pid_exists(pid)
        parent.send_signal(how)
        parent.wait(timeout=10)
        assert wait_until_gone(pid)
    finally:
        parent.kill()
        parent.wait()
