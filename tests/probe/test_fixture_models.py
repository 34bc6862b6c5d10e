"""Every labelled model on every backend: the figures are NumPy's, the findings the label's, and nothing is left behind.

One child process for each backend runs all cases (`run_cases.py`) and prints what came out; the tests read that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

Json = dict[str, Any]
HERE = Path(__file__).parent
BACKENDS = ("tensorflow", "jax", "torch")
SHARES = (
    "saturated_fraction",
    "saturated_low",
    "saturated_high",
    "mean_gain",
    "stuck_units",
    "dead_units",
    "non_finite",
)
EXACT = ("units", "evaluations")
IN_UNITS_OF_Z = (
    "preactivation_mean",
    "preactivation_rms",
    "preactivation_min",
    "preactivation_max",
    "largest_logit",
)
SAMPLED = 0.05
"""How far shares and the relative rms of at most 64 positions a map may lie from those of all positions."""


@pytest.fixture(scope="session")
def children(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[subprocess.Popen[str], Path]]]:
    """One running child for each backend that is installed."""
    if find_spec("keras") is None:
        pytest.skip("Keras is not installed")
    started = {}
    for backend in BACKENDS:
        if find_spec(backend) is None:
            continue
        folder = tmp_path_factory.mktemp(backend)
        environment = os.environ | {"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1", "TMPDIR": str(folder)}
        command = [sys.executable, str(HERE / "run_cases.py")]
        with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
            started[backend] = subprocess.Popen(command, env=environment, stdout=out, stderr=err, text=True), folder
    yield started
    for child, _ in started.values():
        child.kill()
        child.wait()


@pytest.fixture(scope="session")
def _read() -> dict[str, Json]:
    return {}


@pytest.fixture(params=BACKENDS)
def outcomes(request: pytest.FixtureRequest, children: Any, _read: dict[str, Json]) -> Json:
    """What came out on a backend: cases and interruptions."""
    backend = request.param
    if backend not in children:
        pytest.skip(f"{backend} is not installed")
    if backend not in _read:
        child, folder = children[backend]
        assert child.wait(timeout=1800) == 0, (folder / "err").read_text()[-3000:]
        _read[backend] = json.loads((folder / "out").read_text().splitlines()[-1])
    return _read[backend]


@pytest.fixture
def cases(outcomes: Json) -> Json:
    """The outcomes of the cases that ran to their end."""
    return {name: each for name, each in outcomes["cases"].items() if "error" not in each}


def disagreements(got: Json, wanted: Json, precision: float) -> list[str]:
    """The figures of a site that are not NumPy's."""
    size = max(wanted["preactivation_rms"] or 1.0, 1e-6)
    allowed = dict.fromkeys(SHARES, precision) | dict.fromkeys(EXACT, 0.0)
    allowed |= {name: precision * max(size, abs(wanted[name] or 0)) for name in IN_UNITS_OF_Z if name in wanted}
    wrong = [
        f"{name} {got[name]} instead of {wanted[name]}"
        for name, most in allowed.items()
        if name in wanted and not close(got[name], wanted[name], most)
    ]
    if wanted.get("kernel"):
        kernel = got["kernel"] or {}
        wrong += [
            f"kernel.{name} {kernel.get(name)} instead of {figure}"
            for name, figure in wanted["kernel"].items()
            if not isinstance(figure, str)
            if not close(kernel.get(name), figure, precision * max(abs(figure or 0), 1e-6))
        ]
    return wrong


def close(got: float | None, wanted: float | None, most: float) -> bool:
    """Equal up to ``most``; what NumPy could not compute (None for NaN) may be anything that is not finite."""
    if wanted is None or got is None:
        return got is None or not abs(got) < float("inf") or got == wanted
    return abs(got - wanted) <= most


def test_every_case_runs_to_its_end(outcomes: Json) -> None:
    failed = {name: each["error"] for name, each in outcomes["cases"].items() if "error" in each}
    assert failed == {}
    assert len(outcomes["cases"]) > 60


def test_numpy_computes_what_the_model_predicts(cases: Json) -> None:
    off = {
        name: each["reference_outputs"]
        for name, each in cases.items()
        if not each["reference_outputs"] <= max(2e-5, each["precision"] if each["precision"] > 1e-3 else 0)
    }
    assert off == {}


