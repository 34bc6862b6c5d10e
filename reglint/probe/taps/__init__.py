"""Seeing every activation of a model while it is called."""
