"""Files of requirements as pip reads them, with what they include; also what conda and templates make of such files."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from reglint.lines import LINE_END
from reglint.pins.pin import Pin, Unread, may_speak_of_keras, package_of, pin_of

if TYPE_CHECKING:
    from reglint.project import Files

UNKNOWN = "\0"
"""Stands in a requirement for what only a template or the environment knows."""


class Option(NamedTuple):
    """``-r``, ``-c`` or ``-e`` of a line: the letter and the value."""

    letter: str
    value: str


def read(path: str, files: Files) -> Iterator[Pin | Unread]:
    """Takes the path of a file of requirements; yields its pins and those of the files that it includes.

    A pin from an included file carries that file's path and line.
    """
    waiting = [(path, "constraints" in os.path.basename(path).lower())]
    # The list grows while it is read; a file that includes itself adds nothing the second time.
    for here, constraint in waiting:
        for item in _items(here, constraint, files):
            if isinstance(item, Option):
                include = (os.path.normpath(os.path.join(os.path.dirname(here), item.value)), item.letter == "c")
                if include not in waiting:
                    waiting.append(include)
            else:
                yield item


def decoded(raw: bytes) -> str:
    """Takes the bytes of a text file that a person or a shell wrote in whatever encoding; returns its text.

    ``pip freeze >`` writes UTF-16 on PowerShell, and what is appended to such a file later may be UTF-8: in the ASCII
    that requirements are made of, both differ by NUL bytes only.
    """
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            try:
                return raw[len(bom) :].decode(encoding)
            except UnicodeDecodeError:
                break
    plain = raw.replace(b"\0", b"")
    try:
        return plain.decode("utf-8-sig")
    except UnicodeDecodeError:
        return plain.decode("latin-1")


_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def may_matter(raw: bytes) -> bool:
    """Takes the bytes of a manifest; says whether it could name a Keras, in whatever encoding, or include what does."""
    plain = raw.replace(b"\0", b"")
    return may_speak_of_keras(plain) or re.search(rb"-r|-c|--req|--con|--file", plain) is not None


# A file, line by line.


def _items(path: str, constraint: bool, files: Files) -> Iterator[Pin | Unread | Option]:
    """Takes one file; yields its pins, what of it is unread, and the options that include other files."""
    raw = files.read(path) if files.is_file(path) else None
    if raw is None or not may_matter(raw):
        return
    text = decoded(raw)
    of_conda = _CONDA_FILE.search(text) is not None
    for number, line in _logical_lines(text):
        if line.startswith("-"):
            for option in _options(line):
                if option.letter != "e":
                    yield option
                elif pin := requirement(option.value, path, number, constraint=constraint):
                    yield pin
            continue
        wanted = _PIP_OPTIONS.split(line, maxsplit=1)[0]
        pin = requirement(wanted, path, number, constraint=constraint)
        if isinstance(pin, Unread) and of_conda:
            pin = conda_requirement(wanted, path, number, constraint=constraint)
        if pin:
            yield pin


# How `conda list --export` begins, and the line of a package in it.
_CONDA_FILE = re.compile(r"^#.*\bconda create --name|^[\w.-]+=[^=\s,]+=[\w.]+\s*$", re.MULTILINE)
_PIP_OPTIONS = re.compile(r"\s-(?=-?[a-zA-Z])")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_TEMPLATE_CODE = re.compile(r"\{%[^{}]*%\}|\{#[^{}]*#\}")
_TEMPLATE_VALUE = re.compile(r"\{\{[^{}]*\}\}|\$\{\w+\}")


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yields each line that says something, with the number of the physical line on which it begins."""
    parts: list[str] = []
    first = 1
    for number, physical in enumerate(LINE_END.split(text), 1):
        if not parts:
            first = number
        line = physical.rstrip()
        # As in pip, a comment ends what a backslash continues.
        if line.endswith("\\") and not _COMMENT.search(line):
            parts.append(line[:-1])
            continue
        parts.append(line)
        if meant := _meant(" ".join(parts)):
            yield first, meant
        parts = []
    if parts and (meant := _meant(" ".join(parts))):
        yield first, meant


def _meant(line: str) -> str:
    """Takes a logical line; returns it without comment, template code and the values that a template puts in."""
    line = _TEMPLATE_VALUE.sub(UNKNOWN, _TEMPLATE_CODE.sub(" ", line.replace(UNKNOWN, "")))
    return _COMMENT.sub("", line).strip()


