"""Regularizers that have another name today: the import and all its uses change together."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import libcst as cst

from reglint.checks.renamed_parameter import drop_keyword
from reglint.findings import Applicability, Edit, Finding, Fix
from reglint.names.module import ModuleNames
from reglint.names.scopes import Mention, Scope, dotted
from reglint.names.values import Symbol
from reglint.rulebook import Card, facts
from reglint.tree import walk
from reglint.usage.compatibility import Guards
from reglint.usage.file import CallText, File
from reglint.usage.plan import Plan
from reglint.usage.symbols import Import, Use, imports, is_free_in, means_regularizer, spelling, uses

_WHOLE_LINE = re.compile(r"[ \t]*from[ \t]+[\w.]+[ \t]+import[ \t]+\w+[ \t]*")
_LINE_END = re.compile(r"\r\n|\r|\n")


class Renamed(NamedTuple):
    """A fact: ``old`` is ``new`` today; its parameters in order with their old defaults, and those to spell out."""

    old: str
    new: str
    defaults: Mapping[str, float]
    must_state: Sequence[str]


def check(file: File, card: Card) -> Iterator[Finding]:
    """Findings on imports, uses and names in strings."""
    known = facts("regularizers")
    for old in known["symbols"]:
        yield from _check_symbol(file, card, _renamed(old))
    for old, fact in known["strings"].items():
        for mention in file.mentions(old):
            if isinstance(mention.node, cst.SimpleString):
                yield from _check_string(file, card, mention, old, fact)


# ------------------------------------------------------------------------------------------------------------ symbols


def _renamed(old: str) -> Renamed:
    fact = facts("regularizers")["symbols"][old]
    return Renamed(old, fact["to"], fact["defaults"], fact["must_state"])


def _check_symbol(file: File, card: Card, renamed: Renamed) -> Iterator[Finding]:
    groups, used = _survey(file, renamed)
    told: set[Use] = set()
    for group in groups:
        mine = _served(file, group, used)
        told.update(mine)
        yield from _check_imports(file, card, renamed, group, mine)
    for use in used:
        if use not in told:
            yield _finding(file, card, renamed, use.name, _plan_use(file, renamed, use), use.sure)


def _survey(file: File, renamed: Renamed) -> tuple[list[list[Import]], list[Use]]:
    """The imports of the old name, grouped, and its uses; without those that are right on an old Keras."""
    guards = Guards(file, [renamed.old], {renamed.new} - {"l1", "l2"})
    every = [found for found in imports(file, renamed.old) if _is_judged(file, found.package)]
    guarded = [found for found in every if guards.is_old_binding(found.binding)]
    imported = [found for found in every if found not in guarded]
    used = [use for use in uses(file, renamed.old, [i.local for i in every]) if _is_judged(file, use.package)]
    used = [u for u in used if not guards.in_old_arm(u.mention) and not any(_serves(file, g, u) for g in guarded)]
    return _grouped(imported), used


def _served(file: File, group: Sequence[Import], used: Sequence[Use]) -> list[Use]:
    return [use for use in used if any(_serves(file, found, use) for found in group)]


def _grouped(imported: Sequence[Import]) -> list[list[Import]]:
    """Imports that bind the same name in the same scope, such as the arms of a ``try``: they change together."""
    groups: dict[tuple[Scope, str], list[Import]] = {}
    for found in imported:
        groups.setdefault((found.binding.place.scope, found.local), []).append(found)
    return list(groups.values())


def _is_judged(file: File, package: str) -> bool:
    return file.allowed.admits(package, ">=2.0.0") if package == "keras" else True


def _check_imports(
    file: File, card: Card, renamed: Renamed, group: Sequence[Import], used: Sequence[Use]
) -> Iterator[Finding]:
    """The findings of imports and of the uses that they serve; all carry the same fix."""
    plan = _plan_imports(file, renamed, group, used)
    sure = all(use.sure for use in used)
    for found in group:
        yield _finding(file, card, renamed, found.name, plan, sure)
    for use in used:
        if use.name.value == renamed.old:
            yield _finding(file, card, renamed, use.name, plan, sure)


def _serves(file: File, found: Import, use: Use) -> bool:
    return isinstance(use.expression, cst.Name) and any(
        (b.place.scope, b.place.order, b.name) == (found.binding.place.scope, found.binding.place.order, found.local)
        for b in file.resolver.bindings(use.expression.value, use.place)
    )


def _plan_imports(
    file: File, renamed: Renamed, group: Sequence[Import], used: Sequence[Use], asking: frozenset[str] = frozenset()
) -> Plan:
    """What mends imports and their uses; ``asking`` are the neighbours whose own plan waits for this one."""
    neighbour, plan = _plan_beside(file, renamed, group, asking | {renamed.old})
    edits = set(plan.edits)
    for found in group:
        reason = _withheld_import(file, renamed, found, group)
        if reason is not None:
            return Plan(withheld=reason)
        edits.add(_import_edit(file, renamed, found, brought=neighbour in _earlier(renamed, found)))
    aliased = group[0].local != renamed.old
    for use in used:
        if not aliased and not _can_say(file, renamed.new, use, group):
            return Plan(withheld=f"`{renamed.new}` means something else where `{renamed.old}` is used")
        plan = _plan_arguments(file, renamed, use)
        if plan.withheld is not None:
            return plan
        edits.update(plan.edits)
        if not aliased:
            edits.add(file.replace(*file.span(use.name), renamed.new))
    return Plan(tuple(sorted(edits)))


def _plan_beside(file: File, renamed: Renamed, group: Sequence[Import], asking: frozenset[str]) -> tuple[str, Plan]:
    """An old name of the same statement that becomes the same new one first, and what mends it; empty if none does."""
    scope = group[0].binding.place.scope
    earlier = dict.fromkeys(name for found in group for name in _earlier(renamed, found))
    for old in (name for name in earlier if name not in asking):
        other = _renamed(old)
        groups, used = _survey(file, other)
        for mine in groups:
            if mine[0].binding.place.scope is scope and mine[0].local == old and group[0].local == renamed.old:
                plan = _plan_imports(file, other, mine, _served(file, mine, used), asking)
                if plan.withheld is None:
                    return old, plan
    return "", Plan()


def _withheld_import(file: File, renamed: Renamed, found: Import, group: Sequence[Import]) -> str | None:
    """Why an import can't bind today's name in the old one's place, or None."""
    if not _offers(file, found, renamed):
        return f"the module it is imported from has no `{renamed.new}`"
    if found.local != renamed.old:
        return None
    scope = found.binding.place.scope
    if not is_free_in(file, renamed.new, [other.package for other in group], scope):
        return f"`{renamed.new}` means something else here"
    if any(binding not in [other.binding for other in group] for binding in scope.bindings[renamed.old]):
        return f"`{renamed.old}` is bound by something else as well"
    if any(isinstance(node, cst.Del) for m in file.mentions(renamed.old) for node in m.above.nodes()):
        return f"`{renamed.old}` is deleted again"
    call = re.compile(rf"\b{renamed.old}\s*\(")
    if any(t.kind == "string" and call.search(file.source.text, t.start, t.end) for t in file.tokens):
        return f"a string calls `{renamed.old}`"
    if any(_is_exported(mention) for mention in file.names.strings.get(renamed.old, ())):
        return f"`{renamed.old}` is listed in `__all__`"
    return None


