"""Figures out of the record of ``run.py``: medians, ratios, and what was to be reached."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

Record = Mapping[str, Any]


def runs(tree: Record, name: str, what: str) -> list[float]:
    """Takes a measured tree, the name of a command, and wall, cpu or peak; returns the figure of each run, or none.

    Runs that were stopped or could not start do not count.
    """
    entries = [entry for entry in tree["commands"] if entry["name"] == name]
    return [run[what] for entry in entries for run in entry["runs"] if run["status"] >= 0]


def median(tree: Record, name: str, what: str = "wall") -> float | None:
    """Takes the same; returns the median, None where nothing was measured."""
    values = runs(tree, name, what)
    return statistics.median(values) if values else None


def ratios(tree: Record, name: str, other: str, what: str = "wall") -> list[float]:
    """Takes two commands; returns the ratio of their figures in each round."""
    return [
        mine / theirs for mine, theirs in zip(runs(tree, name, what), runs(tree, other, what), strict=False) if theirs
    ]


def overall(files: Mapping[str, Iterable[float]]) -> float:
    """Takes [parsing, checking] of files; returns how many parses it takes to check all of them."""
    pairs = [tuple(pair) for pair in files.values()]
    return sum(checking for _, checking in pairs) / max(sum(parsing for parsing, _ in pairs), 1e-9)


def cached(tree: Record) -> bool:
    """Takes a measured tree; says whether reglint had a cache."""
    return any(entry["name"] == "reglint, warm" for entry in tree["commands"])


def scaled(record: Record, name: str) -> float | None:
    """Takes the name of a command; returns its seconds for the large tree, by the bytes that the sample has of it.

    What it takes to start is taken from the file of one line, and counted once.
    """
    sample, large = record["trees"]["sample"], record["trees"]["large"]
    found = median(sample, name)
    start = median(record["trees"]["one-file"], "python -c pass") or 0.0
    return start + (found - start) * large["bytes"] / sample["bytes"] if found else None


def grown(record: Record) -> list[tuple[int, Record]]:
    """Takes the record; returns the trees that show how the cost grows, by size; the last is the large one."""
    large = record["trees"]["large"]
    return [*sorted((int(size), tree) for size, tree in record["growth"].items()), (large["python"], large)]


def number(value: float | None) -> str:
    """Takes a figure; returns it with two digits that mean something."""
    if value is None:
        return "–"
    return (
        f"{value:,.0f}"
        if value >= 20
        else f"{value:.1f}"
        if value >= 2
        else f"{value:.2f}"
        if value >= 0.1
        else f"{value:.3f}"
    )


def copied(record: Record) -> list[tuple[int, Record]]:
    """Takes the record; returns the trees that are the same one so many times, the smallest first."""
    return sorted((int(number), tree) for number, tree in record.get("copies", {}).items())


# --- targets ---------------------------------------------------------------------------------------------------------


class Target(NamedTuple):
    """What was to be reached: in words, the figure that was measured, how it reads, and the limit."""

    name: str
    limit: float
    measured: float | None
    spread: str
    unit: str

    @property
    def verdict(self) -> str:
        """Says whether it is reached."""
        if self.measured is None:
            return "not measured"
        return "reached" if self.measured <= self.limit else "not reached"


def targets(record: Record) -> Iterator[Target]:
    """Takes the record; yields what was to be reached and what was."""
    trees = record["trees"]
    large, none, alone = trees["large"], trees["no-keras"], trees["start-up"]
    yield _paired("large tree, cold, beside ast-grep", 0.5, large, "reglint, cold", "ast-grep", "× its wall time")
    fixit = scaled(record, "fixit")
    cold = median(large, "reglint, cold")
    share = cold / fixit if fixit and cold else None
    yield Target(
        "large tree, cold, beside Fixit (its time is scaled up from the sample)", 0.01, share, "", "× its wall time"
    )
    yield _paired("large tree, warm, beside the walk", 3, large, "reglint, warm", "walk", "× its wall time")
    yield _paired("tree without Keras, cold, beside the walk", 2, none, "reglint, cold", "walk", "× its wall time")
    yield _paired(
        "start-up on a file without triggers", 5, alone, "reglint, cold", "python -c pass", "× `python -c pass`"
    )
    for tree, select in (("one-file", "REG101"), ("one-file", "all"), ("large", "REG101"), ("large", "all")):
        files = record["each_file"].get(tree, {}).get(select)
        each = [checking / parsing for parsing, checking in files.values()] if files else []
        which = "the 1,500-line file" if tree == "one-file" else f"each of {len(each)} candidates of the large tree"
        spread = f"{number(min(each))}–{number(max(each))}" if len(each) > 1 else ""
        rules = "all rules" if select == "all" else select
        yield Target(
            f"{which}, {rules}", 1.3, max(each, default=None), spread, "× its bare LibCST parse (CPU; the worst)"
        )
    for name, rules in (("reglint, cold", "REG101"), ("reglint, cold, all rules", "all rules")):
        peaks = [median(tree, name, "peak") for _, tree in copied(record)]
        rise = peaks[-1] / peaks[0] if peaks and peaks[0] and peaks[-1] else None
        yield Target(f"memory for 13 times the same 1,000 files, {rules}", 1.5, rise, "", "× the peak for them once")


def _paired(name: str, limit: float, tree: Record, mine: str, theirs: str, unit: str) -> Target:
    found = ratios(tree, mine, theirs)
    spread = f"{number(min(found))}–{number(max(found))}" if found else ""
    return Target(name, limit, statistics.median(found) if found else None, spread, unit)
