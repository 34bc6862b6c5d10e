"""Why an activation saturates, and what was measured to relieve it: as a name, as code for that layer, as advice.

Thresholds, strengths and families of activations come from ``rules/facts/probe.toml``, which says how they were
measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reglint.probe.diagnosis.wording import SOFTMAX, figure, is_number, power
from reglint.probe.values import Kernel, Site
from reglint.rulebook import facts

CAUSES = (
    "aligned-inputs",
    "large-weights",
    "unscaled-inputs",
    "bias",
    "dead-units",
    "gates",
    "confident-and-wrong",
    "non-finite",
    "unknown",
)
"""What a finding's ``cause`` may be."""

ON_PREACTIVATION = "activity_regularizer-on-preactivation"

REMEDIES = (
    ON_PREACTIVATION,
    "kernel_regularizer",
    "normalise-inputs",
    "initialisation",
    "batch-normalization",
    "none",
)
"""What a finding's ``remedy`` may be."""

_ACCURACY = "Watch the accuracy: a high learning rate kills units, too."
"""Where that was the reason, a regularizer revived the units and cost accuracy: ``evidence.dead`` of the facts."""

_LET_THROUGH = "The normalisation before it lets that through: look at its scale and offset."

_KERNEL_ARGUMENTS = ("kernel_regularizer", "recurrent_regularizer", "depthwise_regularizer", "pointwise_regularizer")


@dataclass(frozen=True)
class Remedy:
    """One of REMEDIES, the code that it is for the layer (None where nothing sure can be written), the strength to
    start with (None without a regularizer), and a sentence or two of advice."""

    name: str
    code: str | None
    strength: float | None
    advice: str


NO_REMEDY = Remedy("none", None, None, "")
"""There is nothing to mend, or nothing that a change of this layer could mend."""


# ---------------------------------------------------------------------------------------------------------- the causes


def saturation_cause(site: Site) -> str:
    """Why the pre-activation is so large: a member of CAUSES, from rms(z - b) = inputs · weights · alignment.

    A normalisation in front sets the scale anew, so that the kernel before it explains nothing: ``unknown``, as
    without a kernel.
    """
    kernel = site.kernel
    if kernel is None or site.normalised:
        return "unknown"
    if _bias_rules(site, kernel):
        return "bias"
    factors = {
        "unscaled-inputs": kernel.input_rms,
        "large-weights": kernel.weight_scale,
        "aligned-inputs": kernel.alignment,
    }
    known = {cause: factor for cause, factor in factors.items() if is_number(factor)}
    return max(known, key=lambda cause: known[cause]) if len(known) == len(factors) else "unknown"


def death_cause(site: Site) -> str:
    """Why units of a rectifier are dead: a member of CAUSES.

    The scale of inputs or weights cannot be the reason, since it does not change the sign of the pre-activation: what
    is left is the bias, and inputs that add up over negative weights. ``dead-units`` where it is neither.
    """
    kernel = site.kernel
    if kernel is None or site.normalised or not _is_below(site.preactivation_mean, 0.0):
        return "dead-units"
    if _bias_rules(site, kernel):
        return "bias"
    aligned: float = facts("probe")["dead"]["alignment"]
    return "aligned-inputs" if is_number(kernel.alignment) and kernel.alignment >= aligned else "dead-units"


def _bias_rules(site: Site, kernel: Kernel) -> bool:
    bias, whole = kernel.bias_rms, site.preactivation_rms
    share: float = facts("probe")["cause"]["bias_share"]
    return bias is not None and is_number(bias) and is_number(whole) and bias > share * whole


# -------------------------------------------------------------------------------------------------------- the remedies


