"""A client's connections to the brokers."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

Client: TypeAlias = AIOKafkaConsumer | AIOKafkaProducer | AIOKafkaAdminClient
"""For a type checker these are ``Any``, since aiokafka has no types."""


class _Broker(Protocol):
    """``aiokafka.structs.BrokerMetadata``."""

    host: str
    port: int


class _Cluster(Protocol):
    """``aiokafka.cluster.ClusterMetadata``: what a broker has told of the others."""

    def broker_metadata(self, broker_id: int, /) -> _Broker | None: ...


class _Network(Protocol):
    """``aiokafka.client.AIOKafkaClient``, which each of the three clients has one of.

    Attributes:
        bootstrap: Looks around by a connection that it drops again.
        _get_conn: Begins every other connection.
        _sync_task: Refreshes what is known of the cluster.
        force_metadata_update: Asks it to, now.
        _md_update_fut: What those await who have asked.
    """

    cluster: _Cluster
    bootstrap: Callable[..., Any]
    _get_conn: Callable[..., Any]
    _sync_task: asyncio.Task[None] | None
    force_metadata_update: Callable[[], asyncio.Future[bool]]
    _md_update_fut: asyncio.Future[bool] | None

    @property
    def hosts(self) -> Sequence[tuple[str, int, object]]: ...

    def get_random_node(self) -> int | None: ...

    async def ready(self, node_id: int, /) -> bool: ...

    async def send(self, node_id: int | None, request: object, /) -> Any: ...  # noqa: ANN401  # a struct


def bootstrap_addresses(client: Client) -> list[tuple[str, int]]:
    """Give the addresses that a client was made with, read as the client reads them.

    Needed to ask those brokers why they let nobody in. Without it the address would be taken apart
    twice, by rules that may differ: a default port, or an IPv6 address in brackets.
    """
    return [(host, port) for host, port, _ in network_of(client).hosts]


async def unreached_brokers(admin: AIOKafkaAdminClient) -> list[tuple[str, int]]:
    """Connect a started admin client to one broker by the name that brokers tell.

    Gives which addresses to ask for the reason where that fails; none where it succeeds. Needed
    because the start connects by the given address only. Without it a listener whose advertised
    name has no certificate shows as a time-out of the first request.
    """
    network = network_of(admin)
    node = network.get_random_node()
    if node is None:
        return bootstrap_addresses(admin)
    if await network.ready(node):
        return []
    broker = network.cluster.broker_metadata(node)
    return bootstrap_addresses(admin) if broker is None else [(broker.host, broker.port)]


async def ask(admin: AIOKafkaAdminClient, request: object, node: int | None = None) -> Any:  # noqa: ANN401  # a struct
    """Send a request that no client has a method for; gives the broker's answer.

    Needed for Metadata version 8, by which a cluster tells rights. Without it a missing right shows
    in the middle of the work.

    Args:
        admin: Started.
        request: Of ``aiokafka.protocol``.
        node: To which broker; to any if None.

    Raises:
        NotImplementedError: The broker is too old for every version of the request.
        aiokafka.errors.KafkaError: There is no answer.
    """
    network = network_of(admin)
    return await network.send(network.get_random_node() if node is None else node, request)


def network_of(client: Client) -> _Network:
    """Reach the connections. A producer has them under a public name, the others do not."""
    network: _Network = (
        client.client if isinstance(client, AIOKafkaProducer) else client._client  # noqa: SLF001
    )
    return network
