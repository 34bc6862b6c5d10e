"""The judgement of what was measured: what is a fault, how bad, why, and which remedy is shown."""

from __future__ import annotations

import argparse
import ast
import json
import math
import re
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, read_toml
from hypothesis import given
from hypothesis import strategies as st

from reglint.findings import Severity
from reglint.probe import __all__ as probe_exports
from reglint.probe.diagnosis.findings import STATES, diagnose
from reglint.probe.diagnosis.remedies import CAUSES, REMEDIES, preactivation_strength
from reglint.probe.process.arguments import add_probe
from reglint.probe.statistics.reductions import CONFIDENT, POSITIONS
from reglint.probe.values import EDGES, SATURATED_GAIN, Kernel, Measurement, Output, ProbeFinding, Site
from reglint.rulebook import facts, load_cards

ROLES = ["hidden", "gate", "attention", "output"]

DATA = {
    "model", "layer", "site", "activation", "saturated_fraction", "saturated_low", "saturated_high", "stuck_units",
    "dead_units", "mean_gain", "preactivation_mean", "preactivation_rms", "input_rms", "kernel_rms", "fan_in",
    "bias_rms", "cause", "remedy", "remedy_code", "lambda_start", "confidence", "samples", "backend", "device",
}  # fmt: skip

KERNEL = Kernel(
    layer="dense", class_name="Dense", input_rms=0.5, kernel_rms=0.17, fan_in=4096, bias_rms=0.0,
    weight_scale=1.0, alignment=1.0,
)  # fmt: skip
HEALTHY = Site(
    layer="dense", class_name="Dense", site="activation", activation="sigmoid", role="hidden", fused=True,
    normalised=False, units=64, samples=397, evaluations=397, every_position=True, saturated_fraction=0.01,
    saturated_low=0.0, saturated_high=0.01, stuck_units=0.0, dead_units=None, mean_gain=0.62, preactivation_mean=0.1,
    preactivation_rms=0.9, preactivation_min=-3.0, preactivation_max=3.0, non_finite=0.0, histogram=(0,) * 20,
    kernel=KERNEL,
)  # fmt: skip
ALIGNED = replace(
    HEALTHY, saturated_fraction=1.0, saturated_high=1.0, stuck_units=1.0, mean_gain=0.0, preactivation_mean=185.0,
    preactivation_rms=191.0, kernel=replace(KERNEL, weight_scale=10.6, alignment=36.0),
)  # fmt: skip
RELU = replace(HEALTHY, activation="relu", saturated_fraction=0.5, saturated_low=0.5, mean_gain=0.5, dead_units=0.0)
DEAD = replace(
    RELU, saturated_fraction=1.0, saturated_low=1.0, mean_gain=0.0, stuck_units=1.0, dead_units=1.0,
    preactivation_mean=-30.0, preactivation_rms=30.0,
)  # fmt: skip
SOFTMAX = replace(
    HEALTHY, layer="out", activation="softmax", role="output", saturated_fraction=0.881, stuck_units=None,
    mean_gain=None, largest_logit=23.0,
)  # fmt: skip
RIGHT = Output("out", "softmax", 360, 10, 0.981, 0.1, 7, 0.881, 0.10, 23.0)
WRONG = Output("out", "softmax", 360, 10, 0.196, 0.1, 289, 0.916, 0.9, 280.0)


def sigmoids(accuracy: float, confident_errors: float) -> Output:
    """An output of 25 sigmoids for 400 samples: an answer for each column."""
    errors = round(10_000 * (1 - accuracy))
    return Output("out", "sigmoid", 10_000, 2, accuracy, 0.5, errors, 0.9, confident_errors, 40.0)


def measurement(*parts: Site | Output, samples: int = 397) -> Measurement:
    return Measurement(
        sites=tuple(part for part in parts if isinstance(part, Site)),
        outputs=tuple(part for part in parts if isinstance(part, Output)),
        unreached=(), samples=samples, library="keras 3.15.1", backend="jax", device="cpu:0", seconds=0.1,
    )  # fmt: skip


def findings(*parts: Site | Output, state: str = "trained", synthetic: bool = False) -> tuple[ProbeFinding, ...]:
    return diagnose(measurement(*parts), state=state, synthetic=synthetic)


def only(*parts: Site | Output, state: str = "trained", synthetic: bool = False) -> ProbeFinding:
    (finding,) = findings(*parts, state=state, synthetic=synthetic)
    return finding


def verdict(*parts: Site | Output, state: str = "trained", synthetic: bool = False) -> str:
    """The codes and severities of what is found, or nothing."""
    found = findings(*parts, state=state, synthetic=synthetic)
    return ", ".join(f"{finding.code} {finding.severity.value}" for finding in found)


def gates(*, gain: float = 0.02, **saturated: float) -> list[Site]:
    """The gates of an LSTM with these saturated shares; a share from .5 on goes with that gain, else next to none."""
    return [
        replace(
            HEALTHY, layer="lstm", class_name="LSTM", site=f"gate:{name}", role="gate",
            activation="tanh" if name in "gc" else "sigmoid", saturated_fraction=share, saturated_high=share,
            stuck_units=0.1, mean_gain=gain if share >= 0.5 else 0.6, preactivation_rms=60.0,
            kernel=None if name == "c" else replace(KERNEL, class_name="LSTMCell", input_rms=147.0),
        )
        for name, share in saturated.items()
    ]  # fmt: skip


# ---------------------------------------------------------------------------------------------- saturated activations


