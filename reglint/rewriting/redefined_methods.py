"""Where the layers of a project define a method of Keras's layers, and where that is called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from reglint.names.scopes import Binding, Mention, Scope
from reglint.names.values import FunctionValue, Symbol, Value
from reglint.usage.calls import call_of
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.layer_methods import owner_of, owner_of_class
from reglint.usage.symbols import is_load

_LAYER = "layer"


class Definition(NamedTuple):
    """The name of a method where a layer of the file defines it, the Keras of that layer, and its own name."""

    name: cst.Name
    package: str
    layer: str


class MethodUse(NamedTuple):
    """A mention of a method: ``own`` tells that a layer of the project defines it, else Keras does."""

    mention: Mention
    package: str
    own: bool


class Redefined(NamedTuple):
    """What a file says of a method.

    ``others`` are the classes of the file that have a method of this name for another reason: they are no layers, or
    have today's as well. ``unknown`` are mentions of which nobody can tell whose method they mean.
    """

    definitions: list[Definition]
    uses: list[MethodUse]
    others: list[Scope]
    unknown: list[Mention]


def redefined(file: File, old: str, new: str) -> Redefined:
    """What the file says of the method ``old``, which is called ``new`` today."""
    found = Redefined([], [], [], [])
    guards = Guards(file, [old], [new])
    for scope in file.names.scopes.values():
        if scope.kind != "class" or old not in scope.bindings:
            continue
        package = _package(file, guards, scope, old, new)
        if package is None:
            found.others.append(scope)
            continue
        for binding in scope.bindings[old]:
            assert isinstance(binding.node, cst.FunctionDef) and isinstance(scope.node, cst.ClassDef)
            found.definitions.append(Definition(binding.node.name, package, scope.node.name.value))
    for mention in file.names.mentions.get(old, ()):
        use = _use(file, guards, mention, old, new)
        if isinstance(use, MethodUse):
            found.uses.append(use)
        elif use is None:
            found.unknown.append(mention)
    return found


def _package(file: File, guards: Guards, scope: Scope, old: str, new: str) -> str | None:
    """The Keras of a layer whose class defines a method by its old name alone; None for any other class."""
    owner = owner_of_class(file, scope)
    if (
        owner is None
        or owner.kind != _LAYER
        or any(new in at.bindings for at in (scope, *file.resolver.ancestors(scope)))
    ):
        return None
    if any(binding.kind != "function" or binding.place.path for binding in scope.bindings[old]):
        return None
    return None if any(guards.is_old_binding(binding) for binding in _classes(scope)) else owner.package


def _classes(scope: Scope) -> Iterator[Binding]:
    """The bindings of the class itself."""
    name = scope.node.name.value  # type: ignore[attr-defined]
    around = scope.place.scope if scope.place is not None else scope
    return (binding for binding in around.bindings.get(name, ()) if binding.scope is scope)


def _use(file: File, guards: Guards, mention: Mention, old: str, new: str) -> MethodUse | bool | None:
    """Whose method is mentioned: False says that it is another one, None that it can't be told."""
    parent = mention.above.node
    if not is_load(mention.node, parent):
        return False
    is_member = isinstance(parent, cst.Attribute) and parent.attr is mention.node
    values = file.resolver.values(parent if is_member else mention.node, mention.place)
    packages = [_of_value(file, guards, value, old, new) for value in values]
    own = [value for value in values if isinstance(value, FunctionValue)]
    if own and all(packages):
        return MethodUse(mention, packages[0] or "", own=True)
    if own and not any(package for package, value in zip(packages, values, strict=True) if value in own):
        return False
    site = call_of(mention)
    owner = owner_of(file, site) if site is not None else None
    if owner is not None and owner.kind == _LAYER:
        return MethodUse(mention, owner.package, own=False)
    outside = [value for value in values if isinstance(value, Symbol)]
    if len(outside) == len(values) and not any(file.api.keras_name(value.qualname) for value in outside):
        return False
    return None


def _of_value(file: File, guards: Guards, value: Value, old: str, new: str) -> str | None:
    """The Keras of the layer of the project whose method a value is, or of Keras's own; None for anything else."""
    if isinstance(value, Symbol):
        known = file.api.keras_name(value.qualname)
        return known.package if known is not None else None
    if not isinstance(value, FunctionValue) or value.scope.parent is None or value.scope.parent.kind != "class":
        return None
    return _package(file, guards, value.scope.parent, old, new)
