"""Acts that the extension signs, judged by ``cryptography``; and the other way round."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.contract import acts
from tests.contract.acts import Person

from slotkeeper.acts import COUNTER_ADJUSTMENT, Act, ActError, PersonKey, Signers, read_signers
from slotkeeper.errors import ConfigurationError

STORE = "0123456789abcdef"
SAYS = {"device_id": "00-DB-12-34-56-78-90-A3", "reason": "Zählerstand"}
ANN, BOB = Person.new("Ann"), Person.new("Bob", "ES256")


@pytest.fixture
def signers(tmp_path: Path) -> Signers:
    return signers_of(tmp_path, [ANN, BOB])


def signers_of(folder: Path, persons: Sequence[Person]) -> Signers:
    file = folder / "signers.toml"
    file.write_text("\n".join(person.entry() for person in persons))
    return Signers(orjson.dumps(read_signers(file)))


@pytest.mark.parametrize("person", [ANN, BOB], ids=["EdDSA", "ES256"])
def test_what_is_signed_here_verifies_elsewhere(tmp_path: Path, person: Person) -> None:
    key = PersonKey(person.write_key(tmp_path / "key"))
    assert (key.kid, key.algorithm) == (person.kid, person.algorithm)
    made = json.loads(key.sign("a-kind", STORE, orjson.dumps(SAYS)))
    assert json.loads(acts.octets_of(made["payload"])) == SAYS
    header = acts.verify(made, person)
    assert (header["typ"], header["incarnation"]) == ("a-kind", STORE)
    assert set(header) == {"alg", "typ", "kid", "incarnation"}
    other = ANN if person is BOB else BOB
    both = PersonKey(other.write_key(tmp_path / "other")).countersign(orjson.dumps(made))
    assert acts.verify(json.loads(both), other, 1) == header | {
        "alg": other.algorithm,
        "kid": other.kid,
    }
    assert acts.verify(json.loads(both), person) == header


def test_what_is_signed_elsewhere_verifies_here(signers: Signers) -> None:
    made = acts.act(SAYS, [BOB, ANN, BOB, Person.new("Mallory")], STORE)
    octets = json.dumps(made, indent=2).encode()
    payload, persons, ignored = signers.prove(octets, COUNTER_ADJUSTMENT, [STORE])
    assert json.loads(payload) == SAYS
    assert persons == ["Bob", "Ann"]
    assert ignored == [(4, "is of a key that no signer has")]
    # For an earlier incarnation of the same store as well, for another store never.
    assert signers.prove(octets, COUNTER_ADJUSTMENT, ["0", STORE])[1] == ["Bob", "Ann"]
    assert signers.prove(octets, COUNTER_ADJUSTMENT, ["0", "1"])[1] == []
    assert signers.prove(octets, "slotkeeper-gno-exit", [STORE])[1] == []


def test_a_public_key_is_no_secret_of_an_hmac(signers: Signers) -> None:
    """The best known confusion: HS256 under what everybody may know."""
    payload = acts.url(json.dumps(SAYS).encode())
    for person in (ANN, BOB):
        public = person.key.public_key()
        info = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for secret in (info, info[-32:], info[-65:], pem):
            for algorithm in ("HS256", person.algorithm):
                one = person.signature(payload, STORE, alg=algorithm)
                told = f"{one['protected']}.{payload}".encode()
                for digest in (hashlib.sha256, hashlib.sha512):
                    one["signature"] = acts.url(hmac.new(secret, told, digest).digest())
                    forged = json.dumps({"payload": payload, "signatures": [one]}).encode()
                    assert signers.prove(forged, COUNTER_ADJUSTMENT, [STORE])[1] == []


def test_nobody_signs_twice_and_nothing_else_is_signed(tmp_path: Path) -> None:
    key = PersonKey(ANN.write_key(tmp_path / "key"))
    made = key.sign(COUNTER_ADJUSTMENT, STORE, orjson.dumps(SAYS))
    with pytest.raises(ActError, match="already"):
        key.countersign(made)
    bob = PersonKey(BOB.write_key(tmp_path / "bob"))
    payload = json.loads(made)["payload"]
    mixed = [ANN.signature(payload, STORE), Person.new("Eve").signature(payload, "another")]
    for wrong in (b"{}", b"", b"[1]", orjson.dumps({"payload": payload, "signatures": mixed})):
        with pytest.raises(ActError, match="no signed act"):
            bob.countersign(wrong)
    everybody = [Person.new(str(number)) for number in range(16)]
    full = orjson.dumps(acts.act(SAYS, everybody, STORE))
    with pytest.raises(ActError, match="no more"):
        bob.countersign(full)


def test_an_act_tells_what_it_says(tmp_path: Path) -> None:
    made = PersonKey(ANN.write_key(tmp_path / "key")).sign("kind", STORE, orjson.dumps(SAYS))
    act = Act.read(made)
    assert (act.typ, act.incarnation, act.payload, act.kids) == ("kind", STORE, SAYS, (ANN.kid,))
    for says in ("[]", "x", "", '{"a": 1} '):
        encoded = acts.url(says.encode())
        octets = orjson.dumps({"payload": encoded, "signatures": [ANN.signature(encoded, STORE)]})
        if says.startswith("{"):
            assert Act.read(octets).payload == {"a": 1}
            continue
        with pytest.raises(ActError, match="no JSON object"):
            Act.read(octets)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "nobody"),
        ("name = 1", "tables"),
        ("signer = 1", "tables"),
        ("[[signer]", "TOML"),
        (ANN.entry().replace("EdDSA", "ES256"), "Ann: the key is one for EdDSA"),
        (ANN.entry().replace("EdDSA", "none"), "Ann: the key is one for EdDSA"),
        (ANN.entry() + ANN.entry().replace("Ann", "Bob"), "Bob has the same key as Ann"),
        (ANN.entry() + ANN.entry(), "same key"),
        (ANN.entry().replace("Ann", " "), "no name"),
        (ANN.entry().replace("Ann", r"A\u0007n"), "no name"),
        (ANN.entry().replace("PUBLIC", "PRIVATE"), "Ann: no Ed25519 or P-256 public key"),
        (ANN.entry() + "password = 1\n", "password"),
        ("#" * 2_000_000, "longer"),
    ],
)
def test_a_file_of_signers_that_cannot_be_used_is_refused(
    tmp_path: Path, text: str, sentence: str
) -> None:
    file = tmp_path / "signers.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=sentence):
        Signers(orjson.dumps(read_signers(file)))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_signers(tmp_path / "absent")


def test_a_private_key_shows_nowhere(tmp_path: Path) -> None:
    path = ANN.write_key(tmp_path / "key")
    key = PersonKey(path)
    secret = ANN.key.private_bytes_raw() if hasattr(ANN.key, "private_bytes_raw") else b""
    assert len(secret) == 32
    for shown in (repr(key), str(key), str(vars(type(key)))):
        assert secret.hex() not in shown
        assert acts.url(secret) not in shown
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ConfigurationError) as refused:
        PersonKey(path)
    assert path.read_text().splitlines()[1][:8] not in str(refused.value)
