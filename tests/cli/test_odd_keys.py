"""Key files in every form that tools write, and what stands in a key's or a certificate's place."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from .conftest import Site
from .in_process import Run, run_fixture  # noqa: F401  # a fixture

SEC1, PKCS8 = PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8

PARAMETERS = b"""-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
"""
"""Of P-256, as `openssl ecparam -genkey` writes them before the key."""

Private = (
    dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
)


def pem(key: Private, form: PrivateFormat = PKCS8) -> bytes:
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def on(curve: ec.EllipticCurve) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve)


Way = Callable[[ec.EllipticCurvePrivateKey], bytes]

USED: dict[str, Way] = {
    "PKCS#8": pem,
    "SEC 1": lambda key: pem(key, SEC1),
    "parameters before it": lambda key: PARAMETERS + pem(key, SEC1),
    "line ends of Windows": lambda key: pem(key).replace(b"\n", b"\r\n"),
    "a byte order mark": lambda key: b"\xef\xbb\xbf" + pem(key),
    "words before it": lambda key: b"Bag Attributes\n    friendlyName: acb\n" + pem(key),
    "another key behind it": lambda key: pem(key) + pem(on(ec.SECP256R1())),
    "no line end": lambda key: pem(key).rstrip(),
}

REFUSED: dict[str, tuple[Way, str]] = {
    "another key": (lambda _: pem(on(ec.SECP256R1())), "belongs to another certificate"),
    "another key before it": (
        lambda key: pem(on(ec.SECP256R1())) + pem(key),
        "belongs to another certificate",
    ),
    "P-384": (lambda _: pem(on(ec.SECP384R1())), "no valid P-256 private key"),
    "P-384 in SEC 1": (lambda _: pem(on(ec.SECP384R1()), SEC1), "no valid P-256 private key"),
    "secp256k1": (lambda _: pem(on(ec.SECP256K1())), "no valid P-256 private key"),
    "RSA": (lambda _: pem(rsa.generate_private_key(65_537, 2_048)), "no valid P-256 private key"),
    "DSA": (
        lambda _: pem(dsa.generate_private_key(1_024), SEC1),  # noqa: S505  # it is refused
        "expected a section",
    ),
    "Ed25519": (lambda _: pem(ed25519.Ed25519PrivateKey.generate()), "no valid P-256 private key"),
    "OpenSSH's own form": (lambda key: pem(key, PrivateFormat.OpenSSH), "expected a section"),
    "a pass phrase": (
        lambda key: key.private_bytes(Encoding.PEM, PKCS8, BestAvailableEncryption(b"x")),
        "encrypted with a pass phrase",
    ),
    "a public key": (
        lambda key: key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "expected a section",
    ),
    "DER": (
        lambda key: key.private_bytes(Encoding.DER, PKCS8, NoEncryption()),
        "expected a section",
    ),
    "UTF-16": (lambda key: pem(key).decode().encode("utf-16"), "expected a section"),
    "nothing": (lambda _: b"", "expected a section"),
    "zeros": (lambda _: bytes(3_000), "expected a section"),
    "half of it": (lambda key: pem(key)[:90], "is damaged"),
    "a letter that is none": (lambda key: pem(key).replace(b"MI", b"**", 1), "is damaged"),
}


def assert_not_told(key: ec.EllipticCurvePrivateKey, told: str) -> None:
    """See that no line of the key is repeated, whether as text or as numbers."""
    for form in (PKCS8, SEC1):
        for line in pem(key, form).splitlines()[1:-1]:
            for piece in (line[:12], line[-12:]):
                assert piece.decode() not in told
                assert str(list(piece)).strip("[]") not in told


@pytest.mark.parametrize("way", USED)
def test_a_key_is_read_in_every_form_that_tools_write(run: Run, site: Site, way: str) -> None:
    key = site.fleet.pki.acb.digital_signature.key
    (site.config.parent / "acb-ds-0.key").write_bytes(USED[way](key))
    run("check-config", "--config", site.config)


@pytest.mark.parametrize("way", REFUSED)
def test_what_stands_in_a_key_s_place_is_named(run: Run, site: Site, way: str) -> None:
    key = site.fleet.pki.acb.digital_signature.key
    change, said = REFUSED[way]
    (site.config.parent / "acb-ds-0.key").write_bytes(change(key))
    told = run("check-config", "--config", site.config, expected=2)
    assert said in told.err
    assert "acb-ds-0." in told.err
    assert_not_told(key, told.out + told.err)


@pytest.mark.parametrize("lost", [b"", b" "])
@pytest.mark.parametrize("form", [PKCS8, SEC1])
def test_a_key_in_a_certificate_s_place_is_not_repeated(
    run: Run, site: Site, form: PrivateFormat, lost: bytes
) -> None:
    """Nor is one whose line breaks are lost, as they are where a variable carried it."""
    key = site.fleet.pki.acb.digital_signature.key
    for octets in (pem(key, form).replace(b"\n", lost), pem(key, form)):
        (site.config.parent / "acb-ds-0.pem").write_bytes(octets)
        for command in (("check-config",), ("run", "--until-idle")):
            told = run(*command, "--config", site.config, expected=2)
            assert_not_told(key, told.out + told.err)
            assert "acb-ds-0.pem: " in told.err
            assert "PEM section" in told.err


def test_a_certificate_in_a_key_s_place_is_named(run: Run, site: Site) -> None:
    folder = site.config.parent
    (folder / "acb-ds-0.key").write_bytes((folder / "acb-ds-0.pem").read_bytes())
    told = run("check-config", "--config", site.config, expected=2).err
    assert "acb-ds-0.key holds no PEM private key; expected a section" in told
