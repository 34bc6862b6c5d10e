"""Which Keras a file works with."""

from __future__ import annotations

from reglint.usage.file import File


def imported_package(file: File) -> str:
    """The Keras that the file imports; ``keras`` where it imports none itself."""
    for base, level in file.names.imported:
        name = file.api.keras_name(base) if not level else None
        if name is not None:
            return name.package
    return "tensorflow" if any(base == "tensorflow" for base, _ in file.names.imported) else "keras"
