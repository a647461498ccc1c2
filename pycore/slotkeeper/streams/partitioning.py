"""Which partition a key belongs to."""

from slotkeeper import _core


def partition_of(key: bytes | None, partitions: int) -> int:
    """Give ``murmur2(canonical key) % partitions``, as Kafka's own clients place keys.

    A key that names no device is placed by its bytes as they are and an absent one in partition 0:
    it has to stand somewhere to be found and reported by that partition's owner.
    """
    if key is None:
        return 0
    return _core.partition_for(_core.canonical_key(key) or key, partitions)
