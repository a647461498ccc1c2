"""N21 and D13: a mixed load, a tenth of it malformed, comes out as it was counted beforehand."""

from collections import Counter
from pathlib import Path

import orjson
import pytest
from tests.contract.judge import judge_command
from tests.scenarios.story import Story, verdict

from slotkeeper.lab import events
from slotkeeper.lab.mixed import MixedLoad
from slotkeeper.lab.terms import Eui64
from slotkeeper.streams import Record, Streams, open_streams

RECORDS = 4_000


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.timeout(1_800)
async def test_n21_d13_every_record_is_decided_as_expected(tmp_path: Path, seed: int) -> None:
    load = MixedLoad(RECORDS, seed=seed)
    told = sorted(load.events(), key=lambda event: event.stream != events.INVENTORY)
    async with open_streams(f"sqlite:///{tmp_path / 'mixed.db'}") as streams:
        authorities = (load.pki.issuing, load.pki.device_issuing)
        story = Story(streams, tmp_path, acb=(load.pki.acb,), authorities=authorities)
        await story.publish(*told)
        await story.work()
        trail = await everything(streams, "audit-trail")
        decisions = [orjson.loads(one.value or b"") for one in trail]
        assert Counter(verdict(one) for one in decisions) == load.expected
        places = {(one["stream"], one["partition"], one["offset"]) for one in decisions}
        assert len(places) == len(decisions)
        issued = set()
        for record in await everything(streams, "cs02b-commands"):
            command = orjson.loads(record.value or b"")
            judge_command(command, story.acb, load.device(Eui64.parse(command["device_id"])))
            issued.add((command["device_id"], command["originator_counter"]))
        assert len(issued) == sum(n for name, n in load.expected.items() if "ISSUED" in name)


async def everything(streams: Streams, stream: str) -> list[Record]:
    return [record async for batch in streams.read(stream) for record in batch]
