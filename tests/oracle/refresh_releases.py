"""Write ``rules/facts/releases.toml`` from the package index that pip is set up for.

    python tests/oracle/refresh_releases.py ACTIVITY_LOSS.txt > rules/facts/releases.toml

ACTIVITY_LOSS.txt is the measured table of activity losses, whose rows name the ``tf.keras.__version__`` of TensorFlow
releases. Takes a few minutes: pip (23.2 or newer, which reads a wheel's metadata without the wheel) is asked once for
every release of TensorFlow that requires a Keras. Never edit the result by hand.
"""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

HEADER = """\
# Final releases of the packages that bring a Keras (yanked ones included, since locks still name them), and which Keras
# comes with TensorFlow. Written by tests/oracle/refresh_releases.py; do not edit.
#
# date      the day on which the index was asked
# released  in ascending order; `tensorflow` is the union of tensorflow, tensorflow-gpu and tensorflow-cpu
#
# [[brings]] tells for releases of TensorFlow what tf.keras is there. Releases before 1.4 have none.
#
# keras     "own": TensorFlow's own copy. Else the requirement on the package `keras`, as the wheels' metadata has it
# version   tf.keras.__version__ of an own copy, as measured on the release `measured`; other releases of the same minor
#           version may differ. Absent: not measured
"""

DISTRIBUTIONS = {
    "keras": ("keras",),
    "tensorflow": ("tensorflow", "tensorflow-gpu", "tensorflow-cpu"),
    "tf-keras": ("tf-keras",),
    "keras-core": ("keras-core",),
}
FIRST_TF_KERAS = Version("1.4")  # TensorFlow 1.2 and 1.3 have tf.contrib.keras only.
FIRST_WITH_PACKAGE = Version("2.6")  # From here on tf.keras is the package `keras`.
_FILE = re.compile(r"/([^/\s#]+(?:\.whl|\.tar\.gz|\.zip))(?=[\s#]|$)", re.MULTILINE)
_MEASURED = re.compile(r"^tf\.keras TF (\S+) \(keras (\S+)\)", re.MULTILINE)


class Wheel(NamedTuple):
    """A file of one release, which pip can be asked for by its tag."""

    version: Version
    tag: Tag


class Brings(NamedTuple):
    """What tf.keras is in one release of TensorFlow."""

    release: Version
    keras: str
    version: str | None = None
    measured: str | None = None

    @property
    def row(self) -> tuple[str, str | None, str | None]:
        """What must be equal for two releases of a minor version to share a row."""
        return self.keras, self.version, self.measured


# ---------------------------------------------------------------------------------------------------------- the index


def pip(*arguments: str) -> str:
    """What pip prints; it also fails where no file fits this Python, which does not matter here."""
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False).stdout


def file_names(distribution: str) -> set[str]:
    """The names of all files of a distribution, those for other Pythons and the yanked ones included.

    ``pip index versions`` counts neither; but when verbose it names every file that it skips.
    """
    found = set(_FILE.findall(pip("index", "versions", distribution, "--ignore-requires-python", "-vv")))
    if not found:
        raise SystemExit(f"pip finds no file of {distribution}")
    return found


def version_of(name: str, distribution: str) -> Version | None:
    """The version in a file's name, or None for a file of another distribution or one that nothing can install."""
    try:
        parsed = parse_wheel_filename(name)[:2] if name.endswith(".whl") else parse_sdist_filename(name)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
    return parsed[1] if parsed[0] == canonicalize_name(distribution) else None


def released(distributions: Iterable[str]) -> list[Version]:
    """The final releases of some distributions, in order."""
    versions = {version_of(name, distribution) for distribution in distributions for name in file_names(distribution)}
    return sorted(version for version in versions if version and not version.is_prerelease and not version.local)


def linux_wheels(distribution: str) -> Iterator[Wheel]:
    """For each release a wheel for Linux, which always holds the whole of TensorFlow, and requires all that it needs.

    (Those for Windows and macOS were at times empty and required tensorflow-intel or tensorflow-macos instead.)
    """
    seen = set()
    for name in sorted(file_names(distribution)):
        version = version_of(name, distribution)
        if version is None or version in seen or not name.endswith(".whl"):
            continue
        tags = parse_wheel_filename(name)[3]
        tag = next((tag for tag in sorted(tags, key=str) if re.search("linux.*_x86_64", tag.platform)), None)
        if tag:
            seen.add(version)
            yield Wheel(version, tag)


