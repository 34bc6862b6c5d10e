"""How a name of Keras can be written at a place: with what is imported there, or with an import that is added."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import libcst as cst

from reglint.findings import Edit
from reglint.names.scopes import Binding, Mention, Place, Scope, dotted, outer_place
from reglint.names.values import Symbol, Values
from reglint.rewriting.import_edits import Statement, added_below, aliases, changed, rewritten
from reglint.usage.file import File
from reglint.usage.symbols import is_name_read

KerasPath = tuple[str, ...]
"""A path below the root of a Keras: ``("layers", "concatenate")``."""


class Added(NamedTuple):
    """A name that an import statement gets: to itself, or as a line ``from module import name`` below it."""

    statement: Statement
    name: str
    module: str = ""


class Brought(NamedTuple):
    """How a name is written at a place, the edits that bring it there (none: it is there), and what these add."""

    spelling: str
    edits: tuple[Edit, ...] = ()
    added: Added | None = None


def bring(
    file: File, package: str, path: Sequence[str], place: Place, beside: cst.CSTNode | None = None
) -> Brought | None:
    """How the Keras name ``path`` of ``package`` can be written at ``place``; None where it can't be.

    A name that is bound there comes first, then one through a module (``layers.concatenate``), then one that an
    import of the same module gets besides its own, then a line of its own below an import of the same Keras. Nothing
    else in the file may mean something by the new name; where it does, the module is imported instead.
    Where the name takes the place of one that the statement ``beside`` imports, it comes into that, if it can.
    """
    wanted = tuple(path)
    written = at_hand(file, package, wanted, place)
    if beside is not None and (written is None or "." in written):
        for added in _additions(file, package, wanted, place):
            edits = _edits(file, [added]) if added.statement is beside and not added.module else None
            if edits is not None:
                return Brought(wanted[-1], edits, added)
    if written is not None:
        return Brought(written)
    for added in _additions(file, package, wanted, place):
        edits = _edits(file, [added])
        if edits is not None:
            return Brought(wanted[-1], edits, added)
    if len(wanted) < 2:
        return None
    module = bring(file, package, wanted[:-1], place)
    return None if module is None else module._replace(spelling=f"{module.spelling}.{wanted[-1]}")


def free(
    file: File, binding: Binding, gone: Collection[cst.CSTNode], brought: Iterable[Brought] = ()
) -> tuple[Edit, ...] | None:
    """The edits of ``brought`` together with those that take out an import that is left without use.

    ``gone`` are the name nodes that an edit takes away; while anything else uses what ``binding`` imports, it stays.
    None where the statement can't be edited, or the name is given away in another way (``__all__``, ``del``, to a file
    that imports it from this one).
    """
    if not is_left_unused(file, binding, gone):
        return together(file, brought)
    if is_handed_on(file, binding.name) or _is_given(file, binding):
        return None
    return _edits(file, _added(brought), binding)


def together(file: File, brought: Iterable[Brought]) -> tuple[Edit, ...] | None:
    """The edits of several names that are brought, those of one statement put together; None where it can't be."""
    return _edits(file, _added(brought))


def is_left_unused(file: File, binding: Binding, gone: Collection[cst.CSTNode]) -> bool:
    """Does nothing but the name nodes ``gone`` use what an import binds?"""
    return all(any(mention.node is node for node in gone) for mention in _users(file, binding))


def at_hand(file: File, package: str, path: Sequence[str], place: Place) -> str | None:
    """How the Keras name ``path`` of ``package`` can be written at ``place`` with what is imported there, or None."""
    wanted = tuple(path)
    ways: list[KerasPath] = []
    for name in (wanted[-1], *_imported(place)):
        rest = _rest(file, file.resolver.name(name, place), package, wanted)
        if rest is not None:
            ways.append((name, *rest))
    shortest = min(ways, key=lambda way: len(tuple(way)), default=None)
    return ".".join(shortest) if shortest is not None else None


