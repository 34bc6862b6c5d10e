"""``--output-format gitlab``: GitLab's code quality report, a list in the form of Code Climate's issues."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from reglint.diagnostics import Diagnostic
from reglint.findings import Severity
from reglint.reports import Style, Summary, place_of, printable
from reglint.reports.places import Texts, root_of

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.INFO: "info"}


def lines(summary: Summary, style: Style) -> Iterator[str]:
    """Yield the report."""
    root, texts = root_of(summary.left), Texts(summary.held)
    seen: Counter[str] = Counter()
    issues: list[dict[str, Any]] = []
    for diagnostic in summary.left:
        path = root.shown(diagnostic.path).encode("utf-8", "backslashreplace").decode()
        start, end = texts.region(diagnostic)
        issues.append(
            {
                "description": f"{diagnostic.code}: {_cell(diagnostic)}{printable(diagnostic.message)}",
                "check_name": diagnostic.code,
                "fingerprint": _fingerprint(path, diagnostic, seen),
                "severity": _SEVERITIES[diagnostic.severity],
                "location": {"path": path, "lines": {"begin": start.row, "end": end.row}},
            }
        )
    yield json.dumps(issues, indent=2)


def _cell(diagnostic: Diagnostic) -> str:
    return f"{place_of(diagnostic)}: " if diagnostic.cell is not None else ""


def _fingerprint(path: str, diagnostic: Diagnostic, seen: Counter[str]) -> str:
    """Return what no other issue of the report has: projects in one repository may have equal fingerprints."""
    words = f"{path}\0{diagnostic.fingerprint}"
    seen[words] += 1
    return hashlib.sha256(f"{words}\0{seen[words]}".encode()).hexdigest()[:32]
