"""Reports made by hand, with the figures of models that were really measured, for tests of what shows them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from reglint.findings import Severity
from reglint.probe.values import (
    EDGES,
    Kernel,
    Measurement,
    Output,
    Penalty,
    Place,
    ProbeFinding,
    ProbeReport,
    Site,
    Unreached,
)


def counts(mean: float, spread: float, total: int = 32768) -> tuple[int, ...]:
    """Return the histogram of a normal distribution over the bins of EDGES; nothing where it is not finite."""
    if not math.isfinite(mean + spread):
        return (0,) * (len(EDGES) + 1)
    below = [0.5 * (1 + math.erf((edge - mean) / (spread * math.sqrt(2)))) for edge in EDGES]
    return tuple(round(total * (high - low)) for low, high in zip([0.0, *below], [*below, 1.0], strict=True))


def site(layer: str = "dense", **values: Any) -> Site:
    """Return a healthy site (case d of the measurements), with what ``values`` say otherwise."""
    mean, rms = values.get("preactivation_mean", 0.1), values.get("preactivation_rms", 0.9)
    healthy: dict[str, Any] = {
        "class_name": "Dense",
        "site": "activation",
        "activation": "sigmoid",
        "role": "hidden",
        "fused": True,
        "normalised": False,
        "units": 64,
        "samples": 512,
        "evaluations": 512,
        "every_position": True,
        "saturated_fraction": 0.0,
        "saturated_low": 0.0,
        "saturated_high": 0.0,
        "stuck_units": 0.0,
        "dead_units": None,
        "mean_gain": 0.86,
        "preactivation_mean": mean,
        "preactivation_rms": rms,
        "preactivation_min": mean - 4 * rms,
        "preactivation_max": mean + 4 * rms,
        "non_finite": 0.0,
        "histogram": counts(mean, math.sqrt(max(rms * rms - mean * mean, 0.01))),
        "kernel": Kernel(layer, "Dense", 0.5, 0.125, 64, 0.01, 1.0, 1.1),
    }
    return Site(layer=layer, **{**healthy, **values})


ALIGNED = site(
    "dense_1",
    saturated_fraction=1.0,
    saturated_high=1.0,
    stuck_units=1.0,
    mean_gain=0.0,
    preactivation_mean=190.6,
    preactivation_rms=191.0,
    kernel=Kernel("dense_1", "Dense", 0.574, 0.173, 4096, 0.0, 11.07, 30.1),
)
"""Case a+: small weights of one sign on 4,096 inputs in (0, 1)."""

UNSCALED = site(
    "dense_raw",
    saturated_fraction=0.978,
    saturated_low=0.521,
    saturated_high=0.457,
    stuck_units=0.08,
    mean_gain=0.013,
    preactivation_mean=-3.2,
    preactivation_rms=125.0,
    kernel=Kernel("dense_raw", "Dense", 117.0, 0.131, 64, 0.02, 1.05, 1.02),
)
"""Case c: inputs from 0 to 255."""

PARTLY = site(
    "dense_wide",
    activation="tanh",
    saturated_fraction=0.66,
    saturated_low=0.31,
    saturated_high=0.35,
    stuck_units=0.10,
    mean_gain=0.14,
    preactivation_mean=0.4,
    preactivation_rms=8.4,
    kernel=Kernel("dense_wide", "Dense", 0.574, 0.173, 4096, 0.0, 11.07, 1.3),
)
"""Case a±: partly saturated, and the best of all in accuracy."""

DEAD = site(
    "conv2d/relu",
    class_name="ReLU",
    activation="relu",
    fused=False,
    units=32,
    evaluations=512 * 64,
    every_position=False,
    saturated_fraction=0.97,
    saturated_low=0.97,
    saturated_high=None,
    stuck_units=0.94,
    dead_units=0.94,
    mean_gain=0.03,
    preactivation_mean=-29.1,
    preactivation_rms=30.0,
)
"""Case e: a ReLU behind a bias of -30."""

SOFTMAX = site(
    "logits",
    site="softmax",
    activation="softmax",
    role="output",
    units=10,
    saturated_fraction=0.881,
    saturated_low=None,
    saturated_high=None,
    stuck_units=None,
    mean_gain=None,
    preactivation_mean=0.0,
    preactivation_rms=8.1,
    largest_logit=23.0,
    kernel=None,
)
"""Case f: a softmax that is sure of itself, and right."""

HALF = site("relu", activation="relu", saturated_fraction=0.5, mean_gain=0.5)
"""A healthy ReLU."""

UNTAPPED = site("head", activation="custom_activation", saturated_fraction=None, mean_gain=None, stuck_units=None)
"""An activation of the user's own, whose gain nobody knows."""