def _is_exported(mention: Mention) -> bool:
    """Does a string stand in ``__all__``?"""
    for node in mention.above.nodes():
        if isinstance(node, cst.Assign):
            return any(isinstance(t.target, cst.Name) and t.target.value == "__all__" for t in node.targets)
        if isinstance(node, cst.AugAssign):
            return isinstance(node.target, cst.Name) and node.target.value == "__all__"
    return False


def _can_say(file: File, new: str, use: Use, group: Sequence[Import]) -> bool:
    """Will ``new`` mean the imported regularizer where ``use`` is?"""
    owner = group[0].binding.place.scope
    scope: Scope | None = use.place.scope
    while scope is not None and scope is not owner:
        if new in scope.bindings and not is_free_in(file, new, [found.package for found in group], scope):
            return False
        if scope.stars:
            return False
        scope = scope.parent
    last = min(found.binding.place.order for found in group)
    return not any(star.place.order > last and file.resolver.supplies(star, new) is not False for star in owner.stars)


def _offers(file: File, found: Import, renamed: Renamed) -> bool:
    """Does the module that the import names have today's name, or will it once it is mended itself?"""
    place = found.binding.place
    today = file.resolver.binding_values(
        found.binding._replace(node=cst.ImportAlias(cst.Name(renamed.new))), renamed.new
    )
    if means_regularizer(file, today, renamed.new, found.package):
        return True
    module = file.resolver.imported_module(found.statement, place.scope.names.filename)
    return module is not None and _will_offer(file, module, renamed, found.package)


