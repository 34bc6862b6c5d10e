"""Follows a keyword, or a dict that holds it, to the callables that receive it in the end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import libcst as cst

from reglint.names.literals import constant_index, dict_items, parts_of
from reglint.names.module import ModuleNames
from reglint.names.reach import Reach
from reglint.names.resolve import COPIES, Resolver
from reglint.names.scopes import Binding, Link, Mention, Place, Scope, parameters, string_value
from reglint.names.values import (
    ClassValue,
    DynamicValue,
    FunctionValue,
    InstanceValue,
    LiteralValue,
    ParameterValue,
    PartialValue,
    StarredValue,
    Symbol,
    Value,
)

_HARMLESS = {"builtins.len", "builtins.isinstance", "builtins.type", "builtins.bool", "builtins.id"}
_UNCHANGING = {*_HARMLESS, "builtins.dict", "builtins.list", "builtins.sorted", "builtins.print", *COPIES}
_KEYED_METHODS = {"get", "pop", "setdefault", "has_key", "__contains__", "__getitem__"}


class Use(NamedTuple):
    """An expression where it is used."""

    node: cst.CSTNode
    above: Link
    place: Place


class Flows:
    """Follows keywords through the code of one project."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        # a name may be mentioned thousands of times, and asked for as often
        self._bound_to: dict[cst.CSTNode, list[Binding]] = {}
        self._fillings: dict[tuple[ModuleNames, str], list[Mention]] = {}

    def keyword(self, mention: Mention) -> Reach | None:
        """Where a mentioned keyword argument or dict key goes; None if the mention is neither."""
        reach = Reach()
        parent = mention.above.node
        if isinstance(parent, cst.Arg) and parent.keyword is mention.node:
            return self._argument(mention, parent, reach)
        if isinstance(parent, cst.DictElement) and parent.key is mention.node:
            return self._origin(Use(*_up(mention, 2)), mention, reach)
        if isinstance(parent, cst.Index):
            return self._stored(mention, reach)
        if isinstance(parent, cst.Arg) and parent.keyword is None and not parent.star:
            return self._defaulted(mention, parent, reach)
        return None

    # -- where the keyword is written ---------------------------------------------------------------------------------

    def _argument(self, mention: Mention, arg: cst.Arg, reach: Reach) -> Reach | None:
        call, above, place = _up(mention, 2)
        if not isinstance(call, cst.Call):
            return None  # a keyword of a class statement
        keyword = _text(mention)
        func = call.func
        if isinstance(func, cst.Attribute) and func.attr.value == "update" and self._is_dict(func, place):
            return self._base(func.value, place, keyword, reach)
        callees = self.resolver.values(call.func, place)
        if Symbol("builtins.dict") in callees:
            return self._origin(Use(call, above, place), mention, reach)
        held = self._keywords(call, place, keyword)
        reach.calls.append((call, place))
        if Symbol("functools.partial") in callees and call.args and call.args[0].keyword is None:
            callees = self.resolver.values(call.args[0].value, place)
            self._overridden(call, place, reach)
        for callee in callees:
            self._receive(callee, keyword, held, reach)
        return reach

    def _overridden(self, partial: cst.Call, place: Place, reach: Reach) -> None:
        """What a partial holds gives way to what it is called with: a ``**`` there may hold the same key."""
        if ("partial", partial) in reach.seen:
            return
        reach.seen.add(("partial", partial))
        for mention in chain.from_iterable(place.scope.names.mentions.values()):
            arg, link = _double_starred(mention.above)
            if arg is not None and link is not None and isinstance(link.node, cst.Call):
                callees = self.resolver.values(link.node.func, mention.place)
                if any(isinstance(c, PartialValue) and c.call is partial for c in callees):
                    self._merged(arg.value, mention.place, reach)

    def _is_dict(self, func: cst.Attribute, place: Place) -> bool:
        """Could ``x`` of ``x.update(…)`` be a dict?"""
        return not any(isinstance(value, (Symbol, ClassValue)) for value in self.resolver.values(func.value, place))

    def _origin(self, use: Use, mention: Mention, reach: Reach) -> Reach:
        self._joined(use, None, _text(mention), reach)
        return reach

    def _stored(self, mention: Mention, reach: Reach) -> Reach | None:
        """``name["keyword"] = value``."""
        node, above, place = _up(mention, 3)
        if not isinstance(node, cst.Subscript) or len(node.slice) != 1:
            return None
        if not isinstance(above.node, (cst.AssignTarget, cst.AnnAssign)):
            return None
        if isinstance(above.node, cst.AnnAssign) and above.node.target is not node:
            return None
        return self._base(node.value, place, _text(mention), reach)

    def _defaulted(self, mention: Mention, arg: cst.Arg, reach: Reach) -> Reach | None:
        """``name.setdefault("keyword", value)``."""
        call, _, place = _up(mention, 2)
        if not isinstance(call, cst.Call) or call.args[0] is not arg or not isinstance(call.func, cst.Attribute):
            return None
        if call.func.attr.value != "setdefault":
            return None
        return self._base(call.func.value, place, _text(mention), reach)

    def _base(self, node: cst.BaseExpression, place: Place, keyword: str, reach: Reach) -> Reach:
        """A dict that is changed where ``node`` stands."""
        self._merged(node, place, reach)
        owner = self._owner(node, place) if isinstance(node, cst.Attribute) else None
        if isinstance(node, cst.Name):
            for binding in self.resolver.bindings(node.value, place):
                self._binding(binding, keyword, reach)
        elif isinstance(node, cst.Attribute) and owner is not None:
            self._attribute(owner, node.attr.value, keyword, reach)
        else:
            reach.add("unknown")
        return reach

    def _merged(self, node: cst.BaseExpression, place: Place, reach: Reach) -> None:
        """The dict ``node`` may hold the keyword already: where that was written must change together with this."""
        reach.merges = True
        if isinstance(node, cst.Name):
            reach.seen.update(_key(binding) for binding in self.resolver.bindings(node.value, place))
            if any(self._is_handed(mention) for mention in place.scope.names.mentions.get(node.value, ())):
                reach.doubt(f"the dict `{node.value}` is also handed to other code")
        for value in self.resolver.values(node, place):
            if isinstance(value, ParameterValue):
                name = value.binding.name
                caller = "callers may still pass the old name"
                reach.doubt(caller if value.binding.star == "**" else f"the dict `{name}` belongs to the caller")
            elif not isinstance(value, LiteralValue) or value.place.scope.names is not place.scope.names:
                reach.doubt("the dict comes from elsewhere")
            elif isinstance(value.node, (cst.List, cst.Tuple, cst.Set)):
                reach.doubt("the dict is made of pairs")
            elif value.node not in reach.seen:
                reach.seen.add(value.node)
                for part in parts_of(value.node):
                    self._merged(part, value.place, reach)

    def _is_handed(self, mention: Mention) -> bool:
        """Is a name an argument of something that may put keys into the dict?"""
        arg, link = mention.above.node, mention.above.up
        if not isinstance(arg, cst.Arg) or arg.star or arg.keyword is mention.node or link is None:
            return False
        call = link.node
        if not isinstance(call, cst.Call):
            return False
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "update":
            return False
        callees = self.resolver.values(call.func, mention.place)
        return not all(isinstance(callee, Symbol) and callee.qualname in _UNCHANGING for callee in callees)

    # -- where a dict goes --------------------------------------------------------------------------------------------

    def _binding(self, binding: Binding, keyword: str, reach: Reach) -> None:
        """Every use of the value that ``binding`` names."""
        key = (_key(binding), "uses")
        if key in reach.seen:
            return
        reach.seen.update((key, _key(binding)))
        scope = binding.place.scope
        for mention in scope.names.mentions.get(binding.name, ()):
            parent = mention.above.node
            if isinstance(parent, cst.Attribute) and parent.attr is mention.node:
                continue
            if isinstance(parent, (cst.Arg, cst.Param)) and mention.node in (
                getattr(parent, "keyword", None),
                getattr(parent, "name", None),
            ):
                continue
            if binding in self._possible(mention):
                self._use(Use(mention.node, mention.above, mention.place), keyword, reach)
        if scope.kind == "class":
            self._attribute(scope, binding.name, keyword, reach)
        elif scope.kind == "module":
            self._shared(scope, binding.name, reach)

    def _shared(self, scope: Scope, name: str, reach: Reach) -> None:
        """What a module binds may be read by others, whose text is not ours to change."""
        if self.resolver.project.may_share(scope.names.filename, name):
            reach.doubt(f"another file may read `{name}` from here")

    def _possible(self, mention: Mention) -> list[Binding]:
        """What a mentioned name may be bound to, whenever the function around it runs."""
        known = self._bound_to.get(mention.node)
        if known is None:
            name, place = _text(mention), mention.place
            known = [*self.resolver.bindings(name, place), *self.resolver.earlier(name, place)]
            self._bound_to[mention.node] = known
        return known

    def _attribute(self, owner: Scope, name: str, keyword: str, reach: Reach) -> None:
        """Every use of ``self.name`` in the class."""
        key = (owner, name)
        if key in reach.seen:
            return
        reach.seen.add(key)
        self._shared(owner, name, reach)
        for mention in owner.names.mentions.get(name, ()):
            parent = mention.above.node
            if not isinstance(parent, cst.Attribute) or parent.attr is not mention.node:
                continue
            if self._owner(parent, mention.place) is owner:
                above = mention.above.up
                assert above is not None
                self._use(Use(parent, above, mention.place), keyword, reach)
            else:
                reach.doubt(f"`.{name}` may be read elsewhere")

    def _owner(self, node: cst.Attribute, place: Place) -> Scope | None:
        if isinstance(node.value, cst.Name):
            for value in self.resolver.values(node.value, place):
                if isinstance(value, InstanceValue) and self.resolver.is_own_attribute(node, place, value.scope):
                    return value.scope
        return None

    def _use(self, use: Use, keyword: str, reach: Reach) -> None:
        """One use of a dict."""
        node, above, place = use
        parent = above.node
        if ("use", node) in reach.seen:
            return
        reach.seen.update((node, ("use", node)))
        if isinstance(parent, cst.Arg):
            self._passed(use, parent, keyword, reach)
        elif isinstance(parent, cst.StarredDictElement):
            self._joined(Use(*_climb(above, 1), place), node, keyword, reach)
        elif isinstance(parent, cst.Subscript) and parent.value is node:
            self._read_item(parent, above, keyword, reach)
        elif isinstance(parent, cst.Attribute) and parent.value is node:
            self._method(use, parent, keyword, reach)
        elif isinstance(parent, (cst.Comparison, cst.ComparisonTarget)):
            self._compared(use, keyword, reach)
        elif isinstance(parent, (cst.Assign, cst.AnnAssign)):
            self._assigned(use, parent, keyword, reach)
        elif isinstance(parent, (cst.BooleanOperation, cst.IfExp, cst.NamedExpr)):
            if isinstance(parent, cst.NamedExpr) and isinstance(parent.target, cst.Name):
                for binding in _bindings_of(place.scope, parent.target.value, parent.value):
                    self._binding(binding, keyword, reach)
            if not (isinstance(parent, cst.IfExp) and parent.test is node):
                self._use(Use(*_climb(above, 0), place), keyword, reach)
        elif isinstance(parent, cst.Return):
            self._returned(place, keyword, reach)
        elif isinstance(parent, cst.Param):
            self._parameter_default(use, parent, keyword, reach)
        elif isinstance(parent, cst.DictElement) and parent.value is node:
            key = string_value(parent.key) if isinstance(parent.key, cst.SimpleString) else None
            self._nested(key, _climb(above, 1)[1], place, keyword, reach)
        elif not isinstance(parent, _NEUTRAL):
            reach.obstacle("the dict is used in a way that can't be followed")

    def _joined(self, whole: Use, part: cst.CSTNode | None, keyword: str, reach: Reach) -> None:
        """A dict that is put together of others, ``part`` being the one that holds the keyword."""
        for other in parts_of(whole.node):
            if other is not part:
                self._merged(other, whole.place, reach)
        if part is not None and any(key == keyword for key, _ in dict_items(whole.node)):
            reach.sets = True
        self._use(whole, keyword, reach)

    def _passed(self, use: Use, arg: cst.Arg, keyword: str, reach: Reach) -> None:
        call, above = _climb(use.above, 1)
        if not isinstance(call, cst.Call):
            reach.obstacle("the dict is used in a way that can't be followed")
            return
        place = use.place
        callees = self.resolver.values(call.func, place)
        if Symbol("builtins.dict") in callees and arg.keyword is not None:
            self._nested(arg.keyword.value, above, place, keyword, reach)
        elif set(callees) & {Symbol("builtins.dict"), *map(Symbol, COPIES)}:
            self._joined(Use(call, above, place), use.node, keyword, reach)
        elif arg.star == "**":
            held = self._keywords(call, place, keyword)
            reach.calls.append((call, place))
            if Symbol("functools.partial") in callees and call.args:
                callees = self.resolver.values(call.args[0].value, place)
                self._overridden(call, place, reach)
            for callee in callees:
                self._receive(callee, keyword, held, reach)
        elif isinstance(call.func, cst.Attribute) and call.func.attr.value == "update" and arg.keyword is None:
            self._base(call.func.value, place, keyword, reach)
        else:
            for callee in callees:
                self._handed(callee, call, arg, keyword, reach)

    def _handed(self, callee: Value, call: cst.Call, arg: cst.Arg, keyword: str, reach: Reach) -> None:
        """The dict itself is an argument of ``call``."""
        if isinstance(callee, Symbol) and callee.qualname in _HARMLESS:
            return
        if isinstance(callee, ClassValue):
            owner, methods = callee.scope, self.resolver.member(callee, "__init__")
            if methods and isinstance(methods[0], FunctionValue):
                callee = methods[0]._replace(owner=owner)
        if isinstance(callee, FunctionValue) and not arg.star and self.resolver.is_plain(callee.scope):
            binding = parameter_for(callee, call, arg)
            if binding is not None:
                self._binding(binding, keyword, reach)
                return
        reach.obstacle("the dict is also handed to other code")

    def _read_item(self, node: cst.Subscript, above: Link, keyword: str, reach: Reach) -> None:
        outer = above.up.node if above.up is not None else None
        key = constant_index(node)
        if key is None:
            reach.obstacle("the dict is read by the program itself")
        elif not isinstance(outer, (cst.AssignTarget, cst.AnnAssign)):
            self._asked(key, keyword, reach)
        elif key == keyword:
            reach.sets = True

    def _updates(self, call: cst.Call, place: Place) -> Iterator[str]:
        """The keys that ``x.update(…)`` is known to set."""
        for arg in call.args:
            if arg.keyword is not None:
                yield arg.keyword.value
            else:
                yield from self._keys(arg.value, place)

    def _asked(self, key: str, keyword: str, reach: Reach) -> None:
        """The program looks for ``key`` in a dict that holds ``keyword``."""
        reach.asked.add(key)
        if key == keyword:
            reach.add("own")
            reach.obstacle("the dict is read by the program itself")

    def _method(self, use: Use, attribute: cst.Attribute, keyword: str, reach: Reach) -> None:
        link = use.above.up
        call = link.node if link is not None else None
        name = attribute.attr.value
        if link is None or not isinstance(call, cst.Call) or call.func is not attribute:
            reach.obstacle("the dict is used in a way that can't be followed")
        elif name == "copy" and link.up is not None:
            self._use(Use(call, link.up, use.place), keyword, reach)
        elif name in _KEYED_METHODS and call.args:
            first = call.args[0].value
            key = string_value(first) if isinstance(first, cst.SimpleString) else None
            unused = link.up is not None and isinstance(link.up.node, cst.Expr)
            if key is None and name == "pop":
                self._asked(keyword, keyword, reach)  # a loop over the old names that translates them
            elif key is None:
                reach.obstacle("the dict is read by the program itself")
            elif name == "setdefault" and unused:
                reach.sets = reach.sets or key == keyword
            else:
                self._asked(key, keyword, reach)
                reach.taken_out = reach.taken_out or (key == keyword and name == "pop")
        elif name == "update":
            for arg in call.args:
                if arg.keyword is None:
                    self._merged(arg.value, use.place, reach)
            reach.sets = reach.sets or keyword in self._updates(call, use.place)
        elif name != "clear":
            reach.obstacle("the dict is read by the program itself")

    def _compared(self, use: Use, keyword: str, reach: Reach) -> None:
        comparison = next((n for n in use.above.nodes() if isinstance(n, cst.Comparison)), None)
        operators = {type(target.operator) for target in comparison.comparisons} if comparison is not None else set()
        if operators <= {cst.Is, cst.IsNot}:
            return
        if not operators <= {cst.In, cst.NotIn}:
            reach.obstacle("the dict is read by the program itself")
            return
        left = comparison.left if comparison is not None else None
        key = string_value(left) if isinstance(left, cst.SimpleString) else None
        if key is None and left is not use.node:
            reach.obstacle("the dict is read by the program itself")
        elif key is not None:
            self._asked(key, keyword, reach)

    def _assigned(self, use: Use, statement: cst.Assign | cst.AnnAssign, keyword: str, reach: Reach) -> None:
        if statement.value is not use.node:
            return
        targets = [t.target for t in statement.targets] if isinstance(statement, cst.Assign) else [statement.target]
        for target in targets:
            if isinstance(target, cst.Name):
                for binding in _bindings_of(use.place.scope, target.value, statement.value):
                    self._binding(binding, keyword, reach)
            elif isinstance(target, cst.Attribute) and (owner := self._owner(target, use.place)) is not None:
                self._attribute(owner, target.attr.value, keyword, reach)
            else:
                reach.obstacle("the dict is used in a way that can't be followed")

    def _returned(self, place: Place, keyword: str, reach: Reach) -> None:
        """The dict is what a function gives back: on to the calls of that function."""
        scope = place.scope
        key = ("returned", scope)
        if not isinstance(scope.node, cst.FunctionDef) or scope.parent is None or key in reach.seen:
            reach.obstacle("the dict is handed back to unknown callers")
            return
        if not self.resolver.is_plain(scope) or (scope.is_method and scope.node.name.value.startswith("__")):
            reach.obstacle("the dict is handed back to unknown callers")
            return
        reach.seen.add(key)
        self._shared(scope, scope.node.name.value, reach)
        for mention in scope.names.mentions.get(scope.node.name.value, ()):
            link = mention.above
            node: cst.CSTNode = mention.node
            if isinstance(link.node, cst.Attribute) and link.node.attr is node and link.up is not None:
                node, link = link.node, link.up
            if not isinstance(node, (cst.Name, cst.Attribute)) or isinstance(
                link.node, (cst.FunctionDef, cst.ImportAlias)
            ):
                continue
            callees = self.resolver.values(node, mention.place)
            if not any(isinstance(c, FunctionValue) and c.scope is scope for c in callees):
                if isinstance(node, cst.Attribute) and not all(isinstance(c, (Symbol, FunctionValue)) for c in callees):
                    reach.doubt(f"`.{scope.node.name.value}` may be called elsewhere")
                continue
            if isinstance(link.node, cst.Call) and link.node.func is node and link.up is not None:
                self._use(Use(link.node, link.up, mention.place), keyword, reach)
            elif not isinstance(link.node, (cst.AssignTarget, cst.Del)):
                reach.obstacle("the dict is handed back to unknown callers")

    def _parameter_default(self, use: Use, param: cst.Param, keyword: str, reach: Reach) -> None:
        function = next(n for n in use.above.nodes() if isinstance(n, (cst.FunctionDef, cst.Lambda)))
        for binding in use.place.scope.names.scopes[function].bindings.get(param.name.value, ()):
            if binding.node is param:
                self._binding(binding, keyword, reach)

    def _nested(self, key: str | None, link: Link, place: Place, keyword: str, reach: Reach) -> None:
        """The dict is the value of ``key`` in another one: only ``outer["key"]`` with a constant key is followed."""
        if key is None or not isinstance(link.node, cst.Assign):
            reach.obstacle("the dict is used in a way that can't be followed")
            return
        for target in link.node.targets:
            if not isinstance(target.target, cst.Name):
                reach.obstacle("the dict is used in a way that can't be followed")
                continue
            for binding in _bindings_of(place.scope, target.target.value, link.node.value):
                self._nested_binding(binding, key, keyword, reach)

    def _nested_binding(self, binding: Binding, key: str, keyword: str, reach: Reach) -> None:
        for mention in binding.place.scope.names.mentions.get(binding.name, ()):
            if binding not in self._possible(mention):
                continue
            parent, link = mention.above.node, mention.above.up
            if isinstance(parent, cst.Subscript) and parent.value is mention.node and link is not None:
                index = constant_index(parent)
                if index == key:
                    self._use(Use(parent, link, mention.place), keyword, reach)
                elif index is None:
                    self._use(Use(parent, link, mention.place), keyword, reach)
                    reach.doubt("the dict is chosen by a variable")
            elif not isinstance(parent, (cst.AssignTarget, cst.Attribute)) or (
                isinstance(parent, cst.Attribute) and parent.value is mention.node
            ):
                reach.obstacle("the dict is used in a way that can't be followed")

    # -- callables ----------------------------------------------------------------------------------------------------

    def _receive(self, callee: Value, keyword: str, held: frozenset[str], reach: Reach) -> None:
        """``keyword`` is given to ``callee``."""
        if isinstance(callee, Symbol):
            reach.add("symbol", callee.qualname.removesuffix(".__init__"), held)
        elif isinstance(callee, FunctionValue):
            self._function(callee.scope, keyword, held, reach)
        elif isinstance(callee, ClassValue):
            self._class(callee, keyword, held, reach)
        elif isinstance(callee, PartialValue):
            call, place = callee
            if ("partial", call) in reach.seen:
                return
            reach.seen.add(("partial", call))
            reach.calls.append((call, place))
            reach.merges = True  # what a partial holds gives way to what it is called with
            for arg in call.args:
                if arg.star == "**":
                    self._merged(arg.value, place, reach)
            more = held | self._keywords(call, place, keyword)
            for value in self.resolver.values(call.args[0].value, place):
                self._receive(value, keyword, more, reach)
        elif isinstance(callee, ParameterValue):
            reach.add("parameter", callee.binding.name, held)
        elif isinstance(callee, DynamicValue):
            reach.add("dynamic", callee.how, held)
        elif isinstance(callee, StarredValue):
            reach.add("starred", f"{callee.module}.{callee.name}", held)
        elif not (isinstance(callee, LiteralValue) and isinstance(callee.node, cst.Name)):
            reach.add("unknown", "", held)  # None, True and False can't be called, so they are no way out

    def _class(self, value: ClassValue, keyword: str, held: frozenset[str], reach: Reach) -> None:
        node = value.scope.node
        made = [value.scope, *self.resolver.ancestors(value.scope)]
        if not isinstance(node, cst.ClassDef) or any(map(_makes_objects, made)):
            reach.add("unknown", "", held)
            return
        if not node.bases and "__init__" not in value.scope.bindings:
            reach.add("own")
            return
        if not self.resolver.is_transparent(value.scope):
            reach.doubt(f"the class `{node.name.value}` is decorated")
        for method in self.resolver.member(value, "__init__"):
            self._receive(method, keyword, held, reach)

    def _function(self, scope: Scope, keyword: str, held: frozenset[str], reach: Reach) -> None:
        node = scope.node
        assert isinstance(node, (cst.FunctionDef, cst.Lambda))
        named = {param.name.value for param in parameters(node.params) if param.star not in ("*", "**")}
        if keyword in named or node.params.star_kwarg is None:
            reach.add("own")
            return
        if not self.resolver.is_plain(scope):
            reach.add("unknown", "", held)
            return
        # a renamed keyword would be taken by a parameter of that name on the way
        inner = Reach(seen=reach.seen)
        for binding in scope.bindings.get(node.params.star_kwarg.name.value, ()):
            if binding.kind == "parameter":
                self._binding(binding, keyword, inner)
        if any(receiver.kind == "own" for receiver in inner.receivers):
            reach.add("own")
            return
        reach.forks = reach.forks or inner.forks or len(inner.receivers) > 1
        for receiver in inner.receivers:
            # what a parameter of a function on the way is says too little about this call
            kind = "unknown" if receiver.kind in ("parameter", "dynamic", "starred") else receiver.kind
            reach.add(kind, receiver.name, receiver.held | held | named)
        if inner.obstacles or not inner.receivers:
            reach.add("unknown", "", held)
        reach.asked |= inner.asked
        reach.calls.extend(inner.calls)
        reach.merges = reach.merges or inner.merges
        for doubt in inner.doubts:
            reach.doubt(doubt)
        if inner.sets:
            reach.doubt("the function that receives it sets the same key")

    def keywords(self, call: cst.Call, place: Place) -> frozenset[str]:
        """The keywords that a call is known to pass, ``**`` included."""
        return self._keywords(call, place, "")

    def _keywords(self, call: cst.Call, place: Place, keyword: str) -> frozenset[str]:
        """The keywords beside ``keyword`` that the call is known to pass, ``**`` included."""
        found: set[str] = set()
        count = 0
        for arg in call.args:
            if arg.keyword is not None:
                found.add(arg.keyword.value)
                count += arg.keyword.value == keyword
            elif arg.star == "**":
                found.update(self._keys(arg.value, place))
        if count < 2:
            found.discard(keyword)
        return frozenset(found)

    def _shown(self, node: cst.BaseExpression, place: Place) -> Iterator[str]:
        """The keys of the dict literals that ``node`` may be."""
        for value in self.resolver.values(node, place):
            if isinstance(value, LiteralValue):
                yield from (key for key, _ in dict_items(value.node) if isinstance(key, str))

    def _keys(self, node: cst.BaseExpression, place: Place) -> Iterator[str]:
        """The keys that a dict is known to hold."""
        yield from self._shown(node, place)
        if isinstance(node, cst.Name):
            bindings = self.resolver.bindings(node.value, place)
            for mention in self._filling(place.scope.names, node.value):
                keys = list(_keys_set(mention))
                keys.extend(key for part in _updates(mention) for key in self._shown(part, mention.place))
                if keys and any(b in bindings for b in self.resolver.bindings(node.value, mention.place)):
                    yield from keys

    def _filling(self, names: ModuleNames, name: str) -> list[Mention]:
        """Where keys may be put into the dict that a name means."""
        known = self._fillings.get((names, name))
        if known is None:
            known = [m for m in names.mentions.get(name, ()) if any(True for _ in chain(_keys_set(m), _updates(m)))]
            self._fillings[names, name] = known
        return known


