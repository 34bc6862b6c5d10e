"""Whether the tables of old calls, and what the tool makes of such calls, are what real releases bear out.

``tests/oracle/pairs.py`` makes the pairs, ``tests/oracle/verdicts`` holds what was judged of them, and
``tests/oracle/unproven.toml`` names those that a release cannot judge, and why. With REGLINT_ORACLE_PYTHON, an
interpreter that ``tests/oracle/environment.sh`` made, everything is judged anew.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import read_toml

from reglint.rulebook import load_cards
from reglint.versions import contains

ORACLE = Path(__file__).parent / "oracle"
sys.path.insert(0, str(ORACLE))

import judge_pairs  # noqa: E402
import pairs  # noqa: E402
import prove  # noqa: E402

TABLES = [path.stem for path in sorted(pairs.FACTS.glob("*.toml")) if any(pairs.rows_in(read_toml(path)))]
NAMES = [*TABLES, *(code for code in sorted(load_cards()) if code in pairs.CARDS)]
EXCEPTIONS = read_toml(ORACLE / "unproven.toml")["exception"]
RELEASES = (prove.OLD, *prove.TODAY)


@cache
def pairs_of(name: str) -> dict[str, pairs.Pair]:
    """id -> pair, of one table or card."""
    return {pair.id: pair for pair in pairs.pairs((name,))}


@cache
def record() -> dict[str, Any]:
    return prove.recorded_verdicts()


def recorded_of(name: str) -> dict[str, Any]:
    """id -> entry of the record, of one table or card."""
    return {id: entry for id, entry in record().items() if id.partition(" ")[0] == name}


def excused(id: str, release: str, verdict: str) -> bool:
    """Is it known, with its reason, that this release says that of the pair?"""
    return any(applies(exception, id, release, verdict) for exception in EXCEPTIONS)


def applies(exception: Mapping[str, Any], id: str, release: str, verdict: str) -> bool:
    return (
        any(fnmatchcase(id, pattern) for pattern in exception["pairs"])
        and release in exception["releases"]
        and fnmatchcase(str(verdict), exception["verdict"])
    )


def unproven(name: str) -> Iterator[str]:
    """The pairs whose recorded verdicts do not bear out what their rows say."""
    recorded = recorded_of(name)
    for id, pair in pairs_of(name).items():
        for release in RELEASES if id in recorded else ():  # a pair without a record is told of by another test
            if not bears_out(pair, release, recorded[id]) and not excused(id, release, recorded[id][release]):
                yield f"{id} on {release}, {pair.proof} by {pair.fix} fix: {recorded[id][release]}"


def bears_out(pair: pairs.Pair, release: str, entry: Mapping[str, Any]) -> bool:
    """Is a verdict what the proof of the pair's row promises?"""
    if pair.proof == pairs.REPORTED:
        return True
    if release == prove.OLD:
        verdicts = {entry[release], *entry.get("bridge", {}).values()}
        return pair.proof in verdicts or "equal-config" in verdicts  # which says more than equal-run
    package, _, version = release.partition("-")
    if pair.holds is not None and not contains(pair.holds.get(package.replace("_", "-"), "<0"), version):
        return True
    return entry[release] in (prove.SAME, prove.RUNS)


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_a_pair_or_says_what_else_shows_it(table: str) -> None:
    ids = pairs_of(table)
    without = [
        path
        for path, row in pairs.rows_in(read_toml(pairs.FACTS / f"{table}.toml"))
        if not any(
            id == f"{table} {path}" or id.startswith(f"{table} {path.replace('.arguments.', '.')}=") for id in ids
        )
        and not (row.keys() & {"why", "claim"})
    ]
    assert without == []


@pytest.mark.parametrize("table", TABLES)
def test_every_row_names_a_proof_and_one_that_is_only_reported_says_why(table: str) -> None:
    rows = dict(pairs.rows_in(read_toml(pairs.FACTS / f"{table}.toml")))
    assert {row["proof"] for row in rows.values()} <= {*pairs.EQUAL, pairs.REPORTED}
    assert [
        p for p, row in rows.items() if row["proof"] == pairs.REPORTED and not (row.get("why") or row.get("instead"))
    ] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_record_holds_what_the_tool_makes_of_the_old_programs_today(name: str) -> None:
    shown = {id: (pair.old, pair.new, pair.today, pair.fix, pair.proof) for id, pair in pairs_of(name).items()}
    recorded = {
        id: tuple(entry.get(key) for key in ("old", "new", "today", "fix", "proof"))
        for id, entry in recorded_of(name).items()
    }
    assert recorded == shown


@pytest.mark.parametrize("name", NAMES)
def test_the_recorded_verdicts_bear_out_every_row_and_every_fix(name: str) -> None:
    assert list(unproven(name)) == []