@pytest.mark.parametrize("row", facts("probe")["evidence"]["gate"], ids=lambda row: row["net"])
def test_a_net_that_was_measured_is_judged_as_the_table_of_facts_has_it(row: dict[str, Any]) -> None:
    site = replace(
        HEALTHY, saturated_fraction=row["saturated_fraction"], mean_gain=row["mean_gain"],
        stuck_units=row["stuck_units"], preactivation_rms=row["rms"],
    )  # fmt: skip
    assert verdict(site) == row["expected"]


def test_saturation_is_information_in_a_model_that_was_never_trained() -> None:
    finding = only(replace(ALIGNED, mean_gain=0.001), state="initial")
    assert finding.severity is Severity.INFO
    assert "Untrained nets often recover" in finding.message


@pytest.mark.parametrize("state", STATES)
def test_saturation_without_any_gain_is_a_fault_in_every_state(state: str) -> None:
    finding = only(ALIGNED, state=state)
    assert finding.severity is Severity.WARNING
    assert "recover" not in finding.message


@pytest.mark.parametrize(
    ("samples", "synthetic", "severity", "confidence"),
    [
        (256, False, "warning", "high"),
        (255, False, "info", "low"),
        (256, True, "info", "low"),
    ],
)
def test_few_samples_and_synthetic_inputs_make_an_info_of_low_confidence(
    samples: int, synthetic: bool, severity: str, confidence: str
) -> None:
    finding = only(replace(ALIGNED, mean_gain=0.01, samples=samples), synthetic=synthetic)
    assert finding.severity.value == severity
    assert finding.data["confidence"] == confidence
    assert ("low confidence" in finding.message) == (confidence == "low")


def test_a_finding_on_synthetic_inputs_always_says_that_its_confidence_is_low() -> None:
    parts = [
        ALIGNED,
        replace(DEAD, layer="b"),
        *gates(i=1.0, f=1.0, g=1.0, o=1.0),
        WRONG,
        replace(SOFTMAX, layer="c", largest_logit=280.0),
    ]
    broken = replace(HEALTHY, layer="d", non_finite=1.0)
    found = findings(*parts, broken, synthetic=True)
    assert {finding.code for finding in found} == {"REG401", "REG402", "REG403", "REG404", "REG405"}
    assert all("low confidence" in finding.message and finding.data["confidence"] == "low" for finding in found)


@pytest.mark.parametrize(
    ("site", "cause", "remedy", "code"),
    [
        pytest.param(
            ALIGNED, "aligned-inputs", "activity_regularizer-on-preactivation",
            'Dense(64, activity_regularizer=regularizers.l2(1e-6))\nActivation("sigmoid")', id="aligned",
        ),
        pytest.param(
            replace(ALIGNED, fused=False, class_name="Activation"), "aligned-inputs",
            "activity_regularizer-on-preactivation", "Dense(64, activity_regularizer=regularizers.l2(1e-6))",
            id="aligned, activation of its own",
        ),
        pytest.param(
            replace(ALIGNED, kernel=replace(KERNEL, class_name="EinsumDense", alignment=9.0)), "aligned-inputs",
            "activity_regularizer-on-preactivation",
            'EinsumDense(...)\nActivityRegularization(l2=1e-6)\nActivation("sigmoid")', id="aligned, no such argument",
        ),
        pytest.param(
            replace(ALIGNED, kernel=replace(KERNEL, class_name="SimpleRNNCell", alignment=9.0)), "aligned-inputs",
            "kernel_regularizer",
            "SimpleRNN(64, kernel_regularizer=regularizers.l2(1e-3), recurrent_regularizer=regularizers.l2(1e-3))",
            id="aligned, recurrent",
        ),
        pytest.param(
            replace(ALIGNED, kernel=replace(KERNEL, weight_scale=30.0)), "large-weights", "kernel_regularizer",
            'Dense(64, activation="sigmoid", kernel_regularizer=regularizers.l2(1e-3))', id="weights",
        ),
        pytest.param(
            replace(ALIGNED, kernel=replace(KERNEL, class_name="SeparableConv2D", weight_scale=30.0)), "large-weights",
            "kernel_regularizer",
            'SeparableConv2D(64, ..., activation="sigmoid", depthwise_regularizer=regularizers.l2(1e-3), '
            "pointwise_regularizer=regularizers.l2(1e-3))", id="weights of a separable convolution",
        ),
        pytest.param(
            replace(ALIGNED, kernel=replace(KERNEL, input_rms=125.0)), "unscaled-inputs", "normalise-inputs",
            'BatchNormalization()\nDense(64, activation="sigmoid")', id="inputs",
        ),
        pytest.param(
            replace(ALIGNED, kernel=replace(KERNEL, bias_rms=100.0, weight_scale=30.0)), "bias", "initialisation",
            'Dense(64, activation="sigmoid", bias_initializer="zeros")', id="bias",
        ),
        pytest.param(
            replace(ALIGNED, kernel=None), "unknown", "batch-normalization",
            'BatchNormalization()\nActivation("sigmoid")', id="no kernel",
        ),
        pytest.param(replace(ALIGNED, normalised=True), "unknown", "none", None, id="normalised already"),
        pytest.param(
            replace(ALIGNED, kernel=replace(KERNEL, class_name="MyDense", weight_scale=30.0)), "large-weights",
            "kernel_regularizer", None, id="a class of the user's own",
        ),
        pytest.param(
            replace(ALIGNED, activation="my_gate"), "aligned-inputs", "activity_regularizer-on-preactivation",
            "Dense(64, activity_regularizer=regularizers.l2(1e-6))\nActivation(my_gate)", id="the user's own function",
        ),
    ],
)  # fmt: skip
def test_the_largest_factor_of_the_pre_activation_decides_cause_and_remedy(
    site: Site, cause: str, remedy: str, code: str | None
) -> None:
    data = only(site).data
    assert (data["cause"], data["remedy"], data["remedy_code"]) == (cause, remedy, code)


