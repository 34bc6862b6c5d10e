"""``--output-format json-lines``: one JSON object on each line, the objects of ``--output-format json``."""

from __future__ import annotations

import json
from collections.abc import Iterator

from reglint.reports import Style, Summary
from reglint.reports.json import as_object


def lines(summary: Summary, style: Style) -> Iterator[str]:
    """Yield one object for each finding."""
    for diagnostic in summary.left:
        yield json.dumps(as_object(diagnostic), default=str, separators=(",", ":"))
