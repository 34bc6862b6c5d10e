"""Hand-written training that never adds a model's losses, so that its regularizers do nothing."""

from __future__ import annotations

from collections.abc import Iterator

from reglint.findings import Finding, Severity
from reglint.rulebook import Card, facts
from reglint.usage.calls import calls_in
from reglint.usage.file import File
from reglint.usage.hazards import version_data
from reglint.usage.penalties import Penalties, Penalty, offered_penalties_in
from reglint.usage.training import Model, Step, Training

_ADVICE = {
    "stateless_call": "pass `return_losses=True` and add the sum of the third value that it returns",
    "unused_losses": "add the sum of the third value that it returns",
    "collection": "`get_regularization_loss` reads a collection of TensorFlow 1 that Keras's layers leave empty;",
    "compiled_loss": "`compiled_loss` adds no losses by itself; pass it `regularization_losses=self.losses`",
    "compute_loss_override": "add `sum(self.losses)`, or start from `super().compute_loss(…)`",
}

_FACTS = dict.fromkeys(("unused_losses", "penalty_by_hand", "collection"), "hand_written_step")


def check(file: File, card: Card) -> Iterator[Finding]:
    """A finding on each step that trains a regularized model without its losses."""
    calls = calls_in(file)
    penalties = offered_penalties_in(file)
    training = Training(file, calls, penalties)
    for step in (*training.taped(), *training.backward(), *training.stateless()):
        if step.models and not training.is_left_to_compute_loss(step):
            called = [model for model in step.models if training.calls_model(step, model)]
            by_hand = [model for model in called if training.penalizes_by_hand(step, model)]
            left_out = [model for model in called if model not in by_hand and not training.may_add_losses(step, model)]
            if left_out:
                yield from _findings(file, card, penalties, step, left_out, _kind(training, step))
            else:
                left_out = [model for model in by_hand if not training.may_add_losses(step, model, by_hand=True)]
                yield from _findings(file, card, penalties, step, left_out, "penalty_by_hand")
    for step in training.own_compute_loss():
        left_out = [model for model in step.models if not training.may_add_losses(step, model)]
        yield from _findings(file, card, penalties, step, left_out, "compute_loss_override")


def _kind(training: Training, step: Step) -> str:
    """What the step does in place of adding the losses."""
    if step.name.value == "stateless_call":
        return "unused_losses" if step.ignored is not None else "stateless_call"
    if training.reads_collection(step):
        return "collection"
    return "compiled_loss" if training.asks_compiled_loss(step) else "hand_written_step"


def _findings(
    file: File, card: Card, penalties: Penalties, step: Step, models: list[Model], kind: str
) -> Iterator[Finding]:
    known = facts(card.facts or "assigned")[_FACTS.get(kind, kind)]
    for model in models:
        found = penalties.of(model.values)
        if kind == "penalty_by_hand":
            found = tuple(penalty for penalty in found if not penalty.keyword.startswith("activity"))
        package = penalties.package(model.values[0])
        releases = file.engines(package, known["releases"])
        if not found or not releases:
            continue
        sure = all(any(p.sure for p in penalties.of([value])) for value in model.values)
        start, end = file.span(step.name)
        yield Finding(
            card.code,
            card.name,
            _severity(card, kind, sure),
            _message(kind, model, found),
            start,
            end,
            data={
                **version_data(file, package, releases),
                "model": model.text,
                "regularizers": [f"{penalty.layer}({penalty.keyword})" for penalty in found],
            },
        )
        return


def _severity(card: Card, kind: str, sure: bool) -> Severity:
    if kind == "penalty_by_hand":
        return Severity.INFO
    return card.severity if sure else Severity.WARNING


def _message(kind: str, model: Model, found: tuple[Penalty, ...]) -> str:
    first = found[0]
    rest = f" and {len(found) - 1} more" if len(found) > 1 else ""
    penalty = f"`{first.keyword}` of `{first.layer}`{rest} in `{model.text}`"
    if kind == "stateless_call":
        return f"{penalty} is left out of this step: `stateless_call` keeps its losses to itself; {_ADVICE[kind]}"
    if kind == "unused_losses":
        return f"{penalty} is left out of this step: it asks for the losses and leaves them unused; {_ADVICE[kind]}"
    if kind == "penalty_by_hand":
        return (
            f"{penalty} does nothing in this step: what acts is the penalty that it writes over the variables; keep "
            f"one of the two (adding `{model.text}.losses`, too, would penalize the weights twice)"
        )
    if kind == "collection":
        return f"{penalty} is left out of this step: {_ADVICE[kind]} add `sum({model.text}.losses)`"
    if kind == "compute_loss_override":
        return f"{penalty} is left out: this `compute_loss` replaces the one that adds the losses; {_ADVICE[kind]}"
    if kind == "compiled_loss":
        return f"{penalty} is left out of this step: {_ADVICE[kind]}"
    return (
        f"{penalty} is left out of this step: only Keras's own loop adds `losses` (measured: a loss of 1.77501, not "
        f"4.77501); add `sum({model.text}.losses)`"
    )
