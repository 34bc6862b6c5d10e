"""Walking a libcst tree: nothing is missed, the order is that of the source, and depth is no matter."""

from __future__ import annotations

import inspect
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from reglint import tree
from reglint.tree import children, walk

EVERYTHING = """\
from __future__ import annotations
from ..a.b import c as d, e
from f import *
import g.h as i, j

@k.l(m)
@n
async def o[P: int, *Q, **R](s, /, t: u = v, *w: x, y: z = a, **b) -> c:
    global d, e
    nonlocal f
    async with g as h, i:
        await j
    async for k in l:
        yield from m
    else:
        yield n
    return o

class A[T](B, *C, metaclass=D, **E):
    f: g = h
    i: j

if (a := b) and not c or d:
    pass
elif -e ** f:
    assert g, h
else:
    del i, j[k], l.m
try:
    raise a from b
except (c, d) as e:
    raise
except f:
    pass
else:
    g
finally:
    h
try:
    pass
except* a as b:
    c
for a, (b, *c) in d:
    continue
else:
    e
while a < b <= c not in d is not e:
    break
else:
    f
with (a as b, c): d; e
match a, b:
    case 1 | "c" | None if d:
        pass
    case [e, *f, g] | (h, *_) | i.j as k:
        pass
    case {"l": m, n.o: p, **q} | R(s, t=u, v=_):
        pass
type W[X] = Y
a = b, c = d[e, f:g:h, i:, *j] = k
l += m @ n
o = lambda p, q=r, *s, t, u=v, **w: x if y else z
a = [b for c in d if e if f for g in h] + [*i, j]
k = {l: m for n in o} | {p: q, **r} | {s for t in u} | {v, *w}
x = (y for z in a)
b(c, *d, e=f, **g)(h)
i = "j" 'k' f"l{m!r:{n}}o{'p'}" "q" if r else b's' + 1 + 2.0 + 3j + ...
"""


def library_files() -> list[Path]:
    library = Path(sysconfig.get_path("stdlib"))
    return [library / name for name in ("argparse.py", "typing.py", "ast.py", "asyncio/base_events.py", "turtle.py")]


TEXTS = [
    pytest.param(EVERYTHING, id="all syntax"),
    *(pytest.param(path.read_text(encoding="utf-8"), id=path.name) for path in library_files()),
]


def concrete_classes(base: type[cst.CSTNode]) -> Iterator[type[cst.CSTNode]]:
    for kind in base.__subclasses__():
        # `dataclass(slots=True)` leaves an unused first version of each class behind.
        if not inspect.isabstract(kind) and getattr(cst, kind.__name__, None) is kind:
            yield kind
        yield from concrete_classes(kind)


@pytest.mark.parametrize("text", TEXTS)
def test_names_and_strings_come_in_the_order_of_their_positions(text: str) -> None:
    wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    words = (cst.Name, cst.SimpleString, cst.Integer)
    positions = wrapper.resolve(PositionProvider)
    by_position = sorted(
        (position.start.line, position.start.column, node.value)
        for node, position in positions.items()
        if isinstance(node, words)
    )
    walked = []
    for node in walk(wrapper.module):
        if isinstance(node, words):
            start = positions[node].start
            walked.append((start.line, start.column, node.value))
    assert walked == by_position


@pytest.mark.parametrize("text", TEXTS)
def test_children_are_those_of_libcst_without_punctuation(text: str) -> None:
    for node in walk(cst.parse_module(text)):
        assert list(children(node)) == list(tree._children_of_unknown(node)), type(node).__name__


def test_every_class_of_libcst_is_in_the_table_or_holds_no_names() -> None:
    found = set(concrete_classes(cst.CSTNode))  # type: ignore[type-abstract]
    assert {cst.Name, cst.Call, cst.Comma} <= found
    assert {
        kind.__name__ for kind in found if kind not in tree._GETTERS and not issubclass(kind, tree._PUNCTUATION)
    } == set()


def test_every_field_in_the_table_exists() -> None:
    for name, wanted in tree._FIELDS.items():
        kind = getattr(cst, name, None)
        if kind is not None:
            assert set(wanted.split()) <= {field.name for field in fields(kind)}, name


def test_parents_come_before_what_they_hold() -> None:
    call = cst.parse_expression("Dense(10, W_regularizer=l2(0.01))")
    assert [type(node).__name__ for node in walk(call)] == [
        *("Call", "Name", "Arg", "Integer", "Arg", "Name", "Call", "Name", "Arg", "Float"),
    ]


def test_decorators_come_before_the_name_and_bases_before_the_body() -> None:
    module = cst.parse_module("@a\ndef b(c=d) -> e: f\n@g\nclass h(i, j=k): l\n")
    names = "".join(node.value for node in walk(module) if isinstance(node, cst.Name))
    assert names == "abcdefghijkl"


def test_a_leaf_has_no_children() -> None:
    assert children(cst.Name("a")) == ()


def test_the_tree_of_a_thousand_terms_is_walked() -> None:
    module = cst.parse_module("x = " + " + ".join(["a"] * 1000))
    assert sum(isinstance(node, cst.Name) for node in walk(module)) == 1001


def test_a_class_that_is_not_in_the_table_is_walked_all_the_same() -> None:
    @dataclass(frozen=True)
    class Novelty(cst.Call):
        pass

    call = cst.ensure_type(cst.parse_expression("f(a, b=c)"), cst.Call)
    novelty = Novelty(func=call.func, args=call.args)
    module = cst.Module(body=[cst.SimpleStatementLine(body=[cst.Expr(value=novelty)])])
    names = [node.value for node in walk(module) if isinstance(node, cst.Name)]
    assert names == ["f", "a", "b", "c"]
