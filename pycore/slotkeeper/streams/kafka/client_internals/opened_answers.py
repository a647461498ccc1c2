"""The broker's answers to fetches, in which a thread opens what is compressed.

aiokafka inflates a batch where its user asks for records, which is on the event loop, and as far as
the batch says that it goes. Here a batch is inflated as far as a bound, before the client sees the
answer, and by a thread: so heartbeats wait for no producer's compression.
"""

import asyncio
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, TypeAlias

from aiokafka.errors import UnsupportedCodecError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from slotkeeper.streams.kafka.inflating import DamagedError, InflatesTooFarError, inflate
from slotkeeper.streams.kafka.loose_records import (
    BATCH_OVERHEAD,
    BatchHeader,
    Beginning,
    beginning_of,
)

LOOKED_THROUGH = 128 * 1024
"""Octets of an answer in which the event loop itself looks for compressed batches: 2,000 batches
fit in, which take it a millisecond."""

PASSED_BY_THE_LOOP = 1_000
"""Records before the one that was asked for, which the event loop itself passes over."""

_LENGTH = struct.Struct(">8xi")
"""Of every batch, whatever its magic: what follows these twelve octets."""

_SMALLEST = 26
"""Octets of a batch, by the smallest of magic 0; the client refuses a smaller one."""

_MAGIC_AT = 16
_DEFAULT_MAGIC = 2
_LEGACY_ATTRIBUTES_AT = 17
_ATTRIBUTES_AT = 22
"""The lower octet of the two."""

_CODEC = 0x07
"""Of the attributes, of every magic."""

_LEGACY_OVERHEAD = (18, 26)
"""Octets of a message before its key, by its magic, 0 and 1."""

_NULLABLE = struct.Struct(">i")


class Refused(NamedTuple):
    """A batch that is set aside.

    Attributes:
        reason: ``TOO_LARGE`` or ``MALFORMED``.
        why: For people.
    """

    reason: str
    why: str


Opened: TypeAlias = bytes | LegacyRecordBatch | Refused | UnsupportedCodecError
"""A batch of magic 2 as if its writer had not compressed it, with a wrong checksum; an older one
that the client has inflated; or what stands against either."""


class Answer:
    """``MemoryRecords`` of an answer, which keeps the octets in reach and opens batches.

    Attributes:
        octets: All batches, one after the other; the last may be cut off.
        begins: Where in the first batch the records begin that were asked for, if far from its
            start and once it is opened.
    """

    def __init__(self, octets: bytes, most: int, since: int = 0) -> None:
        """Look at them as the client does.

        Args:
            octets: Of one partition.
            most: Octets to which one batch is inflated.
            since: The offset that was asked for: the first batch may begin before it.
        """
        records = MemoryRecords(octets)
        self.octets = octets
        self.has_next: Callable[[], bool] = records.has_next
        self.next_batch: Callable[[], Any] = records.next_batch
        self.size_in_bytes: Callable[[], int] = records.size_in_bytes
        self.begins: Beginning | None = None
        self._most = most
        self._since = since
        self._opened: dict[int, Opened] = {}

    def holds_compressed(self) -> bool:
        """Say whether there is anything to open."""
        return any(codec_of(whole) for _, whole in _batches(self.octets))

    def open(self) -> None:
        """Inflate the batches, until they come to the bound together: at most to twice of it.

        The client asks again for those that are left; the first one is never left.
        """
        inflated = 0
        for begin, whole in _batches(self.octets):
            opened: Opened | memoryview = whole
            if codec_of(whole):
                if inflated >= self._most:
                    return
                opened, octets = _opened(whole, self._most)
                self._opened[begin] = opened
                inflated += octets
            if begin == 0 and isinstance(opened, bytes | memoryview) and not is_legacy(opened):
                passed = self._since - BatchHeader.of(opened).base_offset
                if passed > PASSED_BY_THE_LOOP:
                    self.begins = beginning_of(opened, self._since)

    def take(self, begin: int) -> Opened | None:
        """Give the compressed batch that begins there, once; None if it was left."""
        return self._opened.pop(begin, None)


def is_legacy(batch: bytes | memoryview) -> bool:
    """Say whether it is of magic 0 or 1: a message, which may hold others."""
    return batch[_MAGIC_AT] < _DEFAULT_MAGIC


