"""Old names in an import statement: each is renamed, or leaves where the new name is imported already."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import libcst as cst

from reglint.findings import Edit
from reglint.names.scopes import dotted
from reglint.rewriting.import_edits import alias_span, aliases, without_line
from reglint.usage.file import File
from reglint.usage.symbols import Import


class OldAliases:
    """The old names, with today's, that the imports of a file bring."""

    def __init__(self, file: File, today: Mapping[str, str]) -> None:
        self._file = file
        self._today = today

    def edit(self, found: Import, new: str, brought: bool) -> Edit:
        """Rename the imported name, or take it out where the new one is there already, or ``brought`` beside it."""
        start, end = self._file.span(found.name)
        rename = self._file.replace(start, end, new)
        every = aliases(found.statement)
        rank = next(rank for rank, alias in enumerate(every) if alias.name is found.name)
        if not brought and not self._leaves(found, every[rank]):
            return rename
        if len(every) == 1:
            # to import a module of the project may do more than bind names
            return (without_line(self._file, found.statement) if self._is_from_keras(found) else None) or rename
        # the first of those that stay keeps no comma before it
        if all(self._leaves(found, alias) for alias in every[:rank]):
            if rank + 1 == len(every):
                return rename
            end = alias_span(self._file, every[rank + 1])[0]
        else:
            start = alias_span(self._file, every[rank - 1])[1]
        return rename if "#" in self._file.source.text[start:end] else self._file.replace(start, end, "")

    def earlier(self, found: Import, new: str) -> list[str]:
        """The old names of the same statement that become the same new one, and stand before this one."""
        before = itertools.takewhile(lambda alias: alias.name is not found.name, aliases(found.statement))
        return [str(dotted(alias.name)) for alias in before if self._new_name(alias) == new]

    def _leaves(self, found: Import, alias: cst.ImportAlias) -> bool:
        """Is ``alias`` an old name of which today's is imported by the same statement, or surely before it?"""
        new = self._new_name(alias)
        place = found.binding.place
        for binding in place.scope.bindings.get(new, ()) if new is not None else ():
            same = binding.statement is found.statement
            before = binding.place.order < place.order and binding.place.path == place.path[: len(binding.place.path)]
            if binding.kind == "from" and (same or before):
                return True
        return False

    def _new_name(self, alias: cst.ImportAlias) -> str | None:
        """Today's name of an old one that is imported as it is."""
        if alias.asname is not None or not isinstance(alias.name, cst.Name):
            return None
        return self._today.get(alias.name.value)

    def _is_from_keras(self, found: Import) -> bool:
        name = dotted(found.statement.module) or ""
        return not found.statement.relative and self._file.api.keras_name(name) is not None
