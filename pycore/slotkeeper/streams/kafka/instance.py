"""Members that have a name of their own (``group_instance_id``, static membership).

The group gives a name's place to the member that joined by it last. The member before learns at
its next heartbeat that the group does not know it, and so does a member that was silent for too
long. aiokafka joins again in both cases, so that two workers with one name would take the place
from each other for ever.
"""

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import NoError, for_code

from slotkeeper.streams.errors import StreamsError, WrongUseError

from .client_internals import before_joining_again
from .clients import admin
from .errors import translated
from .options import ClientOptions


async def members(options: ClientOptions, group: str) -> dict[str, str]:
    """Give the client ids of a group's members, by member id.

    Raises:
        WrongUseError: No right to see them.
        StoreUnavailableError: The group's coordinator does not tell now. It names no members then.
    """
    async with admin(options) as client:
        with translated(f"who is in group {group} is not known"):
            (answer,) = await client.describe_consumer_groups([group])
            for code, *_ in answer.groups:
                if for_code(code) is not NoError:
                    raise for_code(code)(group)
    return {member[0]: member[1] for described in answer.groups for member in described[5]}


class Instance:
    """Ends a member whose name another has taken."""

    def __init__(self, options: ClientOptions, group: str, name: str) -> None:
        """Be the member of this name."""
        self._options = options
        self._group = group
        self._name = name

    def guard(self, consumer: AIOKafkaConsumer) -> None:
        """Look into it whenever the group does not know the member, before it joins again."""
        before_joining_again(consumer, self._may_join)

    async def _may_join(self, own: str) -> bool:
        """Say whether the name is free for this member; False where that cannot be found out now.

        Raises:
            WrongUseError: Another member has the name.
        """
        try:
            await self._refuse_if_taken(own)
        except WrongUseError:
            raise
        except StreamsError:
            return False
        return True

    async def _refuse_if_taken(self, own: str) -> None:
        """Raise if another member has the name: brokers put it before the ids that they draw."""
        existing = await members(self._options, self._group)
        if any(member.startswith(f"{self._name}-") and member != own for member in existing):
            raise WrongUseError(
                f"another worker has joined group {self._group} as kafka.group_instance_id "
                f"{self._name!r} and has this one's place: each worker needs a name of its own"
            )
