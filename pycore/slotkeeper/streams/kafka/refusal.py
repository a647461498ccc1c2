"""Why a broker does not let a client in.

aiokafka logs the reason of a failed connection and tells its user that there is none, as it does
for a broker that is away. So a client that got no connection asks once more, for the reason alone.
"""

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress

from aiokafka import errors
from aiokafka.conn import OAuthAuthenticator, create_conn
from aiokafka.protocol.admin import SaslAuthenticateRequest, SaslHandShakeRequest
from aiokafka.protocol.metadata import MetadataRequest

from slotkeeper.streams.errors import WrongUseError

from .options import TOKEN_FILE, TOKEN_PROVIDER, ClientOptions, Options

REFUSAL_S = 1.0
"""How long a broker may take to refuse a client certificate after the handshake, where TLS 1.3 lets
it do so; nothing is sent meanwhile, since a broker that hangs up on data loses its own alert."""

ATTEMPT_MS = 5_000
"""Of one attempt: longer than a broker that is there needs, a fraction of what others wait."""

_NOT_OURS = frozenset({18, 19, 20, 21})
"""OpenSSL's X509_V_ERR_* of a certificate whose issuer is not known or not trusted."""

_OTHER_NAME = frozenset({62, 64})
"""The same of a host name and of an address."""


async def refuse_if_told(options: ClientOptions, brokers: Iterable[tuple[str, int]]) -> None:
    """Ask brokers that could not be connected to what is wrong; return if they do not say.

    Raises:
        WrongUseError: One refuses, for a reason that lasts until a setting is changed.
    """
    for host, port in brokers:
        broker = f"{host}:{port}"
        try:
            await _knock(options, host, port)
        except (errors.KafkaError, OSError) as error:
            told = _sentence(options, broker, error)
            if not told and not isinstance(error, TimeoutError | ConnectionRefusedError):
                told = await _mistaken(options, host, port)
            if told:
                raise WrongUseError(f"{broker} {told}") from error


async def _knock(
    options: ClientOptions, host: str, port: int, *, for_certain: bool = False
) -> None:
    """Begin a connection as a client does, ask something, and end it."""
    security = options.security()
    context = security.get("ssl_context")
    if context is not None:
        await _shake_hands(host, port, context)
    connection = await create_conn(host, port, **security, request_timeout_ms=ATTEMPT_MS)
    if options.login("sasl_mechanism") == "OAUTHBEARER":
        # The client takes any answer to its token for a yes.
        await connection.close()
        await _show_token(security, host, port)
        return
    try:
        await connection.send(MetadataRequest([]))
    except errors.KafkaConnectionError:
        if "SASL" in options.login("security_protocol"):
            raise  # it was let in, so the broker has just gone
        # A listener with passwords answers one question before it asks for them. A broker that goes
        # does not do the same twice.
        if for_certain:
            raise errors.SaslAuthenticationFailed from None
        await _knock(options, host, port, for_certain=True)
    finally:
        await connection.close()


async def _show_token(security: Options, host: str, port: int) -> None:
    """Raise if the token is answered by anything: a broker that takes it says nothing more."""
    context = security.get("ssl_context")
    connection = await create_conn(
        host,
        port,
        security_protocol="PLAINTEXT" if context is None else "SSL",
        ssl_context=context,
        request_timeout_ms=ATTEMPT_MS,
    )
    try:
        await connection.send(SaslHandShakeRequest("OAUTHBEARER"))
        token = OAuthAuthenticator(sasl_oauth_token_provider=security[TOKEN_PROVIDER])
        message, _ = await token.step(None)
        answer = await connection.send(SaslAuthenticateRequest(message))
    finally:
        await connection.close()
    if answer.error_code or answer.sasl_auth_bytes:
        raise errors.SaslAuthenticationFailed


async def _shake_hands(host: str, port: int, context: ssl.SSLContext) -> None:
    async with asyncio.timeout(ATTEMPT_MS / 1_000):
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(REFUSAL_S):
                await reader.read(1)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _mistaken(options: ClientOptions, host: str, port: int) -> str:
    """Say whether a broker that hung up speaks TLS and the client does not, or the reverse."""
    try:
        if "ssl_context" in options.security():
            connection = await create_conn(host, port, request_timeout_ms=ATTEMPT_MS)
            await connection.close()
            return "speaks no TLS: take another port, or kafka.security_protocol without SSL"
        anybody = ssl.create_default_context()
        anybody.check_hostname = False
        anybody.verify_mode = ssl.CERT_NONE
        await _shake_hands(host, port, anybody)
    except (errors.KafkaError, OSError) as error:
        if "ALERT" not in str(getattr(error, "reason", "")):
            return ""
    return "speaks TLS: set kafka.security_protocol to SSL or SASL_SSL"


def _sentence(options: ClientOptions, broker: str, error: BaseException) -> str:
    """Say what to do; empty where the broker did not say what is wrong."""
    # A connection that broke while it began carries the reason as its cause.
    while isinstance(error, errors.KafkaConnectionError) and error.__cause__ is not None:
        error = error.__cause__
    told = ""
    match error:
        case ssl.SSLCertVerificationError():
            told = _unverified(broker, error)
        case ssl.SSLError():
            told = _alerted(options, error)
        case errors.UnsupportedSaslMechanismError():
            told = (
                f"does not take kafka.sasl_mechanism {options.login('sasl_mechanism')}: see "
                "sasl.enabled.mechanisms of its listener"
            )
        case errors.IllegalSaslStateError():
            told = "asks for no password: take kafka.security_protocol without SASL_"
        case errors.AuthenticationFailedError():
            told = f"was not asked: kafka.{TOKEN_FILE} {error}"
        case errors.SaslAuthenticationFailed():
            told = _unauthenticated(options)
    return told


def _unverified(broker: str, error: ssl.SSLCertVerificationError) -> str:
    code = error.verify_code
    if code in _NOT_OURS:
        return (
            "has a certificate of an authority that is not trusted here: name the cluster's "
            "authority in kafka.ssl_cafile"
        )
    if code in _OTHER_NAME:
        return (
            f"has a certificate that is not for {broker.rpartition(':')[0]}: use a name that "
            "stands in it, in the address of the streams and in the broker's advertised.listeners"
        )
    return f"has a certificate that cannot be trusted: {error.verify_message}"


def _alerted(options: ClientOptions, error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if "ALERT" not in reason or "INTERNAL_ERROR" in reason:
        return ""
    if options.has_certificate:
        return (
            f"does not accept the certificate of kafka.ssl_certfile ({reason}): take one that its "
            "authority has issued and that is valid now"
        )
    return f"asks for a client certificate ({reason}): set kafka.ssl_certfile and kafka.ssl_keyfile"


def _unauthenticated(options: ClientOptions) -> str:
    if "SASL" not in options.login("security_protocol"):
        return "asks who is there: set kafka.security_protocol to one with SASL_"
    if options.login("sasl_mechanism") == "OAUTHBEARER":
        return f"refuses the token of kafka.{TOKEN_FILE} or kafka.{TOKEN_PROVIDER}"
    return (
        f"refuses user {options.login('sasl_plain_username')!r} or the password: correct "
        "kafka.sasl_plain_username and kafka.sasl_plain_password "
        "(SLOTKEEPER_KAFKA__SASL_PLAIN_PASSWORD)"
    )
