"""reglint: does my regularization do what I think it does?

The functions here are the library: strings in, findings out. They import the engine only when called, so that
``import reglint`` costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reglint.findings import Applicability, Edit, Finding, Fix, Severity

if TYPE_CHECKING:
    from reglint.settings import Settings

__version__ = "0.1.0"
__all__ = [
    "Applicability",
    "Edit",
    "Finding",
    "Fix",
    "Severity",
    "__version__",
    "check_source",
    "fix_source",
]


def check_source(
    source: str | bytes,
    *,
    filename: str = "<stdin>",
    allowed: str | None = None,
    settings: Settings | None = None,
    modules: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Return the findings in ``source``; with ``modules`` (path to text) nothing is read from the disk.

    ``allowed`` says which Keras it is judged for, as ``--keras-version`` does (``keras>=2,<3; tensorflow==1.15``); else
    the manifests of the project do. Raises SettingsError for a version or a setting that means nothing.
    """
    from reglint import library

    return library.findings_of(source, filename, _judged_for(allowed, settings), modules)


def fix_source(
    source: str | bytes,
    *,
    filename: str = "<stdin>",
    allowed: str | None = None,
    settings: Settings | None = None,
    modules: Mapping[str, str] | None = None,
) -> tuple[bytes, list[Finding]]:
    """Return the mended bytes of ``source`` and the findings that are left in them; writes nothing.

    The parameters are those of :func:`check_source`.
    """
    from reglint import library

    return library.fixed(source, filename, _judged_for(allowed, settings), modules)


def _judged_for(allowed: str | None, settings: Settings | None) -> Settings | None:
    if allowed is None:
        return settings
    from dataclasses import replace

    from reglint.settings import Settings

    return replace(settings or Settings(), keras_version=allowed)
