"""Makes the tables of the site from `rules/facts`: the figures stand there, the words for them in the pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial, reduce
from typing import Any, NamedTuple

PACKAGES = {
    "keras": "Keras",
    "tensorflow": "tf.keras of TensorFlow",
    "tf-keras": "tf_keras",
    "keras-core": "keras-core",
}
"""What the tables call the packages, in the order of their columns."""

NOTHING = "–"
"""What stands in a cell for which the facts say nothing."""

_PLACE = re.compile(r"\{([\w.]+)\}")
_EVERY = re.compile(r"([\w.]*)\[(?:(\w+)=(\w*))?\]")
_SIGNS = {
    ">=": "≥\N{NO-BREAK SPACE}",
    "<=": "≤\N{NO-BREAK SPACE}",
    "==": "",
    "!=": "not\N{NO-BREAK SPACE}",
    "<": "<\N{NO-BREAK SPACE}",
    ">": ">\N{NO-BREAK SPACE}",
}


class Table(NamedTuple):
    """A table: its head and rows, the cells being Markdown."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """The table as Markdown."""
        rule = ["---"] * len(self.head)
        lines = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in [self.head, rule, *self.rows])
        return "\n".join(f"| {line} |" for line in lines)


class TableError(Exception):
    """A page asks for rows that the facts do not have, or leaves some out: what, and what to do."""


def releases(specifier: str) -> str:
    """A specifier such as ``>=2,<2.0.3 || >=3`` in the words of a table; no line breaks inside a bound."""
    shown = re.sub("|".join(_SIGNS), lambda sign: _SIGNS[sign[0]], specifier)
    return re.sub(r"\s*,\s*", ", ", shown.replace("||", "or").replace(".*", ""))


# ------------------------------------------------------------------------------------------------------ rows of claims


def claims_table(facts: Mapping[str, Any], head: Sequence[str], lines: Sequence[str], without: Sequence[str]) -> Table:
    """The rows of some facts that ``lines`` ask for, in that order, with the releases for which each was measured.

    A line is the path of a row and its first cells, ``path: cell | cell``; in a cell ``{key}`` stands for a value of
    the row. ``path[]`` asks for every row below a path, ``path[key=value]`` for those of that value, ``path[key=]`` for
    those without one. A row that no line names and no pattern of ``without`` leaves out is an error, so that no
    measurement is forgotten.
    """
    known = dict(_rows(facts))
    asked = [_asked(line, known) for line in lines]
    forgotten = known.keys() - {path for rows, _ in asked for path in rows}
    forgotten = {path for path in forgotten if not any(fnmatchcase(path, pattern) for pattern in without)}
    if forgotten:
        raise TableError(f"no line shows {', '.join(sorted(forgotten))}: add one, or name it in `without`")
    rows = [
        (known[path], [_filled(cell, path, known[path]) for cell in cells]) for paths, cells in asked for path in paths
    ]
    for _, cells in rows:
        if len(cells) != len(head):
            raise TableError(f"{len(cells)} cells below {len(head)} heads: {' | '.join(cells)}")
    columns = [column for column in _columns() if any(column.cell(row) != NOTHING for row, _ in rows)]
    return Table(
        [*head, *(column.head for column in columns)],
        [[*cells, *(column.cell(row) for column in columns)] for row, cells in rows],
    )


class _Column(NamedTuple):
    head: str
    cell: Callable[[Mapping[str, Any]], str]


def _columns() -> Iterator[_Column]:
    """The columns that follow from a row itself: one for each package, the backends, the claim."""
    for package, title in PACKAGES.items():
        yield _Column(title, partial(_releases_of, package=package))
    yield _Column("backend", lambda row: ", ".join(map(_backend, row.get("backends", ()))) or NOTHING)
    yield _Column("claim", lambda row: f"`{row['claim']}`" if "claim" in row else NOTHING)


def _releases_of(row: Mapping[str, Any], package: str) -> str:
    """The releases of a package for which a row holds."""
    found: Mapping[str, str] = row.get("wrong_in") or row.get("releases") or row.get("fails") or {}
    return releases(found.get(package, NOTHING))


def _backend(name: str) -> str:
    return {"jax": "JAX", "tensorflow": "TensorFlow"}.get(name, name)


def _rows(facts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The rows of some facts by their paths, elements of a list by number; what is no table is no row."""
    for key, value in facts.items():
        for name, one in (
            [(key, value)] if not isinstance(value, list) else [(f"{key}.{n}", v) for n, v in enumerate(value)]
        ):
            if isinstance(one, dict):
                inner = all(isinstance(each, dict) for each in one.values())
                yield from _rows(one, f"{above}{name}.") if inner else [(f"{above}{name}", {"key": key, **one})]


