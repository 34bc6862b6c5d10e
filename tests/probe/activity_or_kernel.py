"""Measures which regularizer helps against what, for docs/activity-or-kernel.md.

    python tests/probe/activity_or_kernel.py [CASE…]              trains all nets, or those of some cases
    python tests/probe/activity_or_kernel.py --keep FOLDER CASE…  the same, and keeps nets and data for `reglint probe`
    python tests/probe/activity_or_kernel.py --print CASE WAY     prints the figures of one net, first seed, as JSON

The first two write the record, the page and its pictures, for all cases in some 15 minutes on two CPU cores. The nets,
the data and the code that stands for the hidden layer are those of cures.py.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from activity_or_kernel_page import RECORD, write
from cures import Setting, aligned, digits, large, net

from reglint.probe import probe_model
from reglint.probe.values import ProbeReport, Site

SEEDS = (1, 2, 3)
"""Each draws the weights, the bad ones included, and the order of the samples; the data stay the same."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A trouble, and what was tried against it.

    ``ways`` is by name the code that stands for the hidden layer, ``plain`` being without any remedy; ``wrong`` is the
    share of training labels that are wrong, ``samples`` how many samples are trained on, ``pictured`` the ways whose
    histograms are on the page.
    """

    setting: Setting
    ways: Mapping[str, str]
    pictured: tuple[str, ...] = ()
    wrong: float = 0.0
    samples: int | None = None


def dense(activation: str, **keywords: str) -> str:
    """The code of the hidden layer; keywords are further arguments as Python."""
    return call("Dense", "64", f'activation="{activation}"', **keywords)


def split(activation: str, **keywords: str) -> str:
    """The same with the activation in a layer of its own, so that an activity regularizer gets the pre-activation."""
    return "\n".join((call("Dense", "64", **keywords), call("Activation", f'"{activation}"')))


def call(name: str, *arguments: str, **keywords: str) -> str:
    return f"{name}({', '.join([*arguments, *(f'{key}={value}' for key, value in keywords.items())])})"


def l1(strength: str) -> str:
    return f"regularizers.l1({strength})"


def l2(strength: str) -> str:
    return f"regularizers.l2({strength})"


def against_alignment() -> dict[str, str]:
    return {
        "plain": dense("sigmoid"),
        "activity": dense("sigmoid", activity_regularizer=l2("1e-2")),
        "preactivation": split("sigmoid", activity_regularizer=l2("1e-5")),
        "preactivation-strong": split("sigmoid", activity_regularizer=l2("1e-3")),
        "kernel": dense("sigmoid", kernel_regularizer=l2("1e-3")),
        "normalised": 'Dense(64)\nBatchNormalization()\nActivation("sigmoid")',
    }


def against_weights() -> dict[str, str]:
    return {
        "plain": dense("tanh"),
        "kernel": dense("tanh", kernel_regularizer=l2("1e-3")),
        "kernel-strong": dense("tanh", kernel_regularizer=l2("1e-2")),
        "activity": dense("tanh", activity_regularizer=l2("1e-2")),
        "preactivation": split("tanh", activity_regularizer=l2("1e-4")),
        "normalised": 'Dense(64)\nBatchNormalization()\nActivation("tanh")',
    }


def against_bias() -> dict[str, str]:
    return {
        "plain": dense("sigmoid"),
        "bias": dense("sigmoid", bias_regularizer=l2("1e-3")),
        "kernel": dense("sigmoid", kernel_regularizer=l2("1e-3")),
        "activity": dense("sigmoid", activity_regularizer=l2("1e-2")),
        "preactivation": split("sigmoid", activity_regularizer=l2("1e-4")),
        "zeros": dense("sigmoid", bias_initializer='"zeros"'),
    }


def against_overfitting() -> dict[str, str]:
    return {
        "plain": dense("relu"),
        "kernel-weak": dense("relu", kernel_regularizer=l2("1e-3")),
        "kernel": dense("relu", kernel_regularizer=l2("1e-2")),
        "kernel-strong": dense("relu", kernel_regularizer=l2("1e-1")),
        "bias": dense("relu", bias_regularizer=l2("1e-2")),
        "activity": dense("relu", activity_regularizer=l2("1e-2")),
        "activity-strong": dense("relu", activity_regularizer=l2("1e-1")),
        "dropout": f"{dense('relu')}\nDropout(0.5)",
    }


CASES = {
    "unscaled": Case(
        Setting("tanh", 15, scale=255.0),
        {
            "plain": dense("tanh"),
            "kernel": dense("tanh", kernel_regularizer=l2("1e-3")),
            "kernel-strong": dense("tanh", kernel_regularizer=l2("1e-2")),
            "activity": dense("tanh", activity_regularizer=l2("1e-2")),
            "preactivation": split("tanh", activity_regularizer=l2("1e-5")),
            "preactivation-strong": split("tanh", activity_regularizer=l2("1e-4")),
            "scaled": f"Rescaling(1 / 255)\n{dense('tanh')}",
        },
        pictured=("plain", "kernel-strong", "preactivation-strong", "scaled"),
    ),
    "weights": Case(Setting("tanh", 400, large), against_weights(), pictured=("plain", "kernel")),
    "weights-short": Case(Setting("tanh", 15, large), against_weights()),
    "aligned": Case(
        Setting("sigmoid", 15, aligned, repeats=64),
        against_alignment(),
        pictured=("plain", "activity", "preactivation", "kernel"),
    ),
    "bias": Case(Setting("sigmoid", 400, bias=20.0), against_bias(), pictured=("plain", "bias")),
    "bias-short": Case(Setting("sigmoid", 15, bias=20.0), against_bias()),
    "dead": Case(
        Setting("relu", 800, bias=-30.0),
        {
            "plain": dense("relu"),
            "bias": dense("relu", bias_regularizer=l2("1e-3")),
            "preactivation": split("relu", activity_regularizer=l2("1e-4")),
            "kernel": dense("relu", kernel_regularizer=l2("1e-3")),
            "zeros": dense("relu", bias_initializer='"zeros"'),
        },
    ),
    "sparse": Case(
        Setting("relu", 40),
        {
            "plain": dense("relu"),
            "activity-weak": dense("relu", activity_regularizer=l1("1e-3")),
            "activity": dense("relu", activity_regularizer=l1("1e-2")),
            "activity-strong": dense("relu", activity_regularizer=l1("1e-1")),
            "squared": dense("relu", activity_regularizer=l2("1e-2")),
            "kernel": dense("relu", kernel_regularizer=l1("1e-3")),
        },
        pictured=("plain", "activity"),
    ),
    "wrong-labels": Case(Setting("relu", 200), against_overfitting(), wrong=0.3),
    "few": Case(Setting("relu", 200), against_overfitting(), samples=96),
}


def trained(case: Case, code: str, seed: int) -> Any:
    """A net with this code for its hidden layer, trained on the samples of the case."""
    model = net(case.setting, code, keeps_bias="bias_initializer" not in code, seed=seed)
    x, y = training(case)
    model.fit(x, y, epochs=case.setting.epochs, batch_size=case.setting.batch_size, verbose=0)
    return model


def training(case: Case) -> tuple[Any, Any]:
    """The training samples and their labels, of which some are wrong where the case says so."""
    (x, y), _ = digits(case.setting.repeats, case.setting.scale)
    generator = np.random.default_rng(0)
    is_wrong = generator.random(len(y)) < case.wrong
    return x[: case.samples], np.where(is_wrong, (y + generator.integers(1, 10, len(y))) % 10, y)[: case.samples]


def probed(case: Case, model: Any) -> ProbeReport:
    """What the probe says of a net on all held-out samples."""
    _, (x, y) = digits(case.setting.repeats, case.setting.scale)
    return probe_model(model, x, labels=y, batch_size=len(x))


def hidden(report: ProbeReport) -> Site:
    (site,) = (each for each in report.measurement.sites if each.role == "hidden")
    return site


def figures(case: Case, model: Any, report: ProbeReport) -> Json:
    """What stands in the tables: what the probe measured, and the accuracy on the training samples beside it."""
    site = hidden(report)
    (output,) = report.measurement.outputs
    x, y = training(case)
    right = np.argmax(model.predict(x, verbose=0), axis=-1) == y
    measured = {
        "saturated": site.saturated_fraction,
        "stuck": site.stuck_units,
        "dead": site.dead_units,
        "gain": site.mean_gain,
        "rms": site.preactivation_rms,
        "accuracy": output.accuracy,
        "training": float(np.mean(right)),
    }
    found: Json = {name: float(f"{value:.4g}") for name, value in measured.items() if value is not None}
    found["findings"] = [f"{each.code} {each.severity.value}" for each in report.findings]
    return found


def outcome(case: Case, way: str, kept: Path | None) -> Json:
    """The figures of a way for each seed, and the site of the first one for a picture; that net goes into ``kept``."""
    code = case.ways[way]
    found: Json = {"code": code, "figures": {}}
    for seed in SEEDS:
        model = trained(case, code, seed)
        report = probed(case, model)
        found["figures"][str(seed)] = figures(case, model, report)
        if seed == SEEDS[0] and way in case.pictured:
            found["site"] = asdict(hidden(report))
        if seed == SEEDS[0] and kept is not None:
            model.save(kept)
    return found


def measure(name: str, folder: Path | None) -> Json:
    """The record of a case; its nets and its held-out samples go into ``folder``."""
    case = CASES[name]
    _, (x, y) = digits(case.setting.repeats, case.setting.scale)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / f"{name}.npz", x=x, y=y)
    libraries = ("keras", keras.backend.backend(), "scikit-learn")
    found: Json = {
        "date": str(date.today()),
        "versions": {library: version(library) for library in libraries} | {"Python": platform.python_version()},
        "activation": case.setting.activation,
        "epochs": case.setting.epochs,
        "samples": len(training(case)[0]),
        "steps": case.setting.epochs * len(training(case)[0]) // case.setting.batch_size,
        "held_out": len(x),
        "ways": {},
    }
    for way in case.ways:
        found["ways"][way] = outcome(case, way, folder and folder / f"{name}-{way}.keras")
        print(name, way, {seed: row["accuracy"] for seed, row in found["ways"][way]["figures"].items()}, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep nets and held-out samples there")
    parser.add_argument("--print", nargs=2, metavar=("CASE", "WAY"), dest="one", help="figures of one net, as JSON")
    asked = parser.parse_args()
    if asked.one:
        name, way = asked.one
        model = trained(CASES[name], CASES[name].ways[way], SEEDS[0])
        print(json.dumps(figures(CASES[name], model, probed(CASES[name], model))))
        return
    known = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    known |= {name: measure(name, asked.keep) for name in asked.cases or CASES}
    RECORD.write_text(json.dumps({name: known[name] for name in CASES}, indent=1) + "\n", encoding="utf-8")
    write()


if __name__ == "__main__":
    main()
