"""``--output-format json``: a list of objects shaped like ruff's, with what Keras users need besides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from reglint.diagnostics import Diagnostic, Place, Repair


def render(diagnostics: Sequence[Diagnostic]) -> str:
    """Return the JSON text, without a line end."""
    return json.dumps([as_object(diagnostic) for diagnostic in diagnostics], indent=2, default=str)


def as_object(diagnostic: Diagnostic) -> dict[str, Any]:
    """Return one finding as JSON's values."""
    return {
        "code": diagnostic.code,
        "name": diagnostic.name,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "filename": diagnostic.path,
        "cell": diagnostic.cell,
        "location": _place(diagnostic.start),
        "end_location": _place(diagnostic.end),
        "fix": _fix(diagnostic.fix),
        "fix_withheld": diagnostic.fix_withheld,
        "fingerprint": diagnostic.fingerprint,
        "url": diagnostic.url,
        "data": dict(diagnostic.data),
    }


def _fix(fix: Repair | None) -> dict[str, Any] | None:
    if fix is None:
        return None
    edits = [
        {"content": edit.content, "location": _place(edit.start), "end_location": _place(edit.end)}
        # Edits of one fix may stand in several cells; elsewhere the objects stay ruff's.
        | ({} if edit.cell is None else {"cell": edit.cell})
        for edit in fix.edits
    ]
    return {"applicability": fix.applicability.value, "message": fix.message, "edits": edits}


def _place(place: Place) -> dict[str, int]:
    return {"row": place.row, "column": place.column}
