"""Python 2 is masked so that libcst reads it; every name and string keeps its place, and Python 3 is left alone."""

from __future__ import annotations

import ast
import os
import subprocess
import tokenize
import warnings
from io import BytesIO
from pathlib import Path

import libcst as cst
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reglint.python2 import masks
from reglint.source import source_from_text
from reglint.syntax import parse
from reglint.tree import walk

# What stands in the file, and what the parser gets to see.
MASKED = [
    # print
    ("print x", "... ; x"),
    ("print x,", "... ; x,"),
    ("print x, y", "... ; x, y"),
    ("print 'a' % b", "... ; 'a' % b"),
    ("print'a'", "... ;'a'"),
    ("print`a`", "... ;(a)"),
    ("print [a for a in b]", "... ; [a for a in b]"),
    ("print {a: b}", "... ; {a: b}"),
    ("print ~a", "... ; ~a"),
    ("print not a", "... ; not a"),
    ("print lambda: a", "... ; lambda: a"),
    ("print None", "... ; None"),
    ("a; print b; c", "a; ... ; b; c"),
    ("if a: print b", "if a: ... ; b"),
    ("if a: print b; print c", "if a: ... ; b; ... ; c"),
    ("else_ = lambda: 1; print a", "else_ = lambda: 1; ... ; a"),
    ("while a:\n    print b\n", "while a:\n    ... ; b\n"),
    ("print \\\n  a", "... ; \\\n  a"),
    ("print a if b else c", "... ; a if b else c"),
    # exec
    ("exec a", "...; a"),
    ("exec a in b", "...; a in b"),
    ("exec 'a' in b, c", "...; 'a' in b, c"),
    # except and raise
    ("try: a\nexcept B, e: c", "try: a\nexcept B| e: c"),
    ("try: a\nexcept (B, C), e: d", "try: a\nexcept (B, C)| e: d"),
    ("try: a\nexcept B, (c, d): e; print f", "try: a\nexcept B| (c, d): e; ... ; f"),
    ("try: a\nexcept B, c[0].d:\n  raise", "try: a\nexcept B| c[0].d:\n  raise"),
    ("raise A, 'b'", "raise A; 'b'"),
    ("raise A, 'b', c", "raise A; 'b'; c"),
    ("raise A, 'b' % (c, d)", "raise A; 'b' % (c, d)"),
    ("if a: raise B, f(c, d)", "if a: raise B; f(c, d)"),
    # operators and literals
    ("a <> b", "a != b"),
    ("a = `b`", "a = (b)"),
    ("a = `b, c`", "a = (b, c)"),
    ("a = `b` + `c`", "a = (b) + (c)"),
    ("a = ``b``", "a = ((b))"),
    ("a = `b + `c``", "a = (b + (c))"),
    ("return`a`", "return(a)"),
    ("a = 0777", "a = 511 "),
    ("a = 0777L", "a = 511  "),
    ("a = [00, 007, 08.5, 010e1]", "a = [00, 7  , 08.5, 010e1]"),
    ("a = 10L + 0xFFl", "a = 10  + 0xFF "),
    ("a = ur'b'", "a = br'b'"),
    ('a = UR"""b"""', 'a = br"""b"""'),
    ("a = ur'b' u'c'", "a =  r'b' u'c'"),
    ("a = b'b' 'c'", "a = u'b' 'c'"),
    ("a = 'b' br'c'", "a = 'b'  r'c'"),
    ("a = 'é' b'é'", "a = 'é' u'é'"),
    # parameters
    ("def f(a, (b, c)): d", "def f(a,  b, c ): d"),
    ("def f((a, (b, c)), d): e", "def f( a,  b, c  , d): e"),
    ("def f((a,), b): c", "def f( a  , b): c"),
    ("def f((a), b): c", "def f( a , b): c"),
    ("def f(a, (b, c)=(1, 2)): d", "def f(a, _b__c_=(1, 2)): d"),
    ("def f(a=1, (b, c)=d): e", "def f(a=1, _b__c_=d): e"),
    ("def f(a=(1, 2), b=3L): c", "def f(a=(1, 2), b=3 ): c"),
    ("lambda (a, b): c", "lambda  a, b : c"),
    ("lambda(a, b): c", "lambda a, b : c"),
    ("lambda(a, b)=c: d", "lambda a__b_=c: d"),
    ("lambda a, (b, c): lambda (d, e): f", "lambda a,  b, c : lambda  d, e : f"),
    ("lambda a=lambda: (b, c), d=1L: e", "lambda a=lambda: (b, c), d=1 : e"),
    # lists
    ("[a for a in 1, 2]", "[a for a in 1| 2]"),
    ("[a for a in 1, 2,]", "[a for a in 1| 2 ]"),
    ("[a for a, b in c, d if e]", "[a for a, b in c| d if e]"),
    ("[a for a in 1, 2 for b in 3, 4]", "[a for a in 1| 2 for b in 3| 4]"),
    ("[a in b, 1L]", "[a in b, 1 ]"),
    # names that became keywords
    ("f(async=True)", "f(asyn_=True)"),
    ("async = a", "asyn_ = a"),
    ("a.async.b(c)", "a.asyn_.b(c)"),
    ("from a.async import b", "from a.asyn_ import b"),
    ("def await(): pass", "def awai_(): pass"),
    ("a = await.b", "a = awai_.b"),
    ("nonlocal = a", "nonloca_ = a"),
    ("True = 1", "Tru_ = 1"),
    ("True, False = 1, 0", "Tru_, Fals_ = 1, 0"),
    ("(True, False) = 1, 0", "(Tru_, Fals_) = 1, 0"),
    ("a.True = b", "a.Tru_ = b"),
    ("f(a=True, True=b)", "f(a=True, Tru_=b)"),
    ("global True; True = 1", "global Tru_; Tru_ = 1"),
]


