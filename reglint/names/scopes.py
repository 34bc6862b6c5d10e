"""Scopes, and which bindings of a name may hold where.

Nothing is evaluated here. Each binding keeps the expression that it came from and the place where it happened, so that
:mod:`reglint.names.resolve` can follow only the names that a check asks for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

if TYPE_CHECKING:
    from reglint.names.module import ModuleNames

END = 1 << 60
"""An order after every statement: where the body of a function that is called later stands."""


class Arm(NamedTuple):
    """One branch of a statement that may or may not run: number ``arm`` of its arms."""

    statement: cst.CSTNode
    arm: int
    exhaustive: int  # how many arms there are if one of them always runs, else 0
    loops: bool = False
    leaks: bool = False  # other arms may run after a part of it, as an `except` does after a `try`


Path = tuple[Arm, ...]


class Scope:
    """A module, class, function, lambda or comprehension with the names that it binds, in source order."""

    __slots__ = ("bindings", "borrowed", "kind", "names", "node", "parent", "place", "returns", "stars")

    def __init__(
        self, names: ModuleNames, kind: str, node: cst.CSTNode, parent: Scope | None, place: Place | None
    ) -> None:
        self.names = names
        self.kind = kind
        self.node = node
        self.parent = parent
        self.place = place  # where the scope itself is defined, in its parent
        self.bindings: dict[str, list[Binding]] = {}
        self.stars: list[Binding] = []
        self.borrowed: dict[str, Scope] = {}  # `global` and `nonlocal` names, and the scopes that own them
        self.returns: list[tuple[cst.BaseExpression, Place]] = []

    @property
    def deferred(self) -> bool:
        """Does the body run later than the place where it stands?"""
        return self.kind in ("function", "lambda")

    @property
    def is_method(self) -> bool:
        """Is it a function in the body of a class?"""
        return self.kind == "function" and self.parent is not None and self.parent.kind == "class"


class Place(NamedTuple):
    """Where an expression stands: its scope, its rank in the source, and the branches around it within the scope."""

    scope: Scope
    order: int
    path: Path


class Binding(NamedTuple):
    """One thing that gives a name its value.

    ``kind`` tells what ``node`` is: ``assign`` and ``loop`` an expression (an element of it, for ``loop``, of which
    ``unpack`` tells the place), ``function`` and ``class`` a definition with its own ``scope``, ``parameter`` a
    :class:`libcst.Param`, ``import`` and ``from`` an alias, ``star`` nothing (``statement`` is the
    import), ``opaque`` nothing that can be followed.
    """

    name: str
    kind: str
    place: Place  # where the value is computed
    node: cst.CSTNode | None = None
    statement: cst.CSTNode | None = None
    scope: Scope | None = None
    unpack: tuple[int, ...] = ()
    star: str = ""  # `*` or `**` of a parameter


class Link(NamedTuple):
    """The nearest ancestor of a node, with its own."""

    node: cst.CSTNode
    up: Link | None

    def nodes(self) -> Iterator[cst.CSTNode]:
        """Every ancestor, innermost first."""
        link: Link | None = self
        while link is not None:
            yield link.node
            link = link.up


class Mention(NamedTuple):
    """A place in the source where a name or a string stands."""

    node: cst.Name | cst.SimpleString
    place: Place
    above: Link


class AttributeBinding(NamedTuple):
    """``target.attr = value``."""

    target: cst.Attribute
    value: cst.BaseExpression
    place: Place


Supplies = Callable[[Binding, str], "bool | None"]


def reaching(name: str, place: Place, supplies: Supplies) -> tuple[list[Binding], bool]:
    """The bindings of ``name`` that may hold at ``place``, latest first, and whether one of them surely does.

    Only the scope of ``place`` is looked at. ``supplies`` tells of a star import there whether it binds ``name``:
    True, False, or None where nobody knows.
    """
    every: Sequence[Binding] = place.scope.bindings.get(name, ())
    unsure: list[Binding] = []
    if place.scope.stars:
        known = [(star, supplies(star, name)) for star in place.scope.stars]
        unsure = [star for star, answer in known if answer is None]
        every = sorted([*every, *(star for star, answer in known if answer is not False)], key=_order)
    return _reaching(every, place, unsure)


def lookup(name: str, place: Place, supplies: Supplies) -> Iterator[Binding]:
    """The bindings that ``name`` may have at ``place``, innermost scope first; none where it is builtin or unbound."""
    at: Place | None = place
    later = False
    while at is not None:
        if at is place or at.scope.kind != "class":
            bindings, sure = reaching(name, at, supplies)
            yield from bindings
            # a name that a function binds anywhere is local to it
            if sure or (at.scope.kind != "module" and at.scope.kind != "class" and name in at.scope.bindings):
                return
        later = later or at.scope.deferred
        at = outer_place(at, later)


def outer_place(place: Place, later: bool) -> Place | None:
    """The place from which names of the enclosing scope are seen; ``later``: once all of it has run."""
    at = place.scope.place
    return at._replace(order=END) if at is not None and later else at


def parameters(params: cst.Parameters) -> Iterator[cst.Param]:
    """Every parameter in source order, with ``*args`` and ``**kwargs``."""
    yield from params.posonly_params
    yield from params.params
    if isinstance(params.star_arg, cst.Param):
        yield params.star_arg
    yield from params.kwonly_params
    if params.star_kwarg is not None:
        yield params.star_kwarg


def dotted(node: cst.BaseExpression | None) -> str | None:
    """``a.b.c`` of a chain of names, or None."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return None
    parts.append(node.value)
    return ".".join(reversed(parts))


