"""The engine, compiled. Import from ``slotkeeper``, not from here."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Final, Protocol, TypeAlias, TypeVar, final

__all__ = [
    "BUILD_PROFILE",
    "COUNTER_ADJUSTMENT",
    "SNAPSHOT_FORMAT",
    "ActError",
    "ArrowRows",
    "Authority",
    "BatchEndedError",
    "BatchOpenError",
    "ConfigurationError",
    "CoreAuditTables",
    "CoreCellsTable",
    "CoreCensus",
    "CoreEngine",
    "CoreInventoryTable",
    "CoreOutputBatch",
    "CorePack",
    "CoreRegisterTable",
    "CoreSealed",
    "CoreStaged",
    "EngineFaultError",
    "EvidenceKey",
    "EvidenceTree",
    "EvidenceVerifier",
    "Keystore",
    "NotRestoredError",
    "NotSealedError",
    "PersonKey",
    "RestoreError",
    "SignerUnavailableError",
    "Signers",
    "SlotkeeperError",
    "UnreadableSnapshotError",
    "__version__",
    "canonical_key",
    "check_package",
    "default_settings",
    "describe_act",
    "describe_change",
    "duis_payloads",
    "inspect_duis",
    "inspect_message",
    "link_audit",
    "open_detached",
    "partition_for",
    "quarantine",
]

__version__: Final[str]
BUILD_PROFILE: Final[str]
"""``"release"`` or ``"debug"``; benchmarks refuse the latter."""

COUNTER_ADJUSTMENT: Final[str]
"""``typ`` of a signed record of ``counter-adjustments``."""

SNAPSHOT_FORMAT: Final[int]
"""Of the parts that `CoreEngine.snapshot_part` gives; another one is not loaded."""

SnapshotCursor: TypeAlias = tuple[int, int]
"""Where the next part of a snapshot begins; of meaning to the engine alone."""

InputRecord: TypeAlias = (
    tuple[str, int, bytes | None, bytes | None] | tuple[str, int, bytes | None, bytes | None, str]
)
"""``(stream, offset, key, value)`` of a record of the engine's own partition.

