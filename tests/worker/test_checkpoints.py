"""Signed checkpoints in the audit trail: when they are written, and what they are worth."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.laws import Findings, check_chain

from slotkeeper import errors
from slotkeeper._core import EvidenceKey, EvidenceVerifier, link_audit
from slotkeeper.cli.audit.verify import TrailCheck
from slotkeeper.lab import keystore
from slotkeeper.lab.fleet import Fleet
from slotkeeper.settings import Settings
from slotkeeper.streams.memory import Fault
from slotkeeper.worker import Checkpoints, backoff, run
from slotkeeper.worker.positions import KEY

from .conftest import Bench
from .fake_engine import AUDIT, CHANGELOG, FakeEngine

RESPONSES = "srv-6.15.1-responses"


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module", name="site")
def fixture_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Settings of an ACB, and an evidence key that openssl has made."""
    folder = tmp_path_factory.mktemp("site")
    keystore.write_settings(folder, [Fleet(1, seed=1).pki.acb])
    key = folder / "evidence.key"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    openssl("ec", "-in", key, "-pubout", "-out", folder / "evidence.pub")
    subject = ("-subj", "/CN=evidence", "-days", "30")
    openssl("req", "-x509", "-key", key, "-sha256", *subject, "-out", folder / "evidence.pem")
    return folder


