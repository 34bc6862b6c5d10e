"""The tables of a report, whatever shows them: which columns there are, and what stands in each cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from reglint.findings import Severity
from reglint.probe.values import Output, Penalty, ProbeReport, Site
from reglint.probe.views.figures import NOTHING, gain, number, share, spread
from reglint.probe.views.verdicts import Judged
from reglint.reports import printable

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column: its title, its cell for a row, whether it holds figures, and how wide a terminal has room for it."""

    title: str
    cell: Callable[[Row], str]
    figures: bool = True
    room: int = 0


def activation(site: Site) -> str:
    """Takes a site; returns its activation, with the place where that says more: ``sigmoid``, ``f: sigmoid``."""
    if site.site == "activation" or site.activation == site.site:
        return printable(site.activation)
    if site.site.startswith("gate:"):
        return printable(f"{site.site[5:]}: {site.activation}")
    return printable(site.site if site.activation in site.site else f"{site.site}: {site.activation}")


def _ends(judged: Judged) -> str:
    return _pair(judged.site.saturated_low, judged.site.saturated_high)


def _stuck(judged: Judged) -> str:
    return _pair(judged.site.stuck_units, judged.site.dead_units)


def _pair(left: float | None, right: float | None) -> str:
    """Takes two shares; returns both, with one sign of per cent."""
    if left is None and right is None:
        return NOTHING
    return f"{share(left)} / {share(right)}".replace(" %", "") + " %"


def _kernel(name: str) -> Callable[[Judged], str]:
    return lambda judged: number(getattr(judged.site.kernel, name, None))


SITES: tuple[Column[Judged], ...] = (
    Column("layer", lambda judged: printable(judged.site.layer), figures=False),
    Column("activation", lambda judged: activation(judged.site), figures=False),
    Column("saturated", lambda judged: share(judged.site.saturated_fraction)),
    Column("low / high", _ends, room=100),
    Column("gain", lambda judged: gain(judged.site.mean_gain)),
    Column("stuck / dead", _stuck, room=80),
    Column(
        "z mean ± rms",
        lambda judged: spread(judged.site.preactivation_mean, judged.site.preactivation_rms),
        room=100,
    ),
    Column("input", _kernel("input_rms"), room=120),
    Column("weights", _kernel("weight_scale"), room=120),
    Column("align", _kernel("alignment"), room=120),
    Column("verdict", lambda judged: verdict(judged), figures=False),
)
"""The sites. z is the pre-activation, and rms(z - b) = input · weights · align."""

PENALTIES: tuple[Column[Penalty], ...] = (
    Column("layer", lambda penalty: printable(penalty.layer), figures=False),
    Column("argument", lambda penalty: printable(penalty.argument), figures=False, room=100),
    Column("regularizer", lambda penalty: printable(penalty.regularizer.partition("(")[0]), figures=False),
    Column("λ", lambda penalty: strength(penalty), figures=False),
    Column("penalty", lambda penalty: number(penalty.penalty)),
    Column("of the loss", lambda penalty: share(penalty.share)),
    Column("gradient ratio", lambda penalty: number(penalty.gradient_ratio), room=80),
)
"""The regularizers. The gradient ratio is ‖∇penalty‖ / ‖∇data loss‖."""

OUTPUTS: tuple[Column[Output], ...] = (
    Column("output", lambda output: printable(output.layer), figures=False),
    Column("accuracy", lambda output: share(output.accuracy)),
    Column("most frequent", lambda output: share(output.chance)),
    Column("errors", lambda output: f"{output.errors} of {output.samples}", room=80),
    Column("p > 0.99", lambda output: share(output.confident), room=100),
    Column("confident errors", lambda output: share(output.confident_errors)),
    Column("largest logit", lambda output: number(output.largest_logit), room=100),
)
"""The classifying outputs; confident errors are the share of the errors with a probability above 0.99."""


def verdict(judged: Judged) -> str:
    """Takes a site; returns the codes of its findings, and whether they are infos only: ``REG402 info``."""
    return f"{judged.codes or '·'}{' info' if judged.severity is Severity.INFO else ''}"


def strength(penalty: Penalty) -> str:
    """Takes a penalty; returns its constants: ``0.001``, or ``l1=0.1 l2=0.01`` where there are several."""
    constants = penalty.strength
    if len(constants) == 1:
        return number(next(iter(constants.values())))
    return printable(" ".join(f"{name}={number(value)}" for name, value in constants.items())) or NOTHING


def by_share(report: ProbeReport) -> tuple[Penalty, ...]:
    """Takes a report; returns its penalties, the largest part of the loss first."""
    return tuple(sorted(report.penalties, key=_size))


def _size(penalty: Penalty) -> tuple[float, float]:
    sizes = (penalty.share or 0.0, penalty.penalty)
    # NaN goes first: it is what there is to see.
    return tuple(float("-inf") if size != size else -size for size in sizes)  # type: ignore[return-value]


def headline(report: ProbeReport) -> str:
    """Takes a report; returns what was run: the model, and its state where that is known."""
    state = {"trained": ", trained", "initial": ", not trained"}.get(report.state, "")
    return printable(report.model) + state


def circumstances(report: ProbeReport) -> Iterator[tuple[str, str]]:
    """Takes a report; yields name and text of what it rests on: library, device, samples, positions, time."""
    measured = report.measurement
    yield "library", printable(f"{measured.library} on {measured.backend}")
    yield "device", printable(measured.device)
    kind = "made-up inputs, so confidence is low" if report.synthetic else ""
    yield "samples", f"{measured.samples}" + (f" ({kind})" if kind else "")
    if any(not site.every_position for site in measured.sites):
        yield "positions", "a sample of each feature map's"
    yield "time", f"{number(measured.seconds)} s"
