"""The default report: lines ``path:line:column: CODE [*] message``, then a summary, as ruff has it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reglint.findings import Applicability, Severity
from reglint.reports import Style, Summary, printable

if TYPE_CHECKING:
    from reglint.diagnostics import Diagnostic


def lines(diagnostics: Sequence[Diagnostic], style: Style) -> Iterator[str]:
    """Yield one line for each finding."""
    for diagnostic in diagnostics:
        cell = f"cell {diagnostic.cell}" if diagnostic.cell is not None else None
        place = [cell, str(diagnostic.start.row), str(diagnostic.start.column)]
        colon = style.paint(":", "36")
        where = style.paint(printable(diagnostic.shown), "1") + colon + "".join(part + colon for part in place if part)
        star = style.paint("[*]", "36") + " " if diagnostic.is_fixable(style.unsafe_fixes) else ""
        withheld = f" (no fix: {diagnostic.fix_withheld})" if diagnostic.fix_withheld else ""
        yield f"{where} {style.paint(diagnostic.code, '1;31')} {star}{printable(diagnostic.message + withheld)}"


def summary(summary: Summary, style: Style) -> Iterator[str]:
    """Yield the last lines: how many findings, and what ``fix`` could do about them."""
    left = len(summary.left)
    infos = sum(diagnostic.severity is Severity.INFO for diagnostic in summary.left)
    found = _counted(left - infos + summary.applied, infos)
    if summary.applied:
        yield f"Found {found} ({summary.applied} fixed, {left} remaining)."
    elif left:
        yield f"Found {found}."
    elif not summary.failed:
        yield "All checks passed!"
    yield from _fixable(summary.left, style)
    yield from _baseline(summary)


def _baseline(summary: Summary) -> Iterator[str]:
    if summary.known or summary.gone:
        gone = f"; {summary.gone} gone (`reglint baseline` drops what is gone)" if summary.gone else ""
        yield f"The baseline holds {summary.known} known {_errors(summary.known)}{gone}."


def diff_summary(summary: Summary, style: Style) -> Iterator[str]:
    """Yield the last line of a run that only shows what it would do; ``left`` are the findings that would remain."""
    hidden = _hidden(summary.left, style)
    more = f"{hidden} {'additional ' if summary.applied else ''}{_fixes(hidden)} available with `--unsafe-fixes`"
    note = f" ({more})" if hidden else ""
    if summary.applied:
        yield f"Would fix {summary.applied} {_errors(summary.applied)}{note}."
    elif summary.left:
        yield f"No errors would be fixed{note}."


def _fixable(diagnostics: Sequence[Diagnostic], style: Style) -> Iterator[str]:
    fixable = sum(diagnostic.is_fixable(style.unsafe_fixes) for diagnostic in diagnostics)
    hidden = _hidden(diagnostics, style)
    enable = f"{hidden} hidden {_fixes(hidden)} can be enabled with the `--unsafe-fixes` option"
    if fixable:
        note = f" ({enable})" if hidden else ""
        yield f"[{style.paint('*', '36')}] {fixable} fixable with the `--fix` option{note}."
    elif hidden:
        yield f"No fixes available ({enable})."


def _hidden(diagnostics: Sequence[Diagnostic], style: Style) -> int:
    if style.unsafe_fixes:
        return 0
    return sum(
        diagnostic.fix is not None and diagnostic.fix.applicability is Applicability.UNSAFE
        for diagnostic in diagnostics
    )


def _counted(errors: int, infos: int) -> str:
    """Return how many findings there are; what only informs is no error, a warning is one as with ruff."""
    parts = [f"{errors} {_errors(errors)}"] if errors or not infos else []
    parts += [f"{infos} {'info' if infos == 1 else 'infos'}"] if infos else []
    return ", ".join(parts)


def _errors(count: int) -> str:
    return "error" if count == 1 else "errors"


def _fixes(count: int) -> str:
    return "fix" if count == 1 else "fixes"
