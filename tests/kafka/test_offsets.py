"""The group's offsets, by which lag tools see how far workers have come."""

from aiokafka import TopicPartition
from tests.kafka.harness import INVENTORY, PARTITION, RESPONSES, Bench


async def test_lag_tools_see_every_input(bench: Bench) -> None:
    await bench.publish(INVENTORY, b"known")
    await bench.publish(RESPONSES, b"1", b"2", b"3")
    await bench.ask()
    await bench.ask()
    await bench.run()
    # A commit returns before its offsets show; whoever fences waits for that.
    async with bench.opened() as streams, streams.own() as ownership:
        await ownership.open(PARTITION)
    async with bench.admin() as client:
        found = await client.list_consumer_group_offsets(bench.settings.application)
    read = {place: told.offset for place, told in found.items() if place.partition == PARTITION}
    reached = {INVENTORY: 1, RESPONSES: 3, bench.settings.layout.gated: 2}
    assert read == {
        TopicPartition(bench.topic(stream), PARTITION): reached.get(stream, 0)
        for stream in bench.settings.layout.inputs
    }
