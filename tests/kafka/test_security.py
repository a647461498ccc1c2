"""A cluster that asks who is there, by a password or a token."""

import base64
import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiokafka.abc import AbstractTokenProvider
from tests.kafka.broker import PASSWORD, PASSWORDS, USER, Cluster
from tests.kafka.harness import Bench
from tests.kafka.secured import Secured, password

from slotkeeper.lab.keystore import write_settings
from slotkeeper.lab.pki import Pki
from slotkeeper.streams import StreamsSettings, WrongUseError

OAUTHBEARER = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "OAUTHBEARER"}


class Expired(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    async def token(self) -> str:
        return token(lasts_s=-60)


@pytest.fixture
def url(kafka_cluster: Cluster) -> str:
    return f"kafka://{kafka_cluster.nodes[0].addresses[PASSWORDS.name]}"


async def test_every_client_tells_its_password(url: str, bench: Bench) -> None:
    await works(Bench(url, dataclasses.replace(bench.settings, kafka=password(USER))))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"sasl_plain_password": "guessed"}, f"refuses user {USER!r} or the password"),
        ({"sasl_plain_username": "nobody"}, "refuses user 'nobody' or the password"),
        ({"sasl_mechanism": "PLAIN"}, "does not take kafka.sasl_mechanism PLAIN"),
        ({"security_protocol": "PLAINTEXT"}, "set kafka.security_protocol to one with SASL_"),
    ],
)
async def test_who_is_not_let_in_is_told_what_to_set(
    url: str, changed: dict[str, object], told: str
) -> None:
    refusal = await refused(url, {**password(USER), **changed})
    assert told in refusal
    assert "guessed" not in refusal
    assert PASSWORD not in refusal


async def test_a_password_where_none_is_asked_for_is_refused(kafka_url: str) -> None:
    told = await refused(kafka_url, password(USER))
    assert "asks for no password" in told


async def test_a_token_is_read_anew_for_each_connection(
    secured: Secured, secured_bench: Bench, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    given = {**OAUTHBEARER, "sasl_oauth_token_file": str(file)}
    file.write_text(f"{token()}\n")
    client = Bench(secured.url("TOKENS"), dataclasses.replace(secured_bench.settings, kafka=given))
    await works(client)
    async with client.opened() as streams:
        # The consumer that reads comes with a connection of its own.
        file.write_text(token(lasts_s=-60))
        with pytest.raises(WrongUseError, match="refuses the token"):
            async with client.opened():
                pass
        file.write_text(token())
        assert [batch async for batch in streams.read("cs02b-commands")]


async def test_a_token_that_cannot_be_used_is_refused(secured: Secured, tmp_path: Path) -> None:
    url, file = secured.url("TOKENS"), tmp_path / "token"
    by_file = {**OAUTHBEARER, "sasl_oauth_token_file": str(file)}
    assert "No such file" in await refused(url, by_file)
    file.write_text("\n")
    assert "is empty" in await refused(url, by_file)
    by_provider = {**OAUTHBEARER, "sasl_oauth_token_provider": f"{__name__}:Expired"}
    told = await refused(url, by_provider)
    assert "refuses the token" in told
    assert token(lasts_s=-60)[:30] not in told


@pytest.mark.parametrize(
    ("password", "status", "told"),
    [(PASSWORD, 0, ""), ("guessed", 2, "refuses user")],
)
def test_a_supervisor_sees_a_fault_of_configuration(
    url: str, bench: Bench, tmp_path: Path, *, password: str, status: int, told: str
) -> None:
    more = f"""
[kafka]
application = "{bench.settings.application}"
topic_prefix = "{bench.settings.topic_prefix}"
security_protocol = "SASL_PLAINTEXT"
sasl_mechanism = "SCRAM-SHA-512"
sasl_plain_username = "{USER}"
"""
    config = write_settings(tmp_path, [Pki(11).acb], streams=url, more=more)
    done = subprocess.run(
        [Path(sys.executable).parent / "slotkeeper", "run", "--until-idle", "--config", config],
        env={**os.environ, "SLOTKEEPER_KAFKA__SASL_PLAIN_PASSWORD": password},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == status, done.stderr
    assert told in done.stderr
    assert password not in done.stderr


async def works(client: Bench) -> None:
    await client.ask()
    await client.run()
    assert await client.numbers() == [1]


async def refused(url: str, kafka: Mapping[str, object]) -> str:
    """Give the sentence by which opening is refused."""
    with pytest.raises(WrongUseError) as refusal:
        async with Bench(url, StreamsSettings(kafka=kafka)).opened():
            pass
    return str(refusal.value)


def token(*, lasts_s: int = 600) -> str:
    now = int(time.time())
    claims = {"sub": "token", "iat": now - 120, "exp": now + lasts_s}
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."
