"""Calls that pass arguments by position as Keras 1 took them, and what gives them their meaning back today."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import libcst as cst

from reglint.findings import Edit
from reglint.names.reach import Reach
from reglint.names.scopes import Place
from reglint.names.values import ParameterValue, PartialValue, Symbol
from reglint.rewriting.converted_values import told, value_edits
from reglint.rewriting.joined_arguments import COMMENT, join
from reglint.rewriting.old_evidence import LIKELY, SURE, differing, evidence, fits_keras1
from reglint.rewriting.old_layers import Callee, callees_of, possible_callees_of
from reglint.rewriting.plan import Plan
from reglint.rewriting.written import Written, is_plain, without, written
from reglint.usage.calls import calls_in
from reglint.usage.file import File
from reglint.usage.hazards import named
from reglint.usage.standing import standing

_LIMITED = {"keras": ">=2.0.0,<2.4.0"}
"""The Keras 2 whose layers refuse all but the first positional arguments."""

_UNLIMITED = {"keras": ">=2.4.0", "tensorflow": ">=1.4", "tf-keras": ">=2", "keras-core": ">=0.1"}


class Moved(NamedTuple):
    """A positional argument whose place means something else today, or is refused.

    ``limited`` tells that only Keras 2 before 2.4 minds: elsewhere the place means what it did.
    """

    argument: Written
    old: str
    limited: bool


# --------------------------------------------------------------------------------------------------- what others ask


def positional_plan(file: File, call: cst.Call, place: Place) -> Plan | None:
    """What gives the positional arguments of a call the meaning that they had in Keras 1.

    None where none of them means anything else today, where the callee is no layer, and where nothing tells a Keras 1
    call from one that is right today. ``Plan.doubt`` says what a fix that is not surely right may get wrong.
    """
    handed = _handed(file, [(call, place)]) if _star(call) is not None else None
    return _plan(file, call, place, known=False, handed=handed)


def positional_plan_along(file: File, reach: Reach) -> Plan | None:
    """The same for all calls that hand a keyword on, of which it is known that only Keras 1 has it."""
    edits: dict[Edit, None] = {}
    handed = _handed(file, reach.calls)
    for call, place in _calls_along(file, reach):
        plan = _plan(file, call, place, known=True, handed=handed)
        if plan is None:
            continue
        if place.scope.names is not file.names:
            return Plan(withheld="it goes to a call in another file whose positional arguments change their meaning")
        if plan.withheld is not None:
            return plan
        edits.update(dict.fromkeys(plan.edits))
    return Plan(tuple(sorted(edits))) if edits else None


def _calls_along(file: File, reach: Reach) -> Iterator[tuple[cst.Call, Place]]:
    """The calls through which a keyword goes, with those of the partials that hold it."""
    yield from reach.calls
    partials = [c for c, at in reach.calls if Symbol("functools.partial") in file.resolver.values(c.func, at)]
    for site in calls_in(file).sites(file.names) if partials else ():
        callees = calls_in(file).callees(site)
        if any(isinstance(callee, PartialValue) and callee.call in partials for callee in callees):
            yield site.call, site.place


def _handed(file: File, along: Iterable[tuple[cst.Call, Place]]) -> int | None:
    """How many positional arguments the calls along the way hand on by ``*args`` at most; None where nobody knows."""
    calls = list(along)
    starred = [(call, place) for call, place in calls if _star(call) is not None]
    outer = [call for call, _ in calls if _star(call) is None]
    for call, place in starred:
        callers = _callers_handing(file, call, place)
        if callers is None:
            return None
        outer.extend(caller for caller in callers if not any(caller is known for known, _ in starred))
    if not outer or any(_star(call) is not None for call in outer):
        return None
    return max(map(_count, outer)) + sum(_count(call) for call, _ in starred)


def _star(call: cst.Call) -> cst.Arg | None:
    return next((arg for arg in call.args if arg.star == "*"), None)


def _count(call: cst.Call) -> int:
    return sum(arg.keyword is None and not arg.star for arg in call.args)


def _callers_handing(file: File, call: cst.Call, place: Place) -> list[cst.Call] | None:
    """The calls whose positional arguments a call passes by ``*``; None where it passes anything else."""
    values = [v for arg in call.args if arg.star == "*" for v in file.resolver.values(arg.value, place)]
    found: list[cst.Call] = []
    for value in values:
        if not isinstance(value, ParameterValue) or value.binding.star != "*":
            return None
        function = value.binding.scope or value.binding.place.scope
        found.extend(site.call for site in calls_in(file).callers(function))
    return found


# -------------------------------------------------------------------------------------------------------------- plans


def moved_arguments(file: File, callee: Callee, every: Sequence[Written]) -> list[Moved]:
    """The positional arguments of a call that need a name, the first of them decides from where on."""
    order, today = callee.row["order"], callee.today["order"]
    limit = callee.today.get("positional", len(order))
    found: list[Moved] = []
    for place, argument in enumerate(every, callee.given):
        if argument.arg.keyword is not None or argument.arg.star or place >= len(order):
            break
        if place < 0:
            continue
        old = order[place]
        entry = callee.successor(old)
        plain = "to" in entry and "values" not in entry
        same = plain and today[place : place + 1] == [entry["to"]]
        if found or not same or (place >= limit and _minds_limit(file, callee)):
            limited = same and all(other.limited for other in found)
            found.append(Moved(argument, old, limited))
    return found


def _moves_within(file: File, callee: Callee, count: int) -> bool:
    """Does one of the first ``count`` positional arguments need a name?"""
    order, today = callee.row["order"], callee.today["order"]
    limit = callee.today.get("positional", len(order))
    for place in range(max(callee.given, 0), min(count + callee.given, len(order))):
        entry = callee.successor(order[place])
        if "values" in entry or today[place : place + 1] != [entry.get("to")]:
            return True
        if place >= limit and _minds_limit(file, callee):
            return True
    return False


def refusing(file: File, callee: Callee) -> str:
    """The allowed releases that refuse positional arguments which mean what they did, as a message names them."""
    return named(standing(file, callee.layer.package, _LIMITED, _UNLIMITED).failing)


def _minds_limit(file: File, callee: Callee) -> bool:
    """May the call have to run on a Keras 2 that refuses positional arguments?"""
    state = standing(file, callee.layer.package, _LIMITED, _UNLIMITED)
    return bool(state.failing or state.lacking)


def _plan(file: File, call: cst.Call, place: Place, known: bool, handed: int | None = None) -> Plan | None:
    callees = callees_of(file, call, place)
    possible = possible_callees_of(file, call, place) if known else callees
    plans = [_plan_for(file, call, place, callee, known, handed) for callee in possible]
    if all(plan is None for plan in plans):
        return None
    if not callees:
        return Plan(withheld="what is called may be no layer, and its positional arguments change their meaning")
    if any(plan != plans[0] for plan in plans):
        return Plan(withheld="the layers that are called take their positional arguments differently")
    return plans[0]


def _plan_for(file: File, call: cst.Call, place: Place, callee: Callee, known: bool, handed: int | None) -> Plan | None:
    if not any(arg.keyword is None for arg in call.args):
        return None
    sure = SURE if known else evidence(file, call, place, callee)
    if any(arg.star == "*" for arg in call.args):
        moves = handed is None or _moves_within(file, callee, handed)
        return Plan(withheld="positional arguments are passed by `*`") if sure == SURE and moves else None
    every = written(file, call) if place.scope.names is file.names else None
    if fits_keras1(file, call, place, callee) is False:
        return None
    if every is None:
        moves = any(True for _ in differing(callee, call)) and sure is not None
        return Plan(withheld="the call is written in a way that can't be edited") if moves else None
    moved = moved_arguments(file, callee, every)
    if not moved or (sure is None and not all(one.limited for one in moved)):
        return None
    plan = _mended(file, callee, place, every, moved)
    doubt = _doubt(file, callee, moved) if sure == LIKELY else ""
    return plan._replace(doubt=doubt)


def _doubt(file: File, callee: Callee, moved: Sequence[Moved]) -> str:
    """What the call may mean if it is not one of Keras 1."""
    today = callee.today["order"]
    differing = [one for one in moved if callee.row["order"].index(one.old) < len(today)]
    last = next((one for one in differing if today[callee.row["order"].index(one.old)] == "strides"), moved[0])
    new = today[callee.row["order"].index(last.old)]
    return f"`{last.argument.text(file)}` may be meant as `{new}`, as today's Keras takes it"


def _mended(file: File, callee: Callee, place: Place, every: Sequence[Written], moved: Sequence[Moved]) -> Plan:
    """The edits that name the moved arguments and put those together that are one today."""
    held = {argument.arg.keyword.value for argument in every if argument.arg.keyword is not None}
    edits: dict[Edit, None] = {}
    gone: list[Written] = []
    for one in moved:
        entry = callee.successor(one.old)
        names = [entry["to"]] if "to" in entry else entry.get("both", [])
        double = next((name for name in [one.old, *names] if name in held), None)
        if double is not None:
            return Plan(withheld=f"`{double}` is passed already")
        if "drop" in entry and one.argument.literal() in entry["drop"]:
            gone.append(one.argument)
            continue
        plan = _named(file, callee, place, every, one)
        if plan.withheld is not None:
            return plan
        edits.update(dict.fromkeys(plan.edits))
    taken = without(file, every, gone) if gone else ()
    if taken is None:
        return Plan(withheld=COMMENT)
    return Plan(tuple(sorted([*edits, *taken])))


def _named(file: File, callee: Callee, place: Place, every: Sequence[Written], one: Moved) -> Plan:
    """The edits for one moved argument."""
    start, end, text = one.argument.start, one.argument.end, one.argument.text(file)
    entry = callee.successor(one.old)
    if "values" in entry:
        edits = value_edits(file, one.argument.arg.value, place, entry["values"])
        if edits is None:
            return Plan(withheld=f"nothing tells what the value is today: {told(entry['values'])}")
        return Plan((file.replace(start, start, f"{entry['to']}="), *edits))
    if "to" in entry:
        return Plan((file.replace(start, start, f"{entry['to']}="),))
    if "both" in entry and is_plain(one.argument.arg.value) and "#" not in text:
        first, second = entry["both"]
        return Plan((file.replace(start, start, f"{first}="), file.replace(end, end, f", {second}={text}")))
    if "joins" in entry:
        named = not callee.is_size(one.old)
        joined = join(file, callee.row, entry["joins"], every, callee.given, named=named)
        return joined if joined is not None else Plan()
    return Plan(withheld=str(entry.get("instead", f"`{one.old}` has no single successor")))
