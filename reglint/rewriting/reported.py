"""A finding about what some releases do otherwise than the code means, with the plan that mends it."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from reglint.findings import Applicability, Finding, Fix, Severity
from reglint.rewriting.plan import Plan
from reglint.rulebook import Card
from reglint.usage.file import File
from reglint.usage.hazards import version_data
from reglint.versions import Release


def is_everywhere(file: File, package: str, failing: Sequence[Release]) -> bool:
    """Are these all releases that are allowed of a package?"""
    return set(failing) >= set(file.allowed.engines(package or "keras"))


def reported(
    file: File,
    card: Card,
    node: cst.Name | cst.SimpleString,
    package: str,
    failing: Sequence[Release],
    message: str,
    title: str,
    plan: Plan,
    severity: Severity | None = None,
) -> Finding:
    """The finding at ``node``, which is a mere warning where a release is allowed that is not one of ``failing``.

    ``title`` says what the edits of ``plan`` do. Its doubt makes the fix an unsafe one, and is added to the message.
    """
    fix = None
    if plan.withheld is None:
        applicability = Applicability.UNSAFE if plan.doubt else card.applicability or Applicability.DISPLAY
        fix = Fix(applicability, title, plan.edits)
        message += f" ({plan.doubt})" if plan.doubt else ""
    start, end = file.span(node)
    return Finding(
        card.code,
        card.name,
        (severity or card.severity) if is_everywhere(file, package, failing) else Severity.WARNING,
        message,
        start,
        end,
        fix=fix,
        fix_withheld=plan.withheld,
        data=version_data(file, package, failing),
    )
