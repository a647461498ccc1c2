"""What the policy of the rule needs of the ACB: its certificates, and never its keys."""

from collections.abc import Iterable
from pathlib import Path

from cryptography import x509

from slotkeeper.errors import ConfigurationError


def key_identifiers(files: Iterable[str]) -> frozenset[str]:
    """Give the subject key identifiers of PEM certificates, lower-case hexadecimal.

    Raises:
        ConfigurationError: One cannot be used.
    """
    return frozenset(map(_key_identifier, files))


def _key_identifier(file: str) -> str:
    try:
        certificate = x509.load_pem_x509_certificate(Path(file).read_bytes())
        identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except (OSError, ValueError, x509.ExtensionNotFound, x509.DuplicateExtension) as error:
        raise ConfigurationError(f"{file} cannot be used: {error}") from None
    return identifier.value.digest.hex()
