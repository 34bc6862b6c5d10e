"""``--output-format github``: workflow commands, which GitHub Actions shows as annotations beside the code."""

from __future__ import annotations

from collections.abc import Iterator

from reglint.diagnostics import Diagnostic
from reglint.findings import Severity
from reglint.reports import Style, Summary, place_of, printable
from reglint.reports.places import Root, root_of

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_IN_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY = {**_IN_MESSAGE, ":": "%3A", ",": "%2C"}


def lines(summary: Summary, style: Style) -> Iterator[str]:
    """Yield one command for each finding; place and code stand in the message, too, since a log shows only that."""
    root = root_of(summary.left)
    for diagnostic in summary.left:
        properties = ",".join(f"{key}={_escaped(value, _IN_PROPERTY)}" for key, value in _properties(diagnostic, root))
        where = f"{printable(diagnostic.shown)}:{place_of(diagnostic)}"
        message = f"{where}: {diagnostic.code} {printable(diagnostic.message)}"
        yield f"::{_COMMANDS[diagnostic.severity]} {properties}::{_escaped(message, _IN_MESSAGE)}"


def _properties(diagnostic: Diagnostic, root: Root) -> Iterator[tuple[str, str]]:
    start, end = diagnostic.start, diagnostic.end
    yield "file", _encodable(root.shown(diagnostic.path))
    if diagnostic.cell is None:  # rows of a cell are no lines of the file
        yield "line", str(start.row)
        yield "endLine", str(end.row)
        if start.row == end.row:  # GitHub refuses columns over several lines
            yield "col", str(start.column)
            yield "endColumn", str(end.column)
    yield "title", f"reglint ({diagnostic.code})"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)


def _encodable(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()
