"""The process that judges. A long parse does not keep the editor waiting, a newer text can end it, and it may die."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any, NamedTuple

from reglint.pins import is_manifest

if TYPE_CHECKING:
    from reglint.server.analysis import Question, Verdict, Wish

_REQUIREMENTS = ("requirements", "requirement", "reqs")


class Interrupted(Exception):
    """Somebody ended the process on purpose: its answer is not wanted any more."""


class Died(Exception):
    """The process came to an end by itself."""


class Failed(Exception):
    """An error within the process, with its traceback; the process lives on."""


def _serve(connection: Connection, overrides: Mapping[str, object]) -> None:
    """Answer until the other end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from reglint.server.analysis import Analyst

    # The parser is wanted for the first file already.
    import_module("reglint.checks")
    analyst = Analyst(overrides)
    while True:
        try:
            method, arguments = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer = (True, getattr(analyst, method)(*arguments))
        except Exception:
            answer = (False, traceback.format_exc())
        connection.send(answer)


class _Running(NamedTuple):
    process: BaseProcess
    connection: Connection


class Worker:
    """The near end of the process. Questions come from one thread at a time; ``interrupt`` may come from any."""

    def __init__(self) -> None:
        self.overrides: Mapping[str, object] = {}
        self._running: _Running | None = None
        self._interrupted = False
        self._lock = threading.Lock()
        self._stamps: dict[str, object] = {}
        self._decisive: dict[str, object] = {}

    def warm(self) -> None:
        """Start the process before there is a question."""
        with self._lock:
            self._running = self._running or self._started()

    def judge(self, question: Question) -> Verdict:
        """Return what is to be said about a document; raises Interrupted, Died or Failed."""
        self._renew(os.path.dirname(question.path))
        verdict: Verdict = self._ask("judge", question)
        for path in verdict.decided_by - self._decisive.keys():
            self._decisive[path] = tuple(_state(path))
        return verdict

    @property
    def decisive(self) -> frozenset[str]:
        """The settings, baselines and cards that verdicts rested on."""
        return frozenset(self._decisive)

    def change(self, question: Question, wishes: Sequence[Wish]) -> list[list[str] | None]:
        """Return for each wish what the texts would become; raises Interrupted, Died or Failed."""
        texts: list[list[str] | None] = self._ask("change", question, wishes)
        return texts

    def interrupt(self) -> None:
        """End the process, whatever it does; the next question starts another one, that has read nothing yet."""
        with self._lock:
            running, self._running = self._running, None
            self._interrupted = True
            self._stamps, self._decisive = {}, {}
            if running:
                running.process.kill()

    def _renew(self, folder: str) -> None:
        """Start afresh where a settings file or a manifest around ``folder`` is not what it was.

        Not every editor watches files for us: Neovim on Linux does not.
        """
        stamp = _stamp(folder)
        changed = any(tuple(_state(path)) != state for path, state in self._decisive.items())
        if changed or self._stamps.get(folder, stamp) != stamp:
            self.interrupt()
        self._stamps[folder] = stamp

    def _ask(self, method: str, *arguments: Any) -> Any:
        with self._lock:
            self._interrupted = False
            running = self._running = self._running or self._started()
        try:
            running.connection.send((method, arguments))
            is_answer, answer = running.connection.recv()
        except (EOFError, OSError):
            running.connection.close()
            with self._lock:
                if self._interrupted:
                    raise Interrupted from None
                self._running = None
            running.process.join(5)
            raise Died(f"exit status {running.process.exitcode}") from None
        if not is_answer:
            raise Failed(answer)
        return answer

    def _started(self) -> _Running:
        # Spawned, not forked: there are threads beside us.
        context = multiprocessing.get_context("spawn")
        near, far = context.Pipe()
        process = context.Process(target=_serve, args=(far, self.overrides), daemon=True)
        process.start()
        far.close()
        return _Running(process, near)


def _stamp(folder: str) -> tuple[tuple[str, int, int], ...]:
    """Return what tells one state of the settings and manifests around ``folder`` from another."""
    found: list[tuple[str, int, int]] = []
    in_repository = True
    while True:
        if in_repository:
            for each in (folder, *(os.path.join(folder, name) for name in _REQUIREMENTS)):
                found += _states(each, all_names=each != folder)
        else:
            found += _state(os.path.join(folder, "pyproject.toml"))
        in_repository = in_repository and not os.path.exists(os.path.join(folder, ".git"))
        parent = os.path.dirname(folder)
        if parent == folder:
            return tuple(sorted(found))
        folder = parent


def _states(folder: str, all_names: bool) -> Iterator[tuple[str, int, int]]:
    with contextlib.suppress(OSError):
        for name in _manifests_in(folder, os.stat(folder).st_mtime_ns, all_names):
            yield from _state(os.path.join(folder, name))


@lru_cache(maxsize=256)
def _manifests_in(folder: str, modified: int, all_names: bool) -> tuple[str, ...]:
    """The names of manifests in a folder that was modified then: names do not come or go without that."""
    return tuple(name for name in os.listdir(folder) if all_names or is_manifest(name, images=True))


def _state(path: str) -> Iterator[tuple[str, int, int]]:
    with contextlib.suppress(OSError):
        status = os.stat(path)
        yield path, status.st_mtime_ns, status.st_size
