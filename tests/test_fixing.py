"""Fixes go together where they can, alone where they must, and never past a guard; files are written whole or not."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reglint import fix_source, fixing
from reglint.findings import Applicability, Edit, Finding, Fix, Severity
from reglint.fixing import FixOutcome, WriteError, apply_fixes, write_atomically
from reglint.settings import Settings
from reglint.source import Source, source_from_bytes

Check = Callable[[Source], list[Finding]]


def finding(
    edits: list[Edit], code: str = "REG101", applicability: Applicability = Applicability.SAFE, at: int | None = None
) -> Finding:
    start = edits[0].start if at is None else at
    return Finding(code, "x", Severity.ERROR, "m", start, start + 1, Fix(applicability, "do", tuple(edits)))


def renaming(applicability: Applicability = Applicability.SAFE, code: str = "REG101", **names: str) -> Check:
    """A check that wants each of the names to be written otherwise."""

    def check(source: Source) -> list[Finding]:
        matches = re.finditer(rf"\b({'|'.join(names)})\b", source.text)
        return [finding([Edit(*m.span(), m[0], names[m[0]])], code, applicability) for m in matches]

    return check


def fixed(text: str | bytes, check: Check, *, unsafe: bool = False, filename: str = "a.py") -> FixOutcome:
    source = source_from_bytes(text.encode() if isinstance(text, str) else text, filename)
    outcome = apply_fixes(source, check(source), unsafe=unsafe, recheck=check)
    after = check(source_from_bytes(outcome.raw, filename))
    assert [f.start for f in outcome.remaining] == [f.start for f in after]
    return outcome


def replacing(old: str, new: str, code: str = "REG101") -> Check:
    """A check that wants any occurrence of some text to be replaced."""

    def check(source: Source) -> list[Finding]:
        found = re.finditer(re.escape(old), source.text)
        return [finding([Edit(*m.span(), old, new)], code) for m in found]

    return check


def both(*checks: Check) -> Check:
    return lambda source: sorted((f for check in checks for f in check(source)), key=lambda f: f.start)


def reasons(outcome: FixOutcome) -> list[str]:
    """Why fixes were refused; checks that their findings say so and stay."""
    for refused, reason in outcome.refused:
        assert refused in outcome.remaining
        assert (refused.fix, refused.fix_withheld) == (None, reason)
    return [reason for _, reason in outcome.refused]


# Which fixes are applied.


def test_every_fix_is_applied_and_nothing_else_changes() -> None:
    outcome = fixed("# é\r\nDense(W=Dense(W=1),b=2)\r", renaming(W="kernel", b="bias"))
    assert outcome == FixOutcome("# é\r\nDense(kernel=Dense(kernel=1),bias=2)\r".encode(), 3, [], [])


def test_without_findings_the_bytes_are_the_same() -> None:
    assert fixed("x = 1", renaming(W="kernel")) == FixOutcome(b"x = 1", 0, [], [])


@pytest.mark.parametrize(
    ("applicability", "unsafe", "applied"),
    [
        (Applicability.SAFE, False, 1),
        (Applicability.UNSAFE, False, 0),
        (Applicability.UNSAFE, True, 1),
        (Applicability.DISPLAY, True, 0),
    ],
)
def test_fixes_are_applied_as_far_as_the_user_allows(applicability: Applicability, unsafe: bool, applied: int) -> None:
    outcome = fixed("W", renaming(applicability, W="kernel"), unsafe=unsafe)
    assert outcome.applied == applied
    assert outcome.refused == []
    assert [f.fix is not None for f in outcome.remaining] == [True] * (1 - applied)


def test_edits_shared_by_several_findings_count_once() -> None:
    def check(source: Source) -> list[Finding]:
        places = [m.span() for m in re.finditer(r"\bl1l2\b", source.text)]
        edits = [Edit(*place, "l1l2", "L1L2") for place in places]
        return [finding([edits[0], edit], at=edit.start) for edit in edits[1:]] + [finding(edits) for _ in edits[:1]]

    outcome = fixed("from k import l1l2\nl1l2(1)\nl1l2(2)\n", check)
    assert outcome == FixOutcome(b"from k import L1L2\nL1L2(1)\nL1L2(2)\n", 3, [], [])


def test_equal_edits_are_as_careful_as_the_most_careful_finding() -> None:
    def check(source: Source) -> list[Finding]:
        return renaming(W="k")(source) + renaming(Applicability.UNSAFE, "REG102", W="k")(source)

    assert fixed("W", check).applied == 0
    assert fixed("W", check, unsafe=True) == FixOutcome(b"k", 2, [], [])


def test_of_overlapping_fixes_the_first_wins_and_the_rest_comes_next() -> None:
    def check(source: Source) -> list[Finding]:
        found = re.finditer(r"f\((\w+)\)", source.text)
        outer = [finding([Edit(*m.span(), m[0], m[1])], "REG103") for m in found]
        return outer + renaming(code="REG104", a="b")(source)

    outcome = fixed("f(a) + f(c)\n", check)
    assert outcome == FixOutcome(b"b + c\n", 3, [], [])


def test_several_insertions_at_one_place_are_made_one_after_the_other() -> None:
    def wants(name: str) -> Check:
        line = f"import {name}\n"
        return lambda s: [] if line in s.text else [finding([Edit(0, 0, "", line)], f"REG1{name}")]

    outcome = fixed("x\n", both(wants("a"), wants("b"), wants("c")))
    assert outcome == FixOutcome(b"import c\nimport b\nimport a\nx\n", 3, [], [])


def test_a_chain_of_fixes_is_followed_to_its_end() -> None:
    outcome = fixed("a\n", renaming(a="b", b="c", c="d"))
    assert outcome == FixOutcome(b"d\n", 3, [], [])


def test_passes_end_at_some_time() -> None:
    calls = 0

    def check(source: Source) -> list[Finding]:
        nonlocal calls
        calls += 1
        number = int(source.text.removeprefix("x"))
        return [finding([Edit(0, len(source.text), source.text, f"x{number + 1}")])]

    source = source_from_bytes(b"x0", "a.py")
    assert apply_fixes(source, check(source), unsafe=False, recheck=check).raw == b"x%d" % fixing.MAX_PASSES
    assert calls <= fixing.MAX_PASSES + 1


# Guards.


def test_two_fixes_that_undo_each_other_stop_before_they_do() -> None:
    outcome = fixed("a\n", renaming(a="b", b="a"))
    assert outcome.raw == b"b\n"
    assert reasons(outcome) == ["another fix would undo it"]


def test_a_fix_that_does_not_fit_the_text_does_not_hold_up_others() -> None:
    def check(source: Source) -> list[Finding]:
        return [finding([Edit(0, 1, "?", "!")], "REG102"), *renaming(W="kernel")(source)]

    outcome = fixed("x(W, W, W)", check)
    assert (outcome.raw, outcome.applied) == (b"x(kernel, kernel, kernel)", 3)
    assert reasons(outcome) == ["the text to replace is no longer '?'"]


@pytest.mark.parametrize(
    ("text", "old", "new", "reason"),
    [
        pytest.param("x = bad(1)", "bad", "1 +* ", "parse", id="the result does not parse"),
        pytest.param("x = bad(1)", "bad(", "(", None, id="brackets that still match"),
        pytest.param("x = bad(1)", "bad(", "", "parse", id="brackets that match no more"),
        pytest.param("x = bad (1)", " ", "_", "beside", id="names grow together"),
        pytest.param("bad if x else y", " if", "if", "beside", id="a space is lost"),
        pytest.param("x = bad", "bad", "# bad", "parse", id="nothing left"),
        pytest.param("x = bad, 1", "bad", "1 # bad", "beside", id="the rest becomes a comment"),
        pytest.param("x = bad, 'a'", "bad", "'bad", "beside", id="a quote reaches beyond"),
        pytest.param("x = bad\ny = '''z'''", "bad", "'''", "beside", id="a quote reaches beyond lines"),
        pytest.param("x = 'bad'", "bad", "good", None, id="inside a string"),
        pytest.param("x = 'bad'", "bad", "go' 'od", "beside", id="a string becomes two"),
        pytest.param("x = f(bad)", "bad", "a, b", None, id="one token becomes three"),
        pytest.param("x = f(bad, 1)", "bad, ", "", None, id="tokens taken out"),
        pytest.param("x = f(a, bad)", ", bad", "", None, id="the last one taken out"),
        pytest.param("x.bad = 1", "bad", "2", "beside|parse", id="a dot becomes part of a number"),
    ],
)
def test_only_fixes_that_keep_all_else_pass(text: str, old: str, new: str, reason: str | None) -> None:
    other = renaming(code="REG200", W="kernel")
    outcome = fixed(f"{text}\nW\n", both(lambda s: replacing(old, new)(s)[:1], other))
    if reason is None:
        assert outcome.raw.decode() == f"{text.replace(old, new, 1)}\nkernel\n"
        assert (outcome.applied, outcome.remaining) == (2, [])
    else:
        assert outcome.raw.decode() == f"{text}\nkernel\n"
        assert outcome.applied == 1
        assert len(reasons(outcome)) == 1
        assert re.search(reason, reasons(outcome)[0])


def test_a_fix_that_would_be_offered_again_is_refused() -> None:
    def check(source: Source) -> list[Finding]:
        return [finding([Edit(m.end(), m.end(), "", "0.5 * ")]) for m in re.finditer(r"l2\(", source.text)]

    outcome = fixed("l2(1)", check)
    assert outcome.raw == b"l2(1)"
    assert reasons(outcome) == ["the same fix would be offered again"]


def test_the_same_fix_elsewhere_is_not_again() -> None:
    def check(source: Source) -> list[Finding]:
        return renaming(W="kernel")(source)[:1]

    assert fixed("W, W, W", check) == FixOutcome(b"kernel, kernel, kernel", 3, [], [])


def test_refused_fixes_are_known_again_after_others_have_moved_them() -> None:
    offered = 0

    def check(source: Source) -> list[Finding]:
        nonlocal offered
        found = both(renaming(code="REG102", bad="("), renaming(a="bb", bb="ccc"))(source)
        offered += any(f.code == "REG102" for f in found)
        return found

    outcome = fixed("a, bad, a", check)
    assert (outcome.raw, outcome.applied) == (b"ccc, bad, ccc", 4)
    assert len(reasons(outcome)) == 1
    assert outcome.refused[0][0].start == 5


@pytest.mark.parametrize("text", ["a, a, bad, a", "bad, a", "a(bad)", "abc-bad, a, a"])
def test_a_refused_fix_is_not_tried_again_when_others_have_moved_it(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    parse = fixing.syntax.parse
    monkeypatch.setattr(fixing.syntax, "parse", lambda source: tried.append(source.text) or parse(source))
    renamed = renaming(a="bb", bb="ccc", abc="d", d="eeee")
    outcome = fixed(text, both(renaming(code="REG102", bad="(+"), renamed))
    assert b"bad" in outcome.raw and b"bb" not in outcome.raw
    assert len(reasons(outcome)) == 1
    assert tried and not any("(+" in one and ("ccc" in one or "eeee" in one) for one in tried)


def test_a_refused_fix_is_tried_again_where_another_has_changed_its_text() -> None:
    def check(source: Source) -> list[Finding]:
        return renaming(code="REG102", bad="(", worse="(")(source) + renaming(bad="worse")(source)

    outcome = fixed("bad, bad", check)
    assert reasons(outcome) == ["the result would not parse"] * 2


def test_one_bad_fix_among_many_costs_few_tries() -> None:
    calls = 0
    rename = both(renaming(W="kernel"), renaming(code="REG102", bad=")"))

    def check(source: Source) -> list[Finding]:
        nonlocal calls
        calls += 1
        return rename(source)

    outcome = fixed("W\n" * 200 + "bad\n" + "W\n" * 200, check)
    assert (outcome.applied, len(outcome.remaining)) == (400, 1)
    assert calls < 30


def test_many_bad_fixes_hold_up_no_other() -> None:
    outcome = fixed("W\nbad\n" * 50, both(renaming(W="kernel"), renaming(code="REG102", bad=")")))
    assert (outcome.raw, outcome.applied) == (b"kernel\nbad\n" * 50, 50)
    assert len(reasons(outcome)) == 50


def test_a_fix_with_overlapping_edits_is_refused() -> None:
    def check(source: Source) -> list[Finding]:
        return [finding([Edit(0, 2, "ab", "x"), Edit(1, 3, "bc", "y")])] if "abc" in source.text else []

    assert reasons(fixed("abc", check)) == ["two edits overlap"]


def test_python_2_stays_python_2() -> None:
    outcome = fixed("print x, W\n", renaming(W="kernel"))
    assert outcome.raw == b"print x, kernel\n"
    outcome = fixed("print (W)\n", replacing("(W)", "W"))
    assert outcome.raw == b"print (W)\n"
    assert len(outcome.refused) == 1


def test_a_notebook_with_a_broken_cell_is_mended_elsewhere() -> None:
    cells = [{"cell_type": "code", "source": text} for text in ("x = (W", "%cd\nf(W)", "g(bad)")]
    raw = json.dumps({"cells": cells}).encode()
    outcome = fixed(raw, both(renaming(W="kernel"), renaming(code="REG102", bad="(")), filename="a.ipynb")
    assert [c["source"] for c in json.loads(outcome.raw)["cells"]] == ["x = (kernel", "%cd\nf(kernel)", "g(bad)"]
    assert len(reasons(outcome)) == 1


def test_what_a_notebook_cannot_take_is_refused_with_a_reason() -> None:
    raw = json.dumps({"cells": [{"cell_type": "code", "source": "!ls\nW"}]}).encode()
    outcome = fixed(raw, both(renaming(W="kernel"), replacing("0  ", "1")), filename="a.ipynb")
    assert b"!ls\\nkernel" in outcome.raw
    assert "magic" in reasons(outcome)[0]


WORDS = st.sampled_from(["W", "a", "b", "bad", "'W'", "(c)", "d.W", "[W, b]", "{}"])


@settings(max_examples=60)
@given(st.lists(WORDS, max_size=12), st.sampled_from(["\n", "\r\n", ", ", " + "]))
def test_fixing_leaves_other_bytes_and_finds_nothing_again(words: list[str], joint: str) -> None:
    text = joint.join(words)
    check = both(renaming(W="kernel", b="bias_b"), renaming(code="REG102", bad="("))
    outcome = fixed(text, check)
    expected = re.sub(r"\bW\b", "kernel", re.sub(r"\bb\b", "bias_b", text))
    assert outcome.raw.decode() == expected
    again = fixed(outcome.raw, check)
    assert (again.raw, again.applied) == (outcome.raw, 0)


# Writing.


def test_a_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    path.chmod(0o4751)
    write_atomically(path, b"new", b"old")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o4751
    assert os.listdir(tmp_path) == ["a.py"]


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6711])
def test_a_file_that_cannot_keep_its_owner_does_not_keep_the_rights_of_one(
    mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    os.chown(path, 1234, 1234) if os.getuid() == 0 else pytest.skip("only root can give a file away")
    path.chmod(mode)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    write_atomically(path, b"new", b"old")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode & 0o1777


def test_a_file_keeps_its_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    os.chown(path, 1234, 4321) if os.getuid() == 0 else pytest.skip("only root can give a file away")
    path.chmod(0o6711)
    write_atomically(path, b"new", b"old")
    assert (path.stat().st_uid, path.stat().st_gid, stat.S_IMODE(path.stat().st_mode)) == (1234, 4321, 0o6711)


def test_links_stay_and_their_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "a.py"
    target.write_bytes(b"old")
    (tmp_path / "one.py").symlink_to("real/a.py")
    (tmp_path / "two.py").symlink_to("one.py")
    write_atomically(tmp_path / "two.py", b"new", b"old")
    assert target.read_bytes() == b"new"
    assert (tmp_path / "two.py").is_symlink()
    assert (tmp_path / "one.py").is_symlink()
    assert os.listdir(tmp_path / "real") == ["a.py"]


def refusal(path: Path, expected: bytes = b"old") -> str:
    """Why a file is not written; checks that this is one line and leaves nothing behind."""
    before = sorted(os.listdir(path.parent)) if path.parent.is_dir() else None
    with pytest.raises(WriteError) as caught:
        write_atomically(path, b"new", expected)
    assert before is None or sorted(os.listdir(path.parent)) == before
    assert "\n" not in str(caught.value)
    assert caught.value.message == str(caught.value)
    return caught.value.message


def test_a_file_that_has_changed_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"newer")
    assert "changed" in refusal(path)
    assert path.read_bytes() == b"newer"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "folder.py").mkdir()
    assert "regular" in refusal(tmp_path / "pipe.py")
    assert "regular" in refusal(tmp_path / "folder.py")
    assert "symbolic links" in refusal(tmp_path / "loop.py")
    assert "No such file" in refusal(tmp_path / "gone.py")
    assert "No such file" in refusal(tmp_path / "gone" / "a.py")


def test_a_read_only_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write to any
    assert "read-only" in refusal(path)


@pytest.mark.parametrize("call", ["open", "fsync", "replace", "chmod"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_at_any_step_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: BaseException
) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")

    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises((WriteError, KeyboardInterrupt)) as caught:
            write_atomically(path, b"new", b"old")
    assert isinstance(caught.value, KeyboardInterrupt) or "No space left" in str(caught.value)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.py"]


def test_a_folder_that_allows_no_new_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"old")
    real_open = os.open

    def refuse(name: Path, flags: int, *rest: int) -> int:
        if flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real_open(name, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)
    assert "Permission denied" in refusal(path)


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 252 + ".py")
    path.write_bytes(b"old")
    write_atomically(path, b"new", b"old")
    assert path.read_bytes() == b"new"


WRITER = """
import sys
from pathlib import Path
from reglint.fixing import write_atomically
paths = [Path(name) for name in sys.argv[1:]]
one, other = b"a" * 300_000, b"b" * 200_000
print("ready", flush=True)
while True:
    for path in paths:
        write_atomically(path, other, one)
    one, other = other, one
