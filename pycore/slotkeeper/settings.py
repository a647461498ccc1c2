"""Settings: ``slotkeeper.toml``, then ``SLOTKEEPER_*`` variables, then options.

What a decision depends on has its default in the engine; every other default stands in the models
below. A key that no model knows is an error that names the nearest one that does, since a misspelt
switch would otherwise silently keep its default.
"""

import base64
import os
import tomllib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

import orjson
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from slotkeeper._core import Authority, EvidenceKey, canonical_key, default_settings
from slotkeeper.acts import Signers, read_signers
from slotkeeper.errors import ConfigurationError
from slotkeeper.settings_keys import refuse_unknown, variables
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.policy import key_identifiers
from slotkeeper.streams import BATCH_BYTES, StreamsSettings
from slotkeeper.worker import Checkpoints, Snapshots

DEFAULT_FILE = "slotkeeper.toml"

MAX_COUNTER = 2**63 - 1
"""CS02b numbers are ASN.1 INTEGER (0..9223372036854775807)."""

_ENGINE = orjson.loads(default_settings())


def _decimal(value: object) -> object:
    """Take a TOML integer for a decimal string; other types are left for pydantic to refuse."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _eui64(value: str) -> str:
    canonical = canonical_key(value.encode())
    if canonical is None:
        raise ValueError(f"{value!r} is no EUI-64, such as 90-B3-D5-1F-30-00-00-02")
    return canonical.decode()


DecimalString: TypeAlias = Annotated[
    str, BeforeValidator(_decimal), Field(pattern=r"^(0|[1-9][0-9]{0,18})$")
]
"""A number of CS02b as a decimal string: JSON numbers lose precision above 2^53 elsewhere."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KeyPair(_Section):
    """A certificate of the ACB and the private key that belongs to it.

    Attributes:
        certificate: PEM file.
        key: PEM file, PKCS#8 or SEC1; None for a retired certificate whose key is no longer held.
    """

    certificate: str
    key: str | None = None


class AcbSettings(_Section):
    """The Access Control Broker: its EUI-64, and its certificates, newest first."""

    id: str = ""
    digital_signature: list[KeyPair] = []
    key_agreement: list[KeyPair] = []

    @field_validator("id")
    @classmethod
    def _canonical(cls, value: str) -> str:
        return _eui64(value) if value else value


class CounterSettings(_Section):
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


class VerifySettings(_Section):
    """Which signatures and certificate paths are checked, and as of when."""

    device_signatures: Literal["if-known", "require", "off"] = _ENGINE["verify"][
        "device_signatures"
    ]
    certificate_time: Literal[""] | datetime = _ENGINE["verify"]["certificate_time"]
    issuing_certificates: list[str] = []

    @field_validator("certificate_time")
    @classmethod
    def _in_utc(cls, value: Literal[""] | datetime) -> Literal[""] | datetime:
        """Take a time or a day without a zone for UTC, as all times here are."""
        if isinstance(value, str) or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class PartiesSettings(_Section):
    """Who counts as a network operator: a file with one EUI-64 a line; empty: anyone not ACB."""

    network_operators: str = ""


class SlotsSettings(_Section):
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


class AdjustmentsSettings(_Section):
    """By whom a number may be raised.

    Attributes:
        dual_control: Whether every raise needs two different persons.
        signers: TOML file of persons and their public keys, who sign every adjustment. Empty:
            names are claims, and nothing above the ceiling is taken.
    """

    dual_control: bool = _ENGINE["adjustments"]["dual_control"]
    signers: str = ""


class AuditSettings(_Section):
    """Who vouches for the audit trail, and how often.

    Attributes:
        key: PEM file of a P-256 key that is none of the ACB's; empty: nobody signs the trail.
        every_records: Audit records of a partition from one checkpoint to the next; at least 1.
        every_seconds: The same in time, where there is anything new; at least 1.
    """

    key: str = ""
    every_records: int = Field(default=10_000, ge=1)
    every_seconds: float = Field(default=60.0, ge=1)


class KafkaSettings(BaseModel):
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
    witness: str = ""
    session_timeout_ms: int = Field(default=10_000, ge=1000)


class SnapshotSettings(_Section):
    """Where snapshots are kept, how often they are taken, and for how long they are of use.

    Attributes:
        directory: Empty: there are none.
        every_seconds: From one snapshot of a partition to the next; at least 1.
        tombstone_seconds: How long Kafka keeps tombstones at least, where the cluster does not
            let the worker see it: Kafka's own default.
    """

    directory: str = ""
    every_seconds: float = Field(default=600.0, ge=1)
    tombstone_seconds: int = Field(default=86_400, ge=1)


MOST_BATCH_BYTES = 32 << 20
"""Measured: one value of 31 MiB costs the event loop 22 ms to copy, one of 63 MiB 80 ms."""


class LimitsSettings(_Section):
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


