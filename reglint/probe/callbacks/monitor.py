"""Watches activations while a model is trained."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from reglint.findings import Severity
from reglint.probe.callbacks.sampling import FIRST, Sampling
from reglint.probe.data.samples import Data, batches, from_arrays
from reglint.probe.diagnosis.findings import diagnose
from reglint.probe.statistics.measuring import Probe
from reglint.probe.values import Measurement

KEY = "saturation/{layer}"


class SaturationMonitor(Sampling):
    """Puts ``saturation/LAYER`` into the ``logs`` of ``fit``: the share of saturated activations of each layer, 0 to 1.

    A layer with several sites, such as the gates of an LSTM, has one figure for each: ``saturation/lstm/gate:i``. Of a
    rectifier, which is off for half of its values by nature, it is the share of units that no sample turns on:
    ``saturation/dense/dead``. Values that are not finite give NaN. Outputs have no figure, since right answers saturate
    them. ``measurement`` holds all figures of the last look.

    A layer that turns bad is told once for each model, as a RuntimeWarning with its cause and what helps; 256 samples
    are needed for that, unless the gain is zero. After the first batch nothing but a gain of zero is told: a new net
    often recovers.

    ``data`` is the sample that is looked at, ``x`` or ``(x, y)``, ``batch_size`` how much of it is computed at once;
    ``every``, ``per``, ``samples`` and ``budget`` say how often and how much, as in
    :class:`~reglint.probe.callbacks.sampling.Sampling`. The training does not change: the same seed gives the same
    weights.

    >>> model.fit(x, y, epochs=20, callbacks=[SaturationMonitor()])  # doctest: +SKIP
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
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
        self.batch_size = batch_size
        self.measurement: Measurement | None = None
        self._probe: Probe | None = None
        self._sample: Data | None = None
        self._told: set[str] = set()
        self._epoch = 0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Take the sample; without any, say so now and not after an epoch."""
        super().on_train_begin(logs)
        if self.data is None:
            self._resting = True
            warnings.warn(
                "SaturationMonitor has nothing to look at: fit got no arrays. Give it a sample, as in data=x",
                RuntimeWarning,
                stacklevel=2,
            )

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Note which epoch it is, for the warnings."""
        super().on_epoch_begin(epoch, logs)
        self._epoch = epoch + 1

    def figures(self, model: Any, logs: Mapping[str, Any], first: bool) -> Mapping[str, float]:
        """Return a figure for each site of the model as it is now."""
        if first or self._probe is None or self._sample is None:
            inputs = self.data[0] if isinstance(self.data, tuple) else self.data
            self._sample = from_arrays(inputs, None, model, max_samples=None, batch_size=self.batch_size)
            self._probe = Probe(model)
            self._told.clear()
        self.measurement = self._probe.run(batches(self._sample, self.batch_size))
        self._tell(self.measurement)
        return dict(_figures(self.measurement))

    def _tell(self, measurement: Measurement) -> None:
        """Warn of each layer once, in the words of the finding."""
        state = "initial" if self._per_batch and not self.looks else "trained"
        for finding in diagnose(measurement, state=state, synthetic=False):
            if finding.severity is not Severity.INFO and finding.layer not in self._told:
                self._told.add(finding.layer)
                warnings.warn(f"epoch {self._epoch}: {finding.code} {finding.message}", RuntimeWarning, stacklevel=2)


def _figures(measurement: Measurement) -> Iterator[tuple[str, float]]:
    """Yield a key and a figure for each judged site that is no output."""
    judged = [site for site in measurement.sites if site.saturated_fraction is not None]
    judged = [site for site in judged if site.role in ("hidden", "gate")]
    layers = [site.layer for site in judged]
    for site in judged:
        key = KEY.format(layer=site.layer if layers.count(site.layer) == 1 else f"{site.layer}/{site.site}")
        is_rectifier = site.dead_units is not None
        share = site.dead_units if is_rectifier else site.saturated_fraction
        # Comparisons with NaN are false, so that such values would count as neither saturated nor dead
        shown = math.nan if share is None or site.non_finite else float(share)
        yield (f"{key}/dead" if is_rectifier else key), shown