def test_a_fused_activity_regularizer_cannot_act_only_where_the_gain_is_zero() -> None:
    assert "cannot act at gain 0" in only(ALIGNED).message
    with_gain = only(replace(ALIGNED, mean_gain=0.03)).message
    assert "gain 0.03" in with_gain
    assert "acts only through the gain" in with_gain
    assert "cannot" not in with_gain
    assert "Fused" not in only(replace(ALIGNED, fused=False)).message


@pytest.mark.parametrize("cause", ["alignment", "weight_scale", "input_rms", "bias_rms"])
def test_batch_normalization_is_mentioned_for_every_cause(cause: str) -> None:
    site = replace(ALIGNED, kernel=replace(KERNEL, **{cause: 150.0}))
    assert "BatchNormalization before the activation" in only(site).message


CURES = read_toml(Path(__file__).with_name("cures.toml"))
WITHOUT_REMEDY = ("before", "without")
SETTINGS = {
    "alignment": ("aligned sigmoid", "aligned sigmoid, 80 epochs", "aligned tanh, 80 epochs"),
    "input_rms": ("unscaled inputs", "unscaled inputs, 80 epochs"),
    "weight_scale": ("large weights, sigmoid, 400 epochs", "large weights, tanh, 400 epochs"),
    "bias_rms": ("saturated by bias",),
}


@pytest.mark.parametrize("factor", SETTINGS)
def test_batch_normalization_is_said_to_relieve_most_just_where_it_did(factor: str) -> None:
    def relieved_most(setting: Mapping[str, Any]) -> bool:
        shares = {
            name: outcome["saturated"]
            for name, outcome in setting.items()
            if isinstance(outcome, dict) and name not in WITHOUT_REMEDY
        }
        return min(shares, key=lambda name: shares[name]) == "batch normalization"

    message = only(replace(ALIGNED, kernel=replace(KERNEL, **{factor: 150.0}))).message
    assert ("relieved most" in message) == all(relieved_most(CURES[name]) for name in SETTINGS[factor])


@pytest.mark.parametrize("name", SETTINGS["alignment"])
def test_a_kernel_regularizer_is_offered_for_aligned_inputs_since_it_relieved_them(name: str) -> None:
    setting = CURES[name]
    assert setting["kernel"]["saturated"] < setting["without"]["saturated"]
    assert setting["kernel"]["accuracy"] > setting["without"]["accuracy"]
    assert "or a kernel regularizer" in only(ALIGNED).message
    assert "slow" not in only(ALIGNED).message


def test_the_message_about_aligned_inputs_does_not_say_that_one_remedy_alone_helps() -> None:
    message = only(ALIGNED).message
    assert "kernel regularizer" in message
    assert "pre-activation" in message


def test_a_message_gives_the_figures_that_led_to_it() -> None:
    message = only(ALIGNED).message
    for figure in (
        "`dense`",
        "sigmoid 100% saturated",
        "100% of units stuck",
        "gain 0",
        "rms 191",
        "0.5",
        "10.6",
        "36",
    ):
        assert figure in message


def test_a_share_that_is_nearly_all_is_not_called_all() -> None:
    assert "over 99% saturated" in only(replace(ALIGNED, saturated_fraction=0.997)).message


def test_a_share_that_is_nearly_none_is_not_called_none() -> None:
    assert "under 1% of units stuck" in only(replace(ALIGNED, mean_gain=0.01, stuck_units=0.001)).message


@pytest.mark.parametrize("role", ["output", "attention"])
def test_saturation_of_an_output_or_of_attention_is_no_finding(role: str) -> None:
    assert verdict(replace(ALIGNED, role=role)) == ""


@pytest.mark.parametrize("activation", ["gelu", "elu", "softplus"])
def test_what_is_flat_on_one_side_by_nature_is_not_called_partly_saturated(activation: str) -> None:
    site = replace(HEALTHY, activation=activation, saturated_fraction=0.8, mean_gain=0.2, stuck_units=0.1)
    assert verdict(site) == ""
    assert verdict(replace(site, mean_gain=0.01)) == "REG401 warning"


# ---------------------------------------------------------------------------------------------------------- strengths


def chosen() -> list[Any]:
    """The trainings in the table of facts, each with and without what the probe would choose."""
    rows = facts("probe")["evidence"]["strength"]
    plain = {(row["inputs"], row["units"]): row for row in rows if not row["strength"]}
    cases = []
    for key, without in plain.items():
        site = replace(ALIGNED, units=without["units"], preactivation_rms=without["rms"])
        strength = preactivation_strength(site)
        row = next((row for row in rows if (row["inputs"], row["units"]) == key and row["strength"] == strength), None)
        cases.append(pytest.param(strength, row, without, id=f"{key[0]} inputs, {key[1]} units"))
    return cases


@pytest.mark.parametrize(("strength", "row", "without"), chosen())
def test_the_strength_to_start_with_was_measured_to_relieve_and_to_cost_no_accuracy(
    strength: float, row: dict[str, float], without: dict[str, float]
) -> None:
    assert row is not None, f"{strength} was not measured"
    assert row["saturated"] <= without["saturated"]
    assert row["accuracy"] >= without["accuracy"] - 0.005


@pytest.mark.parametrize(
    ("units", "positions", "rms", "strength"),
    [(64, 1, 191.0, 1e-6), (64, 1, 8.4, 1e-4), (64, 1, 0.1, 1e-4), (32, 1024, 10.0, 1e-7), (4096, 4096, 1e6, 1e-8)],
)
def test_the_strength_falls_with_pre_activation_units_and_positions(
    units: int, positions: int, rms: float, strength: float
) -> None:
    site = replace(ALIGNED, units=units, evaluations=397 * positions, preactivation_rms=rms)
    assert preactivation_strength(site) == strength


