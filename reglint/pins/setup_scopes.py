"""The names of a ``setup.py``: all that is ever bound to each, whatever the order, and the calls that matter."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

_SETUP_MODULES = ("setuptools", "distutils", "distutils.core", "numpy.distutils.core", "skbuild")
DEEPEST = 60


class Binding(NamedTuple):
    """Something that reaches a name: ``mode`` says how, ``path`` under which keys of the dict that it names.

    ``value``: assigned. ``element``: each of its items in turn. ``keys``: each of its keys. ``added``: put into the
    list. ``joined``: ``+=``, the items of a list or more of a string. ``merged``: the entries of another list or dict.
    """

    mode: str
    value: ast.expr
    path: tuple[str | None, ...] = ()


class Scope:
    """A module, function, lambda or class: what its statements do to names, and what it returns."""

    def __init__(self, node: ast.AST, parent: Scope | None) -> None:
        self.node = node
        self.parent = parent
        self.bindings: dict[str, list[Binding]] = {}
        self.returns: list[ast.expr] = []
        arguments = getattr(node, "args", None)
        self.arguments = arguments if isinstance(arguments, ast.arguments) else None

    def bind(self, name: str, binding: Binding) -> None:
        self.bindings.setdefault(name, []).append(binding)

    def parameters(self) -> list[str]:
        """The names of the parameters, those behind ``*`` and ``**`` last."""
        if self.arguments is None:
            return []
        every = [*self.arguments.posonlyargs, *self.arguments.args, *self.arguments.kwonlyargs]
        return [argument.arg for argument in (*every, self.arguments.vararg, self.arguments.kwarg) if argument]


class Gathered:
    """What is to be known of a file before any of its expressions is followed."""

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope(tree, None)
        self.functions: dict[str, list[Scope]] = {}
        self.calls: dict[str, list[tuple[Scope, ast.Call]]] = {}
        self.setups: list[tuple[Scope, ast.Call]] = []
        self._setup_names = {"setup"}
        pending: list[tuple[ast.AST, Scope]] = [(tree, self.module)]
        while pending:
            node, scope = pending.pop()
            inner = scope
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
                inner = Scope(node, scope)
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    self.functions.setdefault(node.name, []).append(inner)
                elif isinstance(node, ast.Lambda):
                    inner.returns.append(node.body)
            self._take(node, inner)
            pending += [(child, inner) for child in ast.iter_child_nodes(node)][::-1]
        # An alias can be imported below the call, within a function.
        self.setups = [
            (scope, call) for name in sorted(self._setup_names) for scope, call in self.calls.get(name, [])
        ] + self.setups

    def _take(self, node: ast.AST, scope: Scope) -> None:
        """Note what a node does to the names of its scope."""
        if isinstance(node, ast.Assign):
            for target in node.targets:
                _bind(scope, target, "value", node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            if node.value is not None:
                _bind(scope, node.target, "value", node.value)
        elif isinstance(node, ast.AugAssign):
            _bind(scope, node.target, "joined", node.value)
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            _bind(scope, node.target, "element", node.iter)
        elif isinstance(node, ast.withitem):
            if node.optional_vars is not None:
                _bind(scope, node.optional_vars, "value", node.context_expr)
        elif isinstance(node, ast.Return | ast.Yield | ast.YieldFrom):
            if node.value is not None:
                scope.returns.append(node.value)
        elif isinstance(node, ast.ImportFrom):
            if node.module in _SETUP_MODULES:
                self._setup_names.update(alias.asname or "" for alias in node.names if alias.name == "setup")
        elif isinstance(node, ast.Call):
            self._take_call(node, scope)

    def _take_call(self, node: ast.Call, scope: Scope) -> None:
        if isinstance(node.func, ast.Name):
            self.calls.setdefault(node.func.id, []).append((scope, node))
        elif isinstance(node.func, ast.Attribute):
            method, receiver = node.func.attr, node.func.value
            if method == "setup":
                self.setups.append((scope, node))
            elif method in ("append", "add") and node.args:
                _bind(scope, receiver, "added", node.args[0])
            elif method == "insert" and len(node.args) == 2:
                _bind(scope, receiver, "added", node.args[1])
            elif method in ("extend", "update"):
                for argument in node.args:
                    _bind(scope, receiver, "merged", argument)
                for keyword in node.keywords:
                    _bind(scope, receiver, "value" if keyword.arg else "merged", keyword.value, path_of(keyword.arg))
            elif method == "setdefault" and len(node.args) == 2:
                _bind(scope, receiver, "value", node.args[1], (constant(node.args[0]),))


def path_of(key: str | None) -> tuple[str | None, ...]:
    return () if key is None else (key,)


def constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _bind(scope: Scope, target: ast.expr, mode: str, value: ast.expr, path: tuple[str | None, ...] = ()) -> None:
    """Note that a value reaches the target: a name, a place in the dict that it names, or several names at once."""
    if isinstance(target, ast.Tuple | ast.List):
        _unpack(scope, target.elts, mode, value)
        return
    for _ in range(DEEPEST):
        if isinstance(target, ast.Subscript):
            path, target = (constant(target.slice), *path), target.value
        elif isinstance(target, ast.Call) and method_of(target) == "setdefault" and target.args:
            assert isinstance(target.func, ast.Attribute)
            path, target = (constant(target.args[0]), *path), target.func.value
        else:
            break
    if isinstance(target, ast.Name):
        scope.bind(target.id, Binding(mode, value, path))


def _unpack(scope: Scope, targets: Sequence[ast.expr], mode: str, value: ast.expr) -> None:
    """Note what reaches several names: one value each if they are written out, the keys of a dict's items if not."""
    if mode == "value" and isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(targets):
        for target, item in zip(targets, value.elts, strict=True):
            _bind(scope, target, mode, item)
    elif mode == "element" and isinstance(value, ast.Call) and method_of(value) in ("items", "iteritems"):
        # Which value belongs to which key gets lost here, so the values stay unknown.
        assert isinstance(value.func, ast.Attribute)
        _bind(scope, targets[0], "keys", value.func.value)


def method_of(call: ast.Call) -> str | None:
    return call.func.attr if isinstance(call.func, ast.Attribute) else None
