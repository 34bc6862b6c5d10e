"""Values that are written in another way today: ``'th'`` is ``'channels_first'``."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from reglint.findings import Edit
from reglint.names.scopes import Place, string_value
from reglint.names.values import Symbol
from reglint.rulebook import facts
from reglint.usage.file import File


def value_edits(file: File, node: cst.BaseExpression, place: Place, table: str) -> tuple[Edit, ...] | None:
    """What makes an old value today's, by a table ``values`` of ``calls.toml``; None where it is not in the table."""
    known: Mapping[str, str] = facts("calls")["values"][table]
    if isinstance(node, cst.IfExp):
        arms = [value_edits(file, arm, place, table) for arm in (node.body, node.orelse)]
        return None if None in arms else tuple(edit for arm in arms for edit in arm or ())
    if isinstance(node, cst.Call):
        return _call_edits(file, node, place, table)
    if isinstance(node, cst.SimpleString):
        return _string_edits(file, node, known)
    same = isinstance(node, (cst.Name, cst.Integer)) and node.value in known.values()
    return () if same else None


def _string_edits(file: File, node: cst.SimpleString, known: Mapping[str, str]) -> tuple[Edit, ...] | None:
    text = f"'{string_value(node)}'"
    if text in known.values():
        return ()
    new = known.get(text)
    if new is None:
        return None
    if new[:1] == "'":
        return (file.replace(*file.span(node), new[1:-1]),)
    return (file.replace(*file.parsed.span(node), new),)


def _call_edits(file: File, node: cst.Call, place: Place, table: str) -> tuple[Edit, ...] | None:
    """``K.image_dim_ordering()``: there is a function for today's values."""
    functions: Mapping[str, str] = facts("positions")["functions"].get(table, {})
    if node.args or not isinstance(node.func, cst.Attribute):
        return None
    name = node.func.attr
    known = [
        file.api.keras_name(value.qualname) if isinstance(value, Symbol) else None
        for value in file.resolver.values(node.func, place)
    ]
    paths = {".".join(found.path) if found is not None else None for found in known}
    new = functions.get(next(iter(paths)) or "") if len(paths) == 1 else None
    if new is None:
        return () if paths <= set(functions.values()) and paths else None
    return (file.replace(*file.span(name), new.rpartition(".")[2]),)


def told(table: str) -> str:
    """The table as a clause of a message."""
    known: Mapping[str, str] = facts("calls")["values"][table]
    return ", ".join(f"`{old}` is `{new}` today" for old, new in known.items())
