"""What happens to a fix from outside: killed, out of room, beaten to it by others. Each file is old or new, all of it.

``REGLINT_EXAMPLES=100`` kills so many times instead of a few.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reglint.cli import main

BAD = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n' + "# filler\n" * 50
NEW = BAD.replace("W_reg", "kernel_reg")
FILES = 200
KILLS = int(os.environ.get("REGLINT_EXAMPLES", "0")) or 3

posix = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")
COMMAND = [sys.executable, "-m", "reglint", "fix", "--jobs", "1"]


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)


def written(count: int = FILES) -> list[Path]:
    paths = [Path(f"m{number:03}.py") for number in range(count)]
    for path in paths:
        path.write_text(BAD)
    return paths


def states(paths: list[Path]) -> tuple[int, int]:
    """How many files are old, and how many new; none may be anything else."""
    found = [path.read_text() for path in paths]
    assert set(found) <= {BAD, NEW}
    return found.count(BAD), found.count(NEW)


def leftovers() -> list[str]:
    """What lies about that was not there before, but for the cache."""
    return [path.name for path in Path().iterdir() if path.suffix != ".py" and path.name != ".reglint_cache"]


@contextlib.contextmanager
def fixing() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(COMMAND, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        yield process


@posix
def test_a_fix_that_is_killed_at_any_moment_leaves_each_file_old_or_new() -> None:
    chance = random.Random(20)
    partly = 0
    for _ in range(KILLS):
        paths = written()
        with fixing() as process:
            while paths[0].read_text() == BAD and process.poll() is None:
                time.sleep(0.001)
            # From the first file on that is written, so many files later.
            last = paths[chance.randrange(FILES)]
            while last.read_text() == BAD and process.poll() is None:
                pass
            process.send_signal(signal.SIGKILL)
        old, new = states(paths)
        assert old + new == FILES
        partly += 0 < new < FILES
        # At most the file that was being written leaves a temporary one, which nothing takes for Python.
        left = leftovers()
        assert len(left) <= 1
        assert all(name.startswith(".reglint-") and name.endswith(".tmp") for name in left)
        for name in left:
            Path(name).unlink()
    assert partly > 0
    assert main(["fix", "--jobs", "1"]) == 0
    assert states(paths) == (0, FILES)
    assert leftovers() == []


@posix
def test_a_fix_that_is_killed_before_it_writes_has_changed_nothing() -> None:
    paths = written()
    chance = random.Random(21)
    for _ in range(3):
        with fixing() as process:
            time.sleep(chance.uniform(0, 0.2))
            process.send_signal(signal.SIGKILL)
        old, new = states(paths)
        assert old + new == FILES
    assert all(name.endswith(".tmp") for name in leftovers())


@posix
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_fix_that_is_told_to_stop_leaves_each_file_old_or_new(kind: signal.Signals) -> None:
    paths = written()
    with fixing() as process:
        while paths[0].read_text() == BAD and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(kind)
        _, err = process.communicate()
    assert b"Traceback" not in err
    old, new = states(paths)
    assert old + new == FILES
    assert new > 0
    if kind == signal.SIGINT:  # what is told by a signal that Python sees is cleaned up, too
        assert leftovers() == []


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))
from reglint.cli import main
sys.exit(main(["fix", "--jobs", "1", "--no-cache"]))
"""


@posix
def test_where_no_file_may_grow_each_is_named_and_as_it_was() -> None:
    paths = written(3)
    small = Path("small.py")
    small.write_text(BAD.partition("#")[0])
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"error: {path}: cannot be written: File too large; it is unchanged" for path in paths
    ]
    assert states(paths) == (3, 0)
    assert small.read_text() == NEW.partition("#")[0]
    assert leftovers() == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts a file system in memory")
def test_on_a_full_disk_each_file_is_old_or_new_and_those_left_are_named() -> None:
    script = (
        "mkdir full && mount -t tmpfs -o size=64k none full && cp *.py full/ && cd full"
        " && (dd if=/dev/zero of=filler bs=1k count=1000 2>/dev/null; true)"
        f' && "{sys.executable}" -m reglint fix --jobs 1 --no-cache; status=$?'
        "; rm -f filler; cp -a . ../after; exit $status"
    )
    paths = written(4)
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    after = Path("after")
    if not (after / paths[0]).exists():
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()[-100:]}")
    assert done.returncode == 2
    named = [line for line in done.stderr.splitlines() if "No space left on device; it is unchanged" in line]
    old, _ = states([after / path for path in paths])
    assert len(named) == old > 0
    assert [path.name for path in after.iterdir() if path.suffix != ".py"] == []


def test_in_a_folder_that_may_not_be_written_each_file_is_named_and_as_it_was(
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = written(3)
    os.chmod(".", 0o555)
    try:
        if os.access(".", os.W_OK):
            pytest.skip("this user may write everywhere")
        assert main(["fix", "--jobs", "1", "--no-cache"]) == 2
    finally:
        os.chmod(".", 0o755)
    assert capsys.readouterr().err.count("cannot be written: Permission denied; it is unchanged") == 3
    assert states(paths) == (3, 0)


@posix
def test_two_fixes_at_once_mend_every_file_once() -> None:
    paths = written()
    with fixing() as one, fixing() as other:
        errors = b"".join(process.communicate()[1] for process in (one, other))
    assert states(paths) == (0, FILES)
    # Whoever comes second sees new bytes and leaves them; it says so with its status.
    assert {one.returncode, other.returncode} <= {0, 2}
    assert (2 in (one.returncode, other.returncode)) is (b"it has changed since it was read; run again" in errors)
    assert b"Traceback" not in errors
    assert leftovers() == []


def meanwhile(monkeypatch: pytest.MonkeyPatch, after: int, act: Callable[[], None]) -> None:
    """Do something once so many files have been written."""
    replace, done = os.replace, []

    def replacing(source: str, target: str) -> None:
        replace(source, target)
        done.append(target)
        if len(done) == after:
            act()

    monkeypatch.setattr(os, "replace", replacing)


def test_what_an_editor_saves_meanwhile_is_never_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = written(20)
    saved = {path: f"# saved by somebody else\nx = {rank}\n" for rank, path in enumerate(paths[::3])}

    def save() -> None:
        for path, text in saved.items():
            path.write_text(text)

    meanwhile(monkeypatch, 8, save)
    assert main(["fix", "--jobs", "1", "--no-cache"]) == 2
    assert {path: path.read_text() for path in saved} == saved
    assert states([path for path in paths if path not in saved]) == (0, 13)
    # Those that had been mended before were saved over; the others were left, and are named.
    assert capsys.readouterr().err.count("it has changed since it was read; run again") == len(
        saved.keys() & {*paths[8:]}
    )
    assert leftovers() == []


def test_files_that_are_deleted_meanwhile_stay_deleted_and_the_others_are_mended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = written(20)
    gone = paths[9::2]
    meanwhile(monkeypatch, 8, lambda: [path.unlink() for path in gone] and None)
    assert main(["fix", "--jobs", "1", "--no-cache"]) == 2
    assert [path for path in gone if path.exists()] == []
    assert states([path for path in paths if path not in gone]) == (0, len(paths) - len(gone))
    assert capsys.readouterr().err.count("No such file or directory; it is unchanged") == len(gone)
    assert leftovers() == []
