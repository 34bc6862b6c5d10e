"""Pins of conda's ``environment.yml``: its dependencies, and those that it hands to pip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reglint.pins.conda import conda_pins
from reglint.pins.pin import Pin, Unread, may_speak_of_keras, package_of
from reglint.project import Files, OverlaidFiles

_WORD = re.compile(r"[A-Za-z0-9][\w.-]*")
_DEPENDENCIES = re.compile(r"^[\"']?dependencies[\"']?\s*:", re.MULTILINE)
_DEEPEST = 50


def read(path: str, files: Files) -> Iterator[Pin | Unread]:
    """The pins of an ``environment.yml``; alternatives (``1.14|1.15``) give a pin each.

    A YAML file without conda's dependencies gives nothing, and one that is broken or a template only if a package of
    ours is named in it.
    """
    raw = files.read(path)
    if raw is None or not _may_matter(raw.replace(b"\0", b"")):
        return
    from reglint.pins.requirements import decoded

    text = decoded(raw)  # `conda env export >` writes UTF-16 on PowerShell
    if not _DEPENDENCIES.search(text):
        return
    root = _composed(text, path)
    if isinstance(root, Unread):
        if any(package_of(word, conda=True) for word in _WORD.findall(text)):
            yield root
        return
    seen: set[int] = set()
    for entry in _items(root, "dependencies", seen):
        for requirement in _items(entry, "pip", seen):
            yield from _pip_pins(requirement, path, files)
        if _is_string(entry):
            yield from conda_pins(entry.value, path, entry.start_mark.line + 1)


def _may_matter(raw: bytes) -> bool:
    """Could these bytes name a Keras, or a file of requirements that does?"""
    return may_speak_of_keras(raw) or re.search(rb"pip['\"]?\s*:", raw) is not None


# ----------------------------------------------------------------------------------------------------------- the YAML


def _composed(text: str, path: str) -> Any:
    """The node of a document, None if it is empty; Unread if it is no YAML."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # The fast composer follows brackets into the depths until the process dies; the parser below it does not.
        if _is_bottomless(yaml.parse(text, Loader=loader)):
            return Unread(path, 1, "not valid YAML for conda: nested too deeply")
        return yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return Unread(path, mark.line + 1 if mark else 1, f"not valid YAML: {error.problem or error.context}")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return Unread(path, 1, f"not valid YAML: {str(error).splitlines()[0] if str(error) else 'unreadable'}")


def _is_bottomless(events: Iterator[Any]) -> bool:
    """Are collections nested deeper than any environment needs?"""
    from yaml import CollectionEndEvent, CollectionStartEvent

    depth = 0
    for event in events:
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > _DEEPEST:
            return True
    return False


def _items(node: Any, key: str, seen: set[int]) -> Iterator[Any]:
    """The items of the list under a key, if the node is a mapping that has such a list.

    A list or an item that was ``seen`` under another alias is not given again: aliases of aliases have no end.
    """
    from yaml import MappingNode, SequenceNode

    if isinstance(node, MappingNode):
        for name, value in node.value:
            if name.value == key and isinstance(value, SequenceNode) and id(value) not in seen:
                seen.add(id(value))
                for item in value.value:
                    if id(item) not in seen:
                        seen.add(id(item))
                        yield item


def _is_string(node: Any) -> bool:
    from yaml import ScalarNode

    return isinstance(node, ScalarNode) and bool(node.value.strip())


# ------------------------------------------------------------------------------------------------- pip's requirements


def _pip_pins(node: Any, path: str, files: Files) -> Iterator[Pin | Unread]:
    """The pins of one item of the pip section: a requirement, or an option such as ``-r requirements.txt``."""
    from reglint.pins import requirements

    if not _is_string(node):
        return
    text = node.value.strip()
    if text.startswith("-") or may_speak_of_keras(text.encode(errors="replace")):
        # Read as a file of requirements that has nothing but this line, at the place where it stands.
        line = "\n" * node.start_mark.line + " ".join(text.split())
        yield from requirements.read(path, OverlaidFiles(files, path, line.encode(errors="replace")))
