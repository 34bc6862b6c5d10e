"""Names of Keras that have others today: the import and all its uses change together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import libcst as cst

from reglint.findings import Edit
from reglint.names.module import ModuleNames
from reglint.names.scopes import END, Scope
from reglint.names.values import Value
from reglint.rewriting.imports import bring, free, is_handed_on, is_left_unused
from reglint.rewriting.old_aliases import OldAliases
from reglint.rewriting.plan import Plan
from reglint.tree import walk
from reglint.usage.calls import is_none
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.symbols import Import, Use, imports, is_free_in, means, uses

_TYPE_COMMENT = re.compile(r"#[ \t]*type:(?![ \t]*ignore)(.+)")


@dataclass(frozen=True)
class Family:
    """Names of one namespace that have others today, and what a check knows of them.

    ``today`` leads from each old name to the new one, ``beside`` says what else a use needs when its name changes,
    ``concerns`` whether the old name of a package is to be looked at in a file. ``shared`` are new names that an old
    Keras had as well, so that they tell nothing, ``heeds_prose`` whether a docstring that calls the name counts.
    """

    namespace: str
    today: Mapping[str, str]
    beside: Callable[[File, Use, str], Plan]
    concerns: Callable[[File, str, str], bool]
    shared: frozenset[str] = field(default_factory=frozenset)
    heeds_prose: bool = False


class Judged(NamedTuple):
    """An old name in the source, what mends it, and whether it surely is Keras's."""

    name: cst.Name
    package: str
    plan: Plan
    sure: bool
    uses: Sequence[Use]


def judged(file: File, family: Family, old: str) -> Iterator[Judged]:
    """The places where a file says the name ``old``, but for those that are right on an old Keras."""
    return Renaming(file, family, old).judged()


