"""``--since REV``: the lines that are not as they were at a revision, asked of git."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from reglint.discovery import SUFFIXES, shown
from reglint.scope import Rows, changed_rows, merged
from reglint.settings import SettingsError

WHOLE: Rows = ((1, sys.maxsize),)
#: In a hook git sets these for its own repository; they would be followed in every other one, too.
_GITS_OWN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
#: Whatever the user's configuration says: plain output, names as they are, no programs but git itself.
_CONFIGURATION = ("-c", "core.quotePath=false", "-c", "core.fsmonitor=false", "-c", "diff.suppressBlankEmpty=false")
_DIFF = (
    *("diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative", "--find-renames", "--diff-filter=d"),
    *("--ignore-submodules=all", "--src-prefix=a/", "--dst-prefix=b/", "--inter-hunk-context=0"),
)
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


class SinceError(SettingsError):
    """The changed lines cannot be told; the text is one line: what is wrong, and what to do."""


@dataclass(frozen=True)
class _Repository:
    """One repository: its commit to compare with (None: it was not there yet), and what has changed in it."""

    top: str
    commit: str | None
    tracked: frozenset[str] = frozenset()
    #: Path now -> status letter and path then.
    changed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    rows: Mapping[str, Rows] = field(default_factory=dict)


class Since:
    """Answers for each file which of its lines have changed. ``REV...`` means where this branch left ``REV``.

    The revision is one of the repository around the current folder; what a submodule below was then, its superproject
    says.
    """

    def __init__(self, revision: str) -> None:
        if not revision.strip(".") or revision.startswith("-"):
            raise SinceError(f"--since {revision!r}: not a revision; name a commit, branch or tag")
        self.revision = revision
        self._home = _top(os.path.realpath(os.getcwd()))
        self._repository = cache(self._read)
        self._commit = cache(self._commit_of)

    def rows(self, path: str) -> Rows:
        """Return the changed lines of the file at the absolute ``path``, for a notebook those of its code.

        A file that git does not know is changed as a whole. Raises SinceError.
        """
        real = os.path.realpath(path)
        top = _top(os.path.dirname(real))
        if top is None:  # a link that leads out of the repository
            real, top = path, _top(os.path.dirname(os.path.abspath(path)))
        if top is None:
            raise SinceError(f"--since: {shown(path)} is in no git repository; check it in a run of its own")
        repository = self._repository(top)
        name = os.path.relpath(real, top).replace(os.sep, "/")
        if repository.commit is None or name not in repository.tracked:
            return WHOLE
        if name not in repository.changed:
            return ()
        status, before = repository.changed[name]
        if status == "A":
            return WHOLE
        if name.lower().endswith(".ipynb"):
            return self._notebook_rows(repository, before, real)
        rows = repository.rows.get(name)
        if rows is None and not name.endswith(SUFFIXES):
            rows = self._hunks(top, repository.commit, [f":(literal){each}" for each in {name, before}]).get(name)
        # Of a file in a merge conflict git may not tell any lines.
        return rows if rows is not None else WHOLE if status == "U" else ()

    def require_revision(self) -> None:
        """Raise SinceError if the revision means nothing here; for a run in which no file asked."""
        if self._repository.cache_info().currsize == 0:
            if self._home is None:
                raise SinceError("--since: the current folder is in no git repository; run it in one")
            self._commit(self._home)

    def _read(self, top: str) -> _Repository:
        commit = self._commit(top)
        if commit is None:
            return _Repository(top, None)
        tracked = _git(top, "ls-files", "-z").split(b"\0")
        changed = dict(_names(_git(top, *_DIFF, "--name-status", "-z", commit, "--")))
        patterns = [f"*{suffix}" for suffix in SUFFIXES if suffix != ".ipynb"]
        rows = self._hunks(top, commit, patterns) if changed else {}
        return _Repository(top, commit, frozenset(map(os.fsdecode, tracked)), changed, rows)

    def _hunks(self, top: str, commit: str, paths: list[str]) -> dict[str, Rows]:
        return dict(_hunks(_git(top, *_DIFF, "--unified=0", "--text", commit, "--", *paths)))

    def _commit_of(self, top: str) -> str | None:
        """Return the commit to compare the repository at ``top`` with; None where it was not there yet."""
        above = b"" if top == self._home else _git(top, "rev-parse", "--show-superproject-working-tree").rstrip(b"\n")
        if not above:
            return self._resolved(top)
        outer = os.path.realpath(os.fsdecode(above))
        commit = self._commit(outer)
        if commit is None:
            return None
        inner = os.path.relpath(top, outer).replace(os.sep, "/")
        mode, _, rest = _git(outer, "ls-tree", "-z", commit, "--", inner).partition(b" commit ")
        if mode != b"160000":
            return None
        then = rest.partition(b"\t")[0].decode()
        if _run(top, "cat-file", "-e", then + "^{commit}").returncode:
            raise SinceError(f"--since {self.revision}: commit {then[:12]} of {shown(top)} is not there; fetch it")
        return then

    def _resolved(self, top: str) -> str:
        name = self.revision.removesuffix("...")
        done = _run(top, "rev-parse", "--verify", "--quiet", name + "^{commit}")
        if done.returncode:
            why = _last_line(done.stderr)
            reason = f": {why}" if why else "; fetch it or name another"
            raise SinceError(f"--since {self.revision}: no such commit in {shown(top)}{reason}")
        commit = done.stdout.decode().strip()
        if name == self.revision:
            return commit
        done = _run(top, "merge-base", commit, "HEAD")
        if done.returncode:
            raise SinceError(f"--since {self.revision}: it has no commit in common with HEAD; fetch more of both")
        return done.stdout.decode().split()[0]

    def _notebook_rows(self, repository: _Repository, before: str, path: str) -> Rows:
        """Return the changed lines of a notebook's code; outputs, counters and the JSON's own lines tell nothing."""
        from reglint.source import SourceError, source_from_bytes

        try:
            with open(path, "rb") as file:
                new = source_from_bytes(file.read(), path)
            then = _git(repository.top, "cat-file", "blob", f"{repository.commit}:{before}")
            old = source_from_bytes(then, before)
        except (SourceError, OSError):
            return WHOLE
        return changed_rows(old.text, new.text)


@cache
def _top(folder: str) -> str | None:
    """Return the folder of the repository around a real ``folder``."""
    while not os.path.lexists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


def _run(top: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {key: value for key, value in os.environ.items() if key not in _GITS_OWN}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    command = ["git", "-C", top, "--no-pager", *_CONFIGURATION, *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False, env=environment, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise SinceError("--since needs git, and there is none on the PATH; install it") from None
    except (OSError, ValueError) as error:
        raise SinceError(f"--since: git cannot be started: {error}") from None


def _git(top: str, *arguments: str) -> bytes:
    """Return what git prints. Raises SinceError with git's own last line."""
    done = _run(top, *arguments)
    if done.returncode:
        raise SinceError(f"--since: `git {arguments[0]}` failed in {shown(top)}: {_last_line(done.stderr)}")
    return done.stdout


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").strip().splitlines()
    fatal = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    return (fatal or lines or [""])[0]


