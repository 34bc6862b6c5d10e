"""An ``Input`` in front of a layer that fixes the shape of the batch: the first layer of a ``Sequential``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import libcst as cst

from reglint.findings import Edit
from reglint.names.scopes import Mention, Place
from reglint.names.values import MadeValue, Symbol, Value
from reglint.rewriting.import_edits import newline
from reglint.rewriting.imports import bring
from reglint.rewriting.plan import Plan
from reglint.rewriting.written import Written, without, written
from reglint.usage.arguments import Argument
from reglint.usage.calls import CallSite, calls_in
from reglint.usage.file import File
from reglint.usage.tensors import run_together

_INPUT = ("layers", "Input")
_SEQUENTIAL = "Sequential"
_ADD = "add"
_SHAPES = ("batch_input_shape", "input_shape", "input_dim")
_KINDS = ("dtype", "input_dtype")
_UNSEEN = "it can't be seen that this is the first layer of a `Sequential`"


class _Spot(NamedTuple):
    """Where an ``Input`` goes: ``text`` with its name and arguments in the place of ``{}``, at ``start``.

    ``text`` is empty where another layer comes before.
    """

    start: int
    text: str


def has_no_effect(file: File, argument: Argument) -> bool:
    """Does a layer get its shape from elsewhere: is it called where it is made, or added behind another one?"""
    around = argument.above.node if argument.above is not None else None
    if isinstance(around, cst.Call) and around.func is argument.call:
        return True
    spot = _spot(file, argument)
    return isinstance(spot, _Spot) and not spot.text


def input_before(file: File, package: str, argument: Argument, moves: Mapping[str, str]) -> Plan:
    """What takes keywords of a layer out of its call and gives them to an ``Input`` in front of it.

    ``moves`` maps each of these keywords to that of ``Input``.
    """
    assert argument.call is not None
    every = written(file, argument.call)
    if every is None:
        return Plan(withheld="the call is written in a way that can't be edited")
    named = {one.arg.keyword.value: one for one in every if one.arg.keyword is not None}
    missing = [keyword for keyword in moves if keyword not in named]
    if missing:
        return Plan(withheld=f"`{'` and `'.join(missing)}` is not written in the call")
    double = [keyword for keyword in _SHAPES if keyword in named and keyword not in moves]
    if double:
        return Plan(withheld=f"`{double[0]}` says something of the shape as well")
    kind = next((keyword for keyword in _KINDS if keyword in named), None)
    if kind is not None:
        return Plan(withheld=f"`{kind}` says of what kind the input is")
    spot = _spot(file, argument)
    if isinstance(spot, str):
        return Plan(withheld=spot)
    return _moved(file, package, argument.place, every, {named[old]: new for old, new in moves.items()}, spot)


def taken_out(file: File, argument: Argument) -> Plan:
    """What takes a keyword without effect out of a call."""
    assert argument.call is not None
    every = written(file, argument.call)
    if every is None:
        return Plan(withheld="the call is written in a way that can't be edited")
    edits = without(file, every, [one for one in every if one.arg.keyword is argument.mention.node])
    return Plan(withheld="a comment would be lost") if edits is None else Plan(edits)


def _moved(
    file: File, package: str, place: Place, every: Sequence[Written], gone: Mapping[Written, str], spot: _Spot
) -> Plan:
    """The edits that make arguments of a call those of an ``Input`` at a spot."""
    left_out = without(file, every, list(gone))
    texts = [f"{new}={one.text(file)}" for one, new in gone.items()]
    if left_out is None or any("#" in text for text in texts):
        return Plan(withheld="a comment would be lost")
    brought = bring(file, package, _INPUT, place)
    if brought is None:
        return Plan(withheld="`Input` can't be imported here")
    made = spot.text.format(f"{brought.spelling}({', '.join(texts)})")
    added: tuple[Edit, ...] = (file.replace(spot.start, spot.start, made),)
    return Plan((*brought.edits, *added, *left_out))


def _spot(file: File, argument: Argument) -> _Spot | str:
    """Where an ``Input`` goes before a layer, or why that can't be said."""
    above = [node for node in argument.above.nodes() if not isinstance(node, cst.Element)] if argument.above else []
    if len(above) > 2 and isinstance(above[0], (cst.List, cst.Tuple)):
        return _in_list(file, argument, above[0], above[1:])
    if len(above) > 3 and isinstance(above[0], cst.Arg) and isinstance(above[1], cst.Call):
        return _added(file, argument, above[1], above[2:])
    return _UNSEEN


def _start(file: File, call: cst.Call) -> int | None:
    """Where a call starts, if that is with a name."""
    node: cst.BaseExpression = call.func
    while isinstance(node, cst.Attribute):
        node = node.value
    return file.span(node)[0] if isinstance(node, cst.Name) and not call.lpar and not call.func.lpar else None


# ---------------------------------------------------------------------------------------------------------- in a list