# --------------------------------------------------------------------------------------------------------- dead units


@pytest.mark.parametrize(
    ("dead", "expected"),
    [(0.0, ""), (0.28, ""), (0.49, ""), (0.5, "REG402 info"), (0.7, "REG402 warning"), (1.0, "REG402 warning")],
)
def test_some_dead_units_are_normal_and_many_are_a_fault(dead: float, expected: str) -> None:
    assert verdict(replace(DEAD, dead_units=dead)) == expected


@pytest.mark.parametrize(
    ("kernel", "cause", "remedy", "words"),
    [
        pytest.param(
            replace(KERNEL, bias_rms=30.0), "bias", "initialisation", "tens of thousands of steps", id="a large bias"
        ),
        pytest.param(
            replace(KERNEL, alignment=7.5), "aligned-inputs", "activity_regularizer-on-preactivation",
            "activity regularizer l2(1e-5)", id="aligned negative weights",
        ),
        pytest.param(KERNEL, "dead-units", "batch-normalization", "Neither bias nor alignment", id="neither"),
        pytest.param(None, "dead-units", "batch-normalization", "What is before it was not measured", id="no kernel"),
        pytest.param(
            replace(KERNEL, input_rms=150.0), "dead-units", "batch-normalization", "Neither", id="scale changes no sign"
        ),
    ],
)  # fmt: skip
def test_the_remedy_for_dead_units_depends_on_what_keeps_them_down(
    kernel: Kernel | None, cause: str, remedy: str, words: str
) -> None:
    finding = only(replace(DEAD, kernel=kernel))
    assert (finding.data["cause"], finding.data["remedy"]) == (cause, remedy)
    assert words in finding.message


def test_dead_units_behind_a_normalisation_are_not_told_to_take_one() -> None:
    finding = only(replace(DEAD, kernel=None, normalised=True))
    assert (finding.data["cause"], finding.data["remedy"]) == ("dead-units", "none")
    assert "look at its scale and offset" in finding.message


@pytest.mark.parametrize("alignment", [7.5, 1.0])
def test_the_advice_for_dead_units_is_to_watch_the_accuracy_since_a_learning_rate_may_be_the_reason(
    alignment: float,
) -> None:
    rows = {row["remedy"]: row for row in facts("probe")["evidence"]["dead"]}
    without = rows.pop("")
    assert without["dead"] >= facts("probe")["dead"]["warning"]
    assert all(row["accuracy"] < without["accuracy"] for row in rows.values())
    message = only(replace(DEAD, kernel=replace(KERNEL, alignment=alignment))).message
    assert "Watch the accuracy: a high learning rate kills units, too." in message


def test_a_bias_that_kills_units_is_not_blamed_on_the_learning_rate() -> None:
    assert "learning rate" not in only(replace(DEAD, kernel=replace(KERNEL, bias_rms=30.0))).message


def test_units_that_die_although_most_pre_activations_are_positive_are_not_blamed_on_the_bias() -> None:
    site = replace(DEAD, dead_units=0.6, preactivation_mean=10.0, kernel=replace(KERNEL, bias_rms=30.0, alignment=9.0))
    assert only(site).data["cause"] == "dead-units"


@pytest.mark.parametrize("saturated", [0.5, 0.62, 0.9])
def test_a_rectifier_that_is_off_for_many_values_is_no_fault(saturated: float) -> None:
    assert verdict(replace(RELU, saturated_fraction=saturated, saturated_low=saturated)) == ""


def test_a_rectifier_may_be_stuck_at_its_upper_end() -> None:
    stuck = replace(
        RELU, activation="relu6", saturated_fraction=1.0, saturated_high=1.0, mean_gain=0.0, stuck_units=1.0
    )
    assert verdict(stuck) == "REG401 warning"


def test_dead_units_of_an_untrained_model_are_a_fault_only_where_all_are_dead() -> None:
    assert verdict(replace(DEAD, dead_units=0.9), state="initial") == "REG402 info"
    assert verdict(DEAD, state="initial") == "REG402 warning"


def test_dead_units_of_an_output_are_found_too() -> None:
    assert verdict(replace(DEAD, role="output")) == "REG402 warning"


# -------------------------------------------------------------------------------------------------------------- gates


@pytest.mark.parametrize(
    ("saturated", "expected"),
    [
        pytest.param({"i": 0.1, "f": 0.1, "g": 0.05, "o": 0.1}, "", id="healthy"),
        pytest.param({"i": 0.1, "f": 1.0, "g": 0.1, "o": 0.1}, "REG403 info", id="forget bias 12"),
        pytest.param({"i": 0.1, "f": 0.1, "g": 0.1, "o": 0.9}, "REG403 info", id="one gate"),
        pytest.param({"i": 0.96, "f": 0.97, "g": 0.98, "o": 0.95}, "REG403 warning", id="raw inputs"),
        pytest.param(
            {"i": 0.96, "f": 0.97, "g": 0.98, "o": 0.95, "c": 0.01}, "REG403 warning", id="with the cell state"
        ),
        pytest.param({"i": 0.1, "f": 0.1, "g": 0.1, "o": 0.1, "c": 0.9}, "", id="the cell state alone"),
    ],
)
def test_only_a_layer_whose_gates_are_all_saturated_is_at_fault(saturated: dict[str, float], expected: str) -> None:
    assert verdict(*gates(**saturated)) == expected


