"""Whether topics are still those that were read, asked often and briefly."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Generic, NamedTuple, TypeVar

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError, TopicAuthorizationFailedError, for_code
from aiokafka.errors import UnknownTopicOrPartitionError as UnknownTopic

from slotkeeper.streams.errors import (
    StoppedForOperatorError,
    StoreUnavailableError,
    StreamsError,
)
from slotkeeper.streams.interface import Logs

from .client_internals import ask
from .clients import admin
from .errors import CLIENT, judged
from .offsets import Offsets
from .options import ClientOptions
from .topic_ids import AskTopics, ToldTopic, told_topics
from .topics import Topics

POLICY = "cleanup.policy"

AGE_S = 1.0
"""How old an answer may be that stands for all partitions of a worker between two requests."""

PATIENCE_S = 40.0
"""How long brokers may be away, as long as aiokafka's own requests wait for them; and how long a
topic may be unknown, as it is while it is made anew, or to a broker that has just started."""

AGAIN_S = 0.1
"""Between two attempts."""

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Changelog(NamedTuple):
    """What the changelog's topic keeps.

    Attributes:
        begins: By partition, the first offset that is kept.
        compacts: Whether it keeps the newest record of each key for ever; None if it is not told.
    """

    begins: Mapping[int, int]
    compacts: bool | None


class TopicWatch:
    """Asks by a client of its own, for all partitions of a worker."""

    def __init__(
        self,
        options: ClientOptions,
        topics: Topics,
        partitions: int,
        offsets: Offsets,
        stack: AsyncExitStack,
    ) -> None:
        """Ask when somebody wants to know; the stack closes the client."""
        layout = topics.layout
        self._names = {stream: topics.name(stream) for stream in (*layout.inputs, layout.changelog)}
        self._changelog = topics.name(layout.changelog)
        self._places = [topics.at(layout.changelog, number) for number in range(partitions)]
        self._options = options
        self._offsets = offsets
        self._stack = stack
        self._client: Any = None
        self._beginning = asyncio.Lock()
        self._topics = _Kept(self._ask_topics)
        self._keeping = _Kept(self._ask_changelog)
        self._may_see_settings = True

    async def look(self, number: int, *, now: bool) -> Logs:
        """Say what the topics are; see ``OwnedPartition.logs``."""
        topics, changelog = await asyncio.gather(
            self._topics.get(0.0 if now else AGE_S), self._keeping.get(AGE_S)
        )
        return Logs(
            ids={stream: topic.id for stream, topic in topics.items() if topic.id is not None},
            partitions={stream: topic.partitions for stream, topic in topics.items()},
            begins=changelog.begins[number],
            compacts=changelog.compacts,
        )

    async def _ask_topics(self) -> Mapping[str, ToldTopic]:
        async def told() -> Mapping[str, ToldTopic]:
            try:
                answer = await ask(self._client, AskTopics(list(self._names.values())))
            except NotImplementedError:
                return {}  # a broker before 2.8, whose topics have no ids
            topics = told_topics(answer.body)
            for name in self._names.values():
                error = for_code(topics[name].error) if name in topics else UnknownTopic
                if error is not NoError:
                    raise error(name)
            return {stream: topics[name] for stream, name in self._names.items()}

        return await self._patiently(told)

    async def _ask_changelog(self) -> Changelog:
        begins = await self._offsets.starts(self._places)
        compacts = await self._patiently(self._ask_whether_compacted)
        return Changelog({at.partition: offset for at, offset in begins.items()}, compacts)

    async def _ask_whether_compacted(self) -> bool | None:
        if not self._may_see_settings:
            return None
        wanted = ConfigResource(ConfigResourceType.TOPIC, self._changelog, {POLICY: None})
        for answer in await self._client.describe_configs([wanted]):
            for code, message, _, name, entries in answer.resources:
                if code and for_code(code).retriable:
                    raise for_code(code)(name)
                if code:
                    about = {"topic": name, "error": message or for_code(code).__name__}
                    _log.warning("whether the changelog is compacted is not told", extra=about)
                    self._may_see_settings = False
                for entry in entries:
                    if entry[0] == POLICY:
                        return bool(entry[1] == "compact")
        return None

    async def _patiently(self, question: Callable[[], Awaitable[T]]) -> T:
        """Ask again while brokers are away."""
        until = _clock() + PATIENCE_S
        while True:
            try:
                async with self._beginning:
                    if self._client is None:
                        self._client = await self._stack.enter_async_context(admin(self._options))
                return await question()
            except (*CLIENT, StoreUnavailableError) as error:
                last = _clock() + AGAIN_S >= until
                if last or isinstance(error, TopicAuthorizationFailedError):
                    raise _final(error) from error
            await asyncio.sleep(AGAIN_S)


class _Kept(Generic[T]):
    """An answer that serves again while it is young."""

    def __init__(self, question: Callable[[], Awaitable[T]]) -> None:
        self._question = question
        self._asking = asyncio.Lock()
        self._answer: T | None = None
        self._asked_at = 0.0

    async def get(self, age_s: float) -> T:
        """Give an answer to a question that was put at most so long before this call."""
        called_at = _clock()
        async with self._asking:
            if self._answer is None or self._asked_at < called_at - age_s:
                asked_at = _clock()
                self._answer = await self._question()
                self._asked_at = asked_at
            return self._answer


def _final(failure: Exception) -> StreamsError:
    if isinstance(failure, StreamsError):
        return failure
    if isinstance(failure, UnknownTopic):
        return StoppedForOperatorError(f"topic {failure.args[0]} is gone, with what it held")
    return judged(failure, "the topics were not looked at", needs="Describe")


def _clock() -> float:
    return asyncio.get_running_loop().time()
