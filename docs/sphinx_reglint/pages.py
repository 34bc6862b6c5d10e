"""Makes the text of a page from the file that it is: a card's front matter becomes a head, labels become captions."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

from reglint.examples import Example
from reglint.reports.rules import markdown_of
from reglint.rulebook import Card, read_card

RULES = "rules/"
"""Where the cards are."""

_FILE_BLOCK = re.compile(r"^(`{3,})(\w+) (\S+/\S+)$", re.MULTILINE)
_LABELS = {"bad": "Reported", "good": "Not reported", "fixed": "After the fix"}


def prepare(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace what Sphinx read of a page, the one element of ``source``, by what the site shows."""
    if docname.startswith(RULES):
        source[0] = card_page(read_card(Path(app.env.doc2path(docname))))
    else:
        source[0] = _FILE_BLOCK.sub(r"\1{code-block} \2" + "\n:caption: `\\3`\n:force:\n", source[0])
    if docname == app.config.root_doc:
        source[0] += _toctree(app.config.navigation, app.env.found_docs)


def card_page(card: Card) -> str:
    """The card as ``reglint explain`` prints it in Markdown, its examples with captions."""
    lines = card.body.split("\n")
    for example in card.examples:
        opening = example.line - card.body_line - 1
        fence = lines[opening][: len(lines[opening]) - len(lines[opening].lstrip("`"))]
        lines[opening] = (
            f"{fence}{{code-block}} python\n:caption: {caption(example)}\n:class: {example.label}\n:force:\n"
        )
    return markdown_of(card, "\n".join(lines))


def caption(example: Example) -> str:
    """What an example is, and for which Keras: ``Reported, with `--keras-version '<2'```."""
    keras, target = example.attributes.get("keras"), example.attributes.get("target")
    options = [
        "`--unsafe-fixes`" if example.unsafe else "",
        f"`--keras-version '{keras}'`" if keras else "",
        f"`--target '{target}'`" if target else "",
    ]
    given = " ".join(filter(None, options))
    file = f"`{example.attributes['file']}`: " if "file" in example.attributes else ""
    return file + _LABELS[example.label] + (f", with {given}" if given else "")


class Marks(SphinxTransform):
    """Marks a card's head and its examples for the style sheet."""

    default_priority = 300

    def apply(self) -> None:
        """Change the tree of a page."""
        if not self.env.docname.startswith(RULES):
            return
        for block in self.document.findall(nodes.literal_block):
            block.parent["classes"] += block["classes"]
        next(iter(self.document.findall(nodes.paragraph)))["classes"].append("rule-head")


def _toctree(titles: Mapping[str, str], found: Collection[str]) -> str:
    """What the site's navigation lists."""
    named = [f"{title} </{name}>" for name, title in titles.items() if name in found]
    others = [f"/{name}" for name in sorted(found) if name.startswith("docs/") and name not in titles]
    return "\n".join(["\n\n```{toctree}", ":hidden:", "", *named, *others, "```", ""])