class SqliteSettings(_Section):
    """A witness on another disk, by which a restored older file is detected."""

    witness: str = ""


class WorkerSettings(_Section):
    """Seconds that batches in hand may take to end after a stop; 0 to 3600.

    20 is well below the 30 after which common supervisors kill, and far above the fraction of a
    second that a batch takes.
    """

    drain_seconds: float = Field(default=20.0, ge=0, le=3600)


class HttpSettings(_Section):
    """Where ``/livez``, ``/readyz`` and ``/metrics`` are served; empty: nowhere."""

    listen: str = Field(default="", pattern=r"^($|.+:[0-9]{1,5}$)")


class Settings(_Section):
    """The effective settings. Paths are as given, those of the file resolved from its folder."""

    streams: str = "sqlite:///slotkeeper.db"
    acb: AcbSettings = AcbSettings()
    counter: CounterSettings = CounterSettings()
    verify: VerifySettings = VerifySettings()
    parties: PartiesSettings = PartiesSettings()
    adjustments: AdjustmentsSettings = AdjustmentsSettings()
    audit: AuditSettings = AuditSettings()
    slots: SlotsSettings = SlotsSettings()
    kafka: KafkaSettings = KafkaSettings()
    snapshot: SnapshotSettings = SnapshotSettings()
    limits: LimitsSettings = LimitsSettings()
    sqlite: SqliteSettings = SqliteSettings()
    worker: WorkerSettings = WorkerSettings()
    http: HttpSettings = HttpSettings()

    @classmethod
    def load(
        cls,
        file: Path | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        streams: str | None = None,
    ) -> Self:
        """Read the file, then the environment, then the option.

        Args:
            file: None takes ``slotkeeper.toml`` of the working folder, where there is one.
            environment: None takes the process's own.
            streams: The value of ``--streams``.

        Raises:
            ConfigurationError: A file cannot be read, a key is unknown, or a value does not fit.
        """
        raw = _read_file(file)
        for path, value in variables(os.environ if environment is None else environment, cls):
            section = raw
            for name in path[:-1]:
                section = section.setdefault(name, {})
            section[path[-1]] = value
        if streams is not None:
            raw["streams"] = streams
        refuse_unknown(raw, cls)
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise ConfigurationError(_sentences(error)) from None

    def authority(self) -> Authority:
        """Load the ACB's certificates and private keys; the keys stay in the extension.

        Raises:
            ConfigurationError: None are configured, or a file cannot be used.
        """
        if not (self.acb.id and self.acb.digital_signature and self.acb.key_agreement):
            raise ConfigurationError(
                "acb.id, [[acb.digital_signature]] and [[acb.key_agreement]] must be set: "
                "without them no command can be signed"
            )
        return Authority(
            self.acb.id,
            digital_signature=[(pair.certificate, pair.key) for pair in self.acb.digital_signature],
            key_agreement=[(pair.certificate, pair.key) for pair in self.acb.key_agreement],
        )

    def checkpoints(self, authority: Authority) -> Checkpoints | None:
        """Give how the audit trail is signed; None where it is not.

        Raises:
            ConfigurationError: The key cannot be used, or is the ACB's.
        """
        if not self.audit.key:
            return None
        return Checkpoints(
            key=EvidenceKey(self.audit.key, authority=authority),
            every_records=self.audit.every_records,
            every_ms=round(self.audit.every_seconds * 1_000),
        )

    def slot_policy(self) -> Policy:
        """Give the policy of the rule for slots; no private key is needed for it.

        Raises:
            ConfigurationError: No ACB is configured, or a certificate of it cannot be used.
        """
        if not (self.acb.id and self.acb.digital_signature and self.acb.key_agreement):
            raise ConfigurationError(
                "acb.id, [[acb.digital_signature]] and [[acb.key_agreement]] must be set: without "
                "them nobody knows which slots hold the ACB's certificates"
            )
        return Policy(
            **self.slots.model_dump(exclude={"coverage_from"}),
            coverage_from=self.slots.coverage_from or None,
            acb_id=self.acb.id,
            acb_keys={
                "DS": key_identifiers(pair.certificate for pair in self.acb.digital_signature),
                "KA": key_identifiers(pair.certificate for pair in self.acb.key_agreement),
            },
        )

    def engine_json(self) -> bytes:
        """Give the engine its settings as JSON, files read.

        Raises:
            ConfigurationError: A certificate, the list of operators or the file of signers cannot
                be read.
        """
        return orjson.dumps(
            {
                "counter": self.counter.model_dump(),
                "verify": {
                    "device_signatures": self.verify.device_signatures,
                    "certificate_time": self._certificate_time(),
                    "issuing_certificates": [
                        base64.b64encode(der).decode()
                        for path in self.verify.issuing_certificates
                        for der in _certificates(Path(path))
                    ],
                },
                "parties": {"network_operators": self._network_operators()},
                "adjustments": {
                    "dual_control": self.adjustments.dual_control,
                    "signers": self._signers(),
                },
                "limits": self.limits.model_dump(exclude={"batch_bytes"}),
            }
        )

    def signers(self) -> Signers | None:
        """Give those who sign adjustments; None where nobody is configured.

        Raises:
            ConfigurationError: The file cannot be read, or somebody's key cannot be used.
        """
        named = self._signers()
        if named is None:
            return None
        try:
            return Signers(orjson.dumps(named))
        except ConfigurationError as error:
            raise ConfigurationError(f"adjustments.signers: {error}") from None

    def streams_settings(self, *, partitions: int | None = None) -> StreamsSettings:
        """Give what the streams need besides their address."""
        kind = self.kafka if self.streams.startswith("kafka:") else self.sqlite
        return StreamsSettings(
            partitions=partitions,
            witness=Path(kind.witness) if kind.witness else None,
            application=self.kafka.application,
            topic_prefix=self.kafka.topic_prefix,
            tombstones_ms=self.snapshot.tombstone_seconds * 1_000,
            batch_bytes=self.limits.batch_bytes,
            kafka=self.kafka.model_dump(exclude={"application", "topic_prefix", "witness"}),
        )

    @property
    def witness_key(self) -> str:
        """Name the setting that has this kind's witness."""
        return "kafka.witness" if self.streams.startswith("kafka:") else "sqlite.witness"

    def snapshots(self) -> Snapshots | None:
        """Give where snapshots are kept; None if nowhere."""
        if not self.snapshot.directory:
            return None
        whose = (
            f"{self.kafka.application} {self.kafka.topic_prefix}"
            if self.streams.startswith("kafka:")
            else str(Path(self.streams.removeprefix("sqlite:///")).absolute())
        )
        return Snapshots(
            directory=Path(self.snapshot.directory),
            application=whose,
            every_s=self.snapshot.every_seconds,
        )

    def _certificate_time(self) -> str:
        time = self.verify.certificate_time
        return "" if isinstance(time, str) else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _signers(self) -> list[dict[str, Any]] | None:
        path = self.adjustments.signers
        return read_signers(Path(path)) if path else None

    def _network_operators(self) -> list[str] | None:
        if not self.parties.network_operators:
            return None
        path = Path(self.parties.network_operators)
        lines = [line.partition("#")[0].strip() for line in _read(path).decode().splitlines()]
        try:
            return [_eui64(line) for line in lines if line]
        except ValueError as error:
            raise ConfigurationError(f"parties.network_operators: {path}: {error}") from None


