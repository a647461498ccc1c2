"""Stands before every page: bounds, identity, the headers of safety, and the access log.

Nothing behind it runs for a request that has no person. There is no path that is open to all: the
stylesheet is behind it as well.
"""

import asyncio
import re
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .access_log import AccessLog
from .links import Links
from .persons import Person
from .proxy import Proxy

COOKIE = "slotkeeper_session"

MAX_BODY = 1 << 20
"""Octets of a form; a signed act is a few kilobytes."""

MAX_TARGET = 2_000
"""Octets of path and query: many servers' own bound is 2,083 or more."""

BODY_S = 30.0
"""For the whole of a body that is that small."""

SEND_S = 60.0
"""For a piece of an answer to be taken: who reads no more keeps a table open."""

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Everything is ours, and from here: no style or script stands within a page."""

_SAFE = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # A page about a device is nobody else's, and the newest only.
    "cache-control": "no-store",
}

_OWN_SITE = ("same-origin", "none")
"""Of Sec-Fetch-Site: from a page of ours, or by hand. Who is no browser sends none."""

_LINK = re.compile(r"/session/([A-Za-z0-9_-]{20,100})")


@dataclass(frozen=True, slots=True)
class Known:
    """Who asks.

    Attributes:
        person: With roles.
        csrf: What each form of this person must bring back.
    """

    person: Person
    csrf: str


class Identity(Protocol):
    """Says who asks."""

    def known(self, scope: Scope, headers: Headers, body: bytes) -> Known | None:
        """Give who asks; None for nobody."""


@dataclass(frozen=True, slots=True)
class ByLink:
    """The session that a one-time link began, by its cookie."""

    links: Links

    def known(self, scope: Scope, headers: Headers, body: bytes) -> Known | None:
        """Give the session's person."""
        del scope, body
        session = self.links.session(token_of(headers))
        return Known(session.person, session.csrf) if session else None


@dataclass(frozen=True, slots=True)
class ByProxy:
    """The person whom a proxy has named and signed for."""

    proxy: Proxy
    csrf: Callable[[str], str]

    def known(self, scope: Scope, headers: Headers, body: bytes) -> Known | None:
        """Give the person, if the signature is right."""
        target = (scope["path"], scope["query_string"].decode("latin-1"))
        person = self.proxy.person(scope["method"], target, headers.raw, body)
        return Known(person, self.csrf(person.name)) if person else None


class Gate:
    """The outermost part of the application."""

    def __init__(
        self,
        inner: ASGIApp,
        identity: Identity,
        log: AccessLog,
        *,
        hosts: Sequence[str],
        refuse: Callable[[HTTPStatus, str], Response],
    ) -> None:
        """Stand before an application.

        Args:
            inner: What answers persons.
            identity: Says who asks.
            log: Of what was asked for.
            hosts: What a request may call us: without this a page elsewhere could rebind its name
                to this address and read the answers. Empty: any, behind a proxy.
            refuse: Makes the answer to who is turned away, for a status and a path.
        """
        self._inner, self._identity, self._log = inner, identity, log
        self._hosts, self._refuse = frozenset(hosts), refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or turn it away."""
        if scope["type"] != "http":
            return
        status = 500
        known: Known | None = None

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _SAFE.items():
                    headers[name] = value
            async with asyncio.timeout(SEND_S):
                await send(message)

        try:
            headers = Headers(scope=scope)
            refused, body = await self._bounded(scope, headers, receive)
            if refused is None:
                known = self._identity.known(scope, headers, body)
                if known is None and not _is_link(scope):
                    refused = HTTPStatus.UNAUTHORIZED
            if refused is not None:
                await self._refuse(refused, scope["path"])(scope, receive, sending)
                return
            scope.setdefault("state", {})["known"] = known
            await self._inner(scope, _again(body, receive), sending)
        finally:
            person = known.person if known else None
            self._log.note(
                person=person.name if person else "",
                roles=person.described if person else "",
                method=scope["method"],
                path="/session/" if _is_link(scope) else scope["path"],
                status=status,
            )

    async def _bounded(
        self, scope: Scope, headers: Headers, receive: Receive
    ) -> tuple[HTTPStatus | None, bytes]:
        """Read the whole body, unless something is wrong with the request before that."""
        if (wrong := self._wrong(scope, headers)) is not None:
            return wrong, b""
        try:
            async with asyncio.timeout(BODY_S):
                return await _body(receive)
        except TimeoutError:
            return HTTPStatus.REQUEST_TIMEOUT, b""

    def _wrong(self, scope: Scope, headers: Headers) -> HTTPStatus | None:
        """Say what is wrong with a request before its body is looked at."""
        if self._hosts and headers.get("host", "").lower() not in self._hosts:
            return HTTPStatus.MISDIRECTED_REQUEST
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET:
            return HTTPStatus.REQUEST_URI_TOO_LONG
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return HTTPStatus.METHOD_NOT_ALLOWED
        # What a browser says of itself: a form of another site never reaches a session.
        if scope["method"] == "POST" and headers.get("sec-fetch-site", "none") not in _OWN_SITE:
            return HTTPStatus.FORBIDDEN
        return None


async def _body(receive: Receive) -> tuple[HTTPStatus | None, bytes]:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return HTTPStatus.BAD_REQUEST, b""
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b""
        if not message.get("more_body", False):
            return None, b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Give the body that was read to whoever is behind, then what comes: the client's end."""
    given = False

    async def receiving() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving


def _is_link(scope: Scope) -> bool:
    return _LINK.fullmatch(scope["path"]) is not None


def token_of(headers: Headers) -> str:
    """Give the session's token of the cookie; empty if there is none."""
    return cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
