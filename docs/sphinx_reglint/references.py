"""Links what the pages only name: rule codes, files of facts, and the folder of the cards."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

from reglint.rulebook import load_cards

RULES = "docs/rules"
"""The page that stands for the folder of the cards."""

FACTS = "docs/which-keras"
"""The page of the tables of facts."""

_CODE = re.compile(r"\b(REG\d{3})\b")
_FACTS = re.compile(r"rules/facts/(\w+)\.toml")
_TABLE = re.compile(r"^`{3,}\{(?:facts|layers)-table\} (\w+)", re.MULTILINE)
_LINKED = (nodes.reference, addnodes.pending_xref, addnodes.download_reference)
_AS_IT_IS = (*_LINKED, nodes.literal, nodes.literal_block, nodes.title, nodes.comment, nodes.raw)


def facts_label(name: str) -> str:
    """What the place is called where the tables of ``rules/facts/NAME.toml`` begin."""
    return f"facts-{name}".replace("_", "-")


def link(docname: str, shown: nodes.Node, refdoc: str) -> addnodes.pending_xref:
    """A link from the page ``refdoc`` to another one, showing a node."""
    xref = addnodes.pending_xref(
        "", shown, refdomain="std", reftype="doc", reftarget=f"/{docname}", refdoc=refdoc, refexplicit=True
    )
    xref["refwarn"] = True
    return xref


def _is_inside(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False


class Codes(SphinxTransform):
    """Makes every rule code in running text a link to the rule's card."""

    default_priority = 300

    def apply(self) -> None:
        """Change the tree of a page."""
        cards = {code: f"rules/{card.path.stem}" for code, card in load_cards().items()}
        cards = {code: docname for code, docname in cards.items() if docname != self.env.docname}
        for text in list(self.document.findall(nodes.Text)):
            if _CODE.search(text) and not _is_inside(text, _AS_IT_IS):
                text.parent.replace(text, list(self._linked(text, cards)))

    def _linked(self, text: str, cards: dict[str, str]) -> Iterator[nodes.Node]:
        for piece in filter(None, _CODE.split(text)):
            shown = nodes.Text(piece)
            is_card = piece in cards
            yield link(cards[piece], nodes.inline("", "", shown), self.env.docname) if is_card else shown


class FactsFiles(SphinxTransform):
    """Makes each ``rules/facts/NAME.toml`` that a page names a link: to its tables, or to the file if it has none."""

    default_priority = 300

    def apply(self) -> None:
        """Change the tree of a page."""
        page = Path(self.env.doc2path(FACTS))
        with_tables = set(_TABLE.findall(page.read_text(encoding="utf-8"))) if self.env.docname != FACTS else set()
        for literal in list(self.document.findall(nodes.literal)):
            named = _FACTS.fullmatch(literal.astext())
            if named and not _is_inside(literal, _LINKED) and Path(self.env.srcdir, named[0]).is_file():
                shown = self._to_tables(named[1]) if named[1] in with_tables else self._to_file(named[0])
                literal.replace_self(shown)
                shown += literal

    def _to_tables(self, name: str) -> nodes.Element:
        return addnodes.pending_xref(
            "",
            refdomain="std",
            reftype="ref",
            reftarget=facts_label(name),
            refdoc=self.env.docname,
            refexplicit=True,
            refwarn=True,
        )

    def _to_file(self, path: str) -> nodes.Element:
        return addnodes.download_reference("", reftype="download", reftarget=f"/{path}", refdoc=self.env.docname)


class RulesFolder(SphinxTransform):
    """Turns links to the folder ``rules/`` to the page that lists the rules."""

    default_priority = 300

    def apply(self) -> None:
        """Change the tree of a page."""
        folder = posixpath.dirname(self.env.docname)
        for xref in list(self.document.findall(addnodes.pending_xref)):
            if posixpath.normpath(posixpath.join(folder, xref["reftarget"])) == "rules":
                xref.replace_self(link(RULES, xref.children[0], self.env.docname))
