"""Watches activations while a model is trained."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from reglint.findings import Severity
from reglint.probe.callback import FIRST, Sampling
from reglint.probe.diagnosis import diagnose
from reglint.probe.measuring import Probe
from reglint.probe.values import Measurement, Site


class SaturationMonitor(Sampling):
    """Puts ``saturation/LAYER`` into the ``logs`` of ``fit``: the share of saturated activations of each layer.

    A layer with several sites, such as the gates of an LSTM, has one figure for each: ``saturation/lstm/gate:i``. A layer
    that turns bad is told once, as a RuntimeWarning with its cause and what helps. ``data`` is the sample that is looked at,
    ``every``, ``per``, ``samples`` and ``budget`` say how often and how much, as in :class:`~reglint.probe.callback.Sampling`;
    ``batch_size`` is that of the sample. The training does not change: the same seed gives the same weights.
    """

    def __init__(
        self,
        data: Any = None,
        *,
        every: int = 1,
        per: str = "epoch",
        samples: int = FIRST,
        budget: float | None = 0.02,
        batch_size: int = 32,
    ) -> None:
        super().__init__(data, every=every, per=per, samples=samples, budget=budget)
        self.batch_size = batch_size
        self.measurement: Measurement | None = None
        self._probe: Probe | None = None
        self._told: set[str] = set()

    def figures(self, model: Any, logs: Mapping[str, Any], first: bool) -> Mapping[str, float]:
        """Return the saturated share of each site of the model as it is now."""
        if self.data is None:
            raise ValueError("no data to look at; give SaturationMonitor a sample: data=x")
        if first or self._probe is None:
            self._probe = Probe(model)
        self.measurement = self._probe.run(_batches(self.data, self.batch_size))
        self._tell(self.measurement)
        return dict(_figures(self.measurement))

    def _tell(self, measurement: Measurement) -> None:
        """Warn of each layer once, in the words of the finding."""
        for finding in diagnose(measurement, state="trained", synthetic=False):
            if finding.severity is not Severity.INFO and finding.layer not in self._told:
                self._told.add(finding.layer)
                warnings.warn(f"{finding.code} {finding.message}", RuntimeWarning, stacklevel=2)


def _figures(measurement: Measurement) -> Iterator[tuple[str, float]]:
    """Yield a key for each judged site that is not an output: right answers saturate those."""
    judged = [site for site in measurement.sites if site.saturated_fraction is not None]
    judged = [site for site in judged if site.role in ("hidden", "gate")]
    several = [site.layer for site in judged]
    for site in judged:
        yield f"saturation/{_name(site, several.count(site.layer) > 1)}", float(site.saturated_fraction or 0.0)


def _name(site: Site, several: bool) -> str:
    return f"{site.layer}/{site.site}" if several else site.layer


def _batches(data: Any, size: int) -> Iterator[tuple[Any, None]]:
    """Yield batches of the inputs of ``x`` or ``(x, y)``."""
    inputs = data[0] if isinstance(data, tuple) else data
    samples = int(keras.tree.flatten(inputs)[0].shape[0])
    for start in range(0, samples, size):
        part = slice(start, start + size)
        yield keras.tree.map_structure(lambda each, part=part: each[part], inputs), None