class Renaming:
    """One old name of a family in one file."""

    def __init__(self, file: File, family: Family, old: str) -> None:
        self.file = file
        self.family = family
        self.old = old
        self.new = family.today[old]
        self.groups, self.used = self._survey()

    def judged(self) -> Iterator[Judged]:
        """Imports with the uses that they serve, which share one plan; then the uses without an import."""
        told: set[Use] = set()
        for group in self.groups:
            mine = self.served(group)
            told.update(mine)
            plan = self.plan_imports(group, mine)
            sure = all(use.sure for use in mine)
            for found in group:
                yield Judged(found.name, found.package, plan, sure, mine)
            for use in mine:
                if use.name.value == self.old:
                    yield Judged(use.name, use.package, plan, sure, mine)
        for use in self.used:
            if use not in told:
                yield Judged(use.name, use.package, self._plan_use(use), use.sure, [use])

    def _survey(self) -> tuple[list[list[Import]], list[Use]]:
        """The imports of the old name, grouped, and its uses; without those that are right on an old Keras."""
        file, old, namespace = self.file, self.old, self.family.namespace
        guards = Guards(file, [old], {self.new} - self.family.shared)
        every = [found for found in imports(file, old, namespace) if self._concerns(found.package)]
        guarded = [found for found in every if guards.is_old_binding(found.binding)]
        imported = [found for found in every if found not in guarded]
        used = [use for use in uses(file, old, [i.local for i in every], namespace) if self._concerns(use.package)]
        used = [u for u in used if not guards.in_old_arm(u.mention) and not any(self._serves(g, u) for g in guarded)]
        used = [use for use in used if not guards.is_shim(use.expression, use.place)]
        imported = [found for found in imported if not self._brings_shim(guards, found)]
        return _grouped(imported), used

    @staticmethod
    def _brings_shim(guards: Guards, found: Import) -> bool:
        """Does an import bring a name that is Keras's only on an old Keras?"""
        after = found.binding.place._replace(order=END)
        return guards.is_shim(cst.Name(found.local), after)

    def _concerns(self, package: str) -> bool:
        return self.family.concerns(self.file, package, self.old)

    def served(self, group: Sequence[Import]) -> list[Use]:
        """The uses of what the imports of a group bind."""
        return [use for use in self.used if any(self._serves(found, use) for found in group)]

    def _serves(self, found: Import, use: Use) -> bool:
        return isinstance(use.expression, cst.Name) and any(
            (b.place.scope, b.place.order, b.name)
            == (found.binding.place.scope, found.binding.place.order, found.local)
            for b in self.file.resolver.bindings(use.expression.value, use.place)
        )

    def _means(self, values: Iterable[Value], *packages: str) -> bool:
        return means(self.file, tuple(values), self.new, *packages, namespace=self.family.namespace)

    def _is_free_in(self, group: Sequence[Import], scope: Scope) -> bool:
        packages = [found.package for found in group]
        return is_free_in(self.file, self.new, packages, scope, self.family.namespace)

    # -- imports with their uses --------------------------------------------------------------------------------------

    def plan_imports(self, group: Sequence[Import], used: Sequence[Use], asking: frozenset[str] = frozenset()) -> Plan:
        """What mends imports and their uses; ``asking`` are the neighbours whose own plan waits for this one."""
        aliases = OldAliases(self.file, self.family.today)
        neighbour, plan = self._plan_beside(group, asking | {self.old})
        edits = set(plan.edits)
        doubts = [plan.doubt]
        apart = [plan.apart, self._apart(group)]
        for found in group:
            reason = self._withheld_import(found, group)
            if reason is not None:
                return Plan(withheld=reason)
            now = self._offers_now(found)
            if not now and self._will_offer(found):
                apart.append(self._elsewhere)
            elif not now:
                moved = self._moved(found, group, used)
                if moved is None:
                    return Plan(withheld=f"the module it is imported from has no `{self.new}`")
                edits.update(moved)
                continue
            edits.add(aliases.edit(found, self.new, brought=neighbour in aliases.earlier(found, self.new)))
        aliased = group[0].local != self.old
        for use in used:
            if not aliased and not self._can_say(use, group):
                return Plan(withheld=f"`{self.new}` means something else where `{self.old}` is used")
            plan = self.family.beside(self.file, use, self.old)
            if plan.withheld is not None:
                return plan
            edits.update(plan.edits)
            doubts.append(plan.doubt)
            if not aliased:
                edits.add(self.file.replace(*self.file.span(use.name), self.new))
        return Plan(tuple(sorted(edits)), doubt=_clauses(doubts), apart=_clauses(apart))

    def _apart(self, group: Sequence[Import]) -> str:
        """Which other file has to be mended, too, if the imports of a group bind another name than before."""
        names = self.file.names
        if group[0].local != self.old or group[0].binding.place.scope is not names.scope:
            return ""
        given = self.file.resolver.project.may_give(names.filename, self.old)
        return f"another file may take `{self.old}` from here" if given else ""

    @property
    def _elsewhere(self) -> str:
        return f"only together with the file that `{self.old}` comes from"

    def _plan_beside(self, group: Sequence[Import], asking: frozenset[str]) -> tuple[str, Plan]:
        """An old name of the same statement that becomes the same new one first, and what mends it; empty if none."""
        scope = group[0].binding.place.scope
        aliases = OldAliases(self.file, self.family.today)
        earlier = dict.fromkeys(name for found in group for name in aliases.earlier(found, self.new))
        for old in (name for name in earlier if name not in asking):
            other = Renaming(self.file, self.family, old)
            for mine in other.groups:
                if mine[0].binding.place.scope is scope and mine[0].local == old and group[0].local == self.old:
                    plan = other.plan_imports(mine, other.served(mine), asking)
                    if plan.withheld is None:
                        return old, plan
        return "", Plan()

    def _withheld_import(self, found: Import, group: Sequence[Import]) -> str | None:
        """Why an import can't bind today's name in the old one's place, or None."""
        if found.local != self.old:
            return None
        scope = found.binding.place.scope
        if not self._is_free_in(group, scope):
            return f"`{self.new}` means something else here"
        if any(binding not in [other.binding for other in group] for binding in scope.bindings[self.old]):
            return f"`{self.old}` is bound by something else as well"
        if any(isinstance(node, cst.Del) for m in self.file.mentions(self.old) for node in m.above.nodes()):
            return f"`{self.old}` is deleted again"
        if self._is_called_in_string():
            return f"a string calls `{self.old}`"
        if self._is_annotated_in_text():
            return f"an annotation says `{self.old}` in a string or comment"
        if is_handed_on(self.file, self.old):
            return f"`{self.old}` is listed in `__all__`"
        return None

    def _moved(self, found: Import, group: Sequence[Import], used: Sequence[Use]) -> tuple[Edit, ...] | None:
        """What imports today's name from the public module in the place of the old one; None where that can't be."""
        if len(group) > 1 or found.local != self.old or found.statement.relative:
            return None
        if self.file.resolver.imported_module(found.statement, self.file.names.filename) is not None:
            return None
        place = found.binding.place
        after = place._replace(order=place.order + 1)
        brought = bring(self.file, found.package, (self.family.namespace, self.new), after)
        if brought is None or brought.spelling != self.new:
            return None
        gone = [use.name for use in used]
        if not is_left_unused(self.file, found.binding, gone):
            return None
        return free(self.file, found.binding, gone, [brought])

    def _is_called_in_string(self) -> bool:
        call = re.compile(rf"\b{self.old}\s*\(")
        text = self.file.source.text
        prose = frozenset() if self.family.heeds_prose else _prose(self.file)
        return any(
            t.kind == "string" and t.start not in prose and call.search(text, t.start, t.end) for t in self.file.tokens
        )

    def _is_annotated_in_text(self) -> bool:
        """Does a string annotation or a type comment say the name, which no use tells of?"""
        word = re.compile(rf"\b{self.old}\b")
        return any(word.search(text) for text in _written_annotations(self.file))

    def _can_say(self, use: Use, group: Sequence[Import]) -> bool:
        """Will the new name mean the imported one where ``use`` is?"""
        owner = group[0].binding.place.scope
        scope: Scope | None = use.place.scope
        while scope is not None and scope is not owner:
            if self.new in scope.bindings and not self._is_free_in(group, scope):
                return False
            if scope.stars:
                return False
            scope = scope.parent
        last = min(found.binding.place.order for found in group)
        return not any(
            star.place.order > last and self.file.resolver.supplies(star, self.new) is not False for star in owner.stars
        )

    def _offers_now(self, found: Import) -> bool:
        """Does the module that the import names have today's name?"""
        today = found.binding._replace(node=cst.ImportAlias(cst.Name(self.new)))
        return self._means(self.file.resolver.binding_values(today, self.new), found.package)

    def _will_offer(self, found: Import) -> bool:
        """Will the module that the import names have today's name once it is mended itself?"""
        module = self.file.resolver.imported_module(found.statement, found.binding.place.scope.names.filename)
        return module is not None and self.will_offer(module, found.package)

    def will_offer(self, module: ModuleNames, package: str) -> bool:
        """Does a module of the project import the old name from Keras, and will mending it bring today's there?"""
        file = self.file
        old = list(module.scope.bindings.get(self.old, ()))
        if len(old) != 1 or old[0].kind != "from" or self.new in module.scope.bindings:
            return False
        values = file.resolver.binding_values(old[0], self.old)
        if not means(file, values, self.old, package, namespace=self.family.namespace):
            return False
        assert isinstance(old[0].statement, cst.ImportFrom)
        at_keras = file.resolver.imported_module(old[0].statement, module.filename) is None
        other = file.beside(module.filename) if at_keras else None
        if other is None or "noqa" in other.source.text:
            return False  # handed on from further away, or perhaps left as it is on purpose
        there = Renaming(other, self.family, self.old)
        for group in there.groups:
            if group[0].local == self.old and group[0].binding.place.scope is other.names.scope:
                return there.plan_imports(group, there.served(group)).withheld is None
        return False

    # -- uses without an import ---------------------------------------------------------------------------------------

    def _plan_use(self, use: Use) -> Plan:
        """A use that has no import of its own: through a module (``regularizers.old``) or a star import."""
        there = self._plan_member(use) if isinstance(use.expression, cst.Attribute) else self._plan_name(use)
        plan = there if there.withheld is not None else self.family.beside(self.file, use, self.old)
        if plan.withheld is not None:
            return plan
        rename = self.file.replace(*self.file.span(use.name), self.new)
        return plan._replace(edits=tuple(sorted({*plan.edits, rename})), apart=there.apart)

    def _plan_name(self, use: Use) -> Plan:
        """Whether a name from a star import can be another one."""
        assert isinstance(use.expression, cst.Name)
        name = use.expression.value
        if self.file.resolver.earlier(name, use.place):
            return Plan(withheld=f"`{name}` is bound by something else before")
        if self._means(self.file.resolver.name(self.new, use.place), use.package):
            return Plan()
        if self._will_be_at_hand(use):
            return Plan(apart=self._elsewhere)
        return Plan(withheld=f"`{self.new}` is not imported here")

    def _plan_member(self, use: Use) -> Plan:
        """Whether another name can be read from the same module."""
        assert isinstance(use.expression, cst.Attribute)
        resolver = self.file.resolver
        # where an import fails, a program may put None in its place
        bases = [v for v in resolver.values(use.expression.value, use.place) if not is_none(v)]
        if self._means([member for value in bases for member in resolver.member(value, self.new)], *use.packages):
            return Plan()
        modules = [resolver.names_of(value) for value in bases]
        mended = [names is not None and self.will_offer(names, use.package) for names in modules]
        if mended and all(mended):
            return Plan(apart=self._elsewhere)
        return Plan(withheld=f"there is no `{self.new}` beside it")

    def _will_be_at_hand(self, use: Use) -> bool:
        """Will today's name be bound where a star import brings the old one, once that module is mended?"""
        resolver = self.file.resolver
        bindings = resolver.bindings(self.old, use.place)
        modules = [
            resolver.imported_module(binding.statement, self.file.names.filename)
            for binding in bindings
            if binding.kind == "star" and isinstance(binding.statement, cst.ImportFrom)
        ]
        if len(modules) != len(bindings) or resolver.bindings(self.new, use.place):
            return False
        return all(module is not None and self.will_offer(module, use.package) for module in modules)


