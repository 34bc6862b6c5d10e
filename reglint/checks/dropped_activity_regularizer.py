"""Activity regularizers that a layer accepts and then adds nothing for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import libcst as cst

from reglint.findings import Applicability, Edit, Finding, Fix, Severity
from reglint.keras_api import Layer
from reglint.names.values import MadeValue
from reglint.rulebook import Card, facts
from reglint.usage.arguments import Argument, arguments, layers_of
from reglint.usage.calls import CallSite, calls_in
from reglint.usage.compatibility import Guards
from reglint.usage.file import CallText, File
from reglint.usage.hazards import allowed_by, named, version_data
from reglint.usage.holders import is_guarded, is_penalty
from reglint.usage.penalties import penalties_in
from reglint.usage.tensors import run_together
from reglint.usage.wrapping import is_used_otherwise, wrappings
from reglint.versions import Release

_KEYWORD = "activity_regularizer"
_TIME_DISTRIBUTED = "TimeDistributed"


class Drop(NamedTuple):
    """A reason for which the argument has no effect in ``releases`` of ``package``.

    ``holder`` is the class that drops it, ``wrapper`` the call that is given the layer, if that is what drops it.
    """

    holder: str
    package: str
    known: Mapping[str, Any]
    releases: tuple[Release, ...]
    wrapper: cst.Call | None = None


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each activity regularizer that adds nothing to the loss in an allowed release."""
    guards = Guards(file, [_KEYWORD], [])
    for argument in arguments(file, _KEYWORD):
        if not argument.sure or _is_of_subclass(argument) or is_guarded(guards, argument):
            continue
        drops = list(_drops(file, card, argument))
        if drops and is_penalty(file, argument.value, argument.place):
            yield _finding(file, card, argument, drops)
    yield from _of_inner_layers(file, card)


def _is_of_subclass(argument: Argument) -> bool:
    """``super().__init__(activity_regularizer=…)``: the class may well add the penalty itself."""
    func = argument.call.func if argument.call is not None else None
    return isinstance(func, cst.Attribute) and func.attr.value == "__init__"


def _drops(file: File, card: Card, argument: Argument) -> Iterator[Drop]:
    tables = _tables(card)
    if not _is_assigned_later(file, argument):
        for layer in _reached(file, argument):
            yield from _by(file, layer, layer, "layers", tables, None)
    if argument.call is None or argument.above is None:
        return
    if not is_used_otherwise(file, argument.call, argument.above, argument.place):
        for wrapping in wrappings(file, argument.call):
            yield from _by(file, wrapping.wrapper, argument.layers[0], "wrappers", tables, wrapping.call)


def _tables(card: Card) -> list[Mapping[str, Any]]:
    return [table for table in facts(card.facts or "dropped_loss").values() if isinstance(table, Mapping)]


def _is_assigned_later(file: File, argument: Argument) -> bool:
    """Is the attribute of the layer assigned as well? That is what makes it count in Keras 3."""
    for assigned in file.names.attributes.get(_KEYWORD, ()):
        values = file.resolver.values(assigned.target.value, assigned.place)
        if any(isinstance(value, MadeValue) and value.call is argument.call for value in values):
            return True
    return False


def _reached(file: File, argument: Argument) -> Iterator[Layer]:
    """The layers that the keyword reaches, without those behind the end of the arm in which a dict is given it."""
    for layer in argument.layers:
        direct = argument.call is not None and layers_of(file, argument.call.func, argument.place)
        places = [] if direct else [site.place for site in _calls_of(file, layer)]
        here = [place for place in places if place.scope is argument.place.scope]
        if len(here) < len(places) or not here or any(run_together(argument.place, place) for place in here):
            yield layer


def _calls_of(file: File, layer: Layer) -> Iterator[CallSite]:
    for site in calls_in(file).sites(file.names):
        if any(found[:2] == layer[:2] for found in layers_of(file, site.call.func, site.place)):
            yield site


