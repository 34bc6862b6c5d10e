"""Walking a libcst tree without recursion, in the order of the source.

libcst's own visitors recurse (a few hundred nested terms are their limit) and stop at every space and comma. Here a
table says, class by class, which fields hold expressions, statements and names, in the order in which they are
written; everything else (whitespace, commas, parentheses, operators) is never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

import libcst as cst

# By name, because the classes depend on libcst's release: what it does not have yet is left out, what it has gained
# since goes through `_children_of_unknown`.
_FIELDS = {
    "Module": "body",
    # Statements.
    "AnnAssign": "target annotation value",
    "Annotation": "annotation",
    "AsName": "name",
    "Assert": "test msg",
    "Assign": "targets value",
    "AssignTarget": "target",
    "AugAssign": "target value",
    "Break": "",
    "ClassDef": "decorators name type_parameters bases keywords body",
    "Continue": "",
    "Decorator": "decorator",
    "Del": "target",
    "Else": "body",
    "ExceptHandler": "type name body",
    "ExceptStarHandler": "type name body",
    "Expr": "value",
    "Finally": "body",
    "For": "target iter body orelse",
    "FunctionDef": "decorators name type_parameters params returns body",
    "Global": "names",
    "If": "test body orelse",
    "Import": "names",
    "ImportAlias": "name asname",
    "ImportFrom": "module names",
    "ImportStar": "",
    "IndentedBlock": "body",
    "LazyImport": "names",
    "LazyImportFrom": "module names",
    "NameItem": "name",
    "Nonlocal": "names",
    "Pass": "",
    "Raise": "exc cause",
    "Return": "value",
    "SimpleStatementLine": "body",
    "SimpleStatementSuite": "body",
    "Try": "body handlers orelse finalbody",
    "TryStar": "body handlers orelse finalbody",
    "TypeAlias": "name type_parameters value",
    "While": "test body orelse",
    "With": "items body",
    "WithItem": "item asname",
    # Parameters.
    "Param": "name annotation default",
    "Parameters": "posonly_params params star_arg kwonly_params star_kwarg",
    "ParamSpec": "name",
    "TypeParam": "param default",
    "TypeParameters": "params",
    "TypeVar": "name bound",
    "TypeVarTuple": "name",
    # Expressions.
    "Arg": "keyword value",
    "Attribute": "value attr",
    "Await": "expression",
    "BinaryOperation": "left right",
    "BooleanOperation": "left right",
    "Call": "func args",
    "Comparison": "left comparisons",
    "ComparisonTarget": "comparator",
    "CompFor": "target iter ifs inner_for_in",
    "CompIf": "test",
    "ConcatenatedString": "left right",
    "Dict": "elements",
    "DictComp": "key value for_in",
    "DictElement": "key value",
    "Element": "value",
    "Ellipsis": "",
    "Float": "",
    "FormattedString": "parts",
    "FormattedStringExpression": "expression format_spec",
    "FormattedStringText": "",
    "From": "item",
    "GeneratorExp": "elt for_in",
    "IfExp": "body test orelse",
    "Imaginary": "",
    "Index": "value",
    "Integer": "",
    "Lambda": "params body",
    "List": "elements",
    "ListComp": "elt for_in",
    "Name": "",
    "NamedExpr": "target value",
    "Set": "elements",
    "SetComp": "elt for_in",
    "SimpleString": "",
    "Slice": "lower upper step",
    "StarredDictComp": "value for_in",
    "StarredDictElement": "value",
    "StarredElement": "value",
    "Subscript": "value slice",
    "SubscriptElement": "slice",
    "TemplatedString": "parts",
    "TemplatedStringExpression": "expression format_spec",
    "TemplatedStringText": "",
    "Tuple": "elements",
    "UnaryOperation": "expression",
    "Yield": "value",
    # Patterns.
    "Match": "subject cases",
    "MatchAs": "pattern name",
    "MatchCase": "pattern guard body",
    "MatchClass": "cls patterns kwds",
    "MatchKeywordElement": "key pattern",
    "MatchList": "patterns",
    "MatchMapping": "elements rest",
    "MatchMappingElement": "key pattern",
    "MatchOr": "patterns",
    "MatchOrElement": "pattern",
    "MatchSequenceElement": "value",
    "MatchSingleton": "value",
    "MatchStar": "name",
    "MatchTuple": "patterns",
    "MatchValue": "value",
}

# Classes that hold no name: an unknown node's children of these classes are not worth a visit.
_PUNCTUATION: tuple[type[cst.CSTNode], ...] = (
    cst.BaseBinaryOp,
    cst.BaseBooleanOp,
    cst.BaseCompOp,
    cst.BaseUnaryOp,
    cst.BaseAugOp,
    cst.BaseParenthesizableWhitespace,
    cst.AssignEqual,
    cst.Asynchronous,
    cst.Colon,
    cst.Comma,
    cst.Comment,
    cst.Dot,
    cst.EmptyLine,
    cst.LeftCurlyBrace,
    cst.LeftParen,
    cst.LeftSquareBracket,
    cst.Newline,
    cst.ParamSlash,
    cst.ParamStar,
    cst.RightCurlyBrace,
    cst.RightParen,
    cst.RightSquareBracket,
    cst.Semicolon,
    cst.TrailingWhitespace,
)

_Getter = Callable[[cst.CSTNode], Sequence[cst.CSTNode]]


def children(node: cst.CSTNode) -> Sequence[cst.CSTNode]:
    """Give the expressions, statements and names directly inside ``node``, in source order."""
    getter = _GETTERS.get(node.__class__, _children_of_unknown)
    return () if getter is None else getter(node)


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield ``node`` and every expression, statement and name inside it, parents first, in source order."""
    getters = _GETTERS
    stack = [node]
    pop = stack.pop
    push = stack.extend
    while stack:
        node = pop()
        yield node
        getter = getters.get(node.__class__, _children_of_unknown)
        if getter is not None:
            found = getter(node)
            if found:
                push(found[::-1])


