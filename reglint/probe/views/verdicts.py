"""Which findings speak of which site, and which sites are in the most trouble: what every view of a report asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reglint.findings import Severity
from reglint.probe.values import ProbeFinding, ProbeReport, Site

ABOUT_PENALTIES = frozenset({"REG406", "REG407"})
"""Findings about a regularizer: they belong to a row of the penalties, not to an activation of the same layer."""

ABOUT_GATES = "REG403"
"""A finding about the gates of a layer; there is one for all of them."""

MOSTLY = 0.5
"""The share from which on a gate counts as saturated, as in the diagnosis."""

_WEIGHT = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True)
class Judged:
    """A site and the findings about it, worst first; ``order`` counts the sites as the model runs them, from 0."""

    site: Site
    findings: tuple[ProbeFinding, ...]
    order: int

    @property
    def severity(self) -> Severity | None:
        """The worst severity among the findings; None for a site without any."""
        return self.findings[0].severity if self.findings else None

    @property
    def codes(self) -> str:
        """The codes of the findings, each once, worst first: ``REG401 REG405``; empty without findings."""
        return " ".join(dict.fromkeys(finding.code for finding in self.findings))


@dataclass(frozen=True)
class Layer:
    """The sites of one layer and all findings about them, each once: what a reader looks at in one go."""

    path: str
    sites: tuple[Judged, ...]

    @property
    def findings(self) -> tuple[ProbeFinding, ...]:
        """What is said of any of the sites, worst first."""
        return worst_first(_each_once(finding for judged in self.sites for finding in judged.findings))

    @property
    def severity(self) -> Severity | None:
        """The worst severity among the findings."""
        return next((finding.severity for finding in self.findings), None)


def by_trouble(report: ProbeReport) -> tuple[Judged, ...]:
    """Takes a report; returns its sites: by the worst finding, then the saturated share, then the model's own order."""
    return tuple(sorted(in_order(report), key=_trouble))


def in_order(report: ProbeReport) -> tuple[Judged, ...]:
    """Takes a report; returns its sites as the model runs them."""
    sites = report.measurement.sites
    named = {(site.layer, site.site) for site in sites}
    about = [finding for finding in report.findings if finding.code not in ABOUT_PENALTIES]
    return tuple(
        Judged(site, worst_first(finding for finding in about if _speaks_of(finding, site, named)), order)
        for order, site in enumerate(sites)
    )


def layers(report: ProbeReport) -> tuple[Layer, ...]:
    """Takes a report; returns its layers by trouble, the sites of each as the model runs them."""
    groups: dict[str, list[Judged]] = {}
    for judged in by_trouble(report):
        groups.setdefault(judged.site.layer, []).append(judged)
    return tuple(Layer(path, tuple(sorted(sites, key=lambda each: each.order))) for path, sites in groups.items())


def elsewhere(report: ProbeReport) -> tuple[ProbeFinding, ...]:
    """Takes a report; returns the findings that are about no site of it (and not about a penalty), worst first."""
    placed = {id(finding) for judged in in_order(report) for finding in judged.findings}
    return worst_first(
        finding for finding in report.findings if id(finding) not in placed and finding.code not in ABOUT_PENALTIES
    )


def about_penalties(report: ProbeReport) -> tuple[ProbeFinding, ...]:
    """Takes a report; returns the findings about its regularizers, worst first."""
    return worst_first(finding for finding in report.findings if finding.code in ABOUT_PENALTIES)


def names_layer(finding: ProbeFinding) -> bool:
    """Says whether the message of a finding begins with its layer, as most do."""
    return finding.message.startswith((f"`{finding.layer}`", f"{finding.layer}:"))


def worst_first(findings: Iterable[ProbeFinding]) -> tuple[ProbeFinding, ...]:
    """Takes findings; returns them by severity."""
    return tuple(sorted(findings, key=lambda finding: _WEIGHT[finding.severity]))


def counts(findings: Sequence[ProbeFinding]) -> str:
    """Takes findings; returns how many there are of each severity: ``1 error, 2 warnings``; empty without findings."""
    texts = []
    for severity, plural in ((Severity.ERROR, "errors"), (Severity.WARNING, "warnings"), (Severity.INFO, "infos")):
        number = sum(finding.severity is severity for finding in findings)
        if number:
            texts.append(f"{number} {plural if number > 1 else severity.value}")
    return ", ".join(texts)


def _speaks_of(finding: ProbeFinding, site: Site, named: set[tuple[str, str]]) -> bool:
    """Says whether a finding is about a site: it names it, or the layer as a whole.

    One about gates names the worst and means all that are mostly saturated.
    """
    if finding.layer != site.layer:
        return False
    name = finding.data.get("site")
    is_meant = finding.code == ABOUT_GATES and site.role == "gate" and (site.saturated_fraction or 0) >= MOSTLY
    return name == site.site or is_meant or (finding.layer, name) not in named


def _trouble(judged: Judged) -> tuple[int, float, int]:
    worst = _WEIGHT[judged.severity] if judged.severity else len(_WEIGHT)
    share = judged.site.saturated_fraction
    # NaN would make the order depend on the order of the comparisons.
    return worst, -share if share is not None and share == share else 0.0, judged.order


def _each_once(findings: Iterable[ProbeFinding]) -> list[ProbeFinding]:
    return list({id(finding): finding for finding in findings}.values())
