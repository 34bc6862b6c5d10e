"""Every example of every card of the probe, run: a block makes a ``model``, ``x`` and perhaps ``y``, and is probed."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from reglint.examples import Example
from reglint.rulebook import Card, load_cards

CARDS = [card for card in load_cards().values() if card.kind == "probe"]
BACKENDS = ("jax", "tensorflow")

RUN_EXAMPLES = """
import json, sys
from pathlib import Path
from reglint.probe import probe_model
from reglint.probe.models.construction import recording

found = {}
for path in sys.argv[1:]:
    names = {"__name__": "example", "__file__": path}
    with recording():
        exec(compile(Path(path).read_text(encoding="utf-8"), path, "exec"), names)
    report = probe_model(names["model"], names["x"], labels=names.get("y"))
    found[Path(path).stem] = [
        (f.place and f.place.row, f.code, f.severity.value, f.message) for f in report.findings
    ]
print(json.dumps(found))
"""


def name_of(card: Card, example: Example) -> str:
    return f"{card.code}_line_{example.line}"


def cases() -> list[Any]:
    return [
        pytest.param(backend, name_of(card, example), example, id=f"{name_of(card, example)}-{backend}")
        for backend in BACKENDS
        for card in CARDS
        for example in card.examples
    ]


@cache
def run_on(backend: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The run that prints what the probe finds in each example; one for all, since importing a backend is slow."""
    files = []
    for card in CARDS:
        for example in card.examples:
            file = folder / f"{name_of(card, example)}.py"
            file.write_text(example.source, encoding="utf-8")
            files.append(str(file))
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [sys.executable, "-c", RUN_EXAMPLES, *files], capture_output=True, text=True, env=environment, timeout=600
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples")


@pytest.mark.parametrize(("backend", "name", "example"), cases())
def test_the_probe_finds_in_an_example_what_is_marked_in_it_on_the_line_of_the_layer(
    backend: str, name: str, example: Example, folder: Path
) -> None:
    for module in ("keras", backend):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed; `pip install -e '.[keras]'` brings it")
    run = run_on(backend, folder)
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads(run.stdout.splitlines()[-1])[name]
    expected = sorted([e.line, e.code, e.severity.value] for e in example.expected)
    assert sorted(each[:3] for each in found) == expected, [each[3] for each in found]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.code)
def test_a_card_of_the_probe_offers_no_fix_and_is_triggered_by_no_source(card: Card) -> None:
    assert card.applicability is None
    assert card.triggers == ()
