"""Settings: ``slotkeeper.toml``, then ``SLOTKEEPER_*`` variables, then options.

What a decision depends on has its default in the engine; every other default stands in the models
of ``sections``. A key that no model knows is an error that names the nearest one that does, since a
misspelt switch would otherwise silently keep its default.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any, Self

import orjson

from slotkeeper._core import Authority, EvidenceKey
from slotkeeper.acts import Signers, read_signers
from slotkeeper.errors import ConfigurationError
from slotkeeper.settings.loading import Loaded, load
from slotkeeper.settings.reading import DEFAULT_FILE, certificates, read, read_text
from slotkeeper.settings.sections import (
    MAX_COUNTER,
    MOST_BATCH_BYTES,
    AcbSettings,
    AdjustmentsSettings,
    AuditSettings,
    ConsoleSettings,
    CounterSettings,
    DecimalString,
    EvidenceSettings,
    ExitSettings,
    FilePath,
    HttpSettings,
    KafkaSettings,
    KeyPair,
    LimitsSettings,
    PartiesSettings,
    Section,
    SlotsSettings,
    SnapshotSettings,
    SqliteSettings,
    VerifySettings,
    WorkerSettings,
    eui64,
)
from slotkeeper.slots.exit.facts import Waits
from slotkeeper.slots.facts import Policy
from slotkeeper.slots.policy import key_identifiers
from slotkeeper.streams import StreamsSettings
from slotkeeper.worker import Checkpoints, Snapshots

__all__ = [
    "DEFAULT_FILE",
    "MAX_COUNTER",
    "MOST_BATCH_BYTES",
    "AcbSettings",
    "AdjustmentsSettings",
    "AuditSettings",
    "ConsoleSettings",
    "CounterSettings",
    "DecimalString",
    "EvidenceSettings",
    "ExitSettings",
    "FilePath",
    "HttpSettings",
    "KafkaSettings",
    "KeyPair",
    "LimitsSettings",
    "Loaded",
    "PartiesSettings",
    "Settings",
    "SlotsSettings",
    "SnapshotSettings",
    "SqliteSettings",
    "VerifySettings",
    "WorkerSettings",
]


class Settings(Section):
    """The effective settings. Paths are as given, those of the file resolved from its folder."""

    streams: str = "sqlite:///slotkeeper.db"
    acb: AcbSettings = AcbSettings()
    counter: CounterSettings = CounterSettings()
    verify: VerifySettings = VerifySettings()
    parties: PartiesSettings = PartiesSettings()
    adjustments: AdjustmentsSettings = AdjustmentsSettings()
    audit: AuditSettings = AuditSettings()
    slots: SlotsSettings = SlotsSettings()
    exit: ExitSettings = ExitSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    console: ConsoleSettings = ConsoleSettings()
    kafka: KafkaSettings = KafkaSettings()
    snapshot: SnapshotSettings = SnapshotSettings()
    limits: LimitsSettings = LimitsSettings()
    sqlite: SqliteSettings = SqliteSettings()
    worker: WorkerSettings = WorkerSettings()
    http: HttpSettings = HttpSettings()

    @classmethod
    def load(
        cls,
        file: Path | str | None = None,
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
        return load(cls, _path(file), environment, streams).require()

    @classmethod
    def examine(
        cls,
        file: Path | str | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        streams: str | None = None,
    ) -> Loaded[Self]:
        """Read the same, and tell everything that is wrong and where each value comes from.

        Raises:
            ConfigurationError: The file cannot be read, or is no TOML.
        """
        return load(cls, _path(file), environment, streams)

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

    def evidence_key(self) -> EvidenceKey:
        """Load the key that signs evidence packages; of the ACB its certificates are enough.

        Raises:
            ConfigurationError: None is configured, it cannot be used, or it is the ACB's.
        """
        if not (self.evidence.key and self.evidence.certificate):
            raise ConfigurationError(
                "evidence.key and evidence.certificate must be set: a package is signed by a key "
                "of its own"
            )
        if not (self.acb.id and self.acb.digital_signature and self.acb.key_agreement):
            raise ConfigurationError(
                "acb.id, [[acb.digital_signature]] and [[acb.key_agreement]] must be set: without "
                "them nobody knows whether evidence.key is a key of the ACB"
            )
        # Its private keys have no business here.
        acb = Authority(
            self.acb.id,
            digital_signature=[(pair.certificate, None) for pair in self.acb.digital_signature],
            key_agreement=[(pair.certificate, None) for pair in self.acb.key_agreement],
        )
        return EvidenceKey(self.evidence.key, authority=acb)

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
                "DS": key_identifiers(_read(self.acb.digital_signature)),
                "KA": key_identifiers(_read(self.acb.key_agreement)),
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
                        for der in certificates(Path(path))
                    ],
                },
                "parties": {
                    "network_operators": self._network_operators(),
                    "advisory": self.parties.advisory,
                },
                "adjustments": {
                    "dual_control": self.adjustments.dual_control,
                    "signers": self._signers(),
                },
                "limits": self.limits.model_dump(exclude={"batch_bytes"}),
            }
        )

    def exit_waits(self) -> Waits:
        """Give when a device of an exit is silent, and when an exit is quiet."""
        return Waits(
            silent=timedelta(days=self.exit.silent_days), quiet=timedelta(days=self.exit.quiet_days)
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
        lines = [line.partition("#")[0].strip() for line in read_text(path).splitlines()]
        try:
            return [eui64(line) for line in lines if line]
        except ValueError as error:
            raise ConfigurationError(f"parties.network_operators: {path}: {error}") from None


def _read(pairs: Iterable[KeyPair]) -> Iterator[tuple[str, bytes]]:
    for pair in pairs:
        yield pair.certificate, read(Path(pair.certificate))


def _path(file: Path | str | None) -> Path | None:
    return None if file is None else Path(file)
