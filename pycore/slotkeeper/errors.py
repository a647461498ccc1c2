"""Every error of the package, told apart by what the caller does next.

============================================  =========================================  ====
error                                         what the caller does next                  exit
============================================  =========================================  ====
`FaultFoundError`, `ActError`                 look at what was found                     1
`ConfigurationError`, `WrongUseError`         correct the call or the configuration      2
`StoppedForOperatorError`, `RestoreError`     ask an operator; do not restart            3
`TryLaterError`, `SignerUnavailableError`     do the same again later                    4
`CommitAbortedError`                          discard the batch, try it again            4
`OutputTooLargeError`                         likewise, with fewer records               4
`CommitInDoubtError`, `FencedError`           restore before anything else is staged     4
`BatchOpenError`, `NotRestoredError`          keep to the order of the embedding's steps 1
`NotSealedError`                              seal the batch, commit its commands        1
`BatchEndedError`                             stage its events again                     1
`EngineFaultError`                            restart and restore; report the defect     1
============================================  =========================================  ====

The last column is the exit status of the command line.
"""

from slotkeeper._core import (
    ActError,
    BatchEndedError,
    BatchOpenError,
    ConfigurationError,
    EngineFaultError,
    NotRestoredError,
    NotSealedError,
    RestoreError,
    SignerUnavailableError,
    SlotkeeperError,
)
from slotkeeper.streams.errors import (
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

__all__ = [
    "ActError",
    "BatchEndedError",
    "BatchOpenError",
    "CommitAbortedError",
    "CommitError",
    "CommitInDoubtError",
    "ConfigurationError",
    "EngineFaultError",
    "FaultFoundError",
    "FencedError",
    "LockedError",
    "NotRestoredError",
    "NotSealedError",
    "OutputTooLargeError",
    "RestoreError",
    "SignerUnavailableError",
    "SlotkeeperError",
    "StoppedForOperatorError",
    "StoreUnavailableError",
    "StreamsError",
    "TryLaterError",
    "WrongUseError",
]


class FaultFoundError(SlotkeeperError):
    """The work was done and found something wrong, or failed on its data."""
