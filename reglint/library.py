"""The functions that ``reglint`` offers to other programs: one source in, its findings or its mended bytes out."""

from __future__ import annotations

import os
from collections.abc import Mapping

from reglint.findings import Finding, Severity
from reglint.inspector import MAX_CHARACTERS, UNREADABLE_NAME, Inspector, refuse_size
from reglint.settings import UNREADABLE, Settings


def findings_of(
    source: str | bytes, filename: str, settings: Settings | None, modules: Mapping[str, str] | None
) -> list[Finding]:
    """Return the findings of one source; what cannot be read or parsed is one of them (REG900)."""
    return _library(source, filename, settings, modules, fix=False)[1]


def fixed(
    source: str | bytes, filename: str, settings: Settings | None, modules: Mapping[str, str] | None
) -> tuple[bytes, list[Finding]]:
    """Return the mended bytes of one source and what is left in them."""
    return _library(source, filename, settings, modules, fix=True)


def _library(
    text: str | bytes, filename: str, settings: Settings | None, modules: Mapping[str, str] | None, fix: bool
) -> tuple[bytes, list[Finding]]:
    from reglint.fixing import apply_fixes
    from reglint.project import Project
    from reglint.source import SourceError, source_from_bytes, source_from_text

    settings = Settings() if settings is None else settings
    inspector = Inspector(fix)
    rules = inspector.rules(settings)
    # Without files there is no folder that a path could be below.
    path = filename if modules is not None else os.path.abspath(filename)
    try:
        source = source_from_bytes(text, path) if isinstance(text, bytes) else source_from_text(text, path)
        refuse_size(len(source.text), source.raw, rules, MAX_CHARACTERS)
    except SourceError as error:
        raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        return raw, [Finding(UNREADABLE, UNREADABLE_NAME, Severity.ERROR, error.message, 0, 0)]
    project = Project.find(path) if modules is None else Project.in_memory(modules)
    findings = inspector.findings(source, rules, project)
    if not fix:
        return source.raw, findings
    outcome = apply_fixes(
        source,
        findings,
        unsafe=settings.unsafe_fixes,
        recheck=lambda new: inspector.findings(new, rules, project),
    )
    return outcome.raw, list(outcome.remaining)
