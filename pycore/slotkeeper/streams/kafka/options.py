"""Which options each of aiokafka's clients gets."""

import importlib
import importlib.util
import inspect
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.abc import AbstractTokenProvider
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.helpers import create_ssl_context

from slotkeeper.streams.errors import WrongUseError
from slotkeeper.streams.interface import BATCH_BYTES

from .tokens import FileTokens

Options = dict[str, Any]

_OWN = frozenset(
    {
        "acks",
        "auto_commit_interval_ms",
        "auto_offset_reset",
        "bootstrap_servers",
        "check_crcs",
        "enable_auto_commit",
        "enable_idempotence",
        "group_id",
        "isolation_level",
        "key_deserializer",
        "key_serializer",
        "partitioner",
        "transactional_id",
        "value_deserializer",
        "value_serializer",
    }
)
"""Fixed: with another value of one of these a counter could be handed out twice."""

_TLS = {
    "ssl_cafile": "cafile",
    "ssl_certfile": "certfile",
    "ssl_keyfile": "keyfile",
    "ssl_password": "password",
}
"""Files that become an ``ssl_context``, by their names in ``create_ssl_context``."""

TOKEN_PROVIDER = "sasl_oauth_token_provider"  # noqa: S105  # the name of an option
"""In a file it is text, ``package.module:name`` of what makes one."""

TOKEN_FILE = "sasl_oauth_token_file"  # noqa: S105
"""An option of our own: whose content is the token."""

_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")

_PASSWORD = ("sasl_plain_username", "sasl_plain_password")
_TEXTS = (*_PASSWORD, "ssl_password")

_NEEDED = {
    "PLAIN": _PASSWORD,
    "SCRAM-SHA-256": _PASSWORD,
    "SCRAM-SHA-512": _PASSWORD,
    "GSSAPI": (),
    "OAUTHBEARER": (TOKEN_PROVIDER,),
}
"""By mechanism, without which options it cannot begin."""


_CONSUMER = {
    # Of one partition in one answer; a consumer holds one answer ahead. With aiokafka's 1 MiB a
    # batch of requests, at 2.4 kB each, never has more than 430.
    "max_partition_fetch_bytes": 4 * 1024 * 1024,
    # A member learns of a rebalance by its next heartbeat, so what another lets go stands idle for
    # as long. aiokafka has 3 s; three small requests a second are of no weight.
    "heartbeat_interval_ms": 300,
    "session_timeout_ms": 10_000,
}
"""Defaults of all consumers; members of the group alone look at the last two."""


