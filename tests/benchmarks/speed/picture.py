"""The picture of how the cost grows with the number of files."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from speed.figures import Record, grown, median, number

#: The lines of the picture, as the record calls them and as the picture does.
LINES = {
    "ast-grep": "ast-grep",
    "reglint, cold, all rules": "reglint, all rules, cold",
    "reglint, cold": "reglint, REG101, cold",
    "reglint, warm": "reglint, REG101, warm",
    "walk": "walk with byte test",
}
#: Colours of the lines in light and dark, then of text and axes.
COLOURS = {
    "ast-grep": ("#8a5a00", "#f0b95a"),
    "reglint, cold, all rules": ("#c0392b", "#e5675a"),
    "reglint, cold": ("#0b57b0", "#7db7ff"),
    "reglint, warm": ("#0b6b8f", "#6cc7ea"),
    "walk": ("#59636e", "#a2acb6"),
}
TEXT, AXIS, GRID = ("#1b1f24", "#e6e9ec"), ("#9aa4af", "#6c7680"), ("#e3e6ea", "#333a42")
GROUND = ("#ffffff", "#14171b")


def described(record: Record) -> str:
    """Takes the record; returns what the picture shows, for those who do not see it."""
    ends = grown(record)
    (few, first), (many, last) = ends[0], ends[-1]
    parts = [
        f"{shown} from {number(median(first, name))} to {number(median(last, name))} s"
        for name, shown in LINES.items()
        if median(first, name) and median(last, name)
    ]
    return f"Wall time from {few:,} to {many:,} files: {', '.join(parts)}"


def picture(record: Record) -> str:
    """Takes the record; returns the picture of how the cost grows, for light and dark grounds."""
    import vl_convert

    rows = [
        {"files": size, "seconds": round(found, 3), "line": name}
        for name in LINES
        for size, tree in grown(record)
        if (found := median(tree, name)) is not None
    ]
    most = grown(record)[-1][0]
    ends = [row | {"shown": LINES[str(row["line"])]} for row in rows if row["files"] == most]
    root = ElementTree.fromstring(vl_convert.vegalite_to_svg(_chart(rows, ends), allowed_base_urls=[]))
    for element in root.iter():
        element.tag = re.sub(r"\{.*\}", "", element.tag)
        for name in [name for name in element.attrib if name.startswith("aria-") or name in ("role", "class")]:
            del element.attrib[name]
    root.attrib |= {"xmlns": "http://www.w3.org/2000/svg", "role": "img"}
    title, style = ElementTree.Element("title"), ElementTree.Element("style")
    title.text, style.text = described(record), _dark()
    root[:0] = [title, style]
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _dark() -> str:
    """The style that gives every colour of the picture its counterpart on a dark ground."""
    pairs = [*COLOURS.values(), TEXT, AXIS, GRID, GROUND]
    rules = [f'[{what}="{light}"] {{ {what}: {dark}; }}' for light, dark in pairs for what in ("fill", "stroke")]
    return f"@media (prefers-color-scheme: dark) {{ {' '.join(rules)} }}"


def _chart(rows: list[dict[str, Any]], ends: list[dict[str, Any]]) -> dict[str, Any]:
    """Takes the points and the last of each line; returns a Vega-Lite chart."""
    names = [name for name in LINES if any(row["line"] == name for row in rows)]
    sizes = sorted({row["files"] for row in rows})
    axis = {
        "labelColor": TEXT[0],
        "titleColor": TEXT[0],
        "domainColor": AXIS[0],
        "tickColor": AXIS[0],
        "gridColor": GRID[0],
    }
    colour = {
        "field": "line",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": names, "range": [COLOURS[name][0] for name in names]},
    }
    x = {
        "field": "files",
        "type": "quantitative",
        "scale": {"type": "log", "domain": [sizes[0], sizes[-1]]},
        "axis": {"title": "files", "values": sizes, "format": ",", **axis},
    }
    y = {
        "field": "seconds",
        "type": "quantitative",
        "scale": {"type": "log"},
        "axis": {
            "title": "seconds (median)",
            "values": [0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000],
            "format": "~g",
            **axis,
        },
    }
    line = {"mark": {"type": "line", "point": True}, "data": {"values": rows}, "encoding": {"color": colour}}
    text = {"type": "text", "align": "left", "dx": 8, "fontSize": 12}
    label = {
        "mark": text,
        "data": {"values": ends},
        "encoding": {"text": {"field": "shown"}, "color": colour},
    }
    return {
        "width": 480,
        "height": 300,
        "background": GROUND[0],
        "padding": {"left": 10, "top": 10, "right": 20, "bottom": 10},
        "encoding": {"x": x, "y": y},
        "layer": [line, label],
        "config": {"view": {"stroke": None}, "font": "Arial, Helvetica, 'Liberation Sans', sans-serif"},
    }
