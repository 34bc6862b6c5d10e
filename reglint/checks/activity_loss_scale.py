"""Activity regularizers whose loss is a sum over the batch in some releases and divided by the batch size in others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import libcst as cst

from reglint.checks.activity_regularizer_before_2_1_4 import ActivityUse, activity_uses
from reglint.findings import Finding, Severity
from reglint.names.scopes import Mention
from reglint.names.values import LiteralValue
from reglint.rulebook import Card, facts
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, in_order, is_newest, until, version_data
from reglint.usage.models import is_model
from reglint.usage.wrapping import wrappings
from reglint.versions import Allowed, Release

_DEFAULT_BATCH_SIZE = 32
"""What `fit` takes where nothing is said, in every Keras from 1.0 to 3.15."""


@dataclass(frozen=True)
class Scaled:
    """Releases by what they make of an activity loss, each oldest first."""

    sum: tuple[Release, ...]
    mean: tuple[Release, ...]

    @property
    def sides(self) -> frozenset[str]:
        """``sum``, ``mean``, both or neither."""
        return frozenset(side for side in ("sum", "mean") if getattr(self, side))

    def of(self, side: str) -> tuple[Release, ...]:
        """The releases on one side."""
        return self.sum if side == "sum" else self.mean


@dataclass(frozen=True)
class BatchSize:
    """The batch size of a file's ``fit``: its number where that is known, and whether that is only the default."""

    number: int | None = None
    by_default: bool = False


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each activity loss whose scale differs among the allowed releases, or from there to the target."""
    batch_size: BatchSize | None = None
    for use in activity_uses(file):
        limits = _limits(file, use)
        if limits is None:
            continue
        now = _scaled(file.current, use.packages, limits)
        # the code goes there whatever package it imports now
        there = now if file.target is None else _scaled(file.target, file.target.bounds, limits)
        if now.sides and there.sides and len(now.sides | there.sides) > 1:
            batch_size = batch_size or _batch_size(file)
            yield _finding(file, card, use, now, there, batch_size)


def _limits(file: File, use: ActivityUse) -> list[Mapping[str, str]] | None:
    """The releases that count the loss of this layer as that of its output; None where no two count it alike."""
    names = [layer.name for layer in use.layers]
    if use.call is not None:
        around = [wrapping.wrapper.name for wrapping in wrappings(file, use.call)]
        # dropped in Keras 3, divided by batch size times steps in TensorFlow from 1.15 on
        if "TimeDistributed" in around:
            return None
        names.extend(around)
    counted = facts("activity_loss")["counted"]
    return [*use.accepted, *(counted[name]["releases"] for name in names if name in counted)]


def _scaled(allowed: Allowed, packages: Iterable[str], limits: Sequence[Mapping[str, str]]) -> Scaled:
    """The engines of the packages that sum or divide an activity loss; without those that ``limits`` leave out."""
    scale = facts("activity_loss")["scale"]
    sides: dict[str, dict[Release, None]] = {"sum": {}, "mean": {}}
    for package in packages:
        counted = [set(allowed.among(package or "keras", releases)) for releases in limits]
        for side, found in sides.items():
            engines = allowed.among(package or "keras", scale[side]["releases"])
            found.update((engine, None) for engine in engines if all(engine in each for each in counted))
    return Scaled(tuple(sides["sum"]), tuple(sides["mean"]))


# ------------------------------------------------------------------------------------------------------------- findings


def _finding(file: File, card: Card, use: ActivityUse, now: Scaled, there: Scaled, batch_size: BatchSize) -> Finding:
    if now.sides == there.sides:
        severity, message, releases = Severity.INFO, *_straddling(file, now)
    else:
        severity, message, releases = Severity.WARNING, *_moving(file, now, there, batch_size)
    data = {
        **version_data(file, use.packages[0], releases),
        "factor": "batch_size" if batch_size.number is None else batch_size.number,
        "sum": _texts(now.sum),
        "mean": _texts(now.mean),
    }
    if file.target is not None:
        data["target"] = {"sum": _texts(there.sum), "mean": _texts(there.mean)}
    start, end = file.span(use.mention.node)
    return Finding(card.code, card.name, severity, message, start, end, data=data)


def _straddling(file: File, now: Scaled) -> tuple[str, tuple[Release, ...]]:
    releases = now.sum + now.mean
    return (
        f"the activity loss is a sum over the batch in {_spans(now, 'sum')}, but divided by the batch size in "
        f"{_spans(now, 'mean')}{allowed_by(file, releases)}; the same strength acts differently: pin one side"
    ), releases


def _moving(file: File, now: Scaled, there: Scaled, batch_size: BatchSize) -> tuple[str, tuple[Release, ...]]:
    """The message for code that goes to the target, and the releases that it is about."""
    after = "mean" if "mean" in there.sides and now.sides != {"mean"} else "sum"
    before = "sum" if after == "mean" else "mean"
    was, becomes = ("a sum over the batch", "divided by the batch size")[:: 1 if after == "mean" else -1]
    strength, repair = ("weaker", "multiply") if after == "mean" else ("stronger", "divide")
    releases = now.of(before) + there.of(after)
    return (
        f"the activity loss is {was} in {_spans(now, before)}, but {becomes} in {_spans(there, after)}"
        f"{allowed_by(file, releases)}; the same strength is {strength} there by {_factor(batch_size)}: {repair} by "
        f"{batch_size.number or 'it'} or pin one side"
    ), releases


def _factor(batch_size: BatchSize) -> str:
    if batch_size.number is None:
        return "the batch size"
    return f"the batch size of {batch_size.number}" + (" (fit's default)" if batch_size.by_default else "")


def _spans(scaled: Scaled, side: str) -> str:
    """``Keras 2.0.0 to 2.3.1 and 3.0.0 to 3.13.2``: the releases of one side, broken where the other is between."""
    wanted = scaled.of(side)
    every = in_order(scaled.sum + scaled.mean)
    spans: list[str] = []
    last_package = ""
    for (package, is_wanted), group in groupby(every, key=lambda release: (release.package, release in wanted)):
        run = list(group)
        if not is_wanted:
            continue
        first = run[0].version if package == last_package else str(run[0])
        last_package = package
        open_ended = len(run) > 1 and is_newest(run[-1])
        spans.append(f"{first} and later" if open_ended else f"{first}{until(run)}")
    return ", ".join(spans[:-1]) + (" and " if len(spans) > 1 else "") + spans[-1]


def _texts(releases: Sequence[Release]) -> list[str]:
    return [f"{release.package}=={release.version}" for release in releases]


# ------------------------------------------------------------------------------------------------------ the batch size


def _batch_size(file: File) -> BatchSize:
    """The batch size with which the file trains its models, if all of its ``fit`` calls agree."""
    found = {size for mention in file.mentions("fit") if (size := _of_fit(file, mention)) is not None}
    numbers = {size.number for size in found}
    if len(numbers) != 1:
        return BatchSize()
    return next((size for size in found if not size.by_default), next(iter(found)))


def _of_fit(file: File, mention: Mention) -> BatchSize | None:
    """The batch size of ``model.fit(…)``; None where the mention is something else."""
    attribute, link = mention.above
    call = link.node if link is not None else None
    if not isinstance(attribute, cst.Attribute) or attribute.attr is not mention.node:
        return None
    if not isinstance(call, cst.Call) or call.func is not attribute:
        return None
    if not is_model(file, attribute.value, mention.place):
        return None
    if any(arg.star for arg in call.args):
        return BatchSize()
    keywords = {arg.keyword.value: arg.value for arg in call.args if arg.keyword is not None}
    positional = [arg.value for arg in call.args if arg.keyword is None]
    given = keywords.get("batch_size") or (positional[2] if len(positional) > 2 else None)
    if given is not None:
        return BatchSize(_number(file, given, mention))
    # without labels this may be a data set or a generator, which makes batches of its own
    has_labels = len(positional) > 1 or "y" in keywords
    return BatchSize(_DEFAULT_BATCH_SIZE, by_default=True) if has_labels else BatchSize()


def _number(file: File, node: cst.BaseExpression, mention: Mention) -> int | None:
    numbers = {
        value.node.evaluated_value if isinstance(value, LiteralValue) and isinstance(value.node, cst.Integer) else None
        for value in file.resolver.values(node, mention.place)
    }
    return numbers.pop() if len(numbers) == 1 else None
