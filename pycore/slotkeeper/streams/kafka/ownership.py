"""The worker's side of a cluster."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import TransactionalIdAuthorizationFailed

from slotkeeper.streams.errors import (
    LockedError,
    StoppedForOperatorError,
    StoreUnavailableError,
    WitnessUnavailableError,
    WrongUseError,
)
from slotkeeper.streams.interface import Accepted, StreamsSettings
from slotkeeper.streams.witness import NOTHING_YET, Presence, Sighting, Witness

from .claim import PARTITION as CLAIMED
from .claim import Changelogs, Claim
from .clients import producer
from .group_offsets import group_offsets
from .identity import StoreIdentity, Told, told_at_end, told_by_changelog
from .inputs import Inputs
from .instance import members
from .membership import Membership
from .offsets import Offsets
from .options import ClientOptions
from .partition import FirstCommit, KafkaPartition, Tools
from .topics import Topics
from .transaction import TIMEOUT_MS, Transactions
from .watch import TopicWatch

T = TypeVar("T")

OPEN_S = 60.0
"""How long taking a partition over may last, without its restore: a fence waits for the broker to
write the markers of what it aborts, and for a coordinator that may just be moving."""

AGAIN_S = 0.2
"""Between attempts to take a partition over while the cluster is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What all sides of open streams share.

    Attributes:
        options: Of every client.
        settings: Of the streams.
        topics: Where streams are.
        partitions: How many each topic had when the streams were opened.
        offsets: Tells beginnings and ends.
        watch: Tells whether topics are still the same.
    """

    options: ClientOptions
    settings: StreamsSettings
    topics: Topics
    partitions: int
    offsets: Offsets
    watch: TopicWatch

    @property
    def changelogs(self) -> Changelogs:
        """Tell who has begun the store."""
        return Changelogs(options=self.options, topics=self.topics, offsets=self.offsets)


class KafkaOwnership:
    """The partitions that the group gives to this worker."""

    def __init__(self, cluster: Cluster, membership: Membership) -> None:
        """Own by this membership."""
        self._cluster = cluster
        self._membership = membership
        # Identities that no changelog holds yet: of partitions whose changelog is empty, and of
        # partitions whose next commit begins a new incarnation.
        self._drawn: dict[int, StoreIdentity] = {}
        self._renewed: dict[int, StoreIdentity] = {}
        self._opened: set[KafkaPartition] = set()
        self._begun = False
        self._looking = asyncio.Lock()
        self._upgraded: list[StoreIdentity] | None = None
        self._claim = Claim(
            cluster.changelogs,
            cluster.settings.application,
            cluster.settings.clock,
            self._claiming,
        )

    async def assignment(self) -> frozenset[int]:
        """Wait until the share differs from the one given last."""
        return await self._membership.share()

    async def open(self, partition: int) -> KafkaPartition:
        """Initialise the partition's transactional id, which fences every earlier owner."""
        await self._membership.entitled(partition)
        return await _patiently(
            lambda: self._open(partition), f"partition {partition} was not taken over"
        )

    async def undecided(self) -> int:
        """Count from the group's offsets; where it has none, from the beginning of what is kept."""
        cluster = self._cluster
        places = [
            cluster.topics.at(stream, number)
            for stream in cluster.topics.layout.inputs
            for number in range(cluster.partitions)
        ]
        kept = await group_offsets(cluster.options, cluster.settings.application, places)
        starts = await cluster.offsets.starts(places)
        ends = await cluster.offsets.ends(places)
        return sum(max(0, ends[place] - kept.get(place, starts[place])) for place in places)

    async def acknowledge(self, partition: int) -> Accepted:
        """Let the next commit of the partition begin a new incarnation with what the log holds.

        Until that commit nothing is acknowledged.
        """
        presence, foreign = await _patiently(
            lambda: self._fence_and_look(partition), f"partition {partition} was not looked at"
        )
        against, witnessed = [foreign], None
        if (witness := self._witness(partition)) is not None:
            against.append(await asyncio.to_thread(witness.objection, partition, presence))
            witnessed = await asyncio.to_thread(witness.accept, partition)
        forgiven = presence.acknowledged(witnessed)
        self._renewed[partition] = self._draw()._replace(forgiven=forgiven)
        objection = "; ".join(filter(None, against))
        return Accepted(objection, None if witnessed is None else witnessed.audit)

    async def close(self) -> None:
        """Close what is still open."""
        for partition in list(self._opened):
            await partition.close()

    async def _open(self, number: int) -> KafkaPartition:
        await self._refuse_beside_members()
        cluster = self._cluster
        async with AsyncExitStack() as stack:
            # The fence comes first: no other owner can change what is read after it.
            client = await stack.enter_async_context(self._producer(self._lock(number)))
            first = await self._first_commit(number, stack)
            at_end = await self._told_at_end(number)
            told = None if at_end is None else at_end.identity
            foreign = "" if at_end is None else self._foreign(at_end)
            if foreign and number not in self._renewed:
                raise StoppedForOperatorError(
                    f"partition {number} stopped: {foreign}. Let nobody else write there, see what "
                    "it says with `slotkeeper read`, and acknowledge with a reason; where it is "
                    "about a device, rebuild that one's numbers from the outputs",
                    partition=number,
                )
            if told is not None and told.application is not None and first is not None:
                await first.stack.aclose()
                first = None
            elif told is not None and told.application is None:
                self._refuse_beside_earlier(number, first)
            others = await self._others_beside(told)
            if told is None and any(other.application is None for other in others):
                # It is empty, and an earlier version that serves the others may be about to begin.
                self._refuse_beside_earlier(number, first)
            await self._refuse_beside_another(told, others)
            identity = self._renewed.get(number) or self._identity(number, told, others)
            witness, seen = self._witness(number), None
            if witness is not None and number in self._renewed:
                # What it has seen of the audit trail was of another incarnation.
                seen = replace(await asyncio.to_thread(witness.accept, number), audit=None)
            elif witness is not None:
                await self._begin_where_nothing_is()
                presence = await self._presence(number, identity)
                seen = await asyncio.to_thread(witness.admit, number, presence)
            inputs = await Inputs.open(cluster.options, cluster.topics, number, stack)
            tools = Tools(
                options=cluster.options,
                topics=cluster.topics,
                offsets=cluster.offsets,
                watch=cluster.watch,
                membership=self._membership,
                inputs=inputs,
                transactions=self._transactions(client),
                first=first,
                claim=self._claim if _is_unnamed(told) else None,
                others={one.application for one in others if one.application is not None},
                application=cluster.settings.application,
                compressed=cluster.options.producer().get("compression_type") is not None,
                witness=witness,
                witnessed=seen,
                clock=cluster.settings.clock,
                tombstones_ms=cluster.settings.tombstones_ms,
                stack=stack.pop_all(),
            )
            # An operator who acknowledges says who serves it from here on.
            named = not _is_unnamed(told) or number in self._renewed
            partition = KafkaPartition(number, identity, tools, named=named)
            self._opened.add(partition)
            tools.stack.callback(self._opened.discard, partition)
            return partition

    async def _fence_and_look(self, number: int) -> tuple[Presence, str]:
        """Say what is there, and what others have written behind it."""
        await self._refuse_beside_members()
        async with self._producer(self._lock(number)):
            at_end = await self._told_at_end(number)
            foreign = "" if at_end is None else self._foreign(at_end)
            told = None if at_end is None else at_end.identity
            others = await self._others_beside(told)
            await self._refuse_beside_another(told, others)
            identity = self._identity(number, told, others)
            return await self._presence(number, identity), foreign

    async def _first_commit(self, number: int, stack: AsyncExitStack) -> FirstCommit | None:
        """Shut out owners of earlier versions, whose transactional id names the application.

        None where that is this version's id as well, or may not be used.
        """
        earlier = self._earlier_lock(number)
        if earlier == self._lock(number):
            return None
        own = await stack.enter_async_context(AsyncExitStack())
        try:
            client = await own.enter_async_context(self._producer(earlier))
        except WrongUseError as error:
            if isinstance(error.__cause__, TransactionalIdAuthorizationFailed):
                return None
            raise
        return FirstCommit(
            transactions=self._transactions(client), stands=await self._end(number), stack=own
        )

    def _refuse_beside_earlier(self, number: int, first: FirstCommit | None) -> None:
        """Go on with what an earlier version wrote only where that was shut out.

        Raises:
            WrongUseError: A right is missing.
        """
        earlier = self._earlier_lock(number)
        if first is None and earlier != self._lock(number):
            raise WrongUseError(
                f"partition {number} was served by an earlier version: to shut that out once, "
                f"{self._cluster.options.who} needs the right Write on transactional id {earlier}"
            )

    def _foreign(self, told: Told) -> str:
        """Say what others have written behind the last commit; empty if nothing."""
        if told.foreign is None:
            return ""
        changelog = self._cluster.topics.layout.changelog
        return (
            f"behind the last commit, {changelog} holds a record at offset {told.foreign} that no "
            "worker wrote"
        )

    def _identity(
        self, number: int, told: StoreIdentity | None, others: Collection[StoreIdentity]
    ) -> StoreIdentity:
        """Take the store's identity from the changelog, or draw it where the changelog is empty.

        Raises:
            StoppedForOperatorError: It was written with another partition count.
        """
        cluster = self._cluster
        # A partition that was added later is empty; the others have the count of before.
        counts = {one.partitions for one in ([*others] if told is None else [told])}
        if counts - {cluster.partitions}:
            raise StoppedForOperatorError(
                f"the changelog was written with {min(counts)} partitions, not "
                f"{cluster.partitions}: devices would change their partition and lose their "
                "counters",
                partition=number,
            )
        if told is None:
            return self._drawn.setdefault(number, self._draw())
        return told._replace(application=cluster.settings.application)

    async def _others_beside(self, told: StoreIdentity | None) -> list[StoreIdentity]:
        """Say what the partitions that have begun tell of the store, where one does not tell it."""
        if not _is_unnamed(told):
            return []
        if told is None:
            return await self._others()
        # Every partition of an upgraded store asks, and none of them is empty: they are looked at
        # once. Whoever begins to serve them later meets those that this application has named.
        async with self._looking:
            if self._upgraded is None:
                self._upgraded = await self._others(readable=True)
        return self._upgraded

    async def _others(self, *, readable: bool = False) -> list[StoreIdentity]:
        """Say what the partitions that have begun tell of the store.

        ``readable``: Those that cannot be understood are left out; who opens them says it.
        """
        found = []
        for number in range(self._cluster.partitions):
            try:
                found.append(await self._told(number))
            except StoppedForOperatorError:
                if not readable:
                    raise
        return [told for told in found if told is not None]

    async def _told(self, number: int) -> StoreIdentity | None:
        told = await self._told_at_end(number)
        return None if told is None else told.identity

    async def _told_at_end(self, number: int) -> Told | None:
        cluster = self._cluster
        return await told_at_end(cluster.options, cluster.topics, cluster.offsets, number)

    async def _presence(self, number: int, identity: StoreIdentity) -> Presence:
        place = self._cluster.topics.at(self._cluster.topics.layout.changelog, number)
        drawn = identity is self._drawn.get(number)
        if drawn and not (await self._cluster.offsets.starts([place]))[place]:
            # Only the first commit makes what was drawn the store's.
            return Presence(seen=NOTHING_YET, new=True)
        seen = Sighting(identity.incarnation, await self._end(number))
        return Presence(seen=seen, new=False, forgiven=identity.forgiven)

    async def _end(self, number: int) -> int:
        place = self._cluster.topics.at(self._cluster.topics.layout.changelog, number)
        return (await self._cluster.offsets.ends([place]))[place]

    async def _begin_where_nothing_is(self) -> None:
        """Make the witnesses of partitions in which nothing was ever written.

        Whoever has them later may have this host's partitions by then, and a history.
        """
        if not self._begun:
            await begin_witnesses(self._cluster, with_history=False)
            self._begun = True

    def _witness(self, number: int) -> Witness | None:
        """Give a partition's own witness file: other partitions may be other workers'."""
        path = self._cluster.settings.witness
        return None if path is None else Witness(witness_file(path, number))

    async def _refuse_beside_members(self) -> None:
        """Keep a tool from taking partitions away from workers.

        Raises:
            LockedError: The group has members, and this is none.
        """
        if not self._membership.joined:
            await self._refuse_members(self._cluster.settings.application)

    async def _refuse_beside_another(
        self, told: StoreIdentity | None, others: Collection[StoreIdentity]
    ) -> None:
        """Keep a tool of another application from it as well.

        Known only after the fence: of that its worker recovers, of an acknowledgement it does not.

        Raises:
            LockedError: The group of whoever serves the store has members.
        """
        if self._membership.joined:
            return
        named = {one.application for one in (others if told is None else [told, *others])}
        serving = await self._claim.holder({one for one in named if one})
        if serving not in {None, self._cluster.settings.application}:
            await self._refuse_members(serving)

    async def _refuse_members(self, group: str) -> None:
        existing = await members(self._cluster.options, group)
        if existing:
            names = ", ".join(sorted(existing.values()))
            raise LockedError(f"group {group} has workers: {names}", holder=names)

    def _draw(self) -> StoreIdentity:
        settings = self._cluster.settings
        return StoreIdentity(
            settings.entropy(16).hex(), self._cluster.partitions, settings.application
        )

    def _lock(self, number: int) -> str:
        """Name the transactional id that only one owner of a partition can hold.

        By what it guards, and not by who guards it: two applications that were given the same
        topics shut each other out.
        """
        topics = self._cluster.topics
        return f"{topics.name(topics.layout.changelog)}-{number}"

    def _earlier_lock(self, number: int) -> str:
        """Name the id that 0.1.0 held."""
        return f"{self._cluster.settings.application}-{number}"

    @asynccontextmanager
    async def _claiming(self, ending: str) -> AsyncIterator[Transactions]:
        topics = self._cluster.topics
        async with self._producer(f"{topics.name(topics.layout.changelog)}-{ending}") as client:
            yield self._transactions(client)

    def _producer(self, transactional_id: str) -> AbstractAsyncContextManager[Any]:
        return producer(
            self._cluster.options,
            transactional_id=transactional_id,
            transaction_timeout_ms=TIMEOUT_MS,
        )

    def _transactions(self, client: Any) -> Transactions:  # noqa: ANN401  # aiokafka has no types
        cluster = self._cluster
        given = cluster.options.producer(transaction_timeout_ms=TIMEOUT_MS)
        deadline_s = int(given["transaction_timeout_ms"]) / 1_000
        return Transactions(client, cluster.topics, cluster.settings.application, deadline_s)


