"""What the probe found as diagnostics: with a place, chosen by the settings of that place, ready for every report."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from reglint.diagnostics import Diagnostic, Place, fingerprint
from reglint.discovery import shown
from reglint.findings import Finding
from reglint.lines import line_starts
from reglint.probe.process.transfer import strict
from reglint.probe.values import Place as Construction
from reglint.probe.values import ProbeFinding, ProbeReport
from reglint.project import Project
from reglint.reading import read_regular
from reglint.ruleset import rules_for
from reglint.settings import Resolver, Settings
from reglint.source import Source, SourceError, source_from_bytes
from reglint.suppression import suppress

TOP = Construction("", 1)


@dataclass(frozen=True)
class Judged:
    """A report with the findings that are left of it, and these as diagnostics, in the order of their places."""

    report: ProbeReport
    diagnostics: tuple[Diagnostic, ...]


def judge(report: ProbeReport, filename: str, resolver: Resolver) -> Judged:
    """Return what settings and comments leave of a report; ``filename`` is the file that stands for the model.

    A finding whose construction is known stands there, in the settings of that file; any other at the top of
    ``filename``, in its settings, or without any in those of the current folder.
    """
    placed = [(finding, _file(finding, filename)) for finding in report.findings]
    left: list[tuple[str, ProbeFinding]] = []
    for path in dict.fromkeys(path for _, path in placed):
        left += ((path, finding) for finding in _left(path, [each for each, its in placed if its == path], resolver))
    kept = {id(finding) for _, finding in left}
    report = replace(report, findings=tuple(finding for finding in report.findings if id(finding) in kept))
    seen: Counter[str] = Counter()
    found = [_diagnostic(finding, path, seen) for path, finding in left]
    return Judged(report, tuple(sorted(found, key=lambda each: (each.path, each.start.row, each.start.column))))


def _file(finding: ProbeFinding, filename: str) -> str:
    """Return the absolute path of the file in which a finding stands; one that is not there can show nothing."""
    place = finding.place
    return os.path.abspath(place.filename if place and os.path.isfile(place.filename) else filename)


def _left(path: str, findings: Sequence[ProbeFinding], resolver: Resolver) -> Iterable[ProbeFinding]:
    """Yield the findings of one file that its settings select and no comment in it silences."""
    active = rules_for(_settings(path, resolver)).active(path)
    selected = [finding for finding in findings if finding.code in active]
    source = _source(path) if any(finding.place for finding in selected) else None
    if source is None:
        return selected
    offsets = [_offset(source, finding.place or TOP) for finding in selected]
    noted = [
        Finding(finding.code, finding.name, finding.severity, finding.message, offset, offset)
        for finding, offset in zip(selected, offsets, strict=True)
    ]
    loud = {id(each) for each in suppress(source, noted, (), False)[0]}
    return [finding for finding, each in zip(selected, noted, strict=True) if id(each) in loud]


def _settings(path: str, resolver: Resolver) -> Settings:
    settings = resolver.settings_for(os.path.dirname(path))
    return settings if settings.origin is not None else resolver.settings_for(os.getcwd())


def _source(path: str) -> Source | None:
    try:
        return source_from_bytes(read_regular(path), path)
    except (OSError, ValueError, SourceError):
        return None


def _offset(source: Source, place: Construction) -> int:
    starts = line_starts(source.text)
    return min(starts[min(place.row, len(starts)) - 1] + place.column - 1, len(source.text))


def _diagnostic(finding: ProbeFinding, path: str, seen: Counter[str]) -> Diagnostic:
    place = finding.place if finding.place and _file(finding, path) == os.path.abspath(finding.place.filename) else TOP
    start = Place(place.row, place.column)
    end = Place(place.end_row or place.row, place.end_column or place.column)
    below = os.path.relpath(path, Project.find(path).root or os.path.dirname(path)).replace(os.sep, "/")
    words = f"{finding.layer}\n{finding.data.get('site', '')}"
    return Diagnostic(
        path=path,
        shown=shown(path),
        code=finding.code,
        name=finding.name,
        severity=finding.severity,
        message=" ".join(finding.message.split()),
        start=start,
        end=max(start, end, key=lambda each: (each.row, each.column)),
        fingerprint=fingerprint(below, finding.code, words, seen),
        data=strict(finding.data),
    )
