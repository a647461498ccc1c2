"""What the streams tell, in tables, until it is sorted into rows."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from slotkeeper._core import canonical_key
from slotkeeper.audit_chain import Anchor, ChainCheck
from slotkeeper.engine.port import AuditHead
from slotkeeper.errors import FaultFoundError
from slotkeeper.slots.tables import Tables
from slotkeeper.streams import Record

from .parties import PartySubject

P256_INFO: Final = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
"""DER of a SubjectPublicKeyInfo up to the point: id-ecPublicKey, prime256v1 (RFC 5480)."""

P256_COMPRESSED_INFO: Final = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
"""The same of a compressed point."""

_POINT_OCTETS = 65

_INTEGER, _BIGINT = 2**31 - 1, 2**63 - 1
"""The largest numbers of DuckDB's types of these names."""

TABLES = """
CREATE TABLE told (device VARCHAR, partition INTEGER, "offset" BIGINT, kind VARCHAR,
    message VARCHAR, public_key VARCHAR, point VARCHAR, verified BOOLEAN, source_stream VARCHAR,
    source_partition INTEGER, source_offset BIGINT, audit_sha256 VARCHAR);
CREATE TABLE decided (sha256 VARCHAR, partition INTEGER, "offset" BIGINT, number BIGINT,
    decided_at VARCHAR, device_time VARCHAR, received_at VARCHAR);
CREATE TABLE scope (device VARCHAR, party VARCHAR);
CREATE TABLE held (device VARCHAR, point VARCHAR, public_key VARCHAR, sha256 VARCHAR);
CREATE TABLE cut (partition INTEGER, below BIGINT);
"""

_TOLD = (
    "varchar, integer, bigint, varchar, varchar, varchar, varchar, boolean, varchar, integer, "
    "bigint, varchar"
)
_DECIDED = "varchar, integer, bigint, bigint, varchar, varchar, varchar"


class Evidence:
    """Takes records of ``slot-evidence``.

    Attributes:
        unreadable: How many were none.
    """

    def __init__(self, made: Tables) -> None:
        """Write into these tables."""
        self._made = made
        self.unreadable = 0

    def take(self, records: Sequence[Record]) -> None:
        """Take records of one partition."""
        rows = []
        for record in records:
            try:
                rows.append(_told(record))
            except (ValueError, LookupError, TypeError, AttributeError):
                self.unreadable += 1
        self._made.add("told", _TOLD, rows)


def _told(record: Record) -> tuple[object, ...]:
    entry = orjson.loads(record.value or b"")
    device = canonical_key(record.key or b"")
    if device is None or entry["device_id"].encode() != device:
        raise ValueError(entry["device_id"])
    source, key = entry["source"], entry["public_key"]
    # Written again, so that what stands in a row is in the one form that base64 has.
    message = base64.b64encode(base64.b64decode(entry["message"], validate=True)).decode()
    info = None if key is None else base64.b64decode(key, validate=True)
    return (
        device.decode(),
        record.partition,
        record.offset,
        _text(entry["kind"]),
        message,
        None if info is None else base64.b64encode(info).decode(),
        None if info is None else point_of(info),
        bool(entry["verified"]),
        _text(source["stream"]),
        _number(source["partition"], _INTEGER),
        _number(source["offset"]),
        bytes.fromhex(entry["audit_sha256"]).hex(),
    )


def _text(told: object) -> str | None:
    """Give a text or nothing, as a column takes it: others than workers may write there."""
    if not isinstance(told, str | None):
        raise TypeError("a member is no text")
    return told


def _number(told: object, most: int = _BIGINT) -> int | None:
    """Give a number or nothing, likewise."""
    if told is None:
        return None
    if isinstance(told, bool) or not isinstance(told, int) or not 0 <= told <= most:
        raise TypeError(f"a member is no number up to {most}")
    return told


