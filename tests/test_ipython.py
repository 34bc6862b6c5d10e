"""What IPython takes for itself in a cell is masked, and nothing else is touched."""

from __future__ import annotations

import ast
import time

import pytest

from reglint.ipython import bare, masks


def masked(text: str) -> str:
    """The cell as Python reads it; checks on the way that masks are in order and as wide as what they hide."""
    end = 0
    result = ""
    for mask in masks(text):
        assert mask.start >= end
        assert text[mask.start : mask.end] == mask.expected
        assert len(mask.content) == len(mask.expected)
        result += text[end : mask.start] + mask.content
        end = mask.end
    return result + text[end:]


@pytest.mark.parametrize(
    ("cell", "python"),
    [
        pytest.param("%matplotlib inline\nx", "0                 \nx", id="a line magic"),
        pytest.param("!ls 'it\nx", "0      \nx", id="a shell line with one quote"),
        pytest.param("!!ls (\nx", "0     \nx", id="a shell line with one bracket"),
        pytest.param(
            "!pip install \\\n  keras \\\r\n  h5py\nx", "0             \n         \r\n      \nx", id="continued"
        ),
        pytest.param("?Dense\n??Dense\nx", "0     \n0      \nx", id="help before the name"),
        pytest.param("Dense?\nl.Dense?? # how\nx", "0     \n0              \nx", id="help after the name"),
        pytest.param("if x:\n  %time?", "if x:\n  0     ", id="help for a magic at the end"),
        pytest.param("files = !ls *.h5\nx", "files = 0       \nx", id="a variable filled by the shell"),
        pytest.param("a, b.c[0] = %sql x\nx", "a, b.c[0] = 0     \nx", id="a variable filled by a magic"),
        pytest.param("for a in b:\n    !rm $a\nx", "for a in b:\n    0     \nx", id="alone in a block"),
        pytest.param("if a: !rm b\nelse: %cd\nx", "if a: 0    \nelse: 0  \nx", id="behind a colon"),
        pytest.param("if a:\n\t%cd ..\n\tx()", "if a:\n\t0     \n\tx()", id="in a block of tabs"),
        pytest.param(",f a b\n;f a b\n/f a b\nx;", "0     \n0     \n0     \nx;", id="automatic quotes and calls"),
        pytest.param("x = 1; !ls", "x = 1; 0  ", id="behind a semicolon"),
        pytest.param("# a\n\n%cd a\rx", "# a\n\n0    \rx", id="old Mac line ends"),
    ],
)
def test_lines_that_are_no_python_are_masked(cell: str, python: str) -> None:
    assert masked(cell) == python
    ast.parse(python)


@pytest.mark.parametrize(
    "cell",
    [
        "x = (a\n% b)",
        "x = a \\\n  % b",
        "x = '''\n%cd\n!ls\nx?\n'''",
        'x = """\\"""\n!ls\n"""',
        "x = 'a\\\n!ls'",
        "x = f(\n    '%d'\n    % 3,\n)",
        "x != y\nx %= 3\nx = y % z",
        "print('what?')\n# why?\nx = 'a' # really?",
        "x = {\n  'a': 1\n  ,'b': 2}",
        "x = a[1\n/ 2]",
        "f'{x!r}'",
        "f'{x % 2}' != '%s' % y",
        "x = [a\n    , b\n    / c]",
        "def f(a,\n      *, b): return a % b",
        "x = 'unclosed\ny = 1",
        "",
    ],
)
def test_python_stays_untouched(cell: str) -> None:
    assert masked(cell) == cell


@pytest.mark.parametrize("magic", ["time", "timeit -n 1", "capture out", "prun", "memit", "%time", "debug"])
def test_a_cell_magic_that_runs_python_loses_only_its_line(magic: str) -> None:
    magic = "%%" + magic.lstrip("%")
    assert masked(f"\n{magic}\nx = !ls\ny") == "\n0" + " " * (len(magic) - 1) + "\nx = 0  \ny"


def test_cell_magics_may_be_stacked_and_stand_under_comments() -> None:
    assert masked("# a\n%%time\n%%capture\nx") == "# a\n0     \n0        \nx"
    assert masked("%%time\n%%bash\nx") == "0     \n      \n "


@pytest.mark.parametrize("magic", ["%%bash", "%%html", "%%writefile a.py", "%%R -i x", "%%!", "%sql", "%md"])
def test_a_cell_in_another_language_is_blanked(magic: str) -> None:
    text = f"{magic}\nit's (\n\r\nx\n"
    assert masked(text) == "".join(c if c in "\r\n" else " " for c in text)


def test_help_for_a_cell_magic_is_no_cell_magic() -> None:
    assert masked("%%time?\nx") == "0      \nx"


@pytest.mark.parametrize(
    ("cell", "python"),
    [
        pytest.param("%time m = Dense(1)", "0;    m = Dense(1)", id="a statement"),
        pytest.param("if a:\n  %timeit -n 10 -r3 f(x)", "if a:\n  0;                f(x)", id="options, in a block"),
        pytest.param("m = %time f(x)", "m =       f(x)", id="an assignment"),
        pytest.param("%time f(a, \\\n  b)", "0;    f(a, \\\n  b)", id="a continued line"),
        pytest.param("%time for a in b: c", "0                  ", id="a block cannot stand behind a semicolon"),
        pytest.param("%time print x", "0            ", id="what Python 3 cannot read"),
        pytest.param("%time f(a,", "0         ", id="an open bracket ends with the line"),
        pytest.param("%prun -s cum f(x)", "0                ", id="options that are not known"),
        pytest.param("x = %time y = 3", "x = 0          ", id="no expression"),
        pytest.param("%time", "0    ", id="nothing"),
    ],
)
def test_python_behind_a_timing_magic_is_kept(cell: str, python: str) -> None:
    assert masked(cell) == python


@pytest.mark.parametrize(
    ("source", "text"),
    [
        pytest.param("  a\n    b\n  c", "a\n  b\nc", id="a common indent"),
        pytest.param("\n \n\ta\n  b", "\n \na\n  b", id="the first line of code sets it"),
        pytest.param("a\n  b", "a\n  b", id="no indent"),
        pytest.param(">>> a(\n...   b)\n>>> c", "a(\n  b)\nc", id="prompts of Python"),
        pytest.param("In [12]: a(\n   ...:   b)", "a(\n  b)", id="prompts of IPython"),
        pytest.param("x = a >>b\n...", "x = a >>b\n...", id="no prompt at the start"),
        pytest.param("  >>> a\n  ...\n  >>> b", "a\n\nb", id="prompts in a docstring's indent"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_indent_and_prompts_are_taken_off(source: str, text: str) -> None:
    bared, kept = bare(source)
    assert bared == text == "".join(source[start:end] for start, end in kept)


@pytest.mark.parametrize(
    "text",
    [
        "\r\n" * 100_000 + "x?",
        "#" * 200_000 + "%",
        "# a\n" * 50_000 + "%x",
        "%cd\n" * 50_000,
        "%cd \\\n" * 50_000,
        '"""' + "\\a" * 100_000 + "!",
        '"' * 100_000 + "!" + "\\",
        "%%" + "a?" * 50_000,
        "%time " + "(" * 50_000,
    ],
    ids=lambda text: repr(text[:6]),
)
def test_time_grows_with_the_length_only(text: str) -> None:
    start = time.process_time()
    masked(text)
    assert time.process_time() - start < 5
