"""The options of ``reglint probe``; only argparse is imported, since every command builds the whole parser."""

from __future__ import annotations

import argparse
import re

from reglint.options import add_configuration, add_output, codes

EXAMPLES = """examples:
  reglint probe model.keras --data test.npz --html report.html
  reglint probe mypackage.models:build --trust --data mypackage.data:validation
  reglint probe model.h5 --backend jax --device cpu --report sarif=probe.sarif

without --data the model runs on noise, and every finding says so
exit status: 0 nothing left, 1 findings, 2 the model could not be probed"""

BACKENDS = ("tensorflow", "jax", "torch")

_UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?) ?(?P<unit>[KMGT]?)(?P<binary>i?)B?", re.IGNORECASE | re.ASCII)


def add_probe(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``reglint probe`` to its parser."""
    parser.add_argument("model", metavar="MODEL", help=".keras or .h5 file, or with --trust module:name")
    add = parser.add_argument_group("what is run").add_argument
    add("--data", metavar="DATA", help=".npz, .npy, .csv, image folder, module:name")
    add("--max-samples", type=_count, default=512, metavar="N", help="take at most so many [default: 512]")
    add("--batch-size", type=_count, default=32, metavar="N", help="samples at once [default: 32]")
    add("--positions", choices=("sampled", "all"), default="sampled", metavar="WHICH", help=_POSITIONS)
    add("--state", choices=("trained", "initial", "auto"), default="auto", metavar="STATE", help=_STATE)
    add("--trust", action="store_true", help="let code of the model run, such as a Lambda's")
    add("--import", dest="imports", action="append", default=[], metavar="MODULE", help=_IMPORT)
    add = parser.add_argument_group("where it runs").add_argument
    add("--backend", choices=BACKENDS, metavar="NAME", help=_BACKEND)
    add("--library", choices=("keras", "tf_keras"), metavar="NAME", help=_LIBRARY)
    add("--device", type=_device, default="auto", metavar="DEVICE", help="auto, cpu, gpu, gpu:N or all [default: auto]")
    add("--timeout", type=_seconds, default=600.0, metavar="SECONDS", help="stop it after that time [default: 600]")
    add("--memory-limit", type=_size, metavar="SIZE", help="such as 3GB [default: 80 %% of the memory]")
    rules = parser.add_argument_group("which rules")
    rules.add_argument("--select", action="append", type=codes, metavar="CODES", help="report these (comma-separated)")
    rules.add_argument("--ignore", action="append", type=codes, metavar="CODES", help="do not report these")
    output = add_output(parser)
    output.add_argument("--html", metavar="FILE", help="write a page with charts there")
    add_configuration(parser)
    # what is read from the arguments of every command that has settings
    parser.set_defaults(
        extend_select=None, preview=None, keras_version=None, target=None, unsafe_fixes=None, baseline=None
    )


_IMPORT = "module or file of its classes; implies --trust"
_LIBRARY = "keras, tf_keras [default: the first that loads it]"
_POSITIONS = "of feature maps: sampled (the default) or all"
_STATE = "of the weights: trained, initial or auto"
_BACKEND = ", ".join(BACKENDS) + " [default: Keras's]"


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number, 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return seconds


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|gpu(:\d+)?|all", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not auto, cpu, gpu, gpu:N or all")
    return text


def _size(text: str) -> int:
    """Return the bytes of a size such as ``3GB``; ``GiB`` counts by 1024."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or not float(match["number"]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 3GB or 512MiB")
    return int(float(match["number"]) * (1024 if match["binary"] else 1000) ** _UNITS[match["unit"].upper()])
