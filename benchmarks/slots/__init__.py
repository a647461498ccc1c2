"""Builds and reports on many devices: against a bare read of the same streams."""
