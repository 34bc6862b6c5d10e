"""How setuptools copies the package into a wheel: as it is, and the tables of the rules as modules beside them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from setuptools.command import build_py


class BuildPy(build_py.build_py):
    """Adds the modules that :func:`reglint.rulebook.facts` and `load_cards` look for before they read any TOML."""

    def run(self) -> None:
        """Build the package; an editable install reads what lies in the checkout."""
        super().run()
        if not self.editable_mode:
            compile_tables(Path("rules"), Path(self.build_lib, "reglint", "rules"))


def compile_tables(rules: Path, target: Path) -> None:
    """Take the folder of the rules; write their front matter and the tables of facts as modules into ``target``."""
    sys.path.insert(0, "")  # setuptools builds from the folder of the project, and does not look there
    from reglint.front_matter import toml_of
    from reglint.rulebook import read_tables

    _write(target / "cards.py", read_tables(rules))
    for path in sorted((rules / "facts").glob("*.toml")):
        _write(target / "facts" / f"{path.stem}.py", toml_of(path))


def _write(module: Path, table: Mapping[str, Any]) -> None:
    module.parent.mkdir(parents=True, exist_ok=True)
    text = repr(table)
    imports = "import datetime\n\n" if "datetime." in text else ""  # TOML has dates
    module.write_text(f"{imports}TABLE = {text}\n", encoding="utf-8")
