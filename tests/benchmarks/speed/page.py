"""Writes docs/speed.md and its picture from the record of ``run.py``; measures nothing."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from speed.figures import Record, copied, grown, median, number, overall, runs, targets
from speed.picture import LINES, described, picture

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[2] / "docs"
RECORD = HERE.parent / "results.json"
TEMPLATE = HERE / "speed.template.md"
PAGE = DOCS / "speed.md"
PICTURE = DOCS / "pictures" / "speed-growth.svg"


def read() -> dict[str, Any]:
    """The record."""
    found: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def dumped(record: Record) -> str:
    """Takes the record; returns its text, a run in one line."""
    text = json.dumps(record, indent=1, sort_keys=True)
    short = re.sub(r"[\[{][^\[\]{}]*[\]}]", lambda match: re.sub(r"\s*\n\s*", " ", match[0]), text)
    return short + "\n"


def write(record: Record) -> None:
    """Takes the record; writes the page and the picture."""
    PAGE.write_text(document(record), encoding="utf-8")
    PICTURE.write_text(picture(record), encoding="utf-8")


def document(record: Record) -> str:
    """Takes the record; returns the text of the page."""
    from jinja2 import Environment, StrictUndefined  # not above: the process that measures has to stay small

    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        record=record,
        targets=targets_table(record),
        table=lambda tree: table(record, tree),
        commands=lambda tree: command_lines(record["trees"][tree]),
        counts=lambda tree: counts(record["trees"][tree]),
        growth=growth_table(record),
        memory=memory_table(grown(record), "files"),
        copies=memory_table(copied(record), "× 1,000 files"),
        each_file=each_file_table(record),
        described=described(record),
        made=made(record),
        versions=versions(record),
    )


def markdown(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Takes heads and rows; returns a table."""
    lines = [list(heads), *map(list, rows)]
    lines.insert(1, ["---", *("---:" for _ in lines[0][1:])])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def targets_table(record: Record) -> str:
    """Takes the record; returns the table of targets."""
    rows = [
        [
            target.name,
            f"≤ {target.limit:g} {target.unit}",
            number(target.measured) + (f" ({target.spread})" if target.spread else ""),
            f"**{target.verdict}**" if target.verdict != "reached" else target.verdict,
        ]
        for target in targets(record)
    ]
    return markdown(["what", "to reach", "measured (least–greatest)", ""], rows)


def table(record: Record, name: str) -> str:
    """Takes the name of a tree; returns its table, the quickest first."""
    tree = record["trees"][name]
    reference = median(tree, "reglint, cold")
    rows = []
    for entry in sorted(tree["commands"], key=lambda entry: median(tree, entry["name"]) or 1e9):
        walls = runs(tree, entry["name"], "wall")
        middle = median(tree, entry["name"])
        found = {run["found"] for run in entry["runs"]} - {None}
        rows.append(
            [
                entry["name"],
                f"{number(middle)} s" if walls else "did not end",
                f"{number(min(walls))}–{number(max(walls))} s" if len(walls) > 1 else "–",
                f"{number(median(tree, entry['name'], 'cpu'))} s",
                f"{number(median(tree, entry['name'], 'peak'))} MB",
                number(middle / reference) if middle and reference else "–",
                ", ".join(f"{each:,}" for each in sorted(found)) or "–",
            ]
        )
    heads = ["", "wall, median", "least–greatest", "CPU, median", "peak memory", "× reglint, cold", "found"]
    return markdown(heads, rows)


def command_lines(tree: Record) -> str:
    """Takes a measured tree; returns the command of each line, as a block."""
    width = max(len(entry["name"]) for entry in tree["commands"])
    return "\n".join(f"{entry['name']:{width}}  {entry['command']}" for entry in tree["commands"])


def counts(tree: Record) -> str:
    """Takes a measured tree; returns what it holds."""
    parts = [f"{tree['python']:,} Python files" if tree["python"] != 1 else "one Python file"]
    parts += [f"{tree['notebooks']:,} notebooks"] if tree["notebooks"] else []
    size = f"{tree['lines']:,} lines, {number(tree['bytes'] / 1e6)} MB"
    candidates = f"{tree['candidates']:,} hold one of the words" if tree["candidates"] != 1 else "one holds the words"
    measured = f"Measured on {tree['date']}, {tree['rounds']} rounds, load {tree['load']}"
    return f"{' and '.join(parts)} ({size}; {candidates}). {measured}"


def growth_table(record: Record) -> str:
    """Takes the record; returns the seconds of each line of the picture."""
    sizes = grown(record)
    rows = [
        [shown, *(number(median(tree, name)) for _, tree in sizes)]
        for name, shown in LINES.items()
        if any(median(tree, name) for _, tree in sizes)
    ]
    return markdown(["seconds of wall time (median)", *(f"{size:,} files" for size, _ in sizes)], rows)


def memory_table(sizes: Sequence[tuple[int, Record]], unit: str) -> str:
    """Takes trees by their size, and what a size counts; returns the peak memory of reglint at each."""
    names = [entry["name"] for entry in sizes[0][1]["commands"] if entry["name"].startswith("reglint")] if sizes else []
    rows = [[name, *(number(median(tree, name, "peak")) for _, tree in sizes)] for name in names]
    return markdown(["MB in the largest process", *(f"{size:,} {unit}" for size, _ in sizes)], rows)


def each_file_table(record: Record) -> str:
    """Takes the record; returns how many parses it takes to check a file."""
    rows = []
    for tree, found in sorted(record["each_file"].items(), reverse=True):
        for select, files in sorted(found.items()):
            each = sorted(checking / parsing for parsing, checking in files.values())
            spread = f"{number(each[0])}–{number(each[-1])}"
            rows.append([tree, select, str(len(each)), number(overall(files)), number(statistics.median(each)), spread])
    return markdown(["tree", "rules", "files", "all together", "median file", "least–greatest"], rows)


def made(record: Record) -> str:
    """Takes the record; returns on what it was measured, as a part of a sentence."""
    machine = record["machine"]
    days = sorted({tree["date"] for tree in (*record["trees"].values(), *record["growth"].values())})
    cores = f"{machine['cores']} cores, {machine['memory']} GiB"
    return f"{machine['processor']}, {cores}, {machine['system']}, Python {machine['python']}, on {' and '.join(days)}"


def versions(record: Record) -> str:
    """Takes the record; returns the versions of the tools."""
    parts = []
    for found in record["versions"].values():
        packages = [f"{name} {version}" for name, version in found.items()]
        more = f" (with {' and '.join(packages[1:])})" if packages[1:] else ""
        parts.append(packages[0] + more)
    return ", ".join(parts)