def _will_offer(file: File, module: ModuleNames, renamed: Renamed, package: str) -> bool:
    """Does a module of the project import the old name from Keras, and will mending it bring today's name there?"""
    old = list(module.scope.bindings.get(renamed.old, ()))
    if len(old) != 1 or old[0].kind != "from" or renamed.new in module.scope.bindings:
        return False
    if not means_regularizer(file, file.resolver.binding_values(old[0], renamed.old), renamed.old, package):
        return False
    assert isinstance(old[0].statement, cst.ImportFrom)
    other = (
        file.beside(module.filename)
        if file.resolver.imported_module(old[0].statement, module.filename) is None
        else None
    )
    if other is None or "noqa" in other.source.text:
        return False  # handed on from further away, or perhaps left as it is on purpose
    groups, used = _survey(other, renamed)
    for group in groups:
        if group[0].local == renamed.old and group[0].binding.place.scope is other.names.scope:
            return _plan_imports(other, renamed, group, _served(other, group, used)).withheld is None
    return False


def _import_edit(file: File, renamed: Renamed, found: Import, brought: bool) -> Edit:
    """Rename the imported name, or take it out where the new one is there already, or ``brought`` by a neighbour."""
    start, end = file.span(found.name)
    rename = file.replace(start, end, renamed.new)
    aliases = _aliases(found.statement)
    rank = next(rank for rank, alias in enumerate(aliases) if alias.name is found.name)
    if not brought and not _leaves(file, found, aliases[rank]):
        return rename
    if len(aliases) == 1:
        return (_line_of(file, found) if _is_from_keras(file, found) else None) or rename
    # the first of those that stay keeps no comma before it
    if all(_leaves(file, found, alias) for alias in aliases[:rank]):
        if rank + 1 == len(aliases):
            return rename
        end = file.span(_leftmost(aliases[rank + 1]))[0]
    else:
        start = _alias_end(file, aliases[rank - 1])
    return rename if "#" in file.source.text[start:end] else file.replace(start, end, "")


def _aliases(statement: cst.ImportFrom) -> Sequence[cst.ImportAlias]:
    return () if isinstance(statement.names, cst.ImportStar) else statement.names


def _leaves(file: File, found: Import, alias: cst.ImportAlias) -> bool:
    """Is ``alias`` an old name of which today's is imported by the same statement, or surely before it?"""
    new = _today(alias)
    place = found.binding.place
    for binding in place.scope.bindings.get(new, ()) if new is not None else ():
        same = binding.statement is found.statement
        before = binding.place.order < place.order and binding.place.path == place.path[: len(binding.place.path)]
        if binding.kind == "from" and (same or before):
            return True
    return False


def _today(alias: cst.ImportAlias) -> str | None:
    """Today's name of an old one that is imported as it is."""
    if alias.asname is not None or not isinstance(alias.name, cst.Name):
        return None
    known: Mapping[str, Any] | None = facts("regularizers")["symbols"].get(alias.name.value)
    return None if known is None else str(known["to"])


