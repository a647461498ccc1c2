"""What the policy of the rule needs of the ACB: its certificates, and never its keys."""

from collections.abc import Iterable

from cryptography import x509

from slotkeeper.errors import ConfigurationError


def key_identifiers(certificates: Iterable[tuple[str, bytes]]) -> frozenset[str]:
    """Give the subject key identifiers of PEM certificates, lower-case hexadecimal.

    Args:
        certificates: Each with the name of its file.

    Raises:
        ConfigurationError: One cannot be used.
    """
    return frozenset(_key_identifier(file, pem) for file, pem in certificates)


def _key_identifier(file: str, pem: bytes) -> str:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension) as error:
        raise ConfigurationError(f"{file} cannot be used: {error}") from None
    return identifier.value.digest.hex()
