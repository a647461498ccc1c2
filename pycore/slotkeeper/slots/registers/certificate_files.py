"""Files of certificates and revocation lists, PEM or DER."""

import re
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from .asserted import Asserted, written
from .certificate import NO_CERTIFICATE
from .certificate_rows import Known, Told, certificate_told, key_of
from .kinds import Held
from .records import RefusedError
from .uniting import UNDATED

MAX_FILE = 64 << 20
"""Octets of such a file, which is read as a whole: some 50,000 certificates."""

SUFFIXES = (".pem", ".der", ".cer", ".crt", ".crl", ".xml")
"""Of the files in a folder that are read; others, such as keys, are left alone."""

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----[^-]*-----END \1-----")


def pem_rows(
    octets: bytes, default: Asserted, known: Known
) -> Iterator[tuple[int, Told | RefusedError]]:
    """Read each block of a PEM file; a revocation list gives a row for each entry."""
    blocks = list(_BLOCK.finditer(octets))
    row = 0
    if len(blocks) < octets.count(b"-----BEGIN "):
        row += 1
        yield row, RefusedError("a PEM block that is not whole")
    for block in blocks:
        match block[1]:
            case b"CERTIFICATE":
                row += 1
                yield row, _certificate(block[0], default, known)
            case b"X509 CRL":
                for one in _revoked(block[0], known, pem=True):
                    row += 1
                    yield row, one
            case _:
                # Nothing of it is shown: it may be a private key.
                row += 1
                yield row, RefusedError("neither a certificate nor a revocation list")


def der_rows(
    octets: bytes, default: Asserted, known: Known
) -> Iterator[tuple[int, Told | RefusedError]]:
    """Read a certificate or a revocation list."""
    try:
        x509.load_der_x509_crl(octets)
    except NO_CERTIFICATE:
        yield 1, _certificate(octets, default, known)
    else:
        yield from enumerate(_revoked(octets, known, pem=False), start=1)


def _certificate(octets: bytes, default: Asserted, known: Known) -> Told | RefusedError:
    try:
        if octets.startswith(b"-----"):
            parsed = x509.load_pem_x509_certificate(octets)
            octets = parsed.public_bytes(Encoding.DER)
        return certificate_told(octets, {}, default, known, from_repository=False)
    except RefusedError as refused:
        return refused
    except NO_CERTIFICATE as error:
        return RefusedError(f"no certificate: {error}")


def _revoked(octets: bytes, known: Known, *, pem: bool) -> Iterator[Told | RefusedError]:
    try:
        read = x509.load_pem_x509_crl if pem else x509.load_der_x509_crl
        listed = read(octets)
        _require_anchor(listed, known)
        issuer = listed.issuer.rfc4514_string()
        at = Asserted(_made(listed, known), f"CRL of {issuer}")
    except RefusedError as refused:
        yield refused
        return
    except (*NO_CERTIFICATE, IndexError) as error:
        yield RefusedError(f"no revocation list: {error}")
        return
    for entry in listed:
        try:
            told = _entry(entry, issuer, at)
        except RefusedError as refused:
            yield refused
        except NO_CERTIFICATE as error:
            yield RefusedError(f"no entry of a revocation list: {error}")
        else:
            if told is not None:
                yield told


def _entry(entry: x509.RevokedCertificate, issuer: str, at: Asserted) -> Told | None:
    for extension in entry.extensions:
        if isinstance(extension.value, x509.CertificateIssuer):
            raise RefusedError("an indirect revocation list")
        if (
            isinstance(extension.value, x509.CRLReason)
            and extension.value.reason is x509.ReasonFlags.remove_from_crl
        ):
            return None
    day = entry.revocation_date_utc.date().isoformat()
    key = key_of(issuer, f"{entry.serial_number:X}")
    return Told(key, {f"{UNDATED}/{day}/CRL": Held({"code": "R"}, *at)})


def _made(listed: x509.CertificateRevocationList, known: Known) -> str:
    at = written(listed.last_update_utc)
    if at > known.latest:
        raise RefusedError("the list was made in the future")
    return at


def _require_anchor(listed: x509.CertificateRevocationList, known: Known) -> None:
    """Refuse a list that no configured authority signed; see `Known.anchors`."""
    if not known.anchors:
        return
    for anchor in known.anchors:
        try:
            if anchor.subject == listed.issuer and listed.is_signature_valid(anchor.public_key()):  # type: ignore[arg-type]
                return
        except (TypeError, ValueError):
            continue
    raise RefusedError("no authority of verify.issuing_certificates has signed the list")
