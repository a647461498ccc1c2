"""One-time links, and the sessions that they begin: for persons on the same machine.

Whoever can read the terminal where the link is printed is the person. A link works once and not
for long; a session ends when nobody uses it. Neither token is kept, only its SHA-256.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from .persons import Person

LINK_MS = 3_600_000
"""A link that nobody followed for an hour is void."""

IDLE_MS = 3_600_000
"""A session that nobody used for an hour is over: a person has left the desk."""

LONGEST_MS = 12 * 3_600_000
"""No session is longer than a long working day (ASVS 3.3 asks for an end)."""

MOST = 1_000
"""Sessions and links at once: far more than people who can read one terminal."""

_TOKEN_BYTES = 32


@dataclass(slots=True)
class Session:
    """A person's stay.

    Attributes:
        person: Who.
        csrf: Stands in each form of this person, and nowhere else.
        began_ms: When the link was followed.
        used_ms: When it was used last.
    """

    person: Person
    csrf: str
    began_ms: int
    used_ms: int


@dataclass(slots=True)
class Links:
    """Makes links and keeps sessions, in memory: a restart ends all of them.

    Attributes:
        clock: Milliseconds since 1970 UTC.
    """

    clock: Callable[[], int]
    _links: dict[str, tuple[Person, int]] = field(default_factory=dict)
    _sessions: dict[str, Session] = field(default_factory=dict)

    def new(self, person: Person) -> str:
        """Give the token of a new link."""
        self._forget_old()
        _make_room(self._links)
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._links[_digest(token)] = person, self.clock()
        return token

    def follow(self, token: str) -> str | None:
        """Begin a session; gives its token, or None if the link is unknown, used or too old."""
        self._forget_old()
        found = self._links.pop(_digest(token), None)
        if found is None:
            return None
        _make_room(self._sessions)
        own, now = secrets.token_urlsafe(_TOKEN_BYTES), self.clock()
        self._sessions[_digest(own)] = Session(
            found[0], secrets.token_urlsafe(_TOKEN_BYTES), now, now
        )
        return own

    def session(self, token: str) -> Session | None:
        """Give the session of a token, which is used by that."""
        self._forget_old()
        found = self._sessions.get(_digest(token))
        if found is not None:
            found.used_ms = self.clock()
        return found

    def end(self, token: str) -> None:
        """End a session."""
        self._sessions.pop(_digest(token), None)

    def _forget_old(self) -> None:
        now = self.clock()
        for name, (_, made) in list(self._links.items()):
            if now - made > LINK_MS:
                del self._links[name]
        for name, one in list(self._sessions.items()):
            if now - one.used_ms > IDLE_MS or now - one.began_ms > LONGEST_MS:
                del self._sessions[name]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _make_room(kept: "dict[str, Session] | dict[str, tuple[Person, int]]") -> None:
    """Drop the oldest."""
    while len(kept) >= MOST:
        kept.pop(next(iter(kept)))