@pytest.mark.parametrize("table", TABLES)
def test_the_tool_mends_every_old_program_whose_row_has_a_proof(table: str) -> None:
    ids = pairs_of(table)
    left = [
        id
        for id, pair in ids.items()
        if pair.proof in pairs.EQUAL and pair.fix in ("row", "none") and f"{id} (tool)" not in ids
    ]
    assert [id for id in left if not excused(id, "tool", "left as it is")] == []


@pytest.mark.parametrize("number", range(len(EXCEPTIONS)))
def test_an_exception_says_why_and_excuses_just_what_was_looked_at(number: int) -> None:
    exception = EXCEPTIONS[number]
    assert exception["why"]
    excused_by_it = [
        (id, release)
        for id, entry in record().items()
        for release, verdict in [*entry.items(), ("tool", "left as it is")]
        if applies(exception, id, release, verdict)
    ]
    assert excused_by_it and len(excused_by_it) == exception["excuses"], excused_by_it


@cache
def judged_here(release: str) -> dict[str, Any]:
    """id -> entry with the verdict of a release, judged now."""
    interpreter = os.environ.get("REGLINT_ORACLE_PYTHON")
    if not interpreter:
        pytest.skip("REGLINT_ORACLE_PYTHON names no interpreter that tests/oracle/environment.sh made")
    package = release.partition("-")[0]
    if release in prove.TODAY and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed; `pip install -e '.[keras]'` brings it")
    every = [pair for name in NAMES for pair in pairs_of(name).values()]
    python = {release: sys.executable if release in prove.TODAY else interpreter}
    return {entry["id"]: entry for entry in prove.record_of(every, record(), python, again=True)}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", NAMES)
def test_a_release_that_is_at_hand_says_what_was_recorded(name: str, release: str) -> None:
    judged = judged_here(release)
    assert {id: judged[id][release] for id in pairs_of(name)} == {id: e[release] for id, e in recorded_of(name).items()}


def test_every_value_that_a_table_converts_is_in_a_pair() -> None:
    calls = read_toml(pairs.FACTS / "calls.toml")
    converted = {(name, value) for name, table in calls["values"].items() for value in table}
    shown = {
        (row["values"], value)
        for layer, facts in calls.items()
        for old, row in facts.get("arguments", {}).items()
        if "values" in row
        for value in pairs.values_of(layer, old)
    }
    assert converted <= shown


# ---------------------------------------------------------------------------------------------------- the judge itself


def sides(old: Any, new: Any) -> dict[str, Any]:
    """What the script says where two programs leave these values."""
    return {
        "old": {"left": 1, "built": {}},
        "new": {"left": 1, "built": {}},
        "differ": judge_pairs.compare(old, new),
        "ran": False,
    }


def test_two_configurations_are_equal_where_every_key_and_value_is() -> None:
    config = {"units": 4, "rate": 0.3, "kernel_initializer": {"class_name": "Ones", "config": {}}, "shape": [None, 3]}
    assert prove.verdict_of_equality(sides(config, dict(config))) == "equal-config"


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ({"units": 4}, {"units": 5}, ".units 4 -> 5"),
        ({"units": 4}, {}, ".units 4 -> absent"),
        ({"use_bias": True}, {"use_bias": 1}, ".use_bias"),
        ({"shape": [None, 3]}, {"shape": [3]}, ".shape"),
        ({"a": {"b": [0.1]}}, {"a": {"b": [0.2]}}, ".a.b[0]"),
    ],
)
def test_a_verdict_says_where_two_configurations_differ(old: Any, new: Any, where: str) -> None:
    assert prove.verdict_of_equality(sides(old, new)).startswith(f"different: {where}")


def test_a_verdict_tells_which_program_failed() -> None:
    good, bad = {"left": 1, "built": {}}, {"error": "TypeError: no"}
    assert prove.verdict_of_equality({"old": bad, "new": good, "ran": False}) == "old fails: TypeError: no"
    assert prove.verdict_of_equality({"old": good, "new": bad, "ran": False}) == "new fails: TypeError: no"
    assert prove.verdict_of_equality({"old": bad, "ran": False}) == "left as it is; TypeError: no"


def test_programs_that_leave_nothing_prove_nothing() -> None:
    nothing = {"left": 0, "built": {}}
    verdict = prove.verdict_of_equality({"old": nothing, "new": nothing, "differ": [], "ran": False})
    assert verdict == "nothing to compare"


def test_a_release_of_today_must_build_what_keras_2_built() -> None:
    then = {"layer": {"output": [[None, 4]], "weights": 2}}
    assert prove.verdict_of_today({"new": {"left": 1, "built": then}}, then) == prove.SAME
    fewer = {"layer": {"output": [[None, 4]], "weights": 1}}
    assert "2 weights -> [[None, 4]] with 1 weights" in prove.verdict_of_today(
        {"new": {"left": 1, "built": fewer}}, then
    )
    assert prove.verdict_of_today({"new": {"error": "ValueError: no"}}, then) == "fails: ValueError: no"
