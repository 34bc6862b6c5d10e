"""Regularizers assigned to layers that are built already, where nobody reads them any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import libcst as cst

from reglint.findings import Finding, Severity
from reglint.names.scopes import Mention, Place, Scope, string_value
from reglint.names.values import FunctionValue, LiteralValue, MadeValue, Symbol
from reglint.rulebook import Card, facts
from reglint.tree import walk
from reglint.usage.built_layers import Built, BuiltLayers
from reglint.usage.calls import (
    Calls,
    CallSite,
    call_of,
    calls_in,
    is_inside,
    is_none,
    outermost_function,
    runs_with_module,
)
from reglint.usage.file import File
from reglint.usage.hazards import version_data
from reglint.usage.packages import imported_package

_SAVING = ("save", "save_model")
_STEPS = frozenset({"apply_gradients", "minimize", "GradientTape"})  # of a hand-written training


class _Assignment(NamedTuple):
    """``target.attribute = value``, or the same by ``setattr``; ``mention`` is where the attribute is named."""

    target: cst.BaseExpression
    attribute: str
    value: cst.BaseExpression
    mention: Mention

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.mention.place


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each assignment that comes too late."""
    calls = calls_in(file)
    built = BuiltLayers(file, calls)
    rebuilding = _Rebuilding(file, calls)
    for assignment in _assignments(file):
        if not _is_regularizer(file, assignment) or _asks_whether_built(assignment.mention):
            continue
        found = built.layer(assignment.target, assignment.place)
        if found is not Built.NO and not rebuilding.follows(assignment):
            yield from _finding(file, card, assignment, found)


def _finding(file: File, card: Card, assignment: _Assignment, built: Built) -> Iterator[Finding]:
    known = facts(card.facts or "assigned")["after_build"]
    package = imported_package(file)
    releases = file.engines(package, known["releases"])
    if not releases:
        return
    sure = built is Built.YES
    state = "the layer is built already" if sure else "the layers of a model that is passed in are mostly built"
    start, end = file.span(assignment.mention.node)
    yield Finding(
        card.code,
        card.name,
        card.severity if sure else Severity.WARNING,
        f"{state}, and `{assignment.attribute}` set then adds no loss (measured: 0.0); save and load the model (weights"
        " stay), or `clone_model` it and then `set_weights`, since a clone starts with new weights",
        start,
        end,
        data={**version_data(file, package, releases), "argument": assignment.attribute},
    )


# ----------------------------------------------------------------------------------------------------- the assignments


def _assignments(file: File) -> Iterator[_Assignment]:
    attributes = facts("assigned")["attributes"]
    for attribute in attributes:
        for mention in file.names.mentions.get(attribute, ()):
            yield from _attribute_assignment(mention, attribute)
    for mention in file.names.mentions.get("setattr", ()):
        site = call_of(mention)
        if site is not None and site.base is None and len(site.call.args) == 3:
            target, name, value = (arg.value for arg in site.call.args)
            for attribute in _names(file, name, site.place):
                if attribute in attributes:
                    yield _Assignment(target, attribute, value, _mention_of(site, name))
                    break


def _attribute_assignment(mention: Mention, attribute: str) -> Iterator[_Assignment]:
    parent, link = mention.above
    if not isinstance(parent, cst.Attribute) or parent.attr is not mention.node:
        return
    below: cst.CSTNode = parent
    ranks: list[int] = []
    while link is not None and isinstance(link.node, (cst.Element, cst.Tuple, cst.List)):  # a.x_regularizer, b.y = …
        if not isinstance(link.node, cst.Element):
            ranks.append(next(rank for rank, element in enumerate(link.node.elements) if element is below))
        below, link = link.node, link.up
    if link is None or not isinstance(link.node, cst.AssignTarget) or link.up is None:
        return
    if isinstance(link.up.node, cst.Assign):
        yield _Assignment(parent.value, attribute, _unpacked(link.up.node.value, ranks[::-1]), mention)


