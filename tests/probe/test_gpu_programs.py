"""The programs of the tests for a GPU, where there is none: they run to the end, and no backend counts otherwise."""

from __future__ import annotations

import pytest
import test_gpu


@pytest.mark.parametrize("case", test_gpu.CASES)
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_on_a_cpu_every_backend_counts_what_tensorflow_counts(backend: str, case: str) -> None:
    found = test_gpu.outcomes(backend, "cpu")["cases"][case]
    expected = test_gpu.outcomes("tensorflow", "cpu")["cases"][case]
    assert found["device"] == expected["device"] == "CPU:0"
    test_gpu.agree(found, expected)
