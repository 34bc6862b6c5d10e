"""What brings an import of an old module of Keras, and the uses of what it binds, to where the names are today."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import libcst as cst

from reglint.findings import Edit
from reglint.names.scopes import Binding, Mention, Place, dotted
from reglint.rewriting.import_edits import added_below, changed
from reglint.rewriting.imports import Brought, bring, free
from reglint.rewriting.module_uses import Dotted, ModuleUse, first_name, last_name
from reglint.rewriting.plan import Plan
from reglint.usage.file import File
from reglint.usage.moved import Module, Row, Stand, doubt, meant_module, module_of, row_of, stand
from reglint.usage.symbols import is_name_read

_PLAIN = re.compile(r"[\w.]*")
NO_SUCCESSOR = "nothing takes its place name for name"
_UNEDITABLE = Plan(withheld="it is written in a way that can't be edited")


def plan_from(file: File, statement: cst.ImportFrom, module: Module, stands: Mapping[cst.ImportAlias, Stand]) -> Plan:
    """``from keras.layers.core import Dense``: another module in it, and lines for names that are in further ones."""
    if not any(each.mended for each in stands.values()):
        return Plan(withheld=NO_SUCCESSOR)
    nowhere = _without_place(each.row for each in stands.values())
    if nowhere is not None:
        return nowhere
    places = [each.row.place or "" for each in stands.values()]
    main = max(dict.fromkeys(places), key=places.count)
    edit = _path_edit(file, statement.module, module, main)
    if edit is None:
        return _UNEDITABLE
    leaving = [alias for alias, each in stands.items() if each.row.place != main]
    if not leaving:
        return Plan((edit,), doubt=doubt(stands.values()))
    cuts = changed(file, statement, leaving, [])
    below = added_below(file, statement, _lines(module, leaving, stands))
    if not cuts or below is None:
        return _UNEDITABLE
    return Plan((edit, *cuts, below), doubt=doubt(stands.values()))


def plan_star(file: File, statement: cst.ImportFrom, binding: Binding, module: Module, found: Stand) -> Plan:
    """``from keras.layers.core import *``: that of the place, which brings more names."""
    place = found.row.place
    if place is None:
        return Plan(withheld=NO_SUCCESSOR)
    before = [star for star in binding.place.scope.stars if star.place.order < binding.place.order]
    if not all(_is_keras(file, star) for star in before):
        return Plan(withheld=f"`{module.at(place)}` has more names, which may hide what another star import brings")
    edit = _path_edit(file, statement.module, module, place)
    if edit is None:
        return _UNEDITABLE
    reasons = [f"`{module.at(place)}` brings more names than `{module}` did", doubt([found])]
    return Plan((edit,), doubt="; ".join(filter(None, reasons)))


def plan_import(
    file: File, alias: cst.ImportAlias, module: Module, stands: Sequence[Stand], others: Sequence[Mention]
) -> Plan:
    """``import keras.layers.core as core``: the module in which all names are that are taken from it."""
    if others:
        return _handed(module)
    nowhere = _without_place(each.row for each in stands)
    if nowhere is not None:
        return nowhere
    places = dict.fromkeys(each.row.place for each in stands)
    place = next(iter(places))
    if len(places) > 1 or not place or any(each.row.today != each.row.name for each in stands):
        return Plan(withheld="its names are in several modules today")
    edit = _path_edit(file, alias.name, module, place)
    return _UNEDITABLE if edit is None else Plan((edit,), doubt=doubt(stands))


def plan_uses(
    file: File, binding: Binding, module: Module, uses: Sequence[ModuleUse], others: Sequence[Mention]
) -> Plan:
    """``from keras.utils import np_utils``: every use takes its name from where it is, and the import goes."""
    if others:
        return _handed(module)
    rows = [(use, row_of(use.module.path, use.name.value)) for use in uses]
    nowhere = _without_place(row for _, row in rows if row is not None)
    if nowhere is not None:
        return nowhere
    wanted = [_Wanted(first_name(use.path), use.name, row, use.place) for use, row in rows if row is not None]
    stands = [stand(file, module.package, each.row) for each in wanted]
    reason = doubt(stands) if uses else "it is not used here, but another file may import it from this one"
    return _brought(file, binding, module, wanted)._replace(doubt=reason)


def plan_renamed(file: File, binding: Binding, module: Module, found: Stand) -> Plan:
    """``from keras.utils.visualize_util import plot``: a name that is another one today, in every use of it."""
    wanted: list[_Wanted] = []
    for mention in file.names.mentions.get(binding.name, ()):
        if binding not in file.resolver.bindings(binding.name, mention.place):
            continue
        if not isinstance(mention.node, cst.Name) or not is_name_read(mention.node, mention.above.node):
            return Plan(withheld=f"`{binding.name}` is bound by something else as well")
        wanted.append(_Wanted(mention.node, mention.node, found.row, mention.place))
    return _brought(file, binding, module, wanted)._replace(doubt=doubt([found]))


def plan_path(file: File, use: ModuleUse, found: Stand) -> Plan:
    """``keras.layers.core.Dense``: the rest of the path behind the longest part of it that leads to the place, too."""
    row = found.row
    if row.place is None or not found.mended:
        return _without_place([row]) or Plan(withheld=NO_SUCCESSOR)
    wanted = str(use.module.at(row.place))
    node = _common(use, wanted, lambda path: meant_module(file, file.resolver.values(path, use.place)))
    if node is None:
        return Plan(withheld=f"`{wanted}` can't be reached from here")
    path, module = node
    start, end = file.span(last_name(path))[1], file.span(use.name)[0]
    if not _PLAIN.fullmatch(file.source.text, start, end):
        return _UNEDITABLE
    edits = [file.replace(start, end, f"{wanted[len(str(module)) :]}.")]
    if row.today != row.name:
        edits.append(file.replace(*file.span(use.name), row.today))
    return Plan(tuple(edits), doubt=doubt([found]))


class _Wanted(NamedTuple):
    """A use of an old name: from its first to its last name it is written anew."""

    first: cst.Name
    last: cst.Name
    row: Row
    place: Place


def _brought(file: File, binding: Binding, module: Module, wanted: Iterable[_Wanted]) -> Plan:
    """Uses that take their names from where these are, without the import that they had."""
    edits: set[Edit] = set()
    gone: list[cst.CSTNode] = []
    brought: list[Brought] = []
    for use in wanted:
        path = (*filter(None, (use.row.place or "").split(".")), use.row.today)
        new = bring(file, module.package, path, use.place)
        start, end = file.span(use.first)[0], file.span(use.last)[1]
        if new is None or not _PLAIN.fullmatch(file.source.text, start, end):
            return Plan(withheld=f"`{use.row.today}` means something else here")
        edits.add(file.replace(start, end, new.spelling))
        gone.append(use.first)
        brought.append(new)
    freed = free(file, binding, gone, brought)
    if freed is None:
        return Plan(withheld=f"the import of `{binding.name}` can't be taken out")
    return Plan(tuple(sorted({*edits, *freed})))


def _path_edit(file: File, node: cst.BaseExpression | None, module: Module, place: str) -> Edit | None:
    """The smallest edit that makes a module's name that of a place; None where it is not written in one piece."""
    if node is None:
        return None
    start, end = file.span(first_name(node))[0], file.span(last_name(node))[1]
    if file.source.text[start:end] != str(module):
        return None
    old, new = str(module).split("."), str(module.at(place)).split(".")
    same = next((rank for rank, parts in enumerate(zip(old, new, strict=False)) if len(set(parts)) > 1), None)
    same = min(len(old), len(new)) if same is None else same
    return file.replace(start + len(".".join(old[:same])), end, "".join(f".{part}" for part in new[same:]))