def gates(layer: str = "bidirectional/forward_lstm") -> tuple[Site, ...]:
    """Return the sites of an LSTM with a forget bias of 12 (case g)."""
    healthy = {
        f"gate:{gate}": site(
            layer, class_name="LSTM", role="gate", site=f"gate:{gate}", activation=function, kernel=None
        )
        for gate, function in (("i", "sigmoid"), ("f", "sigmoid"), ("g", "tanh"), ("o", "sigmoid"), ("c", "tanh"))
    }
    open_gate = replace(
        healthy["gate:f"],
        saturated_fraction=1.0,
        saturated_high=1.0,
        stuck_units=0.97,
        mean_gain=0.002,
        preactivation_mean=12.1,
        preactivation_rms=12.2,
        histogram=counts(12.1, 1.4),
    )
    return tuple({**healthy, "gate:f": open_gate}.values())


def finding(of: Site, code: str = "REG401", severity: Severity = Severity.WARNING, **data: Any) -> ProbeFinding:
    """Return a finding about a site."""
    names = {"REG401": "saturated-activation", "REG402": "dead-units", "REG403": "saturated-gates"}
    return ProbeFinding(
        code,
        names.get(code, "probe"),
        severity,
        data.pop("message", f"{of.activation} saturates: gain {of.mean_gain} over {of.samples} samples"),
        of.layer,
        {"site": of.site, "saturated_fraction": of.saturated_fraction, "confidence": "high", **data},
        data.pop("place", None),
    )


REMEDY = "Dense(64, activity_regularizer=regularizers.L2(1e-6)),\nActivation('sigmoid'),"

PENALTIES = (
    Penalty("dense_1", "Dense", "kernel_regularizer", "L2(l2=0.001)", {"l2": 0.001}, 0.78, 0.31, 0.12),
    Penalty(
        "dense_raw", "Dense", "activity_regularizer", "L1L2(l1=0.1, l2=0.01)", {"l1": 0.1, "l2": 0.01}, 1.6, 0.63, 4.2
    ),
    Penalty("logits", "Dense", "bias_regularizer", "Own()", {}, 0.0, 0.0, 0.0),
)

OUTPUT = Output("logits", "softmax", 512, 10, 0.981, 0.104, 10, 0.881, 0.1, 23.0)


def report(*sites: Site, **values: Any) -> ProbeReport:
    """Return a report of sites; ``values`` go to the report, those of a measurement to its measurement."""
    measured = {
        "outputs": (),
        "unreached": (),
        "samples": 512,
        "library": "keras 3.15.1",
        "backend": "tensorflow",
        "device": "GPU: NVIDIA H100",
        "seconds": 3.2,
    }
    measured.update({name: values.pop(name) for name in tuple(values) if name in measured})
    return ProbeReport(values.pop("model", "model.keras"), Measurement(sites=tuple(sites), **measured), **values)