A fifth member says what ``value`` is: ``"record"``, JSON or DUIS, or ``"gbcs"``, a bare message.
"""

OutputRecord: TypeAlias = tuple[str, int, bytes | None, bytes | None, list[tuple[str, bytes]]]
"""``(stream, partition, key, value, headers)``, finished: to be written as it is."""

AuditHead: TypeAlias = tuple[int, bytes]
"""The last record of a chain of audit records: its number, from 1, and SHA-256 of its value."""

class SlotkeeperError(Exception):
    """Base of every error of this package."""

class ActError(SlotkeeperError):
    """An act cannot be read, or not signed with this key. Look at the file, or sign anew."""

class ConfigurationError(SlotkeeperError):
    """A setting, certificate or key cannot be used. Correct it; trying again does not help."""

class BatchOpenError(SlotkeeperError):
    """A staged batch is open: fold it, discard it or declare it in doubt first."""

class BatchEndedError(SlotkeeperError):
    """This batch was folded, discarded or declared in doubt before. Stage its events again."""

class NotSealedError(SlotkeeperError):
    """The batch has commands: seal it, and commit them with it, before it is folded."""

class NotRestoredError(SlotkeeperError):
    """The partition is closed: restore it from the committed changelog first."""

class RestoreError(SlotkeeperError):
    """A changelog record cannot be read. Nothing may be issued from such a store."""

class UnreadableSnapshotError(SlotkeeperError):
    """A part of a snapshot cannot be used. Clear the engine and restore it without the snapshot."""

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
        digital_signature: Sequence[tuple[str | PathLike[str], str | PathLike[str] | None]],
        key_agreement: Sequence[tuple[str | PathLike[str], str | PathLike[str] | None]],
    ) -> Authority:
        """Load certificates and keys from PEM files, newest first.

        Args:
            acb_id: The ACB's EUI-64.
            digital_signature: Certificate, and key (PKCS#8 or SEC1) or None where it is not held.
            key_agreement: The same for key agreement.

        Raises:
            ConfigurationError: A file cannot be used; the text says which and why, never content.
        """

    @property
    def id(self) -> str:
        """The ACB's EUI-64, canonical."""

    def describe(self) -> list[dict[str, Any]]:
        """``key_usage``, ``key_identifier`` and ``key_held`` of each certificate."""

@final
class EvidenceKey:
    """The private key that vouches for audit trail and evidence; it never leaves this."""

    def __new__(cls, path: str | PathLike[str], *, authority: Authority) -> EvidenceKey:
        """Load a P-256 key from a PEM file, PKCS#8 or SEC1.

        Raises:
            ConfigurationError: The file cannot be used, or it is a key of the ACB; the text says
                which and why, never content.
        """

    @property
    def identifier(self) -> bytes:
        """SHA-256 of the public key's SubjectPublicKeyInfo."""

    def sign(self, statement: bytes) -> bytes:
        """ES256: ECDSA P-256 with SHA-256, r and s of 32 octets each.

        Raises:
            SignerUnavailableError: No signature can be had now.
        """

    def sign_detached(self, content: bytes, certificate: str | PathLike[str]) -> bytes:
        """Sign as CMS (RFC 5652), detached, in the one profile that `open_detached` takes; DER.

        Args:
            content: A manifest.
            certificate: PEM file of the certificate of this key, which goes into the signature.

        Raises:
            ConfigurationError: The certificate cannot be used, or is another key's.
            SignerUnavailableError: No signature can be had now.
        """

@final
class EvidenceTree:
    """The Merkle tree of RFC 6962, section 2.1, with SHA-256."""

    def __new__(cls) -> EvidenceTree:
        """Begin without a leaf."""

    def add(self, lines: Sequence[bytes]) -> list[bytes]:
        """Append leaves; give the SHA-256 of an octet 00 and each."""

    @property
    def root(self) -> bytes:
        """The Merkle Tree Hash of all leaves."""

    def path(self, index: int) -> list[bytes] | None:
        """Give the Merkle Audit Path of a leaf, its sibling first; None if there is no such."""

    def __len__(self) -> int:
        """How many leaves there are."""

@final
class EvidenceVerifier:
    """The public half of an `EvidenceKey`."""

    def __new__(cls, path: str | PathLike[str]) -> EvidenceVerifier:
        """Read a PEM certificate, whose dates and issuer are not judged, or a PEM public key.

        Raises:
            ConfigurationError: The file is neither.
        """

    @property
    def identifier(self) -> bytes:
        """As `EvidenceKey.identifier`."""

    def verifies(self, statement: bytes, signature: bytes) -> bool:
        """Say whether the key made this signature over this statement."""

@final
class PersonKey:
    """The private key of a person who signs acts; it never leaves this object."""

    def __new__(cls, path: str | PathLike[str]) -> PersonKey:
        """Load an Ed25519 or P-256 key: PEM with PKCS#8 or SEC 1, or the form of ssh-keygen.

        Raises:
            ConfigurationError: The file cannot be used; the text says why, never content.
        """

    @property
    def kid(self) -> str:
        """Names the key: its JWK thumbprint (RFC 7638, SHA-256), base64url."""

    @property
    def algorithm(self) -> str:
        """``"EdDSA"`` or ``"ES256"``."""

    def sign(self, typ: str, incarnation: str, payload: bytes) -> bytes:
        """Make an act with this signature, JWS in the general JSON serialisation.

        Args:
            typ: The kind of act.
            incarnation: Of the store that it is for.
            payload: What it says, JSON.
        """

    def countersign(self, act: bytes) -> bytes:
        """Add this signature to an act, for the same kind and store.

        Raises:
            ActError: It cannot be read, this key has signed it, or there is no room.
        """

@final
class Signers:
    """Who may sign acts, and the public keys that prove it."""

    def __new__(cls, named: bytes) -> Signers:
        """Read a JSON list of objects with ``name``, ``algorithm`` and ``public_key``.

        Raises:
            ConfigurationError: A name, an algorithm or a key cannot be used.
        """

    def all(self) -> list[tuple[str, str, str]]:
        """Name, algorithm and ``PersonKey.kid`` of each key, as they were given."""

    def prove(
        self, act: bytes, typ: str, incarnations: Sequence[str]
    ) -> tuple[bytes, list[str], list[tuple[int, str]]]:
        """Verify every signature.

        Args:
            act: A signed act, whose size the caller has bounded.
            typ: The kind of act that it should be.
            incarnations: Of the store, and those that acknowledgements have ended.

        Returns:
            What was signed; the persons whose signatures hold, each once; and of the others the
            place, from 1, and why they count for nothing.

        Raises:
            ActError: It cannot be read.
        """

@final
class Keystore:
    """A folder of certificates and private keys for ``inspect``."""

    def __new__(cls, folder: str | PathLike[str]) -> Keystore:
        """Read a folder; files in it that cannot be used are warnings.

        Raises:
            ConfigurationError: The folder cannot be listed.
        """

    @property
    def warnings(self) -> list[str]:
        """Which files could not be used, and why; never content."""

class _Stored(Protocol):
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...

_StoredT = TypeVar("_StoredT", bound=_Stored)

class _Placed(_Stored, Protocol):
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...

_PlacedT = TypeVar("_PlacedT", bound=_Placed)

_Faults: TypeAlias = tuple[int, list[tuple[int, int, str]]]
_LastCell: TypeAlias = tuple[str | None, str | None]
_LastRow: TypeAlias = tuple[str, _LastCell, _LastCell, bool, int, str, int]
"""How many records could not be used; partition, offset and reason of the first."""

@final
class CoreEngine:
    """The decisions of one partition; `slotkeeper.Engine` is the form for hosts."""

    def __new__(
        cls,
        authority: Authority,
        *,
        partition: int = 0,
        partitions: int = 1,
        settings: bytes | None = None,
        threads: int = 0,
        seed: int = ...,
    ) -> CoreEngine:
        """Make a closed engine that knows nothing.

        Args:
            authority: The ACB's certificates and keys.
            partition: From 0, below ``partitions``.
            partitions: How many there are; never changes while there is a store.
            settings: JSON, as ``Settings.engine_json`` makes it.
            threads: How many seal and verify at once; 0: one for each processor.
            seed: Of the hash tables, and of the order in which unknown devices are evicted, so
                that nobody outside may know it.

        Raises:
            ConfigurationError: A setting cannot be used.
        """

    @property
    def dead_letter_bytes(self) -> int:
        """The most octets of a record that is written; an engine that failed says it too."""

    def restore(self, records: Sequence[_StoredT], *, in_order: bool = False) -> list[_StoredT]:
        """Take committed changelog records, in any order, in as many calls as wanted.

        Gives those that are not the engine's own: their key begins with ``@``, or there is none.

        Args:
            records: With ``key`` and ``value``.
            in_order: They are those of a log, each after all that were written before it: then a
                record makes up for an earlier one that was damaged.

        Raises:
            RestoreError: A record is of a newer version, or no record of a changelog.
        """

    def load_inventory(self, records: Sequence[_Stored]) -> int:
        """Take inventory records that were applied before, in order; how many are good."""

    def snapshot_part(
        self, cursor: SnapshotCursor | None = None
    ) -> tuple[bytes, SnapshotCursor | None]:
        """A part of what is committed, some milliseconds of work, and where the next one begins.

        Batches may be folded between two parts. Parts belong together with everything that was
        committed since the first of them was taken: see `load_part`.

        Args:
            cursor: As it was given with the part before; None for the first. The last gives None.

        Raises:
            BatchOpenError: A batch is staged.
            NotRestoredError: The partition is closed.
        """

    def slots(self) -> ArrowRows:
        """Give the cells of each device's Network Operator slot, as committed, in no order."""

    def load_part(self, part: bytes) -> None:
        """Take a part into an engine that is new or cleared; all of them, in their order.

        Replay the changelog and the inventory afterwards, each from where it stood when the first
        part was taken.

        Raises:
            UnreadableSnapshotError: Not a part, or the engine is not cleared.
        """

    def open(
        self,
        *,
        stored: tuple[int, int, int, int] | tuple[int, int] | None = None,
        rollbacks: int = 0,
        incarnations: Sequence[str] = (),
    ) -> dict[str, int]:
        """Everything committed is restored; the next `stage` judges parked records again.

        Gives `statistics`.

        Args:
            stored: `CoreSealed.stored` of the last committed batch, compared with what was
                restored; None where that is not known.
            rollbacks: How often commits were lost and an operator let the partition go on: numbers
                are issued 2^20 for each above all that is known.
            incarnations: Name the store for signed adjustments: its own, and after it those that
                acknowledgements have ended. Without one no signed adjustment counts.

        Raises:
            RestoreError: Records of devices are missing, or some are older than those committed;
                or parked ones are missing.
        """

    def follow_registers(self, records: Sequence[InputRecord]) -> None:
        """Take what was written to the registers of parties and certificates, in its order.

        Of a key the newest counts, from call to call. Messages that waited for it are judged again
        with the next batch; a batch that is staged has been decided without it.

        Raises:
            ConfigurationError: A stream is none of these registers.
        """

    def close(self) -> None:
        """Drop what is staged and close the partition; what is committed is kept.

        Restore it from the position up to which it knows the changelog, or `clear` it.
        """

    def clear(self) -> None:
        """Forget everything but burned numbers, before a restore from everything that was kept.

        Raises:
            RestoreError: The partition is open.
        """

    def abandon(self) -> bool:
        """Discard whatever batch is staged, for a caller that never got hold of it.

        Its numbers stay burned. Gives whether there was one.
        """

    def stage(
        self,
        records: Sequence[InputRecord],
        *,
        now_ms: int,
        decided_after: Mapping[str, int] | None = None,
        audit_head: AuditHead | None = None,
    ) -> CoreStaged:
        """Decide records in their order; nothing is visible until the batch is folded.

        Args:
            records: Of this engine's partition.
            now_ms: Milliseconds since 1970: the batch's only clock.
            decided_after: For requests: how far each other input had been read.
            audit_head: The last audit record that is committed; None where there is none.

        Raises:
            BatchOpenError: A batch is staged.
            NotRestoredError: The partition is closed.
            ConfigurationError: A stream is not one that the engine reads.
        """

    def device(self, device_id: str) -> bytes | None:
        """The committed record of a device as JSON."""

    def statistics(self) -> dict[str, int]:
        """Devices, octets held, parked records, burned numbers, damaged records."""

@final
class CoreCensus:
    """Counts the records of a changelog without an engine, for those who have no keys."""

    def __new__(cls) -> CoreCensus:
        """Count nothing yet."""

    def take(self, records: Sequence[_Stored]) -> None:
        """Take changelog records in their order, in one call or several."""

    def check(self, stored: tuple[int, int, int, int] | tuple[int, int]) -> None:
        """Compare what was counted with `CoreSealed.stored` of the last committed batch.

        Where that is right, it tells the versions of damaged records, which `stored` then counts.

        Raises:
            RestoreError: Records are missing, or some are older than those that were committed.
        """

    def stored(self) -> tuple[int, int, int, int] | None:
        """Give what a restore is to find from here on if what was counted is accepted as it is.

        None beside records of somebody else.
        """

@final
class ArrowRows:
    """Rows that have `__arrow_c_stream__`: pyarrow, Polars and DuckDB take them without a copy."""

    def __len__(self) -> int:
        """Say how many there are."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give them as an Arrow C stream; ``requested_schema`` is ignored."""

@final
class CoreAuditTables:
    """Audit records of one partition, in their order, as rows for builds of the slots folder."""

    def __new__(cls, partition: int, *, goes_on: bool) -> CoreAuditTables:
        """Begin; ``goes_on`` where there are rows of before, whose devices wait for `know`."""

    def take(self, records: Sequence[_Placed], *, until: int | None = None) -> tuple[int, bool]:
        """Take records, none after the one that has this number in the chain of audit records.

        Gives how many were taken, and whether that number was met.
        """

    def waiting(self) -> ArrowRows:
        """Give the devices that wait: those of which no row was known here."""

    def know(self, known: Sequence[_LastRow]) -> None:
        """Say what the last rows of waiting devices are; those that are not named had none."""

    def history(self) -> ArrowRows:
        """Give the rows of ``history`` since the last call, but for devices that wait."""

    def attempts(self) -> ArrowRows:
        """Give the rows of ``attempts`` since the last call."""

    def decisions(self) -> ArrowRows:
        """Give the rows of ``decisions`` since the last call."""

    def faults(self) -> _Faults:
        """Say how many records could not be used; partition, offset and reason of the first 20."""

@final
class CoreInventoryTable:
    """Inventory records of one partition as rows for builds."""

    def __new__(cls, partition: int, partitions: int) -> CoreInventoryTable:
        """Begin with nothing; ``partitions`` says how many the stream has."""

    def take(self, records: Sequence[_Placed]) -> None:
        """Take records."""

    def rows(self) -> ArrowRows:
        """Give the rows since the last call: ``place`` is the record's offset."""

    def faults(self) -> _Faults:
        """As in `CoreAuditTables`."""

@final
class CoreCellsTable:
    """The cells of Network Operator slots by one partition's changelog, as rows for builds."""

    def __new__(cls, partition: int, partitions: int) -> CoreCellsTable:
        """Begin with nothing; ``partitions`` says how many the stream has."""

    def take(self, records: Sequence[_PlacedT]) -> list[_PlacedT]:
        """Take records; gives those that are the host's own: their key begins with ``@``."""

    def rows(self) -> ArrowRows:
        """Give the rows since the last call: ``place`` is the record's offset."""

    def faults(self) -> _Faults:
        """As in `CoreAuditTables`."""

@final
class CoreRegisterTable:
    """Records of a register as rows for builds."""

    def __new__(cls, *, histories: bool = False, after: int = 0) -> CoreRegisterTable:
        """Begin with nothing.

        Args:
            histories: Keep the histories of ``gas-registrations`` alone, in a form in which equal
                histories are equal texts; else the records as they are.
            after: The place after which those of the records are counted.
        """

    def take(self, records: Sequence[_Placed]) -> None:
        """Take records; one that cannot be used is passed over, and the one before it stays."""

    def rows(self) -> ArrowRows:
        """Give the rows since the last call: ``place`` rises with each record."""

    def faults(self) -> _Faults:
        """As in `CoreAuditTables`."""

@final
class CoreStaged:
    """One staged batch. Fold, discard or in_doubt ends it, once."""

    def seal(self) -> CoreSealed:
        """Build, sign and MAC the commands on worker threads, without the GIL.

        Raises:
            SignerUnavailableError: Nothing was sealed; discard the batch and try it again.
            BatchEndedError: The batch has ended, before the call or during it.
        """

    def changes(self) -> list[OutputRecord]:
        """The changelog records alone."""

    def commands(self) -> list[OutputRecord]:
        """The sealed commands alone."""

    def records(self) -> list[OutputRecord]:
        """Audit records, refusals, dead letters, rerouted inputs."""

    @property
    def stored(self) -> tuple[int, int, int, int]:
        """How many devices have a record once this batch is committed, and a fingerprint of all.

        Then the same of parked records.
        """

    @property
    def audit_head(self) -> AuditHead | None:
        """The last audit record once this batch is committed; None where there is none."""

    def summary(self) -> dict[str, int]:
        """How often each ``"DISPOSITION REASON"`` was decided."""

    def fold(self) -> dict[str, int]:
        """The batch was committed. Gives `CoreEngine.statistics`.

        Raises:
            NotSealedError: It has commands that were not sealed, so none was committed.
            BatchEndedError: It has ended before.
        """

    def discard(self) -> dict[str, int]:
        """The batch was aborted for certain. Gives `CoreEngine.statistics`.

        Raises:
            BatchEndedError: It has ended before.
        """

    def in_doubt(self) -> None:
        """Nobody knows: the partition is closed until it is restored.

        Raises:
            BatchEndedError: It has ended before.
        """

@final
class CoreSealed:
    """A sealed batch: its records, and what was counted."""

    @property
    def outputs(self) -> CoreOutputBatch:
        """Everything to be written with the batch."""

    @property
    def void(self) -> list[int]:
        """Offsets of inventory records that became dead letters."""

    @property
    def reasons(self) -> dict[str, int]:
        """How often each ``"DISPOSITION REASON"`` was decided."""

    @property
    def written(self) -> dict[str, int]:
        """How many records go to each stream."""

    @property
    def faults(self) -> dict[str, int]:
        """How many dead letters there are of each fault; ``""``: kept for a person."""

    @property
    def stored(self) -> tuple[int, int, int, int]:
        """How many devices have a record once the batch is committed, and a fingerprint of all.

        Then the same of parked records.
        """

    @property
    def audit_head(self) -> AuditHead | None:
        """The last audit record once the batch is committed; None where there is none."""

@final
class CoreOutputBatch:
    """What a sealed batch writes."""

    def __len__(self) -> int:
        """How many records."""

    def records(self) -> list[OutputRecord]:
        """Each record; the changelog's come last."""

    def packed(self, octets: int) -> list[tuple[str, int, CorePack]]:
        """``(stream, partition, pack)`` of at most so many octets; a larger record has its own."""

@final
class CorePack:
    """Records of one partition, in order, that become one Kafka record batch."""

    def __len__(self) -> int:
        """How many records."""

    def encode(
        self, producer_id: int, producer_epoch: int, base_sequence: int, timestamp_ms: int
    ) -> bytes:
        """Format 2, uncompressed, transactional, with its CRC-32C.

        Args:
            producer_id: As the broker gave it.
            producer_epoch: As the broker gave it.
            base_sequence: Of the first record, 0 to 2^31-1.
            timestamp_ms: Of every record, milliseconds since 1970 UTC.

        Raises:
            EngineFaultError: More than 2^31-1 octets.
        """

def partition_for(key: bytes, partitions: int) -> int:
    """The partition of a key: Kafka's murmur2, of the canonical form where it is an EUI-64."""

def canonical_key(key: bytes) -> bytes | None:
    """``00-DB-12-34-56-78-90-A3`` of any form of an EUI-64; None if it is none."""

def link_audit(record: bytes, head: AuditHead | None) -> tuple[bytes, AuditHead]:
    """Give an audit record its place behind the last one, and the head after it.

    Args:
        record: A JSON object with at least one member; ``previous`` and ``number`` are added.
        head: The last record so far; None where there is none.
    """

def quarantine(
    record: InputRecord,
    *,
    partition: int,
    now_ms: int,
    detail: str,
    dead_letter_bytes: int,
    reason: str = "ENGINE_FAULT",
) -> list[OutputRecord]:
    """What is written of a record that no engine decides; no engine is needed.

    Args:
        record: Its dead letter is given and, unless it is of the inventory, its one decision,
            which `link_audit` has still to give its place.
        partition: Of the record.
        now_ms: Milliseconds since 1970 UTC.
        detail: What is known of the cause.
        dead_letter_bytes: The most that the dead letter may have, as ``CoreEngine`` says it.
        reason: ``ENGINE_FAULT``, ``MALFORMED`` or ``TOO_LARGE``.

    Raises:
        ConfigurationError: Another reason.
    """

def default_settings() -> bytes:
    """What the engine takes for each setting that is left out, as JSON for ``CoreEngine``."""

def describe_act(act: bytes) -> bytes:
    """What a signed act says of itself, as JSON; nothing of it is proven.

    ``typ``, ``incarnation``, ``payload`` (text, or null) and the ``kids`` of its signatures.

    Raises:
        ActError: It cannot be read, or its signatures are for different kinds or stores.
    """

def inspect_message(data: bytes, keystore: Keystore | None = None) -> bytes:
    """One GBCS message in hex, base64 or binary, decoded and checked, as JSON."""

def inspect_duis(data: bytes, keystore: Keystore | None = None) -> bytes:
    """One DUIS document and the messages in it, as JSON."""

def duis_payloads(data: bytes) -> list[bytes]:
    """The messages in a DUIS document as octets: the very ones that ``inspect_duis`` decodes."""

def describe_change(key: bytes, value: bytes) -> bytes:
    """A changelog record as JSON; its ``kind`` says what it is."""

def open_detached(content: bytes, signature: bytes) -> tuple[bytes, None] | tuple[None, str]:
    """Check a signature of `EvidenceKey.sign_detached`.

    Returns:
        DER of the certificate in it, whose trust is the caller's to judge; or None, and why the
        signature does not hold: any octet is not as the profile has it, the content is another
        one, or it was not made with the key of its certificate.
    """

def check_package(folder: str | PathLike[str]) -> bytes:
    """Check the files and rows of an evidence package, on all cores; reads nothing else.

    Returns:
        JSON: ``files``, ``files_sha256``, ``rows``, ``devices``, ``root``; how many rows are
        ``anchored``, ``certified``, ``bare_keys``, ``unverified`` and ``without_decision``;
        ``highest`` number of a decision by partition; ``findings`` (``file``, ``line``,
        ``device``, ``what``, ``detail``) and how many ``further_findings`` there are.
    """
