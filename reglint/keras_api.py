"""Tells Keras's names from others: which layer or regularizer a dotted name means, by the tables in ``rules/facts``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any, NamedTuple

from reglint.rulebook import facts


class KerasName(NamedTuple):
    """A name of a Keras API: the distribution that offers it, and its path without the segments that don't matter."""

    package: str
    path: tuple[str, ...]


class Layer(NamedTuple):
    """A Keras layer class as ``facts`` know it (``rules/facts/layers.toml`` says what the keys mean)."""

    package: str
    name: str
    facts: Mapping[str, Any]

    @property
    def renamed(self) -> Mapping[str, str]:
        """Old argument → today's."""
        renamed: Mapping[str, str] = self.facts.get("renamed", {})
        return renamed


class KerasApi:
    """The names of every Keras there is, and a project's own layers that take the same arguments."""

    def __init__(self, layers: Mapping[str, str] | None = None) -> None:
        self._own_layers = dict(layers or {})
        self._keras_names: dict[str, KerasName | None] = {}

    @cached_property
    def _packages(self) -> Mapping[str, Any]:
        return facts("packages")

    @cached_property
    def _layers(self) -> Mapping[str, Any]:
        return facts("layers")

    @cached_property
    def roots(self) -> list[tuple[tuple[str, ...], str]]:
        """The dotted prefixes of every Keras and the packages that offer it there, the longest first."""
        pairs = [(tuple(root.split(".")), p["name"]) for p in self._packages["package"] for root in p["roots"]]
        return sorted(pairs, key=lambda pair: -len(pair[0]))

    @cached_property
    def _transparent(self) -> frozenset[str]:
        return frozenset(self._packages["transparent"])

    def keras_name(self, qualname: str) -> KerasName | None:
        """``qualname`` as a name of Keras, or None."""
        if qualname not in self._keras_names:
            self._keras_names[qualname] = self._keras_name(qualname)
        return self._keras_names[qualname]

    def _keras_name(self, qualname: str) -> KerasName | None:
        parts = tuple(qualname.split("."))
        for root, package in self.roots:
            if parts[: len(root)] == root:
                rest = list(parts[len(root) :])
                while rest and rest[0] in self._transparent:
                    rest.pop(0)
                return KerasName(package, tuple(rest))
        return None

    def layer(self, qualname: str) -> Layer | None:
        """The layer class that a dotted name means, or None."""
        if qualname in self._own_layers:
            like = self._own_layers[qualname]
            return Layer("", like, self._layers.get(like, {}))
        name = self.keras_name(qualname)
        if name is None or len(name.path) < 2 or name.path[0] != self._packages["namespaces"]["layers"]:
            return None
        known = self._layers.get(name.path[-1])
        return None if known is None else Layer(name.package, name.path[-1], known)

    def layer_facts(self, name: str) -> Mapping[str, Any] | None:
        """What is known of the layer class ``name``, wherever it comes from."""
        known: Mapping[str, Any] | None = self._layers.get(name)
        return known

    def regularizer(self, qualname: str) -> tuple[str, str] | None:
        """(package, name) of what a dotted name means in ``keras.regularizers``, or None."""
        return self.member(qualname, self._packages["namespaces"]["regularizers"])

    def member(self, qualname: str, namespace: str) -> tuple[str, str] | None:
        """(package, name) of what a dotted name means in that namespace of a Keras ("": its root), or None."""
        name = self.keras_name(qualname)
        if name is None or name.path[:-1][:1] != ((namespace,) if namespace else ()):
            return None
        return (name.package, name.path[-1]) if name.path else None

    def makes_model(self, qualname: str) -> bool:
        """Does calling what a dotted name means give a Keras model?"""
        models = self._packages["models"]
        name = self.keras_name(qualname)
        if name is None or not name.path:
            return False
        *above, last = name.path
        if last in models["functions"] or self.is_model_class(qualname):
            return True
        if last in ("from_config", "from_json"):
            return bool(above) and above[-1] in models["classes"]
        return bool(above) and above[0] == models["applications"] and last[:1].isupper()

    def is_model_class(self, qualname: str) -> bool:
        """Is what a dotted name means one of Keras's model classes?"""
        name = self.keras_name(qualname)
        return name is not None and bool(name.path) and name.path[-1] in self._packages["models"]["classes"]

    def contrib(self, qualname: str) -> Mapping[str, Any] | None:
        """The facts of a regularizer of ``tf.contrib.layers`` or slim, or None."""
        module, _, name = qualname.rpartition(".")
        contrib = self._packages["contrib"]
        found: Mapping[str, Any] | None = contrib["functions"].get(name) if module in contrib["modules"] else None
        return found

    def is_keras2_only(self, package: str) -> bool:
        """Does every release of the package offer the Keras 2 API or a later one?"""
        return any(p["name"] == package and p.get("always_keras2", False) for p in self._packages["package"])

    # -- what the resolver asks ---------------------------------------------------------------------------------------

    def is_protected(self, module: str) -> bool:
        """Is this the top-level package of a Keras?"""
        return any(root[0] == module for root, _ in self.roots)

    def star_supplies(self, module: str, name: str) -> bool | None:
        """Does ``from module import *`` bind ``name``? None: nobody knows."""
        keras = self.keras_name(module)
        if keras is not None:
            return self._keras_star(keras.path, name)
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top in self._packages["foreign_stars"] or top == "tensorflow":
            # numpy has an `add` and a `concatenate` as well
            return None if any(name == row.get("function") for row in facts("merge")["modes"].values()) else False
        return None

    def _keras_star(self, path: tuple[str, ...], name: str) -> bool | None:
        namespaces = self._packages["namespaces"]
        if not path:
            return name in namespaces.values()
        if path[0] == namespaces["layers"]:
            if name not in self._layers and name not in facts("merge")["order"]:
                return False
            if len(path) == 1 or name in self._packages["submodules"].get(path[1], ()):
                return True
            return None
        if path[0] == namespaces["regularizers"]:
            known = facts("regularizers")
            return name in known["symbols"] or name in known["removed"] or name in known["current"]
        if path == (namespaces["models"],):
            return name in self._packages["models"]["classes"] or name in self._packages["models"]["functions"]
        if path == (namespaces["optimizers"],):
            return any(name in known["names"] for known in facts("optimizers")["optimizers"].values())
        return False


@cache
def first_words() -> tuple[bytes, ...]:
    """The words of which one stands wherever a Keras is imported: ``keras``, ``tensorflow``."""
    roots = {root.partition(".")[0].encode() for package in facts("packages")["package"] for root in package["roots"]}
    return tuple(sorted(root for root in roots if not any(other in root for other in roots - {root})))