def _makes_objects(scope: Scope) -> bool:
    """Does a class say itself how its objects are made: by ``__new__``, a metaclass, or another keyword?"""
    return "__new__" in scope.bindings or (isinstance(scope.node, cst.ClassDef) and bool(scope.node.keywords))


def _updates(mention: Mention) -> Iterator[cst.BaseExpression]:
    """``other`` of ``name.update(other)``, ``name`` being mentioned."""
    parent, link = mention.above.node, mention.above.up
    if isinstance(parent, cst.Attribute) and parent.value is mention.node and parent.attr.value == "update":
        if link is not None and isinstance(link.node, cst.Call) and link.node.func is parent:
            yield from (arg.value for arg in link.node.args if arg.keyword is None)


def _keys_set(mention: Mention) -> Iterator[str]:
    """The keys that ``name["key"] = …`` or ``name.update(key=…)`` puts into a dict, ``name`` being mentioned."""
    parent, link = mention.above.node, mention.above.up
    if link is None:
        return
    if isinstance(parent, cst.Subscript) and parent.value is mention.node and isinstance(link.node, cst.AssignTarget):
        key = constant_index(parent)
        yield from [key] if key is not None else []
    elif isinstance(parent, cst.Attribute) and parent.value is mention.node and parent.attr.value == "update":
        if isinstance(link.node, cst.Call) and link.node.func is parent:
            yield from (key for key, _ in dict_items(link.node) if isinstance(key, str))


