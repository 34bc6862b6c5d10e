"""What would mend one place."""

from __future__ import annotations

from typing import NamedTuple

from reglint.findings import Edit


class Plan(NamedTuple):
    """What would mend one place: its edits, or why there are none."""

    edits: tuple[Edit, ...] = ()
    withheld: str | None = None
