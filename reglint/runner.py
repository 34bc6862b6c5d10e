"""A whole run: discover, spare, inspect, and write what was fixed."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reglint.discovery import Discovery, Target
from reglint.reading import read_regular
from reglint.ruleset import Rulesets
from reglint.settings import Resolver, Settings

if TYPE_CHECKING:
    from reglint.baseline import Baselines
    from reglint.inspector import FileReport, Inspector
    from reglint.since import Since

#: Starting processes costs about as much as checking this many files.
POOL_PAYS_FROM = 25


@dataclass(frozen=True)
class Result:
    """What came out of a run: reports in the order of paths, and one line for each thing that is in no file.

    ``problems`` made a part of the run fail; ``warnings`` are about manifests that had to be passed over, and about
    findings of a baseline that are ``gone``.
    """

    reports: tuple[FileReport, ...]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    gone: int = 0


class Scoper:
    """Gives every file of a run the scope of what is reported of it; imports nothing for a run that reports all."""

    def __init__(self, since: Since | None = None, add_noqa: bool = False) -> None:
        self.since = since
        self.baselines: Baselines | None = None
        self._add_noqa = add_noqa

    def __call__(self, target: Target) -> Target | None:
        """Return the target with its scope, or None where nothing of it can be reported."""
        known: frozenset[str] = frozenset()
        rows = self.since.rows(target.path) if self.since else None
        if rows == ():
            return None
        if target.settings.baseline is not None:
            from reglint.baseline import Baselines

            self.baselines = self.baselines or Baselines()
            known = self.baselines.known(target)
        if not known and rows is None and not self._add_noqa:
            return target
        from reglint.scope import Scope

        return replace(target, scope=Scope(known, rows, self._add_noqa))


def run(
    paths: Sequence[str],
    resolver: Resolver,
    *,
    fix: bool = False,
    jobs: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    scoped: Callable[[Target], Target | None] = lambda target: target,
    taken: Callable[[FileReport], FileReport] = lambda report: report,
    cache_folder: Callable[[Settings], Path] | None = None,
) -> Result:
    """Check (or fix, without writing) everything below ``paths``; ``jobs`` 0 means as many as there are processors.

    ``scoped`` gives a file the scope of what is reported of it, or None where that is nothing. ``taken`` gets each
    file's report in the order of paths, as soon as those before it are there; the result holds what it returns.
    ``cache_folder`` says for settings in which folder the reports of their files are kept for the next run; without,
    every file is checked.

    Files are judged as they were when the run started: nothing is written before the last one is done, so that no
    result depends on the order.
    """
    discovery, rulesets = Discovery(resolver), Rulesets()
    wanted = filter(None, map(scoped, discovery.targets(paths)))
    targets = sorted((target for target in wanted if _needs_look(target, rulesets)), key=lambda target: target.path)
    kept: list[FileReport] = []
    warnings: set[str] = set()
    reports = _reports(targets, fix, rulesets, jobs, cache_folder)
    for report in _in_order(_counted(reports, len(targets), progress), targets):
        warnings.update(report.warnings)
        report = taken(report)
        if report.found or report.changed or report.known:
            kept.append(report)
    return Result(tuple(kept), tuple(resolver.problems + discovery.problems), tuple(sorted(warnings)))


def collect_seldom() -> None:
    """Have Python look for garbage less often: a third of a run went into looking through trees that were in use."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


def _needs_look(target: Target, rulesets: Rulesets) -> bool:
    """Say whether the file may hold anything at all, from its bytes alone; what cannot be read may."""
    rules = rulesets.of(target.settings)
    try:
        return rules.may_speak(read_regular(target.path))
    except OSError:
        return True


def _reports(
    targets: Sequence[Target],
    fix: bool,
    rulesets: Rulesets,
    jobs: int,
    cache_folder: Callable[[Settings], Path] | None,
) -> Iterable[FileReport]:
    """The reports of all targets, in no certain order; what makes them is imported only where there is any."""
    if not targets:
        return ()
    from reglint.inspector import Inspector

    inspector = Inspector(fix, recording=cache_folder is not None, rulesets=rulesets)
    if cache_folder is None:
        return _inspected(inspector, targets, jobs)
    from reglint.cache import remembered

    return remembered(targets, inspector, cache_folder, lambda unknown: _inspected(inspector, unknown, jobs))


def _inspected(inspector: Inspector, targets: Sequence[Target], jobs: int) -> Iterable[FileReport]:
    """The reports of all targets, in no certain order; ``jobs`` 0 means as many as there are processors."""
    jobs = min(jobs or _processors(), len(targets))
    if jobs > 1 and len(targets) >= POOL_PAYS_FROM:
        from reglint.pool import inspect_all

        return inspect_all(targets, jobs, fix=inspector.fix, recording=inspector.recording)
    return map(inspector.inspect, targets)


def _counted(reports: Iterable[FileReport], total: int, progress: Callable[[int, int], None]) -> Iterator[FileReport]:
    for done, report in enumerate(reports, 1):
        progress(done, total)
        yield report


def _in_order(reports: Iterable[FileReport], targets: Iterable[Target]) -> Iterator[FileReport]:
    """Yield the reports in the order of their targets; one that is early waits for those before it."""
    early: dict[str, FileReport] = {}
    paths = (target.path for target in targets)
    awaited = next(paths, None)
    for report in reports:
        early[report.path] = report
        while awaited in early:
            yield early.pop(awaited)
            awaited = next(paths, None)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def write(result: Result) -> Result:
    """Write the new bytes of every changed file; what cannot be written stays as found, and is a problem."""
    from reglint.fixing import WriteError, write_atomically

    reports: list[FileReport] = []
    problems = list(result.problems)
    written: set[str] = set()
    for report in result.reports:
        real = os.path.realpath(report.path)
        if report.changed and real not in written:
            try:
                write_atomically(Path(report.path), report.after, report.before)
                written.add(real)
            except WriteError as error:
                problems.append(f"{report.shown}: {error}")
                report = replace(report, remaining=report.found, applied=0, before=b"", after=b"")
        reports.append(report)
    return Result(tuple(reports), tuple(problems), result.warnings)