def saturation_remedy(site: Site, cause: str) -> Remedy:
    """What relieves a saturated activation of this cause."""
    if cause == "aligned-inputs" and not is_recurrent(site):
        return _on_preactivation(
            site,
            "Alignment: BatchNormalization before the activation relieved most, or a kernel regularizer, or an {0} on "
            "the pre-activation.",
        )
    if cause in ("aligned-inputs", "large-weights"):
        return _kernel(site, cause)
    if cause == "unscaled-inputs":
        return Remedy(
            "normalise-inputs",
            _normalised_inputs(site),
            None,
            "Mostly the inputs: normalise them, no regularizer does that." + _best_normalisation(site),
        )
    if cause == "bias":
        advice = f"Mostly the bias (rms {_of_kernel(site, 'bias_rms')}): initialise it anew."
        advice += "" if is_recurrent(site) else " Or BatchNormalization before the activation."
        return Remedy("initialisation", _new_bias(site), None, advice)
    if site.normalised:
        return Remedy("none", None, None, _LET_THROUGH)
    return _batch_normalization(
        site, "What is before it was not measured: try BatchNormalization before the activation."
    )


def death_remedy(site: Site, cause: str) -> Remedy:
    """What brings back dead units of this cause."""
    if cause == "aligned-inputs":
        return _on_preactivation(
            site,
            "Inputs add up over negative weights (alignment "
            + _of_kernel(site, "alignment")
            + "): an {0} on the pre-activation revived such units, as did normalised inputs and BatchNormalization. "
            + _ACCURACY,
        )
    if cause == "bias":
        advice = (
            f"The bias outweighs the inputs (rms {_of_kernel(site, 'bias_rms')}): initialisation, BatchNormalization "
            "or another activation revived such units, a regularizer of the bias only in tens of thousands of steps."
        )
        return Remedy("initialisation", _new_bias(site), None, advice)
    if site.normalised:
        return Remedy("none", None, None, f"{_LET_THROUGH} {_ACCURACY}")
    known = site.kernel is not None and is_number(site.kernel.alignment)
    why = "Neither bias nor alignment explains it" if known else "What is before it was not measured"
    return _batch_normalization(
        site, f"{why}: try BatchNormalization, another initialisation or activation. {_ACCURACY}"
    )


def output_remedy(site: Site | None) -> Remedy:
    """What to do about errors that an output is sure of: smaller logits, else a look at labels and data."""
    remedy = logit_remedy(site) if site is not None else None
    return remedy or Remedy("none", None, None, "Look at the labels, their order and the preprocessing of the data.")


def logit_remedy(site: Site) -> Remedy | None:
    """What makes logits smaller that are large by their inputs or by their weights; None where it is neither."""
    least: float = facts("probe")["outputs"]["factor"]
    kernel = site.kernel
    if kernel is None:
        return None
    cause = saturation_cause(site)
    if cause == "unscaled-inputs" and kernel.input_rms >= least:
        advice = f"Its inputs have rms {figure(kernel.input_rms)}: normalise what the model is given."
        return Remedy("normalise-inputs", _normalised_inputs(site), None, advice)
    return _kernel(site, cause) if cause == "large-weights" and kernel.weight_scale >= least else None


def preactivation_strength(site: Site) -> float | None:
    """λ of an l2 on the pre-activation to start with; None where the pre-activation was not measured.

    A power of ten at which the penalty of a sample, λ · values · rms², is small beside a loss of a few units.
    """
    start = facts("probe")["start"]
    rms = site.preactivation_rms
    if not is_number(rms) or rms <= 0 or site.units <= 0:
        return None
    positions = max(1.0, site.evaluations / site.samples) if site.samples > 0 else 1.0
    exponent = math.floor(math.log10(start["penalty"]) - math.log10(site.units * positions) - 2 * math.log10(rms))
    least, most = (round(math.log10(start[end])) for end in ("preactivation_least", "preactivation_most"))
    return float(f"1e{min(max(exponent, least), most)}")


def is_recurrent(site: Site) -> bool:
    """Does the site lie in a recurrent layer, whose pre-activations no regularizer reaches?"""
    return bool(_layer(_owner(site)).get("recurrent"))


def _on_preactivation(site: Site, advice: str) -> Remedy:
    strength = preactivation_strength(site)
    if strength is None:
        return Remedy(ON_PREACTIVATION, None, None, advice.format("activity regularizer"))
    shown = f"activity regularizer l2({power(strength)}), ×10 until it helps,"
    return Remedy(ON_PREACTIVATION, _split_activation(site, strength), strength, advice.format(shown))


