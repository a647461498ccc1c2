"""Options by aiokafka's names: passed on, read from text, or refused."""

from pathlib import Path

import pytest
from aiokafka.abc import AbstractTokenProvider

from slotkeeper.settings import Settings
from slotkeeper.streams import WrongUseError
from slotkeeper.streams.kafka.options import ClientOptions
from slotkeeper.streams.kafka.reading import COMMITTED

SERVERS = "localhost:9092"


class Tokens(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    async def token(self) -> str:
        return "t"


def test_each_client_gets_what_it_knows() -> None:
    options = ClientOptions(
        SERVERS,
        {
            "sasl_mechanism": "SCRAM-SHA-512",
            "session_timeout_ms": 6_000,
            "compression_type": "gzip",
        },
    )
    assert options.consumer()["session_timeout_ms"] == 6_000
    assert options.producer()["compression_type"] == "gzip"
    assert "compression_type" not in options.consumer()
    for client in (options.consumer(), options.producer(), options.admin()):
        assert client["sasl_mechanism"] == "SCRAM-SHA-512"
        assert client["bootstrap_servers"] == SERVERS


def test_a_default_gives_way_to_the_users_choice() -> None:
    name = "max_partition_fetch_bytes"
    assert ClientOptions(SERVERS, {}).consumer(**COMMITTED)[name] == 4 << 20
    assert ClientOptions(SERVERS, {name: 1 << 20}).consumer(**COMMITTED)[name] == 1 << 20


def test_text_is_read_as_what_the_option_takes() -> None:
    options = ClientOptions(
        SERVERS, {"request_timeout_ms": "5000", "exclude_internal_topics": "FALSE"}
    )
    assert options.consumer()["request_timeout_ms"] == 5_000
    assert options.consumer()["exclude_internal_topics"] is False


def test_the_users_choice_wins_over_a_default_and_not_over_what_is_fixed() -> None:
    options = ClientOptions(SERVERS, {"retry_backoff_ms": 50})
    assert options.producer(retry_backoff_ms=5)["retry_backoff_ms"] == 50
    assert options.consumer(retry_backoff_ms=5)["retry_backoff_ms"] == 5


@pytest.mark.parametrize(
    "name", ["isolation_level", "transactional_id", "auto_offset_reset", "acks"]
)
def test_what_exactly_once_depends_on_is_fixed(name: str) -> None:
    with pytest.raises(WrongUseError, match="fixed"):
        ClientOptions(SERVERS, {name: "x"})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"sesion_timeout_ms": 1}, "no option"),
        ({"request_timeout_ms": "soon"}, "must be a whole number"),
        ({"exclude_internal_topics": "maybe"}, "must be true or false"),
        ({"sasl_oauth_token_provider": "no.such:thing"}, "package.module:name"),
        ({"sasl_oauth_token_provider": "builtins:dict"}, "AbstractTokenProvider"),
        ({"ssl_cafile": "/no/such/file.pem"}, "ssl_cafile"),
        ({"security_protocol": "TLS"}, "takes PLAINTEXT, SSL"),
        ({"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM"}, "takes PLAIN, SCRAM-SHA"),
        ({"security_protocol": "SASL_SSL"}, r"PLAIN needs kafka\.sasl_plain_username"),
        (
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"},
            r"needs kafka\.sasl_oauth_token_provider or kafka\.sasl_oauth_token_file",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(given: dict[str, object], told: str) -> None:
    with pytest.raises(WrongUseError, match=told):
        ClientOptions(SERVERS, given)


def test_a_token_provider_is_made_from_its_name() -> None:
    options = ClientOptions(SERVERS, {"sasl_oauth_token_provider": f"{__name__}:Tokens"})
    assert isinstance(options.admin()["sasl_oauth_token_provider"], Tokens)


def test_tls_without_files_trusts_what_the_system_trusts() -> None:
    options = ClientOptions(SERVERS, {"security_protocol": "SSL"})
    assert options.consumer()["ssl_context"].check_hostname
    assert options.producer()["security_protocol"] == "SSL"


def test_a_password_is_in_no_error(tmp_path: Path) -> None:
    damaged = tmp_path / "client.pem"
    damaged.write_text("no certificate")
    with pytest.raises(WrongUseError) as refusal:
        ClientOptions(SERVERS, {"ssl_certfile": str(damaged), "ssl_password": "geheim"})
    assert "geheim" not in str(refusal.value)


def test_settings_come_from_file_and_variables(tmp_path: Path) -> None:
    file = tmp_path / "slotkeeper.toml"
    file.write_text(
        'streams = "kafka://localhost:9092"\n[kafka]\nwitness = "seen"\nclient_id = "a"\n'
    )
    environment = {
        "SLOTKEEPER_KAFKA__TOPIC_PREFIX": "uit.",
        "SLOTKEEPER_KAFKA__APPLICATION": "keeper",
        "SLOTKEEPER_KAFKA__REQUEST_TIMEOUT_MS": "5000",
    }
    settings = Settings.load(file, environment=environment).streams_settings()
    assert (settings.topic_prefix, settings.application) == ("uit.", "keeper")
    assert settings.witness == tmp_path / "seen"
    options = ClientOptions(SERVERS, settings.kafka).consumer()
    assert (options["client_id"], options["request_timeout_ms"]) == ("a", 5_000)
