"""A few downloads at once: a table as CSV reads it whole, for as long as somebody takes it."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

MOST = 4
"""At once; each may hold a table of the database open. Pages are answered beside them."""


@dataclass(slots=True)
class Downloads:
    """Counts those that go on.

    Attributes:
        refuse: Makes the answer to who must wait, for a status and a path.
    """

    refuse: Callable[[HTTPStatus, str], Response]
    _going: int = 0

    def counted(self, response: Response) -> ASGIApp:
        """Give a response that is sent if there is room when it begins."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if self._going >= MOST:
                refusal = self.refuse(HTTPStatus.TOO_MANY_REQUESTS, scope["path"])
                await refusal(scope, receive, send)
                return
            self._going += 1
            try:
                await response(scope, receive, send)
            finally:
                self._going -= 1

        return answer