@pytest.mark.parametrize(("text", "expected"), MASKED)
def test_python_2_is_masked_by_what_python_3_can_parse(text: str, expected: str) -> None:
    first = next(masks(text))
    assert first.text == expected
    cst.parse_module(first.text)


@pytest.mark.parametrize(
    "text",
    [
        "print",
        "print()",
        "print(a)",
        "print (a)",
        "print(a, b, file=c)",
        "print (a), b",
        "print (a) % b",
        "print (a).b",
        "print >>a, b",
        "print >>a, b,",
        "print -a",
        "a.print(b)",
        "f(print=a)",
        "print = a",
        "a = print",
        "if a: print",
        "exec(a, b)",
        "exec (a) in b",
        "a.exec(b)",
        "from __future__ import print_function\nprint (a)",
        "except_ = a, b",
        "raise A(b, c)",
        "try: a\nexcept (B, C): d",
        "try: a\nexcept B as c: d",
        "[a for a in (1, 2)]",
        "{a: b for a, b in c}",
        "[(a in b), c]",
        "a = 0, 00, 0o17, 0x1F, 1e5, 10j, 0.5",
        "a = u'b', rb'c', b'd'",
        "a = b'b' b'c'",
        "def f(a, b=(1, 2), *c, **d): e",
        "f(lambda a, b=(c, d): (a, b))",
        "async def f():\n    await a(b)\n    async for c in d: e\n    async with f: g\n",
        "def f():\n    nonlocal a\n",
        "a = True, False",
        "(True, False)",
        "f(a=True)",
        "a = '<> ` print x'  # print x, 0777\n",
        "x: int = 1",
        "print: f",
    ],
)
def test_what_python_3_can_parse_is_left_alone(text: str) -> None:
    assert [masked.text for masked in masks(text)] == []


def test_print_is_a_function_where_the_file_says_so() -> None:
    text = "from __future__ import division, print_function\nprint [1][0]\nraise A, b\n"
    assert [masked.text for masked in masks(text)] == [text.replace("A,", "A;")]


