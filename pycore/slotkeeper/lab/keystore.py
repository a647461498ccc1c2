"""Writes lab identities to files: keystore folders, and the ACB's keys with their settings."""

from __future__ import annotations

from base64 import encodebytes
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from slotkeeper.lab.pki import Credential, Device, Organisation

__all__ = ["pem", "write_credential", "write_keystore", "write_settings"]

_PRIVATE_MODE = 0o600


def write_keystore(folder: Path, identities: Iterable[Organisation | Device]) -> None:
    """Write ``<eui64>-ds`` and ``-ka`` certificates and keys of each identity into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for identity in identities:
        write_credential(folder, f"{identity.eui.compact}-ds", identity.digital_signature)
        write_credential(folder, f"{identity.eui.compact}-ka", identity.key_agreement)


def write_settings(
    folder: Path,
    acb: Sequence[Organisation],
    *,
    retired: Sequence[Organisation] = (),
    streams: str = "",
    more: str = "",
) -> Path:
    """Write a ``slotkeeper.toml`` with the ACB's keys beside it.

    Args:
        folder: made where it is absent.
        acb: the generations of the ACB, newest first.
        retired: older generations of which only the certificates are known.
        streams: URL of the streams; left out where empty.
        more: further TOML, such as ``[verify]``.

    Returns:
        The path of ``slotkeeper.toml``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f'streams = "{streams}"'] if streams else []
    lines += ["[acb]", f'id = "{acb[0].eui}"']
    for age, generation in enumerate((*acb, *retired)):
        for table, name, credential in (
            ("digital_signature", f"acb-ds-{age}", generation.digital_signature),
            ("key_agreement", f"acb-ka-{age}", generation.key_agreement),
        ):
            write_credential(folder, name, credential)
            lines += [f"[[acb.{table}]]", f'certificate = "{name}.pem"']
            if age < len(acb):
                lines.append(f'key = "{name}.key"')
            else:
                (folder / f"{name}.key").unlink()
    settings = folder / "slotkeeper.toml"
    settings.write_text("\n".join([*lines, more, ""]), encoding="utf-8")
    return settings


def pem(certificate: bytes) -> bytes:
    """Write a certificate as PEM."""
    body = encodebytes(certificate).replace(b"\n", b"")
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return b"\n".join((b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""))


def write_credential(folder: Path, name: str, credential: Credential) -> None:
    """Write ``<name>.pem`` and ``<name>.key``, which only its owner may read."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.pem").write_bytes(pem(credential.certificate))
    key = folder / f"{name}.key"
    key.touch(mode=_PRIVATE_MODE)
    key.write_bytes(credential.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