def _clauses(clauses: Iterable[str]) -> str:
    """Several clauses for a message as one, each once."""
    return "; ".join(dict.fromkeys(filter(None, clauses)))


def _grouped(imported: Sequence[Import]) -> list[list[Import]]:
    """Imports that bind the same name in the same scope, such as the arms of a ``try``: they change together."""
    groups: dict[tuple[Scope, str], list[Import]] = {}
    for found in imported:
        groups.setdefault((found.binding.place.scope, found.local), []).append(found)
    return list(groups.values())


def _prose(file: File) -> frozenset[int]:
    """Where the strings start that are statements of their own."""

    def collect() -> frozenset[int]:
        found = (node.value for node in walk(file.names.tree) if isinstance(node, cst.Expr))
        return frozenset(file.parsed.span(value)[0] for value in found if isinstance(value, cst.SimpleString))

    starts: frozenset[int] = file.remembered("prose", collect)
    return starts


def _written_annotations(file: File) -> tuple[str, ...]:
    """The annotations, or parts of them, that are strings or comments."""

    def collect() -> tuple[str, ...]:
        annotations = (node for node in walk(file.names.tree) if isinstance(node, cst.Annotation))
        strings = (part.value for node in annotations for part in walk(node) if isinstance(part, cst.SimpleString))
        return (*strings, *_TYPE_COMMENT.findall(file.source.text))

    return file.remembered("written annotations", collect)