def test_every_activation_is_tapped_and_nothing_else(cases: Json) -> None:
    wrong = {
        name: (sorted(each["sites"]), sorted(each["reference"]))
        for name, each in cases.items()
        if "non-finite" not in each["traits"] and each["sites"].keys() != each["reference"].keys()
    }
    assert wrong == {}


def test_the_figures_are_those_of_numpy(cases: Json) -> None:
    wrong = {
        f"{name} {site}": found
        for name, each in cases.items()
        for site, wanted in each["reference"].items()
        if "non-finite" not in each["traits"] and site in each["sites"]
        if (found := disagreements(each["sites"][site], wanted, each["precision"]))
    }
    assert wrong == {}


def test_figures_that_need_a_gain_are_there_exactly_where_the_activation_has_one(cases: Json) -> None:
    wrong = {
        f"{name} {site} {figure}": (each["sites"][site][figure], wanted.get(figure))
        for name, each in cases.items()
        for site, wanted in each["reference"].items()
        if "non-finite" not in each["traits"] and site in each["sites"]
        for figure in ("saturated_fraction", "mean_gain", "stuck_units", "dead_units", "largest_logit")
        if (each["sites"][site][figure] is None) != (wanted.get(figure) is None)
    }
    assert wrong == {}


def test_the_histogram_is_that_of_numpy(cases: Json) -> None:
    wrong = {}
    for name, each in cases.items():
        for site, wanted in each["reference"].items():
            if "non-finite" in each["traits"] or site not in each["sites"]:
                continue
            counts, exact = each["sites"][site]["histogram"], wanted["histogram"]
            moved = sum(abs(one - other) for one, other in zip(counts, exact, strict=True))
            if sum(counts) != sum(exact) or moved > 2 * (wanted["near_edges"] + 2 * each["precision"] * sum(exact)):
                wrong[f"{name} {site}"] = counts, exact
    assert wrong == {}


def test_over_sampled_positions_the_figures_are_those_of_numpy_over_the_same_ones(cases: Json) -> None:
    wrong = {}
    for name, each in cases.items():
        for site, wanted in (each["sampled_reference"] or {}).items():
            # inputs are sampled too, by positions of their own
            found = disagreements(each["sampled"][site], wanted | {"kernel": None}, each["precision"])
            if found:
                wrong[f"{name} {site}"] = found
    assert wrong == {}


def test_sampled_positions_tell_nearly_what_all_of_them_tell(cases: Json) -> None:
    wrong = {}
    for name, each in cases.items():
        for site, few in (each["sampled"] or {}).items():
            found = disagreements(few, each["sites"][site] | {"evaluations": few["evaluations"]}, SAMPLED)
            if found:
                wrong[f"{name} {site}"] = found
    assert wrong == {}


def test_extremes_and_dead_units_of_a_sample_cover_every_position(cases: Json) -> None:
    wrong = [
        f"{name} {site} {figure}"
        for name, each in cases.items()
        for site, few in (each["sampled"] or {}).items()
        for figure in ("preactivation_min", "preactivation_max", "dead_units", "non_finite")
        if not close(few[figure], each["sites"][site][figure], 1e-6)
    ]
    assert wrong == []


def test_a_site_says_whether_every_position_was_counted(cases: Json) -> None:
    assert not cases["healthy_convolutions"]["sampled"]["first:activation"]["every_position"]
    assert cases["healthy_convolutions"]["sites"]["first:activation"]["every_position"]


def test_the_findings_are_those_of_the_label(cases: Json) -> None:
    fields = ("code", "layer", "severity", "cause", "remedy", "confidence")
    wrong = {}
    for name, each in cases.items():
        wanted = sorted(each["expected"], key=lambda one: (one["code"], one["layer"]))
        found = sorted(each["findings"], key=lambda one: (one["code"], one["layer"]))
        same = len(wanted) == len(found) and all(
            one[field] in (None, other[field]) for one, other in zip(wanted, found, strict=True) for field in fields
        )
        if not same:
            wrong[name] = wanted, found
    assert wrong == {}


