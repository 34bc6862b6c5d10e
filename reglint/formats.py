"""The names of the output formats, which the command line and the settings need; what writes them is in ``reports``."""

from __future__ import annotations

FORMATS = (
    "text",
    "concise",
    "full",
    "grouped",
    "json",
    "json-lines",
    "github",
    "gitlab",
    "junit",
    "sarif",
    "markdown",
)
"""What ``--output-format`` takes: ruff's names, ``text`` for its ``concise``, and ``markdown``."""
FOR_PEOPLE = ("text", "concise", "full", "grouped")
"""The formats that close with a summary."""
