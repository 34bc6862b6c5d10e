"""Large and deep files are done or refused with a line, and the file beside them is done; the times are in the docs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from large_files import LARGE, measured

REFUSED = {
    "an expression of 10,000 terms": "too many terms",
    "3,000 nested brackets": "nested too deeply",
    "a line of 10 MB, 3,300,000 numbers": "too large to parse",
    "a line of 10 MB, one string": "too large to parse",
}
#: A run takes the quick ones; ``python tests/large_files.py`` takes and measures all.
QUICK = (*REFUSED, "nothing", "an expression of 900 terms", "a module of 10 MB that another imports")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="measures memory as POSIX does")


@pytest.mark.parametrize("name", QUICK)
def test_a_large_file_is_done_or_refused_and_the_file_beside_it_is_done(name: str, tmp_path: Path) -> None:
    found = measured(name, tmp_path)
    assert REFUSED.get(name, "done") in found.outcome
    assert found.status == (2 if name in REFUSED else 1)
    assert found.is_good_done
    assert found.megabytes < 1000


def test_what_is_said_to_be_refused_is_measured_too() -> None:
    assert set(REFUSED) < set(LARGE)
