"""Options that several commands share, and what their values must be. Imports argparse and the names of the formats."""

from __future__ import annotations

import argparse

from reglint.formats import FORMATS

FAIL_ON = ("error", "warning", "info", "never")
"""What ``--fail-on`` takes: from which severity on a finding fails the run."""


def add_output(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options about reports and the exit status; returns their group."""
    output = parser.add_argument_group("output")
    formats = ", ".join(FORMATS)
    output.add_argument("--output-format", choices=FORMATS, metavar="FORMAT", help=f"{formats} [default: text]")
    output.add_argument("-o", "--output-file", metavar="FILE", help="write the report there")
    output.add_argument(
        "--report",
        action="append",
        type=_further_report,
        default=[],
        metavar="FORMAT=FILE",
        help="write one more report",
    )
    output.add_argument(
        "--fail-on",
        choices=FAIL_ON,
        default="warning",
        metavar="LEVEL",
        help="exit with 1 from error|warning|info|never on",
    )
    output.add_argument("-e", "--exit-zero", action="store_true", help="exit with 0 in spite of findings")
    return output


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which settings file is read."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--config", metavar="FILE", help="read settings from FILE alone")
    group.add_argument("--isolated", action="store_true", help="read no settings file")


def codes(text: str) -> list[str]:
    """Split ``REG101,REG2``."""
    return [code.strip() for code in text.split(",") if code.strip()]


def some_codes(text: str) -> list[str]:
    """The same, of which there must be one: to select nothing is to check nothing."""
    found = codes(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} names no rule; write e.g. REG101,REG2 or ALL")
    return found


def _further_report(text: str) -> tuple[str, str]:
    """Split ``sarif=reglint.sarif``."""
    output_format, equals, file = text.partition("=")
    if output_format not in FORMATS or not equals or not file:
        raise argparse.ArgumentTypeError(f"{text!r} is not FORMAT=FILE with a format of {', '.join(FORMATS)}")
    return output_format, file