def test_an_option_named_print_function_is_no_import() -> None:
    assert next(masks("if print_function: print a")).text == "if print_function: ... ; a"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("if a:\n\tb\n        c\n", "if a:\n        b\n        c\n"),
        ("if a:\n    if b:\n\tc\n", "if a:\n    if b:\n        c\n"),
        ("if a:\n  \tb\n\t(c,\n\td)\n", "if a:\n        b\n        (c,\n\td)\n"),
        ("if a:\n        b\n    \f\tc\n", "if a:\n        b\n        c\n"),
        ("if a:\n\tb = '''\n\tc'''\n        d\n", "if a:\n        b = '''\n\tc'''\n        d\n"),
        ("if a:\r\n\tb\r\n        c\r\n", "if a:\r\n        b\r\n        c\r\n"),
    ],
)
def test_tabs_are_expanded_as_python_2_counts_them(text: str, expected: str) -> None:
    masked = list(masks(text))[-1]
    assert masked.text == expected
    assert [text[masked.original(i)] for i, c in enumerate(masked.text) if not c.isspace()] == [
        *"".join(text.split()),
    ]
    cst.parse_module(masked.text)


def test_tabs_are_only_expanded_if_nothing_else_helps() -> None:
    found = [masked.text for masked in masks("if a:\n\tprint b\n")]
    assert found == ["if a:\n\t... ; b\n", "if a:\n        ... ; b\n"]


PIECES = (
    [text for text, _ in MASKED] + list("()[]{}`,:;'\"=\\\n\t ") + ["lambda ", "def f(", "print ", "if a:\n\t", "async"]
)


@given(st.lists(st.sampled_from(PIECES)).map("".join) | st.text())
def test_masking_keeps_every_width_and_line_end(text: str) -> None:
    for masked in masks(text):
        if len(masked.stretches) == 1:
            assert len(masked.text) == len(text)
        ends = [i for i, c in enumerate(masked.text) if c in "\r\n"]
        assert [masked.original(i) for i in ends] == [i for i, c in enumerate(text) if c in "\r\n"]


@given(st.lists(st.sampled_from([text for text, _ in MASKED]), min_size=1))
def test_statements_are_masked_one_by_one(texts: list[str]) -> None:
    joined = "\n".join(texts) + "\n"
    assert next(masks(joined)).text == "".join(next(masks(text)).text + "\n" for text in texts)


LIBRARY = os.environ.get("REGLINT_PYTHON2_LIB")


def text_of(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode(tokenize.detect_encoding(BytesIO(raw).readline)[0])
    except (SyntaxError, UnicodeError, LookupError):
        return raw.decode("latin-1")


def is_python_3(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):
            return False
    return True


def compiled_by_python_2(library: Path) -> set[str]:
    """The files of the library that its own interpreter compiles."""
    script = "import os,sys\nfor d,_,fs in os.walk(sys.argv[1]):\n for f in fs:\n  p=os.path.join(d,f)\n  try:\n   "
    script += "p.endswith('.py') and not compile(open(p,'U').read()+'\\n',p,'exec',0,1) or sys.stdout.write(p+'\\n')\n"
    script += "  except Exception: pass\n"
    interpreter = library.parent.parent / "bin" / "python2.7"
    found = subprocess.run([interpreter, "-c", script, library], capture_output=True, text=True, check=True)
    return {path for path in found.stdout.splitlines() if path.endswith(".py")}


@pytest.mark.skipif(LIBRARY is None, reason="set REGLINT_PYTHON2_LIB to a folder lib/python2.7")
def test_the_library_of_python_2_is_parsed_and_every_name_is_in_its_place() -> None:
    refused = []
    count = 0
    for path in sorted(compiled_by_python_2(Path(LIBRARY or ""))):
        text = text_of(Path(path))
        if is_python_3(text):
            continue
        count += 1
        try:
            parsed = parse(source_from_text(text.replace("\0", " "), "a.py"))
        except Exception as error:
            refused.append((path, str(error)))
            continue
        if parsed.tree is None:
            refused.append((path, parsed.failures[0].message))
            continue
        for node in walk(parsed.tree):
            if isinstance(node, (cst.Name, cst.SimpleString)):
                start, end = parsed.span(node)
                assert text[start:end] == node.value or is_masked(node.value), path
    assert count > 400
    assert len(refused) <= 0.005 * count, refused


def is_masked(value: str) -> bool:
    """Whether a name or string of the tree is one that masking has changed."""
    return value in ("asyn_", "awai_", "nonloca_", "Tru_", "Fals_") or value.startswith(("_", "br", "r'"))
