"""Streams as topics of an Apache Kafka cluster: several workers, exactly once.

The lock of a partition is the epoch of its transactional id, ``{application}-{partition}``. Whoever
initialises it later aborts what an earlier owner left open and fences it, whatever the consumer
group believes; the group only says who should try.
"""

from .streams import KafkaStreams, open_kafka
from .topics import create_topics

__all__ = ["KafkaStreams", "create_topics", "open_kafka"]
