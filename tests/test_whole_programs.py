"""The page about whole programs says what its record says, the record is complete, and figures hold when retaken."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

ORACLE = Path(__file__).parent / "oracle"
sys.path.insert(0, str(ORACLE))

import whole_programs  # noqa: E402
from programs import document as page  # noqa: E402

RECORD = json.loads(whole_programs.RECORD.read_text(encoding="utf-8"))
ENTRIES = [(release, name, entry) for release, programs in RECORD.items() for name, entry in programs.items()]


def test_the_page_is_what_the_record_makes_it():
    template = whole_programs.TEMPLATE.read_text(encoding="utf-8")
    assert whole_programs.DOCUMENT.read_text(encoding="utf-8") == page.document(RECORD, template)


def test_every_program_was_run_before_and_after_on_the_same_keras():
    sides = [entry[side] for _, _, entry in ENTRIES for side in ("before", "after")]
    assert {side["keras"] for side in sides if "keras" in side} == {"3.15.1"}
    assert len({(release, name) for release, name, _ in ENTRIES}) == len(ENTRIES)


def test_whatever_stops_a_program_after_the_fix_has_a_class():
    unsorted = [
        (release, name, function, error["type"], error["message"])
        for release, name, entry in ENTRIES
        for function, error in page.errors_of(entry, "after")
        if page.reason_of(error) is None
    ]
    assert unsorted == []


def test_the_fix_takes_no_program_back():
    """What imported and built its models untouched still does after the fix."""
    for release, name, entry in ENTRIES:
        before, after = entry["before"], entry["after"]
        assert after.get("imports", False) >= before.get("imports", False), (release, name)
        if entry["kind"] == "script":
            assert page.builds(after) >= page.builds(before), (release, name)
        lost = set(page.functions_that_build(before)) - set(page.functions_that_build(after))
        assert not lost, (release, name)


def test_no_source_text_and_no_path_of_a_machine_is_in_the_record():
    text = whole_programs.RECORD.read_text(encoding="utf-8")
    assert '"source"' not in text
    assert not re.findall(r"(?<![\w.:/\]\\-])/(?:[\w.-]+/)+[\w.-]*", text)


@pytest.mark.parametrize("verdict", [{"end": "end"}, {"end": "training"}, {"end": "error", "past": True}])
def test_a_script_builds_its_models_if_all_that_it_makes_are_built_and_nothing_stops_it_before(verdict):
    assert page.builds(verdict | {"made": 2, "built": 2})
    assert not page.builds(verdict | {"made": 2, "built": 1})
    assert not page.builds(verdict | {"made": 0, "built": 0})


@pytest.mark.parametrize("verdict", [{"end": "error", "past": False}, {"end": "timeout"}, {"end": "died"}])
def test_a_script_that_stops_too_early_does_not_build_its_models(verdict):
    assert not page.builds(verdict | {"made": 2, "built": 2})


def test_a_test_function_builds_its_models_if_it_passes_or_stops_at_its_own_assertion():
    outcomes = {"a": "passed", "b": "assertion", "c": "error", "d": "skipped"}
    verdict = {"functions": {name: {"outcome": outcome} for name, outcome in outcomes.items()}}
    assert page.functions_that_build(verdict) == ["a", "b"]


AGAIN = [("2.0.8", "examples/mnist_mlp.py"), ("2.0.8", "examples/babi_rnn.py"), ("2.0.8", "examples/deep_dream.py")]


@pytest.mark.skipif(
    not {"REGLINT_ORACLE_KERAS3", "REGLINT_ORACLE_PROGRAMS"} <= set(os.environ),
    reason="needs a Python with Keras 3.15.1 (REGLINT_ORACLE_KERAS3) and the sources (REGLINT_ORACLE_PROGRAMS/2.0.8)",
)
@pytest.mark.parametrize(("release", "program"), AGAIN)
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_program_measured_again_gives_the_recorded_verdict(release, program, side, tmp_path):
    source = Path(os.environ["REGLINT_ORACLE_PROGRAMS"]) / release / program
    target = tmp_path / program
    target.parent.mkdir()
    shutil.copy(source, target)
    whole_programs.prepare(tmp_path)
    if side == "after":
        whole_programs.fix(tmp_path)
    verdict = whole_programs.run(os.environ["REGLINT_ORACLE_KERAS3"], tmp_path, program, "script")
    assert verdict == RECORD[release][program][side]
