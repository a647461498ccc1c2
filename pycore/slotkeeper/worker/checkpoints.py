"""Signed statements in the audit trail of how far its chain has come."""

import base64
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from slotkeeper._core import EvidenceKey, SignerUnavailableError
from slotkeeper.engine.port import AuditHead
from slotkeeper.streams import Output

from .audit import entry, output
from .positions import written_head

_log = logging.getLogger(__name__)

KIND = "checkpoint"
"""Of its audit record."""

SIGNED = ("decided_at", "head", "incarnation", "kind", "partition")
"""Members of the record that the signature is about."""


def statement(record: Mapping[str, object]) -> bytes:
    """Give the octets that are signed: these members as JSON, by their names, without white space.

    Raises:
        KeyError: One of them is missing.
    """
    return orjson.dumps({name: record[name] for name in SIGNED}, option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """How often the chain is signed, and by which key.

    Attributes:
        key: The evidence key, which is no key of the ACB.
        every_records: Audit records of a partition from one checkpoint to the next, at most.
        every_ms: Milliseconds from one to the next, at most, where there is anything new.
    """

    key: EvidenceKey
    every_records: int
    every_ms: int


class CheckpointWriter:
    """Says when a partition's chain is to be signed, and signs."""

    def __init__(
        self, checkpoints: Checkpoints, partition: int, incarnation: str, since: AuditHead | None
    ) -> None:
        """Begin with what stands in the trail: the owner before has signed it, or ended badly.

        Args:
            checkpoints: How.
            partition: Whose.
            incarnation: The store's.
            since: The last record that stands there.
        """
        self._how = checkpoints
        self._partition = partition
        self._incarnation = incarnation
        self._signed = 0 if since is None else since[0]
        self._signed_ms: int | None = None

    def is_due(self, head: AuditHead | None, now_ms: int, *, ends: bool = False) -> bool:
        """Say whether the chain is to be signed at this head; ``ends`` if anything new is enough.

        A clock that was put back says that it is.
        """
        if self._signed_ms is None:
            self._signed_ms = now_ms
        if head is None or head[0] <= self._signed:
            return False
        enough = head[0] - self._signed >= self._how.every_records
        return ends or enough or not 0 <= now_ms - self._signed_ms < self._how.every_ms

    def made(self, head: AuditHead | None, now_ms: int) -> Sequence[Output]:
        """Give the record of a checkpoint, which has still to get its place in the chain.

        None where no signature can be had now: decisions do not wait for it.
        """
        content: dict[str, object] = {"incarnation": self._incarnation, "head": written_head(head)}
        unsigned = entry(KIND, self._partition, content, now_ms)
        key = self._how.key
        try:
            signature = key.sign(statement(unsigned))
        except SignerUnavailableError as error:
            about = {"partition": self._partition, "error": str(error)}
            _log.warning("audit trail is not signed", extra=about)
            return ()
        signed = {
            **unsigned,
            "key": key.identifier.hex(),
            "signature": base64.b64encode(signature).decode(),
        }
        return [output(signed, self._partition)]

    def committed(self, head: AuditHead | None, now_ms: int) -> None:
        """The checkpoint stands in the trail, as its last record."""
        self._signed, self._signed_ms = 0 if head is None else head[0], now_ms
