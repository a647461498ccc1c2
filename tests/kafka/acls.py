"""Rights in Kafka: granted by its protocol, since aiokafka's admin client cannot."""

import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple

from aiokafka.protocol.admin import (
    CreateAclsRequest,
    DeleteAclsRequest,
    DescribeAclsRequest,
)

from slotkeeper.streams.kafka.client_internals import ask
from slotkeeper.streams.kafka.clients import admin
from slotkeeper.streams.kafka.options import ClientOptions

RESOURCES = {"topic": 2, "group": 3, "cluster": 4, "transactional id": 5}
PATTERNS = {"literal": 3, "prefixed": 4}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
ANY = 1
ALLOW = 3


class Right(NamedTuple):
    """One line of an access control list.

    Attributes:
        operation: What may be done.
        resource: To which kind of thing.
        name: Of the thing.
        pattern: Whether the name is a beginning.
    """

    operation: str
    resource: str
    name: str
    pattern: str = "literal"


async def grant(servers: str, user: str, rights: Iterable[Right]) -> None:
    """Grant rights, and wait until the broker heeds them all."""
    wanted = set(rights)
    async with admin(ClientOptions(servers, {})) as client:
        for right in wanted:
            answer = await ask(client, CreateAclsRequest(*_line(user, right)))
            assert [code for code, _ in answer.creation_responses] == [0]
        # What the controller has agreed to reaches the broker's authorizer a moment later.
        while not wanted <= await _granted(client, user):  # noqa: ASYNC110  # remote
            await asyncio.sleep(0.01)


async def revoke(servers: str, user: str, right: Right) -> None:
    """Take a right away again, and wait until the broker heeds it."""
    async with admin(ClientOptions(servers, {})) as client:
        await ask(client, DeleteAclsRequest(*_line(user, right)))
        while right in await _granted(client, user):  # noqa: ASYNC110  # remote
            await asyncio.sleep(0.01)


def _line(user: str, right: Right) -> tuple[int, str, int, str, str, int, int]:
    """Give a right as the protocol has it."""
    return (
        RESOURCES[right.resource],
        right.name,
        PATTERNS[right.pattern],
        f"User:{user}",
        "*",
        OPERATIONS[right.operation],
        ALLOW,
    )


async def _granted(client: Any, user: str) -> set[Right]:  # noqa: ANN401
    request = DescribeAclsRequest(ANY, None, ANY, f"User:{user}", None, ANY, ANY)
    answer = await ask(client, request)
    resources = {code: name for name, code in RESOURCES.items()}
    patterns = {code: name for name, code in PATTERNS.items()}
    operations = {code: name for name, code in OPERATIONS.items()}
    return {
        Right(operations[operation], resources[kind], name, patterns[pattern])
        for kind, name, pattern, acls in answer.resources
        for _, _, operation, _ in acls
    }
