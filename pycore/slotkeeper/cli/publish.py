"""``slotkeeper publish``: JSON lines into a stream."""

import asyncio
import base64
import os
import select
import stat
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import orjson

from slotkeeper.cli.counters.table import DeviceId
from slotkeeper.cli.lines import LONGEST, LineError, message_of
from slotkeeper.cli.message_files import (
    NoMessageError,
    documents,
    is_duis,
    message_octets,
    read_input,
)
from slotkeeper.cli.options import json_option, settings_options
from slotkeeper.cli.output import note, progress, write_json_line
from slotkeeper.errors import FaultFoundError, SlotkeeperError, StreamsError, WrongUseError
from slotkeeper.settings import Settings
from slotkeeper.streams import Message, Streams, open_streams
from slotkeeper.streams.address import shown

_BATCH_OCTETS = 4 << 20
"""So much is published at once: some 1,500 requests of 2.7 kB, parsed in a few milliseconds and
written in one transaction. Larger batches are no faster, and another writer would have to wait."""

_READ_OCTETS = 1 << 20

_INPUT = Path("-")
"""Standard input."""


@click.command(
    epilog='Example: echo \'{"key": "00-DB-12-34-56-78-90-A3", "value": {"device_type": "GPF"}}\' '
    "| slotkeeper publish smart-metering-inventory"
)
@click.argument("stream")
@click.argument(
    "files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path, allow_dash=True)
)
@click.option(
    "--hex",
    "device",
    type=DeviceId(),
    metavar="DEVICE",
    help="FILEs hold messages of this device, in any form that `inspect` takes.",
)
@settings_options
@json_option
def publish(
    *,
    stream: str,
    files: tuple[Path, ...],
    device: str | None,
    settings: Settings,
    as_json: bool,
) -> None:
    """Publish JSON lines from FILE or standard input, or messages from FILEs.

    A line is {"key", "value", "headers", "partition"}, the last two optional. A value that is a
    string is written as it is, null is a tombstone, anything else is written as JSON. key_base64
    and value_base64 carry octets that are no text. Lines are published in order; the first one
    that cannot be read stops the command, which says how many were published.
    """
    if device is not None:
        published = asyncio.run(_publish_messages(stream, device, files or (_INPUT,), settings))
    elif len(files) > 1:
        raise click.UsageError("JSON lines come from one FILE; messages of several take --hex")
    else:
        published = asyncio.run(_publish(stream, files[0] if files else _INPUT, settings))
    if as_json:
        write_json_line({"stream": stream, "published": published})
    else:
        note(f"{published} records published to {stream}: {shown(settings.streams)}")


async def _publish_messages(
    stream: str, device: str, files: Iterable[Path], settings: Settings
) -> int:
    """Publish the messages of files; none, if one of them cannot be read."""
    messages = [
        Message(stream, device.encode(), _value(document))
        for file in files
        for document in _documents(file)
    ]
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        streams.layout.require(stream)
        await streams.publish(messages)
    return len(messages)


def _documents(file: Path) -> list[bytes]:
    try:
        return documents(read_input(str(file)))
    except NoMessageError as error:
        raise FaultFoundError(f"{file}: {error}; nothing was published") from None


def _value(document: bytes) -> bytes:
    """Give the record's value: a DUIS document as it is, a message as streams carry it."""
    if is_duis(document):
        return document
    payload = base64.b64encode(message_octets(document)).decode()
    return orjson.dumps({"gbcs_payload": payload})


async def _publish(stream: str, file: Path, settings: Settings) -> int:
    number = published = 0
    async with open_streams(settings.streams, settings.streams_settings()) as streams:
        streams.layout.require(stream)
        with progress(f"publishing to {stream}") as advance, _telling_how_many(lambda: published):
            async for lines in _batches(file):
                messages: list[Message] = []
                fault = None
                for line in lines:
                    number += 1
                    try:
                        if line.strip():
                            messages.append(_checked(message_of(line, stream), streams))
                    except LineError as error:
                        fault = error
                        break
                # The next batch is not read before this one is durable: memory stays flat.
                await streams.publish(messages)
                published += len(messages)
                advance.by(len(messages))
                if fault:
                    raise FaultFoundError(
                        f"line {number}: {fault}; nothing from there on was taken"
                    )
    return published


@contextmanager
def _telling_how_many(published: Callable[[], int]) -> Iterator[None]:
    """Add to whatever ends the work how far it came, so that it can be taken up again."""
    try:
        yield
    except (SlotkeeperError, StreamsError, asyncio.CancelledError) as end:
        end.add_note(f"{published()} records were published")
        raise


def _checked(message: Message, streams: Streams) -> Message:
    if message.partition is not None and not 0 <= message.partition < streams.partitions:
        raise LineError(f"there are partitions 0 to {streams.partitions - 1}")
    return message


async def _batches(file: Path) -> AsyncIterator[list[bytes]]:
    descriptor = sys.stdin.fileno() if str(file) == "-" else os.open(file, os.O_RDONLY)
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise WrongUseError(f"{file} is a folder")
        rest = b""
        while chunks := await _available(descriptor):
            lines = (rest + b"".join(chunks)).split(b"\n")
            rest = lines.pop()
            yield lines
            if len(rest) > LONGEST:
                break
        if rest:
            yield [rest]
    finally:
        if str(file) != "-":
            os.close(descriptor)


async def _available(descriptor: int) -> list[bytes]:
    """Wait for something to read, then take what is there, up to a batch; empty at the end."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        await _readable(descriptor)
    chunks: list[bytes] = []
    room = _BATCH_OCTETS
    while room > 0 and (not chunks or select.select([descriptor], [], [], 0)[0]):
        chunk = os.read(descriptor, min(room, _READ_OCTETS))
        if not chunk:
            break
        chunks.append(chunk)
        room -= len(chunk)
    return chunks


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:
        return  # such as /dev/null, which never makes anyone wait
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
