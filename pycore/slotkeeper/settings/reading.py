"""Reads the configuration file and the files that it names."""

import base64
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from slotkeeper.errors import ConfigurationError

DEFAULT_FILE = "slotkeeper.toml"

LARGEST = 16 << 20
"""Octets of a file that the settings name: a list of 700,000 identities, and of anything else far
more than it can need. Another path may lead to a store, or to a device that never ends."""


def read_file(file: Path | None) -> dict[str, Any]:
    """Read a TOML file, its paths taken from its folder.

    Raises:
        ConfigurationError: It cannot be read, or is no TOML.
    """
    path = file or Path(DEFAULT_FILE)
    if file is None and not path.exists():
        return {}
    try:
        raw = tomllib.loads(read_text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path} is no TOML: {error}") from None
    _resolve(raw, path.resolve().parent)
    return raw


def _resolve(raw: dict[str, Any], folder: Path) -> None:
    """Take the file's relative paths from the file's folder; ill-typed values are left alone."""
    streams = raw.get("streams")
    if isinstance(streams, str) and streams.startswith("sqlite:///"):
        raw["streams"] = f"sqlite:///{folder / streams.removeprefix('sqlite:///')}"
    for holder, key in _path_members(raw):
        value = holder.get(key)
        if isinstance(value, str) and value and not value.startswith("pkcs11:"):
            holder[key] = str(folder / value)
        elif isinstance(value, list):
            holder[key] = [str(folder / one) if isinstance(one, str) else one for one in value]


def _path_members(raw: dict[str, Any]) -> Iterable[tuple[dict[str, Any], str]]:
    """Give every table of the file with the name of a member that holds a path."""
    for section, key in (
        ("verify", "issuing_certificates"),
        ("audit", "key"),
        ("evidence", "certificate"),
        ("evidence", "key"),
        ("parties", "network_operators"),
        ("adjustments", "signers"),
        ("kafka", "witness"),
        ("kafka", "ssl_cafile"),
        ("kafka", "ssl_certfile"),
        ("kafka", "ssl_keyfile"),
        ("kafka", "sasl_oauth_token_file"),
        ("snapshot", "directory"),
        ("sqlite", "witness"),
        ("console", "proxy_key"),
        ("console", "persons"),
    ):
        if isinstance(table := raw.get(section), dict):
            yield table, key
    acb = raw.get("acb")
    for usage in ("digital_signature", "key_agreement"):
        pairs = acb.get(usage) if isinstance(acb, dict) else None
        for pair in pairs if isinstance(pairs, list) else ():
            if isinstance(pair, dict):
                yield pair, "certificate"
                yield pair, "key"


def certificates(path: Path) -> list[bytes]:
    """Give the DER of every certificate in a PEM file; what they say is the engine's to judge.

    Raises:
        ConfigurationError: The file cannot be read, or holds none.
    """
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    blocks = [part.partition(end) for part in read(path).split(begin)[1:]]
    try:
        found = [base64.b64decode(body, validate=False) for body, closed, _ in blocks if closed]
    except ValueError:
        found = []
    if not found:
        raise ConfigurationError(f"{path} holds no PEM certificate")
    return found


def read_text(path: Path) -> str:
    """Read a text that the settings name, with or without a byte order mark.

    Raises:
        ConfigurationError: It cannot be read, or is not UTF-8; the message names the line.
    """
    octets = read(path)
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{path} is not UTF-8: line {line} has the octet {octets[error.start]:02x}, as other "
            "encodings write a letter with an accent. Save it as UTF-8"
        ) from None


def read(path: Path) -> bytes:
    """Read a file that the settings name.

    Raises:
        ConfigurationError: It cannot be read, or is no such file.
    """
    try:
        with path.open("rb") as file:
            octets = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        # A value error: a path with a null character, which no file has.
        why = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"{shown(path)} cannot be read: {why}") from None
    if len(octets) > LARGEST:
        raise ConfigurationError(f"{path} is larger than {LARGEST >> 20} MiB; check the path")
    return octets


def shown(path: Path | str) -> str:
    """Give a path for a message; what was pasted in place of a path is not repeated.

    A private key whose text stands where its path should be is seen in practice, and an error
    message ends in logs.
    """
    text = str(path)
    if "-----BEGIN" in text or "\n" in text:
        return "what stands there is the text of a key or certificate, not a path: it"
    return text
