"""Parsing a source: every name has its place, and what does not parse is said in one line at the right spot."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path
from typing import Any

import libcst as cst
import pytest

from reglint import syntax, tokens
from reglint.source import Source, source_from_bytes, source_from_text
from reglint.syntax import Parsed, SyntaxFailure, parse
from reglint.tree import walk

SAMPLE = '''\
# -*- coding: utf-8 -*-
from keras.layers import Dense as D, Größe
@D.wraps(a, b=c)
async def f(self, *args: "int", kw=u'x', **rest) -> None:
    match match:
        case case if case: type = lambda _: _
        case [_, *_] | {"a": _, **rest} | Point(x=_): pass
        case _: await x
    type type = type[type]
    return f"{a!r:{width}} {d['k']} {'it' "s"}" 'plain' if True else """long
'string'""" + f'{x!a}{f"{y}"}'
class K[T](Base, metaclass=M):
    x: int = 3 .real if not y else z
    global g; print >>x, 1_0j
'''


def source(text: str) -> Source:
    return source_from_text(text, "a.py")


def notebook(*cells: str) -> Source:
    shared: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    book = {"cells": [{**shared, "source": cell} for cell in cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    return source_from_bytes(json.dumps(book).encode(), "a.ipynb")


def words(parsed: Parsed) -> list[Any]:
    assert parsed.tree is not None
    return [node for node in walk(parsed.tree) if isinstance(node, (cst.Name, cst.SimpleString))]


def failure(text: str) -> SyntaxFailure:
    parsed = parse(source(text))
    assert parsed.tree is None
    (only,) = parsed.failures
    return only


def refuse_to_align(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, "_aligned", lambda module, text: {})


LIBRARY = Path(sysconfig.get_path("stdlib"))
TEXTS = [
    pytest.param(SAMPLE, id="sample"),
    pytest.param(SAMPLE.replace("\n", "\r\n"), id="CRLF"),
    pytest.param(SAMPLE.replace("\n", "\r"), id="CR"),
    *(
        pytest.param((LIBRARY / name).read_text(encoding="utf-8"), id=name)
        for name in ("argparse.py", "typing.py", "dataclasses.py", "json/decoder.py", "turtle.py")
    ),
]


@pytest.mark.parametrize("text", TEXTS)
def test_every_name_and_string_reads_as_in_the_text(text: str) -> None:
    parsed = parse(source(text))
    found = words(parsed)
    assert len(found) > 50
    assert [text[slice(*parsed.span(node))] for node in found] == [node.value for node in found]
    assert not parsed.python2
    assert parsed.failures == ()


@pytest.mark.parametrize("text", TEXTS)
def test_aligned_places_are_those_of_libcst(text: str) -> None:
    module = cst.parse_module(text)
    aligned = syntax._aligned(module, text)
    assert aligned
    provided = syntax._provided(module, text)
    assert {node: span for node, span in aligned.items() if node not in provided} == {}
    assert aligned == provided


def test_libcst_is_asked_where_tokens_and_tree_do_not_match(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_align(monkeypatch)
    text = "x = 'é'; f(W_regularizer=l2)\n"
    parsed = parse(source(text))
    assert [text[slice(*parsed.span(node))] for node in words(parsed)] == ["x", "'é'", "f", "W_regularizer", "l2"]


def test_the_places_libcst_gives_hold_in_masked_python_2(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_align(monkeypatch)
    text = "if a:\n\tprint b\n        c\n"
    parsed = parse(source(text))
    assert [text[slice(*parsed.span(node))] for node in words(parsed)] == ["a", "b", "c"]


def test_tokens_that_do_not_match_the_tree_give_no_places() -> None:
    module = cst.parse_module("a = b\n")
    assert syntax._aligned(module, "a = c\n") == {}
    assert syntax._aligned(module, "a = b, c\n") == {}
    assert syntax._aligned(module, "a\n") == {}


def test_a_node_of_another_tree_has_no_place() -> None:
    with pytest.raises(LookupError):
        parse(source("a\n")).span(cst.Name("a"))


def test_a_subject_named_as_the_keyword_before_it_has_its_own_place() -> None:
    parsed = parse(source("match match:\n    case case: pass\n"))
    assert [parsed.span(node) for node in words(parsed)] == [(6, 11), (22, 26)]


def test_names_in_f_strings_have_their_places() -> None:
    text = "f'{a!r:{b}}{f'{d['k']}'}' + c\n"
    parsed = parse(source(text))
    assert [text[slice(*parsed.span(node))] for node in words(parsed)] == ["a", "b", "d", "'k'", "c"]


@pytest.mark.parametrize(
    "text",
    [
        "print Dense(W_regularizer=l2(0.1))\n",
        "if a:\n\tx = 1L\n        Dense(10, W_regularizer='l2')\n",
        "def f((a, b)):\r\n    raise E, `W_regularizer`\r\n",
        "try:\n  a\nexcept E, W_regularizer: exec b in {'W_regularizer': 0777}\n",
    ],
)
def test_names_of_python_2_have_their_places(text: str) -> None:
    parsed = parse(source(text))
    assert parsed.python2
    assert parsed.failures == ()
    found = [text[slice(*parsed.span(node))] for node in words(parsed)]
    assert found == [node.value for node in words(parsed)]
    assert "W_regularizer" in {word.strip("'") for word in found}


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("x = 1\ny = (\n", "(", "not valid Python: '(' was never closed"),
        ("x = 'é' $ 1\n", "$", "not valid Python: invalid syntax"),
        ("def f():\nx = 1\n", "x", "not valid Python: expected an indented block after function definition on line 1"),
        ("print x\ny = (\n", "(", "not valid Python: '(' was never closed"),
        ("if a:\n\tprint x\n        y = (\n", "(", "not valid Python: '(' was never closed"),
        ("a\r\nb\r\nc = ]\r\n", "]", "not valid Python: unmatched ']'"),
    ],
)
def test_a_failure_says_what_is_wrong_where(text: str, at: str, message: str) -> None:
    assert failure(text) == SyntaxFailure(text.index(at), message)


def test_what_only_libcst_refuses_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str) -> cst.Module:
        raise ValueError("parser error: error at 2:5: expected one of these\nand those")

    monkeypatch.setattr(cst, "parse_module", refuse)
    found = failure("a = 1\nb = 2\n")
    assert found == SyntaxFailure(
        10, "not understood by libcst: parser error: error at 2:5: expected one of these and those"
    )


def test_messages_are_one_short_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(text: str) -> cst.Module:
        raise ValueError("so\nmany words " * 50)

    monkeypatch.setattr(cst, "parse_module", refuse)
    message = failure("a\n").message
    assert "\n" not in message
    assert len(message) < 160


class PanicException(BaseException):
    """What a panic of libcst's native parser looks like."""


