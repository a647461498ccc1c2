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


async def told_by_changelog(
    options: ClientOptions, topics: Topics, offsets: Offsets, partition: int
) -> StoreIdentity | None:
    """Read the newest committed changelog record of a partition; None if there is no record."""
    place = topics.at(topics.layout.changelog, partition)
    begin = (await offsets.starts([place]))[place]
    end = (await offsets.ends([place]))[place]
    back = FIRST_LOOK
    while begin < end:
        first = max(begin, end - back)
        newest: Headers | None = None
        async for _, messages in scan_messages(
            options, {place: first}, {place: end}, limit=FIRST_LOOK
        ):
            refuse_set_aside(place, messages)
            newest = messages[-1].headers
        if newest is not None:
            return StoreIdentity.of(newest)
        if first == begin:
            break
        back *= 16
    return None
