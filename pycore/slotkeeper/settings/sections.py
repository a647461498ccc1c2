"""The sections of the settings: each key with its type, its range and its default."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self, TypeAlias

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from slotkeeper._core import canonical_key, default_settings
from slotkeeper.settings.redaction import is_content, redacted
from slotkeeper.streams import BATCH_BYTES

MAX_COUNTER = 2**63 - 1
"""CS02b numbers are ASN.1 INTEGER (0..9223372036854775807)."""

_ENGINE = orjson.loads(default_settings())


def _decimal(value: object) -> object:
    """Take a TOML integer for a decimal string; other types are left for pydantic to refuse."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def eui64(value: str) -> str:
    """Give an EUI-64 as it is written everywhere.

    Raises:
        ValueError: It is none.
    """
    canonical = canonical_key(value.encode())
    if canonical is None:
        raise ValueError(f"'{value}' is no EUI-64, such as 90-B3-D5-1F-30-00-00-02")
    return canonical.decode()


DecimalString: TypeAlias = Annotated[
    str, BeforeValidator(_decimal), Field(pattern=r"^(0|[1-9][0-9]{0,18})$")
]
"""A number of CS02b as a decimal string: JSON numbers lose precision above 2^53 elsewhere."""


def _no_content(value: str) -> str:
    if is_content(value):
        raise ValueError("must be the path of a file, and has the text of one")
    return value


FilePath: TypeAlias = Annotated[str, AfterValidator(_no_content)]
"""A path. The text of a key, pasted in its place, is not repeated in any message."""


class Redacted(BaseModel):
    """Shows no secret, whoever prints it."""

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Give the members as ``repr`` shows them."""
        for name, value in super().__repr_args__():
            yield name, value if isinstance(value, BaseModel) else redacted(value, name or "")


class Section(Redacted):
    """A table of the file: an unknown key is refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KeyPair(Section):
    """A certificate of the ACB and the private key that belongs to it.

    Attributes:
        certificate: PEM file.
        key: PEM file, PKCS#8 or SEC1; None for a retired certificate whose key is no longer held.
    """

    certificate: FilePath
    key: FilePath | None = None


class AcbSettings(Section):
    """The Access Control Broker: its EUI-64, and its certificates, newest first."""

    id: str = ""
    digital_signature: list[KeyPair] = []
    key_agreement: list[KeyPair] = []

    @field_validator("id")
    @classmethod
    def _canonical(cls, value: str) -> str:
        return eui64(value) if value else value


class CounterSettings(Section):
    """How Originator Counters are chosen.

    Attributes:
        source: The hint where a request carries none: milliseconds, or the next free number.
        ceiling: No hint and no unverified number above it is believed; 1 to 2^63-1.
        absent_floor: What a 6.21 without floor sends; "auto" sends 0 where tracking lifted the
            counter, so that the incoming operator is not locked out.
        without_evidence: Whether a slot of which nothing is known is served.
    """

    source: Literal["clock-ms", "sequence"] = _ENGINE["counter"]["source"]
    ceiling: DecimalString = _ENGINE["counter"]["ceiling"]
    absent_floor: Literal["auto", "omit", "zero", "refuse"] = _ENGINE["counter"]["absent_floor"]
    without_evidence: Literal["issue", "refuse"] = _ENGINE["counter"]["without_evidence"]

    @field_validator("ceiling")
    @classmethod
    def _in_range(cls, value: str) -> str:
        if not 1 <= int(value) <= MAX_COUNTER:
            raise ValueError(f"must be 1 to {MAX_COUNTER}")
        return value


class VerifySettings(Section):
    """Which signatures and certificate paths are checked, and as of when."""

    device_signatures: Literal["if-known", "require", "off"] = _ENGINE["verify"][
        "device_signatures"
    ]
    certificate_time: Literal[""] | datetime = _ENGINE["verify"]["certificate_time"]
    issuing_certificates: list[FilePath] = []

    @field_validator("certificate_time")
    @classmethod
    def _in_utc(cls, value: Literal[""] | datetime) -> Literal[""] | datetime:
        """Take a time or a day without a zone for UTC, as all times here are."""
        if isinstance(value, str) or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class PartiesSettings(Section):
    """Who counts as a network operator, and what is said of one at a handover (S13).

    Attributes:
        network_operators: A file with one EUI-64 a line; empty: those of the registers, and
            without registers anyone who is not the ACB.
        advisory: What a 6.21 meets whose operator leaves, is no DCC User, is not the registered
            one, or whose certificate is revoked or expired: flags, a refusal, or nothing.
    """

    network_operators: FilePath = ""
    advisory: Literal["flag", "refuse", "off"] = _ENGINE["parties"]["advisory"]


class SlotsSettings(Section):
    """The policy by which the Network Operator slots of GPFs are judged.

    None of it has a public source: `slotkeeper.slots.facts.Policy` says what each member means.
    """

    limit_days: int = Field(default=7, ge=0, le=3650)
    coverage_from: Literal[""] | date = ""
    expired_signs: bool = False
    not_in_use_signs: bool = False
    exit_expectation: Literal["defer", "place"] = "defer"
    later_user: Literal["report", "action"] = "report"
    needs_key_agreement: bool = True


class AdjustmentsSettings(Section):
    """By whom a number may be raised.

    Attributes:
        dual_control: Whether every raise needs two different persons.
        signers: TOML file of persons and their public keys, who sign every adjustment. Empty:
            names are claims, and nothing above the ceiling is taken.
    """

    dual_control: bool = _ENGINE["adjustments"]["dual_control"]
    signers: FilePath = ""


