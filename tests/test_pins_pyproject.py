"""pyproject.toml: the tables in which each tool keeps requirements, and the line of each of them."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reglint.pins.pin import Pin, Unread
from reglint.pins.pyproject import read
from reglint.pins.toml_lines import LocatedToml, lines_of, load_toml
from reglint.project import MemoryFiles


def everything(text: str | bytes, **others: str) -> list[Pin | Unread]:
    raw = text if isinstance(text, bytes) else dedent(text).lstrip("\n")
    beside = {name.replace("__", "/") + ".txt": content for name, content in others.items()}
    return list(read("pyproject.toml", MemoryFiles({"pyproject.toml": raw, **beside})))


def pins(text: str, **others: str) -> list[tuple[int, str]]:
    """Line and requirement of each pin, in order of lines; there must be nothing unread."""
    found = everything(text, **others)
    assert [item for item in found if isinstance(item, Unread)] == []
    return sorted((pin.line, f"{pin.package}{pin.specifier}") for pin in found if isinstance(pin, Pin))


def test_the_dependencies_of_a_project_stand_on_their_own_lines() -> None:
    source = """
        [project]
        name = "keras"
        keywords = ["keras"]
        dependencies = [
            "numpy",
            # "keras<2",
            "keras >= 2.4 ; python_version < '3.8'", "tensorflow[and-cuda]~=2.4.0",
        ]
    """
    assert pins(source) == [(7, "keras>=2.4"), (7, "tensorflow~=2.4.0")]


def test_a_pin_keeps_the_requirement_as_written() -> None:
    (pin,) = everything("[project]\ndependencies = ['keras >=2; python_version<\"3\"']")
    assert pin == Pin("keras", ">=2", "pyproject.toml", 2, 'keras >=2; python_version<"3"')


def test_the_same_requirement_in_two_tables_has_two_lines() -> None:
    source = """
        [project.optional-dependencies]
        a = ["keras>=2"]
        b = [
          "numpy", "keras>=2"]
        [dependency-groups]
        a = ["keras>=2", {include-group = "b"}]
        b = [{include-group = "keras"}]
    """
    assert pins(source) == [(2, "keras>=2"), (4, "keras>=2"), (6, "keras>=2")]


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("project", "dependencies"),
        ("project.optional-dependencies", "'x y'"),
        ("dependency-groups", "dev"),
        ("tool.pdm.dev-dependencies", "test"),
        ("tool.hatch.envs.default", "dependencies"),
        ("tool.hatch.envs.test", "extra-dependencies"),
        ("tool.uv", "dev-dependencies"),
        ("tool.uv", "override-dependencies"),
        ("tool.rye", "dev-dependencies"),
        ("tool.flit.metadata", "requires"),
        ("tool.flit.metadata.requires-extra", "x"),
    ],
)
def test_each_tool_has_its_lists(table: str, key: str) -> None:
    assert pins(f"[{table}]\n{key} = [\n'keras>=2']") == [(3, "keras>=2")]
    assert pins(f"{table}.{key} = ['keras>=2']") == [(1, "keras>=2")]


def test_what_builds_the_project_is_not_what_it_runs_with() -> None:
    assert (
        pins("[build-system]\nrequires = ['keras==2.0']\n[tool.uv]\nbuild-constraint-dependencies = ['keras<2']") == []
    )


def test_a_constraint_of_uv_only_bounds_what_others_require() -> None:
    found = everything("[tool.uv]\nconstraint-dependencies = ['keras<3']\ndev-dependencies = ['keras']")
    assert {(pin.specifier, pin.constraint) for pin in found if isinstance(pin, Pin)} == {("<3", True), ("", False)}


def test_a_requirement_that_makes_no_sense_is_reported_on_its_line() -> None:
    (unread,) = everything("[project]\ndependencies = [\n'keras^2.2',\n'numpy^2']")
    assert isinstance(unread, Unread)
    assert (unread.line, "keras^2.2" in unread.message) == (3, True)


# ---------------------------------------------------------------------------------------------------------- Poetry


def test_each_table_of_poetry_counts() -> None:
    source = """
        [tool.poetry.dependencies]
        python = "^3.8"
        keras = "^2.2"
        [tool.poetry.dev-dependencies]
        keras = "~2.2.4"
        [tool.poetry.group.test.dependencies]
        keras = "2.2.*"
        [tool.poetry.group.docs]
        optional = true
        dependencies = {keras = "2.2.4"}
        [tool.poetry.extras]
        keras = ["keras"]
    """
    assert pins(source) == [(3, "keras<3,>=2.2"), (5, "keras<2.3,>=2.2.4"), (7, "keras==2.2.*"), (10, "keras==2.2.4")]


def test_a_dependency_of_poetry_may_be_a_table_of_its_own() -> None:
    source = """
        [tool.poetry.dependencies.tensorflow]
        # for tf.keras
        version = ">=2,<2.4"
        markers = "sys_platform == 'linux'"
        [tool.poetry.dependencies]
        tf-keras = { git = "https://example.org/tf-keras.git" }
    """
    assert pins(source) == [(1, "tensorflow<2.4,>=2"), (6, "tf-keras")]


def test_a_dependency_of_poetry_may_differ_by_python() -> None:
    source = """
        [tool.poetry.dependencies]
        keras = [
            {version = "<2.4", python = "<3.6"},
            {version = "^2.4 || ^3", python = ">=3.6"},
        ]
        [[tool.poetry.dependencies.tensorflow]]
        version = "1.15"
        [[tool.poetry.dependencies.tensorflow]]
        version = "2.15"
    """
    assert pins(source) == [
        (3, "keras<2.4"),
        (4, "keras<3,>=2.4"),
        (4, "keras<4,>=3"),
        (6, "tensorflow==1.15"),
        (8, "tensorflow==2.15"),
    ]


def test_a_version_that_makes_no_sense_is_reported_on_its_line() -> None:
    (unread,) = everything("[tool.poetry.dependencies]\nnumpy = 'latest'\nkeras = 'latest'")
    assert isinstance(unread, Unread)
    assert unread.line == 3


def test_a_table_that_only_adds_a_source_to_a_requirement_of_the_project_allows_nothing_more() -> None:
    source = """
        [project]
        dependencies = ["keras>=2.4,<3"]
        [tool.poetry.dependencies]
        keras = {source = "mirror"}
        tensorflow = {source = "mirror"}
    """
    assert pins(source) == [(2, "keras<3,>=2.4"), (5, "tensorflow")]


# ------------------------------------------------------------------------------------------------------ setuptools


@pytest.mark.parametrize("names", ["'reqs.txt'", "['reqs.txt']", "['missing.txt', './reqs.txt']"])
def test_files_that_setuptools_reads_the_dependencies_from_count(names: str) -> None:
    found = everything(f"[tool.setuptools.dynamic]\ndependencies = {{file = {names}}}", reqs="numpy\nkeras==2.2.4")
    assert [(item.path, item.line) for item in found] == [("reqs.txt", 2)]


def test_files_of_optional_dependencies_count_as_well() -> None:
    source = """
        [tool.setuptools.dynamic]
        version = {file = "version.txt"}
        [tool.setuptools.dynamic.optional-dependencies]
        tf.file = ["requirements/tf.txt"]
    """
    found = everything(source, requirements__tf="tensorflow>=2", version="keras==1.0")
    assert [item.path for item in found] == ["requirements/tf.txt"]


def test_the_files_stand_beside_pyproject_toml() -> None:
    files = MemoryFiles(
        {
            "a/pyproject.toml": "[tool.setuptools.dynamic]\ndependencies.file = 'r.txt'",
            "a/r.txt": "keras",
            "r.txt": "keras",
        }
    )
    assert [item.path for item in read("a/pyproject.toml", files)] == ["a/r.txt"]


# -------------------------------------------------------------------------------------------------------- bad files


def test_a_file_that_is_no_toml_is_reported_once_with_its_line() -> None:
    (unread,) = everything("[project]\nname = 'x'\ndependencies = ['keras'\n")
    assert isinstance(unread, Unread)
    assert (unread.path, unread.line, unread.message.startswith("not valid TOML: ")) == ("pyproject.toml", 4, True)


def test_a_file_that_is_not_utf_8_is_reported_with_its_line() -> None:
    (unread,) = everything(b"[project]\nname = '\xff' # keras")
    assert isinstance(unread, Unread)
    assert unread.line == 2


def test_a_file_that_is_nested_too_deeply_is_reported() -> None:
    (unread,) = everything(f"keras = {'[' * 20_000}{']' * 20_000}")
    assert isinstance(unread, Unread)
    assert "nested too deeply" in unread.message


def test_a_broken_file_that_does_not_speak_of_keras_is_left_alone() -> None:
    assert everything("dynamic = [") == []


def test_a_byte_order_mark_and_line_ends_of_windows_change_no_line() -> None:
    (pin,) = everything(b"\xef\xbb\xbf[project]\r\ndependencies = [\r\n'keras']\r\n")
    assert pin.line == 3


@pytest.mark.parametrize(
    "text",
    [
        "project = 'keras'",
        "project.dependencies = 'keras'",
        "project.dependencies = [['keras'], 1, {a = 'keras'}]",
        "tool.poetry.dependencies = ['keras']",
        "tool.poetry.group = 'keras'",
        "tool.hatch.envs.keras = 1",
        "tool.setuptools.dynamic.dependencies = {file = [1, ['keras.txt']]}",
        "dependency-groups = [{keras = ['keras']}]",
    ],
)
def test_tables_of_the_wrong_shape_are_passed_over(text: str) -> None:
    assert everything(text) == []


# ----------------------------------------------------------------------------------------------- places in the text


def test_every_value_has_the_line_on_which_it_begins() -> None:
    text = dedent(
        """\
        a = 1 # [not.a.table]
        [x . "y z"] # c [
        b = ["k", # "
         "l", {q = 1, "r.s" = [2,
        3.5]}]
        c.d = { e = \"\"\"
        [no]
        \"quoted\"\"\"\"\" , f = 1979-05-27T07:32:00.5Z}
        [[p]]
        n = '''
        n = 2'''
        [p.z]
        [[p.w]]
        [[p.w]]
        g = '#'
        [[p]]
        "\\u006e" = 1
        """
    )
    lines = lines_of(text)
    assert {place: line for place, line in lines.items() if line != 1} == {
        ("x",): 2,
        ("x", "y z"): 2,
        ("x", "y z", "b"): 3,
        ("x", "y z", "b", 0): 3,
        ("x", "y z", "b", 1): 4,
        ("x", "y z", "b", 2): 4,
        ("x", "y z", "b", 2, "q"): 4,
        ("x", "y z", "b", 2, "r.s"): 4,
        ("x", "y z", "b", 2, "r.s", 0): 4,
        ("x", "y z", "b", 2, "r.s", 1): 5,
        ("x", "y z", "c"): 6,
        ("x", "y z", "c", "d"): 6,
        ("x", "y z", "c", "d", "e"): 6,
        ("x", "y z", "c", "d", "f"): 8,
        ("p",): 9,
        ("p", 0): 9,
        ("p", 0, "n"): 10,
        ("p", 0, "z"): 12,
        ("p", 0, "w"): 13,
        ("p", 0, "w", 0): 13,
        ("p", 0, "w", 1): 14,
        ("p", 0, "w", 1, "g"): 15,
        ("p", 1): 16,
        ("p", 1, "n"): 17,
    }


def _places(value: Any, place: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {place}.union(*(_places(item, (*place, key)) for key, item in inner))


_KEYS = st.sampled_from(["a", "b-1", '"c.d"', "'e\"[#'", '"\\u0061\\""', '""'])
_VALUES = st.recursive(
    st.sampled_from(
        ["1", "-1.5e3", "true", "'[x]'", '"a # \\" ="', '"""\n"x\n"""', "'''''y\n'''", "1979-05-27 07:32:00.1"]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", # ]\n".join(items) + "\n]"),
        st.dictionaries(_KEYS, inner, max_size=3).map(
            lambda table: f"{{ {', '.join(f'{key} = {value}' for key, value in table.items())} }}"
        ),
    ),
    max_leaves=6,
)
_ROWS = st.one_of(
    st.tuples(_KEYS, _VALUES).map("{0[0]} = {0[1]} # z".format),
    st.tuples(_KEYS, _KEYS, _VALUES).map("{0[0]} . {0[1]} = {0[2]}".format),
    st.tuples(_KEYS, _KEYS).map("[ {0[0]}.{0[1]} ] # [x]".format),
    _KEYS.map("[[{0}]]".format),
    st.tuples(_KEYS, _KEYS).map("[[{0[0]}.{0[1]}]]".format),
    st.just(""),
)


@settings(deadline=None)
@given(st.lists(_ROWS, max_size=8).map("\n".join))
def test_the_places_are_exactly_those_of_the_parser_and_never_behind_their_own_items(text: str) -> None:
    document = load_toml(text.encode(), "x.toml")
    if isinstance(document, LocatedToml):
        assert set(document.lines) == _places(document.table) - {()}
        assert all(document.lines[place[:-1]] <= line for place, line in document.lines.items() if len(place) > 1)


def test_a_place_that_is_not_there_has_no_value_and_the_line_of_what_is_around_it() -> None:
    document = load_toml(b"\n[a]\nb = [1]", "x.toml")
    assert isinstance(document, LocatedToml)
    assert [document.at("a", "b", 0), document.at("a", "b", 1), document.at("a", "b", "c"), document.at("x", 0)] == [
        1,
        None,
        None,
        None,
    ]
    assert [document.line("a", "b", 7), document.line("a", "x"), document.line("x")] == [3, 2, 1]


@settings(deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="[]{}=,.\"'#\n ak1\\", max_size=60))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    for item in everything(f"{text}\nkeras = 1".encode("utf-8", "surrogatepass")):
        assert 1 <= item.line <= text.count("\n") + 2
