"""Samples for a model: from files, code or arrays, or made up."""
