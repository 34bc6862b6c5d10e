"""A report for the terminal (rich), as plain text, and for a notebook's output cell."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reglint.findings import Severity
from reglint.probe.values import ProbeFinding, ProbeReport
from reglint.probe.views.tables import OUTPUTS, PENALTIES, SITES, Column, by_share, circumstances, headline
from reglint.probe.views.templating import render
from reglint.probe.views.verdicts import Judged, by_trouble, counts, elsewhere, names_layer, worst_first
from reglint.reports import printable

Row = TypeVar("Row")

MOST_ROWS = 20
"""Sites without a finding, and penalties, are folded beyond this many rows."""

GAP = 2
"""Columns of the terminal between two columns of a table."""

LEAST, MOST = 10, 20
"""The width that the column of layers has at least, and that another column of words has at most."""

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}

_ASCII = str.maketrans(
    dict(zip("·–—−×≈‖′‘’“”µ", ".---x~|'''\"\"u", strict=True))
    | {"…": "...", "±": "+-", "≥": ">=", "≤": "<=", "√": "sqrt", "∞": "inf", "λ": "lambda", "∇": "grad ", "→": "->"}
)


@dataclass(frozen=True)
class Terminal:
    """A report as rich prints it; columns are chosen for the width, and signs for the encoding, when it does."""

    report: ProbeReport
    messages: bool

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        encoding = console.encoding if options.ascii_only else None
        yield from _View(self.report, options.max_width, options.ascii_only, encoding).parts(self.messages)


def table(report: ProbeReport, *, messages: bool = False) -> Any:
    """Takes a report; returns a renderable for ``rich``: what was run, sites by trouble, penalties, outputs.

    What the probe did not see is listed at the end. With ``messages`` the findings' texts come too; otherwise the
    report formats print them. It fits 60 columns and more.
    """
    return Terminal(report, messages)


def plain(report: ProbeReport) -> str:
    """Takes a report; returns it as text of width 100 without colour, the findings' texts included.

    What is not a name or a message of the report itself is ASCII, so that ``print`` works wherever it goes.
    """
    console = Console(file=io.StringIO(), width=100, color_system=None, force_jupyter=False, legacy_windows=False)
    for part in _View(report, 100, ascii_only=True, encoding=None).parts(messages=True):
        console.print(part)
    text: str = console.file.getvalue()
    return "\n".join(line.rstrip() for line in text.splitlines())


def fragment(report: ProbeReport) -> str:
    """Takes a report; returns HTML for the output cell of a notebook: no script, no address, both themes."""
    rows, more = shortened(by_trouble(report))
    penalties = by_share(report)
    return render(
        "fragment.html",
        headline=headline(report),
        circumstances=tuple(circumstances(report)),
        counts=counts(report.findings),
        findings=worst_first(report.findings),
        names_layer=names_layer,
        site_columns=SITES,
        sites=rows,
        more=more,
        penalty_columns=PENALTIES,
        penalties=penalties[:MOST_ROWS],
        more_penalties=len(penalties) - MOST_ROWS,
        output_columns=OUTPUTS,
        outputs=report.measurement.outputs,
        unreached=report.measurement.unreached,
    )


def shortened(sites: Sequence[Judged]) -> tuple[Sequence[Judged], int]:
    """Takes sites by trouble; returns those to show, every one with a finding among them, and how many are left out."""
    shown = max(MOST_ROWS, sum(bool(judged.findings) for judged in sites))
    return sites[:shown], max(0, len(sites) - shown)


def broken(path: str, width: int) -> Iterator[str]:
    """Takes a layer's path and a width; yields it in lines that fit, ended by a slash where one is in reach."""
    while len(path) > width:
        cut = path.rfind("/", 0, width) + 1 or width
        yield path[:cut]
        path = path[cut:]
    yield path