def _unpacked(value: cst.BaseExpression, ranks: Sequence[int]) -> cst.BaseExpression:
    """The part of a tuple that is unpacked; the whole of what can't be taken apart."""
    for rank in ranks:
        if not isinstance(value, (cst.Tuple, cst.List)) or rank >= len(value.elements):
            return value
        value = value.elements[rank].value
    return value


def _names(file: File, node: cst.BaseExpression, place: Place) -> Iterator[str]:
    """The attribute names that an argument of ``setattr`` may be, if every one of them is a literal."""
    for value in file.resolver.values(node, place):
        if not isinstance(value, LiteralValue) or not isinstance(value.node, cst.SimpleString):
            continue
        text = string_value(value.node)
        if text is not None:
            yield text


def _mention_of(site: CallSite, name: cst.BaseExpression) -> Mention:
    """Where the attribute of a ``setattr`` is named; ``setattr`` itself where that is no name or string."""
    node = name if isinstance(name, (cst.Name, cst.SimpleString)) else site.mention.node
    return site.mention._replace(node=node)


def _is_regularizer(file: File, assignment: _Assignment) -> bool:
    """Is something assigned that is not ``None`` and not what the layer had before?"""
    values = file.resolver.values(assignment.value, assignment.place)
    if values and all(is_none(value) for value in values):
        return False
    same = isinstance(assignment.value, cst.Attribute) and assignment.value.attr.value == assignment.attribute
    return not (same and assignment.value.deep_equals(cst.Attribute(assignment.target, cst.Name(assignment.attribute))))


def _asks_whether_built(mention: Mention) -> bool:
    """Does it happen under a condition about the layer being built?"""
    return any(
        isinstance(parent, (cst.If, cst.IfExp))
        and any(isinstance(node, cst.Name) and node.value in ("built", "_built") for node in walk(parent.test))
        for parent in mention.above.nodes()
    )


def _is_kept(mention: Mention, names: set[str]) -> bool:
    """Is the attribute that is mentioned read in a statement which speaks of one of the names?"""
    for node in mention.above.nodes():
        if isinstance(node, cst.AssignTarget):
            return False
        if isinstance(node, cst.BaseSmallStatement):
            return any(isinstance(part, cst.Name) and part.value in names for part in walk(node))
        if isinstance(node, cst.BaseStatement):
            return False
    return False


# ------------------------------------------------------------------------------------------------------ made anew later


