"""The scanner reads any text, Python 2, 3 or neither; too_deep refuses what libcst would not survive, and only that."""

from __future__ import annotations

import io
import json
import keyword
import subprocess
import sys
import sysconfig
import time
import tokenize
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.tokens import Token, fields, scan, too_deep


def words(text: str) -> list[tuple[str, str]]:
    return [(token.kind, text[token.start : token.end]) for token in scan(text)]


def kinds(text: str) -> str:
    return " ".join(kind for kind, _ in words(text))


PREFIXES = [
    *("b", "B", "u", "U", "r", "R", "f", "F", "t", "T"),
    *("br", "bR", "Br", "BR", "rb", "Rb", "ur", "uR", "Ur", "UR", "fr", "rf", "Fr", "tr", "rT"),
]
NUMBERS = [
    *("0", "12", "1_000", "0777", "10L", "0xFFL", "0xff", "0Xa_b", "0b101", "0o17", "2j", "1.5J"),
    *("1.", ".5", "1.5", "1e5", "1E-5", "1.5e+3", "1_0.0_1e1_0"),
]


@pytest.mark.parametrize(
    "literal",
    [
        "'a'",
        '"a"',
        "''",
        '""',
        "'''a'''",
        '"""a"""',
        "''''''",
        "'''a''b'''",
        '"""a\n"b" c"""',
        r"'a\'b'",
        r"'a\\'",
        r"r'\''",
        "'a\\\nb'",
        "'a\\\r\nb'",
        r'"""a\"""b"""',
        *(f"{prefix}'a'" for prefix in PREFIXES),
    ],
)
def test_a_literal_is_one_token(literal: str) -> None:
    assert words(f"x = {literal} + y")[2:3] == [("string", literal)]


@pytest.mark.parametrize(
    "literal",
    [
        "f'a'",
        "f'{a}'",
        "f'{{a}}'",
        "f'{a!r:>{width}}'",
        "f'{a:%H:%M}'",
        "f'{a[\"b\"]}'",
        "f'{a['b']}'",
        "f'{f'{f'a'}'}'",
        "f'{a:{'b'}}'",
        "f'{\"it's\"}'",
        "f'{'}'}'",
        "f'{a\n+ b}'",
        "f'{a # comment: '\n}'",
        "f'{ {'a': 1}['a'] }'",
        "f'{(lambda b: b)(c)}'",
        "f'{a:=5}'",
        "f'{a=}'",
        "f'{a != b}'",
        "f'\\N{DASH}{a['b']}'",
        "rf'\\{a['b']}'",
        "f'\\{a['b']}'",
        "f'''{a['b']}'c\n'''",
        'f"""{a["b"]}"c"""',
        "t'{a['b']}'",
        "Rf'{a['b']}'",
    ],
)
def test_an_f_string_is_one_token_whatever_is_nested_in_it(literal: str) -> None:
    assert words(f"g({literal}, 'h')")[2:] == [
        ("string", literal),
        ("op", ","),
        ("string", "'h'"),
        ("op", ")"),
    ]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_one_token(number: str) -> None:
    assert words(f"{number}+ a") == [("number", number), ("op", "+"), ("name", "a")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 .real", ["1", ".", "real"]),
        ("1..real", ["1.", ".", "real"]),
        ("1.__class__", ["1.", "__class__"]),
        ("1if a", ["1", "if", "a"]),
        ("a<>b", ["a", "<>", "b"]),
        ("a**=b//c", ["a", "**=", "b", "//", "c"]),
        ("a:=b", ["a", ":=", "b"]),
        ("a[...]", ["a", "[", "...", "]"]),
        ("from ..a import b", ["from", ".", ".", "a", "import", "b"]),
        ("print>>f", ["print", ">>", "f"]),
        ("print'a'", ["print", "'a'"]),
        ("a = `b`", ["a", "=", "`", "b", "`"]),
        ("def f()->a: ...", ["def", "f", "(", ")", "->", "a", ":", "..."]),
        ("a = b \\\n  + c", ["a", "=", "b", "+", "c"]),
        ("ключ = größe", ["ключ", "=", "größe"]),
        ("क्षेत्र = x\U000e0100", ["क्षेत्र", "=", "x\U000e0100"]),
    ],
)
def test_tokens_are_those_of_python(text: str, expected: list[str]) -> None:
    assert [word for _, word in words(text)] == expected


