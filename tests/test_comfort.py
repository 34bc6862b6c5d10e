"""What makes the command pleasant: help that fits, completion in real shells, plain text where it is wanted."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Check

from reglint import cli
from reglint.arguments import parser

BAD = 'from keras.layers import Dense\nlayer = Dense(8, W_regularizer="l2")\n'
COMMANDS = ("check", "fix", "probe", "explain", "keras", "rules", "generate-shell-completion")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two files that have a finding each; also the current one."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "old one.py").write_text(BAD)
    (tmp_path / "ä.py").write_text(BAD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- help ------------------------------------------------------------------------------------------------------------


def help_of(capsys: pytest.CaptureFixture[str], *command: str) -> list[str]:
    """The lines that `--help` prints on a terminal of 80 columns."""
    assert cli.main([*command, "--help"]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_help_fits_a_screen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = help_of(capsys)
    # The last line is the prompt's.
    assert len(lines) < 24
    assert max(map(len, lines)) < 80


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_keeps_to_80_columns(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, help_of(capsys, command))) < 80


@pytest.mark.parametrize("command", [(), ("check",), ("fix",)])
def test_the_examples_of_the_help_are_commands(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    lines = help_of(capsys, *command)
    examples = [line for line in lines[lines.index("examples:") + 1 :] if line.startswith("  ")]
    assert len(examples) in (2, 3)
    for example in examples:
        words = shlex.split(re.sub(r"^.*\| | {2,}\S.*$", "", example.strip()))
        assert words[0] == "reglint"
        # What does not parse leaves with SystemExit.
        parser().parse_args(words[1:])


# --- reports and colour ----------------------------------------------------------------------------------------------


def test_one_run_writes_several_reports(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--report", "json=a.json", "--report", "text=a.txt"]) == 1
    printed = capsys.readouterr().out
    assert (folder / "a.txt").read_text(encoding="utf-8") == printed
    assert cli.main(["check", "--output-format", "json"]) == 1
    assert (folder / "a.json").read_text(encoding="utf-8") == capsys.readouterr().out


@pytest.mark.parametrize("report", ["json", "json=", "=a.json", "nonsense=a.json"])
def test_a_report_needs_a_format_and_a_file(report: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--report", report]) == 2
    assert f"'{report}' is not FORMAT=FILE" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--report", "json=nowhere/a.json"]) == 2
    assert "--report json=nowhere/a.json: No such file or directory" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_real_terminal_has_colour_unless_it_is_not_wanted(
    environment: dict[str, str], coloured: bool, folder: Path
) -> None:
    import pty

    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "reglint", "check", "ä.py"]
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    subprocess.run(command, stdout=follower, env=kept | environment, check=False)
    os.close(follower)
    printed = os.read(leader, 10_000)
    os.close(leader)
    assert b"REG101" in printed
    assert (b"\x1b[" in printed) is coloured


# --- lists of files, as Windows writes them --------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_list_of_files_is_read_as_any_shell_writes_it(
    encoding: str, line_end: str, folder: Path, check_json: Check
) -> None:
    # os.path.join gives the separators of the system that runs this.
    names = ["ä.py", os.path.join("models", "old one.py")]
    (folder / "list.txt").write_bytes(line_end.join([*names, ""]).encode(encoding))
    found = check_json("--files-from", "list.txt")
    assert sorted(os.path.relpath(each["filename"]) for each in found) == sorted(names)


def test_line_ends_of_windows_stay_and_move_no_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ä.py").write_bytes(BAD.replace("\n", "\r\n").encode())
    assert cli.main(["check", "ä.py"]) == 1
    assert "ä.py:2:18: REG101" in capsys.readouterr().out
    assert cli.main(["fix", "ä.py"]) == 0
    assert (folder / "ä.py").read_bytes() == BAD.replace("W_", "kernel_").replace("\n", "\r\n").encode()


# --- completion ------------------------------------------------------------------------------------------------------


@pytest.fixture
def script(folder: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Path:
    """The completion script for the shell that a test names."""
    pytest.importorskip("shtab")
    shell: str = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    assert cli.main(["generate-shell-completion", shell]) == 0
    path = folder / f"_reglint.{shell}"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    return path


CASES = [
    ("reglint ch", {"check"}),
    ("reglint explain REG10", {"REG101", "REG102", "REG103", "REG104", "REG105"}),
    ("reglint check --fail-on in", {"info"}),
    ("reglint check --output-fo", {"--output-format"}),
    ("reglint check mod", {"models"}),
    ("reglint rules --output-format ma", {"markdown"}),
    ("reglint generate-shell-completion z", {"zsh"}),
]

#: What readline does: words and cursor into variables, the function of `complete -p`, the answers out of COMPREPLY.
BASH = r"""
set -eu
source "$1"
read -r -a COMP_WORDS <<<"$2"
COMP_LINE=$2 COMP_POINT=${#2} COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
function=$(complete -p reglint | sed 's/.*-F \([^ ]*\) .*/\1/')
set +eu
"$function" reglint "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("script", ["bash"], indirect=True)
@pytest.mark.parametrize(("line", "expected"), CASES)
def test_bash_completes(script: Path, line: str, expected: set[str]) -> None:
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", script, line], capture_output=True, text=True, check=True
    )
    assert {word.rstrip(" /") for word in done.stdout.splitlines()} == expected


@pytest.mark.parametrize("script", ["fish"], indirect=True)
@pytest.mark.parametrize(("line", "expected"), CASES)
def test_fish_completes(script: Path, line: str, expected: set[str]) -> None:
    program = f"source {shlex.quote(str(script))}; complete -C {shlex.quote(line)}"
    done = subprocess.run(["fish", "--no-config", "-c", program], capture_output=True, text=True, check=True)
    assert {word.split("\t")[0].rstrip("/") for word in done.stdout.splitlines()} == expected


#: zsh completes in its line editor only, so that one is given a terminal, a Tab and a command that shows its words.
ZSH = r"""
zmodload zsh/zpty
zpty shell 'zsh -f -i'
zpty -w shell "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; reglint() print -r '<'\$*'>'; print re''ady"
zpty -r shell line '*ready*'
zpty -w -n shell "$2"$'\t\n'
zpty -r shell line '*<*>*'
print -r -- "$line"
"""


@pytest.mark.parametrize("script", ["zsh"], indirect=True)
@pytest.mark.parametrize(("line", "expected"), [case for case in CASES if len(case[1]) == 1])  # more make a menu
def test_zsh_completes(script: Path, folder: Path, line: str, expected: set[str]) -> None:
    functions = folder / "functions"
    functions.mkdir()
    shutil.copy(script, functions / "_reglint")
    done = subprocess.run(
        ["zsh", "-f", "-c", ZSH, "zsh", functions, line], capture_output=True, text=True, check=True, timeout=60
    )
    (words,) = re.findall("<(.*)>", done.stdout)
    assert {words.split()[-1].rstrip("/")} == expected


def test_without_shtab_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert cli.main(["generate-shell-completion", "bash"]) == 2
    assert capsys.readouterr().err == (
        "error: completion needs shtab; install it with `pip install 'reglint[completion]'`\n"
    )
