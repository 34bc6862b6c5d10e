"""The single pass over a libcst tree: its scopes, what binds each name there, and every mention of a name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import libcst as cst

from reglint.names.scopes import (
    Arm,
    AttributeBinding,
    Binding,
    Link,
    Mention,
    Place,
    Scope,
    dotted,
    parameters,
    string_value,
)
from reglint.tree import children

_Item = tuple[cst.CSTNode, Place, Link]

_COMPREHENSIONS = (cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)


class ModuleNames:
    """The names of one module: scopes, bindings, and every mention of a name (and of the strings in ``words``)."""

    def __init__(self, tree: cst.Module, filename: str = "", words: frozenset[str] = frozenset()) -> None:
        self.tree = tree
        self.filename = filename
        self.words = words
        self.scope = Scope(self, "module", tree, None, None)
        self.mentions: dict[str, list[Mention]] = {}
        self.strings: dict[str, list[Mention]] = {}
        self.attributes: dict[str, list[AttributeBinding]] = {}
        self.imported: list[tuple[str, int]] = []  # every imported module, with its number of leading dots
        self.scopes: dict[cst.CSTNode, Scope] = {tree: self.scope}
        self._order = 0
        self._work: list[_Item] = []
        self._collect()

    # -- the pass -----------------------------------------------------------------------------------------------------

    def _collect(self) -> None:
        link = Link(self.tree, None)
        start = Place(self.scope, 0, ())
        work = self._work
        work.extend((node, start, link) for node in reversed(self.tree.body))
        visit = _VISITORS
        while work:
            item = work.pop()
            visitor = visit.get(type(item[0]))
            if visitor is not None:
                visitor(self, *item)
            else:
                self._descend(*item)

    def _descend(self, node: cst.CSTNode, place: Place, above: Link) -> None:
        below = children(node)
        if below:
            link = Link(node, above)
            self._work.extend([(child, place, link) for child in reversed(below)])

    def _push(self, nodes: Iterable[cst.CSTNode | None], place: Place, link: Link) -> None:
        self._work.extend([(node, place, link) for node in reversed([n for n in nodes if n is not None])])

    def _next(self, place: Place) -> Place:
        self._order += 1
        return Place(place.scope, self._order, place.path)

    def _bind(self, binding: Binding) -> None:
        scope = binding.place.scope
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent
        if binding.name in scope.borrowed:
            # it happens when the function is called, if ever
            arm = Arm(scope.node, 0, 0)
            scope = scope.borrowed[binding.name]
            binding = binding._replace(place=Place(scope, binding.place.order, (arm,)))
        scope.bindings.setdefault(binding.name, []).append(binding)

    def _bind_target(
        self,
        target: cst.CSTNode,
        value: cst.BaseExpression | None,
        place: Place,
        kind: str = "assign",
        index: tuple[int, ...] = (),
    ) -> None:
        pending: list[tuple[cst.CSTNode, tuple[int, ...]]] = [(target, index)]
        while pending:
            node, where = pending.pop()
            if isinstance(node, cst.Name):
                kind_here = kind if value is not None else "opaque"
                self._bind(Binding(node.value, kind_here, place, value, unpack=where))
            elif isinstance(node, cst.Attribute) and value is not None and not where and kind == "assign":
                self.attributes.setdefault(node.attr.value, []).append(AttributeBinding(node, value, place))
            elif isinstance(node, (cst.Tuple, cst.List)):
                starred = any(isinstance(element, cst.StarredElement) for element in node.elements)
                # the last one is bound last
                for rank, element in reversed(list(enumerate(node.elements))):
                    deeper = (*where, -1 if starred else rank)
                    pending.append((element.value, deeper))

    # -- statements ---------------------------------------------------------------------------------------------------

    def _visit_suite(self, node: cst.CSTNode, place: Place, above: Link) -> None:
        self._push(node.body, place, Link(node, above))  # type: ignore[attr-defined]

    def _visit_expr(self, node: cst.CSTNode, place: Place, above: Link) -> None:
        self._descend(node, self._next(place), above)

    def _visit_assign(self, node: cst.Assign, place: Place, above: Link) -> None:
        place = self._next(place)
        for target in node.targets:
            self._bind_target(target.target, node.value, place)
        self._descend(node, place, above)

    def _visit_annotated(self, node: cst.AnnAssign, place: Place, above: Link) -> None:
        place = self._next(place)
        if node.value is not None:
            self._bind_target(node.target, node.value, place)
        self._descend(node, place, above)

    def _visit_augmented(self, node: cst.AugAssign, place: Place, above: Link) -> None:
        place = self._next(place)
        self._bind_target(node.target, None, place)
        self._descend(node, place, above)

    def _visit_named(self, node: cst.NamedExpr, place: Place, above: Link) -> None:
        self._bind_target(node.target, node.value, place)
        self._descend(node, place, above)

    def _visit_return(self, node: cst.Return, place: Place, above: Link) -> None:
        place = self._next(place)
        if node.value is not None:
            place.scope.returns.append((node.value, place))
        self._descend(node, place, above)

    def _visit_borrow(self, node: cst.Global | cst.Nonlocal, place: Place, above: Link) -> None:
        for item in node.names:
            name = item.name.value
            owner = place.scope.parent if isinstance(node, cst.Nonlocal) else None
            while owner is not None and (owner.kind != "function" or name not in owner.bindings):
                owner = owner.parent
            place.scope.borrowed[name] = owner or self.scope

    def _visit_import(self, node: cst.Import, place: Place, above: Link) -> None:
        place = self._next(place)
        for alias in node.names:
            name = _root(alias.name) if alias.asname is None else _as_name(alias.asname)
            self.imported.append((dotted(alias.name) or "", 0))
            if name is not None:
                self._bind(Binding(name, "import", place, alias, node))

    def _visit_from(self, node: cst.ImportFrom, place: Place, above: Link) -> None:
        place = self._next(place)
        self.imported.append((dotted(node.module) or "", len(node.relative)))
        if isinstance(node.names, cst.ImportStar):
            place.scope.stars.append(Binding("*", "star", place, None, node))
            return
        for alias in node.names:
            self.imported.append((f"{dotted(node.module) or ''}.{dotted(alias.name)}".lstrip("."), len(node.relative)))
            name = _root(alias.name) if alias.asname is None else _as_name(alias.asname)
            if name is not None:
                self._bind(Binding(name, "from", place, alias, node))

    def _visit_if(self, node: cst.If, place: Place, above: Link) -> None:
        place = self._next(place)
        link = Link(node, above)
        arms = 2 if node.orelse is not None else 0
        items: list[_Item] = [(node.test, place, link), (node.body, _inside(place, Arm(node, 0, arms)), link)]
        if node.orelse is not None:
            items.append((node.orelse, _inside(place, Arm(node, 1, arms)), link))
        self._work.extend(reversed(items))

    def _visit_loop(self, node: cst.For | cst.While, place: Place, above: Link) -> None:
        place = self._next(place)
        link = Link(node, above)
        inside = _inside(place, Arm(node, 0, 0, loops=True))
        if isinstance(node, cst.For):
            self._bind_target(node.target, node.iter, inside, "loop")
        heads = [node.target, node.iter] if isinstance(node, cst.For) else [node.test]
        items: list[_Item] = [(head, place, link) for head in heads]
        items.append((node.body, inside, link))
        if node.orelse is not None:
            # not after a `break`
            items.append((node.orelse, _inside(place, Arm(node.orelse, 0, 0)), link))
        self._work.extend(reversed(items))

    def _visit_try(self, node: cst.Try | cst.TryStar, place: Place, above: Link) -> None:
        link = Link(node, above)
        arms = 1 + len(node.handlers)
        final = node.finalbody
        start = place if final is None else _inside(place, Arm(final, 0, 1, leaks=True))
        first = _inside(start, Arm(node, 0, arms, leaks=True))
        items: list[_Item] = [(node.body, first, link)]
        for rank, handler in enumerate(node.handlers, 1):
            items.append((handler, _inside(start, Arm(node, rank, arms)), link))
        if node.orelse is not None:
            items.append((node.orelse, first, link))
        if final is not None:
            items.append((final, _inside(place, Arm(final, 1, 1)), link))
        self._work.extend(reversed(items))

    def _visit_handler(self, node: cst.ExceptHandler | cst.ExceptStarHandler, place: Place, above: Link) -> None:
        place = self._next(place)
        if node.name is not None:
            self._bind_target(node.name.name, None, place)
        self._descend(node, place, above)

    def _visit_with(self, node: cst.With, place: Place, above: Link) -> None:
        place = self._next(place)
        for item in node.items:
            if item.asname is not None:
                self._bind_target(item.asname.name, None, place)
        self._descend(node, place, above)

    def _visit_match(self, node: cst.Match, place: Place, above: Link) -> None:
        place = self._next(place)
        link = Link(node, above)
        items: list[_Item] = [(node.subject, place, link)]
        for rank, case in enumerate(node.cases):
            items.append((case, _inside(place, Arm(node, rank, 0)), link))
        self._work.extend(reversed(items))

    def _visit_capture(self, node: cst.CSTNode, place: Place, above: Link) -> None:
        name = getattr(node, "name", None) or getattr(node, "rest", None)
        if isinstance(name, cst.Name):
            self._bind_target(name, None, place)
        self._descend(node, place, above)

    # -- scopes -------------------------------------------------------------------------------------------------------

    def _open(self, kind: str, node: cst.CSTNode, place: Place) -> Scope:
        scope = Scope(self, kind, node, place.scope, place)
        self.scopes[node] = scope
        return scope

    def _visit_function(self, node: cst.FunctionDef, place: Place, above: Link) -> None:
        place = self._next(place)
        scope = self._open("function", node, place)
        self._bind(Binding(node.name.value, "function", place, node, scope=scope))
        link = Link(node, above)
        inner = Place(scope, self._order, ())
        items: list[_Item] = [(decorator, place, link) for decorator in node.decorators]
        items.extend(self._parameters(node.params, scope, place, link))
        if node.returns is not None:
            items.append((node.returns, place, link))
        items.append((node.body, inner, link))
        self._work.extend(reversed(items))

    def _visit_lambda(self, node: cst.Lambda, place: Place, above: Link) -> None:
        scope = self._open("lambda", node, place)
        link = Link(node, above)
        inner = Place(scope, place.order, ())
        scope.returns.append((node.body, inner))
        items = self._parameters(node.params, scope, place, link)
        items.append((node.body, inner, link))
        self._work.extend(reversed(items))

    def _parameters(self, params: cst.Parameters, scope: Scope, place: Place, above: Link) -> list[_Item]:
        """Bind the parameters in ``scope``; give back what of them is evaluated outside it."""
        link = Link(params, above)
        items: list[_Item] = []
        at = Place(scope, -1, ())
        for param in parameters(params):
            star = param.star if isinstance(param.star, str) else ""
            scope.bindings.setdefault(param.name.value, []).append(
                Binding(param.name.value, "parameter", at, param, scope=scope, star=star)
            )
            inner = Link(param, link)
            items.extend((n, place, inner) for n in (param.annotation, param.default) if n is not None)
        return items

    def _visit_class(self, node: cst.ClassDef, place: Place, above: Link) -> None:
        place = self._next(place)
        scope = self._open("class", node, place)
        self._bind(Binding(node.name.value, "class", place, node, scope=scope))
        link = Link(node, above)
        items: list[_Item] = [(n, place, link) for n in (*node.decorators, *node.bases, *node.keywords)]
        items.append((node.body, Place(scope, self._order, ()), link))
        self._work.extend(reversed(items))

    def _visit_comprehension(self, node: cst.CSTNode, place: Place, above: Link) -> None:
        scope = self._open("comprehension", node, place)
        link = Link(node, above)
        inner = Place(scope, place.order, ())
        clause: cst.CompFor | None = node.for_in  # type: ignore[attr-defined]
        while clause is not None:
            self._bind_comprehension(clause, scope, inner)
            clause = clause.inner_for_in
        self._push(children(node), inner, link)

    def _bind_comprehension(self, clause: cst.CompFor, scope: Scope, inner: Place) -> None:
        pending: list[tuple[cst.CSTNode, tuple[int, ...]]] = [(clause.target, ())]
        while pending:
            node, where = pending.pop()
            if isinstance(node, cst.Name):
                at = inner._replace(order=-1)
                binding = Binding(node.value, "loop", at, clause.iter, unpack=where)
                scope.bindings.setdefault(node.value, []).append(binding)
            elif isinstance(node, (cst.Tuple, cst.List)):
                pending.extend((element.value, (*where, rank)) for rank, element in enumerate(node.elements))

    # -- expressions --------------------------------------------------------------------------------------------------

    def _visit_name(self, node: cst.Name, place: Place, above: Link) -> None:
        mentions = self.mentions.get(node.value)
        if mentions is None:
            self.mentions[node.value] = [Mention(node, place, above)]
        else:
            mentions.append(Mention(node, place, above))

    def _visit_string(self, node: cst.SimpleString, place: Place, above: Link) -> None:
        text = string_value(node)
        if text in self.words:
            self.strings.setdefault(text, []).append(Mention(node, place, above))

    def _visit_formatted(self, node: cst.FormattedString, place: Place, above: Link) -> None:
        self._push(node.parts, place, Link(node, above))

    def _visit_formatted_expression(self, node: cst.FormattedStringExpression, place: Place, above: Link) -> None:
        self._push([node.expression, *(node.format_spec or ())], place, Link(node, above))

    def _visit_nothing(self, node: cst.CSTNode, place: Place, above: Link) -> None:
        pass


def _inside(place: Place, arm: Arm) -> Place:
    return place._replace(path=(*place.path, arm))


def _root(node: cst.BaseExpression) -> str | None:
    while isinstance(node, cst.Attribute):
        node = node.value
    return node.value if isinstance(node, cst.Name) else None


def _as_name(asname: cst.AsName) -> str | None:
    return asname.name.value if isinstance(asname.name, cst.Name) else None


_VISITORS: dict[type[cst.CSTNode], Any] = {
    cst.SimpleStatementLine: ModuleNames._visit_suite,
    cst.SimpleStatementSuite: ModuleNames._visit_suite,
    cst.IndentedBlock: ModuleNames._visit_suite,
    cst.Expr: ModuleNames._visit_expr,
    cst.Assert: ModuleNames._visit_expr,
    cst.Raise: ModuleNames._visit_expr,
    cst.Del: ModuleNames._visit_expr,
    cst.Assign: ModuleNames._visit_assign,
    cst.AnnAssign: ModuleNames._visit_annotated,
    cst.AugAssign: ModuleNames._visit_augmented,
    cst.NamedExpr: ModuleNames._visit_named,
    cst.Return: ModuleNames._visit_return,
    cst.Global: ModuleNames._visit_borrow,
    cst.Nonlocal: ModuleNames._visit_borrow,
    cst.Import: ModuleNames._visit_import,
    cst.ImportFrom: ModuleNames._visit_from,
    cst.If: ModuleNames._visit_if,
    cst.For: ModuleNames._visit_loop,
    cst.While: ModuleNames._visit_loop,
    cst.Try: ModuleNames._visit_try,
    cst.TryStar: ModuleNames._visit_try,
    cst.ExceptHandler: ModuleNames._visit_handler,
    cst.ExceptStarHandler: ModuleNames._visit_handler,
    cst.With: ModuleNames._visit_with,
    cst.Match: ModuleNames._visit_match,
    cst.MatchAs: ModuleNames._visit_capture,
    cst.MatchStar: ModuleNames._visit_capture,
    cst.MatchMapping: ModuleNames._visit_capture,
    cst.FunctionDef: ModuleNames._visit_function,
    cst.Lambda: ModuleNames._visit_lambda,
    cst.ClassDef: ModuleNames._visit_class,
    **dict.fromkeys(_COMPREHENSIONS, ModuleNames._visit_comprehension),
    cst.Name: ModuleNames._visit_name,
    cst.SimpleString: ModuleNames._visit_string,
    cst.FormattedString: ModuleNames._visit_formatted,
    cst.FormattedStringExpression: ModuleNames._visit_formatted_expression,
    cst.FormattedStringText: ModuleNames._visit_nothing,
}
