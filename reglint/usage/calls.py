"""Every call of a module with the place where it stands, and which functions of the project calls lead to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from reglint.names.module import ModuleNames
from reglint.names.scopes import Binding, Link, Mention, Place, Scope, parameters
from reglint.names.values import ClassValue, FunctionValue, InstanceValue, LiteralValue, ParameterValue, Value, Values
from reglint.usage.file import File


class CallSite(NamedTuple):
    """A call whose callee ends with the name that ``mention`` is; ``above`` is what stands around the call."""

    call: cst.Call
    mention: Mention
    above: Link

    @property
    def place(self) -> Place:
        """Where the call stands."""
        return self.mention.place

    @property
    def name(self) -> str:
        """The last name of the callee."""
        return self.mention.node.value

    @property
    def base(self) -> cst.BaseExpression | None:
        """What stands before the last dot of the callee, None for a mere name."""
        return self.call.func.value if isinstance(self.call.func, cst.Attribute) else None


def call_of(mention: Mention) -> CallSite | None:
    """The call whose callee ends with the mentioned name, or None."""
    link: Link | None = mention.above
    node: cst.CSTNode = mention.node
    if link is not None and isinstance(link.node, cst.Attribute) and link.node.attr is node:
        node, link = link.node, link.up
    if link is None or not isinstance(link.node, cst.Call) or link.node.func is not node or link.up is None:
        return None
    return CallSite(link.node, mention, link.up)


def keyword_site(mention: Mention) -> CallSite | None:
    """The call in which the mentioned keyword is written, if its callee ends with a name; None for a key of a dict."""
    arg, link = mention.above
    if not isinstance(arg, cst.Arg) or arg.keyword is not mention.node or link is None or link.up is None:
        return None
    func = link.node.func if isinstance(link.node, cst.Call) else None
    name = func.attr if isinstance(func, cst.Attribute) else func
    if not isinstance(link.node, cst.Call) or not isinstance(name, cst.Name):
        return None
    return CallSite(link.node, mention._replace(node=name), link.up)


def is_none(value: Value) -> bool:
    """Is the value the constant ``None``?"""
    return isinstance(value, LiteralValue) and isinstance(value.node, cst.Name) and value.node.value == "None"


def is_inside(place: Place, scope: Scope) -> bool:
    """Does a place belong to a scope, or to one inside it?"""
    at: Scope | None = place.scope
    while at is not None:
        if at is scope:
            return True
        at = at.parent
    return False


def outermost_function(place: Place) -> Scope:
    """The function around a place that is not inside another one; the module's or class's scope where there is none."""
    at: Scope = place.scope
    found = at
    while at.parent is not None:
        if at.kind in ("function", "lambda"):
            found = at
        at = at.parent
    return found if found.kind in ("function", "lambda") else at


def calls_in(file: File) -> Calls:
    """The calls of a file, collected once."""
    return file.remembered(Calls, lambda: Calls(file))


class Calls:
    """The calls of the modules of a project, and what is passed in them; remembers what it found."""

    def __init__(self, file: File) -> None:
        self.file = file
        self._sites: dict[ModuleNames, tuple[CallSite, ...]] = {}

    def sites(self, names: ModuleNames) -> tuple[CallSite, ...]:
        """Every call of a module whose callee ends with a name, in no particular order."""
        if names not in self._sites:
            found = (call_of(mention) for mentions in list(names.mentions.values()) for mention in mentions)
            self._sites[names] = tuple(site for site in found if site is not None)
        return self._sites[names]

    def named(self, names: ModuleNames, name: str) -> Iterator[CallSite]:
        """The calls of a module whose callee ends with ``name``."""
        for mention in names.mentions.get(name, ()):
            site = call_of(mention)
            if site is not None:
                yield site

    def within(self, scope: Scope) -> Iterator[CallSite]:
        """The calls inside a scope; those of a module leave out what its functions and classes do."""
        for site in self.sites(scope.names):
            if scope.kind != "module":
                if is_inside(site.place, scope):
                    yield site
            elif runs_with_module(site.place):
                yield site

    def callees(self, site: CallSite) -> Values:
        """What a call may call."""
        return self.file.resolver.values(site.call.func, site.place)

    def reached(self, scope: Scope) -> list[Scope]:
        """The scope, and the functions of the project that its calls lead to."""
        found = [scope]
        for at in found:
            for site in self.within(at):
                for value in self._run(site):
                    if not any(value is known for known in found):
                        found.append(value)
        return found

    def _run(self, site: CallSite) -> Iterator[Scope]:
        """The functions that run when a call is made."""
        for value in self.callees(site):
            if isinstance(value, FunctionValue):
                yield value.scope
            elif isinstance(value, InstanceValue):  # model(x)
                for method in ("call", "__call__"):
                    for member in self.file.resolver.member(value, method):
                        if isinstance(member, FunctionValue):
                            yield member.scope

    # -- parameters ---------------------------------------------------------------------------------------------------

    def passed(self, values: Values, depth: int = 3, *, recursion: bool = True) -> Values:
        """The same values, with what callers in the same module pass in place of parameters.

        ``recursion=False`` leaves out what a function passes to itself, such as a part of what it was given.
        """
        found: list[Value] = []
        for value in values:
            given: Values = ()
            if isinstance(value, ParameterValue) and depth:
                given = self._arguments(value.binding, depth, recursion)
            found.extend(given or (value,))
        return tuple(dict.fromkeys(found))

    def callers(self, function: Scope) -> Iterator[CallSite]:
        """The calls of a function in its own module and in the file that is checked."""
        node = function.node
        if not isinstance(node, cst.FunctionDef):
            return
        name, owner = node.name.value, function.parent
        if name == "__init__" and owner is not None and isinstance(owner.node, cst.ClassDef):
            name = owner.node.name.value
        for names in dict.fromkeys((function.names, self.file.names)):
            for site in self.named(names, name):
                if any(self._leads_to(value, function) for value in self.callees(site)):
                    yield site

    @staticmethod
    def _leads_to(value: Value, function: Scope) -> bool:
        if isinstance(value, FunctionValue):
            return value.scope is function
        return isinstance(value, ClassValue) and value.scope is function.parent

    def _arguments(self, binding: Binding, depth: int, recursion: bool) -> Values:
        function = binding.scope
        if function is None or not isinstance(function.node, cst.FunctionDef):
            return ()
        found: list[Value] = []
        for site in self.callers(function):
            node = _argument(site, function, binding)
            if node is not None and (recursion or not is_inside(site.place, function)):
                values = self.file.resolver.values(node, site.place)
                found.extend(self.passed(values, depth - 1, recursion=recursion))
        return tuple(found)


def runs_with_module(place: Place) -> bool:
    """Does what stands here run when its module runs, rather than in a function or class?"""
    at: Scope | None = place.scope
    while at is not None and at.kind == "comprehension":
        at = at.parent
    return at is not None and at.kind == "module"


def _argument(site: CallSite, function: Scope, binding: Binding) -> cst.BaseExpression | None:
    """What a call passes for a parameter, as far as it is written out."""
    assert isinstance(function.node, cst.FunctionDef)
    every = [param.name.value for param in parameters(function.node.params)]
    if binding.star or binding.name not in every:
        return None
    method = function.parent is not None and function.parent.kind == "class"
    rank = every.index(binding.name) - (1 if method else 0)
    for number, arg in enumerate(site.call.args):
        if arg.star:
            return None
        if arg.keyword is not None and arg.keyword.value == binding.name:
            return arg.value
        if arg.keyword is None and number == rank:
            return arg.value
    return None
