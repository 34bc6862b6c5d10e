"""What went wrong while a model was probed, in one line: by its model, its data, too little memory, or by us."""

from __future__ import annotations

import os
import re
import signal
import traceback
from collections.abc import Iterator, Mapping
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any

import reglint
from reglint.probe.values import ProbeError

if TYPE_CHECKING:
    from reglint.probe.process.watch import Ending

OURS = os.path.dirname(os.path.abspath(reglint.__file__))
LESS = "lower --batch-size or --max-samples"
WIDTH = 300

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
#: Names and words of: CPython, TensorFlow, JAX, torch on a GPU, torch on a CPU, C++.
_MEMORY_NAMES = ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")
_MEMORY_WORDS = ("RESOURCE_EXHAUSTED", "DefaultCPUAllocator", "not enough memory", "std::bad_alloc", "out of memory")
#: TypeError is what JAX raises, RuntimeError what torch does, InvalidArgumentError TensorFlow.
_SHAPE_NAMES = ("ValueError", "TypeError", "RuntimeError", "InvalidArgumentError")
#: Functions of ours that hand on to the model what it is called with. Keras takes its own frames out of a traceback, so
#: that one of these is often the innermost one of an exception that was raised behind it.
_PASSING = {
    "taps": {"__call__", "call", "operation", "activation", "hidden", "_tapped", "tapped", "folded", "run"},
    "backends": {"run"},
    "probe": {"_build"},
}
_SHAPE_WORDS = re.compile(r"shape|dimension|\brank\b|\bndim\b|incompatible", re.IGNORECASE)


# --- exceptions, in the process of the model -------------------------------------------------------------------------


def told(error: BaseException, stage: str) -> dict[str, str]:
    """Return a failure as a message: ``line`` without the model's name, and its ``trace`` for those who debug."""
    return {"line": _line(error, stage), "trace": "".join(traceback.format_exception(error))}


def _line(error: BaseException, stage: str) -> str:
    if isinstance(error, ProbeError):
        return _short(str(error))
    if is_memory(error):
        return _short(f"out of memory while {stage} ({named(error)}); {LESS}")
    models = is_models(error)
    ours = not models and _within(_files(error)[-1], OURS)
    if isinstance(error, ImportError) and not ours:
        return _short(f"cannot be imported while {stage}: {named(error)}; check what is installed")
    user = next((place for place in reversed(_places(error)) if _is_users(place[0])), None)
    if user is not None and not ours:
        return _short(f"the model's own code failed while {stage}: {named(error)}", f" ({user[0]}:{user[1]})")
    if isinstance(error, SystemExit):
        return _short(f"something ended the process while {stage} ({named(error)})")
    if models or (_is_shape(error) and not ours):
        check = "check the shape of --data" if _is_shape(error) else "check --data"
        return _short(f"the model cannot run on this data: {named(error)}", f"; {check}")
    file, row = next((place for place in reversed(_places(error)) if _within(place[0], OURS)), ("?", 0))
    where = os.path.relpath(file, os.path.dirname(OURS)).replace(os.sep, "/")
    return _short(named(error), f" ({where}:{row}): this is a bug in reglint; with REGLINT_DEBUG=1 it says more")


def named(error: BaseException) -> str:
    """Return the kind of an error and what it says first; Keras quotes all arguments of a layer after that."""
    said = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    said = _without_stack(_ANSI.sub("", said).partition("Arguments received by")[0])
    paragraphs = [" ".join(each.split()) for each in re.split(r"\n\s*\n", said) if each.strip()]
    words = " ".join(paragraphs[:2] if said.startswith("Exception encountered") else paragraphs[:1])
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _without_stack(said: str) -> str:
    """Return what TensorFlow says of an error in a graph, which stands behind a list of source lines."""
    if not said.startswith("Graph execution error"):
        return said
    skipped = ("Graph execution error", "Detected at node", "<stack traces unavailable>", "Stack trace for op")
    lines = [line for line in said.splitlines() if line[:1].strip() and not line.startswith(skipped)]
    return lines[0] if lines else said


def _short(text: str, end: str = "") -> str:
    """Return a text on one line, shortened before its ``end``."""
    text = " ".join(text.split())
    return (text if len(text) <= WIDTH else text[: WIDTH - 1] + "…") + end


def is_models(error: BaseException) -> bool:
    """Say whether the model raised it when it was called: the last of our functions on the way only handed on."""
    last: CodeType | None = None
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        last, trace = (code if _within(code.co_filename, OURS) else last), trace.tb_next
    return last is not None and last.co_name in _PASSING.get(os.path.basename(os.path.dirname(last.co_filename)), ())