def _asked(line: str, known: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The paths of the rows that a line of a page asks for, and its cells."""
    path, _, cells = line.partition(": ")
    every = _EVERY.fullmatch(path.strip())
    if every is None:
        paths = [path.strip()] if path.strip() in known else []
    else:
        above, key, value = every.groups()
        below = [each for each in known if each.rpartition(".")[0] == above]
        paths = [each for each in below if key is None or str(known[each].get(key, "")) == value]
    if not paths:
        raise TableError(f"the facts have no {path}; they have {', '.join(known)}")
    return paths, [cell.strip() for cell in cells.split(" | ")]


def _filled(cell: str, path: str, row: Mapping[str, Any]) -> str:
    """A cell with the row's values in place of ``{key}``."""

    def value(place: re.Match[str]) -> str:
        try:
            return _words(reduce(lambda table, key: table[key], place[1].split("."), row))
        except KeyError as error:
            raise TableError(f"{path} has no {error.args[0]}, which {cell!r} asks for") from None

    return _PLACE.sub(value, cell)


def _words(value: object) -> str:
    """A value of the facts as Markdown, in which what a message would fill in is left open."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(f"`{each}`" for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={each}" for key, each in value.items())
    return re.sub(r"(?<= )(__\w+__)", r"`\1`", re.sub(r"\{\w*\}", "…", str(value))).strip(" ,")


# --------------------------------------------------------------------------------------------------- tables of layers


def arguments_table(facts: Mapping[str, Any]) -> Table:
    """Which regularizer arguments each layer takes, by the groups of releases of ``regularizer_arguments``."""
    groups = facts["groups"].values()
    names = sorted({layer for group in groups for layer in group["layers"]})
    cells = {name: tuple(_arguments(group["layers"].get(name)) for group in groups) for name in names}
    heads = ["; ".join(f"{PACKAGES[p]} {releases(s)}" for p, s in group["releases"].items()) for group in groups]
    return Table(["layers", *heads], [[together, *row] for row, together in _together(cells)])


def renamed_table(facts: Mapping[str, Any], old: Sequence[str]) -> Table:
    """What ``old`` arguments of Keras 1 are called today, by layer; layers that never took one have no row."""
    cells = {
        name: tuple(_today(layer, argument) for argument in old)
        for name, layer in facts.items()
        if set(old) & set(layer.get("keras1", ()))
    }
    return Table(["layers", *(f"`{name}`" for name in old)], [[together, *row] for row, together in _together(cells)])


def _arguments(taken: Sequence[str] | None) -> str:
    """The regularizer arguments of a layer without their common end, that of the activity last."""
    if taken is None:
        return NOTHING
    names = sorted(taken, key=lambda name: (name == "activity_regularizer", name))
    return ", ".join(f"`{name.removesuffix('_regularizer')}`" for name in names) or "none"


def _today(layer: Mapping[str, Any], argument: str) -> str:
    """What an argument of a layer is called today."""
    if argument not in layer.get("keras1", ()):
        return NOTHING
    if argument in layer.get("keeps", ()):
        return f"keeps it (Keras {releases(layer['until'])})" if "until" in layer else "keeps it"
    return f"`{layer['renamed'][argument]}`" if argument in layer.get("renamed", {}) else "no successor"


def _together(cells: Mapping[str, tuple[str, ...]]) -> list[tuple[tuple[str, ...], str]]:
    """The different rows with the names that share each, those with the most to say first."""
    names: dict[tuple[str, ...], list[str]] = {}
    for name, row in cells.items():
        names.setdefault(row, []).append(f"`{name}`")
    says = sorted(names, key=lambda row: (-sum(cell.count("`") for cell in row), names[row]))
    return [(row, ", ".join(names[row])) for row in says]
