"""What the tests of whole projects share: the command as a user runs it, in this process."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reglint.cli import main

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"

Check = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def check_json(capsys: pytest.CaptureFixture[str]) -> Check:
    """`reglint check --output-format json` on paths: its findings."""

    def check(*arguments: str | Path) -> list[dict[str, Any]]:
        main(["check", "--output-format", "json", "--jobs", "1", *map(str, arguments)])
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return found

    return check


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))
