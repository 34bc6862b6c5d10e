"""What the tables in ``rules/facts`` claim about releases, against recorded runs and against the Keras installed here.

Every table with a ``claim`` says: in ``releases`` the claim comes out as ``result``, in the other releases of the
packages it names it does not. ``tests/oracle/measure_claims.py`` is what measures.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import read_toml

from reglint.versions import contains

ORACLE = Path(__file__).parent / "oracle"
FACTS = Path(__file__).parents[1] / "rules" / "facts"
PACKAGES = {"keras": "keras", "tensorflow.keras": "tensorflow", "tf_keras": "tf-keras", "keras_core": "keras-core"}
FORMATS = {"keras", "h5", "json"}
MODULES = {"keras": "keras", "tf_keras": "tf_keras"}


class Claim(NamedTuple):
    """One row of a table of facts."""

    table: str
    claim: str
    result: object
    releases: dict[str, str]
    backends: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.table}:{self.claim}={self.result}"


class Measured(NamedTuple):
    """What a real release gave."""

    package: str
    version: str
    backend: str
    claims: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.package}-{self.version}-{self.backend}"


def claims_in(table: str, value: object) -> Iterator[Claim]:
    if isinstance(value, dict):
        if "claim" in value:
            backends = tuple(value.get("backends", ()))
            yield Claim(table, value["claim"], outcome(value["result"]), value["releases"], backends)
        for below in value.values():
            yield from claims_in(table, below)
    elif isinstance(value, list):
        for below in value:
            yield from claims_in(table, below)


def measured_in(raw: str) -> Measured:
    run = json.loads(raw)
    package = PACKAGES.get(run["package"], run["package"])
    version = run["version"]
    if package == "tensorflow":  # what tf.keras calls itself says less than the TensorFlow that brings it
        version = run["libraries"]["tensorflow"]
    return Measured(package, version, run["backend"], run["claims"])


def outcome(value: Any) -> object:
    """A measured value as the tables write it; None where the release has nothing to measure."""
    if isinstance(value, dict):
        if "error" in value:
            return None if value["error"].startswith("Absent") else "error"
        if set(value) == {"batch", "ratio"}:
            return "sum" if value["ratio"] == pytest.approx(1, rel=1e-3) else "mean"
        return survival(value) if set(value) <= FORMATS else value
    if isinstance(value, str) and "Error" in value.partition(":")[0]:
        return "error"
    return value


def survival(formats: dict[str, dict[str, str]]) -> str:
    """What saving and loading without further help came to: in which step every format fails, or "ok"."""
    for step in ("save", "load"):
        if all(each.get(step, "ok") != "ok" for each in formats.values()):
            return step
    return "ok"


def value_of(run: Measured, claim: str) -> object:
    """The outcome of a claim; a dot leads into its parts."""
    name, *parts = claim.split(".")
    value = run.claims.get(name)
    for part in parts:
        value = value.get(part) if isinstance(value, dict) and "error" not in value else value
    return outcome(value)


def same(value: object, result: object) -> bool:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and isinstance(result, (int, float)):
        return value == pytest.approx(result, rel=0.02, abs=1e-4)
    return value == result


CLAIMS = [claim for path in sorted(FACTS.glob("*.toml")) for claim in claims_in(path.stem, read_toml(path))]
RECORDED = [measured_in(path.read_text()) for path in sorted((ORACLE / "measurements").glob("*.json"))]


def contradictions(run: Measured) -> Iterator[str]:
    """The claims that a run of a release does not bear out."""
    for claim in CLAIMS:
        if run.package not in claim.releases or (claim.backends and run.backend not in claim.backends):
            continue
        value = value_of(run, claim.claim)
        if value is None:
            continue
        holds = contains(claim.releases[run.package], run.version)
        if same(value, claim.result) != holds:
            yield f"{run}: {claim} {'should' if holds else 'should not'} hold, measured {value!r}"


@pytest.mark.parametrize("run", RECORDED, ids=str)
def test_a_recorded_release_bears_out_every_claim_about_it(run: Measured) -> None:
    assert list(contradictions(run)) == []


@pytest.mark.parametrize("claim", CLAIMS, ids=str)
def test_every_claim_was_measured_on_a_release_in_which_it_holds(claim: Claim) -> None:
    assert any(
        run.package in claim.releases
        and contains(claim.releases[run.package], run.version)
        and same(value_of(run, claim.claim), claim.result)
        for run in RECORDED
    )


@cache
def measured_here(module: str) -> Measured:
    """Every claim, measured on the Keras that is installed; its own process, since a process holds one backend."""
    environment = dict(os.environ)
    if module == "keras":
        environment.setdefault("KERAS_BACKEND", "jax" if importlib.util.find_spec("jax") else "tensorflow")
    wanted = "|".join(sorted({claim.claim.partition(".")[0] for claim in CLAIMS}))
    command = [sys.executable, str(ORACLE / "measure_claims.py"), module, f"^({wanted})$"]
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr[-2000:]
    return measured_in(run.stdout)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_the_keras_installed_here_bears_out_every_claim_about_it(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed; `pip install -e '.[keras]'` brings it")
    assert list(contradictions(measured_here(module))) == []
