"""One request of a client that nobody knows, read by h11 and bounded."""

import asyncio
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus

import h11

HEAD_BYTES = 8_192
"""Of a request line with its headers; the usual bound of web servers."""

_PORT_DIGITS = 5


class RefusedError(Exception):
    """A request is not answered with a page.

    Attributes:
        status: Says why.
        allow: The methods that are; empty where the method is not the reason.
    """

    def __init__(self, status: HTTPStatus, allow: str = "") -> None:
        """Say why."""
        super().__init__(status.phrase)
        self.status = status
        self.allow = allow


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for.

    Attributes:
        path: Of the target, without its query.
        with_body: False for HEAD.
    """

    path: bytes
    with_body: bool


async def read_request(reader: asyncio.StreamReader, names: Collection[str]) -> Request | None:
    """Read a request; what follows its head is not looked at. None if the client went away.

    Args:
        reader: Of a connection.
        names: By which the server may be called, in lower case, besides by an address: a page of
            another site that had its name point to this machine comes with that name.

    Raises:
        RefusedError: It is no HTTP, too large, for another host, or no GET or HEAD.
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
    while True:
        try:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(HEAD_BYTES))
                continue
        except h11.RemoteProtocolError as error:
            raise RefusedError(HTTPStatus(error.error_status_hint)) from error
        return _judged(event, names) if isinstance(event, h11.Request) else None


def _judged(request: h11.Request, names: Collection[str]) -> Request:
    # h11 has seen that there is one, and no second; none only in HTTP/1.0, which no browser speaks.
    host = next((value for name, value in request.headers if name == b"host"), None)
    if host is not None and not _is_own(host.decode("ascii", "replace"), names):
        raise RefusedError(HTTPStatus.MISDIRECTED_REQUEST)
    if request.method not in (b"GET", b"HEAD"):
        raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, allow="GET, HEAD")
    return Request(request.target.partition(b"?")[0], request.method == b"GET")


def _is_own(host: str, names: Collection[str]) -> bool:
    name, colon, port = host.rpartition(":")
    if not colon or not (port.isascii() and port.isdecimal() and len(port) <= _PORT_DIGITS):
        name = host
    if name.lower() in names:
        return True
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
