"""Carries a fleet's records to the streams, and the worker's commands to the fleet."""

import asyncio
import base64
from collections.abc import Callable, Iterator

import orjson

from slotkeeper.lab.emulated import EmulatedFleet
from slotkeeper.lab.events import Event
from slotkeeper.streams import Message, Streams
from slotkeeper.worker.group import gravest

COMMANDS = "cs02b-commands"
REFUSALS = "handover-refusals"

_PATIENCE_S = 15.0
"""Before somebody is told that no answer comes: a worker takes over within a few seconds."""


class Answers:
    """What the worker says to requests, gathered while it says it."""

    def __init__(self, streams: Streams) -> None:
        """Make a reader that wants nothing yet."""
        self._streams = streams
        self._wanted: set[str] = set()
        self._found: dict[str, bytes | str] = {}
        self._news = asyncio.Event()

    def want(self, request_ids: set[str]) -> None:
        """Keep the answers to these requests from now on, and those to no other."""
        self._wanted = request_ids
        self._found.clear()

    async def follow(self, stream: str) -> None:
        """Read one of the streams for ever, from its beginning.

        A fleet that goes on may have been answered already.
        """
        async for records in self._streams.read(stream, follow=True):
            for record in records:
                if record.value is not None:
                    self._take(orjson.loads(record.value))

    async def all(
        self, progress: Callable[[int], None], impatient: Callable[[int], None]
    ) -> dict[str, bytes | str]:
        """Wait until each request has its answer; give them by RequestID."""
        while missing := len(self._wanted) - len(self._found):
            progress(len(self._found))
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), _PATIENCE_S)
            except TimeoutError:
                impatient(missing)
        return self._found

    def _take(self, told: dict[str, object]) -> None:
        request_id = str(told.get("request_id"))
        if request_id not in self._wanted:
            return
        payload = told.get("gbcs_payload")
        self._found[request_id] = (
            base64.b64decode(payload, validate=True)
            if isinstance(payload, str)
            else str(told.get("reason"))
        )
        self._news.set()


async def live(
    fleet: EmulatedFleet,
    streams: Streams | None,
    *,
    now: Callable[[str, int], None],
    progress: Callable[[int], None],
    impatient: Callable[[int], None],
) -> None:
    """Let a fleet live to its end.

    Args:
        fleet: begins, or goes on where it was.
        streams: None where no DSP is asked, without tracking.
        now: is told what is done, and how many steps it has.
        progress: is told how many of them are done.
        impatient: is told how many requests have been waiting for long.

    Raises:
        StreamsError: The streams cannot be read or written; the fleet goes on another time.
    """
    if streams is None:
        while not fleet.over:
            now(f"round {fleet.round} of {fleet.plan.rounds}", fleet.plan.devices)
            await asyncio.to_thread(fleet.begin, progress)
            await asyncio.to_thread(fleet.end, {}, progress)
        return
    try:
        await _live_on(fleet, streams, now=now, progress=progress, impatient=impatient)
    except ExceptionGroup as errors:
        # Readers and writer end together, mostly by one cause.
        raise gravest(errors) from errors


async def _live_on(
    fleet: EmulatedFleet,
    streams: Streams,
    *,
    now: Callable[[str, int], None],
    progress: Callable[[int], None],
    impatient: Callable[[int], None],
) -> None:
    answers = Answers(streams)
    readers: list[asyncio.Task[None]] = []
    async with asyncio.TaskGroup() as group:
        while not fleet.over:
            name = f"round {fleet.round} of {fleet.plan.rounds}"
            now(f"{name}: parties act", fleet.plan.devices)
            await asyncio.to_thread(fleet.begin, progress)
            answers.want(waiting := fleet.waiting)
            if not readers:
                readers += (group.create_task(answers.follow(one)) for one in (COMMANDS, REFUSALS))
            await _publish(streams, fleet.told())
            await _publish(streams, fleet.requests())
            now(f"{name}: requests are answered", len(waiting))
            found = await answers.all(progress, impatient)
            now(f"{name}: devices take commands", len(waiting))
            await asyncio.to_thread(fleet.end, found, progress)
        for reader in readers:
            reader.cancel()


async def _publish(streams: Streams, pages: Iterator[list[Event]]) -> None:
    while page := await asyncio.to_thread(next, pages, None):
        messages = [
            Message(event.stream, key.encode(), event.octets)
            for event in page
            if isinstance(key := event.key, str)
        ]
        if messages:
            await streams.publish(messages)