def codec_of(batch: memoryview) -> int:
    """Give the number of its codec, 0 if it is not compressed."""
    return batch[_LEGACY_ATTRIBUTES_AT if is_legacy(batch) else _ATTRIBUTES_AT] & _CODEC


def end_of(octets: bytes, begin: int) -> int:
    """Say where the batch ends that begins there."""
    return begin + _LENGTH.size + int(_LENGTH.unpack_from(octets, begin)[0])


class Network(Protocol):
    """``AIOKafkaClient``, of one consumer."""

    send: Callable[..., Any]


def open_answers(network: Network, most: int) -> None:
    """Have a consumer's client hold an `Answer` for each partition of an answer to a fetch.

    The method is hidden by an attribute of this one client, so that others are let alone. Without
    it a batch of 16 MiB stops the event loop for 50 ms.
    """
    plain = network.send

    async def send(node_id: object, request: object, **options: object) -> Any:  # noqa: ANN401
        response = await plain(node_id, request, **options)
        if isinstance(request, FetchRequest):
            asked = {
                (topic, number): since
                for topic, partitions in request.topics
                for number, since, _ in partitions
            }
            await _open(response, most, asked)
        return response

    network.send = send


async def _open(
    response: Any,  # noqa: ANN401  # aiokafka has no types
    most: int,
    asked: Mapping[tuple[str, int], int],
) -> None:
    answers = []
    topics = []
    for topic, partitions in response.topics or ():
        held = [
            (number, *told, Answer(octets or b"", most, asked.get((topic, number), 0)))
            for number, *told, octets in partitions
        ]
        topics.append((topic, held))
        answers += [each[-1] for each in held]
    response.topics = topics
    octets = sum(len(answer.octets) for answer in answers)
    if octets > LOOKED_THROUGH or any(answer.holds_compressed() for answer in answers):
        await asyncio.to_thread(lambda: [answer.open() for answer in answers])


def _batches(octets: bytes) -> Iterator[tuple[int, memoryview]]:
    """Give each whole batch and where it begins, up to the first that the client will refuse."""
    view = memoryview(octets)
    begin = 0
    while len(octets) - begin >= _LENGTH.size:
        end = end_of(octets, begin)
        if not begin + _SMALLEST <= end <= len(octets):
            return
        yield begin, view[begin:end]
        begin = end


def _opened(whole: memoryview, most: int) -> tuple[Opened, int]:
    """Open a batch, and say how many octets of ``most`` that took."""
    codec = codec_of(whole)
    try:
        if is_legacy(whole):
            inflated = inflate(codec, _legacy_value(whole), most)
            return _legacy(whole), len(inflated)
        inflated = inflate(codec, whole[BATCH_OVERHEAD:], most)
        return _uncompressed(whole, inflated), len(inflated)
    except InflatesTooFarError:
        # So much time was taken as well.
        why = f"it inflates to more than {most} octets (limits.batch_bytes)"
        return Refused("TOO_LARGE", why), most
    except DamagedError as error:
        return Refused("MALFORMED", f"it is damaged: {error}"), 0
    except UnsupportedCodecError as error:
        return UnsupportedCodecError(error.args[0]), most


def _uncompressed(batch: memoryview, records: bytes) -> bytes:
    attributes = bytes((batch[_ATTRIBUTES_AT] & ~_CODEC,))
    after = batch[_ATTRIBUTES_AT + 1 : BATCH_OVERHEAD]
    return b"".join((batch[:_ATTRIBUTES_AT], attributes, after, records))


def _legacy(message: memoryview) -> LegacyRecordBatch:
    """Have the client inflate a message itself; what it holds is known to be bounded."""
    batch = LegacyRecordBatch(message, message[_MAGIC_AT])
    # What is raised here is raised again where its records are given.
    with suppress(Exception):
        next(iter(batch), None)
    return batch


def _legacy_value(message: memoryview) -> memoryview:
    """Give what a message of magic 0 or 1 holds: other messages, compressed."""
    at = _LEGACY_OVERHEAD[message[_MAGIC_AT]]
    try:
        at += _NULLABLE.size + max(0, _NULLABLE.unpack_from(message, at)[0])
        length = _NULLABLE.unpack_from(message, at)[0]
    except struct.error:
        raise DamagedError("it ends too early") from None
    at += _NULLABLE.size
    return message[at : at + max(0, length)]
