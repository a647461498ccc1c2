"""TLS: who the broker is, and who comes, is asked and answered."""

import asyncio
import dataclasses
from collections.abc import Mapping

import pytest
from tests.kafka.broker import PASSWORD, USER
from tests.kafka.certificates import Pem
from tests.kafka.harness import Bench
from tests.kafka.secured import Secured, password

from slotkeeper.streams import StoreUnavailableError, StreamsSettings, WrongUseError


async def worked(bench: Bench, url: str, kafka: Mapping[str, object]) -> None:
    """Work through a request as this client."""
    client = Bench(url, dataclasses.replace(bench.settings, kafka=kafka))
    await client.ask()
    await client.run()
    assert await client.numbers() == [1]


def files_of(pem: Pem) -> dict[str, object]:
    return {"ssl_certfile": str(pem.certificate), "ssl_keyfile": str(pem.key)}


async def refused(url: str, kafka: Mapping[str, object]) -> str:
    """Give the sentence by which opening is refused."""
    client = Bench(url, StreamsSettings(topic_prefix="nowhere.", kafka=kafka))
    with pytest.raises(WrongUseError) as refusal:
        async with client.opened():
            pass
    return str(refusal.value)


async def test_a_broker_of_the_trusted_authority_is_worked_with(
    secured: Secured, secured_bench: Bench
) -> None:
    await worked(secured_bench, secured.url("TLS"), secured.trusting)


async def test_both_sides_show_a_certificate(secured: Secured, secured_bench: Bench) -> None:
    files = {
        "ssl_certfile": str(secured.client.certificate),
        "ssl_keyfile": str(secured.client.key),
    }
    await worked(secured_bench, secured.url("MUTUAL"), {**secured.trusting, **files})


async def test_a_key_may_have_a_password(secured: Secured) -> None:
    locked = secured.authority.issue("locked", password=b"geheim")
    given = {**secured.trusting, **files_of(locked)}
    told = await refused(secured.url("MUTUAL"), given)
    assert "kafka.ssl_certfile, kafka.ssl_keyfile cannot be used" in told
    # User:CN=locked has no rights: that it is let in shows by what it is told is missing.
    told = await refused(secured.url("MUTUAL"), {**given, "ssl_password": "geheim"})
    assert "lacks rights" in told


async def test_an_unknown_authority_is_refused(secured: Secured) -> None:
    given = {**secured.trusting, "ssl_cafile": str(secured.stranger.certificate)}
    assert "name the cluster's authority in kafka.ssl_cafile" in await refused(
        secured.url("TLS"), given
    )
    assert "kafka.ssl_cafile" in await refused(secured.url("TLS"), {"security_protocol": "SSL"})


async def test_another_host_name_is_refused(secured: Secured) -> None:
    told = await refused(secured.url("NAMED"), secured.trusting)
    assert "not for 127.0.0.1: use a name that stands in it" in told


async def test_another_host_name_that_brokers_tell_is_refused(secured: Secured) -> None:
    # The address is right; the broker then tells its clients to go on at 127.0.0.1.
    told = await refused(secured.url("NAMED", "localhost"), secured.trusting)
    assert "not for 127.0.0.1" in told
    assert "advertised.listeners" in told


async def test_a_missing_client_certificate_is_refused(secured: Secured) -> None:
    told = await refused(secured.url("MUTUAL"), secured.trusting)
    assert "set kafka.ssl_certfile and kafka.ssl_keyfile" in told


async def test_a_client_certificate_of_a_stranger_is_refused(secured: Secured) -> None:
    other = secured.stranger.issue("other")
    told = await refused(secured.url("MUTUAL"), {**secured.trusting, **files_of(other)})
    assert "does not accept the certificate of kafka.ssl_certfile" in told


async def test_tls_where_there_is_none_is_refused_and_the_reverse(secured: Secured) -> None:
    assert "speaks no TLS" in await refused(secured.url("PLAINTEXT"), secured.trusting)
    assert "speaks TLS" in await refused(secured.url("TLS"), {})
    assert "speaks TLS" in await refused(secured.url("MUTUAL"), {})
    assert "speaks TLS" in await refused(secured.url("USERS"), password(USER))


async def test_a_password_goes_over_tls(secured: Secured) -> None:
    # The user has no rights yet: that it is let in shows by what it is told is missing.
    assert "lacks rights" in await refused(secured.url("USERS"), secured.user("worker"))
    wrong = {**secured.user("worker"), "sasl_plain_password": "guessed"}
    told = await refused(secured.url("USERS"), wrong)
    assert "refuses user 'worker' or the password" in told
    assert "guessed" not in told
    assert PASSWORD not in told


@pytest.mark.parametrize("security", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
async def test_a_broker_that_is_away_stays_for_later(secured: Secured, security: str) -> None:
    kafka = {**secured.user("worker"), "security_protocol": security}
    await unavailable("kafka://127.0.0.1:1", kafka)

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    # As what stands in front of a cluster does while the cluster is away.
    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await unavailable(f"kafka://127.0.0.1:{port}", kafka)


async def unavailable(url: str, kafka: Mapping[str, object]) -> None:
    with pytest.raises(StoreUnavailableError):
        async with Bench(url, StreamsSettings(kafka=kafka)).opened():
            pass
