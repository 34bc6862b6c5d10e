"""Projects that want to be harmful: nothing of them is run, nothing outside is read, and every run comes to its end.

Each runs in a process of its own with little memory, beside a good file that must be done all the same.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reglint.globs import Glob, GlobError
from reglint.ignore_patterns import IgnoreLines
from reglint.pins import pins_of
from reglint.project import DiskFiles, MemoryFiles
from reglint.reading import read_regular
from reglint.settings import Settings, SettingsError

GOOD = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n'
MEMORY = 2 << 30
SECONDS = 120  # by far more than needed, on a machine with much else to do

LIMITED = f"""
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
except (ImportError, ValueError, OSError):
    pass
from reglint.cli import main
sys.exit(main(sys.argv[1:]))
"""

Make = Callable[[], object]


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path(".git").mkdir()
    Path("z_good.py").write_text(GOOD)


def checked() -> tuple[int, list[str], list[str]]:
    """The status of a check of this folder, its findings, and the lines on stderr."""
    done = subprocess.run(
        # Without -I the folder would be ours to import from, as for any script that is given with -c.
        [sys.executable, "-I", "-c", LIMITED, "check", "--jobs", "1", "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stdout
    return done.returncode, [line for line in done.stdout.splitlines() if " REG" in line], done.stderr.splitlines()


def fifo(name: str) -> Make:
    return lambda: os.mkfifo(name)


def endless(name: str) -> Make:
    return lambda: os.symlink("/dev/zero", name)


def sparse(name: str) -> Make:
    """A file of a hundred gigabytes that takes no room."""

    def make() -> None:
        with open(name, "wb") as file:
            os.truncate(file.fileno(), 100 << 30)

    return make


def text(name: str, content: str) -> Make:
    def make() -> None:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(content)

    return make


def settings_with(line: str, *beside: Make) -> Make:
    def make() -> None:
        Path("pyproject.toml").write_text(f"[tool.reglint]\n{line}\n")
        for one in beside:
            one()

    return make


STARS = "*a" * 12 + "*b"
LONG_NAME = text("a" * 200 + ".py", "x = 1\n")
RUNS = "import os\nos.system('touch ran')\nopen('ran', 'w').close()\n"

SHADOWS = ("keras", "libcst", "multiprocessing", "reglint", "sitecustomize", "socket", "struct", "tokenize", "typing")

posix = pytest.mark.skipif(os.name != "posix", reason="pipes and devices of POSIX")

#: Nothing is wrong with these but that they would be waited for, or read, for ever: no word about them.
SILENT: dict[str, Make] = {
    "an ignore file that is a pipe": fifo(".gitignore"),
    "an ignore file without an end": endless(".gitignore"),
    "an ignore file of stars over a long name": lambda: (text(".gitignore", STARS + "\n")(), LONG_NAME()),
    "a git folder that is a pipe": lambda: (Path(".git").rmdir(), fifo(".git")()),
    "requirements that include a pipe": lambda: (text("requirements.txt", "keras\n-r b.txt\n")(), fifo("b.txt")()),
    "requirements that include a device": text("requirements.txt", "keras\n-r /dev/zero\n-c /dev/stdin\n"),
    "requirements that include 50,000 files": text(
        "requirements.txt", "keras\n" + "".join(f"-r x{n}.txt\n" for n in range(50_000))
    ),
    "requirements that include themselves": text(
        "requirements.txt", "keras\n-r requirements.txt\n-r ./requirements.txt\n"
    ),
    "settings of stars over a long name": settings_with(f"exclude = ['{STARS}']", LONG_NAME),
    "a billion laughs": text(
        "environment.yml",
        "keras: x\na0: &a0 [keras]\n"
        + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 40))
        + "dependencies: *a39\n",
    ),
    "aliases of aliases where requirements stand": text(
        "environment.yml",
        "p: &p [" + ",".join(["keras==2.0"] * 1000) + "]\ndependencies: [" + ",".join(["{pip: *p}"] * 10_000) + "]\n",
    ),
    "a list that holds itself": text("environment.yml", "dependencies: &a [*a, keras>=2, {pip: *a}]\n"),
    "tags that call functions": text(
        "environment.yml", "dependencies:\n - !!python/object/apply:os.system ['touch ran']\n - keras>=2\n"
    ),
    "a setup.py that does things": text(
        "setup.py", RUNS + "from setuptools import setup\nsetup(install_requires=['keras'])\n"
    ),
    "modules beside the file": lambda: [text(f"{name}.py", RUNS)() for name in SHADOWS],
}  # fmt: skip


@posix
@pytest.mark.parametrize("name", SILENT)
def test_a_hostile_project_is_checked_without_a_word(name: str) -> None:
    SILENT[name]()
    status, findings, problems = checked()
    assert status == 1
    assert [line for line in findings if line.startswith("z_good.py:2:18: REG101")]
    assert problems == []
    assert not Path("ran").exists()


DEEP = 25_000_000
REFUSED: dict[str, tuple[Make, str]] = {
    "a range that runs backwards": (settings_with("exclude = ['[z-a]*']"), "is no pattern"),
    "a pattern of a million characters": (settings_with(f"exclude = ['{'a?' * 500_000}']"), "too long"),
    "more alternatives than atoms": (settings_with(f"exclude = ['{'{a,aa}' * 40}b']"), "too many alternatives"),
    "an extended file without an end": (settings_with("extend = '/dev/zero'"), "not a regular file"),
    "an extended pipe": (settings_with("extend = 'pipe'", fifo("pipe")), "not a regular file"),
    "an extended file of a hundred gigabytes": (settings_with("extend = 'a.toml'", sparse("a.toml")), "too large"),
    "an extended name that none can have": (settings_with('extend = "a\\u0000b"'), "extend must be the path"),
    "a baseline that no name can be": (settings_with('baseline = "a\\u0000b"'), "baseline must be a path"),
    "cards that no name can be": (settings_with('rule-paths = ["a\\u0000b"]'), "rule-paths must be a path"),
    "cards without an end": (settings_with("rule-paths = ['/dev/zero']"), "no such file or folder"),
    "cards of a hundred gigabytes": (settings_with("rule-paths = ['a.md']", sparse("a.md")), "too large"),
    "a card that is a pickle": (
        settings_with("rule-paths = ['a.md']", text("a.md", "cos\nsystem\n(S'touch ran'\ntR.")),
        "a rule card begins with a line +++",
    ),
    "a card with a tag": (
        settings_with("rule-paths = ['a.md']", text("a.md", "+++\nx = !!python/object/apply:os.system ['x']\n+++\n")),
        "not valid TOML",
    ),
    "a number of five thousand digits": (settings_with("x = " + "1" * 5000), "not readable as TOML"),
    "a version of five thousand digits": (settings_with(f"required-version = '=={'1' * 5000}'"), "cannot be read"),
    "a Keras of five thousand digits": (settings_with(f"keras-version = '=={'1' * 5000}'"), "a thousand digits"),
    "fifty megabytes of brackets": (settings_with("x = " + "[" * DEEP + "]" * DEEP), "too large"),
    "a megabyte of brackets": (settings_with("x = " + "[" * 500_000 + "]" * 500_000), "nested too deeply"),
    "a key of a megabyte": (settings_with("a" + ".a" * 500_000 + " = 1"), "A key of 100 parts or more"),
    "many keys of many parts": (
        settings_with("".join(f"[a{'.a' * 500}.b{n}]\n" for n in range(1000))), "A key of 100 parts or more",
    ),
}  # fmt: skip


@posix
@pytest.mark.parametrize("name", REFUSED)
def test_hostile_settings_are_one_clear_line(name: str) -> None:
    make, expected = REFUSED[name]
    make()
    status, findings, problems = checked()
    assert status == 2
    assert [line for line in findings if line.startswith("z_good.py:2:18: REG101")]
    assert any(line.startswith("error: ") and expected in line for line in problems), problems
    assert all(line.startswith(("error: ", "warning: ")) for line in problems)
    assert not Path("ran").exists()


@posix
@pytest.mark.parametrize("name", ["a baseline without an end", "a baseline that is a pipe"])
def test_a_hostile_baseline_ends_the_run_with_one_line(name: str) -> None:
    settings_with("baseline = 'b'", endless("b") if "end" in name else fifo("b"))()
    assert checked() == (2, [], ["error: b: cannot be read: not a regular file"])


UNREADABLE: dict[str, tuple[Make, str]] = {
    "a hundred gigabytes of nothing": (sparse("a.py"), "too large (107,374,182,400 bytes"),
    "a notebook of a hundred gigabytes": (sparse("a.ipynb"), "too large"),
    "a notebook that is an archive": (
        lambda: Path("a.ipynb").write_bytes(b"PK\x03\x04 W_regularizer= \0\0"), "not text",
    ),
    "a notebook of brackets": (text("a.ipynb", '{"cells": "W_regularizer=' + '", "x": ' + "[" * 1_000_000), "nested"),
}  # fmt: skip


@posix
@pytest.mark.parametrize("name", UNREADABLE)
def test_a_hostile_file_is_named_and_costs_only_itself(name: str) -> None:
    make, expected = UNREADABLE[name]
    make()
    status, findings, problems = checked()
    assert status == 2
    assert problems == []
    mine, good = findings
    assert " REG900 " in mine and expected in mine
    assert good.startswith("z_good.py:2:18: REG101")


# --- code beside the files


def test_no_process_imports_a_module_of_the_project(tmp_path: Path) -> None:
    for name in SHADOWS:
        text(f"{name}.py", RUNS)()
    for number in range(30):  # so many that processes are started
        text(f"m{number}.py", GOOD)()
    # What pip makes of the entry point: a script in another folder.
    script = tmp_path / "reglint-script.py"
    script.write_text("import sys\nfrom reglint.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n")
    done = subprocess.run(
        [sys.executable, str(script), "check", "--jobs", "2", "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert not Path("ran").exists()
    assert done.stderr == ""
    assert done.stdout.count(" REG101 ") == 31


@pytest.mark.parametrize("name", ["requirements.txt", "environment.yml", "setup.cfg"])
def test_a_required_version_of_five_thousand_digits_is_told_at_most(name: str) -> None:
    requirement = f"keras=={'1' * 5000}"
    heads = {"environment.yml": "dependencies:\n  - ", "setup.cfg": "[options]\ninstall_requires =\n  "}
    text(name, heads.get(name, "") + requirement + "\n")()
    status, _, problems = checked()
    assert status in (0, 1)
    assert [line for line in problems if not line.startswith("warning: ") or len(line) > 300] == []


def test_a_pickle_for_a_manifest_is_not_loaded() -> None:
    Path("Pipfile").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.# keras")
    status, _, problems = checked()
    assert (status, len(problems)) == (1, 1)
    assert problems[0].startswith("warning: Pipfile:1: not valid TOML")
    assert not Path("ran").exists()


# --- what lies outside


@pytest.mark.parametrize("option", ["-r {}", "-c {}", "--requirement={}", "-r sub/../{}", "-r {}  # comment"])
@pytest.mark.parametrize("way", ["../secret.txt", "../../secret.txt", "absolute"])
def test_what_lies_outside_of_the_project_is_not_read(tmp_path: Path, option: str, way: str) -> None:
    (tmp_path / "secret.txt").write_text("keras==0.1\n")
    (tmp_path.parent / "secret.txt").write_text("keras==0.1\n")
    target = str(tmp_path / "secret.txt") if way == "absolute" else way
    Path("requirements.txt").write_text("keras>=2\n" + option.format(target) + "\n")
    manifests = pins_of(os.getcwd(), DiskFiles())
    assert [pin.specifier for pin in manifests.pins] == [">=2"]
    if not option.startswith("-r sub") or way != "absolute":
        assert ["outside of the project" in item.message for item in manifests.unread] == [True]
    (tmp_path.parent / "secret.txt").unlink()


def test_what_lies_beside_a_folder_of_the_repository_is_read() -> None:
    text("docs/requirements.txt", "-r ../requirements.txt\n")()
    Path("requirements.txt").write_text("keras>=2\n")
    assert [pin.specifier for pin in pins_of(os.path.abspath("docs"), DiskFiles()).pins] == [">=2"]
    Path(".git").rmdir()
    assert [pin.specifier for pin in pins_of(os.path.abspath("docs"), DiskFiles()).pins] == [">=2"]


def test_an_exclude_that_leads_outside_excludes_nothing_here() -> None:
    settings_with("exclude = ['../../*', '/etc/**', '../project/z_*']")()
    assert [line.partition(":")[0] for line in checked()[1]] == []
    settings_with("exclude = ['../../x*', '/etc/**', '../other/z_*']")()
    assert [line.partition(":")[0] for line in checked()[1]] == ["z_good.py"]


# --- bounds that tests of whole runs would show too late


def test_a_file_beyond_the_limit_is_refused_unread() -> None:
    Path("a").write_bytes(b"12345")
    assert read_regular("a", 5) == b"12345"
    with pytest.raises(OSError, match="too large"):
        read_regular("a", 4)


@pytest.mark.parametrize("gap", [" ", "[a]", "(", "<", "@ ", "; ", "/archive/"])
def test_a_requirement_of_a_megabyte_is_refused_or_read_at_once(gap: str) -> None:
    raw = b"keras" + gap.encode() * (1_000_000 // len(gap)) + b"x\n"
    manifests = pins_of("", MemoryFiles({"requirements.txt": raw}))
    assert len(manifests.pins) + len(manifests.unread) <= 1
    assert all(len(item.message) < 200 for item in manifests.unread)


PIECES = ["a", "b", "/", "*", "**/", "**", "?", "[ab]", "[!a]", "{a,b}", "{a,*b}", "{a/,b}", ","]


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.text(alphabet="ab/,", max_size=12))
def test_a_glob_means_what_the_plain_expression_of_it_means(pieces: list[str], path: str) -> None:
    pattern = "".join(pieces).rstrip("/")
    assume(pattern and path)
    found = Glob("/r/" + pattern, "/").matches("/r/" + path)
    assert found is bool(re.fullmatch(plainly("/r/" + pattern), "/r/" + path, re.DOTALL)), pattern


def plainly(pattern: str) -> str:
    """A glob as the expression that tries everything."""
    parts = re.split(r"((?:(?<=/)|\A)\*\*/|\*+|\?|\[[^]]*\]|[{},])", pattern)
    plain = {"**/": "(?:.*/)?", "?": ".", "{": "(?:", "}": ")"}
    depth = 0
    found = []
    for part in parts:
        depth += (part == "{") - (part == "}")
        if part == ",":
            found.append("|" if depth else ",")
        elif part.startswith("["):
            found.append(part.replace("!", "^"))
        else:
            found.append(plain.get(part, ".*" if part.startswith("*") else re.escape(part)))
    return "".join(found)


@pytest.mark.parametrize("pattern", ["[z-a]", "[z-a]*/x", "a?" * 1500, "{a,b}" * 30])
def test_a_glob_that_cannot_be_followed_is_refused_with_the_settings(pattern: str) -> None:
    with pytest.raises(GlobError):
        Glob(pattern, "/").check()
    for key, value in (("exclude", [pattern]), ("per-file-ignores", {pattern: ["REG101"]})):
        with pytest.raises(SettingsError, match=key):
            Settings.from_mapping({key: value})


LINES = ["a", "b", "/", "*", "**/", "/**", "?", "[ab]", "*", "/**/", "!", "#", " ", "\\", "[!a]", "[]a]", "aa"]


@given(
    st.lists(st.lists(st.sampled_from(LINES), min_size=1, max_size=8).map("".join), min_size=1, max_size=3),
    st.text(alphabet="ab/ ", min_size=1, max_size=12),
)
def test_lines_of_an_ignore_file_mean_what_they_mean_to_pathspec(lines: list[str], path: str) -> None:
    from pathspec import GitIgnoreSpec

    path = re.sub("/+", "/", path).lstrip("/")
    # To pathspec `[!a]` means a slash, too, to git it does not.
    assume(path and not ("/" in path and any("[!" in line for line in lines)))
    # A line that pathspec refuses says nothing.
    understood = []
    for line in lines:
        with suppress(ValueError):
            understood += GitIgnoreSpec.from_lines([line]).patterns
    assert IgnoreLines(lines).verdict(path) is GitIgnoreSpec(understood).check_file(path).include


def names() -> Iterator[str]:
    yield "a" * 255
    yield "a/" * 2000 + "a"
    yield "ab/" * 1300 + "a" * 200


@pytest.mark.parametrize("pattern", ["*a" * 30 + "*b", "**/a" * 30 + "/b", "**/*a*a*a*a/**/*a*b/**/c", "a*" * 60 + "b"])
def test_patterns_of_many_stars_come_to_an_end(pattern: str) -> None:
    for name in names():
        assert not Glob(pattern, "/").matches("/" + name)
        assert not IgnoreLines([pattern]).verdict(name)
