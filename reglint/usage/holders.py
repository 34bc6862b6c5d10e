"""Which expressions are regularizers with an effect, and how messages name them."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst

from reglint.names.scopes import Place
from reglint.usage.arguments import Argument, is_regularizer
from reglint.usage.compatibility import Guards
from reglint.usage.file import File
from reglint.usage.penalties import Penalty
from reglint.usage.strength import is_zero


def is_penalty(file: File, node: cst.BaseExpression, place: Place) -> bool:
    """Is one of the values surely a regularizer whose strength isn't seen to be 0?"""
    values = file.resolver.values(node, place)
    return any(is_regularizer(file, value) and not is_zero(file, value, node) for value in values)


def is_guarded(guards: Guards, argument: Argument) -> bool:
    """Does the program choose by Keras's version whether it passes the argument?"""
    return guards.in_old_arm(argument.mention) or guards.is_prepared(argument.mention)


def listed(found: Iterable[Penalty]) -> str:
    """Regularizers as a message names them: the kernel_regularizer of Dense, in backquotes."""
    return " and ".join(dict.fromkeys(f"the `{p.keyword}` of `{p.layer}`" for p in found))
