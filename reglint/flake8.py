"""The way into flake8: its files, reglint's own check and settings. Nothing is decided here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from reglint import __version__

if TYPE_CHECKING:
    import ast

    from reglint.diagnostics import Diagnostic
    from reglint.inspector import Inspector
    from reglint.settings import Resolver


class Plugin:
    """What flake8 calls for each file that it could parse; ``lines`` is the text, of stdin, too."""

    name = "reglint"
    version = __version__

    def __init__(self, tree: ast.AST, filename: str, lines: Sequence[str]) -> None:
        self.filename = filename
        self.lines = lines

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        """Yield row, column (from 0, in characters) and text of each finding, as flake8 wants them."""
        for found in _diagnostics(self.filename, "".join(self.lines)):
            yield found.start.row, found.start.column - 1, f"{found.code} {found.message}", Plugin


@cache
def _engine() -> tuple[Resolver, Inspector]:
    """Return what all files of one process share: flake8 has several processes."""
    from reglint.inspector import Inspector
    from reglint.ruleset import rules_for
    from reglint.settings import Resolver

    # Comments with noqa are for flake8 itself, which has an option to pass over them.
    return Resolver(check=rules_for), Inspector(line_noqa=False)


def _diagnostics(shown: str, text: str) -> Sequence[Diagnostic]:
    """Return the findings of a Python file with this text; settings that cannot be followed are one of them."""
    from reglint.discovery import Target, is_excluded
    from reglint.inspector import failure_of
    from reglint.source import SourceError, source_from_text

    resolver, inspector = _engine()
    path = os.path.abspath(shown)
    target = Target(path, shown, resolver.settings_for(os.path.dirname(path)))
    # A notebook's JSON can be read as Python, and its cells have no rows that flake8 could show.
    if path.endswith(".ipynb") or is_excluded(path, target.settings.explicit_excludes, str(target.settings.root)):
        return ()
    try:
        raw = source_from_text(text, path).raw
    except SourceError as error:
        return (failure_of(target, error.message, error.row),)
    if not inspector.rules(target.settings).may_speak(raw):
        return ()
    if not target.settings.may_write:
        return tuple(failure_of(target, problem) for problem in resolver.problems)
    return inspector.inspect_bytes(target, raw).found
