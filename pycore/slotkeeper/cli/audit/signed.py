"""Checkpoints of the audit trail, and whether they were signed by whom one expects."""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from slotkeeper._core import EvidenceVerifier
from slotkeeper.audit_chain import Signed
from slotkeeper.worker.checkpoints import KIND, statement
from slotkeeper.worker.positions import read_head


def reader(
    partition: int, verifier: EvidenceVerifier | None
) -> Callable[[Mapping[str, Any]], Signed | None]:
    """Give what reads the checkpoints of a partition; None leaves signatures unchecked."""
    return lambda entry: _signed(entry, partition, verifier)


def _signed(
    entry: Mapping[str, Any], partition: int, verifier: EvidenceVerifier | None
) -> Signed | None:
    if entry.get("kind") != KIND:
        return None
    try:
        head = read_head(entry["head"])
        signature = base64.b64decode(entry["signature"], validate=True)
        signed = statement(entry)
    except (LookupError, TypeError, ValueError, AttributeError, binascii.Error):
        return Signed(None, is_valid=False)
    if verifier is None:
        return Signed(head, is_valid=None)
    is_valid = entry["partition"] == partition and verifier.verifies(signed, signature)
    return Signed(head, is_valid=is_valid)
