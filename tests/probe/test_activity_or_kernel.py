"""docs/activity-or-kernel.md against its record, its pictures, and a training of today."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from reglint.probe.process.arguments import add_probe
from reglint.probe.views.charts import bins
from reglint.probe.views.figures import share
from reglint.rulebook import load_cards

pytest.importorskip("jinja2")

from activity_or_kernel_page import DOCS, HERE, PAGE, PICTURES, document, read, site

RECORD = read()
TEXT = PAGE.read_text(encoding="utf-8")
PICTURED = [(name, way) for name, case in RECORD.items() for way in case["ways"] if "site" in case["ways"][way]]
LARGEST_PICTURE = 60_000


def test_the_page_is_what_its_template_makes_of_the_record() -> None:
    assert document(RECORD) == TEXT


def test_every_link_of_the_page_leads_somewhere() -> None:
    links = [link.partition("#") for link in re.findall(r"\]\(([^)]+)\)", TEXT)]
    assert any(file == "" for file, _, _ in links)
    for file, _, heading in links:
        path = DOCS / file if file else PAGE
        assert path.exists(), file
        assert not heading or heading in headings(path.read_text(encoding="utf-8")), heading


def headings(text: str) -> set[str]:
    """The headings of a page as GitHub and the documentation site address them."""
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in found}


def test_every_rule_that_the_page_names_exists_and_is_linked_to() -> None:
    named = set(re.findall(r"REG\d{3}", TEXT))
    assert named <= set(load_cards())
    for code in named:
        assert re.search(rf"\[{code}\]\(\.\./rules/{code}-", TEXT), code


def test_the_pictures_of_the_page_are_those_of_the_record() -> None:
    shown = re.findall(r"\(pictures/([^)]+)\.svg\)", TEXT)
    assert sorted(shown) == sorted(f"{name}-{way}" for name, way in PICTURED)
    assert {path.stem for path in PICTURES.glob("*.svg")} >= set(shown)


@pytest.mark.parametrize(("name", "way"), PICTURED)
def test_the_bars_of_a_picture_are_the_measured_histogram(name: str, way: str) -> None:
    measured = bins(site(RECORD[name]["ways"][way]["site"]))
    expected = [f"z {reach}: {share(part)} of the values" for reach, part, _ in measured]
    titles = [title.text.partition(", gain")[0] for title in titles_in(name, way)[1:]]
    assert titles == expected


@pytest.mark.parametrize(("name", "way"), PICTURED)
def test_a_picture_is_small_has_both_themes_and_loads_nothing(name: str, way: str) -> None:
    text = (PICTURES / f"{name}-{way}.svg").read_text(encoding="utf-8")
    assert len(text) < LARGEST_PICTURE
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"<script|href|url\(|@import", text)
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")
    # An image has no page whose colours it could take over.
    assert set(re.findall(r"var\((--\w+)", text)) <= set(re.findall(r"(--\w+):", text))
    assert "var(--ground)" in ElementTree.fromstring(text).find("{*}rect").attrib["style"]


def titles_in(name: str, way: str) -> list[Any]:
    return list(ElementTree.parse(PICTURES / f"{name}-{way}.svg").getroot().iterfind(".//{*}title"))


@pytest.mark.parametrize(("name", "way"), PICTURED)
def test_a_picture_says_in_words_what_the_page_says_of_it(name: str, way: str) -> None:
    assert f"![{titles_in(name, way)[0].text}](pictures/{name}-{way}.svg)" in TEXT


# What the sentences claim.


def values(name: str, way: str, what: str) -> list[Any]:
    return [row[what] for row in RECORD[name]["ways"][way]["figures"].values()]


CHANGES = [
    ("wrong-labels", "kernel", "accuracy", "more"),
    ("wrong-labels", "kernel", "training", "less"),
    ("wrong-labels", "dropout", "accuracy", "more"),
    ("wrong-labels", "dropout", "training", "less"),
    ("wrong-labels", "activity", "training", "more"),
    ("unscaled", "scaled", "saturated", "less"),
    ("unscaled", "scaled", "accuracy", "more"),
    ("unscaled", "preactivation-strong", "rms", "less"),
    ("unscaled", "preactivation-strong", "accuracy", "less"),
    ("weights", "kernel", "saturated", "less"),
    ("weights", "normalised", "saturated", "less"),
    ("weights", "preactivation", "accuracy", "less"),
    ("weights-short", "normalised", "saturated", "less"),
    ("aligned", "preactivation", "saturated", "less"),
    ("aligned", "preactivation", "accuracy", "more"),
    ("aligned", "kernel", "saturated", "less"),
    ("aligned", "kernel", "accuracy", "more"),
    ("aligned", "normalised", "saturated", "less"),
    ("bias", "zeros", "saturated", "less"),
    ("bias", "bias", "saturated", "less"),
    ("bias", "preactivation", "saturated", "less"),
    ("bias-short", "bias", "rms", "less"),
    ("bias-short", "zeros", "accuracy", "more"),
    ("dead", "bias", "dead", "less"),
    ("dead", "preactivation", "dead", "less"),
    ("sparse", "activity", "saturated", "more"),
    ("sparse", "activity-strong", "dead", "more"),
    ("sparse", "squared", "saturated", "more"),
]
"""Where the page says that something helped or harmed: for every seed more, or less, than for any seed without."""

SAME = [
    ("wrong-labels", "bias", "accuracy"),
    ("wrong-labels", "activity", "accuracy"),
    *(("few", way, "accuracy") for way in ("bias", "activity", "activity-strong", "dropout")),
    ("weights", "activity", "saturated"),
    ("weights", "activity", "accuracy"),
    ("weights-short", "kernel", "saturated"),
    ("weights-short", "kernel-strong", "saturated"),
    ("bias-short", "bias", "accuracy"),
    ("bias-short", "preactivation", "accuracy"),
    ("sparse", "activity", "accuracy"),
    ("sparse", "activity", "dead"),
    ("sparse", "squared", "dead"),
    ("sparse", "kernel", "saturated"),
]
"""Where it says that something did nothing: no more, or less, than seeds do."""


@pytest.mark.parametrize(("name", "way", "what", "change"), CHANGES)
def test_what_the_page_calls_a_change_is_larger_than_what_seeds_change(
    name: str, way: str, what: str, change: str
) -> None:
    without, after = values(name, "plain", what), values(name, way, what)
    assert max(after) < min(without) if change == "less" else min(after) > max(without)


@pytest.mark.parametrize(
    ("name", "way", "other"), [("aligned", "preactivation-strong", "preactivation"), ("dead", "preactivation", "bias")]
)
def test_what_removes_nearly_all_of_the_trouble_costs_accuracy_beside_what_leaves_some(
    name: str, way: str, other: str
) -> None:
    trouble = "dead" if name == "dead" else "saturated"
    assert max(values(name, way, trouble)) < 0.05 < min(values(name, other, trouble))
    assert max(values(name, way, "accuracy")) < min(values(name, other, "accuracy"))


@pytest.mark.parametrize(("name", "way", "what"), SAME)
def test_what_the_page_calls_no_effect_is_no_larger_than_what_seeds_change(name: str, way: str, what: str) -> None:
    without, after = values(name, "plain", what), values(name, way, what)
    assert min(after) <= max(without) and max(after) >= min(without)


@pytest.mark.parametrize("name", ["aligned", "bias", "bias-short"])
def test_an_activity_regularizer_behind_a_gain_of_zero_leaves_every_figure_as_it_was(name: str) -> None:
    for what in ("saturated", "gain", "rms", "accuracy", "training"):
        assert values(name, "activity", what) == values(name, "plain", what), what


def test_the_kernel_regularizer_does_most_for_few_samples_and_that_is_little() -> None:
    best = max(RECORD["few"]["ways"], key=lambda way: sum(values("few", way, "accuracy")))
    assert best == "kernel"
    assert max(values("few", best, "accuracy")) - min(values("few", "plain", "accuracy")) < 0.03


def test_the_probe_reports_none_of_the_nets_that_learn_by_heart() -> None:
    for way in RECORD["wrong-labels"]["ways"]:
        assert values("wrong-labels", way, "findings") == [[], [], []], way


# Measured anew.


def figures_of(name: str, way: str) -> Any:
    for module in ("keras", "jax", "sklearn"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed; `pip install -e '.[keras,test]'` brings it")
    program = [sys.executable, str(HERE / "activity_or_kernel.py"), "--print", name, way]
    environment = {**os.environ, "KERAS_BACKEND": "jax", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(program, capture_output=True, text=True, env=environment, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("way", ["plain", "scaled"])
def test_a_training_of_today_gives_the_figures_of_the_record(way: str) -> None:
    """Other releases and processors round differently, which is why shares may differ by a twentieth."""
    recorded = RECORD["unscaled"]["ways"][way]["figures"]["1"]
    found = figures_of("unscaled", way)
    for what in ("saturated", "gain", "stuck", "accuracy", "training"):
        assert found[what] == pytest.approx(recorded[what], abs=0.05), what
    assert found["rms"] == pytest.approx(recorded["rms"], rel=0.1)
    assert found["findings"] == recorded["findings"]


def test_the_commands_of_the_page_can_be_given() -> None:
    (block,) = re.findall(r"```console\n(.*?)```", TEXT, re.S)
    parser = argparse.ArgumentParser()
    add_probe(parser)
    first, second = (shlex.split(line.removeprefix("$ ")) for line in block.splitlines())
    assert (DOCS.parent / first[1]).is_file()
    assert set(first[4:]) <= set(RECORD)
    asked = parser.parse_args(second[2:])
    assert Path(asked.model).suffix == ".keras"
