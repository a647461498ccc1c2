"""What a cluster would refuse a worker, asked before one begins, and without taking its place.

Metadata tells the rights on topics and DescribeGroups those on the group. Of a transactional id
only its coordinator can be asked for: whoever begins a transaction shuts out the worker that has
the id. So a client that may describe such an id and not write by it is not found out here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    NoError,
    TransactionalIdAuthorizationFailed,
    for_code,
)
from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct
from aiokafka.protocol.coordination import FindCoordinatorRequest

from slotkeeper.streams.interface import StreamsSettings

from .client_internals import ask
from .clients import admin
from .errors import CLIENT, translated
from .options import ClientOptions
from .rights import NOT_TOLD, OPERATIONS, lacking
from .topics import Topics
from .transaction import TIMEOUT_MS

_GROUP, _TRANSACTION = 0, 1
"""Kinds of coordinators."""

_LIMITS = (
    "group.max.session.timeout.ms",
    "group.min.session.timeout.ms",
    "transaction.max.timeout.ms",
)


class _GroupRequest(RequestStruct):  # type: ignore[misc]  # aiokafka has no types
    """Its like in aiokafka 0.14 takes the answer for one of version 2, which has no rights."""

    API_KEY = DescribeGroupsRequest_v3.API_KEY
    API_VERSION = DescribeGroupsRequest_v3.API_VERSION
    RESPONSE_TYPE = DescribeGroupsResponse_v3
    SCHEMA = DescribeGroupsRequest_v3.SCHEMA


class _AskGroup(Request[_GroupRequest]):  # type: ignore[misc]
    API_KEY = _GroupRequest.API_KEY

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[_GroupRequest]) -> _GroupRequest:
        return request_struct_class([self._group], True)  # noqa: FBT003  # no names


async def refusals(servers: str, settings: StreamsSettings) -> list[str]:
    """Say what keeps a worker from serving: rights that are missing, times that are not granted.

    The brokers' limits of times are seen with DescribeConfigs on the cluster; without that right,
    which no worker needs, nothing is said of them.

    Raises:
        StoreUnavailableError: The cluster does not answer.
    """
    options = ClientOptions(servers, settings.kafka)
    topics = Topics(settings.layout, settings.topic_prefix)
    missing = await lacking(options, topics.workers_rights)
    async with admin(options) as client:
        with translated("the rights are not known"):
            if not await _may_join(client, settings.application):
                missing.append(f"Read on group {settings.application}")
            lock = f"{topics.name(topics.layout.changelog)}-"
            code, _ = await _coordinator(client, f"{lock}0", _TRANSACTION)
            if for_code(code) is TransactionalIdAuthorizationFailed:
                missing.append(f"Write on transactional ids that begin with {lock}")
        try:
            limits = await _limits(client)
        except CLIENT:
            limits = {}  # as without the right to see them: what is known already is said
    found = [f"{options.who} lacks rights: {', '.join(missing)}"] if missing else []
    return [*found, *_beyond(options, limits)]


async def _may_join(client: Any, group: str) -> bool:  # noqa: ANN401  # aiokafka has no types
    code, node = await _coordinator(client, group, _GROUP)
    if for_code(code) is GroupAuthorizationFailedError:
        return False
    if for_code(code) is not NoError:
        return True  # whoever joins is told what is wrong
    try:
        answer = await ask(client, _AskGroup(group), node)
    except NotImplementedError:
        return True  # an older broker, which will tell when it refuses
    operations: int = answer.groups[0][-1]
    return operations == NOT_TOLD or bool(operations >> OPERATIONS["Read"] & 1)


async def _coordinator(client: Any, name: str, kind: int) -> tuple[int, int]:  # noqa: ANN401
    """Give an error code, and the broker where there is none."""
    answer = await ask(client, FindCoordinatorRequest(name, kind))
    return answer.error_code, answer.coordinator_id


async def _limits(client: Any) -> Mapping[str, int]:  # noqa: ANN401
    """Give what the brokers grant, as far as it may be seen: of each limit the strictest."""
    brokers = (await client.describe_cluster())["brokers"]
    wanted = [
        ConfigResource(ConfigResourceType.BROKER, str(one["node_id"]), dict.fromkeys(_LIMITS))
        for one in brokers
    ]
    found: dict[str, int] = {}
    for answer in await client.describe_configs(wanted):
        for code, _, _, _, entries in answer.resources:
            for name, value, *_ in () if code else entries:
                strictest = max if ".min." in name else min
                found[name] = strictest(int(value), found.get(name, int(value)))
    return found


def _beyond(options: ClientOptions, limits: Mapping[str, int]) -> Iterator[str]:
    transaction_ms = int(
        options.producer(transaction_timeout_ms=TIMEOUT_MS)["transaction_timeout_ms"]
    )
    session_ms = int(options.consumer()["session_timeout_ms"])
    for setting, chosen_ms, limit in (
        ("transaction_timeout_ms", transaction_ms, "transaction.max.timeout.ms"),
        ("session_timeout_ms", session_ms, "group.max.session.timeout.ms"),
        ("session_timeout_ms", session_ms, "group.min.session.timeout.ms"),
    ):
        granted = limits.get(limit, chosen_ms)
        least = ".min." in limit
        if chosen_ms < granted if least else chosen_ms > granted:
            most = f"at {'least' if least else 'most'} {granted}"
            yield f"kafka.{setting} is {chosen_ms}, and the brokers grant {most} ({limit})"
