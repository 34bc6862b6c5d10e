"""Follows an expression to the values that it may have."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import libcst as cst

from reglint.names.literals import attributes_given, dict_items, dict_values, index_of, is_changed, static_all
from reglint.names.module import ModuleNames
from reglint.names.scopes import (
    END,
    Binding,
    Place,
    Scope,
    dotted,
    lookup,
    outer_place,
    parameters,
    reaching,
    string_value,
)
from reglint.names.values import (
    UNKNOWN,
    ClassValue,
    DynamicValue,
    FunctionValue,
    InstanceValue,
    LiteralValue,
    MadeValue,
    ModuleValue,
    ParameterValue,
    PartialValue,
    StarredValue,
    SuperValue,
    Symbol,
    Value,
    Values,
)
from reglint.project import Project, ProjectModule

DEPTH = 40
"""How many steps a name is followed before it counts as unknown."""

_PYTHON2_BUILTINS = {"unicode", "xrange", "basestring", "long", "reduce", "raw_input", "unichr", "execfile", "reload"}
_BUILTINS = {*dir(builtins), *_PYTHON2_BUILTINS}
_IMPORTERS = {"builtins.__import__", "importlib.import_module", "importlib.__import__"}
COPIES = {"copy.copy", "copy.deepcopy"}
_NAMESPACES = {"builtins.globals", "builtins.locals", "builtins.vars"}
_PROPERTIES = {"property", "cached_property", "lazy_property", "setter", "getter", "deleter"}
_TRANSPARENT_DECORATORS = {
    "builtins.staticmethod",
    "builtins.classmethod",
    "functools.wraps",
    "functools.lru_cache",
    "functools.cache",
    "tensorflow.function",
    "typing.no_type_check",
}


class Vocabulary(Protocol):
    """What the resolver must be told about libraries that it can't see."""

    def star_supplies(self, module: str, name: str) -> bool | None:
        """Does ``from module import *`` bind ``name``? None: nobody knows."""

    def is_protected(self, module: str) -> bool:
        """Does a top-level name belong to a library that a mere folder or sibling of that name doesn't replace?"""


