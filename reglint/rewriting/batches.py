"""From samples to batches: the batch size of a generator, and what an argument that counted samples is today."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from reglint.findings import Edit
from reglint.names.flows import Flows
from reglint.names.scopes import Place
from reglint.names.values import Symbol
from reglint.rewriting.written import Written
from reglint.usage.file import File

_FLOWS = ("flow", "flow_from_directory", "flow_from_dataframe")
_SIZE = "batch_size"
_REST = "Keras 1 drew one batch more where the batch size does not divide the samples"
_ATOMS = (cst.Name, cst.Integer, cst.Attribute, cst.Call, cst.Subscript)


class BatchSize(NamedTuple):
    """The batch size of a generator as it can be written where that is used; ``sure`` where Keras makes the batches."""

    node: cst.BaseExpression
    text: str
    sure: bool


def batch_size(file: File, flows: Flows, generator: cst.BaseExpression, place: Place) -> BatchSize | None:
    """The ``batch_size=`` with which the generator was made in the same scope; None where it isn't a name or number."""
    call, at = _made(file, generator, place)
    if call is None or at.scope is not place.scope:
        return None
    size = next((arg.value for arg in call.args if arg.keyword is not None and arg.keyword.value == _SIZE), None)
    if isinstance(size, cst.Name):
        if file.resolver.bindings(size.value, at) != file.resolver.bindings(size.value, place):
            return None
    elif not isinstance(size, cst.Integer):
        return None
    callees = flows.resolver.values(call.func, at)
    sure = bool(callees) and all(isinstance(value, Symbol) and _is_keras_flow(file, value) for value in callees)
    return BatchSize(size, size.value, sure)


def _made(file: File, node: cst.BaseExpression, place: Place) -> tuple[cst.Call | None, Place]:
    """The one call that made what an expression is, and where it stands."""
    if isinstance(node, cst.Name):
        bindings = file.resolver.bindings(node.value, place)
        if len(bindings) != 1 or bindings[0].kind != "assign" or bindings[0].unpack:
            return None, place
        made, place = bindings[0].node, bindings[0].place
        return (made if isinstance(made, cst.Call) else None), place
    return (node if isinstance(node, cst.Call) else None), place


def _is_keras_flow(file: File, value: Symbol) -> bool:
    owner, _, name = value.qualname.rpartition(".")
    return name in _FLOWS and owner.endswith("()") and file.api.keras_name(owner) is not None


def divided(file: File, value: Written, size: BatchSize, keyword: str = "") -> tuple[Edit, ...]:
    """Edits that divide the value of an argument by the batch size, and pass it under ``keyword``, if one is given."""
    bare = isinstance(value.arg.value, _ATOMS) or bool(value.arg.value.lpar)
    opening = f"{keyword}{'' if bare else '('}"
    opened = (file.replace(value.value, value.value, opening),) if opening else ()
    return *opened, file.replace(value.end, value.end, f"{'' if bare else ')'} // {size.text}")


def doubts_on(size: BatchSize, samples: cst.BaseExpression) -> list[str]:
    """Why the number of samples, divided by the batch size, may not be the number of batches that Keras 1 drew."""
    doubts = [] if size.sure else [f"if every batch holds {size.text} samples"]
    return doubts if _divides(size, samples) else [*doubts, _REST]


def _divides(size: BatchSize, samples: cst.BaseExpression) -> bool:
    """Is it plain to see that the batch size divides the number of samples?"""
    if not isinstance(size.node, cst.Integer) or not isinstance(samples, cst.Integer):
        return False
    return int(size.node.evaluated_value) > 0 and int(samples.evaluated_value) % int(size.node.evaluated_value) == 0
