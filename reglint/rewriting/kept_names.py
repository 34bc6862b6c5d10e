"""Names that today's Keras no longer has and TensorFlow's still offers (``kept`` in ``rules/facts/modules.toml``)."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from reglint.names.scopes import Binding, dotted
from reglint.rewriting.import_edits import added_below, aliases, changed
from reglint.rewriting.module_uses import ModuleUse, first_name, last_name, uses_of
from reglint.rewriting.plan import Plan
from reglint.rulebook import facts
from reglint.usage.file import File
from reglint.usage.moved import Module, row_of, stand


def is_kept(file: File, module: Module, name: str) -> bool:
    """Does a Keras that the file may run on lack the name, and TensorFlow's have it?"""
    row = row_of(module.path, name)
    known = facts("modules")["kept"]
    if (
        row is None
        or row.place is not None
        or module.path not in known["modules"]
        or module.root != known["instead_of"]
    ):
        return False
    return bool(row.facts.get("kept", False)) and bool(stand(file, module.package, row).failing)


def plan_kept_import(file: File, statement: cst.ImportFrom, module: Module) -> Plan:
    """``from keras.preprocessing.text import Tokenizer``: those of its names come from TensorFlow's Keras."""
    leaving = [alias for alias in aliases(statement) if is_kept(file, module, dotted(alias.name) or "")]
    return _from_tensorflow(file, statement, module, leaving)


def plan_kept_use(file: File, use: ModuleUse) -> Plan:
    """``text.Tokenizer``: the module comes from TensorFlow's Keras, if an import of it is all that binds its name."""
    bindings = file.resolver.bindings(use.path.value, use.place) if isinstance(use.path, cst.Name) else []
    statement = bindings[0].statement if len(bindings) == 1 else None
    if not isinstance(statement, cst.ImportFrom) or statement.relative:
        return Plan(withheld="it is not taken through a module that is imported by itself")
    above, _, last = use.module.path.rpartition(".")
    module = use.module.at(above)
    if dotted(statement.module) != str(module) or not last:
        return Plan(withheld="it is not taken through a module that is imported by itself")
    place = bindings[0].place.scope.bindings
    every = [binding for found in place.values() for binding in found if binding.statement is statement]
    leaving = [binding.node for binding in every if _takes_kept(file, binding, module)]
    return _from_tensorflow(file, statement, module, [each for each in leaving if isinstance(each, cst.ImportAlias)])


def _takes_kept(file: File, binding: Binding, module: Module) -> bool:
    """Is a kept name taken through a module that an import binds?"""
    name = dotted(binding.node.name) if isinstance(binding.node, cst.ImportAlias) else None
    uses, _ = uses_of(file, binding, module.below(name or ""))
    return any(is_kept(file, use.module, use.name.value) for use in uses)


def _from_tensorflow(file: File, statement: cst.ImportFrom, module: Module, leaving: Sequence[cst.ImportAlias]) -> Plan:
    known = facts("modules")["kept"]
    doubt = f"it needs {known['needs']}, whichever backend Keras has"
    new = f"{known['root']}.{module.path}"
    assert statement.module is not None
    first = first_name(statement.module)
    start, end = file.span(first)[0], file.span(last_name(statement.module))[1]
    if file.source.text[start:end] != str(module):
        return Plan(withheld="it is written in a way that can't be edited")
    if len(leaving) == len(aliases(statement)):
        return Plan((file.replace(*file.span(first), known["root"]),), doubt=doubt)
    cuts = changed(file, statement, leaving, [])
    names = [_as_written(alias) for alias in leaving]
    below = added_below(file, statement, [f"from {new} import {', '.join(names)}"])
    if not cuts or below is None:
        return Plan(withheld="it is written in a way that can't be edited")
    return Plan((*cuts, below), doubt=doubt)


def _as_written(alias: cst.ImportAlias) -> str:
    local = alias.asname.name if alias.asname is not None else None
    return f"{dotted(alias.name)} as {local.value}" if isinstance(local, cst.Name) else str(dotted(alias.name))
