"""What a client may do with topics, asked before it begins.

A right that is missing would otherwise show in the middle: the one to write ``cs02b-commands`` with
the first handover, the one to write an input with the first record that is in the wrong partition.
The answer to Metadata tells it since version 8 (KIP-430, brokers from 2.3 on), which aiokafka does
not speak.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from aiokafka.errors import NoError, TopicAuthorizationFailedError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from slotkeeper.streams.errors import WrongUseError

from .client_internals import ask
from .clients import admin
from .errors import translated
from .options import ClientOptions

OPERATIONS = {"Read": 3, "Write": 4}
"""Codes of Kafka's ``AclOperation``; a topic's rights are a set of bits by them."""

NOT_TOLD = -(2**31)
"""Of a broker that does not say."""

_FIRST_VERSION = 8


class _MetadataResponse(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 3
    API_VERSION = _FIRST_VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(
                ("node_id", Int32),
                ("host", String("utf-8")),
                ("port", Int32),
                ("rack", String("utf-8")),
            ),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _MetadataRequest(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = _FIRST_VERSION
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _AskRights(Request[_MetadataRequest]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: type[_MetadataRequest]) -> _MetadataRequest:
        return request_struct_class(self._topics, False, False, True)  # noqa: FBT003  # no names


async def require(options: ClientOptions, needed: Mapping[str, AbstractSet[str]]) -> None:
    """Refuse to begin without rights that will be needed.

    Args:
        options: Of the client whose rights they are.
        needed: By topic, "Read" and "Write".

    Raises:
        WrongUseError: Rights are missing; all of them are named.
        StoreUnavailableError: The cluster cannot be used now.
    """
    if missing := await lacking(options, needed):
        raise WrongUseError(f"{options.who} lacks rights: {', '.join(missing)}")


async def lacking(options: ClientOptions, needed: Mapping[str, AbstractSet[str]]) -> list[str]:
    """Give the rights that are missing, as a sentence names them.

    Raises:
        StoreUnavailableError: The cluster cannot be used now.
    """
    held = await _held(options, list(needed))
    return [
        f"{right} on topic {topic}"
        for topic, rights in needed.items()
        for right in sorted(rights - held.get(topic, rights))
    ]


async def hidden(options: ClientOptions, topics: Sequence[str]) -> list[str]:
    """Give those of the topics that the cluster shows to others only."""
    held = await _held(options, topics)
    return [topic for topic in topics if held.get(topic) == set()]


async def _held(options: ClientOptions, topics: Sequence[str]) -> dict[str, AbstractSet[str]]:
    """Give the rights on each topic of which they are known."""
    async with admin(options) as client:
        with translated("the rights are not known"):
            try:
                answer = await ask(client, _AskRights(topics))
            except NotImplementedError:
                return {}  # an older broker, which will tell when it refuses
    held: dict[str, AbstractSet[str]] = {}
    for code, topic, _, _, operations in answer.topics:
        if for_code(code) is TopicAuthorizationFailedError:
            held[topic] = set()
        elif for_code(code) is NoError and operations != NOT_TOLD:
            held[topic] = {right for right, bit in OPERATIONS.items() if operations >> bit & 1}
    return held
