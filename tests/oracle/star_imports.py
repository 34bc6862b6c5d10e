"""Print ``[submodules]`` of ``rules/facts/packages.toml``: which layers ``from keras.layers.X import *`` binds.

    python tests/oracle/star_imports.py FOLDER...

Each FOLDER is an unpacked release of Keras. Before 2.4 no module of ``keras.layers`` has an ``__all__``,
so that a star import binds every public name: classes, aliases, and what the module itself imported.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import tomllib

LAYERS = Path(__file__).parents[2] / "rules" / "facts" / "layers.toml"


def bound(path: Path, seen: frozenset[Path] = frozenset()) -> Iterator[str]:
    """The names that a module binds at its top level, star imports from its siblings included."""
    if path in seen or not path.exists():
        return
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.ClassDef):
            yield statement.name
        elif isinstance(statement, ast.Assign):
            yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                if alias.name != "*":
                    yield alias.asname or alias.name
                elif statement.level:
                    folder = path.parents[statement.level - 1]
                    module = folder.joinpath(*(statement.module or "").split(".")).with_suffix(".py")
                    yield from bound(module, seen | {path})


def submodules(folders: list[str]) -> dict[str, set[str]]:
    """Module of ``keras.layers`` -> the layers that its star import binds in some release."""
    known = set(tomllib.loads(LAYERS.read_text(encoding="utf-8")))
    found: dict[str, set[str]] = defaultdict(set)
    for folder in folders:
        for path in Path(folder, "keras", "layers").glob("*.py"):
            if path.stem != "__init__":
                try:
                    found[path.stem].update(known.intersection(bound(path)))
                except SyntaxError as error:  # Keras 0.3.3 ships one module with Python 2 debugging prints.
                    print(f"left out: {path}: {error.msg}", file=sys.stderr)
    return found


def main(folders: list[str]) -> int:
    """Print the table."""
    print("[submodules]")
    for module, names in sorted(submodules(folders).items()):
        if names:
            print(f"{module} = [")
            for name in sorted(names):
                print(f'    "{name}",')
            print("]")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
