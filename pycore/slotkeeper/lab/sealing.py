"""Signatures and MACs, by the ``cryptography`` package.

KRP and device signatures are ECDSA on P-256 with SHA-256, raw ``r || s`` (GBCS 4.3.3). The
ACB-SMD MAC is a GMAC whose key comes from static ECDH and a single-step SHA-256 derivation;
identities and counter of the Grouping Header are part of key and nonce, so they must never repeat
with other content. Signatures are deterministic (RFC 6979): one seed gives the same octets again.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from slotkeeper.lab.certificates import public_key
from slotkeeper.lab.envelope import MAC_OCTETS, SIGNATURE_OCTETS, Envelope

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )

__all__ = ["mac", "mac_is_true", "sign", "signature_is_true", "signed_and_maced"]

# AlgorithmID of AES-GCM-128 in the key derivation's OtherInfo (GBCS 4.3.3.2).
_AES_GCM_128 = bytes.fromhex("60857406080300")
_KEY_DERIVATION_ROUND = bytes.fromhex("00000001")
# Security control 11, then the five empty fields of general-ciphering.
_AAD_PREFIX = bytes.fromhex("110000000000")
_TRANSACTION_ID_LENGTH = b"\x09"
_MAC_KEY_OCTETS = 16
_SIGNING = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
_VERIFYING = ec.ECDSA(hashes.SHA256())
_HALF = SIGNATURE_OCTETS // 2


def sign(envelope: Envelope, key: EllipticCurvePrivateKey) -> bytes:
    """Make the 64 octets of a KRP or device signature."""
    r, s = decode_dss_signature(key.sign(envelope.signed_octets(), _SIGNING))
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def signature_is_true(envelope: Envelope, key: EllipticCurvePublicKey) -> bool:
    """Tell whether the message bears that key's signature; False where it bears none."""
    if not envelope.signature:
        return False
    r, s = (
        int.from_bytes(half, "big")
        for half in (envelope.signature[:_HALF], envelope.signature[_HALF:])
    )
    try:
        key.verify(encode_dss_signature(r, s), envelope.signed_octets(), _VERIFYING)
    except InvalidSignature:
        return False
    return True


def mac(envelope: Envelope, own: EllipticCurvePrivateKey, peer: EllipticCurvePublicKey) -> bytes:
    """Make the 12 octets of the MAC between two key agreement keys, of which one is private."""
    identity = b"".join(
        (
            envelope.originator,
            _TRANSACTION_ID_LENGTH,
            bytes((envelope.cra,)),
            envelope.counter.to_bytes(8, "big"),
            envelope.recipient,
        )
    )
    shared = _shared_secret(own, peer.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    key = hashlib.sha256(_KEY_DERIVATION_ROUND + shared + _AES_GCM_128 + identity).digest()
    nonce = envelope.originator + bytes(4)
    tag = AESGCM(key[:_MAC_KEY_OCTETS]).encrypt(nonce, b"", _AAD_PREFIX + envelope.maced_octets())
    return tag[:MAC_OCTETS]


@functools.lru_cache(maxsize=4_096)
def _shared_secret(own: EllipticCurvePrivateKey, peer: bytes) -> bytes:
    """Agree on a secret; a device and the ACB have the same one for every message."""
    return own.exchange(ec.ECDH(), public_key(peer))


def mac_is_true(
    envelope: Envelope, own: EllipticCurvePrivateKey, peer: EllipticCurvePublicKey
) -> bool:
    """Tell whether the message bears that MAC; False where it bears none."""
    return envelope.mac is not None and hmac.compare_digest(envelope.mac, mac(envelope, own, peer))


def signed_and_maced(
    envelope: Envelope,
    signer: EllipticCurvePrivateKey,
    own: EllipticCurvePrivateKey,
    peer: EllipticCurvePublicKey,
) -> Envelope:
    """Give a command its KRP signature, then its MAC."""
    signed = envelope.signed(sign(envelope, signer))
    return signed.maced(mac(signed, own, peer))
