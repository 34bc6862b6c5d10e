"""Completion scripts for shells: shtab draws them from the parser, so that every option is in them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the script for ``bash``, ``zsh`` or ``fish``; raise ImportError where shtab is not installed."""
    import shtab

    from reglint.rulebook import load_cards

    for action in _actions(parser):
        if action.metavar in ("FILE", "PATHS"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.metavar in ("CODE", "CODES"):
            action.choices = list(load_cards())
    return str(shtab.complete(parser, shell=shell))


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the options and arguments of a parser and of its commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
        else:
            yield action