@pytest.mark.parametrize("error", [PanicException("panicked"), RecursionError("too deep"), MemoryError()])
def test_no_error_of_the_parser_comes_through(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(text: str) -> cst.Module:
        raise error

    monkeypatch.setattr(cst, "parse_module", fail)
    assert failure("a\n").message.startswith("not understood by libcst")


def test_an_interrupt_does_come_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(text: str) -> cst.Module:
        raise KeyboardInterrupt

    monkeypatch.setattr(cst, "parse_module", interrupt)
    with pytest.raises(KeyboardInterrupt):
        parse(source("a\n"))


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 5000,
        "x = " + "a + " * 20_000 + "a",
        "x = " + "f(" * 3000 + ")" * 3000,
        "x = '" + "\\x00' '" * 9000,
    ],
)
def test_what_libcst_would_die_of_is_refused_before(text: str) -> None:
    found = failure(text)
    assert 0 <= found.offset <= len(text)
    assert found.message


def test_an_empty_source_parses() -> None:
    parsed = parse(source(""))
    assert parsed.tree is not None
    assert parsed.failures == ()


@pytest.mark.parametrize("broken", ["x = (", "def f(:", "x = " + "(" * 1000, "x = '''"])
def test_a_broken_cell_costs_only_itself(broken: str) -> None:
    book = notebook("import keras", broken, "Dense(W_regularizer=l2)")
    parsed = parse(book)
    assert [book.location(found.offset).cell for found in parsed.failures] == [2]
    assert [book.text[slice(*parsed.span(node))] for node in words(parsed)] == [
        *("keras", "Dense", "W_regularizer", "l2"),
    ]
    assert not parsed.python2


def test_each_broken_cell_is_reported() -> None:
    book = notebook("x = (", "a", "y = ]", "b")
    parsed = parse(book)
    assert [book.location(found.offset).cell for found in parsed.failures] == [1, 3]
    assert [node.value for node in words(parsed)] == ["a", "b"]


def test_cells_of_python_2_beside_a_broken_one_are_read() -> None:
    book = notebook("print a", "x = (", "Dense(W_regularizer=l2)")
    parsed = parse(book)
    assert parsed.python2
    assert len(parsed.failures) == 1
    assert [node.value for node in words(parsed)] == ["a", "Dense", "W_regularizer", "l2"]


def test_a_notebook_without_a_sound_cell_is_empty() -> None:
    parsed = parse(notebook("x = (", "y = )"))
    assert parsed.tree is not None
    assert words(parsed) == []
    assert len(parsed.failures) == 2


def test_text_is_scanned_only_when_a_place_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    scans = []
    scan = tokens.scan

    def counted(text: str) -> list[tokens.Token]:
        scans.append(text)
        return scan(text)

    monkeypatch.setattr(tokens, "scan", counted)
    parsed = parse(source("a = b\n"))
    assert scans == []
    for node in words(parsed):
        parsed.span(node)
    assert scans == ["a = b\n"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="recursion uses the C stack")
def test_places_in_a_tree_of_a_thousand_levels_are_known() -> None:
    text = "x = " + "a + " * 900 + "W_regularizer\n"
    parsed = parse(source(text))
    assert text[slice(*parsed.span(words(parsed)[-1]))] == "W_regularizer"


def test_libcst_without_positions_for_a_deep_tree_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_align(monkeypatch)
    parsed = parse(source("x = " + "a + " * 990 + "b\n"))
    with pytest.raises(LookupError):
        parsed.span(words(parsed)[-1])