def test_a_label_of_a_fault_agrees_with_numpy(cases: Json) -> None:
    """The fault gate, by NumPy's figures alone: so no label is there only because the probe says so."""
    wrong = []
    for name, each in cases.items():
        faults = {one["layer"] for one in each["expected"] if one["severity"] == "warning" and one["code"] != "REG404"}
        sites = {site: figures for site, figures in each["reference"].items() if figures["mean_gain"] is not None}
        at_fault = {site.partition(":")[0] for site, figures in sites.items() if fault(figures)}
        if not faults <= at_fault:
            wrong.append((name, sorted(faults), sorted(at_fault)))
    assert wrong == []


def fault(figures: Json) -> bool:
    """Most values are saturated, and units are stuck or the gain is small."""
    return figures["saturated_fraction"] >= 0.5 and (figures["stuck_units"] >= 0.2 or figures["mean_gain"] < 0.05)


def test_an_activation_is_named_with_the_options_that_change_its_curve(cases: Json) -> None:
    sites = cases["activation_layers_with_options"]["sites"]
    assert {name.partition(":")[0]: site["activation"] for name, site in sites.items()} == {
        "leaky_six": "relu(negative_slope=0.1, max_value=6)",
        "from_one": "relu(threshold=1)",
        "half": "elu(alpha=0.5)",
        "four/steep": "elu(alpha=3)",
        "learnt": "prelu",
        "wide": "celu(alpha=4)",
        "slanted": "relu(negative_slope=0.1, max_value=6)",
        "probabilities": "softmax",
    }


def test_what_cannot_be_seen_is_listed(cases: Json) -> None:
    wrong = {
        name: each["reported_unreached"]
        for name, each in cases.items()
        if sorted(layer for layer, _ in each["reported_unreached"]) != sorted(each["unreached"])
    }
    assert wrong == {}


def test_padding_changes_no_figure(cases: Json) -> None:
    padded, plain = cases["padded_alike"]["sites"], cases["unpadded"]["sites"]
    wrong = {site: found for site in plain if (found := disagreements(padded[site], plain[site], 1e-5))}
    assert (padded.keys(), wrong) == (plain.keys(), {})


def test_predictions_are_the_same_to_the_last_bit(cases: Json) -> None:
    assert {name: each["predictions"] for name, each in cases.items() if each["predictions"] != 0} == {}


def test_no_variable_state_or_attribute_is_left_changed(cases: Json) -> None:
    assert {name: each["left_behind"] for name, each in cases.items() if each["left_behind"]} == {}


def test_probing_twice_gives_the_same_figures(cases: Json) -> None:
    twice = {name: each["twice_differs"] for name, each in cases.items() if each["twice_differs"] is not None}
    assert len(twice) == 9  # one for each theme
    assert {name: sites for name, sites in twice.items() if sites} == {}


def test_the_backend_is_the_one_that_ran(cases: Json, request: pytest.FixtureRequest) -> None:
    assert {each["backend"] for each in cases.values()} == {request.node.callspec.params["outcomes"]}


def test_the_activation_knows_its_role_and_what_is_in_front(cases: Json) -> None:
    def facts(case: str, site: str) -> tuple[str, bool, bool]:
        found = cases[case]["sites"][site]
        return found["role"], found["fused"], found["normalised"]

    assert facts("deep_tanh", "hidden_1:activation") == ("hidden", True, False)
    assert facts("aligned_before_activation_layer", "hidden:activation") == ("hidden", False, False)
    assert facts("batch_normalization_before_the_activation", "hidden:activation") == ("hidden", False, True)
    assert facts("confident_sigmoid_output", "probability:activation")[0] == "output"
    assert facts("healthy_lstm", "lstm:gate:f")[0] == "gate"
    assert facts("multi_head_attention", "self/attention:softmax")[0] == "attention"


@pytest.mark.parametrize("where", ["in a layer", "between batches"])
@pytest.mark.parametrize(
    ("what", "error"),
    [("an exception", "ArithmeticError"), ("Ctrl-C", "KeyboardInterrupt")],
    ids=["exception", "ctrl-c"],
)
def test_an_interruption_gets_out_and_leaves_nothing_behind(outcomes: Json, where: str, what: str, error: str) -> None:
    found = outcomes["interruptions"][f"{what} {where}"]
    assert found["raised"].startswith(error) and "on purpose" in found["raised"]
    assert (found["left_behind"], found["predictions"]) == ([], 0.0)