def is_memory(error: BaseException) -> bool:
    """Say whether memory ran out, on whatever device and backend."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return not names.isdisjoint(_MEMORY_NAMES) or any(word in str(error) for word in _MEMORY_WORDS)


def _is_shape(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return not names.isdisjoint(_SHAPE_NAMES) and _SHAPE_WORDS.search(str(error)) is not None


def _places(error: BaseException) -> list[tuple[str, int]]:
    """Return file and line of each frame, the one that raised last; of a chain, the cause's come first."""
    chain = [error.__cause__ or error.__context__, error]
    return [place for each in chain if each is not None for place in _frames(each.__traceback__)]


def _frames(trace: TracebackType | None) -> Iterator[tuple[str, int]]:
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next


def _files(error: BaseException) -> list[str]:
    return [file for file, _ in _frames(error.__traceback__)] or ["?"]


def _within(file: str, folder: str) -> bool:
    return file.startswith(os.path.join(folder, ""))


def _is_users(file: str) -> bool:
    """Say whether a file is of the user; what TensorFlow rewrites of our own code has one, too."""
    from reglint.probe.models.usercode import is_library

    return not is_library(file) and "autograph_generated" not in file and os.path.isfile(file)


# --- how the process ended, seen from outside ------------------------------------------------------------------------


def explained(ending: Ending, timeout: float, memory_limit: int) -> str:
    """Return why there is no report, in one line, without the model's name."""
    if ending.result is not None and isinstance(ending.result.get("line"), str):
        return _short(str(ending.result["line"]), "")
    if ending.stopped == "time":
        return f"stopped after {timeout:g} s; allow more with --timeout SECONDS, or lower --max-samples"
    if ending.stopped == "memory":
        return f"stopped at {memory_limit / 1e9:.3g} GB of memory; allow more with --memory-limit SIZE, or {LESS}"
    # what a process printed before a crash has often nothing to do with it
    last = _last_words(ending.printed, any_words=ending.status > 0)
    said = f": {last}" if last else ""
    if any(word in last for word in _MEMORY_WORDS):
        return _short(f"out of memory{said}", f"; {LESS}")
    if ending.status == -9:
        return f"the process of the model was killed (SIGKILL), most likely because memory ran out; {LESS}"
    if ending.status < 0:
        return _short(f"the process of the model crashed ({_signal(-ending.status)}){said}")
    return _short(f"the process of the model ended with status {_hexadecimal(ending.status)} and no result{said}")


def with_model(model: str, line: str) -> str:
    """Return a line that names the model: most errors do so already."""
    return line if model in line else f"{model}: {line}"


def _signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    what = signal.strsignal(number)
    return f"{name}, {what.partition(':')[0].lower()}" if what else name


def _hexadecimal(status: int) -> str:
    """Return the status as one looks it up: those of Windows' crashes are large, and written as 0xc0000005."""
    return f"{status:#x}" if status > 0xFFFF else str(status)


_LOGGED = re.compile(r"^(?:\d{4}-\d\d-\d\d [\d:.]+: (?P<old>[IWEF]) |(?P<new>[IWEF])\d{4} [\d:.]+ +\d+ )(?=\S+:\d+\])")
"""How TensorFlow and XLA begin a line of their log, before and since Abseil: the letter is its level."""
_TELLING = re.compile(r"error|fatal|failed|abort|terminate|what\(\)|bad_alloc|exhausted", re.IGNORECASE)


def _last_words(printed: str, any_words: bool) -> str:
    """Return the last line that tells of an error, else with ``any_words`` the last one with a word in it."""
    lines = [line for line in map(_unlogged, printed.splitlines()) if re.search(r"\w", line)]
    telling = [line for line in lines if _TELLING.search(line)]
    return (telling or (lines if any_words else []) or [""])[-1]


def _unlogged(line: str) -> str:
    """Return a line without colours and the head of a log's line; news and warnings of a log say nothing."""
    line = _ANSI.sub("", line).strip()
    match = _LOGGED.match(line)
    if match is None:
        return "" if line.startswith("WARNING: All log messages before absl::InitializeLog()") else line
    return line[match.end() :] if (match["old"] or match["new"]) in "EF" else ""


def debug(ending: Ending) -> Iterator[str]:
    """Yield all that is known about a failure, for whoever set REGLINT_DEBUG=1."""
    result: Mapping[str, Any] = ending.result or {}
    yield from str(result.get("trace", "")).splitlines()
    yield from ending.printed.splitlines()