def _earlier(renamed: Renamed, found: Import) -> list[str]:
    """The old names of the same statement that become the same new one, and stand before this one."""
    before = itertools.takewhile(lambda alias: alias.name is not found.name, _aliases(found.statement))
    return [alias.name.value for alias in before if _today(alias) == renamed.new and isinstance(alias.name, cst.Name)]


def _is_from_keras(file: File, found: Import) -> bool:
    """Does the statement import from a Keras itself? To import a module of the project may do more than bind names."""
    return file.api.keras_name(dotted(found.statement.module) or "") is not None and not found.statement.relative


def _line_of(file: File, found: Import) -> Edit | None:
    """An edit that takes out the whole line of an import that has it to itself and is not all of its block."""
    for block in walk(file.names.tree):
        if not isinstance(block, (cst.Module, cst.IndentedBlock)) or len(block.body) < 2:
            continue
        lines = [line for line in block.body if isinstance(line, cst.SimpleStatementLine)]
        if any(list(line.body) == [found.statement] for line in lines):
            start, end = file.source.line_bounds(file.span(found.name)[0])
            match = _WHOLE_LINE.fullmatch(file.source.text, start, end)
            after = _LINE_END.match(file.source.text, end)
            return file.replace(start, after.end(), "") if match and after else None
    return None


def _alias_end(file: File, alias: cst.ImportAlias) -> int:
    name = alias.asname.name if alias.asname is not None else alias.name
    last = name.attr if isinstance(name, cst.Attribute) else name
    assert isinstance(last, cst.Name)
    return file.span(last)[1]


def _leftmost(alias: cst.ImportAlias) -> cst.Name:
    node: cst.BaseExpression = alias.name
    while isinstance(node, cst.Attribute):
        node = node.value
    assert isinstance(node, cst.Name)
    return node


def _plan_use(file: File, renamed: Renamed, use: Use) -> Plan:
    """A use that has no import of its own: through a module (``regularizers.old``) or a star import."""
    if isinstance(use.expression, cst.Name) and file.resolver.earlier(use.expression.value, use.place):
        return Plan(withheld=f"`{use.expression.value}` is bound by something else before")
    if isinstance(use.expression, cst.Name) and not _is_at_hand(file, renamed, use):
        return Plan(withheld=f"`{renamed.new}` is not imported here")
    if isinstance(use.expression, cst.Attribute):
        bases = file.resolver.values(use.expression.value, use.place)
        members = tuple(member for value in bases for member in file.resolver.member(value, renamed.new))
        modules = [file.resolver.names_of(value) for value in bases]
        mended = [names is not None and _will_offer(file, names, renamed, use.package) for names in modules]
        if not means_regularizer(file, members, renamed.new, use.package) and not (mended and all(mended)):
            return Plan(withheld=f"there is no `{renamed.new}` beside it")
    plan = _plan_arguments(file, renamed, use)
    if plan.withheld is not None:
        return plan
    return Plan(tuple(sorted((*plan.edits, file.replace(*file.span(use.name), renamed.new)))))


def _is_at_hand(file: File, renamed: Renamed, use: Use) -> bool:
    """Is today's name bound where a star import brings the old one, or will it be once that module is mended?"""
    if means_regularizer(file, file.resolver.name(renamed.new, use.place), renamed.new, use.package):
        return True
    bindings = file.resolver.bindings(renamed.old, use.place)
    modules = [
        file.resolver.imported_module(binding.statement, file.names.filename)
        for binding in bindings
        if binding.kind == "star" and isinstance(binding.statement, cst.ImportFrom)
    ]
    if len(modules) != len(bindings) or file.resolver.bindings(renamed.new, use.place):
        return False
    return all(module is not None and _will_offer(file, module, renamed, use.package) for module in modules)


