"""Arguments of Keras 1 that are the elements of one argument today: ``nb_row``, ``nb_col`` of ``kernel_size``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reglint.findings import Edit
from reglint.rewriting.plan import Plan
from reglint.rewriting.written import Written, is_plain, without
from reglint.usage.file import File

COMMENT = "a comment would be lost"


def parts_of(row: Mapping[str, Any], target: str) -> dict[str, Mapping[str, Any]]:
    """The arguments that are elements of ``target`` today, in their order, by a row of ``calls.toml``."""
    return {old: entry for old, entry in row.get("arguments", {}).items() if entry.get("joins") == target}


def join(
    file: File, row: Mapping[str, Any], target: str, every: Sequence[Written], first: int = 0, *, named: bool = False
) -> Plan | None:
    """The edits that put the elements of ``target`` together; None where the call passes none of them.

    ``every`` are the arguments of the call, ``first`` is the place that the first of them has in Keras 1's order.
    ``named`` passes by name what was passed by position.
    """
    parts = parts_of(row, target)
    passed = {old: list(_passed(row, every, old, first)) for old in parts}
    double = next((old for old, arguments in passed.items() if len(arguments) > 1), None)
    if double is not None:
        return Plan(withheld=f"`{double}` is passed twice")
    found = {old: next(iter(arguments), None) for old, arguments in passed.items()}
    given = {old: argument for old, argument in found.items() if argument is not None}
    if not given:
        return None
    if any(argument.arg.keyword is not None and argument.arg.keyword.value == target for argument in every):
        return Plan(withheld=f"`{target}` is passed already")
    lost = [old for old in parts if old not in given and "absent" not in parts[old]]
    if lost:
        return Plan(withheld=f"`{', '.join(lost)}` is not passed beside `{', '.join(given)}`")
    fill = {old: entry["absent"] for old, entry in parts.items() if old not in given}
    name = f"{target}=" if named or all(one.arg.keyword is not None for one in given.values()) else ""
    return _plan(file, name, every, list(given.values()), [found[old] or fill[old] for old in parts])


def _passed(row: Mapping[str, Any], every: Sequence[Written], old: str, first: int) -> Iterator[Written]:
    """The argument that passes ``old``, by its name or its place; in a call that fails there may be two."""
    order = row["order"]
    for place, argument in enumerate(every, first):
        keyword = argument.arg.keyword
        by_place = not argument.arg.star and order[place : place + 1] == [old]
        if keyword.value == old if keyword is not None else by_place:
            yield argument


def _plan(file: File, name: str, every: Sequence[Written], given: list[Written], elements: list[Written | str]) -> Plan:
    if any(argument.is_apart(file) for argument in given):
        return Plan(withheld=COMMENT)
    placed = sorted(given, key=lambda argument: argument.start)
    adjacent = [
        every.index(argument) - every.index(placed[0]) for argument in elements if isinstance(argument, Written)
    ]
    if len(given) == len(elements) and adjacent == list(range(len(elements))):
        return Plan(tuple(_in_place(file, name, given)))
    return _moved(file, name, every, placed, elements)


def _in_place(file: File, name: str, given: list[Written]) -> list[Edit]:
    """Edits for elements that stand side by side in their order: only their names go."""
    head, tail = given[0], given[-1]
    edits = [file.replace(head.start, head.value, f"{name}(")]
    edits.extend(file.replace(other.start, other.value, "") for other in given[1:] if other.value > other.start)
    return [*edits, file.replace(tail.end, tail.end, ")")]


def _moved(
    file: File, name: str, every: Sequence[Written], placed: list[Written], elements: list[Written | str]
) -> Plan:
    """All elements, where the first of them stands."""
    moved = placed[1:]
    if moved and not all(is_plain(argument.arg.value) for argument in placed):
        return Plan(withheld="the values would be computed in another order")
    texts = [element if isinstance(element, str) else element.text(file) for element in elements]
    gone = without(file, every, moved) if moved else ()
    if gone is None or any("#" in text for text in texts):
        return Plan(withheld=COMMENT)
    head = placed[0]
    whole = file.replace(head.start, head.end, f"{name}({', '.join(texts)})")
    return Plan((whole, *gone))
