"""Several processes at one file."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from slotkeeper.streams import LockedError

from .conftest import RESPONSES, everything, opened, response

HOLD = """
import asyncio, sys
from slotkeeper.streams import open_streams
async def main():
    async with open_streams(sys.argv[1]) as streams, streams.own():
        print("held", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""

PUBLISH = """
import asyncio, sys
from slotkeeper.streams import Message, open_streams
async def main():
    async with open_streams(sys.argv[1]) as streams:
        for number in range(100):
            value = b"%s:%d" % (sys.argv[2].encode(), number)
            await streams.publish([Message("srv-6.15.1-responses", b"k", value, partition=0)])
asyncio.run(main())
"""


async def python(program: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *arguments, stdout=asyncio.subprocess.PIPE
    )


async def test_a_second_worker_is_told_who_is_first_and_a_killed_one_leaves_no_lock(
    tmp_path: Path,
) -> None:
    path = tmp_path / "streams.db"
    holder = await python(HOLD, f"sqlite:///{path}")
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    async with opened(path) as streams:
        await streams.publish([response()])
        assert len(await everything(streams, RESPONSES)) == 1
        with pytest.raises(LockedError, match=str(holder.pid)):
            async with streams.own():
                pass
        os.kill(holder.pid, signal.SIGKILL)
        await holder.communicate()
        async with streams.own() as ownership:
            await ownership.open(0)


async def test_processes_that_begin_together_make_one_store_and_lose_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "streams.db"
    names = ["a", "b", "c", "d"]
    writers = [await python(PUBLISH, f"sqlite:///{path}", name) for name in names]
    for writer in writers:
        await writer.communicate()
        assert writer.returncode == 0
    async with opened(path) as streams:
        found = await everything(streams, RESPONSES)
    assert [record.offset for record in found] == list(range(400))
    for name in names:
        own = [r.value for r in found if (r.value or b"").startswith(name.encode())]
        assert own == [b"%s:%d" % (name.encode(), number) for number in range(100)]
