"""The runtime half: executes a Keras model and says which activations saturate, why, and what was measured to help.

Importing this package imports no Keras; what needs one is imported when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reglint.probe.callbacks.logger import RegularizationLogger
    from reglint.probe.callbacks.monitor import SaturationMonitor
    from reglint.probe.probing import probe_model
    from reglint.probe.values import ProbeError, ProbeReport

__all__ = ["ProbeError", "ProbeReport", "RegularizationLogger", "SaturationMonitor", "probe_model"]

_MODULES = {
    "ProbeError": "values",
    "ProbeReport": "values",
    "RegularizationLogger": "callbacks.logger",
    "SaturationMonitor": "callbacks.monitor",
    "probe_model": "probing",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"reglint.probe.{_MODULES[name]}"), name)