def test_every_line_end_is_a_token_with_or_without_a_statement() -> None:
    assert words("a\r\n(\n\r)") == [
        ("name", "a"),
        ("newline", "\r\n"),
        ("op", "("),
        ("newline", "\n"),
        ("newline", "\r"),
        ("op", ")"),
    ]


def test_a_comment_ends_with_its_line() -> None:
    assert words("a # 'b\nc") == [("name", "a"), ("comment", "# 'b"), ("newline", "\n"), ("name", "c")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 'a\ny = 1", "name op other newline name op number"),
        ("x = '''a\ny = 1", "name op other"),
        ("x = f'{a\ny = '", "name op name other newline name op other"),
        ("a $ b ? c", "name other name other name"),
        ("a \\ b", "name other name"),
        ("\x00\x1c\x0b", "other other other"),
        ("x = 'a\\", "name op other"),
    ],
)
def test_what_is_not_python_is_scanned_all_the_same(text: str, expected: str) -> None:
    assert kinds(text) == expected


@given(st.text(alphabet=st.sampled_from(list("ab1 .,:=()[]{}+-*'\"\\\n\r\t#fru_!é\x0c$`"))))
def test_tokens_and_the_gaps_between_them_make_up_the_text(text: str) -> None:
    end = 0
    for token in scan(text):
        gap = text[end : token.start]
        assert gap.replace("\\\r\n", "").replace("\\\n", "").replace("\\\r", "").strip(" \t\x0c") == ""
        assert token.start < token.end
        end = token.end
    assert text[end:].replace("\\\r\n", "").replace("\\\n", "").replace("\\\r", "").strip(" \t\x0c") == ""


@given(st.text())
def test_no_text_is_refused(text: str) -> None:
    scan(text)
    too_deep(text)


LIBRARY = Path(sysconfig.get_path("stdlib"))
FILES = ["argparse.py", "typing.py", "tokenize.py", "decimal.py", "json/decoder.py", "tkinter/__init__.py", "turtle.py"]


@pytest.mark.parametrize("name", FILES)
def test_names_and_strings_are_those_of_tokenize(name: str) -> None:
    text = (LIBRARY / name).read_text(encoding="utf-8")
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    wanted = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.COMMENT):
            wanted.append((starts[token.start[0] - 1] + token.start[1], token.string))
    found = [
        (token.start, text[token.start : token.end])
        for token in scan(text)
        if token.kind in ("name", "number", "comment")
    ]
    # Since Python 3.12 tokenize goes into f-strings, where scan does not.
    inside = [span for token in scan(text) if token.kind == "string" for span in fields(text, token.start) or ()]
    found += [(start, text[start:end]) for start, end in inside if text[start].isalnum() or text[start] == "_"]
    if sys.version_info < (3, 12):
        found = [pair for pair in found if pair in set(wanted)]
    assert [pair for pair in sorted(found) if not keyword.iskeyword(pair[1])] == [
        pair for pair in wanted if not keyword.iskeyword(pair[1])
    ]


def test_the_fields_of_an_f_string_are_given_with_those_nested_in_them() -> None:
    text = "f'a{b!r:{c}}{f'{d['e']}'}'"
    assert [text[start:end] for start, end in fields(text, 0) or ()] == [
        *("{", "b", "!", "r", "{", "c", "}", "}"),
        *("{", "{", "d", "[", "'e'", "]", "}", "}"),
    ]


@pytest.mark.parametrize("text", ["'a{b}'", "b'{a}'", "f'{a", "a"])
def test_what_is_no_f_string_has_no_fields(text: str) -> None:
    assert fields(text, 0) is None


