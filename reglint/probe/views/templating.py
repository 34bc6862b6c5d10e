"""HTML from the templates beside this module: Jinja2, which escapes everything that is put in unless it is Markup."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from reglint.reports import printable


def render(template: str, **values: object) -> str:
    """Takes the name of a template and what stands in it; returns the HTML."""
    return str(_environment().get_template(template).render(**values))


@cache
def _environment() -> Any:
    environment = Environment(
        loader=PackageLoader("reglint.probe.views"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(printable=printable, spoken=spoken)
    return environment


def spoken(text: str) -> Any:
    """Takes a message; returns it as Markup, escaped, with what stands between backticks as code."""
    parts = printable(text).split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner is one
        return escape("`".join(parts))
    pieces = (Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts))
    return Markup("").join(pieces)