@dataclass(frozen=True)
class _View:
    """A report at a width; ``ascii_only`` keeps to ASCII signs, ``encoding`` says what names have to fit into."""

    report: ProbeReport
    width: int
    ascii_only: bool
    encoding: str | None

    def parts(self, messages: bool) -> Iterator[Any]:
        yield self.text(headline(self.report), "bold")
        yield self.text(", ".join(_clause(*fact) for fact in circumstances(self.report)), "dim")
        if messages and self.report.findings:
            yield Text("")
            yield from (self.message(finding) for finding in worst_first(self.report.findings))
        yield from self.sites()
        if not messages:
            yield from (self.message(finding) for finding in elsewhere(self.report))
        yield from self.penalties()
        outputs = self.report.measurement.outputs
        if outputs:
            yield Text("")
            yield self.grid(OUTPUTS, outputs)
        yield from self.unreached()

    def sites(self) -> Iterator[Any]:
        yield Text("")
        rows, more = shortened(by_trouble(self.report))
        if not rows:
            yield self.text("no activation was reached")
            return
        yield self.grid(SITES, rows, [STYLES[judged.severity] if judged.severity else "" for judged in rows])
        if more:
            yield self.text(f"and {more} more without a finding", "dim")
        if any(judged.site.activation == "softmax" for judged in rows):
            yield self.text("softmax: saturated is the share of rows with a probability above 0.99", "dim")

    def penalties(self) -> Iterator[Any]:
        rows = by_share(self.report)
        if rows:
            yield Text("")
            yield self.grid(PENALTIES, rows[:MOST_ROWS])
        if len(rows) > MOST_ROWS:
            yield self.text(f"and {len(rows) - MOST_ROWS} smaller ones", "dim")

    def unreached(self) -> Iterator[Any]:
        unreached = self.report.measurement.unreached
        if unreached:
            yield Text("")
            yield self.text("Not seen by the probe:", "bold")
        for part in unreached:
            yield Padding(self.text(f"{part.layer}: {part.reason}"), (0, 0, 0, 2))

    def message(self, finding: ProbeFinding) -> Any:
        line = self.text(f"{finding.code} ", STYLES[finding.severity])
        if not names_layer(finding):
            line.append_text(self.text(f"{finding.layer}: ", "bold"))
        return line.append_text(self.text(finding.message))

    def grid(self, columns: Iterable[Column[Row]], rows: Iterable[Row], styles: Sequence[str] = ()) -> Any:
        """The columns that have room; figures stay whole, long names go on below, after a slash if they can."""
        chosen = [column for column in columns if column.room <= self.width]
        cells = [[self.text(column.cell(row)) for column in chosen] for row in rows]
        titles = [self.text(column.title, "bold") for column in chosen]
        widths = [max(text.cell_len for text in column) for column in zip(titles, *cells, strict=True)]
        widths = [width if each.figures else min(width, MOST) for width, each in zip(widths, chosen, strict=True)]
        left = self.width - sum(widths[1:]) - GAP * (len(chosen) - 1)
        grid = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
        for column, title in zip(chosen, titles, strict=True):
            justify = "right" if column.figures else "left"
            most = None if column.figures or column is chosen[0] else MOST
            grid.add_column(title, justify=justify, overflow="fold", no_wrap=column.figures, max_width=most)
        for texts, style in zip(cells, styles or [""] * len(cells), strict=True):
            texts[0] = Text("\n".join(broken(texts[0].plain, max(left, LEAST))))
            texts[-1].stylize(style)
            grid.add_row(*texts)
        return grid

    def text(self, text: str, style: str = "") -> Any:
        """Text on one line with what the terminal can show; never read as markup."""
        text = printable(text)
        if self.ascii_only:
            text = text.translate(_ASCII)
        if self.encoding:
            text = text.encode(self.encoding, "backslashreplace").decode(self.encoding)
        return Text(text, style)


def _clause(name: str, text: str) -> str:
    """Takes a fact's name and text; returns how it reads in a line."""
    if name == "samples":
        return f"{text} samples" if text.isdigit() else text.replace(" (", " samples (", 1)
    return f"{name}: {text}" if name == "positions" else text
