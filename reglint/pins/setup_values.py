"""What the expressions of a ``setup.py`` can be: the strings that reach the requirements of a call of ``setup``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product
from typing import NamedTuple

from reglint.pins.setup_scopes import DEEPEST, Binding, Gathered, Scope, constant, method_of, path_of

KEYWORDS = ("install_requires", "extras_require", "tests_require", "requires")
GAP = "\0"
_MOST_STEPS = 20_000
_MOST_LEAVES = 2_000
_MOST_STRINGS = 64
_DEEPEST_CALLS = 6
_FILE_NAME = re.compile(r"[^\n\0]*[^\n\0/.]\.(?:txt|in|pip)", re.IGNORECASE)
_OPENED_FILE = re.compile(r"[^\n\0]*[^\n\0/.](?:\.(?:txt|in|pip))?|[^\n\0/.]+", re.IGNORECASE)
_PERCENT = re.compile(r"%(?:%|(?:\((?P<key>[^)]*)\))?[-+ #0-9.*]*[a-zA-Z])")
_BRACES = re.compile(r"\{\{|\}\}|\{(?P<key>\w*)[^{}]*\}")
_OPERATOR = re.compile(r"[<>=!~]")


class Leaf(NamedTuple):
    """A string that is, or is somewhere in, a value: with the keys of the dicts on the way, and whether in a list.

    ``spread`` tells that each line end in it is one in the file too, ``is_file`` that the string names a file and that
    its contents are meant.
    """

    text: str
    line: int
    path: tuple[str | None, ...] = ()
    listed: bool = False
    spread: bool = False
    is_file: bool = False


Leaves = tuple[Leaf, ...]


class _Frame:
    """A scope as it is entered: by a known call, whose arguments it has, or by whichever calls there are."""

    def __init__(self, scope: Scope, arguments: dict[str, Leaves] | None = None, depth: int = 0) -> None:
        self.scope = scope
        self.arguments = arguments
        self.depth = depth
        self.known: dict[str, Leaves] = {}
        self.open: set[str] = set()


class Reader:
    """Follows expressions to the strings in their values, within a fixed number of steps.

    ``exhausted`` tells whether something was left out because it was too deep or took too many steps.
    """

    def __init__(self, gathered: Gathered) -> None:
        self.exhausted = False
        self._gathered = gathered
        self._frames: dict[int, _Frame] = {}
        self._steps = 0
        self._depth = 0
        self._cycles = 0

    def requirements(self) -> Iterator[Leaf]:
        """The strings and files that reach the requirements of any call of ``setup``."""
        for scope, call in self._gathered.setups:
            frame = self._frame(scope)
            for keyword in call.keywords:
                if keyword.arg in KEYWORDS:
                    yield from self._follow(keyword.value, frame)
                elif keyword.arg is None:
                    leaves = self._follow(keyword.value, frame)
                    yield from (leaf for leaf in leaves if leaf.path and leaf.path[0] in KEYWORDS)

    def _frame(self, scope: Scope) -> _Frame:
        return self._frames.setdefault(id(scope), _Frame(scope))

    def _follow(self, node: ast.expr, frame: _Frame) -> Leaves:
        """What an expression can be; nothing where it is too deep or too much."""
        self._steps += 1
        if self._steps > _MOST_STEPS or self._depth >= DEEPEST:
            self.exhausted = True
            return ()
        self._depth += 1
        try:
            follow = getattr(self, "_" + node.__class__.__name__.lower(), None)
            leaves: Iterable[Leaf] = follow(node, frame) if follow else (_gap(node),)
            found = tuple(islice(dict.fromkeys(leaves), _MOST_LEAVES))
            self.exhausted = self.exhausted or len(found) == _MOST_LEAVES
            return found
        finally:
            self._depth -= 1

    # Literals

    def _constant(self, node: ast.Constant, frame: _Frame) -> Iterator[Leaf]:
        value = node.value
        if isinstance(value, str):
            ends = value.count("\n")
            yield Leaf(value, node.lineno, spread=0 < ends == (node.end_lineno or node.lineno) - node.lineno)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield Leaf(repr(value), node.lineno)

    def _list(self, node: ast.List | ast.Tuple | ast.Set, frame: _Frame) -> Iterator[Leaf]:
        for item in node.elts:
            for leaf in self._follow(item, frame):
                yield leaf._replace(listed=True)

    _tuple = _set = _list

    def _dict(self, node: ast.Dict, frame: _Frame) -> Iterator[Leaf]:
        for key, value in zip(node.keys, node.values, strict=True):
            for leaf in self._follow(value, frame):
                yield leaf if key is None else _below(leaf, (constant(key),))

    def _joinedstr(self, node: ast.JoinedStr, frame: _Frame) -> Iterator[Leaf]:
        return self._put_together(node, [self._follow(part, frame) for part in node.values])

    def _formattedvalue(self, node: ast.FormattedValue, frame: _Frame) -> Leaves:
        return self._follow(node.value, frame)

    # Names, and what is reached through them

    def _name(self, node: ast.Name, frame: _Frame) -> Leaves:
        owner: _Frame | None = frame
        while owner is not None:
            if node.id in owner.scope.bindings or node.id in owner.scope.parameters():
                return self._bound(node.id, owner)
            owner = self._frame(owner.scope.parent) if owner.scope.parent is not None else None
        return (_gap(node),)

    def _bound(self, name: str, frame: _Frame) -> Leaves:
        """What a name of a frame can be."""
        if name in frame.known:
            return frame.known[name]
        if name in frame.open:
            self._cycles += 1
            return ()
        frame.open.add(name)
        cycles = self._cycles
        leaves = list(self._passed(name, frame))
        for binding in frame.scope.bindings.get(name, ()):
            leaves += self._reaching(binding, frame, leaves)
            leaves = list(islice(dict.fromkeys(leaves), _MOST_LEAVES))
        frame.open.remove(name)
        if cycles == self._cycles:
            frame.known[name] = tuple(leaves)
        return tuple(leaves)

    def _reaching(self, binding: Binding, frame: _Frame, so_far: Sequence[Leaf]) -> Iterator[Leaf]:
        """What a binding adds to what is known of its name so far."""
        if binding.mode == "keys":
            yield from self._keys(binding.value, frame)
            return
        for leaf in self._follow(binding.value, frame):
            if binding.mode == "element":
                if not leaf.path:
                    yield leaf._replace(listed=False)
            elif binding.mode == "added":
                yield _below(leaf._replace(listed=True), binding.path)
            else:
                yield _below(leaf, binding.path)
                if binding.mode == "joined" and _is_text(leaf) and not binding.path:
                    yield from (
                        before._replace(text=before.text + leaf.text, spread=False)
                        for before in islice(filter(_is_text, so_far), _MOST_STRINGS)
                    )

    def _keys(self, node: ast.expr, frame: _Frame) -> Iterator[Leaf]:
        """The keys of a dict, if it is written out, here or where its name is bound."""
        nodes = [node]
        if isinstance(node, ast.Name):
            scope: Scope | None = frame.scope
            while scope is not None and node.id not in scope.bindings:
                scope = scope.parent
            nodes = [binding.value for binding in scope.bindings[node.id]] if scope is not None else []
        for literal in nodes:
            for key in literal.keys if isinstance(literal, ast.Dict) else ():
                if key is not None:
                    yield from self._follow(key, frame)

    def _passed(self, name: str, frame: _Frame) -> Iterator[Leaf]:
        """What callers pass for a parameter."""
        if frame.arguments is not None:
            yield from frame.arguments.get(name, ())
        elif name in frame.scope.parameters():
            function = frame.scope.node
            for scope, call in self._gathered.calls.get(getattr(function, "name", ""), [])[:_MOST_STRINGS]:
                yield from self._arguments(frame.scope, call, self._frame(scope)).get(name, ())

    def _attribute(self, node: ast.Attribute, frame: _Frame) -> Leaves:
        return self._follow(node.value, frame)

    def _starred(self, node: ast.Starred, frame: _Frame) -> Leaves:
        return self._follow(node.value, frame)

    def _subscript(self, node: ast.Subscript, frame: _Frame) -> Iterator[Leaf]:
        leaves = self._follow(node.value, frame)
        key = constant(node.slice)
        if any(leaf.path for leaf in leaves):
            return _under(leaves, key)
        whole = isinstance(node.slice, ast.Slice)
        return (leaf if whole else leaf._replace(listed=False) for leaf in leaves if leaf.listed or leaf.is_file)

    # Operators

    def _binop(self, node: ast.BinOp, frame: _Frame) -> Iterator[Leaf]:
        if isinstance(node.op, ast.Add):
            return self._sum(node, frame)
        if isinstance(node.op, ast.Mod):
            return self._percent(node, frame)
        if isinstance(node.op, ast.Div):  # a folder and what is in it, as pathlib writes it
            left, right = self._follow(node.left, frame), self._follow(node.right, frame)
            return self._put_together(node, [left, (Leaf("/", node.lineno),), right])
        if isinstance(node.op, ast.BitOr | ast.Sub):
            return iter((*self._follow(node.left, frame), *self._follow(node.right, frame)))
        return iter((_gap(node),))

    def _sum(self, node: ast.BinOp, frame: _Frame) -> Iterator[Leaf]:
        """Lists one behind the other, or a string of several. Long sums are deep to the left."""
        operands: list[ast.expr] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
            operands.append(left.right)
            left = left.left
        parts = [self._follow(operand, frame) for operand in (left, *reversed(operands))]
        for part in parts:
            yield from (leaf for leaf in part if leaf.listed or leaf.path or leaf.is_file)
        if all(not part or any(map(_is_text, part)) for part in parts):
            yield from self._put_together(node, parts)

    def _percent(self, node: ast.BinOp, frame: _Frame) -> Iterator[Leaf]:
        if isinstance(node.right, ast.Tuple):
            positional = [self._follow(item, frame) for item in node.right.elts]
            keyed: Leaves = ()
        else:
            leaves = self._follow(node.right, frame)
            positional = [tuple(leaf for leaf in leaves if not leaf.path)]
            keyed = tuple(leaf for leaf in leaves if leaf.path)
        for template in filter(_is_text, self._follow(node.left, frame)):
            yield from self._fill(template, _PERCENT, positional, keyed)

    def _fill(
        self, template: Leaf, field: re.Pattern[str], positional: Sequence[Leaves], keyed: Leaves
    ) -> Iterator[Leaf]:
        """A template with each of its fields replaced by what it can stand for."""
        parts: list[Leaves] = []
        end = used = 0
        for match in field.finditer(template.text):
            parts.append((template._replace(text=template.text[end : match.start()]),))
            end = match.end()
            key = match["key"]
            if match[0] in ("%%", "{{", "}}"):
                parts.append((template._replace(text=match[0][0]),))
            elif key and not key.isdigit():
                parts.append(tuple(_under(keyed, key)))
            else:
                index = int(key[:4]) if key else used
                used += 1
                parts.append(positional[index] if index < len(positional) else ())
        parts.append((template._replace(text=template.text[end:]),))
        for leaf in _joined(parts, template.line):
            yield leaf._replace(spread=template.spread and leaf.text.count("\n") == template.text.count("\n"))

    def _ifexp(self, node: ast.IfExp, frame: _Frame) -> Iterator[Leaf]:
        yield from self._follow(node.body, frame)
        yield from self._follow(node.orelse, frame)

    def _boolop(self, node: ast.BoolOp, frame: _Frame) -> Iterator[Leaf]:
        for value in node.values:
            yield from self._follow(value, frame)

    def _namedexpr(self, node: ast.NamedExpr, frame: _Frame) -> Leaves:
        return self._follow(node.value, frame)

    def _listcomp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, frame: _Frame) -> Iterator[Leaf]:
        for leaf in self._follow(node.elt, frame):
            yield leaf._replace(listed=True)

    _setcomp = _generatorexp = _listcomp

    def _dictcomp(self, node: ast.DictComp, frame: _Frame) -> Iterator[Leaf]:
        for leaf in self._follow(node.value, frame):
            yield _below(leaf, (None,))

    # Calls

    def _call(self, node: ast.Call, frame: _Frame) -> Iterable[Leaf]:
        if isinstance(node.func, ast.Attribute):
            return self._method_call(node, node.func, frame)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        scopes = self._gathered.functions.get(name)
        if scopes:
            return self._local_call(node, scopes, frame)
        if name in ("open", "file"):
            return self._opened(node, frame)
        if name in ("dict", "OrderedDict", "defaultdict"):
            return self._dict_call(node, frame)
        if name in _WRAPPERS:
            return self._every_argument(node, frame)
        return self._foreign_call(node, frame)

    def _method_call(self, node: ast.Call, function: ast.Attribute, frame: _Frame) -> Iterable[Leaf]:
        method = function.attr
        if method == "join":
            return self._join(node, function, frame)
        if method == "open" and node.args and not _is_path_like(function.value):
            return self._opened(node, frame)
        if method in ("Path", "PurePath") or method in _WRAPPERS:  # pathlib.Path(…), itertools.chain(…)
            return self._every_argument(node, frame)
        receiver = self._follow(function.value, frame)
        if method in ("read_text", "read_bytes", "open", "read", "readlines"):
            return (_as_file(leaf) for leaf in receiver)
        if method in ("get", "pop", "setdefault") and node.args:
            default = self._follow(node.args[1], frame) if len(node.args) > 1 else ()
            return (*_under(receiver, constant(node.args[0])), *default)
        if method in ("split", "splitlines"):
            return self._split(node, receiver)
        if method == "format":
            return self._format(node, receiver, frame)
        if method == "replace" and len(node.args) == 2:
            return self._replaced(node, receiver, frame)
        if method in _SAME:
            return receiver
        if method in ("values", "itervalues"):
            return (leaf._replace(path=leaf.path[1:], listed=True) for leaf in receiver if leaf.path)
        return (
            (*receiver, *self._foreign_call(node, frame)) if _has_files(receiver) else self._foreign_call(node, frame)
        )

    def _local_call(self, node: ast.Call, scopes: Sequence[Scope], frame: _Frame) -> Iterable[Leaf]:
        """What a function of the file returns for these arguments."""
        leaves: list[Leaf] = []
        if frame.depth < _DEEPEST_CALLS:
            for scope in scopes[:_DEEPEST_CALLS]:
                entered = _Frame(scope, self._arguments(scope, node, frame), frame.depth + 1)
                for value in scope.returns:
                    leaves += self._follow(value, entered)
        if any(leaf.text.strip(GAP) for leaf in leaves):
            return leaves
        return self._foreign_call(node, frame)

    def _arguments(self, scope: Scope, call: ast.Call, frame: _Frame) -> dict[str, Leaves]:
        """What a call passes for each parameter of a function, defaults included."""
        arguments = scope.arguments
        if arguments is None:
            return {}
        positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
        passed: dict[str, Leaves] = {}
        for index, value in enumerate(call.args):
            leaves = self._follow(value, frame)
            if index < len(positional):
                passed[positional[index]] = leaves
            elif arguments.vararg is not None:
                name = arguments.vararg.arg
                passed[name] = (*passed.get(name, ()), *(leaf._replace(listed=True) for leaf in leaves))
        for keyword in call.keywords:
            if keyword.arg is not None:
                passed[keyword.arg] = self._follow(keyword.value, frame)
        defaults = [
            *zip(reversed(positional), reversed(arguments.defaults), strict=False),
            *zip((argument.arg for argument in arguments.kwonlyargs), arguments.kw_defaults, strict=True),
        ]
        for name, default in defaults:
            if name not in passed and default is not None:
                passed[name] = self._follow(default, frame)
        return passed

    def _foreign_call(self, node: ast.Call, frame: _Frame) -> Iterator[Leaf]:
        """What a function from elsewhere may give: the contents of a file that it is told to read, or anything."""
        yield _gap(node)
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            for leaf in self._follow(argument, frame):
                if leaf.is_file or (not leaf.path and _FILE_NAME.fullmatch(leaf.text.rpartition(GAP)[2])):
                    yield leaf._replace(is_file=True)

    def _every_argument(self, node: ast.Call, frame: _Frame) -> Iterator[Leaf]:
        for argument in node.args:
            yield from self._follow(argument, frame)

    def _opened(self, node: ast.Call, frame: _Frame) -> Iterator[Leaf]:
        for leaf in self._follow(node.args[0], frame) if node.args else ():
            yield _as_file(leaf)

    def _dict_call(self, node: ast.Call, frame: _Frame) -> Iterator[Leaf]:
        for argument in node.args:
            yield from (leaf for leaf in self._follow(argument, frame) if leaf.path)
        for keyword in node.keywords:
            for leaf in self._follow(keyword.value, frame):
                yield _below(leaf, path_of(keyword.arg))

    def _join(self, node: ast.Call, function: ast.Attribute, frame: _Frame) -> Iterable[Leaf]:
        """``os.path.join`` of folders and a file, or a string that joins a list."""
        if not _is_path_like(function.value):
            return (leaf._replace(listed=True) for argument in node.args for leaf in self._follow(argument, frame))
        parts: list[Leaves] = []
        for argument in node.args:
            leaves = self._follow(argument, frame)
            if isinstance(argument, ast.Starred):
                parts += ((leaf._replace(listed=False),) for leaf in leaves[:DEEPEST])
            else:
                parts.append(leaves)
        slashed = [piece for part in parts for piece in ((Leaf("/", node.lineno),), part)]
        return self._put_together(node, slashed[1:])

    def _split(self, node: ast.Call, receiver: Leaves) -> Iterator[Leaf]:
        """The pieces of each string; those of a file are still that file."""
        separator = constant(node.args[0]) if node.args else None
        for leaf in receiver:
            if not _is_text(leaf) or method_of(node) == "splitlines" or separator == "\n":
                yield leaf._replace(listed=True)
                continue
            offset = 0
            for piece in islice(leaf.text.split(separator or None), _MOST_LEAVES):
                offset = leaf.text.find(piece, offset)
                line = leaf.line + (leaf.text.count("\n", 0, offset) if leaf.spread else 0)
                yield leaf._replace(text=piece, line=line, listed=True)

    def _format(self, node: ast.Call, receiver: Leaves, frame: _Frame) -> Iterator[Leaf]:
        positional = [self._follow(argument, frame) for argument in node.args]
        keyed = tuple(
            _below(leaf, path_of(keyword.arg))
            for keyword in node.keywords
            for leaf in self._follow(keyword.value, frame)
        )
        for template in filter(_is_text, receiver):
            yield from self._fill(template, _BRACES, positional, keyed)

    def _replaced(self, node: ast.Call, receiver: Leaves, frame: _Frame) -> Iterator[Leaf]:
        old = constant(node.args[0])
        for leaf in receiver:
            if not _is_text(leaf) or not old:
                yield leaf
                continue
            for new in filter(_is_text, self._follow(node.args[1], frame)):
                yield leaf._replace(text=leaf.text.replace(old, new.text)[: _MOST_LEAVES * 10], spread=False)

    def _put_together(self, node: ast.expr, parts: Sequence[Leaves]) -> Iterator[Leaf]:
        return _joined(parts, node.lineno)


_SAME = (
    "strip",
    "lstrip",
    "rstrip",
    "lower",
    "copy",
    "decode",
    "encode",
    "resolve",
    "absolute",
    "as_posix",
    "expanduser",
)
"""Methods that give about what they are called on."""

_WRAPPERS = (
    *("str", "list", "tuple", "set", "frozenset", "sorted", "reversed", "iter", "sum", "filter", "map", "chain"),
    *("from_iterable", "unique", "Path", "PurePath", "unicode", "cast", "deepcopy"),
)
"""Functions that give about what they are called with."""


def _is_text(leaf: Leaf) -> bool:
    return not (leaf.listed or leaf.path or leaf.is_file)


def _has_files(leaves: Leaves) -> bool:
    return any(leaf.is_file for leaf in leaves)


def _is_path_like(node: ast.expr) -> bool:
    """Is this what ``os.path`` is called: ``os.path``, ``path``, ``osp``, ``op``?"""
    return (isinstance(node, ast.Attribute) and node.attr == "path") or (
        isinstance(node, ast.Name) and node.id in ("path", "osp", "op", "pth", "ospath")
    )


def _gap(node: ast.expr) -> Leaf:
    return Leaf(GAP, node.lineno)


def _below(leaf: Leaf, path: tuple[str | None, ...]) -> Leaf:
    return leaf._replace(path=(*path, *leaf.path)[:8]) if path else leaf


def _under(leaves: Leaves, key: str | None) -> Iterator[Leaf]:
    """What a dict has under a key, under any if the key is unknown."""
    for leaf in leaves:
        if leaf.path and (key is None or leaf.path[0] in (key, None)):
            yield leaf._replace(path=leaf.path[1:])


def _as_file(leaf: Leaf) -> Leaf:
    """The contents of the file that a string names; a gap if it can be no file of requirements."""
    if leaf.is_file or leaf.path:
        return leaf
    is_file = _OPENED_FILE.fullmatch(leaf.text.rpartition(GAP)[2]) is not None
    return leaf._replace(is_file=True) if is_file else leaf._replace(text=GAP)


def _joined(parts: Sequence[Leaves], line: int) -> Iterator[Leaf]:
    """Every string that alternatives put together can give, on the line of its bound, else of its first known piece."""
    texts = [tuple(filter(_is_text, part))[:_MOST_STRINGS] or (Leaf(GAP, line),) for part in parts]
    for pieces in islice(product(*texts), _MOST_STRINGS):
        told = [piece for piece in pieces if piece.text.strip(GAP)]
        first = next((piece.line for piece in told if _OPERATOR.search(piece.text)), told[0].line if told else line)
        yield Leaf("".join(piece.text for piece in pieces)[: _MOST_LEAVES * 10], first)
