"""``--output-format junit``: JUnit XML as Jenkins reads it, a suite for each file and a test for each finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reglint.diagnostics import Diagnostic
from reglint.findings import Severity
from reglint.reports import Style, Summary, place_of, printable
from reglint.reports.places import Root, root_of
from reglint.settings import UNREADABLE


def lines(summary: Summary, style: Style) -> Iterator[str]:
    """Yield the report; characters that are not ASCII are written as references, so that no encoding can be wrong."""
    root = root_of(summary.left)
    suites = Element("testsuites", name="reglint")
    for path, group in groupby(summary.left, key=lambda diagnostic: diagnostic.path):
        _add_suite(suites, printable(root.shown(path)), list(group), root)
    if not summary.left:  # Jenkins takes a report without a test for a broken run
        suite = SubElement(suites, "testsuite", name="reglint", tests="1", failures="0", errors="0", skipped="0")
        SubElement(suite, "testcase", name="No findings", classname="reglint")
    indent(suites)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield tostring(suites, encoding="us-ascii").decode()


def _add_suite(suites: Element, name: str, diagnostics: Sequence[Diagnostic], root: Root) -> None:
    kinds = [_kind(diagnostic) for diagnostic in diagnostics]
    counts = {"failures": kinds.count("failure"), "errors": kinds.count("error"), "skipped": 0}
    attributes = {key: str(value) for key, value in {"tests": len(kinds), **counts}.items()}
    suite = SubElement(suites, "testsuite", {"name": name, **attributes})
    for diagnostic, kind in zip(diagnostics, kinds, strict=True):
        place, message = place_of(diagnostic), printable(diagnostic.message)
        case = SubElement(suite, "testcase", name=f"{diagnostic.code} {place}", classname=name)
        text = f"{name}:{place}: {diagnostic.code} {message}"
        if kind == "system-out":
            SubElement(case, kind).text = text
        else:
            SubElement(case, kind, type=diagnostic.severity.value, message=f"{diagnostic.code} {message}").text = text


def _kind(diagnostic: Diagnostic) -> str:
    """Return the element that tells of a finding; one that never fails a run is a passed test with a remark."""
    if diagnostic.code == UNREADABLE:
        return "error"
    return "system-out" if diagnostic.severity is Severity.INFO else "failure"
