"""What tells a topic from one that is made anew under its name: its id, and its partitions.

The answer to Metadata has ids since version 10 (KIP-516, brokers from 2.8 on), which aiokafka does
not speak. An answer is asked for with every batch of requests, and with 64 partitions it takes a
millisecond to take apart, so one like the last is not taken apart again.
"""

import uuid
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from typing import NamedTuple

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

VERSION = 10
"""The first that has ids, and one that the newest brokers still know."""

NO_ID = uuid.UUID(int=0)
"""Of a topic that was made by a broker without ids, and in requests by name."""


class ToldTopic(NamedTuple):
    """What a cluster says of one topic.

    Attributes:
        error: A code of Kafka's; 0 is none.
        id: None where the cluster has none.
        partitions: How many it has.
    """

    error: int
    id: str | None
    partitions: int


class _Uuid:
    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))


class _Rest:
    """All that is left of an answer, as it came."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read()


_BODY = Schema(
    (
        "brokers",
        CompactArray(
            ("node_id", Int32),
            ("host", CompactString("utf-8")),
            ("port", Int32),
            ("rack", CompactString("utf-8")),
            ("tags", TaggedFields),
        ),
    ),
    ("cluster_id", CompactString("utf-8")),
    ("controller_id", Int32),
    (
        "topics",
        CompactArray(
            ("error_code", Int16),
            ("name", CompactString("utf-8")),
            ("topic_id", _Uuid),
            ("is_internal", Boolean),
            (
                "partitions",
                CompactArray(
                    ("error_code", Int16),
                    ("partition", Int32),
                    ("leader", Int32),
                    ("leader_epoch", Int32),
                    ("replicas", CompactArray(Int32)),
                    ("isr", CompactArray(Int32)),
                    ("offline_replicas", CompactArray(Int32)),
                    ("tags", TaggedFields),
                ),
            ),
            ("authorized_operations", Int32),
            ("tags", TaggedFields),
        ),
    ),
    ("cluster_authorized_operations", Int32),
    ("tags", TaggedFields),
)


class _TopicsResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 3
    API_VERSION = VERSION
    SCHEMA = Schema(("throttle_time_ms", Int32), ("body", _Rest))


class _TopicsRequest(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = VERSION
    RESPONSE_TYPE = _TopicsResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields)
            ),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class AskTopics(Request[_TopicsRequest]):  # type: ignore[misc]
    """Asks for topics by their names; none is made by being asked for."""

    API_KEY = 3

    def __init__(self, names: Sequence[str]) -> None:
        """Ask for these."""
        self._names = list(names)

    def build(self, request_struct_class: type[_TopicsRequest]) -> _TopicsRequest:
        """Give the request as it is sent."""
        topics: list[object] = [(NO_ID, name, {}) for name in self._names]
        return request_struct_class(topics, False, False, False, {})  # noqa: FBT003  # no names


@lru_cache(maxsize=4)
def told_topics(body: bytes) -> dict[str, ToldTopic]:
    """Take an answer apart, by the topics' names."""
    topics = _BODY.decode(BytesIO(body))[3]
    return {
        name: ToldTopic(code, None if told == NO_ID else str(told), len(partitions))
        for code, name, told, _, partitions, _, _ in topics
    }