def _kernel(site: Site, cause: str) -> Remedy:
    strength: float = facts("probe")["start"]["kernel"]
    owner = _owner(site)
    arguments = [name for name in _layer(owner).get("regularizers", ()) if name in _KERNEL_ARGUMENTS]
    value = f"regularizers.l2({power(strength)})"
    code = construction(owner, _units(site), {**_own_activation(site), **dict.fromkeys(arguments, value)})
    named = " and ".join(f"`{name}`" for name in arguments) or "`kernel_regularizer`"
    why = "the weights" if cause == "large-weights" else "alignment"
    advice = f"Mostly {why}: {named} (l2({power(strength)}), ×10 until it helps; thousands of steps) or new weights."
    return Remedy("kernel_regularizer", code if arguments else None, strength, advice + _best_normalisation(site))


def _batch_normalization(site: Site, advice: str) -> Remedy:
    activation = _written(site.activation)
    code = f"BatchNormalization()\nActivation({activation})" if activation else None
    return Remedy("batch-normalization", code, None, advice)


def _best_normalisation(site: Site) -> str:
    """The mention of BatchNormalization; there is no place for one in a recurrent layer, and none was tried before an
    output."""
    if is_recurrent(site) or site.role == "output":
        return ""
    return " BatchNormalization before the activation relieved most."


# ------------------------------------------------------------------------------------------------------------ the code


def construction(class_name: str, units: int | None, keywords: Mapping[str, str]) -> str | None:
    """A call that makes the layer, as Python; ``...`` stands for what nobody told us, such as units that are None.

    None for other classes than Keras's.
    """
    table = facts("probe")["construction"]
    if not _layer(class_name):
        return None
    known = [str(units)] if units is not None and class_name in (*table["whole"], *table["first"]) else []
    elided = [] if known and class_name in table["whole"] else ["..."]
    return f"{class_name}({', '.join([*known, *elided, *(f'{name}={value}' for name, value in keywords.items())])})"


def _split_activation(site: Site, strength: float) -> str | None:
    """The layer without its activation but with a regularizer, and the activation behind it where it was fused."""
    activation = _written(site.activation)
    owner = _owner(site)
    if "activity_regularizer" in _layer(owner).get("regularizers", ()):
        regularizer = {"activity_regularizer": f"regularizers.l2({power(strength)})"}
        lines = [construction(owner, _units(site), regularizer)]
    else:
        lines = [construction(owner, _units(site), {}), f"ActivityRegularization(l2={power(strength)})"]
    if site.fused:
        lines.append(f"Activation({activation})" if activation else None)
    return "\n".join(line for line in lines if line) if all(lines) else None


def _normalised_inputs(site: Site) -> str | None:
    owner = _owner(site)
    layer = construction(owner, _units(site), _own_activation(site))
    return f"BatchNormalization()\n{layer}" if layer else None


def _new_bias(site: Site) -> str | None:
    owner = _owner(site)
    return construction(owner, _units(site), {**_own_activation(site), "bias_initializer": '"zeros"'})


def _units(site: Site) -> int | None:
    """The units of the layer; a softmax is counted as one, whatever its classes."""
    return None if site.activation in SOFTMAX else site.units


def _own_activation(site: Site) -> dict[str, str]:
    activation = _written(site.activation)
    return {"activation": activation} if site.fused and activation and not is_recurrent(site) else {}


def _written(activation: str) -> str | None:
    """An activation as an argument: the string of one of Keras's own, else the name of the function."""
    if activation in facts("probe")["activations"]["named"]:
        return f'"{activation}"'
    return activation if activation.isidentifier() else None


def _owner(site: Site) -> str:
    """The class of the layer whose weights are in front of the site; of a cell, that of the layer around it."""
    name = site.kernel.class_name if site.kernel else site.class_name
    whole = name.removesuffix("Cell")
    return whole if _layer(whole) else name


def _layer(class_name: str) -> Mapping[str, Any]:
    entry: Mapping[str, Any] = facts("layers").get(class_name, {})
    return entry


def _is_below(value: float | None, limit: float) -> bool:
    return value is not None and math.isfinite(value) and value < limit


def _of_kernel(site: Site, name: str) -> str:
    return figure(getattr(site.kernel, name, None))
