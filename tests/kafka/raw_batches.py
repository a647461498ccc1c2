"""Batches that no client makes, as a broker takes them: octet by octet."""

import gzip
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from aiokafka.codec import lz4_encode, snappy_encode, zstd_encode
from aiokafka.record.util import calc_crc32c
from tests.kafka.harness import PARTITION, Bench

from slotkeeper.clock import system_clock
from slotkeeper.streams.kafka.client_internals import PackedBatch
from slotkeeper.streams.kafka.clients import producer
from slotkeeper.streams.kafka.options import ClientOptions

CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
COMPRESS = {
    0: bytes,
    1: partial(gzip.compress, mtime=0),
    2: snappy_encode,
    3: lz4_encode,
    4: zstd_encode,
}


def varint(number: int) -> bytes:
    number = (number << 1) ^ (number >> 63)
    number &= (1 << 64) - 1
    octets = bytearray()
    while number >= 0x80:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


def field(octets: bytes | None) -> bytes:
    return varint(-1) if octets is None else varint(len(octets)) + octets


def record(
    offset: int,
    value: bytes | None,
    *,
    key: bytes | None = b"d",
    headers: Iterable[tuple[bytes, bytes | None]] = (),
    milliseconds: int = 0,
) -> bytes:
    """Encode a record; offset and time count from those of its batch."""
    headers = list(headers)
    told = b"".join(field(name) + field(content) for name, content in headers)
    body = b"".join(
        (
            b"\0",
            varint(milliseconds),
            varint(offset),
            field(key),
            field(value),
            varint(len(headers)),
            told,
        )
    )
    return varint(len(body)) + body


@dataclass(frozen=True)
class Raw:
    """A batch: what follows its header, compressed or not, and how many records that is.

    Attributes:
        records: How many.
        octets: As they are sent.
        codec: By its number.
        first_ms: Of the first record; None: when it is sent.
    """

    records: int
    octets: bytes
    codec: int = 0
    first_ms: int | None = None

    @classmethod
    def of(cls, records: Sequence[bytes], *, codec: int = 0, first_ms: int | None = None) -> "Raw":
        return cls(len(records), COMPRESS[codec](b"".join(records)), codec, first_ms)

    def __len__(self) -> int:
        return self.records

    def encode(
        self, producer_id: int, producer_epoch: int, base_sequence: int, timestamp_ms: int
    ) -> bytes:
        first_ms = timestamp_ms if self.first_ms is None else self.first_ms
        sealed = (
            struct.pack(
                ">hiqqqhii",
                self.codec,
                self.records - 1,
                first_ms,
                first_ms,
                producer_id,
                producer_epoch,
                base_sequence,
                self.records,
            )
            + self.octets
        )
        crc = calc_crc32c(sealed)
        return struct.pack(">qiibI", 0, len(sealed) + 9, -1, 2, crc) + sealed


def bomb(octets: int) -> Raw:
    """Give one record of zeros, gzipped, without ever holding it."""
    body = b"\0" + varint(0) + varint(0) + field(b"d") + varint(octets)
    whole = varint(len(body) + octets + 1) + body
    packing = zlib.compressobj(9, wbits=31)
    parts = [packing.compress(whole)]
    piece = bytes(1 << 20)
    parts.extend(packing.compress(piece) for _ in range(octets >> 20))
    parts.append(packing.compress(varint(0)) + packing.flush())
    return Raw(1, b"".join(parts), CODECS["gzip"])


async def send(bench: Bench, stream: str, *batches: Raw, partition: int = PARTITION) -> None:
    """Write batches as they are, each acknowledged before the next."""
    async with producer(ClientOptions(bench.servers, {})) as client:
        for each in batches:
            written = await client.send_batch(
                PackedBatch(each, system_clock()), bench.topic(stream), partition=partition
            )
            await written
