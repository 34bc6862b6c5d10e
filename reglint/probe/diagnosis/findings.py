"""Judges what was measured: which layer is at fault, how badly, why, and what was measured to help.

Pure Python over the values of :mod:`reglint.probe.values`; no Keras. Thresholds come from ``rules/facts/probe.toml``.

A fault is a ``warning``. It is an ``info`` where the figures cannot carry a warning: in a model that was never trained
(such nets often recover by themselves), with synthetic inputs, and with fewer samples than the table asks for, unless
the gain is zero, since then no gradient passes at all. Saturation that still lets a layer learn is an ``info``, and
what a healthy net shows is no finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reglint.findings import Severity
from reglint.probe.diagnosis.remedies import (
    NO_REMEDY,
    ON_PREACTIVATION,
    Remedy,
    death_cause,
    death_remedy,
    is_recurrent,
    logit_remedy,
    output_remedy,
    saturation_cause,
    saturation_remedy,
)
from reglint.probe.diagnosis.wording import SOFTMAX, figure, is_number, logits, origin, percent, shares
from reglint.probe.values import Measurement, Output, ProbeFinding, Site
from reglint.rulebook import facts, load_cards

STATES = ("trained", "initial", "unknown")

_SITE_FIGURES = (
    "saturated_fraction",
    "saturated_low",
    "saturated_high",
    "stuck_units",
    "dead_units",
    "mean_gain",
    "preactivation_mean",
    "preactivation_rms",
)
_KERNEL_FIGURES = ("input_rms", "kernel_rms", "fan_in", "bias_rms")


def diagnose(measurement: Measurement, *, state: str, synthetic: bool) -> tuple[ProbeFinding, ...]:
    """Takes what was measured, one of STATES (``unknown`` is judged as trained), and whether the inputs were made up.

    Returns the findings in the order in which the model computes, without places and without the name of the model,
    which only the caller knows. Never raises for figures that are missing or not finite: what they would have shown
    is not spoken of.
    """
    return tuple(_findings(_Case(measurement, state, synthetic)))


@dataclass(frozen=True)
class _Case:
    """A measurement and how far it can be trusted."""

    measurement: Measurement
    state: str
    synthetic: bool

    @cached_property
    def thresholds(self) -> Mapping[str, Any]:
        return facts("probe")

    def is_confident(self, samples: int) -> bool:
        return not self.synthetic and samples >= self.thresholds["gate"]["samples"]

    def severity(self, site: Site, has_gradient: bool) -> Severity:
        """How bad a fault at a site is, as the docstring of the module has it."""
        if not has_gradient:
            return Severity.WARNING
        return Severity.INFO if self.state == "initial" or not self.is_confident(site.samples) else Severity.WARNING

    def caveats(self, code: str, samples: int, severity: Severity) -> str:
        """What must be said about the confidence, and about an untrained model, where recovery was measured."""
        untrained = code == "REG401" and self.state == "initial" and severity is Severity.INFO
        parts = ["Untrained nets often recover by themselves." if untrained else ""]
        if self.synthetic:
            parts.append("Synthetic inputs: low confidence.")
        elif not self.is_confident(samples):
            parts.append(f"Only {samples} samples: low confidence.")
        return "".join(f" {part}" for part in parts if part)

    def finding(
        self, code: str, severity: Severity, message: str, layer: str, site: Site | None, cause: str, remedy: Remedy
    ) -> ProbeFinding:
        """A finding with all fields of ``data``; those without a figure are None."""
        samples = site.samples if site is not None else self.measurement.samples
        data: dict[str, Any] = {
            "model": None,
            "layer": layer,
            "site": site.site if site is not None else None,
            "activation": site.activation if site is not None else None,
            **{name: _known(getattr(site, name, None)) for name in _SITE_FIGURES},
            **{name: _known(getattr(site.kernel if site else None, name, None)) for name in _KERNEL_FIGURES},
            "cause": cause,
            "remedy": remedy.name,
            "remedy_code": remedy.code,
            "lambda_start": remedy.strength,
            "confidence": "high" if self.is_confident(samples) else "low",
            "samples": self.measurement.samples,
            "backend": self.measurement.backend,
            "device": self.measurement.device,
        }
        name = load_cards()[code].name
        return ProbeFinding(code, name, severity, message + self.caveats(code, samples, severity), layer, data)


def _findings(case: _Case) -> Iterator[ProbeFinding]:
    recurrent = {site.layer for site in case.measurement.sites if site.site.startswith("gate:")}
    broken = next((site for site in case.measurement.sites if _is_broken(site)), None)
    spoken_of: set[str] = set()
    for site in case.measurement.sites:
        if site is broken:
            yield _non_finite(case, site)
        elif _is_broken(site):  # a consequence of the first
            continue
        elif site.layer not in recurrent and site.role != "attention":
            yield from _activation(case, site)
        elif site.layer in recurrent - spoken_of:  # what is no gate there follows from the gates
            spoken_of.add(site.layer)
            yield from _gates(case, site.layer)
    for output in case.measurement.outputs:
        yield from _output(case, output)


# ------------------------------------------------------------------------------------------------- hidden activations


def _activation(case: _Case, site: Site) -> Iterator[ProbeFinding]:
    """REG401 and REG402: a saturated activation, dead units; REG404 for an output that nobody labelled."""
    if site.role == "output" and site.activation in SOFTMAX:
        yield from _unlabelled_softmax(case, site)
    if site.dead_units is not None:
        yield from _dead_units(case, site)
        if not _reaches(site.saturated_high, case.thresholds["gate"]["saturated_fraction"]):
            return
    if site.role == "output":
        return
    if _is_fault(case, site):
        yield _saturated(case, site)
    elif _is_partly_saturated(case, site):
        yield _partly_saturated(case, site)


def _saturated(case: _Case, site: Site) -> ProbeFinding:
    severity = case.severity(site, has_gradient=not _has_zero_gain(case, site))
    cause = saturation_cause(site)
    remedy = saturation_remedy(site, cause)
    message = f"`{site.layer}`: {shares(site)}, {origin(site)}. {remedy.advice}{_fused(case, site, remedy)}"
    return case.finding("REG401", severity, message, site.layer, site, cause, remedy)


def _partly_saturated(case: _Case, site: Site) -> ProbeFinding:
    message = (
        f"`{site.layer}`: {shares(site)}, {origin(site)}. Nets with such figures learnt well or badly: "
        "compare held-out metrics before changing anything."
    )
    cause = saturation_cause(site)
    return case.finding("REG401", Severity.INFO, message, site.layer, site, cause, NO_REMEDY)


def _dead_units(case: _Case, site: Site) -> Iterator[ProbeFinding]:
    limits = case.thresholds["dead"]
    dead = site.dead_units
    if dead is None or not _reaches(dead, limits["info"]):
        return
    severity = case.severity(site, has_gradient=dead < 1)
    if dead < limits["warning"]:
        severity = Severity.INFO
    cause = death_cause(site)
    remedy = death_remedy(site, cause)
    message = (
        f"`{site.layer}`: {percent(dead)} of {site.units} {site.activation} units are dead "
        f"(mean {figure(site.preactivation_mean)}, rms {figure(site.preactivation_rms)} in front). {remedy.advice}"
    )
    yield case.finding("REG402", severity, message, site.layer, site, cause, remedy)


def _fused(case: _Case, site: Site, remedy: Remedy) -> str:
    """What an activity regularizer in the layer's own argument can do, where the activation is part of the layer."""
    if not site.fused or is_recurrent(site) or not is_number(site.mean_gain):
        return ""
    named = "it" if remedy.name == ON_PREACTIVATION else "an activity penalty"
    if _has_zero_gain(case, site):
        return f" Fused, {named} cannot act at gain 0."
    return f" Fused, {named} acts only through the gain."


