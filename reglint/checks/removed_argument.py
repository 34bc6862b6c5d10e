"""Arguments of layers that have no successor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import libcst as cst

from reglint.findings import Applicability, Edit, Finding, Fix, Severity
from reglint.keras_api import Layer
from reglint.names.scopes import Place
from reglint.rewriting.input_layers import has_no_effect, input_before, taken_out
from reglint.rewriting.plan import Plan
from reglint.rewriting.written import Written, literal, written
from reglint.rulebook import Card, facts
from reglint.usage.arguments import Argument, arguments, layers_of
from reglint.usage.calls import calls_in
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.hazards import allowed_by, named, version_data
from reglint.usage.standing import is_in, standing
from reglint.versions import Release

Row = Mapping[str, Any]


def removed_arguments(file: File, card: Card, table: Row) -> Iterator[Finding]:
    """A finding on each argument that an allowed release refuses and that no other takes the place of."""
    guards = Guards(file, (), ())
    for row in (*table["arguments"], *_rows_of_calls(table)):
        for argument in arguments(file, row["keyword"]):
            if argument.sure and all(_concerns(row, layer) for layer in argument.layers):
                if not guards.is_prepared(argument.mention) and not guards.in_old_arm(argument.mention):
                    yield from _findings(file, card, row, argument)
    yield from _by_place(file, card, table)


def _rows_of_calls(table: Row) -> Iterator[Row]:
    """The rows of ``calls.toml`` that name no successor, as rows of this table."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name, call in facts("calls").items():
        for keyword, entry in call.get("arguments", {}).items():
            if "instead" in entry and keyword in table["calls"]:
                row = {"keyword": keyword, "layers": [], **table["calls"][keyword], **entry}
                found.setdefault((keyword, entry["instead"]), row)["layers"].append(name)
    return iter(found.values())


def _concerns(row: Row, layer: Layer) -> bool:
    if not layer.package:
        return False
    return layer.name in row["layers"] if "layers" in row else layer.name not in row["except"]


def _findings(file: File, card: Card, row: Row, argument: Argument) -> Iterator[Finding]:
    given = _written(file, argument)
    if "drop" in row and argument.call is not None and literal(argument.value) in row["drop"]:
        return  # what merely goes is another rule's business
    found = [standing(file, layer.package, row["fails"], row.get("holds", {})) for layer in argument.layers]
    if all(each.failing for each in found):
        names = " or ".join(dict.fromkeys(f"`{layer.name}`" for layer in argument.layers))
        package = argument.layers[0].package
        fix, doubt, withheld = _fix(file, card, row, argument, given)
        if fix is not None:
            row = {**row, "instead": fix.message[:1].lower() + fix.message[1:] + (f" ({doubt})" if doubt else "")}
        releases = tuple(dict.fromkeys(release for each in found for release in each.failing))
        yield _finding(file, card, row, names, package, releases, file.span(argument.mention.node), fix, withheld)


def _written(file: File, argument: Argument) -> Written | None:
    """The argument as it is written in a call."""
    every = written(file, argument.call) if argument.call is not None else None
    return next((one for one in every or () if one.arg.keyword is argument.mention.node), None)


def _finding(
    file: File,
    card: Card,
    row: Row,
    callee: str,
    package: str,
    failing: tuple[Release, ...],
    span: tuple[int, int],
    fix: Fix | None = None,
    withheld: str | None = None,
) -> Finding:
    sure = set(failing) >= set(file.allowed.engines(package))
    mild = any(is_in(release, row.get("ignores", {})) for release in failing)
    where = "" if sure else f" in {named(failing)}{allowed_by(file, failing)}"
    message = f"{callee} has no `{row['keyword']}` any more{where}; {row['instead']}"
    severity = card.severity if sure and not mild else Severity.WARNING
    data = version_data(file, package, failing)
    return Finding(card.code, card.name, severity, message, *span, fix=fix, fix_withheld=withheld, data=data)


# ----------------------------------------------------------------------------------------------------------------- fix


