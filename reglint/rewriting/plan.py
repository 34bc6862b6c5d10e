"""What would mend one place."""

from __future__ import annotations

from typing import NamedTuple

from reglint.findings import Edit


class Plan(NamedTuple):
    """What would mend one place: its edits, or why there are none.

    ``doubt`` says, as a clause for the message, why the edits are no safe fix; it is empty where they are. ``apart``
    says which other file they have to be applied with, so that they do harm alone where the old spelling still works.
    """

    edits: tuple[Edit, ...] = ()
    withheld: str | None = None
    doubt: str = ""
    apart: str = ""
