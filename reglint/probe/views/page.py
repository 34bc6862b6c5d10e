"""``--html``: a report as one page that opens offline; without script or address, and its policy forbids both."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

import reglint
from reglint.probe.values import SATURATED_GAIN, ProbeFinding, ProbeReport, Site
from reglint.probe.views.charts import along, bins, histogram, penalties
from reglint.probe.views.figures import gain, number, share
from reglint.probe.views.tables import OUTPUTS, PENALTIES, SITES, activation, by_share, circumstances, headline
from reglint.probe.views.templating import render
from reglint.probe.views.verdicts import (
    Judged,
    Layer,
    about_penalties,
    by_trouble,
    counts,
    elsewhere,
    layers,
    names_layer,
)
from reglint.reports import printable

CAUSES = {
    "aligned-inputs": "inputs that line up with many small weights",
    "large-weights": "large weights",
    "unscaled-inputs": "inputs that are not scaled",
    "bias": "the bias",
    "dead-units": "units that are never above zero",
    "gates": "gates that stay at one end",
    "confident-and-wrong": "wrong answers given with certainty",
    "non-finite": "values that are NaN or infinite",
    "unknown": "not known",
}
REMEDIES = {
    "activity_regularizer-on-preactivation": "an activity regularizer on the pre-activation",
    "kernel_regularizer": "a kernel regularizer",
    "normalise-inputs": "normalise the inputs",
    "initialisation": "another initialisation",
    "batch-normalization": "BatchNormalization before the activation",
    "none": "none",
}
"""What the words of a finding's ``cause`` and ``remedy`` mean; a word that is not here is shown as it is."""

LAMBDA = (
    "Start there, then go up or down by factors of 10: far enough for the saturated share to fall, and no further than "
    "your validation metric allows. It does not carry over from one network to another."
)


@dataclass(frozen=True)
class Figure:
    """A chart with what it says in words and in figures; ``svg`` is empty where there was nothing to draw."""

    title: str
    svg: Markup
    summary: str
    rows: Sequence[tuple[str, str, str]]
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Section:
    """A layer of the page: ``anchor`` is what the overview links to."""

    anchor: str
    title: str
    class_name: str
    findings: Sequence[dict[str, Any]]
    figures: Sequence[Figure]


def page(report: ProbeReport) -> str:
    """Takes a report; returns the HTML page: layers by trouble with chart, cause and remedy, then the rest.

    Everything that comes from the report is escaped, control characters included.
    """
    found = layers(report)
    anchors = {layer.path: f"layer-{index}" for index, layer in enumerate(found, 1)}
    sections = [_section(layer, anchors[layer.path]) for layer in found]
    maker = f"reglint {reglint.__version__}, Python {platform.python_version()}"
    troubled = sum(bool(layer.findings) for layer in found)
    return render(
        "page.html",
        title=headline(report),
        counts=counts(report.findings),
        circumstances=[*circumstances(report), ("made by", maker)],
        columns=[*SITES[:2], SITES[-1], *SITES[2:-1]],
        overview=[(anchors[judged.site.layer], judged) for judged in by_trouble(report)],
        along=Markup(along(report)),
        troubled=sections[:troubled],
        healthy=sections[troubled:],
        elsewhere=[_finding(finding) for finding in elsewhere(report)],
        penalty_columns=PENALTIES,
        penalties=by_share(report),
        penalty_chart=Markup(penalties(report)),
        penalty_findings=[_finding(finding) for finding in about_penalties(report)],
        output_columns=OUTPUTS,
        outputs=report.measurement.outputs,
        unreached=[(printable(part.layer), part.reason) for part in report.measurement.unreached],
        threshold=SATURATED_GAIN,
        lambda_advice=LAMBDA,
    )


def _section(layer: Layer, anchor: str) -> Section:
    return Section(
        anchor,
        printable(layer.path),
        printable(layer.sites[0].site.class_name),
        [_finding(finding) for finding in layer.findings],
        [_figure(judged) for judged in layer.sites],
    )


def _finding(finding: ProbeFinding) -> dict[str, Any]:
    """Takes a finding; returns its texts."""
    data = finding.data
    place = finding.place
    strength = data.get("lambda_start")
    code = data.get("remedy_code")
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "layer": None if names_layer(finding) else printable(finding.layer),
        "message": finding.message,
        "cause": _named(CAUSES, data.get("cause")),
        "remedy": _named(REMEDIES, data.get("remedy")),
        "remedy_code": None if code is None else "\n".join(printable(line) for line in str(code).splitlines()),
        "lambda": None if strength is None else number(strength),
        "low_confidence": data.get("confidence") == "low",
        "place": None if place is None else printable(f"{place.filename}:{place.row}:{place.column}"),
    }


def _named(words: dict[str, str], word: object) -> str | None:
    return None if word is None else words.get(str(word), printable(str(word)))


def _figure(judged: Judged) -> Figure:
    site = judged.site
    found = list(bins(site))
    rows = [(reach, share(part), gain(at)) for reach, part, at in found]
    return Figure(activation(site), Markup(histogram(site)), _summary(site, found), rows, list(_facts(site)))


def _summary(site: Site, found: Sequence[tuple[str, float, float | None]]) -> str:
    """Takes a site and its bins; returns in a sentence what the chart shows."""
    if not found:
        return "No value of this activation went into a histogram."
    reach, part, _ = max(found, key=lambda each: each[1])
    text = f"The fullest bin is z {reach}, with {share(part)} of the values"
    if site.activation == "softmax":
        return text + "; what a softmax does with them depends on the whole row."
    if any(at is None for _, _, at in found) or site.saturated_fraction is None:
        return text + "; the gain of this activation is not known."
    return f"{text}; the gain is below {SATURATED_GAIN} for {share(site.saturated_fraction)} of all."


def _facts(site: Site) -> Iterator[tuple[str, str]]:
    """Takes a site; yields name and figure of all that was measured there."""
    if site.activation == "softmax":
        yield "probability above 0.99", share(site.saturated_fraction)
        yield "largest logit", number(site.largest_logit)
    else:
        ends = f" ({share(site.saturated_low)} low, {share(site.saturated_high)} high)"
        yield "saturated", share(site.saturated_fraction) + (ends if site.saturated_fraction is not None else "")
        yield "mean gain", gain(site.mean_gain)
        yield "stuck units", share(site.stuck_units)
        yield "dead units", share(site.dead_units)
    yield "z, mean ± rms", f"{number(site.preactivation_mean)} ± {number(site.preactivation_rms)}"
    yield "z, from … to", f"{number(site.preactivation_min)} … {number(site.preactivation_max)}"
    if site.non_finite:
        yield "NaN or infinite", share(site.non_finite)
    if site.kernel is not None:
        kernel = site.kernel
        product = " · ".join(number(factor) for factor in (kernel.input_rms, kernel.weight_scale, kernel.alignment))
        yield "input · weights · align", product
        yield "kernel rms, fan-in", f"{number(kernel.kernel_rms)}, {kernel.fan_in}"
        yield "bias rms", number(kernel.bias_rms)
    positions = "" if site.every_position else ", positions sampled"
    yield "units", str(site.units)
    yield "values of each unit", f"{site.evaluations}{positions}"
