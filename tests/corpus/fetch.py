"""Fetches the published packages that the tests marked `corpus` read, without running any of their code.

The lists, with their checksums, are `expected.toml` and `allowed.toml` beside this file. Every archive is found by pip,
so the index, proxy and certificates are the ones the user configured; it is unpacked to `$REGLINT_CORPUS` (default
`~/.cache/reglint/corpus`), one folder `NAME-VERSION` each.

    python tests/corpus/fetch.py            fetch what is missing
    python tests/corpus/fetch.py NAME...    only these packages
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LISTS = tuple(Path(__file__).with_name(name) for name in ("expected.toml", "allowed.toml"))


class CorpusError(Exception):
    """An archive that cannot be found, does not match its checksum, or does not unpack safely."""


@dataclass(frozen=True)
class Archive:
    """One pinned archive of the corpus."""

    name: str
    version: str
    sha256: str

    @property
    def folder(self) -> str:
        """The folder's name inside the cache."""
        return f"{self.name}-{self.version}"


def cache_folder() -> Path:
    """The folder that holds the unpacked archives; it may not exist yet."""
    return Path(os.environ.get("REGLINT_CORPUS") or Path.home() / ".cache" / "reglint" / "corpus")


def archives() -> tuple[Archive, ...]:
    """The pinned archives, in the order of the lists; one that two lists name comes once."""
    entries = [entry for path in LISTS for entry in tomllib.loads(path.read_text("utf-8"))["sdist"]]
    return tuple(dict.fromkeys(Archive(entry["name"], entry["version"], entry["sha256"]) for entry in entries))


def fetch(wanted: Iterable[Archive], cache: Path) -> Iterator[Path]:
    """Yields the unpacked folder of each wanted archive, fetching those that the cache lacks."""
    missing = []
    for archive in wanted:
        folder = cache / archive.folder
        if folder.is_dir():
            yield folder
        else:
            missing.append(archive)
    for archive, content in _downloads(missing):
        found = hashlib.sha256(content).hexdigest()
        if found != archive.sha256:
            raise CorpusError(f"{archive.folder}: sha256 is {found}, expected {archive.sha256}: wrong file")
        yield _unpack(content, cache / archive.folder)


def _downloads(wanted: Sequence[Archive]) -> Iterator[tuple[Archive, bytes]]:
    """Yields each archive's bytes, found where pip would find them.

    `pip download` builds an sdist's metadata, that is, runs its setup.py, and has no switch against that; so pip's
    finder and session are used directly. They are not public: whatever they raise means that the corpus could not be
    fetched, not that reglint failed.
    """
    if not wanted:
        return
    try:
        from pip._internal.commands import create_command

        command: Any = create_command("download")
        options, _ = command.parse_args(["--no-deps"])
        with command.main_context():
            session = command.get_default_session(options)
            finder = command._build_package_finder(options, session=session, ignore_requires_python=True)
            for archive in wanted:
                yield archive, _content(session, _link(finder, archive))
    except CorpusError:
        raise
    except Exception as error:
        raise CorpusError(f"pip cannot fetch the corpus: {type(error).__name__}: {error}") from error


def _link(finder: Any, archive: Archive) -> Any:
    """The link of the file with the pinned checksum, else of the version's only sdist."""
    links = [found.link for found in finder.find_all_candidates(archive.name) if str(found.version) == archive.version]
    for link in links:
        if link.hash_name == "sha256" and link.hash == archive.sha256:
            return link
    sdists = [link for link in links if not link.is_wheel]
    if len(sdists) != 1:
        raise CorpusError(f"{archive.folder}: {len(sdists)} matching files on the index; see `pip config list`")
    return sdists[0]


def _content(session: Any, link: Any) -> bytes:
    """The bytes behind a link, over the network or from a local folder."""
    if link.is_file:
        return Path(link.file_path).read_bytes()
    response = session.get(link.url_without_fragment, headers={"Accept-Encoding": "identity"})
    response.raise_for_status()
    return bytes(response.content)


def _unpack(content: bytes, folder: Path) -> Path:
    """Unpacks an archive to `folder`, without the top folder that sdists have; all of it or nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as temporary:
        top = Path(temporary, "content")
        top.mkdir()
        if zipfile.is_zipfile(io.BytesIO(content)):
            _unpack_zip(content, top)
        else:
            _unpack_tar(content, top)
        inside = list(top.iterdir())
        root = inside[0] if len(inside) == 1 and inside[0].is_dir() else top
        try:
            root.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was quicker
                raise
    return folder


def _unpack_zip(content: bytes, top: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(top)  # zipfile drops drive letters and `..` itself, and makes no links


def _unpack_tar(content: bytes, top: Path) -> None:
    """Writes the plain files of a tar archive; links and devices are left out, for no test reads through them."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts:
                raise CorpusError(f"the archive holds the unsafe path {member.name!r}")
            source = archive.extractfile(member) if member.isfile() else None
            if source is not None:
                target = top.joinpath(*path.parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read())


def main(names: Sequence[str]) -> int:
    """Fetches the named packages (all when there is none), and prints where they are."""
    known = archives()
    unknown = sorted(set(names) - {archive.name for archive in known})
    if unknown:
        print(f"not in the lists: {', '.join(unknown)}", file=sys.stderr)
        return 2
    try:
        for folder in fetch([archive for archive in known if not names or archive.name in names], cache_folder()):
            print(folder)
    except CorpusError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
