"""Where gradients go: into the weights, back to a caller, or only where somebody looks at them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from reglint.names.scopes import Link, Place, Scope, parameters
from reglint.names.values import FunctionValue
from reglint.usage.calls import Calls, CallSite, is_inside

_OPTIMIZING = re.compile(r"\w*apply\w*", re.IGNORECASE)
_CHANGING = re.compile(
    r"assign(_add|_sub)?|scatter_\w+|set_weights|run|merge_call|minimize|\w*(optimi[sz]e|step|accumulat|descend|train)\w*"
    r"|(?!update_state)\w*update\w*",
    re.IGNORECASE,
)
# What gives back gradients again, where any other function gives a measure of them: tf.square, tf.linalg.global_norm.
_KEEPING = re.compile(
    r"\w*(clip|unscale|scaled|all_reduce|copy|clone|flatten|reshape|concat\w*|stack|normalize)\w*"
    r"|zip|list|tuple|dict|enumerate|reversed|filter|map|iter|next|items|values|numpy|cast|identity|where|astype|reduce|sign"
    r"|convert_to_\w+|map_structure|pack_sequence_as|add_n|add|subtract|multiply|divide|scalar_mul|negative|sqrt|cond",
    re.IGNORECASE,
)
_COLLECTING = {"append", "extend", "insert", "add", "put", "write"}


class _Flow(NamedTuple):
    """An expression that holds gradients; ``raw`` where they are still gradients rather than a measure of them."""

    node: cst.CSTNode
    above: Link | None
    place: Place
    raw: bool


class Gradients:
    """Follows the gradients of one file by name, whatever the order of its statements."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def are_applied(self, site: CallSite) -> bool:
        """Do the gradients that a call gives change weights, or does a function return them to whoever may do it?"""
        pending = [_Flow(site.call, site.above, site.place, True)]
        seen: set[tuple[cst.CSTNode, bool]] = set()
        while pending:
            flow = pending.pop()
            if (flow.node, flow.raw) in seen:
                continue
            seen.add((flow.node, flow.raw))
            for further in self._follow(flow):
                if further is None:
                    return True
                pending.append(further)
        return False

    def _follow(self, flow: _Flow) -> Iterator[_Flow | None]:
        """Everything that an expression goes into; None where it reaches weights."""
        node, link, place, raw = flow
        rank: int | None = None  # of what is unpacked from `zip(…)` or `enumerate(…)`
        while link is not None:
            above = link.node
            if isinstance(above, cst.Arg):
                call = link.up.node if link.up is not None else None
                if link.up is None or not isinstance(call, cst.Call):
                    return
                name = _name(call)
                if _OPTIMIZING.fullmatch(name) or (raw and _CHANGING.fullmatch(name)):
                    yield None
                    return
                own = [
                    v.scope for v in self._calls.file.resolver.values(call.func, place) if isinstance(v, FunctionValue)
                ]
                if own:
                    for scope in own:
                        yield from self._named(_parameter(scope, call, above), scope, raw)
                    return
                if name in _COLLECTING and isinstance(call.func, cst.Attribute):
                    yield from self._bound(call.func.value, place.scope, raw)
                raw = raw and _KEEPING.fullmatch(name) is not None
                rank = call.args.index(above) if name == "zip" else 1 if name == "enumerate" else None
                node, link = call, link.up.up
                continue
            if isinstance(above, (cst.CompFor, cst.For)):
                if above.iter is node:
                    scope = place.scope
                    yield from self._bound(_part(above.target, rank), scope, raw)
                return
            if isinstance(above, (cst.Return, cst.Lambda, cst.Yield)):
                yield from self._returned(place, raw)
                return
            if isinstance(above, cst.Assign):
                for target in above.targets:
                    yield from self._bound(target.target, place.scope, raw)
                return
            if isinstance(above, (cst.AnnAssign, cst.AugAssign)):
                yield from self._bound(above.target, place.scope, raw)
                return
            if isinstance(above, cst.NamedExpr):
                yield from self._bound(above.target, place.scope, raw)
            elif isinstance(above, cst.Call):  # a method of the gradients
                raw = raw and _KEEPING.fullmatch(_name(above)) is not None
            elif isinstance(above, cst.BinaryOperation):
                raw = raw and not _is_square(above)
            elif isinstance(above, _LOOKING) or (isinstance(above, cst.IfExp) and above.test is node):
                return
            rank = rank if isinstance(above, cst.Call) else None
            node, link = above, link.up

    def _bound(self, target: cst.BaseExpression, scope: Scope, raw: bool) -> Iterator[_Flow]:
        """Every mention of what gradients are assigned to."""
        while isinstance(target, cst.Subscript):
            target = target.value
        if isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                yield from self._bound(element.value, scope, raw)
        elif isinstance(target, cst.Attribute):
            for mention in scope.names.mentions.get(target.attr.value, ()):
                parent = mention.above.node
                if isinstance(parent, cst.Attribute) and parent.attr is mention.node and parent is not target:
                    yield _Flow(parent, mention.above.up, mention.place, raw)
        elif isinstance(target, cst.Name):
            owner = scope
            while owner.parent is not None and owner.kind == "comprehension" and target.value not in owner.bindings:
                owner = owner.parent
            yield from self._named(target.value, owner, raw)

    def _named(self, name: str | None, scope: Scope, raw: bool) -> Iterator[_Flow]:
        for mention in scope.names.mentions.get(name or "", ()):
            parent = mention.above.node
            attribute = isinstance(parent, cst.Attribute) and parent.attr is mention.node
            keyword = isinstance(parent, cst.Arg) and parent.keyword is mention.node
            if is_inside(mention.place, scope) and not attribute and not keyword:
                yield _Flow(mention.node, mention.above, mention.place, raw)

    def _returned(self, place: Place, raw: bool) -> Iterator[_Flow | None]:
        """What a function returns goes to its callers; those out of sight may do with gradients what they like."""
        at: Scope | None = place.scope
        while at is not None and at.kind not in ("function", "lambda"):
            at = at.parent
        callers = list(self._calls.callers(at)) if at is not None else []
        if raw and (not callers or any(_is_dropped(site) for site in callers)):
            yield None
        for site in callers:
            yield _Flow(site.call, site.above, site.place, raw)