class ExitSettings(Section):
    """When an exit of a gas network party counts a device as silent, and is ready.

    Attributes:
        silent_days: A device asked longer ago than this without an answer is SILENT.
        quiet_days: For how long nothing may change before an exit is READY.
    """

    silent_days: int = Field(default=14, ge=1, le=3650)
    quiet_days: int = Field(default=7, ge=0, le=3650)


class EvidenceSettings(Section):
    """Who signs evidence packages: a key of their own that is none of the ACB's.

    Attributes:
        certificate: PEM file of the certificate that recipients check the signature with.
        key: PEM file of its P-256 key, PKCS#8 or SEC1; it stays in the extension.
    """

    certificate: FilePath = ""
    key: FilePath = ""


class ConsoleSettings(Section):
    """The pages for people.

    Attributes:
        build_every: How often the slots folder is built beside the console, such as ``15m`` or
            ``1h``; empty: somebody else builds it.
        identity: ``link``: the one-time link on loopback; ``header``: a trusted proxy on a Unix
            socket names the person and the roles.
    """

    build_every: str = Field(default="1h", pattern=r"^$|^[1-9][0-9]{0,4}[smhd]$")
    identity: Literal["link", "header"] = "link"
    proxy_key: str = ""
    persons: str = ""


class AuditSettings(Section):
    """Who vouches for the audit trail, and how often.

    Attributes:
        key: PEM file of a P-256 key that is none of the ACB's; empty: nobody signs the trail.
        every_records: Audit records of a partition from one checkpoint to the next; at least 1.
        every_seconds: The same in time, where there is anything new; at least 1.
    """

    key: FilePath = ""
    every_records: int = Field(default=10_000, ge=1)
    every_seconds: float = Field(default=60.0, ge=1)


class KafkaSettings(Redacted):
    """Kafka streams. Further keys are aiokafka's own, such as ``security_protocol``.

    Attributes:
        application: Consumer group; the changelog remembers it, and another one is refused.
        topic_prefix: Before each stream's name; for several applications in one cluster.
        witness: Beginning of the names of files outside the cluster, one a partition, by which a
            restored older cluster is detected.
        session_timeout_ms: After it the group gives a silent worker's partitions away.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    application: str = Field(default="slotkeeper", min_length=1)
    topic_prefix: str = Field(default="", pattern=r"^[a-zA-Z0-9._-]{0,200}$")
    witness: FilePath = ""
    session_timeout_ms: int = Field(default=10_000, ge=1000)

    @model_validator(mode="after")
    def _paths_are_paths(self) -> Self:
        for name, value in (self.model_extra or {}).items():
            if name.endswith("file") and is_content(str(value)):
                raise ValueError(f"{name} must be the path of a file, and has the text of one")
        return self


class SnapshotSettings(Section):
    """Where snapshots are kept, how often they are taken, and for how long they are of use.

    Attributes:
        directory: Empty: there are none.
        every_seconds: From one snapshot of a partition to the next; at least 1.
        tombstone_seconds: How long Kafka keeps tombstones at least, where the cluster does not
            let the worker see it: Kafka's own default.
    """

    directory: FilePath = ""
    every_seconds: float = Field(default=600.0, ge=1)
    tombstone_seconds: int = Field(default=86_400, ge=1)


MOST_BATCH_BYTES = 32 << 20
"""Measured: one value of 31 MiB costs the event loop 22 ms to copy, one of 63 MiB 80 ms."""


class LimitsSettings(Section):
    """Bounds of what comes from outside, and of what is written of it, in octets.

    Attributes:
        message_bytes: Largest record that is looked into.
        dead_letter_bytes: Largest record that is written; at least 32768 above ``message_bytes``,
            as the engine checks.
        parking_bytes: Parked records of a partition.
        stranger_parking_bytes: Of these, those of devices that the inventory does not name.
        strangers: Rows of a partition that are kept of devices that the inventory does not name.
        batch_bytes: Kafka: to which a compressed batch is inflated; one of more is set aside. At
            least what a broker takes in one batch by default, and at most what the event loop can
            pass on within its 50 ms.
    """

    message_bytes: int = Field(default=_ENGINE["limits"]["message_bytes"], ge=1024)
    dead_letter_bytes: int = Field(default=_ENGINE["limits"]["dead_letter_bytes"], ge=33_792)
    parking_bytes: int = Field(default=_ENGINE["limits"]["parking_bytes"], ge=0)
    stranger_parking_bytes: int = Field(default=_ENGINE["limits"]["stranger_parking_bytes"], ge=0)
    strangers: int = Field(default=_ENGINE["limits"]["strangers"], ge=0)
    batch_bytes: int = Field(default=BATCH_BYTES, ge=1 << 20, le=MOST_BATCH_BYTES)


class SqliteSettings(Section):
    """A witness on another disk, by which a restored older file is detected."""

    witness: FilePath = ""


class WorkerSettings(Section):
    """Seconds that batches in hand may take to end after a stop; 0 to 3600.

    20 is well below the 30 after which common supervisors kill, and far above the fraction of a
    second that a batch takes.
    """

    drain_seconds: float = Field(default=20.0, ge=0, le=3600)


class HttpSettings(Section):
    """Health and metrics of the worker.

    Attributes:
        listen: Where ``/livez``, ``/readyz`` and ``/metrics`` are served; empty: nowhere.
        hosts: Names by which clients may call it, besides ``localhost``, that of ``listen`` and
            any address: the Host of a request with another name is refused.
    """

    listen: str = Field(default="", pattern=r"^($|.+:[0-9]{1,5}$)")
    hosts: list[str] = []
