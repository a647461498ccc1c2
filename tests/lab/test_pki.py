"""The test PKI against an X.509 library that did not make it."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from tests.contract import rtds

from slotkeeper.lab import certificates, keystore
from slotkeeper.lab.pki import Credential, Organisation, Pki
from slotkeeper.lab.terms import KeyUsage, Role

PKI = Pki("pki")
OPERATOR = PKI.organisation(Role.NETWORK_OPERATOR)
DEVICE = PKI.device(7)


def chain(credential: Credential, issuer: bytes) -> x509.Certificate:
    leaf = x509.load_der_x509_certificate(credential.certificate)
    leaf.verify_directly_issued_by(x509.load_der_x509_certificate(issuer))
    return leaf


def test_an_organisation_certificate_reads_elsewhere() -> None:
    leaf = chain(OPERATOR.digital_signature, PKI.issuing.certificate)
    assert leaf.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    identifier = leaf.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert identifier.digest == OPERATOR.digital_signature.details.key_identifier
    assert len(identifier.digest) == 8
    unit, unique = leaf.subject
    assert unit.value == "03"
    assert unique.value == b"\x00" + OPERATOR.eui or unique.value == OPERATOR.eui


def test_the_issuing_authority_is_rooted() -> None:
    issuing = chain(PKI.issuing.credential, PKI.root.certificate)
    constraints = issuing.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert constraints.ca
    assert constraints.path_length == 0


def test_a_device_certificate_names_the_device_and_never_ends() -> None:
    leaf = chain(DEVICE.digital_signature, PKI.device_issuing.certificate)
    assert leaf.not_valid_after_utc == certificates.FOREVER
    assert not list(leaf.subject)
    (name,) = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert isinstance(name, x509.OtherName)
    assert name.value.endswith(DEVICE.eui)


def test_the_profile_is_that_of_the_public_certificates() -> None:
    """Field by field the same size and order, so a certificate differs in values only."""
    parties = rtds.identities()
    public = parties.certificate(rtds.NETWORK_OPERATOR, KeyUsage.DIGITAL_SIGNATURE)
    own = OPERATOR.digital_signature.details
    assert len(own.to_be_signed) == len(public.to_be_signed)
    assert len(own.subject) == len(public.subject)
    assert own.issuer == public.issuer
    public_device = parties.certificate(rtds.GPF, KeyUsage.KEY_AGREEMENT)
    assert public_device.key_identifier == certificates.key_identifier(public_device.point)


def test_one_seed_gives_one_world() -> None:
    again = Pki("pki").organisation(Role.NETWORK_OPERATOR)
    other = Pki("another").organisation(Role.NETWORK_OPERATOR)
    assert again.digital_signature.certificate == OPERATOR.digital_signature.certificate
    assert other.digital_signature.certificate != OPERATOR.digital_signature.certificate


def test_n17_a_renewed_organisation_keeps_its_eui_and_nothing_else() -> None:
    renewed = PKI.organisation(Role.ACCESS_CONTROL_BROKER, generation=1)
    assert renewed.eui == PKI.acb.eui
    first, second = PKI.acb.digital_signature.details, renewed.digital_signature.details
    assert first.key_identifier != second.key_identifier


def test_shared_keys_still_give_a_certificate_to_each_device() -> None:
    first, second = PKI.device(1, shared_keys=1), PKI.device(2, shared_keys=1)
    assert first.key_agreement.details.point == second.key_agreement.details.point
    assert first.eui != second.eui
    assert second.key_agreement.details.subject_unique_id == second.eui


def test_a_certificate_of_the_other_authority_is_not_issued_by_the_first() -> None:
    stray = PKI.organisation(Role.NETWORK_OPERATOR, issuer=PKI.other_issuing)
    details = stray.digital_signature.details
    assert details.issued_by(PKI.other_issuing.credential.details)
    assert not details.issued_by(PKI.issuing.credential.details)


@pytest.mark.parametrize("cut", [0, 1, 40, 200, 405])
def test_a_damaged_certificate_is_refused(cut: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - every refusal is a ValueError
        certificates.read(OPERATOR.digital_signature.certificate[:cut])


def test_keystore_files_hold_matching_pairs(tmp_path: Path) -> None:
    keystore.write_keystore(tmp_path, [OPERATOR, DEVICE])
    for identity in (OPERATOR, DEVICE):
        for usage in ("ds", "ka"):
            name = f"{identity.eui.compact}-{usage}"
            leaf = x509.load_pem_x509_certificate((tmp_path / f"{name}.pem").read_bytes())
            key = load_pem_private_key((tmp_path / f"{name}.key").read_bytes(), None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            assert key.public_key() == leaf.public_key()
            assert (tmp_path / f"{name}.key").stat().st_mode & 0o077 == 0


def test_no_private_number_shows() -> None:
    number = OPERATOR.digital_signature.key.private_numbers().private_value
    shown = repr(OPERATOR) + repr(DEVICE) + repr(Organisation)
    assert str(number) not in shown
    assert f"{number:x}" not in shown
    point = OPERATOR.digital_signature.key.public_key().public_bytes(
        Encoding.X962, PublicFormat.UncompressedPoint
    )
    assert point == OPERATOR.digital_signature.details.point