def _fix(
    file: File, card: Card, row: Row, argument: Argument, given: Written | None
) -> tuple[Fix | None, str, str | None]:
    """The edits for an argument that has a successor here, with what makes them unsafe, or why there is none."""
    message, way, plan = _plan(file, row, argument, given)
    if plan.withheld is not None:
        return None, "", plan.withheld
    doubt = standing(file, argument.layers[0].package, row["fails"], way["holds"]).doubt
    applicability = Applicability.UNSAFE if doubt else card.applicability or Applicability.DISPLAY
    return Fix(applicability, message, plan.edits), doubt, None


def _plan(file: File, row: Row, argument: Argument, given: Written | None) -> tuple[str, Row, Plan]:
    """What would mend an argument, the row that says where that holds, and the edits."""
    if "becomes" not in row and "input" not in row:
        return "", row, Plan(withheld="there is no successor")
    if given is None or argument.call is None:
        return "", row, Plan(withheld="it is not written in the call of the layer")
    if "idle" in row and has_no_effect(file, argument):
        return f"Leave out `{row['keyword']}`, which has no effect here", row["idle"], taken_out(file, argument)
    if "becomes" in row:
        new = row["becomes"]["argument"]
        edits = _without_batch(file, new, given)
        if edits is not None and any(
            arg.keyword is not None and arg.keyword.value == new for arg in argument.call.args
        ):
            return "", row, Plan(withheld=f"`{new}` is passed already")
        if edits is not None:
            return f"Use `{new}`", row, Plan(edits)
    way = row["input"]
    plan = input_before(file, argument.layers[0].package, argument, way["moves"])
    return f"Use `Input({', '.join(f'{new}=…' for new in way['moves'].values())})` before it", way, plan


def _without_batch(file: File, new: str, given: Written) -> tuple[Edit, ...] | None:
    """The edits that make ``batch_input_shape=(None, …)`` a shape of one sample; None where its size is given."""
    shape = given.arg.value
    if not isinstance(shape, (cst.Tuple, cst.List)) or not shape.elements:
        return None
    first = shape.elements[0].value
    if not isinstance(first, cst.Name) or first.value != "None":
        return None
    text = given.text(file)
    head, tail = text[0], text[-1]
    if head not in "([" or "#" in text or "\n" in text:
        return None
    rest = text[file.span(first)[1] - given.value : -1].lstrip().removeprefix(",").strip()
    if isinstance(shape, cst.Tuple) and len(shape.elements) == 2 and not rest.endswith(","):
        rest += ","
    assert given.arg.keyword is not None
    name = file.replace(*file.span(given.arg.keyword), new)
    return (name, file.replace(given.value, given.end, f"{head}{rest}{tail}"))


# ----------------------------------------------------------------------------------------------- arguments by position


def _by_place(file: File, card: Card, table: Row) -> Iterator[Finding]:
    """Arguments of classes that only Keras 1 had, passed by their place."""
    for row in _rows_of_calls(table):
        renamed = [name for name in row["layers"] if "today" in facts("calls")[name]]
        for name in renamed:
            for site in calls_in(file).named(file.names, name):
                yield from _placed(file, card, row, site.call, site.place, name)


def _placed(file: File, card: Card, row: Row, call: cst.Call, place: Place, name: str) -> Iterator[Finding]:
    at = facts("calls")[name]["order"].index(row["keyword"])
    every = written(file, call) or ()
    if len(every) <= at or any(one.arg.keyword is not None or one.arg.star for one in every[: at + 1]):
        return
    layers = layers_of(file, call.func, place)
    if not isinstance(every[at].arg.value, (cst.Tuple, cst.List)) or any(layer.name != name for layer in layers):
        return
    for layer in layers[:1]:
        failing = standing(file, layer.package, row["fails"], {}).failing
        if failing:
            span = (every[at].start, every[at].end)
            yield _finding(file, card, row, f"`{name}`", layer.package, failing, span, withheld="there is no successor")
