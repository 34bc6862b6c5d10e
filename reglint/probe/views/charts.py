"""The charts of the page, as inline SVG.

Drawn by Vega-Lite through vl-convert when the page is made: some 15 kB of SVG a chart and no script in the page,
where plotly.js adds 4.8 MB that name tile servers, Bokeh needs its script too, and matplotlib fixes the colours. Here
they are names of CSS variables, so that the page's theme decides.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

from reglint.probe.taps.activations import gain_curve
from reglint.probe.values import EDGES, SATURATED_GAIN, Penalty, ProbeReport, Site
from reglint.probe.views.figures import gain, number, share
from reglint.probe.views.tables import by_share
from reglint.probe.views.verdicts import Judged, in_order
from reglint.reports import printable

BINS = len(EDGES) + 1
_OUTERMOST = 300.0
"""Where the curve ends beyond the last edge; every known gain is flat by then."""
_STEPS = 8
"""Points of the curve in each bin."""
_NAMESPACE = re.compile(r"\{[^}]*\}")
_WITH_TOOLTIP = ("bar", "circle", "rect mark")

FLAT, LIVE, CURVE, PLAIN = "var(--flat)", "var(--live)", "var(--curve)", "var(--plain)"
_CONFIG: dict[str, Any] = {
    "background": None,
    "view": {"stroke": None},
    "font": "Arial, Helvetica, 'Liberation Sans', sans-serif",
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "gridColor": "var(--grid)",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "titlePadding": 12,  # a reader's font is wider than the one that Vega measures with
    },
}


def bins(site: Site) -> Iterator[tuple[str, float, float | None]]:
    """Takes a site; yields for each bin of its histogram its range, its share of the values and the gain at its middle.

    Nothing comes of a histogram that is empty or of another length; the gain is None where nobody knows its curve.
    """
    total = sum(site.histogram)
    if len(site.histogram) != BINS or total <= 0:
        return
    # At the middle of a bin, since at its edge a rectifier's gain jumps.
    middles = [(low + high) / 2 for low, high in pairwise((-_OUTERMOST, *EDGES, _OUTERMOST))]
    gains: Sequence[float | None] = gain_curve(site.activation, middles) or [None] * BINS
    for index, count in enumerate(site.histogram):
        yield _range(index), count / total, gains[index]


def histogram(site: Site) -> str:
    """Takes a site; returns the chart of its pre-activations with the gain of its activation above; "" without values.

    All bins are drawn equally wide, though they are not: the height is the share of the values between the two edges at
    a bar's feet, and the curve is bent in the same way. Bars below SATURATED_GAIN have another colour.
    """
    found = list(bins(site))
    if not found:
        return ""
    edges = json.dumps(["", *(_edge(edge) for edge in EDGES), ""])
    axis = {
        "values": list(range(1, BINS)),
        "labelExpr": f"{edges}[datum.value]",
        "labelAngle": -90,
        "labelOverlap": False,
        "labelPadding": 3,
        "grid": False,
        "title": "pre-activation z: edges of the bins",
    }
    x = {"type": "quantitative", "scale": {"domain": [0, BINS], "nice": False}, "axis": axis}
    layers = [_bars(found, x)]
    curve = list(_curve(site.activation))
    if curve:
        layers.append(_line(curve, x))
    return _svg({"width": 360, "height": 180, "layer": layers, "resolve": {"scale": {"y": "independent"}}})


def _bars(found: Sequence[tuple[str, float, float | None]], x: dict[str, Any]) -> dict[str, Any]:
    """Takes bins and the axis that they stand on; returns the layer of their bars."""
    rows = [
        {"from": index, "to": index + 1, "share": part, "colour": _colour(at), "text": _bar_text(reach, part, at)}
        for index, (reach, part, at) in enumerate(found)
    ]
    axis = {"format": ".0%", "title": "share of the values", "tickCount": 5}
    return {
        "data": {"values": rows},
        "mark": {"type": "rect", "xOffset": 0.5, "x2Offset": -0.5},
        "encoding": {
            "x": {"field": "from", **x},
            "x2": {"field": "to"},
            "y": {"field": "share", "type": "quantitative", "axis": axis},
            "y2": {"datum": 0},
            "fill": {"field": "colour", "type": "nominal", "scale": None},
            "description": {"field": "text"},
        },
    }


def _line(curve: Sequence[dict[str, float]], x: dict[str, Any]) -> dict[str, Any]:
    """Takes the points of a gain curve and the axis of the bins; returns the layer of the curve."""
    axis = {"title": "gain f′(z) / max f′", "orient": "right", "grid": False, "tickCount": 5, "format": ".2~f"}
    scale = {"domain": [0, 1.04], "nice": False}
    return {
        "data": {"values": curve},
        "mark": {"type": "line", "stroke": CURVE, "strokeWidth": 2.2, "aria": False},
        "encoding": {
            "x": {"field": "place", **x},
            "y": {"field": "gain", "type": "quantitative", "scale": scale, "axis": axis},
        },
    }


def along(report: ProbeReport) -> str:
    """Takes a report; returns the chart of its sites' gains as the model runs them; "" for under three."""
    rows = [
        {
            "place": judged.order + 1,
            "gain": judged.site.mean_gain,
            "colour": f"var(--{judged.severity.value})" if judged.severity else PLAIN,
            "text": _point_text(judged),
        }
        for judged in in_order(report)
        if judged.site.mean_gain is not None and math.isfinite(judged.site.mean_gain)
    ]
    if len(rows) < 3:
        return ""
    encoding = {
        "x": {
            "field": "place",
            "type": "quantitative",
            "scale": {"domain": [0.5, len(report.measurement.sites) + 0.5], "nice": False},
            "axis": {"title": "activations from input to output", "grid": False, "tickMinStep": 1, "format": "d"},
        },
        "y": {
            "field": "gain",
            "type": "quantitative",
            "scale": {"domain": [0, 1]},
            "axis": {"title": "mean gain", "tickCount": 5},
        },
    }
    points = {
        "mark": {"type": "circle", "size": 60, "opacity": 1},
        "encoding": {
            "fill": {"field": "colour", "type": "nominal", "scale": None},
            "description": {"field": "text"},
        },
    }
    line = {"mark": {"type": "line", "stroke": "var(--line)", "strokeWidth": 1.5, "aria": False}}
    return _svg({"width": 760, "height": 130, "data": {"values": rows}, "encoding": encoding, "layer": [line, points]})


