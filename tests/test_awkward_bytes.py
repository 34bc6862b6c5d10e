"""What every rule mends, it mends in every kind of file, and no byte changes that is none of its business.

The programs are the bad examples of the rule cards, so that a new rule takes part by itself. A run takes a share of all
combinations, another one for each example; ``REGLINT_EVERYTHING=1`` takes them all.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from dressing import GAPS, everything, with_gaps
from test_rule_examples import _others, _settings

from reglint import check_source, fix_source
from reglint.cli import main
from reglint.rulebook import load_cards
from reglint.settings import Settings

EVERYTHING = bool(os.environ.get("REGLINT_EVERYTHING"))
SHARE = 150  # of the combinations of dresses, one in so many
GAPS_SHARE = 12


class Program(NamedTuple):
    """A bad example that a fix changes: what it is judged by, and what the fix makes of it."""

    name: str
    text: str
    filename: str
    settings: Settings
    modules: dict[str, str]
    mended: str

    def fixed(self, raw: bytes | str) -> bytes:
        return fix_source(raw, filename=self.filename, settings=self.settings, modules=self.modules)[0]

    def codes(self, raw: bytes | str) -> list[str]:
        found = check_source(raw, filename=self.filename, settings=self.settings, modules=self.modules)
        return sorted(finding.code for finding in found)


def programs() -> Iterator[Program]:
    for card in load_cards().values():
        for example in card.examples if card.kind != "probe" else ():
            if example.label != "bad":
                continue
            settings, others = _settings(card, example, unsafe_fixes=True), _others(card, example)
            raw, _ = fix_source(example.source, filename=example.filename, settings=settings, modules=others)
            if raw.decode() != example.source:
                name = f"{card.code}-line-{example.line}"
                yield Program(name, example.source, example.filename, settings, others, raw.decode())


PROGRAMS = list(programs())
DRESSES = list(everything())
each_program = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)


def share(program: Program, combinations: Sequence[Any], one_in: int) -> Sequence[Any]:
    """The program's share: over all programs each combination comes up, and none is met by its neighbours only."""
    return combinations if EVERYTHING else combinations[PROGRAMS.index(program) * 7 % one_in :: one_in]


def test_every_rule_with_a_fix_takes_part() -> None:
    fixing = {card.code for card in load_cards().values() if card.applicability is not None}
    assert {program.name.partition("-")[0] for program in PROGRAMS} >= fixing


@each_program
def test_a_file_in_another_dress_is_mended_as_the_plain_one_and_no_other_byte_changes(program: Program) -> None:
    for dress in share(program, DRESSES, SHARE):
        raw = dress(program.text)
        mended = program.fixed(raw)
        assert dress.same(mended, dress(program.mended)), str(dress)
        assert program.fixed(mended) == mended, str(dress)


@each_program
def test_whatever_stands_between_the_tokens_of_a_call_is_kept(program: Program) -> None:
    for (name, gap), step, line_end in share(program, list(product(GAPS.items(), (1, 2, 3), ["\n", "\r\n"])), 12):
        text = with_gaps(program.text, gap, step).replace("\n", line_end)
        assert program.codes(text) == program.codes(program.text), name
        mended = program.fixed(text)
        if name.startswith("a comment"):
            comment = gap.strip()
            assert mended.decode().count(comment) == text.count(comment), name
        assert not (line_end == "\r\n" and b"\n" in mended.replace(b"\r\n", b"")), name
        assert program.fixed(mended) == mended, name


def test_a_regularizer_of_contrib_with_a_comment_in_it_is_left_to_its_author() -> None:
    call = "tf.keras.layers.Dense(8, kernel_regularizer=tf.contrib.{}layers.l2_regularizer(0.1))"
    text = f"import tensorflow as tf\n{call}\n"
    plain, odd = (text.format(gap) for gap in ("", "  # why\n"))
    found = [check_source(each, modules={}) for each in (plain, odd)]
    assert [[finding.code for finding in each] for each in found] == [["REG105"], ["REG105"]]
    assert found[0][0].fix is not None
    assert (found[1][0].fix, found[1][0].fix_withheld) == (None, "a comment would be lost")


NAMES = ("a b.py", "-r.py", "ñ 漢字.py", "a\nb.py", "a'\"$(touch x).py", "[!a]*.py", "x" * 200 + ".py", "...py", "#.py")
MODES = (0o600, 0o644, 0o755, 0o4751)


@pytest.mark.skipif(os.name != "posix", reason="names and modes of POSIX")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", ["itself", "a link", "a link to a link", "a link out of the folder"])
def test_a_file_is_mended_under_every_name_with_its_mode_and_its_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, way: str
) -> None:
    old = b'from keras.layers import Dense\r\nlayer = Dense(8,\tW_regularizer = "l2")'
    new = old.replace(b"W_reg", b"kernel_reg")
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    real = Path("..", "real.py") if "out" in way else Path("real") if "link" in way else Path(name)
    real.write_bytes(old)
    mode = MODES[NAMES.index(name) % len(MODES)]
    real.chmod(mode)
    if way == "a link to a link":
        os.symlink(real, "between")
        os.symlink("between", name)
    elif "link" in way:
        os.symlink(real, name)
    main(["fix", "--no-cache", "."])
    assert real.read_bytes() == new
    assert stat.S_IMODE(real.stat().st_mode) == mode
    assert Path(name).is_symlink() is ("link" in way)
    main(["fix", "--no-cache", "."])
    assert real.read_bytes() == new
    assert not [path for path in folder.iterdir() if path.suffix == ".tmp"]