# ------------------------------------------------------------------------------------------------------------- gates


def _gates(case: _Case, layer: str) -> Iterator[ProbeFinding]:
    """REG403, once for a recurrent layer: a fault where all gates are saturated and one is stuck, else an info."""
    gates = [site for site in case.measurement.sites if site.layer == layer and _is_gate(site)]
    stuck = [gate for gate in gates if _is_fault(case, gate)]
    saturated = [gate for gate in gates if gate in stuck or _is_partly_saturated(case, gate)]
    if not saturated:
        return
    worst = min(stuck or saturated, key=lambda gate: gate.mean_gain if gate.mean_gain is not None else 1.0)
    listed = ", ".join(f"{_gate_name(gate)} {percent(gate.saturated_fraction)}" for gate in gates)
    if stuck and all(_is_mostly_saturated(case, gate) for gate in gates):
        severity = case.severity(worst, has_gradient=not all(_has_zero_gain(case, gate) for gate in gates))
        cause = saturation_cause(worst)
        remedy = saturation_remedy(worst, cause)
        message = (
            f"`{layer}`: all gates are saturated ({listed}), {origin(worst)} at {_gate_name(worst)}. {remedy.advice}"
        )
        yield case.finding("REG403", severity, message, layer, worst, cause, remedy)
        return
    if stuck and _are_open_forget_gates(saturated):
        advice = "The forget gate stays open: a choice where it was meant, as by a large bias or `unit_forget_bias`."
    else:
        state = "Only some of the gates are stuck" if stuck else "There is gain left"
        advice = f"{state}: no fault by itself, compare held-out metrics before changing anything."
    message = f"`{layer}`: saturated gates ({listed}), {origin(worst)} at {_gate_name(worst)}. {advice}"
    yield case.finding("REG403", Severity.INFO, message, layer, worst, "gates", NO_REMEDY)


def _are_open_forget_gates(gates: Sequence[Site]) -> bool:
    half = facts("probe")["gate"]["saturated_fraction"]
    return all(gate.site == "gate:f" and _reaches(gate.saturated_high, half) for gate in gates)


