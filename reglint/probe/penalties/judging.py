"""Which of the measured penalties are worth a word: those that do nothing (REG406), and those that are most of the loss
(REG407).

Thresholds and their reasons stand in ``rules/facts/probe_penalties.toml``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from reglint.findings import Severity
from reglint.probe.values import Penalty, ProbeFinding
from reglint.rulebook import facts

INEFFECTIVE = ("REG406", "ineffective-regularizer")
DOMINANT = ("REG407", "dominant-penalty")


def judge(penalties: Sequence[Penalty], *, labelled: bool) -> tuple[ProbeFinding, ...]:
    """Findings about the rows of :func:`reglint.probe.penalties.weighing.penalties`, in their order.

    ``labelled`` says whether share and gradient ratio come from real labels; without, nothing is said of them.
    The ``data`` of a finding has the fields of its row; REG407 is about all penalties together, stands at the layer of
    the largest one, and has ``total_share`` besides.
    """
    found = [finding for row in penalties for finding in _ineffective(row, labelled)]
    return (*found, *(_dominant(penalties) if labelled else ()))


def _ineffective(row: Penalty, labelled: bool) -> Iterator[ProbeFinding]:
    table = facts("probe_penalties")
    cause = getattr(row, "cause", None)
    said = table["cause"].get(cause)
    what = f"`{row.argument}={row.regularizer}` of `{row.layer}`"
    if said is not None and said["severity"] != "silent":
        message = f"{what} {said['says']}; {said['instead']}"
        yield _finding(INEFFECTIVE, Severity(said["severity"]), message, row)
    elif said is None and labelled and _rounded_away(row, table["ineffective"]):
        message = (
            f"{what} has {_figure(row.gradient_ratio)} times the gradient of the data loss, which is below the "
            f"rounding of float32; raise its strength if it is to regularize, or take it out"
        )
        yield _finding(INEFFECTIVE, Severity.WARNING, message, row, cause="rounded-away")


def _rounded_away(row: Penalty, limits: Mapping[str, float]) -> bool:
    """Is the gradient lost beside that of the data loss, though there is something to penalize?

    Only for strengths: another regularizer may have a small gradient because it is at its own minimum.
    """
    strength = max((value for name, value in row.strength.items() if name in ("l1", "l2")), default=0.0)
    return (
        row.gradient_ratio is not None
        and row.gradient_ratio < limits["gradient_ratio"]
        and row.penalty > strength * limits["penalty_per_strength"] > 0
    )


def _dominant(penalties: Sequence[Penalty]) -> Iterator[ProbeFinding]:
    rows = [row for row in penalties if row.share is not None and row.argument != "unaccounted"]
    total = sum(row.share or 0.0 for row in rows)
    if not rows or total <= float(facts("probe_penalties")["dominant"]["share"]):
        return
    largest = max(rows, key=lambda row: row.share or 0.0)
    own = f", {_percent(largest.share)} alone from `{largest.argument}` of `{largest.layer}`" if len(rows) > 1 else ""
    term = "the added loss" if largest.argument == "add_loss" else f"`{largest.argument}={largest.regularizer}`"
    subject = "penalties" if len(rows) > 1 else f"{term} of `{largest.layer}`"
    verb = "are" if len(rows) > 1 else "is"
    message = (
        f"{subject} {verb} {_percent(total)} of the loss{own}: compare runs by their metrics, not by `loss`, "
        f"which mostly shows the size of what is penalized"
    )
    yield _finding(DOMINANT, Severity.INFO, message, largest, total_share=total)


def _finding(rule: tuple[str, str], severity: Severity, message: str, row: Penalty, **data: Any) -> ProbeFinding:
    return ProbeFinding(rule[0], rule[1], severity, message, row.layer, {**asdict(row), **data})


def _figure(value: float | None) -> str:
    return f"{value:.1g}" if value is not None else "?"


def _percent(share: float | None) -> str:
    return "over 99%" if share is not None and share > 0.99 else f"{share or 0:.0%}"
