"""Which partition a device belongs to: Kafka's murmur2 of the canonical key."""

from __future__ import annotations

from typing import Final

__all__ = ["murmur2", "partition_of"]

# Constants of MurmurHash2 and the seed that Kafka's default partitioner uses.
_MULTIPLIER: Final = 0x5BD1E995
_SHIFT: Final = 24
_SEED: Final = 0x9747B28C
_WORD: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """Give the partition, 0 to ``partitions - 1``, of a key in canonical form."""
    return (murmur2(key) & _POSITIVE) % partitions


def murmur2(data: bytes) -> int:
    """Hash octets as Kafka does."""
    value = _SEED ^ len(data)
    whole = len(data) - len(data) % 4
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * _MULTIPLIER & _WORD
        word = (word ^ word >> _SHIFT) * _MULTIPLIER & _WORD
        value = value * _MULTIPLIER & _WORD ^ word
    if rest := data[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * _MULTIPLIER & _WORD
    value = (value ^ value >> 13) * _MULTIPLIER & _WORD
    return value ^ value >> 15
