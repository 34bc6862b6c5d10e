"""What every part of reglint speaks about: findings, and the edits that would mend them.

All values are immutable. Offsets count characters of ``Source.text``; turning them into rows, columns and bytes is
the business of :mod:`reglint.source`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Severity(str, Enum):
    """``error`` fails for sure, ``warning`` in some allowed version or use, ``info`` never fails a run."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Applicability(str, Enum):
    """When a fix may be applied: always, with ``--unsafe-fixes``, or never (only shown)."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    DISPLAY = "display"


@dataclass(frozen=True, order=True)
class Edit:
    """Replace ``text[start:end]``, which must read ``expected``, by ``content``."""

    start: int
    end: int
    expected: str
    content: str


@dataclass(frozen=True)
class Fix:
    """Edits that belong together. Two findings that can only be mended together carry equal fixes."""

    applicability: Applicability
    message: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong at ``text[start:end]``, the name at fault.

    ``fix`` and ``fix_withheld`` exclude each other: the second says in a clause why there is no fix where one could be
    expected. ``data`` holds figures that only this code knows, ready for JSON.
    """

    code: str
    name: str
    severity: Severity
    message: str
    start: int
    end: int
    fix: Fix | None = None
    fix_withheld: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
