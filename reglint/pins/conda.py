"""Conda's way of writing requirements: ``keras=2.2``, ``conda-forge::keras >=2,<3``, ``keras=2.2.4=py36_0``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reglint.pins.pin import UNKNOWN, Pin, Unread, package_of

_CHANNEL = re.compile(r"^[^\s=<>!~\[]*::")
_SPEC = re.compile(r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<bounds>[^\[]*?)\s*(?P<attributes>\[.*\])?\s*", re.DOTALL)
_VERSION_ATTRIBUTE = re.compile(r"""\bversion\s*=\s*(?:"([^"]*)"|'([^']*)'|([^,\]]*))""")
# A build comes behind a version, with a space or `=` between; neither holds an operator.
_BUILD = re.compile(r"(?P<version>.*[^=<>!~|,\s(])(?:\s*=\s*|\s+)[^=<>!~|,()\s]+", re.DOTALL)
_CLAUSE = re.compile(r"(?P<operator>==|!=|>=|<=|~=|=|<|>)?\s*(?P<version>[^\s=<>!~|,()^$]+)")
_LONGEST = 1_000
"""How many characters a specification can have; nobody writes longer ones, and the patterns get slow."""
_PLAIN = re.compile(r"\d+(?:\.\d+)*")


def conda_pins(
    spec: str,
    path: str,
    line: int,
    *,
    written: str | None = None,
    constraint: bool = False,
    cell: int | None = None,
) -> Iterator[Pin | Unread]:
    """Takes one of conda's match specifications; yields a pin for each alternative, nothing for another package.

    What is ``UNKNOWN`` in it bounds nothing. ``written`` is what stands in the file where that differs.
    """
    if len(spec) > _LONGEST:
        return
    match = _SPEC.fullmatch(_CHANNEL.sub("", spec.strip()))
    package = package_of(match["name"], conda=True) if match else None
    if match is None or package is None:
        return
    text = " ".join((written or spec).replace(UNKNOWN, "…").split())
    bounds = match["bounds"]
    attribute = _VERSION_ATTRIBUTE.search(match["attributes"] or "")
    if attribute:
        bounds = next(group for group in attribute.groups() if group is not None).strip()
    specifiers = list(_specifiers(bounds))
    if None in specifiers:
        yield Unread(path, line, f"`{text}` is not understood; write e.g. `{match['name']}>=2.4`")
        return
    for specifier in dict.fromkeys(specifiers):
        yield Pin(package, specifier or "", path, line, text, False, constraint, cell)


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
        clauses = [_clause(clause.strip(), bool(built)) for clause in inner.split(",") if clause.strip()]
        try:
            known = [clause for clause in clauses if clause is not None]
            yield str(SpecifierSet(",".join(filter(None, known)))) if len(known) == len(clauses) else None
        except (InvalidSpecifier, ValueError):  # a number of thousands of digits gives the latter
            yield None


def _clause(clause: str, has_build: bool) -> str | None:
    """One of conda's bounds in PEP 440's words: ``=2.2`` and ``2.2*`` are ``==2.2.*``, a mere ``2.2`` is ``==2.2``."""
    if clause in ("*", "=*", "==*") or UNKNOWN in clause:
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