def string_value(node: cst.SimpleString) -> str | None:
    """What a plain string literal says; None for bytes and for what does not evaluate."""
    raw = node.value
    quote = raw[0]
    if quote in "'\"" and raw[1] != quote and "\\" not in raw:
        return raw[1:-1]
    try:
        value = node.evaluated_value
    except (SyntaxError, ValueError):
        return None
    return value if isinstance(value, str) else None


def _reaching(bindings: Sequence[Binding], place: Place, unsure: Sequence[Binding]) -> tuple[list[Binding], bool]:
    last = bisect_left(bindings, place.order, key=_order)
    # what stands below in a loop around the place holds from its second turn on
    loops = [arm.statement for arm in place.path if arm.loops]
    found = [b for b in bindings[last:] if any(arm.statement in loops for arm in b.place.path)] if loops else []
    covered: dict[cst.CSTNode, set[int]] = {}
    for rank in range(last - 1, -1, -1):
        binding = bindings[rank]
        depth = _common(binding.place.path, place.path)
        if _exclusive(binding.place.path, place.path, depth):
            # what another arm bound holds if it ran in part, or in an earlier turn of a loop
            if binding.place.path[depth].leaks or any(arm.loops for arm in place.path[:depth]):
                found.append(binding)
            continue
        found.append(binding)
        if binding not in unsure and _covers(binding.place.path[depth:], covered):
            return found, True
    return found, False


def _order(binding: Binding) -> int:
    return binding.place.order


def _common(one: Path, other: Path) -> int:
    depth = 0
    for a, b in zip(one, other, strict=False):
        if a.statement is not b.statement or a.arm != b.arm:
            break
        depth += 1
    return depth


def _exclusive(one: Path, other: Path, depth: int) -> bool:
    """Do the two paths take different arms of one statement?"""
    return depth < len(one) and depth < len(other) and one[depth].statement is other[depth].statement


def _covers(arms: Path, covered: dict[cst.CSTNode, set[int]]) -> bool:
    """Does a binding below ``arms``, together with those seen before, happen on every way?"""
    for arm in reversed(arms):
        taken = covered.setdefault(arm.statement, set())
        taken.add(arm.arm)
        if not arm.exhaustive or len(taken) < arm.exhaustive:
            return False
    return True
