"""``--output-format sarif``: SARIF 2.1.0 (OASIS), for GitHub's code scanning, editors and dashboards."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from reglint import __version__
from reglint.diagnostics import Diagnostic, Place
from reglint.findings import Applicability, Severity
from reglint.lines import LINE_END
from reglint.reports import Style, Summary, place_of, printable
from reglint.reports.places import Root, Texts, root_of
from reglint.reports.rules import plain
from reglint.rulebook import Card, load_cards
from reglint.settings import UNREADABLE

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
BASE = "%SRCROOT%"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_GITHUB_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}

Object = dict[str, Any]


def lines(summary: Summary, style: Style) -> Iterator[str]:
    """Yield the log: one run, with the rules that found something, their findings, and what could not be read."""
    yield json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(summary)]}, indent=2)


def _run(summary: Summary) -> Object:
    found = {diagnostic.code: diagnostic for diagnostic in reversed(summary.left)}
    cards = load_cards(summary.rule_paths)
    codes = sorted(found)
    writer = _Writer(root_of(summary.left), Texts(summary.held), {code: index for index, code in enumerate(codes)})
    driver = {
        "name": "reglint",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(cards.get(code), found[code]) for code in codes],
    }
    unread = [diagnostic for diagnostic in summary.left if diagnostic.code == UNREADABLE]
    return {
        "tool": {"driver": driver},
        "invocations": [
            {
                "executionSuccessful": not (unread or summary.failed),
                "toolExecutionNotifications": [writer.notification(diagnostic) for diagnostic in unread],
                "toolConfigurationNotifications": [
                    {"level": level, "message": _message(text)}
                    for level, texts in (("error", summary.problems), ("warning", summary.warnings))
                    for text in texts
                ],
            }
        ],
        # Without a URI: where the sources lie on this machine is of no use on another, and would part equal reports.
        "originalUriBaseIds": {BASE: {"description": {"text": "The root of the repository, else of the project."}}},
        "columnKind": "unicodeCodePoints",
        "newlineSequences": ["\r\n", "\n", "\r"],
        "results": [writer.result(diagnostic) for diagnostic in summary.left],
    }


# --- findings --------------------------------------------------------------------------------------------------------


class _Writer:
    """Turns diagnostics into the objects of one run."""

    def __init__(self, root: Root, texts: Texts, rules: Mapping[str, int]) -> None:
        self.root = root
        self.texts = texts
        self.rules = rules

    def result(self, diagnostic: Diagnostic) -> Object:
        """Return a finding as a ``result``."""
        result: Object = {
            "ruleId": diagnostic.code,
            "ruleIndex": self.rules[diagnostic.code],
            "level": _LEVELS[diagnostic.severity],
            "message": _message(diagnostic.message),
            "locations": [self._location(diagnostic)],
            "partialFingerprints": {"reglintFingerprint/v1": diagnostic.fingerprint},
        }
        further = {"fixes": self._fixes(diagnostic), "properties": _properties(diagnostic)}
        return result | {key: value for key, value in further.items() if value}

    def notification(self, diagnostic: Diagnostic) -> Object:
        """Return a file that could not be read as a ``notification``: the run is not complete without it."""
        return {
            "descriptor": {"id": diagnostic.code},
            "associatedRule": {"id": diagnostic.code, "index": self.rules[diagnostic.code]},
            "level": "error",
            "message": _message(diagnostic.message),
            "locations": [self._location(diagnostic)],
        }

    def _location(self, diagnostic: Diagnostic) -> Object:
        start, end = self.texts.region(diagnostic)
        physical = {"artifactLocation": self._artifact(diagnostic), "region": _region(start, end)}
        if diagnostic.cell is None:
            return {"physicalLocation": physical}
        name = f"cell {diagnostic.cell}"
        whole = f"{printable(self.root.shown(diagnostic.path))}:{name}"
        return {
            "physicalLocation": physical,
            "logicalLocations": [{"name": name, "fullyQualifiedName": whole, "kind": "cell"}],
        }

    def _artifact(self, diagnostic: Diagnostic) -> Object:
        below = self.root.below(diagnostic.path)
        if below is not None:
            return {"uri": _uri(below), "uriBaseId": BASE}
        path = diagnostic.path.replace(os.sep, "/")
        return {"uri": f"file://{'' if path.startswith('/') else '/'}{_uri(path)}"}

    def _fixes(self, diagnostic: Diagnostic) -> list[Object]:
        fix = diagnostic.fix
        if fix is None or fix.applicability is Applicability.DISPLAY:
            return []
        replacements = self.texts.replacements(diagnostic)
        if replacements is None:
            return []
        change = {
            "artifactLocation": self._artifact(diagnostic),
            "replacements": [
                {"deletedRegion": _region(edit.start, edit.end), "insertedContent": {"text": edit.content}}
                for edit in replacements
            ],
        }
        return [
            {
                "description": _message(fix.message),
                "artifactChanges": [change],
                "properties": {"applicability": fix.applicability.value},
            }
        ]


def _properties(diagnostic: Diagnostic) -> Object:
    properties: Object = {"fixWithheld": diagnostic.fix_withheld, "data": json.loads(_json(diagnostic.data))}
    if diagnostic.cell is not None:
        properties |= {"cell": diagnostic.cell, "placeInCell": place_of(diagnostic)}
    return {key: value for key, value in properties.items() if value}


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(dict(data), default=str)


def _region(start: Place, end: Place) -> Object:
    return {"startLine": start.row, "startColumn": start.column, "endLine": end.row, "endColumn": end.column}


def _uri(path: str) -> str:
    """Return a path as a URI reference; the bytes of its name count, whatever they are, and a colon is no scheme."""
    return quote(os.fsencode(path), safe="/")


def _message(text: str) -> Object:
    """Return a plain text message: SARIF reads ``{0}`` as a placeholder and ``[a](b)`` as a link."""
    text = printable(text).replace("{", "{{").replace("}", "}}")
    return {"text": re.sub(r"\](?=\()", r"\\]", text)}


# --- rules -----------------------------------------------------------------------------------------------------------


def _rule(card: Card | None, found: Diagnostic) -> Object:
    """Return a rule as a ``reportingDescriptor``: what its card says, or as much as the finding knows."""
    severity = card.severity if card else found.severity
    rule: Object = {
        "id": found.code,
        "name": found.name,
        "defaultConfiguration": {"level": _LEVELS[severity]},
        "properties": {"tags": ["keras", "regularization"], "problem.severity": _GITHUB_LEVELS[severity]},
    }
    if found.url:
        rule["helpUri"] = found.url
    if card:
        what = " ".join(card.sections.get("What it does", card.summary).split())
        rule["shortDescription"] = {"text": card.summary}
        rule["fullDescription"] = {"text": what}
        rule["help"] = {"text": plain(card.body.strip()), "markdown": LINE_END.sub("\n", card.body.strip())}
    return rule
