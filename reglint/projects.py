"""The projects below some paths, and which Keras each of them allows: what ``reglint keras`` tells."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from reglint.discovery import Discovery
from reglint.inspector import Inspector
from reglint.pins import Unread, allowed_by, allowed_by_notebook
from reglint.project import Project
from reglint.versions import PACKAGES, Allowed, Bound, Release

if TYPE_CHECKING:
    from reglint.settings import Resolver, Settings


class PackageRange(NamedTuple):
    """What is allowed of one package: the bounds and where they stand, the releases, and what runs when it is imported.

    ``engines`` are the releases whose code that is: those of ``keras`` behind tf.keras from TensorFlow 2.16 on.
    """

    package: str
    bounds: tuple[Bound, ...]
    releases: tuple[Release, ...]
    engines: tuple[Release, ...]


class ProjectRange(NamedTuple):
    """One project, or a notebook that installs a Keras of its own: where it is and what it allows."""

    path: str
    packages: tuple[PackageRange, ...]
    unread: tuple[Unread, ...] = ()


def ranges_below(paths: Sequence[str], resolver: Resolver, problems: list[str]) -> Iterator[ProjectRange]:
    """What each project with a file below ``paths`` allows, in the order of paths; adds to ``problems`` what failed."""
    discovery = Discovery(resolver)
    inspector = Inspector()
    targets = sorted(discovery.targets(paths), key=lambda target: target.path)
    projects: dict[str, tuple[Project, Settings]] = {}
    for target in targets:
        project = inspector.project(target.path)
        projects.setdefault(project.root, (project, target.settings))
    for project, settings in projects.values():
        manifests = inspector.manifests(project)
        stated = inspector.rules(settings).stated or Allowed()
        declared = allowed_by(manifests, project.root)
        allowed = stated.over(declared)
        yield ProjectRange(project.root, tuple(_packages(allowed)), manifests.unread)
        for target in targets:
            if _is_notebook(target.path) and inspector.project(target.path).root == project.root:
                raw = project.read(target.path) or b""
                installed = allowed_by_notebook(target.path, raw, project.root, project.files)
                own = stated.over(installed.over(declared))
                if own != allowed:
                    yield ProjectRange(target.path, tuple(_packages(own)))
    problems += resolver.problems + discovery.problems


def _packages(allowed: Allowed) -> Iterator[PackageRange]:
    """``keras`` and ``tensorflow``, and the others where something is said of them."""
    for package in PACKAGES:
        bounds = allowed.bounds.get(package, ())
        if bounds or package in PACKAGES[:2]:
            yield PackageRange(package, bounds, allowed.releases(package), allowed.engines(package))


def _is_notebook(path: str) -> bool:
    return os.path.splitext(path)[1] == ".ipynb"