_LOOKING = (
    cst.Comparison,
    cst.CompIf,
    cst.Assert,
    cst.Expr,
    cst.FormattedStringExpression,
    cst.If,
    cst.Index,
    cst.Raise,
    cst.While,
    cst.WithItem,
)


def _name(call: cst.Call) -> str:
    """The last name of a callee."""
    func = call.func
    if isinstance(func, cst.Attribute):
        return func.attr.value
    return func.value if isinstance(func, cst.Name) else ""


def _part(target: cst.BaseExpression, rank: int | None) -> cst.BaseExpression:
    """The part of a loop's variables that the argument ``rank`` of ``zip`` goes to."""
    if rank is not None and isinstance(target, cst.Tuple) and rank < len(target.elements):
        return target.elements[rank].value
    return target


def _parameter(scope: Scope, call: cst.Call, arg: cst.Arg) -> str | None:
    """The parameter of a function that an argument is passed for."""
    if arg.keyword is not None:
        return arg.keyword.value
    if not isinstance(scope.node, (cst.FunctionDef, cst.Lambda)):
        return None
    every = [param.name.value for param in parameters(scope.node.params)]
    method = scope.parent is not None and scope.parent.kind == "class" and isinstance(call.func, cst.Attribute)
    rank = call.args.index(arg) + (1 if method else 0)
    return every[rank] if rank < len(every) else None


def _is_square(operation: cst.BinaryOperation) -> bool:
    if isinstance(operation.operator, cst.Power):
        return True
    return isinstance(operation.operator, cst.Multiply) and operation.left.deep_equals(operation.right)


def _is_dropped(site: CallSite) -> bool:
    """Is what a call gives not used, as where an example shows a step?"""
    return isinstance(site.above.node, cst.Expr)
