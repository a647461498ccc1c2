"""Which options each of aiokafka's clients gets."""

import importlib
import inspect
import ssl
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.helpers import create_ssl_context

from slotkeeper.streams.errors import WrongUseError

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


class ClientOptions:
    """The options of ``[kafka]``, sorted by client."""

    def __init__(self, servers: str, given: Mapping[str, object]) -> None:
        """Check and sort.

        Args:
            servers: ``host:port[,host:port]``.
            given: By aiokafka's names; text is read as what the option takes.

        Raises:
            WrongUseError: An option is fixed here, unknown, or of a wrong kind.
        """
        self.servers = servers
        self._consumer: Options = {"bootstrap_servers": servers}
        self._producer: Options = {"bootstrap_servers": servers}
        self._admin: Options = {"bootstrap_servers": servers}
        tls = {name: given[name] for name in _TLS if given.get(name)}
        for name, value in given.items():
            if name in _OWN:
                raise WrongUseError(f"kafka.{name} is fixed: exactly once depends on it")
            if name not in _TLS:
                self._sort(name, value)
        if tls or str(given.get("security_protocol", "")).upper() in {"SSL", "SASL_SSL"}:
            self._sort("ssl_context", _ssl_context(tls))

    def consumer(self, **own: object) -> Options:
        """Give a consumer's options; ``own`` are the caller's, which win."""
        return {**self._consumer, "enable_auto_commit": False, **own}

    def producer(self, **own: object) -> Options:
        """Give a producer's options; those given by the user win over ``own``."""
        return {**own, **self._producer}

    def admin(self) -> Options:
        """Give an admin client's options."""
        return dict(self._admin)

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
        raise WrongUseError(f"kafka.{name} takes {type(default).__name__}, not {value!r}") from None
    return value


def _made(reference: str) -> object:
    module, _, name = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise WrongUseError(
            f"kafka.{TOKEN_PROVIDER}: {reference!r} is no package.module:name of a class or "
            f"function without arguments ({error})"
        ) from None


def _ssl_context(files: Mapping[str, object]) -> ssl.SSLContext:
    try:
        context: ssl.SSLContext = create_ssl_context(
            **{_TLS[name]: value for name, value in files.items()}
        )
    except (OSError, ssl.SSLError) as error:
        raise WrongUseError(
            f"kafka.{', kafka.'.join(sorted(files))} cannot be used: {error.strerror or error}"
        ) from None
    return context
