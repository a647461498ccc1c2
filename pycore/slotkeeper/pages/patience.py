"""How long a connection may take to say what it wants: who never does keeps nobody else out.

Uvicorn waits for the end of a request's head for ever, and counts the connection meanwhile: two
hundred that send an octet a minute would be all that there are.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""For a request's head; a browser sends it in one piece."""


class ImpatientProtocol(H11Protocol):
    """Closes a connection whose request has not begun in time."""

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        super().connection_made(transport)
        self._head = self.loop.call_later(HEAD_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Wait for the rest of a head that has begun, and no longer for one that is whole."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._known()
        elif self._head is None:
            self._head = self.loop.call_later(HEAD_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._known()
        super().connection_lost(exc)

    def _known(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None
