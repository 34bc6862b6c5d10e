"""Which calls run together, how often, and whether on tensors of a model that is being put together."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from reglint.names.module import ModuleNames
from reglint.names.scopes import Arm, Place
from reglint.names.values import FunctionValue, LiteralValue, MadeValue, Symbol
from reglint.usage.file import File

_RANGES = ("builtins.range", "builtins.xrange")
_PASSING_ON = ("builtins.enumerate", "builtins.zip", "builtins.list", "builtins.tuple", "builtins.reversed")
_APPENDING = ("append", "extend", "insert")
_ENDS = ("input", "inputs", "output", "outputs")


# --------------------------------------------------------------------------------------------------------------- order


def around_comprehensions(place: Place) -> Place:
    """The place of the comprehension, where something stands in one."""
    while place.scope.kind == "comprehension" and place.scope.place is not None:
        place = place.scope.place
    return place


def run_together(one: Place, later: Place) -> bool:
    """Can both places run in one run of their scope, ``one`` first: no other arm, and no ``return`` in between?"""
    depth = 0
    for a, b in zip(one.path, later.path, strict=False):
        if a.statement is not b.statement:
            break
        if a.arm != b.arm:
            return False
        depth += 1
    return not any(_leaves(arm, later.path[:depth]) for arm in one.path[depth:])


def _leaves(arm: Arm, shared: tuple[Arm, ...]) -> bool:
    """Does an arm end by leaving the function, or the loop that is around both places?"""
    block = _block(arm)
    last = block.body[-1] if block is not None and block.body else None
    if isinstance(last, cst.SimpleStatementLine):
        last = last.body[-1]
    if isinstance(last, (cst.Return, cst.Raise)):
        return True
    return isinstance(last, (cst.Continue, cst.Break)) and any(other.loops for other in shared)


def _block(arm: Arm) -> cst.BaseSuite | None:
    """The statements of an arm, as far as they are known to run to their end; those of a loop are not."""
    statement = arm.statement
    if isinstance(statement, cst.If):
        if arm.arm == 0:
            return statement.body
        return statement.orelse.body if isinstance(statement.orelse, cst.Else) else None
    if isinstance(statement, (cst.Try, cst.TryStar)) and arm.arm > 0:
        return statement.handlers[arm.arm - 1].body
    if isinstance(statement, cst.Match):
        return statement.cases[arm.arm].body
    return None


def turns(file: File, place: Place, maker: Place) -> int:
    """How often what stands at ``place`` surely runs for each thing made at ``maker``; 1 where nobody can tell."""
    count = 1
    known = [arm.statement for arm in maker.path]
    while True:
        for arm in place.path:
            if isinstance(arm.statement, cst.For) and arm.loops and arm.statement not in known:
                count *= max(_length(file, arm.statement.iter, place), 1)
        scope = place.scope
        if scope.kind != "comprehension" or scope.place is None or scope is maker.scope:
            return count
        clause = scope.node.for_in  # type: ignore[attr-defined]
        if clause.ifs or clause.inner_for_in is not None:
            return count
        count *= max(_length(file, clause.iter, scope.place), 1)
        place = scope.place


def _length(file: File, node: cst.BaseExpression, place: Place) -> int:
    """The number of turns of a loop over ``node``, 0 where it isn't written in the source."""
    if isinstance(node, cst.Call):
        callees = file.resolver.values(node.func, place)
        names = {value.qualname for value in callees if isinstance(value, Symbol)}
        args = [arg.value for arg in node.args if arg.keyword is None and not arg.star]
        if len(callees) == 1 and names <= set(_RANGES) and args:
            numbers = [_integer(file, arg, place) for arg in args[:2]]
            if None in numbers or len(args) > 2:
                return 0
            return (numbers[1] or 0) - (numbers[0] or 0) if len(numbers) == 2 else numbers[0] or 0
        if len(callees) == 1 and names <= set(_PASSING_ON) and args:
            return min(_length(file, arg, place) for arg in args)
        return 0
    counts = []
    for value in file.resolver.values(node, place):
        literal = value.node if isinstance(value, LiteralValue) else None
        if not isinstance(literal, (cst.List, cst.Tuple)):
            return 0
        counts.append(sum(isinstance(element, cst.Element) for element in literal.elements))
    return min(counts, default=0)