def _is_keras(file: File, star: Binding) -> bool:
    """Is a star import one of a module of Keras?"""
    statement = star.statement
    if not isinstance(statement, cst.ImportFrom) or statement.relative:
        return False
    return module_of(file, dotted(statement.module) or "") is not None


def _lines(module: Module, leaving: Sequence[cst.ImportAlias], stands: Mapping[cst.ImportAlias, Stand]) -> list[str]:
    """The lines that import names from other places."""
    by_place: dict[str, list[str]] = {}
    for alias in leaving:
        local = f" as {alias.asname.name.value}" if alias.asname and isinstance(alias.asname.name, cst.Name) else ""
        by_place.setdefault(stands[alias].row.place or "", []).append(f"{dotted(alias.name)}{local}")
    return [f"from {module.at(place)} import {', '.join(names)}" for place, names in by_place.items()]


def _common(use: ModuleUse, wanted: str, meant: Callable[[Dotted], Module | None]) -> tuple[Dotted, Module] | None:
    """The longest part of a path that leads to ``wanted`` as well, and the module that it is."""
    node: cst.BaseExpression = use.path
    while isinstance(node, (cst.Name, cst.Attribute)):
        module = meant(node)
        if module is not None and f"{wanted}.".startswith(f"{module}."):
            return node, module
        if isinstance(node, cst.Name):
            return None
        node = node.value
    return None


def _without_place(rows: Iterable[Row]) -> Plan | None:
    """Why nothing can be done about a name that is in no module; None where all are in some."""
    row = next((row for row in rows if row.place is None), None)
    if row is None:
        return None
    return Plan(withheld=f"`{row.name}` has no successor: {row.instead}") if row.name else Plan(withheld=NO_SUCCESSOR)


def _handed(module: Module) -> Plan:
    return Plan(withheld=f"`{module}` is used other than for its names")
