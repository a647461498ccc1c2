"""A test PKI in a folder, read by openssl, by an X.509 library, by settings and by registers."""

import subprocess
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from slotkeeper.lab.pki_folder import Issued, PkiFolder
from slotkeeper.lab.terms import Role
from slotkeeper.settings import Settings
from slotkeeper.slots.registers.certificate import certificate
from slotkeeper.slots.registers.records import party

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OPERATOR = "021ab00000030001"


@pytest.fixture
def made(tmp_path: Path) -> PkiFolder:
    issued = [
        Issued(role=Role.ACCESS_CONTROL_BROKER),
        Issued(role=Role.NETWORK_OPERATOR),
        Issued(role=Role.SUPPLIER),
    ]
    folder = PkiFolder(tmp_path / "pki", "folder", "sqlite:///slots.db", issued, [7])
    folder.write(at=NOW)
    return folder


def openssl(*arguments: str | Path) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_openssl_builds_the_path_of_each_certificate(made: PkiFolder) -> None:
    certificates = sorted((made.folder / "organisations").iterdir())
    assert len(certificates) == 2 + 2 + 3
    authorities = made.folder / "authorities"
    for path in certificates:
        root, issuing = authorities / "za.pem", authorities / "z1.pem"
        openssl("verify", "-x509_strict", "-CAfile", root, "-untrusted", issuing, path)


def test_openssl_refuses_what_the_revocation_list_names(made: PkiFolder) -> None:
    made.revoke(Role.NETWORK_OPERATOR, 1, 0, at=NOW)
    authorities = made.folder / "authorities"
    chain = ("-CAfile", authorities / "za.pem", "-untrusted", authorities / "z1.pem")
    told = ("-crl_check", "-CRLfile", made.folder / "z1.crl", "-attime", f"{NOW.timestamp():.0f}")
    organisations = made.folder / "organisations"
    openssl("verify", *chain, *told, organisations / "021ab00000020001-ds-0.pem")
    with pytest.raises(AssertionError, match="certificate revoked"):
        openssl("verify", *chain, *told, organisations / f"{OPERATOR}-ds-0.pem")


def test_settings_load_and_a_renewed_acb_comes_first(made: PkiFolder) -> None:
    made.add(Issued(role=Role.ACCESS_CONTROL_BROKER, generation=1), at=NOW)
    settings = Settings.load(made.folder / "slotkeeper.toml", environment={})
    assert settings.streams.endswith("/slots.db")
    settings.authority()
    settings.engine_json()
    newest, older = (
        x509.load_pem_x509_certificate(Path(pair.certificate).read_bytes()).public_key()
        for pair in settings.acb.digital_signature
    )
    renewed = made.pki.organisation(Role.ACCESS_CONTROL_BROKER, generation=1)
    assert newest == renewed.digital_signature.key.public_key()
    assert older == made.pki.acb.digital_signature.key.public_key()


def test_registers_read_certificates_and_parties(made: PkiFolder) -> None:
    ders = [
        x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)
        for path in (made.folder / "organisations").glob(f"{OPERATOR}-*")
    ]
    status = [{"code": "I", "from": "2026-01-01", "source": "MANUAL"}]
    read = [
        certificate(orjson.dumps({"certificate": b64encode(der).decode(), "status": status}))
        for der in ders
    ]
    assert {one.key_usage for one in read} == {"DS", "KA"}
    assert {one.role_code for one in read} == {"03"}
    (line,) = (made.folder / "parties.jsonl").read_bytes().splitlines()
    assert party(line).eui64 == (read[0].subject_eui64,)


def test_a_folder_opened_again_is_the_same_to_the_octet(made: PkiFolder) -> None:
    def content() -> dict[str, bytes]:
        return {
            str(path.relative_to(made.folder)): path.read_bytes()
            for path in made.folder.rglob("*")
            if path.is_file()
        }

    before = content()
    again = PkiFolder.open(made.folder)
    assert again == made
    again.write(at=NOW)
    assert content() == before


def test_private_keys_are_the_owners_alone(made: PkiFolder) -> None:
    keys = list(made.folder.rglob("*.key"))
    assert len(keys) > 8
    assert all(path.stat().st_mode & 0o077 == 0 for path in keys)


def test_what_is_there_is_not_made_twice(made: PkiFolder) -> None:
    with pytest.raises(ValueError, match="generation 0"):
        made.add(Issued(role=Role.SUPPLIER), at=NOW)
    with pytest.raises(ValueError, match="device 7"):
        made.add_device(7, at=NOW)
    with pytest.raises(KeyError):
        made.revoke(Role.SUPPLIER, 2, 0, at=NOW)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"seed": "1", "streams": ""}'])
def test_another_file_is_no_pki(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "pki.json").write_bytes(text)
    with pytest.raises(ValueError, match="does not describe"):
        PkiFolder.open(tmp_path)


@pytest.mark.parametrize("seed", ["", "a b", "x" * 65, '"'])
def test_a_seed_that_could_not_stand_in_a_file_is_refused(tmp_path: Path, seed: str) -> None:
    with pytest.raises(ValueError, match="seed"):
        PkiFolder(tmp_path, seed)
