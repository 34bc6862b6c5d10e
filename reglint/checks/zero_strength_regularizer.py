"""Regularizers of zero strength: they are accepted, and nothing is regularized."""

from __future__ import annotations

from collections.abc import Iterator

from reglint.findings import Finding, Severity
from reglint.rulebook import Card
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import version_data
from reglint.usage.strength import Site, Written, engines_of, is_prepared, is_renamed_string, row_of, sites, where


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each value that reaches a Keras layer as a regularizer and has no strength in an allowed release."""
    guards = Guards(file, (), ())
    told: set[tuple[int, int]] = set()
    for site in sites(file):
        for written in site.written:
            if is_prepared(file, guards, site, written):
                continue
            finding = _finding(file, card, site, written)
            if finding is not None and (finding.start, finding.end) not in told:
                told.add((finding.start, finding.end))
                yield finding


def _finding(file: File, card: Card, site: Site, written: Written) -> Finding | None:
    row = row_of("zero", written.value)
    if row is None or is_renamed_string(site, written):
        return None
    if written.literal and not site.always:
        return None  # `l2(0.0) if … else …` says on purpose when there is none
    engines = engines_of(file, site.packages, row["releases"])
    if not engines:
        return None
    what = f"`{written.shown}`" if written.spot is None or not written.value.startswith("'") else f"`'{written.shown}'`"
    instead = row["instead"].format(old=written.old)
    message = f"{what} has no strength{where(file, site.packages, engines)}: nothing is regularized; {instead}"
    severity = Severity.INFO if written.literal else Severity.WARNING
    data = version_data(file, site.packages[0], engines)
    return Finding(card.code, card.name, severity, message, *site.span(file, written), data=data)
