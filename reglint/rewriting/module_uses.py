"""Where a file takes names from old modules of Keras, or functions from ``keras.backend``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from reglint.names.scopes import Binding, Mention, Place, dotted
from reglint.usage.file import File
from reglint.usage.moved import Module, is_old, lost_names, meant_module, old_modules
from reglint.usage.symbols import is_name_read

Dotted = cst.Name | cst.Attribute


class ModuleUse(NamedTuple):
    """A place that takes a name from a module: the path to the module as it is written, the name, and the module."""

    path: Dotted
    name: cst.Name
    mention: Mention
    module: Module

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.mention.place

    @property
    def call(self) -> cst.Call | None:
        """The call of which the whole is the callee."""
        nodes = list(self.mention.above.nodes())
        for node, parent in itertools.pairwise(nodes):
            if isinstance(node, cst.Attribute) and node.attr is self.name:
                return parent if isinstance(parent, cst.Call) and parent.func is node else None
        return None

    def parent_of(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """What stands around a node above the name."""
        nodes = list(self.mention.above.nodes())
        return next((up for down, up in itertools.pairwise(nodes) if down is node), None)


def first_name(node: cst.BaseExpression) -> cst.Name:
    """The first name of a dotted path."""
    while isinstance(node, cst.Attribute):
        node = node.value
    assert isinstance(node, cst.Name)
    return node


def last_name(node: cst.BaseExpression | None) -> cst.Name:
    """The last name of a dotted path."""
    last = node.attr if isinstance(node, cst.Attribute) else node
    assert isinstance(last, cst.Name)
    return last


def uses_of(file: File, binding: Binding, module: Module) -> tuple[list[ModuleUse], list[Mention]]:
    """The names that are taken through what an import binds, and where it is mentioned otherwise."""
    uses: list[ModuleUse] = []
    others: list[Mention] = []
    for mention in file.names.mentions.get(binding.name, ()):
        if not is_name_read(mention.node, mention.above.node):
            continue
        bound = file.resolver.bindings(binding.name, mention.place)
        if binding not in bound:
            continue
        use = _taken_through(mention, module)
        if use is None or len(bound) > 1:
            others.append(mention)
        else:
            uses.append(use)
    return uses, others


def paths(file: File) -> Iterator[ModuleUse]:
    """What is taken through paths that end with an old module: ``Dense`` of ``keras.layers.core.Dense``."""
    for path in old_modules():
        for mention in file.names.mentions.get(path.rpartition(".")[2], ()):
            node, above = mention.above.node, mention.above.up
            if not isinstance(node, cst.Attribute) or node.attr is not mention.node or above is None:
                continue
            taken = _taken(node, above.node)
            if taken is None or not _is_path(file, node) or is_old(f"{path}.{taken.value}"):
                continue
            module = meant_module(file, file.resolver.values(node, mention.place))
            if module is not None and module.path == path:
                yield ModuleUse(node, taken, mention, module)


def members(file: File) -> Iterator[ModuleUse]:
    """Attributes of today's modules that these once had: ``HDF5Matrix`` of ``keras.utils.HDF5Matrix``."""
    for name, modules in lost_names().items():
        for mention in file.names.mentions.get(name, ()):
            node = mention.above.node
            if not isinstance(node, cst.Attribute) or node.attr is not mention.node or not _is_path(file, node):
                continue
            module = meant_module(file, file.resolver.values(node.value, mention.place))
            if module is not None and module.path in modules:
                assert isinstance(node.value, (cst.Name, cst.Attribute))
                yield ModuleUse(node.value, node.attr, mention, module)


def _is_path(file: File, node: cst.Attribute) -> bool:
    """May an attribute be one of a module: is it a chain of names, of which the first may come from an import?

    Half the attributes of a program are called `shape` or `sum`, too many to follow each to where it comes from.
    """
    path = dotted(node)
    if path is None:
        return False
    bound, imported = file.remembered(_imported_names, lambda: _imported_names(file))
    first = path.partition(".")[0]
    return first in imported or first not in bound


def _imported_names(file: File) -> tuple[frozenset[str], frozenset[str]]:
    """The names that anything in a file binds, and those that an import does."""
    every = [binding for scope in file.names.scopes.values() for found in scope.bindings.values() for binding in found]
    imported = frozenset(
        binding.name
        for binding in every
        if binding.kind in ("import", "from")
        or isinstance(binding.node, (cst.Name, cst.Attribute))  # K = keras.backend
    )
    return frozenset(binding.name for binding in every), imported


def _taken_through(mention: Mention, module: Module) -> ModuleUse | None:
    """What is taken where a module is mentioned, if anything is: of itself, or of an old module below it."""
    if not isinstance(mention.node, cst.Name):
        return None
    path: Dotted = mention.node
    for parent in mention.above.nodes():
        taken = _taken(path, parent)
        if taken is None:
            return None
        if not is_old(module.below(taken.value).path):
            return ModuleUse(path, taken, mention, module)
        assert isinstance(parent, cst.Attribute)
        path, module = parent, module.below(taken.value)
    return None


def _taken(node: cst.BaseExpression, parent: cst.CSTNode) -> cst.Name | None:
    """The name that is taken from ``node``."""
    return parent.attr if isinstance(parent, cst.Attribute) and parent.value is node else None
