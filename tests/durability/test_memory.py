"""Neither memory nor changelog grow with what flows through a file."""

import asyncio
import subprocess
import sys
from pathlib import Path

from .conftest import CHANGELOG, everything, opened

PROGRAM = """
import asyncio, resource, sys
from slotkeeper.streams import Message, open_streams

STREAM = "srv-6.15.1-responses"

async def main(path, records):
    async with open_streams(path) as streams, streams.own() as ownership:
        for start in range(0, records, 2_000):
            await streams.publish(
                [Message(STREAM, b"%d" % n, b"x" * 500, partition=0)
                 for n in range(start, start + 2_000)]
            )
        owned = await ownership.open(0)
        position = 0
        while found := await owned.fetch({STREAM: position}, limit=1_000):
            position = found[STREAM].position
            outputs = [("audit-trail", 0, r.key, r.value, []) for r in found[STREAM].records]
            await owned.commit(outputs, {STREAM: position})
        async for batch in streams.read("audit-trail"):
            pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""

ALLOWED_MIB = 32
"""What may be between 50,000 and 200,000 records: caches that fill, not queues that grow."""


def peak_mib(path: Path, records: int) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"sqlite:///{path}", str(records)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout)


async def test_of_the_changelog_one_record_of_each_key_is_kept(tmp_path: Path) -> None:
    async with opened(tmp_path / "streams.db") as streams, streams.own() as ownership:
        owned = await ownership.open(0)
        for number in range(10):
            await owned.commit(
                [
                    (CHANGELOG, 0, b"%d" % (number % 3), b"", ()),
                    (CHANGELOG, 0, b"always", b"%d" % number, ()),
                ],
                {},
            )
        kept = await everything(streams, CHANGELOG)
        assert sorted(record.key or b"" for record in kept) == [b"0", b"1", b"2", b"always"]
        assert kept[-1].value == b"9"


async def test_d13_memory_is_flat(tmp_path: Path) -> None:
    few, many = await asyncio.gather(
        asyncio.to_thread(peak_mib, tmp_path / "few.db", 50_000),
        asyncio.to_thread(peak_mib, tmp_path / "many.db", 200_000),
    )
    assert many - few <= ALLOWED_MIB