def _plan_arguments(file: File, renamed: Renamed, use: Use) -> Plan:
    """What has to change between the parentheses for the same strengths on every release."""
    call = use.call
    if call is None:
        return Plan(withheld=f"`{renamed.old}` is used other than in a call")
    if any(arg.star for arg in call.args):
        return Plan(withheld="its arguments are passed with `*` or `**`")
    names = list(renamed.defaults)
    positional = [arg for arg in call.args if arg.keyword is None]
    keywords = {arg.keyword.value: arg for arg in call.args if arg.keyword is not None}
    if len(positional) > len(names) or set(keywords) - set(names):
        return Plan(withheld="its arguments are not those of Keras 1")
    if "l" in keywords:
        edit = drop_keyword(file, call, keywords["l"])
        return Plan(withheld="the argument is written in a way that can't be edited") if edit is None else Plan((edit,))
    stated = {*names[: len(positional)], *keywords}
    missing = [name for name in renamed.must_state if name not in stated]
    if not missing:
        return Plan()
    text: CallText | None = file.call_text(use.name)
    if text is None:
        return Plan(withheld="the call is written in a way that can't be edited")
    return Plan((text.append(file, ", ".join(f"{name}={renamed.defaults[name]}" for name in missing)),))


def _finding(file: File, card: Card, renamed: Renamed, name: cst.Name, plan: Plan, sure: bool) -> Finding:
    start, end = file.span(name)
    fix = None
    if plan.withheld is None:
        applicability = card.applicability or Applicability.SAFE
        if not sure or file.allowed.admits("keras", "<2.0.0"):
            applicability = Applicability.UNSAFE
        fix = Fix(applicability, f"Rename to `{renamed.new}`", plan.edits)
    message = f"`{renamed.old}` is gone since Keras 2; use `{renamed.new}`"
    return Finding(card.code, card.name, card.severity, message, start, end, fix=fix, fix_withheld=plan.withheld)


# ------------------------------------------------------------------------------------------------------------ strings


def _check_string(file: File, card: Card, mention: Mention, old: str, fact: Mapping[str, Any]) -> Iterator[Finding]:
    """A regularizer given by name to a Keras layer or to ``regularizers.get``."""
    package = _string_reaches(file, mention)
    if package is None or not _is_judged(file, package):
        return
    if Guards(file, [old], []).in_old_arm(mention):
        return
    start, end = file.span(mention.node)
    fix, withheld = None, None
    applicability = card.applicability or Applicability.SAFE
    if package == "keras" and file.allowed.admits("keras", "<2.0.0"):
        applicability = Applicability.UNSAFE
    if "to" in fact:
        fix = Fix(applicability, f"Rename to `{fact['to']}`", (file.replace(start, end, fact["to"]),))
        message = f"`'{old}'` is no regularizer since Keras 2; use `'{fact['to']}'`"
    else:
        symbol, arguments = fact["expression"]["symbol"], fact["expression"]["arguments"]
        written = spelling(file, symbol, package, mention.place)
        message = f"`'{old}'` is no regularizer since Keras 2 (Keras 3 takes it for zero); use `{symbol}({arguments})`"
        if written is None:
            withheld = f"`{symbol}` is not imported here"
        else:
            whole = file.parsed.span(mention.node)
            fix = Fix(applicability, f"Use `{symbol}`", (file.replace(*whole, f"{written}({arguments})"),))
    yield Finding(card.code, card.name, card.severity, message, start, end, fix=fix, fix_withheld=withheld)


def _string_reaches(file: File, mention: Mention) -> str | None:
    """The package of the Keras callable that takes the string as a regularizer, or None."""
    arg = mention.above.node
    link = mention.above.up
    call = link.node if link is not None else None
    if not isinstance(arg, cst.Arg) or arg.star or arg.value is not mention.node or not isinstance(call, cst.Call):
        return None
    packages: list[str] = []
    for value in file.resolver.values(call.func, mention.place):
        if not isinstance(value, Symbol):
            return None
        name = value.qualname.removesuffix(".__init__")
        if arg.keyword is not None:
            layer = file.api.layer(name)
            if layer is None or not arg.keyword.value.endswith("_regularizer"):
                return None
            packages.append(layer.package)
        else:
            getter = file.api.regularizer(name)
            if getter is None or getter[1] != "get":
                return None
            packages.append(getter[0])
    return packages[0] if packages else None
