"""Notebooks: what their shell lines and magics install, and Colab's ``%tensorflow_version``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reglint.notebook import NotebookError, read_notebook
from reglint.pins.command_line import pins_of_commands, wanted_by_shell
from reglint.pins.pin import Pin, Unread, may_speak_of_keras
from reglint.pins.requirements import decoded

if TYPE_CHECKING:
    from reglint.project import Files


def read(path: str, files: Files) -> Iterator[Pin | Unread]:
    """Takes the path of a notebook; yields the pins of its cells, each with the cell and the line within the cell."""
    raw = files.read(path)
    if raw is None or not may_speak_of_keras(raw.replace(b"\0", b"")) or _INSTALLS.search(raw) is None:
        return
    document = decoded(raw)
    try:
        notebook = read_notebook(document)
    except NotebookError as error:
        yield Unread(path, document.count("\n", 0, error.offset) + 1, error.message)
        return
    for escape in notebook.escapes:
        text = escape.text
        cell, line, _ = notebook.position(escape.start)
        if version := _TENSORFLOW_VERSION.match(text):
            yield Pin("tensorflow", f"=={version[1]}.*", path, line, " ".join(text.split()), cell=cell)
            continue
        script, below = _script(text)
        yield from pins_of_commands(wanted_by_shell(script), path, line + below, files, cell=cell)


_INSTALLS = re.compile(rb"install|tensorflow_version|\badd\b|\bcreate\b|\0")
# Colab takes 1.x and 2.x, and 1 and 2.
_TENSORFLOW_VERSION = re.compile(r"%tensorflow_version\s+[\"']?(\d{1,3})(?!\d)")
_SHELL_CELL = re.compile(
    r"\s*%%(?:bash|sh|zsh|!|sx|system|script\s+(?:\S*/)?(?:env\s+)?(?:ba|z)?sh)(?=\s|$)[^\r\n]*|\s*%sh[ \t]*(?=[\r\n])"
)
_INSTALLER_MAGIC = re.compile(r"%{1,2}(?=(?:pip3?|conda|mamba|micromamba|uv)\s)")
_SHELL_LINE = re.compile(r"!{1,2}|%(?:sx|system|sh)(?=\s)")


def _script(text: str) -> tuple[str, int]:
    """Takes what IPython takes for itself; returns the shell's share, and how many lines down that begins."""
    cell = _SHELL_CELL.match(text)
    if cell:
        return text[cell.end() :], text.count("\n", 0, cell.end())
    prefix = _INSTALLER_MAGIC.match(text) or _SHELL_LINE.match(text)
    return (text[prefix.end() :], 0) if prefix else ("", 0)
