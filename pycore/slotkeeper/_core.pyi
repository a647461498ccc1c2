"""The engine, compiled. Import from ``slotkeeper``, not from here."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, final

__version__: Final[str]
BUILD_PROFILE: Final[str]
"""``"release"`` or ``"debug"``; benchmarks refuse the latter."""

InputRecord: TypeAlias = tuple[str, int, bytes | None, bytes | None]
"""``(stream, offset, key, value)`` of a record of the engine's own partition."""

OutputRecord: TypeAlias = tuple[str, int, bytes | None, bytes | None, list[tuple[str, bytes]]]
"""``(stream, partition, key, value, headers)``, finished: to be written as it is."""

class SlotkeeperError(Exception):
    """Base of every error of this package."""

class ConfigurationError(SlotkeeperError):
    """A setting, certificate or key cannot be used. Correct it; trying again does not help."""

class BatchOpenError(SlotkeeperError):
    """A staged batch is open: fold it, discard it or declare it in doubt first."""

class NotRestoredError(SlotkeeperError):
    """The partition is closed: restore it from the committed changelog first."""

class RestoreError(SlotkeeperError):
    """A changelog record cannot be read. Nothing may be issued from such a store."""

class SignerUnavailableError(SlotkeeperError):
    """Keys could not be used just now. Discard the batch and try it again."""

class EngineFaultError(SlotkeeperError):
    """A defect of the engine. It serves no more; restart and restore."""

@final
class Authority:
    """The Access Control Broker's identity: certificates, and private keys that never leave it."""

    def __new__(
        cls,
        acb_id: str,
        *,
        digital_signature: Sequence[tuple[str, str | None]],
        key_agreement: Sequence[tuple[str, str | None]],
    ) -> Authority: ...
    @property
    def id(self) -> str: ...
    def describe(self) -> list[dict[str, Any]]: ...

@final
class Keystore:
    """A folder of certificates and private keys for ``inspect``."""

    def __new__(cls, folder: str) -> Keystore: ...
    def describe(self) -> list[dict[str, Any]]: ...

@final
class CoreEngine:
    """The decisions of one partition."""

    def __new__(
        cls,
        authority: Authority,
        *,
        partition: int = 0,
        partitions: int = 1,
        settings: bytes = b"{}",
        threads: int = 0,
    ) -> CoreEngine: ...
    def restore(self, records: Sequence[tuple[bytes, bytes | None]]) -> int: ...
    def load_inventory(
        self, records: Sequence[tuple[int, bytes | None, bytes | None]]
    ) -> int: ...
    def open(self) -> None: ...
    def stage(
        self,
        records: Sequence[InputRecord],
        *,
        now_ms: int | None = None,
        decided_after: Mapping[str, int] | None = None,
    ) -> CoreStaged: ...
    def device(self, device_id: str) -> bytes | None: ...
    def statistics(self) -> dict[str, int]: ...

@final
class CoreStaged:
    """One staged batch; nothing of it is visible until it is folded."""

    def seal(self) -> None: ...
    def outputs(self) -> list[OutputRecord]: ...
    def changes(self) -> list[OutputRecord]: ...
    def commands(self) -> list[OutputRecord]: ...
    def summary(self) -> dict[str, int]: ...
    def fold(self) -> None: ...
    def discard(self) -> None: ...
    def in_doubt(self) -> None: ...

def partition_for(key: bytes, partitions: int) -> int: ...
def canonical_key(key: bytes) -> bytes | None: ...
def inspect_message(data: bytes, keystore: Keystore | None = None) -> bytes: ...
def inspect_duis(data: bytes, keystore: Keystore | None = None) -> bytes: ...
def describe_change(key: bytes, value: bytes) -> bytes: ...
