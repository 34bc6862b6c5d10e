"""Regularizers of zero strength: they are accepted, and nothing is regularized."""

from __future__ import annotations

from collections.abc import Iterator

from reglint.findings import Finding, Severity
from reglint.rulebook import Card
from reglint.usage.file import File
from reglint.usage.hazards import version_data
from reglint.usage.strength import (
    Site,
    Written,
    engines_of,
    findings_of_values,
    is_renamed_string,
    row_of,
    where,
)


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each value that reaches a Keras layer as a regularizer and has no strength in an allowed release."""
    yield from findings_of_values(file, lambda site, written: _finding(file, card, site, written))


def _finding(file: File, card: Card, site: Site, written: Written) -> Finding | None:
    row = row_of("zero", written.value)
    if row is None or is_renamed_string(site, written):
        return None
    if written.literal and not site.always:
        return None  # `l2(0.0) if … else …` says on purpose when there is none
    engines = engines_of(file, site.packages, row["releases"])
    if not engines or ("otherwise" in row and where(file, site.packages, engines)):
        return None
    what = f"`{written.shown}`" if written.spot is None or not written.value.startswith("'") else f"`'{written.shown}'`"
    instead = row["instead"].format(old=written.old)
    message = f"{what} has no strength{where(file, site.packages, engines)}: nothing is regularized; {instead}"
    severity = Severity.INFO if written.literal else Severity.WARNING
    data = version_data(file, site.packages[0], engines)
    return Finding(card.code, card.name, severity, message, *site.span(file, written), data=data)
