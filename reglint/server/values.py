"""Results in the protocol's words: diagnostics, edits of texts, and what a hover shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from lsprotocol import types

from reglint.diagnostics import Diagnostic, Place
from reglint.findings import Applicability, Severity
from reglint.server.analysis import RuleFacts
from reglint.server.checks import Result
from reglint.server.documents import Part
from reglint.server.edits import replacements
from reglint.server.positions import Lines
from reglint.settings import UNREADABLE, UNUSED_SUPPRESSION

SOURCE = "reglint"

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}


class Placed(NamedTuple):
    """A finding, the number of the part in which it stands, and its range there as the client counts."""

    finding: Diagnostic
    part: int
    range: types.Range


def placed(result: Result, encoding: str) -> list[Placed]:
    """Return the findings of a result with their ranges."""
    lines = [Lines(part.text, encoding) for part in result.parts]
    found: list[Placed] = []
    for finding in result.verdict.diagnostics if result.verdict and lines else ():
        part = min((finding.cell or 1) - 1, len(lines) - 1)
        # Without a cell, a notebook's row is one of its JSON, which no editor shows.
        is_somewhere = finding.cell is not None or len(lines) == 1
        start, end = (finding.start, finding.end) if is_somewhere else (Place(1, 1), Place(1, 1))
        found.append(Placed(finding, part, _range(lines[part], start, end)))
    return found


def _range(lines: Lines, first: Place, last: Place) -> types.Range:
    start, end = lines.offset_at(first.row, first.column), lines.offset_at(last.row, last.column)
    # An empty range is hardly seen: what could not be read goes on to the end of its line.
    return lines.range(start, end if end > start else lines.line_end(start))


def diagnostics(result: Result, encoding: str, tags: frozenset[types.DiagnosticTag]) -> list[list[types.Diagnostic]]:
    """Return the diagnostics of each part of a result; ``tags`` are those that the client understands."""
    by_part: list[list[types.Diagnostic]] = [[] for _ in result.parts]
    for each in placed(result, encoding):
        by_part[each.part].append(_diagnostic(each, _facts(result, each.finding.code), tags))
    if result.failure and by_part:
        top = types.Range(types.Position(0, 0), types.Position(0, 0))
        error = types.DiagnosticSeverity.Error
        by_part[0].append(types.Diagnostic(top, result.failure, error, UNREADABLE, source=SOURCE))
    return by_part


def _facts(result: Result, code: str) -> RuleFacts | None:
    return result.verdict.rules.get(code) if result.verdict else None


def _diagnostic(each: Placed, facts: RuleFacts | None, understood: frozenset[types.DiagnosticTag]) -> types.Diagnostic:
    finding = each.finding
    href = finding.url or (facts.href if facts else None)
    tags = [tag for tag in _tags(finding, facts) if tag in understood]
    withheld = f" (no fix: {finding.fix_withheld})" if finding.fix_withheld else ""
    return types.Diagnostic(
        range=each.range,
        message=finding.message + withheld,
        severity=_SEVERITIES[finding.severity],
        code=finding.code,
        code_description=types.CodeDescription(href) if href else None,
        source=SOURCE,
        tags=tags or None,
        data={
            "name": finding.name,
            "fingerprint": finding.fingerprint,
            "fix": finding.fix.applicability.value if finding.fix else None,
            **finding.data,
        },
    )


def _tags(finding: Diagnostic, facts: RuleFacts | None) -> Iterator[types.DiagnosticTag]:
    if finding.code == UNUSED_SUPPRESSION:
        yield types.DiagnosticTag.Unnecessary
    if facts and facts.is_about_withdrawn:
        yield types.DiagnosticTag.Deprecated


# Changes.


def edits(part: Part, text: str, encoding: str) -> list[types.TextEdit]:
    """Return the edits that make ``text`` of a part: just the names and comments that differ."""
    lines = Lines(part.text, encoding)
    return [types.TextEdit(lines.range(each.start, each.end), each.content) for each in replacements(part.text, text)]


def workspace_edit(
    parts: Sequence[Part], texts: Sequence[str], encoding: str, versioned: bool
) -> types.WorkspaceEdit | None:
    """Return what makes ``texts`` of the parts, None where nothing differs.

    A ``versioned`` edit is refused by the client where a part is not what it was.
    """
    changed = [(part, edits(part, text, encoding)) for part, text in zip(parts, texts, strict=True)]
    changed = [(part, made) for part, made in changed if made]
    if not changed:
        return None
    if not versioned:
        return types.WorkspaceEdit(changes={part.uri: made for part, made in changed})
    return types.WorkspaceEdit(
        document_changes=[
            types.TextDocumentEdit(types.OptionalVersionedTextDocumentIdentifier(part.uri, part.version), made)
            for part, made in changed
        ]
    )


def action_title(findings: Sequence[Diagnostic]) -> str:
    """Return how the fix of these findings is called in a menu."""
    fix = findings[0].fix
    assert fix is not None
    note = "" if is_safe(findings) else " (unsafe: look at the result)"
    codes = ", ".join(dict.fromkeys(finding.code for finding in findings))
    return f"{codes}: {fix.message}{note}"


def is_safe(findings: Iterable[Diagnostic]) -> bool:
    """Say whether all of some findings that share a fix have it as a safe one."""
    return all(finding.fix and finding.fix.applicability is Applicability.SAFE for finding in findings)


# Hovers.


def hover(result: Result, found: Sequence[Placed], markdown: bool) -> types.Hover:
    """Return the messages and cards of findings at one place."""
    blocks: list[str] = []
    for each in found:
        blocks.append(f"**{each.finding.code}** {each.finding.message}" if markdown else each.finding.message)
    for code in dict.fromkeys(each.finding.code for each in found):
        if facts := _facts(result, code):
            blocks.append(facts.markdown if markdown else facts.plain)
    text = ("\n\n---\n\n" if markdown else "\n\n").join(blocks)
    kind = types.MarkupKind.Markdown if markdown else types.MarkupKind.PlainText
    return types.Hover(types.MarkupContent(kind, text), found[0].range)


def touches(one: types.Range, other: types.Range) -> bool:
    """Say whether two ranges share a place, be it only an end."""
    return _key(one.start) <= _key(other.end) and _key(other.start) <= _key(one.end)


def _key(position: types.Position) -> tuple[int, int]:
    return position.line, position.character
