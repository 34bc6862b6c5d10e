"""The directives of the site: tables of the rules, and of the facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from reglint.reports.rules import render_rules
from reglint.rulebook import facts, load_cards
from sphinx_reglint.references import facts_label
from sphinx_reglint.tables import Table, TableError, arguments_table, claims_table, renamed_table


class RulesTable(SphinxDirective):
    """The table of the rules whose codes begin with the argument, as ``reglint rules`` prints it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """What stands in place of the directive."""
        cards = {code: card for code, card in load_cards().items() if code.startswith(self.arguments[0])}
        for card in cards.values():
            self.env.note_dependency(str(card.path))
        return self.parse_text_to_nodes(render_rules(cards, "markdown"))


class _Facts(SphinxDirective):
    """A directive whose first argument is the path of facts: a file without its suffix, and what is in it."""

    required_arguments = 1

    def table(self, known: Mapping[str, Any]) -> Table:
        """The table that shows the facts."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """The table, and before it the place that links to the file of facts lead to."""
        file, *path = self.arguments[0].split(".")
        self.env.note_dependency(str(Path(self.env.srcdir, "rules", "facts", f"{file}.toml")))
        try:
            table = self.table(reduce(_part, path, _joined(facts(file))))
        except (TableError, KeyError) as error:
            raise self.error(f"{self.arguments[0]}: {error}") from error
        shown = self.parse_text_to_nodes(table.markdown())
        for each in shown:
            each["classes"].append("claims")
        return [*self._place(file), *shown]

    def _place(self, file: str) -> list[nodes.Node]:
        """Where links to the file lead to: the first of its tables."""
        label, document = facts_label(file), self.state.document
        if label in document.nameids:
            return []
        target = nodes.target("", "", ids=[label], names=[label])
        document.note_explicit_target(target)
        return [target]


def _joined(known: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts, with the text of its use in each row of ``wrong``, which names that use by its claim."""
    if "uses" not in known:
        return known
    wrong = [{**row, "text": known["uses"][row.get("use") or row["claim"]]["text"]} for row in known["wrong"]]
    return {**known, "wrong": wrong}


def _part(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """What stands below a key; a list keeps the key, since its rows are named by numbers."""
    return {key: table[key]} if isinstance(table[key], list) else table[key]


class FactsTable(_Facts):
    """Rows of facts: the content says which, in what words (``tables.claims_table``), ``head`` what the words are."""

    has_content = True
    option_spec: ClassVar[dict[str, Callable[[str], Any]]] = {
        "head": directives.unchanged_required,
        "without": directives.unchanged,
    }

    def table(self, known: Mapping[str, Any]) -> Table:
        """The table that shows the facts."""
        head = [each.strip() for each in self.options["head"].split("|")]
        lines = [line for line in self.content if line.strip()]
        return claims_table(known, head, lines, self.options.get("without", "").split())


class LayersTable(_Facts):
    """What layers take: with ``old``, what these arguments of Keras 1 are called today."""

    option_spec: ClassVar[dict[str, Callable[[str], Any]]] = {"old": directives.unchanged_required}

    def table(self, known: Mapping[str, Any]) -> Table:
        """The table that shows the facts."""
        return renamed_table(known, self.options["old"].split()) if "old" in self.options else arguments_table(known)
