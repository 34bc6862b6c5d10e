"""Rules for people and programs: ``reglint explain`` for one card, ``reglint rules`` for all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reglint.rulebook import Card

FORMATS = ("text", "json", "markdown")


def render_card(card: Card, fmt: str = "text") -> str:
    """One card in one of FORMATS, without a line end behind it."""
    if fmt == "json":
        return json.dumps(_object(card), indent=2, ensure_ascii=False)
    if fmt == "markdown":
        return markdown_of(card, card.body)
    return "\n".join([f"{card.code} {card.name}", _facts_line(card), "", plain(card.body.strip())])


def markdown_of(card: Card, body: str) -> str:
    """A card as a page with the given text below its head."""
    return f"# {card.name} ({card.code})\n\n{_facts_line(card, '`')}\n\n{body.strip()}"


def render_rules(cards: Mapping[str, Card], fmt: str = "text") -> str:
    """All cards: a table (text, markdown) or a list (json), without a line end behind it."""
    rows = list(cards.values())
    if fmt == "json":
        return json.dumps([_object(card) for card in rows], indent=2, ensure_ascii=False)
    if fmt == "markdown":
        head = "| code | name | severity | fix | what it does |\n|---|---|---|---|---|\n"
        return head + "\n".join(f"| {c.code} | {c.name} | {c.severity.value} | {_fix(c)} | {c.summary} |" for c in rows)
    codes = max((len(card.code) for card in rows), default=0)
    names = max((len(card.name) for card in rows), default=0)
    return "\n".join(
        f"{c.code:{codes}}  {c.name:{names}}  {c.severity.value:7}  {_fix(c):7}  {c.summary}".rstrip() for c in rows
    )


def _object(card: Card) -> dict[str, Any]:
    """A card as JSON's values."""
    return {
        "code": card.code,
        "name": card.name,
        "kind": card.kind,
        "severity": card.severity.value,
        "fix": card.applicability.value if card.applicability else None,
        "preview": not card.stable,
        "opt_in": card.opt_in,
        "versions": dict(card.versions),
        "summary": card.summary,
        "explanation": card.body.strip(),
    }


def _fix(card: Card) -> str:
    return card.applicability.value if card.applicability else "-"


def _facts_line(card: Card, quote: str = "") -> str:
    """Severity, fix and versions on one line."""
    fix = f"{card.applicability.value} fix" if card.applicability else "no fix"
    parts = [f"Severity: {quote}{card.severity.value}{quote}", fix]
    if not card.stable:
        parts.append("preview: on with --preview only")
    if card.opt_in:
        parts.append(f"opt-in: on with --extend-select {card.code} only")
    if card.versions:
        versions = ", ".join(f"{package} {specifier}" for package, specifier in card.versions.items())
        parts.append(f"fails in: {quote}{versions}{quote}")
    return " · ".join(parts)


def plain(body: str) -> str:
    """A card's body for a terminal: headings underlined, fences gone and their text indented, the rest as it is."""
    lines: list[str] = []
    fence: str | None = None
    for line in body.split("\n"):
        if fence is None and line.startswith("```"):
            fence = line[: len(line) - len(line.lstrip("`"))]
            label = line[len(fence) :].partition(" ")[2].strip()
            lines.extend([f"{label}:"] if label else [])
        elif fence is not None and line.rstrip() == fence:
            fence = None
        elif fence is not None:
            lines.append(f"    {line}".rstrip())
        elif line.startswith("## "):
            lines.extend([line[3:], "=" * len(line[3:])])
        elif line.startswith("### "):
            lines.extend([line[4:], "-" * len(line[4:])])
        else:
            lines.append(line)
    return "\n".join(lines)