@pytest.mark.parametrize(
    "line",
    ["'''", '"""', "'a", "f'{", "f'{a:", "(", "x = 'a\\", "f\"{x['", "\\", "f'{f'{", "'\\\n\"\\"],
)
def test_the_time_for_broken_text_is_linear(line: str) -> None:
    text = f"{line}\n" * 20_000
    started = time.process_time()
    scan(text)
    too_deep(text)
    # Quadratic time would be minutes.
    assert time.process_time() - started < 5


def repeated(head: str, piece: str, tail: str = "", closing: str = "") -> Callable[[int], str]:
    return lambda count: head + piece * count + tail + closing * count + "\n"


# What nests, with how many levels are parsed and how many are refused. libcst dies of 1,060 to 8,000 levels (measured
# with libcst 1.9 and a stack of 8 MiB), or takes many seconds for a few thousand.
NESTING = [
    pytest.param(repeated("x = a", " + a"), 990, 1010, id="sums"),
    pytest.param(repeated("x = a", "+b*c"), 660, 1010, id="sums of products"),
    pytest.param(repeated("x = a", " * -a"), 490, 1010, id="products of signed factors"),
    pytest.param(repeated("x = (a", "\n# why\n* # so\n -a", ")"), 490, 1010, id="products over many lines"),
    pytest.param(repeated("x = 2", "**2"), 990, 1010, id="powers"),
    pytest.param(repeated("x = a", " and a"), 990, 1010, id="and"),
    pytest.param(repeated("x = ", "not ", "a"), 990, 1010, id="not"),
    pytest.param(repeated("x = ", "-", "a"), 990, 1010, id="signs"),
    pytest.param(repeated("x = a", ".b"), 2990, 3010, id="attributes"),
    pytest.param(repeated("x = a", ".b()"), 990, 1010, id="method calls"),
    pytest.param(repeated("x = a", "[0]"), 1490, 1510, id="subscripts"),
    pytest.param(repeated("x = ", "lambda: ", "a"), 990, 1010, id="lambdas"),
    pytest.param(repeated("x = ", "lambda a, b: ", "a"), 990, 1010, id="lambdas with parameters"),
    pytest.param(repeated("x = ", "a if b else ", "a"), 990, 1010, id="conditional expressions"),
    pytest.param(repeated("if a: pass\n", "elif a: pass\n"), 990, 1010, id="elif"),
    pytest.param(repeated("if a:\n  if b: c\n", "elif a:\n  if b: c\n"), 990, 1010, id="elif with if"),
    pytest.param(repeated("x = (", "'a'\n", ")"), 2980, 3010, id="strings side by side"),
    pytest.param(repeated("x = ", "(", "a", ")"), 199, 201, id="parentheses"),
    pytest.param(repeated("x = ", "f(a, b=", "a", ")"), 199, 201, id="calls"),
    pytest.param(repeated("x = ", "[1, ", "a", "]"), 199, 201, id="lists"),
    pytest.param(repeated("x = ", "{1: ", "a", "}"), 199, 201, id="dictionaries"),
    pytest.param(repeated("x = ", "f'{", "a", "}'"), 199, 201, id="f-strings"),
    pytest.param(lambda n: f"x = f'{{{'(' * n}a{')' * n}}}'\n", 190, 201, id="brackets in an f-string"),
    pytest.param(lambda n: f"x = f'{{d['k']}}' + f'{{a{' + a' * n}}}'\n", 990, 1010, id="sums after nested quotes"),
    pytest.param(lambda n: f"match a:\n  case {'{1: ' * n}b{'}' * n}:\n    c\n", 8, 9, id="patterns"),
]  # fmt: skip

# libcst reads the fields of f-strings even where they never end, and dies of them.
BROKEN_F_STRINGS = [
    repeated("x = f'{", "("),
    repeated("x = f'{", "(", "a", ")"),
    repeated("x = f'{", "(", "a'"),
    repeated("x = f'''{", "(\n"),
    repeated("x = f'{f'{", "("),
    repeated("x = f'{a + b(", "-"),
]


