"""The streams as the commands that only look open them."""

from contextlib import AbstractAsyncContextManager

from slotkeeper.settings import Settings
from slotkeeper.streams import Streams, open_streams


def looked_at(settings: Settings) -> AbstractAsyncContextManager[Streams]:
    """Open the streams to read them: nothing is made where there is nothing.

    Raises:
        WrongUseError: There is no such store; the message names it.
    """
    return open_streams(settings.streams, settings.streams_settings(), to_look=True)
