"""Dockerfiles: what their images bring, what their commands install, and on which line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.pins.dockerfile import read
from reglint.pins.pin import Pin
from reglint.project import MemoryFiles


def pins(text: str | bytes, **others: str) -> list[tuple[str, str, int]]:
    """Package, specifier and line of each pin; there must be nothing unread."""
    files = MemoryFiles({"Dockerfile": text, **{f"{name}.txt": content for name, content in others.items()}})
    found = list(read("Dockerfile", files))
    assert all(isinstance(item, Pin) for item in found), found
    return [(pin.package, pin.specifier, pin.line) for pin in found if isinstance(pin, Pin)]


@pytest.mark.parametrize(
    ("image", "specifier"),
    [
        ("tensorflow/tensorflow:1.15.2-gpu-py3", "==1.15.2"),
        ("tensorflow/tensorflow:2.3.0-jupyter AS base", "==2.3.0"),
        ("tensorflow/tensorflow:1.12.0-devel-gpu-py3", "==1.12.0"),
        ("tensorflow/tensorflow:2.4.0rc1", "==2.4.0rc1"),
        ("gcr.io/tensorflow/tensorflow:1.0.0-rc2-devel", "==1.0.0rc2"),
        ("--platform=linux/amd64 docker.io/tensorflow/tensorflow:2.16.1@sha256:00", "==2.16.1"),
        ("tensorflow/tensorflow:latest-gpu-py3", ""),
        ("tensorflow/tensorflow:nightly", ""),
        ("tensorflow/tensorflow", ""),
        ("tensorflow/tensorflow@sha256:00", ""),
        ("tensorflow/tensorflow:${TAG}", ""),
    ],
)
def test_an_image_of_tensorflow_brings_that_tensorflow(image: str, specifier: str) -> None:
    (pin,) = read("Dockerfile", MemoryFiles({"Dockerfile": f"# x\nFROM {image}\n"}))
    assert isinstance(pin, Pin)
    assert pin[:5] == ("tensorflow", specifier, "Dockerfile", 2, f"FROM {image}")


@pytest.mark.parametrize(
    "text",
    [
        "FROM tensorflow/serving:2.1.0",
        "FROM someone/tensorflow:1.15.2",
        "FROM python:3.6 AS keras",
        "# RUN pip install keras",
        "RUN echo pip install keras",
        "COPY keras /keras",
        'CMD ["pip", "install", "keras"]',
        "RUN python3 <<EOF\npip install keras\nEOF",
    ],
)
def test_other_instructions_say_nothing(text: str) -> None:
    assert pins(text) == []


def test_every_requirement_of_a_continued_command_keeps_its_line() -> None:
    text = (
        "FROM python:3.6\n"
        "RUN apt-get update && \\\n"
        "    # pip install keras==9\n"
        "    pip install numpy \\  \n"
        "\n"
        "      keras==2.2.4 && \\\n"
        '    pip3 install "tf-keras<2.16" \\\n'
        "RUN true\n"
    )
    assert pins(text) == [("keras", "==2.2.4", 6), ("tf-keras", "<2.16", 7)]


def test_the_escape_character_may_be_a_backtick() -> None:
    assert pins("# escape=`\nRUN pip install `\n  keras==2.2.4\n") == [("keras", "==2.2.4", 3)]


def test_the_words_of_an_exec_form_keep_their_lines() -> None:
    assert pins('RUN ["pip", "install", \\\n  "keras>=2", \\\n "tf-keras"]') == [
        ("keras", ">=2", 2),
        ("tf-keras", "", 3),
    ]
    assert pins('RUN ["/bin/bash", "-c", "pip install keras==2.1"]') == [("keras", "==2.1", 1)]


def test_a_heredoc_is_a_script_of_its_own() -> None:
    text = "RUN <<EOF\nset -e\npip install keras==2.1\nEOF\nRUN --mount=type=cache,target=/x pip install tf-keras"
    assert pins(text) == [("keras", "==2.1", 3), ("tf-keras", "", 5)]


def test_defaults_of_arg_and_env_are_known_within_their_stage() -> None:
    text = (
        "ARG TF=1.15.2\n"
        "FROM tensorflow/tensorflow:$TF-py3 AS base\n"
        'ENV KERAS=2.2.4 OTHER="a b"\n'
        "ENV OLD 2.0\n"
        "ARG EXTRA=1.0\n"
        "RUN pip install keras==$KERAS tf-keras==$OLD keras-core==$EXTRA tensorflow==$TF\n"
        "FROM base\n"
        "ARG TF\n"
        "RUN pip install keras==$KERAS keras-core==$EXTRA tensorflow==${TF}\n"
        "FROM python\n"
        "RUN pip install keras==$KERAS\n"
    )
    assert pins(text) == [
        ("tensorflow", "==1.15.2", 2),
        ("keras", "==2.2.4", 6),
        ("tf-keras", "==2.0", 6),
        ("keras-core", "==1.0", 6),
        ("tensorflow", "", 6),  # an ARG before FROM is unknown in a stage that does not ask for it
        ("keras", "==2.2.4", 9),
        ("keras-core", "", 9),
        ("tensorflow", "==1.15.2", 9),
        ("keras", "", 11),
    ]


def test_a_file_copied_into_the_image_is_found_beside_the_dockerfile() -> None:
    text = "COPY requirements.txt /tmp/\nRUN pip install -r /tmp/requirements.txt\n"
    (pin,) = read("Dockerfile", MemoryFiles({"Dockerfile": text, "requirements.txt": "x\nkeras<3"}))
    assert isinstance(pin, Pin)
    assert (pin.path, pin.line, pin.specifier) == ("requirements.txt", 2, "<3")


def test_lines_may_end_as_on_windows() -> None:
    assert pins("FROM x\r\nRUN pip install \\\r\n  keras==2.0\r\n") == [("keras", "==2.0", 3)]


def test_a_command_that_a_variable_holds_is_a_command() -> None:
    text = (
        'RUN PIP="python -m pip --no-cache-dir install -U" && \\\n    $PIP \\\n        keras==2.0 \\\n        && true'
    )
    assert pins(text) == [("keras", "==2.0", 3)]


# fmt: off
_PIECES = st.sampled_from([
    "FROM ", "RUN ", "ARG ", "ENV ", "ONBUILD ", "tensorflow/tensorflow", ":1.15.2", "@", " AS ", "a", "=", "$a",
    "${a", "}", "\n", "\\\n", "\\", "# escape=`\n", "`\n", "<<EOF", "\nEOF\n", "[", '"', "'", ",", "]",
    "pip install ", "keras", "--x ", " ",
])
# fmt: on


@given(st.one_of(st.binary(), st.text().map(str.encode), st.lists(_PIECES).map(lambda parts: "".join(parts).encode())))
def test_no_bytes_whatever_make_the_reader_raise(raw: bytes) -> None:
    for item in read("Dockerfile", MemoryFiles({"Dockerfile": raw + b"\nRUN pip install keras"})):
        assert item.line >= 1
