"""Pins of ``setup.cfg``: what setuptools reads from ``[options]`` and ``[options.extras_require]``."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reglint.lines import LINE_END
from reglint.pins.pin import Pin, Unread, may_speak_of_keras, pin_of

if TYPE_CHECKING:
    from reglint.project import Files

_OPTIONS = ("install_requires", "tests_require", "requires")
_MARK = "\0"
_COMMENT = re.compile(r"(^|\s)#.*$")


def read(path: str, files: Files) -> Iterator[Pin | Unread]:
    """The pins of a ``setup.cfg``, those of the files of requirements that it names included."""
    raw = files.read(path)
    if raw is None or not (may_speak_of_keras(raw) or b"file:" in raw):
        return
    try:
        parser = _parsed(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        problem: Unread = Unread(path, raw.count(b"\n", 0, error.start) + 1, "not UTF-8; save it as UTF-8")
    except configparser.Error as error:
        problem = Unread(
            path, _line_of(error), "not valid as a configuration file: neither a section nor `key = value`"
        )
    else:
        for value in _values(parser):
            yield from _pins(value, path, files)
        return
    if may_speak_of_keras(raw):
        yield problem


def _parsed(text: str) -> configparser.RawConfigParser:
    """The configuration, each line of a value with its number behind a mark: the parser itself keeps no positions."""
    marked = (
        line if not line.strip() or line.lstrip()[0] in "#;" else f"{line.replace(_MARK, '')}{_MARK}{number}"
        for number, line in enumerate(LINE_END.split(text), start=1)
    )
    parser = configparser.RawConfigParser(strict=False)
    parser.read_file(marked)
    return parser


def _line_of(error: configparser.Error) -> int:
    errors = getattr(error, "errors", None)
    return int(errors[0][0] if errors else getattr(error, "lineno", None) or 1)


def _values(parser: configparser.RawConfigParser) -> Iterator[str]:
    """The values that list requirements."""
    for section in parser.sections():
        for key, value in parser.items(section):
            if section == "options.extras_require" or (section == "options" and key.replace("-", "_") in _OPTIONS):
                yield value


def _pins(value: str, path: str, files: Files) -> Iterator[Pin | Unread]:
    lines = [
        (text.strip(), int(number or 1)) for text, _, number in (row.partition(_MARK) for row in value.split("\n"))
    ]
    lines = [(text, number) for text, number in lines if text]
    if lines and lines[0][0].startswith("file:"):
        yield from _named_files(",".join(text for text, _ in lines)[len("file:") :], path, files)
        return
    for text, number in lines:
        # In a value of one line, setuptools separates requirements by semicolons and knows no markers.
        for part in [text] if "\n" in value else text.split(";"):
            pin = pin_of(_COMMENT.sub("", part), path, number)
            if pin is not None:
                yield pin


def _named_files(names: str, path: str, files: Files) -> Iterator[Pin | Unread]:
    """Pins of the files of requirements behind ``file:``."""
    from reglint.pins import requirements

    for name in filter(None, map(str.strip, names.split(","))):
        target = os.path.join(os.path.dirname(path), os.path.normpath(name))
        if files.is_file(target):
            yield from requirements.read(target, files)
