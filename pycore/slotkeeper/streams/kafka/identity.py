"""Which store a changelog was written in.

The last changelog record of every transaction carries the store's identity in headers, so that a
worker learns it from the end of the log alone: compaction never removes the newest record.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple, Self

from slotkeeper.streams.errors import UNREADABLE, StoppedForOperatorError
from slotkeeper.streams.interface import Headers, Output
from slotkeeper.streams.layout import Layout
from slotkeeper.streams.witness import Sighting

from .offsets import Offsets
from .options import ClientOptions
from .reading import refuse_set_aside, scan_messages
from .topics import Topics

INCARNATION = "incarnation"
PARTITIONS = "partitions"
APPLICATION = "application"
FORGIVEN = "forgiven"

FIRST_LOOK = 64
"""How many offsets before the end are read first: a transaction's marker, its last records, and
some records of an aborted one. Each further look goes back sixteen times as far."""


class StoreIdentity(NamedTuple):
    """Tells a store from one that was made anew under its address.

    Attributes:
        incarnation: Drawn with the first commit, and again by each acknowledgement.
        partitions: How many partitions each topic had.
        application: Who wrote it; None if that was a version that locked a partition by another
            transactional id than this one.
        forgiven: What operators have acknowledged; see `Presence`.
    """

    incarnation: str
    partitions: int
    application: str | None
    forgiven: tuple[Sighting, ...] = ()

    @classmethod
    def of(cls, headers: Headers) -> Self | None:
        """Read the identity from a record's headers; None if they hold none."""
        named = dict(headers)
        if INCARNATION not in named:
            return None
        try:
            forgiven = json.loads(named.get(FORGIVEN, b"[]"))
            return cls(
                named[INCARNATION].decode("ascii"),
                int(named[PARTITIONS]),
                named[APPLICATION].decode() if APPLICATION in named else None,
                tuple(Sighting(str(incarnation), int(end)) for incarnation, end in forgiven),
            )
        except UNREADABLE as error:
            raise StoppedForOperatorError("the changelog's headers are damaged") from error

    def marked(self, outputs: Sequence[Output], layout: Layout, partition: int) -> list[Output]:
        """Put the identity into the last changelog record of the partition."""
        marked = list(outputs)
        for index in range(len(marked) - 1, -1, -1):
            stream, number, key, value, headers = marked[index]
            if (stream, number) == (layout.changelog, partition):
                told = [
                    (INCARNATION, self.incarnation.encode("ascii")),
                    (PARTITIONS, b"%d" % self.partitions),
                    (APPLICATION, (self.application or "").encode()),
                ]
                if self.forgiven:
                    forgiven = [[each.incarnation, each.end] for each in self.forgiven]
                    told.append((FORGIVEN, json.dumps(forgiven, separators=(",", ":")).encode()))
                marked[index] = (stream, number, key, value, [*headers, *told])
                break
        return marked


class Told(NamedTuple):
    """What a partition's changelog says at its end.

    Attributes:
        identity: Of the newest record that has one.
        foreign: Offset of a record behind it, which no worker can have written; None if none is.
    """

    identity: StoreIdentity
    foreign: int | None


async def told_by_changelog(
    options: ClientOptions, topics: Topics, offsets: Offsets, partition: int
) -> StoreIdentity | None:
    """Read what a partition's changelog says of the store; None if no record says anything."""
    told = await told_at_end(options, topics, offsets, partition)
    return None if told is None else told.identity


async def told_at_end(
    options: ClientOptions, topics: Topics, offsets: Offsets, partition: int
) -> Told | None:
    """Likewise, and whether others have written behind it."""
    place = topics.at(topics.layout.changelog, partition)
    begin = (await offsets.starts([place]))[place]
    end = (await offsets.ends([place]))[place]
    back = FIRST_LOOK
    while begin < end:
        first = max(begin, end - back)
        newest, foreign = None, None
        async for _, messages in scan_messages(
            options, {place: first}, {place: end}, limit=FIRST_LOOK
        ):
            refuse_set_aside(place, messages)
            for message in messages:
                if any(name == INCARNATION for name, _ in message.headers):
                    newest, foreign = message.headers, None
                else:
                    foreign = message.offset
        identity = None if newest is None else StoreIdentity.of(newest)
        if identity is not None:
            return Told(identity, foreign)
        if first == begin:
            break
        back *= 16
    return None