def is_handed_on(file: File, name: str) -> bool:
    """Is a name deleted again, or listed in ``__all__``?"""
    if any(isinstance(node, cst.Del) for m in file.names.mentions.get(name, ()) for node in m.above.nodes()):
        return True
    return any(is_exported(mention) for mention in file.names.strings.get(name, ()))


def _is_given(file: File, binding: Binding) -> bool:
    """May another file take from this one what an import binds?"""
    names = file.names
    return binding.place.scope is names.scope and file.resolver.project.may_give(names.filename, binding.name)


def is_exported(mention: Mention) -> bool:
    """Does a string stand in ``__all__``?"""
    for node in mention.above.nodes():
        if isinstance(node, cst.Assign):
            return any(isinstance(t.target, cst.Name) and t.target.value == "__all__" for t in node.targets)
        if isinstance(node, cst.AugAssign):
            return isinstance(node.target, cst.Name) and node.target.value == "__all__"
    return False


def _added(brought: Iterable[Brought]) -> list[Added]:
    return list(dict.fromkeys(item.added for item in brought if item.added is not None))


# ------------------------------------------------------------------------------------------------ what is there


def _imported(place: Place) -> Iterator[str]:
    """The names that imports bind in the scopes that a place sees, the innermost first."""
    for at in _places(place):
        for name, bindings in at.scope.bindings.items():
            if any(binding.kind in ("import", "from") for binding in bindings):
                yield name


def _places(place: Place) -> Iterator[Place]:
    """A place, and those around it from which it sees names."""
    at: Place | None = place
    later = False
    while at is not None:
        if at is place or at.scope.kind != "class":
            yield at
        later = later or at.scope.deferred
        at = outer_place(at, later)


def _rest(file: File, values: Values, package: str, wanted: KerasPath) -> KerasPath | None:
    """What is to be written after a name with those values to get to ``wanted``: () if they are it, None: no way.

    The values may belong to several Kerases, such as those of a ``try``; one of them must be ``package``.
    """
    ways = [_way(file, value, wanted) for value in values]
    rests = {way[1] if way is not None else None for way in ways}
    packages = {way[0] for way in ways if way is not None}
    return rests.pop() if len(rests) == 1 and package in packages else None


def _way(file: File, value: object, wanted: KerasPath) -> tuple[str, KerasPath] | None:
    """The package to which a value belongs, and what is to be written after it to get to ``wanted``."""
    if not isinstance(value, Symbol):
        return None
    name = file.api.keras_name(value.qualname)
    if name is not None and len(name.path) > 1 and (name.path[0], name.path[-1]) == (wanted[0], wanted[-1]):
        return name.package, ()
    parts = tuple(value.qualname.split("."))
    for root, package in reversed(file.api.roots):
        full = (*root, *wanted)
        if full[: len(parts)] == parts:
            return package, full[len(parts) :]
    return None


# --------------------------------------------------------------------------------------------------- what comes


def _additions(file: File, package: str, wanted: KerasPath, place: Place) -> Iterator[Added]:
    """Where the name may be added, best first: to an import of its module, or below one of the same Keras."""
    below: list[Added] = []
    for at in _places(place):
        for statement, order in reversed(_statements(at)):
            root = _root(file, statement, package)
            if root is None or not _is_free(file, wanted, package, at.scope, order, place):
                continue
            module = ".".join((*root, *wanted[:-1]))
            if isinstance(statement, cst.ImportFrom) and dotted(statement.module) == module and aliases(statement):
                yield Added(statement, wanted[-1])
            else:
                below.append(Added(statement, wanted[-1], module))
    yield from below


def _statements(at: Place) -> list[tuple[Statement, int]]:
    """The imports of a scope that surely ran when ``at`` is reached, with their order."""
    if at.scope.kind == "class":
        return []
    every = [binding for bindings in at.scope.bindings.values() for binding in bindings]
    found = {
        binding.place.order: binding.statement
        for binding in (*every, *at.scope.stars)
        if isinstance(binding.statement, (cst.Import, cst.ImportFrom))
        and binding.place.order < at.order
        and binding.place.path == at.path[: len(binding.place.path)]
    }
    return [(found[order], order) for order in sorted(found)]


