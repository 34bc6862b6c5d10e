"""Runs a process that may hang, crash or grow without bound, stops it in time, and leaves nothing of it behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import IO, Any, Literal

import psutil

from reglint.probe.process.transfer import dumps, loads

POLL = 0.05
"""Seconds between two looks at clock and memory."""
TAIL = 65_536
"""Bytes that are kept of what a process printed."""
_LONGEST = 1 << 28
"""Bytes of a message; one that is longer is cut, and so is none."""

Message = Mapping[str, Any]


@dataclass(frozen=True)
class Ending:
    """How a process ended.

    ``result`` is its last message, None where it came to none. ``stopped`` says whether time or memory ran out.
    ``status`` is its exit status, negative for a signal; it means nothing where there is a result or it was stopped.
    ``printed`` is the end of what it wrote to its own stdout and stderr.
    """

    result: Message | None
    stopped: Literal["", "time", "memory"]
    status: int
    printed: str


def run(
    argv: Sequence[str],
    request: Message,
    heard: Callable[[Message], object],
    *,
    environment: Mapping[str, str],
    timeout: float,
    memory_limit: int,
) -> Ending:
    """Start ``argv``, give it ``request`` as a line of JSON on stdin, and wait for its result.

    It answers with lines of JSON objects on stdout: those whose ``kind`` is ``stage`` or ``progress`` are passed to
    ``heard``, the first of another kind is the result and ends it. Lines that are no such object count as printed. Its
    stdin stays open as long as this process lives. ``timeout`` is in seconds, ``memory_limit`` in bytes of resident
    memory of the whole process tree. However this ends, an exception included, the tree is killed and waited for.
    """
    child = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environment),
        **_apart(),
    )
    tree = _Tree(child)
    lines: SimpleQueue[bytes] = SimpleQueue()
    printed = _Printed()
    conversation = _Conversation(lines, heard, printed)
    readers = (_Reader(child.stdout, _LONGEST, lines.put), _Reader(child.stderr, TAIL, printed.add))
    try:
        for reader in readers:
            reader.start()
        _ask(child, request)
        stopped = _attend(conversation, tree, time.monotonic() + timeout, memory_limit)
    finally:
        tree.kill()
        child.wait()
        until = time.monotonic() + 5  # a descendant that nobody could know of may still hold a pipe
        for reader in readers:
            reader.finish(until)
        with suppress(OSError):
            assert child.stdin is not None
            child.stdin.close()
    if not stopped:
        conversation.listen(0)
    return Ending(conversation.result, stopped, child.returncode, printed.end().decode("utf-8", "replace"))


def _apart() -> dict[str, Any]:
    """Return what puts a process into a group of its own, so that a Ctrl-C reaches us and not it."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _ask(child: subprocess.Popen[bytes], request: Message) -> None:
    with suppress(OSError):  # it may be dead already, which is found out soon enough
        assert child.stdin is not None
        child.stdin.write(dumps(request).encode() + b"\n")
        child.stdin.flush()


class _Reader(threading.Thread):
    """Reads a pipe by lines, in parts of at most ``longest`` bytes, until nobody can write to it.

    It does so as fast as the pipe is written, whatever the rest of this process does.
    """

    def __init__(self, pipe: IO[bytes] | None, longest: int, take: Callable[[bytes], object]) -> None:
        super().__init__(daemon=True)
        assert pipe is not None
        self._pipe, self._longest, self._take = pipe, longest, take

    def run(self) -> None:
        with suppress(OSError, ValueError):
            while line := self._pipe.readline(self._longest):
                self._take(line)

    def finish(self, until: float) -> None:
        """Wait for the end of the pipe, at most until then, and close it; one that is still read stays open."""
        if self.ident is not None:
            self.join(max(until - time.monotonic(), 0))
        if not self.is_alive():
            self._pipe.close()


class _Printed:
    """The end of what is printed."""

    def __init__(self) -> None:
        self._end = bytearray()
        self._lock = threading.Lock()

    def add(self, words: bytes) -> None:
        with self._lock:
            self._end += words
            del self._end[:-TAIL]

    def end(self) -> bytes:
        with self._lock:
            return bytes(self._end)


def _attend(
    conversation: _Conversation, tree: _Tree, deadline: float, memory_limit: int
) -> Literal["", "time", "memory"]:
    """Listen until there is a result or nobody is left who could send one; return what ran out, if anything did."""
    while True:
        # in this order: what a process said before it ended is still in the pipe
        ended = tree.ended()
        conversation.listen(0 if ended else POLL)
        if conversation.result is not None or ended:
            return ""
        if time.monotonic() > deadline:
            return "time"
        if tree.memory() > memory_limit:
            return "memory"


class _Conversation:
    """What a process says: news go to ``heard``, the rest of its messages is its result."""

    def __init__(self, lines: SimpleQueue[bytes], heard: Callable[[Message], object], printed: _Printed) -> None:
        self.result: Message | None = None
        self._lines, self._heard, self._printed = lines, heard, printed

    def listen(self, wait: float) -> None:
        """Take in what has been said, or is said within ``wait`` seconds."""
        for line in self._said(wait):
            message = _message(line)
            if message is None:
                self._printed.add(line)
            elif message["kind"] in ("stage", "progress"):
                self._heard(message)
            elif self.result is None:
                self.result = message

    def _said(self, wait: float) -> Iterator[bytes]:
        """Yield lines for ``wait`` seconds, or with 0 those that are there already."""
        until = time.monotonic() + wait
        with suppress(Empty):
            while self.result is None:
                left = until - time.monotonic()
                if wait and left <= 0:
                    return
                yield self._lines.get(wait > 0, max(left, 0))


def _message(line: bytes) -> Message | None:
    if not line.startswith(b'{"kind": '):
        return None
    try:
        value = loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class _Tree:
    """A process and all that come from it, those included that left its group while they could be seen."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        self._known: dict[int, psutil.Process] = {}
        self._next_look = 0.0
        try:
            self._top = psutil.Process(child.pid)
        except psutil.NoSuchProcess:  # on Windows an ended process has no entry any more
            self._top = None

    def ended(self) -> bool:
        """Say whether the process itself has ended; it is left unreaped, so that its number stays its own."""
        try:
            return self._top is None or self._top.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    def memory(self) -> int:
        """Return the resident memory of all in bytes; what they share counts for each."""
        self._look()
        return sum(_resident(process) for process in (self._top, *self._known.values()) if process is not None)

    def kill(self) -> None:
        """Kill all of them."""
        self._next_look = 0.0
        self._look()
        if sys.platform != "win32":
            with suppress(ProcessLookupError, PermissionError):  # macOS: no permission for a group of zombies
                os.killpg(self._child.pid, signal.SIGKILL)
        with suppress(OSError):
            self._child.kill()
        for process in self._known.values():
            with suppress(psutil.Error):
                process.kill()

    def _look(self) -> None:
        """Take note of new descendants. This reads the whole process table, so it may take a 20th of the time."""
        start = time.monotonic()
        if start < self._next_look or self._top is None:
            return
        found: list[psutil.Process] = []
        with suppress(psutil.Error):
            found = self._top.children(recursive=True)
        kept = [process for process in self._known.values() if process.is_running()]
        self._known = {process.pid: process for process in [*kept, *found]}
        end = time.monotonic()
        self._next_look = end + 20 * (end - start)


def _resident(process: Any) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
