"""A Sphinx extension: shows the cards as pages, the facts as tables, and links codes and files to their pages."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pygments.lexers import JsonLexer
from sphinx.application import Sphinx

from sphinx_reglint import directives, pages, references


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this once: the extension's parts are added to ``app``; what comes back describes the extension."""
    app.add_config_value("navigation", {}, "env", types=[dict])
    app.add_lexer("jsonc", JsonLexer)
    app.connect("source-read", pages.prepare)
    app.add_directive("rules-table", directives.RulesTable)
    app.add_directive("facts-table", directives.FactsTable)
    app.add_directive("layers-table", directives.LayersTable)
    app.add_transform(pages.Marks)
    app.add_transform(references.Codes)
    app.add_transform(references.FactsFiles)
    app.add_transform(references.RulesFolder)
    app.connect("build-finished", _add_index)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _add_index(app: Sphinx, exception: Exception | None) -> None:
    """Give the site a first page where servers look for it: the README is the root, and its page is called after it."""
    if exception is None and app.builder.name == "html":
        shutil.copyfile(Path(app.outdir, f"{app.config.root_doc}.html"), Path(app.outdir, "index.html"))
