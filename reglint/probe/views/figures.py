"""How the figures of a probe read: shares as per cent, numbers with three digits, a dash where nothing was measured."""

from __future__ import annotations

import math

NOTHING = "–"
"""Stands for a figure that does not apply, or that nobody could measure."""


def share(value: float | None) -> str:
    """Takes a share from 0 to 1; returns per cent. Never rounds to none or to all what is neither."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return number(value)
    percent = 100 * value
    if 0 < percent < 1:
        return "<1 %"
    if 99 < percent < 100:
        return ">99 %"
    return f"{percent:.0f} %"


def number(value: float | None) -> str:
    """Takes a number of any size; returns it with at most three digits that matter: ``0.0312``, ``191``, ``1.2e-6``."""
    if value is None:
        return NOTHING
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value and not 1e-3 <= abs(value) < 1e5:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    text = f"{value:.3g}"
    return "0" if text == "-0" else text


def spread(mean: float, rms: float) -> str:
    """Takes mean and root mean square; returns ``mean ± rms``."""
    return f"{number(mean)} ± {number(rms)}"


def gain(value: float | None) -> str:
    """Takes a gain from 0 to 1; returns it with two decimals, or one digit where that would read as zero."""
    if value is None or not math.isfinite(value):
        return number(value)
    if 0 < value < 0.005:
        return number(float(f"{value:.0e}"))
    return f"{value:.2f}" if value else "0"
