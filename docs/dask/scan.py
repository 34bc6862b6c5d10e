"""Checks a list of files on a Dask cluster: python scan.py LIST FOLDER [--scheduler tcp://host:8786]

LIST has a path on each line. FOLDER gets the findings as JSON lines, a file for each part of the list, in its order.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dask.bag
from distributed import Client

from reglint import Finding, check_source
from reglint.source import SourceError, source_from_bytes


def check(path: str) -> list[str]:
    """Return the findings in one file, each as a line of JSON; runs on any machine that sees the file."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        # One file that is gone should not end a run of hours.
        return [json.dumps({"filename": path, "code": "REG900", "message": f"cannot be read: {error.strerror}"})]
    return [json.dumps(value) for value in located(check_source(raw, filename=path), raw, path)]


def located(findings: list[Finding], raw: bytes, path: str) -> Iterator[dict[str, Any]]:
    """Yield the findings as JSON's values, with their rows and columns."""
    if not findings:
        return
    try:
        source = source_from_bytes(raw, path)
    except SourceError:  # reported as REG900, and without text there are no places
        source = None
    for finding in findings:
        place = asdict(source.location(finding.start)) if source else {}
        yield {"filename": path, **asdict(finding), **place}


def main() -> None:
    """Spread the files of the list over the cluster, or over the processors of this machine."""
    parser = argparse.ArgumentParser(description="check a list of files on a Dask cluster")
    parser.add_argument("list", type=Path, help="a file with a path on each line")
    parser.add_argument("folder", help="where the findings go; a path or an address that Dask can write to")
    parser.add_argument("--scheduler", help="address of a cluster [default: one on this machine]")
    parser.add_argument("--part", type=int, default=1000, help="files in each part [default: 1000]")
    arguments = parser.parse_args()
    paths = arguments.list.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    with Client(arguments.scheduler):
        lines = dask.bag.from_sequence(paths, partition_size=arguments.part).map(check).flatten()
        lines.to_textfiles(f"{arguments.folder}/*.jsonl")


if __name__ == "__main__":
    main()