def _is_unnamed(told: StoreIdentity | None) -> bool:
    """Say whether a partition does not tell who serves it: it is empty, or of 0.1.0."""
    return told is None or told.application is None


def witness_file(path: Path, partition: int) -> Path:
    """Give the file of one partition: its owner alone writes it."""
    return path.with_name(f"{path.name}-{partition}")


async def begin_witnesses(cluster: Cluster, *, with_history: bool) -> list[int]:
    """Make this host's witness files where there are none; gives their partitions.

    Args:
        cluster: Whose state is written down.
        with_history: Also of partitions in which something was committed.
    """
    changelog = cluster.topics.layout.changelog
    places = {cluster.topics.at(changelog, number): number for number in range(cluster.partitions)}
    added: list[int] = []
    for place, end in (await cluster.offsets.ends(places)).items():
        number, seen = places[place], NOTHING_YET
        if end and not (number == CLAIMED and await _is_only_claimed(cluster, place, end)):
            told = with_history and await told_by_changelog(
                cluster.options, cluster.topics, cluster.offsets, number
            )
            if not told:
                continue
            seen = Sighting(told.incarnation, end)
        witness = Witness(witness_file(cluster.settings.witness_path, number))
        added += await asyncio.to_thread(witness.begin, {number: seen})
    return sorted(added)