def _root(file: File, statement: Statement, package: str) -> KerasPath | None:
    """The dotted prefix by which a statement imports something of the Keras of ``package``, or None."""
    if isinstance(statement, cst.ImportFrom):
        if statement.relative:
            return None
        base = dotted(statement.module) or ""
        names = [base, *(f"{base}.{dotted(alias.name)}" for alias in aliases(statement))]
    else:
        names = [dotted(alias.name) or "" for alias in statement.names]
    for root, owner in file.api.roots:
        if owner == package and any(tuple(name.split("."))[: len(root)] == root for name in names):
            return root
    return None


def _is_free(file: File, wanted: KerasPath, package: str, scope: Scope, order: int, place: Place) -> bool:
    """Would the name mean Keras's at ``place``, and nothing else lose its meaning, if ``scope`` bound it there?"""
    name = wanted[-1]
    for at in _places(place):
        if name in at.scope.bindings:
            return False
        if any(
            file.resolver.supplies(star, name) is not False for star in at.scope.stars if _is_later(star, at, order)
        ):
            return False
        if at.scope is scope:
            break
    return not any(
        is_name_read(mention.node, mention.above.node) and _reaches(file, mention, scope)
        for mention in file.names.mentions.get(name, ())
    )


def _is_later(star: Binding, at: Place, order: int) -> bool:
    return at.scope.kind != "module" or star.place.order > order


def _reaches(file: File, mention: Mention, scope: Scope) -> bool:
    """Would a mention of an unbound name see it if ``scope`` bound it?"""
    if not any(at.scope is scope for at in _places(mention.place)):
        return False
    inner = [at.scope for at in _places(mention.place)]
    bound = [binding.place.scope for binding in file.resolver.bindings(mention.node.value, mention.place)]
    return not any(owner in inner[: inner.index(scope)] for owner in bound)


# -------------------------------------------------------------------------------------------------- what leaves


def _users(file: File, binding: Binding) -> Iterator[Mention]:
    """The mentions of what an import binds; of a name that others bind as well, all of them."""
    shared = len(binding.place.scope.bindings.get(binding.name, ())) > 1
    for mention in file.names.mentions.get(binding.name, ()):
        if is_name_read(mention.node, mention.above.node):
            if shared or binding in file.resolver.bindings(binding.name, mention.place):
                yield mention


def _edits(file: File, additions: Sequence[Added], leaving: Binding | None = None) -> tuple[Edit, ...] | None:
    """The edits of the statements that get names, and of the one that loses the name it binds; None if one can't."""
    edits: list[Edit] = []
    statements = [item.statement for item in additions]
    if leaving is not None:
        assert isinstance(leaving.statement, (cst.Import, cst.ImportFrom))
        statements.append(leaving.statement)
    for statement in dict.fromkeys(statements):
        mine = [item for item in additions if item.statement is statement]
        gone = [leaving.node] if leaving is not None and leaving.statement is statement else []
        found = _edits_of(file, statement, mine, [alias for alias in gone if isinstance(alias, cst.ImportAlias)])
        if found is None:
            return None
        edits.extend(found)
    return tuple(sorted(edits))


def _edits_of(
    file: File, statement: Statement, mine: Sequence[Added], gone: Sequence[cst.ImportAlias]
) -> list[Edit] | None:
    names = [item.name for item in mine if not item.module]
    modules = dict.fromkeys(item.module for item in mine if item.module)
    lines = [f"from {m} import {', '.join(item.name for item in mine if item.module == m)}" for m in modules]
    if lines and not names and len(gone) == len(aliases(statement)) > 0:
        edit = rewritten(file, statement, lines)
        return None if edit is None else [edit]
    edits: list[Edit] = []
    if names or gone:
        edits = changed(file, statement, gone, names)
        if not edits:
            return None
    if lines:
        edit = added_below(file, statement, lines)
        if edit is None:
            return None
        edits.append(edit)
    return edits
