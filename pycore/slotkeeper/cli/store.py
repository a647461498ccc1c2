"""The streams as the commands that only look open them."""

from contextlib import AbstractAsyncContextManager

from slotkeeper.errors import WrongUseError
from slotkeeper.settings import Settings
from slotkeeper.streams import Streams, open_streams


def looked_at(settings: Settings) -> AbstractAsyncContextManager[Streams]:
    """Open the streams to read them: nothing is made where there is nothing.

    Raises:
        WrongUseError: There is no such store; the message names it.
    """
    return open_streams(settings.streams, settings.streams_settings(), to_look=True)


def chosen(partition: int | None, count: int) -> range:
    """Give the partitions that are to be read: one, or all where none is named.

    Raises:
        WrongUseError: There is no such partition.
    """
    if partition is None:
        return range(count)
    if not 0 <= partition < count:
        raise WrongUseError(f"no partition {partition}: there are 0 to {count - 1}")
    return range(partition, partition + 1)