class _Rebuilding:
    """Finds where a program makes a model anew after it assigned a regularizer, or counts the penalty by itself."""

    def __init__(self, file: File, calls: Calls) -> None:
        known = facts("assigned")
        self._file = file
        self._calls = calls
        # what was never saved here is not what is loaded
        saved = any(any(calls.named(file.names, name)) for name in _SAVING)
        self._rebuilds = frozenset(known["rebuilds"]) - (frozenset() if saved else {"load_model"})
        self._configs = frozenset(known["configs"])
        self._trainings = frozenset(known["trainings"]) | _STEPS
        self._own = frozenset(known["adds"])

    def follows(self, assignment: _Assignment) -> bool:
        """Does the assignment count in the end?"""
        function = outermost_function(assignment.place)
        if self._reads(assignment, function) or self._sets_the_variable(function):
            return True
        if self._puts_back(assignment, function):
            return True
        return self._after(function, assignment.place.order, self._rebuilds | self._configs | self._own, ())

    def _reads(self, assignment: _Assignment, function: Scope) -> bool:
        """Does the program call the assigned regularizer itself, or reset ``layer.built``?"""
        assigning = [
            outermost_function(binding.place) for binding in self._file.names.attributes.get(assignment.attribute, ())
        ]
        for site in self._calls.named(self._file.names, assignment.attribute):
            reader = outermost_function(site.place)
            # a function that assigns one as well reads its own
            if site.base is not None and (reader is function or not any(reader is scope for scope in assigning)):
                return True
        return any(
            is_inside(binding.place, function) or function.kind == "module"
            for name in ("built", "_built")
            for binding in self._file.names.attributes.get(name, ())
        )

    def _sets_the_variable(self, function: Scope) -> bool:
        """``layer.kernel.regularizer = …``: Keras 3 asks the variable itself (measured with 3.15.1: 3.0)."""
        return any(
            isinstance(binding.target.value, cst.Attribute) and outermost_function(binding.place) is function
            for binding in self._file.names.attributes.get("regularizer", ())
        )

    def _puts_back(self, assignment: _Assignment, function: Scope) -> bool:
        """Is it what the layers had before ``None`` was assigned to them in the same function?"""
        attribute, order = assignment.attribute, assignment.place.order
        if not any(
            isinstance(binding.value, cst.Name)
            and binding.value.value == "None"
            and binding.place.order < order
            and outermost_function(binding.place) is function
            for binding in self._file.names.attributes.get(attribute, ())
        ):
            return False
        names = {part.value for part in walk(assignment.value) if isinstance(part, cst.Name)}
        for name in tuple(names):
            for binding in self._file.resolver.bindings(name, assignment.place):
                if binding.kind == "loop" and binding.node is not None:
                    names.update(part.value for part in walk(binding.node) if isinstance(part, cst.Name))
        return any(
            mention.place.order < order and outermost_function(mention.place) is function and _is_kept(mention, names)
            for mention in self._file.mentions(attribute)
        )

    def _after(self, scope: Scope, order: int, words: frozenset[str], seen: tuple[Scope, ...]) -> bool:
        """Is a model made anew in ``scope`` after ``order``, before it is trained, or by those who call it?

        A model that is saved and never trained here is for another program, which gets it with its regularizers.
        """
        saved = False
        later = sorted(
            (site for site in self._calls.within(scope) if site.place.order >= order), key=lambda site: site.place.order
        )
        for site in later:
            kept = site.name in self._own or not isinstance(site.above.node, cst.Expr)
            if kept and (site.name in words or self._leads_to_rebuild(site)):
                return True
            if site.name in self._trainings and runs_with_module(site.place) == (scope.kind == "module"):
                return False
            saved = saved or self._saves(site)
        if scope.kind == "module" or scope in seen:
            return saved
        callers = list(self._callers(scope))
        if saved and not any(self._is_trained_after(site) for site in callers):
            return True
        return any(
            self._after(
                outermost_function(site.place), site.place.order, self._rebuilds | self._configs, (*seen, scope)
            )
            for site in callers
        )

    def _saves(self, site: CallSite) -> bool:
        """``model.save(path)``, ``save_model(model, path)``."""
        if site.name not in _SAVING or (site.name == "save" and site.base is None):
            return False
        if site.name == "save_model":
            return True
        bases = self._file.resolver.values(site.base, site.place) if site.base is not None else ()
        return not any(
            isinstance(value, Symbol)
            or (isinstance(value, MadeValue) and self._file.api.keras_name(value.qualname) is None)
            for value in bases
        )

    def _is_trained_after(self, caller: CallSite) -> bool:
        """Is something trained after the call, in the function or module where it stands?"""
        scope = outermost_function(caller.place)
        return any(
            site.name in self._trainings and site.place.order > caller.place.order for site in self._calls.within(scope)
        )

    def _callers(self, function: Scope) -> Iterator[CallSite]:
        """The calls, by name, of the function or of the functions inside it."""
        node = function.node
        if isinstance(node, cst.FunctionDef):
            yield from self._calls.named(self._file.names, node.name.value)

    def _leads_to_rebuild(self, site: CallSite) -> bool:
        for value in self._calls.callees(site):
            if isinstance(value, FunctionValue):
                for scope in self._calls.reached(value.scope):
                    if any(inner.name in self._rebuilds for inner in self._calls.within(scope)):
                        return True
        return False