def _of_inner_layers(file: File, card: Card) -> Iterator[Finding]:
    """Findings on layers that are nothing but an activity regularizer, in a wrapper that adds nothing for them."""
    every = [(table, name) for table in _tables(card) for name in table.get("inner", ())]
    for known, name in every if _TIME_DISTRIBUTED in file.source.text else ():
        for site in calls_in(file).named(file.names, name) if name in file.source.text else ():
            layers = [layer for layer in layers_of(file, site.call.func, site.place) if layer.name == name]
            found = [w for w in wrappings(file, site.call) if w.wrapper.name == _TIME_DISTRIBUTED]
            penalties = penalties_in(file).of_layer(layers[0], [(site.call, site.place)], frozen=True) if layers else ()
            if not found or not any(p.sure for p in penalties):
                continue
            package = found[0].wrapper.package or layers[0].package
            releases = file.engines(package, known["releases"])
            if not releases or is_used_otherwise(file, site.call, site.above, site.place):
                continue
            message = (
                f"`{_TIME_DISTRIBUTED}` drops the penalty of the `{name}` inside in {named(releases)}"
                f"{allowed_by(file, releases)}: it adds 0.0 to the loss; {known['instead']}"
            )
            severity = Severity.ERROR if set(_every(file, package)) <= set(releases) else Severity.WARNING
            start, end = file.span(site.mention.node)
            data = version_data(file, package, releases)
            yield Finding(card.code, card.name, severity, message, start, end, data=data)


def _by(
    file: File, holder: Layer, inner: Layer, key: str, tables: Sequence[Mapping[str, Any]], call: cst.Call | None
) -> Iterator[Drop]:
    """What ``holder`` drops, by the tables that name it under ``key``."""
    for known in tables:
        if holder.name in known.get(key, ()):
            package = holder.package or inner.package
            releases = file.engines(package, known["releases"])
            if releases:
                yield Drop(holder.name, package, known, releases, call)


def _finding(file: File, card: Card, argument: Argument, drops: Sequence[Drop]) -> Finding:
    first = drops[0]
    releases = tuple(dict.fromkeys(release for drop in drops for release in drop.releases))
    where = " and ".join(dict.fromkeys(named(drop.releases) for drop in drops))
    holders = " and ".join(dict.fromkeys(f"`{drop.holder}`" for drop in drops))
    verb = "drop" if len({drop.holder for drop in drops}) > 1 else "drops"
    owner = " of the layer inside" if first.wrapper is not None else ""
    message = (
        f"{holders} {verb} the `{_KEYWORD}`{owner} in {where}{allowed_by(file, releases)}: it adds 0.0 to the loss; "
        f"{_advice(file, card, argument, drops)}"
    )
    fix, withheld = _fix(file, card, argument, drops)
    start, end = file.span(argument.mention.node)
    severity = Severity.ERROR if _is_always_dropped(file, argument, first.package, releases) else Severity.WARNING
    data = version_data(file, first.package, releases)
    return Finding(card.code, card.name, severity, message, start, end, fix=fix, fix_withheld=withheld, data=data)


def _advice(file: File, card: Card, argument: Argument, drops: Sequence[Drop]) -> str:
    """What to do instead, and which allowed releases refuse it; a SimpleRNN is best helped on a Bidirectional."""
    tables = facts(card.facts or "dropped_loss")
    known = drops[0].known
    if drops[0].holder == "SimpleRNN" and argument.call is not None:
        if any(wrapping.wrapper.name == "Bidirectional" for wrapping in wrappings(file, argument.call)):
            known = tables["works_on_bidirectional"]
    works = known if "works" not in known else tables[known["works"]]
    refusing = [release for release in _every(file, drops[0].package) if release not in _in(file, drops[0], works)]
    exception = f" except in {named(refusing)}" if refusing and works is not drops[0].known else ""
    return f"{known['instead']}{exception}"


def _in(file: File, drop: Drop, known: Mapping[str, Any]) -> tuple[Release, ...]:
    """The allowed releases for which a table holds."""
    return file.engines(drop.package, known["releases"])


def _is_always_dropped(file: File, argument: Argument, package: str, releases: Sequence[Release]) -> bool:
    """Is there no allowed release, and no layer that the keyword may reach, in which it counts?"""
    return len(argument.layers) == 1 and set(_every(file, package)) <= set(releases)