@pytest.mark.parametrize("text", BROKEN_F_STRINGS)
def test_an_f_string_without_an_end_is_refused_if_it_nests_too_deeply(text: Callable[[int], str]) -> None:
    assert too_deep(text(150)) is None
    assert too_deep(text(1100)) is not None


@pytest.mark.parametrize(("text", "fine", "excess"), NESTING)
def test_only_what_nests_too_deeply_is_refused(text: Callable[[int], str], fine: int, excess: int) -> None:
    assert too_deep(text(fine)) is None
    refused = too_deep(text(excess))
    assert refused is not None
    offset, message = refused
    assert 0 < offset < len(text(excess))
    assert "too" in message


PARSE = """
import gc, json, sys
import libcst
from reglint.tree import walk
for name, text in json.load(sys.stdin):
    module = libcst.parse_module(text)
    assert sum(1 for _ in walk(module)) > 0
    del module
    gc.collect()
    print(name, flush=True)
"""


def test_libcst_survives_what_is_not_refused() -> None:
    texts = [(str(case.id), case.values[0](case.values[1])) for case in NESTING]  # type: ignore[operator]
    run = subprocess.run([sys.executable, "-c", PARSE], input=json.dumps(texts), capture_output=True, text=True)
    assert run.stdout.splitlines() == [name for name, _ in texts], run.stderr


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x = [" + "1 + 2, " * 20_000 + "]\n", id="elements"),
        pytest.param("x = {" + "'a': b.c(d),\n" * 20_000 + "}\n", id="entries"),
        pytest.param("f(" + "a=-1, " * 20_000 + ")\n", id="arguments"),
        pytest.param("a.b(c + d)\n" * 20_000, id="statements"),
        pytest.param("a + b; " * 20_000 + "\n", id="statements on one line"),
        pytest.param("x = " + "a < " * 20_000 + "a\n", id="comparisons"),
        pytest.param("@a.b(c)\n" * 20_000 + "def f(): pass\n", id="decorators"),
        pytest.param("if a: pass\nelif b: pass\n" * 20_000, id="if statements"),
        pytest.param("def f():\n    if a:\n        pass\n    elif b:\n        pass\n" * 20_000, id="functions"),
        pytest.param("f(lambda a, b: a + b, lambda: [c, d])\n" * 20_000, id="lambdas"),
        pytest.param("x = lambda a, b={1: 2}, c=[3]: d\n" * 20_000, id="defaults of lambdas"),
        pytest.param("'''((((((((((''' # ((((((\n" * 20_000, id="brackets in strings"),
        pytest.param("x = f'{d[\"it's\"]}' # (\n" * 20_000, id="quotes in f-strings"),
        pytest.param('x = f"{d["it\'s"]}"\n' * 20_000, id="the same quotes in f-strings"),
        pytest.param("x = f'''" + "{a.b} ((( {{ " * 1_400 + "'''\n", id="a long f-string"),
        pytest.param("case(f(f(f(f(f(f(f(f(f(f(a)))))))))))\n", id="a function named case"),
    ],
)
def test_long_but_flat_text_is_not_refused(text: str) -> None:
    assert too_deep(text) is None


@pytest.mark.parametrize("name", FILES)
def test_no_file_of_the_standard_library_is_refused(name: str) -> None:
    assert too_deep((LIBRARY / name).read_text(encoding="utf-8")) is None


def test_the_place_of_a_refusal_is_within_the_expression_at_fault() -> None:
    before = "a = 1\n" * 100
    refused = too_deep(before + "x = " + "(" * 300 + ")" * 300)
    assert refused is not None
    assert refused[0] == len(before) + len("x = ") + 200


def test_a_token_names_its_kind_and_span() -> None:
    assert scan("a b") == [Token("name", 0, 1), Token("name", 2, 3)]