@pytest.mark.parametrize(
    ("saturated", "expected"),
    [
        pytest.param({"i": 0.50, "f": 0.56, "g": 0.79, "o": 0.54}, "REG403 info", id="all"),
        pytest.param({"i": 0.1, "f": 0.56, "g": 0.1, "o": 0.1}, "REG403 info", id="one"),
        pytest.param({"i": 0.49, "f": 0.49, "g": 0.49, "o": 0.49}, "", id="none for the most part"),
    ],
)
def test_gates_that_are_mostly_saturated_but_have_gain_are_information_as_they_are_in_a_dense_layer(
    saturated: dict[str, float], expected: str
) -> None:
    measured = gates(gain=0.2, **saturated)
    assert verdict(*measured) == expected
    dense = [verdict(replace(gate, role="hidden", site="activation", layer="dense")) for gate in measured]
    assert ("REG401 info" in dense) == bool(expected)
    for finding in findings(*measured):
        assert (finding.data["cause"], finding.data["remedy"]) == ("gates", "none")
        assert "gain left" in finding.message
        assert "a choice" not in finding.message


def test_a_candidate_that_is_flat_on_one_side_by_nature_is_not_called_partly_saturated() -> None:
    measured = [replace(gate, activation="gelu") for gate in gates(gain=0.2, g=0.7)]
    assert verdict(*measured) == ""


def test_the_card_of_gates_says_when_they_are_information() -> None:
    text = " ".join(load_cards()["REG403"].body.split())
    assert "where all of them are and still have gain" in text
    assert "It is an `info`, without a remedy" in text


def test_a_forget_gate_that_stays_open_is_called_a_choice() -> None:
    finding = only(*gates(i=0.1, f=1.0, g=0.1, o=0.1))
    assert "a choice" in finding.message
    assert (finding.data["site"], finding.data["cause"], finding.data["remedy"]) == ("gate:f", "gates", "none")


def test_gates_have_the_cause_rule_and_no_remedy_that_cannot_reach_them() -> None:
    finding = only(*gates(i=0.96, f=0.97, g=0.98, o=0.95))
    assert (finding.data["cause"], finding.data["remedy"]) == ("unscaled-inputs", "normalise-inputs")
    aligned = [
        replace(gate, kernel=replace(KERNEL, class_name="LSTMCell", alignment=9.0)) for gate in gates(i=1.0, f=1.0)
    ]
    finding = only(*aligned)
    assert finding.data["remedy"] == "kernel_regularizer"
    assert finding.data["remedy_code"].startswith("LSTM(64, kernel_regularizer=")
    assert "before the activation" not in finding.message


def test_gates_of_an_untrained_layer_are_a_fault_only_where_none_has_any_gain() -> None:
    shut = [replace(gate, mean_gain=0.0) for gate in gates(i=1.0, f=1.0, g=1.0, o=1.0)]
    assert verdict(*shut, state="initial") == "REG403 warning"
    assert verdict(*shut[:3], replace(shut[3], mean_gain=0.01), state="initial") == "REG403 info"


def test_nothing_is_said_about_a_fused_regularizer_in_a_recurrent_layer() -> None:
    simple = replace(ALIGNED, class_name="SimpleRNN", kernel=replace(KERNEL, class_name="SimpleRNNCell"))
    assert "Fused" not in only(simple).message


def test_each_recurrent_layer_has_a_finding_of_its_own() -> None:
    one = gates(i=1.0, f=1.0, g=1.0, o=1.0)
    other = [replace(gate, layer="lstm_1") for gate in one]
    assert [finding.layer for finding in findings(*one, *other)] == ["lstm", "lstm_1"]


# ------------------------------------------------------------------------------------------------------------ outputs


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param([SOFTMAX, RIGHT], "", id="f: right"),
        pytest.param([SOFTMAX, replace(RIGHT, confident_errors=1.0)], "", id="seven errors show nothing"),
        pytest.param([SOFTMAX], "", id="f without labels"),
        pytest.param([replace(SOFTMAX, largest_logit=48.0)], "", id="f on noise"),
        pytest.param([replace(SOFTMAX, largest_logit=90.0)], "", id="a trained net of accuracy .992"),
        pytest.param([replace(SOFTMAX, largest_logit=280.0)], "REG404 info", id="f' without labels"),
        pytest.param([replace(SOFTMAX, largest_logit=280.0), WRONG], "REG404 warning", id="f'"),
        pytest.param([replace(SOFTMAX, largest_logit=280.0), RIGHT], "", id="large logits that are right"),
        pytest.param([replace(SOFTMAX, largest_logit=280.0, role="hidden")], "", id="a softmax inside"),
        pytest.param([WRONG], "REG404 warning", id="labels alone"),
        pytest.param([replace(WRONG, errors=12, confident_errors=0.6)], "REG404 info", id="few, but sure"),
        pytest.param([replace(WRONG, errors=0, confident_errors=None)], "", id="no error"),
        pytest.param([sigmoids(0.95, 0.9)], "REG404 info", id="many labels, right on most"),
        pytest.param([sigmoids(0.82, 0.5)], "REG404 info", id="an autoencoder's bits, right on most"),
        pytest.param([sigmoids(0.5, 0.9)], "REG404 warning", id="many labels, wrong on half"),
        pytest.param([sigmoids(0.9, 0.99)], "REG404 info", id="just under a tenth of all answers"),
        pytest.param([sigmoids(0.9, 1.0)], "REG404 warning", id="a tenth of all answers"),
    ],
)
def test_an_output_is_judged_by_its_errors_or_by_its_logits(parts: list[Site | Output], expected: str) -> None:
    assert verdict(*parts) == expected


