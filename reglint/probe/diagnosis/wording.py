"""How figures read in the messages of findings."""

from __future__ import annotations

import math

from reglint.probe.values import Output, Site
from reglint.rulebook import facts

SOFTMAX = ("softmax", "log_softmax")
"""Functions over a row of logits, to which only the differences between them mean something."""


def is_number(value: float | None) -> bool:
    """Is it a finite number?"""
    return value is not None and math.isfinite(value)


def figure(value: float | None) -> str:
    """A figure in a message, with three digits; ``?`` for one that there is none of."""
    return f"{value:.3g}" if value is not None and math.isfinite(value) else "?"


def power(strength: float) -> str:
    """A strength as people write it: 1e-6."""
    mantissa, exponent = f"{strength:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def shares(site: Site) -> str:
    """How much of an activation is saturated and stuck, and its mean gain, as far as they were measured."""
    parts = [f"{site.activation} {percent(site.saturated_fraction)} saturated"]
    if is_number(site.stuck_units):
        parts.append(f"{percent(site.stuck_units)} of units stuck")
    if is_number(site.mean_gain):
        parts.append(f"gain {gain(site.mean_gain)}")
    return ", ".join(parts)


def origin(site: Site) -> str:
    """The rms of the pre-activation and, where there is a kernel, the factors that it comes from."""
    text = f"pre-activation rms {figure(site.preactivation_rms)}"
    kernel = site.kernel
    if kernel is None or not all(map(is_number, (kernel.input_rms, kernel.weight_scale, kernel.alignment))):
        return text
    factors = (kernel.input_rms, kernel.weight_scale, kernel.alignment)
    return text + " (inputs {} · weights {} · alignment {})".format(*map(figure, factors))


def logits(judged: Site | Output) -> str:
    """How large the logits of an output are; those of a softmax beside the others of their row."""
    if judged.activation in SOFTMAX:
        return f"the first choice lies up to {figure(judged.largest_logit)} above the mean logit"
    return f"largest logit {figure(judged.largest_logit)}"


def gain(value: float | None) -> str:
    """A gain in a message: two digits, or 0 where it is called zero."""
    if value is None or value < facts("probe")["gate"]["zero_gain"]:
        return "0"
    return f"{value:.2g}"


def percent(share: float | None) -> str:
    """A share as people read it; neither all nor none is claimed where it is only nearly so."""
    if share is None or not 0 <= share <= 1:  # NaN is not either
        return "an unknown share"
    if 0.995 <= share < 1:
        return "over 99%"
    if 0 < share < 0.005:
        return "under 1%"
    return f"{share:.0%}"
