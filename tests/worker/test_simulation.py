"""The real engine under faults of every kind, from a seed: the laws hold on what was committed."""

import random
from collections import Counter
from pathlib import Path

import pytest
from tests.laws import check_laws

from slotkeeper.engine.port import engines
from slotkeeper.lab import keystore
from slotkeeper.lab.mixed import MixedLoad
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, StreamsSettings
from slotkeeper.streams.memory import Fault, MemoryStreams, SimulatedCrashError
from slotkeeper.worker import backoff, run

RECORDS = 400
ROUNDS = 10
FAULTY = 0.3
"""The share of commits that fail, in one of five ways."""


@pytest.mark.parametrize("seed", range(12))
async def test_the_laws_hold_under_any_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(backoff, "FIRST_PAUSE_S", 0.0)
    draw = random.Random(seed)  # noqa: S311  # a schedule, no secret
    load = MixedLoad(RECORDS, seed=seed)
    messages = [
        Message(
            event.stream,
            event.key.encode() if isinstance(event.key, str) else event.key,
            event.octets,
            (),
            event.partition,
        )
        for event in load.events()
    ]
    file = keystore.write_settings(tmp_path, [load.pki.acb])
    settings = Settings.load(file, environment={})
    make = engines(settings.authority(), settings.engine_json())

    def faults(_partition: int, _number: int) -> Fault:
        return draw.choice(list(Fault)) if draw.random() < FAULTY else Fault.NONE

    streams = MemoryStreams(StreamsSettings(entropy=draw.randbytes), faults=faults)
    share = len(messages) // ROUNDS
    for start in range(0, len(messages), share):
        await streams.publish(messages[start : start + share])
        try:
            await run(streams, make, until_idle=True)
        except SimulatedCrashError:
            continue
    streams.faults = lambda _partition, _number: Fault.NONE
    await run(streams, make, until_idle=True)

    findings = await check_laws(streams)
    assert findings.broken == []
    assert findings.commands > 0
    # Reasons may differ, since a burned number is exceeded instead of met; decisions may not.
    assert by_disposition(findings.decisions) == by_disposition(load.expected)


def by_disposition(reasons: Counter[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for reason, count in reasons.items():
        counts[reason.partition(" ")[0]] += count
    return counts
