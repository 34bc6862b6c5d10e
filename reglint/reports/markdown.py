"""``--output-format markdown``: a summary for the page of a CI job, in GitHub's Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from reglint.diagnostics import Diagnostic
from reglint.findings import Severity
from reglint.reports import Style, Summary, place_of, printable
from reglint.reports.places import root_of

#: GitHub refuses a summary of more than 1 MiB: 250 rows of some 600 characters stay far below.
FILES, FINDINGS, PROBLEMS, CHARACTERS = 50, 100, 20, 300


def lines(summary: Summary, style: Style) -> Iterator[str]:
    """Yield headline, a table by rule, one by file, and the findings, as far as they are worth reading on a page."""
    left = summary.left
    yield f"## reglint: {_headline(summary)}"
    for problem in summary.problems[:PROBLEMS]:
        yield f"\n- could not be checked: {_text(problem)}"
    if not left:
        return
    root = root_of(left)
    yield from ("", "| rule | name | severity | findings | fixable |", "|---|---|---|---:|---:|")
    yield from _by_rule(left, style)
    paths = Counter(root.shown(diagnostic.path) for diagnostic in left)
    yield from ("", "| file | errors | warnings | infos |", "|---|---:|---:|---:|")
    kinds = Counter((root.shown(diagnostic.path), diagnostic.severity) for diagnostic in left)
    for path, _ in sorted(paths.items(), key=lambda item: (-item[1], item[0]))[:FILES]:
        yield _row(_span(path), *(str(kinds[path, severity]) for severity in Severity))
    yield from _rest(len(paths) - FILES, "files")
    yield from ("", "<details><summary>Findings</summary>", "", "| place | code | what |", "|---|---|---|")
    for diagnostic in left[:FINDINGS]:
        place = _span(f"{root.shown(diagnostic.path)}:{place_of(diagnostic)}")
        yield _row(place, diagnostic.code, _text(diagnostic.message))
    yield from _rest(len(left) - FINDINGS, "findings")
    yield from ("", "</details>")


def _headline(summary: Summary) -> str:
    counts = Counter(diagnostic.severity for diagnostic in summary.left)
    named = [f"{counts[severity]} {_plural(counts[severity], severity.value)}" for severity in Severity]
    found = ", ".join(each for each, severity in zip(named, Severity, strict=True) if counts[severity])
    if summary.left:
        files = len({diagnostic.path for diagnostic in summary.left})
        found += f" in {files} {_plural(files, 'file')}"
    elif summary.failed:
        found = "not everything could be checked"
    fixed = f"{summary.applied} fixed" if summary.applied else ""
    return ", ".join(filter(None, (found, fixed))) or "all checks passed"


def _by_rule(left: Sequence[Diagnostic], style: Style) -> Iterator[str]:
    groups: dict[tuple[str, str, str], list[Diagnostic]] = {}
    for diagnostic in left:
        groups.setdefault((diagnostic.code, diagnostic.name, diagnostic.severity.value), []).append(diagnostic)
    for (code, name, severity), group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        fixable = sum(diagnostic.is_fixable(style.unsafe_fixes) for diagnostic in group)
        yield _row(code, _text(name), severity, str(len(group)), str(fixable))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _rest(count: int, what: str) -> Iterable[str]:
    return ("", f"… and {count} more {what}.") if count > 0 else ()


def _plural(count: int, word: str) -> str:
    return word if count == 1 else word + "s"


_MARKUP = re.compile(r"[\\`*_\[\]<>&|~$]")


def _span(text: str) -> str:
    """Return a text that shows in a table's cell as code: in a place such as ``a.py:100:5`` GitHub sees emoji."""
    text = printable(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return fence + pad + text.replace("|", "\\|") + pad + fence


def _text(text: str) -> str:
    """Return a text that shows in a table's cell as it is, shortened; what stands between backticks shows as code."""
    text = printable(" ".join(text.split()))
    text = text if len(text) <= CHARACTERS else text[: CHARACTERS - 1] + "…"
    parts = text.split("`")
    if len(parts) % 2 == 0 or not all(part.strip() for part in parts[1::2]) or not all(parts[2:-1:2]):
        return _plain(text)
    return "".join(f"`{_code(part)}`" if number % 2 else _plain(part) for number, part in enumerate(parts))


def _code(text: str) -> str:
    return text.strip().replace("|", "\\|")


def _plain(text: str) -> str:
    """Return the text with every character that may mean something as a reference, which means nothing anywhere."""
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", text)
