"""One partition of one stream."""

from slotkeeper.streams.interface import Fetched, Headers, Record


class Log:
    """Records by offset; superseded ones leave a hole."""

    def __init__(self, stream: str, partition: int) -> None:
        """Begin empty."""
        self._stream = stream
        self._partition = partition
        self._records: list[Record | None] = []
        self._newest: dict[bytes, int] = {}
        self._compacted = 0

    @property
    def end(self) -> int:
        """The offset of the next record."""
        return len(self._records)

    @property
    def start(self) -> int:
        """The offset of the first record that is kept, or the end."""
        kept = (offset for offset, record in enumerate(self._records) if record is not None)
        return next(kept, self.end)

    def append(
        self, key: bytes | None, value: bytes | None, headers: Headers, timestamp_ms: int
    ) -> None:
        """Write a record after the last."""
        self._records.append(
            Record(self._stream, self._partition, self.end, key, value, list(headers), timestamp_ms)
        )

    def fetch(self, position: int, *, limit: int, below: int | None = None) -> Fetched[Record]:
        """Read on from a position."""
        end = self.end if below is None else min(self.end, below)
        records: list[Record] = []
        for offset in range(position, end):
            if len(records) == limit:
                return Fetched(records, offset)
            record = self._records[offset]
            if record is not None:
                records.append(record)
        return Fetched(records, max(position, end))

    def drop(self, offset: int) -> None:
        """Forget one record."""
        self._records[offset] = None

    def drop_before(self, offset: int) -> None:
        """Forget what a retention time would have deleted."""
        self._records[:offset] = [None] * offset

    def compact(self, below: int) -> None:
        """Keep the newest record of each key among those below an offset."""
        for offset in range(self._compacted, below):
            record = self._records[offset]
            if record is None or record.key is None:
                continue
            if record.key in self._newest:
                self._records[self._newest[record.key]] = None
            self._newest[record.key] = offset
        self._compacted = max(self._compacted, below)