class ClientOptions:
    """The options of ``[kafka]``, sorted by client."""

    def __init__(
        self, servers: str, given: Mapping[str, object], *, batch_bytes: int = BATCH_BYTES
    ) -> None:
        """Check and sort.

        Args:
            servers: ``host:port[,host:port]``.
            given: By aiokafka's names; text is read as what the option takes.
            batch_bytes: Octets to which a consumer inflates one batch at most.

        Raises:
            WrongUseError: An option is fixed here, unknown, or of a wrong kind.
        """
        self.servers = servers
        for name in _TEXTS:
            # A password of digits is a number in the file, and text to the broker.
            if isinstance(given.get(name), int | float) and not isinstance(given[name], bool):
                given = {**given, name: str(given[name])}
        self.batch_bytes = batch_bytes
        self._consumer: Options = {"bootstrap_servers": servers}
        self._producer: Options = {"bootstrap_servers": servers}
        self._admin: Options = {"bootstrap_servers": servers}
        tls = {name: given[name] for name in _TLS if given.get(name)}
        for name, value in given.items():
            if name in _OWN:
                raise WrongUseError(f"kafka.{name} is fixed: exactly once depends on it")
            if name == TOKEN_FILE:
                self._sort(TOKEN_PROVIDER, FileTokens(Path(str(value))))
            elif name not in _TLS:
                self._sort(name, value)
        self.has_certificate = "ssl_certfile" in tls
        if tls or self.login("security_protocol") in {"SSL", "SASL_SSL"}:
            self._sort("ssl_context", _ssl_context(tls))
        self._refuse_impossible_login()

    def consumer(self, **own: object) -> Options:
        """Give a consumer's options; ``own`` are the caller's, which win."""
        return {**_CONSUMER, **self._consumer, "enable_auto_commit": False, **own}

    def producer(self, **own: object) -> Options:
        """Give a producer's options; those given by the user win over ``own``."""
        return {**own, **self._producer}

    def admin(self) -> Options:
        """Give an admin client's options."""
        return dict(self._admin)

    def security(self) -> Options:
        """Give what a single connection needs to be let in."""
        return {
            name: value
            for name, value in self._admin.items()
            if name.startswith(("security_", "ssl_", "sasl_"))
        }

    def login(self, name: str) -> str:
        """Give one of the options that say who is there, as text; empty if it is not given."""
        return str(self._admin.get(name) or "")

    @property
    def who(self) -> str:
        """Say whose rights these options have, as far as they tell."""
        user = self.login("sasl_plain_username")
        return f"user {user!r}" if user else "this client"

    def _refuse_impossible_login(self) -> None:
        """Refuse what aiokafka would answer with an error of no type, or later."""
        protocol = self.login("security_protocol")
        if protocol not in {"", *_PROTOCOLS}:
            raise WrongUseError(f"kafka.security_protocol takes {', '.join(_PROTOCOLS)}")
        if not protocol.startswith("SASL"):
            return
        mechanism = self.login("sasl_mechanism") or "PLAIN"
        if mechanism not in _NEEDED:
            raise WrongUseError(f"kafka.sasl_mechanism takes {', '.join(_NEEDED)}")
        missing = [name for name in _NEEDED[mechanism] if not self.login(name)]
        if missing == [TOKEN_PROVIDER]:
            missing = [f"{TOKEN_PROVIDER} or kafka.{TOKEN_FILE}"]
        if missing:
            raise WrongUseError(f"kafka.sasl_mechanism {mechanism} needs kafka.{missing[0]}")
        if mechanism == "GSSAPI" and importlib.util.find_spec("gssapi") is None:
            raise WrongUseError("kafka.sasl_mechanism GSSAPI needs the package gssapi")

    def _sort(self, name: str, value: object) -> None:
        known = False
        for client, options in (
            (AIOKafkaConsumer, self._consumer),
            (AIOKafkaProducer, self._producer),
            (AIOKafkaAdminClient, self._admin),
        ):
            parameter = inspect.signature(client.__init__).parameters.get(name)
            if parameter is not None:
                options[name] = _typed(name, value, parameter.default)
                known = True
        if not known:
            raise WrongUseError(f"kafka.{name} is no option of aiokafka's clients")


def _typed(name: str, value: object, default: object) -> object:
    """Read text, which is what variables give, as what the default is."""
    if not isinstance(value, str):
        return value
    if name == TOKEN_PROVIDER:
        return _made(value)
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[value.lower()]
        if isinstance(default, int):
            return int(value)
    except (KeyError, ValueError):
        wanted = "true or false" if isinstance(default, bool) else "a whole number"
        raise WrongUseError(f"kafka.{name} must be {wanted}") from None
    return value


def _made(reference: str) -> object:
    module, _, name = reference.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)()
        if not isinstance(made, AbstractTokenProvider):
            raise TypeError("it makes no aiokafka.abc.AbstractTokenProvider")  # noqa: TRY301
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise WrongUseError(
            f"kafka.{TOKEN_PROVIDER}: {reference!r} is no package.module:name of a class or "
            f"function without arguments ({error})"
        ) from None
    return made


def _ssl_context(files: Mapping[str, object]) -> ssl.SSLContext:
    try:
        context: ssl.SSLContext = create_ssl_context(
            # Of an encrypted key OpenSSL would ask at the terminal, if the password were missing.
            **{"password": "", **{_TLS[name]: value for name, value in files.items()}}
        )
    except (OSError, ssl.SSLError) as error:
        raise WrongUseError(
            f"kafka.{', kafka.'.join(sorted(files))} cannot be used: {error.strerror or error}"
        ) from None
    return context
