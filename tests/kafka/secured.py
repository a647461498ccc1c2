"""One broker with every kind of door, and an authorizer that lets nobody do anything by default.

Whoever comes by the open port, or by TLS alone, is ``User:ANONYMOUS``, a super user: tests set up
there what others may then do.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.kafka.broker import (
    OPEN,
    PASSWORD,
    SCRAM,
    Cluster,
    Listener,
    Site,
    running_cluster,
)
from tests.kafka.certificates import Issuer, Pem

USERS = ("worker", "upstream", "reader", "operator")
"""With passwords, and no right but what a test grants."""

TOKENS = {
    "sasl.enabled.mechanisms": "OAUTHBEARER",
    "oauthbearer.sasl.jaas.config": (
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
        ' unsecuredLoginStringClaim_sub="broker";'
    ),
}
"""The broker's own development support: tokens without a signature (JWS with ``alg`` none)."""


@dataclass(frozen=True)
class Secured:
    """A running broker, and what its clients need.

    Attributes:
        cluster: The broker.
        authority: Issued the broker's certificates and the client's.
        stranger: Issued none of them.
        client: Of a client that the broker knows.
    """

    cluster: Cluster
    authority: Issuer
    stranger: Issuer
    client: Pem

    def url(self, listener: str, host: str = "") -> str:
        address = self.cluster.nodes[0].addresses[listener]
        return f"kafka://{host}:{address.rpartition(':')[2]}" if host else f"kafka://{address}"

    @property
    def trusting(self) -> dict[str, object]:
        """Options of a client that knows the cluster's authority."""
        return {"security_protocol": "SSL", "ssl_cafile": str(self.authority.certificate)}

    def user(self, name: str) -> dict[str, object]:
        """Options of a client with a password, by TLS."""
        return {**self.trusting, **password(name), "security_protocol": "SASL_SSL"}


def password(user: str) -> dict[str, object]:
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": user,
        "sasl_plain_password": PASSWORD,
    }


@contextmanager
def running_secured(folder: Path) -> Iterator[Secured]:
    authority, stranger = Issuer(folder, "cluster"), Issuer(folder, "stranger")
    here = authority.issue("broker", "localhost", "127.0.0.1")
    named = authority.issue("named", "localhost")
    client = authority.issue("client")
    clients = {
        "ssl.client.auth": "required",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.certificate),
    }
    site = Site(
        listeners=(
            OPEN,
            Listener("TLS", "SSL", _identity(here)),
            Listener("MUTUAL", "SSL", {**_identity(here), **clients}),
            Listener("NAMED", "SSL", _identity(named)),
            Listener("USERS", "SASL_SSL", {**_identity(here), **SCRAM}),
            Listener("TOKENS", "SASL_PLAINTEXT", TOKENS),
        ),
        settings={
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:CN=client;User:token",
        },
        users=USERS,
    )
    with running_cluster(site=site) as cluster:
        yield Secured(cluster, authority, stranger, client)


def _identity(pem: Pem) -> Mapping[str, str]:
    return {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(pem.both)}