def _every(file: File, package: str) -> tuple[Release, ...]:
    """Every release that is allowed now or at the target."""
    ahead = file.target.engines(package or "keras") if file.target is not None else ()
    return file.current.engines(package or "keras") + ahead


# ---------------------------------------------------------------------------------------------------------------- fix


def _fix(file: File, card: Card, argument: Argument, drops: Sequence[Drop]) -> tuple[Fix | None, str | None]:
    """The fix that moves the argument to TimeDistributed, or why there is none; neither for other layers."""
    wrapped = [drop for drop in drops if drop.holder == _TIME_DISTRIBUTED and drop.wrapper is not None]
    if not wrapped:
        return None, None
    drop = wrapped[0]
    assert drop.wrapper is not None and argument.call is not None and argument.above is not None
    works = facts(card.facts or "dropped_loss")["works_on_time_distributed"]
    if not set(_every(file, drop.package)) <= set(_in(file, drop, works)):
        return None, f"an allowed release refuses `{_KEYWORD}` on `{_TIME_DISTRIBUTED}`"
    if argument.above.up is None or argument.above.up.node is not drop.wrapper:
        return None, f"the layer does not stand in the call of `{_TIME_DISTRIBUTED}`"
    if len(drops) > len(wrapped):
        return None, "the layer itself drops it too"
    if any(arg.star or (arg.keyword is not None and arg.keyword.value == _KEYWORD) for arg in drop.wrapper.args):
        return None, f"`{_TIME_DISTRIBUTED}` may be given `{_KEYWORD}` already"
    edits = _move(file, argument, drop.wrapper)
    if edits is None:
        return None, "a comment or line break stands in the way"
    applicability = card.applicability or Applicability.UNSAFE
    return Fix(applicability, f"Move the argument to `{_TIME_DISTRIBUTED}`", edits), None


def _move(file: File, argument: Argument, wrapper: cst.Call) -> tuple[Edit, Edit] | None:
    """Edits that take the argument out of the inner call and append it to the outer one."""
    assert argument.call is not None
    inner, outer = _call_text(file, argument.call), _call_text(file, wrapper)
    start = file.span(argument.mention.node)[0]
    if inner is None or outer is None:
        return None
    rank = next((rank for rank, part in enumerate(inner.arguments) if part[0] == start), None)
    if rank is None:
        return None
    text = file.source.text
    moved = text[slice(*inner.arguments[rank])]
    taken = _taken_out(file, inner, rank)
    if taken is None or "#" in moved or "#" in text[outer.last : outer.closed]:
        return None
    return taken, _appended(file, outer, moved)


def _taken_out(file: File, call: CallText, rank: int) -> Edit | None:
    """An edit that removes an argument with its comma; None where a comment is beside it."""
    text = file.source.text
    start, end = call.arguments[rank]
    before = call.arguments[rank - 1][1] if rank else call.opened
    after = call.arguments[rank + 1][0] if rank + 1 < len(call.arguments) else call.closed
    if "#" in text[before:start] or "#" in text[end:after]:
        return None
    if rank + 1 < len(call.arguments):
        return file.replace(start, after, "")
    return file.replace(before, end, "") if rank else file.replace(call.opened, call.closed, "")


def _appended(file: File, call: CallText, argument: str) -> Edit:
    """An edit that adds an argument at the end, on a line of its own where the last one has one."""
    text = file.source.text
    first = call.arguments[-1][0]
    line = max(text.rfind("\n", 0, first), text.rfind("\r", 0, first)) + 1
    indent = text[line:first]
    if indent.strip() or line <= call.opened:
        return call.append(file, argument)
    newline = "\r\n" if text[line - 2 : line] == "\r\n" else text[line - 1]
    content = f"{newline}{indent}{argument}"
    return file.replace(call.last, call.last, f"{content}," if call.trailing_comma else f",{content}")


def _call_text(file: File, call: cst.Call) -> CallText | None:
    name = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    return file.call_text(name) if isinstance(name, cst.Name) else None
