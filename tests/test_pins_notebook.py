"""Notebooks: what their shell lines and magics install, in which cell and on which line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.pins.notebook import read
from reglint.pins.pin import Pin, Unread
from reglint.project import MemoryFiles


def document(*sources: str, **metadata: object) -> str:
    """A notebook whose code cells have these sources, each as a list of lines."""
    cells = [{"cell_type": "code", "source": source.splitlines(keepends=True)} for source in sources]
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4})


def items(*sources: str, **others: str) -> list[Pin | Unread]:
    files = {"n.ipynb": document(*sources), **{f"{name}.txt": text for name, text in others.items()}}
    return list(read("n.ipynb", MemoryFiles(files)))


def pins(*sources: str) -> list[tuple[str, str, int | None, int]]:
    """Package, specifier, cell and line of each pin; there must be nothing unread."""
    found = items(*sources)
    assert all(isinstance(item, Pin) for item in found), found
    return [(pin.package, pin.specifier, pin.cell, pin.line) for pin in found if isinstance(pin, Pin)]


@pytest.mark.parametrize(
    "line",
    [
        "!pip install keras==2.0.8",
        "!!pip install keras==2.0.8",
        "!pip install -q 'keras==2.0.8' --user",
        "%pip install keras==2.0.8",
        "%conda install -y keras=2.0.8=py36_0",
        "%uv pip install keras==2.0.8",
        "!python -m pip install keras==2.0.8",
        "!{sys.executable} -m pip install keras==2.0.8",
        "%system pip install keras==2.0.8",
        "log = !pip install keras==2.0.8",
        "if old: !pip install keras==2.0.8",
        "!apt-get update && pip install keras==2.0.8 # keras==9",
    ],
)
def test_a_shell_line_that_installs_says_which_keras_runs(line: str) -> None:
    assert pins("x = 1", f"import os\n{line}\nprint(x)") == [("keras", "==2.0.8", 2, 2)]


@pytest.mark.parametrize("magic", ["%%bash", "%%sh -e", "%%script bash", "%%!", "%sh"])
def test_a_shell_cell_is_a_script(magic: str) -> None:
    assert pins(f"{magic}\ncd x\npip install \\\n  keras==2.0.8") == [("keras", "==2.0.8", 1, 4)]


def test_a_cell_magic_of_python_hides_no_shell_line() -> None:
    assert pins("%%capture\n!pip install keras==2.0.8") == [("keras", "==2.0.8", 1, 2)]


@pytest.mark.parametrize(
    ("magic", "specifier"),
    [("%tensorflow_version 1.x", "==1.*"), ("%tensorflow_version 2.x", "==2.*"), ("  %tensorflow_version 2", "==2.*")],
)
def test_colab_chooses_a_tensorflow_by_magic(magic: str, specifier: str) -> None:
    assert pins(f"try:\n  {magic}\nexcept Exception:\n  pass") == [("tensorflow", specifier, 1, 2)]


@pytest.mark.parametrize(
    "source",
    [
        "# !pip install keras",
        "#%tensorflow_version 1.x",
        "!pip list | grep keras",
        "!echo pip install keras",
        "text = '''\n!pip install keras\n'''",
        "%%html\npip install keras",
        "%%bash\n# pip install keras",
        "%%python\n!pip install keras",
        "import keras  # install keras",
    ],
)
def test_comments_texts_and_other_commands_are_no_evidence(source: str) -> None:
    assert pins(source) == []


def test_cells_of_every_type_count_and_only_code_is_read() -> None:
    text = json.dumps(
        {
            "cells": [
                {"cell_type": "markdown", "source": "!pip install keras==1.0"},
                {"cell_type": "code", "source": "!pip install keras==2.0"},
            ]
        }
    )
    (pin,) = read("n.ipynb", MemoryFiles({"n.ipynb": text}))
    assert isinstance(pin, Pin)
    assert pin[:5] == ("keras", "==2.0", "n.ipynb", 1, "keras==2.0")
    assert pin.cell == 2


def test_a_value_of_python_is_unknown() -> None:
    assert pins("v = 2\n!pip install keras=={v} 'tf-keras==$v'") == [("keras", "", 1, 2), ("tf-keras", "", 1, 2)]


def test_a_file_of_requirements_is_read_and_keeps_its_lines() -> None:
    (pin,) = items("!pip install -r /content/project/req.txt  # keras", req="x\nkeras<3")
    assert isinstance(pin, Pin)
    assert (pin.path, pin.line, pin.cell) == ("req.txt", 2, None)


def test_a_broken_notebook_is_unread_where_it_breaks() -> None:
    raw = '{"cells": [\n{"source": "pip install keras"},\n}'
    (unread,) = read("n.ipynb", MemoryFiles({"n.ipynb": raw}))
    assert isinstance(unread, Unread)
    assert unread.line == 3


def test_a_notebook_in_another_language_says_nothing() -> None:
    text = document("!pip install keras", kernelspec={"language": "R"})
    assert list(read("n.ipynb", MemoryFiles({"n.ipynb": text}))) == []


# fmt: off
_PIECES = st.sampled_from([
    "!", "!!", "%", "%%", "bash", "sh", "\n", "\r", "\\", "pip install ", "keras", "==2.0", "{v}", "$v", "'", '"',
    "=", " ", "#", "tensorflow_version ", "1.x", "conda ", "%%capture\n", ">>> ", "?", "-r n.ipynb",
])
# fmt: on


@given(st.lists(st.one_of(st.text(), st.lists(_PIECES).map("".join))))
def test_no_cells_whatever_make_the_reader_raise(sources: list[str]) -> None:
    for item in read("n.ipynb", MemoryFiles({"n.ipynb": document("!pip install keras", *sources)})):
        assert item.line >= 1


@given(st.one_of(st.binary(), st.text().map(str.encode)))
def test_no_bytes_whatever_make_the_reader_raise(raw: bytes) -> None:
    for content in (raw + b"install keras", document("!pip install keras").encode().replace(b"keras", raw + b"keras")):
        for item in read("n.ipynb", MemoryFiles({"n.ipynb": content})):
            assert item.line >= 1
