"""Requirements that say where the package lies: a URL, a repository, a file beside the project."""

from __future__ import annotations

import re
from urllib.parse import unquote

from reglint.pins.pin import UNKNOWN, package_of

_VCS = re.compile(r"(?:git|hg|svn|bzr)\+|git://")
_NAMED_URL = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\]\s*)?@\s*([^\s;]*[:/][^\s;]*)")
_URL = re.compile(r"(?:\w+\+)?\w+://|(?:git|hg|svn|bzr)\+|\.{0,2}[/\\]|file:|[a-zA-Z]:\\")
_ARCHIVE = re.compile(r"\.(?:whl|zip|tgz|tbz|tar\.(?:gz|bz2|xz)|conda)$", re.IGNORECASE)
_EGG = re.compile(r"[#&]egg=([^&\s]+)")
_VERSION = re.compile(r"v?\d+(?:\.\d+)+\S*")
# GitHub's archives of a tag, a branch or a commit.
_SNAPSHOT = re.compile(r"/([^/]+)/(?:archive|zipball|tarball)/(?:refs/(?:tags|heads)/)?([^/]+?)/?$")
_REPOSITORY = re.compile(r"(?:^|[/:])([^/:@]+?)(?:\.git)?/?(?:@([^@]+))?$")


def pointed_at(text: str) -> tuple[str | None, str] | None:
    """Takes a requirement; returns package and specifier if it says where the package lies, else None."""
    named = _NAMED_URL.match(text)
    if named:
        package = package_of(named[1])
        name, version = _of_url(named[2])
        # A file has the version in its name for what it calls itself, a repository its tags for all of it.
        whole = "subdirectory=" not in named[2] if _VCS.match(named[2]) else name and package_of(name) == package
        return package, _exactly(version) if whole else ""
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
    if name is None and _VCS.match(url) and "subdirectory=" not in url:
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
