"""Streams in one SQLite file: the embedded kind.

One worker at a time, any number of tools beside it. A transaction of the file is a transaction of
the streams, so outputs, changelog and positions stand or fall together.
"""

from .earlier import refuse_moved_address
from .streams import open_sqlite

__all__ = ["open_sqlite", "refuse_moved_address"]
