"""What the user sees while a model is probed: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def shown(stream: Any) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Give what takes the messages of kind ``stage`` and ``progress``; the bar is gone at the end."""
    if not stream.isatty():
        yield lambda message: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(file=stream)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=None)

        def heard(message: Mapping[str, Any]) -> None:
            if message["kind"] == "stage":
                progress.update(task, description=str(message.get("stage")), completed=0, total=None)
            else:
                progress.update(task, completed=message.get("done"), total=message.get("total"))

        yield heard