def _read_file(file: Path | None) -> dict[str, Any]:
    path = file or Path(DEFAULT_FILE)
    if file is None and not path.exists():
        return {}
    try:
        raw = tomllib.loads(_read(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no TOML: {error}") from None
    _resolve(raw, path.resolve().parent)
    return raw


def _resolve(raw: dict[str, Any], folder: Path) -> None:
    """Take the file's relative paths from the file's folder; ill-typed values are left alone."""
    streams = raw.get("streams")
    if isinstance(streams, str) and streams.startswith("sqlite:///"):
        raw["streams"] = f"sqlite:///{folder / streams.removeprefix('sqlite:///')}"
    for holder, key in _path_members(raw):
        value = holder.get(key)
        if isinstance(value, str) and value and not value.startswith("pkcs11:"):
            holder[key] = str(folder / value)
        elif isinstance(value, list):
            holder[key] = [str(folder / one) if isinstance(one, str) else one for one in value]


def _path_members(raw: dict[str, Any]) -> Iterable[tuple[dict[str, Any], str]]:
    """Give every table of the file with the name of a member that holds a path."""
    for section, key in (
        ("verify", "issuing_certificates"),
        ("audit", "key"),
        ("parties", "network_operators"),
        ("adjustments", "signers"),
        ("kafka", "witness"),
        ("kafka", "ssl_cafile"),
        ("kafka", "ssl_certfile"),
        ("kafka", "ssl_keyfile"),
        ("kafka", "sasl_oauth_token_file"),
        ("snapshot", "directory"),
        ("sqlite", "witness"),
    ):
        if isinstance(table := raw.get(section), dict):
            yield table, key
    acb = raw.get("acb")
    for usage in ("digital_signature", "key_agreement"):
        pairs = acb.get(usage) if isinstance(acb, dict) else None
        for pair in pairs if isinstance(pairs, list) else ():
            if isinstance(pair, dict):
                yield pair, "certificate"
                yield pair, "key"


def _certificates(path: Path) -> list[bytes]:
    """Give the DER of every certificate in a PEM file; what they say is the engine's to judge."""
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    blocks = [part.partition(end) for part in _read(path).split(begin)[1:]]
    try:
        found = [base64.b64decode(body, validate=False) for body, closed, _ in blocks if closed]
    except ValueError:
        found = []
    if not found:
        raise ConfigurationError(f"{path} holds no PEM certificate")
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None


def _sentences(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False)
    )
