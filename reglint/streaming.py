"""``--output-format json-lines`` while the run goes on: each file's findings as soon as it is their turn."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from reglint.reports import Style, Summary
from reglint.reports import report as lines_of
from reglint.settings import UNREADABLE

if TYPE_CHECKING:
    from reglint.diagnostics import Diagnostic
    from reglint.inspector import FileReport

FORMAT = "json-lines"


def can_stream(arguments: argparse.Namespace, output_format: str) -> bool:
    """Say whether a run may write before it is over: on stdout, where nothing changes or needs the findings later."""
    changes = arguments.fix or arguments.diff or arguments.add_noqa
    elsewhere = arguments.report or arguments.output_file is not None
    return output_format == FORMAT and not changes and not elsewhere


class Stream:
    """Writes the reports that it is called with, and remembers of their findings one of each kind."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._kinds: dict[tuple[str, str], Diagnostic] = {}

    @property
    def found(self) -> Sequence[Diagnostic]:
        """One finding of each code and severity that was written: enough for the exit status."""
        return tuple(self._kinds.values())

    def __call__(self, report: FileReport) -> FileReport:
        """Write the findings of a file; return what the end of the run still needs of it."""
        if report.remaining:
            lines = lines_of(FORMAT, Summary(report.remaining), Style())
            self._out.write("".join(line + "\n" for line in lines))
            self._out.flush()
        for diagnostic in report.remaining:
            self._kinds.setdefault((diagnostic.code, diagnostic.severity.value), diagnostic)
        # What is gone of a baseline cannot be told of a file that could not be read.
        unreadable = tuple(diagnostic for diagnostic in report.found if diagnostic.code == UNREADABLE)
        return replace(report, found=unreadable, remaining=unreadable)