class Resolver:
    """Resolves expressions of one project; remembers what it found."""

    def __init__(self, project: Project, vocabulary: Vocabulary) -> None:
        self.project = project
        self.vocabulary = vocabulary
        self._known: dict[cst.CSTNode, Values] = {}
        self._busy: set[tuple[object, ...]] = set()
        self._depth = 0
        self._found: dict[tuple[str, str, int], ProjectModule | None] = {}
        self._supplied: dict[tuple[str, str], bool | None] = {}
        self._stars = 0  # star imports that are being followed

    # -- expressions --------------------------------------------------------------------------------------------------

    def values(self, node: cst.CSTNode, place: Place) -> Values:
        """The values that the expression ``node`` may have where it stands."""
        known = self._known.get(node)
        if known is not None:
            return known
        key = (node,)
        if key in self._busy:
            return ()
        if self._depth >= DEPTH:
            return (UNKNOWN,)
        self._busy.add(key)
        self._depth += 1
        try:
            values = _unique(self._evaluate(node, place))
        finally:
            self._depth -= 1
            self._busy.discard(key)
        # inside a cycle the answer depends on where it was entered, so only an outermost one is remembered
        if not self._busy:
            self._known[node] = values
        return values

    def _evaluate(self, node: cst.CSTNode, place: Place) -> Iterable[Value]:
        if isinstance(node, cst.Name):
            if node.value in ("None", "True", "False"):
                return (LiteralValue(node, place),)
            return self.name(node.value, place)
        if isinstance(node, cst.Attribute):
            return self._attribute(node, place)
        if isinstance(node, cst.Call):
            return self._call(node, place)
        if isinstance(node, cst.Subscript):
            return self._subscript(node, place)
        if isinstance(node, cst.IfExp):
            return (*self.values(node.body, place), *self.values(node.orelse, place))
        if isinstance(node, cst.BooleanOperation):
            return (*self.values(node.left, place), *self.values(node.right, place))
        if isinstance(node, cst.NamedExpr):
            return self.values(node.value, place)
        if isinstance(node, cst.Lambda):
            return (FunctionValue(place.scope.names.scopes[node]),)
        if isinstance(node, _LITERALS):
            return (LiteralValue(node, place),)
        return (UNKNOWN,)

    def name(self, name: str, place: Place) -> Values:
        """The values that ``name`` may have at ``place``."""
        found = self._bound(lookup(name, place, self.supplies), name)
        if not found:
            found = (Symbol(f"builtins.{name}") if name in _BUILTINS else UNKNOWN,)
        if place.scope.kind != "module" and any(isinstance(value, Symbol) for value in found):
            found = _unique([*found, *self._bound(self.earlier(name, place), name)])
        return found

    def _bound(self, bindings: Iterable[Binding], name: str) -> Values:
        """The values that the bindings together give to ``name``; empty where there are none."""
        every = list(bindings)
        sure = any(binding.kind != "star" or self.supplies(binding, name) for binding in every)
        found: list[Value] = []
        for binding in every:
            if binding.kind == "star":
                found.extend(self._star(binding, name, sure))
            else:
                found.extend(self.binding_values(binding, name))
        return _unique(found)

    def earlier(self, name: str, place: Place) -> list[Binding]:
        """More bindings of ``name`` in a function at ``place``, if that runs before the end of what is around it."""
        found: list[Binding] = []
        at, later = place, False
        while True:
            _, sure = reaching(name, at, self.supplies)
            if sure and not later:
                return found
            later = later or at.scope.deferred
            defined, outer = outer_place(at, False), outer_place(at, later)
            if defined is None or outer is None:
                return found
            every = outer.scope.bindings.get(name, ())
            if later and outer.scope.kind != "class" and len(every) + len(outer.scope.stars) > 1:
                final, _ = reaching(name, outer, self.supplies)
                first, _ = reaching(name, defined, self.supplies)
                more = [*first, *(binding for binding in every if binding.place.order > defined.order)]
                found.extend(binding for binding in more if binding not in final)
            at = outer

    def bindings(self, name: str, place: Place) -> list[Binding]:
        """The bindings that ``name`` may have at ``place``."""
        return list(lookup(name, place, self.supplies))

    def origins(self, name: str, place: Place, seen: tuple[object, ...] = ()) -> Iterator[Binding]:
        """The bindings that ``name`` may have at ``place``, followed through the modules of the project."""
        for binding in self.bindings(name, place):
            names = None
            wanted = name
            if isinstance(binding.statement, cst.ImportFrom):
                module = self._find(binding.place.scope.names.filename, *_from_module(binding.statement))
                names = self.project.names(module) if module is not None else None
                if isinstance(binding.node, cst.ImportAlias):
                    wanted = dotted(binding.node.name) or ""
            key = (names, wanted)
            if names is None or key in seen:
                yield binding
            else:
                yield from self.origins(wanted, Place(names.scope, END, ()), (*seen, key))

    # -- bindings -----------------------------------------------------------------------------------------------------

    def binding_values(self, binding: Binding, name: str) -> Values:
        """The values that ``binding`` gives to ``name``."""
        key = (binding.place.scope, binding.place.order, name, binding.kind)
        if key in self._busy:
            return ()
        self._busy.add(key)
        try:
            return _unique(self._binding_values(binding))
        finally:
            self._busy.discard(key)

    def _binding_values(self, binding: Binding) -> Iterable[Value]:
        kind, node, place = binding.kind, binding.node, binding.place
        if kind == "assign" and node is not None:
            return self._unpack(node, place, binding.unpack)
        if kind == "loop" and node is not None:
            return self._loop(node, place, binding.unpack)
        if kind == "function" and binding.scope is not None:
            return (FunctionValue(binding.scope),)
        if kind == "class" and binding.scope is not None:
            return (ClassValue(binding.scope),)
        if kind == "parameter":
            return self._parameter(binding)
        if kind == "import":
            return self._import(binding)
        if kind == "from":
            return self._from(binding)
        return (UNKNOWN,)

    def _unpack(self, node: cst.CSTNode, place: Place, index: tuple[int, ...]) -> Iterable[Value]:
        for rank in index:
            if not isinstance(node, (cst.Tuple, cst.List)) or not 0 <= rank < len(node.elements):
                return (UNKNOWN,)
            element = node.elements[rank]
            if isinstance(element, cst.StarredElement):
                return (UNKNOWN,)
            node = element.value
        return self.values(node, place)

    def _loop(self, node: cst.CSTNode, place: Place, index: tuple[int, ...]) -> Iterable[Value]:
        found: list[Value] = []
        for element, where in self._elements(node, place):
            if element is None:
                found.append(UNKNOWN)
            else:
                found.extend(self._unpack(element, where, index))
        return found or (UNKNOWN,)

    def _elements(self, node: cst.CSTNode, place: Place) -> Iterator[tuple[cst.CSTNode | None, Place]]:
        """What a loop over ``node`` meets; None for what can't be seen."""
        whole = node
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and not node.args:
            if node.func.attr.value in ("values", "itervalues"):
                whole = node.func.value
        if isinstance(whole, cst.Name) and is_changed(whole.value, place.scope.names):
            yield None, place
        if whole is not node:
            for value in self.values(whole, place):
                yield from dict_values(value, place)
            return
        for value in self.values(node, place):
            if isinstance(value, LiteralValue) and isinstance(value.node, (cst.List, cst.Tuple, cst.Set)):
                for element in value.node.elements:
                    yield (element.value if isinstance(element, cst.Element) else None), value.place
            else:
                yield None, place

    def _parameter(self, binding: Binding) -> Iterable[Value]:
        owner = self.receiver_class(binding)
        if owner is not None:
            return (owner,)
        param = binding.node
        if isinstance(param, cst.Param) and param.default is not None and binding.scope and binding.scope.place:
            return (ParameterValue(binding), *self.values(param.default, binding.scope.place))
        return (ParameterValue(binding),)

    def receiver_class(self, binding: Binding) -> InstanceValue | ClassValue | None:
        """What ``self`` or ``cls`` is, if ``binding`` is the first parameter of a method."""
        function = binding.scope
        if function is None or function.parent is None or not function.is_method:
            return None
        node = function.node
        if not isinstance(node, cst.FunctionDef) or binding.node is not next(parameters(node.params), None):
            return None
        names = {dotted(decorator.decorator) for decorator in node.decorators}
        if "staticmethod" in names or binding.star:
            return None
        return ClassValue(function.parent) if "classmethod" in names else InstanceValue(function.parent)

    # -- imports ------------------------------------------------------------------------------------------------------

    def _find(self, importer: str, module: str, level: int) -> ProjectModule | None:
        key = (importer, module, level)
        if key not in self._found:
            protected = self.vocabulary.is_protected(module.partition(".")[0])
            self._found[key] = self.project.resolve(importer, module, level, shadowable=not protected)
        return self._found[key]

    def _import(self, binding: Binding) -> Iterable[Value]:
        alias = binding.node
        assert isinstance(alias, cst.ImportAlias)
        full = dotted(alias.name) or ""
        wanted = full if alias.asname is not None else full.partition(".")[0]
        return (self._module(binding.place.scope.names.filename, full, wanted),)

    def _module(self, importer: str, full: str, wanted: str) -> Value:
        """The module ``wanted``, a leading part of the imported ``full``."""
        if self._find(importer, full, 0) is None:
            return Symbol(wanted)
        module = self._find(importer, wanted, 0)
        return UNKNOWN if module is None else ModuleValue(module)

    def _from(self, binding: Binding) -> Iterable[Value]:
        alias, statement = binding.node, binding.statement
        assert isinstance(alias, cst.ImportAlias) and isinstance(statement, cst.ImportFrom)
        name = dotted(alias.name) or ""
        importer = binding.place.scope.names.filename
        base, level = _from_module(statement)
        module = self._find(importer, base, level)
        if module is not None:
            return self.export(module, name)
        return (UNKNOWN,) if level else (Symbol(f"{base}.{name}"),)

    def _star(self, binding: Binding, name: str, sure: bool) -> Iterable[Value]:
        """``name`` from a star import; ``sure`` tells that something binds it, if not this."""
        assert isinstance(binding.statement, cst.ImportFrom)
        base, level = _from_module(binding.statement)
        module = self._find(binding.place.scope.names.filename, base, level)
        if module is not None:
            return self.export(module, name)
        unsure = level or self.vocabulary.star_supplies(base, name) is None
        if unsure and not (sure and self.vocabulary.is_protected(base.partition(".")[0])):
            return (StarredValue("." * level + base, name),)
        return (Symbol(f"{base}.{name}"),)

    def supplies(self, binding: Binding, name: str) -> bool | None:
        """Does a star import bind ``name``? None: nobody knows."""
        assert isinstance(binding.statement, cst.ImportFrom)
        base, level = _from_module(binding.statement)
        module = self._find(binding.place.scope.names.filename, base, level)
        if module is not None:
            return self._module_supplies(module, name)
        return None if level else self.vocabulary.star_supplies(base, name)

    def _module_supplies(self, module: ProjectModule, name: str) -> bool | None:
        key = (module.path, name)
        if key not in self._supplied:
            answer = self._followed(module, name)
            # inside a cycle the answer depends on where it was entered, so only an outermost one is remembered
            if self._stars:
                return answer
            self._supplied[key] = answer
        return self._supplied[key]

    def _followed(self, module: ProjectModule, name: str) -> bool | None:
        key = ("star", module.path, name)
        if name.startswith("_") or key in self._busy or not self.project.may_bind(module, name):
            return False
        names = self.project.names(module)
        if names is None:
            return None
        public = static_all(names)
        if public is not None and name not in public:
            return False
        if name in names.scope.bindings:
            return True
        self._busy.add(key)
        self._stars += 1
        try:
            answers = [self.supplies(star, name) for star in names.scope.stars]
        finally:
            self._stars -= 1
            self._busy.discard(key)
        return True if True in answers else None if None in answers else False

    def imported_module(self, statement: cst.ImportFrom, importer: str) -> ModuleNames | None:
        """The names of the project's module that ``from … import`` in the file ``importer`` names, or None."""
        module = self._find(importer, *_from_module(statement))
        return None if module is None else self.project.names(module)

    def names_of(self, value: Value) -> ModuleNames | None:
        """The names of a module of the project; None for any other value."""
        return self.project.names(value.module) if isinstance(value, ModuleValue) else None

    def export(self, module: ProjectModule, name: str) -> Values:
        """The values of ``name`` in a module of the project, once that module has run."""
        names = self.project.names(module)
        key = ("export", module.path, name)
        if names is not None and key not in self._busy:
            self._busy.add(key)
            try:
                found = self._bound(lookup(name, Place(names.scope, END, ()), self.supplies), name)
            finally:
                self._busy.discard(key)
            if found:
                return found
        below = self.project.submodule(module, name)
        return (ModuleValue(below),) if below is not None else (UNKNOWN,)

    def imports(self, names: ModuleNames, wanted: Callable[[str], bool]) -> bool:
        """Does a module import something outside the project that is ``wanted`` (by dotted name), itself or by star?"""
        seen: set[str] = set()
        pending = [names]
        while pending:
            names = pending.pop()
            for base, level in names.imported:
                if not level and wanted(base) and self._find(names.filename, base.partition(".")[0], 0) is None:
                    return True
            for star in names.scope.stars:
                assert isinstance(star.statement, cst.ImportFrom)
                module = self._find(names.filename, *_from_module(star.statement))
                if module is not None and module.path not in seen:
                    seen.add(module.path)
                    below = self.project.names(module)
                    pending.extend([below] if below is not None else [])
        return False

    # -- members ------------------------------------------------------------------------------------------------------

    def _attribute(self, node: cst.Attribute, place: Place) -> Iterable[Value]:
        found: list[Value] = []
        base = self.values(node.value, place)
        for value in base:
            found.extend(self.member(value, node.attr.value))
        for patch in attributes_given(place.scope.names, node.attr.value):
            # `keras.layers.Dense = Mine` replaces what the library has
            if any(isinstance(v, Symbol) and v in base for v in self.values(patch.target.value, patch.place)):
                found.extend(self.values(patch.value, patch.place))
        return found or (UNKNOWN,)

    def member(self, value: Value, name: str) -> Values:
        """The values of ``value.name``."""
        if isinstance(value, Symbol):
            return (Symbol(f"{value.qualname}.{name}"),)
        if isinstance(value, ModuleValue):
            return self.export(value.module, name)
        if isinstance(value, (ClassValue, InstanceValue)):
            members = self._class_member(value, name)
            return tuple(map(_unbound, members)) if isinstance(value, ClassValue) else members
        if isinstance(value, SuperValue):
            return self._base_members(value.scope, name)
        return (UNKNOWN,)

    def _class_member(self, value: ClassValue | InstanceValue, name: str) -> Values:
        scope = value.scope
        own = list(self._own_members(scope, name))
        if isinstance(value, ClassValue):
            return _unique(own) or self._base_members(scope, name)
        own = [got for member in own for got in self._got(member)]
        given = self._given(scope, name)
        if not own and not given:
            own.extend(self._base_members(scope, name))
        elif not own:
            for above in self.ancestors(scope):
                own.extend(got for member in self._own_members(above, name) for got in self._got(member))
        # `self` may be an object of a class below
        for below in scope.names.scopes.values():
            if below.kind == "class" and name in below.bindings and scope in self.ancestors(below):
                own.extend(got for member in self._own_members(below, name) for got in self._got(member))
        return _unique([*own, *given])

    def _got(self, member: Value) -> Values:
        """What reading a member of an object gives: a property's value, where it is one."""
        if not isinstance(member, FunctionValue) or not isinstance(member.scope.node, cst.FunctionDef):
            return (member,)
        for decorator in member.scope.node.decorators:
            if (dotted(decorator.decorator) or "").rpartition(".")[2] in _PROPERTIES:
                found = [v for expression, where in member.scope.returns for v in self.values(expression, where)]
                return _unique(found) or (UNKNOWN,)
        return (member,)

    def _own_members(self, scope: Scope, name: str) -> Iterator[Value]:
        """What ``name`` is in the body of a class, or is made by ``Class.name = …``."""
        for binding in scope.bindings.get(name, ()):
            for member in self.binding_values(binding, name):
                yield _method_of(scope, member)
        for assigned in attributes_given(scope.names, name):
            owners = self.values(assigned.target.value, assigned.place)
            if any(isinstance(owner, ClassValue) and owner.scope is scope for owner in owners):
                yield from (_method_of(scope, member) for member in self.values(assigned.value, assigned.place))

    def _given(self, scope: Scope, name: str) -> Values:
        """What objects of a class, of those above it and of those below it get by ``self.name = …``."""
        found: list[Value] = []
        above = [scope, *self.ancestors(scope)]
        for names in dict.fromkeys(at.names for at in above):
            for assigned in attributes_given(names, name):
                owners = self.values(assigned.target.value, assigned.place)
                if any(self._may_be(owner, above) for owner in owners):
                    found.extend(self.values(assigned.value, assigned.place))
        return _unique(found)

    def _may_be(self, owner: Value, classes: Sequence[Scope]) -> bool:
        """May a value be an object of the first of ``classes``, the others being those above it?"""
        if isinstance(owner, InstanceValue):
            return owner.scope in classes or classes[0] in self.ancestors(owner.scope)
        return isinstance(owner, (ParameterValue, type(UNKNOWN)))

    def ancestors(self, scope: Scope) -> list[Scope]:
        """The classes of the project above a class."""
        found: list[Scope] = []
        pending = [scope]
        while pending:
            for base in self.bases(pending.pop()):
                if isinstance(base, ClassValue) and base.scope is not scope and base.scope not in found:
                    found.append(base.scope)
                    pending.append(base.scope)
        return found

    def is_own_attribute(self, target: cst.Attribute, place: Place, owner: Scope) -> bool:
        """Is ``target`` an attribute of ``self`` in a method of the class ``owner``?"""
        if not isinstance(target.value, cst.Name):
            return False
        return any(isinstance(v, InstanceValue) and v.scope is owner for v in self.values(target.value, place))

    def _base_members(self, scope: Scope, name: str) -> Values:
        """``name`` as the bases of a class have it: from the first base in the project with it, else from outside."""
        outside: list[Value] = []
        for base in self.bases(scope):
            if isinstance(base, ClassValue) and base.scope is not scope:
                members = self._class_member(base, name)
                if any(not isinstance(member, type(UNKNOWN)) for member in members):
                    outside.extend(members)
                    if any(isinstance(member, FunctionValue) for member in members):
                        return _unique(outside)
            elif isinstance(base, Symbol):
                if base.qualname != "builtins.object":
                    outside.append(Symbol(f"{base.qualname}.{name}"))
            else:
                outside.append(UNKNOWN)
        return _unique(outside) or (UNKNOWN,)

    def bases(self, scope: Scope) -> Values:
        """The values of the base classes of a class, in order."""
        node = scope.node
        if not isinstance(node, cst.ClassDef) or scope.place is None:
            return (UNKNOWN,)
        found: list[Value] = []
        for base in node.bases:
            found.extend(self.values(base.value, scope.place) if not base.star else (UNKNOWN,))
        # what decorates a class may put another in its place
        changed = any(isinstance(base, ClassValue) and not self.is_transparent(base.scope) for base in found)
        return (UNKNOWN, *found) if changed else tuple(found)

    # -- calls and subscripts -----------------------------------------------------------------------------------------

    def _call(self, node: cst.Call, place: Place) -> Iterable[Value]:
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "copy" and not node.args:
            base = self.values(node.func.value, place)
            if base and all(isinstance(value, LiteralValue) for value in base):
                return base
        found: list[Value] = []
        for callee in self.values(node.func, place):
            found.extend(self._result(callee, node, place))
        return found or (UNKNOWN,)

    def _result(self, callee: Value, call: cst.Call, place: Place) -> Iterable[Value]:
        if isinstance(callee, Symbol):
            return self._symbol_result(callee.qualname, call, place)
        if isinstance(callee, ClassValue):
            return (InstanceValue(callee.scope),)
        if isinstance(callee, FunctionValue):
            return self.returned(callee.scope)
        return (UNKNOWN,)

    def _symbol_result(self, qualname: str, call: cst.Call, place: Place) -> Iterable[Value]:
        args = [arg.value for arg in call.args if arg.keyword is None and not arg.star]
        if qualname == "builtins.getattr" and len(args) >= 2:
            return self._getattr(args[0], args[1], place)
        if qualname in ("builtins.eval", "builtins.vars", "builtins.globals", "builtins.locals"):
            return (DynamicValue(qualname.rpartition(".")[2]),)
        if qualname == "builtins.super":
            return self._super(place)
        if qualname == "builtins.dict":
            return (LiteralValue(call, place),)
        if qualname == "functools.partial" and args:
            return (PartialValue(call, place),)
        if qualname in COPIES and len(args) == 1:
            return self.values(args[0], place)
        if qualname in _IMPORTERS and args and isinstance(args[0], cst.SimpleString):
            name = string_value(args[0]) or ""
            wanted = name if qualname == "importlib.import_module" else name.partition(".")[0]
            return (self._module(place.scope.names.filename, name, wanted),)
        return (MadeValue(qualname, call, place),)

    def _getattr(self, base: cst.CSTNode, name: cst.CSTNode, place: Place) -> Iterable[Value]:
        text = string_value(name) if isinstance(name, cst.SimpleString) else None
        if text is None:
            known = [v for v in self.values(base, place) if isinstance(v, Symbol)]
            library = any(self.vocabulary.is_protected(value.qualname.partition(".")[0]) for value in known)
            return (DynamicValue("getattr") if library else UNKNOWN,)
        return [member for value in self.values(base, place) for member in self.member(value, text)]

    def _super(self, place: Place) -> Iterable[Value]:
        scope: Scope | None = place.scope
        while scope is not None and scope.kind != "class":
            scope = scope.parent
        return (UNKNOWN,) if scope is None else (SuperValue(scope),)

    def returned(self, scope: Scope) -> Values:
        """What a call of the function gives back, as far as its ``return`` statements tell."""
        key = ("returned", scope)
        if not scope.returns or not self.is_plain(scope) or key in self._busy:
            return (UNKNOWN,)
        self._busy.add(key)
        try:
            found: list[Value] = []
            for expression, where in scope.returns:
                for value in self.values(expression, where):
                    # what depends on the call says nothing about this one
                    found.append(UNKNOWN if isinstance(value, (ParameterValue, DynamicValue)) else value)
            return _unique(found)
        finally:
            self._busy.discard(key)

    def is_transparent(self, scope: Scope) -> bool:
        """Is a class left as it is by what decorates it? The decorators of a known library only register it."""
        node = scope.node
        if not isinstance(node, cst.ClassDef) or scope.place is None:
            return False
        for decorator in node.decorators:
            expression = decorator.decorator
            if isinstance(expression, cst.Call):
                expression = expression.func
            for value in self.values(expression, scope.place):
                if not isinstance(value, Symbol) or not self.vocabulary.is_protected(value.qualname.partition(".")[0]):
                    return False
        return True

    def is_plain(self, scope: Scope) -> bool:
        """Does the function do what its body says, whatever decorates it?"""
        node = scope.node
        if not isinstance(node, cst.FunctionDef) or scope.place is None:
            return isinstance(node, cst.Lambda)
        for decorator in node.decorators:
            expression = decorator.decorator
            if isinstance(expression, cst.Call):
                expression = expression.func
            values = self.values(expression, scope.place)
            if not all(isinstance(v, Symbol) and v.qualname in _TRANSPARENT_DECORATORS for v in values):
                return False
        return True

    def _subscript(self, node: cst.Subscript, place: Place) -> Iterable[Value]:
        index = index_of(node)
        found: list[Value] = []
        for value in self.values(node.value, place):
            if isinstance(value, DynamicValue):
                found.append(value)
            elif isinstance(value, LiteralValue):
                found.extend(self._item(value, index))
            else:
                found.append(UNKNOWN)
        if isinstance(node.value, cst.Name) and is_changed(node.value.value, place.scope.names):
            found.append(UNKNOWN)
        return found or (UNKNOWN,)

    def _item(self, value: LiteralValue, index: cst.BaseExpression | None) -> Iterable[Value]:
        """The item of a literal that ``index`` names, or any of them where the index is not constant."""
        node, place = value
        if isinstance(node, (cst.List, cst.Tuple)):
            pairs: list[tuple[object, cst.BaseExpression]] = [
                (rank, element.value) for rank, element in enumerate(node.elements) if isinstance(element, cst.Element)
            ]
            key: object = int(index.value) if isinstance(index, cst.Integer) and index.value.isdigit() else None
        elif isinstance(node, (cst.Dict, cst.Call)):
            pairs = list(dict_items(node))
            key = string_value(index) if isinstance(index, cst.SimpleString) else None
        else:
            return (UNKNOWN,)
        chosen = [item for name, item in pairs if key is None or name == key]
        return [v for item in chosen for v in self.values(item, place)] or (UNKNOWN,)


def _method_of(owner: Scope, member: Value) -> Value:
    """A function in the body of the class ``owner``, as its objects have it."""
    if isinstance(member, FunctionValue) and not _is_decorated(member, "staticmethod"):
        return member._replace(owner=owner)
    return member


def _is_decorated(function: FunctionValue, name: str) -> bool:
    node = function.scope.node
    return isinstance(node, cst.FunctionDef) and any(dotted(d.decorator) == name for d in node.decorators)


def _unbound(member: Value) -> Value:
    """What reading a member from its class gives: a method that is still to be told its ``self``."""
    if isinstance(member, FunctionValue) and not _is_decorated(member, "classmethod"):
        return member._replace(owner=None)
    return member


def _from_module(statement: cst.ImportFrom) -> tuple[str, int]:
    return dotted(statement.module) or "", len(statement.relative)


def _unique(values: Iterable[Value]) -> Values:
    return tuple(dict.fromkeys(values))


_LITERALS = (
    cst.Dict,
    cst.List,
    cst.Tuple,
    cst.Set,
    cst.SimpleString,
    cst.ConcatenatedString,
    cst.FormattedString,
    cst.Integer,
    cst.Float,
)
