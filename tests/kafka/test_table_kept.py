"""An inventory whose beginning was deleted: what is left of it is read, and no further."""

import pytest
from tests.kafka.harness import INVENTORY, PARTITION, Bench
from tests.kafka.test_changelog_kept import delete_beginning

from slotkeeper.streams import StoppedForOperatorError
from slotkeeper.worker import acknowledge


async def test_a_new_store_reads_an_inventory_from_where_it_begins(bench: Bench) -> None:
    await bench.publish(INVENTORY, b"x", b"y", b"z")
    await delete_beginning(bench, INVENTORY, below=2)
    await bench.ask()
    for _ in range(2):
        await bench.run()
    assert await bench.numbers() == [1]


async def test_inventory_records_deleted_before_they_were_read_are_refused_until_acknowledged(
    bench: Bench,
) -> None:
    await bench.publish(INVENTORY, b"x")
    await bench.ask()
    await bench.run()
    await bench.publish(INVENTORY, b"y", b"z")
    await delete_beginning(bench, INVENTORY, below=2)
    await bench.ask()
    for _ in range(2):
        with pytest.raises(StoppedForOperatorError, match=f"{INVENTORY} begins at 2"):
            await bench.run()
    assert await bench.numbers() == [1]
    async with bench.opened() as streams:
        await acknowledge(streams, PARTITION, reason="r", by="b", from_start=[INVENTORY])
    await bench.run()
    assert await bench.numbers() == [1, 2]
    (moved,) = [entry["moved"] for entry in await bench.decisions() if entry.get("by") == "b"]
    assert moved == {INVENTORY: {"from": 1, "to": 2, "skipped": 1}}


async def test_what_was_read_of_an_inventory_may_be_deleted(bench: Bench) -> None:
    await bench.publish(INVENTORY, b"x", b"y")
    await bench.ask()
    await bench.run()
    await delete_beginning(bench, INVENTORY, below=2)
    await bench.ask()
    await bench.run()
    assert await bench.numbers() == [1, 2]
