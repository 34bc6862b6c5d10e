"""Methods of a model that are called by another name today, with the arguments that go by keyword there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import libcst as cst

from reglint.findings import Edit
from reglint.rewriting.batches import batch_size, divided, doubts_on
from reglint.rewriting.plan import Plan
from reglint.rewriting.written import Written, written
from reglint.usage.calls import CallSite
from reglint.usage.file import File
from reglint.usage.methods import callables, method_flows

_STEPS = 1
"""The place of the argument that counted samples in Keras 1."""

_SAMPLES = "in Keras 1 its second argument counted samples"
_ORDER = "its arguments stand in another order today"


def data_of(call: cst.Call, method: str, name: str) -> cst.BaseExpression | None:
    """What a call of a method passes as ``name``, by keyword or by position; None where that can't be seen."""
    known = callables()[method]
    today = known.get("today") or callables()[known["also"]]["today"]
    positions = today["positions"] if "today" in known else today["positions"][:1]
    names = (name, today["renames"].get(name))
    for rank, arg in enumerate(call.args):
        if arg.star:
            return None
        passed = arg.keyword.value if arg.keyword is not None else None
        if passed in names if passed is not None else positions[rank : rank + 1] == [name]:
            return arg.value
    return None


def renamed_method(file: File, site: CallSite, known: Mapping[str, Any]) -> Plan:
    """What makes a call of a method one of its successor (``known`` is its row of the table)."""
    today, name = known["today"], site.mention.node
    assert isinstance(name, cst.Name)
    rename = file.replace(*file.span(name), today["to"])
    if "positions" not in today:
        return Plan((rename,))
    plan = named_arguments(file, site, known)
    every = written(file, site.call)
    if plan.withheld is not None or every is None:
        return plan
    edits = [rename, *plan.edits]
    by_name = _by_name(every)
    for old, new in today["renames"].items():
        keyword = by_name[old].arg.keyword if old in by_name else None
        if keyword is not None:
            edits.append(file.replace(*file.span(keyword), new))
    unpacked = any(one.arg.star == "**" for one in every)
    passed = _positional(every)
    edits.extend(() if unpacked else _added(file, name, known, by_name, len(passed)))
    doubts = [plan.doubt, "what `**` holds can't be seen" if unpacked else ""]
    if len(passed) > _STEPS and not is_old_call(site.call, known) and not _is_new(known, by_name):
        doubts.append(_SAMPLES)
    return Plan(tuple(edits), doubt="; ".join(filter(None, doubts)))


def named_arguments(file: File, site: CallSite, known: Mapping[str, Any]) -> Plan:
    """Edits that give every positional argument but the data its name, and make batches of what counted samples."""
    every, positions = written(file, site.call), known["today"]["positions"]
    if every is None:
        return Plan(withheld="the call is written in a way that can't be edited")
    passed = _positional(every)
    if any(one.arg.star == "*" for one in every) or len(passed) > len(positions):
        return Plan(withheld=_ORDER)
    edits: list[Edit] = []
    doubts: list[str] = []
    for rank, one in enumerate(passed[1:], 1):
        keyword = f"{positions[rank]}="
        if rank != _STEPS or not is_old_call(site.call, known):
            edits.append(file.replace(one.start, one.start, keyword))
            continue
        # the other arguments tell that Keras 1 was meant, where it was the number of samples
        flows = method_flows(file)
        size = batch_size(file, flows, passed[0].arg.value, site.place)
        if size is None:
            return Plan(withheld="its second argument counts samples: pass the number of batches")
        edits.extend(divided(file, one, size, keyword))
        doubts.extend(doubts_on(size, one.arg.value))
    return Plan(tuple(edits), doubt="; ".join(doubts))


def is_old_call(call: cst.Call, known: Mapping[str, Any]) -> bool:
    """Does a keyword tell that the call was written for Keras 1?"""
    return any(arg.keyword is not None and arg.keyword.value in known["arguments"] for arg in call.args)


def counts_samples(call: cst.Call, known: Mapping[str, Any]) -> bool:
    """Is a call of Keras 1 given the number of samples by position?"""
    passed = [arg for arg in call.args if arg.keyword is None]
    return "positions" in known.get("today", ()) and len(passed) > _STEPS and is_old_call(call, known)


def _is_new(known: Mapping[str, Any], by_name: Mapping[str, object]) -> bool:
    """Does a keyword tell that the call was written for Keras 2?"""
    return any(row["to"] in by_name for row in known["arguments"].values())


def _positional(every: Sequence[Written]) -> list[Written]:
    return [one for one in every if one.arg.keyword is None and not one.arg.star]


def _by_name(every: Sequence[Written]) -> dict[str, Written]:
    return {one.arg.keyword.value: one for one in every if one.arg.keyword is not None}


def _added(
    file: File, name: cst.Name, known: Mapping[str, Any], by_name: Mapping[str, object], count: int
) -> list[Edit]:
    """Edits that pass what had another default."""
    text = file.call_text(name)
    positions = known["today"]["positions"][:count]
    missing = [
        f"{keyword}={value}"
        for keyword, value in known["today"].get("adds", {}).items()
        if keyword not in by_name and keyword not in positions
    ]
    return [text.append(file, ", ".join(missing))] if missing and text is not None else []