@pytest.mark.parametrize("row", facts("probe")["evidence"]["outputs"], ids=lambda row: f"{row['wrong']}-{row['rate']}")
def test_nets_that_learnt_wrong_labels_are_not_called_confident_and_wrong(row: dict[str, Any]) -> None:
    output = replace(
        RIGHT, samples=397, accuracy=row["accuracy"], errors=row["errors"], confident_errors=row["confident_errors"],
        largest_logit=row["largest_logit"],
    )  # fmt: skip
    assert verdict(SOFTMAX, output) == ""


def test_wrong_outputs_on_synthetic_inputs_are_information() -> None:
    assert verdict(WRONG, synthetic=True) == "REG404 info"


def test_an_untrained_model_must_not_be_sure_of_its_errors() -> None:
    assert verdict(WRONG, state="initial") == "REG404 warning"


@pytest.mark.parametrize(
    ("kernel", "remedy"),
    [
        (replace(KERNEL, input_rms=90.0), "normalise-inputs"),
        (replace(KERNEL, weight_scale=40.0), "kernel_regularizer"),
        (replace(KERNEL, alignment=40.0), "none"),
        (KERNEL, "none"),
        (None, "none"),
    ],
)
def test_the_remedy_for_wrong_outputs_is_named_only_where_its_cause_was_measured(
    kernel: Kernel | None, remedy: str
) -> None:
    data = only(replace(SOFTMAX, kernel=kernel), WRONG).data
    assert (data["cause"], data["remedy"]) == ("confident-and-wrong", remedy)
    sigmoid = replace(SOFTMAX, activation="sigmoid", mean_gain=0.01, kernel=kernel)
    data = only(sigmoid, sigmoids(0.5, 0.9)).data
    assert (data["cause"], data["remedy"]) == ("confident-and-wrong", remedy)
    data = only(replace(SOFTMAX, kernel=kernel, largest_logit=280.0)).data
    assert (data["cause"], data["remedy"]) == ("unknown", remedy)


@pytest.mark.parametrize(
    ("kernel", "code"),
    [
        (replace(KERNEL, input_rms=90.0), 'BatchNormalization()\nDense(..., activation="softmax")'),
        (
            replace(KERNEL, weight_scale=40.0),
            'Dense(..., activation="softmax", kernel_regularizer=regularizers.l2(1e-3))',
        ),
    ],
)
def test_the_code_for_a_softmax_leaves_its_classes_open_since_it_counts_as_one_unit(kernel: Kernel, code: str) -> None:
    finding = only(replace(SOFTMAX, units=1, kernel=kernel), WRONG)
    assert finding.data["remedy_code"] == code
    assert "before the activation" not in finding.message


def test_the_logits_of_a_softmax_are_told_as_a_lead_over_their_mean_and_those_of_a_sigmoid_as_they_are() -> None:
    lead = "the first choice lies up to 280 above the mean logit"
    assert lead in only(SOFTMAX, WRONG).message
    assert lead in only(replace(SOFTMAX, largest_logit=280.0)).message
    assert "largest logit 40" in only(sigmoids(0.5, 0.9)).message


# -------------------------------------------------------------------------------------------------- values not finite


def test_only_the_first_site_with_values_that_are_not_finite_is_named() -> None:
    nan = math.nan
    broken = replace(ALIGNED, non_finite=0.5, preactivation_rms=nan, preactivation_mean=nan)
    sites = [replace(ALIGNED, layer="a"), *(replace(broken, layer=name) for name in "bc"), replace(DEAD, layer="d")]
    assert verdict(*sites) == "REG401 warning, REG405 error, REG402 warning"
    assert findings(*sites)[1].layer == "b"


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (replace(KERNEL, kernel_rms=math.nan), "Its weights are not finite"),
        (replace(KERNEL, bias_rms=math.inf), "Its weights are not finite"),
        (replace(KERNEL, input_rms=math.inf), "its inputs are not"),
        (KERNEL, "its own sum overflows"),
        (None, "Look at the inputs and the weights"),
    ],
)
def test_a_finding_about_values_that_are_not_finite_says_where_they_come_from(
    kernel: Kernel | None, words: str
) -> None:
    assert words in only(replace(HEALTHY, non_finite=1.0, kernel=kernel)).message


# ------------------------------------------------------------------------------------------------------ every finding

EVERY = (
    ALIGNED,
    replace(  # as many digits as there mostly are
        ALIGNED, saturated_fraction=0.983, stuck_units=0.914, mean_gain=0.0123, preactivation_rms=12.3,
        kernel=replace(KERNEL, input_rms=0.481, weight_scale=2.19, alignment=3.57),
    ),
    replace(
        DEAD, layer="dense_1", units=128, dead_units=0.852, preactivation_mean=-4.67, preactivation_rms=5.27,
        kernel=replace(KERNEL, alignment=2.38),
    ),
    replace(ALIGNED, saturated_fraction=0.66, mean_gain=0.14, stuck_units=0.1),
    *(replace(ALIGNED, kernel=replace(KERNEL, **{name: 150.0})) for name in ("weight_scale", "input_rms", "bias_rms")),
    replace(ALIGNED, kernel=None),
    DEAD,
    replace(DEAD, kernel=replace(KERNEL, alignment=9.0)),
    replace(DEAD, kernel=replace(KERNEL, bias_rms=30.0)),
    replace(SOFTMAX, layer="d", largest_logit=280.0),
    *gates(i=1.0, f=1.0, g=1.0, o=1.0),
    *(replace(gate, layer="gru") for gate in gates(gain=0.2, z=0.5, r=0.56, h=0.79)),
    WRONG,
    sigmoids(0.5, 0.9),
    *(
        part
        for name in ("weight_scale", "input_rms")
        for part in (
            replace(SOFTMAX, layer=name, kernel=replace(KERNEL, **{name: 150.0})),
            replace(WRONG, layer=name),
            replace(SOFTMAX, layer=f"{name} 2", largest_logit=280.0, kernel=replace(KERNEL, **{name: 150.0})),
        )
    ),
    replace(HEALTHY, layer="e", non_finite=1.0),
)  # fmt: skip


