"""Files of streams that come to harm."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeAlias

import pytest

from slotkeeper.streams import Message, Record, Streams, StreamsSettings, open_streams

RESPONSES = "srv-6.15.1-responses"
INVENTORY = "smart-metering-inventory"
CHANGELOG = "originator-counters"
AUDIT = "audit-trail"


def opened(path: Path, **settings: object) -> AbstractAsyncContextManager[Streams]:
    return open_streams(f"sqlite:///{path}", StreamsSettings(**settings))  # type: ignore[arg-type]


async def everything(streams: Streams, stream: str) -> list[Record]:
    return [record async for batch in streams.read(stream) for record in batch]


def response(value: bytes = b"v", partition: int = 0) -> Message:
    return Message(RESPONSES, b"k", value, partition=partition)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


Remount: TypeAlias = Callable[[str], None]


@pytest.fixture
def remount(small_disk: Path) -> Remount:
    """Changes the disk's options, such as ``ro``."""

    def change(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(small_disk)], check=True)

    return change