def _integer(file: File, node: cst.BaseExpression, place: Place) -> int | None:
    values = file.resolver.values(node, place)
    if len(values) == 1 and isinstance(values[0], LiteralValue) and isinstance(values[0].node, cst.Integer):
        return int(values[0].node.evaluated_value)
    return None


# ------------------------------------------------------------------------------------------------------------- tensors


def behind(file: File, node: cst.BaseExpression, place: Place) -> Iterator[tuple[cst.CSTNode, Place]]:
    """Every expression that a tensor is made from, itself first."""
    seen: set[cst.CSTNode] = set()
    pending: list[tuple[cst.CSTNode, Place]] = [(node, place)]
    while pending:
        at, where = pending.pop()
        if at in seen:
            continue
        seen.add(at)
        yield at, where
        if isinstance(at, cst.Name):
            pending.extend(_bound(file, at.value, where))
        elif isinstance(at, cst.Call):
            pending.extend(_called(file, at, where))
        else:
            pending.extend(_parts(at, where))


def is_symbolic(file: File, node: cst.BaseExpression, place: Place) -> bool:
    """Is a tensor made from a Keras ``Input``, or from the ends of a model, rather than from data?"""
    for at, where in behind(file, node, place):
        if isinstance(at, cst.Attribute) and at.attr.value in _ENDS:
            return True
        values = file.resolver.values(at, where) if isinstance(at, cst.Call) else ()
        names = [file.api.keras_name(value.qualname) for value in values if isinstance(value, MadeValue)]
        if any(name is not None and name.path and name.path[-1] == "Input" for name in names):
            return True
    return False


def _bound(file: File, name: str, place: Place) -> Iterator[tuple[cst.CSTNode, Place]]:
    """What a name is bound to, and what is appended to it."""
    for binding in file.resolver.bindings(name, place):
        if binding.kind in ("assign", "loop") and isinstance(binding.node, cst.BaseExpression):
            outer = binding.place.scope.place if binding.place.scope.kind == "comprehension" else None
            yield unpacked(binding.node, binding.unpack if binding.kind == "assign" else ()), outer or binding.place
    names: ModuleNames = place.scope.names
    for mention in names.mentions.get(name, ()):
        attribute, link = mention.above
        if isinstance(attribute, cst.Attribute) and attribute.attr.value in _APPENDING and link is not None:
            if isinstance(link.node, cst.Call) and link.node.func is attribute and mention.place.scope is place.scope:
                yield from ((arg.value, mention.place) for arg in link.node.args)


def _called(file: File, call: cst.Call, place: Place) -> Iterator[tuple[cst.CSTNode, Place]]:
    yield from ((arg.value, place) for arg in call.args)
    if isinstance(call.func, cst.Attribute):
        yield call.func.value, place
    for callee in file.resolver.values(call.func, place):
        if isinstance(callee, FunctionValue) and file.resolver.is_plain(callee.scope):
            yield from callee.scope.returns


def _parts(node: cst.CSTNode, place: Place) -> Iterator[tuple[cst.CSTNode, Place]]:
    """The tensors of which an expression other than a name or a call is made."""
    if isinstance(node, (cst.List, cst.Tuple, cst.Set, cst.Dict)):
        yield from ((element.value, place) for element in node.elements)
    elif isinstance(node, cst.BinaryOperation):
        yield from ((node.left, place), (node.right, place))
    elif isinstance(node, cst.UnaryOperation):
        yield node.expression, place
    elif isinstance(node, cst.IfExp):
        yield from ((node.body, place), (node.orelse, place))
    elif isinstance(node, (cst.Subscript, cst.NamedExpr)):
        yield node.value, place
    elif isinstance(node, (cst.ListComp, cst.GeneratorExp, cst.SetComp)):
        scope = place.scope.names.scopes.get(node)
        yield node.for_in.iter, place
        if scope is not None:
            yield node.elt, Place(scope, place.order, ())


def unpacked(node: cst.BaseExpression, index: tuple[int, ...]) -> cst.BaseExpression:
    """The element of ``a, b = x, y`` that a name gets; all of what can't be taken apart."""
    for rank in index:
        if not isinstance(node, (cst.Tuple, cst.List)) or not 0 <= rank < len(node.elements):
            return node
        node = node.elements[rank].value
    return node