@pytest.mark.parametrize("finding", findings(*EVERY), ids=lambda f: f"{f.code}-{f.data['cause']}")
def test_the_data_of_a_finding_have_exactly_the_promised_fields_and_are_json(finding: ProbeFinding) -> None:
    assert set(finding.data) == DATA
    assert json.loads(json.dumps(finding.data, allow_nan=False)) == finding.data
    assert (finding.data["samples"], finding.data["backend"], finding.data["device"]) == (397, "jax", "cpu:0")
    assert finding.data["cause"] in CAUSES
    assert finding.data["remedy"] in REMEDIES


@pytest.mark.parametrize("finding", findings(*EVERY), ids=lambda f: f"{f.code}-{f.data['cause']}")
def test_a_finding_is_named_as_its_card_and_is_one_line_to_read_at_a_glance(finding: ProbeFinding) -> None:
    assert finding.name == load_cards()[finding.code].name
    assert "\n" not in finding.message
    assert finding.message.startswith(f"`{finding.layer}`: ")
    assert len(finding.message) <= 350


def test_no_message_promises_accuracy() -> None:
    about_activations = [finding.message for finding in findings(*EVERY) if finding.code != "REG404"]
    assert about_activations
    assert not any("accura" in message.replace("Watch the accuracy:", "") for message in about_activations)


@pytest.mark.parametrize("activation", ["sigmoid", "my_function", "<lambda>"])
@pytest.mark.parametrize("class_name", [*facts("layers"), "LSTMCell", "Mine"])
def test_the_code_of_a_remedy_is_python_for_every_layer(class_name: str, activation: str) -> None:
    for name in ("alignment", "weight_scale", "input_rms", "bias_rms"):
        for fused in (True, False):
            kernel = replace(KERNEL, class_name=class_name, **{name: 150.0})
            for site in (replace(ALIGNED, kernel=kernel, fused=fused), replace(DEAD, kernel=kernel, fused=fused)):
                code = only(replace(site, activation=activation)).data["remedy_code"]
                compile(code or "", "remedy", "exec")


# ------------------------------------------------------------------------------------------------- whatever is measured

numbers = st.none() | st.floats() | st.floats(0, 1) | st.sampled_from([0.0, 1.0, math.nan, math.inf])
FIGURES = (
    "saturated_fraction", "saturated_low", "saturated_high", "stuck_units", "dead_units", "mean_gain",
    "preactivation_mean", "preactivation_rms", "non_finite", "largest_logit",
)  # fmt: skip
kernels = st.none() | st.builds(
    Kernel,
    layer=st.just("dense"), class_name=st.sampled_from(["Dense", "LSTMCell", "Conv2D", "Mine"]), input_rms=numbers,
    kernel_rms=numbers, fan_in=st.integers(0), bias_rms=numbers, weight_scale=numbers, alignment=numbers,
)  # fmt: skip
sites = st.builds(
    replace,
    st.just(HEALTHY),
    layer=st.sampled_from(["dense", "encoder/lstm", "dense#2"]),
    site=st.sampled_from(["activation", "gate:i", "gate:f", "gate:c", "softmax", "ops.tanh"]),
    activation=st.sampled_from(["sigmoid", "relu", "tanh", "softmax", "gelu", "<lambda>"]),
    role=st.sampled_from(ROLES), fused=st.booleans(), normalised=st.booleans(), units=st.integers(0),
    samples=st.integers(0), evaluations=st.integers(0), kernel=kernels, **dict.fromkeys(FIGURES, numbers),
)  # fmt: skip
outputs = st.builds(
    Output,
    layer=st.sampled_from(["dense", "out"]), activation=st.just("softmax"), samples=st.integers(0),
    classes=st.integers(0), accuracy=numbers, chance=numbers, errors=st.integers(0), confident=numbers,
    confident_errors=numbers, largest_logit=numbers,
)  # fmt: skip


@given(st.lists(sites, max_size=4), st.lists(outputs, max_size=2), st.sampled_from(STATES), st.booleans())
def test_no_figures_whatever_make_the_diagnosis_fail_or_write_nonsense(
    measured: list[Site], judged: list[Output], state: str, synthetic: bool
) -> None:
    for finding in findings(*measured, *judged, state=state, synthetic=synthetic):
        words = finding.message.replace("infinity", "").replace("NaN", "").split()
        assert not {"nan", "inf", "-inf", "nan%", "inf%", "None"} & {word.strip("(),.:") for word in words}
        json.dumps(finding.data, allow_nan=False)
        assert set(finding.data) == DATA
        compile(finding.data["remedy_code"] or "", "remedy", "exec")


healthy_share = st.floats(0, 0.49)
healthy_sites = st.builds(
    replace,
    st.just(HEALTHY),
    activation=st.sampled_from(["sigmoid", "tanh", "relu", "gelu"]),
    role=st.sampled_from(ROLES),
    site=st.sampled_from(["activation", "gate:i", "gate:f"]),
    saturated_fraction=healthy_share, saturated_low=healthy_share, saturated_high=healthy_share,
    stuck_units=healthy_share, dead_units=st.none() | healthy_share, mean_gain=st.floats(0.05, 1),
    preactivation_rms=st.floats(0, 1e6), kernel=kernels, fused=st.booleans(), samples=st.integers(1),
)  # fmt: skip