def penalties(report: ProbeReport, most: int = 20) -> str:
    """Takes a report; returns bars of what its largest regularizers add to the loss, as shares if known.

    "" where no penalty has a finite figure.
    """
    shares = any(penalty.share is not None for penalty in report.penalties)
    rows = []
    for penalty in by_share(report)[:most]:
        figure = penalty.share if shares else penalty.penalty
        if figure is not None and math.isfinite(figure):
            text = share(figure) if shares else number(figure)
            name = _penalty_name(penalty)
            rows.append({"name": name, "figure": figure, "shown": text, "text": f"{name}: {text}"})
    if not rows:
        return ""
    axis = {"title": "share of the loss", "format": ".0%"} if shares else {"title": "penalty"}
    scale = {"scale": {"domain": [0, 1]}} if shares else {}
    y = {
        "field": "name",
        "type": "nominal",
        "sort": None,
        "axis": {"title": None, "labelLimit": 210, "ticks": False, "domain": False},
    }
    bars = {
        "mark": {"type": "bar", "fill": LIVE, "height": {"band": 0.7}},
        "encoding": {"description": {"field": "text"}},
    }
    figures = {
        "mark": {"type": "text", "align": "left", "dx": 4, "fill": "currentColor", "fontSize": 11, "aria": False},
        "encoding": {"text": {"field": "shown"}},
    }
    encoding = {"y": y, "x": {"field": "figure", "type": "quantitative", "axis": {**axis, "tickCount": 5}, **scale}}
    # A reader's font may be wider than the one that Vega measures the names with.
    padding = {"left": 30, "top": 5, "right": 30, "bottom": 5}
    return _svg(
        {
            "width": 300,
            "height": {"step": 24},
            "padding": padding,
            "data": {"values": rows},
            "encoding": encoding,
            "layer": [bars, figures],
        }
    )


def _svg(spec: dict[str, Any]) -> str:
    """Takes a Vega-Lite chart; returns its SVG for use inside HTML, scaled down where the window is narrow.

    The figure around it has the text alternative, so what Vega says for screen readers becomes the text that a mouse
    shows over a bar.
    """
    import vl_convert

    text = vl_convert.vegalite_to_svg({**spec, "config": _CONFIG}, allowed_base_urls=[])
    root = ElementTree.fromstring(text)
    root.attrib.pop("version", None)
    width = root.attrib.pop("width")
    root.attrib.pop("height", None)
    root.set("style", f"--width:{width}px")
    root.set("aria-hidden", "true")
    for element in root.iter():
        _adapt(element)
    return ElementTree.tostring(root, encoding="unicode")


def _adapt(element: Any) -> None:
    """Takes an element of Vega's SVG and makes it one of the page's: no namespace, theme colours, a tooltip."""
    element.tag = _NAMESPACE.sub("", element.tag)
    label = element.attrib.pop("aria-label", None)
    if label and element.attrib.get("aria-roledescription") in _WITH_TOOLTIP:
        title = ElementTree.Element("title")
        title.text = label
        element.insert(0, title)
    for name in ("aria-roledescription", "role", "class"):
        element.attrib.pop(name, None)
    if element.tag != "svg":  # which is hidden as a whole
        element.attrib.pop("aria-hidden", None)
    for name in ("fill", "stroke"):
        value = element.attrib.get(name, "")
        if value.startswith("var("):  # which is for styles only
            del element.attrib[name]
            element.set("style", f"{name}:{value};" + element.attrib.get("style", ""))


def _curve(activation: str) -> Iterator[dict[str, float]]:
    """Takes the name of an activation; yields its gain over the axis of the bins, which is one wide for each."""
    ends = (-_OUTERMOST, *EDGES, _OUTERMOST)
    places = [index / _STEPS for index in range(BINS * _STEPS + 1)]
    points = [_between(ends, place) for place in places]
    for place, at in zip(places, gain_curve(activation, points) or (), strict=False):
        yield {"place": place, "gain": at}


def _between(ends: Sequence[float], place: float) -> float:
    index = min(int(place), BINS - 1)
    return ends[index] + (place - index) * (ends[index + 1] - ends[index])


def _colour(at: float | None) -> str:
    return PLAIN if at is None else FLAT if at < SATURATED_GAIN else LIVE


def _range(index: int) -> str:
    if index == 0:
        return f"below {_edge(EDGES[0])}"
    if index == BINS - 1:
        return f"above {_edge(EDGES[-1])}"
    return f"{_edge(EDGES[index - 1])} to {_edge(EDGES[index])}"


def _edge(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _bar_text(reach: str, part: float, at: float | None) -> str:
    return f"z {reach}: {share(part)} of the values" + ("" if at is None else f", gain {gain(at)}")


def _point_text(judged: Judged) -> str:
    site = judged.site
    return printable(f"{judged.order + 1}: {site.layer} {site.site}: gain {gain(site.mean_gain)}")


def _penalty_name(penalty: Penalty) -> str:
    return printable(f"{penalty.layer} {penalty.argument.removesuffix('_regularizer')}")
