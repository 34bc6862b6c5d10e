"""Writes docs/activity-or-kernel.md and its pictures from what activity_or_kernel.py measured; needs no Keras.

``python tests/probe/activity_or_kernel_page.py`` after a change of the template or of the probe's charts. Every figure
on the page comes from the record, those in the sentences too: the template names them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from jinja2 import Environment, StrictUndefined

from reglint.probe.values import Kernel, Site
from reglint.probe.views.charts import histogram
from reglint.probe.views.figures import gain, number, share

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
RECORD = DOCS / "activity-or-kernel.json"
PAGE = DOCS / "activity-or-kernel.md"
PICTURES = DOCS / "pictures"
TEMPLATE = HERE / "activity-or-kernel.template.md"

Record = Mapping[str, Any]
TEXTS: dict[str, Callable[[float], str]] = {
    "saturated": share,
    "stuck": share,
    "dead": share,
    "gain": gain,
    "rms": number,
    "accuracy": "{:.2f}".format,
    "training": "{:.2f}".format,
}
"""How a figure reads."""

COLUMNS = {"saturated": "saturated", "gain": "mean gain", "rms": "rms of z", "accuracy": "accuracy"}
IN_TRAINING = {"training": "accuracy in training", "accuracy": "accuracy"}
COLUMNS_OF = {
    "sparse": {"saturated": "outputs that are 0", "dead": "dead units", "rms": "rms of z", "accuracy": "accuracy"},
    "dead": {"dead": "dead units", "rms": "rms of z", "accuracy": "accuracy"},
    "wrong-labels": IN_TRAINING,
    "few": IN_TRAINING,
}
"""The columns of a case's table, where they are not those of the rest."""


def read() -> Record:
    """The record of all cases."""
    found: Record = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def write() -> None:
    """Writes the page and all pictures."""
    record = read()
    PAGE.write_text(document(record), encoding="utf-8")
    PICTURES.mkdir(exist_ok=True)
    for name, case in record.items():
        for way, measured in case["ways"].items():
            if "site" in measured:
                (PICTURES / f"{name}-{way}.svg").write_text(picture(case, way), encoding="utf-8")


def document(record: Record) -> str:
    """The text of the page."""
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        figure=lambda name, way, what: figure(record[name], way, what),
        table=lambda name: table(record[name], COLUMNS_OF.get(name, COLUMNS)),
        pictures=lambda name, *ways: pictures(name, record[name], ways),
        code=lambda name, way: code(record[name], way),
        record=record,
        made=made(record),
    )


def figure(case: Record, way: str, what: str) -> str:
    """A figure of a way over all seeds: the one text that it has for each, or the least and the greatest of them."""
    values = [row[what] for row in case["ways"][way]["figures"].values()]
    low, high = (TEXTS[what](end) for end in (min(values), max(values)))
    if low == high or high == "<1 %":
        return high
    return f"{low.removesuffix(' %') if high.endswith(' %') else low}–{high}"


def code(case: Record, way: str) -> str:
    """The code that stands for the hidden layer, as Markdown in one line."""
    lines = case["ways"][way]["code"].replace("regularizers.", "").splitlines()
    return ", ".join(f"`{line}`" for line in lines)


def table(case: Record, columns: Mapping[str, str]) -> str:
    """All ways of a case as a table in Markdown; with what the probe reports, if it does."""
    texts = [{name: figure(case, way, what) for what, name in columns.items()} for way in case["ways"]]
    reported = [codes(case, way) for way in case["ways"]]
    if any(reported):
        texts = [row | {"the probe reports": found or "–"} for row, found in zip(texts, reported, strict=True)]
    rows = [[code(case, way), *row.values()] for way, row in zip(case["ways"], texts, strict=True)]
    return markdown(["hidden layer", *texts[0]], rows)


def codes(case: Record, way: str) -> str:
    """The findings that the probe has for every seed, infos in brackets; "" for none."""
    found = [row["findings"] for row in case["ways"][way]["figures"].values()]
    shared = [each for each in found[0] if all(each in others for others in found)]
    texts = [each.partition(" ")[0] if not each.endswith(" info") else f"({each.partition(' ')[0]})" for each in shared]
    return " ".join(texts)


def pictures(name: str, case: Record, ways: Iterable[str]) -> str:
    """Pictures of some ways beside each other, two in a row, as tables in Markdown."""
    cells = [(code(case, way), f"![{described(case, way)}](pictures/{name}-{way}.svg)") for way in ways]
    pairs = [cells[index : index + 2] for index in range(0, len(cells), 2)]
    return "\n\n".join(markdown([head for head, _ in pair], [[image for _, image in pair]]) for pair in pairs)


def described(case: Record, way: str) -> str:
    """What a picture shows, for those who do not see it: the figures of the first seed."""
    measured = case["ways"][way]
    row = next(iter(measured["figures"].values()))
    after = " then ".join(measured["code"].replace("regularizers.", "").splitlines())
    flat = "off" if case["activation"] == "relu" else "saturated"
    figures = f"{share(row['saturated'])} of the values {flat}, rms {number(row['rms'])}"
    return f"Histogram of z after training with {after}: {figures}"


def markdown(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(heads), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def made(record: Record) -> str:
    """With which versions the record was measured, and when: one sentence part for all cases together."""
    names = list(dict.fromkeys(name for case in record.values() for name in case["versions"]))
    versions = [f"{name} {', '.join(sorted({case['versions'][name] for case in record.values()}))}" for name in names]
    days = sorted({case["date"] for case in record.values()})
    return f"{', '.join(versions)}, on {' and '.join(days)}"


def picture(case: Record, way: str) -> str:
    """The probe's histogram as a file of its own: with the theme of the probe's page, light or dark, and its ground."""
    root = ElementTree.fromstring(histogram(site(case["ways"][way]["site"])))
    *_, width, height = root.attrib["viewBox"].split()
    for name in ("aria-hidden", "style"):
        root.attrib.pop(name, None)
    root.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "width": width, "height": height, "role": "img"}
    title, style, ground = (ElementTree.Element(tag) for tag in ("title", "style", "rect"))
    title.text = described(case, way)
    style.text = theme() + "svg { color: var(--text); background: var(--ground); }"
    ground.attrib |= {"width": "100%", "height": "100%", "style": "fill:var(--ground)"}
    root[:0] = [title, style, ground]
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def theme() -> str:
    """The colours of the probe's page in both themes."""
    css = files("reglint.probe.views").joinpath("templates", "page.css").read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", css.partition("\n* {")[0]) + " "


def site(found: Mapping[str, Any]) -> Site:
    """A site as the record has it."""
    kernel = None if found["kernel"] is None else Kernel(**found["kernel"])
    return Site(**{**found, "kernel": kernel, "histogram": tuple(found["histogram"])})


if __name__ == "__main__":
    write()
