"""``slotkeeper counters rebuild``: an import out of what the outputs tell."""

from slotkeeper.cli.counters.rebuild.command import rebuild

__all__ = ["rebuild"]