_OPTION = re.compile(
    r"""(?:^|\s)(?:-(?P<letter>[rce])\s*=?|--(?P<name>requirement|constraint|editable)(?:\s|\s*=))\s*
        (?P<value>"[^"]*"|'[^']*'|[^\s=]\S*)""",
    re.VERBOSE,
)


def _options(line: str) -> Iterator[Option]:
    for match in _OPTION.finditer(line):
        value = match["value"].strip("\"'")
        letter = match["letter"] or match["name"][0]
        if letter == "e" or not ("://" in value or UNKNOWN in value):
            yield Option(letter, value if letter == "e" else value.replace("\\", "/"))


# One requirement.


def requirement(
    text: str,
    path: str,
    line: int,
    *,
    written: str | None = None,
    constraint: bool = False,
    cell: int | None = None,
) -> Pin | Unread | None:
    """Takes what pip would be given: PEP 508, a URL, a path of a wheel; returns None if it is about another package.

    What is ``UNKNOWN`` in it bounds nothing. ``written`` is what stands in the file where that differs.
    """
    text = text.strip()
    shown = " ".join((written or text).replace(UNKNOWN, "…").split())
    direct = _direct(text)
    if direct is not None:
        package, specifier = direct
        return Pin(package, specifier, path, line, shown, False, constraint, cell) if package else None
    try:
        pin = pin_of(_tolerated(_known(text)), path, line, constraint=constraint, cell=cell)
    except (RecursionError, ValueError):  # a marker with very many parentheses, a number of thousands of digits
        return Unread(path, line, "this requirement is too large to be read; simplify it")
    if isinstance(pin, Pin):
        return pin._replace(text=shown)
    return pin


# Releases of pip that were current with these versions of Keras took `>=1.4.*` for `>=1.4`.
_LEGACY_WILDCARD = re.compile(r"((?:>=|<)\s*\d+(?:\.\d+)*)\.\*(?=\s*(?:,|;|\)|$))")


def _tolerated(text: str) -> str:
    return _LEGACY_WILDCARD.sub(r"\1", text).rstrip(" ,;")


_HEAD = re.compile(r"([A-Za-z0-9][\w.-]*(?:\0[\w.-]*)*)\s*(?:\[[^\]]*\])?")


def _known(text: str) -> str:
    """Takes a requirement; returns it without the clauses that hold something unknown."""
    if UNKNOWN not in text:
        return text
    text = text.partition(";")[0]
    head = _HEAD.match(text)
    if head is None:
        return ""
    clauses = text[head.end() :].strip().strip("()").split(",")
    known = ",".join(clause for clause in clauses if UNKNOWN not in clause)
    return head[1].replace(UNKNOWN, "").rstrip("-_.") + known


def conda_requirement(
    text: str,
    path: str,
    line: int,
    *,
    written: str | None = None,
    constraint: bool = False,
    cell: int | None = None,
) -> Pin | Unread | None:
    """Takes what conda would be given (``keras=2.2``, ``conda-forge::keras >=2,<3``, ``keras=2.2.4=py36_0``)."""
    match = _CONDA_NAME.match(text.strip())
    if match is None or package_of(match[1]) is None:
        return None
    bounds = match[2].strip()
    # Alternatives are no specifier; so wide is what they allow at most.
    specifier = "" if "|" in bounds else ",".join(_conda_clause(clause) for clause in bounds.split(",") if clause)
    shown = written or text.strip()
    return requirement(match[1] + specifier, path, line, written=shown, constraint=constraint, cell=cell)


_CONDA_NAME = re.compile(r"(?:[^\s:]+::)?([A-Za-z0-9][\w.-]*)((?:[^\[]|\[(?!version))*)")
_CONDA_CLAUSE = re.compile(r"\s*(=(?!=))?\s*(==|[<>!~]=?)?\s*([^\s=]*)(?:[\s=]+(\S+))?\s*")


def _conda_clause(clause: str) -> str:
    """Takes ``=2.2``, ``2.2.4``, ``=2.2.4=py36_0`` or ``>=2``; returns it as PEP 440 writes it."""
    match = _CONDA_CLAUSE.fullmatch(clause)
    if match is None:
        return clause
    fuzzy, operator, version, build = match.groups()
    if operator:
        return (fuzzy or "") + operator + version
    if version in ("", "*"):
        return ""
    stem = re.sub(r"\.?\*$", "", version)
    return f"=={stem}.*" if stem != version or (fuzzy and not build) else f"=={version}"


# A requirement that says where the package lies.