def _double_starred(link: Link | None) -> tuple[cst.Arg | None, Link | None]:
    """The ``**`` argument around a mention, and what is above that."""
    while link is not None and not isinstance(link.node, cst.BaseStatement):
        if isinstance(link.node, cst.Arg) and link.node.star == "**":
            return link.node, link.up
        link = link.up
    return None, None


def _key(binding: Binding) -> object:
    """What tells a binding from every other."""
    return (binding.place.scope, binding.place.order, binding.name)


def _text(mention: Mention) -> str:
    if isinstance(mention.node, cst.Name):
        return mention.node.value
    return string_value(mention.node) or ""


def _up(mention: Mention, steps: int) -> tuple[cst.CSTNode, Link, Place]:
    """The ancestor ``steps`` above a mention, and what is above that."""
    node, above = _climb(mention.above, steps - 1)
    return node, above, mention.place


def _climb(link: Link, steps: int) -> tuple[cst.CSTNode, Link]:
    """The node ``steps`` above ``link``'s own, with its ancestors."""
    for _ in range(steps):
        assert link.up is not None
        link = link.up
    assert link.up is not None
    return link.node, link.up


def _bindings_of(scope: Scope, name: str, value: cst.CSTNode | None) -> list[Binding]:
    """The bindings that ``name = value`` made, in ``scope`` or, for a borrowed name, in its module."""
    at: Scope | None = scope
    while at is not None:
        found = [binding for binding in at.bindings.get(name, ()) if binding.node is value]
        if found:
            return found
        at = at.parent
    return []


def parameter_for(function: FunctionValue, call: cst.Call, arg: cst.Arg) -> Binding | None:
    """The parameter of ``function`` that ``arg`` of ``call`` fills."""
    node = function.scope.node
    assert isinstance(node, (cst.FunctionDef, cst.Lambda))
    params = [*node.params.posonly_params, *node.params.params]
    name: str | None = None
    if arg.keyword is not None:
        name = arg.keyword.value
        if name not in {p.name.value for p in (*params, *node.params.kwonly_params)}:
            return None
    elif not any(a.star for a in call.args):
        rank = [a for a in call.args if a.keyword is None].index(arg)
        rank += 1 if function.owner is not None else 0
        name = params[rank].name.value if rank < len(params) else None
    bindings = function.scope.bindings.get(name, ()) if name is not None else ()
    return next((b for b in bindings if b.kind == "parameter"), None)


_NEUTRAL = (
    cst.AssignTarget,
    cst.If,
    cst.While,
    cst.UnaryOperation,
    cst.Assert,
    cst.Del,
    cst.Expr,
    cst.CompIf,
)
