"""Pins of conda's ``environment.yml``: its dependencies, and those that it hands to pip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reglint.pins.pin import Pin, Unread, may_speak_of_keras, package_of
from reglint.project import Files

# Builds of one release that conda calls packages of their own.
_CONDA_NAMES = {
    "keras-base": "keras",
    "keras-gpu": "keras",
    "tensorflow-base": "tensorflow",
    "tensorflow-eigen": "tensorflow",
    "tensorflow-gpu-base": "tensorflow",
    "tensorflow-mkl": "tensorflow",
}
_CHANNEL = re.compile(r"^[^\s=<>!~\[]*::")
_SPEC = re.compile(r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<bounds>[^\[]*?)\s*(?P<attributes>\[.*\])?\s*", re.DOTALL)
_VERSION_ATTRIBUTE = re.compile(r"""\bversion\s*=\s*(?:"([^"]*)"|'([^']*)'|([^,\]]*))""")
# A build comes behind a version, with a space or `=` between; neither holds an operator.
_BUILD = re.compile(r"(?P<version>.*[^=<>!~|,\s(])(?:\s*=\s*|\s+)[^=<>!~|,()\s]+", re.DOTALL)
_CLAUSE = re.compile(r"(?P<operator>==|!=|>=|<=|~=|=|<|>)?\s*(?P<version>[^\s=<>!~|,()^$]+)")
_PLAIN = re.compile(r"\d+(?:\.\d+)*")
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
        if any(_package(word) for word in _WORD.findall(text)):
            yield root
        return
    for entry in _items(root, "dependencies"):
        for requirement in _items(entry, "pip"):
            yield from _pip_pins(requirement, path, files)
        if _is_string(entry):
            yield from _conda_pins(entry.value, path, entry.start_mark.line + 1)


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


def _items(node: Any, key: str) -> Iterator[Any]:
    """The items of the list under a key, if the node is a mapping that has such a list."""
    from yaml import MappingNode, SequenceNode

    if isinstance(node, MappingNode):
        for name, value in node.value:
            if name.value == key and isinstance(value, SequenceNode):
                yield from value.value


def _is_string(node: Any) -> bool:
    from yaml import ScalarNode

    return isinstance(node, ScalarNode) and bool(node.value.strip())


# ------------------------------------------------------------------------------------------------- pip's requirements


class _OneLine(Files):
    """The files of a project, but one of them holds a single line of requirements, at the place where it stands."""

    def __init__(self, files: Files, path: str, line: int, text: str) -> None:
        self._files = files
        self._path = path
        self._raw = ("\n" * (line - 1) + " ".join(text.split())).encode()

    def is_file(self, path: str) -> bool:
        return path == self._path or self._files.is_file(path)

    def read(self, path: str) -> bytes | None:
        return self._raw if path == self._path else self._files.read(path)


def _pip_pins(node: Any, path: str, files: Files) -> Iterator[Pin | Unread]:
    """The pins of one item of the pip section: a requirement, or an option such as ``-r requirements.txt``."""
    from reglint.pins import requirements

    if not _is_string(node):
        return
    text = node.value.strip()
    if text.startswith("-") or may_speak_of_keras(text.encode(errors="replace")):
        yield from requirements.read(path, _OneLine(files, path, node.start_mark.line + 1, text))


# ----------------------------------------------------------------------------------------------- conda's requirements


def _package(name: str) -> str | None:
    return _CONDA_NAMES.get(name.lower()) or package_of(name)


def _conda_pins(spec: str, path: str, line: int) -> Iterator[Pin | Unread]:
    """The pins of one of conda's match specifications, such as ``conda-forge::keras=2.2.4=py36_0``."""
    match = _SPEC.fullmatch(_CHANNEL.sub("", spec.strip()))
    package = _package(match["name"]) if match else None
    if match is None or package is None:
        return
    text = " ".join(spec.split())
    bounds = match["bounds"]
    attribute = _VERSION_ATTRIBUTE.search(match["attributes"] or "")
    if attribute:
        bounds = next(group for group in attribute.groups() if group is not None).strip()
    specifiers = list(_specifiers(bounds))
    if None in specifiers:
        yield Unread(path, line, f"`{text}` is not understood; write e.g. `{match['name']}>=2.4`")
        return
    for specifier in dict.fromkeys(specifiers):
        yield Pin(package, specifier or "", path, line, text)


def _specifiers(bounds: str) -> Iterator[str | None]:
    """Conda's bounds in PEP 440's words, one for each alternative; None for what is not understood."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    built = _BUILD.fullmatch(bounds)
    if built:
        bounds = built["version"]
    for alternative in bounds.split("|"):
        inner = alternative.strip()
        if inner.startswith("(") and inner.endswith(")"):
            inner = inner[1:-1]
        clauses = [_clause(clause.strip(), bool(built)) for clause in inner.split(",")] if inner else [""]
        try:
            known = [clause for clause in clauses if clause is not None]
            yield str(SpecifierSet(",".join(filter(None, known)))) if len(known) == len(clauses) else None
        except (InvalidSpecifier, ValueError):  # a number of thousands of digits gives the latter
            yield None


def _clause(clause: str, has_build: bool) -> str | None:
    """One of conda's bounds in PEP 440's words: ``=2.2`` and ``2.2*`` are ``==2.2.*``, a mere ``2.2`` is ``==2.2``."""
    if clause in ("*", "=*", "==*"):
        return ""
    match = _CLAUSE.fullmatch(clause)
    if match is None:
        return None
    operator = match["operator"] or "=="
    stem = re.sub(r"\.?\*$", "", match["version"])
    starts_with = stem != match["version"] or (operator == "=" and not has_build)
    if operator in ("=", "==", "!="):
        operator = "==" if operator == "=" else operator
        # PEP 440 knows no beginnings of pre-releases; conda's lead to that release anyway.
        return f"{operator}{stem}.*" if starts_with and _PLAIN.fullmatch(stem) else f"{operator}{stem}"
    return f"{operator}{stem}"  # conda reads `>=2.*` as `>=2`
