"""The rule cards and their tables of Keras facts: data only, read by :mod:`reglint.rulebook`."""

from __future__ import annotations