def _in_list(file: File, argument: Argument, layers: cst.List | cst.Tuple, above: Sequence[cst.CSTNode]) -> _Spot | str:
    """The same for an element of ``Sequential([…])``."""
    arg, made = above[0], above[1]
    if not isinstance(arg, cst.Arg) or not isinstance(made, cst.Call) or arg.value is not layers:
        return _UNSEEN
    if (
        made.args[0] is not arg
        or arg.star
        or not _are_sequential(file, file.resolver.values(made.func, argument.place))
    ):
        return _UNSEEN
    assert argument.call is not None
    start = _start(file, argument.call)
    first = layers.elements[0]
    if start is None or isinstance(first, cst.StarredElement):
        return _UNSEEN
    if first.value is not argument.call:
        return _Spot(start, "")
    line, _ = file.source.line_bounds(start)
    own = file.source.text[line:start]
    return _Spot(start, "{}, " if own.strip() else f"{{}},{newline(file)}{own}")


def _are_sequential(file: File, callees: Iterable[Value]) -> bool:
    """Do calls of all of these make a ``Sequential``?"""
    every = tuple(callees)
    return bool(every) and all(
        isinstance(value, (Symbol, MadeValue))
        and file.api.is_model_class(value.qualname)
        and value.qualname.rpartition(".")[2] == _SEQUENTIAL
        for value in every
    )


# ------------------------------------------------------------------------------------------------------------- added


def _added(file: File, argument: Argument, add: cst.Call, above: Sequence[cst.CSTNode]) -> _Spot | str:
    """The same for ``model.add(…)`` as a statement."""
    func = add.func
    if not isinstance(func, cst.Attribute) or func.attr.value != _ADD or len(add.args) != 1:
        return _UNSEEN
    models = file.resolver.values(func.value, argument.place)
    model = models[0] if len(models) == 1 and _are_sequential(file, models) else None
    if not isinstance(model, MadeValue):
        return _UNSEEN
    rank = _rank(file, model, argument.place, func)
    if isinstance(rank, str):
        return rank
    start, line = _start(file, add), above[1]
    if start is None or not isinstance(above[0], cst.Expr) or not isinstance(line, cst.SimpleStatementLine):
        return "the layer is not added in a statement of its own"
    if rank:
        return _Spot(start, "")
    bounds, _ = file.source.line_bounds(start)
    own = file.source.text[bounds:start]
    if own.strip() or len(line.body) > 1:
        return "the layer is not added in a statement of its own"
    end = file.span(func.attr)[1]
    return _Spot(start, f"{file.source.text[start:end]}({{}}){newline(file)}{own}")


def _rank(file: File, model: MadeValue, place: Place, func: cst.Attribute) -> int | str:
    """0 for the first layer that a model gets, 1 for a later one; or why that can't be said."""
    given = any(arg.keyword is None or arg.keyword.value != "name" for arg in model.call.args)
    if given or model.place.scope is not place.scope:
        return _UNSEEN
    if any(arm.loops and arm.statement not in _statements(model.place) for arm in place.path):
        return "it is added in a loop"
    earlier = [site.place for site in _adds(file, model) if site.place.order < place.order]
    earlier = [at for at in earlier if run_together(at, place)]
    if any(_is_sure(at, place) for at in earlier):
        return 1
    if earlier or _is_handed_on(file, model, place, func):
        return _UNSEEN
    return 0


def _statements(place: Place) -> list[cst.CSTNode]:
    return [arm.statement for arm in place.path]


def _is_sure(earlier: Place, place: Place) -> bool:
    """Does what stands ``earlier`` surely run before ``place``?"""
    return earlier.scope is place.scope and earlier.path == place.path[: len(earlier.path)]


def _adds(file: File, model: MadeValue) -> Iterable[CallSite]:
    """The calls that may add a layer to a model."""
    for site in calls_in(file).named(file.names, _ADD):
        values = file.resolver.values(site.base, site.place) if site.base is not None else ()
        if any(isinstance(value, MadeValue) and value.call is model.call for value in values):
            yield site


def _is_handed_on(file: File, model: MadeValue, place: Place, func: cst.Attribute) -> bool:
    """May something else add layers to a model before ``place``?"""
    base = func.value
    name = base.attr if isinstance(base, cst.Attribute) else base
    if not isinstance(name, cst.Name):
        return True
    between = (m for m in file.names.mentions.get(name.value, ()) if model.place.order < m.place.order < place.order)
    return any(mention.place.scope is place.scope and not _is_looked_into(mention) for mention in between)


def _is_looked_into(mention: Mention) -> bool:
    """Is only an attribute of the mentioned thing used?"""
    link = mention.above
    if isinstance(link.node, cst.Attribute) and link.node.attr is mention.node and link.up is not None:
        return isinstance(link.up.node, cst.Attribute)
    return isinstance(link.node, cst.Attribute)
