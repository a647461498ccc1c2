"""Which partition a key, and a message, belongs to."""

from slotkeeper import _core

from .errors import WrongUseError
from .interface import Message, Output
from .layout import Layout


def placed(message: Message, layout: Layout, partitions: int) -> Output:
    """Give the record that a message becomes; ``partitions`` are those of its stream.

    Raises:
        WrongUseError: An unknown stream or partition, or a stream that only its worker writes.
    """
    stream, key, value, headers, partition = message
    if stream not in layout.inputs and stream not in layout.tended:
        layout.require(stream)
        raise WrongUseError(f"{stream} is written by its worker alone")
    if partition is None:
        partition = partition_of(key, partitions)
    elif not 0 <= partition < partitions:
        raise WrongUseError(f"no partition {partition}: there are 0 to {partitions - 1}")
    return (stream, partition, key, value, headers)


def partition_of(key: bytes | None, partitions: int) -> int:
    """Give ``murmur2(canonical key) % partitions``, as Kafka's own clients place keys.

    A key that names no device is placed by its bytes as they are and an absent one in partition 0:
    it has to stand somewhere to be found and reported by that partition's owner.
    """
    if key is None:
        return 0
    return _core.partition_for(_core.canonical_key(key) or key, partitions)
