"""Regularizer arguments that a layer refuses, or takes without ever using them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from reglint.findings import Applicability, Finding, Fix, Severity
from reglint.keras_api import Layer
from reglint.names.reach import Reach
from reglint.names.values import ParameterValue
from reglint.rulebook import Card, facts
from reglint.usage.arguments import Argument, arguments, is_given, layers_of
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named, version_data
from reglint.versions import Release

_ACTIVITY = "activity_regularizer"
_BESIDE = ("bias_regularizer", "recurrent_regularizer", "beta_regularizer", _ACTIVITY)
"""Arguments that somebody who writes another name for the weights' regularizer does not mean."""

_CLEAR = ("kernel_regularizer", "kernel_reg", "weights_regularizer")
"""Names that cannot mean anything but the weights of a layer which has just one kind of them."""

_UNCLEAR = {
    "regularizer": ("beta_regularizer", "recurrent_regularizer", "bias_regularizer"),
    "weights_regularizer": ("beta_regularizer", "recurrent_regularizer"),
}
"""What else names that no layer has may mean."""


_NEAR = 2
"""How many letters may be wrong in a misspelled name."""


class Verdict(NamedTuple):
    """What the allowed releases do with an argument of a layer, and what may be meant instead of it."""

    layer: Layer
    refusing: tuple[Release, ...]
    ignoring: tuple[Release, ...]
    taking: tuple[Release, ...]
    meant: tuple[str, ...]
    given: bool = True  # False for a mere parameter, which callers may leave at None

    @property
    def is_bad(self) -> bool:
        """Is it without effect in an allowed release?"""
        return bool(self.refusing or self.ignoring)


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each argument that an allowed release refuses or ignores, whichever layer it reaches."""
    guards = Guards(file, (), ())
    for keyword in (*facts("regularizer_arguments")["arguments"], *facts("regularizer_values")["misspelled"]):
        for argument in arguments(file, keyword):
            if not argument.sure or any(not layer.package for layer in argument.layers):
                continue
            verdicts = [_verdict(file, argument, layer) for layer in argument.layers]
            if all(verdict.is_bad for verdict in verdicts) and not guards.is_prepared(argument.mention):
                yield _finding(file, card, argument, verdicts)


# ------------------------------------------------------------------------------------------------------------- verdict


def _verdict(file: File, argument: Argument, layer: Layer) -> Verdict:
    refusing: list[Release] = []
    taking: list[Release] = []
    meant: dict[str, None] = {}
    for group in facts("regularizer_arguments")["groups"].values():
        taken = group["layers"].get(layer.name)
        engines = file.engines(layer.package, group["releases"]) if taken is not None else ()
        if argument.keyword in (taken or ()):
            taking.extend(engines)
        elif engines:
            refusing.extend(engines)
            useful = [name for name in taken or () if not _is_ignored(layer, name)]
            meant.update(dict.fromkeys(_meant(argument.keyword, useful)))
    ignoring: tuple[Release, ...] = ()
    given = is_given(file, argument.value, argument.place)
    for row in facts("regularizer_values")["ignored"]:
        if layer.name in row["layers"] and argument.keyword == row["argument"]:
            if given or _is_passed_on(file, argument):
                ignoring = file.engines(layer.package, row["releases"])
            meant.update(dict.fromkeys(_meant(argument.keyword, layer.facts.get("regularizers", ()))))
    left = tuple(release for release in taking if release not in ignoring)
    return Verdict(layer, tuple(refusing), ignoring, left, tuple(meant), given)


def _is_passed_on(file: File, argument: Argument) -> bool:
    """Is it what the callers of a function pass?"""
    return any(isinstance(value, ParameterValue) for value in file.resolver.values(argument.value, argument.place))


def _is_ignored(layer: Layer, keyword: str) -> bool:
    """Does some release take the argument of the layer and make nothing of it?"""
    rows = facts("regularizer_values")["ignored"]
    return any(layer.name in row["layers"] and keyword == row["argument"] for row in rows)


def _meant(keyword: str, taken: Sequence[str]) -> Iterator[str]:
    """The arguments of the layer that may be meant."""
    if _is_misspelled(keyword):
        near = [name for name in taken if _distance(keyword, name) <= _NEAR]
        yield from near if len(near) == 1 else ()
    elif keyword == "bias_regularizer":
        yield from (name for name in taken if name == "beta_regularizer")
    elif keyword not in _BESIDE:
        unclear = _UNCLEAR.get(keyword, ("beta_regularizer",))
        yield from (name for name in taken if name not in _BESIDE or name in unclear)


def _is_misspelled(keyword: str) -> bool:
    """Is it a name that no layer of any release has?"""
    return keyword in facts("regularizer_values")["misspelled"]


def _distance(one: str, other: str) -> int:
    """How many letters must be put in, left out or changed to make one word the other."""
    row = list(range(len(other) + 1))
    for rank, letter in enumerate(one, 1):
        last, row[0] = row[0], rank
        for column, wanted in enumerate(other, 1):
            last, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, last + (letter != wanted))
    return row[-1]


# ------------------------------------------------------------------------------------------------------------- finding


def _finding(file: File, card: Card, argument: Argument, verdicts: Sequence[Verdict]) -> Finding:
    refusing = _union(verdict.refusing for verdict in verdicts)
    ignoring = _union(verdict.ignoring for verdict in verdicts)
    sure = not any(verdict.taking for verdict in verdicts)
    callees = " or ".join(dict.fromkeys(f"`{verdict.layer.name}`" for verdict in verdicts))
    does = []
    if ignoring:
        does.append(f"ignores `{argument.keyword}` in {named(ignoring)}")
    if refusing:
        what = "it" if ignoring else f"`{argument.keyword}`"
        does.append(f"refuses {what}{'' if sure and not ignoring else ' in ' + named(refusing)}")
    effect = " (penalty 0.0)" if ignoring and not refusing else ""
    origin = allowed_by(file, ignoring + refusing) if not sure or ignoring else ""
    message = f"{callees} {' and '.join(does)}{effect}{origin}; {_instead(argument.keyword, verdicts)}"
    fix, withheld = _fix(file, card, argument, verdicts)
    certain = sure and (not ignoring or all(verdict.given for verdict in verdicts))
    severity = card.severity if certain else Severity.WARNING
    data = version_data(file, verdicts[0].layer.package, refusing + ignoring)
    start, end = file.span(argument.mention.node)
    return Finding(card.code, card.name, severity, message, start, end, fix=fix, fix_withheld=withheld, data=data)


def _union(each: Iterator[tuple[Release, ...]]) -> tuple[Release, ...]:
    return tuple(dict.fromkeys(release for releases in each for release in releases))


def _instead(keyword: str, verdicts: Sequence[Verdict]) -> str:
    """What to do."""
    names = list(dict.fromkeys(verdict.layer.name for verdict in verdicts))
    inner: Sequence[str] = facts("regularizer_arguments")["inner"]
    if keyword == _ACTIVITY:
        return "give it to the layer before, or add an `ActivityRegularization` layer"
    if all(name in inner for name in names):
        return "give it to the layer inside"
    meant = list(dict.fromkeys(name for verdict in verdicts for name in verdict.meant))
    if meant and _is_misspelled(keyword):
        return "did you mean " + " or ".join(f"`{name}`" for name in meant) + "?"
    if meant:
        return "use " + " or ".join(f"`{name}`" for name in meant)
    taken = list(dict.fromkeys(n for v in verdicts for n in v.layer.facts.get("regularizers", ()) if n != _ACTIVITY))
    if taken:
        return "it takes " + ", ".join(f"`{name}`" for name in taken)
    return "it takes no regularizer of its weights"


# ----------------------------------------------------------------------------------------------------------------- fix


def _fix(file: File, card: Card, argument: Argument, verdicts: Sequence[Verdict]) -> tuple[Fix | None, str | None]:
    """The rename that mends it, or why there is none."""
    meant = {verdict.meant for verdict in verdicts}
    names = next(iter(meant))
    if meant == {()}:
        return None, None
    if len(meant) > 1 or len(names) != 1:
        return None, "no single argument takes its place"
    if any(verdict.ignoring for verdict in verdicts):
        return None, "it has no effect today, and would get one"
    if any(verdict.taking for verdict in verdicts):
        return None, "some of the allowed releases take it"
    new = names[0]
    reach = file.flows.keyword(argument.mention)
    withheld = _withheld(file, argument, new, reach)
    if withheld is not None:
        return None, withheld
    never = not any(_was_taken(argument.keyword, verdict.layer) for verdict in verdicts)
    clear = never and (argument.keyword in _CLEAR or _is_misspelled(argument.keyword))
    applicability = (card.applicability or Applicability.DISPLAY) if clear else Applicability.UNSAFE
    start, end = file.span(argument.mention.node)
    return Fix(applicability, f"Rename to `{new}`", (file.replace(start, end, new),)), None


def _withheld(file: File, argument: Argument, new: str, reach: Reach | None) -> str | None:
    if argument.call is None or not layers_of(file, argument.call.func, argument.place):
        return "it is not written in the call of the layer"
    if reach is None or reach.obstacles or reach.doubts:
        return "the call can't be followed"
    if any(new in receiver.held for receiver in reach.receivers):
        return f"`{new}` is passed already"
    return None


def _was_taken(keyword: str, layer: Layer) -> bool:
    """Did any release take the argument, even one that made nothing of it?"""
    groups: Mapping[str, Any] = facts("regularizer_arguments")["groups"]
    return any(keyword in group["layers"].get(layer.name, ()) for group in groups.values())