_NAMED_URL = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*@\s*([^\s;]*[:/][^\s;]*)")
_URL = re.compile(r"(?:\w+\+)?\w+://|(?:git|hg|svn|bzr)\+|\.{0,2}[/\\]|file:|[a-zA-Z]:\\")
_ARCHIVE = re.compile(r"\.(?:whl|zip|tgz|tbz|tar\.(?:gz|bz2|xz)|conda)$", re.IGNORECASE)
_EGG = re.compile(r"[#&]egg=([^&\s]+)")
_VERSION = re.compile(r"v?\d+(?:\.\d+)+\S*")
# GitHub's archives of a tag, a branch or a commit.
_SNAPSHOT = re.compile(r"/([^/]+)/(?:archive|zipball|tarball)/(?:refs/(?:tags|heads)/)?([^/]+?)/?$")
_REPOSITORY = re.compile(r"(?:^|[/:])([^/:@]+?)(?:\.git)?/?(?:@([^@]+))?$")


def _direct(text: str) -> tuple[str | None, str] | None:
    """Takes a requirement; returns package and specifier if it says where the package lies, else None."""
    named = _NAMED_URL.match(text)
    if named:
        # What a VCS has under a name is whatever its owner says; only a file says its version.
        name, version = _of_file(_bare(named[2]))
        package = package_of(named[1])
        return package, _exactly(version) if name and package_of(name) == package else ""
    word = text.split(maxsplit=1)[0] if text else ""
    if not (_URL.match(word) or _ARCHIVE.search(_bare(word)) or "/" in _bare(word)):
        return None
    name, version = _of_url(word)
    return (package_of(name) if name else None), _exactly(version)


def _bare(url: str) -> str:
    """A URL without query and fragment."""
    return re.split("[#?;]", url, maxsplit=1)[0]


def _of_url(url: str) -> tuple[str | None, str | None]:
    """Takes a URL or path; returns the distribution that it names, and the version, if it says so."""
    bare = _bare(url)
    name, version = _of_snapshot(bare) or _of_file(bare)
    if name is None and re.match(r"(?:git|hg|svn|bzr)\+|git://", url) and "subdirectory=" not in url:
        name = _repository(bare)[0]
    if version is None:
        version = _repository(bare)[1]
    egg = _EGG.search(url)
    return _of_egg(unquote(egg[1]), version) if egg else (name, version)


def _of_egg(egg: str, version: str | None) -> tuple[str, str | None]:
    """Takes the name after ``#egg=``, where old tools let a version follow, and the version known so far."""
    egg = re.split(r"[\[=<>!~;]", egg, maxsplit=1)[0]
    old = re.fullmatch(r"(.+?)-(\d[\w.]*)", egg)
    return (old[1], version or old[2]) if old else (egg, version)


def _of_snapshot(url: str) -> tuple[str, str] | None:
    match = _SNAPSHOT.search(url)
    return (match[1], _ARCHIVE.sub("", match[2])) if match else None


def _of_file(url: str) -> tuple[str | None, str | None]:
    """Takes a URL or path; returns name and version of the wheel, sdist or conda package at its end."""
    name = unquote(re.split(r"[/\\]", url)[-1])
    ending = _ARCHIVE.search(name)
    if ending is None:
        return None, None
    stem = name[: ending.start()]
    if ending[0].lower() == ".whl":
        parts = stem.split("-")
        return parts[0], parts[1] if len(parts) > 1 else None
    built = re.fullmatch(r"(.+)-(\d[^-]*)-([^-]+)", stem) if ending[0].lower() in (".conda", ".tar.bz2") else None
    sdist = built or re.fullmatch(r"(.+?)-(v?\d[^-]*|[^-]+)", stem)
    return (sdist[1], sdist[2]) if sdist else (stem, None)


def _repository(url: str) -> tuple[str | None, str | None]:
    """Takes a VCS URL; returns the repository's name and the reference after ``@``."""
    path = re.sub(r"^(?:[\w+]+:)?//[^/]*|^[^/:]*@[^/:]*(?=:)", "", url)
    match = _REPOSITORY.search(path)
    return (match[1], match[2]) if match else (None, None)


def _exactly(version: str | None) -> str:
    """Takes a version or a tag; returns the specifier of just that one, or none if it is a branch or a commit."""
    from packaging.version import Version

    if version is None or UNKNOWN in version or not _VERSION.fullmatch(version):
        return ""
    try:
        return f"=={Version(version)}"
    except ValueError:  # InvalidVersion is one, a number of thousands of digits gives another
        return ""
