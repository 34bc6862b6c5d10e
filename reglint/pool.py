"""Spreads files over processes. A process that dies (a native crash in the parser) costs one file, which is named."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice

from reglint.discovery import Target
from reglint.inspector import FileReport, Inspector, failure_of
from reglint.runner import collect_seldom
from reglint.scope import Scope
from reglint.settings import Settings

_inspector = Inspector()
_settings: Sequence[Settings] = ()


def _start(settings: Sequence[Settings], fix: bool, recording: bool) -> None:
    """Make a fresh process ready; Ctrl-C is the parent's business."""
    global _inspector, _settings
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    collect_seldom()
    _inspector, _settings = Inspector(fix, recording=recording), settings


def _inspect(path: str, shown: str, index: int, scope: Scope | None) -> FileReport:
    return _inspector.inspect(Target(path, shown, _settings[index], scope))


@contextmanager
def _deaf() -> Iterator[None]:
    """Ignore Ctrl-C for a moment; only the main thread can, and only there it would arrive."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def _elsewhere() -> Iterator[None]:
    """Let processes that are started here import nothing from the current folder, where `python -c` looks first.

    The folder is the user's project: a `multiprocessing.py` in it would be run.
    """
    if sys.version_info >= (3, 11):
        before = os.environ.get("PYTHONSAFEPATH")
        os.environ["PYTHONSAFEPATH"] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ["PYTHONSAFEPATH"]
            else:
                os.environ["PYTHONSAFEPATH"] = before
    else:
        here = os.getcwd()
        os.chdir(os.path.dirname(os.__file__))
        try:
            yield
        finally:
            os.chdir(here)


class _Pool:
    """An executor that knows the settings of its files by number, so that they travel once for each process."""

    def __init__(self, settings: Sequence[Settings], jobs: int, fix: bool, recording: bool) -> None:
        self._index = {id(each): number for number, each in enumerate(settings)}
        # Spawned, not forked: the same on every system, and safe beside threads.
        with _elsewhere():
            self._executor = ProcessPoolExecutor(
                jobs,
                multiprocessing.get_context("spawn"),
                initializer=_start,
                initargs=(tuple(settings), fix, recording),
            )

    def submit(self, target: Target) -> Future[FileReport]:
        # A process that is started here inherits that it has no ears for Ctrl-C, also while it still imports.
        with _deaf(), _elsewhere():
            return self._executor.submit(
                _inspect, target.path, target.shown, self._index[id(target.settings)], target.scope
            )

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)


def inspect_all(
    targets: Sequence[Target], jobs: int, *, fix: bool = False, recording: bool = False
) -> Iterator[FileReport]:
    """Yield the report of every target, in no certain order; ``fix`` and ``recording`` are those of an Inspector."""
    settings = list({id(target.settings): target.settings for target in targets}.values())
    waiting = iter(targets)
    suspects: list[Target] = []
    broken = True
    while broken:
        broken = False
        pool = _Pool(settings, jobs, fix, recording)
        running: dict[Future[FileReport], Target] = {}
        try:
            # Few at a time, since all that are under way come under suspicion when one process dies.
            while not broken:
                for target in islice(waiting, 2 * jobs - len(running)):
                    running[pool.submit(target)] = target
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    if isinstance(future.exception(), BrokenProcessPool):
                        broken = True
                    else:
                        del running[future]
                        yield future.result()
        except BrokenProcessPool:  # from submit
            broken = True
            waiting = _chain(target, waiting)
        finally:
            pool.close()
        suspects += running.values()
    yield from _one_by_one(suspects, settings, fix, recording)


def _chain(first: Target, rest: Iterator[Target]) -> Iterator[Target]:
    yield first
    yield from rest


def _one_by_one(
    suspects: Sequence[Target], settings: Sequence[Settings], fix: bool, recording: bool
) -> Iterator[FileReport]:
    """Yield the reports of files that were under way when a process died; the one that kills its own is the one."""
    pool: _Pool | None = None
    try:
        for target in suspects:
            pool = pool or _Pool(settings, 1, fix, recording)
            try:
                yield pool.submit(target).result()
            except BrokenProcessPool:
                pool.close()
                pool = None
                failure = failure_of(
                    target, "the process that checked this file died; exclude the file, please report it"
                )
                yield FileReport(target.path, target.shown, (failure,), (failure,))
    finally:
        if pool:
            pool.close()