def _names(output: bytes) -> Iterator[tuple[str, tuple[str, str]]]:
    """Takes ``--name-status -z``; yields the path of each file now, with the status letter and its path then."""
    fields = iter(output.split(b"\0"))
    for status in fields:
        if status:
            before = after = os.fsdecode(next(fields))
            if status[:1] in b"RC":
                after = os.fsdecode(next(fields))
            yield after, (status[:1].decode(), before)


def _hunks(patch: bytes) -> Iterator[tuple[str, Rows]]:
    """Takes a patch without context; yields each file's path and the lines that are new in it."""
    path = ""
    rows: list[tuple[int, int]] = []
    to_skip = [0, 0]
    for line in patch.split(b"\n"):
        if any(to_skip):
            # What a file holds may look like a header.
            to_skip[0] -= line[:1] == b"-"
            to_skip[1] -= line[:1] == b"+"
        elif line.startswith(b"+++ "):
            if path:
                yield path, merged(rows)
            path, rows = _path_in(line[4:]), []
        elif match := _HUNK.match(line):
            to_skip = [int(match[1] or 1), int(match[3] or 1)]
            first = int(match[2])
            rows.append((first, first + to_skip[1] - 1))
    if path:
        yield path, merged(rows)


def _path_in(header: bytes) -> str:
    """Return the path of a ``+++`` line: in quotes where it is odd, with a tab at its end where it has blanks."""
    if header.startswith(b'"'):
        inside = header[1 : header.rindex(b'"')]
        header = _ESCAPE.sub(lambda match: _unescaped(match[1]), inside)
    else:
        header = header.removesuffix(b"\t")
    return os.fsdecode(header.removeprefix(b"b/"))


def _unescaped(escape: bytes) -> bytes:
    return bytes([int(escape, 8)]) if len(escape) == 3 else _ESCAPED.get(escape, escape)
