"""Where a module imports and uses a name of ``keras.regularizers``: for the checks of renamed and removed symbols."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import libcst as cst

from reglint.names.scopes import Binding, Link, Mention, Place, Scope, dotted
from reglint.names.values import Symbol, Values
from reglint.usage.file import File


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
    """A mention of the symbol; ``expression`` is the whole ``regularizers.old`` and ``above`` what it stands in."""

    name: cst.Name
    expression: cst.BaseExpression
    above: Link
    place: Place
    package: str
    sure: bool
    mention: Mention

    @property
    def call(self) -> cst.Call | None:
        """The call of which the symbol is the callee."""
        node = self.above.node
        return node if isinstance(node, cst.Call) and node.func is self.expression else None


def imports(file: File, old: str) -> Iterator[Import]:
    """The imports that bind the regularizer ``old``, directly or through a module of the project."""
    for scope in file.names.scopes.values():
        for bindings in list(scope.bindings.values()):
            for binding in bindings:
                alias = binding.node
                if binding.kind == "from" and isinstance(alias, cst.ImportAlias) and dotted(alias.name) == old:
                    package = _package(file, file.resolver.binding_values(binding, binding.name), old)
                    if package is not None and isinstance(alias.name, cst.Name):
                        yield Import(alias.name, binding, binding.name, package)


def uses(file: File, old: str, locals_: Iterable[str]) -> Iterator[Use]:
    """The places that mention the regularizer ``old``, also under other local names."""
    for word in dict.fromkeys((old, *locals_)):
        for mention in file.mentions(word):
            if isinstance(mention.node, cst.Name):
                use = _use(file, mention, old)
                if use is not None and (word == old or not isinstance(use.expression, cst.Attribute)):
                    yield use


def _use(file: File, mention: Mention, old: str) -> Use | None:
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
    package = _package(file, values, old)
    if package is None:
        return None
    sure = all(_regularizer(file, value, old) for value in values)
    return Use(node, expression, above, mention.place, package, sure, mention)


def is_load(node: cst.CSTNode, parent: cst.CSTNode) -> bool:
    """Is ``node`` read there, rather than bound or the name of a keyword?"""
    if isinstance(parent, cst.Arg):
        return parent.keyword is not node
    return not isinstance(parent, (cst.AssignTarget, cst.Param, cst.AsName, cst.ImportAlias, cst.NameItem, cst.Del))


def _package(file: File, values: Values, old: str) -> str | None:
    found = [package for value in values if (package := _regularizer(file, value, old))]
    return found[0] if found else None


def _regularizer(file: File, value: object, old: str) -> str | None:
    if not isinstance(value, Symbol):
        return None
    known = file.api.regularizer(value.qualname)
    return known[0] if known is not None and known[1] == old else None


def means_regularizer(file: File, values: Values, name: str, *packages: str) -> bool:
    """Are all of ``values`` the regularizer ``name`` of a Keras (of those packages, if some are given)?"""
    found = {_regularizer(file, value, name) for value in values}
    return bool(found) and None not in found and (not packages or found <= set(packages))


def is_free_in(file: File, name: str, packages: Iterable[str], scope: Scope) -> bool:
    """Does ``scope`` bind ``name`` to nothing but that regularizer of those packages?"""
    return all(
        means_regularizer(file, file.resolver.binding_values(binding, name), name, *packages)
        for binding in scope.bindings.get(name, ())
    )


def spelling(file: File, name: str, package: str, place: Place) -> str | None:
    """How the regularizer ``name`` of ``package`` can be written at ``place`` with what is imported there, or None."""
    for prefix in ("", "regularizers.", "keras.regularizers.", "tf.keras.regularizers."):
        parts = (prefix + name).split(".")
        values = file.resolver.name(parts[0], place)
        for part in parts[1:]:
            values = tuple(member for value in values for member in file.resolver.member(value, part))
        if means_regularizer(file, values, name, package):
            return prefix + name
    return None
