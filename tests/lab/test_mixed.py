"""The mixed load: countable, the same again from the same seed, and malformed where it says so."""

from base64 import b64decode
from collections import Counter
from pathlib import Path
from random import Random

import orjson
import pytest

from slotkeeper.lab import events, malformed
from slotkeeper.lab.envelope import Envelope
from slotkeeper.lab.mixed import MixedLoad, write
from slotkeeper.lab.outcomes import ResponsePayload
from slotkeeper.lab.partitions import murmur2, partition_of
from slotkeeper.lab.pki import Pki


def test_every_record_is_accounted_for() -> None:
    load = MixedLoad(4_000, seed=3)
    streams = Counter(event.stream for event in load.events())
    assert streams == load.published
    assert streams.total() == 4_000
    rerouted = load.expected["REROUTED WRONG_PARTITION"]
    assert load.expected.total() - rerouted == 4_000 - streams[events.INVENTORY]
    spoilt = sum(n for name, n in load.expected.items() if name.startswith("DEAD_LETTER"))
    assert 300 < spoilt < 500


def test_one_seed_gives_one_load() -> None:
    first, second, other = (
        [event.line() for event in MixedLoad(300, seed=seed).events()] for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other


def test_a_device_is_in_the_inventory_before_it_takes_part() -> None:
    known = set()
    for event in MixedLoad(2_000).events():
        if event.stream == events.INVENTORY:
            known.add(event.key)
        elif event.stream == events.HANDOVER_REQUESTS:
            assert event.key in known


def test_files_hold_what_publish_reads(tmp_path: Path) -> None:
    load = write(tmp_path, 500)
    for stream, count in load.published.items():
        lines = (tmp_path / f"{stream}.jsonl").read_bytes().splitlines()
        assert len(lines) == count
        for line in lines:
            entry = orjson.loads(line)
            assert {"key", "key_base64"} & entry.keys()
            assert {"value", "value_base64"} & entry.keys()
    expected = orjson.loads((tmp_path / "expected.json").read_bytes())
    assert expected["decisions"] == dict(load.expected)
    assert (tmp_path / "slotkeeper.toml").read_text().startswith("streams = ")


@pytest.mark.parametrize("kind", malformed.KINDS)
def test_what_is_spoilt_no_longer_reads(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(malformed, "KINDS", {kind: malformed.KINDS[kind]})
    sound = next(
        event
        for event in MixedLoad(100).events()
        if event.stream == events.UPDATE_RESPONSES and b"gbcs_payload" in (event.octets or b"")
    )
    for seed in range(20):
        event, reason = malformed.spoil(sound, Random(seed), 4)  # noqa: S311 - drawn, not secret
        octets = event.octets
        assert octets is not None
        if reason == "BAD_KEY":
            assert event.key != sound.key
        elif reason == "TOO_LARGE":
            assert len(octets) > 65_536
        else:
            with pytest.raises((ValueError, TypeError)):
                read(octets)


def read(octets: bytes) -> ResponsePayload:
    payload = b64decode(orjson.loads(octets)["gbcs_payload"], validate=True)
    return ResponsePayload.decode(Envelope.decode(payload).payload)


def test_murmur2_is_kafkas() -> None:
    """Values that Kafka's own test of its hash states."""
    assert murmur2(b"21") == -973932308 & 0xFFFFFFFF
    assert murmur2(b"foobar") == -790332482 & 0xFFFFFFFF
    assert murmur2(b"a-little-bit-long-string") == -985981536 & 0xFFFFFFFF
    key = str(Pki().device(1).eui).encode()
    assert 0 <= partition_of(key, 4) < 4
