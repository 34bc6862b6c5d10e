"""Names of Keras that are in another module today: the import changes, or the path by which they are reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import libcst as cst

from reglint.findings import Applicability, Finding, Fix, Severity
from reglint.names.scopes import Binding, Path, Scope, dotted, string_value
from reglint.rewriting.backend_functions import plan_function, successor_of
from reglint.rewriting.import_edits import aliases
from reglint.rewriting.kept_names import is_kept, plan_kept_import, plan_kept_use
from reglint.rewriting.module_uses import ModuleUse, last_name, members, paths, uses_of
from reglint.rewriting.moved_imports import (
    NO_SUCCESSOR,
    plan_from,
    plan_import,
    plan_path,
    plan_renamed,
    plan_star,
    plan_uses,
)
from reglint.rewriting.plan import Plan
from reglint.rulebook import Card
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named, version_data
from reglint.usage.moved import (
    Module,
    Stand,
    is_function_too,
    is_old,
    meant_module,
    module_of,
    old_modules,
    row_of,
    stand,
    whole,
)
from reglint.versions import Release

_ABSENCES = {"ImportError", "ModuleNotFoundError", "AttributeError"}
_FAILURES = {*_ABSENCES, "Exception", "BaseException", ""}
_LEAVING = {"exit", "sys.exit", "quit", "os._exit"}
_SHOWN = 3


def check(file: File, card: Card) -> Iterator[Finding]:
    """Findings on imports of old modules, on names taken through them, and on names that no module has any more."""
    yield from MovedModules(file, card).findings()


class MovedModules:
    """The rule in one file."""

    def __init__(self, file: File, card: Card) -> None:
        self.file = file
        self.card = card
        self._guards = Guards(file, [path.rpartition(".")[2] for path in old_modules()], [])
        self._told: set[cst.CSTNode] = set()  # paths of uses that the finding of their import mends

    def findings(self) -> Iterator[Finding]:
        """All of them, in no particular order."""
        for scope in list(self.file.names.scopes.values()):
            for statement, bindings in _statements(scope):
                if not _is_attempt(bindings[0].place.path, _FAILURES) and not self._guards.is_old_binding(bindings[0]):
                    yield from self._imports(statement, bindings)
        for use in paths(self.file):
            if use.path not in self._told and self._is_judged(use):
                yield from self._path(use)
        for use in members(self.file):
            if self._is_judged(use):
                kept = is_kept(self.file, use.module, use.name.value)
                yield from self._member(use.module, use.name, use, plan_kept_use(self.file, use) if kept else None)

    def _is_judged(self, use: ModuleUse) -> bool:
        if _is_attempt(use.place.path, _ABSENCES) or self._guards.in_old_arm(use.mention):
            return False
        return not _is_asked_for(use)

    # -- imports ------------------------------------------------------------------------------------------------------

    def _imports(self, statement: cst.CSTNode, bindings: Sequence[Binding]) -> Iterator[Finding]:
        if isinstance(statement, cst.Import):
            for binding in bindings:
                yield from self._import(binding)
        elif isinstance(statement, cst.ImportFrom):
            base = "" if statement.relative else dotted(statement.module) or ""
            module = module_of(self.file, base)
            if module is None or self.file.resolver.imported_module(statement, self.file.names.filename) is not None:
                return
            if not is_old(module.path):
                yield from self._from_today(statement, module, bindings)
            elif isinstance(statement.names, cst.ImportStar):
                yield from self._star(statement, bindings[0], module)
            else:
                yield from self._from_old(statement, bindings, module)

    def _from_old(self, statement: cst.ImportFrom, bindings: Sequence[Binding], module: Module) -> Iterator[Finding]:
        """``from keras.layers.core import Dense``."""
        stands: dict[cst.ImportAlias, Stand] = {}
        for alias in aliases(statement):
            row = row_of(module.path, dotted(alias.name) or "")
            if row is not None:
                stands[alias] = stand(self.file, module.package, row)
        found = list(stands.values())
        if not any(each.failing for each in found):
            return
        if all(each.row.today == each.row.name for each in found):
            plan = plan_from(self.file, statement, module, stands)
        elif len(bindings) == 1 and bindings[0].name == found[0].row.name:
            plan = plan_renamed(self.file, bindings[0], module, found[0])
        else:
            plan = Plan(withheld=f"some of its names are others today: {_where(module, found)}")
        yield self._finding(last_name(statement.module), module, found, plan)

    def _star(self, statement: cst.ImportFrom, binding: Binding, module: Module) -> Iterator[Finding]:
        """``from keras.layers.core import *``."""
        found = stand(self.file, module.package, whole(module.path))
        if found.failing:
            plan = plan_star(self.file, statement, binding, module, found)
            yield self._finding(last_name(statement.module), module, [found], plan)

    def _from_today(self, statement: cst.ImportFrom, module: Module, bindings: Sequence[Binding]) -> Iterator[Finding]:
        """``from keras.utils import np_utils``, ``from keras.utils import HDF5Matrix``."""
        for binding in bindings:
            alias = binding.node
            if not isinstance(alias, cst.ImportAlias) or not isinstance(alias.name, cst.Name):
                continue
            below = module.below(alias.name.value)
            if is_old(below.path):
                yield from self._module(binding, alias.name, below)
            else:
                kept = is_kept(self.file, module, alias.name.value)
                plan = plan_kept_import(self.file, statement, module) if kept else None
                yield from self._member(module, alias.name, kept=plan)

    def _module(self, binding: Binding, name: cst.Name, module: Module) -> Iterator[Finding]:
        """``from keras.utils import np_utils``."""
        uses, others = uses_of(self.file, binding, module)
        if is_function_too(module.path) and (others or not uses):
            return
        self._told.update(use.path for use in uses)
        stands = self._stands(uses) or [stand(self.file, module.package, whole(module.path))]
        if any(each.failing for each in stands):
            yield self._finding(name, module, stands, plan_uses(self.file, binding, module, uses, others))

    def _import(self, binding: Binding) -> Iterator[Finding]:
        """``import keras.layers.core``, or ``… as core``."""
        alias = binding.node
        assert isinstance(alias, cst.ImportAlias)
        module = module_of(self.file, dotted(alias.name) or "")
        if module is None or not is_old(module.path):
            return
        if meant_module(self.file, self.file.resolver.binding_values(binding, binding.name)) is None:
            return
        uses, others = uses_of(self.file, binding, module) if alias.asname is not None else ([], [])
        self._told.update(use.path for use in uses)
        stands = self._stands(uses) or [stand(self.file, module.package, whole(module.path))]
        if any(each.failing for each in stands):
            plan = plan_import(self.file, alias, module, stands, others)
            yield self._finding(last_name(alias.name), module, stands, plan)

    def _stands(self, uses: Iterable[ModuleUse]) -> list[Stand]:
        """How the names that are taken stand, each once."""
        taken = {use.name.value: use.module for use in uses}
        rows = [(module.package, row_of(module.path, name)) for name, module in taken.items()]
        return [stand(self.file, package, row) for package, row in rows if row is not None]

    # -- attributes ---------------------------------------------------------------------------------------------------

    def _path(self, use: ModuleUse) -> Iterator[Finding]:
        """``keras.layers.core.Dense``."""
        for found in self._stands([use]):
            if found.failing:
                yield self._finding(last_name(use.path), use.module, [found], plan_path(self.file, use, found))

    def _member(
        self, module: Module, name: cst.Name, use: ModuleUse | None = None, kept: Plan | None = None
    ) -> Iterator[Finding]:
        """``keras.utils.HDF5Matrix``, ``K.sum(x)``; without a ``use`` it is imported. ``kept`` is what keeps it."""
        row = row_of(module.path, name.value)
        found = stand(self.file, module.package, row) if row is not None else None
        if found is None or not found.failing:
            return
        row = found.row
        if row.place is None:
            plan, advice = kept or Plan(withheld=NO_SUCCESSOR), row.instead
        else:
            plan = Plan(withheld="its uses are to change with it")
            plan = plan_function(self.file, use, found) if use is not None else plan
            advice = f"use `{successor_of(module, row)}`"
        message = f"{self._absence(f'`{module}.{row.name}`', found.failing)}; {advice}"
        yield self._made(name, module, found.failing, message, plan)

    # -- findings -----------------------------------------------------------------------------------------------------

    def _finding(self, name: cst.Name, module: Module, stands: Sequence[Stand], plan: Plan) -> Finding:
        failing = tuple(dict.fromkeys(release for each in stands for release in each.failing))
        missing = [each for each in stands if each.failing]
        moved = [each for each in missing if each.mended]
        lost = [each for each in missing if not each.mended]
        if len(missing) < len(stands):  # the module is there, but not all of these
            message = self._absence(_listed([f"{module}.{each.row.name}" for each in missing]), failing)
        else:
            message = self._absence(f"`{module}`", failing)
        if moved:
            message += f"; {_where(module, moved)}"
        elif lost and lost[0].row.instead:
            said = f"`{lost[0].row.name}`: " if lost[0].row.name and len(missing) == len(stands) else ""
            message += f"; {said}{lost[0].row.instead}"
        elif lost and len(missing) == len(stands):
            message += f", and {_listed([each.row.name for each in lost])} with it"
        return self._made(name, module, failing, message, plan)

    def _absence(self, what: str, failing: Sequence[Release]) -> str:
        return f"{what} is missing from {named(failing)}{allowed_by(self.file, failing)}"

    def _made(self, name: cst.Name, module: Module, failing: Sequence[Release], message: str, plan: Plan) -> Finding:
        fix = None
        if plan.withheld is None:
            safe = self.card.applicability or Applicability.SAFE
            fix = Fix(Applicability.UNSAFE if plan.doubt else safe, "Take it from where it is today", plan.edits)
            message += f" ({plan.doubt})" if plan.doubt else ""
        everywhere = set(self.file.allowed.engines(module.package)) <= set(failing)
        start, end = self.file.span(name)
        return Finding(
            self.card.code,
            self.card.name,
            self.card.severity if everywhere else Severity.WARNING,
            message,
            start,
            end,
            fix=fix,
            fix_withheld=plan.withheld,
            data=version_data(self.file, module.package, failing),
        )


# --------------------------------------------------------------------------------------------------------------- words


def _where(module: Module, stands: Iterable[Stand]) -> str:
    """Which names are where."""
    by_place: dict[str, list[str]] = {}
    for each in stands:
        if each.row.place is not None:
            by_place.setdefault(each.row.place, []).append(each.row.today)
    parts = []
    for place, names in by_place.items():
        verb = "is" if len(names) == 1 and names[0] else "are"
        parts.append(f"{_listed(names)} {verb} in `{module.at(place)}`")
    return ", ".join(parts)


def _listed(names: Sequence[str]) -> str:
    """The first of some names; an empty one stands for all."""
    said = [f"`{name}`" if name else "its names" for name in names[:_SHOWN]]
    said += [f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


# ------------------------------------------------------------------------------------------------------------ imports


def _statements(scope: Scope) -> Iterator[tuple[cst.CSTNode, list[Binding]]]:
    """The imports of a scope with what each of them binds."""
    found: dict[cst.CSTNode, list[Binding]] = {}
    every = [binding for bindings in scope.bindings.values() for binding in bindings]
    for binding in (*every, *scope.stars):
        imports = binding.kind in ("import", "from", "star")
        if imports and binding.statement is not None and binding.place.scope is scope:
            found.setdefault(binding.statement, []).append(binding)
    yield from found.items()


def _is_attempt(path: Path, failures: set[str]) -> bool:
    """Does the program do something else where a name is missing, or is this what it does then?"""
    for arm in path:
        if isinstance(arm.statement, (cst.Try, cst.TryStar)):
            handlers = [handler for handler in arm.statement.handlers if _caught(handler) & failures]
            if handlers and (arm.arm or not all(_gives_up(handler) for handler in handlers)):
                return True
    return False


def _is_asked_for(use: ModuleUse) -> bool:
    """Does the program only come here where ``hasattr`` has found the name?"""
    child: cst.CSTNode = use.mention.node
    for parent in use.mention.above.nodes():
        if isinstance(parent, (cst.If, cst.IfExp)) and child is parent.body:
            test = parent.test
            if isinstance(test, cst.Call) and dotted(test.func) == "hasattr" and len(test.args) == 2:
                asked = test.args[1].value
                named_so = isinstance(asked, cst.SimpleString) and string_value(asked) == use.name.value
                if named_so and dotted(test.args[0].value) == dotted(use.path):
                    return True
        child = parent
    return False


def _caught(handler: cst.ExceptHandler | cst.ExceptStarHandler) -> set[str]:
    if handler.type is None:
        return {""}
    elements = handler.type.elements if isinstance(handler.type, cst.Tuple) else [cst.Element(handler.type)]
    return {(dotted(element.value) or "").rpartition(".")[2] for element in elements}


def _gives_up(handler: cst.ExceptHandler | cst.ExceptStarHandler) -> bool:
    """Does the handler end the program?"""
    last = handler.body.body[-1] if handler.body.body else None
    if isinstance(last, cst.SimpleStatementLine):
        last = last.body[-1]
    if isinstance(last, cst.Expr) and isinstance(last.value, cst.Call):
        return dotted(last.value.func) in _LEAVING
    return isinstance(last, cst.Raise)
