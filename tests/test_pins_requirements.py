"""Files of requirements: which pins they hold, where these stand, and what is no requirement."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.pins.pin import Pin, Unread
from reglint.pins.requirements import read, requirement
from reglint.project import MemoryFiles


def items(text: str | bytes, path: str = "requirements.txt", **others: str) -> list[Pin | Unread]:
    """What a file holds; ``others`` are the files beside it, by their names without ``.txt``."""
    files = {path: text, **{f"{name.replace('__', '/')}.txt": content for name, content in others.items()}}
    return list(read(path, MemoryFiles(files)))


def bounds(text: str | bytes) -> list[tuple[str, str, int]]:
    """Package, specifier and line of each pin; there must be nothing unread."""
    found = items(text)
    assert all(isinstance(item, Pin) for item in found), found
    return [(pin.package, pin.specifier, pin.line) for pin in found if isinstance(pin, Pin)]


@pytest.mark.parametrize(
    ("line", "package", "specifier"),
    [
        ("keras", "keras", ""),
        ("Keras==2.2.4", "keras", "==2.2.4"),
        ("keras==2.2.*", "keras", "==2.2.*"),
        ("Keras (>=2.0)", "keras", ">=2.0"),
        ("keras>=2.0,", "keras", ">=2.0"),
        ("keras >= 2.0 , < 3", "keras", "<3,>=2.0"),
        ("tensorflow_gpu>=1.4.*", "tensorflow", ">=1.4"),
        ("tensorflow[and-cuda]~=2.16", "tensorflow", "~=2.16"),
        ("tf_keras==2.16.0  # comment", "tf-keras", "==2.16.0"),
        ("keras==2.0; python_version < '3'", "keras", "==2.0"),
        ("keras==2.2.4 --hash=sha256:00 --hash=sha256:11", "keras", "==2.2.4"),
        ("keras=={{ version }}", "keras", ""),
        ("keras>=2,<{{ next }}", "keras", ">=2"),
        ("tensorflow==${TF_VERSION}", "tensorflow", ""),
        ("{% if old %}keras<2{% endif %}", "keras", "<2"),
        ("keras=2.2.4=py36_0", "keras", "==2.2.4"),
    ],
)
def test_a_line_gives_the_package_that_decides_and_its_bounds(line: str, package: str, specifier: str) -> None:
    assert bounds(f"numpy\n{line}\n") == [(package, specifier, 2)]


@pytest.mark.parametrize(
    ("url", "package", "specifier"),
    [
        ("https://example.org/cpu/tensorflow-1.4.0-cp36-cp36m-linux_x86_64.whl", "tensorflow", "==1.4.0"),
        ("./wheels/tensorflow_gpu-1.4.0rc1-cp36-cp36m-linux_x86_64.whl", "tensorflow", "==1.4.0rc1"),
        ("https://example.org/Keras-2.1.2.tar.gz#sha256=00", "keras", "==2.1.2"),
        ("https://example.org/linux-64/keras-2.2.4-py36_0.tar.bz2", "keras", "==2.2.4"),
        ("keras @ https://example.org/Keras-2.1.2.tar.gz", "keras", "==2.1.2"),
        ("keras @ git+https://github.com/keras-team/keras.git@2.2.4", "keras", "==2.2.4"),
        ("keras @ git+https://github.com/keras-team/keras.git@master", "keras", ""),
        ("keras @ git+https://example.org/all.git@2.2.4#subdirectory=keras", "keras", ""),
        ("keras @ https://github.com/keras-team/keras/archive/refs/tags/2.2.4.zip", "keras", "==2.2.4"),
        ("keras @ https://example.org/fork-9.9.zip", "keras", ""),
        ("git+https://github.com/keras-team/keras.git@2.1.2#egg=keras", "keras", "==2.1.2"),
        ("-e git+https://github.com/keras-team/keras.git@v3.1.0#egg=keras", "keras", "==3.1.0"),
        ("--editable=git+ssh://git@github.com/keras-team/keras.git", "keras", ""),
        ("git+git@github.com:keras-team/keras.git@2.1.2", "keras", "==2.1.2"),
        ("git+https://github.com/keras-team/keras.git@feature/x#egg=keras", "keras", ""),
        ("git+https://github.com/keras-team/keras.git@1234567#egg=keras", "keras", ""),
        ("https://github.com/fchollet/keras/archive/2.1.2.zip", "keras", "==2.1.2"),
        ("https://github.com/fchollet/keras/tarball/master", "keras", ""),
    ],
)
def test_a_url_names_the_version_where_a_file_or_a_tag_says_it(url: str, package: str, specifier: str) -> None:
    assert bounds(url) == [(package, specifier, 1)]


@pytest.mark.parametrize(
    "line",
    [
        "keras-applications==1.0",
        "tensorflow-hub",
        "# keras==2.0",
        "./keras",
        "keras/",
        "-e .",
        "-i https://example.org/keras",
        "--find-links keras",
        "git+https://github.com/keras-team/keras-contrib.git#egg=keras_contrib",
        "keras_contrib @ git+https://github.com/keras-team/keras.git",
        "{{ keras }}",
        "numpy=1=keras",
    ],
)
def test_lines_about_anything_else_say_nothing(line: str) -> None:
    assert items(line) == []


@pytest.mark.parametrize(
    "line", ["keras=2.2.4", "keras==2.2.4-tf", "keras >=2 <3", "keras=>2", "keras==2.0; python_version<3"]
)
def test_what_pip_refuses_is_unread_if_it_names_a_keras(line: str) -> None:
    (unread,) = items(f"\n{line}")
    assert isinstance(unread, Unread)
    assert (unread.line, line in unread.message) == (2, True)


def test_in_an_export_of_conda_a_single_equals_sign_is_a_bound() -> None:
    header = (
        "# This file may be used to create an environment using:\n# $ conda create --name <env> --file <this file>\n"
    )
    assert bounds(header + "_tflow_select=2.3.0=mkl\nkeras=2.2\n") == [("keras", "==2.2.*", 4)]


def test_what_pip_compile_or_uv_wrote_is_a_lock() -> None:
    head = "# This file {} autogenerated by {}\n"
    for text in (head.format("is", "pip-compile with Python 3.8"), head.format("was", "uv via the following command:")):
        assert [item.locked for item in items(f"{text}keras==2.4.3\n") if isinstance(item, Pin)] == [True]
    assert [item.locked for item in items("# not autogenerated\nkeras==2.4.3\n") if isinstance(item, Pin)] == [False]


def test_a_pin_shows_the_requirement_as_written() -> None:
    (pin,) = items("Keras  [extra] >= 2.0 ; python_version<'3'  # why")
    assert isinstance(pin, Pin)
    assert pin.text == "Keras [extra] >= 2.0 ; python_version<'3'"


def test_a_continued_requirement_stands_where_it_begins() -> None:
    text = (
        "numpy==1.0 \\\n    --hash=sha256:00\nkeras==2.2.4 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\ntf-keras"
    )
    assert bounds(text) == [("keras", "==2.2.4", 3), ("tf-keras", "", 6)]


def test_a_comment_ends_a_continuation() -> None:
    assert bounds("numpy \\\n# keras \\\nkeras==2.0") == [("keras", "==2.0", 3)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_counts_once(end: str) -> None:
    assert bounds(end.join(["numpy", "", "keras<3"])) == [("keras", "<3", 3)]


@pytest.mark.parametrize(
    "raw",
    [
        "naïve\nkeras==2.0".encode(),
        codecs.BOM_UTF8 + b"x\nkeras==2.0",
        "# naïve\nkeras==2.0".encode("latin-1"),
        codecs.BOM_UTF16_LE + "# é\r\nkeras==2.0\r\n".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "# é\r\nkeras==2.0\r\n".encode("utf-16-be"),
        "x\r\nkeras==2.0\r\n".encode("utf-16-le"),
        # PowerShell's file, to which another program appended.
        codecs.BOM_UTF16_LE + "x\r\nkeras==2.0\r\n".encode("utf-16-le") + b"y\n",
    ],
)
def test_a_file_is_read_in_whatever_encoding_a_shell_wrote_it(raw: bytes) -> None:
    assert bounds(raw) == [("keras", "==2.0", 2)]


@pytest.mark.parametrize(
    "option",
    ["-r sub/more.txt", "-rsub/more.txt", "--requirement=sub/more.txt", "-r './sub/more.txt'", "-r sub\\more.txt"],
)
def test_a_pin_of_an_included_file_stands_in_that_file(option: str) -> None:
    (pin,) = items(f"{option}  # the rest", sub__more="-r beside.txt", sub__beside="\nkeras<3")
    assert isinstance(pin, Pin)
    assert (pin.path, pin.line, pin.specifier, pin.constraint) == ("sub/beside.txt", 2, "<3", False)


def test_what_a_constraints_file_says_only_bounds() -> None:
    found = items("-c limits.txt\nkeras", limits="keras<3")
    assert [(pin.path, pin.constraint) for pin in found if isinstance(pin, Pin)] == [
        ("requirements.txt", False),
        ("limits.txt", True),
    ]
    (pin,) = items("keras<3", path="constraints-dev.txt")
    assert isinstance(pin, Pin)
    assert pin.constraint


def test_files_that_include_each_other_are_read_once() -> None:
    found = items("-r a.txt\nkeras", a="-r requirements.txt\n-r ./a.txt\ntf-keras")
    assert [item.package for item in found if isinstance(item, Pin)] == ["keras", "tf-keras"]


def test_a_missing_or_remote_include_says_nothing() -> None:
    assert bounds("-r none.txt\n-r https://example.org/keras.txt\n-r\nkeras") == [("keras", "", 4)]
    assert list(read("none.txt", MemoryFiles({}))) == []


def test_a_chain_of_very_many_includes_is_followed() -> None:
    files = {f"{i}.txt": f"-r {i + 1}.txt" for i in range(3000)} | {"3000.txt": "keras"}
    assert [item.path for item in read("0.txt", MemoryFiles(files))] == ["3000.txt"]


def test_what_is_too_large_to_be_read_is_unread() -> None:
    assert isinstance(requirement("keras; " + "(" * 20_000, "r", 1), Unread)
    assert requirement(f"git+https://github.com/a/keras@1.{'1' * 5000}", "r", 1) is not None


# fmt: off
_PIECES = st.sampled_from([
    "keras", "tensorflow", "==", ">=", "2.2.4", ".*", "=", "@", "git+https://x/", "#egg=", "\\\n", "\n", " ", ";",
    "[", "]", "-r ", "-c ", "-e ", "requirements.txt", "{{", "}}", "{%", "%}", "${X}", "\0", ".whl", ".tar.gz", "-",
    "(", ")", "'", "/",
])
# fmt: on


@given(st.one_of(st.binary(), st.text().map(str.encode), st.lists(_PIECES).map(lambda parts: "".join(parts).encode())))
def test_no_bytes_whatever_make_the_reader_raise(raw: bytes) -> None:
    for item in read("requirements.txt", MemoryFiles({"requirements.txt": raw + b"\nkeras"})):
        assert item.line >= 1
