"""Evidence about 50,000 devices: a package made of the streams, and checked by its folder alone."""

import asyncio
import base64
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from slotkeeper._core import Authority, EvidenceKey, link_audit
from slotkeeper.lab.events import Event
from slotkeeper.lab.fleet import Fleet
from slotkeeper.lab.keystore import pem, write_credential, write_settings
from slotkeeper.lab.terms import Role
from slotkeeper.settings import Settings
from slotkeeper.slots.evidence.exporting import Signer, export
from slotkeeper.slots.evidence.parties import PartySubject
from slotkeeper.slots.evidence.staging import certified_key
from slotkeeper.slots.evidence.verifying import verify
from slotkeeper.streams import Message, StreamsSettings
from slotkeeper.streams.memory import MemoryStreams
from slotkeeper.streams.partitioning import partition_of

DEVICES = int(os.environ.get("EVIDENCE_DEVICES", "50000"))
"""As many as a party of some size leaves behind; fewer for a quick look."""

PARTITIONS = 4
ROUNDS = 3


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a signer and, in ``package``, what 50,000 devices have signed."""
    folder = tmp_path_factory.mktemp("evidence")
    fleet = Fleet(DEVICES, seed=12)
    config = write_settings(folder, [fleet.pki.acb])
    (folder / "issuing.pem").write_bytes(pem(fleet.pki.device_issuing.certificate))
    signer = fleet.pki.organisation(Role.WAN_PROVIDER).digital_signature
    write_credential(folder, "evidence", signer)
    streams = MemoryStreams(StreamsSettings(partitions=PARTITIONS))
    devices = list(fleet.inventory())
    parties = {str(member.operator.eui) for member in fleet.members}
    asyncio.run(_export(streams, devices, list(fleet.hand_backs()), parties, config))
    return folder


async def _export(
    streams: MemoryStreams,
    devices: Sequence[Event],
    outcomes: Sequence[Event],
    parties: set[str],
    config: Path,
) -> None:
    """Write the streams as a worker leaves them, and make a package."""
    await streams.publish([_message(event) for event in devices])
    keys = {str(event.key): _key(event) for event in devices}
    acb = Settings.load(config).acb
    authority = Authority(
        acb.id,
        digital_signature=[(pair.certificate, None) for pair in acb.digital_signature],
        key_agreement=[(pair.certificate, None) for pair in acb.key_agreement],
    )
    folder = config.parent
    key = EvidenceKey(folder / "evidence.key", authority=authority)
    signer = Signer(key, folder / "evidence.pem", [folder / "issuing.pem"])
    heads: dict[int, tuple[int, bytes] | None] = {}
    for number, event in enumerate(outcomes):
        device = str(event.key).encode()
        partition = partition_of(device, PARTITIONS)
        told = orjson.loads(event.octets or b"")
        audit, heads[partition] = link_audit(_audit(event, parties, number), heads.get(partition))
        evidence = {
            "device_id": event.key,
            "source": {"stream": event.stream, "partition": partition, "offset": number},
            "cause": None,
            "audit_sha256": hashlib.sha256(audit).hexdigest(),
            "kind": "RESPONSE",
            "message": told["gbcs_payload"],
            "public_key": keys[str(event.key)],
            "verified": True,
        }
        streams.log("audit-trail", partition).append(device, audit, (), 0)
        streams.log("slot-evidence", partition).append(device, orjson.dumps(evidence), (), 0)
    about = PartySubject("GNO-1", tuple(parties))
    await export(
        streams,
        about,
        folder / "package",
        signer=signer,
        after=None,
        now_ms=1_795_000_000_000,
        advance=lambda *_: None,
    )


def _message(event: Event) -> Message:
    return Message(event.stream, str(event.key).encode(), event.octets)


def _key(event: Event) -> str:
    told = orjson.loads(event.octets or b"")
    info = certified_key(base64.b64decode(told["digital_signing_certificate"]))
    assert info is not None
    return base64.b64encode(info).decode()


def _audit(event: Event, parties: set[str], number: int) -> bytes:
    cell = {"existing_subject_unique_id": next(iter(parties))}
    told = {
        "kind": "decision",
        "offset": number,
        "device_id": event.key,
        "remote_party_role": "NetworkOperator",
        "disposition": "RECORDED",
        "cells": [cell, cell],
        "slot": {},
        "decided_at": "2026-11-26T00:00:00Z",
    }
    return json.dumps(told, separators=(",", ":")).encode()


@pytest.mark.timeout(1_800)  # making so many devices takes a minute of its own
def test_a_package_is_verified(benchmark: BenchmarkFixture, site: Path) -> None:
    def check() -> None:
        verdict = verify(site / "package", None)
        assert not verdict.findings
        assert verdict.counts.anchored == DEVICES

    benchmark.extra_info.update(what="evidence: a package verified", records=DEVICES)
    benchmark.pedantic(check, rounds=ROUNDS)  # type: ignore[no-untyped-call]
