"""What is said when a model cannot be probed: one line, with what to do, and whose fault it is."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("psutil")

from reglint.probe.process import failures
from reglint.probe.process.failures import explained, told, with_model
from reglint.probe.process.watch import Ending
from reglint.probe.values import ProbeError

PROBE = Path(failures.__file__).parents[1]


def line_of(error: BaseException) -> str:
    try:
        raise error
    except BaseException as raised:
        return told(raised, "probing")["line"]


def named(name: str, message: str, base: type[Exception] = RuntimeError) -> Exception:
    error: Exception = type(name, (base,), {})(message)
    return error


def raised_in(file: str, source: str) -> BaseException:
    """An exception whose innermost frame is in a file of that name."""
    try:
        exec(compile(source, file, "exec"), {})
    except BaseException as error:
        return error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
    raise AssertionError("nothing was raised")


def test_an_error_for_people_is_said_as_it_is() -> None:
    assert line_of(ProbeError("data.npz: `x` holds NaN;\n clean it")) == "data.npz: `x` holds NaN; clean it"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        named("ResourceExhaustedError", "OOM when allocating tensor with shape[9,9]"),
        named("JaxRuntimeError", "RESOURCE_EXHAUSTED: Out of memory allocating 34359738368 bytes."),
        named("OutOfMemoryError", "CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory"),
        named("_ArrayMemoryError", "Unable to allocate 7.28 TiB for an array", MemoryError),
    ],
)
def test_memory_that_ran_out_is_told_with_what_to_lower(error: Exception) -> None:
    line = line_of(error)
    assert line.startswith(f"out of memory while probing ({type(error).__name__}")
    assert line.endswith("lower --batch-size or --max-samples")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("ValueError", 'Input 0 of layer "dense" is incompatible with the layer: expected axis -1 to have value 4'),
        ("TypeError", "dot_general requires contracting dimensions to have the same shape, got (7,) and (4,)."),
        ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (32x7 and 4x8)"),
        ("InvalidArgumentError", "Matrix size-incompatible: In[0]: [32,7], In[1]: [4,8]"),
    ],
)
def test_a_shape_that_does_not_fit_is_laid_to_the_data(kind: str, message: str) -> None:
    installed = str(Path(pytest.__file__).parent / "keras_like.py")
    source = f"class InvalidArgumentError(Exception): pass\nraise {kind}({message!r})"
    line = told(raised_in(installed, source), "probing")["line"]
    assert line == f"the model cannot run on this data: {kind}: {message}; check the shape of --data"


def test_code_of_the_model_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    source = "def call():\n    raise KeyError('no such thing')\ncall()\n"
    file.write_text(source)
    line = told(raised_in(str(file), source), "probing")["line"]
    assert line == f"the model's own code failed while probing: KeyError: no such thing ({file}:2)"


def test_keras_words_around_an_error_in_a_layer_are_cut(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    said = "Exception encountered when calling Bad.call().\n\n\x1b[1mno such thing\x1b[0m\n\nArguments received by …"
    source = f"raise ValueError({said!r})"
    file.write_text(source)
    line = told(raised_in(str(file), source), "probing")["line"]
    assert "ValueError: Exception encountered when calling Bad.call(). no such thing (" in line


@pytest.mark.parametrize(
    "stack", ["<stack traces unavailable>", '  File "a.py", line 3, in call\n\n  File "b.py", line 4']
)
def test_the_stack_of_a_graph_is_passed_over(stack: str) -> None:
    said = f"Graph execution error:\n\nDetected at node x defined at (most recent call last):\n{stack}\n"
    error = named("ResourceExhaustedError", said + "OOM when allocating tensor\n\t [[{{node x}}]] [Op:__inference_1]")
    assert "(ResourceExhaustedError: OOM when allocating tensor)" in line_of(error)


def test_anything_else_is_a_bug_of_ours_with_its_place() -> None:
    # even where code of the user is on the way, as a layer is that calls what we wrapped
    with pytest.raises(TypeError) as caught:
        with_model(None, "x")  # type: ignore[arg-type]
    message = told(caught.value, "probing")
    assert "(reglint/probe/process/failures.py:" in message["line"]
    assert message["line"].startswith("TypeError: ")
    assert message["line"].endswith("): this is a bug in reglint; with REGLINT_DEBUG=1 it says more")
    assert message["trace"].startswith("Traceback (most recent call last):")


@pytest.mark.parametrize(
    ("place", "name"), [("taps/tapping.py", "__call__"), ("taps/tapping.py", "_tapped"), ("backends/jax.py", "run")]
)
@pytest.mark.parametrize(
    ("message", "check"), [("smaller than the input length", "--data"), ("a bad shape", "the shape of --data")]
)
def test_what_the_model_raises_behind_our_wrappers_is_no_bug_of_ours(
    place: str, name: str, message: str, check: str
) -> None:
    # Keras takes its frames away, so that the wrapper is the innermost one
    source = f"def {name}():\n    raise ValueError('{message}')\n{name}()"
    line = told(raised_in(str(PROBE / place), source), "probing")["line"]
    assert line == f"the model cannot run on this data: ValueError: {message}; check {check}"


def test_what_our_own_arithmetic_raises_in_a_call_of_the_model_is_a_bug_of_ours() -> None:
    inner = compile("def rows():\n    raise ValueError('a shape')", str(PROBE / "statistics" / "reductions.py"), "exec")
    namespace: dict[str, Any] = {}
    exec(inner, namespace)
    with pytest.raises(ValueError, match="a shape") as caught:
        exec(compile("def __call__():\n    rows()\n__call__()", str(PROBE / "taps" / "tapping.py"), "exec"), namespace)
    line = told(caught.value.with_traceback(caught.value.__traceback__), "probing")["line"]
    assert "(reglint/probe/statistics/reductions.py:2): this is a bug in reglint" in line


def test_a_package_that_cannot_be_imported_is_no_bug() -> None:
    line = line_of(ImportError("libcudart.so.12: cannot open shared object file"))
    assert line.startswith("cannot be imported while probing: ImportError: libcudart.so.12")


@pytest.mark.parametrize("error", [RuntimeError("a\n" * 5000), RuntimeError("x" * 5000), ProbeError("x" * 5000)])
def test_a_failure_is_one_line_of_bearable_length(error: Exception) -> None:
    line = line_of(error)
    assert "\n" not in line
    assert len(line) < 500


# --- seen from outside


def ended(status: int = 0, printed: str = "", **values: Any) -> str:
    return explained(
        Ending(**{"result": None, "stopped": "", "status": status, "printed": printed, **values}), 600, 3 * 10**9
    )


def test_time_and_memory_are_told_with_the_option_that_allows_more() -> None:
    assert ended(stopped="time") == "stopped after 600 s; allow more with --timeout SECONDS, or lower --max-samples"
    assert ended(stopped="memory").startswith(
        "stopped at 3 GB of memory; allow more with --memory-limit SIZE, or lower"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGSEGV, "SIGSEGV"), (signal.SIGABRT, "SIGABRT"), (signal.SIGBUS, "SIGBUS")]
)
def test_a_crash_names_its_signal(number: int, name: str) -> None:
    assert f"crashed ({name}, " in ended(-number)


def test_a_kill_from_outside_is_laid_to_memory() -> None:
    assert "was killed (SIGKILL), most likely because memory ran out" in ended(-9)


def test_the_status_of_a_crash_on_windows_is_written_as_one_looks_it_up() -> None:
    assert "status 0xc0000005 and no result" in ended(0xC0000005)


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ("hello\n\n", "hello"),
        (
            "2026-01-01 10:00:00.123456: F tensorflow/core/x.cc:12] Check failed: a == b\nbye\n",
            "x.cc:12] Check failed: a == b",
        ),
        ("F0000 00:00:1795401349.726777   29519 x.cc:1] Check failed: no\n", "x.cc:1] Check failed: no"),
        ("\x1b[31mFatal Python error: Aborted\x1b[0m\n\n   \n---\n", ": Fatal Python error: Aborted"),
    ],
)
def test_the_last_words_are_told(printed: str, words: str) -> None:
    line = ended(3, printed)
    assert line.endswith(words)
    assert "\x1b" not in line


@pytest.mark.parametrize(
    "printed",
    [
        "I0000 00:00:1795401349.72   29519 port.cc:153] oneDNN custom operations: different round-off errors\n",
        "2026-01-01 10:00:00.12: W tensorflow/core/x.cc:12] failed call to cuInit\n",
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR: failed\n",
        "Epoch 3/3\n",
    ],
)
def test_news_are_not_taken_for_the_last_words_of_a_crash(printed: str) -> None:
    assert ended(-int(signal.SIGABRT), printed) == ended(-int(signal.SIGABRT))


def test_words_of_memory_in_a_crash_are_understood() -> None:
    printed = "terminate called after throwing an instance of 'std::bad_alloc'\n"
    assert ended(-6, printed).startswith("out of memory: terminate called")


def test_the_model_is_named_once() -> None:
    assert with_model("m.keras", "stopped") == "m.keras: stopped"
    assert with_model("m.keras", "m.keras: there is no such file") == "m.keras: there is no such file"