def _getter(names: Sequence[str]) -> _Getter | None:
    """Make the function that reads the fields ``names`` of a node; None where there is nothing to read."""
    if not names:
        return None
    if len(names) == 1:
        return _one_field(attrgetter(*names))
    return _several_fields(attrgetter(*names))


def _one_field(read: Callable[[cst.CSTNode], Any]) -> _Getter:
    """Make the getter of a class with one field that matters."""

    def get(node: cst.CSTNode) -> Sequence[cst.CSTNode]:
        value = read(node)
        kind = value.__class__
        if kind is tuple or kind is list:
            return value  # type: ignore[no-any-return]
        return (value,) if kind in _GETTERS or _is_unknown(value) else ()

    return get


def _several_fields(read: Callable[[cst.CSTNode], Iterable[Any]]) -> _Getter:
    """Make the getter of a class with several fields that matter."""

    def get(node: cst.CSTNode) -> Sequence[cst.CSTNode]:
        found: list[cst.CSTNode] = []
        for value in read(node):
            kind = value.__class__
            if kind is tuple or kind is list:
                found += value
            # The cheap test first: fields are mostly a class of the table, None or a "maybe" mark.
            elif kind in _GETTERS or (value is not None and _is_unknown(value)):
                found.append(value)
        return found

    return get


def _is_unknown(value: object) -> bool:
    """Tell whether a field holds a node of a class that this table lacks and that may hold names."""
    return isinstance(value, cst.CSTNode) and not isinstance(value, _PUNCTUATION)


def _children_of_unknown(node: cst.CSTNode) -> Sequence[cst.CSTNode]:
    """Give the children of a node whose class came with a newer libcst, in the order in which libcst prints them."""
    return [child for child in node.children if not isinstance(child, _PUNCTUATION)]


def _table() -> dict[type[cst.CSTNode], _Getter | None]:
    """Turn the table of names into getters for the classes and fields that this libcst has."""
    table: dict[type[cst.CSTNode], _Getter | None] = {}
    for name, wanted in _FIELDS.items():
        kind = getattr(cst, name, None)
        if kind is not None:
            present = {field.name for field in fields(kind)}
            table[kind] = _getter([field for field in wanted.split() if field in present])
    return table


_GETTERS = _table()