async def witness_objections(cluster: Cluster) -> dict[int, str]:
    """Say what this host's witness files have against the changelogs, by partition."""
    changelog = cluster.topics.layout.changelog
    places = {cluster.topics.at(changelog, number): number for number in range(cluster.partitions)}
    witnesses = [
        Witness(witness_file(cluster.settings.witness_path, number))
        for number in range(cluster.partitions)
    ]
    objections = [await asyncio.to_thread(witness.as_of_now) for witness in witnesses]
    found: dict[int, str] = {}
    for place, end in (await cluster.offsets.ends(places)).items():
        number, presence = places[place], Presence(seen=NOTHING_YET, new=True)
        told = await told_by_changelog(cluster.options, cluster.topics, cluster.offsets, number)
        if told is not None:
            seen = Sighting(told.incarnation, end)
            presence = Presence(seen=seen, new=False, forgiven=told.forgiven)
        if objection := objections[number](number, presence):
            found[number] = objection
    return found


async def _is_only_claimed(cluster: Cluster, place: TopicPartition, end: int) -> bool:
    """Say whether nothing was ever committed there but the word for who serves the store."""
    begin = (await cluster.offsets.starts([place]))[place]
    return not begin and await cluster.changelogs.past_claim(0) == end


async def _patiently(call: Callable[[], Awaitable[T]], failing: str) -> T:
    """Try again while the cluster is away, up to a time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + OPEN_S
    while True:
        try:
            async with asyncio.timeout_at(until):
                return await call()
        except TimeoutError as error:
            raise StoreUnavailableError(f"{failing} within {OPEN_S:.0f} s") from error
        except WitnessUnavailableError:
            raise
        except StoreUnavailableError:
            if loop.time() + AGAIN_S >= until:
                raise
            await asyncio.sleep(AGAIN_S)
