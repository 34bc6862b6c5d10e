"""``--statistics``: how many findings each rule has, the most frequent first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from reglint.diagnostics import Diagnostic
from reglint.reports import Style


def lines(diagnostics: Sequence[Diagnostic], style: Style) -> Iterator[str]:
    """Yield a line for each code: count, code, whether all (``*``) or some (``-``) are fixable, name."""
    groups = _groups(diagnostics)
    if not groups:
        return
    width = len(str(len(groups[0])))
    code_width = max(len(group[0].code) for group in groups)
    any_fixable = any(_fixable(group, style) for group in groups)
    for group in groups:
        fixable = _fixable(group, style)
        mark = "[*] " if fixable == len(group) else "[-] " if fixable else "[ ] "
        code = style.paint(f"{group[0].code:<{code_width}}", "1;31")
        yield f"{len(group):>{width}}\t{code}\t{mark if any_fixable else ''}{group[0].name}"


def render(diagnostics: Sequence[Diagnostic], style: Style) -> str:
    """Return the same as JSON."""
    return json.dumps(
        [
            {
                "code": group[0].code,
                "name": group[0].name,
                "count": len(group),
                "fixable": _fixable(group, style) == len(group),
                "fixable_count": _fixable(group, style),
            }
            for group in _groups(diagnostics)
        ],
        indent=2,
    )


def _groups(diagnostics: Sequence[Diagnostic]) -> list[list[Diagnostic]]:
    by_code: dict[str, list[Diagnostic]] = {}
    for diagnostic in diagnostics:
        by_code.setdefault(diagnostic.code, []).append(diagnostic)
    return sorted(by_code.values(), key=lambda group: (-len(group), group[0].code))


def _fixable(group: Sequence[Diagnostic], style: Style) -> int:
    return sum(diagnostic.is_fixable(style.unsafe_fixes) for diagnostic in group)