"""


def test_a_killed_process_leaves_each_file_old_or_new(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.py" for n in range(5)]
    chance = random.Random(7)
    for _ in range(8):
        for path in paths:
            path.write_bytes(b"a" * 300_000)
        command = [sys.executable, "-c", WRITER, *map(str, paths)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        for path in paths:
            assert path.read_bytes() in (b"a" * 300_000, b"b" * 200_000)
        # What a killed process leaves behind is no Python file, so that no later run takes it for one.
        assert all(name.suffix == ".tmp" for name in set(tmp_path.iterdir()) - set(paths))


# --- what Python itself would refuse


@pytest.mark.parametrize("misspelled", ["W_regularizer", "kernel_regularizers"])
def test_two_fixes_that_would_pass_an_argument_twice_are_not_applied_together(misspelled: str) -> None:
    source = f"from keras.layers import Dense\n\nDense(8, {misspelled}='l1', kernel_regulariser='l2')\n"
    raw, left = fix_source(source, modules={})
    assert raw.decode() == source.replace(misspelled, "kernel_regularizer")
    assert len(left) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        "data, 40, 3, epochs=4",
        "data, 40, steps_per_epoch=3",
        "data.flow(x, y, batch_size=50), 2000, images(), samples_per_epoch=2000, nb_epoch=3, nb_worker=1",
    ],
)
def test_a_fix_that_would_pass_an_argument_twice_is_not_applied(arguments: str) -> None:
    source = (
        "from keras.models import Sequential\nfrom keras.preprocessing.image import ImageDataGenerator\n\n"
        f"data = ImageDataGenerator()\nSequential().fit_generator({arguments})\n"
    )
    options = {"target": "keras==3.15.1", "unsafe-fixes": True, "select": ["REG115"]}
    raw, left = fix_source(source, modules={}, settings=Settings.from_mapping(options))
    compile(raw, "fixed", "exec")
    reasons = {finding.fix_withheld or "" for finding in left}
    assert any(reason == "Python would refuse the result" or reason.endswith("is passed already") for reason in reasons)


def test_what_python_refuses_already_may_be_mended() -> None:
    source = "from keras.layers import Dense\n\nreturn Dense(8, W_regularizer='l1')\n"
    assert fix_source(source, modules={})[0].decode() == source.replace("W_reg", "kernel_reg")
