"""Counting on the device, adding up on the host."""
