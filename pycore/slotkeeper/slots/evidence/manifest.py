"""``manifest.json``: what a package is about, and the digests of everything else."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import orjson

from slotkeeper.engine.port import AuditHead

FORMAT = 1
"""Of a package's folder and manifest."""

MANIFEST = "manifest.json"
SIGNATURE = "manifest.p7s"
FILES = "files.sha256"
ROWS = "rows.jsonl"
LEAVES = "leaves.txt"
PAGE = "VERIFY.md"
CERTIFICATES = "certificates"
ISSUING = "issuing"
REPORT = "report"
EARLIER = "earlier"

LARGEST = 1 << 20
"""Octets of a manifest or its signature that are looked at: 4,096 partitions take less."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PLAIN = re.compile(r"[A-Za-z0-9:._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """How much of a partition's audit trail a package goes on from, and how far it comes.

    Attributes:
        partition: From 0.
        after: The head at which the package before ended; None where there is none.
        until: The head when this one was made; None where the trail has no chain yet.
    """

    partition: int
    after: AuditHead | None
    until: AuditHead | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the rows of a package are.

    Attributes:
        rows: All of them.
        devices: That have one.
        anchored: Rows that a device has signed, under a certificate which one of the package's
            issuing certificates vouches for.
        certified: The same without such an issuing certificate.
        bare_keys: Rows signed by a key that no certificate says is the device's.
        unverified: Rows of which no device's signature is known.
        without_decision: Rows whose decision the audit trail no longer had.
    """

    rows: int
    devices: int
    anchored: int
    certified: int
    bare_keys: int
    unverified: int
    without_decision: int

    @classmethod
    def of(cls, checked: Mapping[str, Any]) -> "Counts":
        """Take what a check of the package has counted."""
        return cls(**{one.name: checked[one.name] for one in fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCounts:
    """A report, and how its devices stand to the rows.

    Attributes:
        as_of: The day that it is about.
        build: What it was made of.
        manifest_sha256: Of its own manifest.
        judged: Lines of its ``device.csv``.
        with_rows: Devices among them that have rows.
        without_rows: Those whose slot is known by a message of which there is no row.
    """

    as_of: str
    build: str
    manifest_sha256: str
    judged: int
    with_rows: int
    without_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What the signature is over.

    Attributes:
        made_at: RFC 3339, by the clock of who made it.
        sequence: From 1; one more than that of the package before.
        previous: SHA-256 of the manifest before; None for the first.
        party: Whose devices these are, in a package about a party.
        report: The report, in a package about one.
        counts: Of the rows.
        audit: By partition.
        root: Root of the rows' Merkle tree, hexadecimal.
        files: How many ``files.sha256`` lists.
        files_sha256: SHA-256 of that list.
        signer_certificate_sha256: Of the DER of the certificate that is to be in the signature.
    """

    made_at: str
    sequence: int
    previous: str | None
    party: str | None
    report: ReportCounts | None
    counts: Counts
    audit: Sequence[Audited] = field(default_factory=tuple)
    root: str
    files: int
    files_sha256: str
    signer_certificate_sha256: str

    def encode(self) -> bytes:
        """Give the file's octets."""
        told = {"format": FORMAT, **asdict(self)}
        told["audit"] = [
            {
                "partition": one.partition,
                "after": _written(one.after),
                "until": _written(one.until),
            }
            for one in self.audit
        ]
        return orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def decode(cls, octets: bytes) -> "Manifest":
        """Read a manifest whose signature holds.

        Raises:
            ValueError: It is none of this format, or not written as `encode` does.
        """
        try:
            told = orjson.loads(octets)
            members = dict(told)
            if members.pop("format") != FORMAT:
                raise ValueError("format")  # noqa: TRY301
            report = members.pop("report")
            audit = tuple(
                Audited(
                    partition=one["partition"],
                    after=_read(one["after"]),
                    until=_read(one["until"]),
                )
                for one in members.pop("audit")
            )
            found = cls(
                report=None if report is None else ReportCounts(**report),
                counts=Counts(**members.pop("counts")),
                audit=audit,
                **members,
            )
        except (AttributeError, LookupError, TypeError, ValueError):
            # What exactly is wrong would quote what somebody outside has written.
            raise ValueError(f"no manifest of a package of format {FORMAT}") from None
        if found.encode() != octets or not all(_is_plain(each) for each in _leaves(told)):
            raise ValueError("not written as manifests are")
        return found

    def until(self) -> dict[int, AuditHead]:
        """Give the heads at which it ended, by partition."""
        return {one.partition: one.until for one in self.audit if one.until is not None}


def is_plain(text: str) -> bool:
    """Say whether a text can be shown as it is: a name, a time, a day, a number or a digest."""
    return bool(_PLAIN.fullmatch(text))


def _is_plain(value: object) -> bool:
    """Say whether a value is one that a manifest has."""
    if isinstance(value, str):
        return is_plain(value)
    return value is None or (type(value) is int and value >= 0)


def _leaves(value: object) -> Iterator[object]:
    """Give every value that holds no others."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        yield value
        return
    for each in value:
        yield from _leaves(each)


def _written(head: AuditHead | None) -> dict[str, object] | None:
    return None if head is None else {"number": head[0], "sha256": head[1].hex()}


def _read(told: Mapping[str, Any] | None) -> AuditHead | None:
    if told is None:
        return None
    number, digest = told["number"], told["sha256"]
    if type(number) is not int or not _DIGEST.fullmatch(digest):
        raise ValueError("a head of the audit trail is none")
    return number, bytes.fromhex(digest)