def _is_gate(site: Site) -> bool:
    """Is it a gate or the candidate with weights of its own, and not the cell state, which only follows from them?

    What is flat by design on one side, such as a rectifier as the layer's activation, is no gate that could be stuck.
    """
    return site.role == "gate" and site.site != "gate:c" and site.dead_units is None and not _is_broken(site)


def _gate_name(gate: Site) -> str:
    return gate.site.partition(":")[2] or gate.site


# ------------------------------------------------------------------------------------------- outputs, broken numbers


def _output(case: _Case, output: Output) -> Iterator[ProbeFinding]:
    """REG404 with labels: a warning where many of the errors, and enough of all samples, are confident ones."""
    limits = case.thresholds["outputs"]
    share = output.confident_errors
    if share is None or not is_number(share) or share < limits["confident_errors"] or output.errors < limits["errors"]:
        return
    wrong = share * output.errors / max(output.samples, output.errors)
    severity = Severity.WARNING if wrong >= limits["confident_wrong"] and not case.synthetic else Severity.INFO
    site = _site_of(case, output)
    remedy = output_remedy(site)
    logit = f", {logits(output)}" if is_number(output.largest_logit) else ""
    message = (
        f"`{output.layer}`: {percent(share)} of {output.errors} errors have a probability above 0.99 (accuracy "
        f"{figure(output.accuracy)}, most frequent class {figure(output.chance)}{logit}). {remedy.advice}"
    )
    yield case.finding("REG404", severity, message, output.layer, site, "confident-and-wrong", remedy)


def _unlabelled_softmax(case: _Case, site: Site) -> Iterator[ProbeFinding]:
    """REG404 without labels: a lead of such a size is worth a look, and whether it is right cannot be said."""
    labelled = any(output.layer == site.layer for output in case.measurement.outputs)
    limit = case.thresholds["outputs"]["largest_logit"]
    if labelled or not (_reaches(site.largest_logit, limit) and site.largest_logit != limit):
        return
    remedy = logit_remedy(site) or NO_REMEDY
    message = (
        f"`{site.layer}`: {logits(site)}, {percent(site.saturated_fraction)} of the samples have a probability above "
        "0.99. Whether they are right shows with labels only: give the probe `y`."
    )
    message += f" {remedy.advice}" if remedy.advice else ""
    yield case.finding("REG404", Severity.INFO, message, site.layer, site, "unknown", remedy)


def _site_of(case: _Case, output: Output) -> Site | None:
    """The output's own site, where the model has one for it."""
    return next(
        (site for site in reversed(case.measurement.sites) if site.layer == output.layer and site.role == "output"),
        None,
    )


def _non_finite(case: _Case, site: Site) -> ProbeFinding:
    """REG405, for the first site with such values; what comes behind it is a consequence."""
    kernel = site.kernel
    if kernel is None:
        reason = "Look at the inputs and the weights in front of it."
    elif not (is_number(kernel.kernel_rms) and (kernel.bias_rms is None or is_number(kernel.bias_rms))):
        reason = (
            "Its weights are not finite: restore earlier ones, then train with a lower learning rate or `clipnorm`."
        )
    elif not is_number(kernel.input_rms):
        reason = "Its weights are finite, its inputs are not: look at what comes before it."
    else:
        reason = "Its weights and inputs are finite, so that its own sum overflows: scale them, or compute in float32."
    share = f"{percent(site.non_finite)} of its units" if is_number(site.non_finite) else "some units"
    message = f"`{site.layer}`: {share} at {site.activation} give NaN or infinity, first here in the model. {reason}"
    return case.finding("REG405", Severity.ERROR, message, site.layer, site, "non-finite", NO_REMEDY)


# ------------------------------------------------------------------------------------------------- gates of the rules


def _is_broken(site: Site) -> bool:
    return bool(site.non_finite)  # NaN is true as well


def _is_mostly_saturated(case: _Case, site: Site) -> bool:
    return _reaches(site.saturated_fraction, case.thresholds["gate"]["saturated_fraction"])


def _is_partly_saturated(case: _Case, site: Site) -> bool:
    """Is it saturated for the most part, and not by nature, as what is flat on one side only?"""
    return site.activation in case.thresholds["activations"]["bounded"] and _is_mostly_saturated(case, site)


def _is_fault(case: _Case, site: Site) -> bool:
    limits = case.thresholds["gate"]
    without_gain = is_number(site.mean_gain) and not _reaches(site.mean_gain, limits["mean_gain"])
    return _is_mostly_saturated(case, site) and (_reaches(site.stuck_units, limits["stuck_units"]) or without_gain)


def _has_zero_gain(case: _Case, site: Site) -> bool:
    return is_number(site.mean_gain) and not _reaches(site.mean_gain, case.thresholds["gate"]["zero_gain"])


def _reaches(value: float | None, limit: float) -> bool:
    return value is not None and is_number(value) and value >= limit


def _known(value: Any) -> Any:
    """A figure for JSON, which has no NaN and no infinity."""
    return value if is_number(value) else None
