"""docs/speed.md and its picture against the record of tests/benchmarks/run.py; nothing is timed here."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("jinja2")

BENCHMARKS = Path(__file__).parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from speed import environments, figures, page, picture, timing, trees  # noqa: E402

RECORD = page.read()
TEXT = page.PAGE.read_text(encoding="utf-8")
MEASURED = {**RECORD["trees"], **RECORD["growth"]}
TREES = ["large", "sample", "no-keras", "one-file", "notebooks", "start-up"]


def test_the_page_is_what_its_template_makes_of_the_record() -> None:
    assert page.document(RECORD) == TEXT


def test_the_record_has_all_trees_and_says_what_they_were_measured_on() -> None:
    assert sorted(RECORD["trees"]) == sorted(TREES)
    assert sorted(RECORD["growth"], key=int) == [str(size) for size in trees.SIZES]
    assert set(RECORD["machine"]) == {"processor", "cores", "memory", "system", "python"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", tree["date"]) for tree in MEASURED.values())


def test_the_large_tree_is_large_and_that_without_keras_has_nothing_to_find() -> None:
    assert RECORD["trees"]["large"]["python"] >= 5000
    assert RECORD["trees"]["no-keras"]["candidates"] == 0
    assert RECORD["trees"]["notebooks"]["notebooks"] > RECORD["trees"]["notebooks"]["python"]
    assert 1450 <= RECORD["trees"]["one-file"]["lines"] <= 1550


@pytest.mark.parametrize("name", TREES)
def test_whatever_may_be_repeated_ran_in_every_round_and_three_times_at_least(name: str) -> None:
    tree = RECORD["trees"][name]
    assert tree["rounds"] >= 3
    for entry in tree["commands"]:
        once = name in environments.MANY_FILES and entry["name"] == "reglint, cold, all rules"
        assert len(entry["runs"]) == (1 if once else tree["rounds"]), entry["name"]


@pytest.mark.parametrize("name", list(environments.PEERS))
def test_every_peer_was_measured_where_it_can_do_the_job_or_is_named_as_missing(name: str) -> None:
    if name in RECORD["missing"]:
        assert f"{name} could not be installed" in TEXT
        return
    on = {tree for tree in TREES for entry in RECORD["trees"][tree]["commands"] if entry["name"] == name}
    assert on == set(environments.PEERS[name]["trees"])


@pytest.mark.parametrize("name", ["ast-grep", "semgrep", "fixit", "codemod", "reglint, cold"])
def test_whoever_does_the_job_finds_something_in_the_file_of_keras_1(name: str) -> None:
    entries = [entry for entry in RECORD["trees"]["one-file"]["commands"] if entry["name"] == name]
    assert all(run["found"] > 100 for entry in entries for run in entry["runs"])


def test_every_target_has_a_verdict_on_the_page() -> None:
    section = TEXT.partition("## Targets")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == len(list(figures.targets(RECORD)))
    for row, target in zip(rows, figures.targets(RECORD), strict=True):
        assert target.name in row and row.rstrip("| *").endswith(target.verdict)


def test_a_target_is_reached_up_to_its_limit_and_not_beyond() -> None:
    assert figures.Target("", 0.5, 0.5, "", "").verdict == "reached"
    assert figures.Target("", 0.5, 0.51, "", "").verdict == "not reached"
    assert figures.Target("", 0.5, None, "", "").verdict == "not measured"


def test_a_ratio_is_taken_round_by_round_and_a_run_that_was_stopped_does_not_count() -> None:
    def entry(name: str, *walls: float) -> dict[str, Any]:
        return {"name": name, "runs": [{"wall": abs(wall), "status": 0 if wall > 0 else -1} for wall in walls]}

    tree = {"commands": [entry("a", 1, 4, 9), entry("b", 2, 2, 3), entry("c", 2, -900)]}
    assert figures.ratios(tree, "a", "b") == [0.5, 2, 3]
    assert figures.median(tree, "a") == 4
    assert figures.median(tree, "c") == 2
    assert figures.median(tree, "nobody") is None


def test_the_time_for_the_large_tree_is_scaled_by_bytes_and_the_start_counts_once() -> None:
    def tree(size: int, **walls: float) -> dict[str, Any]:
        runs = {name: [{"wall": wall, "status": 0}] for name, wall in walls.items()}
        return {"bytes": size, "commands": [{"name": name, "runs": each} for name, each in runs.items()]}

    record = {"trees": {"sample": tree(10, fixit=3), "large": tree(100), "one-file": tree(1, **{"python -c pass": 1})}}
    assert figures.scaled(record, "fixit") == 1 + 2 * 10


def test_no_path_of_a_machine_is_in_record_or_page() -> None:
    for text in (page.RECORD.read_text(encoding="utf-8"), TEXT):
        assert not re.findall(r"(?<![\w.:/\]\\-])/(?:[\w.-]+/)+[\w.-]*", text)


def test_the_record_is_as_the_command_writes_it() -> None:
    assert page.dumped(RECORD) == page.RECORD.read_text(encoding="utf-8")


def test_every_link_of_the_page_leads_somewhere() -> None:
    headings = {re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in re.findall(r"(?m)^#+ (.+)$", TEXT)}
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        file, _, heading = link.partition("#")
        assert (page.DOCS / file).exists(), link
        assert not heading or heading in headings, link


def test_the_picture_says_in_words_what_the_record_says_and_has_both_themes() -> None:
    text = page.PICTURE.read_text(encoding="utf-8")
    title = ElementTree.fromstring(text).find("{*}title")
    assert title is not None and title.text == picture.described(RECORD)
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"<script|href|url\(|@import", text)
    # Every colour of the picture has a counterpart on a dark ground.
    rules, _, drawn = text.partition("</style>")
    colours = set(re.findall(r'(?:fill|stroke)="(#\w+)"', drawn))
    assert colours and all(f'"{colour}"' in rules for colour in colours)


def test_a_command_is_timed_with_its_status_its_findings_and_a_cache_that_is_emptied(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    program = f"import os, sys; print('hit hit', os.path.exists({str(cache)!r})); sys.exit(3)"
    command = timing.Command("x", (sys.executable, "-c", program), "x", "hit|True", empty=cache)
    measured = timing.timed(command)
    assert (measured.status, measured.found) == (3, 2)
    assert measured.wall > 0 and measured.cpu > 0 and measured.peak > 1


def test_a_command_that_takes_too_long_is_stopped_and_counts_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "TIMEOUT", 0.1)
    assert timing.timed(timing.Command("x", (sys.executable, "-c", "import time; time.sleep(60)"), "x")).status == -1


def test_commands_take_turns_and_each_round_begins_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def timed(command: timing.Command) -> timing.Measured:
        order.append(command.name)
        return timing.Measured(1, 1, 1, 0, None)

    monkeypatch.setattr(timing, "timed", timed)
    once = timing.Command("b", ("b",), "b", rounds=1)
    recorded = timing.in_turns(
        [timing.Command("a", ("a",), "a"), once, timing.Command("c", ("c",), "c")], 3, order.append
    )
    assert [name for name in order if len(name) == 1] == ["a", "b", "c", "c", "a", "c", "a"]
    assert [len(entry["runs"]) for entry in recorded] == [3, 1, 3]


def test_a_python_file_becomes_a_notebook_that_holds_all_its_code(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(
        "import keras\n\n\n@cached\ndef build():\n    return 1\n\n\nclass Net:\n    pass\n", encoding="utf-8"
    )
    cells = list(trees.cells_of(path))
    assert cells == ["import keras", "@cached\ndef build():\n    return 1", "class Net:\n    pass"]
    made = json.loads(json.dumps(trees.notebook(cells, "aGk=")))
    assert ["".join(cell["source"]) for cell in made["cells"]] == cells
    assert [len(cell["outputs"]) for cell in made["cells"]] == [1, 0, 0]


def test_files_are_chosen_at_even_distances() -> None:
    files = [Path(str(number)) for number in range(10)]
    assert trees.evenly(files, 5) == [Path("0"), Path("2"), Path("4"), Path("6"), Path("8")]
