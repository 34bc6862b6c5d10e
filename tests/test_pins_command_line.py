"""Commands that install: which requirements and files they name, and on which line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.pins.command_line import pins_of_commands, wanted_by_lines, wanted_by_shell
from reglint.pins.pin import Pin
from reglint.project import MemoryFiles


def pins(script: str, files: dict[str, str] | None = None, **variables: str) -> list[tuple[str, str, int]]:
    """Package, specifier and line of each pin; there must be nothing unread."""
    found = list(pins_of_commands(wanted_by_shell(script, variables), "Dockerfile", 1, MemoryFiles(files or {})))
    assert all(isinstance(item, Pin) for item in found), found
    return [(pin.package, pin.specifier, pin.line) for pin in found if isinstance(pin, Pin)]


@pytest.mark.parametrize(
    "command",
    [
        "pip install keras==2.2.4",
        "pip3.6 install -U -q keras==2.2.4",
        "/opt/venv/bin/pip --no-cache-dir install 'keras==2.2.4'",
        'sudo -H python3.6 -m pip install --upgrade "keras==2.2.4"',
        "{sys.executable} -m pip install keras==2.2.4",
        "X=1 pip install numpy keras==2.2.4 h5py",
        "pip install -i https://example.org/keras --target keras keras==2.2.4",
        "pip install -qt keras keras==2.2.4",
        "pip install -- keras==2.2.4",
        "conda install -y -c keras keras==2.2.4",
        "conda run -n keras pip install keras==2.2.4",
        "conda create -n tensorflow python=3.6 keras=2.2.4=py36_0",
        "uv pip install keras==2.2.4",
        "uv add --optional keras keras==2.2.4",
        "poetry add keras@2.2.4",
        "poetry add -G keras keras==2.2.4",
        "pipenv install keras==2.2.4",
        "easy_install keras==2.2.4",
        "apt-get update && (pip install keras==2.2.4)",
        "if true; then pip install keras==2.2.4; fi",
        "bash -lc \"source activate x && pip install 'keras==2.2.4'\"",
        "PIP='pip install -q' && $PIP keras==2.2.4",
        "pip install keras==2.2.4 >log 2>&1",
        "pip install keras==2.2.4>log",
        "pip install keras==2.2.4 # keras==3",
        "pip install git+https://github.com/keras-team/keras.git@2.2.4",
    ],
)
def test_a_command_that_installs_names_its_requirements(command: str) -> None:
    assert pins(command) == [("keras", "==2.2.4", 1)]


@pytest.mark.parametrize(
    "command",
    [
        "# pip install keras",
        "echo pip install keras",
        "pip uninstall keras",
        "pip install",
        "pip install -r",
        "pip install keras-applications",
        "apt-get install keras",
        "conda activate keras",
        "python keras.py install",
        "pip install $(cat keras)",
        "",
    ],
)
def test_other_commands_say_nothing(command: str) -> None:
    assert pins(command) == []


def test_each_requirement_keeps_its_line_and_its_text() -> None:
    script = (
        "apt update && \\\n pip install \\\n  numpy \\\n  keras==$V \\\n  'tf-keras' && true\npip install tensorflow<2"
    )
    found = list(pins_of_commands(wanted_by_shell(script), "Dockerfile", 5, MemoryFiles({})))
    assert [(item.line, item.text) for item in found if isinstance(item, Pin)] == [
        (8, "keras==$V"),
        (9, "tf-keras"),
        (10, "tensorflow<2"),
    ]


def test_a_variable_bounds_only_where_it_is_known() -> None:
    assert pins("pip install keras==$V 'tf-keras==$V' tensorflow==${T:-1.15}", V="2.0") == [
        ("keras", "==2.0", 1),
        ("tf-keras", "", 1),
        ("tensorflow", "==1.15", 1),
    ]
    assert pins("pip install keras==$V tensorflow==${T%%-*} tf-keras==`cat v`", T="1.5") == [
        ("keras", "", 1),
        ("tensorflow", "", 1),
        ("tf-keras", "", 1),
    ]
    assert pins("export V=2.1\npip install keras==$V") == [("keras", "==2.1", 2)]


def test_a_comparison_that_a_shell_takes_for_a_redirection_is_read_as_meant() -> None:
    assert pins("pip install keras>=2.0,<3 tensorflow<2 tf-keras>2.15") == [
        ("keras", "<3,>=2.0", 1),
        ("tensorflow", "<2", 1),
        ("tf-keras", ">2.15", 1),
    ]


@pytest.mark.parametrize(
    ("asked", "specifier"),
    [
        ("keras@^2.2", "<3,>=2.2"),
        ("keras^0.3.1", "<0.4,>=0.3.1"),
        ("keras@~2.2", "<2.3,>=2.2"),
        ("keras@latest", ""),
        ("keras@2.*", "==2.*"),
        ("'keras@>=2,<3'", "<3,>=2"),
    ],
)
def test_poetry_has_its_own_bounds(asked: str, specifier: str) -> None:
    assert pins(f"poetry add {asked}") == [("keras", specifier, 1)]


@pytest.mark.parametrize(
    "option", ["-r /app/sub/req.txt", "-qr sub/req.txt", "--requirement=../sub/req.txt", "-r~/req.txt"]
)
def test_a_file_is_found_by_the_end_of_its_name(option: str) -> None:
    files = {"req.txt": "keras<3"} if "~" in option else {"sub/req.txt": "keras<3", "req.txt": "keras"}
    assert pins(f"pip install {option}", files) == [("keras", "<3", 1)]


def test_a_constraints_file_only_bounds() -> None:
    files = MemoryFiles({"limits.txt": "keras<3"})
    (pin,) = pins_of_commands(wanted_by_shell("pip install -c limits.txt x"), "Dockerfile", 1, files)
    assert isinstance(pin, Pin)
    assert (pin.path, pin.constraint) == ("limits.txt", True)


def test_without_a_shell_operators_are_part_of_a_word() -> None:
    (first, second) = wanted_by_lines("pip install keras>2&&3\npip install tensorflow=={env:TF:1.15}")
    assert (first.text, first.line) == ("keras>2&&3", 0)
    assert (second.text, second.written, second.line) == ("tensorflow==1.15", "tensorflow=={env:TF:1.15}", 1)


# fmt: off
_PIECES = st.sampled_from([
    "pip install ", "conda install ", "poetry add ", "bash -c ", "keras", "==", ">=", "<", "2.0", "@^", "'", '"',
    "\\", "\n", "$V", "${V", "}", "$(", ")", "(", "`", "&&", ";", "#", "{", "-r ", "-", "--", " ", "=", "V=",
    "export ", "<<", "&", "|",
])
# fmt: on


@given(st.one_of(st.text(), st.lists(_PIECES).map("".join)), st.dictionaries(st.just("V"), st.text()))
def test_no_text_whatever_makes_the_reader_raise(text: str, variables: dict[str, str]) -> None:
    for wanted in (wanted_by_shell(text, variables), wanted_by_lines(text)):
        for item in pins_of_commands(wanted, "Dockerfile", 1, MemoryFiles({"keras": "keras"})):
            assert item.line <= 1 + text.count("\n") + text.count("\r")
