"""A cluster that asks who is there."""

import dataclasses

import pytest
from tests.kafka.bench import Bench
from tests.kafka.broker import PASSWORD, PASSWORDS, USER, Cluster

from slotkeeper.streams import StoreUnavailableError

SCRAM = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "SCRAM-SHA-512",
    "sasl_plain_username": USER,
    "sasl_plain_password": PASSWORD,
}


@pytest.fixture
def secured(kafka_cluster: Cluster, bench: Bench) -> Bench:
    return Bench(
        f"kafka://{kafka_cluster.nodes[0].addresses[PASSWORDS.name]}",
        dataclasses.replace(bench.settings, kafka=SCRAM),
    )


async def test_every_client_tells_its_password(secured: Bench) -> None:
    await secured.ask()
    await secured.run()
    assert await secured.numbers() == [1]


@pytest.mark.parametrize("wrong", [{**SCRAM, "sasl_plain_password": "guessed"}, {}])
async def test_without_the_right_password_nothing_is_opened(
    secured: Bench, wrong: dict[str, object]
) -> None:
    with pytest.raises(StoreUnavailableError) as refusal:
        async with secured.opened(kafka={**wrong, "request_timeout_ms": 2_000}):
            pass
    assert "guessed" not in str(refusal.value)
