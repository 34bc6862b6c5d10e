"""Where a module imports and uses a name of Keras: for the checks of renamed and removed symbols.

A name is told by its ``namespace``, the first part of its path below the root of Keras, and its own last part:
``regularizers`` and ``l2``, however deep the module is in which it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import libcst as cst

from reglint.names.scopes import Binding, Link, Mention, Place, Scope, dotted
from reglint.names.values import Symbol, Values
from reglint.usage.file import File
from reglint.usage.moved import has_not

REGULARIZERS = "regularizers"


class Import(NamedTuple):
    """``from … import old [as local]``."""

    name: cst.Name
    binding: Binding
    local: str
    package: str

    @property
    def statement(self) -> cst.ImportFrom:
        """The statement that imports it."""
        assert isinstance(self.binding.statement, cst.ImportFrom)
        return self.binding.statement


class Use(NamedTuple):
    """A mention of the symbol; ``expression`` is the whole ``regularizers.old`` and ``above`` what it stands in.

    ``packages`` are those that may offer it.
    """

    name: cst.Name
    expression: cst.BaseExpression
    above: Link
    place: Place
    packages: tuple[str, ...]
    sure: bool
    mention: Mention

    @property
    def package(self) -> str:
        """The package that offers it, the first of several."""
        return self.packages[0]

    @property
    def call(self) -> cst.Call | None:
        """The call of which the symbol is the callee."""
        node = self.above.node
        return node if isinstance(node, cst.Call) and node.func is self.expression else None


def is_said(file: File, name: str) -> bool:
    """Does a name stand in the code of a file, or in an import?"""

    def imported() -> frozenset[str]:
        return frozenset(path.rpartition(".")[2] for path, _ in file.names.imported)

    return name in file.names.mentions or name in file.remembered("imported names", imported)


def imports(file: File, old: str, namespace: str = REGULARIZERS) -> Iterator[Import]:
    """The imports that bind the name ``old`` of Keras, directly or through a module of the project."""
    for scope in file.names.scopes.values():
        for bindings in list(scope.bindings.values()):
            for binding in bindings:
                alias = binding.node
                if binding.kind == "from" and isinstance(alias, cst.ImportAlias) and dotted(alias.name) == old:
                    package = _package(file, file.resolver.binding_values(binding, binding.name), old, namespace)
                    if package is not None and isinstance(alias.name, cst.Name):
                        yield Import(alias.name, binding, binding.name, package)


def uses(file: File, old: str, locals_: Iterable[str], namespace: str = REGULARIZERS) -> Iterator[Use]:
    """The places that read the name ``old`` of Keras, also under other local names."""
    for word in dict.fromkeys((old, *locals_)):
        for mention in file.mentions(word):
            if isinstance(mention.node, cst.Name):
                use = _use(file, mention, old, namespace)
                if use is not None and (word == old or not isinstance(use.expression, cst.Attribute)):
                    yield use


def _use(file: File, mention: Mention, old: str, namespace: str) -> Use | None:
    node, above = mention.node, mention.above
    assert isinstance(node, cst.Name)
    expression: cst.BaseExpression = node
    parent = above.node
    if isinstance(parent, cst.Attribute) and parent.attr is node:
        assert above.up is not None
        expression, above = parent, above.up
    elif not is_load(node, parent):
        return None
    values = file.resolver.values(expression, mention.place)
    owners = [_owner(file, value, old, namespace) for value in values]
    packages = tuple(dict.fromkeys(owner for owner in owners if owner is not None))
    if not packages:
        return None
    return Use(node, expression, above, mention.place, packages, all(owners), mention)


def is_load(node: cst.CSTNode, parent: cst.CSTNode) -> bool:
    """Is ``node`` read there, rather than bound or the name of a keyword?"""
    if isinstance(parent, cst.Arg):
        return parent.keyword is not node
    if isinstance(parent, cst.Param):
        return parent.name is not node
    return not isinstance(parent, (cst.AssignTarget, cst.AsName, cst.ImportAlias, cst.NameItem, cst.Del))


def is_name_read(node: cst.CSTNode, parent: cst.CSTNode) -> bool:
    """Is ``node`` read there as a name of its own, not as an attribute of something?"""
    return is_load(node, parent) and not (isinstance(parent, cst.Attribute) and parent.attr is node)


def _package(file: File, values: Values, old: str, namespace: str) -> str | None:
    found = [package for value in values if (package := _owner(file, value, old, namespace))]
    return found[0] if found else None


def _owner(file: File, value: object, old: str, namespace: str) -> str | None:
    """The package of which a value is the name ``old``, or None."""
    if not isinstance(value, Symbol):
        return None
    known = file.api.member(value.qualname, namespace)
    return known[0] if known is not None and known[1] == old else None


def _is_missing(file: File, value: object) -> bool:
    """Does a value name something that the module it is asked of never had, as ``keras.legacy.layers`` no layer?"""
    return isinstance(value, Symbol) and has_not(file, value.qualname)


def means(file: File, values: Values, name: str, *packages: str, namespace: str = REGULARIZERS) -> bool:
    """Are all of ``values`` that name of a Keras (of those packages, if some are given)?"""
    found = {None if _is_missing(file, value) else _owner(file, value, name, namespace) for value in values}
    return bool(found) and None not in found and (not packages or found <= set(packages))


def is_free_in(file: File, name: str, packages: Iterable[str], scope: Scope, namespace: str = REGULARIZERS) -> bool:
    """Does ``scope`` bind ``name`` to nothing but that name of those packages?"""
    return all(
        means(file, file.resolver.binding_values(binding, name), name, *packages, namespace=namespace)
        for binding in scope.bindings.get(name, ())
    )
