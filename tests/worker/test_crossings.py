"""A batch crosses into the engine a few times, however many records it has."""

import itertools
from pathlib import Path

from slotkeeper.engine.port import engines
from slotkeeper.lab import keystore
from slotkeeper.lab.fleet import Fleet
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, open_streams
from slotkeeper.worker import run

from .crossings import BY_BATCH, WITHOUT_ENGINE, crossings


async def test_a_batch_makes_at_most_five_crossings(tmp_path: Path) -> None:
    fleet = Fleet(40, seed=5)
    settings = Settings.load(keystore.write_settings(tmp_path, [fleet.pki.acb]), environment={})
    make = engines(settings.authority(), settings.engine_json())
    told = itertools.chain(fleet.inventory(), fleet.hand_backs(), fleet.handover_requests())
    # Around everything, since the store has a thread of its own.
    with crossings() as counted:
        async with open_streams(f"sqlite:///{tmp_path / 'streams.db'}") as streams:
            await streams.publish(
                [Message(event.stream, str(event.key).encode(), event.octets) for event in told]
            )
            summary = await run(streams, make, until_idle=True)
            partitions = streams.partitions
    assert summary.dispositions == {"RECORDED": 40, "ISSUED": 40}
    # One more for each partition judges what is parked, and is not committed.
    batches = summary.batches + partitions
    once = {"close", "clear", "open", "restore", "load_inventory"}
    assert {name for name in counted if name not in BY_BATCH | WITHOUT_ENGINE} <= once
    assert {name: counted[name] for name in BY_BATCH - {"packed"}} == {
        "stage": batches,
        "seal": batches,
        "records": summary.batches,
        "fold": batches,
    }
