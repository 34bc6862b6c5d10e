"""Reports between processes: all of them arrive as they were, and what travels is strict JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports import broken, full, hostile

from reglint.findings import Severity
from reglint.probe.process.transfer import dumps, loads, report_from_json, strict
from reglint.probe.values import (
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

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
DATA = st.dictionaries(st.text(max_size=8), PLAIN, max_size=4)
PLACES = st.from_type(Place)


def several(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=2).map(tuple)


SITES = st.builds(Site, histogram=several(st.integers()), kernel=st.none() | st.from_type(Kernel))
PENALTIES = st.builds(Penalty, strength=st.dictionaries(st.text(max_size=5), st.floats(), max_size=2))
FINDINGS = st.builds(ProbeFinding, severity=st.sampled_from(Severity), data=DATA, place=st.none() | PLACES)
REPORTS = st.builds(
    ProbeReport,
    measurement=st.builds(
        Measurement,
        sites=several(SITES),
        outputs=several(st.from_type(Output)),
        unreached=several(st.from_type(Unreached)),
    ),
    findings=several(FINDINGS),
    penalties=several(PENALTIES),
    places=st.dictionaries(st.text(max_size=5), PLACES, max_size=2),
)


def no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


@settings(deadline=None)
@given(REPORTS)
def test_a_report_arrives_as_it_was(report: ProbeReport) -> None:
    text = dumps(report.as_json())
    assert "\n" not in text
    arrived = report_from_json(loads(text))
    # NaN is not equal to itself, but reads like itself
    assert repr(arrived) == repr(report)


@pytest.mark.parametrize("report", [full(), broken(), hostile()], ids=["full", "broken", "hostile"])
def test_a_report_of_a_real_model_arrives_as_it_was(report: ProbeReport) -> None:
    text = dumps(report.as_json())
    assert dumps(report_from_json(loads(text)).as_json()) == text


@given(PLAIN)
def test_what_travels_and_what_is_reported_is_strict_json(value: Any) -> None:
    json.loads(dumps(value), parse_constant=no_constant)
    json.loads(json.dumps(strict(value), allow_nan=False), parse_constant=no_constant)


def test_the_words_for_what_json_does_not_know_are_read_as_numbers_elsewhere() -> None:
    words = strict([math.nan, math.inf, -math.inf, 1.5])
    assert words == ["NaN", "Infinity", "-Infinity", 1.5]
    assert [repr(float(word)) for word in words] == ["nan", "inf", "-inf", "1.5"]


def test_numbers_of_numpy_travel_as_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    value = {"a": numpy.float32(0.5), "b": numpy.float64("nan"), "c": numpy.int64(3), "d": numpy.arange(2)}
    arrived = loads(dumps(value))
    assert math.isnan(arrived.pop("b"))
    assert arrived == {"a": 0.5, "c": 3, "d": [0, 1]}


@pytest.mark.parametrize("value", [{}, {"model": "m"}, {**full().as_json(), "measurement": None}])
def test_what_is_no_report_is_refused(value: Any) -> None:
    with pytest.raises((KeyError, TypeError, AttributeError)):
        report_from_json(value)