@given(healthy_sites, st.sampled_from(STATES), st.booleans())
def test_a_healthy_site_is_never_spoken_of(site: Site, state: str, synthetic: bool) -> None:
    assert findings(site, state=state, synthetic=synthetic) == ()


# ------------------------------------------------------------------------------------------------------ docs/probe.md

PAGE = (ROOT / "docs" / "probe.md").read_text(encoding="utf-8")


def test_the_page_about_the_probe_states_the_thresholds_that_the_facts_have() -> None:
    stated = re.findall(r"`(\w+(?:\.\w+)+)`\s*=\s*([\d.]*\d)", PAGE)
    assert len(stated) >= 10
    for name, number in stated:
        assert float(number) == at(facts("probe"), name), name


def test_every_name_of_the_facts_on_the_page_exists() -> None:
    tables = "|".join(facts("probe"))
    names = re.findall(rf"`((?:{tables})\.\w+)`", PAGE)
    assert {"gate.zero_gain", "evidence.dead", "activations.bounded"} <= set(names)
    for name in names:
        at(facts("probe"), name)


def at(table: Mapping[str, Any], name: str) -> Any:
    for key in name.split("."):
        table = table[key]
    return table


def test_every_rule_on_the_page_exists_and_every_rule_of_the_probe_is_on_it() -> None:
    probed = {code for code, card in load_cards().items() if card.kind == "probe"}
    assert set(re.findall(r"REG\d{3}", PAGE)) <= set(load_cards())
    about_activations = {f"REG40{number}" for number in range(1, 6)}
    assert about_activations <= probed & set(re.findall(r"REG\d{3}", PAGE))


def test_every_option_on_the_page_is_one_of_the_command() -> None:
    parser = argparse.ArgumentParser()
    add_probe(parser)
    named = set(re.findall(r"`(--[a-z-]+)", PAGE)) | set(re.findall(r" (--[a-z-]+) ", PAGE))
    assert {"--trust", "--positions", "--memory-limit"} <= named
    assert named <= set(parser._option_string_actions)
    device = parser._option_string_actions["--device"].type
    assert callable(device)
    for value in ("auto", "cpu", "gpu", "gpu:1", "all"):
        assert device(value) == value


def test_every_field_in_the_page_s_table_is_one_of_a_finding_or_of_a_site() -> None:
    table = PAGE.split("| word | field | definition |")[1].split("\n\n")[0]
    fields = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[2])}
    assert {"mean_gain", "dead_units", "bias_rms", "largest_logit"} <= fields
    assert fields <= DATA | {each.name for each in dataclass_fields(Site)}
    for name in ("lambda_start", "confidence"):
        assert f"`{name}`" in PAGE
        assert name in DATA


def test_the_definitions_on_the_page_are_those_that_are_computed() -> None:
    assert f"below {SATURATED_GAIN} (a sigmoid outside ±4.36, a tanh outside ±2.18)" in PAGE
    assert {4.36, 2.18} <= set(EDGES)
    assert f"at most {POSITIONS} positions" in PAGE
    assert f"a probability above {CONFIDENT}" in PAGE
    tally = (ROOT / "reglint" / "probe" / "statistics" / "tally.py").read_text(encoding="utf-8")
    assert "STUCK = 0.999\n" in tally
    assert "99.9 % of their values" in PAGE


def test_the_cures_on_the_page_are_those_that_were_measured() -> None:
    table = PAGE.split("<!-- cures -->")[1].split("\n\n")[0].strip().splitlines()[2:]
    shown = {cells[0]: cells[1:] for cells in ([cell.strip() for cell in row.strip("|").split("|")] for row in table)}
    columns = ("without", "with", "kernel", "batch normalization", "normalised inputs")
    settings = {name: setting for name, setting in CURES.items() if isinstance(setting, dict)}
    assert len(shown) == len(settings)
    for name, setting in settings.items():
        row = shown[name if "epochs" in name else f"{name}, {setting['epochs']} epochs"]
        measured = [setting[column] for column in columns]
        assert row == [f"{each.get('dead', each['saturated']):.2f} / {each['accuracy']:.2f}" for each in measured]


def test_every_file_that_the_page_links_to_exists_and_it_is_short() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert links
    for link in links:
        assert (ROOT / "docs" / link).exists(), link
    assert len(PAGE.splitlines()) <= 150


def arguments_of(module: str, function: str) -> set[str]:
    """The arguments of a function, or of the constructor of a class; importing the module would need Keras."""
    tree = ast.parse((ROOT / "reglint" / "probe" / f"{module}.py").read_text(encoding="utf-8"))
    (found,) = [node for node in tree.body if getattr(node, "name", None) == function]
    if isinstance(found, ast.ClassDef):
        (found,) = [node for node in found.body if getattr(node, "name", None) == "__init__"]
    assert isinstance(found, ast.FunctionDef)
    return {each.arg for each in (*found.args.args, *found.args.kwonlyargs)}


def test_what_the_page_says_of_python_is_there_to_be_called() -> None:
    for name in ("probe_model", "SaturationMonitor", "RegularizationLogger"):
        assert f"`{name}" in PAGE
        assert name in probe_exports
    assert {"model", "labels"} <= arguments_of("probing", "probe_model")
    for callback in ("monitor", "logger"):
        name = {"monitor": "SaturationMonitor", "logger": "RegularizationLogger"}[callback]
        assert {"every", "per", "samples", "budget"} <= arguments_of(f"callbacks/{callback}", name)
    for name in ("every", "samples", "budget"):
        assert f"`{name}`" in PAGE