def requirement_on_keras(wheel: Wheel) -> str:
    """The bounds that a release of TensorFlow sets to the package ``keras``."""
    report = pip(
        *("install", "--dry-run", "--no-deps", "--ignore-requires-python", "--quiet", "--report", "-"),
        *("--target", "nowhere", "--only-binary", ":all:", "--platform", wheel.tag.platform),
        *("--python-version", wheel.tag.interpreter.removeprefix("cp"), "--abi", wheel.tag.abi),
        f"tensorflow=={wheel.version}",
    )
    metadata = json.loads(report)["install"][0]["metadata"]
    requirements = [Requirement(line) for line in metadata["requires_dist"] if re.match(r"keras(?![\w.-])", line)]
    bounds = {",".join(sorted(map(str, found.specifier), reverse=True)) for found in requirements}
    if len(bounds) != 1:
        raise SystemExit(f"tensorflow {wheel.version} requires {bounds or 'no'} keras")
    return bounds.pop()


# ---------------------------------------------------------------------------------------------------------- the table


def own_copies(versions: Iterable[Version], measured: Mapping[str, str]) -> Iterator[Brings]:
    """The releases whose tf.keras is TensorFlow's own."""
    minors = {Version(release).release[:2]: (version, release) for release, version in measured.items()}
    for version in versions:
        if FIRST_TF_KERAS <= version < FIRST_WITH_PACKAGE:
            yield Brings(version, "own", *minors.get(version.release[:2], (None, None)))


def with_package(wheels: Iterable[Wheel]) -> Iterator[Brings]:
    """The releases whose tf.keras is the package ``keras``."""
    for wheel in wheels:
        if not wheel.version.is_prerelease and wheel.version >= FIRST_WITH_PACKAGE:
            yield Brings(wheel.version, requirement_on_keras(wheel))


def rows(brought: Iterable[Brings]) -> Iterator[dict[str, str]]:
    """Releases of one minor version that bring the same in one row."""
    for minor, releases in groupby(sorted(brought), lambda item: item.release.release[:2]):
        parts = [list(part) for _, part in groupby(releases, lambda item: item.row)]
        starts = [".".join(map(str, minor)), *(str(part[0].release) for part in parts[1:])]
        ends = [*starts[1:], f"{minor[0]}.{minor[1] + 1}"]
        for start, end, part in zip(starts, ends, parts, strict=True):
            row = {"tensorflow": f">={start},<{end}", **part[0]._asdict()}
            yield {key: value for key, value in row.items() if key != "release" and value is not None}


def toml_list(name: str, items: Iterable[Any]) -> Iterator[str]:
    """A list of strings under a key, filled up to the length of a line."""
    yield f"{name} = ["
    line = "   "
    for item in items:
        if len(line) + len(f' "{item}",') > 120:
            yield line
            line = "   "
        line += f' "{item}",'
    yield line
    yield "]"


def lines(measured: Mapping[str, str]) -> Iterator[str]:
    """The file, line by line; ``measured`` maps releases of TensorFlow to the version of their tf.keras."""
    versions = {package: released(distributions) for package, distributions in DISTRIBUTIONS.items()}
    yield f"{HEADER}\ndate = {datetime.datetime.now(datetime.timezone.utc).date()}\n\n[released]"
    for package, found in versions.items():
        yield from toml_list(package, found)
    for row in rows([*own_copies(versions["tensorflow"], measured), *with_package(linux_wheels("tensorflow"))]):
        yield "\n[[brings]]"
        yield from (f"{key} = {json.dumps(value)}" for key, value in row.items())


def main(arguments: list[str]) -> int:
    """Print the table, with the measured versions from the file named first."""
    if len(arguments) != 1:
        print("usage: refresh_releases.py ACTIVITY_LOSS.txt > rules/facts/releases.toml", file=sys.stderr)
        return 2
    measured = dict(_MEASURED.findall(Path(arguments[0]).read_text(encoding="utf-8")))
    print("\n".join(lines(measured)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
