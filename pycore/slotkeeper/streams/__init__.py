"""Partitioned streams with transactions: one interface, several kinds.

Tools open streams by their address, publish and read. A worker becomes an owner and gets
partitions: one partition of every stream each, written by transactions that hold outputs,
changelog and the inputs' positions together. What the records mean is no concern of this package.
"""

from .address import create_streams, open_streams
from .errors import (
    CommitAbortedError,
    CommitError,
    CommitInDoubtError,
    FencedError,
    LockedError,
    OutputTooLargeError,
    StoppedForOperatorError,
    StoreUnavailableError,
    StreamsError,
    TryLaterError,
    WrongUseError,
)
from .interface import (
    BATCH_BYTES,
    Accepted,
    Entry,
    Fetched,
    FetchedRecord,
    Headers,
    Logs,
    Message,
    Output,
    OutputBatch,
    OwnedPartition,
    Ownership,
    Record,
    SetAside,
    Streams,
    StreamsSettings,
)
from .layout import SLOTKEEPER, Layout
from .witness import Head, Sighting

__all__ = [
    "BATCH_BYTES",
    "SLOTKEEPER",
    "Accepted",
    "CommitAbortedError",
    "CommitError",
    "CommitInDoubtError",
    "Entry",
    "FencedError",
    "Fetched",
    "FetchedRecord",
    "Head",
    "Headers",
    "Layout",
    "LockedError",
    "Logs",
    "Message",
    "Output",
    "OutputBatch",
    "OutputTooLargeError",
    "OwnedPartition",
    "Ownership",
    "Record",
    "SetAside",
    "Sighting",
    "StoppedForOperatorError",
    "StoreUnavailableError",
    "Streams",
    "StreamsError",
    "StreamsSettings",
    "TryLaterError",
    "WrongUseError",
    "create_streams",
    "open_streams",
]
