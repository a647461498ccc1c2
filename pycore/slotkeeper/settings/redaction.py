"""What of the settings is shown to nobody: passwords, tokens, keys pasted in place of paths."""

import re
from typing import Any

HIDDEN = "(set, not shown)"

_SECRET_KEYS = re.compile(r"password|secret|token|oauth|credential|passphrase", re.IGNORECASE)
_PATHS = re.compile(r"_file$")
"""``sasl_oauth_token_file`` names a file; what is in it is the secret."""

_SECRET_PARTS = re.compile(r"(pin-value=)[^&;]+|(//)[^/@]*(?=@)")
"""A PIN in a PKCS#11 URI (RFC 7512), and user and password in an address."""

_CONTENT = re.compile(r"-----BEGIN|[\r\n]")
"""The text of a file where its path is wanted."""


def redacted(value: Any, key: str = "") -> Any:  # noqa: ANN401  # settings are anything
    """Give the settings with every secret replaced.

    A password may be a number, a list, or a truth value in the file: whatever stands under such a
    name is hidden.
    """
    if isinstance(value, dict):
        return {name: redacted(member, name) for name, member in value.items()}
    if value in (None, "") or value == []:
        return value
    if _SECRET_KEYS.search(key) and not _PATHS.search(key):
        return HIDDEN
    if isinstance(value, list):
        return [redacted(member, key) for member in value]
    return _without_secrets(value) if isinstance(value, str) else value


def _without_secrets(text: str) -> str:
    if is_content(text):
        return HIDDEN
    return _SECRET_PARTS.sub(lambda found: f"{found[1] or found[2]}{HIDDEN}", text)


def is_content(text: str) -> bool:
    """Say whether somebody pasted the text of a file where its path is wanted."""
    return bool(_CONTENT.search(text))
