"""A real terminal of 80 columns and 24 rows, by tmux, for what people see and programs must not."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux here")

#: What would decide about colours and sizes before a test does.
_DECIDES = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "TMUX", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
_END = b"<end>"


class Seen(NamedTuple):
    """What a command wrote to its terminal, byte by byte, and what stood there afterwards, with and without colour."""

    written: bytes
    coloured: str
    screen: list[str]


def seen(command: str, folder: Path, environment: Mapping[str, str] | None = None) -> Seen:
    """Run a line of shell in a terminal; returns what was to be seen."""
    kept = {name: value for name, value in os.environ.items() if name not in _DECIDES}
    with tempfile.TemporaryDirectory() as place:  # the path of a socket must be short
        written = Path(place, "written")
        tmux = ["tmux", "-S", os.path.join(place, "socket"), "-f", os.devnull]

        def ask(*words: str) -> str:
            done = subprocess.run(
                [*tmux, *words], cwd=folder, env={**kept, "LC_ALL": "C.UTF-8"}, capture_output=True, check=True
            )
            return done.stdout.decode()

        given = "".join(f"export {name}={shlex.quote(value)}; " for name, value in (environment or {}).items())
        # It waits for Enter until somebody listens, and stays until its screen was looked at.
        line = f"read go; {given}{command}\nprintf '{_END.decode()}'; read end"
        ask("new-session", "-d", "-x", "80", "-y", "24", f"exec sh -c {shlex.quote(line)}")
        try:
            ask("pipe-pane", f"exec cat > {shlex.quote(str(written))}")
            ask("send-keys", "Enter")
            deadline = time.monotonic() + 60
            while not (written.exists() and _END in written.read_bytes()):
                assert time.monotonic() < deadline, "the command does not end"
                time.sleep(0.02)
            return Seen(
                # The first line is the echo of Enter.
                written.read_bytes().partition(b"\n")[2].partition(_END)[0],
                ask("capture-pane", "-p", "-e").partition(_END.decode())[0].removeprefix("\n"),
                ask("capture-pane", "-p").partition(_END.decode())[0].removeprefix("\n").splitlines(),
            )
        finally:
            ask("kill-server")
