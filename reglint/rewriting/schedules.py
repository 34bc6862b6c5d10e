"""The schedule that does what an optimizer's `decay` did (``rules/facts/optimizers.toml``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import libcst as cst

from reglint.names.scopes import Mention, Place
from reglint.names.values import InstanceValue, Symbol
from reglint.rewriting.imports import Brought, bring
from reglint.rewriting.plan import Plan
from reglint.rewriting.written import Written, is_plain, without
from reglint.rulebook import facts
from reglint.usage.file import File
from reglint.usage.standing import standing
from reglint.usage.symbols import is_said


class Decay:
    """A call of an optimizer that passes a `decay`: ``every`` are its arguments, ``mine`` is the `decay`."""

    def __init__(
        self, file: File, package: str, row: Mapping[str, Any], call: cst.Call, place: Place, every: Sequence[Written]
    ) -> None:
        self._file = file
        self._package = package
        self._row = row
        self._call = call
        self._place = place
        self._every = every

    def plan(self, mine: Written) -> Plan:
        """Edits that put the schedule in the place of the learning rate, and take the `decay` out."""
        rates = self._rates()
        if any(one.arg.star for one in self._every) or len(rates) > 1:
            return Plan(withheld=self._row["instead"])
        rate = rates[0] if rates else None
        if rate is None and not self._is_default_known():
            return Plan(withheld="it is not known what the learning rate is")
        if rate is not None and not self._is_number(rate):
            return Plan(withheld="the learning rate may be something else than a number")
        if rate is not None and not is_plain(mine.arg.value) and self._every.index(mine) != self._every.index(rate) + 1:
            return Plan(withheld="other arguments are calculated before it")
        schedule = bring(self._file, self._package, facts("optimizers")["schedule"]["path"], self._place)
        if schedule is None:
            return Plan(withheld=self._row["instead"])
        plan = self._in_place(mine, schedule) if rate is None else self._wrapped(rate, mine, schedule)
        return plan._replace(doubt="; ".join(filter(None, self._doubts(rate))))

    def _rates(self) -> list[Written]:
        """The learning rate, by keyword or in first place; both where both are there."""
        names = facts("optimizers")["schedule"]["rates"]
        first = self._every[0]
        by_position = first.arg.keyword is None and self._is_called_itself()
        return [
            one
            for one in self._every
            if (one is first and by_position) or (one.arg.keyword is not None and one.arg.keyword.value in names)
        ]

    def _is_default_known(self) -> bool:
        """Does the table say which learning rate a call without one had? tf.keras changed those that differ today."""
        differs = "today" in self._row and self._file.api.is_keras2_only(self._package)
        return self._is_called_itself() and not differs

    def _is_number(self, rate: Written) -> bool:
        values = self._file.resolver.values(rate.arg.value, self._place)
        return is_plain(rate.arg.value) and not any(isinstance(value, InstanceValue) for value in values)

    def _is_called_itself(self) -> bool:
        """Is the callee the optimizer's class, and not what hands its arguments on?"""
        values = self._file.resolver.values(self._call.func, self._place)
        names = [self._file.api.keras_name(value.qualname) if isinstance(value, Symbol) else None for value in values]
        namespace = facts("packages")["namespaces"]["optimizers"]
        return bool(names) and all(name is not None and name.path[:1] == (namespace,) for name in names)

    def _in_place(self, mine: Written, schedule: Brought) -> Plan:
        """The schedule where the `decay` was, with the learning rate that the class had by itself."""
        file, keyword = self._file, mine.arg.keyword
        assert keyword is not None
        name = facts("optimizers")["schedule"]["rates"][-1]
        edits = [
            file.replace(*file.span(keyword), name),
            file.replace(mine.value, mine.value, f"{schedule.spelling}({self._row['default']}, 1, "),
            file.replace(mine.end, mine.end, ")"),
        ]
        return Plan((*edits, *schedule.edits))

    def _wrapped(self, rate: Written, mine: Written, schedule: Brought) -> Plan:
        """The schedule around the learning rate."""
        file = self._file
        cuts = without(file, self._every, [mine])
        if cuts is None or "\n" in mine.text(file):
            return Plan(withheld="a comment would go with it" if cuts is None else self._row["instead"])
        edits = [
            file.replace(rate.value, rate.value, f"{schedule.spelling}("),
            file.replace(rate.end, rate.end, f", 1, {mine.text(file)})"),
        ]
        old, new = facts("optimizers")["schedule"]["rates"]
        if rate.arg.keyword is not None and rate.arg.keyword.value == old:
            edits.append(file.replace(*file.span(rate.arg.keyword), new))
        return Plan((*edits, *cuts, *schedule.edits))

    def _doubts(self, rate: Written | None) -> list[str]:
        known, row = facts("optimizers")["schedule"], self._row
        doubts = [standing(self._file, self._package, row["fails"], known["offered"]).doubt]
        if rate is None and "today" in row:
            doubts.append(f"its learning rate was {row['default']} in Keras 2 and is {row['today']} today")
        setter = next((name for name in known["setters"] if is_said(self._file, name)), None)
        if setter is not None or self._sets_attribute():
            doubts.append("the learning rate of a schedule can't be set" + (f" by `{setter}`" if setter else ""))
        return doubts

    def _sets_attribute(self) -> bool:
        """Does the file set the learning rate of an object?"""
        names = facts("optimizers")["schedule"]["rates"]
        return any(_is_set(mention) for name in names for mention in self._file.mentions(name))


def _is_set(mention: Mention) -> bool:
    """``optimizer.lr = …``, ``optimizer.lr.assign(…)``, ``K.set_value(optimizer.lr, …)``."""
    around = mention.above.up
    if (
        not isinstance(mention.above.node, cst.Attribute)
        or mention.above.node.attr is not mention.node
        or around is None
    ):
        return False
    if isinstance(around.node, (cst.AssignTarget, cst.AugAssign)):
        return True
    call = around.up.node if isinstance(around.node, cst.Arg) and around.up is not None else None
    name = call.func if isinstance(call, cst.Call) else around.node
    last = name.attr if isinstance(name, cst.Attribute) else name
    return isinstance(last, cst.Name) and last.value in facts("optimizers")["schedule"]["setting"]
