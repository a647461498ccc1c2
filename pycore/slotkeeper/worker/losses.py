"""How often commits were lost: numbers of those are in nobody's store."""

from collections.abc import Sequence

from slotkeeper.streams import Record, Streams

from .positions import KEY, LOSSES_KEY, told_losses


class Losses:
    """What changelogs tell, by partition; records may come in any order."""

    def __init__(self, partitions: int) -> None:
        """Begin with none."""
        self.told = [0] * partitions

    def take(self, record: Record) -> None:
        """Look at a record of a changelog."""
        if record.key in (KEY, LOSSES_KEY):
            told = max(self.told[record.partition], told_losses(record.value))
            self.told[record.partition] = told


async def losses(streams: Streams) -> Sequence[int]:
    """Read all changelogs, and say of each partition how often it lost commits."""
    found = Losses(streams.partitions)
    async for records in streams.read(streams.layout.changelog, from_start=True):
        for record in records:
            found.take(record)
    return found.told