@pytest.fixture
def checkpoints(site: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoints:
    monkeypatch.setattr(backoff, "FIRST_PAUSE_S", 0.0)
    settings = Settings.load(site / "slotkeeper.toml", environment={})
    key = EvidenceKey(site / "evidence.key", authority=settings.authority())
    return Checkpoints(key=key, every_records=3, every_ms=60_000)


async def serve(bench: Bench, checkpoints: Checkpoints, *values: bytes, at_ms: int = 0) -> None:
    await bench.publish(RESPONSES, *values)
    await run(
        bench.streams,
        FakeEngine,
        until_idle=True,
        checkpoints=checkpoints,
        clock=lambda: at_ms,
    )


async def kinds(bench: Bench) -> str:
    """Give a letter for each audit record: a decision, or a checkpoint."""
    return "".join("c" if "signature" in each else "d" for each in await bench.decisions())


async def verified(bench: Bench, certificate: Path | None) -> dict[str, Any]:
    check = TrailCheck(1, None if certificate is None else EvidenceVerifier(certificate))
    for record in await bench.read(CHANGELOG):
        if record.key == KEY:
            check.positions(record.partition, record.value)
    check.take(1, [(record.offset, record.value) for record in await bench.read(AUDIT)])
    return check.told()[0]


async def test_one_is_written_after_so_many_records_and_at_each_end(
    bench: Bench, checkpoints: Checkpoints
) -> None:
    await serve(bench, checkpoints, b"1", b"2", b"3", b"4")
    assert await kinds(bench) == "ddddc"
    await serve(bench, checkpoints, b"5")
    assert await kinds(bench) == "ddddcdc"
    await serve(bench, checkpoints)
    assert await kinds(bench) == "ddddcdc", "nothing is new"
    findings = Findings()
    await check_chain(bench.streams, findings)
    assert findings.broken == []


async def test_one_is_written_after_so_much_time(bench: Bench, checkpoints: Checkpoints) -> None:
    now = [0]

    def clock() -> int:
        now[0] += 30_000
        return now[0]

    await bench.publish(RESPONSES, b"1")
    await run(bench.streams, FakeEngine, until_idle=True, checkpoints=checkpoints, clock=clock)
    (decision, checkpoint) = await bench.decisions()
    assert checkpoint["head"]["number"] == decision["number"]


@pytest.mark.parametrize("name", ["evidence.pem", "evidence.pub"])
async def test_it_is_verified_by_certificate_or_public_key(
    bench: Bench, checkpoints: Checkpoints, site: Path, name: str
) -> None:
    await serve(bench, checkpoints, b"1", b"2")
    told = await verified(bench, site / name)
    assert (told["findings"], told["checkpoints_valid"], told["signed_up_to"]) == ([], 1, 3)
    assert told["not_excluded"] == []
    told = await verified(bench, None)
    assert told["not_excluded"][0] == "1 checkpoints are not checked: give --certificate"
    assert EvidenceVerifier(site / name).identifier == checkpoints.key.identifier


async def test_a_trail_that_was_made_anew_contradicts_its_checkpoints(
    bench: Bench, checkpoints: Checkpoints, site: Path
) -> None:
    await serve(bench, checkpoints, b"1", b"2", b"3")
    head, forged = None, []
    for entry in await bench.decisions():
        body = {name: entry[name] for name in entry if name not in {"previous", "number"}}
        if entry["number"] == 2:
            body["disposition"] = "mine"
        value, head = link_audit(json.dumps(body).encode(), head)
        forged.append((entry["number"] - 1, value))
    check = TrailCheck(1, EvidenceVerifier(site / "evidence.pem"))
    check.take(1, forged)
    (finding,) = check.told()[0]["findings"]
    assert (finding["offset"], finding["what"]) == (2, "rewritten")
    assert "the checkpoint at offset 3 knows another record number 3" in finding["detail"]


async def test_a_checkpoint_that_others_signed_is_named(
    bench: Bench, checkpoints: Checkpoints, tmp_path: Path
) -> None:
    await serve(bench, checkpoints, b"1")
    key = tmp_path / "other.key"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    openssl("ec", "-in", key, "-pubout", "-out", tmp_path / "other.pub")
    told = await verified(bench, tmp_path / "other.pub")
    assert (told["findings"][0]["offset"], told["checkpoints_valid"]) == (1, 0)


@pytest.mark.parametrize("fault", [Fault.ABORT, Fault.DOUBT_LOST, Fault.DOUBT_WRITTEN])
async def test_an_end_that_cannot_be_signed_is_an_end(
    bench: Bench, checkpoints: Checkpoints, fault: Fault
) -> None:
    commits = []

    def faults(partition: int, number: int) -> Fault:
        commits.append(number)
        return fault if partition == 1 and len(commits) > 1 else Fault.NONE

    bench.streams.faults = faults
    await serve(bench, checkpoints, b"1")
    bench.streams.faults = lambda _partition, _number: Fault.NONE
    await serve(bench, checkpoints, b"2")
    findings = Findings()
    await check_chain(bench.streams, findings)
    assert findings.broken == []


def test_no_key_of_the_acb_vouches_for_evidence(site: Path) -> None:
    settings = Settings.load(site / "slotkeeper.toml", environment={})
    authority = settings.authority()
    for pair in (*settings.acb.digital_signature, *settings.acb.key_agreement):
        assert pair.key is not None
        with pytest.raises(errors.ConfigurationError, match="is a key of the ACB"):
            EvidenceKey(pair.key, authority=authority)


def test_a_retired_key_of_the_acb_is_refused_as_well(tmp_path: Path) -> None:
    pki = Fleet(1, seed=1).pki
    old = Fleet(1, seed=2).pki.acb
    file = keystore.write_settings(tmp_path / "old", [old])
    key = Settings.load(file, environment={}).acb.digital_signature[0].key
    file = keystore.write_settings(tmp_path / "new", [pki.acb], retired=[old])
    authority = Settings.load(file, environment={}).authority()
    assert key is not None
    with pytest.raises(errors.ConfigurationError, match="is a key of the ACB"):
        EvidenceKey(key, authority=authority)


def test_what_cannot_be_a_key_is_refused_without_its_content(site: Path, tmp_path: Path) -> None:
    authority = Settings.load(site / "slotkeeper.toml", environment={}).authority()
    file = tmp_path / "secret"
    file.write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    with pytest.raises(errors.ConfigurationError) as refusal:
        EvidenceKey(file, authority=authority)
    assert "c2VjcmV0" not in str(refusal.value)
    with pytest.raises(errors.ConfigurationError, match="neither a PEM certificate nor"):
        EvidenceVerifier(file)
