"""Builds: what the streams say of slots, devices and registers, as files for reports."""