class Decisions:
    """Takes records of the audit trail, and follows its chains."""

    def __init__(
        self, made: Tables, party: PartySubject | None, after: Mapping[int, AuditHead]
    ) -> None:
        """Begin.

        Args:
            made: Written into.
            party: Whose devices are in scope; None where the scope is known.
            after: The heads at which the package before ended.
        """
        self._made = made
        self._party = party
        self._names = [] if party is None else [one.encode() for one in party.eui64]
        self._seen: set[str] = set()
        self._after = after
        self._checks: dict[int, ChainCheck] = {}

    def take(self, records: Sequence[Record]) -> None:
        """Take records of one partition."""
        partition = records[0].partition
        check = self._check(partition)
        rows = []
        for record in records:
            check.take(record.offset, record.value)
            row = self._row(record)
            if row is not None:
                rows.append(row)
        self._made.add("decided", _DECIDED, rows)

    def _check(self, partition: int) -> ChainCheck:
        if partition not in self._checks:
            head = self._after.get(partition)
            anchors = [] if head is None else [Anchor("the package before", head, is_outside=True)]
            self._checks[partition] = ChainCheck(anchors)
        return self._checks[partition]

    def _row(self, record: Record) -> tuple[object, ...] | None:
        value = record.value or b""
        # Most records are of other roles; what is not of this one is not worth reading.
        if b'"NetworkOperator"' not in value:
            return None
        try:
            entry = orjson.loads(value)
            device, message = entry["device_id"], entry.get("message") or {}
            row = (
                hashlib.sha256(value).hexdigest(),
                record.partition,
                record.offset,
                _number(entry.get("number")),
                _text(entry.get("decided_at")),
                _text(message.get("device_time")),
                _text(entry.get("received_at")),
            )
            if device not in self._seen and self._is_about_party(entry, value):
                self._seen.add(device)
        except (ValueError, LookupError, TypeError, AttributeError):
            return None
        return row

    def _is_about_party(self, entry: Mapping[str, Any], value: bytes) -> bool:
        """Say whether the slot had the party's certificates, before the message or after it."""
        if self._party is None or not any(name in value for name in self._names):
            return False
        slot = entry.get("slot") or {}
        cells = [slot.get("digital_signature") or {}, slot.get("key_agreement") or {}]
        named = {cell.get("subject_unique_id") for cell in cells}
        for cell in entry.get("cells") or ():
            named |= {
                cell.get("existing_subject_unique_id"),
                cell.get("replacing_subject_unique_id"),
            }
        return not named.isdisjoint(self._party.eui64)

    def finish(self) -> dict[int, AuditHead | None]:
        """Give the heads of the trail, by partition, and put the party's devices into scope.

        Raises:
            FaultFoundError: A record of the trail is not what was written, or it does not go on
                from the package before.
        """
        heads: dict[int, AuditHead | None] = {}
        for partition in sorted({*self._checks, *self._after}):
            check = self._check(partition)
            check.finish()
            if check.last is None and partition in self._after:
                raise FaultFoundError(f"audit-trail, partition {partition}: its records are gone")
            if check.findings:
                first = check.findings[0]
                raise FaultFoundError(
                    f"audit-trail, partition {partition}, offset {first.offset}: {first.what}; "
                    f"{first.detail}"
                )
            last = check.last
            ends = last is not None and last.number is not None
            heads[partition] = (last.number, last.digest) if ends else None  # type: ignore[union-attr, assignment]
        if self._party is not None:
            name = self._party.party_id
            self._made.add("scope", "varchar, varchar", [(one, name) for one in sorted(self._seen)])
        return heads


class Certificates:
    """Takes records of the inventory, and keeps the certificates of keys that have signed."""

    def __init__(self, made: Tables, folder: Path) -> None:
        """Write certificates into a folder, of the devices in scope."""
        self._made = made
        self._folder = folder
        self._wanted: set[tuple[str, str]] = set(
            made.rows(
                "SELECT DISTINCT device, point FROM told JOIN scope USING (device) "
                "WHERE point IS NOT NULL"
            )
        )

    def take(self, records: Sequence[Record]) -> None:
        """Take records of one partition."""
        self._made.add("held", "varchar, varchar, varchar, varchar", list(self._held(records)))

    def _held(self, records: Sequence[Record]) -> Iterator[tuple[str, str, str, str]]:
        for record in records:
            device = (canonical_key(record.key or b"") or b"").decode()
            try:
                told = orjson.loads(record.value or b"")["digital_signing_certificate"]
                der = base64.b64decode(told, validate=True)
            except (ValueError, LookupError, TypeError):
                continue
            info = certified_key(der)
            point = None if info is None else point_of(info)
            if info is None or point is None or (device, point) not in self._wanted:
                continue
            digest = hashlib.sha256(der).hexdigest()
            (self._folder / f"{digest}.der").write_bytes(der)
            yield device, point, base64.b64encode(info).decode(), digest


def point_of(info: bytes) -> str | None:
    """Give the compressed point of a SubjectPublicKeyInfo; None if it is of another kind."""
    if info.startswith(P256_INFO) and len(info) == len(P256_INFO) + _POINT_OCTETS:
        return _compressed(info[len(P256_INFO) :])
    if info.startswith(P256_COMPRESSED_INFO):
        return info[len(P256_COMPRESSED_INFO) :].hex()
    return None


def certified_key(der: bytes) -> bytes | None:
    """Give the SubjectPublicKeyInfo of a certificate, if its key is on P-256.

    Only finds the certificate that belongs to a key: whether it is one, the check of the package
    says.
    """
    _, found, rest = der.partition(P256_INFO)
    return found + rest[:_POINT_OCTETS] if found and len(rest) >= _POINT_OCTETS else None


def _compressed(point: bytes) -> str:
    return bytes((2 | point[64] & 1, *point[1:33])).hex()
