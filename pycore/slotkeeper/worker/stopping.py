"""A stop that is asked for: by a signal, and of what may take long."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Literal

_log = logging.getLogger(__name__)


class GivenUpError(Exception):
    """A stop was asked for before it was done."""


@contextlib.contextmanager
def stopping_on_signals() -> Iterator[asyncio.Event]:
    """Give an event that SIGTERM and SIGINT set; a second signal acts as it would have before."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    signals = (signal.SIGTERM, signal.SIGINT)

    def asked() -> None:
        _log.info("asked to stop: batches in hand end first")
        stop.set()
        for each in signals:
            loop.remove_signal_handler(each)

    for each in signals:
        loop.add_signal_handler(each, asked)
    try:
        yield stop
    finally:
        for each in signals:
            loop.remove_signal_handler(each)


@contextlib.asynccontextmanager
async def given_up_on(stop: asyncio.Event) -> AsyncIterator[None]:
    """Give up what is being waited for when a stop is asked for: a broker may be long away.

    Raises:
        GivenUpError: It was given up.
    """
    task = asyncio.current_task()
    asked = asyncio.create_task(stop.wait())

    def give_up(done: asyncio.Task[Literal[True]]) -> None:
        if task is not None and not done.cancelled():
            task.cancel()

    asked.add_done_callback(give_up)
    try:
        yield
    except asyncio.CancelledError:
        if stop.is_set() and task is not None and not task.uncancel():
            raise GivenUpError from None
        raise
    finally:
        asked.remove_done_callback(give_up)
        asked.cancel()
