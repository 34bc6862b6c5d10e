"""Reports on their way from one process to another: strict JSON, in which every float survives."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from reglint.probe.values import ProbeReport

_TAG = "$float"
"""JSON has no NaN and no infinity; they travel as ``{"$float": "nan"}``, which no text of a report can be taken for."""


def dumps(value: Any) -> str:
    """Return plain values, such as those of ``ProbeReport.as_json()``, as one line of strict JSON."""
    return json.dumps(_tagged(value), allow_nan=False)


def loads(text: str | bytes) -> Any:
    """Return what ``dumps`` was given; tuples have become lists. Raises ValueError for what is no JSON."""
    return json.loads(text, object_hook=_untagged)


def report_from_json(value: Mapping[str, Any]) -> ProbeReport:
    """Return the report that ``as_json`` took apart; raise TypeError or KeyError for anything else."""
    built: ProbeReport = _built(ProbeReport, value)
    return built


def strict(value: Any) -> Any:
    """Return plain values for reports that others read: ``"NaN"`` and ``"Infinity"`` are read by most of them."""
    return _mapped(value, lambda number: {math.inf: "Infinity", -math.inf: "-Infinity"}.get(number, "NaN"))


def _tagged(value: Any) -> Any:
    return _mapped(value, lambda number: {_TAG: repr(number)})


def _mapped(value: Any, rewritten: Any) -> Any:
    """Return plain values in which each float that JSON does not know is ``rewritten``."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):  # numpy's float64 is one, and repr() tells them apart
        return float(value) if math.isfinite(value) else rewritten(float(value))
    if isinstance(value, Mapping):
        return {str(key): _mapped(each, rewritten) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mapped(each, rewritten) for each in value]
    if hasattr(value, "tolist"):  # an array, or a number of numpy's that is no float
        return _mapped(value.tolist(), rewritten)
    return value


def _untagged(value: dict[str, Any]) -> Any:
    return float(value[_TAG]) if set(value) == {_TAG} else value


def _built(kind: Any, value: Any) -> Any:
    """Return JSON's ``value`` as what the annotation ``kind`` of a field says."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (only,) = (each for each in inner if each is not NoneType)
        return None if value is None else _built(only, value)
    if origin is tuple:
        return tuple(_built(inner[0], each) for each in value)
    if origin is Mapping:
        return {key: _built(inner[1], each) for key, each in value.items()}
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{each.name: _built(hints[each.name], value[each.name]) for each in fields(kind)})  # type: ignore[operator]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    return value
