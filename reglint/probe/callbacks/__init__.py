"""Watching a training: what `fit` calls."""
