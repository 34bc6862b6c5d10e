"""Programs are run, fixed and run again: a safe fix never changes what a program does."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from execution_programs import program, project, straightforward
from execution_world import RENAMED, World, run
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from reglint import check_source, fix_source

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")

TAPE = 500  # decisions of a long program
# The same programs in every run; to hunt for new ones, say how many: REGLINT_EXAMPLES=20000.
HUNT = int(os.environ.get("REGLINT_EXAMPLES", "0"))
often = settings(
    max_examples=HUNT or 300,
    derandomize=not HUNT,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def programs(draw: Any, write: Any) -> dict[str, str]:
    """Programs as ``write`` writes them: path below the root → text. One byte for each decision, which is fast."""
    tape = iter(draw(st.binary(min_size=TAPE, max_size=TAPE)))
    sources: dict[str, str] = write(lambda options: options[next(tape, 0) % len(options)])
    for path, text in sources.items():
        try:
            compile(text, path, "exec")
        except SyntaxError:
            assume(False)
    return sources


def fixed(sources: dict[str, str]) -> dict[str, str]:
    """Every module with its safe fixes, each judged beside the others as they were."""
    return {path: fix_source(text, filename=path, modules=sources)[0].decode() for path, text in sources.items()}


def check_program(sources: dict[str, str]) -> None:
    before = run(sources)
    after = fixed(sources)
    if after != sources:
        assert before.agrees(run(after)), after["main.py"]
        assert fixed(after) == after


@given(programs(program))
@often
def test_a_fixed_program_does_what_it_did(sources: dict[str, str]) -> None:
    check_program(sources)


@given(programs(project))
@often
def test_a_fixed_project_of_several_modules_does_what_it_did(sources: dict[str, str]) -> None:
    check_program(sources)


@given(programs(straightforward))
@often
def test_every_old_keyword_that_a_plain_call_gave_to_a_layer_is_found(sources: dict[str, str]) -> None:
    check_program(sources)
    world = World()
    run(sources, world)
    text = sources["main.py"]
    found = {
        (text.count("\n", 0, f.start) + 1, text[f.start : f.end])
        for f in check_source(text, filename="main.py", modules=sources)
    }
    for path, line, layer, keywords in world.sites:
        assert path == "main.py"
        missed = {name for name in keywords if name in RENAMED[layer]} - {name for row, name in found if row == line}
        assert not missed, (line, layer, missed)


def test_the_pretended_keras_takes_both_spellings_but_not_at_once() -> None:
    line = "from keras.layers import Dense\nDense({})\n"
    old, new = (run({"main.py": line.format(f"{name}=1")}) for name in ("W_regularizer", "kernel_regularizer"))
    both = run({"main.py": line.format("W_regularizer=1, kernel_regularizer=1")})
    assert old == new != both
    assert (both.ended, both.worked) == ("TypeError", False)


def test_the_look_alike_tells_the_spellings_apart() -> None:
    line = "from foreign import Dense\nDense({}=1)\n"
    assert run({"main.py": line.format("W_regularizer")}) != run({"main.py": line.format("kernel_regularizer")})


def test_many_programs_run_to_their_end_and_are_changed_by_a_fix() -> None:
    ended = changed = 0
    for rank in range(60):
        sources = program(random.Random(rank).choice)
        try:
            ended += run(sources).ended == ""
        except SyntaxError:
            continue
        changed += fixed(sources) != sources
    assert ended > 20
    assert changed > 20