def full() -> ProbeReport:
    """Return a report that has something of everything."""
    forward = gates()
    findings = (
        finding(PARTLY, severity=Severity.INFO, cause="large-weights", remedy="none", confidence="low"),
        finding(
            ALIGNED,
            severity=Severity.ERROR,
            message="`dense_1`: each of 64 `sigmoid` units is saturated high (gain 0.000): 4,096 inputs line up",
            cause="aligned-inputs",
            remedy="activity_regularizer-on-preactivation",
            remedy_code=REMEDY,
            lambda_start=1e-6,
            place=Place("models.py", 12, 5, 12, 40),
        ),
        finding(UNSCALED, cause="unscaled-inputs", remedy="normalise-inputs", remedy_code=None, lambda_start=None),
        finding(DEAD, "REG402", cause="bias", remedy="initialisation"),
        finding(forward[1], "REG403", Severity.INFO, cause="gates", remedy="none"),
        ProbeFinding(
            "REG407",
            "dominant-penalty",
            Severity.INFO,
            "the activity regularizer is 63 % of the loss: compare metrics, not loss",
            "dense_raw",
            {"argument": "activity_regularizer"},
        ),
    )
    return report(
        site("embedding_dense"), DEAD, PARTLY, ALIGNED, *forward, UNSCALED, UNTAPPED, SOFTMAX,
        findings=findings,
        penalties=PENALTIES,
        outputs=(OUTPUT,),
        unreached=(Unreached("lambda_3", "calls tf.nn.relu directly, past keras.ops"),),
        state="trained",
    )  # fmt: skip


def deep(layers: int = 60) -> ProbeReport:
    """Return a report of a network with many layers, one of them in trouble."""
    sites = [
        replace(HALF, layer=f"backbone/stage_{index // 8}/block_{index}/activation") for index in range(layers - 1)
    ]
    return report(*sites, ALIGNED, findings=(finding(ALIGNED),), model="mobilenet.keras")


def empty() -> ProbeReport:
    """Return a report of a model without an activation."""
    return report(synthetic=True, samples=0)


def broken() -> ProbeReport:
    """Return a report whose figures are NaN, infinite or missing."""
    nan, infinity = math.nan, math.inf
    sick = site(
        "sick",
        saturated_fraction=nan,
        mean_gain=nan,
        preactivation_mean=nan,
        preactivation_rms=infinity,
        preactivation_min=-infinity,
        preactivation_max=infinity,
        non_finite=1.0,
        histogram=(0,) * (len(EDGES) + 1),
        kernel=Kernel("sick", "Dense", nan, infinity, 4, None, infinity, nan),
    )
    return report(
        sick,
        replace(sick, layer="bare", histogram=(), kernel=None),
        findings=(finding(sick, "REG405", Severity.ERROR, cause="non-finite"),),
        penalties=(Penalty("sick", "Dense", "kernel_regularizer", "L2(l2=nan)", {"l2": nan}, nan, nan, infinity),),
        outputs=(Output("sick", "softmax", 0, 2, nan, nan, 0, nan, None, None),),
        seconds=nan,
    )


HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "[red]markup[/red]",
    "{{ 7*7 }}{% raw %}",
    "line\nbreak\x1b[31m\x00\ud800",
    "url(//example.org/x)</style>&amp;",
)
"""Names that a stranger's model may bring."""


def hostile() -> ProbeReport:
    """Return a report whose every text is a trap."""
    sites = [site(name, activation=name, site=name, class_name=name, saturated_fraction=1.0) for name in HOSTILE]
    return report(
        *sites,
        model=HOSTILE[0],
        findings=tuple(
            finding(
                each,
                message=each.layer,
                cause=each.layer,
                remedy=each.layer,
                remedy_code=each.layer,
                place=Place(each.layer, 1),
            )
            for each in sites
        ),
        penalties=tuple(Penalty(name, name, name, name, {name: 1.0}, 1.0, 0.1, 1.0) for name in HOSTILE),
        outputs=tuple(Output(name, name, 1, 1, 1.0, 1.0, 0, 1.0, None, None) for name in HOSTILE),
        unreached=tuple(Unreached(name, name) for name in HOSTILE),
        library=HOSTILE[1],
        backend=HOSTILE[2],
        device=HOSTILE[0],
    )


def unlabelled() -> tuple[Penalty, ...]:
    """Return penalties of a model that was probed without labels, so that nobody knows the data's loss."""
    return tuple(replace(penalty, share=None, gradient_ratio=None) for penalty in PENALTIES)
