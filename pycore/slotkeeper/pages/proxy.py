"""Persons whom a trusted proxy names: oauth2-proxy, on a Unix socket.

The socket's folder says which account may speak to it. Besides, each request carries the proxy's
signature, ``GAP-Signature``: an HMAC over method, path, body and the headers that name the person,
with a key that both know. Without the key nobody who reaches the socket can be somebody else.
The proxy names a person; which roles that person has stands in a file of ours, since the signature
does not cover groups.
"""

import base64
import binascii
import hmac
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from slotkeeper.errors import ConfigurationError

from .persons import Person

SIGNATURE = "gap-signature"

SIGNED = (
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "authorization",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-preferred-user",
    "x-forwarded-access-token",
    "cookie",
    "gap-auth",
)
"""In the order of ``SignatureHeaders`` of oauth2-proxy 7 (pkg/upstream/http.go)."""

_DIGESTS = frozenset({"sha256", "sha384", "sha512"})
"""hmacauth knows weaker ones too."""

_SHORTEST_KEY = 16
"""Octets: 128 bits, if they are random."""

_LARGEST_FILE = 1 << 20


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy's key, and the persons that it may name.

    Attributes:
        algorithm: Of the HMAC, as hashlib names it.
        key: Shared with the proxy.
        persons: By the name that the proxy gives them, in lower case.
    """

    algorithm: str
    key: bytes
    persons: Mapping[str, Person]

    @classmethod
    def read(cls, key_file: Path, persons_file: Path) -> Self:
        """Read the key, ``sha256:SECRET`` as oauth2-proxy has it, and the file of persons.

        The latter is TOML, a table ``[[person]]`` for each, with ``name`` and ``roles``.

        Raises:
            ConfigurationError: One cannot be read, or has another form.
        """
        algorithm, _, key = _text(key_file).strip().partition(":")
        if algorithm not in _DIGESTS or len(key.encode()) < _SHORTEST_KEY:
            raise ConfigurationError(
                f"{key_file} must hold sha256:SECRET with at least {_SHORTEST_KEY} characters, as "
                "signature_key of oauth2-proxy does"
            )
        return cls(algorithm, key.encode(), dict(_persons(persons_file)))

    def person(
        self,
        method: str,
        target: tuple[str, str],
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
    ) -> Person | None:
        """Give who asks; None if the signature is false or the person is not known here.

        Args:
            method: Of the request.
            target: The path, decoded, and the query, as it came.
            headers: As they came, in order.
            body: The whole of it.
        """
        given: dict[str, list[str]] = {}
        for name, value in headers:
            given.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        signatures = given.get(SIGNATURE, [])
        if len(signatures) != 1:
            return None
        path, query = target
        lines = [method, *(",".join(given.get(name, [])) for name in SIGNED)]
        lines.append(f"{path}?{query}" if query else path)
        signed = "".join(f"{line}\n" for line in lines).encode("latin-1", "replace") + body
        algorithm, _, told = signatures[0].partition(" ")
        if algorithm != self.algorithm:
            return None
        expected = hmac.digest(self.key, signed, self.algorithm)
        try:
            octets = base64.b64decode(told, validate=True)
        except binascii.Error:
            return None
        if not hmac.compare_digest(octets, expected):
            return None
        names = [*given.get("x-forwarded-email", []), *given.get("x-forwarded-user", [])]
        return next(
            (self.persons[one.lower()] for one in names if one.lower() in self.persons), None
        )


def _persons(file: Path) -> list[tuple[str, Person]]:
    try:
        content = tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file} is no TOML: {error}") from None
    named = content.pop("person", [])
    if content or not isinstance(named, list) or not all(isinstance(one, dict) for one in named):
        raise ConfigurationError(f"{file} has something else than tables [[person]]")
    found = []
    for one in named:
        name, roles = one.get("name"), one.get("roles")
        if (
            one.keys() != {"name", "roles"}
            or not isinstance(name, str)
            or not isinstance(roles, list)
        ):
            raise ConfigurationError(f"{file}: each person has a name and a list of roles")
        found.append((name.lower(), Person.of(name, map(str, roles))))
    if len({name for name, _ in found}) < len(found):
        raise ConfigurationError(f"{file} names a person twice")
    return found


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            octets = opened.read(_LARGEST_FILE + 1)
        if len(octets) > _LARGEST_FILE:
            raise ConfigurationError(f"{file} is longer than {_LARGEST_FILE} bytes")
        return octets.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from None
