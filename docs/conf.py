"""How the documentation site is built: `sphinx-build -W -c docs . build/site` in the repository's top folder.

The sources are the pages as they stand in the repository: README, the cards in `rules/` and what is in `docs/`. What
Sphinx has to be told about them is in `sphinx_reglint`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import reglint

project = "reglint"
author = "The reglint authors"
project_copyright = author
release = version = reglint.__version__

extensions = ["myst_parser", "sphinx_reglint"]
myst_heading_anchors = 3

root_doc = "README"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*.md", "rules/*.md", "tests/oracle/README.md"]
# For speed alone: folders that Sphinx need not walk through.
exclude_patterns = [".*", "*.egg-info", "build", "dist", "fixtures", "reglint", "tests/[!o]*"]
# What the side bar calls the pages, in its order. Other pages of docs/ come last, under their own titles.
navigation = {
    "docs/rules": "Rules",
    "docs/which-keras": "Which Keras does what",
    "docs/activity-or-kernel": "Activity or kernel regularizer?",
    "docs/probe": "The probe",
    "docs/whole-programs": "Whole programs",
    "docs/many-machines": "Beyond one machine",
    "docs/speed": "How fast",
    "docs/robustness": "What it withstands",
    "docs/versioning": "Versioning",
    "CHANGELOG": "Changelog",
    "CONTRIBUTING": "Contributing",
}

html_theme = "furo"
html_title = "reglint"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_use_index = False
html_favicon = "static/icon.svg"
pygments_style = "default"
pygments_dark_style = "github-dark"
